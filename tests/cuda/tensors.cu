// SPDX-License-Identifier: BSL-1.0
// Device tensors of other libraries as inputs: they are seen, not copied.
#include "cuda/on_device.hpp"

#include <limpid/ops/check.hpp>
#include <limpid/tensor/mdspan.hpp>
#include <limpid/tensor/thrust.hpp>

#include <cuda/std/mdspan>

#if __has_include(<dlpack/dlpack.h>)
#include <limpid/tensor/dlpack.hpp>
#endif

#include <cstdint>
#include <string>
#include <utility>

namespace {

constexpr auto there = limpid::memory_space::device;

static_assert(limpid::real_vector<thrust::device_vector<float>> &&
              limpid::real_vector<thrust::host_vector<double>>);
static_assert(limpid::label_vector<thrust::device_vector<int>>);
static_assert(limpid::space_of<thrust::device_vector<float>> == there);
static_assert(limpid::space_of<thrust::host_vector<float>> == limpid::memory_space::host);
static_assert(limpid::makeable_vector<thrust::host_vector<double>>);

/// What needs no device: views have the addresses, extents and strides of what they look at.
void on_the_host(limpid_test::report& report) {
  thrust::host_vector<double> host(3, 2.0);
  auto const v = limpid::view(host);
  report.check(v.data == host.data() && v.size == 3 && v[2] == 2, "host_vector");
  double grid[6] = {};
  cuda::std::mdspan<double const, cuda::std::extents<int, 2, 3>> const span(grid);
  auto const seen = limpid::device_view(span);
  static_assert(decltype(seen)::space == there);
  report.check(seen.data == grid && seen.rows == 2 && seen.cols == 3 && seen.row_stride == 3,
               "mdspan over a device's memory");
#if __has_include(<dlpack/dlpack.h>)
  float data[12] = {};
  std::int64_t shape[2] = {2, 3}, strides[2] = {1, 4};
  DLTensor tensor{};
  tensor.data = data;
  tensor.device = {kDLCPU, 0};
  tensor.ndim = 2;
  tensor.dtype = {kDLFloat, 32, 1};
  tensor.shape = shape;
  tensor.byte_offset = 4;
  auto const compact = limpid::dlpack_matrix<float const>(tensor);
  report.check(compact.data == data + 1 && compact.rows == 2 && compact.cols == 3 &&
                   compact.row_stride == 3 && compact.col_stride == 1,
               "dlpack_matrix without strides");
  tensor.strides = strides;
  auto const turned = limpid::dlpack_matrix<float>(tensor);
  report.check(turned.row_stride == 1 && turned.col_stride == 4, "dlpack_matrix with strides");
  auto const refused = [&](auto const& call, char const* words) {
    try {
      call();
    } catch (limpid::input_error const& error) {
      return std::string(error.what()).find(words) != std::string::npos;
    }
    return false;
  };
  report.check(refused([&] { (void)limpid::dlpack_matrix<double>(tensor); }, "another type"),
               "dlpack: wrong type");
  report.check(refused([&] { (void)limpid::dlpack_vector<float>(tensor); }, "2 dimensions, not 1"),
               "dlpack: rank");
  report.check(
      refused([&] { (void)limpid::dlpack_matrix<float, there>(tensor); }, "a CUDA device's"),
      "dlpack: place");
  tensor.device = {kDLCUDA, 0};
  report.check(refused([&] { (void)limpid::dlpack_matrix<float>(tensor); }, "the host's"),
               "dlpack: place");
  static_assert(decltype(limpid::dlpack_matrix<float, there>(tensor))::space == there);
  report.check(limpid::dlpack_matrix<float, there>(tensor).data == data + 1,
               "dlpack: a device's address");
  tensor.ndim = 1;
  report.check(limpid::dlpack_vector<float, there>(tensor).size == 2, "dlpack_vector");
#else
  std::printf("dlpack/dlpack.h is not here: limpid/tensor/dlpack.hpp is not compiled\n");
#endif
}

void on_the_device(limpid_test::report& report) {
  //! [use]
  limpid::cuda const exec{};
  thrust::device_vector<double> numbers(6, 0.25);
  auto const m = limpid::device_matrix(std::as_const(numbers), 3, 2);
  auto const here = limpid::ops::download(exec, m);
  //! [use]
  report.check(here == limpid::matrix<double>(3, 2, 0.25), "device_vector as a matrix");
  bool said = false;
  try {
    limpid::ops::check_distributions(exec, "f", "P", m);
  } catch (limpid::input_error const& error) {
    said = std::string(error.what()) ==
           "f: P row 0 sums to 0.5; rows must be probability distributions (tolerance 0.001)";
    std::printf("%s\n", error.what());
  }
  report.check(said, "a check of device rows names the row");
}

}  // namespace

int main() {
  limpid_test::report report;
  on_the_host(report);
  if (!limpid_test::device_is_here()) {
    int const status = report.exit_status();
    return status ? status : limpid_test::skipped;
  }
  on_the_device(report);
  return report.exit_status();
}
