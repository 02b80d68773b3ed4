// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/npy.hpp
/// NumPy's .npy: versions 1 to 3, both orders, both endians; booleans, integers and floats.
/// Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#ifndef LIMPID_EXAMPLES_AUDIT_NPY_HPP
#define LIMPID_EXAMPLES_AUDIT_NPY_HPP

#include "refused.hpp"

#include <limpid/core/matrix.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <istream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid_audit {

/// IEEE 754 binary16.
struct half {
  std::uint16_t bits;
  explicit operator double() const {
    int const exponent = bits >> 10 & 31, fraction = bits & 1023;
    double const size = exponent == 0    ? std::ldexp(fraction, -24)
                        : exponent == 31 ? (fraction ? std::numeric_limits<double>::quiet_NaN()
                                                     : std::numeric_limits<double>::infinity())
                                         : std::ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -size : size;
  }
};

/// One array in a stream: the header is read and checked against the stream's length on
/// construction, so that nothing is allocated for a shape that the file does not hold.
class npy {
 public:
  npy(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {
    char start[8];
    if (!read(start, 8) || std::memcmp(start, "\x93NUMPY", 6) != 0)
      refuse(name_, ": not an .npy file (its first bytes are not \\x93NUMPY)");
    int const version = start[6];
    if (version < 1 || version > 3) refuse(name_, ": .npy version ", version, " is not known");
    unsigned char digits[4] = {};
    if (!read(reinterpret_cast<char*>(digits), version == 1 ? 2 : 4)) truncated();
    std::size_t const length = digits[0] | std::size_t{digits[1]} << 8 |
                               std::size_t{digits[2]} << 16 | std::size_t{digits[3]} << 24;
    if (length > 65536)
      refuse(name_, ": the header claims ", length, " bytes; at most 65536 make sense");
    std::string text(length, ' ');
    if (!read(text.data(), length)) truncated();
    header_parser{text, 0, *this}.run();
    check_length();
  }

  std::vector<std::size_t> const& shape() const { return shape_; }
  std::string const& name() const { return name_; }
  std::string type() const {
    char const* kind = kind_ == 'f'   ? "float"
                       : kind_ == 'u' ? "uint"
                       : kind_ == 'i' ? "int"
                                      : "bool";
    return kind_ == 'b' ? kind : kind + std::to_string(8 * item_);
  }
  bool integral() const { return kind_ != 'f'; }
  std::size_t size() const { return count_; }

  /// The elements in row-major order; `out` has room for size(). At most two dimensions.
  template <class Out>
  void read_values(Out* out) {
    if (kind_ == 'f') {
      if (item_ == 2) return decode<half>(out);
      if (item_ == 4) return decode<float>(out);
      return decode<double>(out);
    }
    bool const is_signed = kind_ == 'i';
    if (item_ == 1) return is_signed ? decode<std::int8_t>(out) : decode<std::uint8_t>(out);
    if (item_ == 2) return is_signed ? decode<std::int16_t>(out) : decode<std::uint16_t>(out);
    if (item_ == 4) return is_signed ? decode<std::int32_t>(out) : decode<std::uint32_t>(out);
    return is_signed ? decode<std::int64_t>(out) : decode<std::uint64_t>(out);
  }

 private:
  /// The header is a Python dict literal:
  /// {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
  struct header_parser {
    std::string_view text;
    std::size_t at;
    npy& file;

    void run() {
      bool descr = false, order = false, shape = false;
      expect('{');
      while (!accept('}')) {
        auto const key = quoted();
        expect(':');
        if (key == "descr" && !descr)
          descr = (set_type(), true);
        else if (key == "fortran_order" && !order)
          order = (set_order(), true);
        else if (key == "shape" && !shape)
          shape = (set_shape(), true);
        else
          broken();
        if (!accept(',') && peek() != '}') broken();
      }
      if (!descr || !order || !shape || peek() != '\0') broken();
    }

    [[noreturn]] void broken() const {
      refuse(file.name_, ": the .npy header cannot be understood");
    }
    char peek() {
      while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t')) ++at;
      return at < text.size() ? text[at] : '\0';
    }
    bool accept(char c) { return peek() == c && (++at, true); }
    void expect(char c) {
      if (!accept(c)) broken();
    }
    std::string_view quoted() {
      char const quote = peek();
      if (quote != '\'' && quote != '"') broken();
      auto const end = text.find(quote, ++at);
      if (end == text.npos) broken();
      auto const inside = text.substr(at, end - at);
      at = end + 1;
      return inside;
    }
    void set_type() {
      if (peek() == '[') refuse(file.name_, ": holds records; a plain array of numbers is needed");
      auto const descr = quoted();
      if (descr.find('O') != descr.npos)
        refuse(file.name_,
               ": holds Python objects (a pickle), which are never loaded; save numbers");
      bool const known =
          descr == "|b1" || descr == "|u1" || descr == "|i1" ||
          (descr.size() == 3 && std::string_view("<>=|").find(descr[0]) != descr.npos &&
           (descr[1] == 'f' ? std::string_view("248").find(descr[2]) != descr.npos
                            : (descr[1] == 'i' || descr[1] == 'u') &&
                                  std::string_view("1248").find(descr[2]) != descr.npos));
      if (!known)
        refuse(file.name_, ": element type ", shown(descr),
               " is not supported; booleans, integers and floats up to 64 bits are");
      file.kind_ = descr[1];
      file.item_ = static_cast<std::size_t>(descr[2] - '0');
      file.swap_ = descr[0] == (std::endian::native == std::endian::little ? '>' : '<');
    }
    void set_order() {
      peek();
      for (std::string_view const word : {"False", "True"})
        if (text.substr(at, word.size()) == word) {
          file.fortran_ = word == "True";
          at += word.size();
          return;
        }
      broken();
    }
    void set_shape() {
      expect('(');
      while (!accept(')')) {
        peek();
        std::size_t extent = 0;
        auto const [end, failed] =
            std::from_chars(text.data() + at, text.data() + text.size(), extent);
        if (failed == std::errc::result_out_of_range)
          refuse(file.name_, ": the header claims a shape beyond all memory");
        if (failed != std::errc{}) broken();
        at = static_cast<std::size_t>(end - text.data());
        accept('L');  // Python 2
        file.shape_.push_back(extent);
        if (!accept(',') && peek() != ')') broken();
      }
    }
  };

  bool read(char* to, std::size_t bytes) {
    return static_cast<bool>(in_.read(to, static_cast<std::streamsize>(bytes)));
  }
  [[noreturn]] void truncated() const { refuse(name_, ": ends inside the .npy header"); }

  void check_length() {
    std::string shape;
    count_ = 1;
    bool overflow = false;
    for (std::size_t const extent : shape_) {
      shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
      // A zero later would hide the overflow; such a shape is refused all the same.
      overflow |= extent && count_ > (std::numeric_limits<std::size_t>::max)() / 16 / extent;
      if (!overflow) count_ *= extent;
    }
    if (overflow) refuse(name_, ": the header claims ", shape, " elements, beyond all memory");
    auto const here = in_.tellg();
    in_.seekg(0, std::ios::end);
    auto const end = in_.tellg();
    in_.seekg(here);
    if (!in_ || here < 0 || end < here) refuse(name_, ": cannot be read as a file");
    auto const held = static_cast<std::size_t>(end - here);
    if (held != count_ * item_)
      refuse(name_, ": the header says ", type(), " of shape ", shape.empty() ? "()" : shape, ", ",
             count_ * item_, " bytes, but ", held, " bytes follow it");
  }

  template <class Raw, class Out>
  void decode(Out* out) {
    std::size_t const rows = shape_.empty() ? 1 : shape_[0], cols = rows ? count_ / rows : 0;
    std::vector<char> block((std::min)(count_ * sizeof(Raw), std::size_t{1} << 16));
    for (std::size_t done = 0; done < count_;) {
      std::size_t const now = (std::min)(count_ - done, block.size() / sizeof(Raw));
      if (!read(block.data(), now * sizeof(Raw))) refuse(name_, ": cannot be read to its end");
      for (std::size_t i = 0; i < now; ++i, ++done) {
        char* const from = block.data() + i * sizeof(Raw);
        if (swap_) std::reverse(from, from + sizeof(Raw));
        Raw value;
        std::memcpy(&value, from, sizeof value);
        out[fortran_ ? done % rows * cols + done / rows : done] = convert<Out>(value);
      }
    }
  }
  template <class Out, class Raw>
  static Out convert(Raw value) {
    if constexpr (std::is_same_v<Raw, std::uint64_t> && std::is_integral_v<Out>)
      value = (std::min)(value, static_cast<Raw>((std::numeric_limits<Out>::max)()));
    if constexpr (std::is_same_v<Raw, half>)
      return static_cast<Out>(static_cast<double>(value));
    else
      return static_cast<Out>(value);
  }

  std::istream& in_;
  std::string name_;
  std::vector<std::size_t> shape_;
  std::size_t item_ = 1, count_ = 0;
  char kind_ = 'u';
  bool swap_ = false, fortran_ = false;
};

/// n x d numbers.
inline limpid::matrix<double> read_npy_matrix(std::istream& in, std::string const& name) {
  npy file(in, name);
  if (file.shape().size() != 2)
    refuse(name, ": is ", file.shape().size(), "-dimensional; rows x columns are needed");
  if (!file.size()) refuse(name, ": is empty");
  limpid::matrix<double> out(file.shape()[0], file.shape()[1]);
  file.read_values(out.data());
  return out;
}

/// n whole numbers; a single column counts as a list.
inline std::vector<std::int64_t> read_npy_labels(std::istream& in, std::string const& name) {
  npy file(in, name);
  auto const& shape = file.shape();
  if (!(shape.size() == 1 || (shape.size() == 2 && shape[1] == 1)))
    refuse(name, ": is ", shape.size(), "-dimensional; labels are a list");
  if (!file.integral()) refuse(name, ": holds ", file.type(), "; labels must be integers");
  if (!file.size()) refuse(name, ": is empty");
  std::vector<std::int64_t> out(file.size());
  file.read_values(out.data());
  return out;
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_NPY_HPP
