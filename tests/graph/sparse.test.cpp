// SPDX-License-Identifier: BSL-1.0
#include <limpid/graph/sparse.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace graph = limpid::graph;
using graph::build;
using graph::edge_weight;
using graph::symmetrise;
using limpid::input_error;
using rows_t = std::vector<std::vector<double>>;
using index_t = std::vector<std::vector<std::uint32_t>>;
bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
template <class T>
rows_t dense(graph::sparse<T> const& g) {
  rows_t out(g.rows(), std::vector<double>(g.rows()));
  for (std::size_t i = 0; i < g.rows(); ++i)
    for (auto e = g.start[i]; e < g.start[i + 1]; ++e)
      out[i][g.col[e]] = static_cast<double>(g.value[e]);
  return out;
}
template <class T>
bool same(graph::sparse<T> const& g, rows_t const& expected, double tolerance = 1e-10) {
  auto const w = dense(g);
  bool all = w.size() == expected.size();
  for (std::size_t i = 0; all && i < w.size(); ++i)
    for (std::size_t j = 0; j < w.size(); ++j)
      all = all && close(w[i][j], expected[i][j], tolerance);
  return all;
}

}  // namespace

TEST_CASE("build: three nodes, by hand") {
  index_t const near{{1}, {2}, {1}};  // 0 -> 1, 1 <-> 2
  rows_t const distance{{2}, {1}, {1}};
  auto const w = [&](symmetrise how) {
    return build(near, distance, {.weight = edge_weight::uniform, .direction = how});
  };
  CHECK(same(w(symmetrise::mean).graph, {{0, 0.5, 0}, {0.5, 0, 1}, {0, 1, 0}}));
  CHECK(same(w(symmetrise::maximum).graph, {{0, 1, 0}, {1, 0, 1}, {0, 1, 0}}));
  CHECK(same(w(symmetrise::sum).graph, {{0, 1, 0}, {1, 0, 2}, {0, 2, 0}}));
  auto const mutual = w(symmetrise::mutual);
  CHECK(same(mutual.graph, {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}}));
  CHECK(mutual.isolated == 1);
  CHECK(mutual.components == 2);
  CHECK(w(symmetrise::mean).isolated == 0);
  CHECK(w(symmetrise::mean).components == 1);
  CHECK(w(symmetrise::mean).graph.degrees() == limpid::vector<double>{0.5, 1.5, 1});
}

TEST_CASE("build: golden values of scikit-learn neighbours and numpy weights") {
  auto const g = limpid_test::golden("knn_graph.json");
  auto const index = g["indices (self excluded)"].get<index_t>();
  auto const distance = g["distances"].get<rows_t>();
  auto const& e = g["gaussian gamma=2 symmetrised (dense)"];
  struct {
    symmetrise how;
    char const* name;
  } const cases[] = {{symmetrise::mean, "mean (W+W^T)/2"},
                     {symmetrise::maximum, "max"},
                     {symmetrise::mutual, "mutual min"},
                     {symmetrise::sum, "sum W+W^T"}};
  for (auto const& c : cases) {
    graph::build_options const how{.weight = edge_weight::gaussian, .direction = c.how, .gamma = 2};
    auto const r = build(index, distance, how);
    CHECK(same(r.graph, e[c.name].get<rows_t>()));
    CHECK(same(build<float>(index, distance, how).graph, e[c.name].get<rows_t>(), 1e-6));
    CHECK_NOTHROW(graph::check_graph(r.graph));
  }
  // self-tuning, scale = distance to the 4th neighbour: the directed weights are in the file
  auto const directed = g["self_tuning exp(-d^2/(s_i s_j)), s_i=dist to k-th"].get<rows_t>();
  rows_t expected(index.size(), std::vector<double>(index.size()));
  for (std::size_t i = 0; i < index.size(); ++i)
    for (std::size_t c = 0; c < index[i].size(); ++c) {
      double const half = directed[i][c] / 2;
      expected[i][index[i][c]] += half;
      expected[index[i][c]][i] += half;
    }
  CHECK(same(build(index, distance).graph, expected));
  CHECK(same(build(index, distance, {.scale_neighbour = 4}).graph, expected));
}

TEST_CASE("build: duplicates, cosine weights, self and repeated neighbours") {
  // rows 0 and 1 are equal and so are 2 and 3: scales 0 take the smallest positive one, else 1
  index_t const near{{1}, {0}, {3}, {2}};
  CHECK(same(build(near, rows_t{{0}, {0}, {0}, {0}}).graph,
             {{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}}));
  auto const some = dense(build(near, rows_t{{0}, {0}, {0.5}, {0.5}}).graph);
  CHECK(some[0][1] == 1);
  CHECK(close(some[2][3], std::exp(-1.0)));
  auto const cosine = dense(
      build(near, rows_t{{0.5}, {0.5}, {1.2}, {1.2}}, {.weight = edge_weight::cosine_power}).graph);
  CHECK(close(cosine[0][1], 0.125));
  CHECK(cosine[2][3] == 0);
  CHECK(build(near, rows_t{{0.5}, {0.5}, {1.2}, {1.2}}, {.weight = edge_weight::cosine_power})
            .isolated == 2);
  index_t const odd{{0, 1, 1}, {1, 0, 0}};
  auto const r = build(odd, rows_t{{0, 1, 1}, {0, 1, 1}}, {.weight = edge_weight::uniform});
  CHECK(same(r.graph, {{0, 1}, {1, 0}}));
  CHECK(r.graph.entries() == 2);
  CHECK(build(index_t{}, rows_t{}).graph.rows() == 0);
}

TEST_CASE("components: numbered by their lowest node, edges of weight 0 do not count") {
  auto const r = build(index_t{{3}, {2}, {1}, {0}, {0}}, rows_t{{1}, {1}, {1}, {1}, {900}},
                       {.weight = edge_weight::gaussian});
  auto const parts = graph::components(r.graph);
  CHECK(parts.count == 3);
  CHECK(parts.component == limpid::vector<std::uint32_t>{0, 1, 1, 0, 2});
  CHECK(r.components == 3);
  CHECK(r.isolated == 1);
}

TEST_CASE("check_graph: names the row and the rule") {
  graph::sparse<double> const g{{0, 1, 2}, {1, 0}, {2.0, 2.0}, true};
  CHECK_NOTHROW(graph::check_graph(g));
  auto bad = g;
  bad.value[1] = 3;
  CHECK_THROWS_WITH_AS(
      graph::check_graph(bad),
      "graph::check_graph: graph row 0 has an edge whose reverse is missing or weighs differently; "
      "the graph must be symmetric",
      input_error);
  bad.symmetric = false;
  CHECK_NOTHROW(graph::check_graph(bad));
  bad.value[1] = -3;
  CHECK_THROWS_WITH_AS(graph::check_graph(bad),
                       "graph::check_graph: graph row 1 has a negative weight", input_error);
  bad = g;
  bad.col[0] = 2;
  CHECK_THROWS_WITH_AS(graph::check_graph(bad),
                       "graph::check_graph: graph row 0 has a column beyond the last node, 1",
                       input_error);
  bad = g;
  bad.start[1] = 3;
  CHECK_THROWS_WITH_AS(
      graph::check_graph(bad),
      "graph::check_graph: graph row 0 does not begin where the row before it ends", input_error);
  bad = g;
  bad.start[0] = 1;
  CHECK_THROWS_WITH_AS(
      graph::check_graph(bad),
      "graph::check_graph: graph row 0 does not begin where the row before it ends", input_error);
  bad = g;
  bad.value = {1.0};
  CHECK_THROWS_WITH_AS(graph::check_graph(bad),
                       "graph::check_graph: graph has 2 column numbers and 1 weights", input_error);
  CHECK_THROWS_WITH_AS(graph::check_graph(graph::sparse<float>{}),
                       doctest::Contains("graph start is empty"), input_error);
}

TEST_CASE("build: bad input") {
  index_t const near{{1}, {0}};
  rows_t const d{{1}, {1}};
  CHECK_THROWS_WITH_AS(build(near, rows_t{{1}}), "graph::build: index is 2 x 1, distance is 1 x 1",
                       input_error);
  CHECK_THROWS_WITH_AS(build(index_t{{1}, {2}}, d),
                       "graph::build: index row 1 names row 2; neighbours must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS(build(near, rows_t{{1}, {-1}}),
                       "graph::build: distance row 1 has an entry that is negative or not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(build(near, rows_t{{1.0 / 0.0}, {1}}),
                       "graph::build: distance row 0 has an entry that is negative or not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(build(near, d, {.gamma = 0}),
                       "graph::build: gamma is 0; it must be above 0 and finite", input_error);
  CHECK_THROWS_WITH_AS(build(near, d, {.scale_neighbour = 0}),
                       "graph::build: scale_neighbour is 0; it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(build(near, d, {.power = -1}),
                       "graph::build: power is -1; it must be above 0 and finite", input_error);
}
