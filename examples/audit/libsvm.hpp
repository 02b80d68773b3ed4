// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/libsvm.hpp
/// LIBSVM's sparse text, `label index:value ...` with indices from 1, read into dense rows.
#ifndef LIMPID_EXAMPLES_AUDIT_LIBSVM_HPP
#define LIMPID_EXAMPLES_AUDIT_LIBSVM_HPP

#include "csv.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace limpid_audit {

struct libsvm_table {
  limpid::matrix<double> values;
  std::vector<std::int64_t> labels;
};

inline libsvm_table read_libsvm(std::istream& in, std::string const& name) {
  constexpr std::size_t most = std::size_t{1} << 30;  // dense elements, 8 GiB
  struct entry {
    std::size_t row, column;
    double value;
  };
  std::vector<entry> entries;
  libsvm_table out;
  std::size_t width = 0, line = 0, empty_line = 0;
  for (std::string text; std::getline(in, text);) {
    ++line;
    auto rest = std::string_view(text).substr(0, text.find('#'));
    if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
    auto const token = [&rest] {
      rest = trimmed(rest);
      auto const end = (std::min)(rest.find_first_of(" \t"), rest.size());
      auto const first = rest.substr(0, end);
      rest.remove_prefix(end);
      return first;
    };
    auto const head = token();
    if (head.empty()) {  // a comment may stand anywhere; an empty line only at the end
      if (text.find('#') == text.npos && !empty_line) empty_line = line;
      continue;
    }
    if (empty_line) refuse(name, " line ", empty_line, ": is empty");
    auto const label = parsed<double>(head);
    if (!label || *label != std::floor(*label) || std::abs(*label) > 1e15)
      refuse(name, " line ", line, ": label ", shown(head), " is not a whole number");
    std::size_t last = 0;
    for (auto cell = token(); !cell.empty(); cell = token()) {
      auto const colon = (std::min)(cell.find(':'), cell.size());
      auto const index = parsed<std::size_t>(cell.substr(0, colon));
      auto const value =
          colon < cell.size() ? parsed<double>(cell.substr(colon + 1)) : std::nullopt;
      if (!index || !value) refuse(name, " line ", line, ": ", shown(cell), " is not index:value");
      if (!std::isfinite(*value)) refuse(name, " line ", line, ": ", shown(cell), " is not finite");
      if (*index <= last)
        refuse(name, " line ", line, ": index ", *index, " after ", last,
               "; indices start at 1 and rise");
      last = *index;
      entries.push_back({out.labels.size(), last - 1, *value});
    }
    width = (std::max)(width, last);
    out.labels.push_back(static_cast<std::int64_t>(*label));
    if (width > most / out.labels.size())
      refuse(name, " line ", line, ": ", out.labels.size(), " rows of ", width,
             " columns are too many to hold as a dense matrix");
  }
  if (out.labels.empty()) refuse(name, ": is empty");
  if (!width) refuse(name, ": no row has a feature");
  out.values = {out.labels.size(), width};
  for (auto const& e : entries) out.values(e.row, e.column) = e.value;
  return out;
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_LIBSVM_HPP
