// SPDX-License-Identifier: BSL-1.0
#include "npy.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

using namespace limpid_audit;

namespace {

std::string file(std::string const& header, std::string const& body, int version = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  for (int b = 0; b < (version == 1 ? 2 : 4); ++b)
    out += static_cast<char>(header.size() >> 8 * b & 255);
  return out + header + body;
}
std::string dict(std::string const& descr, std::string const& shape,
                 char const* fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}
template <class T>
std::string bytes(std::vector<T> const& values, bool big = false) {
  std::string out;
  for (T const v : values) {
    std::string one(sizeof v, ' ');
    std::memcpy(one.data(), &v, sizeof v);
    if (big == (std::endian::native == std::endian::little)) one.assign(one.rbegin(), one.rend());
    out += one;
  }
  return out;
}
limpid::matrix<double> matrix_of(std::string const& content) {
  std::istringstream in(content);
  return read_npy_matrix(in, "X.npy");
}
std::vector<std::int64_t> labels_of(std::string const& content) {
  std::istringstream in(content);
  return read_npy_labels(in, "y.npy");
}
limpid::matrix<double> const expected{{1, 2, 3}, {4, 5, 6}};

template <class T>
void all_layouts(std::string const& type) {
  std::vector<T> const rows{1, 2, 3, 4, 5, 6}, columns{1, 4, 2, 5, 3, 6};
  for (bool const big : {false, true})
    for (int const version : {1, 2, 3}) {
      std::string const descr = (big ? ">" : "<") + type;
      CAPTURE(descr);
      CHECK(matrix_of(file(dict(descr, "(2, 3)"), bytes(rows, big), version)) == expected);
      CHECK(matrix_of(file(dict(descr, "(2, 3)", "True"), bytes(columns, big), version)) ==
            expected);
    }
}

}  // namespace

TEST_CASE("npy: every number type, order, endian and version") {
  all_layouts<float>("f4");
  all_layouts<double>("f8");
  all_layouts<std::int8_t>("i1");
  all_layouts<std::uint8_t>("u1");
  all_layouts<std::int16_t>("i2");
  all_layouts<std::uint16_t>("u2");
  all_layouts<std::int32_t>("i4");
  all_layouts<std::uint32_t>("u4");
  all_layouts<std::int64_t>("i8");
  all_layouts<std::uint64_t>("u8");
  CHECK(matrix_of(file(dict("|b1", "(1, 2)"), std::string("\0\1", 2))) ==
        limpid::matrix<double>{{0, 1}});
}

TEST_CASE("npy: half precision, values from IEEE 754") {
  // 1, -2, largest, smallest normal, smallest subnormal, 1/3 rounded
  std::vector<std::uint16_t> const bits{0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x3555};
  auto const m = matrix_of(file(dict("<f2", "(1, 6)"), bytes(bits)));
  CHECK(m == limpid::matrix<double>{{1, -2, 65504, 0x1p-14, 0x1p-24, 0.333251953125}});
  CHECK(std::isinf(static_cast<double>(half{0x7c00})));
  CHECK(std::isnan(static_cast<double>(half{0x7e00})));
}

TEST_CASE("npy: more elements than one block, both orders") {
  std::size_t const rows = 5000, cols = 7;  // 280 kB
  std::vector<double> c, f;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t k = 0; k < cols; ++k) c.push_back(static_cast<double>(r * 10 + k));
  for (std::size_t k = 0; k < cols; ++k)
    for (std::size_t r = 0; r < rows; ++r) f.push_back(static_cast<double>(r * 10 + k));
  auto const a = matrix_of(file(dict("<f8", "(5000, 7)"), bytes(c)));
  CHECK(a == matrix_of(file(dict("<f8", "(5000, 7)", "True"), bytes(f))));
  CHECK(a(4999, 6) == 49996);
}

TEST_CASE("npy: labels") {
  std::vector<std::int64_t> const expected_labels{3, -1, 2};
  CHECK(labels_of(file(dict("<i2", "(3,)"), bytes<std::int16_t>({3, -1, 2}))) == expected_labels);
  CHECK(labels_of(file(dict(">i8", "(3, 1)"), bytes<std::int64_t>({3, -1, 2}, true))) ==
        expected_labels);
  CHECK(labels_of(file(dict("<u8", "(1,)"), bytes<std::uint64_t>({~std::uint64_t{0}})))[0] ==
        INT64_MAX);
  CHECK_THROWS_WITH_AS(labels_of(file(dict("<f4", "(1,)"), bytes<float>({1}))),
                       "y.npy: holds float32; labels must be integers", refused);
  CHECK_THROWS_WITH_AS(labels_of(file(dict("<i4", "(1, 2)"), bytes<std::int32_t>({1, 2}))),
                       "y.npy: is 2-dimensional; labels are a list", refused);
  CHECK_THROWS_WITH_AS(labels_of(file(dict("<i4", "(0,)"), "")), "y.npy: is empty", refused);
}

TEST_CASE("npy: header as Python writes it and as it may") {
  auto const body = bytes<float>({1, 2, 3, 4, 5, 6});
  CHECK(matrix_of(file("{\"shape\":(2L,3L),\"fortran_order\":False,\"descr\":\"<f4\"}", body)) ==
        expected);
  CHECK(matrix_of(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
                       body)) == expected);
  for (char const* broken :
       {"", "{", "}", "{}", "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "{'descr' '<f4'}",
        "{'descr': '<f4"}) {
    CAPTURE(broken);
    CHECK_THROWS_WITH_AS(matrix_of(file(broken, body)),
                         "X.npy: the .npy header cannot be understood", refused);
  }
}

TEST_CASE("npy: what is never loaded") {
  CHECK_THROWS_WITH_AS(
      matrix_of(file(dict("|O", "(2, 3)"), "anything")),
      "X.npy: holds Python objects (a pickle), which are never loaded; save numbers", refused);
  CHECK_THROWS_WITH_AS(
      matrix_of(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "")),
      "X.npy: holds records; a plain array of numbers is needed", refused);
  for (char const* type :
       {"<c8", "<U5", "|S3", "<f16", "<f1", "<i3", "<M8[ns]", "f4", "", "<", "|f4x", "|b2"}) {
    CAPTURE(type);
    CHECK_THROWS_AS(matrix_of(file(dict(type, "(1, 1)"), std::string(64, 'x'))), refused);
  }
  CHECK_THROWS_WITH_AS(matrix_of(""),
                       "X.npy: not an .npy file (its first bytes are not \\x93NUMPY)", refused);
  CHECK_THROWS_WITH_AS(matrix_of("a,b\n1,2\n3,4\n"),
                       "X.npy: not an .npy file (its first bytes are not \\x93NUMPY)", refused);
  CHECK_THROWS_WITH_AS(matrix_of(file(dict("<f4", "(1, 1)"), "xxxx", 9)),
                       "X.npy: .npy version 9 is not known", refused);
}

TEST_CASE("npy: shapes that the file does not hold are refused before anything is allocated") {
  auto const body = bytes<double>({1, 2, 3, 4, 5, 6});
  CHECK_THROWS_WITH_AS(
      matrix_of(file(dict("<f8", "(2, 4)"), body)),
      "X.npy: the header says float64 of shape 2 x 4, 64 bytes, but 48 bytes follow it", refused);
  CHECK_THROWS_AS(matrix_of(file(dict("<f8", "(2, 2)"), body)), refused);  // more than it says
  CHECK_THROWS_AS(matrix_of(file(dict("<f8", "(1000000000000, 1)"), body)), refused);
  CHECK_THROWS_WITH_AS(
      matrix_of(file(dict("<f8", "(4294967296, 4294967296)"), body)),
      "X.npy: the header claims 4294967296 x 4294967296 elements, beyond all memory", refused);
  // Without the check 2^61 x 8 doubles are 2^67 bytes, 0 in 64 bits, and this file would hold them.
  CHECK_THROWS_AS(matrix_of(file(dict("<f8", "(2305843009213693952, 8)"), "")), refused);
  CHECK_THROWS_WITH_AS(matrix_of(file(dict("<f8", "(99999999999999999999, 1)"), body)),
                       "X.npy: the header claims a shape beyond all memory", refused);
  CHECK_THROWS_WITH_AS(matrix_of(file(dict("<f8", "(0, 6)"), "")), "X.npy: is empty", refused);
  CHECK_THROWS_WITH_AS(matrix_of(file(dict("<f8", "(576460752303423487, 0)"), "")),
                       "X.npy: is empty", refused);
  CHECK_THROWS_WITH_AS(matrix_of(file(dict("<f8", "(6,)"), body)),
                       "X.npy: is 1-dimensional; rows x columns are needed", refused);
  CHECK_THROWS_AS(matrix_of(file(dict("<f8", "()"), bytes<double>({1}))), refused);
  CHECK_THROWS_AS(matrix_of(file(dict("<f8", "(1, 2, 3)"), body)), refused);
  std::string huge = file(dict("<f8", "(2, 3)"), body, 2);
  huge[8] = huge[9] = huge[10] = huge[11] = '\xff';
  CHECK_THROWS_WITH_AS(matrix_of(huge),
                       "X.npy: the header claims 4294967295 bytes; at most 65536 make sense",
                       refused);
}

TEST_CASE("npy: cut after any byte, refused; any byte changed, refused or read, never worse") {
  for (int const version : {1, 3}) {
    auto const whole = file(dict("<f4", "(2, 3)"), bytes<float>({1, 2, 3, 4, 5, 6}), version);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(length);
      CHECK_THROWS_AS(matrix_of(whole.substr(0, length)), refused);
    }
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (int const flip : {1, 2, 4, 16, 128, 255}) {
        auto bent = whole;
        bent[at] = static_cast<char>(bent[at] ^ flip);
        try {
          auto const m = matrix_of(bent);
          CHECK(m.rows() * m.cols() <= whole.size());
        } catch (refused const&) {
        }
      }
  }
}
