// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/kernel_check.hpp
/// The rules that a kernel's parameters keep.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_KERNEL_CHECK_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_KERNEL_CHECK_HPP

#include <limpid/core/error.hpp>
#include <limpid/ops/kernel_sums.hpp>

#include <string_view>

namespace limpid::kernel_mean::detail {

/// part: its number in a combination, from 1; 0: the kernel is no combination.
inline void check_part(std::string_view where, kernel_part const& k, unsigned part) {
  using limpid::detail::require;
  using family = kernel_part::family;
  auto const finite = [](double v) { return v - v == 0; };
  auto const check = [&](bool holds, std::string_view name, double value, std::string_view rule) {
    if (part)
      require(holds, where, "kernel part ", part, ": ", name, " is ", value, "; it must be ", rule);
    else
      require(holds, where, "kernel ", name, " is ", value, "; it must be ", rule);
  };
  auto const above_zero = [&](std::string_view name, double value) {
    check(value > 0 && finite(value), name, value, "above 0 and finite");
  };
  switch (k.kind) {
    case family::linear:
    case family::combination:
      return;
    case family::gaussian:
    case family::laplacian:
      return above_zero("gamma", k.gamma);
    case family::polynomial:
      above_zero("gamma", k.gamma);
      check(k.offset >= 0 && finite(k.offset), "offset", k.offset, "at least 0 and finite");
      return check(k.degree >= 1, "degree", k.degree, "at least 1");
    case family::sigmoid:
      above_zero("gamma", k.gamma);
      return check(finite(k.offset), "offset", k.offset, "finite");
    case family::inverse_multiquadric:
      above_zero("offset", k.offset);
      above_zero("exponent", k.exponent);
      return above_zero("length", k.length);
    case family::rational_quadratic:
      above_zero("exponent", k.exponent);
      return above_zero("length", k.length);
    case family::matern12:
    case family::matern32:
    case family::matern52:
    case family::cauchy:
      return above_zero("length", k.length);
  }
}

inline void check_kernel(std::string_view where, kernel_function const& k) {
  check_part(where, k, 0);
  if (k.is_combination())
    for (unsigned p = 0; p < k.count; ++p) check_part(where, k.parts[p], p + 1);
}

/// The user's own kernel is taken as it is.
template <kernel_like K>
void check_kernel(std::string_view, K const&) {}

/// Where a kernel has to be positive semidefinite: shrinkage, leverage scores, anything with a
/// norm.
template <kernel_like K>
void check_positive(std::string_view where, K const& k) {
  check_kernel(where, k);
  if constexpr (std::is_same_v<K, kernel_function>)
    limpid::detail::require(k.positive(), where,
                            "the sigmoid kernel is not positive semidefinite; take another");
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_KERNEL_CHECK_HPP
