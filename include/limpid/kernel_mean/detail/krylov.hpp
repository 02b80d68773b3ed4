// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/krylov.hpp
/// Conjugate gradients on a kernel matrix that is never stored, for several shifts at once.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_KRYLOV_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_KRYLOV_HPP

#include <limpid/core/random.hpp>
#include <limpid/ops/kernel_sums.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail::spectral {

template <memory_space S>
struct set_value {
  vector_view<double, S> to;
  double value;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = value; }
};

/// to = a x + b y.
template <memory_space S>
struct combine {
  vector_view<double, S> to;
  double a;
  vector_view<double const, S> x;
  double b;
  vector_view<double const, S> y;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = a * x[i] + b * y[i]; }
};

template <memory_space S>
struct add_product {
  vector_view<double const, S> x, y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += x[i] * y[i]; }
};

/// k(x_i, x_i).
template <class K, class T, memory_space S>
struct add_own {
  K k;
  matrix_view<T const, S> x;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += static_cast<double>(k(x.row(i), x.row(i)));
  }
};

/// As an argument: not deduced, so that a view of elements that may be written converts to it under
/// every compiler.
template <execution_policy P>
using real_column = std::type_identity_t<vector_view<double const, P::space>>;

template <execution_policy P>
double dot(P const& exec, real_column<P> x, real_column<P> y) {
  return ops::sum_rows(exec, x.size, 1, add_product<P::space>{x, y})[0];
}

template <memory_space S>
struct draw_uniform {
  vector_view<double, S> to;
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t i) const {
    to[i] = 0.5 + random_stream(seed, 0, i).uniform();
  }
};

/// v -> K v for the rows of x, by tiles; asks `on_progress` with a fixed fraction meanwhile.
template <execution_policy P, class K, class T>
struct kernel_operator {
  P const& exec;
  K const& k;
  matrix_view<T const, P::space> x;
  progress const& on_progress;
  double fraction = 0;

  bool operator()(vector_view<double const, P::space> v, vector_view<double, P::space> out) const {
    progress const still =
        on_progress ? progress([this](double) { return on_progress(fraction); }) : progress{};
    return ops::kernel_sums(
        exec, k, x, x, matrix_view<double const, P::space>(v.data, v.size, 1, v.stride, 1),
        matrix_view<double, P::space>(out.data, out.size, 1, out.stride, 1), &still);
  }
};

/// Row i of the shifted systems: x += step p, then p = part r + back p.
template <memory_space S>
struct advance_shifts {
  matrix_view<double, S> x, p;
  vector_view<double const, S> r, step, part, back;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t s = 0; s < x.cols; ++s) {
      x(i, s) += step[s] * p(i, s);
      p(i, s) = part[s] * r[i] + back[s] * p(i, s);
    }
  }
};

struct krylov_result {
  int iterations = 0;
  std::vector<double> residual;  ///< per shift, of the recursion, relative to |b|
  bool converged = false, stopped = false;
};

/// (K + shifts[s]) x_s = b for every s by one run of conjugate gradients on the smallest shift,
/// shifts[0]: the residuals of all shifted systems are multiples of one vector (Jegerlehner,
/// hep-lat/9612014). One product with K per iteration; n (2 s + 3) doubles.
template <execution_policy P, class Operator>
krylov_result shifted_gradients(P const& exec, Operator& apply, real_column<P> b,
                                std::vector<double> const& shifts, matrix_view<double, P::space> x,
                                double tolerance, int max_iterations) {
  std::size_t const n = b.size, count = shifts.size();
  auto const r = ops::make_buffer<double>(exec, n), kp = ops::make_buffer<double>(exec, n),
             shifted = ops::make_buffer<double>(exec, n * count);
  matrix_view<double, P::space> const p = shifted.view(n, count);
  ops::copy(exec, b, r.view());
  for (std::size_t s = 0; s < count; ++s) {
    ops::for_rows(exec, n, set_value<P::space>{x.col(s), 0.0});
    ops::copy(exec, b, p.col(s));
  }
  krylov_result out;
  double rr = dot(exec, r.view(), r.view());
  double const start = std::sqrt(rr);
  std::vector<double> zeta(count, 1), before(count, 1), step(count), back(count), part(count);
  double last_step = 1, last_back = 0;
  out.residual.assign(count, start > 0 ? 1 : 0);
  out.converged = !(start > 0);
  while (!out.converged && out.iterations < max_iterations) {
    if (!apply(p.col(0), kp.view())) {
      out.stopped = true;
      return out;
    }
    ops::for_rows(exec, n, combine<P::space>{kp.view(), 1, kp.view(), shifts[0], p.col(0)});
    double const curve = dot(exec, p.col(0), kp.view());
    if (!(curve > 0)) return out;  // no positive definite system, or not in double
    double const a = rr / curve;
    ops::for_rows(exec, n, combine<P::space>{r.view(), 1, r.view(), -a, kp.view()});
    double const next = dot(exec, r.view(), r.view()), again = next / rr;
    rr = next;
    ++out.iterations;
    out.converged = true;
    for (std::size_t s = 0; s < count; ++s) {
      double const sigma = shifts[s] - shifts[0];
      if (s && out.residual[s] <= 0.1 * tolerance) {  // done: its zeta would underflow in the end
        step[s] = part[s] = back[s] = 0;
        continue;
      }
      double const z =
          zeta[s] * before[s] * last_step /
          (last_step * before[s] * (1 + a * sigma) + a * last_back * (before[s] - zeta[s]));
      double const ratio = z / zeta[s];
      step[s] = a * ratio;
      back[s] = again * ratio * ratio;
      part[s] = z;
      before[s] = zeta[s];
      zeta[s] = z;
      out.residual[s] = std::abs(z) * std::sqrt(rr) / start;
      out.converged = out.converged && out.residual[s] <= tolerance;
    }
    last_step = a;
    last_back = again;
    auto const on = [&](std::vector<double> const& v) {
      return ops::upload(exec, vector_view<double const>(v.data(), v.size()));
    };
    auto const d_step = on(step), d_part = on(part), d_back = on(back);
    ops::for_rows(
        exec, n,
        advance_shifts<P::space>{x, p, r.view(), d_step.view(), d_part.view(), d_back.view()});
    double const share =
        std::log(out.residual[0] > 0 ? out.residual[0] : tolerance) / std::log(tolerance);
    apply.fraction = share > apply.fraction ? (share < 1 ? share : 1) : apply.fraction;
    if (apply.on_progress && !apply.on_progress(apply.fraction)) {
      out.stopped = true;
      return out;
    }
  }
  return out;
}

struct power_result {
  double value = 0;
  int products = 0;
  bool stopped = false;
};

/// The largest eigenvalue by the power method from a positive random start, until a round changes
/// it by less than a thousandth. Never above it.
template <execution_policy P, class Operator>
power_result largest_eigenvalue(P const& exec, Operator& apply, std::size_t n, std::uint64_t seed) {
  constexpr int most = 50;
  auto const v = ops::make_buffer<double>(exec, n), kv = ops::make_buffer<double>(exec, n);
  ops::for_rows(exec, n, draw_uniform<P::space>{v.view(), seed});
  power_result out;
  for (double last = -1; out.products < most && out.value - last > 1e-3 * out.value;) {
    last = out.products ? out.value : -1;
    double const norm = std::sqrt(dot(exec, v.view(), v.view()));
    if (!(norm > 0)) break;
    ops::for_rows(exec, n, combine<P::space>{v.view(), 1 / norm, v.view(), 0, v.view()});
    out.stopped = !apply(v.view(), kv.view());
    if (out.stopped) break;
    ++out.products;
    out.value = dot(exec, v.view(), kv.view());
    ops::copy(exec, kv.view(), v.view());
  }
  return out;
}

}  // namespace limpid::kernel_mean::detail::spectral

#endif  // LIMPID_KERNEL_MEAN_DETAIL_KRYLOV_HPP
