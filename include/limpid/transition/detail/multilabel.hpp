// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/multilabel.hpp
/// One class against the rest: the row functors.
#ifndef LIMPID_TRANSITION_DETAIL_MULTILABEL_HPP
#define LIMPID_TRANSITION_DETAIL_MULTILABEL_HPP

#include <limpid/core/tensor.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/transition/detail/quality.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::transition::detail {

template <class Y>
concept class_matrix = tensor_matrix<Y> && class_number<value_t<Y>>;

/// first_row: code 1 where an entry is neither 0 nor 1.
template <class Label, memory_space S>
struct not_binary {
  matrix_view<Label const, S> y;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t k = 0; k < y.cols; ++k)
      if (y(i, k) != Label{0} && y(i, k) != Label{1}) return 1;
    return 0;
  }
};

/// first_row: code 1 not finite, 2 outside [0, 1].
template <class T, memory_space S>
struct outside_unit {
  matrix_view<T const, S> p;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t k = 0; k < p.cols; ++k) {
      auto const x = static_cast<double>(p(i, k));
      if (!ops::detail::is_finite(x)) return 1;
      if (x < -ops::entry_tolerance || x > 1 + ops::entry_tolerance) return 2;
    }
    return 0;
  }
};

template <class T, class Label, memory_space S>
struct one_against_rest {
  matrix_view<T const, S> p;
  matrix_view<Label const, S> y;
  std::size_t k;
  matrix_view<T, S> two;
  vector_view<std::int32_t, S> label;
  LIMPID_HD void operator()(std::size_t i) const {
    two(i, 0) = T{1} - p(i, k);
    two(i, 1) = p(i, k);
    label[i] = y(i, k) != Label{0};
  }
};

/// out[r]: the exponential moving average, weight 0.8 for the next, of the K scores of row
/// index[r], from the highest to the lowest.
template <class T, class Label, memory_space S>
struct multilabel_score {
  matrix_view<T const, S> p;
  matrix_view<Label const, S> y;
  vector_view<std::uint32_t const, S> index;
  quality_score score;
  matrix_view<double const, S> thresholds;  ///< K x 2, to adjust by; no rows: as they are
  bool cleanlab_compatible;
  matrix_view<double, S> scratch;  ///< a row of K per r
  vector_view<double, S> out;

  LIMPID_HD void operator()(std::size_t r) const {
    std::size_t const classes = p.cols, i = index[r];
    for (std::size_t k = 0; k < classes; ++k) scratch(r, k) = of_class(i, k);
    sort_descending(r);
    double average = scratch(r, 0);
    for (std::size_t k = 1; k < classes; ++k) average = 0.8 * scratch(r, k) + (1 - 0.8) * average;
    out[r] = average;
  }

 private:
  /// Shell sort: neither memory nor recursion.
  LIMPID_HD void sort_descending(std::size_t r) const {
    std::size_t step = 1;
    while (step < p.cols / 3) step = 3 * step + 1;
    for (; step > 0; step /= 3)
      for (std::size_t k = step; k < p.cols; ++k) {
        double const v = scratch(r, k);
        std::size_t at = k;
        for (; at >= step && scratch(r, at - step) < v; at -= step)
          scratch(r, at) = scratch(r, at - step);
        scratch(r, at) = v;
      }
  }
  LIMPID_HD double of_class(std::size_t i, std::size_t k) const {
    T const two[2] = {T{1} - p(i, k), p(i, k)};
    std::int32_t const own = y(i, k) != Label{0};
    double shift[2] = {0, 0}, top = 0;
    if (thresholds.rows) {
      shift[0] = thresholds(k, 0);
      shift[1] = thresholds(k, 1);
      top = shift[0] > shift[1] ? shift[0] : shift[1];
    }
    return score_of_row<T, S>{{two, 1, 2}, {&own, 1},
                              score,       {thresholds.rows ? shift : nullptr, 2},
                              top,         cleanlab_compatible}(0);
  }
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_MULTILABEL_HPP
