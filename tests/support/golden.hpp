// SPDX-License-Identifier: BSL-1.0
/// Golden files: values of named peers and versions, read from tests/golden. The JSON library is
/// compiled once, behind this.
#ifndef LIMPID_TESTS_SUPPORT_GOLDEN_HPP
#define LIMPID_TESTS_SUPPORT_GOLDEN_HPP

#include <limpid/core/matrix.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace limpid_test {

/// A value of a golden file; keeps the file's contents alive. A missing key or another type than
/// asked for throws.
class golden_value {
 public:
  golden_value operator[](std::string const& key) const;
  golden_value operator[](char const* key) const { return (*this)[std::string(key)]; }
  golden_value operator[](std::size_t index) const;
  golden_value operator[](int index) const { return (*this)[static_cast<std::size_t>(index)]; }
  bool contains(std::string const& key) const;
  bool is_null() const;
  bool is_array() const;
  bool is_object() const;
  bool is_number() const;
  bool is_string() const;
  std::size_t size() const;

  /// A number, bool, std::string, or std::vector of what can be got; null as a floating number is
  /// NaN.
  template <class T>
  T get() const {
    T value{};
    read(value);
    return value;
  }
  operator double() const { return get<double>(); }  // NOLINT(*-explicit-*)

  std::vector<std::pair<std::string, golden_value>> items() const;  ///< of an object

  /// The elements of an array, in a range-for.
  struct iterator {
    golden_value const* array;
    std::size_t index;
    golden_value operator*() const { return (*array)[index]; }
    iterator& operator++() {
      ++index;
      return *this;
    }
    bool operator!=(iterator const& other) const { return index != other.index; }
  };
  iterator begin() const { return {this, 0}; }
  iterator end() const { return {this, size()}; }

 private:
  friend golden_value golden_file(std::string const& path);
  golden_value(std::shared_ptr<void const> document, void const* value)
      : document_(std::move(document)), value_(value) {}

  void read(double& to) const;
  void read(float& to) const;
  void read(bool& to) const;
  void read(int& to) const;
  void read(std::int64_t& to) const;
  void read(std::uint32_t& to) const;
  void read(std::uint64_t& to) const;
  void read(std::string& to) const;
  template <class T>
  void read(std::vector<T>& to) const {
    for (golden_value const& x : *this) to.push_back(x.get<T>());
  }

  std::shared_ptr<void const> document_;
  void const* value_;
};

golden_value golden_file(std::string const& path);
/// tests/golden/<name>
golden_value golden(std::string const& name);

inline limpid::matrix<double> to_matrix(golden_value const& rows) {
  auto const cells = rows.get<std::vector<std::vector<double>>>();
  limpid::matrix<double> m(cells.size(), cells.empty() ? 0 : cells[0].size());
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) m(i, j) = cells[i].at(j);
  return m;
}
inline std::vector<int> to_ints(golden_value const& v) {
  return v.get<std::vector<int>>();
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_SUPPORT_GOLDEN_HPP
