// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/csv.hpp
/// Tables of numbers as text (RFC 4180; also with semicolons or tabs), optionally with a column of
/// labels.
#ifndef LIMPID_EXAMPLES_AUDIT_CSV_HPP
#define LIMPID_EXAMPLES_AUDIT_CSV_HPP

#include "refused.hpp"

#include <limpid/core/matrix.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace limpid_audit {

inline std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view{}
                            : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The number that is the whole of `text`, blanks aside.
template <class T>
std::optional<T> parsed(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T value{};
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

inline bool is_missing(std::string_view cell) {
  cell = trimmed(cell);
  for (std::string_view const word :
       {"", "NA", "N/A", "na", "NaN", "nan", "NAN", "null", "NULL", "?"})
    if (cell == word) return true;
  return false;
}

/// UTF-8 without overlong forms and surrogates (RFC 3629).
inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto const byte = [&](std::size_t k) -> unsigned {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
    };
    unsigned const lead = byte(0);
    std::size_t const length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (!length) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(k) & 0xc0) != 0x80) return false;
    if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
        (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
      return false;
    i += length;
  }
  return true;
}

/// Splits a stream into records; knows where each began.
class csv_records {
 public:
  csv_records(std::istream& in, std::string const& name) : in_(*in.rdbuf()), name_(name) {
    for (char const mark : {'\xef', '\xbb', '\xbf'})  // UTF-8 byte order mark
      if (in_.sgetc() == static_cast<unsigned char>(mark)) in_.sbumpc();
  }

  /// False at the end. Empty lines are allowed at the end only: elsewhere they would shift the
  /// rows.
  bool next(std::vector<std::string>& cells) {
    cells.clear();
    for (;;) {
      if (in_.sgetc() == end_of_file) return false;
      line_ = next_line_;
      if (!skip_line_end()) break;
      if (!empty_line_) empty_line_ = line_;
    }
    if (empty_line_) refuse(name_, " line ", empty_line_, ": is empty");
    do cells.push_back(cell());
    while (!skip_line_end() && in_.sgetc() != end_of_file && (in_.sbumpc(), true));
    return true;
  }
  std::size_t line() const { return line_; }

 private:
  static constexpr int end_of_file = std::char_traits<char>::eof();

  bool skip_line_end() {
    if (in_.sgetc() == '\r') {
      if (in_.snextc() == '\n') in_.sbumpc();
    } else if (in_.sgetc() == '\n') {
      in_.sbumpc();
    } else {
      return false;
    }
    ++next_line_;
    return true;
  }
  bool at_cell_end() {
    int const c = in_.sgetc();
    if (!separator_ && (c == ',' || c == ';' || c == '\t')) separator_ = c;  // the first one seen
    return c == end_of_file || c == '\r' || c == '\n' || (separator_ && c == separator_);
  }
  std::string cell() {
    std::string out;
    if (in_.sgetc() != '"') {
      for (; !at_cell_end(); in_.sbumpc()) out += static_cast<char>(in_.sgetc());
      return out;
    }
    for (;;) {
      int const c = in_.snextc();
      if (c == end_of_file) refuse(name_, " line ", line_, ": a quoted cell is never closed");
      if (c == '"' && in_.snextc() != '"') break;
      if (c == '\n') ++next_line_;
      // After a doubled quote the stream stands on the second one: the loop steps past it.
      out += static_cast<char>(c);
    }
    if (!at_cell_end()) refuse(name_, " line ", line_, ": text after a closing quote");
    return out;
  }

  std::streambuf& in_;
  std::string const& name_;
  std::size_t line_ = 0, next_line_ = 1, empty_line_ = 0;
  int separator_ = 0;
};

struct csv_table {
  limpid::matrix<double> values;    ///< all columns but the labels
  std::vector<std::string> labels;  ///< as written; empty without a label column
};

/// Reads a table. Line 1 is a header if it has no number in it; with a label column it must be one.
inline csv_table read_csv(std::istream& in, std::string const& name,
                          std::string const& label_column = {}) {
  csv_records records(in, name);
  std::vector<std::string> cells, columns;
  if (!records.next(cells)) refuse(name, ": is empty");
  std::size_t const width = cells.size();
  std::size_t label = width;

  std::size_t words = 0, numbers = 0;
  for (auto const& cell : cells) {
    words += !parsed<double>(cell) && !is_missing(cell);
    numbers += parsed<double>(cell).has_value();
  }
  if (!label_column.empty()) {
    for (std::size_t c = 0; c < width; ++c)
      if (trimmed(cells[c]) == label_column) {
        if (label != width) refuse(name, " line 1: two columns are named ", shown(label_column));
        label = c;
      }
    if (label == width) refuse(name, " line 1: no column is named ", shown(label_column));
    columns = cells;
  } else if (words && !numbers) {
    columns = cells;
  } else if (words) {
    refuse(name, " line 1: mixes numbers and words; neither a header nor data");
  }
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (trimmed(columns[c]).empty())
      refuse(name, " line 1: column ", c + 1,
             " has no name; row numbers do not belong in the table");
  bool more = columns.empty() || records.next(cells);

  auto const place = [&](std::size_t c) {
    std::string text =
        name + " line " + std::to_string(records.line()) + " column " + std::to_string(c + 1);
    return columns.empty() ? text : text + " (" + shown(columns[c]) + ")";
  };
  csv_table out;
  std::vector<double> flat;
  std::size_t rows = 0;
  for (; more; more = records.next(cells), ++rows) {
    if (cells.size() != width)
      refuse(name, " line ", records.line(), ": has ", cells.size(), " cells; line 1 has ", width);
    for (std::size_t c = 0; c < width; ++c) {
      if (is_missing(cells[c])) refuse(place(c), ": is missing (", shown(cells[c]), ")");
      if (c == label) {
        if (!is_utf8(cells[c])) refuse(place(c), ": is not UTF-8 text");
        out.labels.emplace_back(trimmed(cells[c]));
        continue;
      }
      auto const value = parsed<double>(cells[c]);
      if (!value || !std::isfinite(*value))
        refuse(place(c), ": ", shown(cells[c]), " is not a finite number");
      flat.push_back(*value);
    }
  }
  if (!rows) refuse(name, ": has a header but no rows");
  std::size_t const cols = width - (label < width);
  if (!cols) refuse(name, ": has no column besides the labels");
  out.values = {rows, cols};
  std::copy(flat.begin(), flat.end(), out.values.data());
  return out;
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_CSV_HPP
