// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/dependence.hpp
/// The two sides of a dependence measure, and its sums.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_DEPENDENCE_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_DEPENDENCE_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/picks.hpp>
#include <limpid/kernel_mean/detail/two_samples.hpp>
#include <limpid/ops/kernel_products.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean::detail {

template <memory_space S>
struct count_codes {
  vector_view<std::int32_t const, S> code;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[code[i]] += 1; }
};
template <memory_space S>
struct others_of_class {
  vector_view<std::int32_t const, S> code;
  vector_view<double const, S> count;
  vector_view<double, S> sums, diagonal;
  LIMPID_HD void operator()(std::size_t i) const {
    sums[i] = count[static_cast<std::size_t>(code[i])] - 1;
    diagonal[i] = 1;
  }
};

/// Rows b * classes + c: 1 where the row that order b puts there is of class c. Without orders b is
/// 0 and rows stay.
template <memory_space S>
struct spread_codes {
  vector_view<std::int32_t const, S> code;
  matrix_view<std::int32_t const, S> orders;
  std::size_t classes;
  matrix_view<std::int8_t, S> to;
  LIMPID_HD void operator()(std::size_t b) const {
    for (std::size_t i = 0; i < code.size; ++i) {
      auto const from = orders.data ? static_cast<std::size_t>(orders(b, i)) : i;
      for (std::size_t c = 0; c < classes; ++c)
        to(b * classes + c, i) = static_cast<std::size_t>(code[from]) == c;
    }
  }
};

/// out[b] = sum of its classes' forms.
template <memory_space S>
struct add_classes {
  vector_view<double const, S> forms;
  std::size_t classes;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t b) const {
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += forms[b * classes + c];
    out[b] = sum;
  }
};

/// Row b: a uniform order of 0..n-1; the first of everything is the order as it is.
template <memory_space S>
struct draw_order {
  matrix_view<std::int32_t, S> orders;
  std::size_t first;
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t b) const {
    random_stream draw(seed, 0, first + b);
    for (std::size_t i = 0; i < orders.cols; ++i) orders(b, i) = static_cast<std::int32_t>(i);
    if (first + b == 0) return;
    for (std::size_t i = orders.cols; i > 1; --i) {
      std::size_t const j = below(draw, static_cast<std::uint32_t>(i));
      std::int32_t const held = orders(b, i - 1);
      orders(b, i - 1) = orders(b, j);
      orders(b, j) = held;
    }
  }
};

/// out[b] = sum_i a[i] c[order b of i].
template <memory_space S>
struct dot_in_order {
  vector_view<double const, S> a, c;
  matrix_view<std::int32_t const, S> orders;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t b) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.size; ++i)
      sum += a[i] * c[static_cast<std::size_t>(orders(b, i))];
    out[b] = sum;
  }
};

/// sum_rows over two sides' sums and diagonals: what the statistics are made of.
template <memory_space S>
struct add_sides {
  vector_view<double const, S> a, a_own, b, b_own;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += a[i];
    sums[1] += b[i];
    sums[2] += a[i] * b[i];
    sums[3] += a_own[i] * b_own[i];
    sums[4] += (a[i] + a_own[i]) * (b[i] + b_own[i]);
    sums[5] += a_own[i];
    sums[6] += b_own[i];
  }
};

/// Rows with a kernel. `sums`: of its matrix's rows without diagonal.
template <execution_policy P, class K, class T>
struct kernel_side {
  using value = T;
  P const& exec;
  K const& k;
  matrix_view<T const, P::space> x;
  ops::buffer<double, P> sums, diagonal;

  kernel_side(P const& e, K const& kernel, matrix_view<T const, P::space> rows)
      : exec(e),
        k(kernel),
        x(rows),
        sums(ops::make_buffer<double>(e, rows.rows)),
        diagonal(ops::make_buffer<double>(e, rows.rows)) {}
  bool prepare(progress const& told) {
    ops::for_rows(exec, x.rows, put_diagonal<K, T, P::space>{k, x, diagonal.view()});
    return sums_without_diagonal(exec, k, x, sums.view(), told);
  }
  /// With this side in other orders; no orders: once, as it is. Any kernel on the other side.
  template <class L, class U>
  bool products(L const& l, matrix_view<U const, P::space> y,
                matrix_view<std::int32_t const, P::space> orders, vector_view<double, P::space> out,
                progress const& told) const {
    return ops::kernel_products(exec, l, y, k, x, orders, out, &told);
  }
  std::size_t bytes_per_order() const { return sizeof(std::int32_t); }
};

/// Labels with the kernel [y_i = y_j].
template <execution_policy P>
struct label_side {
  P const& exec;
  vector_view<std::int32_t const, P::space> code;
  std::size_t classes;
  ops::buffer<double, P> sums, diagonal;

  label_side(P const& e, vector_view<std::int32_t const, P::space> labels, std::size_t count)
      : exec(e),
        code(labels),
        classes(count),
        sums(ops::make_buffer<double>(e, labels.size)),
        diagonal(ops::make_buffer<double>(e, labels.size)) {}
  bool prepare(progress const&) {
    auto const counts = ops::sum_rows(exec, code.size, classes, count_codes<P::space>{code});
    auto const held = ops::upload(exec, vector_view<double const>(counts.data(), classes));
    ops::for_rows(exec, code.size,
                  others_of_class<P::space>{code, held.view(), sums.view(), diagonal.view()});
    return true;
  }
  template <class L, class U>
  bool products(L const& l, matrix_view<U const, P::space> y,
                matrix_view<std::int32_t const, P::space> orders, vector_view<double, P::space> out,
                progress const& told) const {
    std::size_t const n = code.size, columns = out.size * classes;
    auto const store = ops::make_buffer<std::int8_t>(exec, columns * n);
    auto const forms = ops::make_buffer<double>(exec, columns);
    auto const rows = store.view(columns, n);
    ops::for_rows(exec, out.size, spread_codes<P::space>{code, orders, classes, rows});
    if (!ops::quadratic_forms(exec, l, y,
                              matrix_view<std::int8_t const, P::space>(rows).transposed(),
                              forms.view(), &told))
      return false;
    ops::for_rows(exec, out.size, add_classes<P::space>{forms.view(), classes, out});
    return true;
  }
  std::size_t bytes_per_order() const {
    return sizeof(std::int32_t) + classes * (1 + sizeof(double));
  }
};

struct dependence_sums {
  double n = 0, a = 0, b = 0, along = 0, own = 0, along_full = 0, a_own = 0, b_own = 0, cross = 0;

  /// tr(K H L H) / n^2.
  double biased() const {
    return (cross + own - 2 / n * along_full + (a + a_own) * (b + b_own) / (n * n)) / (n * n);
  }
  /// Song's, from the sum of products and the inner product of the row sums; n >= 4.
  double unbiased(double products, double inner) const {
    return (products + a * b / ((n - 1) * (n - 2)) - 2 / (n - 2) * inner) / (n * (n - 3));
  }
  double unbiased() const { return unbiased(cross, along); }
};

/// The sums of two sides that are prepared; `cross` too. False if stopped.
template <execution_policy P, class K, class T, class Side>
bool sum_sides(P const& exec, kernel_side<P, K, T> const& x, Side const& y, dependence_sums& out,
               progress const& told) {
  auto const s = ops::sum_rows(
      exec, x.x.rows, 7,
      add_sides<P::space>{x.sums.view(), x.diagonal.view(), y.sums.view(), y.diagonal.view()});
  out.n = static_cast<double>(x.x.rows);
  out.a = s[0], out.b = s[1], out.along = s[2], out.own = s[3], out.along_full = s[4];
  out.a_own = s[5], out.b_own = s[6];
  auto const cross = ops::make_buffer<double>(exec, 1);
  if (!y.products(x.k, x.x, matrix_view<std::int32_t const, P::space>{}, cross.view(), told))
    return false;
  out.cross = ops::download(exec, cross.view())[0];
  return true;
}

/// The calls of a measure of dependence, of x with rows y or with labels. `Fn` gives `where` and
/// `least_rows`, and does what is left once both sides are checked:
///     template <execution_policy P, class First, class Second>
///     static Result run(P const& exec, First& first, Second& second, Options const& options);
template <class Fn, class Result, class Options>
struct dependence_measure {
  template <execution_policy P, kernel_like K, real_matrix X, kernel_like L, real_matrix Y>
  Result operator()(P const& exec, K const& kernel_x, X const& x, L const& kernel_y, Y const& y,
                    Options const& options = {}) const {
    limpid::detail::enter<Fn, P, X, Y>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<X> const, P::space> const px = view(held_x);
    matrix_view<value_t<Y> const, P::space> const py = view(held_y);
    check(exec, kernel_x, px, options);
    check_positive(Fn::where, kernel_y);
    ops::check_rows(Fn::where, "x", px.rows, "y", py.rows);
    if (options.validate) ops::check_finite(exec, Fn::where, "y", py);
    kernel_side<P, K, value_t<X>> first(exec, kernel_x, px);
    kernel_side<P, L, value_t<Y>> second(exec, kernel_y, py);
    return Fn::run(exec, first, second, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, label_vector Y>
  Result operator()(P const& exec, K const& kernel_x, X const& x, Y const& labels,
                    std::size_t classes, Options const& options = {}) const {
    limpid::detail::enter<Fn, P, X, Y>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(labels);
    matrix_view<value_t<X> const, P::space> const px = view(held_x);
    vector_view<value_t<Y> const, P::space> const py = view(held_y);
    check(exec, kernel_x, px, options);
    limpid::detail::require(classes >= 1, Fn::where, "classes is 0; it must be at least 1");
    ops::check_rows(Fn::where, "x", px.rows, "labels", py.size);
    auto const codes = ops::check_labels(exec, Fn::where, "labels", py, classes);
    kernel_side<P, K, value_t<X>> first(exec, kernel_x, px);
    label_side<P> second(exec, codes.view(), classes);
    return Fn::run(exec, first, second, options);
  }
  template <kernel_like K, real_matrix X, kernel_like L, real_matrix Y>
  Result operator()(K const& kernel_x, X const& x, L const& kernel_y, Y const& y,
                    Options const& options = {}) const {
    return (*this)(default_policy, kernel_x, x, kernel_y, y, options);
  }
  template <kernel_like K, real_matrix X, label_vector Y>
  Result operator()(K const& kernel_x, X const& x, Y const& labels, std::size_t classes,
                    Options const& options = {}) const {
    return (*this)(default_policy, kernel_x, x, labels, classes, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T>
  static void check(P const& exec, K const& k, matrix_view<T const, P::space> x,
                    Options const& options) {
    check_positive(Fn::where, k);
    limpid::detail::require(x.rows >= Fn::least_rows, Fn::where, "x has ", x.rows,
                            " rows; it needs at least ", Fn::least_rows);
    if (options.validate) ops::check_finite(exec, Fn::where, "x", x);
  }
};

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_DEPENDENCE_HPP
