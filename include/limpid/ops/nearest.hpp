// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/nearest.hpp
/// The k nearest rows: tiles of inner products whose epilogue keeps the best k. The n x m distances never exist.
#ifndef LIMPID_OPS_NEAREST_HPP
#define LIMPID_OPS_NEAREST_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/policy.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid {

/// What "near" means. Distances are given in double: Euclidean as the squared distance's root, cosine as 1 - cos.
enum class metric { euclidean, cosine };

}  // namespace limpid

namespace limpid::ops {

struct nearest_options {
  metric distance = metric::euclidean;
  bool exclude_self = false;  ///< queries and references are the same rows: row i is not its own neighbour
  progress const* on_progress = nullptr;
};

/// nearest(exec, queries n x d, references m x d, k, index n x k, distance n x k, options) -> false if stopped.
/// Row i of `index`: the k references nearest to query i, ascending distance, ties to the lower reference. Distances are
/// recomputed in double from the differences. m >= k (k + 1 with exclude_self), entries finite, no
/// zero rows for cosine (not checked). O(n m d) time, O(m d + n k) memory.
struct nearest_fn {
  template <execution_policy P, class T, memory_space S>
  bool operator()(P const& exec, matrix_view<T const, S> queries, matrix_view<T const, S> references, std::size_t k,
                  matrix_view<std::uint32_t, S> index, matrix_view<double, S> distance,
                  nearest_options const& options = {}) const {
    return kernel<nearest_fn, P>::run(exec, queries, references, k, index, distance, options);
  }

  template <host_policy P, class T>
  static bool host(P const& exec, matrix_view<T const> queries, matrix_view<T const> references, std::size_t k,
                   matrix_view<std::uint32_t> index, matrix_view<double> distance, nearest_options const& options) {
    exec.for_tiles(queries.rows, [&](std::size_t i) {
      std::vector<std::pair<double, std::uint32_t>> all;
      for (std::size_t j = 0; j < references.rows; ++j) {
        if (options.exclude_self && i == j) continue;
        double dot = 0, squared = 0, q2 = 0, r2 = 0;
        for (std::size_t c = 0; c < queries.cols; ++c) {
          double const q = static_cast<double>(queries(i, c)), r = static_cast<double>(references(j, c));
          squared += (q - r) * (q - r);
          dot += q * r;
          q2 += q * q;
          r2 += r * r;
        }
        all.emplace_back(options.distance == metric::cosine ? 1 - dot / std::sqrt(q2 * r2) : std::sqrt(squared),
                         static_cast<std::uint32_t>(j));
      }
      std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
      for (std::size_t c = 0; c < k; ++c) {
        distance(i, c) = all[c].first;
        index(i, c) = all[c].second;
      }
    });
    return true;
  }
};
inline constexpr nearest_fn nearest{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_NEAREST_HPP
