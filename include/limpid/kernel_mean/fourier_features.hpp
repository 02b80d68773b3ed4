// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/fourier_features.hpp
/// Random Fourier features: rows whose plain inner products estimate a kernel.
#ifndef LIMPID_KERNEL_MEAN_FOURIER_FEATURES_HPP
#define LIMPID_KERNEL_MEAN_FOURIER_FEATURES_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/fourier_draws.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/row_products.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/simd/trigonometry.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace limpid::kernel_mean {

/// What a frequency w is made into: cos w.x and sin w.x, or cos(w.x + b) with a random phase b.
/// Pairs give |z(x)|^2 = k(x, x) exactly and, for the Gaussian kernel, a smaller variance with the
/// same number of features.
enum class fourier_form { pairs, phases };

struct fourier_options {
  std::size_t features = 512;  ///< D >= 1; of pairs: even
  fourier_form form = fourier_form::pairs;
  bool orthogonal = false;  ///< frequencies orthogonal in blocks of d: smaller variance; for
                            ///< kernels of |x - z|_2
  std::uint64_t seed = 0;
};

/// z(x): the frequencies drawn, and all that is needed to map rows by them.
struct fourier_map {
  matrix<double> frequencies;  ///< F x d
  vector<double> phases;       ///< F, added to w.x; empty: pairs
  double scale = 0;            ///< of each cosine and sine: sqrt(k(x, x) / F); with phases
                               ///< sqrt(2 k(x, x) / F)

  /// D: columns of what is mapped; 2 F of pairs, the F cosines first.
  std::size_t features() const {
    return phases.empty() ? 2 * frequencies.rows() : frequencies.rows();
  }
};

struct fourier_features_options {
  bool validate = true;  ///< look for entries that are not finite first
};

namespace detail {

/// for_rows: cosines (and sines) of x w' + b.
template <class T, class U, memory_space S>
struct turn_row {
  matrix_view<T const, S> x;
  matrix_view<double const, S> frequencies;
  vector_view<double const, S> phases;  ///< no data: pairs
  double scale;
  matrix_view<U, S> out;
  packed_product<T> const* packed;  ///< of the vectorised host policies

  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const count = frequencies.rows;
    for (std::size_t f = 0; f < count; ++f) {
      double angle = phases.data ? phases[f] : 0;
      for (std::size_t c = 0; c < x.cols; ++c)
        angle += static_cast<double>(x(i, c)) * frequencies(f, c);
      out(i, f) = static_cast<U>(scale * std::cos(angle));
      if (!phases.data) out(i, count + f) = static_cast<U>(scale * std::sin(angle));
    }
  }

  void rows(std::size_t begin, std::size_t end) const {
    bool const pairs = !phases.data;
    constexpr std::size_t most = detail::packed_product<T>::piece;
    T turned[2 * most];
    (*packed)(x, begin, end, [&](std::size_t i, std::size_t f, std::size_t count, T const* angle) {
      if constexpr (std::is_same_v<T, U>)
        if (out.col_stride == 1) {
          U* const to = &out(i, f);
          return lanes::cosines_and_sines(angle, to, pairs ? to + frequencies.rows : nullptr, count,
                                          static_cast<T>(scale));
        }
      lanes::cosines_and_sines(angle, turned, pairs ? turned + most : nullptr, count,
                               static_cast<T>(scale));
      for (std::size_t c = 0; c < count; ++c) {
        out(i, f + c) = static_cast<U>(turned[c]);
        if (pairs) out(i, frequencies.rows + f + c) = static_cast<U>(turned[most + c]);
      }
    });
  }
};

}  // namespace detail

/// Draws the frequencies of random Fourier features,
///
///     k(x, z) = E k(0, 0) cos(w.(x - z)),    w from the kernel's spectral distribution.
///
/// Gaussian kernel: w ~ N(0, 2 gamma I). L1 Laplacian: independent Cauchy(0, gamma). Matern nu: a t
/// distribution of 2 nu degrees, over the length. Rational quadratic, Cauchy and inverse
/// multiquadric kernels are mixtures of Gaussian kernels over their width, drawn first. A product
/// of kernels adds up frequencies, a sum draws among its addends. `orthogonal`: in every block of d
/// frequencies the directions are orthogonal, uniform and the lengths independent as they were; a
/// last block may be cut.
///
/// @param kernel     a kernel_function that depends on x - z alone.
/// @param dimension  d >= 1, columns of the rows to be mapped.
/// @param options    fourier_options.
/// @return fourier_map, for fourier_features.
/// @throws input_error  kernels of x.z; orthogonal with a Laplacian of |x - z|_1; options or kernel
///         parameters out of range.
///
/// Time O(D d), orthogonal O(D d^2); memory O(D d). Draws are keyed by seed and frequency: equal on
/// every machine that rounds alike.
///
/// Source: Rahimi, Recht, "Random features for large-scale kernel machines", NIPS 2007; Yu, Suresh,
/// Choromanski, Holtmann-Rice, Kumar, "Orthogonal random features", NIPS 2016.
struct draw_fourier_fn {
  using primitives = uses<>;

  fourier_map operator()(kernel_function const& kernel, std::size_t dimension,
                         fourier_options const& options = {}) const {
    using limpid::detail::require;
    constexpr std::string_view where = "kernel_mean::draw_fourier";
    detail::check_positive(where, kernel);
    require(kernel.is_translation_invariant(), where,
            "the kernel depends on x.z; Fourier features need one of x - z alone");
    require(dimension >= 1, where, "dimension is 0; it must be at least 1");
    require(options.features >= 1, where, "features is 0; it must be at least 1");
    bool const pairs = options.form == fourier_form::pairs;
    require(!pairs || options.features % 2 == 0, where, "features is ", options.features,
            "; pairs need an even number");
    require(!options.orthogonal || !detail::has_laplacian(kernel), where,
            "orthogonal frequencies need a kernel of |x - z|_2; the Laplacian is of |x - z|_1");

    std::size_t const count = pairs ? options.features / 2 : options.features;
    fourier_map out;
    out.frequencies = matrix<double>(count, dimension);
    double const at_zero = kernel.diagonal(vector_view<double const>{});
    out.scale = std::sqrt(at_zero * (pairs ? 1.0 : 2.0) / static_cast<double>(count));
    if (!pairs) out.phases = vector<double>(count);
    if (options.orthogonal) directions(out.frequencies, options.seed);
    boost::random::normal_distribution<double> bell;
    for (std::size_t f = 0; f < count; ++f) {
      random_stream draw(options.seed, 0, f);
      if (!pairs) out.phases[f] = turn * draw.uniform();
      auto const law = detail::draw_law(kernel, draw);
      double const spread = std::sqrt(law.variance);
      bell.reset();
      double length = 0;
      for (std::size_t c = 0; c < dimension; ++c) {
        double const g = bell(draw);
        length += g * g;
        double& w = out.frequencies(f, c);
        if (!options.orthogonal) w = spread * g;
        if (law.rate > 0) w += law.rate * std::tan(turn / 2 * (draw.uniform() - 0.5));
      }
      if (options.orthogonal)
        for (std::size_t c = 0; c < dimension; ++c)
          out.frequencies(f, c) *= spread * std::sqrt(length);
    }
    return out;
  }

 private:
  static constexpr double turn = 6.283185307179586476925;

  static void directions(matrix<double>& to, std::uint64_t seed) {
    std::size_t const d = to.cols();
    boost::random::normal_distribution<double> bell;
    for (std::size_t first = 0; first < to.rows(); first += d) {
      matrix<double> block(to.rows() - first < d ? to.rows() - first : d, d);
      for (std::size_t r = 0; r < block.rows(); ++r) {
        random_stream draw(seed, 1, first + r);
        bell.reset();
        for (std::size_t c = 0; c < d; ++c) block(r, c) = bell(draw);
      }
      detail::orthonormalise_rows(block);
      for (std::size_t r = 0; r < block.rows(); ++r)
        for (std::size_t c = 0; c < d; ++c) to(first + r, c) = block(r, c);
    }
  }
};
inline constexpr draw_fourier_fn draw_fourier{};

/// Random Fourier features of rows,
///
///     pairs:   z(x) = scale [cos w_1.x ... cos w_F.x  sin w_1.x ... sin w_F.x],   D = 2 F
///     phases:  z(x) = scale [cos(w_1.x + b_1) ... cos(w_F.x + b_F)],              D = F
///
/// so that z(x).z(x') estimates k(x, x') without bias, with an error of order 1 / sqrt(D). The
/// kernel mean of a sample is then the mean row of its features, and everything that is linear in
/// phi(x) is linear algebra of n x D.
///
/// @param map  from draw_fourier, or frequencies of your own: F x d, finite; F phases or none.
/// @param x    n x d, finite.
/// @param out  n x D, optional: written instead of returned; any adapted matrix of float or double.
/// @return matrix of x's value type, n x D; with `out`, nothing.
/// @throws input_error  entries that are not finite, widths that differ.
///
/// Time O(n D d), memory O(D d) beside the result: features of many rows are made block by block.
/// Deterministic: bitwise the same for any number of threads, and a row's features do not depend on
/// the other rows. float32 instead of float64 changes a feature by less than
/// 1e-6 scale (1 + |w|_1 max |x|): centre rows that lie far from the origin.
///
/// Source: as draw_fourier.
struct fourier_features_fn {
  using primitives = uses<ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::fourier_features";

  template <execution_policy P, real_matrix X>
  matrix<value_t<X>> operator()(P const& exec, fourier_map const& map, X const& x,
                                fourier_features_options const& options = {}) const {
    limpid::detail::enter<fourier_features_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const from = view(held);
    check(exec, map, from, options);
    if constexpr (P::space == memory_space::host) {
      matrix<value_t<X>> out(from.rows, map.features());
      run(exec, map, from, out.view());
      return out;
    } else {
      auto const there = ops::make_buffer<value_t<X>>(exec, from.rows * map.features());
      run(exec, map, from, there.view(from.rows, map.features()));
      return ops::download(exec, there.view(from.rows, map.features()));
    }
  }
  template <execution_policy P, real_matrix X, class Out>
    requires writable_matrix<Out> && real_matrix<Out>
  void operator()(P const& exec, fourier_map const& map, X const& x, Out&& out,
                  fourier_features_options const& options = {}) const {
    limpid::detail::enter<fourier_features_fn, P, X, std::remove_reference_t<Out>>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const from = view(held);
    matrix_view<value_t<Out>, P::space> const to = view(out);
    check(exec, map, from, options);
    limpid::detail::require(to.rows == from.rows && to.cols == map.features(), where, "out is ",
                            to.rows, " x ", to.cols, "; ", from.rows, " rows of ", map.features(),
                            " features are to be written");
    run(exec, map, from, to);
  }

  template <real_matrix X>
  matrix<value_t<X>> operator()(fourier_map const& map, X const& x,
                                fourier_features_options const& options = {}) const {
    return (*this)(default_policy, map, x, options);
  }
  template <real_matrix X, class Out>
    requires writable_matrix<Out> && real_matrix<Out>
  void operator()(fourier_map const& map, X const& x, Out&& out,
                  fourier_features_options const& options = {}) const {
    (*this)(default_policy, map, x, out, options);
  }

 private:
  template <execution_policy P, class T>
  static void check(P const& exec, fourier_map const& map, matrix_view<T const, P::space> x,
                    fourier_features_options const& options) {
    using limpid::detail::require;
    auto const& w = map.frequencies;
    require(w.rows() >= 1, where, "map has no frequencies; draw_fourier makes them");
    require(map.phases.empty() || map.phases.size() == w.rows(), where, "map has ", w.rows(),
            " frequencies and ", map.phases.size(), " phases");
    require(map.scale > 0 && map.scale - map.scale == 0, where, "map's scale is ", map.scale,
            "; it must be above 0 and finite");
    require(x.cols == w.cols(), where, "x has ", x.cols, " columns, map was drawn for ", w.cols());
    if (!options.validate) return;
    ops::check_finite(default_policy, where, "map's frequencies", w.view());
    ops::check_finite(default_policy, where, "map's phases", map.phases.view());
    ops::check_finite(exec, where, "x", x);
  }

  template <execution_policy P, class T, class U>
  static void run(P const& exec, fourier_map const& map, matrix_view<T const, P::space> x,
                  matrix_view<U, P::space> out) {
    matrix_view<double const> const w = map.frequencies.view();
    auto const b = map.phases.empty() ? vector_view<double const>{} : map.phases.view();
    if constexpr (P::space == memory_space::host) {
      std::optional<detail::packed_product<T>> packed;
      if (P::vectorised) packed.emplace(w, b);
      ops::for_rows(
          exec, x.rows,
          detail::turn_row<T, U, P::space>{x, w, b, map.scale, out, packed ? &*packed : nullptr});
    } else {
      auto const there_w = ops::upload(exec, w);
      auto const there_b = ops::upload(exec, b);
      ops::for_rows(exec, x.rows,
                    detail::turn_row<T, U, P::space>{x, there_w.view(w.rows, w.cols),
                                                     there_b.view(), map.scale, out, nullptr});
    }
  }
};
inline constexpr fourier_features_fn fourier_features{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_FOURIER_FEATURES_HPP
