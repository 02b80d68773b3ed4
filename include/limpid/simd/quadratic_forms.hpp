// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/quadratic_forms.hpp
/// Quadratic forms of many columns, a block of the matrix at a time.
#ifndef LIMPID_SIMD_QUADRATIC_FORMS_HPP
#define LIMPID_SIMD_QUADRATIC_FORMS_HPP

#include <limpid/simd/tile.hpp>

namespace limpid::lanes {

inline constexpr std::size_t form_refs = 256;  ///< columns of a block of values, and its pitch
inline constexpr std::size_t form_rows = 128;  ///< rows of a block of values

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/quadratic_forms.inl>
#include <limpid/simd/detail/each_set.inc>

/// n x count columns as add_forms reads them: packed once for all blocks of a matrix.
template <class T>
class form_columns {
 public:
  form_columns(std::size_t rows, std::size_t count)
      : set_(isa()),
        shape_(shape_for<T>(set_)),
        padded_(whole_rows(rows)),
        groups_((count + shape_.cols - 1) / shape_.cols),
        data_(padded_ * groups_ * shape_.cols) {
    for (std::size_t i = 0; i < padded_ * groups_ * shape_.cols; ++i) data_[i] = T(0);
  }
  /// Room for element (i, c).
  T& operator()(std::size_t i, std::size_t c) const {
    return data_[(c / shape_.cols * padded_ + i) * shape_.cols + c % shape_.cols];
  }
  std::size_t width() const { return shape_.cols; }                   ///< columns that lie together
  std::size_t padded_count() const { return groups_ * shape_.cols; }  ///< of sums

  /// `rows` as whole register tiles.
  std::size_t whole_rows(std::size_t rows) const {
    return (rows + shape_.rows - 1) / shape_.rows * shape_.rows;
  }

  /// sums[c] += sum_r v(r0 + r, c) sum_j values[r][j] v(j0 + j, c), j < refs. values: at most
  /// form_rows x form_refs, zeros from row `rows` to whole_rows(rows). Partial sums of at most 128
  /// x 8 products in T.
  void add_forms(T const* values, std::size_t r0, std::size_t rows, std::size_t j0,
                 std::size_t refs, double* sums) const {
    std::size_t const width = shape_.cols;
    LIMPID_SIMD_CALL(set_, template quadratic_forms<T>(values, rows, refs, data_.get() + r0 * width,
                                                       data_.get() + j0 * width, padded_ * width,
                                                       groups_, sums));
  }
  /// to[i] = factor from[i], i < count.
  void scale(double const* from, std::size_t count, double factor, T* to) const {
    LIMPID_SIMD_CALL(set_, template scale_to<T>(from, count, factor, to));
  }

 private:
  instruction_set set_;
  tile_shape shape_;
  std::size_t padded_, groups_;
  buffer<T> data_;  // [group][row][shape_.cols]
};

/// sum_i a[i] b[i].
inline double dot(double const* a, double const* b, std::size_t count) {
  LIMPID_SIMD_CALL(isa(), wide_dot(a, b, count));
}

#include <limpid/simd/detail/close.inc>

#endif
