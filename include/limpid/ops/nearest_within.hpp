// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/nearest_within.hpp
/// The k nearest of every row among the rows themselves, for half the products of ops::nearest.
#ifndef LIMPID_OPS_NEAREST_WITHIN_HPP
#define LIMPID_OPS_NEAREST_WITHIN_HPP

#include <limpid/ops/nearest.hpp>
#include <limpid/simd/nearest_within.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::ops {

/// nearest_within(exec, x n x d, k, index n x k, distance n x k, metric, on_progress) -> false if
/// stopped. What nearest gives with x as queries and references and exclude_self, bit for bit; n >
/// k. The rows are cut into blocks, each two met once, as in a tournament: no two of a round share
/// a block. O(n^2 d / 2) time, O(n (d + k)) memory.
struct nearest_within_fn {
  template <execution_policy P, class T, memory_space S>
  bool operator()(P const& exec, matrix_view<T const, S> x, std::size_t k,
                  matrix_view<std::uint32_t, S> index, matrix_view<double, S> distance,
                  metric how = metric::euclidean, progress const* on_progress = nullptr) const {
    return kernel<nearest_within_fn, P>::run(exec, x, k, index, distance, how, on_progress);
  }

  template <host_policy P, class T>
  static bool host(P const& exec, matrix_view<T const> x, std::size_t k,
                   matrix_view<std::uint32_t> index, matrix_view<double> distance, metric how,
                   progress const* on_progress) {
    if constexpr (P::vectorised)
      if (x.rows > fewest_rows) return in_pairs(exec, x, k, index, distance, how, on_progress);
    return nearest_fn::host(exec, x, x, k, index, distance,
                            {.distance = how, .exclude_self = true, .on_progress = on_progress});
  }

 private:
  static constexpr std::size_t fewest_rows = 5000;  ///< below, blocks with themselves are most

  template <host_policy P, class T>
  static bool in_pairs(P const& exec, matrix_view<T const> x, std::size_t k,
                       matrix_view<std::uint32_t> index, matrix_view<double> distance, metric how,
                       progress const* on_progress) {
    bool const euclidean = how == metric::euclidean;
    std::size_t const n = x.rows, d = x.cols;
    std::vector<double> mean(d);
    for (std::size_t i = 0; euclidean && i < n; ++i)
      for (std::size_t c = 0; c < d; ++c) mean[c] += static_cast<double>(x(i, c));
    for (double& c : mean) c /= static_cast<double>(n);
    lanes::within_search<T> search(
        x.data, n, d, x.row_stride, x.col_stride, euclidean ? mean.data() : nullptr,
        euclidean ? lanes::metric::squared_euclidean : lanes::metric::cosine, k);
    std::size_t const blocks = search.blocks(), seats = blocks + blocks % 2, ring = seats - 1;
    auto const told = [&](std::size_t rounds) {
      return !on_progress || !*on_progress ||
             (*on_progress)(static_cast<double>(rounds) / static_cast<double>(ring + 1));
    };
    exec.for_tiles(blocks, [&](std::size_t a) { search.own(a); });
    for (std::size_t round = 0; round < ring; ++round) {
      if (!told(round)) return false;
      exec.for_tiles(seats / 2, [&](std::size_t i) {
        // one seat stays, the others move round; an empty seat sits out
        std::size_t const a = i ? (round + i) % ring : round;
        std::size_t const b = i ? (round + ring - i) % ring : ring;
        if (a < blocks && b < blocks) search.pair(a < b ? a : b, a < b ? b : a);
      });
    }
    constexpr std::size_t tile = 256;
    exec.for_tiles((n + tile - 1) / tile, [&](std::size_t t) {
      std::size_t const begin = t * tile, end = begin + tile < n ? begin + tile : n;
      std::vector<std::uint32_t> found((end - begin) * k);
      std::vector<double> measured((end - begin) * k);
      search.finish(begin, end, found.data(), measured.data());
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t c = 0; c < k; ++c) {
          index(i, c) = found[(i - begin) * k + c];
          double const m = measured[(i - begin) * k + c];
          distance(i, c) = euclidean ? std::sqrt(m) : m;
        }
    });
    return told(ring + 1);
  }
};
inline constexpr nearest_within_fn nearest_within{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_NEAREST_WITHIN_HPP
