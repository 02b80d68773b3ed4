// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/kernel_check.hpp
/// The rules that a kernel's parameters keep.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_KERNEL_CHECK_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_KERNEL_CHECK_HPP

#include <limpid/core/error.hpp>
#include <limpid/ops/kernel_sums.hpp>

#include <string_view>

namespace limpid::kernel_mean::detail {

inline void check_kernel(std::string_view where, kernel_function const& k) {
  using limpid::detail::require;
  using family = kernel_function::family;
  if (k.kind != family::linear)
    require(k.gamma > 0 && k.gamma - k.gamma == 0, where, "kernel gamma is ", k.gamma,
            "; it must be above 0 and finite");
  if (k.kind != family::polynomial) return;
  require(k.offset >= 0 && k.offset - k.offset == 0, where, "kernel offset is ", k.offset,
          "; it must be at least 0 and finite");
  require(k.degree >= 1, where, "kernel degree is 0; it must be at least 1");
}

/// The user's own kernel is taken as it is.
template <kernel_like K>
void check_kernel(std::string_view, K const&) {}

/// Where a kernel has to be positive semidefinite: shrinkage, leverage scores, anything with a norm.
template <kernel_like K>
void check_positive(std::string_view where, K const& k) {
  check_kernel(where, k);
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_KERNEL_CHECK_HPP
