// SPDX-License-Identifier: BSL-1.0
#include "libsvm.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

using namespace limpid_audit;

namespace {
libsvm_table read(std::string const& text) {
  std::istringstream in(text);
  return read_libsvm(in, "t.svm");
}
}  // namespace

TEST_CASE("libsvm: sparse to dense, indices from 1, comments, empty rows of features") {
  auto const t = read("# made by hand\n+1 1:0.5 3:-2\n-1\n3.0  2:1e1 \t4:7 # why\r\n\n");
  CHECK(t.labels == std::vector<std::int64_t>{1, -1, 3});
  CHECK(t.values == limpid::matrix<double>{{0.5, 0, -2, 0}, {0, 0, 0, 0}, {0, 10, 0, 7}});
  CHECK(read("1 1:2").values == limpid::matrix<double>{{2}});
}

TEST_CASE("libsvm: every fault is named by line") {
  CHECK_THROWS_WITH_AS(read(""), "t.svm: is empty", refused);
  CHECK_THROWS_WITH_AS(read("1\n0\n"), "t.svm: no row has a feature", refused);
  CHECK_THROWS_WITH_AS(read("1 0:2\n"),
                       "t.svm line 1: index 0 after 0; indices start at 1 and rise", refused);
  CHECK_THROWS_WITH_AS(read("1 1:2\n1 3:1 2:1\n"),
                       "t.svm line 2: index 2 after 3; indices start at 1 and rise", refused);
  CHECK_THROWS_WITH_AS(read("1 2:1 2:1\n"),
                       "t.svm line 1: index 2 after 2; indices start at 1 and rise", refused);
  CHECK_THROWS_WITH_AS(read("1,2 1:1\n"), "t.svm line 1: label '1,2' is not a whole number",
                       refused);
  CHECK_THROWS_WITH_AS(read("0.5 1:1\n"), "t.svm line 1: label '0.5' is not a whole number",
                       refused);
  CHECK_THROWS_WITH_AS(read("nan 1:1\n"), "t.svm line 1: label 'nan' is not a whole number",
                       refused);
  CHECK_THROWS_WITH_AS(read("1 1\n"), "t.svm line 1: '1' is not index:value", refused);
  CHECK_THROWS_WITH_AS(read("1 qid:1 1:2\n"), "t.svm line 1: 'qid:1' is not index:value", refused);
  CHECK_THROWS_WITH_AS(read("1 1:nan\n"), "t.svm line 1: '1:nan' is not finite", refused);
  CHECK_THROWS_WITH_AS(read("1 1:2\n\n0 1:1\n"), "t.svm line 2: is empty", refused);
  CHECK_THROWS_WITH_AS(
      read("1 9999999999:1\n"),
      "t.svm line 1: 1 rows of 9999999999 columns are too many to hold as a dense matrix", refused);
  for (char const* bad :
       {"1 :", "1 1:", "1 :1", "1 -1:1", "1 1:2:3", "1 99999999999999999999:1", "x", ":"})
    CHECK_THROWS_AS(read(bad), refused);
}

TEST_CASE("libsvm: cut after any byte or with any byte changed, read or refused, never worse") {
  std::string const whole = "+1 1:0.5 3:-2\n-1 2:1 # c\n";
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int c = -1; c < 256; ++c) {
      auto bent = c < 0 ? whole.substr(0, at) : whole;
      if (c >= 0) bent[at] = static_cast<char>(c);
      try {
        auto const t = read(bent);
        CHECK(t.values.rows() == t.labels.size());
      } catch (refused const&) {
      }
    }
}
