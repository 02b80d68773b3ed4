// SPDX-License-Identifier: BSL-1.0
/// What a case gives back.
#ifndef LIMPID_TESTS_EVERY_FLATTENED_HPP
#define LIMPID_TESTS_EVERY_FLATTENED_HPP

#include <limpid/core/matrix.hpp>

#include <cstddef>
#include <vector>

namespace limpid_test {

/// Results as one row of numbers.
class flattened {
 public:
  template <class T>
  flattened& operator<<(limpid::matrix<T> const& m) {
    for (std::size_t c = 0; c < m.rows() * m.cols(); ++c)
      numbers_.push_back(static_cast<double>(m.data()[c]));
    return *this;
  }
  template <class T>
  flattened& operator<<(limpid::vector<T> const& v) {
    for (T x : v) numbers_.push_back(static_cast<double>(x));
    return *this;
  }
  flattened& operator<<(double x) {
    numbers_.push_back(x);
    return *this;
  }
  operator std::vector<double>() const { return numbers_; }  // NOLINT(*-explicit-*)

 private:
  std::vector<double> numbers_;
};

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_FLATTENED_HPP
