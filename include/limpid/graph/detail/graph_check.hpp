// SPDX-License-Identifier: BSL-1.0
/// @file limpid/graph/detail/graph_check.hpp
/// The rules that a graph in compressed rows keeps, row by row.
#ifndef LIMPID_GRAPH_DETAIL_GRAPH_CHECK_HPP
#define LIMPID_GRAPH_DETAIL_GRAPH_CHECK_HPP

#include <limpid/core/error.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/spmm.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::graph::detail {

/// Codes: 1 rows out of order, 2 column out of range, 3 columns not ascending, 4 weight not finite,
/// 5 weight negative, 6 the reverse edge is missing or weighs differently.
template <class T, memory_space S>
struct graph_fault {
  csr_view<T, S> graph;
  bool symmetric;
  bool starts_only;
  LIMPID_HD int operator()(std::size_t i) const {
    std::uint64_t const first = graph.start[i], last = graph.start[i + 1];
    if (last < first || last > graph.col.size || (i == 0 && first != 0)) return 1;
    if (i + 2 == graph.start.size && last != graph.col.size) return 1;
    if (starts_only) return 0;
    for (std::uint64_t e = first; e < last; ++e) {
      if (graph.col[e] >= graph.cols) return 2;
      if (e > first && graph.col[e] <= graph.col[e - 1]) return 3;
      auto const w = static_cast<double>(graph.value[e]);
      if (w - w != 0) return 4;
      if (w < 0) return 5;
      if (symmetric && w > 0) {
        double const gap = w - back(i, graph.col[e]);
        if (gap > 1e-6 * w || gap < -1e-6 * w) return 6;
      }
    }
    return 0;
  }
  /// Weight of edge (j, i), 0 if there is none. Row j may be out of order: the search ends all the
  /// same.
  LIMPID_HD double back(std::size_t i, std::size_t j) const {
    std::uint64_t low = graph.start[j], high = graph.start[j + 1];
    while (low < high) {
      std::uint64_t const middle = low + (high - low) / 2;
      if (graph.col[middle] < i)
        low = middle + 1;
      else
        high = middle;
    }
    return low < graph.start[j + 1] && graph.col[low] == i ? static_cast<double>(graph.value[low])
                                                           : 0;
  }
};

/// first_row as a plain loop, for functions that have no policy.
struct host_rows {
  template <class F>
  ops::row_fault operator()(std::size_t rows, F const& f) const {
    for (std::size_t i = 0; i < rows; ++i)
      if (int const code = f(i)) return {i, code};
    return {};
  }
};
template <execution_policy P>
struct policy_rows {
  P const& exec;
  template <class F>
  ops::row_fault operator()(std::size_t rows, F const& f) const {
    return ops::first_row(exec, rows, f);
  }
};

template <class First, class T, memory_space S>
void check_graph(First const& first, std::string_view where, csr_view<T, S> graph, bool symmetric) {
  using limpid::detail::fail;
  if (graph.start.size == 0)
    fail(where, ": graph start is empty; it must hold one more number than there are nodes");
  if (graph.cols != graph.rows())
    fail(where, ": graph has ", graph.rows(), " rows and ", graph.cols,
         " columns; it must be square");
  if (graph.col.size != graph.value.size)
    fail(where, ": graph has ", graph.col.size, " column numbers and ", graph.value.size,
         " weights");
  if (!graph.start.contiguous() || !graph.col.contiguous() || !graph.value.contiguous())
    fail(where, ": graph arrays have strides; they must be contiguous");
  // starts first: the other rules look into other rows
  ops::row_fault fault = first(graph.rows(), graph_fault<T, S>{graph, symmetric, true});
  if (!fault.code) fault = first(graph.rows(), graph_fault<T, S>{graph, false, false});
  if (!fault.code && symmetric) fault = first(graph.rows(), graph_fault<T, S>{graph, true, false});
  switch (fault.code) {
    case 0:
      return;
    case 1:
      fail(where, ": graph row ", fault.row, " does not begin where the row before it ends");
    case 2:
      fail(where, ": graph row ", fault.row, " has a column beyond the last node, ",
           graph.cols - 1);
    case 3:
      fail(where, ": graph row ", fault.row, " has columns that do not ascend");
    case 4:
      fail(where, ": graph row ", fault.row, " has a weight that is not finite");
    case 5:
      fail(where, ": graph row ", fault.row, " has a negative weight");
    default:
      fail(where, ": graph row ", fault.row,
           " has an edge whose reverse is missing or weighs differently; the graph must be "
           "symmetric");
  }
}

}  // namespace limpid::graph::detail

#endif  // LIMPID_GRAPH_DETAIL_GRAPH_CHECK_HPP
