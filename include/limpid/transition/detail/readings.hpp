// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/readings.hpp
/// Readings of the joint counts of true and given labels from probabilities, and how they are
/// weighed.
#ifndef LIMPID_TRANSITION_DETAIL_READINGS_HPP
#define LIMPID_TRANSITION_DETAIL_READINGS_HPP

#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/detail/joint_table.hpp>
#include <limpid/transition/detail/posterior_rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace limpid::transition::detail::evidence {

inline constexpr std::size_t block_doubles = std::size_t{1}
                                             << 22;  ///< n x K work is done in blocks
inline constexpr std::size_t temperature_rows = std::size_t{1} << 16;
inline constexpr double sharpening = 3;  ///< see estimate
/// Shares of the uniform mixed into a T that must hold no 0.
inline constexpr double count_floor = 0.05, fit_floor = 1e-3;

/// P^power, rows normalised, and its mean -log of the labels.
struct tempering {
  double power = 1, loss = 0;
};

/// The power that makes the labels most likely: golden section on its log over [1/10, 10].
template <class Exec, class T, memory_space S>
tempering temper(Exec const& exec, matrix_view<T const, S> p,
                 vector_view<std::int32_t const, S> y) {
  std::size_t const step = (p.rows + temperature_rows - 1) / temperature_rows;
  auto const loss = [&](double log_power) {
    auto const sums = ops::sum_rows(exec, (p.rows + step - 1) / step, 2,
                                    tempered_loss<T, S>{p, y, std::exp(log_power), step});
    return sums[0] / sums[1];
  };
  double const golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::log(0.1), high = std::log(10.0);
  double a = high - golden * (high - low), b = low + golden * (high - low);
  double at_a = loss(a), at_b = loss(b);
  while (high - low > 1e-2) {
    if (at_a <= at_b) {
      high = std::exchange(b, a);
      at_b = at_a;
      at_a = loss(a = high - golden * (high - low));
    } else {
      low = std::exchange(a, b);
      at_a = at_b;
      at_b = loss(b = low + golden * (high - low));
    }
  }
  return {std::exp((low + high) / 2), (std::min)(at_a, at_b)};
}

/// Calls use(block of posteriors, first row, rows) for runs of rows of P^power T, in order.
template <class Exec, class T, memory_space S, class Use>
void for_posterior_blocks(Exec const& exec, matrix_view<T const, S> p,
                          vector_view<std::int32_t const, S> y, matrix<double> const& transition,
                          double power, Use const& use) {
  std::size_t const n = p.rows, classes = p.cols;
  std::size_t const block = (std::min)(n, (std::max)(std::size_t{1}, block_doubles / classes));
  auto const log_t = ops::upload(exec, logs(transition).view());
  auto const q = ops::make_buffer<double>(exec, block * classes);
  for (std::size_t first = 0; first < n; first += block) {
    std::size_t const rows = (std::min)(block, n - first);
    auto const part = q.view(rows, classes);
    ops::for_rows(exec, rows,
                  posterior_rows<T, S>{p, y, log_t.view(classes, classes), power, part, first});
    use(part, first, rows);
  }
}

/// Joint counts by four readings of P. `generous` gives labels the benefit of every doubt; it
/// bounds the noise from below where the others, which take a classifier's errors for label noise,
/// all read too much.
struct count_readings {
  matrix<double> arg_max, confident, expected, generous;
  double confident_share = 1;  ///< of the disagreements between arg max and label
  double noise_odds = 1;  ///< the weight of the hypothesis that disagreements are label noise: w^2
                          ///< / (w^2 + (1 - w)^2)
  double power = 1;       ///< of P in `expected`
};

template <class Exec, class T, memory_space S>
count_readings read_counts(Exec const& exec, matrix_view<T const, S> p,
                           vector_view<std::int32_t const, S> y, double power) {
  std::size_t const n = p.rows, classes = p.cols;
  count_readings r;
  auto const best = ops::make_buffer<std::int32_t>(exec, n);
  ops::arg_max_rows(exec, p, best.view());
  r.arg_max =
      ops::count_pairs(exec, vector_view<std::int32_t const, S>(best.view()), y, classes, classes);
  r.confident = transposed(
      confident_joint(exec, p, y, {.off_diagonal_rows = false, .validate = false}).calibrated);
  double const all = off_diagonal_share(r.arg_max), sure = off_diagonal_share(r.confident);
  double const w = r.confident_share = all > 0 ? (std::min)(1.0, sure / all) : 1;
  r.noise_odds = w * w / (w * w + (1 - w) * (1 - w));
  r.power = std::pow(sharpening, r.noise_odds) * power;
  auto const start = smoothed(row_stochastic(r.confident), count_floor);
  auto const one_step = [&](double sharpness) {
    matrix<double> sum(classes, classes);
    for_posterior_blocks(
        exec, p, y, start, sharpness, [&](auto q, std::size_t first, std::size_t rows) {
          auto const part =
              ops::sum_rows(exec, rows, classes * classes, expected_counts<S>{q, y, first});
          for (std::size_t c = 0; c < part.size(); ++c) sum.data()[c] += part[c];
        });
    return sum;
  };
  r.expected = one_step(r.power);
  r.generous = one_step(power);
  return r;
}

/// T and prior from the readings: the median of three, with weight noise_odds, and the expected
/// counts.
struct weighed {
  matrix<double> transition;
  vector<double> prior;
};

inline weighed weigh(count_readings const& r) {
  weighed out;
  double const m = r.noise_odds;
  auto const expected = row_stochastic(r.expected);
  out.transition =
      median_transition(row_stochastic(r.arg_max), row_stochastic(r.confident), expected);
  std::size_t const classes = expected.rows();
  for (std::size_t e = 0; e < classes * classes; ++e)
    out.transition.data()[e] = m * out.transition.data()[e] + (1 - m) * expected.data()[e];
  auto const a = row_sums(r.arg_max), c = row_sums(r.confident), e = row_sums(r.expected);
  out.prior = vector<double>(classes);
  double total = 0;
  for (std::size_t k = 0; k < classes; ++k)
    total += out.prior[k] = m * middle(a[k], c[k], e[k]) + (1 - m) * e[k];
  for (double& share : out.prior) share /= total > 0 ? total : 1;
  return out;
}

/// Mean -log of the labels under P^power passed through T, of the rows that `temper` reads. T may
/// hold no zero.
template <class Exec, class T, memory_space S>
double loss_through(Exec const& exec, matrix_view<T const, S> p,
                    vector_view<std::int32_t const, S> y, matrix<double> const& transition,
                    double power) {
  std::size_t const step = (p.rows + temperature_rows - 1) / temperature_rows;
  auto const t = ops::upload(exec, transition.view());
  auto const sums = ops::sum_rows(exec, (p.rows + step - 1) / step, 2,
                                  passed_loss<T, S>{p, y, t.view(p.cols, p.cols), power, step});
  return sums[0] / sums[1];
}

/// What is said of each row.
struct verdicts {
  vector<double> p_right, lead;
  vector<std::int32_t> suggested;
  vector<std::size_t> ranking;
};

/// Judges every row by P^power T and ranks them by the log-odds of the label, and by `vouched`
/// times log P(label); or, if not `by_odds`, by P(label) and these where it is equal.
template <class Exec, class T, memory_space S>
verdicts judge(Exec const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y,
               matrix<double> const& transition, double power, double vouched, bool by_odds) {
  std::size_t const n = p.rows;
  auto const right = ops::make_buffer<double>(exec, n), lead = ops::make_buffer<double>(exec, n),
             odds = ops::make_buffer<double>(exec, n);
  auto const suggested = ops::make_buffer<std::int32_t>(exec, n);
  auto const own = ops::make_buffer<double>(exec, by_odds ? 0 : n);
  if (!by_odds) ops::for_rows(exec, n, own_probability<T, S>{p, y, own.view()});
  for_posterior_blocks(
      exec, p, y, transition, power, [&](auto q, std::size_t first, std::size_t rows) {
        ops::for_rows(exec, rows,
                      row_verdict<T, S>{q, p, y, first, vouched, right.view(), lead.view(),
                                        odds.view(), suggested.view()});
      });
  verdicts v{ops::download(exec, right.view()), ops::download(exec, lead.view()),
             ops::download(exec, suggested.view()), vector<std::size_t>(n)};
  auto const log_odds = ops::download(exec, odds.view());
  auto const first = by_odds ? log_odds : ops::download(exec, own.view());
  std::iota(v.ranking.begin(), v.ranking.end(), std::size_t{0});
  std::stable_sort(v.ranking.begin(), v.ranking.end(), [&](std::size_t a, std::size_t b) {
    return first[a] < first[b] || (first[a] == first[b] && log_odds[a] < log_odds[b]);
  });
  return v;
}

}  // namespace limpid::transition::detail::evidence

#endif  // LIMPID_TRANSITION_DETAIL_READINGS_HPP
