// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/kernel_sums.hpp
/// Row sums of a kernel matrix and its product with a few vectors, without the matrix.
#ifndef LIMPID_SIMD_KERNEL_SUMS_HPP
#define LIMPID_SIMD_KERNEL_SUMS_HPP

#include <limpid/simd/tile.hpp>

namespace limpid::lanes {

/// A kernel of two rows x and y.
enum class kernel_kind {
  linear,        ///< x.y
  polynomial,    ///< (gamma x.y + c0)^degree
  gaussian,      ///< exp(-gamma |x - y|^2)
  laplacian_l1,  ///< exp(-gamma sum_c |x_c - y_c|)
  laplacian_l2   ///< exp(-gamma |x - y|), gamma = 1 / length
};

/// A kernel with its parameters.
struct kernel {
  kernel_kind kind = kernel_kind::gaussian;
  double gamma = 1.0;  ///< >= 0; not used by linear
  double c0 = 1.0;     ///< polynomial only
  int degree = 3;      ///< polynomial only, >= 0
};

/// What one call hands to the kernels of an instruction set. Weights are padded with zeros to whole
/// panels and whole vectors.
template <class T>
struct kernel_sums_task {
  T const* queries;
  T const* query_norm;
  std::size_t query_rows;
  T const* refs;
  T const* ref_norm;
  std::size_t ref_rows, cols;
  kernel what;
  std::size_t sides;       ///< B, 0 when there are no weights
  std::size_t side_pitch;  ///< B, in whole vectors when above 1
  T const* weights;        // [ref row][side_pitch]
  double const* wide_weights;
  double* out;  ///< [query row][B]
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/kernel_sums.inl>
#include <limpid/simd/detail/each_set.inc>

/// out[(q - q0) * B + b] += sum_j w[j * B + b] kernel(x_q, y_j) for the rows q of x in [q0, q1) and
/// all rows j of refs; w null means B = 1 and all ones. refs: pack_rows with the default metric,
/// with column means for gaussian and laplacian, without for linear and polynomial. Exact on the
/// diagonal and between duplicates: equal rows are at distance 0. A squared distance below 1e-3
/// (double: 1e-6) of |x|^2 + |y|^2 is computed from the differences, so its relative error stays
/// below about 1e-4 (double: 1e-9). Kernel values in T (polynomial: double), w in the same type;
/// sums in double, of partial sums of at most 32 values in T per lane. Data must be finite. The
/// result does not depend on how [0, n) is cut into blocks.
template <class T>
void kernel_sums_block(packed_rows<T> const& refs, T const* x, std::ptrdiff_t ld, std::ptrdiff_t cs,
                       std::size_t q0, std::size_t q1, kernel const& what, double const* w,
                       std::size_t B, double* out) {
  if (q1 <= q0 || refs.rows == 0 || (w != nullptr && B == 0)) return;
  std::size_t const height = refs.shape.rows, lanes = refs.shape.cols;
  std::size_t const padded = refs.panels * refs.shape.cols;
  bool const wide = what.kind == kernel_kind::polynomial;
  std::size_t const sides = w == nullptr ? 0 : B;
  std::size_t const pitch = sides > 1 ? (sides + lanes - 1) / lanes * lanes : 1;
  buffer<T> const narrow_w(sides > 0 && !wide ? padded * pitch : 0);
  buffer<double> const wide_w(sides > 0 && wide ? padded * pitch : 0);
  if (sides > 0)
    for (std::size_t j = 0; j < padded; ++j)
      for (std::size_t b = 0; b < pitch; ++b) {
        double const v = j < refs.rows && b < sides ? w[j * sides + b] : 0.0;
        if (wide)
          wide_w[j * pitch + b] = v;
        else
          narrow_w[j * pitch + b] = static_cast<T>(v);
      }
  std::size_t const step = detail::query_rows<T>(refs.cols, height, 512);
  std::size_t const most = q1 - q0 < step ? (q1 - q0 + height - 1) / height * height : step;
  buffer<T> const panels(most * refs.cols), norm(most);
  strided_rows<T> const source{x, ld, cs};
  for (std::size_t q = q0; q < q1; q += step) {
    std::size_t const rows = q1 - q < step ? q1 - q : step;
    detail::pack_panels(source, q, q + rows, refs.cols, height,
                        static_cast<double const*>(refs.mean.get()), false, panels.get());
    detail::panel_norms(panels.get(), (rows + height - 1) / height, refs.cols, height, norm.get());
    kernel_sums_task<T> const task{panels.get(),
                                   norm.get(),
                                   rows,
                                   refs.data.get(),
                                   refs.norm.get(),
                                   refs.rows,
                                   refs.cols,
                                   what,
                                   sides,
                                   pitch,
                                   narrow_w.get(),
                                   wide_w.get(),
                                   out + (q - q0) * (sides > 0 ? sides : 1)};
    auto const run = [&] { LIMPID_SIMD_CALL(refs.set, template kernel_sums<T>(task)); };
    run();
  }
}

#include <limpid/simd/detail/close.inc>

#endif
