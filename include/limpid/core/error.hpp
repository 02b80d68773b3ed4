// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/error.hpp
/// The one exception of the library, and how its sentences are put together.
#ifndef LIMPID_CORE_ERROR_HPP
#define LIMPID_CORE_ERROR_HPP

#include <limpid/core/config.hpp>

#include <charconv>
#include <concepts>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace limpid {

/// Bad input: thrown before anything is computed or written. The text reads
/// "family::function: argument [row r] what is wrong; the rule".
class input_error : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

namespace detail {

/// A piece of a sentence: words, an integer or a real number (six digits, a point in every locale).
/// Costs nothing until it is needed, and is one type: a check instantiates nothing.
class part {
 public:
  constexpr part() = default;
  constexpr part(char const* words) : words_(words) {}
  constexpr part(std::string_view words) : words_(words) {}
  part(std::string const& words) : words_(words) {}
  template <std::integral Integer>
  constexpr part(Integer i) : kind_(kind::natural), bits_(static_cast<unsigned long long>(i)) {
    if constexpr (std::is_signed_v<Integer>)
      if (i < 0) kind_ = kind::negative;
  }
  constexpr part(double x) : kind_(kind::real), real_(x) {}

  void append_to(std::string& text) const {
    char buffer[32];
    char* const end = buffer + sizeof buffer;
    switch (kind_) {
      case kind::words:
        text += words_;
        break;
      case kind::natural:
        text.append(buffer, std::to_chars(buffer, end, bits_).ptr);
        break;
      case kind::negative:
        text.append(buffer, std::to_chars(buffer, end, static_cast<long long>(bits_)).ptr);
        break;
      case kind::real:
        text.append(buffer, std::to_chars(buffer, end, real_, std::chars_format::general, 6).ptr);
        break;
    }
  }

 private:
  enum class kind : unsigned char { words, natural, negative, real };
  kind kind_ = kind::words;
  std::string_view words_{};
  unsigned long long bits_ = 0;
  double real_ = 0;
};

inline std::string text(part p) {
  std::string words;
  p.append_to(words);
  return words;
}

/// Throws input_error with the parts put together: fail("hoc: ", "X row ", 3, " is not finite").
[[noreturn]] inline void fail(part a, part b = {}, part c = {}, part d = {}, part e = {},
                              part f = {}, part g = {}, part h = {}, part i = {}, part j = {},
                              part k = {}, part l = {}) {
  std::string message;
  for (part const& p : {a, b, c, d, e, f, g, h, i, j, k, l}) p.append_to(message);
  throw input_error(message);
}

/// fail() unless the rule holds; `where` is the public name of the function.
inline void require(bool holds, std::string_view where, part a, part b = {}, part c = {},
                    part d = {}, part e = {}, part f = {}, part g = {}, part h = {}, part i = {},
                    part j = {}) {
  if (!holds) fail(where, ": ", a, b, c, d, e, f, g, h, i, j);
}

}  // namespace detail
}  // namespace limpid

#endif  // LIMPID_CORE_ERROR_HPP
