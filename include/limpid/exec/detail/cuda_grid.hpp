// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_grid.hpp
/// What the device's primitives are written on: programs of blocks of threads. Needs no CUDA: a
/// policy that runs the blocks in a loop checks the same indices, tiles and reductions on the host.
///
/// A program is a trivially copyable struct
///
///     static constexpr char const* name;               // for errors
///     static constexpr unsigned threads;               // of a block
///     static constexpr unsigned resident;              // optional: blocks that a multiprocessor
///                                                      // should have registers for
///     template <class Block> LIMPID_HD void operator()(Block const& block) const;
///
/// and a block offers
///
///     index()                 its number
///     each(f)                 f(t) for every thread t, then a barrier
///     registers<State>()      state[t]: a State of its own for every thread, zero at first
///     shared<T>(offset)       the block's own memory, uninitialised
#ifndef LIMPID_EXEC_DETAIL_CUDA_GRID_HPP
#define LIMPID_EXEC_DETAIL_CUDA_GRID_HPP

#include <limpid/exec/policy.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

/// Before a loop: of known length, unrolled, so that arrays it indexes are registers; and so many
/// rounds at a time, 1 where its body is long.
#ifdef __CUDACC__
#define LIMPID_PRAGMA(words) _Pragma(#words)
#define LIMPID_UNROLL LIMPID_PRAGMA(unroll)
#define LIMPID_UNROLL_BY(times) LIMPID_PRAGMA(unroll times)
#else
#define LIMPID_UNROLL
#define LIMPID_UNROLL_BY(times)
#endif

namespace limpid::detail {

/// A policy on device memory that
///     launch(program, blocks, shared_bytes)            runs a program's blocks in any order
///     clear(p, bytes)                                  sets bytes to 0
///     transfer(to, to_pitch, from, from_pitch, width, rows, way)
///                                                      copies rows of `width` bytes
///     wait()                                           until all that is done
/// in the order of the calls, but perhaps later. Only transfer with a host side waits: until that
/// side may be used.
template <class P>
concept grid_policy =
    execution_policy<P> && requires { requires std::remove_cvref_t<P>::launches_grids; };

enum class transfer_way { to_device, to_host, on_device };

inline constexpr std::size_t block_memory = 48 * 1024;  ///< bytes that every device has for a block

inline constexpr std::size_t ceil_div(std::size_t a, std::size_t b) {
  return (a + b - 1) / b;
}

/// A number of rows x cols elements as a row and a column. Division of 64 bits is a loop on a
/// device, of 32 it is not.
struct element_place {
  std::size_t row, column;
};
LIMPID_HD inline element_place place_of(std::size_t at, std::size_t cols) {
  if ((at | cols) >> 32 == 0) {
    auto const a = static_cast<std::uint32_t>(at), c = static_cast<std::uint32_t>(cols);
    return {a / c, a % c};
  }
  return {at / cols, at % cols};
}

/// In any order by threads of any block: integers, so that the sum does not depend on it. Returns
/// the number before.
template <class T>
LIMPID_HD T atomic_add(T* to, T by) {
  static_assert(std::is_integral_v<T>);
#ifdef __CUDA_ARCH__
  return atomicAdd(to, by);
#else
  T const before = *to;
  *to += by;
  return before;
#endif
}
template <class T>
LIMPID_HD void atomic_min(T* to, T with) {
  static_assert(std::is_integral_v<T>);
#ifdef __CUDA_ARCH__
  atomicMin(to, with);
#else
  if (with < *to) *to = with;
#endif
}

/// For atomics: std::uint64_t is another type of the same size on some systems.
using counter = unsigned long long;

/// One element from the device.
template <class P, class T>
T fetch(P const& exec, T const* from) {
  T to;
  exec.transfer(&to, sizeof(T), from, sizeof(T), sizeof(T), 1, transfer_way::to_host);
  return to;
}

}  // namespace limpid::detail

#endif  // LIMPID_EXEC_DETAIL_CUDA_GRID_HPP
