// SPDX-License-Identifier: BSL-1.0
/// The device's own programs without a device: blocks and their threads in loops, on memory that
/// cannot be touched outside them. Backwards too: what one order gives and the other does not would
/// be a race.
#ifndef LIMPID_TESTS_CUDA_EMULATED_GRID_HPP
#define LIMPID_TESTS_CUDA_EMULATED_GRID_HPP

#include <limpid/exec/detail/cuda_kernels.hpp>
#include <limpid/exec/detail/cuda_nearest.hpp>
#include <limpid/exec/detail/cuda_order.hpp>
#include <limpid/exec/detail/cuda_rows.hpp>

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "support/emulated_device.hpp"

namespace limpid_test {

class emulated_block {
 public:
  emulated_block(std::size_t index, unsigned threads, unsigned char* memory, bool backwards)
      : index_(index), threads_(threads), memory_(memory), backwards_(backwards) {}

  template <class State>
  struct own_states {
    std::vector<State> of;
    State& operator[](unsigned t) { return of[t]; }
  };
  std::size_t index() const { return index_; }
  template <class F>
  void each(F const& f) const {
    for (unsigned t = 0; t < threads_; ++t) f(backwards_ ? threads_ - 1 - t : t);
  }
  template <class State>
  own_states<State> registers() const {
    return {std::vector<State>(threads_)};
  }
  template <class T>
  T* shared(std::size_t offset) const {
    return reinterpret_cast<T*>(memory_ + offset);
  }

 private:
  std::size_t index_;
  unsigned threads_;
  unsigned char* memory_;
  bool backwards_;
};

struct grid_policy {
  static constexpr limpid::memory_space space = limpid::memory_space::device;
  static constexpr bool launches_grids = true;
  bool backwards = false;

  static void* allocate(std::size_t bytes) {
    void* const block = device_pages::all().allocate(bytes);
    kernel_scope const running;
    std::memset(block, 0xa5, bytes);  // a device's memory is not zero either
    return block;
  }
  static void deallocate(void* block) noexcept { device_pages::all().deallocate(block); }
  static void wait() {}
  static void clear(void* block, std::size_t bytes) {
    kernel_scope const running;
    std::memset(block, 0, bytes);
  }
  template <class Program>
  void launch(Program const& program, std::size_t blocks, std::size_t shared_bytes) const {
    static_assert(std::is_trivially_copyable_v<Program> && sizeof(Program) <= 4096);
    if (shared_bytes > limpid::detail::block_memory) throw std::bad_alloc();
    ++launched()[Program::name];
    kernel_scope const running;
    for (std::size_t b = 0; b < blocks; ++b) {
      // allocated anew, to the byte, so that a sanitizer sees what lies beside it
      std::unique_ptr<quad[]> memory(new quad[(shared_bytes + 15) / 16]);
      std::memset(static_cast<void*>(memory.get()), 0xa5, (shared_bytes + 15) / 16 * 16);
      program(emulated_block(backwards ? blocks - 1 - b : b, Program::threads,
                             reinterpret_cast<unsigned char*>(memory.get()), backwards));
    }
  }
  /// How often each program ran.
  static std::map<std::string, int>& launched() {
    static std::map<std::string, int> names;
    return names;
  }
  static void transfer(void* to, std::size_t to_pitch, void const* from, std::size_t from_pitch,
                       std::size_t width, std::size_t rows, limpid::detail::transfer_way) {
    kernel_scope const running;
    for (std::size_t r = 0; r < rows; ++r)
      std::memcpy(static_cast<char*>(to) + r * to_pitch,
                  static_cast<char const*>(from) + r * from_pitch, width);
  }

 private:
  struct alignas(16) quad {
    unsigned char bytes[16];
  };
};
inline constexpr grid_policy grid{};
inline constexpr grid_policy grid_backwards{true};

}  // namespace limpid_test

template <>
inline constexpr bool limpid::enable_execution_policy<limpid_test::grid_policy> = true;

#endif  // LIMPID_TESTS_CUDA_EMULATED_GRID_HPP
