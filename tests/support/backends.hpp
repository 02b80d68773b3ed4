// SPDX-License-Identifier: BSL-1.0
/// Every kind of array that a caller may hand over, one maker per kind. A maker has a name and
/// copies a host view:
///
///     auto const held = Backend::matrix(p.view());   // owns the copy; padding is filled with NaN
///     f(held.get());                                 // the backend's own object
///
/// `host_backends` is the list of all whose library is installed, `core_backends` of those without
/// any library, `library_backends` has one per library.
#ifndef LIMPID_TESTS_SUPPORT_BACKENDS_HPP
#define LIMPID_TESTS_SUPPORT_BACKENDS_HPP

#include "mdspan_double.hpp"

#include <limpid/core/matrix.hpp>
#include <limpid/tensor/mdspan.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<Eigen/Core>)
#include <limpid/tensor/eigen.hpp>
#define LIMPID_TESTS_HAVE_EIGEN 1
#endif
#if __has_include(<xtensor/xtensor.hpp>) || __has_include(<xtensor/containers/xtensor.hpp>)
#include <limpid/tensor/xtensor.hpp>
#define LIMPID_TESTS_HAVE_XTENSOR 1
#endif
#if __has_include(<boost/numeric/ublas/matrix.hpp>)
#include <limpid/tensor/ublas.hpp>
#define LIMPID_TESTS_HAVE_UBLAS 1
#endif
#if __has_include(<boost/multi_array.hpp>)
#include <limpid/tensor/multi_array.hpp>
#define LIMPID_TESTS_HAVE_MULTI_ARRAY 1
#endif

namespace limpid_test {

/// What padding holds: a value that spoils every result it gets into.
template <class T>
constexpr T poison() {
  if constexpr (std::is_floating_point_v<T>)
    return std::numeric_limits<T>::quiet_NaN();
  else
    return (std::numeric_limits<T>::max)();
}

/// Owns `owner`; get() is what `see` makes of it.
template <class Owner, class See>
struct held {
  Owner owner;
  See see;
  decltype(auto) get() const { return see(owner); }
};
template <class Owner, class See>
held(Owner, See) -> held<Owner, See>;

template <class T, class To>
void fill(limpid::matrix_view<T const> from, To&& to) {
  for (std::size_t r = 0; r < from.rows; ++r)
    for (std::size_t c = 0; c < from.cols; ++c) to(r, c) = from(r, c);
}
template <class T, class To>
void fill(limpid::vector_view<T const> from, To&& to) {
  for (std::size_t i = 0; i < from.size; ++i) to(i) = from[i];
}

/// `from` at row_step and col_step in fresh memory that is poison elsewhere; 1 poison before and
/// behind.
template <class T>
std::vector<T> spread(limpid::matrix_view<T const> from, std::size_t row_step,
                      std::size_t col_step) {
  std::size_t const size =
      from.rows && from.cols ? (from.rows - 1) * row_step + (from.cols - 1) * col_step + 1 : 0;
  std::vector<T> memory(size + 2, poison<T>());
  for (std::size_t r = 0; r < from.rows; ++r)
    for (std::size_t c = 0; c < from.cols; ++c)
      memory[1 + r * row_step + c * col_step] = from(r, c);
  return memory;
}
template <class T>
std::vector<T> spread(limpid::vector_view<T const> from, std::size_t step) {
  return spread(limpid::matrix_view<T const>(from.data, from.size, 1, from.stride, 1), step, 1);
}

inline constexpr auto itself = [](auto const& x) -> auto const& { return x; };

// Without a library -------------------------------------------------------------------------------

/// Pointers into padded rows.
struct pointer_backend {
  static constexpr char const* name = "pointer, padded rows";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    std::size_t const step = m.cols + 3;
    return held{spread(m, step, 1), [r = m.rows, c = m.cols, step](std::vector<T> const& x) {
                  return limpid::matrix_view<T const>(x.data() + 1, r, c,
                                                      static_cast<std::ptrdiff_t>(step), 1);
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    return held{spread(v, 3), [n = v.size](std::vector<T> const& x) {
                  return limpid::vector_view<T const>(x.data() + 1, n, 3);
                }};
  }
};

/// Last row first in memory: negative strides.
struct reversed_backend {
  static constexpr char const* name = "pointer, negative strides";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    auto const step = static_cast<std::ptrdiff_t>(m.cols + 1);
    auto const last = m.rows ? static_cast<std::ptrdiff_t>(m.rows - 1) : 0;
    limpid::matrix_view<T const> const flipped(m.data + last * m.row_stride, m.rows, m.cols,
                                               -m.row_stride, m.col_stride);
    return held{spread(flipped, m.cols + 1, 1),
                [r = m.rows, c = m.cols, step, last](std::vector<T> const& x) {
                  return limpid::matrix_view<T const>(x.data() + 1 + last * step, r, c, -step, 1);
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    auto const last = v.size ? static_cast<std::ptrdiff_t>(v.size - 1) : 0;
    limpid::vector_view<T const> const flipped(v.data + last * v.stride, v.size, -v.stride);
    return held{spread(flipped, 2), [n = v.size, last](std::vector<T> const& x) {
                  return limpid::vector_view<T const>(x.data() + 1 + last * 2, n, -2);
                }};
  }
};

struct own_backend {
  static constexpr char const* name = "limpid::matrix, limpid::vector";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    limpid::matrix<T> x(m.rows, m.cols);
    fill(m, x);
    return held{std::move(x), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    limpid::vector<T> x(v.size);
    for (std::size_t i = 0; i < v.size; ++i) x[i] = v[i];
    return held{std::move(x), itself};
  }
};

struct std_backend {
  static constexpr char const* name = "std::vector";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    std::vector<std::vector<T>> x(m.rows, std::vector<T>(m.cols));
    fill(m, [&](std::size_t r, std::size_t c) -> T& { return x[r][c]; });
    return held{std::move(x), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    std::vector<T> x(v.size);
    fill(v, [&](std::size_t i) -> T& { return x[i]; });
    return held{std::move(x), itself};
  }
};

struct span_backend {
  static constexpr char const* name = "std::span, column-major view";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    std::size_t const step = m.rows + 2;
    return held{spread(m, 1, step), [r = m.rows, c = m.cols, step](std::vector<T> const& x) {
                  return limpid::matrix_view<T const>(x.data() + 1, r, c, 1,
                                                      static_cast<std::ptrdiff_t>(step));
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    return held{spread(v, 1), [n = v.size](std::vector<T> const& x) {
                  return std::span<T const>(x.data() + 1, n);
                }};
  }
};

struct nested_backend {
  static constexpr char const* name = "nested pointers";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    struct rows {
      std::vector<std::vector<T>> row;
      std::vector<T const*> first;
    };
    rows x{std::vector<std::vector<T>>(m.rows, std::vector<T>(m.cols + 1, poison<T>())), {}};
    fill(m, [&](std::size_t r, std::size_t c) -> T& { return x.row[r][c]; });
    for (auto const& row : x.row) x.first.push_back(row.data());
    return held{std::move(x), [r = m.rows, c = m.cols](rows const& own) {
                  return limpid::nested_rows<T>{own.first.data(), r, c};
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    return held{spread(v, 1), [n = v.size](std::vector<T> const& x) {
                  return limpid::vector_view<T const>(x.data() + 1, n);
                }};
  }
};

template <class Layout>
struct mdspan_backend {
  static constexpr char const* name = std::is_same_v<Layout, layout_right> ? "mdspan, layout_right"
                                      : std::is_same_v<Layout, layout_left>
                                          ? "mdspan, layout_left"
                                          : "mdspan, layout_stride";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    int const r = static_cast<int>(m.rows), c = static_cast<int>(m.cols);
    typename Layout::template mapping<extents<2>> map{};
    map.extents = {{r, c}};
    if constexpr (std::is_same_v<Layout, layout_stride>) map.steps = {2 * c + 1, 2};
    return held{
        spread(m, static_cast<std::size_t>(map.stride(0)), static_cast<std::size_t>(map.stride(1))),
        [map](std::vector<T> const& x) { return mdspan<T const, 2, Layout>(x.data() + 1, map); }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    typename Layout::template mapping<extents<1>> map{};
    map.extents = {{static_cast<int>(v.size)}};
    if constexpr (std::is_same_v<Layout, layout_stride>) map.steps = {4};
    return held{spread(v, static_cast<std::size_t>(map.stride(0))), [map](std::vector<T> const& x) {
                  return mdspan<T const, 1, Layout>(x.data() + 1, map);
                }};
  }
};

using core_backends = std::tuple<own_backend, pointer_backend, reversed_backend, std_backend,
                                 span_backend, nested_backend, mdspan_backend<layout_right>,
                                 mdspan_backend<layout_left>, mdspan_backend<layout_stride>>;

// Eigen -------------------------------------------------------------------------------------------

#if defined(LIMPID_TESTS_HAVE_EIGEN)
namespace eigen {
template <class T, int Order = Eigen::ColMajor>
using dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Order>;
template <class T>
using column = Eigen::Matrix<T, Eigen::Dynamic, 1>;
inline Eigen::Index index(std::size_t n) {
  return static_cast<Eigen::Index>(n);
}

/// A copy with `margin` poisoned rows and columns before and behind, at every `step`-th element.
template <class M, class T>
M padded(limpid::matrix_view<T const> from, std::size_t margin, std::size_t step = 1) {
  M x = M::Constant(index(from.rows * step + 2 * margin), index(from.cols * step + 2 * margin),
                    poison<T>());
  for (std::size_t r = 0; r < from.rows; ++r)
    for (std::size_t c = 0; c < from.cols; ++c)
      x(index(margin + r * step), index(margin + c * step)) = from(r, c);
  return x;
}
template <class T>
column<T> copy_of(limpid::vector_view<T const> from, std::size_t margin = 0, std::size_t step = 1) {
  column<T> x = column<T>::Constant(index(from.size * step + 2 * margin), poison<T>());
  for (std::size_t i = 0; i < from.size; ++i) x(index(margin + i * step)) = from[i];
  return x;
}
}  // namespace eigen

template <int Order>
struct eigen_backend {
  static constexpr char const* name =
      Order == Eigen::RowMajor ? "Eigen, row-major" : "Eigen, column-major";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    return held{eigen::padded<eigen::dense<T, Order>>(m, 0), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    if constexpr (Order == Eigen::ColMajor)
      return held{eigen::copy_of(v), itself};
    else
      return held{Eigen::Array<T, 1, Eigen::Dynamic>(eigen::copy_of(v).transpose().array()),
                  itself};
  }
};
struct eigen_block_backend {
  static constexpr char const* name = "Eigen::Block";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    return held{eigen::padded<eigen::dense<T>>(m, 2),
                [r = eigen::index(m.rows), c = eigen::index(m.cols)](auto const& x) {
                  return x.block(2, 2, r, c);
                }};
  }
  /// A row of a column-major matrix: elements lie apart.
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    eigen::dense<T> x = eigen::dense<T>::Constant(3, eigen::index(v.size), poison<T>());
    for (std::size_t i = 0; i < v.size; ++i) x(1, eigen::index(i)) = v[i];
    return held{std::move(x), [](auto const& own) { return own.row(1); }};
  }
};
struct eigen_transpose_backend {
  static constexpr char const* name = "Eigen::Transpose";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    return held{eigen::padded<eigen::dense<T>>(m.transposed(), 0),
                [](auto const& x) { return x.transpose(); }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    return held{eigen::copy_of(v), [](auto const& x) { return x.transpose(); }};
  }
};
struct eigen_map_backend {
  static constexpr char const* name = "Eigen::Map, strided";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    using stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    std::size_t const step = 2 * m.cols + 1;
    return held{spread(m, step, 2), [r = eigen::index(m.rows), c = eigen::index(m.cols),
                                     step = eigen::index(step)](std::vector<T> const& x) {
                  return Eigen::Map<eigen::dense<T, Eigen::RowMajor> const, 0, stride>(
                      x.data() + 1, r, c, stride(step, 2));
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    using stride = Eigen::InnerStride<>;
    return held{spread(v, 2), [n = eigen::index(v.size)](std::vector<T> const& x) {
                  return Eigen::Map<eigen::column<T> const, 0, stride>(x.data() + 1, n, stride(2));
                }};
  }
};
struct eigen_ref_backend {
  static constexpr char const* name = "Eigen::Ref";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    using ref = Eigen::Ref<eigen::dense<T> const>;
    return held{eigen::padded<eigen::dense<T>>(m, 1),
                [r = eigen::index(m.rows), c = eigen::index(m.cols)](auto const& x) {
                  return ref(x.block(1, 1, r, c));
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    using ref = Eigen::Ref<eigen::column<T> const>;
    return held{eigen::copy_of(v, 1),
                [n = eigen::index(v.size)](auto const& x) { return ref(x.segment(1, n)); }};
  }
};
struct eigen_expression_backend {
  static constexpr char const* name = "Eigen, lazy expression";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    eigen::dense<T> x = eigen::padded<eigen::dense<T>>(m, 0).colwise().reverse().eval();
    return held{std::move(x), [](auto const& own) { return own.colwise().reverse(); }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    eigen::column<T> x = eigen::copy_of(v).reverse().eval();
    return held{std::move(x), [](auto const& own) { return own.reverse(); }};
  }
};
using eigen_backends = std::tuple<eigen_backend<Eigen::RowMajor>, eigen_backend<Eigen::ColMajor>,
                                  eigen_block_backend, eigen_transpose_backend, eigen_map_backend,
                                  eigen_ref_backend, eigen_expression_backend>;
#else
using eigen_backends = std::tuple<>;
#endif

// xtensor -----------------------------------------------------------------------------------------

#if defined(LIMPID_TESTS_HAVE_XTENSOR)
template <xt::layout_type Layout>
struct xtensor_backend {
  static constexpr char const* name =
      Layout == xt::layout_type::row_major ? "xt::xtensor, row-major" : "xt::xtensor, column-major";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    auto x = xt::xtensor<T, 2, Layout>::from_shape({m.rows, m.cols});
    fill(m, x);
    return held{std::move(x), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    auto x = xt::xtensor<T, 1, Layout>::from_shape({v.size});
    fill(v, x);
    return held{std::move(x), itself};
  }
};
struct xarray_backend {
  static constexpr char const* name = "xt::xarray";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    auto x = xt::xarray<T>::from_shape({m.rows, m.cols});
    fill(m, x);
    return held{std::move(x), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    auto x = xt::xarray<T>::from_shape({v.size});
    fill(v, x);
    return held{std::move(x), [](xt::xarray<T> const& own) { return limpid::as_vector(own); }};
  }
};
struct xtensor_view_backend {
  static constexpr char const* name = "xt::view";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    auto x = xt::xtensor<T, 2>::from_shape({m.rows + 2, 2 * m.cols + 1});
    x.fill(poison<T>());
    fill(m, [&](std::size_t r, std::size_t c) -> T& { return x(r + 1, 2 * c + 1); });
    return held{std::move(x), [r = m.rows, c = m.cols](xt::xtensor<T, 2> const& own) {
                  return xt::view(own, xt::range(std::size_t{1}, r + 1),
                                  xt::range(std::size_t{1}, 2 * c + 1, std::size_t{2}));
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    auto x = xt::xtensor<T, 2>::from_shape({v.size, 2});
    x.fill(poison<T>());
    fill(v, [&](std::size_t i) -> T& { return x(i, 1); });
    return held{std::move(x),
                [](xt::xtensor<T, 2> const& own) { return xt::view(own, xt::all(), 1); }};
  }
};
struct xtensor_adapt_backend {
  static constexpr char const* name = "xt::adapt";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    return held{spread(m, m.cols, 1), [r = m.rows, c = m.cols](std::vector<T> const& x) {
                  return xt::adapt(x.data() + 1, r * c, xt::no_ownership(),
                                   std::array<std::size_t, 2>{r, c});
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    return held{spread(v, 1), [n = v.size](std::vector<T> const& x) {
                  return xt::adapt(x.data() + 1, n, xt::no_ownership(),
                                   std::array<std::size_t, 1>{n});
                }};
  }
};
using xtensor_backends = std::tuple<xtensor_backend<xt::layout_type::row_major>,
                                    xtensor_backend<xt::layout_type::column_major>, xarray_backend,
                                    xtensor_view_backend, xtensor_adapt_backend>;
#else
using xtensor_backends = std::tuple<>;
#endif

// Boost -------------------------------------------------------------------------------------------

#if defined(LIMPID_TESTS_HAVE_UBLAS)
namespace ublas = boost::numeric::ublas;
/// With std::vector as storage: uBLAS' own does not compile as C++20 in Boost 1.74.
template <class T, class Order = ublas::row_major>
using ublas_matrix = ublas::matrix<T, Order, std::vector<T>>;
template <class T>
using ublas_vector = ublas::vector<T, std::vector<T>>;

template <class Order>
struct ublas_backend {
  static constexpr char const* name = std::is_same_v<Order, ublas::row_major>
                                          ? "ublas::matrix, row-major"
                                          : "ublas::matrix, column-major";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    ublas_matrix<T, Order> x(m.rows, m.cols);
    fill(m, x);
    return held{std::move(x), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    ublas_vector<T> x(v.size);
    fill(v, x);
    return held{std::move(x), itself};
  }
};
struct ublas_range_backend {
  static constexpr char const* name = "ublas::matrix_range";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    ublas_matrix<T> x(m.rows + 2, m.cols + 3, poison<T>());
    fill(m, [&](std::size_t r, std::size_t c) -> T& { return x(r + 1, c + 2); });
    return held{std::move(x), [r = m.rows, c = m.cols](ublas_matrix<T> const& own) {
                  return ublas::project(own, ublas::range(1, 1 + r), ublas::range(2, 2 + c));
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    ublas_vector<T> x(v.size * 2 + 1, poison<T>());
    fill(v, [&](std::size_t i) -> T& { return x(2 * i); });
    return held{std::move(x), [n = v.size](ublas_vector<T> const& own) {
                  return ublas::project(own, ublas::slice(0, 2, n));
                }};
  }
};
using ublas_backends = std::tuple<ublas_backend<ublas::row_major>,
                                  ublas_backend<ublas::column_major>, ublas_range_backend>;
#else
using ublas_backends = std::tuple<>;
#endif

#if defined(LIMPID_TESTS_HAVE_MULTI_ARRAY)
struct multi_array_backend {
  static constexpr char const* name = "boost::multi_array";
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    boost::multi_array<T, 2> x(
        boost::extents[static_cast<std::ptrdiff_t>(m.rows)][static_cast<std::ptrdiff_t>(m.cols)]);
    fill(m, [&](std::size_t r, std::size_t c) -> T& {
      return x[static_cast<std::ptrdiff_t>(r)][static_cast<std::ptrdiff_t>(c)];
    });
    return held{std::move(x), itself};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    boost::multi_array<T, 1> x(boost::extents[static_cast<std::ptrdiff_t>(v.size)]);
    fill(v, [&](std::size_t i) -> T& { return x[static_cast<std::ptrdiff_t>(i)]; });
    return held{std::move(x), itself};
  }
};
/// Column-major storage seen through a view that takes the rows backwards and skips a margin.
struct multi_array_view_backend {
  static constexpr char const* name = "boost::multi_array, reversed view of column-major storage";
  using range = boost::multi_array_types::index_range;
  template <class T>
  static auto matrix(limpid::matrix_view<T const> m) {
    auto const r = static_cast<std::ptrdiff_t>(m.rows), c = static_cast<std::ptrdiff_t>(m.cols);
    boost::multi_array<T, 2> x(boost::extents[r + 1][c + 1], boost::fortran_storage_order());
    std::fill_n(x.data(), x.num_elements(), poison<T>());
    fill(m, [&](std::size_t i, std::size_t k) -> T& {
      return x[r - static_cast<std::ptrdiff_t>(i)][static_cast<std::ptrdiff_t>(k) + 1];
    });
    return held{std::move(x), [r, c](boost::multi_array<T, 2> const& own) {
                  return own[boost::indices[r ? range(r, 0, -1) : range(0, 0)][range(1, c + 1)]];
                }};
  }
  template <class T>
  static auto vector(limpid::vector_view<T const> v) {
    auto const n = static_cast<std::ptrdiff_t>(v.size);
    boost::multi_array<T, 1> x(boost::extents[2 * n]);
    std::fill_n(x.data(), x.num_elements(), poison<T>());
    fill(v, [&](std::size_t i) -> T& { return x[2 * static_cast<std::ptrdiff_t>(i)]; });
    return held{std::move(x), [n](boost::multi_array<T, 1> const& own) {
                  return own[boost::indices[range(0, 2 * n, 2)]];
                }};
  }
};
using multi_array_backends = std::tuple<multi_array_backend, multi_array_view_backend>;
#else
using multi_array_backends = std::tuple<>;
#endif

using host_backends = decltype(std::tuple_cat(core_backends{}, eigen_backends{}, xtensor_backends{},
                                              ublas_backends{}, multi_array_backends{}));

template <class List>
struct first_of {
  using type = std::tuple<>;
};
template <class First, class... Rest>
struct first_of<std::tuple<First, Rest...>> {
  using type = std::tuple<First>;
};
using library_backends = decltype(std::tuple_cat(
    first_of<eigen_backends>::type{}, first_of<xtensor_backends>::type{},
    first_of<ublas_backends>::type{}, first_of<multi_array_backends>::type{}));

/// Calls f.template operator()<Backend>() for every backend of the list.
template <class List, class F>
void for_each_backend(F const& f) {
  [&]<class... B>(std::tuple<B...>*) {
    (f.template operator()<B>(), ...);
  }(static_cast<List*>(nullptr));
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_SUPPORT_BACKENDS_HPP
