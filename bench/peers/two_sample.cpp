// SPDX-License-Identifier: BSL-1.0
// One run of limpid's side of bench/peers/two_sample.py, one thread:
//   peer.two_sample <folder> <rows of each sample> <cols> <permutations> <gamma>
// reads <folder>/x.bin and y.bin (float64, row-major), prints "<seconds> <peak bytes beyond the
// input> <statistic> <p-value>" (processor time).
#include <limpid/kernel_mean/two_sample_test.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "measured.hpp"

int main(int argc, char** argv) {
  if (argc != 6)
    return std::fputs("peer.two_sample <folder> <rows> <cols> <permutations> <gamma>\n", stderr), 2;
  std::string const folder = argv[1];
  std::size_t const n = std::strtoull(argv[2], nullptr, 10),
                    d = std::strtoull(argv[3], nullptr, 10);
  std::size_t const draws = std::strtoull(argv[4], nullptr, 10);
  auto const kernel = limpid::kernels::gaussian(std::strtod(argv[5], nullptr));
  auto const x = read<double>(folder + "/x.bin", n * d), y = read<double>(folder + "/y.bin", n * d);
  limpid::matrix_view<double const> const rows_x(x.data(), n, d), rows_y(y.data(), n, d);
  reset_peak();
  double const before = resident("VmRSS"), start = now();
  auto const r = limpid::kernel_mean::two_sample_test(kernel, rows_x, rows_y, {.draws = draws});
  double const seconds = now() - start;
  std::printf("%.6f %.0f %.17g %.17g\n", seconds, resident("VmHWM") - before, r.statistic,
              r.p_value);
}
