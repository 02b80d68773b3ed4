// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/error.hpp>

#include <doctest/doctest.h>

#include <clocale>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

TEST_CASE("error: one sentence from its parts") {
  CHECK_THROWS_WITH_AS(limpid::detail::fail("hoc: X row ", std::size_t{17}, " sums to ", 1.31),
                       "hoc: X row 17 sums to 1.31", limpid::input_error);
  CHECK_THROWS_WITH_AS(
      limpid::detail::require(false, "hoc", "tolerance ", -0.5f, " of ", std::string("x")),
      "hoc: tolerance -0.5 of x", limpid::input_error);
  CHECK_NOTHROW(limpid::detail::require(true, "hoc", "never said"));
  CHECK_THROWS_AS(limpid::detail::fail("caught as the standard's"), std::invalid_argument);
}

TEST_CASE("error: numbers as text") {
  using limpid::detail::text;
  CHECK(text(std::int8_t{-5}) == "-5");
  CHECK(text(std::uint8_t{200}) == "200");
  CHECK(text((std::numeric_limits<std::uint64_t>::max)()) == "18446744073709551615");
  CHECK(text(1e-3) == "0.001");
  CHECK(text(1.0 / 3) == "0.333333");
  CHECK(text(1e300) == "1e+300");
  CHECK(text(2.0) == "2");
  CHECK(text(std::numeric_limits<double>::quiet_NaN()) == "nan");
  CHECK(text(-std::numeric_limits<double>::infinity()) == "-inf");
}

TEST_CASE("error: a point in every locale") {
  std::string const before = std::setlocale(LC_NUMERIC, nullptr);
  bool found = false;
  for (char const* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"})
    if (!found && std::setlocale(LC_NUMERIC, name)) found = true;
  if (!found) MESSAGE("no locale with a decimal comma is installed");
  CHECK(limpid::detail::text(1.31) == "1.31");
  std::setlocale(LC_NUMERIC, before.c_str());
}
