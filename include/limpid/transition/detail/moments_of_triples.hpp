// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/moments_of_triples.hpp
/// T from the first three consensuses other than by likelihood: least squares, and in closed form.
#ifndef LIMPID_TRANSITION_DETAIL_MOMENTS_OF_TRIPLES_HPP
#define LIMPID_TRANSITION_DETAIL_MOMENTS_OF_TRIPLES_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/ops/lbfgs.hpp>
#include <limpid/transition/detail/assignment.hpp>
#include <limpid/transition/detail/symmetric_eigen.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace limpid::transition::detail {

/// The classes that some label names.
inline std::vector<std::size_t> present_classes(std::vector<std::uint8_t> const& seen) {
  std::vector<std::size_t> present;
  for (std::size_t k = 0; k < seen.size(); ++k)
    if (seen[k]) present.push_back(k);
  return present;
}

/// c2 made symmetric, of the classes in `present`.
inline matrix<double> symmetric_pairs(matrix<double> const& c2,
                                      std::vector<std::size_t> const& present) {
  matrix<double> out(present.size(), present.size());
  for (std::size_t a = 0; a < present.size(); ++a)
    for (std::size_t b = 0; b < present.size(); ++b)
      out(a, b) = 0.5 * (c2(present[a], present[b]) + c2(present[b], present[a]));
  return out;
}

inline double least_eigenvalue(matrix<double> const& c2, std::vector<std::uint8_t> const& seen) {
  auto const values = symmetric_eigen(symmetric_pairs(c2, present_classes(seen))).values;
  double least = values.empty() ? 0 : values[0];
  for (double v : values) least = v < least ? v : least;
  return least;
}

/// Sum over orders o of w_o |c_o - model_o|^2 with c1_j = sum_i p_i T_ij, c2_jk = sum_i p_i T_ij
/// T_ik, c3_jkl = sum_i p_i T_ij T_ik T_il. c2 and c3 are averaged over the orders of their labels,
/// which the model cannot tell apart.
class moments_of_triples {
 public:
  moments_of_triples(vector<double> const& c1, matrix<double> const& c2, matrix<double> const& c3,
                     std::vector<std::uint8_t> const& seen, std::array<double, 3> weights)
      : all_(c1.size()), present_(present_classes(seen)), weights_(weights) {
    std::size_t const size = present_.size();
    c1_ = vector<double>(size);
    c2_ = symmetric_pairs(c2, present_);
    auto const at = [&](std::size_t a, std::size_t b, std::size_t c) {
      return c3(present_[a], present_[b] * all_ + present_[c]);
    };
    for (std::size_t j = 0; j < size; ++j) c1_[j] = c1[present_[j]];
    for (std::size_t j = 0; j < size; ++j)
      for (std::size_t k = j; k < size; ++k)
        for (std::size_t l = k; l < size; ++l)
          c3_.push_back(
              (at(j, k, l) + at(j, l, k) + at(k, j, l) + at(k, l, j) + at(l, j, k) + at(l, k, j)) /
              6);
  }

  /// The objective at T and p of all classes.
  double mismatch(matrix<double> const& T, vector<double> const& p) const {
    std::size_t const size = present_.size();
    matrix<double> columns(size, size), unused(size, size);
    vector<double> prior(size), unused_prior(size);
    for (std::size_t i = 0; i < size; ++i) {
      prior[i] = p[present_[i]];
      for (std::size_t j = 0; j < size; ++j) columns(j, i) = T(present_[i], present_[j]);
    }
    return value(columns, prior, unused, unused_prior);
  }

  /// Minimises over the softmax logits of T's rows and of p. Row j of `columns` is column j of T,
  /// of all classes; both arguments are the start and become the answer.
  ops::lbfgs_result solve(matrix<double>& columns, vector<double>& prior, double tolerance,
                          std::size_t max_iterations, progress const& on_progress) const {
    std::size_t const size = present_.size();
    ops::numbers x(size * (size + 1));  // logits of T, row by row, then of p
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j)
        x[i * size + j] = std::log(columns(present_[j], present_[i]));
      x[size * size + i] = std::log(prior[present_[i]]);
    }
    matrix<double> T(size, size), slope(size, size);
    vector<double> p(size), prior_slope(size);
    auto const spread = [&](ops::numbers const& at) {
      std::vector<double> row(size);
      for (std::size_t i = 0; i <= size; ++i) {
        double top = at[i * size], sum = 0;
        for (std::size_t j = 0; j < size; ++j)
          top = at[i * size + j] > top ? at[i * size + j] : top;
        for (std::size_t j = 0; j < size; ++j) sum += row[j] = std::exp(at[i * size + j] - top);
        for (std::size_t j = 0; j < size; ++j) (i < size ? T(j, i) : p[j]) = row[j] / sum;
      }
    };
    auto const objective = [&](ops::numbers const& at, ops::numbers& gradient) {
      spread(at);
      double const result = value(T, p, slope, prior_slope);
      for (std::size_t i = 0; i <= size; ++i) {
        auto const share = [&](std::size_t j) { return i < size ? T(j, i) : p[j]; };
        auto const pull = [&](std::size_t j) { return i < size ? slope(j, i) : prior_slope[j]; };
        double mean = 0;
        for (std::size_t j = 0; j < size; ++j) mean += share(j) * pull(j);
        for (std::size_t j = 0; j < size; ++j) gradient[i * size + j] = share(j) * (pull(j) - mean);
      }
      return result;
    };
    auto const found = ops::lbfgs(
        x, objective,
        [&](std::size_t done) {
          return !on_progress ||
                 on_progress(static_cast<double>(done) / static_cast<double>(max_iterations));
        },
        {.memory = 20, .max_iterations = max_iterations, .tolerance = tolerance});
    spread(x);
    for (std::size_t i = 0; i < size; ++i) {
      prior[present_[i]] = p[i];
      for (std::size_t j = 0; j < columns.rows(); ++j) columns(j, present_[i]) = 0;
      for (std::size_t j = 0; j < size; ++j) columns(present_[j], present_[i]) = T(j, i);
    }
    return found;
  }

  /// Of the present classes; slopes are filled. Row j of T and of `slope` is column j of the
  /// matrix.
  double value(matrix<double> const& T, vector<double> const& p, matrix<double>& slope,
               vector<double>& prior_slope) const {
    std::size_t const size = present_.size();
    slope = matrix<double>(size, size);
    prior_slope = vector<double>(size);
    double sum = 0;
    auto const cell = c3_.data();
    std::size_t c = 0;
    std::vector<double> two(size), three(size);
    for (std::size_t j = 0; j < size; ++j) {
      double const* const a = &T(j, 0);
      double model = 0;
      for (std::size_t i = 0; i < size; ++i) model += p[i] * a[i];
      double gap = model - c1_[j];
      sum += weights_[0] * gap * gap;
      double pull = 2 * weights_[0] * gap;
      for (std::size_t i = 0; i < size; ++i) {
        slope(j, i) += pull * p[i];
        prior_slope[i] += pull * a[i];
      }
      for (std::size_t k = j; k < size; ++k) {
        double const* const b = &T(k, 0);
        model = 0;
        for (std::size_t i = 0; i < size; ++i) model += p[i] * (two[i] = a[i] * b[i]);
        gap = model - c2_(j, k);
        double const orders = j == k ? 1 : 2;
        sum += weights_[1] * orders * gap * gap;
        pull = 2 * weights_[1] * orders * gap;
        for (std::size_t i = 0; i < size; ++i) {
          slope(j, i) += pull * p[i] * b[i];
          slope(k, i) += pull * p[i] * a[i];
          prior_slope[i] += pull * two[i];
        }
        for (std::size_t l = k; l < size; ++l, ++c) {
          double const* const d = &T(l, 0);
          model = 0;
          for (std::size_t i = 0; i < size; ++i) model += p[i] * (three[i] = two[i] * d[i]);
          gap = model - cell[c];
          double const ways = j == l ? 1 : j == k || k == l ? 3 : 6;
          sum += weights_[2] * ways * gap * gap;
          pull = 2 * weights_[2] * ways * gap;
          for (std::size_t i = 0; i < size; ++i) {
            double const part = pull * p[i];
            slope(j, i) += part * b[i] * d[i];
            slope(k, i) += part * a[i] * d[i];
            slope(l, i) += part * two[i];
            prior_slope[i] += pull * three[i];
          }
        }
      }
    }
    return sum;
  }

 private:
  std::size_t all_;
  std::vector<std::size_t> present_;
  std::array<double, 3> weights_;
  vector<double> c1_;
  matrix<double> c2_;
  std::vector<double> c3_;  // of j <= k <= l
};

struct spectral_answer {
  matrix<double> transition;  ///< K x K; absent classes have the identity's row
  vector<double> prior;       ///< K
};

/// Whitened by c2, a random combination of the slices of c3 has T's rows as eigenvectors: W^T c2 W
/// = I, S = W^T (sum_l eta_l c3_l) W = U L U^T, rows of T are the columns of W^-T U over their sums
/// s, p_i = s_i^2. Of ten combinations the one with the widest gap between eigenvalues. Entries are
/// put back on the simplex. Nothing where c2 is not positive definite.
inline std::optional<spectral_answer> spectral_triples(matrix<double> const& c3,
                                                       std::vector<std::uint8_t> const& seen) {
  auto const present = present_classes(seen);
  std::size_t const size = present.size(), all = seen.size();
  std::vector<double> cube(size * size * size);
  matrix<double> marginal(size, size);
  auto const given = [&](std::size_t a, std::size_t b, std::size_t c) {
    return c3(present[a], present[b] * all + present[c]);
  };
  for (std::size_t j = 0; j < size; ++j)
    for (std::size_t k = 0; k < size; ++k)
      for (std::size_t l = 0; l < size; ++l)
        marginal(j, k) += cube[(j * size + k) * size + l] =
            (given(j, k, l) + given(j, l, k) + given(k, j, l) + given(k, l, j) + given(l, j, k) +
             given(l, k, j)) /
            6;
  auto const pairs = symmetric_eigen(marginal);
  double least = size ? pairs.values[0] : 0, largest = least;
  for (double v : pairs.values) least = v < least ? v : least, largest = v > largest ? v : largest;
  if (!(least > 1e-12 * largest)) return std::nullopt;
  matrix<double> white(size, size), back(size, size);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j) {
      white(i, j) = pairs.vectors(i, j) / std::sqrt(pairs.values[j]);
      back(i, j) = pairs.vectors(i, j) * std::sqrt(pairs.values[j]);
    }
  matrix<double> best;
  double widest = -1;
  for (std::uint64_t draw = 0; draw < 10; ++draw) {
    random_stream numbers(0, 1, draw);
    std::vector<double> eta(size);
    for (double& e : eta) e = numbers.uniform();
    matrix<double> mixed(size, size), half(size, size), slice(size, size);
    for (std::size_t j = 0; j < size; ++j)
      for (std::size_t k = 0; k < size; ++k)
        for (std::size_t l = 0; l < size; ++l)
          mixed(j, k) += eta[l] * cube[(j * size + k) * size + l];
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j < size; ++j)
        for (std::size_t k = 0; k < size; ++k) half(i, j) += mixed(i, k) * white(k, j);
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j < size; ++j)
        for (std::size_t k = 0; k < size; ++k) slice(i, j) += white(k, i) * half(k, j);
    auto const parts = symmetric_eigen(std::move(slice));
    double narrow = 2;
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = i + 1; j < size; ++j) {
        double const gap = std::abs(parts.values[i] - parts.values[j]);
        narrow = gap < narrow ? gap : narrow;
      }
    if (!(narrow > widest)) continue;
    widest = narrow;
    best = matrix<double>(size, size);  // column i: sqrt(p_i) T_i, up to its sign
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j < size; ++j)
        for (std::size_t k = 0; k < size; ++k) best(j, i) += back(j, k) * parts.vectors(k, i);
  }
  matrix<double> rows(size, size);
  std::vector<double> mass(size);
  double total = 0;
  for (std::size_t i = 0; i < size; ++i) {
    double sum = 0, kept = 0;
    for (std::size_t j = 0; j < size; ++j) sum += best(j, i);
    if (!(std::abs(sum) > 0)) return std::nullopt;
    for (std::size_t j = 0; j < size; ++j) {
      double const entry = best(j, i) / sum;
      kept += rows(i, j) = entry > 0 ? entry : 0.0;
    }
    for (std::size_t j = 0; j < size; ++j) rows(i, j) /= kept;
    total += mass[i] = sum * sum;
  }
  auto const named = best_assignment(rows);
  spectral_answer out{matrix<double>::identity(all), vector<double>(all)};
  for (std::size_t i = 0; i < size; ++i) {
    std::size_t const row = present[named[i]];
    out.prior[row] = mass[i] / total;
    out.transition(row, row) = 0;
    for (std::size_t j = 0; j < size; ++j) out.transition(row, present[j]) = rows(i, j);
  }
  return out;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_MOMENTS_OF_TRIPLES_HPP
