// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/noisy_sums.hpp
/// Sums of kernels under noise: the fast tiles where the expectation is a kernel of the same
/// family, pair by pair elsewhere.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_NOISY_SUMS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_NOISY_SUMS_HPP

#include <limpid/kernel_mean/detail/corruption.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail {

using family_of_noise = corruption_model::family;

/// A kernel with a closed form under noise, as the sum of its parts.
struct part_of_sum {
  kernel_part kernel;
  double factor = 1;

  bool gaussian() const { return kernel.kind == kernel_part::family::gaussian; }
  /// (scale x.z + offset)^degree.
  double scale() const { return kernel.kind == kernel_part::family::linear ? 1 : kernel.gamma; }
  double offset() const { return kernel.kind == kernel_part::family::linear ? 0 : kernel.offset; }
  unsigned degree() const { return kernel.kind == kernel_part::family::linear ? 1 : kernel.degree; }
  bool at_most_quadratic() const { return !gaussian() && degree() <= 2; }
  kernel_function function() const {
    return gaussian() ? kernels::gaussian(kernel.gamma)
                      : kernels::polynomial(degree(), scale(), offset());
  }
};

inline std::vector<part_of_sum> parts_of_sum(std::string_view where, kernel_function const& k,
                                             unsigned highest = most_degree) {
  using limpid::detail::require;
  check_kernel(where, k);
  std::vector<part_of_sum> out;
  for (unsigned p = 0; p < (k.is_combination() ? k.count : 1); ++p) {
    bool const product = k.is_combination() && (k.parts[p].times || k.normalised);
    part_of_sum part;
    part.kernel = k.is_combination() ? k.parts[p] : static_cast<kernel_part const&>(k);
    part.factor = k.is_combination() ? k.parts[p].factor : 1;
    using family = kernel_part::family;
    bool const known = part.kernel.kind == family::linear || part.gaussian() ||
                       part.kernel.kind == family::polynomial;
    require(known && !product, where,
            "the kernel has no closed form here; take a linear, polynomial or gaussian one, or a "
            "sum of these");
    require(part.gaussian() || part.degree() <= highest, where, "kernel degree is ", part.degree(),
            "; the closed form is there for 1 to ", highest);
    out.push_back(part);
  }
  return out;
}

/// Codes: 1 + the column of a negative entry.
template <class T, memory_space S>
struct negative_fault {
  matrix_view<T const, S> x;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < x.cols; ++c)
      if (x(i, c) < 0) return static_cast<int>(c) + 1;
    return 0;
  }
};

/// level: looked at instead of the noise's own.
inline void check_level(std::string_view where, corruption_model const& noise, double level) {
  using limpid::detail::require;
  using family = family_of_noise;
  bool const blanks = noise.kind == family::blank_out || noise.kind == family::blank_out_unbiased;
  std::string_view const name = noise.kind == family::gaussian  ? "variance"
                                : noise.kind == family::laplace ? "scale"
                                                                : "probability";
  if (noise.kind == family::poisson) return;
  double highest = noise.columns.empty() ? 1 : 0;
  for (double c : noise.columns) highest = c > highest ? c : highest;
  if (blanks)
    require(level >= 0 && level * highest < 1, where, "noise ", name, " is ",
            level < 0 ? level : level * highest, "; it must be in [0, 1)");
  else
    require(level >= 0 && level * highest - level * highest == 0, where, "noise ", name, " is ",
            level, "; it must be at least 0 and finite");
}

template <execution_policy P, class T>
void check_noise(P const& exec, std::string_view where, corruption_model const& noise,
                 matrix_view<T const, P::space> x, bool validate) {
  using limpid::detail::require;
  std::size_t const d = noise.columns.size();
  require(d == 0 || d == x.cols, where, "noise has ", d, " columns, x has ", x.cols);
  require(d == 0 || noise.kind != family_of_noise::poisson, where,
          "Poisson noise takes no columns: its variance is the entry itself");
  for (std::size_t c = 0; c < d; ++c)
    require(noise.columns[c] >= 0 && noise.columns[c] - noise.columns[c] == 0, where,
            "noise column ", c, " is ", noise.columns[c], "; it must be at least 0 and finite");
  if (noise.level) check_level(where, noise, *noise.level);
  if (!validate) return;
  ops::check_finite(exec, where, "x", x);
  if (noise.kind != family_of_noise::poisson) return;
  auto const fault = ops::first_row(exec, x.rows, negative_fault<T, P::space>{x});
  if (!fault.code) return;
  auto const row = ops::download(exec, x.row(fault.row));
  auto const c = static_cast<std::size_t>(fault.code - 1);
  limpid::detail::fail(where, ": x row ", fault.row, " column ", c, " is ",
                       static_cast<double>(row[c]), "; Poisson noise needs entries of at least 0");
}

/// Sums of a column's entries and of their squares, of rows weighted beta.
template <class T, memory_space S>
struct add_powers {
  matrix_view<T const, S> x;
  vector_view<double const, S> beta;  ///< no data: all 1
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const b = beta.data ? beta[i] : 1;
    for (std::size_t c = 0; c < x.cols; ++c) {
      auto const v = static_cast<double>(x(i, c));
      sums[c] += b * v;
      sums[x.cols + c] += b * v * v;
    }
    sums[2 * x.cols] += b;
  }
};

/// What a quadratic kernel's sums need of the rows: sum beta, sum beta x_c, sum beta x_c^2.
struct column_powers {
  double weight = 0;
  vector<double> first, second;

  template <execution_policy P, class T>
  column_powers(P const& exec, matrix_view<T const, P::space> x,
                vector_view<double const, P::space> beta)
      : first(x.cols), second(x.cols) {
    auto const sums = ops::sum_rows(exec, x.rows, 2 * x.cols + 1, add_powers<T, P::space>{x, beta});
    for (std::size_t c = 0; c < x.cols; ++c) first[c] = sums[c], second[c] = sums[x.cols + c];
    weight = sums[2 * x.cols];
  }
  /// sum beta Var x~_c.
  double variance(entry_noise const& e, std::size_t c) const {
    auto const v = e.variance();
    return v.constant * weight + v.linear * first[c] + v.square * second[c];
  }
};

/// Level of column c.
inline entry_noise noise_at(corruption_model const& noise, double level, std::size_t c) {
  return {noise.kind, noise.columns.empty() ? level : level * noise.columns[c]};
}

/// Noise under which sums of a linear or quadratic kernel follow from those of the kernel itself.
inline bool keeps_quadratic(part_of_sum const& part, corruption_model const& noise) {
  return part.at_most_quadratic() &&
         (noise.columns.empty() || noise.kind != family_of_noise::blank_out);
}

/// sum_ij beta_i beta_j E k of a linear or quadratic kernel: one sweep for every noise and level.
template <execution_policy P, class T>
class quadratic_totals {
 public:
  /// beta without data: all 1.
  quadratic_totals(P const& exec, part_of_sum const& part, matrix_view<T const, P::space> x,
                   vector_view<double const, P::space> beta, progress const& told)
      : part_(part), powers_(exec, x, beta) {
    for (double m : powers_.first) products_ += m * m;
    if (part.degree() == 2)
      stopped_ = !inner(exec, kernels::polynomial(2, 1, 0), x, beta, x, beta, told, squares_);
    else
      stopped_ = told && !told(1);
  }
  bool stopped() const { return stopped_; }

  double operator()(corruption_model const& noise, double level, bool both) const {
    double const share = noise_at(noise, level, 0).mean_share();
    double const scale = part_.scale() * (both ? share * share : share), offset = part_.offset(),
                 ones = powers_.weight * powers_.weight;
    if (part_.degree() == 1) return part_.factor * (scale * products_ + offset * ones);
    double sum = scale * scale * squares_ + 2 * scale * offset * products_ + offset * offset * ones;
    for (std::size_t c = 0; c < powers_.first.size(); ++c) {
      entry_noise const e = noise_at(noise, level, c);
      double const variance = powers_.variance(e, c);
      sum += part_.scale() * part_.scale() * variance *
             (both ? 2 * e.mean_share() * e.mean_share() * powers_.second[c] + variance
                   : powers_.second[c]);
    }
    return part_.factor * sum;
  }

 private:
  part_of_sum part_;
  column_powers powers_;
  double products_ = 0, squares_ = 0;  ///< sum beta beta x.x', of its square
  bool stopped_ = false;
};

template <class T, memory_space S>
struct scale_columns {
  matrix_view<T const, S> from;
  vector_view<double const, S> by;
  matrix_view<T, S> to;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < from.cols; ++c)
      to(i, c) = static_cast<T>(by[c] * static_cast<double>(from(i, c)));
  }
};

/// out += factor (kernel sum + sum_c by_c z_c^2 + add).
template <class T, memory_space S>
struct add_sums {
  matrix_view<T const, S> queries;
  vector_view<double const, S> sums, by;  ///< by: no data = no squares
  double factor;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double s = sums[i];
    if (by.data)
      for (std::size_t c = 0; c < queries.cols; ++c) {
        auto const z = static_cast<double>(queries(i, c));
        s += by[c] * z * z;
      }
    out[i] += factor * s;
  }
};

/// One part under noise of one level.
template <execution_policy P, class T>
class noisy_part {
  static constexpr auto space = P::space;
  using points = matrix_view<T const, space>;
  using numbers = vector_view<double const, space>;

 public:
  noisy_part(P const& exec, part_of_sum const& part, corruption_model noise, double level)
      : exec_(exec),
        part_(part),
        noise_(std::move(noise)),
        level_(level),
        columns_(ops::upload(exec, std::as_const(noise_.columns).view())) {}

  /// The pair's expectation, for any row.
  noisy_kernel<space> functor(bool both) const {
    return {part_.gaussian(),
            part_.gaussian() ? part_.kernel.gamma : part_.scale(),
            part_.offset(),
            part_.degree(),
            noise_.kind,
            level_,
            noise_.columns.empty() ? numbers{} : numbers(columns_.view()),
            both};
  }

  /// out(q) += factor sum_i beta_i E k(x_i~, query q). False if stopped.
  bool add_to(points x, numbers beta, points queries, vector_view<double, space> out,
              progress const& told) const {
    auto const sums = ops::make_buffer<double>(exec_, queries.rows);
    auto const into = sums.view(queries.rows, 1);
    matrix_view<double const, space> const weights(beta.data, beta.size, 1, beta.stride, 1);
    double factor = part_.factor;
    auto by = ops::make_buffer<double>(exec_, 0);
    bool done;
    if (plain()) {
      done = ops::kernel_sums(exec_, part_.function(), queries, x, weights, into, &told);
    } else if (widens()) {
      wider_bell const wide(*this, x.cols, 1);
      factor *= wide.height;
      moved_rows const from(*this, wide, x), to(*this, wide, queries);
      done = ops::kernel_sums(exec_, kernels::gaussian(wide.gamma), to.rows, from.rows, weights,
                              into, &told);
    } else if (keeps_quadratic(part_, noise_)) {
      double const share = noise_at(noise_, level_, 0).mean_share();
      done = ops::kernel_sums(
          exec_, kernels::polynomial(part_.degree(), part_.scale() * share, part_.offset()),
          queries, x, weights, into, &told);
      if (part_.degree() == 2) {
        column_powers const powers(exec_, x, beta);
        vector<double> variance(x.cols);
        for (std::size_t c = 0; c < x.cols; ++c)
          variance[c] =
              part_.scale() * part_.scale() * powers.variance(noise_at(noise_, level_, c), c);
        by = ops::upload(exec_, std::as_const(variance).view());
      }
    } else {
      done = ops::kernel_sums(exec_, functor(false), queries, x, weights, into, &told);
    }
    if (!done) return false;
    ops::for_rows(exec_, queries.rows,
                  add_sums<T, space>{queries, sums.view(),
                                     by.size() ? numbers(by.view()) : numbers{}, factor, out});
    return true;
  }

  /// total = factor sum_ij beta_i beta_j E k(x_i~, x_j), or E k(x_i~, x_j~). False if stopped. beta
  /// without data: all 1.
  bool total(points x, numbers beta, bool both, progress const& told, double& out) const {
    double factor = part_.factor, sum = 0;
    bool done;
    if (keeps_quadratic(part_, noise_)) {
      quadratic_totals<P, T> const totals(exec_, part_, x, beta, told);
      out = totals(noise_, level_, both);
      return !totals.stopped();
    }
    if (plain()) {
      done = inner(exec_, part_.function(), x, beta, x, beta, told, sum);
    } else if (widens()) {
      wider_bell const wide(*this, x.cols, both ? 2 : 1);
      factor *= wide.height;
      moved_rows const at(*this, wide, x);
      done = inner(exec_, kernels::gaussian(wide.gamma), at.rows, beta, at.rows, beta, told, sum);
    } else {
      done = inner(exec_, functor(both), x, beta, x, beta, told, sum);
    }
    out = factor * sum;
    return done;
  }

  /// factor sum_i E k(x_i~, x_i), or with an independent copy of it.
  double trace(points x, bool both) const {
    if (widens())
      return part_.factor * static_cast<double>(x.rows) *
             wider_bell(*this, x.cols, both ? 2 : 1).height;
    return part_.factor *
           ops::sum_rows(exec_, x.rows, 1,
                         add_diagonal<noisy_kernel<space>, T, space>{functor(both), x})[0];
  }

 private:
  bool plain() const { return level_ == 0 && noise_.kind != family_of_noise::poisson; }
  bool widens() const { return part_.gaussian() && noise_.kind == family_of_noise::gaussian; }

  /// Normal noise widens a Gaussian: height exp(-gamma |x - z|^2), of rows with columns times
  /// `shares` where the noise differs between columns.
  struct wider_bell {
    double gamma, height;
    vector<double> shares;

    wider_bell(noisy_part const& of, std::size_t cols, double times)
        : gamma(of.part_.kernel.gamma), shares(of.noise_.columns.size()) {
      double const d = 2 * gamma * times;
      double log_height = 0;
      if (shares.empty()) {
        double const wider = 1 + d * of.level_;
        log_height = -0.5 * static_cast<double>(cols) * std::log(wider);
        gamma /= wider;
      }
      for (std::size_t c = 0; c < shares.size(); ++c) {
        double const wider = 1 + d * noise_at(of.noise_, of.level_, c).level;
        log_height -= 0.5 * std::log(wider);
        shares[c] = 1 / std::sqrt(wider);
      }
      height = std::exp(log_height);
    }
  };
  struct moved_rows {
    ops::buffer<T, P> copy;
    points rows;
    moved_rows(noisy_part const& of, wider_bell const& wide, points x)
        : copy(ops::make_buffer<T>(of.exec_, wide.shares.empty() ? 0 : x.rows * x.cols)), rows(x) {
      if (wide.shares.empty()) return;
      auto const by = ops::upload(of.exec_, wide.shares.view());
      auto const to = copy.view(x.rows, x.cols);
      ops::for_rows(of.exec_, x.rows, scale_columns<T, space>{x, by.view(), to});
      rows = to;
    }
  };

  P const& exec_;
  part_of_sum part_;
  corruption_model noise_;
  double level_;
  ops::buffer<double, P> columns_;
};

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_NOISY_SUMS_HPP
