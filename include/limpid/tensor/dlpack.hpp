// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/dlpack.hpp
/// DLPack: tensors of PyTorch, CuPy, JAX, TVM and others, on the host or on a device, without a
/// copy.
#ifndef LIMPID_TENSOR_DLPACK_HPP
#define LIMPID_TENSOR_DLPACK_HPP

#if !__has_include(<dlpack/dlpack.h>)
#error "limpid/tensor/dlpack.hpp needs dlpack/dlpack.h (Debian: libdlpack-dev)"
#endif

#include <limpid/core/tensor.hpp>

#include <dlpack/dlpack.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace limpid {

namespace detail {

/// What a DLTensor says of itself, against what was asked for. Element type and place are known at
/// run time only.
template <class T, memory_space Space>
void check_dlpack(std::string_view where, DLTensor const& x, int rank) {
  using value = std::remove_const_t<T>;
  static_assert(std::is_arithmetic_v<value> && !std::is_same_v<value, bool>);
  constexpr auto code = std::floating_point<value>    ? kDLFloat
                        : std::signed_integral<value> ? kDLInt
                                                      : kDLUInt;
  require(x.ndim == rank, where, "the tensor has ", x.ndim, " dimensions, not ", rank);
  require(x.dtype.code == code && x.dtype.bits == 8 * sizeof(value) && x.dtype.lanes == 1, where,
          "the elements are of another type than asked for (code ", static_cast<int>(x.dtype.code),
          ", ", static_cast<int>(x.dtype.bits), " bits, ", static_cast<int>(x.dtype.lanes),
          " lanes)");
  auto const place = x.device.device_type;
  bool const here = Space == memory_space::host
                        ? place == kDLCPU || place == kDLCUDAHost || place == kDLCUDAManaged
                        : place == kDLCUDA || place == kDLCUDAManaged;
  require(here, where, "the tensor is not in the memory asked for, ",
          Space == memory_space::host ? "the host's" : "a CUDA device's", " (device type ",
          static_cast<int>(place), ")");
  for (int r = 0; r < rank; ++r)
    require(x.shape[r] >= 0, where, "dimension ", r, " has ", x.shape[r], " elements");
}

template <class T>
T* dlpack_data(DLTensor const& x) {
  return reinterpret_cast<T*>(static_cast<unsigned char*>(x.data) + x.byte_offset);
}

}  // namespace detail

/// The matrix that a DLTensor of rank 2 describes: dlpack_matrix<float const,
/// memory_space::device>(tensor). input_error where the tensor's element type, place or rank is
/// another. It owns nothing: keep the DLManagedTensor.
template <class T, memory_space Space = memory_space::host>
matrix_view<T, Space> dlpack_matrix(DLTensor const& x) {
  detail::check_dlpack<T, Space>("dlpack_matrix", x, 2);
  auto const rows = static_cast<std::size_t>(x.shape[0]),
             cols = static_cast<std::size_t>(x.shape[1]);
  matrix_view<T, Space> m(detail::dlpack_data<T>(x), rows, cols);
  if (x.strides) {  // none: row-major
    m.row_stride = static_cast<std::ptrdiff_t>(x.strides[0]);
    m.col_stride = static_cast<std::ptrdiff_t>(x.strides[1]);
  }
  return detail::tidy(m);
}

/// The vector that a DLTensor of rank 1 describes; as dlpack_matrix.
template <class T, memory_space Space = memory_space::host>
vector_view<T, Space> dlpack_vector(DLTensor const& x) {
  detail::check_dlpack<T, Space>("dlpack_vector", x, 1);
  vector_view<T, Space> v(detail::dlpack_data<T>(x), static_cast<std::size_t>(x.shape[0]));
  if (x.strides) v.stride = static_cast<std::ptrdiff_t>(x.strides[0]);
  return detail::tidy(v);
}

}  // namespace limpid

#endif  // LIMPID_TENSOR_DLPACK_HPP
