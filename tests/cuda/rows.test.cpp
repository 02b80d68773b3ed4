// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/detail/cuda_rows.hpp>

#include <limpid/exec/seq.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/row_math.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cuda/emulated_grid.hpp"

namespace {

namespace ops = limpid::ops;
using limpid::matrix_view;
using limpid::vector_view;
using limpid_test::grid;
using limpid_test::grid_backwards;
constexpr auto device_space = limpid::memory_space::device;

struct counting {
  vector_view<int, device_space> seen;
  void operator()(std::size_t i) const { ++seen[i]; }
};

/// Sum k gets (i + 1) / (k + 1); not associative in double.
struct add_fractions {
  std::size_t width;
  void operator()(std::size_t i, double* sums) const {
    for (std::size_t k = 0; k < width; ++k)
      sums[k] += static_cast<double>(i + 1) / static_cast<double>(k + 1);
  }
};

/// Rows in order, or not: merging out of order shows.
struct run_state {
  std::size_t first = 0, last = 0, rows = 0;
  bool ordered = true;
};
struct add_to_run {
  void operator()(std::size_t i, run_state& s) const {
    s.ordered = s.ordered && (s.rows == 0 || s.last + 1 == i);
    if (s.rows++ == 0) s.first = i;
    s.last = i;
  }
};
struct join_runs {
  void operator()(run_state& a, run_state const& b) const {
    if (b.rows == 0) return;
    a.ordered = a.ordered && b.ordered && (a.rows == 0 || a.last + 1 == b.first);
    if (a.rows == 0) a.first = b.first;
    a.last = b.last;
    a.rows += b.rows;
  }
};

/// Out of row i of x, row i of out, and two sums.
struct halve_rows {
  matrix_view<float const, device_space> x;
  matrix_view<double, device_space> out;
  void operator()(std::size_t i, double* sums) const {
    for (std::size_t k = 0; k < x.cols; ++k) {
      out(i, k) = 0.5 * static_cast<double>(x(i, k));
      sums[k % 2] += out(i, k);
    }
  }
  void own_rows(auto& use) {
    use(x);
    use(out);
  }
};

struct fault_from {
  std::size_t first, step;
  int operator()(std::size_t i) const {
    return i >= first && (i - first) % step == 0 ? static_cast<int>(i % 7) + 1 : 0;
  }
};

}  // namespace

TEST_CASE("for_rows and for_groups: every row once") {
  for (std::size_t n : {0u, 1u, 31u, 32u, 255u, 256u, 257u, 5000u}) {
    CAPTURE(n);
    auto const seen = ops::upload(grid, limpid::vector<int>(n).view());
    ops::for_rows(grid, n, counting{seen.view()});
    ops::for_groups(grid_backwards, n, counting{seen.view()});
    CHECK(ops::download(grid, seen.view()) == limpid::vector<int>(n, 2));
  }
}

TEST_CASE("sum_rows: narrow and wide, on both sides of each limit, the same bits in either order") {
  for (std::size_t width : {std::size_t{1}, std::size_t{2}, limpid::detail::most_narrow,
                            limpid::detail::most_narrow + 1, std::size_t{300}})
    for (std::size_t n : {0u, 1u, 127u, 2048u, 2049u, 5000u}) {
      CAPTURE(width);
      CAPTURE(n);
      auto const sums = ops::sum_rows(grid, n, width, add_fractions{width});
      REQUIRE(sums.size() == width);
      auto const rows = static_cast<double>(n);
      for (std::size_t k = 0; k < width; ++k)
        CHECK(sums[k] ==
              doctest::Approx(rows * (rows + 1) / 2 / static_cast<double>(k + 1)).epsilon(1e-13));
      CHECK(ops::sum_rows(grid_backwards, n, width, add_fractions{width}) == sums);
    }
  CHECK(ops::sum_rows(grid, 5, 0, add_fractions{0}).empty());
}

TEST_CASE("sum_rows: so wide that one worker's part is most of the memory") {
  struct touch {
    void operator()(std::size_t i, double* sums) const { sums[i * 100003 % 900000] += 1; }
  };
  auto const sums = ops::sum_rows(grid, 400, 900000, touch{});
  double total = 0;
  for (double s : sums) total += s;
  CHECK(total == 400);
  CHECK(sums[100003] == 1);
}

TEST_CASE("combine: more parts than a group, columns beyond a strip") {
  for (std::size_t count : {1u, 2u, 255u, 256u, 257u, 66000u})
    for (std::size_t width : {1u, 33u}) {
      CAPTURE(count);
      CAPTURE(width);
      limpid::vector<double> parts(count * width);
      for (std::size_t p = 0; p < parts.size(); ++p) parts[p] = static_cast<double>(p % width + 1);
      auto const sum = limpid::detail::combine(grid, ops::upload(grid, parts.view()), count, width);
      auto const here =
          ops::download(grid, vector_view<double, device_space>(sum.view().data, width));
      for (std::size_t k = 0; k < width; ++k)
        CHECK(here[k] == static_cast<double>(count * (k + 1)));
    }
}

TEST_CASE("count_pairs: shared and global cells, and with weights") {
  for (std::size_t classes : {3u, 7u, 120u}) {
    std::size_t const n = 66000;
    limpid::vector<std::int32_t> a(n), b(n);
    limpid::vector<double> w(n);
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = static_cast<std::int32_t>(i * 7919 % (classes + 1)) - 1;
      b[i] = static_cast<std::int32_t>(i * 104729 / 13 % classes);
      w[i] = static_cast<double>(i % 5) / 4;
    }
    CAPTURE(classes);
    auto const in_a = ops::upload(grid, a.view()), in_b = ops::upload(grid, b.view());
    auto const in_w = ops::upload(grid, w.view());
    vector_view<std::int32_t const, device_space> const va = in_a.view(), vb = in_b.view();
    auto const host = [](auto const& v) { return v.view(); };
    auto const plain = ops::count_pairs(limpid::seq, vector_view<std::int32_t const>(host(a)),
                                        vector_view<std::int32_t const>(host(b)), classes, classes);
    CHECK(ops::count_pairs(grid, va, vb, classes, classes) == plain);
    CHECK(ops::count_pairs(grid_backwards, va, vb, classes, classes) == plain);
    auto const weighted = ops::count_pairs(limpid::seq, vector_view<std::int32_t const>(host(a)),
                                           vector_view<std::int32_t const>(host(b)), classes,
                                           classes, vector_view<double const>(host(w)));
    CHECK(ops::count_pairs(grid, va, vb, classes, classes,
                           vector_view<double const, device_space>(in_w.view())) ==
          weighted);  // quarters: exact in any order
  }
}

TEST_CASE("fold_rows: rows and their parts are taken in order") {
  for (std::size_t n : {0u, 1u, 15u, 16u, 17u, 512u, 513u, 20000u}) {
    CAPTURE(n);
    for (auto const& exec : {grid, grid_backwards}) {
      run_state const s = ops::fold_rows(exec, n, run_state{}, add_to_run{}, join_runs{});
      CHECK(s.ordered);
      CHECK(s.rows == n);
      CHECK(s.last == (n ? n - 1 : 0));
    }
  }
}

TEST_CASE("first_row: the lowest, with its own code") {
  for (std::size_t first : {0u, 1u, 255u, 2047u, 2048u, 9998u}) {
    auto const fault = ops::first_row(grid_backwards, 10000, fault_from{first, 3});
    CHECK(fault.row == first);
    CHECK(fault.code == static_cast<int>(first % 7) + 1);
  }
  CHECK(ops::first_row(grid, 10000, fault_from{10000, 1}).code == 0);
  CHECK(ops::first_row(grid, 0, fault_from{0, 1}).code == 0);
}

TEST_CASE("copy: strides of either side, both ways, and other types") {
  limpid::matrix<float> from(5, 3);
  for (std::size_t i = 0; i < 15; ++i) from.data()[i] = static_cast<float>(i);
  auto const there = ops::make_buffer<float>(grid, 200);
  auto const back = ops::make_buffer<double>(grid, 200);
  struct layout {
    std::ptrdiff_t row, col;
  };
  for (layout a : {layout{3, 1}, layout{7, 1}, layout{1, 5}, layout{1, 9}, layout{12, 4}})
    for (layout b : {layout{3, 1}, layout{8, 1}, layout{1, 6}, layout{20, 3}}) {
      CAPTURE(a.row);
      CAPTURE(b.row);
      matrix_view<float, device_space> const x(there.view().data, 5, 3, a.row, a.col);
      matrix_view<double, device_space> const y(back.view().data, 5, 3, b.row, b.col);
      std::vector<float> loose(200);
      matrix_view<float> const strided(loose.data(), 5, 3, b.row, b.col);
      ops::copy(grid, from.view(), x);
      ops::copy(grid, x, y);
      CHECK(ops::download(grid, x) == from);
      CHECK(ops::download(grid, y) == limpid::to<limpid::matrix<double>>(from));
      ops::copy(grid, x, strided);
      CHECK(limpid::to<limpid::matrix<float>>(strided) == from);
      ops::copy(grid, matrix_view<float const>(strided), x);
      CHECK(ops::download(grid, x) == from);
    }
  limpid::vector<std::int64_t> const labels{3, 1, 2};
  auto const codes = ops::make_buffer<std::int32_t>(grid, 6);
  vector_view<std::int32_t, device_space> const every_second(codes.view().data, 3, 2);
  ops::copy(grid, labels.view(), every_second);
  CHECK(ops::download(grid, every_second) == limpid::vector<std::int32_t>{3, 1, 2});
  CHECK(ops::upload(grid, vector_view<int const>()).size() == 0);
}

TEST_CASE("rows are staged where that is worth it: the same results, and nothing beside the rows") {
  auto& launched = limpid_test::grid_policy::launched();
  for (std::size_t cols : {4u, 5u, 33u, 100u, 400u})
    for (std::size_t n : {1u, 33u, 129u, 2100u}) {
      if (n * cols > 60000) continue;
      CAPTURE(n);
      CAPTURE(cols);
      limpid::matrix<float> x(n, cols);
      for (std::size_t i = 0; i < n * cols; ++i)
        x.data()[i] = static_cast<float>(i * 7919 % 613) / 64;
      auto const from = ops::upload(grid, x.view());
      matrix_view<float const, device_space> const there = from.view(n, cols);
      limpid::matrix<float> want(n, cols);
      ops::softmax_rows(limpid::seq, matrix_view<float const>(x.view()), want.view());
      std::size_t const pitch = cols + 3;
      for (auto const& exec : {grid, grid_backwards}) {
        launched.clear();
        auto const room = ops::upload(grid, limpid::vector<float>(n * pitch, 7.0f).view());
        matrix_view<float, device_space> const padded(room.view().data, n, cols,
                                                      static_cast<std::ptrdiff_t>(pitch), 1);
        ops::softmax_rows(exec, there, padded);
        CHECK(launched["for_rows (staged)"] == (cols > 4 && cols < 400 ? 1 : 0));
        CHECK(ops::download(grid, padded) == want);
        auto const all = ops::download(grid, room.view(n, pitch));
        for (std::size_t i = 0; i < n; ++i) REQUIRE(all(i, cols) == 7);
        // the other layout is read side by side as it is
        auto const turned = ops::make_buffer<float>(grid, n * cols);
        auto const columns = turned.view(cols, n).transposed();
        ops::copy(grid, there, columns);
        ops::softmax_rows(exec, matrix_view<float const, device_space>(columns), columns);
        CHECK(ops::download(grid, columns) == want);

        auto const half = ops::make_buffer<double>(grid, n * cols);
        auto const sums = ops::sum_rows(exec, n, 2, halve_rows{there, half.view(n, cols)});
        auto const halves = ops::download(grid, half.view(n, cols));
        double even = 0, odd = 0;
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t k = 0; k < cols; ++k) {
            REQUIRE(halves(i, k) == 0.5 * static_cast<double>(x(i, k)));
            (k % 2 ? odd : even) += halves(i, k);
          }
        CHECK(sums[0] == even);  // of 128ths: exact
        CHECK(sums[1] == odd);
      }
    }
}

TEST_CASE("what algorithms check runs as it is: the row and the rule come back") {
  limpid::matrix<double> p(3000, 4, 0.25);
  p(2500, 1) = p(2999, 3) = 0.65;
  auto const there = ops::upload(grid, p.view());
  CHECK_THROWS_WITH_AS(
      ops::check_distributions(grid, "f", "P",
                               matrix_view<double const, device_space>(there.view(3000, 4))),
      doctest::Contains("P row 2500 sums to 1.4"), limpid::input_error);
}
