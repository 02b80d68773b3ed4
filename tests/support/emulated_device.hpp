// SPDX-License-Identifier: BSL-1.0
/// A device without a device: a policy with a memory space of its own whose pages cannot be touched
/// outside the primitives. An algorithm that reads device data from host code crashes here, not at
/// a customer's GPU.
#ifndef LIMPID_TESTS_SUPPORT_EMULATED_DEVICE_HPP
#define LIMPID_TESTS_SUPPORT_EMULATED_DEVICE_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/exec/policy.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/ops/memory.hpp>

#include <cstddef>
#include <map>
#include <new>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace limpid_test {

/// All pages of the emulated device, and whether they can be touched now.
class device_pages {
 public:
  static device_pages& all() {
    static device_pages pages;
    return pages;
  }
  void* allocate(std::size_t bytes) {
    auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::size_t const size = (bytes + page - 1) / page * page;
    void* const block = mmap(nullptr, size, open_ ? PROT_READ | PROT_WRITE : PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    blocks_[block] = size;
    return block;
  }
  void deallocate(void* block) noexcept {
    auto const it = blocks_.find(block);
    if (it == blocks_.end()) return;
    munmap(block, it->second);
    blocks_.erase(it);
  }
  void enter() {
    if (open_++ == 0) protect(PROT_READ | PROT_WRITE);
  }
  void leave() noexcept {
    if (--open_ == 0) protect(PROT_NONE);
  }

 private:
  void protect(int rights) noexcept {
    for (auto const& [block, size] : blocks_) mprotect(block, size, rights);
  }
  std::map<void*, std::size_t> blocks_;
  int open_ = 0;
};

struct device_policy {
  static constexpr limpid::memory_space space = limpid::memory_space::device;
  static void* allocate(std::size_t bytes) { return device_pages::all().allocate(bytes); }
  static void deallocate(void* block) noexcept { device_pages::all().deallocate(block); }
};
inline constexpr device_policy device{};

/// Inside its scope device memory can be touched: a kernel is running.
struct kernel_scope {
  kernel_scope() { device_pages::all().enter(); }
  ~kernel_scope() { device_pages::all().leave(); }
  kernel_scope(kernel_scope const&) = delete;
  kernel_scope& operator=(kernel_scope const&) = delete;
};

template <class X>
X const& as_host(X const& x) {
  return x;
}
template <class T>
limpid::vector_view<T> as_host(limpid::vector_view<T, limpid::memory_space::device> v) {
  return {v.data, v.size, v.stride};
}
template <class T>
limpid::matrix_view<T> as_host(limpid::matrix_view<T, limpid::memory_space::device> m) {
  return {m.data, m.rows, m.cols, m.row_stride, m.col_stride};
}

/// A tensor on the emulated device, for tests: owns a copy of a host matrix or vector.
template <class T>
class device_matrix {
 public:
  explicit device_matrix(limpid::matrix_view<T const> host)
      : buffer_(limpid::ops::upload(device, host)), rows_(host.rows), cols_(host.cols) {}
  auto view() const { return buffer_.view(rows_, cols_); }

 private:
  limpid::ops::buffer<T, device_policy> buffer_;
  std::size_t rows_, cols_;
};
template <class T>
class device_vector {
 public:
  explicit device_vector(limpid::vector_view<T const> host)
      : buffer_(limpid::ops::upload(device, host)) {}
  auto view() const { return buffer_.view(); }

 private:
  limpid::ops::buffer<T, device_policy> buffer_;
};

}  // namespace limpid_test

template <>
inline constexpr bool limpid::enable_execution_policy<limpid_test::device_policy> = true;

/// Every primitive: open the pages, run the reference on them, close the pages.
template <class Op>
struct limpid::kernel<Op, limpid_test::device_policy> {
  template <class... Args>
  static decltype(auto) run(limpid_test::device_policy const&, Args const&... args) {
    limpid_test::kernel_scope const running;
    return Op::host(limpid::seq, limpid_test::as_host(args)...);
  }
};

template <class T>
struct limpid::tensor_traits<limpid_test::device_matrix<T>> {
  static auto view(limpid_test::device_matrix<T> const& m) {
    return limpid::matrix_view<T const, limpid::memory_space::device>(m.view());
  }
};
template <class T>
struct limpid::tensor_traits<limpid_test::device_vector<T>> {
  static auto view(limpid_test::device_vector<T> const& v) {
    return limpid::vector_view<T const, limpid::memory_space::device>(v.view());
  }
};

#endif  // LIMPID_TESTS_SUPPORT_EMULATED_DEVICE_HPP
