// SPDX-License-Identifier: BSL-1.0
#if !__has_include(<dlpack/dlpack.h>)
#include <doctest/doctest.h>
TEST_CASE("dlpack: skipped, dlpack/dlpack.h is not here") {
  MESSAGE("Debian: libdlpack-dev");
}
#else
#include <limpid/tensor/dlpack.hpp>

#include <doctest/doctest.h>

#include <cstdint>

namespace {

constexpr auto device = limpid::memory_space::device;

struct tensor_2_3 {
  float data[12] = {};
  std::int64_t shape[2] = {2, 3}, strides[2] = {1, 4};
  DLTensor tensor{};
  tensor_2_3() {
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.ndim = 2;
    tensor.dtype = {kDLFloat, 32, 1};
    tensor.shape = shape;
    tensor.byte_offset = 4;
  }
};

}  // namespace

TEST_CASE("dlpack: seen where it lies, with strides and without") {
  tensor_2_3 t;
  //! [use]
  limpid::matrix_view<float const> const x = limpid::dlpack_matrix<float const>(t.tensor);
  //! [use]
  CHECK(x.data == t.data + 1);
  CHECK(x.rows == 2);
  CHECK(x.cols == 3);
  CHECK(x.row_stride == 3);
  CHECK(x.col_stride == 1);
  t.tensor.strides = t.strides;
  auto const turned = limpid::dlpack_matrix<float>(t.tensor);
  CHECK(turned.row_stride == 1);
  CHECK(turned.col_stride == 4);
  turned(1, 2) = 5;
  CHECK(t.data[1 + 1 + 8] == 5);
  t.tensor.ndim = 1;
  t.tensor.strides = t.strides + 1;
  auto const v = limpid::dlpack_vector<float>(t.tensor);
  CHECK(v.size == 2);
  CHECK(v.stride == 4);
}

TEST_CASE("dlpack: another type, rank, place is refused") {
  tensor_2_3 t;
  CHECK_THROWS_WITH_AS(
      (void)limpid::dlpack_matrix<double>(t.tensor),
      doctest::Contains("the elements are of another type than asked for (code 2, 32 bits"),
      limpid::input_error);
  CHECK_THROWS_WITH_AS((void)limpid::dlpack_matrix<std::int32_t>(t.tensor),
                       doctest::Contains("another type"), limpid::input_error);
  CHECK_THROWS_WITH_AS((void)limpid::dlpack_vector<float>(t.tensor),
                       "dlpack_vector: the tensor has 2 dimensions, not 1", limpid::input_error);
  CHECK_THROWS_WITH_AS((void)(limpid::dlpack_matrix<float, device>(t.tensor)),
                       doctest::Contains("not in the memory asked for, a CUDA device's"),
                       limpid::input_error);
  t.shape[1] = -1;
  CHECK_THROWS_WITH_AS((void)limpid::dlpack_matrix<float>(t.tensor),
                       doctest::Contains("dimension 1 has -1 elements"), limpid::input_error);
  t.shape[1] = 3;
  t.tensor.device = {kDLCUDA, 0};
  CHECK_THROWS_WITH_AS((void)limpid::dlpack_matrix<float>(t.tensor),
                       doctest::Contains("not in the memory asked for, the host's"),
                       limpid::input_error);
  auto const there = limpid::dlpack_matrix<float, device>(t.tensor);
  static_assert(decltype(there)::space == device);
  CHECK(there.data == t.data + 1);
  t.tensor.device = {kDLCUDAManaged, 0};  // of both
  CHECK(limpid::dlpack_matrix<float>(t.tensor).rows == 2);
  CHECK((limpid::dlpack_matrix<float, device>(t.tensor).rows == 2));
}
#endif
