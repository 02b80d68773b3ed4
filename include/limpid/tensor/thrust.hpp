// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/thrust.hpp
/// thrust::device_vector, in the device's memory space, and thrust::host_vector.
#ifndef LIMPID_TENSOR_THRUST_HPP
#define LIMPID_TENSOR_THRUST_HPP

#if !__has_include(<thrust/device_vector.h>)
#error "limpid/tensor/thrust.hpp needs Thrust: install the CUDA toolkit and compile with nvcc"
#endif

#include <limpid/core/tensor.hpp>

#include <thrust/device_vector.h>
#include <thrust/host_vector.h>

#include <cstddef>
#include <type_traits>

namespace limpid {

template <class T, class Allocator>
  requires std::is_arithmetic_v<T>
struct tensor_traits<thrust::device_vector<T, Allocator>> {
  static auto view(auto& v) {
    auto* const first = thrust::raw_pointer_cast(v.data());
    return vector_view<std::remove_pointer_t<decltype(first)>, memory_space::device>(first,
                                                                                     v.size());
  }
};
template <class T, class Allocator>
  requires std::is_arithmetic_v<T>
struct tensor_traits<thrust::host_vector<T, Allocator>> {
  static auto view(auto& v) { return vector_view(thrust::raw_pointer_cast(v.data()), v.size()); }
  static thrust::host_vector<T, Allocator> make(std::size_t size) {
    return thrust::host_vector<T, Allocator>(size);
  }
};

/// A device_vector of rows x cols elements, row-major, as a matrix.
template <class T, class Allocator>
auto device_matrix(thrust::device_vector<T, Allocator>& v, std::size_t rows, std::size_t cols) {
  detail::require(cols == 0 ? v.size() == 0 : v.size() % cols == 0 && v.size() / cols == rows,
                  "device_matrix", "the vector has ", v.size(), " elements, not ", rows, " x ",
                  cols);
  return matrix_view<T, memory_space::device>(thrust::raw_pointer_cast(v.data()), rows, cols);
}
template <class T, class Allocator>
auto device_matrix(thrust::device_vector<T, Allocator> const& v, std::size_t rows,
                   std::size_t cols) {
  return matrix_view<T const, memory_space::device>(
      device_matrix(const_cast<thrust::device_vector<T, Allocator>&>(v), rows, cols));
}

}  // namespace limpid

#endif  // LIMPID_TENSOR_THRUST_HPP
