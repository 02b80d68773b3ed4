// SPDX-License-Identifier: BSL-1.0
// Device tensors of other libraries as inputs: they are seen, not copied.
#include "cuda/on_device.hpp"

#include <limpid/ops/check.hpp>
#include <limpid/tensor/mdspan.hpp>
#include <limpid/tensor/thrust.hpp>

#include <cuda/std/mdspan>

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
