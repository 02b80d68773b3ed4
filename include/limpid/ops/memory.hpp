// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/memory.hpp
/// Scratch memory in a policy's space, and the only two ways across: upload and download.
#ifndef LIMPID_OPS_MEMORY_HPP
#define LIMPID_OPS_MEMORY_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/exec/policy.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace limpid::ops {

/// Uninitialised memory of `exec`'s space, freed at the end of its scope. exec must outlive it.
template <class T, execution_policy P>
class buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr memory_space space = P::space;

  buffer(P const& exec, std::size_t size)
      : exec_(&exec),
        data_(size ? static_cast<T*>(exec.allocate(size * sizeof(T))) : nullptr),
        size_(size) {}
  buffer(buffer&& other) noexcept
      : exec_(other.exec_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    std::swap(exec_, other.exec_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~buffer() {
    if (data_) exec_->deallocate(data_);
  }

  std::size_t size() const noexcept { return size_; }
  vector_view<T, space> view() const noexcept { return {data_, size_}; }
  /// As rows x cols, row-major; rows * cols <= size().
  matrix_view<T, space> view(std::size_t rows, std::size_t cols) const noexcept {
    return {data_, rows, cols};
  }

 private:
  P const* exec_;
  T* data_;
  std::size_t size_;
};

template <class T, execution_policy P>
buffer<T, P> make_buffer(P const& exec, std::size_t size) {
  return buffer<T, P>(exec, size);
}

/// copy(exec, from, to): equal extents, any strides; either side on the host or in exec's space.
struct copy_fn {
  template <execution_policy P, class From, class To>
  void operator()(P const& exec, From const& from, To const& to) const {
    kernel<copy_fn, P>::run(exec, from, to);
  }
  template <host_policy P, class T, class U>
  static void host(P const&, vector_view<T> from, vector_view<U> to) {
    for (std::size_t i = 0; i < from.size; ++i) to[i] = static_cast<U>(from[i]);
  }
  template <host_policy P, class T, class U>
  static void host(P const& exec, matrix_view<T> from, matrix_view<U> to) {
    for (std::size_t r = 0; r < from.rows; ++r) host(exec, from.row(r), to.row(r));
  }
};
inline constexpr copy_fn copy{};

/// A copy of host data in exec's space.
template <execution_policy P, class T>
buffer<std::remove_const_t<T>, P> upload(P const& exec, vector_view<T> host_data) {
  auto to = make_buffer<std::remove_const_t<T>>(exec, host_data.size);
  copy(exec, host_data, to.view());
  return to;
}
template <execution_policy P, class T>
buffer<std::remove_const_t<T>, P> upload(P const& exec, matrix_view<T> host_data) {
  auto to = make_buffer<std::remove_const_t<T>>(exec, host_data.rows * host_data.cols);
  copy(exec, host_data, to.view(host_data.rows, host_data.cols));
  return to;
}

/// A copy on the host of data in exec's space.
template <execution_policy P, class T, memory_space S>
vector<std::remove_const_t<T>> download(P const& exec, vector_view<T, S> data) {
  vector<std::remove_const_t<T>> to(data.size);
  copy(exec, data, to.view());
  return to;
}
template <execution_policy P, class T, memory_space S>
matrix<std::remove_const_t<T>> download(P const& exec, matrix_view<T, S> data) {
  matrix<std::remove_const_t<T>> to(data.rows, data.cols);
  copy(exec, data, to.view());
  return to;
}

}  // namespace limpid::ops

#endif  // LIMPID_OPS_MEMORY_HPP
