// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/enclosing_simplex.hpp
/// Simplices that hold the rows of P: Q = T^-1 with P Q >= 0 and rows that sum to 1. A linear
/// programme over them, solved exactly, and a smooth search that lets rows lie a little outside.
#ifndef LIMPID_TRANSITION_DETAIL_ENCLOSING_SIMPLEX_HPP
#define LIMPID_TRANSITION_DETAIL_ENCLOSING_SIMPLEX_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/lbfgs.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/order.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/assignment.hpp>
#include <limpid/transition/detail/recover_rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::transition {

/// K classes. What minimum_volume and total_variation return.
struct enclosing_simplex_result {
  matrix<double> transition;  ///< K x K, (i, j) = P(given j | true i)
  double log_volume = 0;      ///< log |det T|, of T before its rows were projected
  double objective = 0;       ///< what was maximised, at the end
  double outside_share = 0;   ///< of the n K entries of P T^-1, are below -1e-3
  double projected = 0;  ///< largest change of an entry of T when its rows were made distributions
  double independence = 0;  ///< least eigenvalue of P'P over the largest; 0: the rows of P span
                            ///< less than K dimensions
  int rounds = 0;           ///< linear programmes, or stages of the smooth search
  std::size_t pivots = 0;   ///< of the linear programmes
  bool converged = false;
  bool stopped = false;           ///< by on_progress
  bool not_identifiable = false;  ///< rows of P span less than K dimensions: T is the identity
  /// K, 0: class has no label in y, or T is not identifiable. Without y by the latter alone
  vector<std::uint8_t> class_estimated;
};

namespace detail::enclosing {

inline constexpr double box = 50;  ///< bound on |Q|

/// max <C, Q> over K x K matrices with x . column k of Q >= 0 for every row x given so far and
/// every k, rows that sum to 1, |Q| <= box. The dual simplex method: a vertex is K^2 constraints
/// that hold with equality, and a row that is given later only adds constraints.
class vertex_program {
 public:
  vertex_program(matrix<double> const& objective, std::vector<std::vector<double>> const& rows)
      : size_(objective.rows()),
        cells_(size_ * size_),
        rows_(&rows),
        cost_(cells_),
        basis_(cells_),
        inverse_(cells_, cells_),
        price_(cells_),
        q_(cells_) {
    double top = 0;
    for (std::size_t c = 0; c < cells_; ++c) top = (std::max)(top, std::abs(objective.data()[c]));
    for (std::size_t c = 0; c < cells_; ++c) {
      // a little apart, so that no two vertices are equally good
      random_stream draw(0x51, 0, c);
      cost_[c] = objective.data()[c] + 1e-10 * (top > 0 ? top : 1) * (draw.uniform() - 0.5);
      bool const up = cost_[c] >= 0;
      basis_[c] = {up ? kind::upper : kind::lower, c, 0};
      inverse_(c, c) = up ? 1 : -1;
      price_[c] = std::abs(cost_[c]);
      q_[c] = up ? box : -box;
    }
  }

  /// Pivots until no constraint is broken; false if it gave up.
  bool solve() {
    int trials = 0;
    for (std::size_t most = pivots_ + 200 * cells_ + 1000; pivots_ < most; ++pivots_) {
      if (pivots_ % 64 == 63) refactor();
      constraint entering;
      double const broken = most_broken(entering);
      if (broken <= tolerance) return true;
      if (pivot(entering, broken)) {
        trials = 0;
      } else {  // Q = I is feasible: only rounding can find no way on
        if (++trials > 1) return false;
        refactor();
      }
    }
    return false;
  }

  matrix<double> solution() const {
    matrix<double> q(size_, size_);
    for (std::size_t c = 0; c < cells_; ++c) q.data()[c] = q_[c];
    return q;
  }
  std::size_t pivots() const { return pivots_; }

 private:
  static constexpr double tolerance = 1e-11;
  enum class kind { upper, lower, sum_up, sum_down, face };
  struct constraint {
    kind what = kind::upper;
    std::size_t index = 0, row = 0;  ///< cell, row of Q, or column of Q; row of P
  };

  /// f(cell, coefficient) for the entries that are not 0.
  template <class F>
  void entries(constraint const& c, F const& f) const {
    switch (c.what) {
      case kind::upper:
        f(c.index, 1.0);
        break;
      case kind::lower:
        f(c.index, -1.0);
        break;
      case kind::face:
        for (std::size_t i = 0; i < size_; ++i) f(i * size_ + c.index, -(*rows_)[c.row][i]);
        break;
      default:
        for (std::size_t k = 0; k < size_; ++k)
          f(c.index * size_ + k, c.what == kind::sum_up ? 1.0 : -1.0);
    }
  }
  static double bound(constraint const& c) {
    return c.what == kind::face       ? 0
           : c.what == kind::sum_up   ? 1
           : c.what == kind::sum_down ? -1
                                      : box;
  }

  double most_broken(constraint& at) const {
    double worst = 0;
    auto const see = [&](double by, constraint const& c) {
      if (by > worst) worst = by, at = c;
    };
    for (std::size_t c = 0; c < cells_; ++c) {
      see(q_[c] - box, {kind::upper, c, 0});
      see(-q_[c] - box, {kind::lower, c, 0});
    }
    for (std::size_t i = 0; i < size_; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < size_; ++k) sum += q_[i * size_ + k];
      see(sum - 1, {kind::sum_up, i, 0});
      see(1 - sum, {kind::sum_down, i, 0});
    }
    std::vector<double> value(size_);
    for (std::size_t r = 0; r < rows_->size(); ++r) {
      std::fill(value.begin(), value.end(), 0);
      for (std::size_t i = 0; i < size_; ++i)
        for (std::size_t k = 0; k < size_; ++k) value[k] -= (*rows_)[r][i] * q_[i * size_ + k];
      for (std::size_t k = 0; k < size_; ++k) see(value[k], {kind::face, k, r});
    }
    return worst;
  }

  bool pivot(constraint const& entering, double broken) {
    std::vector<double> w(cells_);  // the entering constraint in terms of the basis
    entries(entering, [&](std::size_t cell, double a) {
      for (std::size_t b = 0; b < cells_; ++b) w[b] += a * inverse_(cell, b);
    });
    std::size_t leaving = cells_;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < cells_; ++b) {
      if (!(w[b] > 1e-9)) continue;
      double const ratio = price_[b] / w[b];
      // of near ties the largest pivot
      if (ratio < least - 1e-13 ||
          (ratio <= least + 1e-13 && leaving < cells_ && w[b] > w[leaving])) {
        least = (std::min)(least, ratio);
        leaving = b;
      }
    }
    if (leaving == cells_) return false;
    double const scale = 1 / w[leaving], step = price_[leaving] * scale;
    for (std::size_t b = 0; b < cells_; ++b) {
      price_[b] -= step * w[b];
      if (price_[b] < 0) price_[b] = 0;
    }
    price_[leaving] = step > 0 ? step : 0;
    w[leaving] = 0;
    for (std::size_t cell = 0; cell < cells_; ++cell) {
      double const along = inverse_(cell, leaving) * scale;
      q_[cell] -= along * broken;
      inverse_(cell, leaving) = along;
      if (along == 0) continue;
      for (std::size_t b = 0; b < cells_; ++b) inverse_(cell, b) -= along * w[b];
    }
    basis_[leaving] = entering;
    return true;
  }

  /// The inverse, the vertex and the prices anew: what pivots leave of rounding.
  void refactor() {
    matrix<double> a(cells_, cells_);
    for (std::size_t b = 0; b < cells_; ++b)
      entries(basis_[b], [&](std::size_t cell, double value) { a(b, cell) = value; });
    auto solved = ops::invert(std::move(a));
    if (solved.inverse.empty()) return;
    inverse_ = std::move(solved.inverse);
    for (std::size_t cell = 0; cell < cells_; ++cell) {
      q_[cell] = 0;
      for (std::size_t b = 0; b < cells_; ++b) q_[cell] += inverse_(cell, b) * bound(basis_[b]);
    }
    for (std::size_t b = 0; b < cells_; ++b) {
      double price = 0;
      for (std::size_t cell = 0; cell < cells_; ++cell) price += inverse_(cell, b) * cost_[cell];
      price_[b] = (std::max)(price, 0.0);
    }
  }

  std::size_t size_, cells_;
  std::vector<std::vector<double>> const* rows_;
  std::vector<double> cost_;
  std::vector<constraint> basis_;
  matrix<double> inverse_;
  std::vector<double> price_, q_;
  std::size_t pivots_ = 0;
};

/// out(i, k) = -(P Q)(i, k).
template <class T, memory_space S>
struct beyond_faces {
  matrix_view<T const, S> p;
  matrix_view<double const, S> q;
  matrix_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t k = 0; k < q.cols; ++k) {
      double sum = 0;
      for (std::size_t c = 0; c < q.rows; ++c) sum += static_cast<double>(p(i, c)) * q(c, k);
      out(i, k) = -sum;
    }
  }
};

/// sum_rows: K x K of sum_r p_r h'(beyond) by face, then the sum of h: 0 inside, x^2 / 2d up to d
/// outside, then x - d / 2.
template <class T, memory_space S>
struct outside_loss {
  matrix_view<T const, S> p;
  matrix_view<double const, S> q;
  double width;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const K = q.cols;
    for (std::size_t k = 0; k < K; ++k) {
      double x = 0;
      for (std::size_t c = 0; c < K; ++c) x -= static_cast<double>(p(i, c)) * q(c, k);
      if (!(x > 0)) continue;
      double const slope = x < width ? x / width : 1;
      sums[K * K] += x < width ? 0.5 * x * slope : x - 0.5 * width;
      for (std::size_t c = 0; c < K; ++c) sums[c * K + k] += slope * static_cast<double>(p(i, c));
    }
  }
};

/// Ordered pairs of rows, drawn by number, or all of them where there are rows^2.
template <memory_space S>
struct draw_pair {
  std::uint64_t rows, seed;
  matrix_view<std::uint64_t, S> out;
  LIMPID_HD void operator()(std::size_t pair) const {
    if (out.rows == rows * rows) {
      out(pair, 0) = pair / rows;
      out(pair, 1) = pair % rows;
      return;
    }
    random_stream draw(seed, 0, pair);
    out(pair, 0) = draw.below(rows);
    out(pair, 1) = draw.below(rows);
  }
};

/// sum_rows over pairs: K x K of (p_a - p_b) sign, by face, then the sum of |(p_a - p_b) Q| / 2.
/// width > 0: sqrt(x^2 + d^2) - d for |x|.
template <class T, memory_space S>
struct pair_distance {
  matrix_view<T const, S> p;
  matrix_view<double const, S> q;
  matrix_view<std::uint64_t const, S> pairs;
  double width;
  LIMPID_HD void operator()(std::size_t pair, double* sums) const {
    auto const a = static_cast<std::size_t>(pairs(pair, 0));
    auto const b = static_cast<std::size_t>(pairs(pair, 1));
    std::size_t const K = q.cols;
    for (std::size_t k = 0; k < K; ++k) {
      double x = 0;
      for (std::size_t c = 0; c < K; ++c)
        x += (static_cast<double>(p(a, c)) - static_cast<double>(p(b, c))) * q(c, k);
      double const length = width > 0 ? std::sqrt(x * x + width * width) : x < 0 ? -x : x;
      double const slope = length > 0 ? 0.5 * x / length : 0;
      sums[K * K] += 0.5 * (length - width);
      for (std::size_t c = 0; c < K; ++c)
        sums[c * K + k] += slope * (static_cast<double>(p(a, c)) - static_cast<double>(p(b, c)));
    }
  }
};

/// sum_rows: P'P, then (P Q) by label, then entries of P Q below -1e-3.
template <class T, memory_space S>
struct simplex_sums {
  matrix_view<T const, S> p;
  matrix_view<double const, S> q;
  vector_view<std::int32_t const, S> y;  ///< no data: none
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const K = p.cols;
    for (std::size_t k = 0; k < K; ++k) {
      double x = 0;
      auto const own = static_cast<double>(p(i, k));
      for (std::size_t c = 0; c < K; ++c) {
        auto const other = static_cast<double>(p(i, c));
        x += other * q(c, k);
        sums[k * K + c] += own * other;
      }
      if (y.data) sums[K * K + k * K + static_cast<std::size_t>(y[i])] += x;
      if (x < -1e-3) sums[2 * K * K] += 1;
    }
  }
};

/// log det and the transposed inverse; -infinity if the determinant is not positive.
inline double log_det(matrix<double> const& q, matrix<double>* inverse = nullptr) {
  matrix<double> a = q;
  std::size_t const K = a.rows();
  double logs = 0;
  bool positive = true;
  for (std::size_t k = 0; k < K; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < K; ++i)
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    if (!(std::abs(a(pivot, k)) > 0)) return -std::numeric_limits<double>::infinity();
    if (pivot != k) {
      std::swap_ranges(&a(k, 0), &a(k, 0) + K, &a(pivot, 0));
      positive = !positive;
    }
    if (a(k, k) < 0) positive = !positive;
    logs += std::log(std::abs(a(k, k)));
    for (std::size_t i = k + 1; i < K; ++i) {
      double const factor = a(i, k) / a(k, k);
      for (std::size_t j = k; j < K && factor != 0; ++j) a(i, j) -= factor * a(k, j);
    }
  }
  if (!positive) return -std::numeric_limits<double>::infinity();
  if (inverse) *inverse = ops::invert(q).inverse;
  return logs;
}

/// What is maximised beside the penalty on rows outside.
enum class aim { volume, distance };

struct settings {
  double penalty;  ///< on rows outside, per row; infinite: none may be
  int max_rounds;
  std::size_t max_rows;  ///< of the smooth search
  std::size_t pairs;     ///< of distance
  std::uint64_t seed;
  progress const* on_progress;
};

template <class Exec, class T>
class search {
  static constexpr memory_space S = Exec::space;

 public:
  search(Exec const& exec, matrix_view<T const, S> p, aim what, settings const& options)
      : exec_(exec),
        p_(p),
        what_(what),
        options_(options),
        size_(p.cols),
        q_(ops::make_buffer<double>(exec, size_ * size_)),
        some_(ops::make_buffer<T>(exec, options.max_rows < p.rows && options.penalty < infinity
                                            ? options.max_rows * p.cols
                                            : 0)),
        pairs_(ops::make_buffer<std::uint64_t>(exec, 2 * options.pairs)) {}

  enclosing_simplex_result run(vector_view<std::int32_t const, S> y) {
    enclosing_simplex_result r;
    std::size_t const K = size_;
    auto q = matrix<double>::identity(K);
    r.class_estimated = vector<std::uint8_t>(K);
    auto const first = sums_at(q, {});
    matrix<double> gram(K, K);
    for (std::size_t c = 0; c < K * K; ++c) gram.data()[c] = first[c];
    auto const values = ops::singular_values(gram);
    r.independence = values[0] > 0 ? values[K - 1] / values[0] : 0;
    if (!(r.independence > 1e-12)) {
      r.independence = 0;
      r.not_identifiable = true;
      r.transition = q;
      return r;
    }
    if (K > 1) {
      if (options_.penalty < infinity)
        smooth(q, r);
      else
        exact(q, r);
    } else {
      r.converged = true;
    }
    finish(q, y, r);
    return r;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  matrix_view<double const, S> place(matrix<double> const& q) const {
    ops::copy(exec_, q.view(), q_.view(size_, size_));
    return q_.view(size_, size_);
  }
  std::vector<double> sums_at(matrix<double> const& q, vector_view<std::int32_t const, S> y) const {
    return ops::sum_rows(exec_, p_.rows, 2 * size_ * size_ + 1,
                         simplex_sums<T, S>{p_, place(q), y});
  }
  bool go_on(double done, enclosing_simplex_result& r) const {
    if (options_.on_progress && *options_.on_progress) r.stopped = !(*options_.on_progress)(done);
    return !r.stopped;
  }

  void draw_pairs(std::size_t rows) const {
    ops::for_rows(exec_, options_.pairs,
                  draw_pair<S>{rows, options_.seed, pairs_.view(options_.pairs, 2)});
  }

  /// The aim and its gradient.
  double value(matrix_view<T const, S> p, matrix<double> const& q, double width,
               matrix<double>& gradient) const {
    if (what_ == aim::volume) {
      matrix<double> inverse;
      double const logs = log_det(q, &inverse);
      if (inverse.empty()) return -infinity;
      for (std::size_t i = 0; i < size_; ++i)
        for (std::size_t j = 0; j < size_; ++j) gradient(i, j) = inverse(j, i);
      return logs;
    }
    auto const sums =
        ops::sum_rows(exec_, options_.pairs, size_ * size_ + 1,
                      pair_distance<T, S>{p, place(q), pairs_.view(options_.pairs, 2), width});
    double const m = static_cast<double>(options_.pairs);
    for (std::size_t c = 0; c < size_ * size_; ++c) gradient.data()[c] = sums[c] / m;
    return sums[size_ * size_] / m;
  }

  /// Linear programmes, each along the gradient at the last one's answer.
  void exact(matrix<double>& q, enclosing_simplex_result& r) {
    draw_pairs(p_.rows);
    matrix<double> gradient(size_, size_);
    r.objective = value(p_, q, 0, gradient);
    std::vector<std::vector<double>> rows;
    add_rows(ops::arg_max_columns(exec_, p_, vector<double>(size_, infinity)), rows);
    while (!r.converged && !r.stopped && r.rounds < options_.max_rounds) {
      matrix<double> next;
      if (!best_vertex(gradient, rows, next, r)) break;
      ++r.rounds;
      double best = 0, gain = 0;
      if (what_ == aim::volume) {
        best = longest_step(q, next, r.objective, gain);
      } else {
        matrix<double> unused(size_, size_);
        gain = value(p_, next, 0, unused) - r.objective;
        best = gain > 0 ? 1 : 0;
      }
      r.converged = gain < 1e-12;
      if (gain > 0) {
        for (std::size_t c = 0; c < size_ * size_; ++c)
          q.data()[c] += best * (next.data()[c] - q.data()[c]);
        r.objective = value(p_, q, 0, gradient);
      }
      go_on(static_cast<double>(r.rounds) / options_.max_rounds, r);
    }
  }

  /// Rows join the programme as the answer breaks them.
  bool best_vertex(matrix<double> const& gradient, std::vector<std::vector<double>>& rows,
                   matrix<double>& next, enclosing_simplex_result& r) {
    vertex_program programme(gradient, rows);
    auto const beyond = ops::make_buffer<double>(exec_, p_.rows * size_);
    auto const out = beyond.view(p_.rows, size_);
    for (int pass = 0; pass < 1000; ++pass) {
      bool const solved = programme.solve();
      next = programme.solution();
      if (!solved) break;
      ops::for_rows(exec_, p_.rows, beyond_faces<T, S>{p_, place(next), out});
      auto worst = ops::arg_max_columns(exec_, matrix_view<double const, S>(out),
                                        vector<double>(size_, infinity));
      vector<std::size_t> broken;
      std::vector<std::size_t> found;
      for (std::size_t k = 0; k < size_; ++k) {
        auto const by = ops::download(exec_, out.row(worst[k]));
        if (by[k] > 1e-10 && std::find(found.begin(), found.end(), worst[k]) == found.end())
          found.push_back(worst[k]);
      }
      if (found.empty()) {
        r.pivots += programme.pivots();
        return true;
      }
      add_rows(vector<std::size_t>(std::move(found)), rows);
    }
    r.pivots += programme.pivots();
    return false;
  }

  void add_rows(vector<std::size_t> const& which, std::vector<std::vector<double>>& rows) const {
    for (std::size_t i : which) {
      auto const row = ops::download(exec_, p_.row(i));
      std::vector<double> wide(size_);
      for (std::size_t k = 0; k < size_; ++k) wide[k] = static_cast<double>(row[k]);
      rows.push_back(std::move(wide));
    }
  }

  /// The share of the way to `to` at which log det is largest, and what it gains.
  double longest_step(matrix<double> const& from, matrix<double> const& to, double at,
                      double& gain) const {
    auto const gained = [&](double s) {
      matrix<double> q = from;
      for (std::size_t c = 0; c < size_ * size_; ++c)
        q.data()[c] += s * (to.data()[c] - from.data()[c]);
      return log_det(q) - at;
    };
    constexpr int steps = 64;
    int best = 0;
    gain = 0;
    for (int s = 1; s <= steps; ++s)
      if (double const g = gained(static_cast<double>(s) / steps); g > gain) gain = g, best = s;
    if (best == steps) return 1;
    double low = (std::max)(best - 1, 0) / static_cast<double>(steps);
    double high = (best + 1) / static_cast<double>(steps),
           share = best / static_cast<double>(steps);
    for (int step = 0; step < 60; ++step) {
      double const a = low + 0.381966 * (high - low), b = high - 0.381966 * (high - low);
      double const ga = gained(a), gb = gained(b);
      if (ga > gain) gain = ga, share = a;
      if (gb > gain) gain = gb, share = b;
      (ga > gb ? high : low) = ga > gb ? b : a;
    }
    return share;
  }

  /// Ever narrower bends in place of the corners of the penalty.
  void smooth(matrix<double>& q, enclosing_simplex_result& r) {
    std::size_t const K = size_, n = p_.rows;
    matrix_view<T const, S> p = p_;
    if (options_.max_rows < n) {
      vector<std::uint64_t> index(options_.max_rows);
      for (std::size_t i = 0; i < index.size(); ++i) {  // one out of each stretch of rows
        std::uint64_t const begin = n / index.size() * i + n % index.size() * i / index.size();
        random_stream draw(options_.seed, 1, i);
        index[i] = begin + draw.below(n / index.size());
      }
      auto const at = ops::upload(exec_, std::as_const(index).view());
      ops::gather_rows(exec_, p_, vector_view<std::uint64_t const, S>(at.view()),
                       some_.view(index.size(), K));
      p = some_.view(index.size(), K);
    }
    draw_pairs(p.rows);
    double const scale = options_.penalty / static_cast<double>(p.rows);
    // the last column is what the others leave of 1
    ops::numbers x(K * (K - 1));
    auto const unpack = [&](ops::numbers const& v) {
      matrix<double> full(K, K);
      for (std::size_t i = 0; i < K; ++i) {
        full(i, K - 1) = 1;
        for (std::size_t k = 0; k + 1 < K; ++k) {
          full(i, k) = v[i * (K - 1) + k];
          full(i, K - 1) -= full(i, k);
        }
      }
      return full;
    };
    for (std::size_t i = 0; i < K; ++i)
      for (std::size_t k = 0; k + 1 < K; ++k) x[i * (K - 1) + k] = q(i, k);
    constexpr double widths[] = {3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4};
    constexpr int stages = sizeof widths / sizeof *widths;
    for (double const width : widths) {
      auto const loss = [&](ops::numbers const& v, ops::numbers& g) {
        auto const full = unpack(v);
        matrix<double> gradient(K, K);
        double const gained = value(p, full, what_ == aim::distance ? width : 0, gradient);
        if (!(gained > -infinity)) return infinity;
        auto const sums =
            ops::sum_rows(exec_, p.rows, K * K + 1, outside_loss<T, S>{p, place(full), width});
        // d/dQ of the penalty is -sums
        for (std::size_t c = 0; c < K * K; ++c)
          gradient.data()[c] = -gradient.data()[c] - scale * sums[c];
        for (std::size_t i = 0; i < K; ++i)
          for (std::size_t k = 0; k + 1 < K; ++k)
            g[i * (K - 1) + k] = gradient(i, k) - gradient(i, K - 1);
        return scale * sums[K * K] - gained;
      };
      auto const keep_going = [&](std::size_t) {
        return go_on(static_cast<double>(r.rounds) / stages, r);
      };
      bool const last = r.rounds + 1 == stages;
      std::size_t const most = last ? 400 : 100;
      auto const ended =
          ops::lbfgs(x, loss, keep_going,
                     {.memory = 20, .max_iterations = most, .tolerance = last ? 1e-5 : 1e-3});
      ++r.rounds;
      r.objective = -ended.objective;
      r.converged =
          ended.converged || ended.iterations < most;  // else rounding is all that is left
      if (r.stopped) break;
    }
    if (r.stopped) r.converged = false;
    q = unpack(x);
  }

  void finish(matrix<double> const& q, vector_view<std::int32_t const, S> y,
              enclosing_simplex_result& r) const {
    std::size_t const K = size_;
    auto const solved = ops::invert(q);
    matrix<double> T_of = solved.inverse.empty() ? matrix<double>::identity(K) : solved.inverse;
    r.log_volume = -log_det(q);
    auto const sums = sums_at(q, y);
    r.outside_share = sums[2 * K * K] / (static_cast<double>(p_.rows) * static_cast<double>(K));
    std::vector<std::size_t> name(K);
    for (std::size_t k = 0; k < K; ++k) name[k] = k;
    for (std::size_t k = 0; k < K; ++k) r.class_estimated[k] = 1;
    if (y.data) {
      matrix<double> gain(K, K);
      for (std::size_t c = 0; c < K * K; ++c) gain.data()[c] = sums[K * K + c];
      name = best_assignment(gain);
      for (std::size_t j = 0; j < K; ++j) {
        double labels = 0;
        for (std::size_t k = 0; k < K; ++k) labels += gain(k, j);
        r.class_estimated[j] = labels > 1e-9;
      }
    }
    r.transition = matrix<double>(K, K);
    for (std::size_t k = 0; k < K; ++k) {
      double* const row = &r.transition(name[k], 0);
      for (std::size_t j = 0; j < K; ++j) row[j] = T_of(k, j);
      onto_simplex(row, K);
      for (std::size_t j = 0; j < K; ++j)
        r.projected = (std::max)(r.projected, std::abs(row[j] - T_of(k, j)));
    }
  }

  Exec const& exec_;
  matrix_view<T const, S> p_;
  aim what_;
  settings options_;
  std::size_t size_;
  ops::buffer<double, Exec> q_;
  ops::buffer<T, Exec> some_;
  ops::buffer<std::uint64_t, Exec> pairs_;  ///< pairs x 2
};

}  // namespace detail::enclosing
}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DETAIL_ENCLOSING_SIMPLEX_HPP
