// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/gaussian_classes.hpp
/// Gaussian classes with a label channel: the two steps of EM, and where they start.
#ifndef LIMPID_TRANSITION_DETAIL_GAUSSIAN_CLASSES_HPP
#define LIMPID_TRANSITION_DETAIL_GAUSSIAN_CLASSES_HPP

#include <limpid/core/random.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/simd/linear.hpp>
#include <limpid/simd/math.hpp>
#include <limpid/transition/detail/spread_seeds.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition::detail {

struct gaussian_classes_options {
  bool diagonal, instance;
  double ridge, smoothing, penalty;
};

inline constexpr std::size_t rows_at_once = 64;

/// Rows first, first + 1, ... in double: count x d.
template <class T, memory_space S>
void widen_rows(matrix_view<T const, S> x, std::size_t first, std::size_t count, double* to) {
  for (std::size_t r = 0; r < count; ++r)
    for (std::size_t c = 0; c < x.cols; ++c)
      to[r * x.cols + c] = static_cast<double>(x(first + r, c));
}

/// log P(given | true = k, x) of a row: from T, or from K logistic regressions.
template <class T, memory_space S>
struct channel_of_row {
  matrix_view<T const, S> x;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> log_t;         ///< K x K; no data with instance-dependent noise
  matrix_view<double const, S> coefficients;  ///< K K x (d + 1)

  LIMPID_HD double logit(std::size_t i, std::size_t row) const {
    double z = coefficients(row, x.cols);
    for (std::size_t c = 0; c < x.cols; ++c)
      z += coefficients(row, c) * static_cast<double>(x(i, c));
    return z;
  }
  /// log sum of exp of the logits of class k.
  LIMPID_HD double log_total(std::size_t i, std::size_t k, std::size_t classes) const {
    double top = logit(i, k * classes), sum = 1;
    for (std::size_t j = 1; j < classes; ++j) {
      double const z = logit(i, k * classes + j);
      if (z > top) {
        sum = sum * std::exp(top - z) + 1;
        top = z;
      } else {
        sum += std::exp(z - top);
      }
    }
    return top + std::log(sum);
  }
  LIMPID_HD double operator()(std::size_t i, std::size_t k, std::size_t classes) const {
    if (y[i] < 0) return 0;
    auto const label = static_cast<std::size_t>(y[i]);
    if (log_t.data) return log_t(k, label);
    return logit(i, k * classes + label) - log_total(i, k, classes);
  }
};

/// for_rows: responsibilities and the row's log-likelihood.
template <class T, memory_space S>
struct expect_rows {
  channel_of_row<T, S> channel;
  matrix_view<double const, S> mean,
      factor;  ///< factor: K blocks of the inverse triangle, or K x d of 1 / deviation
  vector_view<double const, S> constant;  ///< K, log prior - log det / 2 - d log(2 pi) / 2
  bool diagonal, labels;
  matrix_view<double, S> out;
  vector_view<double, S> likelihood;

  LIMPID_HD double density(std::size_t i, std::size_t k) const {
    std::size_t const d = mean.cols;
    double squares = 0;
    for (std::size_t a = 0; a < d; ++a) {
      double z = 0;
      if (diagonal) {
        z = factor(k, a) * (static_cast<double>(channel.x(i, a)) - mean(k, a));
      } else {
        for (std::size_t b = 0; b <= a; ++b)
          z += factor(k * d + a, b) * (static_cast<double>(channel.x(i, b)) - mean(k, b));
      }
      squares += z * z;
    }
    return constant[k] - squares / 2;
  }
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const classes = out.cols;
    double top = 0, sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double const z = density(i, k) + (labels ? channel(i, k, classes) : 0.0);
      out(i, k) = z;
      if (k == 0 || z > top) top = z;
    }
    for (std::size_t k = 0; k < classes; ++k) sum += out(i, k) = std::exp(out(i, k) - top);
    for (std::size_t k = 0; k < classes; ++k) out(i, k) /= sum;
    likelihood[i] = top + std::log(sum);
  }

  void rows(std::size_t begin, std::size_t end) const {
    std::size_t const d = mean.cols, classes = out.cols;
    if (diagonal) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i);
      return;
    }
    // factor (x - mean) of a tile is one product per class
    std::vector<lanes::packed_weights<double>> turned;
    turned.reserve(classes);
    std::vector<double> shift(d), x(rows_at_once * d), z(rows_at_once * d),
        score(rows_at_once * classes);
    for (std::size_t k = 0; k < classes; ++k) {
      for (std::size_t a = 0; a < d; ++a) {
        shift[a] = 0;
        for (std::size_t b = 0; b <= a; ++b) shift[a] -= factor(k * d + a, b) * mean(k, b);
      }
      turned.emplace_back(&factor(k * d, 0), static_cast<std::size_t>(factor.row_stride),
                          shift.data(), d, d);
    }
    for (std::size_t first = begin; first < end; first += rows_at_once) {
      std::size_t const count = end - first < rows_at_once ? end - first : rows_at_once;
      widen_rows(channel.x, first, count, x.data());
      for (std::size_t k = 0; k < classes; ++k) {
        turned[k].rows(x.data(), d, count, z.data(), d);
        for (std::size_t r = 0; r < count; ++r) {
          double squares = 0;
          for (std::size_t a = 0; a < d; ++a) squares += z[r * d + a] * z[r * d + a];
          score[r * classes + k] =
              constant[k] - squares / 2 + (labels ? channel(first + r, k, classes) : 0.0);
        }
      }
      for (std::size_t r = 0; r < count; ++r) {
        double* const of = score.data() + r * classes;
        double top = of[0];
        for (std::size_t k = 1; k < classes; ++k) top = of[k] > top ? of[k] : top;
        for (std::size_t k = 0; k < classes; ++k) of[k] -= top;
        likelihood[first + r] = top;
      }
      lanes::exp(static_cast<double const*>(score.data()), score.data(), count * classes);
      for (std::size_t r = 0; r < count; ++r) {
        double sum = 0;
        for (std::size_t k = 0; k < classes; ++k) sum += score[r * classes + k];
        for (std::size_t k = 0; k < classes; ++k) out(first + r, k) = score[r * classes + k] / sum;
        likelihood[first + r] += std::log(sum);
      }
    }
  }
};

/// sum_rows: per class its weight, the sums of x, and of products (or squares) of x; then rows by
/// class and label.
template <class T, memory_space S>
struct class_moments {
  matrix_view<T const, S> x;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> r;
  bool products;
  static constexpr std::size_t width(std::size_t d, bool products) {
    return 1 + d + (products ? d * (d + 1) / 2 : d);
  }
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const d = x.cols, classes = r.cols, block = width(d, products);
    for (std::size_t k = 0; k < classes; ++k) {
      double const w = r(i, k);
      if (w < 1e-15) continue;
      double* at = sums + k * block;
      *at++ += w;
      for (std::size_t a = 0; a < d; ++a) at[a] += w * static_cast<double>(x(i, a));
      at += d;
      for (std::size_t a = 0; a < d; ++a) {
        double const v = w * static_cast<double>(x(i, a));
        if (products)
          for (std::size_t b = 0; b <= a; ++b) *at++ += v * static_cast<double>(x(i, b));
        else
          *at++ += v * static_cast<double>(x(i, a));
      }
      if (y[i] >= 0) sums[classes * block + k * classes + static_cast<std::size_t>(y[i])] += w;
    }
  }

  void rows(std::size_t begin, std::size_t end, double* sums) const {
    std::size_t const d = x.cols, classes = r.cols, block = width(d, products);
    if (!products) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i, sums);
      return;
    }
    std::vector<double> tile(rows_at_once * d), weighted(rows_at_once * d), outer(classes * d * d);
    for (std::size_t first = begin; first < end; first += rows_at_once) {
      std::size_t const count = end - first < rows_at_once ? end - first : rows_at_once;
      widen_rows(x, first, count, tile.data());
      for (std::size_t k = 0; k < classes; ++k) {
        double* const at = sums + k * block;
        std::size_t used = 0;  // rows with a weight, moved together
        for (std::size_t t = 0; t < count; ++t) {
          double const w = r(first + t, k);
          if (w < 1e-15) continue;
          std::int32_t const label = y[first + t];
          at[0] += w;
          if (label >= 0)
            sums[classes * block + k * classes + static_cast<std::size_t>(label)] += w;
          // w x x' = (sqrt(w) x) (sqrt(w) x)'
          double const root = std::sqrt(w);
          for (std::size_t a = 0; a < d; ++a) {
            at[1 + a] += w * tile[t * d + a];
            weighted[used * d + a] = root * tile[t * d + a];
          }
          ++used;
        }
        lanes::accumulate_outer(static_cast<double const*>(weighted.data()), d,
                                static_cast<double const*>(weighted.data()), d, used, d, d,
                                outer.data() + k * d * d, d);
      }
    }
    for (std::size_t k = 0; k < classes; ++k) {
      double* at = sums + k * block + 1 + d;
      for (std::size_t a = 0; a < d; ++a)
        for (std::size_t b = 0; b <= a; ++b) *at++ += outer[k * d * d + a * d + b];
    }
  }
};

/// sum_rows: the slope of the label channel's likelihood in its coefficients, K K x (d + 1); then
/// the mean of T(k, j | x).
template <class T, memory_space S>
struct channel_slope {
  channel_of_row<T, S> channel;
  matrix_view<double const, S> r;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const d = channel.x.cols, classes = r.cols;
    double* const mean = sums + classes * classes * (d + 1);
    for (std::size_t k = 0; k < classes; ++k) {
      double const w = r(i, k);
      if (w < 1e-15) continue;
      double const total = channel.log_total(i, k, classes);
      for (std::size_t j = 0; j < classes; ++j) {
        double const p = std::exp(channel.logit(i, k * classes + j) - total);
        mean[k * classes + j] += w * p;
        if (channel.y[i] < 0) continue;
        double const slope = w * ((static_cast<std::size_t>(channel.y[i]) == j ? 1.0 : 0.0) - p);
        double* const row = sums + (k * classes + j) * (d + 1);
        for (std::size_t c = 0; c < d; ++c) row[c] += slope * static_cast<double>(channel.x(i, c));
        row[d] += slope;
      }
    }
  }
};

/// for_rows: all of a row to the nearest seed.
template <class T, memory_space S>
struct join_seed {
  matrix_view<T const, S> x;
  matrix_view<double const, S> seeds;
  matrix_view<double, S> r;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t best = 0;
    double least = 0;
    for (std::size_t k = 0; k < seeds.rows; ++k) {
      double sum = 0;
      for (std::size_t c = 0; c < x.cols; ++c) {
        double const z = static_cast<double>(x(i, c)) - seeds(k, c);
        sum += z * z;
      }
      if (k == 0 || sum < least) best = k, least = sum;
    }
    for (std::size_t k = 0; k < seeds.rows; ++k) r(i, k) = k == best ? 1 : 0;
  }
};

/// for_rows: nine tenths of a row to its label.
template <memory_space S>
struct join_label {
  vector_view<std::int32_t const, S> y;
  matrix_view<double, S> r;
  LIMPID_HD void operator()(std::size_t i) const {
    double const even = 1 / static_cast<double>(r.cols);
    for (std::size_t k = 0; k < r.cols; ++k) r(i, k) = y[i] < 0 ? even : 0.1 * even;
    if (y[i] >= 0) r(i, static_cast<std::size_t>(y[i])) += 0.9;
  }
};

template <memory_space S>
struct add_likelihood {
  vector_view<double const, S> likelihood;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += likelihood[i]; }
};

/// x is standardised. maximise() and expect() in turn; everything small is on the host.
template <class Exec, class T>
class gaussian_classes {
  static constexpr auto S = Exec::space;

 public:
  gaussian_classes(Exec const& exec, matrix_view<T const, S> x,
                   vector_view<std::int32_t const, S> y, std::size_t classes,
                   gaussian_classes_options const& options)
      : exec_(exec),
        x_(x),
        y_(y),
        classes_(classes),
        options_(options),
        r_(exec, x.rows * classes),
        likelihood_(exec, x.rows) {}

  std::size_t rows() const { return x_.rows; }
  void use_labels(bool use) { labels_ = use; }

  void start_from_labels() {
    begin();
    ops::for_rows(exec_, x_.rows, join_label<S>{y_, r_.view(x_.rows, classes_)});
  }

  /// The rows nearest to each of K rows far from each other.
  void start_from_seeds(std::uint64_t seed, std::size_t start) {
    begin();
    random_stream draw(seed, static_cast<std::uint32_t>(start), 0);
    auto const seeds = spread_seeds(exec_, x_, classes_, draw);
    auto const there = ops::upload(exec_, seeds.view());
    ops::for_rows(exec_, x_.rows,
                  join_seed<T, S>{x_, there.view(classes_, x_.cols), r_.view(x_.rows, classes_)});
  }

  void maximise() {
    std::size_t const d = x_.cols;
    bool const products = !options_.diagonal || options_.instance;
    std::size_t const block = class_moments<T, S>::width(d, products);
    auto const sums = ops::sum_rows(exec_, x_.rows, classes_ * (block + classes_),
                                    class_moments<T, S>{x_, y_, posterior_view(), products});
    constant_ = vector<double>(classes_);
    for (std::size_t k = 0; k < classes_; ++k) shape_class(k, sums.data() + k * block, products);
    counts_ = matrix<double>(classes_, classes_);
    for (std::size_t c = 0; c < classes_ * classes_; ++c)
      counts_.data()[c] = sums[classes_ * block + c];
    if (!labels_) return;
    if (options_.instance)
      climb_channel(sums, block);
    else
      normalise_counts();
  }

  /// Responsibilities; returns the log-likelihood.
  double expect() {
    auto const mean = ops::upload(exec_, std::as_const(mean_).view());
    auto const factor = ops::upload(exec_, std::as_const(factor_).view());
    auto const constant = ops::upload(exec_, std::as_const(constant_).view());
    device_channel channel(*this);
    ops::for_rows(
        exec_, x_.rows,
        expect_rows<T, S>{channel.view(), mean.view(classes_, x_.cols),
                          factor.view(factor_.rows(), x_.cols), constant.view(), options_.diagonal,
                          labels_, r_.view(x_.rows, classes_), likelihood_.view()});
    return ops::sum_rows(exec_, x_.rows, 1, add_likelihood<S>{likelihood_.view()})[0];
  }

  /// Class k takes the name class_of[k].
  void rename(std::vector<std::size_t> const& class_of) {
    auto const from = posterior();
    matrix<double> to(from.rows(), classes_);
    for (std::size_t i = 0; i < from.rows(); ++i)
      for (std::size_t k = 0; k < classes_; ++k) to(i, class_of[k]) = from(i, k);
    ops::copy(exec_, std::as_const(to).view(), r_.view(x_.rows, classes_));
  }

  matrix<double> posterior() const { return ops::download(exec_, r_.view(x_.rows, classes_)); }
  matrix<double> const& label_counts() const { return counts_; }
  vector<double> const& prior() const { return prior_; }
  matrix<double> const& mean() const { return mean_; }
  matrix<double> const& covariance() const { return covariance_; }
  matrix<double> coefficients() const {
    return options_.instance ? coefficients_ : matrix<double>{};
  }
  matrix<double> transition() const {
    if (options_.instance) return mean_transition_;
    matrix<double> t(classes_, classes_);
    for (std::size_t c = 0; c < classes_ * classes_; ++c) t.data()[c] = std::exp(log_t_.data()[c]);
    return t;
  }

 private:
  void begin() {
    std::size_t const d = x_.cols;
    labels_ = true;
    prior_ = vector<double>(classes_, 1 / static_cast<double>(classes_));
    mean_ = matrix<double>(classes_, d);
    factor_ = matrix<double>(options_.diagonal ? classes_ : classes_ * d, d);
    covariance_ = factor_;
    coefficients_ = matrix<double>(options_.instance ? classes_ * classes_ : 0, d + 1);
    log_t_ = matrix<double>(classes_, classes_, -std::log(static_cast<double>(classes_)));
    mean_transition_ = matrix<double>(classes_, classes_, 1 / static_cast<double>(classes_));
    for (std::size_t k = 0; options_.instance && k < classes_;
         ++k)  // four fifths right, wherever x is
      coefficients_(k * classes_ + k, d) = std::log(4.0 * static_cast<double>(classes_));
  }

  matrix_view<double const, S> posterior_view() const { return r_.view(x_.rows, classes_); }

  /// Prior, mean, covariance and its factor from a class's sums. A class without weight keeps its
  /// shape.
  void shape_class(std::size_t k, double const* sums, bool products) {
    constexpr double log_two_pi = 1.8378770664093454836;
    std::size_t const d = x_.cols;
    double const w = *sums++, floor = 1e-300;
    prior_[k] = w / static_cast<double>(x_.rows);
    double half_log_det = 0;
    if (w > 0)
      for (std::size_t a = 0; a < d; ++a) mean_(k, a) = sums[a] / w;
    sums += d;
    auto const second = [&](std::size_t a, std::size_t b) {  // b <= a
      return sums[products ? a * (a + 1) / 2 + b : a] / (w > floor ? w : 1) -
             mean_(k, a) * mean_(k, b);
    };
    if (options_.diagonal) {
      for (std::size_t a = 0; a < d; ++a) {
        double const variance = (w > floor ? (std::max)(second(a, a), 0.0) : 1.0) + options_.ridge;
        covariance_(k, a) = variance;
        factor_(k, a) = 1 / std::sqrt(variance);
        half_log_det += std::log(variance) / 2;
      }
    } else {
      matrix<double> s(d, d);
      for (std::size_t a = 0; a < d; ++a)
        for (std::size_t b = 0; b <= a; ++b)
          s(a, b) = s(b, a) = (w > floor ? second(a, b) : a == b) + (a == b ? options_.ridge : 0.0);
      for (std::size_t a = 0; a < d; ++a)
        for (std::size_t b = 0; b < d; ++b) covariance_(k * d + a, b) = s(a, b);
      matrix<double> l = s;
      for (double more = options_.ridge; !ops::cholesky(l);
           more *= 10) {  // rounding alone can do this
        l = s;
        for (std::size_t a = 0; a < d; ++a) l(a, a) += more;
      }
      for (std::size_t a = 0; a < d; ++a) half_log_det += std::log(l(a, a));
      ops::invert_lower(l);
      for (std::size_t a = 0; a < d; ++a)
        for (std::size_t b = 0; b <= a; ++b) factor_(k * d + a, b) = l(a, b);
    }
    constant_[k] = std::log((std::max)(prior_[k], floor)) - half_log_det -
                   static_cast<double>(d) * log_two_pi / 2;
  }

  void normalise_counts() {
    for (std::size_t k = 0; k < classes_; ++k) {
      double total = 0;
      for (std::size_t j = 0; j < classes_; ++j) total += counts_(k, j) + options_.smoothing;
      for (std::size_t j = 0; j < classes_; ++j)
        log_t_(k, j) =
            total > 0 ? std::log((std::max)((counts_(k, j) + options_.smoothing) / total, 1e-300))
                      : -std::log(static_cast<double>(classes_));
    }
  }

  /// A step that cannot lower the penalised likelihood: the Hessian is at most half the moments of
  /// (x, 1) (Boehning 1992).
  void climb_channel(std::vector<double> const& moments, std::size_t block) {
    std::size_t const d = x_.cols, width = d + 1;
    device_channel channel(*this);
    auto const slope = ops::sum_rows(exec_, x_.rows, classes_ * classes_ * (width + 1),
                                     channel_slope<T, S>{channel.view(), posterior_view()});
    for (std::size_t k = 0; k < classes_; ++k) {
      double const* const m = moments.data() + k * block;
      matrix<double> bound(width, width);
      for (std::size_t a = 0; a < d; ++a) {
        for (std::size_t b = 0; b <= a; ++b) bound(a, b) = m[1 + d + a * (a + 1) / 2 + b] / 2;
        bound(d, a) = m[1 + a] / 2;
      }
      bound(d, d) = m[0] / 2;
      for (std::size_t a = 0; a < width; ++a) bound(a, a) += options_.penalty;
      ops::cholesky(bound);
      double const weight = m[0];
      for (std::size_t j = 0; j < classes_; ++j) {
        double const* const g = slope.data() + (k * classes_ + j) * width;
        vector<double> step(width);
        for (std::size_t a = 0; a < width; ++a) {
          double sum = g[a] - options_.penalty * coefficients_(k * classes_ + j, a);
          for (std::size_t c = 0; c < a; ++c) sum -= bound(a, c) * step[c];
          step[a] = sum / bound(a, a);
        }
        for (std::size_t a = width; a-- > 0;) {
          for (std::size_t c = a + 1; c < width; ++c) step[a] -= bound(c, a) * step[c];
          step[a] /= bound(a, a);
        }
        for (std::size_t a = 0; a < width; ++a) coefficients_(k * classes_ + j, a) += step[a];
        mean_transition_(k, j) =
            weight > 1e-300 ? slope[classes_ * classes_ * width + k * classes_ + j] / weight
                            : 1 / static_cast<double>(classes_);
      }
    }
  }

  /// The label channel's numbers in the policy's memory.
  struct device_channel {
    explicit device_channel(gaussian_classes const& m)
        : model(m),
          numbers(ops::upload(m.exec_,
                              m.options_.instance ? m.coefficients_.view() : m.log_t_.view())) {}
    channel_of_row<T, S> view() const {
      std::size_t const classes = model.classes_;
      channel_of_row<T, S> out{model.x_, model.y_, {}, {}};
      if (model.options_.instance)
        out.coefficients = numbers.view(classes * classes, model.x_.cols + 1);
      else
        out.log_t = numbers.view(classes, classes);
      return out;
    }
    gaussian_classes const& model;
    ops::buffer<double, Exec> numbers;
  };

  Exec const& exec_;
  matrix_view<T const, S> x_;
  vector_view<std::int32_t const, S> y_;
  std::size_t classes_;
  gaussian_classes_options options_;
  ops::buffer<double, Exec> r_, likelihood_;
  bool labels_ = true;
  vector<double> prior_, constant_;
  matrix<double> mean_, factor_, covariance_, counts_, log_t_, coefficients_, mean_transition_;
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_GAUSSIAN_CLASSES_HPP
