// SPDX-License-Identifier: BSL-1.0
#include "csv.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

using namespace limpid_audit;

namespace {
csv_table read(std::string const& text, std::string const& label = {}) {
  std::istringstream in(text);
  return read_csv(in, "t.csv", label);
}
limpid::matrix<double> const expected{{1, 2}, {-3.5, 4e2}};
using strings = std::vector<std::string>;
}  // namespace

TEST_CASE("csv: header or not, separators, line ends, quotes, byte order mark, blanks") {
  for (char const* text :
       {"1,2\n-3.5,4e2\n", "1,2\n-3.5,4e2", "a,b\n1,2\n-3.5,4e2\n", "a;b\n1;2\n-3.5;4e2\n",
        "1\t2\n-3.5\t4e2\n", "a,b\r\n1,2\r\n-3.5,4e2\r\n", "a,b\r1,2\r-3.5,4e2\r",
        "\"a\",\"b\"\n\"1\",2\n-3.5,\"4e2\"\n",
        "\xef\xbb\xbf"
        "1,2\n-3.5,4e2\n",
        " 1 , +2\n-3.5,\t4e2 \n", "1,2\n-3.5,4e2\n\n\r\n\n",
        "\"a, \"\"x\"\"\nb\",c\n1,2\n-3.5,4e2\n"}) {
    CAPTURE(text);
    CHECK(read(text).values == expected);
    CHECK(read(text).labels.empty());
  }
}

TEST_CASE("csv: a label column, wherever it stands") {
  for (char const* text :
       {"y,a,b\ncat,1,2\n\"dog, big\",-3.5,4e2\n", "a,y,b\n1,cat,2\n-3.5,\"dog, big\",4e2\n",
        "a,b,y\n1,2, cat\n-3.5,4e2,\"dog, big\"\n"}) {
    auto const t = read(text, "y");
    CHECK(t.values == expected);
    CHECK(t.labels == strings{"cat", "dog, big"});
  }
  CHECK(read("1,2,3\n1,2,0\n", "3").labels == strings{"0"});  // names may be numbers
  CHECK(read("a,y\n1,\"says \"\"no\"\"\"\n", "y").labels == strings{"says \"no\""});
  CHECK_THROWS_WITH_AS(read("a,b\n1,2\n", "y"), "t.csv line 1: no column is named 'y'", refused);
  CHECK_THROWS_WITH_AS(read("y,y\n1,2\n", "y"), "t.csv line 1: two columns are named 'y'", refused);
  CHECK_THROWS_WITH_AS(read("y\n1\n", "y"), "t.csv: has no column besides the labels", refused);
  CHECK_THROWS_WITH_AS(read("a,y\n1,\n", "y"), "t.csv line 2 column 2 ('y'): is missing ('')",
                       refused);
  CHECK_THROWS_WITH_AS(read("a,y\n1,caf\xe9\n", "y"),
                       "t.csv line 2 column 2 ('y'): is not UTF-8 text", refused);
}

TEST_CASE("csv: every fault is named by line and column") {
  CHECK_THROWS_WITH_AS(read(""), "t.csv: is empty", refused);
  CHECK_THROWS_WITH_AS(read("\n\n"), "t.csv: is empty", refused);
  CHECK_THROWS_WITH_AS(read("a,b\n"), "t.csv: has a header but no rows", refused);
  CHECK_THROWS_WITH_AS(read("1,2\n3\n"), "t.csv line 2: has 1 cells; line 1 has 2", refused);
  CHECK_THROWS_WITH_AS(read("1,2\n3,4,5\n"), "t.csv line 2: has 3 cells; line 1 has 2", refused);
  CHECK_THROWS_WITH_AS(read("1,2\n3,4,\n"), "t.csv line 2: has 3 cells; line 1 has 2", refused);
  CHECK_THROWS_WITH_AS(read("1,2\n\n3,4\n"), "t.csv line 2: is empty", refused);
  CHECK_THROWS_WITH_AS(read("a,b\n1,x\n"),
                       "t.csv line 2 column 2 ('b'): 'x' is not a finite number", refused);
  CHECK_THROWS_WITH_AS(read("1,2\n3,\n"), "t.csv line 2 column 2: is missing ('')", refused);
  CHECK_THROWS_WITH_AS(read("1,2\nNaN,4\n"), "t.csv line 2 column 1: is missing ('NaN')", refused);
  CHECK_THROWS_WITH_AS(read("1,x\n2,3\n"),
                       "t.csv line 1: mixes numbers and words; neither a header nor data", refused);
  CHECK_THROWS_WITH_AS(read(",b\n0,1\n"),
                       "t.csv line 1: column 1 has no name; row numbers do not belong in the table",
                       refused);
  CHECK_THROWS_WITH_AS(read("1,\"2\n3,4\n"), "t.csv line 1: a quoted cell is never closed",
                       refused);
  CHECK_THROWS_WITH_AS(read("1,\"2\"3\n"), "t.csv line 1: text after a closing quote", refused);
  // A line end inside quotes counts.
  CHECK_THROWS_WITH_AS(read("\"a\nb\",c\n1,x\n"),
                       "t.csv line 3 column 2 ('c'): 'x' is not a finite number", refused);
  for (char const* cell :
       {"inf", "-inf", "1e999", "1.2.3", "0x10", "1 2", "--1", "+-1", "1,5", "\x01\xff"})
    CHECK_THROWS_AS(read(std::string("1;2\n3;") + cell + "\n"), refused);
}

TEST_CASE("csv: cut after any byte or with any byte changed, read or refused, never worse") {
  std::string const whole = "\"a\",y,b\r\n1.5,\"c\"\"at\",2\n-3e1,dog,4\n";
  for (std::size_t length = 0; length < whole.size(); ++length) try {
      auto const t = read(whole.substr(0, length), "y");
      CHECK(t.values.rows() == t.labels.size());
    } catch (refused const&) {
    }
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int c = 0; c < 256; ++c) {
      auto bent = whole;
      bent[at] = static_cast<char>(c);
      try {
        auto const t = read(bent, "y");
        CHECK(t.values.rows() == t.labels.size());
      } catch (refused const&) {
      }
    }
}

TEST_CASE("is_utf8") {
  CHECK(is_utf8("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80"));
  for (char const* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xff", "\xe2\x82"})
    CHECK(!is_utf8(bad));
}
