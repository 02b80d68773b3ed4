// SPDX-License-Identifier: BSL-1.0
/// @file limpid/graph/sparse.hpp
/// A graph that owns its rows, how one is built from neighbours, and what makes one valid.
#ifndef LIMPID_GRAPH_SPARSE_HPP
#define LIMPID_GRAPH_SPARSE_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/tensor.hpp>
#include <limpid/graph/detail/graph_check.hpp>
#include <limpid/ops/spmm.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::graph {

/// A graph on n nodes in compressed rows: row i's edges are [start[i], start[i + 1]) of col and
/// value.
template <std::floating_point T = double>
struct sparse {
  using value_type = T;
  vector<std::uint64_t> start;  ///< n + 1
  vector<std::uint32_t> col;    ///< ascending within a row
  vector<T> value;              ///< >= 0
  bool symmetric = false;       ///< edge (i, j) and edge (j, i) have the same weight

  std::size_t rows() const noexcept { return start.empty() ? 0 : start.size() - 1; }
  std::size_t entries() const noexcept { return col.size(); }
  csr_view<T> view() const noexcept { return {start.view(), col.view(), value.view(), rows()}; }
  /// Sum of each row, self-loops included.
  vector<double> degrees() const {
    vector<double> out(rows());
    for (std::size_t i = 0; i < rows(); ++i)
      for (std::uint64_t e = start[i]; e < start[i + 1]; ++e)
        out[i] += static_cast<double>(value[e]);
    return out;
  }
};

/// Connected parts of an undirected graph.
struct components_result {
  vector<std::uint32_t> component;  ///< n, 0..count-1, numbered by their lowest node
  std::size_t count = 0;
};

/// Which nodes hang together. An edge counts in both directions; one of weight 0 does not count.
/// O(n + entries), memory n numbers.
template <class T>
components_result components(csr_view<T> graph) {
  std::size_t const n = graph.rows();
  std::vector<std::uint32_t> parent(n);
  for (std::size_t i = 0; i < n; ++i) parent[i] = static_cast<std::uint32_t>(i);
  auto const root = [&](std::uint32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (std::size_t i = 0; i < n; ++i)
    for (std::uint64_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
      if (!(graph.value[e] > 0)) continue;
      std::uint32_t const a = root(static_cast<std::uint32_t>(i)), b = root(graph.col[e]);
      parent[a > b ? a : b] = a > b ? b : a;
    }
  components_result out{vector<std::uint32_t>(n), 0};
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t const r = root(static_cast<std::uint32_t>(i));
    out.component[i] = r == i ? static_cast<std::uint32_t>(out.count++) : out.component[r];
  }
  return out;
}
template <class T>
components_result components(sparse<T> const& graph) {
  return components(graph.view());
}

/// Refuses a graph that is not one: rows that do not follow each other, columns out of range or out
/// of order, weights that are negative or not finite, and, where symmetric, an edge that its
/// reverse contradicts by more than 1e-6 of its weight. O(entries log degree).
///
/// @throws input_error  naming the row.
template <class T>
void check_graph(csr_view<T> graph, bool symmetric, std::string_view where = "graph::check_graph") {
  detail::check_graph(detail::host_rows{}, where, graph, symmetric);
}
template <class T>
void check_graph(sparse<T> const& graph, std::string_view where = "graph::check_graph") {
  detail::check_graph(detail::host_rows{}, where, graph.view(), graph.symmetric);
}

/// How an edge of length d is weighed.
enum class edge_weight {
  uniform,      ///< 1
  gaussian,     ///< exp(-gamma d^2)
  self_tuning,  ///< exp(-d^2 / (s_i s_j)), s_i = distance to the scale_neighbour-th neighbour
  cosine_power  ///< max(0, 1 - d)^power, for cosine distances
};

/// How the two directions of an edge become one. A missing direction has weight 0.
enum class symmetrise {
  mean,     ///< (W + W') / 2
  maximum,  ///< the larger
  mutual,   ///< the smaller: only edges that both ends chose
  sum       ///< W + W'
};

struct build_options {
  edge_weight weight = edge_weight::self_tuning;
  symmetrise direction = symmetrise::mean;
  double gamma = 1;  ///< gaussian only, > 0, in 1 / distance^2
  std::size_t scale_neighbour =
      7;                 ///< self_tuning only, >= 1; the last neighbour where k is smaller
  double power = 3;      ///< cosine_power only, > 0
  bool validate = true;  ///< look for bad neighbours and distances first
};

template <std::floating_point T>
struct build_result {
  sparse<T> graph;             ///< symmetric, no self-loops
  std::size_t isolated = 0;    ///< nodes without an edge of weight above 0
  std::size_t components = 0;  ///< connected parts, isolated nodes among them
};

namespace detail {

/// s_i of self_tuning; a row of duplicates takes the smallest positive scale, or 1 if there is
/// none.
inline std::vector<double> tuning_scales(matrix_view<double const> distance,
                                         std::size_t neighbour) {
  std::vector<double> scale(distance.rows);
  std::size_t const at = (neighbour < distance.cols ? neighbour : distance.cols) - 1;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < scale.size(); ++i) {
    scale[i] = distance(i, at);
    if (scale[i] > 0 && scale[i] < least) least = scale[i];
  }
  for (double& s : scale)
    if (!(s > 0)) s = least < std::numeric_limits<double>::infinity() ? least : 1;
  return scale;
}

inline double weigh(build_options const& o, std::vector<double> const& scale, std::size_t i,
                    std::size_t j, double d) {
  switch (o.weight) {
    case edge_weight::uniform:
      return 1;
    case edge_weight::gaussian:
      return std::exp(-o.gamma * d * d);
    case edge_weight::self_tuning:
      return std::exp(-d / scale[i] * (d / scale[j]));
    case edge_weight::cosine_power:
      break;
  }
  return d < 1 ? std::pow(1 - d, o.power) : 0;
}

inline void check_neighbours(std::string_view where, matrix_view<std::uint32_t const> index,
                             matrix_view<double const> distance) {
  for (std::size_t i = 0; i < index.rows; ++i)
    for (std::size_t c = 0; c < index.cols; ++c) {
      if (index(i, c) >= index.rows)
        limpid::detail::fail(where, ": index row ", i, " names row ", index(i, c),
                             "; neighbours must be 0..", index.rows - 1);
      if (!(distance(i, c) >= 0) || distance(i, c) - distance(i, c) != 0)
        limpid::detail::fail(where, ": distance row ", i,
                             " has an entry that is negative or not finite");
    }
}

}  // namespace detail

/// A symmetric graph from each row's neighbours.
///
/// Neighbours are weighed by `options.weight`, then W and its transpose become one by
/// `options.direction`. A neighbour that is the row itself is left out; one named twice by a row
/// counts once. Works on the host, where the neighbours are.
///
/// @tparam T        float or double, of the weights.
/// @param index     n x k row numbers (std::uint32_t), as knn gives them, or from an index of your
/// own.
/// @param distance  n x k, finite, >= 0, ascending where self_tuning is asked for.
/// @param options   build_options: how a distance becomes a weight, and two directions one edge.
/// @return build_result. Look at `isolated` and `components`: labels do not cross from one part to
/// another.
/// @throws input_error  different extents, row numbers out of range, bad distances, options out of
/// range.
///
/// Time O(n k log k), memory O(n k). Deterministic. Sources: self_tuning: Zelnik-Manor, Perona,
/// NIPS 2004; cosine_power: Iscen et al., CVPR 2019.
template <std::floating_point T = double, class Index, class Distance>
  requires tensor_matrix<Index> && tensor_matrix<Distance>
build_result<T> build(Index const& index, Distance const& distance,
                      build_options const& options = {}) {
  constexpr std::string_view where = "graph::build";
  using limpid::detail::require;
  auto&& held_index = limpid::detail::materialise(index);
  auto&& held_distance = limpid::detail::materialise(distance);
  matrix_view<std::uint32_t const> const to = limpid::view(held_index);
  matrix_view<double const> const d = limpid::view(held_distance);
  std::size_t const n = to.rows, k = to.cols;
  require(d.rows == n && d.cols == k, where, "index is ", n, " x ", k, ", distance is ", d.rows,
          " x ", d.cols);
  require(n < 0xffffffffu, where, "index has ", n, " rows; row numbers are 32 bits wide");
  require(options.gamma > 0 && options.gamma < 1e300, where, "gamma is ", options.gamma,
          "; it must be above 0 and finite");
  require(options.power > 0 && options.power < 1e300, where, "power is ", options.power,
          "; it must be above 0 and finite");
  require(options.scale_neighbour >= 1, where, "scale_neighbour is 0; it must be at least 1");
  if (options.validate) detail::check_neighbours(where, to, d);
  std::vector<double> scale;
  if (options.weight == edge_weight::self_tuning && k)
    scale = detail::tuning_scales(d, options.scale_neighbour);

  // Both directions of every edge, by row: (column, weight there, weight back).
  struct half_edge {
    std::uint32_t col;
    double there, back;
  };
  std::vector<std::uint64_t> place(n + 1);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < k; ++c) {
      if (to(i, c) == i) continue;
      ++place[i + 1];
      ++place[to(i, c) + std::size_t{1}];
    }
  for (std::size_t i = 0; i < n; ++i) place[i + 1] += place[i];
  std::vector<half_edge> half(place[n]);
  std::vector<std::uint64_t> next(place.begin(), place.end());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < k; ++c) {
      std::uint32_t const j = to(i, c);
      if (j == i) continue;
      double const w = detail::weigh(options, scale, i, j, d(i, c));
      half[next[i]++] = {j, w, 0};
      half[next[j]++] = {static_cast<std::uint32_t>(i), 0, w};
    }

  build_result<T> out;
  out.graph.symmetric = true;
  std::vector<std::uint64_t> start(n + 1);
  std::vector<std::uint32_t> col;
  std::vector<T> value;
  for (std::size_t i = 0; i < n; ++i) {
    auto const first = half.begin() + static_cast<std::ptrdiff_t>(place[i]);
    auto const last = half.begin() + static_cast<std::ptrdiff_t>(place[i + 1]);
    std::sort(first, last, [](half_edge const& a, half_edge const& b) { return a.col < b.col; });
    bool linked = false;
    for (auto e = first; e != last;) {
      double there = 0, back = 0;
      std::uint32_t const j = e->col;
      for (; e != last && e->col == j; ++e) {
        there = e->there > there ? e->there : there;
        back = e->back > back ? e->back : back;
      }
      double w = there + back;
      if (options.direction == symmetrise::mean) w /= 2;
      if (options.direction == symmetrise::maximum) w = there > back ? there : back;
      if (options.direction == symmetrise::mutual) w = there < back ? there : back;
      if (options.direction == symmetrise::mutual && !(w > 0)) continue;
      col.push_back(j);
      value.push_back(static_cast<T>(w));
      linked = linked || static_cast<T>(w) > 0;
    }
    start[i + 1] = col.size();
    out.isolated += linked ? 0 : 1;
  }
  out.graph.start = vector<std::uint64_t>(std::move(start));
  out.graph.col = vector<std::uint32_t>(std::move(col));
  out.graph.value = vector<T>(std::move(value));
  out.components = components(out.graph).count;
  return out;
}

}  // namespace limpid::graph

#endif  // LIMPID_GRAPH_SPARSE_HPP
