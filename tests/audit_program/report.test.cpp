// SPDX-License-Identifier: BSL-1.0
#include "report_html.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace limpid_audit;

namespace {

/// Four rows; row 2 is labelled 1 and looks like 0.
struct example {
  dataset data;
  findings found;

  explicit example(std::size_t classes = 2) {
    data.rows = 4;
    data.classes = classes;
    data.given = {0, 1, 1, 0};
    auto& r = found.report;
    r.rows = 4;
    r.classes = classes;
    r.noise_rate = {0.25, 0.125, 0.5};
    r.prior = limpid::vector<double>(classes);
    r.transition = r.transition_low = r.transition_high = limpid::matrix<double>::identity(classes);
    r.class_noise.resize(classes);
    r.given_count = limpid::vector<std::size_t>(classes);
    r.prior[0] = 0.75;
    r.prior[1] = 0.25;
    r.transition(0, 0) = 0.75;
    r.transition(0, 1) = r.transition_high(0, 1) = 0.25;
    r.given_count[0] = r.given_count[1] = 2;
    r.p_right = {0.9, 0.8, 0.125, 1};
    r.suggested = {0, 1, 0, 0};
    r.lead = {0.5, 0.5, 0.5, 0.5};
    r.is_issue = {0, 0, 1, 0};
    r.ranking = {2, 1, 0, 3};
    r.loss = {0.1, 0.2, 2.5, 0};
    r.split = {0, 2.5, {0.75, 0.25}, {0.1, 0.9}, {0.01, 0.02}, true};
    r.recommended = limpid::audit::remedy::repaired_labels;
    r.reason = "because";
  }
  nlohmann::json json() const {
    std::ostringstream out;
    write_json(out, {data, found});
    return nlohmann::json::parse(out.str());
  }
  std::string csv() const {
    std::ostringstream out;
    write_labels(out, {data, found});
    return out.str();
  }
  std::string html() const {
    std::ostringstream out;
    write_html(out, {data, found});
    return out.str();
  }
};

bool has(std::string const& text, std::string const& piece) {
  return text.find(piece) != text.npos;
}

}  // namespace

TEST_CASE("report.json: every field, and rows as they rank") {
  example e;
  auto const j = e.json();
  CHECK(j["rows"] == 4);
  CHECK(j["classes"] == 2);
  CHECK(j["noise_rate"] == nlohmann::json{{"estimate", 0.25}, {"low", 0.125}, {"high", 0.5}});
  CHECK(j["prior"] == std::vector<double>{0.75, 0.25});
  CHECK(j["transition"] == std::vector<std::vector<double>>{{0.75, 0.25}, {0, 1}});
  CHECK(j["transition_low"] == std::vector<std::vector<double>>{{1, 0}, {0, 1}});
  CHECK(j["transition_high"][0][1] == 0.25);
  CHECK(j["issues"] ==
        nlohmann::json::parse(R"([{"row": 2, "given": 1, "suggested": 0, "p_right": 0.125}])"));
  CHECK(j["recommended"] == "repaired labels");
  CHECK(j["reason"] == "because");
  CHECK(j["warnings"].empty());
  CHECK(!j.contains("with_truth"));
  CHECK(!j.contains("classifier"));
}

TEST_CASE("report.json: truth and classifier where they are known, null where a number is not") {
  example e;
  double const none = std::numeric_limits<double>::quiet_NaN();
  e.found.classifier = accuracies{0.5, 0.75, 0, 0};
  CHECK(e.json()["classifier"] ==
        nlohmann::json{{"accuracy_given", 0.5}, {"accuracy_repaired", 0.75}});
  e.found.with_truth = truth_comparison{0.25, 0.01, none, 1, none, 0, {}};
  auto const j = e.json();
  CHECK(j["classifier"].size() == 4);
  CHECK(j["with_truth"]["noise_rate"] == 0.25);
  CHECK(j["with_truth"]["transition_mean_abs_error"] == 0.01);
  CHECK(j["with_truth"]["average_precision"].is_null());
  CHECK(j["with_truth"]["auroc"] == 1);
  CHECK(j["with_truth"]["precision"].is_null());
  CHECK(j["with_truth"]["recall"] == 0);
  e.found.report.noise_rate.high = std::numeric_limits<double>::infinity();
  CHECK(e.json()["noise_rate"]["high"].is_null());
}

TEST_CASE("names: escaped for each format, and matched with the numbers that sentences use") {
  example e;
  e.data.names = {"a\"b\\c,\n\x01", "<script>&"};
  e.found.report.warnings = {"No row is labelled 1."};
  e.found.report.converged = false;
  auto const j = e.json();
  CHECK(j["issues"][0]["suggested"] == e.data.names[0]);
  CHECK(j["class_names"] == e.data.names);
  CHECK(j["warnings"].size() == 3);
  CHECK(j["warnings"][2] == "Classes: 0 is " + e.data.names[0] + ", 1 is <script>&.");
  CHECK(has(e.csv(), "2,<script>&,\"a\"\"b\\c,\n\x01\",0.125,1,1\n"));
  auto const page = e.html();
  CHECK(!has(page, "<script"));
  CHECK(has(page, "&lt;script&gt;&amp;"));
  CHECK(has(page, "a&quot;b\\c,  "));
  CHECK(has(page, "<b>1</b> &lt;script&gt;&amp;"));
}

TEST_CASE("labels.csv: one line per row in the data's order") {
  example e;
  CHECK(e.csv() ==
        "row,given,suggested,p_right,rank,is_issue\n0,0,0,0.9,3,0\n1,1,1,0.8,2,0\n2,1,0,0.125,1,"
        "1\n3,0,0,1,4,0\n");
  e.found.report.p_right[0] = std::numeric_limits<double>::quiet_NaN();
  CHECK(has(e.csv(), "\n0,0,0,,3,0\n"));
}

TEST_CASE("report.html: one page, nothing from outside, tags in pairs") {
  example e;
  e.found.classifier = accuracies{0.5, 0.75, 0.5, 0.75};
  e.found.with_truth = compare(e.found.report, e.data.given, {0, 1, 0, 0});
  e.found.report.warnings = {"trust nobody"};
  for (std::size_t const classes : std::vector<std::size_t>{2, 5, 12, 13, 16, 17, 30}) {
    CAPTURE(classes);
    example wide(classes);
    wide.found.with_truth = e.found.with_truth;
    CHECK(has(wide.html(), "<svg class=\"heat"));
  }
  CHECK(!has(example(31).html(), "<svg class=\"heat"));
  auto const page = e.html();
  for (char const* outside : {"http", "src=", "href=", "url(", "@import", "<script"})
    CHECK(!has(page, outside));
  for (char const* said :
       {"25.0<small> %", "between 12.5 and 50.0 %", "Trust nobody.", "Train on repaired labels",
        "Because.", "25.0 %", "Compared with the truth", "inside the estimated interval",
        "path class=\"part1\""}) {
    CAPTURE(said);
    CHECK(has(page, said));
  }
  for (char const* bad : {"nan", "inf ", "-nan"}) CHECK(!has(page, bad));
  // Tags: all but the void ones are closed, innermost first.
  std::vector<std::string> open;
  for (auto at = page.find('<'); at != page.npos; at = page.find('<', at + 1)) {
    auto const end = page.find('>', at);
    REQUIRE(end != page.npos);
    auto tag = page.substr(at + 1, end - at - 1);
    if (tag[0] == '!' || tag.back() == '/' || tag.rfind("meta", 0) == 0) continue;
    tag = tag.substr(0, tag.find(' '));
    if (tag[0] != '/') {
      open.push_back(tag);
      continue;
    }
    REQUIRE(!open.empty());
    CHECK(open.back() == tag.substr(1));
    open.pop_back();
  }
  CHECK(open.empty());
}

TEST_CASE("report.html: no split, no issue, numbers that are not known") {
  example e;
  auto& r = e.found.report;
  r.split.justified = false;
  r.is_issue = {0, 0, 0, 0};
  r.class_noise[0] = {std::numeric_limits<double>::quiet_NaN(), 0, 1};
  r.loss = {1, 1, 1, std::numeric_limits<double>::infinity()};
  r.split.scale_low = r.split.scale_high = 1;
  auto const page = e.html();
  CHECK(has(page, "no loss separates right labels from wrong ones"));
  CHECK(!has(page, "path class=\"part"));
  CHECK(has(page, "The data suggest no other label for any row."));
  CHECK(!has(page, "nan"));
}

TEST_CASE("words") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(breakable("twelve chars twelve<chars") == "twelve chars twelve&lt;chars");
  CHECK(breakable("Acer pseudoplatanus") ==
        "Acer pseudopl\xc2\xad"
        "atanus");
  CHECK(breakable(" x ") == " x ");
  CHECK(sentence("it is") == "It is.");
  CHECK(sentence("It is.") == "It is.");
  CHECK(percent(0.1234) == "12.3 %");
}
