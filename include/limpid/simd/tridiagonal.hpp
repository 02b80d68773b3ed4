// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/tridiagonal.hpp
/// The heavy loops of a symmetric matrix's tridiagonal form, and of what is then done with it.
#ifndef LIMPID_SIMD_TRIDIAGONAL_HPP
#define LIMPID_SIMD_TRIDIAGONAL_HPP

#include <limpid/simd/vec.hpp>

namespace limpid::lanes {

/// Columns that are worked on at once: whole vectors of every instruction set.
inline constexpr std::size_t strip_width = 16;

/// Rows row and row + 1 become c x - s h and s x + c h.
struct plane_rotation {
  double c, s;
  std::size_t row;
};

/// T + lambda = L D L' and three vectors in T's basis.
struct resolvent_task {
  std::size_t size;
  double const* diagonal;  ///< of T
  double const* off;       ///< size + 1: off[j] joins j - 1 and j; off[0] = off[size] = 0
  double const* factor;    ///< size + 1: L(j, j - 1), 0 at both ends
  double const* inverse;   ///< 1 / D
  double const* with[3];
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/tridiagonal.inl>
#include <limpid/simd/detail/each_set.inc>

/// Over the first m rows of a lower triangle, `pitch` from row to row: A -= v q' + q v', unless v
/// is null; then p = A x.
inline void update_and_multiply(double* a, std::size_t pitch, std::size_t m, double const* v,
                                double const* q, double const* x, double* p) {
  LIMPID_SIMD_CALL(isa(), update_and_multiply(a, pitch, m, v, q, x, p));
}

/// row[c] -= vr q[c] + qr v[c].
inline void update_row(double* row, double const* v, double const* q, double vr, double qr,
                       std::size_t end) {
  LIMPID_SIMD_CALL(isa(), update_row(row, v, q, vr, qr, end));
}

/// The reflectors I - b[s] v_s v_s', s = 0..3 in order, applied to rows [0, first + 3) of a strip.
/// v_s: row first + s of a, 0 from column first + s on. cross: 4 x 4, v_s . v_t for t < s.
inline void reflect_strip(double const* a, std::size_t pitch, std::size_t first, double const* b,
                          double const* cross, double* strip) {
  LIMPID_SIMD_CALL(isa(), reflect_strip(a, pitch, first, b, cross, strip, strip_width));
}

/// Rotations of the rows of a strip, in order.
inline void rotate_strip(plane_rotation const* rotations, std::size_t count, double* strip) {
  LIMPID_SIMD_CALL(isa(), rotate_strip(rotations, count, strip, strip_width));
}

/// For each column x of a strip, y = (T + lambda)^-1 x: out[0] = x.y, out[1] = x.T y, out[2] = y.T
/// y, out[3 + k] = x.with[k]; each strip_width doubles. y: room for a strip.
inline void resolvent_strip(resolvent_task const& t, double const* strip, double* y, double* out) {
  LIMPID_SIMD_CALL(isa(), resolvent_strip(t, strip, strip_width, y, out));
}

#include <limpid/simd/detail/close.inc>

#endif
