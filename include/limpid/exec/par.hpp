// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/par.hpp
/// OpenMP threads, each on the widest instruction set. Bitwise the results of `simd`, for any
/// number of threads.
#ifndef LIMPID_EXEC_PAR_HPP
#define LIMPID_EXEC_PAR_HPP

#ifndef _OPENMP
#error "limpid/exec/par.hpp needs OpenMP: compile with -fopenmp, or link limpid::openmp in CMake"
#endif

#include <limpid/exec/policy.hpp>

#include <omp.h>

#include <cstddef>
#include <exception>

namespace limpid {

struct par_policy {
  static constexpr memory_space space = memory_space::host;
  static constexpr bool vectorised = true;
  int threads = 0;  ///< 0 = OpenMP's own choice. Changes speed, never results.

  static void* allocate(std::size_t bytes) { return detail::allocate_host(bytes); }
  static void deallocate(void* block) noexcept { detail::deallocate_host(block); }
  template <class Tile>
  void for_tiles(std::size_t count, Tile const& tile) const {
    int const wanted = threads > 0 ? threads : omp_get_max_threads();
    if (count < 2 || wanted < 2 || omp_in_parallel()) {
      for (std::size_t t = 0; t < count; ++t) tile(t);
      return;
    }
    std::exception_ptr failure;
    auto const last = static_cast<std::ptrdiff_t>(count);
#pragma omp parallel for schedule(dynamic) num_threads(wanted)
    for (std::ptrdiff_t t = 0; t < last; ++t) {
      try {
        tile(static_cast<std::size_t>(t));
      } catch (...) {
#pragma omp critical(limpid_par_failure)
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }
};
template <>
inline constexpr bool enable_execution_policy<par_policy> = true;
inline constexpr par_policy par{};

}  // namespace limpid

#endif  // LIMPID_EXEC_PAR_HPP
