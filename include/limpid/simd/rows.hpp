// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/rows.hpp
/// Rows of a row-major n x K matrix (ld elements from row to row) of T, float or double: softmax,
/// log sum exp, entropy, arg max, checks. One pass over memory. Each row's
/// result depends on that row alone, bit for bit, given the instruction set.
#ifndef LIMPID_SIMD_ROWS_HPP
#define LIMPID_SIMD_ROWS_HPP

#include <cmath>

#include <limpid/simd/vec.hpp>

namespace limpid::lanes {

/// What is wrong with a row.
enum class row_fault { none, not_finite, out_of_range, bad_sum };
/// What row_check found.
struct row_report {
  std::size_t row;  ///< the first bad row, or n
  row_fault fault;
  double value;  ///< the entry or the sum that is at fault
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/rows.inl>
#include <limpid/simd/detail/each_set.inc>

/// out row = softmax of in row; out may be in. The sum is kept in T: relative error about 3e-7
/// (float) for K = 1000. Entries below e^-87 (double: e^-708) of the largest give 0. A row holding
/// NaN or +inf, or nothing but -inf, gives NaN.
template <class T>
void softmax(T const* in, std::size_t ld, T* out, std::size_t ldo, std::size_t n, std::size_t K) {
  LIMPID_SIMD_CALL(isa(), template softmax<T>(in, ld, out, ldo, n, K));
}

/// out[i] = log sum_k exp(in[i][k]), with the maximum taken out; -inf for a row of -inf.
template <class T>
void log_sum_exp(T const* in, std::size_t ld, std::size_t n, std::size_t K, T* out) {
  LIMPID_SIMD_CALL(isa(), template log_sum_exp<T>(in, ld, n, K, out));
}

/// out[i] = -sum_k p log p, in nats, 0 log 0 = 0. Entries below 0 count as 0.
template <class T>
void entropy(T const* p, std::size_t ld, std::size_t n, std::size_t K, T* out) {
  LIMPID_SIMD_CALL(isa(), template entropy<T>(p, ld, n, K, out));
}

/// out[i] = the column of the largest entry, the lowest of equal ones. NaN is passed over. K = 0
/// gives 0.
template <class T>
void arg_max(T const* in, std::size_t ld, std::size_t n, std::size_t K, std::int32_t* out) {
  LIMPID_SIMD_CALL(isa(), template arg_max<T>(in, ld, n, K, out));
}

/// The first row that is no probability distribution: an entry that is not finite, below -1e-6 or
/// above 1 + 1e-6, or a sum (in double) farther than tolerance from 1.
template <class T>
row_report row_check(T const* p, std::size_t ld, std::size_t n, std::size_t K, double tolerance) {
  LIMPID_SIMD_CALL(isa(), template row_check<T>(p, ld, n, K, tolerance));
}

#include <limpid/simd/detail/close.inc>

#endif
