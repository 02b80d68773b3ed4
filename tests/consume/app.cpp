// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/seq.hpp>
#include <limpid/ops/order.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/tensor/eigen.hpp>
#ifdef _OPENMP
#include <limpid/exec/par.hpp>
#endif

#include <cstdio>
#include <vector>

int main() {
  std::vector<float> const x{0, 3, 1, 2};
  auto const middle =
      limpid::ops::quantile(limpid::seq, limpid::view(x), 0.5, limpid::ops::quantile_rule::linear);
#ifdef _OPENMP
  bool const threads = limpid::supports<limpid::ops::sum_rows_fn, limpid::par_policy>;
#else
  bool const threads = true;
#endif
  std::printf("limpid %s: %g\n", LIMPID_VERSION_STRING, middle);
  return middle == 1.5 && threads ? 0 : 1;
}
