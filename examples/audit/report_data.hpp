// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/report_data.hpp
/// The findings for programs: report.json and labels.csv.
#ifndef LIMPID_EXAMPLES_AUDIT_REPORT_DATA_HPP
#define LIMPID_EXAMPLES_AUDIT_REPORT_DATA_HPP

#include "findings.hpp"

#include <charconv>
#include <cmath>
#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace limpid_audit {

inline char const* name_of(limpid::audit::remedy r) {
  using limpid::audit::remedy;
  switch (r) {
    case remedy::forward_correction:
      return "forward correction";
    case remedy::repaired_labels:
      return "repaired labels";
    case remedy::none:
      break;
  }
  return "none";
}

/// What to distrust, a sentence each. The library's sentences name classes by number: where classes
/// have names, the last one says which is which.
inline std::vector<std::string> distrust(audit_record const& a) {
  auto out = a.found.report.warnings;
  if (!a.found.report.converged)
    out.push_back("A fit ended before it had settled; the numbers may still move.");
  if (!a.data.names.empty() && !out.empty() && a.found.report.classes <= 30) {
    std::string key;
    for (std::size_t c = 0; c < a.data.names.size(); ++c)
      key += (c ? ", " : "Classes: ") + std::to_string(c) + " is " + a.data.names[c];
    out.push_back(key + '.');
  }
  return out;
}

/// JSON with the commas in the right places: `json(out).object([&](auto& j) {
/// j.key("rows").value(3); })`. Numbers that JSON has no word for become null.
class json {
 public:
  explicit json(std::ostream& out) : out_(out) {}

  json& key(std::string_view name) {
    value(name);
    out_ << ": ";
    first_ = true;
    return *this;
  }
  void value(std::string_view text) {
    next();
    out_ << '"';
    for (char const c : text) {
      auto const code = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\')
        out_ << '\\' << c;
      else if (code < 0x20)
        out_ << "\\u00"
             << "0123456789abcdef"[code >> 4] << "0123456789abcdef"[code & 15];
      else
        out_ << c;
    }
    out_ << '"';
  }
  void value(char const* text) { value(std::string_view(text)); }
  void value(double x) {
    next();
    char digits[32];
    if (std::isfinite(x))
      out_.write(digits, std::to_chars(digits, digits + sizeof digits, x).ptr - digits);
    else
      out_ << "null";
  }
  void value(std::integral auto x) {
    next();
    out_ << x;
  }
  template <class Members>
  void object(Members const& members) {
    nest('{', '}', members);
  }
  template <class Elements>
  void array(Elements const& elements) {
    nest('[', ']', elements);
  }

  void table(limpid::matrix<double> const& t) {
    array([&](json& j) {
      for (std::size_t r = 0; r < t.rows(); ++r)
        j.array([&](json& row) {
          for (std::size_t c = 0; c < t.cols(); ++c) row.value(t(r, c));
        });
    });
  }

 private:
  template <class Inside>
  void nest(char open, char close, Inside const& inside) {
    next();
    out_ << open;
    first_ = true;
    inside(*this);
    out_ << close;
    first_ = false;
  }
  void next() {
    if (!first_) out_ << ", ";
    first_ = false;
  }

  std::ostream& out_;
  bool first_ = true;
};

inline void write_json(std::ostream& out, audit_record const& a) {
  auto const& r = a.found.report;
  auto const label = [&](json& j, char const* key, std::int32_t c) {
    if (a.data.names.empty())
      j.key(key).value(c);
    else
      j.key(key).value(a.data.names[static_cast<std::size_t>(c)]);
  };
  json(out).object([&](json& j) {
    j.key("rows").value(r.rows);
    j.key("classes").value(r.classes);
    if (!a.data.names.empty())
      j.key("class_names").array([&](json& l) {
        for (auto const& name : a.data.names) l.value(name);
      });
    j.key("level").value(r.level);
    j.key("noise_rate").object([&](json& o) {
      o.key("estimate").value(r.noise_rate.estimate);
      o.key("low").value(r.noise_rate.low);
      o.key("high").value(r.noise_rate.high);
    });
    j.key("prior").array([&](json& l) {
      for (double const p : r.prior) l.value(p);
    });
    j.key("transition").table(r.transition);
    j.key("transition_low").table(r.transition_low);
    j.key("transition_high").table(r.transition_high);
    j.key("issues").array([&](json& l) {
      for (std::size_t const i : r.ranking)
        if (r.is_issue[i])
          l.object([&](json& o) {
            o.key("row").value(i);
            label(o, "given", a.data.given[i]);
            label(o, "suggested", r.suggested[i]);
            o.key("p_right").value(r.p_right[i]);
          });
    });
    j.key("recommended").value(name_of(r.recommended));
    j.key("reason").value(r.reason);
    j.key("warnings").array([&](json& l) {
      for (auto const& w : distrust(a)) l.value(w);
    });
    if (a.found.with_truth)
      j.key("with_truth").object([&](json& o) {
        o.key("noise_rate").value(a.found.with_truth->noise_rate);
        o.key("transition_mean_abs_error").value(a.found.with_truth->transition_mean_abs_error);
        o.key("average_precision").value(a.found.with_truth->average_precision);
        o.key("auroc").value(a.found.with_truth->auroc);
        o.key("precision").value(a.found.with_truth->precision);
        o.key("recall").value(a.found.with_truth->recall);
      });
    if (a.found.classifier)
      j.key("classifier").object([&](json& o) {
        o.key("accuracy_given").value(a.found.classifier->given);
        o.key("accuracy_repaired").value(a.found.classifier->repaired);
        if (a.found.with_truth) {
          o.key("clean_accuracy_given").value(a.found.classifier->clean_given);
          o.key("clean_accuracy_repaired").value(a.found.classifier->clean_repaired);
        }
      });
  });
  out << '\n';
}

/// One line per row, in the order of the data; rank 1 is the most doubtful.
inline void write_labels(std::ostream& out, audit_record const& a) {
  auto const& r = a.found.report;
  std::vector<std::size_t> rank(r.rows);
  for (std::size_t k = 0; k < r.rows; ++k) rank[r.ranking[k]] = k + 1;
  auto const cell = [&](std::int32_t c) {
    auto const name = a.data.name(static_cast<std::size_t>(c));
    if (name.find_first_of(",\"\r\n") == name.npos) return name;
    std::string quoted = "\"";
    for (char const x : name) quoted.append(x == '"' ? 2 : 1, x);
    return quoted + '"';
  };
  out << "row,given,suggested,p_right,rank,is_issue\n";
  for (std::size_t i = 0; i < r.rows; ++i) {
    out << i << ',' << cell(a.data.given[i]) << ',' << cell(r.suggested[i]) << ',';
    if (std::isfinite(r.p_right[i])) out << r.p_right[i];
    out << ',' << rank[i] << ',' << int{r.is_issue[i]} << '\n';
  }
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_REPORT_DATA_HPP
