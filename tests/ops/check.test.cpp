// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/check.hpp>

#include <doctest/doctest.h>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::matrix_view;
using limpid::vector;
using limpid::vector_view;
namespace ops = limpid::ops;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// What a call throws, or "" where it throws nothing.
template <class Call>
std::string thrown(Call const& call) {
  try {
    call();
  } catch (input_error const& e) {
    return e.what();
  }
  return "";
}

/// The text under every policy, forced instruction set, layout, and on the device: always the same.
template <class T, class Check>
void everywhere(matrix<T> const& m, Check const& check, std::string const& text) {
  limpid_test::layouts<T> const all(m);
  all.each([&](matrix_view<T const> v) {
    limpid_test::each_policy([&](auto const& exec) { return thrown([&] { check(exec, v); }); },
                             [&](std::string const& got) { CHECK(got == text); });
  });
  limpid_test::device_matrix<T> const there(m.view());
  matrix_view<T const, limpid::memory_space::device> const on_device = there.view();
  CHECK(thrown([&] { check(limpid_test::device, on_device); }) == text);
}

auto const distributions = [](auto const& exec, auto const& v) {
  ops::check_distributions(exec, "f::g", "P", v);
};
auto const finite = [](auto const& exec, auto const& v) {
  ops::check_finite(exec, "f::g", "X", v);
};

TEST_CASE_TEMPLATE("check_distributions: the first bad row, its fault and the nearest good one", T,
                   float, double) {
  std::size_t const n = 2 * ops::detail::row_tile + 3;
  for (std::size_t K : {std::size_t{2}, std::size_t{19}}) {
    matrix<T> const good(n, K, static_cast<T>(1.0 / static_cast<double>(K)));
    everywhere(good, distributions, "");
    for (std::size_t row : {std::size_t{0}, ops::detail::row_tile, n - 1}) {
      INFO("K ", K, " row ", row);
      std::string const where = "f::g: P row " + std::to_string(row);
      auto bad = good;
      bad(row, K - 1) = std::numeric_limits<T>::quiet_NaN();
      everywhere(bad, distributions, where + " has an entry that is not finite");
      bad(row, K - 1) = static_cast<T>(-infinity);
      everywhere(bad, distributions, where + " has an entry that is not finite");
      bad(row, K - 1) = static_cast<T>(-2e-6);
      everywhere(bad, distributions,
                 where + " has an entry outside [0, 1]; give probabilities, not logits");
      bad(row, K - 1) = static_cast<T>(1 + 2e-6);
      everywhere(bad, distributions,
                 where + " has an entry outside [0, 1]; give probabilities, not logits");
      bad = good;
      bad(row, 0) += static_cast<T>(0.25);
      if (row + 1 < n) bad(row + 1, 0) = 7;  // a later row says nothing
      everywhere(bad, distributions,
                 where + " sums to 1.25; rows must be probability distributions (tolerance 1e-3)");
      bad = good;
      bad(row, 0) += static_cast<T>(9.9e-4);
      everywhere(bad, distributions, "");
      bad(row, 0) -= static_cast<T>(2 * 9.9e-4);
      everywhere(bad, distributions, "");
      for (std::size_t k = 0; k < K; ++k) bad(row, k) = static_cast<T>(k ? -5e-7 : 1 + 5e-7);
      everywhere(bad, distributions, "");
    }
  }
}

TEST_CASE_TEMPLATE("check_finite: matrices and vectors", T, float, double) {
  matrix<T> m(2100, 3);
  everywhere(m, finite, "");
  m(2099, 1) = std::numeric_limits<T>::max();
  everywhere(m, finite, "");
  m(2099, 1) = static_cast<T>(infinity);
  everywhere(m, finite, "f::g: X row 2099 has an entry that is not finite");
  m(5, 2) = std::numeric_limits<T>::quiet_NaN();
  everywhere(m, finite, "f::g: X row 5 has an entry that is not finite");
  CHECK(thrown([&] {
          ops::check_finite(limpid::simd, "f", "v", std::as_const(m).view().col(1));
        }) == "f: v row 2099 is not finite");
  CHECK(thrown([&] {
          ops::check_finite(limpid::simd, "f", "v", std::as_const(m).view().col(0));
        }) == "");
}

TEST_CASE("check_weights: finite and not negative") {
  vector<double> w(3000, 0.5);
  auto const text = [&] {
    return thrown(
        [&] { ops::check_weights(limpid::simd, "f", "weights", std::as_const(w).view()); });
  };
  CHECK(text() == "");
  w[2999] = -0.0;
  CHECK(text() == "");
  w[2999] = -1e-300;
  CHECK(text() == "f: weights row 2999 is negative; weights must be at least 0");
  w[2050] = infinity;
  CHECK(text() == "f: weights row 2050 is not finite");
}

TEST_CASE_TEMPLATE("check_labels: range, unlabelled rows, and whose memory is read", T,
                   std::int32_t, std::int64_t, std::uint8_t) {
  vector<T> y(2500);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<T>(i % 3);
  auto const read = std::as_const(y).view();
  auto const codes = ops::check_labels(limpid::simd, "f", "y", read, 3);
  REQUIRE(codes.view().size == 2500);
  CHECK(codes.view().contiguous());
  for (std::size_t i = 0; i < y.size(); ++i)
    REQUIRE(codes.view()[i] == static_cast<std::int32_t>(i % 3));
  bool const same =
      static_cast<void const*>(codes.view().data) == static_cast<void const*>(y.data());
  CHECK(same == std::is_same_v<T, std::int32_t>);
  // every second label, backwards
  vector_view<T const> const odd(&y[2499], 1250, -2);
  CHECK(ops::check_labels(limpid::simd, "f", "y", odd, 3).view()[1] ==
        static_cast<std::int32_t>(2497 % 3));
  auto const text = [&](bool unlabelled) {
    return thrown([&] { ops::check_labels(limpid::simd, "f", "y", read, 3, unlabelled); });
  };
  y[2049] = 3;
  CHECK(text(false) == "f: y row 2049 is 3; labels must be 0..2");
  CHECK(text(true) == "f: y row 2049 is 3; labels must be 0..2, or negative for unlabelled");
  if constexpr (std::is_signed_v<T>) {
    y[2049] = -7;
    CHECK(text(false) == "f: y row 2049 is -7; labels must be 0..2");
    CHECK(text(true) == "");
    CHECK(ops::check_labels(limpid::simd, "f", "y", read, 3, true).view()[2049] == -1);
  }
  if constexpr (sizeof(T) == 8) {
    y[2049] = (T{1} << 32) + 1;  // 1 in 32 bits
    CHECK(text(false) == "f: y row 2049 is 4294967297; labels must be 0..2");
  }
}

TEST_CASE("check_rows") {
  CHECK(thrown([] { ops::check_rows("f", "P", 3, "y", 3); }) == "");
  CHECK(thrown([] { ops::check_rows("f", "P", 3, "y", 4); }) == "f: P has 3 rows, y has 4");
}

}  // namespace
