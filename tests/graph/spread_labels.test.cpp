// SPDX-License-Identifier: BSL-1.0
#include <limpid/graph/spread_labels.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/graph/knn.hpp>

#include <doctest/doctest.h>

#include "graph/device_graph.hpp"

#include "support/emulated_device.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace graph = limpid::graph;
using graph::spread_labels;
using graph::spread_solver;
using limpid::input_error;
using rows_t = std::vector<std::vector<double>>;
std::string shared_data() {
#ifdef LIMPID_SHARED_DATA_DIR
  return LIMPID_SHARED_DATA_DIR;
#else
  char const* const folder = std::getenv("LIMPID_SHARED_DATA");
  return folder ? folder : "";
#endif
}
bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

template <class T = double>
graph::sparse<T> from_dense(rows_t const& w) {
  std::vector<std::uint64_t> start{0};
  std::vector<std::uint32_t> col;
  std::vector<T> value;
  for (auto const& row : w) {
    for (std::size_t j = 0; j < row.size(); ++j)
      if (row[j] != 0) {
        col.push_back(static_cast<std::uint32_t>(j));
        value.push_back(static_cast<T>(row[j]));
      }
    start.push_back(col.size());
  }
  return {limpid::vector<std::uint64_t>(start), limpid::vector<std::uint32_t>(col),
          limpid::vector<T>(value), true};
}
rows_t path(std::size_t n) {
  rows_t w(n, std::vector<double>(n));
  for (std::size_t i = 1; i < n; ++i) w[i][i - 1] = w[i - 1][i] = 1;
  return w;
}

/// (1 - alpha) (I - alpha S)^-1 Y by Gauss-Jordan, the diagonal of W left out.
rows_t closed_form(rows_t const& w, rows_t const& y, double alpha) {
  std::size_t const n = w.size(), k = y[0].size();
  std::vector<double> d(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (i != j) d[i] += w[i][j];
  rows_t a(n, std::vector<double>(n)), f(n, std::vector<double>(k));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      a[i][j] =
          (i == j ? 1 : 0) - (i != j && w[i][j] > 0 ? alpha * w[i][j] / std::sqrt(d[i] * d[j]) : 0);
    for (std::size_t c = 0; c < k; ++c) f[i][c] = (1 - alpha) * y[i][c];
  }
  for (std::size_t p = 0; p < n; ++p) {
    double const pivot = a[p][p];
    for (double& v : a[p]) v /= pivot;
    for (double& v : f[p]) v /= pivot;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == p || a[i][p] == 0) continue;
      double const by = a[i][p];
      for (std::size_t j = 0; j < n; ++j) a[i][j] -= by * a[p][j];
      for (std::size_t c = 0; c < k; ++c) f[i][c] -= by * f[p][c];
    }
  }
  return f;
}

/// A graph on the emulated device.
struct device_graph {
  limpid_test::device_vector<std::uint64_t> start;
  limpid_test::device_vector<std::uint32_t> col;
  limpid_test::device_vector<double> value;
  std::size_t nodes;
  explicit device_graph(graph::sparse<double> const& g)
      : start(g.start.view()), col(g.col.view()), value(g.value.view()), nodes(g.rows()) {}
  limpid::csr_view<double, limpid::memory_space::device> view() const {
    return {limpid::view(start), limpid::view(col), limpid::view(value), nodes};
  }
};

}  // namespace

TEST_CASE("spread_labels: two nodes, by hand") {
  // S = [[0, 1], [1, 0]]: F = (1 - a) / (1 - a^2) [1, a] = [1, a] / (1 + a)
  auto const r = spread_labels(from_dense({{0, 3}, {3, 0}}), std::vector<int>{0, -1},
                               {.alpha = 0.5, .classes = 1, .tolerance = 1e-12});
  CHECK(close(r.scores(0, 0), 1 / 1.5));
  CHECK(close(r.scores(1, 0), 0.5 / 1.5));
  CHECK(r.label == limpid::vector<std::int32_t>{0, 0});
  CHECK(r.converged);
}

TEST_CASE("spread_labels: golden values, dense closed forms in numpy") {
  auto const g = limpid_test::golden("propagation.json");
  auto const w = g["W (dense symmetric, zero diagonal)"].get<rows_t>();
  auto const labelled = g["labelled"].get<std::vector<std::size_t>>();
  auto const classes = g["Y_onehot_labels"].get<std::vector<int>>();
  std::vector<int> labels(w.size(), -1);
  for (std::size_t l = 0; l < labelled.size(); ++l) labels[labelled[l]] = classes[l];
  for (double alpha : {0.5, 0.9, 0.99}) {
    CAPTURE(alpha);
    std::string const name = alpha == 0.5 ? "alpha=0.5" : alpha == 0.9 ? "alpha=0.9" : "alpha=0.99";
    auto const expected = g["lgc"][name]["closed (1-a)(I-aS)^-1 Y"].get<rows_t>();
    for (auto solver : {spread_solver::conjugate_gradients, spread_solver::power}) {
      auto const r = spread_labels(from_dense(w), labels,
                                   {.alpha = alpha,
                                    .classes = 3,
                                    .solver = solver,
                                    .tolerance = 1e-12,
                                    .max_iterations = 10000});
      CHECK(r.converged);
      auto const f = spread_labels(from_dense<float>(w), labels,
                                   {.alpha = alpha,
                                    .classes = 3,
                                    .solver = solver,
                                    .tolerance = 1e-5,
                                    .max_iterations = 10000});
      CHECK(f.converged);
      for (std::size_t i = 0; i < w.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c) {
          CHECK(close(r.scores(i, c), expected[i][c], 1e-8));
          CHECK(close(static_cast<double>(f.scores(i, c)), expected[i][c], 1e-4));
        }
    }
  }
  auto const ten = g["lgc"]["alpha=0.9"]["after 10 iterations from F=Y"].get<rows_t>();
  auto const r = spread_labels(from_dense(w), labels,
                               {.alpha = 0.9,
                                .classes = 3,
                                .solver = spread_solver::power,
                                .tolerance = 0,
                                .max_iterations = 10});
  CHECK(r.iterations == 10);
  CHECK_FALSE(r.converged);
  for (std::size_t i = 0; i < w.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) CHECK(close(r.scores(i, c), ten[i][c], 1e-10));
}

TEST_CASE("spread_labels: golden trace of conjugate gradients") {
  auto const s = limpid_test::golden("solvers.json"),
             p = limpid_test::golden("poisson_learning.json");
  auto const csr = p["W_csr"];
  auto const& start = csr.contains("indptr") ? csr["indptr"] : csr[0];
  auto const& col = csr.contains("indices") ? csr["indices"] : csr[1];
  auto const& value = csr.contains("data") ? csr["data"] : csr[2];
  graph::sparse<double> const w{
      limpid::vector<std::uint64_t>(start.get<std::vector<std::uint64_t>>()),
      limpid::vector<std::uint32_t>(col.get<std::vector<std::uint32_t>>()),
      limpid::vector<double>(value.get<std::vector<double>>()), true};
  std::vector<int> labels(w.rows(), -1);
  auto const at = p["train_ind"].get<std::vector<std::size_t>>();
  auto const what = p["train_labels"].get<std::vector<int>>();
  for (std::size_t l = 0; l < at.size(); ++l) labels[at[l]] = what[l];
  auto const residual = s["cg_residual_norms_per_column"].get<rows_t>();
  for (int t : {0, 1, 5, 12}) {
    auto const r = spread_labels(
        w, labels, {.alpha = 0.95, .classes = 3, .tolerance = 0, .max_iterations = t});
    CHECK(r.iterations == t);
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(close(r.residual[c] * residual[0][c], residual[static_cast<std::size_t>(t)][c], 1e-9));
  }
  auto const twelve =
      spread_labels(w, labels, {.alpha = 0.95, .classes = 3, .tolerance = 0, .max_iterations = 12});
  auto const exact = spread_labels(w, labels, {.alpha = 0.95, .classes = 3, .tolerance = 1e-13});
  auto const f12 = s["cg_12_iterations"].get<rows_t>(), fe = s["exact"].get<rows_t>();
  for (std::size_t i = 0; i < w.rows(); ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(close(twelve.scores(i, c), f12[i][c], 1e-9));
      CHECK(close(exact.scores(i, c), fe[i][c], 1e-8));
    }
}

TEST_CASE("spread_labels: parts without a label stay unknown, isolated nodes keep theirs") {
  // 0-1-2 labelled at 0; 3-4 without a label; 5 isolated, labelled 1; 6 isolated; 7 with a
  // self-loop only
  rows_t w(8, std::vector<double>(8));
  w[0][1] = w[1][0] = w[1][2] = w[2][1] = w[3][4] = w[4][3] = 1;
  w[7][7] = 5;
  std::vector<std::int64_t> const labels{2, -1, -1, -1, -1, 1, -1, -1};
  for (auto solver : {spread_solver::conjugate_gradients, spread_solver::power}) {
    auto const r = spread_labels(from_dense(w), labels,
                                 {.classes = 4, .solver = solver, .max_iterations = 5000});
    CHECK(r.label == limpid::vector<std::int32_t>{2, 2, 2, -1, -1, 1, -1, -1});
    CHECK(r.unreached == 4);
    CHECK(r.unknown == 4);
    CHECK(r.converged);
    CHECK(r.residual[0] == 0);
    CHECK(r.residual[3] == 0);
    CHECK(close(r.scores(5, 1), 1 - 0.99));
    for (std::size_t c = 0; c < 4; ++c) CHECK(r.scores(3, c) == 0);
    device_graph const d(from_dense(w));
    limpid_test::device_vector<std::int64_t> const dl({labels.data(), labels.size()});
    auto const e = spread_labels(limpid_test::device, d.view(), dl,
                                 {.classes = 4, .solver = solver, .max_iterations = 5000});
    CHECK(e.label == r.label);
    CHECK(e.unreached == 4);
  }
  auto const none = spread_labels(from_dense(w), std::vector<int>(8, -1), {.classes = 2});
  CHECK(none.unreached == 8);
  CHECK(none.converged);
  CHECK(none.iterations == 0);
  // too few steps to cross the path: the far end is reachable, but still without a score
  std::vector<int> ends(100, -1);
  ends[0] = 0;
  auto const early =
      spread_labels(from_dense(path(100)), ends, {.classes = 1, .max_iterations = 5});
  CHECK(early.unreached == 0);
  CHECK(early.unknown > 50);
  CHECK_FALSE(early.converged);
}

TEST_CASE("spread_labels: self-loops do not count, soft seeds are linear") {
  auto w = path(12);
  auto const plain =
      spread_labels(from_dense(w), std::vector<int>{0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1},
                    {.alpha = 0.8, .classes = 2, .tolerance = 1e-12});
  for (std::size_t i = 0; i < 12; i += 2) w[i][i] = 7;
  rows_t seeds(12, std::vector<double>(2));
  seeds[0][0] = 0.25;
  seeds[11][1] = 2;
  auto const soft = spread_labels(from_dense(w), seeds, {.alpha = 0.8, .tolerance = 1e-12});
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(close(soft.scores(i, 0), 0.25 * plain.scores(i, 0)));
    CHECK(close(soft.scores(i, 1), 2 * plain.scores(i, 1)));
  }
  auto const expected = closed_form(w, seeds, 0.8);
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t c = 0; c < 2; ++c) CHECK(close(soft.scores(i, c), expected[i][c], 1e-9));
}

TEST_CASE("spread_labels: every policy, on both sides of the tiles") {
  std::mt19937 draw(5);
  std::normal_distribution<double> bell;
  for (std::size_t n : {2u, 40u, 511u, 513u, 2047u, 2049u}) {
    CAPTURE(n);
    limpid::matrix<double> x(n, 2);
    std::vector<int> labels(n, -1);
    for (std::size_t i = 0; i < n; ++i) {
      x(i, 0) = bell(draw) + (i % 2 ? 6 : 0);
      x(i, 1) = bell(draw);
      if (i < 2 || i % 37 < 2) labels[i] = static_cast<int>(i % 2);
    }
    auto const near = graph::knn(x, {.k = n > 10 ? 10u : 1u});
    auto const g = graph::build(near.index, near.distance).graph;
    graph::spread_labels_options const how{.alpha = 0.9, .classes = 2, .tolerance = 1e-9};
    auto const r = spread_labels(g, labels, how);
    CHECK(r.converged);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < n; ++i) wrong += r.label[i] != static_cast<int>(i % 2);
    CHECK(wrong <= 1 + n / 50);
    auto const reference = spread_labels(limpid::seq, g, labels, how);
    for (std::size_t i = 0; i < 2 * n; ++i)
      CHECK(close(r.scores.data()[i], reference.scores.data()[i], 1e-9));
    for (int threads : {1, 2, 3, 7})
      CHECK(spread_labels(limpid::par_policy{.threads = threads}, g, labels, how).scores ==
            r.scores);
    device_graph const d(g);
    limpid_test::device_vector<int> const dl({labels.data(), labels.size()});
    CHECK(spread_labels(limpid_test::device, d.view(), dl, how).scores == reference.scores);
    if (n == 40) {
      rows_t w(n, std::vector<double>(n)), y(n, std::vector<double>(2));
      for (std::size_t i = 0; i < n; ++i) {
        for (auto e = g.start[i]; e < g.start[i + 1]; ++e) w[i][g.col[e]] = g.value[e];
        if (labels[i] >= 0) y[i][static_cast<std::size_t>(labels[i])] = 1;
      }
      auto const expected = closed_form(w, y, 0.9);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 2; ++c) CHECK(close(r.scores(i, c), expected[i][c], 1e-7));
    }
  }
}

TEST_CASE("spread_labels: stops when asked") {
  int calls = 0;
  graph::spread_labels_options how{.classes = 1, .tolerance = 1e-14};
  how.on_progress = [&](double done) {
    CHECK((done >= 0 && done <= 1));
    return ++calls < 4;
  };
  std::vector<int> labels(200, -1);
  labels[0] = 0;
  auto const r = spread_labels(from_dense(path(200)), labels, how);
  CHECK(r.stopped);
  CHECK_FALSE(r.converged);
  CHECK(r.iterations == 3);
}

TEST_CASE("spread_labels: bad input") {
  auto const g = from_dense({{0, 1, 0}, {1, 0, 2}, {0, 2, 0}});
  std::vector<int> const y{0, -1, 1};
  auto const call = [&](graph::sparse<double> const& bad) {
    return spread_labels(bad, std::vector<int>(bad.rows(), 0), {.classes = 1});
  };
  auto bad = g;
  bad.value[3] = 2.1;
  CHECK_THROWS_WITH_AS(
      call(bad), doctest::Contains("graph::spread_labels: graph row 1 has an edge whose reverse"),
      input_error);
  bad.value[3] = 2 * (1 + 5e-7);
  CHECK_NOTHROW(call(bad));
  bad = g;
  bad.value[1] = -1;
  CHECK_THROWS_WITH_AS(call(bad), "graph::spread_labels: graph row 1 has a negative weight",
                       input_error);
  bad.value[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      call(bad), "graph::spread_labels: graph row 1 has a weight that is not finite", input_error);
  bad = g;
  bad.col[2] = 3;
  CHECK_THROWS_WITH_AS(call(bad),
                       "graph::spread_labels: graph row 1 has a column beyond the last node, 2",
                       input_error);
  bad = g;
  bad.col[1] = 2;
  CHECK_THROWS_WITH_AS(
      call(bad), "graph::spread_labels: graph row 1 has columns that do not ascend", input_error);
  bad = g;
  bad.start[1] = 4;
  CHECK_THROWS_WITH_AS(
      call(bad), "graph::spread_labels: graph row 1 does not begin where the row before it ends",
      input_error);
  bad = g;
  bad.start[3] = 3;
  CHECK_THROWS_WITH_AS(call(bad), doctest::Contains("graph row 2 does not begin"), input_error);
  CHECK_THROWS_WITH_AS(spread_labels(g, std::vector<int>{0, 1}, {.classes = 2}),
                       "graph::spread_labels: graph has 3 nodes, labels has 2 rows", input_error);
  CHECK_THROWS_WITH_AS(
      spread_labels(g, y, {.classes = 1}),
      "graph::spread_labels: labels row 2 is 1; labels must be 0..0, or negative for unlabelled",
      input_error);
  CHECK_THROWS_WITH_AS(spread_labels(g, y, {}),
                       doctest::Contains("classes is 0; it must be at least 1"), input_error);
  CHECK_THROWS_WITH_AS(spread_labels(g, y, {.alpha = 1, .classes = 2}),
                       "graph::spread_labels: alpha is 1; it must be in [0, 1)", input_error);
  CHECK_NOTHROW(spread_labels(g, y, {.alpha = 0, .classes = 2}));
  CHECK_THROWS_WITH_AS(spread_labels(g, y, {.classes = 2, .tolerance = -1}),
                       "graph::spread_labels: tolerance is -1; it must be at least 0", input_error);
  CHECK_THROWS_WITH_AS(
      spread_labels(g, rows_t{{1}, {-0.1}, {0}}),
      "graph::spread_labels: seeds row 1 has a negative entry; seeds must be at least 0",
      input_error);
  CHECK_THROWS_WITH_AS(spread_labels(g, rows_t{{1}, {1.0 / 0.0}, {0}}),
                       "graph::spread_labels: seeds row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(spread_labels(g, rows_t{{1}, {1}, {0}}, {.classes = 2}),
                       "graph::spread_labels: classes is 2, seeds has 1 columns", input_error);
  CHECK(spread_labels(from_dense({}), std::vector<int>{}, {.classes = 2}).label.empty());
  CHECK(spread_labels(from_dense({{0}}), std::vector<int>{1}, {.classes = 2}).label[0] == 1);
}

TEST_CASE("spread_labels: karate club, two labels") {
  std::ifstream edges_in(shared_data() + "/karate/edges.npy", std::ios::binary);
  std::ifstream y_in(shared_data() + "/karate/y.npy", std::ios::binary);
  if (!edges_in || !y_in) {
    MESSAGE("skipped: no shared data");
    return;
  }
  std::vector<std::int32_t> edges(156);
  std::vector<std::uint8_t> truth(34);
  edges_in.seekg(128);
  edges_in.read(reinterpret_cast<char*>(edges.data()), 156 * 4);
  y_in.seekg(128);
  y_in.read(reinterpret_cast<char*>(truth.data()), 34);
  REQUIRE(edges_in.good());
  rows_t w(34, std::vector<double>(34));
  for (std::size_t e = 0; e < 78; ++e) {
    auto const a = static_cast<std::size_t>(edges[2 * e]),
               b = static_cast<std::size_t>(edges[2 * e + 1]);
    w[a][b] = w[b][a] = 1;
  }
  std::vector<int> labels(34, -1);
  labels[0] = truth[0];
  labels[33] = truth[33];
  auto const r = spread_labels(from_dense(w), labels, {.alpha = 0.9, .classes = 2});
  std::size_t right = 0;
  for (std::size_t i = 0; i < 34; ++i) right += r.label[i] == truth[i];
  CHECK(right >= 32);
}

TEST_CASE("spread_labels: how a caller reads it") {
  std::mt19937 draw(1);
  std::normal_distribution<double> bell;
  limpid::matrix<float> x(60, 3);
  for (std::size_t i = 0; i < 180; ++i)
    x.data()[i] = static_cast<float>(bell(draw) + (i < 90 ? 0 : 9));
  std::vector<int> labels(60, -1);
  labels[0] = 0;
  labels[59] = 1;
  //! [spread]
  auto const near = limpid::graph::knn(x, {.k = 10});
  auto const built = limpid::graph::build<float>(near.index, near.distance);
  auto const spread = limpid::graph::spread_labels(built.graph, labels, {.classes = 2});
  if (spread.unreached > 0)
    MESSAGE("no label reaches ", spread.unreached, " nodes: their label is -1");
  std::vector<int> const repaired = spread.label;
  //! [spread]
  for (std::size_t i = 0; i < 60; ++i) CHECK(repaired[i] == (i < 30 ? 0 : 1));
}
