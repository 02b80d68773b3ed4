// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/input.hpp
/// From file names to one checked data set.
#ifndef LIMPID_EXAMPLES_AUDIT_INPUT_HPP
#define LIMPID_EXAMPLES_AUDIT_INPUT_HPP

#include "csv.hpp"
#include "libsvm.hpp"
#include "npy.hpp"
#include "torch_labels.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace limpid_audit {

/// The command line.
struct request {
  std::string labels, features, probabilities, truth, label_column;  ///< "" = not given
  std::string labels_key, truth_key;  ///< what of a .pt file; "" = not given
  std::size_t classes = 0;            ///< 0 = read from the data
  std::size_t folds = 5;
  int threads = 1;
  std::uint64_t seed = 0;
  std::string out;
};

/// What is audited. Row i of every part is the same sample.
struct dataset {
  std::size_t rows = 0, classes = 0;
  std::vector<std::int32_t> given, truth;          ///< truth may be empty
  std::vector<std::string> names;                  ///< of the classes; empty = their numbers
  limpid::matrix<double> features, probabilities;  ///< one of them may be empty

  std::string name(std::size_t c) const { return names.empty() ? std::to_string(c) : names[c]; }
};

inline constexpr std::size_t most_classes = 10000;  // three K x K tables are kept

namespace detail {

inline std::ifstream opened(std::string const& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) refuse(path, ": is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) refuse(path, ": cannot be opened");
  return in;
}

inline std::string extension(std::string const& path) {
  auto text = std::filesystem::path(path).extension().string();
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Whole numbers of an .npy, or those under `key` of a .pt; `option` is the name of the file's
/// option.
inline std::vector<std::int64_t> read_labels(std::string const& path, std::string const& key,
                                             char const* option) {
  auto in = opened(path);
  auto const kind = extension(path);
  if (kind == ".pt" || kind == ".pth") return read_torch_labels(in, path, key);
  if (!key.empty()) refuse(option, "-key needs ", option, " with a .pt file");
  return read_npy_labels(in, path);
}

/// Class numbers as they stand in the file.
inline std::vector<std::int32_t> as_classes(std::vector<std::int64_t> const& labels,
                                            std::string const& file) {
  std::vector<std::int32_t> out(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= static_cast<std::int64_t>(most_classes))
      refuse(file, " row ", i, ": label ", labels[i], " is not a class number from 0 to ",
             most_classes - 1);
    out[i] = static_cast<std::int32_t>(labels[i]);
  }
  return out;
}

/// Class numbers in the sorted order of the values; `names` keeps the values.
template <class Value>
std::vector<std::int32_t> in_sorted_order(std::vector<Value> const& labels,
                                          std::vector<Value>& values) {
  values = labels;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<std::int32_t> out(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i)
    out[i] = static_cast<std::int32_t>(std::lower_bound(values.begin(), values.end(), labels[i]) -
                                       values.begin());
  return out;
}

/// Whole numbers that are 0..K-1 already stay; others (-1 and 1, or 1 to 10) become classes with
/// names.
inline void take_numbers(dataset& data, std::vector<std::int64_t> const& labels,
                         std::size_t classes, std::string const& file) {
  std::vector<std::int64_t> values;
  auto ordered = in_sorted_order(labels, values);
  auto const count = static_cast<std::int64_t>((std::max)(classes, values.size()));
  if (values.front() >= 0 && values.back() < count) {
    data.given = as_classes(labels, file);
    return;
  }
  data.given = std::move(ordered);
  for (std::int64_t const v : values) data.names.push_back(std::to_string(v));
}

inline void take_strings(dataset& data, std::vector<std::string> const& labels, std::size_t classes,
                         std::string const& file) {
  std::vector<std::int64_t> numbers;
  for (auto const& cell : labels) {
    auto const number = parsed<std::int64_t>(cell);
    if (!number) {
      data.given = in_sorted_order(labels, data.names);
      return;
    }
    numbers.push_back(*number);
  }
  take_numbers(data, numbers, classes, file);
}

inline void check_finite(limpid::matrix<double> const& values, std::string const& file) {
  for (std::size_t r = 0; r < values.rows(); ++r)
    for (std::size_t c = 0; c < values.cols(); ++c)
      if (!std::isfinite(values(r, c)))
        refuse(file, " row ", r, " column ", c, ": is ", values(r, c), "; numbers must be finite");
}

inline void check_distributions(limpid::matrix<double> const& values, std::string const& file) {
  for (std::size_t r = 0; r < values.rows(); ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < values.cols(); ++c) {
      if (values(r, c) < 0)
        refuse(file, " row ", r, ": probability ", values(r, c), " is negative");
      sum += values(r, c);
    }
    if (std::abs(sum - 1) > 1e-3)
      refuse(file, " row ", r, ": probabilities sum to ", sum, ", not to 1");
  }
}

inline void check_rows(std::size_t rows, std::string const& file, std::size_t others,
                       std::string const& other) {
  if (rows != others) refuse(file, ": has ", rows, " rows; ", other, " has ", others);
}

}  // namespace detail

/// Reads and checks all that the command line names.
inline dataset load(request const& ask) {
  using namespace detail;
  if (ask.features.empty() && ask.probabilities.empty())
    refuse("--features or --probabilities is needed: labels alone cannot be audited");
  if (!ask.label_column.empty() && !ask.labels.empty())
    refuse("--labels and --label-column exclude each other");
  if (!ask.labels_key.empty() && ask.labels.empty())
    refuse("--labels-key needs --labels with a .pt file");
  if (!ask.truth_key.empty() && ask.truth.empty())
    refuse("--truth-key needs --truth with a .pt file");
  dataset data;

  // Widths first: they say how many classes there are.
  if (!ask.probabilities.empty()) {
    auto in = opened(ask.probabilities);
    data.probabilities = read_npy_matrix(in, ask.probabilities);
    check_finite(data.probabilities, ask.probabilities);
    check_distributions(data.probabilities, ask.probabilities);
  }
  std::size_t const width = data.probabilities.cols();
  if (width && ask.classes && width != ask.classes)
    refuse(ask.probabilities, ": has ", width, " columns; --classes is ", ask.classes);
  std::size_t const stated = ask.classes ? ask.classes : width;

  std::string labels_from = ask.labels.empty() ? ask.features : ask.labels;
  std::string const kind = extension(ask.features);
  if (!ask.label_column.empty() && kind != ".csv" && kind != ".tsv")
    refuse("--label-column needs --features with a .csv file");
  if (kind == ".npy") {
    auto in = opened(ask.features);
    data.features = read_npy_matrix(in, ask.features);
    check_finite(data.features, ask.features);
  } else if (kind == ".csv" || kind == ".tsv") {
    auto in = opened(ask.features);
    auto table = read_csv(in, ask.features, ask.label_column);
    data.features = std::move(table.values);
    if (!table.labels.empty()) take_strings(data, table.labels, stated, ask.features);
  } else if (kind == ".svm" || kind == ".libsvm") {
    auto in = opened(ask.features);
    auto table = read_libsvm(in, ask.features);
    data.features = std::move(table.values);
    if (ask.labels.empty()) take_numbers(data, table.labels, stated, ask.features);
  } else if (!ask.features.empty()) {
    refuse(ask.features, ": --features reads .npy, .csv, .tsv, .svm and .libsvm");
  }
  if (!ask.labels.empty())
    data.given = as_classes(read_labels(ask.labels, ask.labels_key, "--labels"), ask.labels);
  if (data.given.empty())
    refuse("--labels is needed: ", labels_from.empty() ? "no file" : labels_from, " has no labels");

  data.rows = data.given.size();
  if (!ask.features.empty()) check_rows(data.features.rows(), ask.features, data.rows, labels_from);
  if (width) check_rows(data.probabilities.rows(), ask.probabilities, data.rows, labels_from);

  auto const largest =
      static_cast<std::size_t>(*std::max_element(data.given.begin(), data.given.end()));
  data.classes = stated ? stated : data.names.empty() ? largest + 1 : data.names.size();
  if (data.classes > most_classes)
    refuse(labels_from, ": ", data.classes, " classes are more than ", most_classes);
  if (!data.names.empty() && data.names.size() != data.classes)
    refuse(labels_from, ": has ", data.names.size(), " different labels; ",
           ask.classes ? "--classes says " : "the probabilities have ", data.classes);
  if (data.classes < 2) refuse(labels_from, ": has one class; at least two are needed");
  auto const in_range = [&](std::vector<std::int32_t> const& labels, std::string const& file) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (static_cast<std::size_t>(labels[i]) >= data.classes)
        refuse(file, " row ", i, ": label ", labels[i], " is outside 0 to ", data.classes - 1);
  };
  in_range(data.given, labels_from);

  if (!ask.truth.empty()) {
    auto labels = read_labels(ask.truth, ask.truth_key, "--truth");
    check_rows(labels.size(), ask.truth, data.rows, labels_from);
    // Where the classes are named by numbers, the truth is written in those.
    auto const named = std::find_if(data.names.begin(), data.names.end(),
                                    [](auto const& n) { return !parsed<std::int64_t>(n); });
    if (!data.names.empty() && named == data.names.end())
      for (std::size_t i = 0; i < labels.size(); ++i) {
        auto const at = std::find(data.names.begin(), data.names.end(), std::to_string(labels[i]));
        if (at == data.names.end())
          refuse(ask.truth, " row ", i, ": label ", labels[i], " is none of those in ",
                 labels_from);
        labels[i] = at - data.names.begin();
      }
    data.truth = as_classes(labels, ask.truth);
    in_range(data.truth, ask.truth);
  }
  if (data.rows < 3) refuse(labels_from, ": has ", data.rows, " rows; at least three are needed");
  if (!data.features.empty() && ask.folds > data.rows)
    refuse("--folds ", ask.folds, ": there are only ", data.rows, " rows");
  return data;
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_INPUT_HPP
