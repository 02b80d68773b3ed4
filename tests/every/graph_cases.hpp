// SPDX-License-Identifier: BSL-1.0
/// One struct per public function of graph/, for the properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_GRAPH_CASES_HPP
#define LIMPID_TESTS_EVERY_GRAPH_CASES_HPP

#include <limpid/graph.hpp>
#include <limpid/ops/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "graph/device_graph.hpp"

namespace limpid_test {

struct knn_case {
  static constexpr char const* name = "graph::knn";
  static constexpr bool pairs = true;
  using function = limpid::graph::knn_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    std::vector<double> out;
    for (auto how : {limpid::metric::euclidean, limpid::metric::cosine}) {
      auto const r = limpid::graph::knn(exec, in.features, {.k = 1, .metric = how});
      for (std::size_t i = 0; i < r.index.rows(); ++i) {
        out.push_back(r.index(i, 0));
        out.push_back(r.distance(i, 0));
      }
    }
    return out;
  }
};

struct spread_labels_case {
  static constexpr char const* name = "graph::spread_labels";
  using function = limpid::graph::spread_labels_fn;

  /// A ring of n nodes; every third node keeps its label through the seeds, all do through the
  /// labels.
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::graph::spread_solver;
    auto&& held = limpid::detail::materialise(in.labels);
    std::size_t const n = limpid::view(held).size;
    std::vector<std::uint64_t> start(n + 1);
    std::vector<std::uint32_t> col;
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t const before = (i + n - 1) % n, after = (i + 1) % n;
      std::size_t const low = before < after ? before : after,
                        high = before < after ? after : before;
      if (low != i) col.push_back(static_cast<std::uint32_t>(low));
      if (high != i && high != low) col.push_back(static_cast<std::uint32_t>(high));
      start[i + 1] = col.size();
    }
    std::vector<double> value(col.size(), 0.5), seed(n * in.classes);
    for (std::size_t i = 0; i < n; i += 3) seed[i * in.classes + i % in.classes] = 1;
    auto const s =
        limpid::ops::upload(exec, limpid::vector_view<std::uint64_t const>(start.data(), n + 1));
    auto const c =
        limpid::ops::upload(exec, limpid::vector_view<std::uint32_t const>(col.data(), col.size()));
    auto const v =
        limpid::ops::upload(exec, limpid::vector_view<double const>(value.data(), value.size()));
    auto const y =
        limpid::ops::upload(exec, limpid::vector_view<double const>(seed.data(), seed.size()));
    limpid::csr_view<double, Policy::space> const ring{s.view(), c.view(), v.view(), n};
    std::vector<double> out;
    auto const add = [&](auto const& r) {
      out.insert(out.end(), r.scores.data(), r.scores.data() + r.scores.rows() * r.scores.cols());
      for (std::size_t i = 0; i < r.label.size(); ++i) out.push_back(r.label[i]);
    };
    add(limpid::graph::spread_labels(exec, ring, in.labels,
                                     {.alpha = 0.9, .classes = in.classes, .tolerance = 1e-10}));
    add(limpid::graph::spread_labels(
        exec, ring, limpid::matrix_view<double, Policy::space>(y.view(n, in.classes)),
        {.alpha = 0.5, .solver = spread_solver::power, .tolerance = 1e-10}));
    return out;
  }
};

using graph_cases = std::tuple<knn_case, spread_labels_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_GRAPH_CASES_HPP
