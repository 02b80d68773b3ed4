// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/mdspan.hpp>

#include "../support/mdspan_double.hpp"
#include "checks.hpp"

#include <cstdint>
#include <vector>
#if __has_include(<mdspan>)
#include <mdspan>
#endif

namespace {

using limpid_test::layout_left;
using limpid_test::layout_maybe;
using limpid_test::layout_right;
using limpid_test::layout_stride;
using limpid_test::mdspan;

template <class Layout, std::size_t Rank>
using mapping = typename Layout::template mapping<limpid_test::extents<Rank>>;

}  // namespace

TEST_CASE_TEMPLATE("mdspan: the three layouts", T, float, double, std::int32_t, std::uint8_t) {
  std::vector<T> memory(60);
  mdspan<T, 2> const right(memory.data(), mapping<layout_right, 2>{{{3, 4}}});
  CHECK(limpid::view(right).data == memory.data());
  CHECK(limpid::view(right).row_stride == 4);
  CHECK(limpid::view(right).col_stride == 1);
  CHECK(limpid_test::allocations_of([&] { (void)limpid::view(right); }) == 0);

  mdspan<T, 2, layout_left> const left(memory.data(), mapping<layout_left, 2>{{{3, 4}}});
  CHECK(limpid::view(left).row_stride == 1);
  CHECK(limpid::view(left).col_stride == 3);

  mdspan<T, 2, layout_stride> const strided(memory.data() + 2,
                                            mapping<layout_stride, 2>{{{3, 4}}, {15, 2}});
  auto const v = limpid::view(strided);
  CHECK(v.rows == 3);
  CHECK(v.cols == 4);
  v(2, 3) = T{9};
  CHECK(memory[2 + 30 + 6] == T{9});

  mdspan<T, 1, layout_stride> const line(memory.data(), mapping<layout_stride, 1>{{{5}}, {3}});
  static_assert(limpid::tensor_vector<decltype(line)>);
  CHECK(limpid::view(line).stride == 3);
  CHECK(limpid::view(mdspan<T, 2>(memory.data(), mapping<layout_right, 2>{{{0, 4}}})).cols == 4);
}

TEST_CASE("mdspan: over a device's memory") {
  double memory[12] = {};
  mdspan<double const, 2, layout_left> const left(memory, mapping<layout_left, 2>{{{3, 4}}});
  auto const m = limpid::device_view(left);
  static_assert(
      std::is_same_v<decltype(m),
                     limpid::matrix_view<double const, limpid::memory_space::device> const>);
  CHECK(m.data == memory);
  CHECK(m.cols == 4);
  CHECK(m.row_stride == 1);
  CHECK(m.col_stride == 3);
  mdspan<double, 1, layout_stride> const line(memory, mapping<layout_stride, 1>{{{5}}, {2}});
  auto const v = limpid::device_view(line);
  static_assert(decltype(v)::space == limpid::memory_space::device);
  CHECK(v.size == 5);
  CHECK(v.stride == 2);
}

TEST_CASE("mdspan: elements say what may be written") {
  static_assert(limpid::writable_matrix<mdspan<double, 2> const>);  // a window is not its elements
  static_assert(!limpid::writable_matrix<mdspan<double const, 2>>);
  static_assert(std::is_invocable_v<limpid::view_fn, mdspan<double, 2>>);
  static_assert(!limpid::detail::has_tensor_traits<mdspan<double, 3>>);
  // what is read is not what lies in memory
  static_assert(!limpid::detail::has_tensor_traits<
                mdspan<double, 2, layout_right, limpid_test::halving_accessor<double>>>);
}

TEST_CASE("mdspan: a layout that has strides now and then") {
  std::vector<double> memory(12);
  mdspan<double, 2, layout_maybe> const with(memory.data(),
                                             mapping<layout_maybe, 2>{{{3, 4}}, true});
  CHECK(limpid::view(with).row_stride == 4);
  mdspan<double, 2, layout_maybe> const without(memory.data(),
                                                mapping<layout_maybe, 2>{{{3, 4}}, false});
  CHECK_THROWS_WITH_AS((void)limpid::view(without),
                       "mdspan: the layout has no strides; copy it into one that has",
                       limpid::input_error);
}

#if defined(__cpp_lib_mdspan)
TEST_CASE("mdspan: the standard's own") {
  std::vector<double> memory(60);
  std::mdspan const right(memory.data(), 3, 4);
  CHECK(limpid::view(right).row_stride == 4);
  std::mdspan<double, std::dextents<int, 2>, std::layout_left> const left(memory.data(), 3, 4);
  CHECK(limpid::view(left).col_stride == 3);
  std::layout_stride::mapping<std::extents<std::size_t, 3, 4>> const map(
      {}, std::array<std::size_t, 2>{15, 2});
  std::mdspan const strided(memory.data(), map);
  CHECK(limpid::view(strided).row_stride == 15);
  static_assert(limpid::writable_matrix<decltype(right)>);
}
#endif
