// SPDX-License-Identifier: BSL-1.0
/// Data on the emulated grid.
#ifndef LIMPID_TESTS_CUDA_GRID_DATA_HPP
#define LIMPID_TESTS_CUDA_GRID_DATA_HPP

#include <limpid/core/random.hpp>
#include <limpid/ops/memory.hpp>

#include <cstddef>
#include <cstdint>

#include "cuda/emulated_grid.hpp"

namespace limpid_test {

inline constexpr auto device_space = limpid::memory_space::device;

template <class T>
limpid::matrix<T> random_matrix(std::size_t rows, std::size_t cols, std::uint32_t stream,
                                double offset = 0) {
  limpid::matrix<T> x(rows, cols);
  for (std::size_t r = 0; r < rows; ++r) {
    limpid::random_stream draw(7, stream, r);
    for (std::size_t c = 0; c < cols; ++c) x(r, c) = static_cast<T>(offset + draw.uniform() - 0.5);
  }
  return x;
}

template <class T>
class on_grid {
 public:
  explicit on_grid(limpid::matrix<T> const& x)
      : held_(limpid::ops::upload(grid, x.view())), rows_(x.rows()), cols_(x.cols()) {}
  limpid::matrix_view<T const, device_space> view() const { return held_.view(rows_, cols_); }

 private:
  limpid::ops::buffer<T, grid_policy> held_;
  std::size_t rows_, cols_;
};

}  // namespace limpid_test

#endif  // LIMPID_TESTS_CUDA_GRID_DATA_HPP
