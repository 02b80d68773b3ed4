// SPDX-License-Identifier: BSL-1.0
// Every primitive on the device against seq, on both sides of the tiles; twice for the same bits; a
// stream and an allocator of the caller's own; what goes wrong is said.
#include "cuda/on_device.hpp"

#include <limpid/core/random.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/row_math.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace kernels = limpid::kernels;
namespace ops = limpid::ops;
using limpid::matrix_view;
using limpid::vector_view;
using limpid_test::cuda_matrix;
using limpid_test::cuda_vector;
constexpr auto there = limpid::memory_space::device;

template <class T>
limpid::matrix<T> random_matrix(std::size_t rows, std::size_t cols, std::uint32_t stream) {
  limpid::matrix<T> x(rows, cols);
  for (std::size_t r = 0; r < rows; ++r) {
    limpid::random_stream draw(7, stream, r);
    for (std::size_t c = 0; c < cols; ++c) x(r, c) = static_cast<T>(draw.uniform() - 0.3);
  }
  return x;
}
template <class M>
std::vector<double> numbers(M const& m) {
  return {m.data(), m.data() + m.rows() * m.cols()};
}
template <class T>
std::vector<double> numbers(limpid::vector<T> const& v) {
  return {v.begin(), v.end()};
}

/// Sum k of sines; rows in both directions of the width limit.
struct add_sines {
  std::size_t width;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t k = 0; k < width; ++k) sums[k] += std::sin(static_cast<double>(i * (k + 1)));
  }
};
struct largest_sine {
  LIMPID_HD void operator()(std::size_t i, double& best) const {
    double const s = std::sin(static_cast<double>(i));
    if (s > best) best = s;
  }
};
struct larger {
  LIMPID_HD void operator()(double& a, double b) const {
    if (b > a) a = b;
  }
};
struct odd_fault {
  std::size_t first;
  LIMPID_HD int operator()(std::size_t i) const {
    return i >= first && i % 2 ? static_cast<int>(i % 5) + 1 : 0;
  }
};

template <class Run>
void twice(limpid_test::report& report, std::vector<double> const& want, double tolerance,
           std::string const& what, Run const& run) {
  auto const once = run();
  report.close(once, want, tolerance, what);
  report.close(run(), once, 0, what + ", the second run");
}

void rows(limpid::cuda_policy const& exec, limpid_test::report& report) {
  for (std::size_t n : {0u, 1u, 2049u, 300000u})
    for (std::size_t width : {1u, 47u, 48u, 400u}) {
      if (n * width > 50000000) continue;
      twice(report, ops::sum_rows(limpid::seq, n, width, add_sines{width}), 1e-9,
            "sum_rows " + std::to_string(n) + " x " + std::to_string(width),
            [&] { return ops::sum_rows(exec, n, width, add_sines{width}); });
    }
  for (std::size_t n : {0u, 1u, 100000u})
    report.check(std::abs(ops::fold_rows(exec, n, -2.0, largest_sine{}, larger{}) -
                          ops::fold_rows(limpid::seq, n, -2.0, largest_sine{}, larger{})) < 1e-12,
                 "fold_rows " + std::to_string(n));
  for (std::size_t first : {0u, 2047u, 99999u, 100001u}) {
    auto const got = ops::first_row(exec, 100000, odd_fault{first}),
               want = ops::first_row(limpid::seq, 100000, odd_fault{first});
    report.check(got.row == want.row && got.code == want.code,
                 "first_row " + std::to_string(first));
  }
  for (std::size_t classes : {3u, 60u, 300u}) {
    limpid::vector<std::int32_t> a(100000), b(100000);
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<std::int32_t>(i * 7919 % (classes + 1)) - 1;
      b[i] = static_cast<std::int32_t>(i * 104729 / 13 % classes);
    }
    cuda_vector<std::int32_t> const da(exec, a), db(exec, b);
    report.check(ops::count_pairs(exec, da.view(), db.view(), classes, classes) ==
                     ops::count_pairs(limpid::seq, std::as_const(a).view(), std::as_const(b).view(),
                                      classes, classes),
                 "count_pairs " + std::to_string(classes));
  }
}

void copies(limpid::cuda_policy const& exec, limpid_test::report& report) {
  auto const x = random_matrix<float>(50, 7, 1);
  auto const memory = ops::make_buffer<float>(exec, 4000);
  for (auto const& [row, col] :
       {std::pair{7, 1}, std::pair{9, 1}, std::pair{1, 50}, std::pair{70, 10}}) {
    matrix_view<float, there> const strided(memory.view().data, 50, 7, row, col);
    ops::copy(exec, x.view(), strided);
    report.check(ops::download(exec, strided) == x, "copy with strides " + std::to_string(row));
    auto const doubles = ops::make_buffer<double>(exec, 350);
    ops::copy(exec, strided, doubles.view(50, 7));
    report.check(numbers(ops::download(exec, doubles.view(50, 7))) == numbers(x),
                 "copy to another type");
  }
}

template <class T>
void order(limpid::cuda_policy const& exec, limpid_test::report& report) {
  auto const x = random_matrix<T>(40000, 5, 2);
  cuda_matrix<T> const dx(exec, x);
  for (double q : {0.0, 0.3, 0.975, 1.0})
    for (auto rule : {ops::quantile_rule::higher, ops::quantile_rule::linear})
      twice(report, numbers(ops::column_quantiles(limpid::seq, x.view(), q, rule)), 0,
            "column_quantiles " + std::to_string(q),
            [&] { return numbers(ops::column_quantiles(exec, dx.view(), q, rule)); });
  limpid::vector<double> const limits{0.1, 0.2, 5, -9, 0.6};
  report.check(ops::arg_max_columns(exec, dx.view(), limits) ==
                   ops::arg_max_columns(limpid::seq, x.view(), limits),
               "arg_max_columns");
}

template <class T>
void tiles(limpid::cuda_policy const& exec, limpid_test::report& report, double tolerance) {
  auto const x = random_matrix<T>(300, 19, 3), z = random_matrix<T>(5000, 19, 4);
  auto const w = random_matrix<double>(5000, 3, 5);
  cuda_matrix<T> const dx(exec, x), dz(exec, z);
  cuda_matrix<double> const dw(exec, w);
  auto const out = ops::make_buffer<double>(exec, 300 * 5000);
  for (auto const& k : {kernels::gaussian(0.4), kernels::polynomial(2), kernels::laplacian(0.2),
                        kernels::matern12(2), kernels::normalised(kernels::linear()),
                        kernels::gaussian(1) + kernels::linear()}) {
    std::string const what = " of family " + std::to_string(static_cast<int>(k.kind));
    limpid::matrix<double> sums(300, 3), values(300, 5000);
    ops::kernel_sums(limpid::seq, k, x.view(), z.view(), std::as_const(w).view(), sums.view());
    twice(report, numbers(sums), tolerance, "kernel_sums" + what, [&] {
      ops::kernel_sums(exec, k, dx.view(), dz.view(), dw.view(), out.view(300, 3));
      return numbers(ops::download(exec, out.view(300, 3)));
    });
    ops::kernel_matrix(limpid::seq, k, x.view(), z.view(), values.view());
    twice(report, numbers(values), tolerance, "kernel_matrix" + what, [&] {
      ops::kernel_matrix(exec, k, dx.view(), dz.view(), out.view(300, 5000));
      return numbers(ops::download(exec, out.view(300, 5000)));
    });
  }
  limpid::matrix<T> equal(600, 2, T{1});
  for (std::size_t i = 0; i < 600; i += 2)
    equal(i, 0) += static_cast<T>(1e-7 * static_cast<double>(i % 7));
  for (limpid::matrix<T> const* own : {&x, &std::as_const(equal)})
    for (std::size_t k : {1u, 20u}) {
      std::size_t const n = own->rows();
      limpid::matrix<std::uint32_t> index(n, k);
      limpid::matrix<double> distance(n, k);
      ops::nearest(limpid::seq, own->view(), own->view(), k, index.view(), distance.view(),
                   {.exclude_self = true});
      cuda_matrix<T> const rows(exec, *own);
      auto const found = ops::make_buffer<std::uint32_t>(exec, n * k);
      ops::nearest(exec, rows.view(), rows.view(), k, found.view(n, k), out.view(n, k),
                   {.exclude_self = true});
      report.check(ops::download(exec, found.view(n, k)) == index, "nearest: indices");
      report.close(numbers(ops::download(exec, out.view(n, k))), numbers(distance), 1e-15,
                   "nearest: distances");
    }
}

/// Counts what it gives out.
class counting_memory : public limpid::cuda_memory {
 public:
  void* allocate(std::size_t bytes, cudaStream_t stream) override {
    void* block = nullptr;
    if (cudaMallocAsync(&block, bytes, stream) != cudaSuccess) throw std::bad_alloc();
    ++given;
    return block;
  }
  void deallocate(void* block, cudaStream_t stream) noexcept override {
    (void)cudaFreeAsync(block, stream);
    ++taken;
  }
  int given = 0, taken = 0;
};

void resources(limpid_test::report& report) {
  cudaStream_t stream = nullptr;
  report.check(cudaStreamCreate(&stream) == cudaSuccess, "cudaStreamCreate");
  counting_memory memory;
  limpid::cuda const exec{stream, &memory};
  report.close(ops::sum_rows(exec, 5000, 2, add_sines{2}),
               ops::sum_rows(limpid::seq, 5000, 2, add_sines{2}), 1e-9,
               "sum_rows on a stream of its own");
  report.check(memory.given > 0 && memory.given == memory.taken,
               "the caller's allocator has all of its blocks back");
  (void)cudaStreamDestroy(stream);
  bool said = false;
  try {
    (void)limpid::cuda{}.allocate(~std::size_t{0} / 4);
  } catch (limpid::cuda_error const& error) {
    said = std::string(error.what()).find("cudaMallocFromPoolAsync") != std::string::npos;
    (void)cudaGetLastError();
  }
  report.check(said, "more memory than there is: the call that failed is named");
}

}  // namespace

int main() {
  if (!limpid_test::device_is_here()) return limpid_test::skipped;
  limpid_test::report report;
  limpid::cuda const exec{};
  rows(exec, report);
  copies(exec, report);
  order<float>(exec, report);
  order<double>(exec, report);
  tiles<float>(exec, report, 1e-4);
  resources(report);
  limpid::cuda::release_memory();
  return report.exit_status();
}
