// SPDX-License-Identifier: BSL-1.0
/// What the test of every backend asks. Replaces the global operator new: one translation unit per
/// program.
#ifndef LIMPID_TESTS_TENSOR_CHECKS_HPP
#define LIMPID_TESTS_TENSOR_CHECKS_HPP

#include <limpid/core/matrix.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace limpid_test {
inline std::size_t allocations = 0;
}

// noinline: g++ 12 else pairs the malloc that it sees with the delete that it does not, and warns
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++limpid_test::allocations;
  if (void* const block = std::malloc(size ? size : 1)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

namespace limpid_test {

/// How many blocks `f` takes from the heap.
template <class F>
std::size_t allocations_of(F const& f) {
  std::size_t const before = allocations;
  f();
  return allocations - before;
}

/// Numbers, and for reals the values whose bits are easily lost.
template <class T>
T sample(std::size_t i) {
  if constexpr (std::is_floating_point_v<T>) {
    if (i % 17 == 3) return std::numeric_limits<T>::quiet_NaN();
    if (i % 17 == 5) return -std::numeric_limits<T>::infinity();
    if (i % 17 == 7) return T{-0.0};
    if (i % 17 == 11) return std::numeric_limits<T>::denorm_min();
    return static_cast<T>(1) / static_cast<T>(i + 1);
  } else {
    if (i % 17 == 3) return (std::numeric_limits<T>::max)();
    if (i % 17 == 5) return (std::numeric_limits<T>::min)();
    return static_cast<T>(i % 101);
  }
}
template <class T>
limpid::matrix<T> sample_matrix(std::size_t rows, std::size_t cols) {
  limpid::matrix<T> m(rows, cols);
  for (std::size_t i = 0; i < rows * cols; ++i) m.data()[i] = sample<T>(i);
  return m;
}
template <class T>
limpid::vector<T> sample_vector(std::size_t size) {
  limpid::vector<T> v(size);
  for (std::size_t i = 0; i < size; ++i) v[i] = sample<T>(i);
  return v;
}
template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

/// The view of `x` is `x`: elements at their own addresses, nothing allocated. `at(x, r, c)` is x's
/// own way to them.
template <class X, class At>
void is_seen_in_place(X&& x, At const& at) {
  auto const v = limpid::view(x);
  CHECK(allocations_of([&] { (void)limpid::view(x); }) == 0);
  for (std::size_t r = 0; r < v.rows; ++r)
    for (std::size_t c = 0; c < v.cols; ++c) REQUIRE(&v(r, c) == &at(x, r, c));
}
template <class X, class At>
void vector_is_seen_in_place(X&& x, At const& at) {
  auto const v = limpid::view(x);
  CHECK(allocations_of([&] { (void)limpid::view(x); }) == 0);
  for (std::size_t i = 0; i < v.size; ++i) REQUIRE(&v[i] == &at(x, i));
}

/// An owning matrix type: made from limpid's, the same bits both ways, seen in place, const where
/// it is const.
template <class X, class At>
void matrix_type_works(At const& at, std::size_t rows = 5, std::size_t cols = 4) {
  using T = limpid::value_t<X>;
  static_assert(limpid::tensor_matrix<X> && !limpid::tensor_vector<X>);
  static_assert(limpid::makeable_matrix<X>);
  static_assert(limpid::writable_matrix<X> && !limpid::writable_matrix<X const>);
  static_assert(std::is_same_v<decltype(limpid::view(std::declval<X&>())), limpid::matrix_view<T>>);
  static_assert(std::is_same_v<decltype(limpid::view(std::declval<X const&>())),
                               limpid::matrix_view<T const>>);
  static_assert(!std::is_invocable_v<limpid::view_fn, X>);  // of a temporary owner
  static_assert(std::is_convertible_v<limpid::matrix<T>, X>);

  auto const from = sample_matrix<T>(rows, cols);
  X x = from;
  auto const v = limpid::view(x);
  REQUIRE(v.rows == rows);
  REQUIRE(v.cols == cols);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) REQUIRE(same_bits<T>(at(x, r, c), from(r, c)));
  is_seen_in_place(x, at);
  is_seen_in_place(std::as_const(x), at);
  CHECK(&limpid::detail::materialise(x) == &x);

  auto const back = limpid::to<limpid::matrix<T>>(x);
  REQUIRE(back.rows() == rows);
  REQUIRE(back.cols() == cols);
  CHECK(std::memcmp(back.data(), from.data(), rows * cols * sizeof(T)) == 0);
  X const again = limpid::to<X>(from);
  CHECK(same_bits<T>(at(again, rows - 1, 0), from(rows - 1, 0)));

  v(1, 2) = T{42};
  CHECK(at(x, 1, 2) == T{42});
}

/// The same for an owning vector type.
template <class X, class At>
void vector_type_works(At const& at, std::size_t size = 9) {
  using T = limpid::value_t<X>;
  static_assert(limpid::tensor_vector<X> && !limpid::tensor_matrix<X>);
  static_assert(limpid::makeable_vector<X>);
  static_assert(limpid::writable_vector<X> && !limpid::writable_vector<X const>);
  static_assert(std::is_same_v<decltype(limpid::view(std::declval<X&>())), limpid::vector_view<T>>);
  static_assert(std::is_same_v<decltype(limpid::view(std::declval<X const&>())),
                               limpid::vector_view<T const>>);
  static_assert(!std::is_invocable_v<limpid::view_fn, X>);
  static_assert(std::is_convertible_v<limpid::vector<T>, X>);

  auto const from = sample_vector<T>(size);
  X x = from;
  auto const v = limpid::view(x);
  REQUIRE(v.size == size);
  for (std::size_t i = 0; i < size; ++i) REQUIRE(same_bits<T>(at(x, i), from[i]));
  vector_is_seen_in_place(x, at);
  vector_is_seen_in_place(std::as_const(x), at);

  auto const back = limpid::to<limpid::vector<T>>(x);
  REQUIRE(back.size() == size);
  CHECK(std::memcmp(back.data(), from.data(), size * sizeof(T)) == 0);

  v[2] = T{42};
  CHECK(at(x, 2) == T{42});
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_TENSOR_CHECKS_HPP
