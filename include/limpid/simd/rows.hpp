// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/rows.hpp
/// Rows of a row-major n x K matrix (ld elements from row to row) of T, float or double: softmax,
/// log sum exp, entropy, arg max, checks, confident guesses. One pass over memory. Each row's
/// result depends on that row alone, bit for bit, given the instruction set.
#ifndef LIMPID_SIMD_ROWS_HPP
#define LIMPID_SIMD_ROWS_HPP

#include <cmath>
#include <vector>

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

/// The guess of confident learning. With S = {k : p[i][k] >= thresholds[k] - 1e-6}, compared in
/// double: out[i] = -1 if S is empty, its member if it has one, else the lowest arg max over all
/// columns.
template <class T>
void confident_guess(T const* p, std::size_t ld, std::size_t n, std::size_t K,
                     double const* thresholds, std::int32_t* out) {
  std::vector<T> bound(K + 1);
  for (std::size_t k = 0; k < K; ++k) {
    // The smallest T that is not below thresholds[k] - 1e-6: p >= bound exactly when p >=
    // thresholds[k] - 1e-6 in double.
    double const t = thresholds[k] - 1e-6;
    if constexpr (sizeof(T) == sizeof(double)) {
      bound[k] = t;
    } else {
      bound[k] = static_cast<T>(t);
      if (static_cast<double>(bound[k]) < t)
        bound[k] = std::nextafter(bound[k], std::numeric_limits<T>::infinity());
    }
  }
  LIMPID_SIMD_CALL(
      isa(), template confident_guess<T>(p, ld, n, K, static_cast<T const*>(bound.data()), out));
}

#include <limpid/simd/detail/close.inc>

#endif
