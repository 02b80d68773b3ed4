// SPDX-License-Identifier: BSL-1.0
/// What the programs on a device share: whether there is one, tensors on it, and how results are
/// compared.
#ifndef LIMPID_TESTS_CUDA_ON_DEVICE_HPP
#define LIMPID_TESTS_CUDA_ON_DEVICE_HPP

#include <limpid/exec/cuda.hpp>
#include <limpid/ops/memory.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "support/inputs.hpp"

namespace limpid_test {

inline constexpr int skipped = 77;  ///< CTest's SKIP_RETURN_CODE

inline bool device_is_here() {
  int count = 0;
  cudaError_t const status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return true;
  std::printf("skipped: compiled and linked, but there is no CUDA device here (%s)\n",
              cudaGetErrorString(status));
  return false;
}

/// A copy of host data on the device.
template <class T>
class cuda_matrix {
 public:
  cuda_matrix(limpid::cuda_policy const& exec, limpid::matrix<T> const& x)
      : held_(limpid::ops::upload(exec, x.view())), rows_(x.rows()), cols_(x.cols()) {}
  limpid::matrix_view<T const, limpid::memory_space::device> view() const {
    return held_.view(rows_, cols_);
  }

 private:
  limpid::ops::buffer<T, limpid::cuda_policy> held_;
  std::size_t rows_, cols_;
};
template <class T>
class cuda_vector {
 public:
  cuda_vector(limpid::cuda_policy const& exec, limpid::vector<T> const& x)
      : held_(limpid::ops::upload(exec, x.view())) {}
  limpid::vector_view<T const, limpid::memory_space::device> view() const { return held_.view(); }

 private:
  limpid::ops::buffer<T, limpid::cuda_policy> held_;
};

template <class T>
struct cuda_inputs {
  cuda_inputs(limpid::cuda_policy const& exec, inputs<T> const& in)
      : probabilities(exec, in.probabilities),
        features(exec, in.features),
        transition(exec, in.transition),
        losses(exec, in.losses),
        weights(exec, in.weights),
        labels(exec, in.labels),
        classes(in.classes) {}
  cuda_matrix<T> probabilities, features, transition;
  cuda_vector<T> losses, weights;
  cuda_vector<std::int32_t> labels;
  std::size_t classes;
};

/// Counts and prints what does not hold.
class report {
 public:
  void check(bool holds, std::string const& what) {
    if (holds) return;
    ++failed_;
    std::printf("FAILED: %s\n", what.c_str());
  }
  void close(std::vector<double> const& got, std::vector<double> const& want, double tolerance,
             std::string const& what) {
    check(got.size() == want.size(), what + ": " + std::to_string(got.size()) + " numbers, not " +
                                         std::to_string(want.size()));
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < got.size() && i < want.size(); ++i) {
      bool const same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
      double const gap = same ? 0 : std::abs(got[i] - want[i]) / (1 + std::abs(want[i]));
      if (!(gap <= worst)) worst = gap, at = i;
    }
    check(worst <= tolerance,
          what + ": worst gap " + std::to_string(worst) + " at " + std::to_string(at));
  }
  int exit_status() const {
    std::printf(failed_ ? "%d checks failed\n" : "all checks hold\n", failed_);
    return failed_ ? 1 : 0;
  }

 private:
  int failed_ = 0;
};

}  // namespace limpid_test

template <class T>
struct limpid::tensor_traits<limpid_test::cuda_matrix<T>> {
  static auto view(limpid_test::cuda_matrix<T> const& m) { return m.view(); }
};
template <class T>
struct limpid::tensor_traits<limpid_test::cuda_vector<T>> {
  static auto view(limpid_test::cuda_vector<T> const& v) { return v.view(); }
};

#endif  // LIMPID_TESTS_CUDA_ON_DEVICE_HPP
