// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/hoc_local.hpp
/// A T for each neighbourhood, from neighbours' labels.
#ifndef LIMPID_TRANSITION_HOC_LOCAL_HPP
#define LIMPID_TRANSITION_HOC_LOCAL_HPP

#include <limpid/transition/hoc.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct hoc_local_options {
  std::size_t region = 250;       ///< rows of a region, its centre among them; 3..n
  std::size_t max_regions = 300;  ///< rows that no region reaches keep the global T; >= 1
  std::size_t rounds = 1;         ///< consensus counts averaged over this many subsets; >= 1
  /// rows of a subset of a region, neighbours sought inside it; 0: the whole region;
  /// else 3..region. As published: 30 rounds of 100
  std::size_t subset = 0;
  /// of the two nearest inside a region; the region itself is by Euclidean distance
  metric distance = metric::cosine;
  std::uint64_t seed = 0;  ///< of centres and subsets
  /// of the estimate for all rows; its solver serves the regions too. Features only: rounds, subset
  /// and seed
  hoc_options global = {};
  progress on_progress = {};  ///< the global estimate is 0 to 0.5, the regions the rest
  bool validate = true;       ///< as hoc_options::validate
};

/// K classes, R regions.
struct hoc_local_result {
  consensus_result global;
  /// (R + 1) K x K: rows rK to rK + K - 1 are the T of region r; the last K the global one
  matrix<double> transitions;
  matrix<double> prior;         ///< R x K, P(true i) in the region
  vector<std::int32_t> region;  ///< n, the region of a row, R where none reached it
  vector<std::size_t> centre;   ///< R, the row that a region was made around
  vector<double> agreement;     ///< R, share of the region's rows whose three labels are the same
  vector<std::uint8_t> converged;  ///< R
  std::size_t covered = 0;         ///< rows that some region reached
  bool stopped = false;            ///< progress asked to stop; regions not reached are not there

  std::size_t regions() const { return centre.size(); }
  /// T of region r; of r = R the global one.
  matrix_view<double const> transition(std::size_t r) const {
    return transitions.view().row_block(r * transitions.cols(), (r + 1) * transitions.cols());
  }
  /// T at row i.
  matrix_view<double const> at(std::size_t i) const {
    return transition(static_cast<std::size_t>(region[i]));
  }
};

/// Estimates a T for each neighbourhood, for noise that depends on more than the class.
///
/// A region is a row, drawn from those that no region has reached, and the rows nearest to it. Its
/// labels and those of the two nearest inside it give \f$ \hat T \f$ and \f$ \hat p \f$ as in
/// transition::hoc, drawn to the global estimate where the region has few rows of a class: \f$ T_i
/// = \hat p_i \hat T_i + (1 - \hat p_i) T^{global}_i \f$. A row belongs to the first region that
/// reached it.
///
/// @param exec     where to run
/// @param X        n x d features, n >= 3; or n x k row numbers, k >= 2, each row's neighbours,
///                 nearest first, itself left out: a region is then a row and its first region - 1
///                 neighbours, or as many as there are, and a row of it counts where two of its
///                 neighbours are of the region
/// @param y        n, given labels 0..K-1
/// @param classes  K, 1..200
/// @param options  hoc_local_options
/// @return  hoc_local_result
/// @throws  input_error  as transition::hoc, and for options outside their intervals
/// @par Complexity   transition::hoc, then O(n d) per region and O(region^2 d) for its neighbours
/// @par Determinism  bitwise for any number of threads
/// @par Source       Z. Zhu, Y. Song, Y. Liu, "Clusterability as an alternative to anchor points
///                   when learning with noisy labels", ICML 2021, section 4.3. The published solver
///                   of regions adds a term that makes p peaked; maximum likelihood needs none
struct hoc_local_fn {
  using primitives = uses<hoc_fn, ops::nearest_fn, ops::gather_rows_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  hoc_local_result operator()(Exec const& exec, M const& X, L const& y, std::size_t classes,
                              hoc_local_options const& options = {}) const {
    limpid::detail::enter<hoc_local_fn, Exec, M, L>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return of_features(exec, x, given, classes, options);
  }

  template <execution_policy Exec, detail::index_matrix M, label_vector L>
  hoc_local_result operator()(Exec const& exec, M const& neighbours, L const& y,
                              std::size_t classes, hoc_local_options const& options = {}) const {
    limpid::detail::enter<hoc_local_fn, Exec, M, L>();
    auto&& held_index = limpid::detail::materialise(neighbours);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const index = limpid::view(held_index);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return of_neighbours(exec, index, given, classes, options);
  }

  template <class M, label_vector L>
    requires(real_matrix<M> || detail::index_matrix<M>)
  hoc_local_result operator()(M const& X, L const& y, std::size_t classes,
                              hoc_local_options const& options = {}) const {
    return (*this)(default_policy, X, y, classes, options);
  }

 private:
  static constexpr char const* where = "transition::hoc_local";
  static constexpr std::size_t batch = 16;  ///< centres whose regions are searched at once

  static void check(std::size_t n, char const* name, hoc_local_options const& o) {
    using limpid::detail::require;
    require(n >= 3, where, name, " has ", n, " rows; need at least three");
    require(o.region >= 3, where, "options.region is ", o.region, "; need at least 3");
    require(o.max_regions >= 1 && o.max_regions < 1000000, where, "options.max_regions is ",
            o.max_regions, "; need 1..999999");
    require(o.rounds >= 1, where, "options.rounds is 0; need at least 1");
    require(o.subset == 0 || (o.subset >= 3 && o.subset <= o.region), where, "options.subset is ",
            o.subset, "; need 3..", o.region, ", or 0 for the whole region");
  }

  template <class Exec, class T, class L, memory_space S>
  static hoc_local_result of_features(Exec const& exec, matrix_view<T const, S> x,
                                      vector_view<L const, S> given, std::size_t classes,
                                      hoc_local_options const& options) {
    check(x.rows, "X", options);
    ops::check_rows(where, "X", x.rows, "y", given.size);
    detail::check_features(
        exec, where, x, options.validate,
        options.global.distance == metric::cosine || options.distance == metric::cosine);
    return run(exec, x, ops::check_labels(exec, where, "y", given, classes).view(), classes,
               options);
  }

  template <class Exec, class Index, class L, memory_space S>
  static hoc_local_result of_neighbours(Exec const& exec, matrix_view<Index const, S> index,
                                        vector_view<L const, S> given, std::size_t classes,
                                        hoc_local_options const& options) {
    check(index.rows, "neighbours", options);
    limpid::detail::require(index.cols >= 2, where, "neighbours is ", index.rows, " x ", index.cols,
                            "; need at least two columns");
    limpid::detail::require(
        options.rounds == 1 && options.subset == 0, where,
        "options.rounds and options.subset need features; neighbours are given");
    ops::check_rows(where, "neighbours", index.rows, "y", given.size);
    if (options.validate) detail::check_neighbours(exec, where, index, index.cols);
    return run(exec, index, ops::check_labels(exec, where, "y", given, classes).view(), classes,
               options);
  }

  /// `data` is the features or the neighbours.
  template <class Exec, class T, memory_space S>
  static hoc_local_result run(Exec const& exec, matrix_view<T const, S> data,
                              vector_view<std::int32_t const, S> y, std::size_t classes,
                              hoc_local_options const& options) {
    std::size_t const n = data.rows;
    std::size_t const size = (std::min)(options.region, n);
    hoc_local_result r;
    hoc_options global = options.global;
    global.validate = false;
    if (options.on_progress)
      global.on_progress = [&](double f) { return options.on_progress(0.5 * f); };
    r.global = hoc(exec, data, y, classes, global);
    r.stopped = r.global.stopped;

    // centres come in a random order of all rows: the next is the first that is not reached yet
    auto const order = shuffled(n, options.seed);
    std::vector<std::int32_t> region(n, -1);
    std::vector<std::size_t> centres;
    std::vector<consensus_result> found;
    detail::subset_counts<Exec> members(exec, n);
    std::size_t next = 0;
    while (!r.stopped && centres.size() < options.max_regions && next < n) {
      std::vector<std::uint32_t> wanted;
      for (; next < n && wanted.size() < batch; ++next)
        if (region[order[next]] < 0) wanted.push_back(order[next]);
      if (wanted.empty()) break;
      auto const around = neighbourhoods(exec, data, wanted, size);
      for (std::size_t w = 0; w < wanted.size() && centres.size() < options.max_regions; ++w) {
        std::uint32_t const centre = wanted[w];
        if (region[centre] >= 0) continue;
        std::size_t const c = centres.size();
        if (options.on_progress &&
            !options.on_progress(0.5 + 0.5 * static_cast<double>(c) /
                                           static_cast<double>(options.max_regions))) {
          r.stopped = true;
          break;
        }
        std::vector<std::uint32_t> rows = around[w];
        for (std::uint32_t row : rows)
          if (region[row] < 0) region[row] = static_cast<std::int32_t>(c);
        region[centre] = static_cast<std::int32_t>(c);
        std::sort(rows.begin(), rows.end());
        centres.push_back(centre);
        found.push_back(of_region(exec, data, y, rows, c, classes, members, options));
      }
    }
    combine(r, centres, found, region);
    return r;
  }

  static std::vector<std::uint32_t> shuffled(std::size_t n, std::uint64_t seed) {
    std::vector<std::uint32_t> order(n);
    random_stream draws(seed, 1, 0);
    for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
    for (std::size_t i = 0; i + 1 < n; ++i)
      std::swap(order[i], order[i + static_cast<std::size_t>(draws.below(n - i))]);
    return order;
  }

  /// The rows of each centre's region.
  template <class Exec, class T, memory_space S>
  static std::vector<std::vector<std::uint32_t>> neighbourhoods(
      Exec const& exec, matrix_view<T const, S> data, std::vector<std::uint32_t> const& centres,
      std::size_t size) {
    std::size_t const count = centres.size();
    auto const chosen = ops::upload(exec, vector_view<std::uint32_t const>(centres.data(), count));
    vector_view<std::uint32_t const, S> const rows = chosen.view();
    auto const some = ops::make_buffer<T>(exec, count * data.cols);
    auto const queries = some.view(count, data.cols);
    ops::gather_rows(exec, data, rows, queries);
    std::vector<std::vector<std::uint32_t>> out(count);
    if constexpr (real_number<T>) {
      auto const index = ops::make_buffer<std::uint32_t>(exec, count * size);
      auto const distance = ops::make_buffer<double>(exec, count * size);
      ops::nearest(exec, matrix_view<T const, S>(queries), data, size, index.view(count, size),
                   distance.view(count, size), {.distance = metric::euclidean});
      auto const around = ops::download(exec, index.view(count, size));
      for (std::size_t w = 0; w < count; ++w) out[w].assign(&around(w, 0), &around(w, 0) + size);
    } else {
      auto const around = ops::download(exec, queries);
      for (std::size_t w = 0; w < count; ++w) {
        out[w].push_back(centres[w]);
        for (std::size_t c = 0; c < around.cols() && c + 1 < size; ++c)
          out[w].push_back(static_cast<std::uint32_t>(around(w, c)));
      }
    }
    return out;
  }

  template <class Exec, class T, memory_space S>
  static consensus_result of_region(Exec const& exec, matrix_view<T const, S> data,
                                    vector_view<std::int32_t const, S> y,
                                    std::vector<std::uint32_t> const& rows, std::size_t c,
                                    std::size_t classes, detail::subset_counts<Exec>& members,
                                    hoc_local_options const& options) {
    consensus_result r;
    r.c3 = matrix<double>(classes, classes * classes);
    auto const count = [&](std::vector<std::uint32_t> const& some) {
      auto const there =
          ops::upload(exec, vector_view<std::uint32_t const>(some.data(), some.size()));
      vector_view<std::uint32_t const, S> const chosen = there.view();
      if constexpr (real_number<T>)
        detail::count_subset(exec, data, y, {}, chosen, options.distance, {}, r.c3);
      else
        members.add(data, y, {}, chosen, r.c3);
    };
    if (options.subset && options.subset < rows.size()) {
      for (std::size_t round = 0; round < options.rounds; ++round) {
        auto const places = detail::draw_rows(
            rows.size(), options.subset,
            random_stream(options.seed, 2 + static_cast<std::uint32_t>(round), c));
        std::vector<std::uint32_t> some(options.subset);
        for (std::size_t i = 0; i < some.size(); ++i) some[i] = rows[places[i]];
        count(some);
      }
    } else {
      count(rows);
    }
    double total = 0;
    std::size_t const cells = r.c3.rows() * r.c3.cols();
    for (std::size_t i = 0; i < cells; ++i) total += r.c3.data()[i];
    if (!(total > 0)) {  // no row has two neighbours in the region: it says nothing
      r.transition = matrix<double>::identity(classes);
      r.prior = vector<double>(classes);
      return r;
    }
    for (std::size_t i = 0; i < cells; ++i) r.c3.data()[i] /= total;
    detail::solve_consensus(r, options.global.solver, {});
    return r;
  }

  static void combine(hoc_local_result& r, std::vector<std::size_t> const& centres,
                      std::vector<consensus_result> const& found,
                      std::vector<std::int32_t> const& region) {
    std::size_t const classes = r.global.prior.size(), count = centres.size();
    r.transitions = matrix<double>((count + 1) * classes, classes);
    r.prior = matrix<double>(count, classes);
    r.centre = vector<std::size_t>(centres);
    r.agreement = vector<double>(count);
    r.converged = vector<std::uint8_t>(count);
    for (std::size_t c = 0; c <= count; ++c)
      for (std::size_t i = 0; i < classes; ++i) {
        double const own = c < count ? found[c].prior[i] : 0;
        if (c < count) r.prior(c, i) = own;
        for (std::size_t j = 0; j < classes; ++j)
          r.transitions(c * classes + i, j) = (c < count ? own * found[c].transition(i, j) : 0) +
                                              (1 - own) * r.global.transition(i, j);
      }
    for (std::size_t c = 0; c < count; ++c) {
      r.agreement[c] = found[c].agreement;
      r.converged[c] = found[c].converged;
    }
    r.region = vector<std::int32_t>(region);
    for (std::int32_t& at : r.region) {
      if (at < 0)
        at = static_cast<std::int32_t>(count);
      else
        ++r.covered;
    }
  }
};
inline constexpr hoc_local_fn hoc_local{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_HOC_LOCAL_HPP
