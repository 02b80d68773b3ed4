// SPDX-License-Identifier: BSL-1.0
// Calls the same functions of the library in each unit that is built from this file;
// LIMPID_ODR_UNIT names the unit.
#include "results.hpp"

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/mixture/split_losses.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/kernel_sums.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/spmm.hpp>
#include <limpid/transition/confident_joint.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid_odr::LIMPID_ODR_UNIT {
namespace {

/// Overlapping blobs, one per class, and probabilities that lean to the label.
template <class T>
struct data {
  static constexpr std::size_t rows = 3000, cols = 23, classes = 5;
  limpid::matrix<T> x{rows, cols}, p{rows, classes};
  std::vector<std::int32_t> y = std::vector<std::int32_t>(rows);
  limpid::vector<T> losses = limpid::vector<T>(rows);

  data() {
    limpid::random_stream draw(11);
    for (std::size_t i = 0; i < rows; ++i) {
      auto const label = static_cast<std::size_t>(draw.below(classes));
      y[i] = static_cast<std::int32_t>(label);
      for (std::size_t c = 0; c < cols; ++c)
        x(i, c) = static_cast<T>(draw.uniform() + (c == label ? 1.5 : 0.0));
      T const other = static_cast<T>(0.15 * draw.uniform());
      for (std::size_t k = 0; k < classes; ++k)
        p(i, k) = k == label ? T{1} - T(classes - 1) * other : other;
      losses[i] = static_cast<T>(i % 3 ? 0.1 * draw.uniform() : 2 + draw.uniform());
    }
  }
};

template <class T>
void call_all(results& out) {
  data<T> const in;
  auto const keep = [&out](auto const& v) {
    for (auto const& value : v) out.values.push_back(static_cast<double>(value));
  };
  auto const block = in.x.view().row_block(0, 100);

  limpid::ops::check_distributions(limpid::simd, "odr", "p", in.p.view());
  limpid::ops::check_finite(limpid::simd, "odr", "x", in.x.view());

  limpid::vector<double> sums(100);
  limpid::ops::kernel_sums(limpid::simd, limpid::kernels::gaussian(0.3), block, in.x.view(),
                           limpid::matrix_view<double const>{},
                           limpid::matrix_view<double>(sums.data(), 100, 1));
  keep(sums);

  limpid::vector<std::uint32_t> index(300);
  limpid::vector<double> distance(300);
  limpid::ops::nearest(limpid::simd, block, in.x.view(), 3,
                       limpid::matrix_view<std::uint32_t>(index.data(), 100, 3),
                       limpid::matrix_view<double>(distance.data(), 100, 3));
  keep(index);
  keep(distance);

  keep(limpid::mixture::split_losses(in.losses).prob_clean);
  auto const joint = limpid::transition::confident_joint(in.p, in.y);
  keep(joint.prior);
  for (std::size_t k = 0; k < in.classes; ++k) keep(std::vector<double>{joint.transition(k, k)});
}

}  // namespace

results run() {
  results out;
  call_all<float>(out);
  call_all<double>(out);
  out.sizes = {sizeof(limpid::matrix<float>),
               sizeof(limpid::vector<double>),
               sizeof(limpid::matrix_view<float>),
               sizeof(limpid::csr_view<double>),
               sizeof(limpid::kernel_function),
               alignof(limpid::matrix<double>),
               sizeof(limpid::ops::nearest_options),
               sizeof(limpid::mixture::split_losses_result),
               sizeof(limpid::transition::confident_joint_result)};
  return out;
}

}  // namespace limpid_odr::LIMPID_ODR_UNIT
