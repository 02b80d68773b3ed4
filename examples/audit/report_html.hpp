// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/report_html.hpp
/// The findings for people: one page without outside parts, for phone and desktop, light and dark.
#ifndef LIMPID_EXAMPLES_AUDIT_REPORT_HTML_HPP
#define LIMPID_EXAMPLES_AUDIT_REPORT_HTML_HPP

#include "page_style.hpp"
#include "report_data.hpp"

#include <limpid/version.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace limpid_audit {

// Words and numbers -------------------------------------------------------------------------------

inline std::string fixed(double x, int decimals) {
  if (!std::isfinite(x)) return "not known";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, x);
  return text;
}
inline std::string percent(double share, int decimals = 1) {
  return std::isfinite(share) ? fixed(100 * share, decimals) + " %" : fixed(share, 0);
}
/// "28.1 to 32.0 %"
inline std::string range(double low, double high, int decimals = 1) {
  return fixed(100 * low, decimals) + " to " + percent(high, decimals);
}
inline std::string grouped(std::size_t n) {
  auto text = std::to_string(n);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}
inline std::string escaped(std::string_view text) {
  std::string out;
  for (char const c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;  // not allowed in HTML
  }
  return out;
}
/// A name that narrow columns may hyphenate: soft hyphens in words of more than twelve characters.
inline std::string breakable(std::string const& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    std::size_t const end = (std::min)(name.find(' ', i), name.size());
    std::size_t count = 0, characters = 0;
    for (std::size_t b = i; b < end; ++b)
      count += (static_cast<unsigned char>(name[b]) & 0xc0) != 0x80;
    for (std::size_t b = i; b < end; ++b) {
      bool const starts = (static_cast<unsigned char>(name[b]) & 0xc0) != 0x80;
      if (starts && count > 12 && characters && characters % 8 == 0 && count - characters > 2)
        out += "\xc2\xad";
      characters += starts;
      out += name[b];
    }
    if (end < name.size()) out += ' ';
    i = end + 1;
  }
  return escaped(out);
}
/// Begins with a capital and ends with a full stop.
inline std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text.back() == '.' || text.back() == '!' || text.back() == '?' ? text : text + '.';
}

struct confusion {
  std::size_t from, to;
  double share;
};

/// The largest entries of T off the diagonal; what rounds to 0.0 % is left out.
inline std::vector<confusion> strongest_confusions(limpid::audit::report const& r,
                                                   std::size_t most) {
  std::vector<confusion> all;
  for (std::size_t i = 0; i < r.classes; ++i)
    for (std::size_t j = 0; j < r.classes; ++j)
      if (i != j && r.transition(i, j) >= 0.0005) all.push_back({i, j, r.transition(i, j)});
  std::stable_sort(all.begin(), all.end(),
                   [](auto const& a, auto const& b) { return a.share > b.share; });
  if (all.size() > most) all.resize(most);
  return all;
}

inline std::size_t count_issues(limpid::audit::report const& r) {
  return static_cast<std::size_t>(std::count(r.is_issue.begin(), r.is_issue.end(), 1));
}

// The page ----------------------------------------------------------------------------------------

class page {
 public:
  page(std::ostream& out, audit_record const& record)
      : out_(out), a_(record), r_(record.found.report), k_(record.found.report.classes) {}

  void print() {
    out_ << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Label "
            "audit</title>\n<style>"
         << page_style << "</style>\n</head>\n<body>\n<main>\n";
    headline();
    distrust();
    remedy();
    confusions();
    classes();
    losses();
    issues();
    truth();
    out_ << "<footer>limpid " LIMPID_VERSION_STRING ". Rows count from 0. Intervals hold with "
         << percent(r_.level, 0) << " probability.</footer>\n</main>\n</body>\n</html>\n";
  }

 private:
  std::string name(std::size_t c) const { return breakable(a_.data.name(c)); }
  std::string title(std::size_t c) const { return escaped(a_.data.name(c)); }
  double members(std::size_t c) const { return r_.prior[c] * static_cast<double>(r_.rows); }

  void section(char const* title, std::string const& lead) {
    out_ << "<section>\n<h2>" << title << "</h2>\n<p class=\"lead\">" << lead << "</p>\n";
  }

  void headline() {
    auto const flagged = count_issues(r_);
    out_ << "<header>\n<p class=\"eyebrow\">Label audit</p>\n<p class=\"number\">"
         << fixed(100 * r_.noise_rate.estimate, 1)
         << "<small> %</small></p>\n<h1>of the labels are wrong"
         << (r_.noise_rate.low > 0 ? "" : ", or none at all")
         << "</h1>\n<p class=\"lead\">Estimated; the share lies between "
         << fixed(100 * r_.noise_rate.low, 1) << " and " << percent(r_.noise_rate.high) << " with "
         << percent(r_.level, 0) << " probability.</p>\n<dl class=\"facts\">\n";
    auto const fact = [&](std::string const& term, std::string const& value) {
      out_ << "<div><dt>" << term << "</dt><dd>" << value << "</dd></div>\n";
    };
    fact("rows", grouped(r_.rows));
    fact("classes", grouped(k_));
    fact("doubtful labels", grouped(flagged));
    fact("wrong labels, about", grouped(static_cast<std::size_t>(std::lround(
                                    r_.noise_rate.estimate * static_cast<double>(r_.rows)))));
    out_ << "</dl>\n</header>\n";
  }

  void distrust() {
    auto const sentences = limpid_audit::distrust(a_);
    if (sentences.empty()) return;
    out_ << "<section class=\"notice\">\n<h2>What to distrust</h2>\n<ul>\n";
    for (auto const& w : sentences) out_ << "<li>" << escaped(sentence(w)) << "</li>\n";
    out_ << "</ul>\n</section>\n";
  }

  void remedy() {
    using limpid::audit::remedy;
    char const* what = "Train on the labels as they are";
    if (r_.recommended == remedy::forward_correction) what = "Train with forward correction";
    if (r_.recommended == remedy::repaired_labels) what = "Train on repaired labels";
    out_ << "<section>\n<h2>Recommended</h2>\n<p class=\"big\">" << what
         << "</p>\n<p class=\"lead\">" << escaped(sentence(r_.reason)) << "</p>\n";
    if (a_.found.classifier) {
      auto const& c = *a_.found.classifier;
      out_ << "<table class=\"plain\">\n<thead><tr><th>accuracy, out of fold</th><th>before</th>"
              "<th>after</th></tr></thead>\n<tbody>\n<tr><td>against the labels as given</td><td>"
           << percent(c.given) << "</td><td>" << percent(c.repaired) << "</td></tr>\n";
      if (a_.found.with_truth)
        out_ << "<tr><td>against the truth</td><td>" << percent(c.clean_given) << "</td><td>"
             << percent(c.clean_repaired) << "</td></tr>\n";
      out_ << "</tbody>\n</table>\n<p class=\"note\">How often a classifier is right about rows "
              "that it was not "
              "trained on: trained on the labels as given, and by the recommendation. Given labels "
              "are partly wrong, "
              "so a better classifier may agree with them less.</p>\n";
    }
    out_ << "</section>\n";
  }

  // T ---------------------------------------------------------------------------------------------

  void confusions() {
    auto const list = strongest_confusions(r_, k_ > 30 ? 30 : 8);
    section("Which classes are confused",
            k_ > 30 ? "Of all rows that truly belong to the first class, how many carry the label "
                      "of the second. "
                      "There are too many classes for a table; these are the strongest confusions."
                    : "Each line is a true class; along it stands how often its rows carry each "
                      "label, in percent. "
                      "The diagonal is what is labelled right.");
    if (k_ <= 30) heat_map();
    if (list.empty()) {
      out_ << "<p>No class is mistaken for another.</p>\n</section>\n";
      return;
    }
    out_ << "<h3>Strongest confusions, in shares of the true class</h3>\n<table>\n<thead><tr><th "
            "class=\"word\">truly</th><th class=\"word\">labelled</th>"
            "<th>share</th><th>interval</th></tr></thead>\n<tbody>\n";
    for (auto const& c : list)
      out_ << "<tr><td class=\"word\">" << name(c.from) << "</td><td class=\"word\">" << name(c.to)
           << "</td><td>" << percent(c.share) << "</td><td class=\"soft\">"
           << range(r_.transition_low(c.from, c.to), r_.transition_high(c.from, c.to))
           << "</td></tr>\n";
    out_ << "</tbody>\n</table>\n</section>\n";
  }

  void heat_map() {
    // Units are those of the viewBox; the style scales text up again on narrow screens.
    double const cell = 60, gap = 2, left = 84, top = 64, side = cell * static_cast<double>(k_);
    double worst = 0;
    for (auto const& c : strongest_confusions(r_, 1)) worst = c.share;
    bool const intervals = k_ <= 12;
    out_ << "<figure><svg class=\"heat "
         << (k_ <= 4     ? "tiny"
             : intervals ? "few"
             : k_ <= 16  ? "some"
                         : "many")
         << "\" viewBox=\"0 0 " << left + side << ' ' << top + side
         << "\" role=\"img\" aria-label=\"Share of each true class that carries each label\" "
            "style=\"max-width:"
         << (std::min)(left + side, 880.0) << "px\">\n"
         << "<text class=\"axis\" x=\"" << left << "\" y=\"18\">label given \xe2\x86\x92</text>\n"
         << "<text class=\"axis\" transform=\"translate(16 " << top
         << ") rotate(90)\">true class \xe2\x86\x92</text>\n";
    // Long names have no place beside the cells: their numbers stand there, and a key below.
    bool const keyed = std::any_of(a_.data.names.begin(), a_.data.names.end(),
                                   [](auto const& n) { return n.size() > 3; });
    auto const brief = [&](std::size_t c) { return keyed ? std::to_string(c) : title(c); };
    for (std::size_t i = 0; i < k_; ++i) {
      double const y = top + cell * static_cast<double>(i), middle = y + cell / 2;
      out_ << "<text class=\"class\" text-anchor=\"end\" x=\"" << left - 10 << "\" y=\""
           << middle + 6 << "\">" << brief(i) << "</text>\n"
           << "<text class=\"class\" text-anchor=\"middle\" x=\""
           << left + cell * (static_cast<double>(i) + 0.5) << "\" y=\"" << top - 10 << "\">"
           << brief(i) << "</text>\n";
      for (std::size_t j = 0; j < k_; ++j) {
        double const x = left + cell * static_cast<double>(j), t = r_.transition(i, j);
        // Square root: a confusion of 1 % is still seen beside one of 30 %.
        double const strength = i == j ? t : worst > 0 ? std::sqrt(t / worst) : 0;
        out_ << "<g><title>" << title(i) << " labelled " << title(j) << ": " << percent(t) << " ("
             << range(r_.transition_low(i, j), r_.transition_high(i, j))
             << ")</title><rect class=\"" << (i == j ? "right" : "wrong") << "\" x=\""
             << x + gap / 2 << "\" y=\"" << y + gap / 2 << "\" width=\"" << cell - gap
             << "\" height=\"" << cell - gap << "\" rx=\"4\" style=\"--v:" << fixed(strength, 3)
             << "\"/>";
        if (t >= 0.005) {
          out_ << "<text class=\"share\" text-anchor=\"middle\" x=\"" << x + cell / 2 << "\" y=\""
               << middle + (intervals ? 2 : 7) << "\">" << fixed(100 * t, 0) << "</text>";
          if (intervals)
            out_ << "<text class=\"range\" text-anchor=\"middle\" x=\"" << x + cell / 2 << "\" y=\""
                 << middle + 20 << "\">" << fixed(100 * r_.transition_low(i, j), 0)
                 << "\xe2\x80\x93" << fixed(100 * r_.transition_high(i, j), 0) << "</text>";
        }
        out_ << "</g>\n";
      }
    }
    out_ << "</svg>";
    if (keyed) {
      out_ << "<figcaption class=\"names\">";
      for (std::size_t c = 0; c < k_; ++c)
        out_ << "<span><b>" << c << "</b> " << name(c) << "</span> ";
      out_ << "</figcaption>";
    }
    if (intervals)
      out_ << "<figcaption>Below half a percent a cell is left empty. Small numbers, where there "
              "is room: the interval.</figcaption>";
    else
      out_ << "<figcaption>Below half a percent a cell is left empty. Intervals show on "
              "hovering.</figcaption>";
    out_ << "</figure>\n";
  }

  // Per class -------------------------------------------------------------------------------------

  void classes() {
    std::vector<std::size_t> order(k_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::size_t const most = 50;
    std::string lead =
        "Of the rows that truly belong to a class, the share that carries another label; the line "
        "through the dot is "
        "its interval. Beside it, how many rows carry the label, and how many truly belong to the "
        "class.";
    if (k_ > most) {
      std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
        return r_.class_noise[a].estimate > r_.class_noise[b].estimate;
      });
      order.resize(most);
      lead += " The 50 noisiest classes are shown.";
    }
    double reach = 0.01;
    for (auto const c : order) reach = (std::max)(reach, r_.class_noise[c].high);
    reach = (std::min)(1.0, std::ceil(reach * 10) / 10);
    section("How wrong each class is", lead);
    out_ << "<table class=\"bars\">\n<thead><tr><th "
            "class=\"word\">class</th><th>labelled</th><th>true</th>"
            "<th>wrong</th><th class=\"chart\"><span>0</span><span>"
         << percent(reach, 0) << "</span></th></tr></thead>\n<tbody>\n";
    for (auto const c : order) {
      auto const& e = r_.class_noise[c];
      auto const at = [&](double share) {
        return fixed(2 + 196 * (std::clamp)(share / reach, 0.0, 1.0), 1);
      };
      out_ << "<tr><td class=\"word\">" << name(c) << "</td><td>" << grouped(r_.given_count[c])
           << "</td><td>";
      if (std::isfinite(members(c)))
        out_ << grouped(static_cast<std::size_t>(std::lround(members(c))));
      out_ << "</td><td>" << percent(e.estimate) << "</td><td class=\"chart\">";
      if (std::isfinite(e.estimate) && std::isfinite(e.low) && std::isfinite(e.high))
        out_
            << "<svg viewBox=\"0 0 200 14\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\""
            << range(e.low, e.high) << "\"><title>" << range(e.low, e.high)
            << "</title><line class=\"track\" x1=\"0\" x2=\"200\" y1=\"7\" y2=\"7\"/><line "
               "class=\"whisker\" x1=\""
            << at(e.low) << "\" x2=\"" << at(e.high)
            << "\" y1=\"7\" y2=\"7\"/><line class=\"dot\" x1=\"" << at(e.estimate) << "\" x2=\""
            << at(e.estimate) << "\" y1=\"7\" y2=\"7\"/></svg>";
      out_ << "</td></tr>\n";
    }
    out_ << "</tbody>\n</table>\n</section>\n";
  }

  // Losses ----------------------------------------------------------------------------------------

  void losses() {
    auto const& s = r_.split;
    double low = s.scale_low, high = s.scale_high;
    std::vector<double> finite;
    for (double const l : r_.loss)
      if (std::isfinite(l)) finite.push_back(l);
    if (finite.empty()) return;
    if (!(high > low)) {
      low = *std::min_element(finite.begin(), finite.end());
      high = (std::max)(*std::max_element(finite.begin(), finite.end()), low + 1e-9);
    }
    section("How hard the labels are to explain",
            std::string("A model that never saw a row gives its label a probability; the loss is "
                        "minus the logarithm "
                        "of it. Wrong labels have large losses. ") +
                (s.justified ? "The losses fall into two parts: the curves are the fitted shares "
                               "of labels that agree with the model and that do not."
                             : "The losses do not fall into two parts, so no loss separates right "
                               "labels from wrong ones; no curves are drawn."));
    std::array<double, 48> bins{};
    double const width = (high - low) / bins.size();
    for (double const l : finite) {
      double const at = (std::clamp)((l - low) / width, 0.0, static_cast<double>(bins.size() - 1));
      ++bins[static_cast<std::size_t>(at)];
    }
    double const peak = *std::max_element(bins.begin(), bins.end());
    // The square root shows the few large losses beside the many small ones.
    double const w = 720, h = 240, foot = 30, bar = w / bins.size();
    out_ << "<figure><svg class=\"losses\" viewBox=\"0 0 " << w << ' ' << h + foot
         << "\" role=\"img\" aria-label=\"Histogram of the losses\">\n";
    for (std::size_t b = 0; b < bins.size(); ++b)
      if (bins[b] > 0) {
        double const tall = (std::max)(1.5, h * std::sqrt(bins[b] / peak)),
                     from = low + width * static_cast<double>(b);
        out_ << "<rect class=\"bin\" x=\"" << fixed(bar * static_cast<double>(b) + 1, 1)
             << "\" y=\"" << fixed(h - tall, 1) << "\" width=\"" << fixed(bar - 2, 1)
             << "\" height=\"" << fixed(tall, 1) << "\"><title>" << fixed(from, 2) << " to "
             << fixed(from + width, 2) << ": " << grouped(static_cast<std::size_t>(bins[b]))
             << " rows</title></rect>\n";
      }
    for (int part = 0; s.justified && part < 2; ++part) {
      double const m = s.mean[part], v = s.variance[part];
      if (!(v > 0)) continue;
      // Rows per bin, from a density on the scaled axis.
      double const rows = s.weight[part] * static_cast<double>(finite.size()) / bins.size() /
                          std::sqrt(2 * 3.14159265358979 * v);
      out_ << "<path class=\"part" << part << "\" d=\"";
      for (int x = 0; x <= 240; ++x) {
        double const u = x / 240.0,
                     y = h * std::sqrt(rows * std::exp(-(u - m) * (u - m) / (2 * v)) / peak);
        out_ << (x ? 'L' : 'M') << fixed(w * u, 1) << ' ' << fixed(h - (std::min)(y, h), 1);
      }
      out_ << "\"/>\n";
    }
    out_ << "<line class=\"base\" x1=\"0\" x2=\"" << w << "\" y1=\"" << h << "\" y2=\"" << h
         << "\"/>\n";
    double const step = tick(high - low);
    for (double t = std::ceil(low / step) * step; t <= high; t += step) {
      double const x = w * (t - low) / (high - low);
      out_ << "<text class=\"tick\" x=\"" << fixed(x, 1) << "\" y=\"" << h + 22
           << "\" text-anchor=\""
           << (x < 12       ? "start"
               : x > w - 12 ? "end"
                            : "middle")
           << "\">" << fixed(t, step < 1 ? (step < 0.1 ? 2 : 1) : 0) << "</text>\n";
    }
    out_ << "</svg><figcaption>";
    if (s.justified)
      out_ << "<span class=\"key part0\"></span>agree with the model, " << percent(s.weight[0], 0)
           << " <span class=\"key part1\"></span>do not, " << percent(s.weight[1], 0) << ". ";
    out_ << "Across: the loss in nats; 0 = the label was expected, 2.3 = it was given one chance "
            "in ten. "
            "Upwards: the square root of the number of rows.</figcaption></figure>\n</section>\n";
  }

  static double tick(double span) {
    double const rough = span / 6, unit = std::pow(10, std::floor(std::log10(rough)));
    return rough / unit < 1.5   ? unit
           : rough / unit < 3.5 ? 2 * unit
           : rough / unit < 7.5 ? 5 * unit
                                : 10 * unit;
  }

  // Rows ------------------------------------------------------------------------------------------

  void issues() {
    auto const flagged = count_issues(r_);
    std::size_t const most = 100;
    section("The most doubtful labels",
            flagged
                ? grouped(flagged) + (flagged == 1 ? " label is" : " labels are") +
                      " not the one that the data suggest. " +
                      (flagged > most
                           ? "The first 100 stand here, all of them in <code>labels.csv</code>. "
                           : "") +
                      "P right is the probability that the given label is the true one."
                : "The data suggest no other label for any row.");
    if (flagged) {
      out_ << "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Doubtful "
              "labels\"><table>\n<thead><tr><th>row</th>"
              "<th class=\"word\">given</th><th class=\"word\">suggested</th><th>P "
              "right</th></tr></thead>\n<tbody>\n";
      std::size_t left = most;
      for (std::size_t const i : r_.ranking) {
        if (!r_.is_issue[i]) continue;
        if (!left--) break;
        out_ << "<tr><td>" << i << "</td><td class=\"word\">"
             << name(static_cast<std::size_t>(a_.data.given[i])) << "</td><td class=\"word\">"
             << name(static_cast<std::size_t>(r_.suggested[i])) << "</td><td>"
             << (r_.p_right[i] < 0.0005 ? "&lt; 0.001" : fixed(r_.p_right[i], 3)) << "</td></tr>\n";
      }
      out_ << "</tbody>\n</table></div>\n";
    }
    out_ << "</section>\n";
  }

  void truth() {
    if (!a_.found.with_truth) return;
    auto const& t = *a_.found.with_truth;
    section("Compared with the truth",
            "True labels were at hand, so the audit itself can be judged.");
    out_ << "<table class=\"plain\">\n<tbody>\n";
    auto const line = [&](char const* what, std::string const& value, char const* meaning) {
      out_ << "<tr><td>" << what << "<p>" << meaning << "</p></td><td>" << value << "</td></tr>\n";
    };
    line("Labels that are wrong", percent(t.noise_rate),
         t.noise_rate >= r_.noise_rate.low && t.noise_rate <= r_.noise_rate.high
             ? "Counted; inside the estimated interval."
             : "Counted; outside the estimated interval.");
    line("Mean error of the confusions", percent(t.transition_mean_abs_error),
         "Mean distance between the estimated and the counted shares, in percentage points.");
    line("Average precision", fixed(t.average_precision, 3),
         "Of the ranking by doubt: 1 = every wrong label before every right one; chance = the "
         "share of wrong labels.");
    line("AUROC", fixed(t.auroc, 3),
         "How often a wrong label is doubted more than a right one; chance = 0.5.");
    line("Precision", percent(t.precision), "Of the labels called doubtful, how many are wrong.");
    line("Recall", percent(t.recall), "Of the wrong labels, how many are called doubtful.");
    out_ << "</tbody>\n</table>\n</section>\n";
  }

  std::ostream& out_;
  audit_record const& a_;
  limpid::audit::report const& r_;
  std::size_t k_;
};

inline void write_html(std::ostream& out, audit_record const& record) {
  page(out, record).print();
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_REPORT_HTML_HPP
