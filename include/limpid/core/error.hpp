// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/error.hpp
/// The one exception of the library, and how its sentences are put together.
#ifndef LIMPID_CORE_ERROR_HPP
#define LIMPID_CORE_ERROR_HPP

#include <limpid/core/config.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace limpid {

/// Bad input: thrown before anything is computed or written. The text reads
/// "family::function: argument [row r] what is wrong; the rule".
class input_error : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

namespace detail {

inline std::string text(std::string_view s) { return std::string(s); }
template <std::integral Integer>
std::string text(Integer i) {
  return std::to_string(i);
}
/// Six digits, a point in every locale.
inline std::string text(double x) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::general, 6).ptr};
}

/// Throws input_error with the parts put together: fail("hoc: ", "X row ", 3, " is not finite").
template <class... Parts>
[[noreturn]] void fail(Parts const&... parts) {
  std::string message;
  ((message += text(parts)), ...);
  throw input_error(message);
}

/// fail() unless the rule holds; `where` is the public name of the function.
template <class... Parts>
void require(bool holds, std::string_view where, Parts const&... parts) {
  if (!holds) fail(where, ": ", parts...);
}

}  // namespace detail
}  // namespace limpid

#endif  // LIMPID_CORE_ERROR_HPP
