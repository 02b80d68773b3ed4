// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/nystrom.hpp
/// Nystrom features: rows projected on the span of a few landmarks in the kernel's space.
#ifndef LIMPID_KERNEL_MEAN_NYSTROM_HPP
#define LIMPID_KERNEL_MEAN_NYSTROM_HPP

#include <limpid/kernel_mean/leverage_scores.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace limpid::kernel_mean {

/// Landmarks are drawn with equal odds, or by recursive_leverage: fewer are needed where some rows
/// lie apart from the many.
enum class landmark_draw { uniform, leverage };

struct nystrom_options {
  std::size_t landmarks = 256;  ///< s, 1..n; with leverage 4..n
  landmark_draw draw = landmark_draw::uniform;
  std::vector<std::size_t> rows = {};  ///< landmarks of your own, row numbers of x; empty: drawn
  double cut = 0;  ///< [0, 1): directions whose eigenvalue is not above this share of the largest
                   ///< are left out; 0: 1e-12, float32 rows 1e-6
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

/// z(x): the landmarks, and all that is needed to map rows by them.
template <kernel_like K, real_number T>
struct nystrom_map {
  K kernel;
  std::vector<std::size_t> landmarks;  ///< s row numbers, increasing where drawn
  matrix<T> points;                    ///< s x d, those rows
  matrix<double> factor;  ///< s x r: (k(x, points)) factor is z(x); r <= s directions, the largest
                          ///< eigenvalue's first
  double least = 0;       ///< smallest eigenvalue kept, over the largest
  vector<double> score;   ///< n, leverage scores; empty unless drawn by them
  bool stopped = false;   ///< by on_progress: nothing else is meant

  std::size_t features() const { return factor.cols(); }
};

struct nystrom_features_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

/// Chooses s landmarks S among the rows of x for Nystrom features
///
///     z(x) = k(x, S) U diag(w)^-1/2,    K_SS = U diag(w) U',
///
/// so that z(x).z(x') = k(x, S) K_SS^+ k(S, x'): the kernel of x and x' projected on the span of
/// the landmarks, exact where one of them lies in it, and never above k on the diagonal. Directions
/// with an eigenvalue within rounding are left out: duplicates among the landmarks do no harm.
///
/// @param kernel   positive semidefinite; as in evaluate.
/// @param x        n x d, n >= 1, finite.
/// @param options  nystrom_options.
/// @return nystrom_map, for nystrom_features.
/// @throws input_error  entries that are not finite, landmarks, cut or kernel parameters out of
///         range, the sigmoid kernel.
///
/// Time O(s^2 d + s^3), by leverage as recursive_leverage; memory O(s^2 + n). Deterministic:
/// bitwise the same for any number of threads; draws are keyed by seed and row.
///
/// Source: Williams, Seeger, "Using the Nystrom method to speed up kernel machines", NIPS 2000;
/// Musco, Musco, "Recursive sampling for the Nystrom method", NIPS 2017.
struct nystrom_fn {
  using primitives = uses<recursive_leverage_fn, ops::kernel_matrix_fn, ops::for_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::nystrom";

  template <execution_policy P, kernel_like K, real_matrix X>
  nystrom_map<K, value_t<X>> operator()(P const& exec, K const& kernel, X const& x,
                                        nystrom_options const& options = {}) const {
    limpid::detail::enter<nystrom_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held)), options);
  }
  template <kernel_like K, real_matrix X>
  nystrom_map<K, value_t<X>> operator()(K const& kernel, X const& x,
                                        nystrom_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T>
  static nystrom_map<K, T> run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                               nystrom_options const& o) {
    using limpid::detail::require;
    std::size_t const n = x.rows;
    detail::check_positive(where, k);
    require(o.cut >= 0 && o.cut < 1, where, "cut is ", o.cut, "; it must be in [0, 1)");
    if (o.rows.empty()) {
      std::size_t const least = o.draw == landmark_draw::leverage ? 4 : 1;
      require(o.landmarks >= least && o.landmarks <= n, where, "landmarks is ", o.landmarks,
              "; it must be from ", least, " to x's ", n, " rows");
    }
    for (std::size_t row : o.rows)
      require(row < n, where, "a landmark is row ", row, "; x has ", n);
    if (o.validate) ops::check_finite(exec, where, "x", x);

    nystrom_map<K, T> out{k, o.rows, {}, {}, 0, {}, false};
    if (o.rows.empty() && o.draw == landmark_draw::leverage) {
      auto drawn = recursive_leverage(exec, k, x,
                                      {.landmarks = o.landmarks,
                                       .seed = o.seed,
                                       .on_progress = o.on_progress,
                                       .validate = false});
      out.stopped = drawn.stopped;
      if (out.stopped) return out;
      out.landmarks = std::move(drawn.landmarks);
      out.score = std::move(drawn.score);
    } else if (o.rows.empty()) {
      auto const rows = detail::draw_rows(n, o.landmarks, nullptr, o.seed, detail::uniform_stream);
      out.landmarks.assign(rows.begin(), rows.end());
    }
    std::size_t const s = out.landmarks.size();
    std::vector<std::uint64_t> const rows(out.landmarks.begin(), out.landmarks.end());
    auto const there = detail::rows_of(exec, x, rows.data(), s);
    out.points = ops::download(exec, there.view(s, x.cols));
    ops::symmetric_matrix K_SS(s);
    out.stopped = !detail::spectral::host_kernel_matrix(
        exec, where, k, matrix_view<T const, P::space>(there.view(s, x.cols)), K_SS.view(), {});
    double const cut = o.cut > 0 ? o.cut : sizeof(T) == 4 ? 1e-6 : 1e-12;
    out.factor = detail::inverse_root(
        detail::eigen_of(detail::spectral::host_of(exec), std::move(K_SS)), cut, &out.least);
    return out;
  }
};
inline constexpr nystrom_fn nystrom{};

/// Nystrom features of rows: z(x) = k(x, S) factor, n x r.
///
/// @param map      from nystrom.
/// @param x        n x d, finite, of the landmarks' value type; any rows, not only those drawn
///                 from.
/// @param out      n x r, optional: written instead of returned; any adapted matrix of float or
///                 double.
/// @param options  nystrom_features_options.
/// @return matrix of x's value type, n x r, incomplete if on_progress stopped the work; with `out`,
///         true unless it did.
/// @throws input_error  entries that are not finite, widths that differ.
///
/// Time O(n s (d + r)); memory O(s (d + r)) and a block of rows of the kernel beside the result.
/// Deterministic: bitwise the same for any number of threads. float32 instead of float64 changes
/// z(x).z(x') by less than 1e-4 of k on the diagonal at the default cut.
///
/// Source: as nystrom.
struct nystrom_features_fn {
  using primitives = uses<ops::kernel_matrix_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::nystrom_features";

  template <execution_policy P, kernel_like K, real_number T, real_matrix X>
  matrix<value_t<X>> operator()(P const& exec, nystrom_map<K, T> const& map, X const& x,
                                nystrom_features_options const& options = {}) const {
    limpid::detail::enter<nystrom_features_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const from = view(held);
    check(exec, map, from, options);
    if constexpr (P::space == memory_space::host) {
      matrix<value_t<X>> out(from.rows, map.features());
      run(exec, map, from, out.view(), options);
      return out;
    } else {
      auto const there = ops::make_buffer<value_t<X>>(exec, from.rows * map.features());
      run(exec, map, from, there.view(from.rows, map.features()), options);
      return ops::download(exec, there.view(from.rows, map.features()));
    }
  }
  template <execution_policy P, kernel_like K, real_number T, real_matrix X, class Out>
    requires writable_matrix<Out> && real_matrix<Out>
  bool operator()(P const& exec, nystrom_map<K, T> const& map, X const& x, Out&& out,
                  nystrom_features_options const& options = {}) const {
    limpid::detail::enter<nystrom_features_fn, P, X, std::remove_reference_t<Out>>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const from = view(held);
    matrix_view<value_t<Out>, P::space> const to = view(out);
    check(exec, map, from, options);
    limpid::detail::require(to.rows == from.rows && to.cols == map.features(), where, "out is ",
                            to.rows, " x ", to.cols, "; ", from.rows, " rows of ", map.features(),
                            " features are to be written");
    return run(exec, map, from, to, options);
  }
  template <kernel_like K, real_number T, real_matrix X>
  matrix<value_t<X>> operator()(nystrom_map<K, T> const& map, X const& x,
                                nystrom_features_options const& options = {}) const {
    return (*this)(default_policy, map, x, options);
  }
  template <kernel_like K, real_number T, real_matrix X, class Out>
    requires writable_matrix<Out> && real_matrix<Out>
  bool operator()(nystrom_map<K, T> const& map, X const& x, Out&& out,
                  nystrom_features_options const& options = {}) const {
    return (*this)(default_policy, map, x, out, options);
  }

 private:
  template <execution_policy P, class K, class T, class U>
  static void check(P const& exec, nystrom_map<K, T> const& map, matrix_view<U const, P::space> x,
                    nystrom_features_options const& options) {
    static_assert(std::is_same_v<T, U>,
                  "limpid: x and the landmarks must both be float or both be double");
    using limpid::detail::require;
    require(!map.stopped && map.points.rows() >= 1, where,
            "map has no landmarks; nystrom makes them");
    require(map.factor.rows() == map.points.rows(), where, "map has ", map.points.rows(),
            " landmarks and a factor of ", map.factor.rows(), " rows");
    require(x.cols == map.points.cols(), where, "x has ", x.cols, " columns, the landmarks ",
            map.points.cols());
    if (options.validate) ops::check_finite(exec, where, "x", x);
  }

  template <execution_policy P, class K, class T, class U>
  static bool run(P const& exec, nystrom_map<K, T> const& map, matrix_view<T const, P::space> x,
                  matrix_view<U, P::space> out, nystrom_features_options const& o) {
    if constexpr (P::space == memory_space::host) {
      return project(exec, map.kernel, x, map.points.view(), map.factor.view(), out, o);
    } else {
      auto const points = ops::upload(exec, map.points.view());
      return project(exec, map.kernel, x,
                     matrix_view<T const, P::space>(points.view(map.points.rows(), x.cols)),
                     map.factor.view(), out, o);
    }
  }
  template <execution_policy P, class K, class T, class U>
  static bool project(P const& exec, K const& k, matrix_view<T const, P::space> x,
                      matrix_view<T const, P::space> points, matrix_view<double const> root,
                      matrix_view<U, P::space> out, nystrom_features_options const& o) {
    detail::placed_factor<P> const factor(exec, root);
    return detail::in_kernel_blocks(
        exec, k, x, points, o.on_progress,
        [&](std::size_t first, std::size_t last, matrix_view<double const, P::space> values) {
          ops::for_rows(exec, last - first,
                        detail::times_factor<U, P::space>{
                            values, factor.view(), out.row_block(first, last), factor.packed()});
        });
  }
};
inline constexpr nystrom_features_fn nystrom_features{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_NYSTROM_HPP
