// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/nearest.hpp
/// The k nearest rows: tiles of inner products whose epilogue keeps the best k. The n x m distances
/// never exist.
#ifndef LIMPID_OPS_NEAREST_HPP
#define LIMPID_OPS_NEAREST_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/policy.hpp>
#include <limpid/ops/pairs.hpp>
#include <limpid/ops/steps.hpp>
#include <limpid/simd/nearest.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid {

/// What "near" means. Distances are given in double: Euclidean as the squared distance's root,
/// cosine as 1 - cos.
enum class metric { euclidean, cosine };

}  // namespace limpid

namespace limpid::ops {

struct nearest_options {
  metric distance = metric::euclidean;
  bool exclude_self =
      false;  ///< queries and references are the same rows: row i is not its own neighbour
  progress const* on_progress = nullptr;
};

/// nearest(exec, queries n x d, references m x d, k, index n x k, distance n x k, options) -> false
/// if stopped. Row i of `index`: the k references nearest to query i, ascending distance, ties to
/// the lower reference. Distances are recomputed in double from the differences. m >= k (k + 1 with
/// exclude_self), entries finite, no zero rows for cosine (not checked). O(n m d) time, half of it
/// where queries and references are one view; O(m d + n k) memory.
struct nearest_fn {
  template <execution_policy P, class T, memory_space S>
  bool operator()(P const& exec, matrix_view<T const, S> queries,
                  matrix_view<T const, S> references, std::size_t k,
                  matrix_view<std::uint32_t, S> index, matrix_view<double, S> distance,
                  nearest_options const& options = {}) const {
    return kernel<nearest_fn, P>::run(exec, queries, references, k, index, distance, options);
  }

  template <host_policy P, class T>
  static bool host(P const& exec, matrix_view<T const> queries, matrix_view<T const> references,
                   std::size_t k, matrix_view<std::uint32_t> index, matrix_view<double> distance,
                   nearest_options const& options) {
    if constexpr (P::vectorised)
      return tiles(exec, queries, references, k, index, distance, options);
    else
      return plain(exec, queries, references, k, index, distance, options);
  }

 private:
  static constexpr std::size_t query_tile = 256;
  static constexpr std::size_t most_own =
      256;  ///< above, every row's candidates at once take more than the result

  template <class T>
  static bool same(matrix_view<T const> a, matrix_view<T const> b) {
    return a.data == b.data && a.rows == b.rows && a.cols == b.cols &&
           a.row_stride == b.row_stride && a.col_stride == b.col_stride;
  }

  /// Every distance of a row, sorted: the reference.
  template <host_policy P, class T>
  static bool plain(P const& exec, matrix_view<T const> queries, matrix_view<T const> references,
                    std::size_t k, matrix_view<std::uint32_t> index, matrix_view<double> distance,
                    nearest_options const& options) {
    return in_steps(exec, queries.rows, options.on_progress, [&](std::size_t i) {
      std::vector<std::pair<double, std::uint32_t>> all;
      all.reserve(references.rows);
      for (std::size_t j = 0; j < references.rows; ++j)
        if (!(options.exclude_self && i == j))
          all.emplace_back(measure(queries.row(i), references.row(j), options.distance),
                           static_cast<std::uint32_t>(j));
      std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
      for (std::size_t c = 0; c < k; ++c) {
        distance(i, c) = finish(all[c].first, options.distance);
        index(i, c) = all[c].second;
      }
    });
  }

  /// Squared distance, or 1 - cosine.
  template <class T>
  static double measure(vector_view<T const> q, vector_view<T const> r, metric how) {
    double dot = 0, squared = 0, q2 = 0, r2 = 0;
    for (std::size_t c = 0; c < q.size; ++c) {
      double const a = static_cast<double>(q[c]), b = static_cast<double>(r[c]);
      squared += (a - b) * (a - b);
      dot += a * b;
      q2 += a * a;
      r2 += b * b;
    }
    return how == metric::cosine ? 1 - dot / (std::sqrt(q2) * std::sqrt(r2)) : squared;
  }
  static double finish(double measured, metric how) {
    return how == metric::cosine ? measured : std::sqrt(measured);
  }

  template <host_policy P, class T>
  static bool tiles(P const& exec, matrix_view<T const> queries, matrix_view<T const> references,
                    std::size_t k, matrix_view<std::uint32_t> index, matrix_view<double> distance,
                    nearest_options const& options) {
    bool const euclidean = options.distance == metric::euclidean;
    std::size_t const n = queries.rows, m = references.rows, d = queries.cols;
    std::vector<double> mean(d);
    for (std::size_t j = 0; euclidean && j < m; ++j)
      for (std::size_t c = 0; c < d; ++c) mean[c] += static_cast<double>(references(j, c));
    for (double& c : mean) c /= static_cast<double>(m);
    auto const packed =
        lanes::pack_rows(references.data, m, d, references.row_stride, references.col_stride,
                         euclidean ? mean.data() : nullptr,
                         euclidean ? lanes::metric::squared_euclidean : lanes::metric::cosine);
    auto const write = [&](std::size_t begin, std::size_t end, std::uint32_t const* found,
                           double const* measured) {
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t c = 0; c < k; ++c) {
          index(i, c) = found[(i - begin) * k + c];
          distance(i, c) = finish(measured[(i - begin) * k + c], options.distance);
        }
    };
    if (same(queries, references) && k <= most_own) {
      lanes::own_search<T> const search(packed, k, options.exclude_self);
      if (!in_pairs(exec, search.blocks(), options.on_progress,
                    [&](std::size_t a, std::size_t b) { search.pair(a, b); }))
        return false;
      exec.for_tiles((n + query_tile - 1) / query_tile, [&](std::size_t t) {
        std::size_t const begin = t * query_tile, end = (std::min)(begin + query_tile, n);
        std::vector<std::uint32_t> found((end - begin) * k);
        std::vector<double> measured((end - begin) * k);
        search.finish(begin, end, found.data(), measured.data());
        write(begin, end, found.data(), measured.data());
      });
      return true;
    }
    return in_steps(
        exec, (n + query_tile - 1) / query_tile, options.on_progress, [&](std::size_t t) {
          std::size_t const begin = t * query_tile, end = (std::min)(begin + query_tile, n);
          std::vector<std::uint32_t> found((end - begin) * k);
          std::vector<double> measured((end - begin) * k);
          lanes::nearest_block(packed, queries.data, queries.row_stride, queries.col_stride, begin,
                               end, k, options.exclude_self, found.data(), measured.data());
          write(begin, end, found.data(), measured.data());
        });
  }
};
inline constexpr nearest_fn nearest{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_NEAREST_HPP
