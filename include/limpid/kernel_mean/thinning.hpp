// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/thinning.hpp
/// Kernel thinning: a sample halved again and again so that its kernel mean hardly moves.
#ifndef LIMPID_KERNEL_MEAN_THINNING_HPP
#define LIMPID_KERNEL_MEAN_THINNING_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/landmarks.hpp>
#include <limpid/kernel_mean/detail/picks.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

struct thinning_options {
  std::size_t halvings = 1;  ///< m >= 0: floor(n / 2^m) rows are kept, at least 1
  double delta = 0.5;        ///< (0, 1): smaller balances less eagerly, with a surer bound
  bool swap = true;          ///< exchange the kept rows, one after the other, for better ones
  std::uint64_t seed = 0;
  std::vector<double> uniforms = {};  ///< draws of your own in [0, 1), one a decision, in the order
                                      ///< of the rows, then of the halvings; empty: from seed
  progress on_progress = {};          ///< told the fraction done; false stops
  bool validate = true;               ///< look for entries that are not finite first
};

struct thinning_result {
  std::vector<std::size_t> rows;  ///< kept: floor(n / 2^m), after swapping maybe one more than once
  double mmd2 = 0;                ///< |mean of the kept rows - mean of all|^2
  double mmd2_split = 0;          ///< of the best part before swapping
  double mmd2_every = 0;          ///< of every (n / size)-th row, for comparison
  double norm2 = 0;               ///< |mean of all|^2
  matrix<std::uint64_t> parts;    ///< 2^m x size: rows of all parts that the halvings made
  vector<double> part_mmd2;       ///< 2^m
  std::size_t part = 0;           ///< chosen for swapping; 2^m: every (n / size)-th row was better
  std::size_t exchanged = 0;      ///< rows that swapping replaced
  bool stopped = false;           ///< by on_progress: nothing else is meant
};

namespace detail {

/// fold_rows: what a slot's row would add to mmd2, with the sign turned.
template <memory_space S>
struct swap_row {
  vector_view<double const, S> diagonal, mean, sums;  ///< sums over the kept rows of k(x_i, .)
  vector_view<double const, S> old;                   ///< k(x_i, the slot's row)
  double size;
  LIMPID_HD void operator()(std::size_t i, best_row& best) const {
    double const value = 2 * mean[i] - diagonal[i] / size - 2 / size * (sums[i] - old[i]);
    if (value > best.value) best = {value, i, mean[i], sums[i]};
  }
};
template <memory_space S>
struct exchange_column {
  vector_view<double, S> sums;
  vector_view<double const, S> old, fresh;
  LIMPID_HD void operator()(std::size_t i) const { sums[i] += fresh[i] - old[i]; }
};

/// The walk of one parent: pairs of its rows go to either side so that the signed sum stays small.
class balanced_walk {
 public:
  explicit balanced_walk(double log_term) : log_term_(log_term) {}
  /// b2 = |phi(a) - phi(b)|^2; alpha = <signed sum so far, phi(a) - phi(b)>, right minus left.
  /// True: b goes left, a right.
  bool swaps(double b2, double alpha, double uniform) {
    b2 = b2 > 0 ? b2 : 0;
    double const wide = std::sqrt(variance_ * b2 * log_term_);
    double threshold = wide > b2 ? wide : b2;
    if (!(variance_ > 0)) {
      variance_ = b2;
    } else if (threshold > 0) {
      double const q = 0.5 + (b2 / (2 * threshold) - 1) * variance_ / threshold;
      if (q > 0) variance_ += 2 * b2 * q;
    }
    if (!(threshold > 0)) threshold = 1;
    return uniform <= 0.5 * (1 - alpha / threshold);
  }

 private:
  double log_term_, variance_ = 0;
};

/// Decisions before parent c of level j gets its t-th pair, over all levels, as the rows come in.
inline std::size_t decision_number(std::size_t halvings, std::size_t j, std::size_t c,
                                   std::size_t t) {
  std::size_t const row = ((t + 1) << (j + 1)) - 1;
  std::size_t before = (std::size_t{1} << j) - 1 + c;
  for (std::size_t l = 0; l < halvings; ++l) before += (row >> (l + 1)) << l;
  return before;
}

}  // namespace detail

/// Thins n rows to floor(n / 2^m) whose kernel mean is nearer to that of all than independent draws
/// would be: an error of order 1 / size up to logarithms, where draws have 1 / sqrt(size).
///
/// Split: m times every part is halved; each two rows a, b in turn go one to either side, by a draw
/// whose odds lean against alpha = sum over the rows l before of s_l (k(l, a) - k(l, b)), s_l = +-1
/// the side l went to. Then of the 2^m parts and of every (n / size)-th row the one with the
/// smallest mmd2 is taken, and every row of it in turn exchanged for the row of x that makes mmd2
/// smallest.
///
/// @param kernel   positive semidefinite; as in evaluate. It splits and it measures.
/// @param x        n x d, n >= 2^m, finite; in the order in which they came: rows next to each
///                 other are paired, so the order of a Markov chain is a good one.
/// @param options  thinning_options.
/// @return thinning_result.
/// @throws input_error  entries that are not finite, options or kernel parameters out of range,
///         uniforms of another number than decisions, the sigmoid kernel.
///
/// Time O(n^2 d), memory O(n d): the kernel matrix is never stored. Deterministic: bitwise the same
/// for any number of threads; draws are keyed by seed and decision. float32 instead of float64
/// changes each mmd2 by less than 1e-5 max k(x, x), and rarely a decision.
///
/// Source: Dwivedi, Mackey, "Kernel thinning", JMLR 25 (2024); "Generalized kernel thinning", ICLR
/// 2022 (one kernel for both).
struct thinning_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_matrix_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::fold_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::thinning";

  template <execution_policy P, kernel_like K, real_matrix X>
  thinning_result operator()(P const& exec, K const& kernel, X const& x,
                             thinning_options const& options = {}) const {
    limpid::detail::enter<thinning_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const rows = view(held);
    check(exec, kernel, rows, options);
    return work<P, K, value_t<X>>{exec, kernel, rows, options}.run();
  }
  template <kernel_like K, real_matrix X>
  thinning_result operator()(K const& kernel, X const& x,
                             thinning_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }

 private:
  using indices = std::vector<std::uint64_t>;

  template <execution_policy P, kernel_like K, class T>
  static void check(P const& exec, K const& k, matrix_view<T const, P::space> x,
                    thinning_options const& o) {
    using limpid::detail::require;
    detail::check_positive(where, k);
    require(o.halvings < 60 && x.rows >> o.halvings >= 1, where, "x has ", x.rows, " rows; ",
            o.halvings, " halvings leave none");
    require(o.delta > 0 && o.delta < 1, where, "delta is ", o.delta, "; it must be in (0, 1)");
    if (!o.uniforms.empty()) {
      std::size_t decisions = 0;
      for (std::size_t j = 0; j < o.halvings; ++j) decisions += (x.rows >> (j + 1)) << j;
      require(o.uniforms.size() == decisions, where, "uniforms has ", o.uniforms.size(),
              " elements; there are ", decisions, " decisions");
      for (std::size_t u = 0; u < decisions; ++u)
        require(o.uniforms[u] >= 0 && o.uniforms[u] < 1, where, "uniforms row ", u, " is ",
                o.uniforms[u], "; it must be in [0, 1)");
    }
    if (o.validate) ops::check_finite(exec, where, "x", x);
  }

  template <execution_policy P, kernel_like K, class T>
  struct work {
    static constexpr auto S = P::space;
    P const& exec;
    K const& k;
    matrix_view<T const, S> x;
    thinning_options const& o;
    double done = 0, all = 0;  ///< kernel values

    thinning_result run() {
      std::size_t const n = x.rows, m = o.halvings, size = n >> m, parts = std::size_t{1} << m;
      auto const rows = static_cast<double>(n), kept = static_cast<double>(size);
      all = rows * rows / 2 + rows * rows * (1 - 1 / static_cast<double>(parts)) + rows * kept +
            kept * kept + (o.swap ? 3 * rows * kept + kept * kept : 0);
      thinning_result out;
      auto const mean = ops::make_buffer<double>(exec, n);
      out.stopped = !detail::mean_at_rows(exec, k, x, vector_view<double const, S>{}, mean.view(),
                                          out.norm2, next(rows * rows / 2));
      if (out.stopped || !split(out)) return out;

      auto const at = ops::download(exec, mean.view());
      indices every(size);
      for (std::size_t s = 0; s < size; ++s) every[s] = n - 1 - (size - 1 - s) * (n / size);
      out.part_mmd2 = vector<double>(parts);
      indices best;
      for (std::size_t p = 0; p <= parts && !out.stopped; ++p) {
        std::uint64_t const* const from = p < parts ? out.parts.data() + p * size : every.data();
        indices const part(from, from + size);
        double const gap = mmd2(part, at, out);
        (p < parts ? out.part_mmd2[p] : out.mmd2_every) = gap;
        if (p > 0 && !(gap < out.mmd2_split)) continue;
        out.mmd2_split = gap;
        out.part = p;
        best = part;
      }
      out.mmd2 = out.mmd2_split;
      if (!out.stopped && o.swap) exchange(best, mean.view(), at, out);
      out.rows.assign(best.begin(), best.end());
      return out;
    }

    progress next(double values) {
      double const from = done / all;
      done += values;
      return detail::stretch(o.on_progress, from, done / all);
    }

    double draw(std::size_t decision) const {
      if (!o.uniforms.empty()) return o.uniforms[decision];
      return random_stream(o.seed, 0, decision).uniform();
    }

    bool split(thinning_result& out) {
      std::size_t const n = x.rows, m = o.halvings, size = n >> m;
      std::vector<indices> level(1, indices(n));
      for (std::size_t i = 0; i < n; ++i) level[0][i] = i;
      for (std::size_t j = 0; j < m; ++j) {
        std::vector<indices> halves;
        double const log_term =
            2 * std::log(2 * static_cast<double>(n) * static_cast<double>(m) / o.delta) -
            2 * static_cast<double>(j) * std::log(2.0);
        for (std::size_t c = 0; c < level.size(); ++c) {
          indices left, right;
          auto const rows = static_cast<double>(level[c].size());
          if (!halve(level[c], j, c, log_term, next(rows * rows / 2), left, right)) {
            out.stopped = true;
            return false;
          }
          halves.push_back(std::move(left));
          halves.push_back(std::move(right));
        }
        level = std::move(halves);
      }
      out.parts = matrix<std::uint64_t>(level.size(), size);
      for (std::size_t p = 0; p < level.size(); ++p)
        for (std::size_t s = 0; s < size; ++s) out.parts(p, s) = level[p][s];
      return true;
    }

    /// Rows come in blocks: the signed sums over the blocks before are kernel sums, the rest is
    /// walked through on the host.
    bool halve(indices const& rows, std::size_t j, std::size_t c, double log_term,
               progress const& told, indices& left, indices& right) const {
      constexpr std::size_t block = 1024;  // even
      std::size_t const count = rows.size() / 2 * 2;
      detail::balanced_walk walk(log_term);
      auto const held = detail::rows_of(exec, x, rows.data(), count);
      matrix_view<T const, S> const y = held.view(count, x.cols);
      auto const signs = ops::make_buffer<double>(exec, count);
      auto const sums = ops::make_buffer<double>(exec, block);
      matrix<double> own;
      std::vector<double> side;
      for (std::size_t first = 0; first < count; first += block) {
        std::size_t const last = count - first < block ? count : first + block, here = last - first;
        auto const some = y.row_block(first, last);
        vector<double> before(here);
        if (first > 0) {
          if (!ops::kernel_sums(exec, k, some, y.row_block(0, first),
                                matrix_view<double const, S>(signs.view().data, first, 1),
                                matrix_view<double, S>(sums.view().data, here, 1)))
            return false;
          before = ops::download(exec, vector_view<double, S>(sums.view().data, here));
        }
        if (own.rows() != here) own = matrix<double>(here, here);
        if (!detail::spectral::host_kernel_matrix(exec, where, k, some, own.view(), {}))
          return false;
        side.assign(here, 0.0);
        for (std::size_t a = 0; a < here; a += 2) {
          std::size_t const b = a + 1;
          double alpha = before[a] - before[b];
          for (std::size_t l = 0; l < a; ++l) alpha += side[l] * (own(a, l) - own(b, l));
          bool const turned =
              walk.swaps(own(a, a) + own(b, b) - 2 * own(b, a), alpha,
                         draw(detail::decision_number(o.halvings, j, c, (first + a) / 2)));
          side[a] = turned ? 1 : -1;
          side[b] = -side[a];
          left.push_back(rows[first + (turned ? b : a)]);
          right.push_back(rows[first + (turned ? a : b)]);
        }
        ops::copy(exec, vector_view<double const>(side.data(), here),
                  vector_view<double, S>(signs.view().data + first, here));
        double const part = static_cast<double>(last) / static_cast<double>(count);
        if (told && !told(part * part)) return false;
      }
      return true;
    }

    double mmd2(indices const& rows, vector<double> const& mean, thinning_result& out) {
      auto const size = static_cast<double>(rows.size());
      auto const held = detail::rows_of(exec, x, rows.data(), rows.size());
      matrix_view<T const, S> const y = held.view(rows.size(), x.cols);
      double own = 0, cross = 0;
      vector_view<double const, S> const ones{};
      if (!detail::inner(exec, k, y, ones, y, ones, next(size * size), own)) out.stopped = true;
      for (std::uint64_t i : rows) cross += mean[i];
      double const gap = own / (size * size) - 2 * cross / size + out.norm2;
      return gap > 0 ? gap : 0;
    }

    void exchange(indices& rows, vector_view<double const, S> mean, vector<double> const& at,
                  thinning_result& out) {
      std::size_t const n = x.rows, size = rows.size();
      constexpr double nothing = -std::numeric_limits<double>::infinity();
      auto const diagonal = ops::make_buffer<double>(exec, n),
                 sums = ops::make_buffer<double>(exec, n),
                 fresh = ops::make_buffer<double>(exec, n);
      ops::for_rows(exec, n, detail::put_diagonal<K, T, S>{k, x, diagonal.view()});
      auto const values = static_cast<double>(n) * static_cast<double>(size);
      {
        auto const held = detail::rows_of(exec, x, rows.data(), size);
        progress const told = next(values);
        out.stopped = !ops::kernel_sums(
            exec, k, x, matrix_view<T const, S>(held.view(size, x.cols)),
            matrix_view<double const, S>{}, matrix_view<double, S>(sums.view().data, n, 1), &told);
      }
      if (out.stopped) return;
      progress const told = next(2 * values);
      std::size_t const fit = (std::size_t{1} << 22) / n, some = fit < 1 ? 1 : fit > 64 ? 64 : fit;
      auto const columns = ops::make_buffer<double>(exec, n * (some < size ? some : size));
      for (std::size_t first = 0; first < size; first += some) {
        std::size_t const here = size - first < some ? size - first : some;
        auto const held = detail::rows_of(exec, x, rows.data() + first, here);
        matrix_view<double, S> const old = columns.view(here, n).transposed();
        ops::kernel_matrix(exec, k, x, matrix_view<T const, S>(held.view(here, x.cols)), old);
        for (std::size_t s = 0; s < here; ++s) {
          std::uint64_t& row = rows[first + s];
          auto const best = ops::fold_rows(
              exec, n, detail::best_row{nothing, static_cast<std::size_t>(row), 0, 0},
              detail::swap_row<S>{diagonal.view(), mean, sums.view(), old.col(s),
                                  static_cast<double>(size)},
              detail::better_of{});
          if (best.row == row) continue;
          row = best.row;
          ++out.exchanged;
          detail::kernel_column(exec, k, x, best.row, fresh.view());
          ops::for_rows(exec, n, detail::exchange_column<S>{sums.view(), old.col(s), fresh.view()});
        }
        if (told && !told(static_cast<double>(first + here) / static_cast<double>(size))) {
          out.stopped = true;
          return;
        }
      }
      done = all - static_cast<double>(size) * static_cast<double>(size);
      out.mmd2 = mmd2(rows, at, out);
    }
  };
};
inline constexpr thinning_fn thinning{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_THINNING_HPP
