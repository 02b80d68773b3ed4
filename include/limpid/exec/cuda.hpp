// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/cuda.hpp
/// One CUDA device: kernels on a stream, memory from the stream's order. Bitwise the same from run
/// to run on one device; against `seq` within the tolerances that docs/cuda.md states.
#ifndef LIMPID_EXEC_CUDA_HPP
#define LIMPID_EXEC_CUDA_HPP

#ifndef __CUDACC__
#error "limpid/exec/cuda.hpp needs CUDA: compile this file with nvcc -std=c++20"
#endif

#include <limpid/exec/detail/cuda_forms.hpp>
#include <limpid/exec/detail/cuda_kernels.hpp>
#include <limpid/exec/detail/cuda_nearest.hpp>
#include <limpid/exec/detail/cuda_order.hpp>
#include <limpid/exec/detail/cuda_rows.hpp>
#include <limpid/exec/policy.hpp>

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace limpid {

/// A call of CUDA failed: "cuda: cudaMallocAsync: out of memory (cudaErrorMemoryAllocation)".
/// Kernels run later than they are called: their faults show at a later call, which is the one
/// named.
class cuda_error : public std::runtime_error {
 public:
  cuda_error(cudaError_t code, std::string const& call)
      : std::runtime_error("cuda: " + call + ": " + cudaGetErrorString(code) + " (" +
                           cudaGetErrorName(code) + ")"),
        code_(code) {}
  cudaError_t code() const noexcept { return code_; }

 private:
  cudaError_t code_;
};

/// Where the policy's scratch memory comes from, if not from limpid's own pool. `stream` orders it:
/// a block given back may still be used by what is already on the stream.
class cuda_memory {
 public:
  virtual ~cuda_memory() = default;
  virtual void* allocate(std::size_t bytes, cudaStream_t stream) = 0;
  virtual void deallocate(void* block, cudaStream_t stream) noexcept = 0;
};

namespace detail {

inline void check_cuda(cudaError_t code, char const* call, char const* of = "") {
  if (code != cudaSuccess)
    throw cuda_error(code, *of ? std::string(call) + " of " + of : std::string(call));
}

/// A pool of the current device that keeps what is given back to it: an iterative method asks for
/// the same blocks again and again, and the device's default pool would return them to the system
/// at every wait. Never destroyed: the runtime may be gone before the program's statics are.
inline cudaMemPool_t cuda_pool() {
  static constexpr int most_devices = 64;
  struct slot {
    std::once_flag once;
    cudaMemPool_t pool = nullptr;
  };
  static slot slots[most_devices];
  int device = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  check_cuda(device < most_devices ? cudaSuccess : cudaErrorInvalidDevice, "cuda_pool");
  slot& mine = slots[device];
  std::call_once(mine.once, [&] {
    cudaMemPoolProps props{};
    props.allocType = cudaMemAllocationTypePinned;
    props.location.type = cudaMemLocationTypeDevice;
    props.location.id = device;
    check_cuda(cudaMemPoolCreate(&mine.pool, &props), "cudaMemPoolCreate");
    std::uint64_t keep = ~std::uint64_t{0};
    check_cuda(cudaMemPoolSetAttribute(mine.pool, cudaMemPoolAttrReleaseThreshold, &keep),
               "cudaMemPoolSetAttribute");
  });
  return mine.pool;
}

/// A block of threads; see cuda_grid.hpp.
struct cuda_block {
  unsigned char* memory;

  template <class State>
  struct own_state {
    State state{};
    LIMPID_HD State& operator[](unsigned) { return state; }
  };

  LIMPID_HD std::size_t index() const {
#ifdef __CUDA_ARCH__
    return blockIdx.x;
#else
    return 0;
#endif
  }
  template <class F>
  LIMPID_HD void each([[maybe_unused]] F const& f) const {
#ifdef __CUDA_ARCH__
    f(threadIdx.x);
    __syncthreads();
#endif
  }
  template <class State>
  LIMPID_HD own_state<State> registers() const {
    return {};
  }
  template <class T>
  LIMPID_HD T* shared(std::size_t offset) const {
    return reinterpret_cast<T*>(memory + offset);
  }
};

template <class Program>
constexpr unsigned resident_blocks() {
  if constexpr (requires { Program::resident; })
    return Program::resident;
  else
    return 1;
}

template <class Program>
__global__ void __launch_bounds__(Program::threads, resident_blocks<Program>())
    cuda_program(Program const program) {
  extern __shared__ __align__(16) unsigned char limpid_block_memory[];
  program(cuda_block{limpid_block_memory});
}

}  // namespace detail

/// limpid::cuda{stream}: the current device, which must be the stream's; limpid::cuda{}: on the
/// default stream.
/// `memory`, if given, must outlive every call. Calls return when their host results are there;
/// results on the device are ready in the stream's order.
struct cuda_policy {
  static constexpr memory_space space = memory_space::device;
  static constexpr bool launches_grids = true;

  cudaStream_t stream = nullptr;
  cuda_memory* memory = nullptr;

  void* allocate(std::size_t bytes) const {
    if (memory) return memory->allocate(bytes, stream);
    void* block = nullptr;
    detail::check_cuda(cudaMallocFromPoolAsync(&block, bytes, detail::cuda_pool(), stream),
                       "cudaMallocFromPoolAsync");
    return block;
  }
  void deallocate(void* block) const noexcept {
    if (memory)
      memory->deallocate(block, stream);
    else
      (void)cudaFreeAsync(block, stream);
  }
  /// Gives the memory that limpid's pool of the current device keeps for later calls back to the
  /// system.
  static void release_memory() {
    detail::check_cuda(cudaMemPoolTrimTo(detail::cuda_pool(), 0), "cudaMemPoolTrimTo");
  }

  void wait() const { detail::check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); }

  // What the primitives are written on; see exec/detail/cuda_grid.hpp

  template <class Program>
  void launch(Program const& program, std::size_t blocks, std::size_t shared_bytes) const {
    static_assert(
        std::is_trivially_copyable_v<Program> && sizeof(Program) <= 4096,
        "limpid: what runs on a device is passed as a kernel argument of at most 4096 bytes");
    if (blocks == 0) return;
    detail::check_cuda(blocks <= 0x7fffffffu ? cudaSuccess : cudaErrorInvalidConfiguration,
                       "launch", Program::name);
    void* arguments[] = {const_cast<Program*>(&program)};
    detail::check_cuda(
        cudaLaunchKernel(reinterpret_cast<void const*>(&detail::cuda_program<Program>),
                         dim3(static_cast<unsigned>(blocks)), dim3(Program::threads), arguments,
                         shared_bytes, stream),
        "launch", Program::name);
  }
  void clear(void* block, std::size_t bytes) const {
    detail::check_cuda(cudaMemsetAsync(block, 0, bytes, stream), "cudaMemsetAsync");
  }
  void transfer(void* to, std::size_t to_pitch, void const* from, std::size_t from_pitch,
                std::size_t width, std::size_t rows, detail::transfer_way way) const {
    if (width == 0 || rows == 0) return;
    cudaMemcpyKind const kind = way == detail::transfer_way::on_device   ? cudaMemcpyDeviceToDevice
                                : way == detail::transfer_way::to_device ? cudaMemcpyHostToDevice
                                                                         : cudaMemcpyDeviceToHost;
    constexpr std::size_t most_pitch = 0x7fffffffu;
    if (rows == 1 || (to_pitch == width && from_pitch == width)) {
      detail::check_cuda(cudaMemcpyAsync(to, from, width * rows, kind, stream), "cudaMemcpyAsync");
    } else if (to_pitch <= most_pitch && from_pitch <= most_pitch) {
      detail::check_cuda(
          cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, rows, kind, stream),
          "cudaMemcpy2DAsync");
    } else {
      for (std::size_t r = 0; r < rows; ++r)
        detail::check_cuda(
            cudaMemcpyAsync(static_cast<char*>(to) + r * to_pitch,
                            static_cast<char const*>(from) + r * from_pitch, width, kind, stream),
            "cudaMemcpyAsync");
    }
    if (way == detail::transfer_way::to_host ||
        (way == detail::transfer_way::to_device && !staged(from)))
      wait();
  }

 private:
  /// Pageable memory has been copied aside when the call returns; pinned and managed memory is
  /// still being read.
  static bool staged(void const* host) {
    cudaPointerAttributes attributes{};
    detail::check_cuda(cudaPointerGetAttributes(&attributes, host), "cudaPointerGetAttributes");
    return attributes.type == cudaMemoryTypeUnregistered;
  }
};
template <>
inline constexpr bool enable_execution_policy<cuda_policy> = true;

using cuda = cuda_policy;

}  // namespace limpid

#endif  // LIMPID_EXEC_CUDA_HPP
