// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/gaussian_totals.hpp
/// Totals of Gaussian kernel matrices of many widths from one sweep over the distances.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_GAUSSIAN_TOTALS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_GAUSSIAN_TOTALS_HPP

#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/simd/math.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace limpid::kernel_mean::detail {

/// Of Cauchy kernel values c of a tile, sums of exp(-ratio_e (1 / c - 1)).
template <class T, memory_space S>
struct add_bells {
  vector_view<double const, S> value, ratio;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    double const u = 1 - 1 / value[t];
    for (std::size_t e = 0; e < ratio.size; ++e) sums[e] += std::exp(ratio[e] * u);
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const
    requires(S == memory_space::host)
  {
    // Whole runs only: loops of a known length are what -O2 makes vectors of.
    constexpr std::size_t run = 256, wide = 16;
    constexpr T least =
        sizeof(T) == 4 ? T(-87) : T(-708);  // its exp is normal: below are slow ones
    T u[run], bell[run];
    for (std::size_t t = begin; t < end; t += run) {
      std::size_t const here = end - t < run ? end - t : run;
      for (std::size_t k = 0; k < here; ++k) u[k] = static_cast<T>(1 - 1 / value[t + k]);
      for (std::size_t k = here; k < run; ++k) u[k] = 0;
      for (std::size_t e = 0; e < ratio.size; ++e) {
        auto const by = static_cast<T>(ratio[e]);
        for (std::size_t k = 0; k < run; ++k) bell[k] = by * u[k] < least ? least : by * u[k];
        lanes::exp(bell, bell, run);
        T part[wide] = {};
        for (std::size_t k = 0; k < run; k += wide)
          for (std::size_t l = 0; l < wide; ++l) part[l] += bell[k + l];
        double sum = 0;
        for (std::size_t l = 0; l < wide; ++l) sum += static_cast<double>(part[l]);
        sums[e] += sum - static_cast<double>(run - here);  // exp(0) of what is beyond the end
      }
    }
  }
};

/// sum_ij exp(-gammas[e] |x_i - x_j|^2) for every e, with the distances computed once: 8 MB of them
/// at a time, as values of the Cauchy kernel, which lose no digits that a Gaussian has. Empty if
/// stopped.
template <execution_policy P, class T>
std::vector<double> gaussian_totals(P const& exec, matrix_view<T const, P::space> x,
                                    std::vector<double> const& gammas, progress const& told) {
  constexpr std::size_t tall = 2048, wide = 512;
  double widest = gammas[0];
  for (double g : gammas) widest = g < widest ? g : widest;
  vector<double> ratio(gammas.size());
  for (std::size_t e = 0; e < gammas.size(); ++e) ratio[e] = gammas[e] / widest;
  auto const ratios = ops::upload(exec, std::as_const(ratio).view());
  kernel_function const distance = kernels::cauchy(1 / std::sqrt(widest));
  std::size_t const n = x.rows;
  auto const tile = ops::make_buffer<double>(exec, (n < tall ? n : tall) * (n < wide ? n : wide));
  std::vector<double> out(gammas.size());
  auto const add = [&](std::size_t i, std::size_t i_end, std::size_t j, std::size_t j_end,
                       double times) {
    std::size_t const cells = (i_end - i) * (j_end - j);
    if (cells == 0) return;
    ops::kernel_matrix(exec, distance, x.row_block(i, i_end), x.row_block(j, j_end),
                       tile.view(i_end - i, j_end - j));
    vector_view<double const, P::space> const values(tile.view().data, cells);
    auto const part =
        ops::sum_rows(exec, cells, out.size(), add_bells<T, P::space>{values, ratios.view()});
    for (std::size_t e = 0; e < out.size(); ++e) out[e] += times * part[e];
  };
  for (std::size_t i = 0; i < n; i += tall) {
    std::size_t const i_end = n - i < tall ? n : i + tall;
    for (std::size_t j = 0; j < i_end; j += wide) {  // tall is a multiple of wide
      std::size_t const j_end = i_end - j < wide ? i_end : j + wide;
      if (j >= i) add(j, j_end, j, j_end, 1);
      add(j >= i ? j_end : i, i_end, j, j_end, 2);
    }
    auto const done = static_cast<double>(i_end) / static_cast<double>(n);
    if (told && !told(done * done)) return {};
  }
  return out;
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_GAUSSIAN_TOTALS_HPP
