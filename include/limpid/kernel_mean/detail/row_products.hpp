// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/row_products.hpp
/// Rows times the columns of a small matrix, consumed at once.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_ROW_PRODUCTS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_ROW_PRODUCTS_HPP

#include <limpid/core/view.hpp>
#include <limpid/simd/kernel_sums.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace limpid::kernel_mean::detail {

/// w in T, packed for tiles of products. For the vectorised host policies.
template <class T>
class packed_product {
 public:
  /// w: K x d; bias: K, or no data for 0. Neither is kept.
  packed_product(matrix_view<double const> w, vector_view<double const> bias)
      : cols_(w.cols), rows_(w.rows * w.cols), bias_(bias.data ? bias.size : 0) {
    for (std::size_t k = 0; k < w.rows; ++k)
      for (std::size_t c = 0; c < cols_; ++c) rows_[k * cols_ + c] = static_cast<T>(w(k, c));
    for (std::size_t k = 0; k < bias_.size(); ++k) bias_[k] = bias[k];
    for (std::size_t first = 0; first < w.rows; first += piece) {
      std::size_t const last = w.rows - first < piece ? w.rows : first + piece;
      packed_.push_back(std::make_unique<one>(rows_.data() + first * cols_, last - first, cols_));
      starts_.push_back(first);
    }
    starts_.push_back(w.rows);
  }

  static constexpr std::size_t piece = 384;  ///< columns handed on at a time, at most

  /// use(i, k, count, values): values[c] = bias[k + c] + sum over the columns of x(i, .) w(k + c,
  /// .), summed in T, for rows [begin, end) and every piece of the columns.
  template <class Use>
  void operator()(matrix_view<T const> x, std::size_t begin, std::size_t end,
                  Use const& use) const {
    constexpr std::size_t some = 96;
    std::vector<double> part(some * piece);
    T values[piece];
    for (std::size_t i = begin; i < end; i += some) {
      std::size_t const count = end - i < some ? end - i : some;
      for (std::size_t p = 0; p < packed_.size(); ++p) {
        std::size_t const first = starts_[p], width = starts_[p + 1] - first;
        lanes::kernel_matrix_block(packed_[p]->references, x.data, x.row_stride, x.col_stride, i,
                                   i + count, part.data(), piece, 1);
        for (std::size_t r = 0; r < count; ++r) {
          double const* const from = part.data() + r * piece;
          for (std::size_t c = 0; c < width; ++c)
            values[c] = static_cast<T>(bias_.empty() ? from[c] : from[c] + bias_[first + c]);
          use(i + r, first, width, static_cast<T const*>(values));
        }
      }
    }
  }

 private:
  struct one {
    lanes::packed_rows<T> rows;
    lanes::kernel_references<T> references;
    one(T const* w, std::size_t count, std::size_t d)
        : rows(lanes::pack_rows(w, count, d, static_cast<std::ptrdiff_t>(d), 1,
                                static_cast<double const*>(nullptr))),
          references(rows, product(), nullptr, 1) {}
    static lanes::kernel product() {
      lanes::kernel out;
      out.kind = lanes::kernel_kind::linear;
      return out;
    }
  };
  std::size_t cols_;
  std::vector<T> rows_;
  std::vector<double> bias_;
  std::vector<std::unique_ptr<one>> packed_;
  std::vector<std::size_t> starts_;
};

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_ROW_PRODUCTS_HPP
