// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/open_set.hpp
/// Open-set label noise: samples of none of the classes under the labels of some.
#ifndef LIMPID_NOISE_OPEN_SET_HPP
#define LIMPID_NOISE_OPEN_SET_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/choose.hpp>
#include <limpid/noise/detail/draw.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/noise/symmetric.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// Options of open_set.
struct open_set_options {
  double rate = 0.2;        ///< [0, 1]: share of rows that are made wrong, in either way
  double open_share = 0.5;  ///< [0, 1]: of those, the share whose features are replaced; the rest
                            ///< changes its label
  /// K x K, row-stochastic: law of the labels of the closed-set rows, own class included; empty:
  /// all K classes alike, own included (EvidentialMix). Use symmetric_transition(K, 1) to exclude
  /// it.
  matrix<double> closed = {};
  std::uint64_t seed = 0;  ///< the same seed and labels give the same noise
};

/// What open_set returns. Rates are exact: floor(rate open_share n) rows are replaced, floor(rate
/// (1 - open_share) n) others redrawn. `realised`, `expected`, `class_rows` and `realised_rate`
/// are of the rows that were not replaced; `flipped` is 0 on those that were.
struct open_set_labels : noisy_labels {
  vector<std::size_t> replaced;  ///< rows whose features are to be replaced, ascending
  vector<std::size_t> source;    ///< as long: row of the foreign set that takes the place of each
  vector<std::int32_t> truth;    ///< n, the true class; K where replaced; -1 where unlabelled
  vector<std::size_t>
      redrawn;          ///< rows whose label was drawn anew, ascending; it may be the old one
  bool reused = false;  ///< the foreign set has fewer rows than were replaced: some come twice
};

/// Draws open-set noise: of rate n rows, a share loses its features to rows of a foreign set and
/// keeps its label; the rest keeps its features and draws a new label.
///
/// Features are the caller's: for r below result.replaced.size(), row result.replaced[r] of X
/// becomes row result.source[r] of the foreign set. Foreign rows are taken without repetition as
/// long as there are enough.
///
/// @param exec          Where to run.
/// @param labels        n true class numbers 0..K-1; negative = unlabelled: never chosen, and not
/// counted in n.
/// @param classes       K.
/// @param foreign_rows  Rows of the foreign set.
/// @return open_set_labels.
/// @throws input_error  on rate or open_share outside [0, 1], a `closed` that is not K x K or no
/// distribution, labels out of range, rows to be replaced without a foreign row.
/// @par Complexity   O(n K) time, O(n) memory; rows are chosen on the host.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
/// @par Source       R. Sachdeva et al., "EvidentialMix: learning with combined open-set and
/// closed-set noisy labels", WACV 2021.
struct open_set_fn {
  using primitives = uses<from_transition_fn>;

  template <execution_policy P, label_vector L>
  open_set_labels operator()(P const& exec, L const& labels, std::size_t classes,
                             std::size_t foreign_rows, open_set_options const& options = {}) const {
    limpid::detail::enter<open_set_fn, P, L>();
    using limpid::detail::require;
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held);
    require(classes >= 1, name, "classes is 0; give the number of classes");
    require(options.rate >= 0 && options.rate <= 1, name, "rate is ", options.rate,
            "; it must be in [0, 1]");
    require(options.open_share >= 0 && options.open_share <= 1, name, "open_share is ",
            options.open_share, "; it must be in [0, 1]");
    if (!options.closed.empty()) {
      require(options.closed.rows() == classes && options.closed.cols() == classes, name,
              "closed is ", options.closed.rows(), " x ", options.closed.cols(),
              "; it must be K x K, K = ", classes);
      ops::check_distributions(default_policy, name, "closed", options.closed.view());
    }
    auto const codes = ops::check_labels(exec, name, "labels", z, classes, true);
    return run(exec, codes.view(), classes, foreign_rows, options);
  }
  template <label_vector L>
  open_set_labels operator()(L const& labels, std::size_t classes, std::size_t foreign_rows,
                             open_set_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, foreign_rows, options);
  }

 private:
  static constexpr std::string_view name = "noise::open_set";

  template <class P, memory_space S>
  static open_set_labels run(P const& exec, vector_view<std::int32_t const, S> codes, std::size_t K,
                             std::size_t foreign, open_set_options const& options) {
    auto const before = ops::download(exec, codes);
    std::size_t const n = before.size();
    std::vector<std::size_t> labelled;
    for (std::size_t i = 0; i < n; ++i)
      if (before[i] >= 0) labelled.push_back(i);
    std::size_t const open = detail::whole_part(options.rate * options.open_share, labelled.size()),
                      closed = detail::whole_part(options.rate * (1 - options.open_share),
                                                  labelled.size());
    limpid::detail::require(open == 0 || foreign > 0, name, "foreign_rows is 0, but ", open,
                            " rows are to be replaced");
    auto const chosen =
        detail::choose_rows(labelled, open + closed, options.seed, detail::foreign_stream);

    open_set_labels r;
    r.truth = before;
    vector<std::int32_t> after = before, within = before;  // within: -1 where replaced
    std::vector<std::uint8_t> fate(n);
    for (std::size_t c = 0; c < chosen.size(); ++c) fate[chosen[c]] = c < open ? 1 : 2;
    auto law = options.closed.empty() ? symmetric_transition(K, 1, true) : options.closed;
    auto const cumulative = detail::cumulative_rows(law);
    std::vector<std::size_t> replaced, redrawn;
    std::vector<double> moved(K), rows(K);
    for (std::size_t i = 0; i < n; ++i) {
      if (before[i] < 0) continue;
      auto const own = static_cast<std::size_t>(before[i]);
      if (fate[i] == 1) {
        r.truth[i] = static_cast<std::int32_t>(K);
        within[i] = after[i] = -1;
        replaced.push_back(i);
        continue;
      }
      rows[own] += 1;
      if (fate[i] == 0) continue;
      moved[own] += 1;
      redrawn.push_back(i);
      double const u = random_stream(options.seed, detail::label_stream, i).uniform();
      std::size_t j = 0;
      while (u >= cumulative(own, j)) ++j;
      after[i] = static_cast<std::int32_t>(j);
    }
    matrix<double> expected = matrix<double>::identity(K);
    for (std::size_t i = 0; i < K; ++i)
      for (std::size_t j = 0; j < K && rows[i] > 0; ++j)
        expected(i, j) = (i == j ? 1 - moved[i] / rows[i] : 0.0) + moved[i] / rows[i] * law(i, j);
    auto const from = ops::upload(exec, std::as_const(within).view()),
               to = ops::upload(exec, std::as_const(after).view());
    static_cast<noisy_labels&>(r) =
        detail::describe(exec, vector_view<std::int32_t const, S>(from.view()),
                         vector_view<std::int32_t const, S>(to.view()), K, std::move(expected));
    for (std::size_t i : replaced) r.labels[i] = before[i];
    r.source = sources(replaced.size(), foreign, options.seed);
    r.reused = replaced.size() > foreign;
    r.replaced = vector<std::size_t>(std::move(replaced));
    r.redrawn = vector<std::size_t>(std::move(redrawn));
    return r;
  }

  /// Passes over the foreign rows in random orders.
  static vector<std::size_t> sources(std::size_t count, std::size_t foreign, std::uint64_t seed) {
    std::vector<std::size_t> all(foreign), out;
    for (std::size_t i = 0; i < foreign; ++i) all[i] = i;
    for (std::size_t pass = 0; out.size() < count; ++pass) {
      std::size_t const left = count - out.size();
      // rows of a pass are keyed by their number and the pass
      random_stream mix(seed, detail::foreign_stream, ~std::uint64_t{0} - pass);
      std::uint64_t const high = mix(), own = high << 32 | mix();
      for (std::size_t i :
           detail::choose_rows(all, left < foreign ? left : foreign, own, detail::foreign_stream))
        out.push_back(i);
    }
    return vector<std::size_t>(std::move(out));
  }
};
inline constexpr open_set_fn open_set{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_OPEN_SET_HPP
