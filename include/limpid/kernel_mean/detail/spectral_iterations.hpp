// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/spectral_iterations.hpp
/// Landweber's iteration and the nu-method by products with a kernel matrix that is never stored,
/// and rows held out to score means on.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_SPECTRAL_ITERATIONS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_SPECTRAL_ITERATIONS_HPP

#include <limpid/kernel_mean/detail/krylov.hpp>
#include <limpid/kernel_mean/detail/spectral_filter.hpp>
#include <limpid/ops/gather.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail::spectral {

/// The rows to fit on, and those held out, both ascending: the rows with the smallest draws.
inline std::pair<std::vector<std::uint64_t>, std::vector<std::uint64_t>> split_rows(
    std::size_t n, double share, std::uint64_t seed) {
  std::vector<std::pair<double, std::uint64_t>> draws(n);
  for (std::size_t i = 0; i < n; ++i) draws[i] = {random_stream(seed, 1, i).uniform(), i};
  auto count = static_cast<std::size_t>(share * static_cast<double>(n) + 0.5);
  count = count < 1 ? 1 : count > n - 2 ? n - 2 : count;
  std::nth_element(draws.begin(), draws.begin() + static_cast<std::ptrdiff_t>(count), draws.end());
  std::vector<std::uint64_t> fit, held;
  for (std::size_t r = 0; r < n; ++r) (r < count ? held : fit).push_back(draws[r].second);
  std::sort(fit.begin(), fit.end());
  std::sort(held.begin(), held.end());
  return {std::move(fit), std::move(held)};
}

/// Copies of both groups of rows, and the kernel mean of those held out at those to fit on.
template <execution_policy P, class T>
struct held_out_rows {
  std::size_t rows, held, cols;
  ops::buffer<T, P> fit, test;
  ops::buffer<double, P> inner;  ///< rows: <k(x_i, .), mean held out>
  double norm2 = 0;              ///< of the mean held out
  bool stopped = false;

  template <class K>
  held_out_rows(P const& exec, K const& k, matrix_view<T const, P::space> x, double share,
                std::uint64_t seed, progress const& told)
      : held_out_rows(exec, k, x, split_rows(x.rows, share, seed), told) {}

  matrix_view<T const, P::space> fit_view() const { return fit.view(rows, cols); }

 private:
  using groups = std::pair<std::vector<std::uint64_t>, std::vector<std::uint64_t>>;
  template <class K>
  held_out_rows(P const& exec, K const& k, matrix_view<T const, P::space> x, groups const& split,
                progress const& told)
      : rows(split.first.size()),
        held(split.second.size()),
        cols(x.cols),
        fit(exec, rows * cols),
        test(exec, held * cols),
        inner(exec, rows) {
    auto const take = [&](std::vector<std::uint64_t> const& from, matrix_view<T, P::space> to) {
      auto const index =
          ops::upload(exec, vector_view<std::uint64_t const>(from.data(), from.size()));
      ops::gather_rows(exec, x, index.view(), to);
    };
    take(split.first, fit.view(rows, cols));
    take(split.second, test.view(held, cols));
    matrix_view<T const, P::space> const others = test.view(held, cols);
    matrix_view<double const, P::space> const plain{};
    auto const own = ops::make_buffer<double>(exec, held);
    auto const m = static_cast<double>(held);
    stopped = !ops::kernel_sums(exec, k, fit_view(), others, plain, inner.view(rows, 1), &told) ||
              !ops::kernel_sums(exec, k, others, others, plain, own.view(held, 1), &told);
    if (stopped) return;
    ops::for_rows(exec, rows,
                  combine<P::space>{inner.view(), 1 / m, inner.view(), 0, inner.view()});
    auto const one = ops::make_buffer<double>(exec, held);
    ops::for_rows(exec, held, set_value<P::space>{one.view(), 1 / (m * m)});
    norm2 = dot(exec, own.view(), one.view());
  }
};

struct iteration_end {
  double largest = 0;  ///< what stood for the largest eigenvalue
  int products = 0;
  bool stopped = false;
};

/// b after each of `steps` steps; each(step, b, K b). The largest eigenvalue is estimated from
/// below and raised by a twentieth; where the residual |K 1/n - K b| grows all the same it is
/// raised by half, and the run begins anew with step 1.
template <execution_policy P, class Operator, class Each>
iteration_end iterate_filter(P const& exec, Operator& apply, filter_shape const& f,
                             real_column<P> mean, double estimate, int steps,
                             vector_view<double, P::space> b, Each const& each) {
  constexpr auto space = P::space;
  std::size_t const n = mean.size;
  iteration_end out;
  out.largest = 1.05 * estimate;
  auto const image = ops::make_buffer<double>(exec, n), move = ops::make_buffer<double>(exec, n),
             rest = ops::make_buffer<double>(exec, n);
  double const start = std::sqrt(dot(exec, mean, mean)), from = apply.fraction;
  bool const nu = f.kind == spectral_filter::nu_method;
  for (bool whole = false; !whole;) {
    whole = true;
    ops::for_rows(exec, n, set_value<space>{b, 0.0});
    ops::for_rows(exec, n, set_value<space>{image.view(), 0.0});
    ops::for_rows(exec, n, set_value<space>{move.view(), 0.0});
    for (int i = 1; i <= steps; ++i) {
      nu_step const s(i, nu ? f.nu : 1);
      double const length = out.largest > 0 ? (nu ? s.move : f.step) / out.largest : 0;
      ops::for_rows(exec, n, combine<space>{rest.view(), 1, mean, -1, image.view()});
      ops::for_rows(
          exec, n,
          combine<space>{move.view(), nu ? s.repeat : 0, move.view(), length, rest.view()});
      ops::for_rows(exec, n, combine<space>{b, 1, b, 1, move.view()});
      if (!apply(b, image.view())) {
        out.stopped = true;
        return out;
      }
      ++out.products;
      ops::for_rows(exec, n, combine<space>{rest.view(), 1, mean, -1, image.view()});
      if (std::sqrt(dot(exec, rest.view(), rest.view())) > 1.001 * start) {
        out.largest *= 1.5;
        whole = false;
        break;
      }
      each(i, b, image.view());
      apply.fraction = from + (1 - from) * 0.5 * i / steps;
      if (apply.on_progress && !apply.on_progress(apply.fraction)) {
        out.stopped = true;
        return out;
      }
    }
  }
  return out;
}

}  // namespace limpid::kernel_mean::detail::spectral

#endif  // LIMPID_KERNEL_MEAN_DETAIL_SPECTRAL_ITERATIONS_HPP
