// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/row_reader.hpp>

#include <doctest/doctest.h>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstddef>
#include <stdexcept>
#include <vector>

namespace {

namespace ops = limpid::ops;

TEST_CASE("row_reader: blocks cover the rows in order, as large as asked for") {
  for (std::size_t rows : {std::size_t{1}, std::size_t{10}, std::size_t{11}})
    for (std::size_t block :
         {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{11}, std::size_t{100}}) {
      std::vector<std::size_t> asked;
      limpid::row_reader<float> reader{rows, 3,
                                       [&](std::size_t first, limpid::matrix_view<float> to) {
                                         asked.push_back(first);
                                         for (std::size_t r = 0; r < to.rows; ++r)
                                           for (std::size_t c = 0; c < 3; ++c)
                                             to(r, c) = static_cast<float>(10 * (first + r) + c);
                                       },
                                       block};
      std::size_t const step = block == 0 || block > rows ? rows : block;
      std::size_t next = 0;
      ops::detail::read_rows<float, limpid::memory_space::host> const host{&reader};
      host(limpid::seq, [&](limpid::matrix_view<float const> p, std::size_t first) {
        CHECK(first == next);
        CHECK(p.rows == std::min(step, rows - first));
        for (std::size_t r = 0; r < p.rows; ++r)
          for (std::size_t c = 0; c < 3; ++c)
            CHECK(p(r, c) == static_cast<float>(10 * (first + r) + c));
        next += p.rows;
      });
      CHECK(next == rows);
      CHECK(asked.size() == (rows + step - 1) / step);
      // on a device the block is a copy there
      limpid::matrix<float> got(rows, 3);
      ops::detail::read_rows<float, limpid::memory_space::device> const there{&reader};
      there(
          limpid_test::device,
          [&](limpid::matrix_view<float const, limpid::memory_space::device> p, std::size_t first) {
            auto const here = ops::download(limpid_test::device, p);
            for (std::size_t r = 0; r < here.rows(); ++r)
              for (std::size_t c = 0; c < 3; ++c) got(first + r, c) = here(r, c);
          });
      for (std::size_t r = 0; r < rows; ++r) CHECK(got(r, 2) == static_cast<float>(10 * r + 2));
    }
}

TEST_CASE("row_reader: a block of 8 MB unless asked; what read throws comes through") {
  limpid::row_reader<double> wide{5000, 1000, {}, 0};
  CHECK(ops::detail::read_rows<double, limpid::memory_space::host>{&wide}.block() == 1048);
  limpid::row_reader<double> wider{7, 2000000, {}, 0};
  CHECK(ops::detail::read_rows<double, limpid::memory_space::host>{&wider}.block() == 1);
  limpid::row_reader<double> broken{
      4, 2,
      [](std::size_t, limpid::matrix_view<double>) { throw std::runtime_error("the file ended"); },
      2};
  ops::detail::read_rows<double, limpid::memory_space::host> const source{&broken};
  CHECK_THROWS_WITH_AS(source(limpid::seq, [](auto const&, std::size_t) {}), "the file ended",
                       std::runtime_error);
}

}  // namespace
