// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/find_label_issues.hpp>

#include <doctest/doctest.h>

#include <limpid/transition/confident_joint.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::confident_joint;
using limpid::transition::find_label_issues;
using limpid::transition::find_label_issues_options;
using limpid::transition::issue_filter;
using limpid::transition::quality_score;
using limpid_test::golden;
using limpid_test::to_ints;
using limpid_test::to_matrix;
using rows = limpid::vector<std::size_t>;

std::map<std::string, issue_filter> const filters{
    {"prune_by_noise_rate", issue_filter::prune_by_noise_rate},
    {"prune_by_class", issue_filter::prune_by_class},
    {"both", issue_filter::both},
    {"confident_learning", issue_filter::confident_learning},
    {"predicted_neq_given", issue_filter::predicted_neq_given},
    {"low_normalized_margin", issue_filter::low_normalized_margin},
    {"low_self_confidence", issue_filter::low_self_confidence}};
std::map<std::string, quality_score> const scores{
    {"self_confidence", quality_score::self_confidence},
    {"normalized_margin", quality_score::normalized_margin},
    {"confidence_weighted_entropy", quality_score::confidence_weighted_entropy}};

TEST_CASE("find_label_issues: by hand") {
  //! [call]
  // 6 rows, 2 classes; row 2 is labelled 0 and looks like a 1
  limpid::matrix<double> const P{{0.9, 0.1}, {0.8, 0.2}, {0.1, 0.9},
                                 {0.2, 0.8}, {0.3, 0.7}, {0.1, 0.9}};
  std::vector<int> const y{0, 0, 0, 1, 1, 1};

  auto const r = limpid::transition::find_label_issues(P, y);
  // r.issues lists row 2; r.flagged[2] is 1; r.score[0] is 0.1, what P gives its label
  //! [call]
  CHECK(r.issues == rows{2});
  CHECK(r.flagged == limpid::vector<std::uint8_t>{0, 0, 1, 0, 0, 0});
  CHECK(r.score == limpid::vector<double>{0.1});
  CHECK(r.off_diagonal == 1);
  // of label 0 two rows are confident, and one of them is a 1; the row of three is 2 and 1
  CHECK(r.joint.start == rows{0, 2, 3});
  CHECK(r.joint.true_class == limpid::vector<std::int32_t>{0, 1, 1});
  CHECK(r.joint.count == limpid::vector<double>{2, 1, 3});
  CHECK(r.off_diagonal_calibrated == 1);
  CHECK(r.given_count == rows{3, 3});
  CHECK(r.issue_count == rows{1, 0});
}

/// "rule|name|name=value" of the golden file.
find_label_issues_options options_of(std::string const& key) {
  std::istringstream parts(key);
  std::string part;
  std::getline(parts, part, '|');
  find_label_issues_options o;
  o.cleanlab_compatible = true;
  o.filter_by = filters.at(part);
  o.rank_by.reset();
  while (std::getline(parts, part, '|')) {
    std::string const value = part.substr(part.find('=') + 1);
    if (part == "ranked_by") {
      std::getline(parts, part, '|');
      o.rank_by = scores.at(part);
    } else if (part.rfind("frac_noise", 0) == 0) {
      o.frac_noise = std::stod(value);
    } else if (part.rfind("min_examples", 0) == 0) {
      o.min_examples_per_class = std::stoul(value);
    } else {
      CHECK(value == "[5,4,3,2]");
      o.num_to_remove_per_class = {5, 4, 3, 2};
    }
  }
  return o;
}

// golden: cleanlab 2.9.0 (filter.find_label_issues, count.num_label_issues)
void check_case(limpid_test::golden_value const& in, limpid_test::golden_value const& expected) {
  auto const p = to_matrix(in["pred_probs"]);
  auto const y = to_ints(in["labels"]);
  std::size_t read = 0;
  for (auto const& [name, list] : expected["find_label_issues"].items()) {
    std::string const key = name;
    CAPTURE(key);
    auto const o = options_of(key);
    auto const r = find_label_issues(p, y, o);
    auto const want = list.get<std::vector<std::size_t>>();
    CHECK(std::set<std::size_t>(r.issues.begin(), r.issues.end()) ==
          std::set<std::size_t>(want.begin(), want.end()));
    bool const distinct = std::adjacent_find(r.score.begin(), r.score.end()) ==
                          r.score.end();  // ties: any order there
    if (!o.rank_by || distinct) CHECK(std::vector<std::size_t>(r.issues) == want);
    CHECK(r.off_diagonal ==
          static_cast<std::size_t>(expected["num_label_issues"]["off_diagonal"].get<int>()));
    CHECK(r.off_diagonal_calibrated ==
          static_cast<std::size_t>(
              expected["num_label_issues"]["off_diagonal_calibrated"].get<int>()));
    ++read;
  }
  CHECK(read > 30);
}

TEST_CASE("find_label_issues: the rows of cleanlab 2.9.0") {
  auto const file = golden("cleanlab_confident_learning.json");
  check_case(file["input"], file["expected"]);
  for (char const* name : {"missing_class", "binary_ties", "single_example_class"}) {
    CAPTURE(name);
    check_case(file["edge_cases"][name], file["edge_cases"][name]["expected"]);
  }
}

// golden: cleanlab 2.9.0 (filter._keep_at_least_n_per_class); rows true, columns given
TEST_CASE("find_label_issues: the counts to prune of cleanlab 2.9.0") {
  auto const e = golden("cleanlab_confident_learning.json")["expected"];
  auto const joint =
      limpid::transition::detail::to_sparse(to_matrix(e["confident_joint_calibrated"]));
  struct {
    char const* name;
    double least, frac;
  } const cases[] = {{"prune_count_matrix_n1_f1", 1, 1},
                     {"prune_count_matrix_n1_f05", 1, 0.5},
                     {"prune_count_matrix_n60_f1", 60, 1}};
  for (auto const& each : cases) {
    CAPTURE(each.name);
    auto const got = limpid::transition::detail::counts_to_prune(joint, each.least, each.frac);
    auto m = limpid_test::transpose(limpid::transition::detail::to_dense(got.remove));
    for (std::size_t k = 0; k < 4; ++k) m(k, k) = got.keep[k];
    CHECK(m == to_matrix(e[each.name]));
  }
}

TEST_CASE("find_label_issues: as many rows of each label as asked for, unlike cleanlab") {
  auto const file = golden("cleanlab_confident_learning.json");
  auto const p = to_matrix(file["input"]["pred_probs"]);
  auto const y = to_ints(file["input"]["labels"]);
  find_label_issues_options o;
  o.num_to_remove_per_class = {5, 4, 3, 2};
  for (auto rule : {issue_filter::prune_by_class, issue_filter::prune_by_noise_rate}) {
    o.filter_by = rule;
    auto const r = find_label_issues(p, y, o);
    for (std::size_t k = 0; k < 4; ++k) CHECK(r.issue_count[k] == o.num_to_remove_per_class[k]);
  }
  o.cleanlab_compatible = true;
  CHECK(find_label_issues(p, y, o).issue_count == rows{1, 1, 4, 8});  // by spec and golden file
}

/// The two pruning rules by the definition: everything dense, every row sorted.
std::vector<std::size_t> prune_by_definition(matrix<double> const& p, std::vector<int> const& y,
                                             matrix<double> const& joint, bool by_class) {
  std::size_t const n = y.size(), classes = p.cols();
  std::set<std::size_t> found;
  for (std::size_t g = 0; g < classes; ++g) {
    std::vector<std::size_t> mine;
    for (std::size_t i = 0; i < n; ++i)
      if (static_cast<std::size_t>(y[i]) == g) mine.push_back(i);
    if (mine.size() < 2) continue;
    auto take = [&](double count, auto key) {
      std::vector<std::size_t> sorted = mine;
      std::stable_sort(sorted.begin(), sorted.end(),
                       [&](auto a, auto b) { return key(a) < key(b); });
      for (std::size_t q = 0; q < sorted.size() && static_cast<double>(q) < count; ++q)
        found.insert(sorted[q]);
    };
    double const keep = std::max(joint(g, g), 1.0);
    double nonzero = 0;
    for (std::size_t t = 0; t < classes; ++t) nonzero += joint(g, t) != 0;
    if (by_class) {
      take(static_cast<double>(mine.size()) - keep, [&](std::size_t i) { return p(i, g); });
      continue;
    }
    for (std::size_t t = 0; t < classes; ++t)
      if (t != g)
        take(std::floor(joint(g, t) - (keep - joint(g, g)) / std::max(nonzero - 1, 1.0)),
             [&](std::size_t i) { return p(i, g) - p(i, t); });
  }
  std::vector<std::size_t> out;
  for (std::size_t i : found) {
    matrix<double> q = p;
    auto const label = static_cast<std::size_t>(y[i]);
    q(i, label) += 1e-6;
    auto const top =
        static_cast<std::size_t>(std::max_element(&q(i, 0), &q(i, 0) + classes) - &q(i, 0));
    if (top != label) out.push_back(i);
  }
  return out;
}

TEST_CASE("find_label_issues: every policy, on both sides of a tile, agrees with the definition") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, std::size_t{50}, tile + 1}) {
    CAPTURE(n);
    auto const data = limpid_test::make_posteriors(n, 5, static_cast<unsigned>(n), 0.3);
    auto const joint = confident_joint(data.p, data.y).calibrated;
    for (auto rule : {issue_filter::prune_by_noise_rate, issue_filter::prune_by_class}) {
      find_label_issues_options o;
      o.filter_by = rule;
      o.rank_by.reset();
      auto const want =
          prune_by_definition(data.p, data.y, joint, rule == issue_filter::prune_by_class);
      CHECK(std::vector<std::size_t>(find_label_issues(limpid::seq, data.p, data.y, o).issues) ==
            want);
      o.rank_by = quality_score::normalized_margin;
      auto const r = find_label_issues(data.p, data.y, o);
      CHECK(r.issues.size() == want.size());
      CHECK(std::is_sorted(r.score.begin(), r.score.end()));
      for (int threads : {1, 3}) {
        limpid::par_policy par;
        par.threads = threads;
        auto const s = find_label_issues(par, data.p, data.y, o);
        CHECK(s.issues == r.issues);
        CHECK(s.score == r.score);
      }
      limpid_test::device_matrix<double> const p(data.p.view());
      limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
      CHECK(find_label_issues(limpid_test::device, p, y, o).issues == r.issues);
      limpid_test::strided const padded(data.p);
      CHECK(find_label_issues(padded.window, data.y, o).issues == r.issues);
    }
  }
}

// A joint that asks for more rows than are in doubt: the others compete too, and are not flagged.
TEST_CASE("find_label_issues: rows that are not in doubt take places") {
  auto const data = limpid_test::make_posteriors(400, 4, 3, 0.3);
  matrix<double> joint(4, 4, 20);
  for (std::size_t k = 0; k < 4; ++k) joint(k, k) = 5;
  find_label_issues_options o;
  o.joint = joint;
  o.rank_by.reset();
  auto const first = find_label_issues(data.p, data.y, o);
  // what pruning goes by is the joint in the data's frequencies
  auto const cells = first.joint;
  matrix<double> calibrated(4, 4);
  for (std::size_t g = 0; g < 4; ++g)
    for (std::size_t c = cells.start[g]; c < cells.start[g + 1]; ++c)
      calibrated(g, static_cast<std::size_t>(cells.true_class[c])) = cells.count[c];
  CHECK(std::vector<std::size_t>(first.issues) ==
        prune_by_definition(data.p, data.y, calibrated, false));
  auto const all =
      find_label_issues(data.p, data.y, {.filter_by = issue_filter::predicted_neq_given});
  CHECK(first.issues.size() < all.issues.size());
  o.cleanlab_compatible = true;  // as it is
  CHECK(std::vector<std::size_t>(find_label_issues(data.p, data.y, o).issues) ==
        prune_by_definition(data.p, data.y, joint, false));
}

TEST_CASE(
    "find_label_issues: ties go to the lower row, and a label as likely as the best is kept") {
  matrix<double> const p{{0.2, 0.8}, {0.2, 0.8}, {0.9, 0.1}, {0.9, 0.1}, {0.1, 0.9}, {0.5, 0.5}};
  std::vector<int> const y{0, 0, 0, 0, 1, 1};
  find_label_issues_options o;
  o.filter_by = issue_filter::prune_by_class;
  o.num_to_remove_per_class = {1, 1};
  auto const r = find_label_issues(p, y, o);
  CHECK(r.issues ==
        rows{0});  // rows 0 and 1 are alike; row 5 is the lowest of label 1, and not in doubt
  o.num_to_remove_per_class = {2, 2};
  CHECK(find_label_issues(p, y, o).issues == rows{0, 1});
}

TEST_CASE("find_label_issues: permuting classes or rows permutes the issues") {
  auto const data = limpid_test::make_posteriors(900, 4, 11, 0.3);
  std::size_t const to[] = {2, 0, 3, 1};
  std::size_t const n = data.y.size();
  limpid_test::labelled_posteriors moved = data, turned = data;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      moved.p(i, to[k]) = data.p(i, k);
      turned.p(n - 1 - i, k) = data.p(i, k);
    }
    moved.y[i] = static_cast<int>(to[data.y[i]]);
    turned.y[n - 1 - i] = data.y[i];
  }
  // whole counts without rounding ties: the joint is given
  matrix<double> joint{{180, 20, 10, 6}, {9, 190, 31, 2}, {5, 11, 170, 29}, {25, 1, 8, 203}},
      there(4, 4);
  for (std::size_t g = 0; g < 4; ++g)
    for (std::size_t t = 0; t < 4; ++t) there(to[g], to[t]) = joint(g, t);
  for (auto const& [filter, rule] : filters) {
    std::string const name = filter;
    CAPTURE(name);
    find_label_issues_options o;
    o.filter_by = rule;
    bool const pruning = name.rfind("prune", 0) == 0 || name == "both";
    o.cleanlab_compatible = true;
    if (pruning) o.joint = joint;
    auto const r = find_label_issues(data.p, data.y, o);
    auto s = find_label_issues(turned.p, turned.y, o).issues;
    for (auto& i : s) i = n - 1 - i;
    CHECK(s == r.issues);
    if (pruning) o.joint = there;
    CHECK(find_label_issues(moved.p, moved.y, o).issues == r.issues);
    CHECK(!r.issues.empty());
  }
}

TEST_CASE("find_label_issues: rows from a callback, in blocks of any size") {
  auto const data =
      limpid_test::make_posteriors(700, 40, 8, 0.3);  // beyond the columns held in registers
  //! [reader]
  // rows come in blocks, from the first to the last, as often as they are needed
  limpid::row_reader<double> reader;
  reader.rows = 700;
  reader.cols = 40;
  reader.block_rows = 64;
  reader.read = [&](std::size_t first, limpid::matrix_view<double> block) {
    for (std::size_t i = 0; i < block.rows; ++i)
      for (std::size_t k = 0; k < block.cols; ++k) block(i, k) = data.p(first + i, k);
  };
  auto const r = limpid::transition::find_label_issues(reader, data.y);
  //! [reader]
  for (auto score : {quality_score::self_confidence, quality_score::confidence_weighted_entropy})
    for (auto const& [filter, rule] : filters) {
      std::string const name = filter;
      CAPTURE(name);
      find_label_issues_options o;
      o.filter_by = rule;
      o.rank_by = score;
      auto const want = find_label_issues(data.p, data.y, o);
      CHECK(!want.issues.empty());
      for (std::size_t block :
           {std::size_t{1}, std::size_t{64}, std::size_t{699}, std::size_t{0}}) {
        reader.block_rows = block;
        CHECK(find_label_issues(reader, data.y, o).issues == want.issues);
      }
    }
  CHECK(r.issues == find_label_issues(data.p, data.y).issues);
  auto wrong = reader;
  wrong.block_rows = 64;
  wrong.read = [&](std::size_t first, limpid::matrix_view<double> block) {
    reader.read(first, block);
    if (first == 128) block(3, 0) += 1;
  };
  CHECK_THROWS_WITH_AS((void)find_label_issues(wrong, data.y), doctest::Contains("P row 131 "),
                       input_error);
}

TEST_CASE("find_label_issues: float, one class, absent and lonely labels") {
  auto const data = limpid_test::make_posteriors(500, 3, 1);
  auto const f = limpid_test::to_float(data.p);
  matrix<double> widened(500, 3);
  for (std::size_t c = 0; c < 1500; ++c) widened.data()[c] = static_cast<double>(f.data()[c]);
  CHECK(find_label_issues(f, data.y, {.validate = false}).issues ==
        find_label_issues(widened, data.y).issues);

  auto const one = find_label_issues(matrix<double>(3, 1, 1.0), std::vector{0, 0, 0});
  CHECK(one.issues.empty());
  CHECK(one.off_diagonal_calibrated == 0);

  // label 2 on one row, which is its own only example; label 3 on none
  matrix<double> const p{
      {0.7, 0.1, 0.1, 0.1}, {0.6, 0.2, 0.1, 0.1}, {0.1, 0.8, 0, 0.1}, {0.7, 0.1, 0.1, 0.1}};
  std::vector<int> const y{0, 0, 1, 2};
  auto const r = find_label_issues(p, y);
  CHECK(r.too_few == limpid::vector<std::uint8_t>{0, 1, 1, 1});
  CHECK(r.issues.empty());
  CHECK(r.thresholds[3] == 2);
  CHECK(find_label_issues(p, y, {.filter_by = issue_filter::predicted_neq_given}).issues ==
        rows{3});
}

TEST_CASE("find_label_issues: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  auto const throws = [&](find_label_issues_options const& o, std::string const& text) {
    CHECK_THROWS_WITH_AS((void)find_label_issues(p, y, o),
                         ("transition::find_label_issues: " + text).c_str(), input_error);
  };
  throws({.frac_noise = 1.5}, "options.frac_noise is 1.5; need 0..1");
  throws({.frac_noise = nan}, "options.frac_noise is nan; need 0..1");
  throws({.filter_by = issue_filter::confident_learning, .frac_noise = 0.5},
         "options.frac_noise is read by the pruning rules only");
  throws({.filter_by = issue_filter::low_self_confidence, .num_to_remove_per_class = {1, 1}},
         "options.num_to_remove_per_class is read by the pruning rules only");
  throws({.num_to_remove_per_class = {1}},
         "options.num_to_remove_per_class has 1 entries; need K = 2");
  throws({.num_to_remove_per_class = {1, 2}},
         "options.num_to_remove_per_class[1] is 2; label 1 has 1 rows");
  throws({.thresholds = {0.5}}, "options.thresholds has 1 entries; need K = 2");
  throws({.joint = matrix<double>(2, 3)}, "options.joint is 2 x 3; need K x K with K = 2");
  throws({.joint = {{1, -1}, {0, 1}}},
         "options.joint(0, 1) is -1; counts are finite and at least 0");
  throws({.filter_by = issue_filter::confident_learning, .joint = {{1, 0}, {0, 1}}},
         "options.joint is read by the pruning rules only");
  throws({.rank_by = quality_score::confidence_weighted_entropy, .adjust = true},
         "options.adjust is not defined for the entropy score");
  CHECK_THROWS_WITH_AS((void)find_label_issues(p, std::vector{0, 2}),
                       "transition::find_label_issues: y row 1 is 2; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)find_label_issues(matrix<double>{{nan, 1}, {0, 1}}, y),
                       "transition::find_label_issues: P row 0 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)find_label_issues(matrix<double>(0, 2), std::vector<int>{}),
      "transition::find_label_issues: P is 0 x 2; need at least one row and one class",
      input_error);
  CHECK_NOTHROW(
      (void)find_label_issues(p, y, {.frac_noise = 0, .num_to_remove_per_class = {1, 1}}));
  CHECK_NOTHROW(
      (void)find_label_issues(matrix<double>{{0.5, 0.75}, {0, 1}}, y, {.validate = false}));
}

}  // namespace
