// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/test_class_dependence.hpp
/// Does the noise depend on the class alone? Five tests on one table of counts.
#ifndef LIMPID_TRANSITION_TEST_CLASS_DEPENDENCE_HPP
#define LIMPID_TRANSITION_TEST_CLASS_DEPENDENCE_HPP

#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/chi_square.hpp>

#include <boost/random/binomial_distribution.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct test_class_dependence_options {
  double level = 0.05;             ///< at which `rejected` speaks; (0, 1)
  std::size_t permutations = 999;  ///< >= 1
  std::size_t redraws = 199;       ///< of the parametric bootstrap; >= 1
  /// redraws whose distances the t-test compares with the observed ones; 1..redraws. Paper: 10
  std::size_t compared = 10;
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the share of permutations and redraws done
};

/// One test. A test that has nothing to compare has statistic 0, 0 degrees and p 1.
struct dependence_test {
  double statistic = 0;
  double degrees = 0;  ///< of freedom; 0 for tests by simulation
  double p_value = 1;
  double null_mean = 0, null_largest = 0;  ///< of the simulated statistics
};

/// K classes.
struct test_class_dependence_result {
  dependence_test homogeneity;       ///< Pearson's X^2, summed over classes
  dependence_test likelihood_ratio;  ///< G^2 = 2 sum N log(T_region / T), summed over classes
  dependence_test permutation;       ///< X^2 against labels permuted within classes: exact
  dependence_test monte_carlo;       ///< spread of regions against labels redrawn from T
  dependence_test student;           ///< t-test of the same distances, as published
  dependence_test symmetric;         ///< G^2 of a T of one rate against a free T, regions pooled
  /// of likelihood_ratio, by the redraws of monte_carlo: for truths that are estimated
  double bootstrap_p_value = 1;
  /// permutation.p_value <= level: the noise differs between regions of a class
  bool rejected = false;
  vector<double> class_homogeneity, class_likelihood_ratio;  ///< K, X^2 and G^2 of each class
  vector<double> class_degrees;                              ///< K
  vector<double> class_p_value;       ///< K, of class_homogeneity; 1 where class_tested is 0
  vector<std::uint8_t> class_tested;  ///< K, 0: fewer than two regions or labels occur
  double small_expected = 0;  ///< share of cells expected below 5: above 0.2 trust permutation only
  matrix<double> counts;      ///< (K R) x K, row k R + r: labels of class k in region r
  bool stopped = false;       ///< progress asked to stop: simulated p-values are of what was drawn
};

namespace detail {

/// Class and region as one number; -1 where either is missing.
template <memory_space S>
struct join_region {
  vector_view<std::int32_t const, S> truth, region;
  std::int32_t regions;
  vector_view<std::int32_t, S> both;
  LIMPID_HD void operator()(std::size_t i) const {
    both[i] = truth[i] < 0 || region[i] < 0 ? -1 : truth[i] * regions + region[i];
  }
};

/// The labels of one class: regions x labels, with its margins.
struct region_table {
  matrix<double> cells;
  std::vector<double> by_region, by_label;
  double total = 0;

  region_table(matrix<double> const& counts, std::size_t k, std::size_t regions)
      : cells(regions, counts.cols()), by_region(regions), by_label(counts.cols()) {
    for (std::size_t r = 0; r < regions; ++r)
      for (std::size_t j = 0; j < counts.cols(); ++j) {
        double const n = cells(r, j) = counts(k * regions + r, j);
        by_region[r] += n;
        by_label[j] += n;
        total += n;
      }
  }
  double expected(std::size_t r, std::size_t j) const { return by_region[r] * by_label[j] / total; }
  double degrees() const {
    double r = -1, j = -1;
    for (double n : by_region) r += n > 0 ? 1 : 0;
    for (double n : by_label) j += n > 0 ? 1 : 0;
    return r > 0 && j > 0 ? r * j : 0;
  }
  /// Pearson's X^2 of a table with these margins.
  double pearson(matrix<double> const& table) const {
    double sum = 0;
    for (std::size_t r = 0; r < by_region.size(); ++r)
      for (std::size_t j = 0; j < by_label.size(); ++j) {
        double const e = by_region[r] * by_label[j];
        if (e > 0) sum += (table(r, j) - e / total) * (table(r, j) - e / total) * total / e;
      }
    return sum;
  }
};

/// G^2 of a table against its own margins.
inline double likelihood_ratio_of(matrix<double> const& table) {
  std::vector<double> by_region(table.rows()), by_label(table.cols());
  double total = 0, sum = 0;
  for (std::size_t r = 0; r < table.rows(); ++r)
    for (std::size_t j = 0; j < table.cols(); ++j) {
      by_region[r] += table(r, j);
      by_label[j] += table(r, j);
      total += table(r, j);
    }
  for (std::size_t r = 0; r < table.rows(); ++r)
    for (std::size_t j = 0; j < table.cols(); ++j)
      if (table(r, j) > 0)
        sum += 2 * table(r, j) * std::log(table(r, j) * total / (by_region[r] * by_label[j]));
  return sum > 0 ? sum : 0;
}

/// Appends |p_region - p|^2 of each region that has rows; p is the whole table's.
inline void region_distances(matrix<double> const& table, std::vector<double>& out) {
  std::vector<double> by_label(table.cols());
  double total = 0;
  for (std::size_t r = 0; r < table.rows(); ++r)
    for (std::size_t j = 0; j < table.cols(); ++j) {
      by_label[j] += table(r, j);
      total += table(r, j);
    }
  for (std::size_t r = 0; r < table.rows(); ++r) {
    double rows = 0, square = 0;
    for (std::size_t j = 0; j < table.cols(); ++j) rows += table(r, j);
    if (!(rows > 0)) continue;
    for (std::size_t j = 0; j < table.cols(); ++j) {
      double const gap = table(r, j) / rows - by_label[j] / total;
      square += gap * gap;
    }
    out.push_back(square);
  }
}

}  // namespace detail

/// Tests whether labels depend on the true class alone, or on the region of feature space too.
///
/// Under class-dependent noise the labels of one class have the same law in each of its regions.
/// For each class the table regions x labels is tested for homogeneity, statistics and degrees of
/// freedom summed over classes: \f$ X^2 = \sum_{krj} (N_{krj} - E_{krj})^2 / E_{krj} \f$, \f$ G^2 =
/// 2 \sum_{krj} N_{krj} \log (N_{krj} / E_{krj}) \f$ with E from the margins. `permutation` redraws
/// labels within classes and holds for tables of any size: it is the one that `rejected` goes by.
/// `monte_carlo` compares \f$ \sum_{kr} \|p_{kr} - p_k\|^2 \f$ with labels redrawn from T,
/// `student` the distances themselves by Welch's t-test. `symmetric` asks another question: whether
/// one rate, spread evenly, does instead of a free T.
///
/// The regions must not have seen the labels. A second annotator's labels as regions need no
/// features: under class-dependent noise two annotators are independent given the class.
///
/// @param exec     where to run
/// @param truth    n, true class of each row 0..K-1, or a stand-in for it (the arg max of a
///                 posterior corrected for T where that is sure); rows with a negative one are left
///                 out
/// @param region   n, 0..regions-1, a negative one leaves the row out; of each class on its own:
///                 five clusters within each class, say
/// @param y        n, given labels 0..K-1
/// @param classes  K >= 1
/// @param regions  R >= 1
/// @param options  test_class_dependence_options
/// @return  test_class_dependence_result
/// @throws  input_error  for shapes, options outside their intervals, labels or regions out of
///                       range, no row with a class and a region
/// @par Complexity   O(n), then O(n permutations + K^2 R redraws); K^2 R doubles
/// @par Determinism  bitwise; a function of the counts and the seed
/// @par Source       J. Wei et al., "Learning with noisy labels revisited: a study using real-world
///                   human annotations", ICLR 2022, section 4 (its t-test; tests by permutation and
///                   redrawing replace it as the verdict); A. Agresti, "Categorical data analysis",
///                   3rd ed., sections 3.2 and 16.5
struct test_class_dependence_fn {
  using primitives = uses<ops::first_row_fn, ops::for_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, label_vector Z, label_vector R, label_vector L>
  test_class_dependence_result operator()(Exec const& exec, Z const& truth, R const& region,
                                          L const& y, std::size_t classes, std::size_t regions,
                                          test_class_dependence_options const& options = {}) const {
    limpid::detail::enter<test_class_dependence_fn, Exec, Z, R, L>();
    auto&& held_truth = limpid::detail::materialise(truth);
    auto&& held_region = limpid::detail::materialise(region);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    vector_view<value_t<Z> const, S> const z = limpid::view(held_truth);
    vector_view<value_t<R> const, S> const at = limpid::view(held_region);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return run(exec, z, at, given, classes, regions, options);
  }

  template <label_vector Z, label_vector R, label_vector L>
  test_class_dependence_result operator()(Z const& truth, R const& region, L const& y,
                                          std::size_t classes, std::size_t regions,
                                          test_class_dependence_options const& options = {}) const {
    return (*this)(default_policy, truth, region, y, classes, regions, options);
  }

 private:
  static constexpr char const* where = "transition::test_class_dependence";

  static void check(std::size_t classes, std::size_t regions,
                    test_class_dependence_options const& o) {
    using limpid::detail::require;
    require(classes >= 1, where, "classes is 0; need at least 1");
    require(regions >= 1 && regions <= 2147483647 / classes, where, "regions is ", regions,
            "; need at least 1, and fewer than 2^31 classes times regions");
    require(o.level > 0 && o.level < 1, where, "options.level is ", o.level, "; need (0, 1)");
    require(o.permutations >= 1, where, "options.permutations is 0; need at least 1");
    require(o.redraws >= 1, where, "options.redraws is 0; need at least 1");
    require(o.compared >= 1 && o.compared <= o.redraws, where, "options.compared is ", o.compared,
            "; need 1..", o.redraws, ", the redraws");
  }

  template <class Exec, class Z, class R, class L, memory_space S>
  static test_class_dependence_result run(Exec const& exec, vector_view<Z const, S> z,
                                          vector_view<R const, S> at, vector_view<L const, S> given,
                                          std::size_t classes, std::size_t regions,
                                          test_class_dependence_options const& options) {
    check(classes, regions, options);
    ops::check_rows(where, "truth", z.size, "region", at.size);
    ops::check_rows(where, "truth", z.size, "y", given.size);
    auto const classes_of = ops::check_labels(exec, where, "truth", z, classes, true);
    auto const regions_of = ops::check_labels(exec, where, "region", at, regions, true);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    auto const both = ops::make_buffer<std::int32_t>(exec, z.size);
    ops::for_rows(exec, z.size,
                  detail::join_region<S>{classes_of.view(), regions_of.view(),
                                         static_cast<std::int32_t>(regions), both.view()});
    test_class_dependence_result r;
    r.counts = ops::count_pairs(exec, vector_view<std::int32_t const, S>(both.view()),
                                labels.view(), classes * regions, classes);
    tabulate(r, regions, options);
    return r;
  }

  static void tabulate(test_class_dependence_result& r, std::size_t regions,
                       test_class_dependence_options const& options) {
    std::size_t const classes = r.counts.cols();
    std::vector<detail::region_table> tables;
    double total = 0, cells = 0, below_five = 0, present = 0;
    r.class_homogeneity = r.class_likelihood_ratio = r.class_degrees = vector<double>(classes);
    r.class_p_value = vector<double>(classes, 1.0);
    r.class_tested = vector<std::uint8_t>(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      auto const& table = tables.emplace_back(r.counts, k, regions);
      total += table.total;
      present += table.total > 0;
      double const degrees = table.degrees();
      r.class_tested[k] = degrees > 0;
      if (!(degrees > 0)) continue;
      for (std::size_t j = 0; j < regions * classes; ++j) {
        double const e = table.expected(j / classes, j % classes);
        cells += e > 0 ? 1 : 0;
        below_five += e > 0 && e < 5 ? 1 : 0;
      }
      r.class_degrees[k] = degrees;
      r.homogeneity.degrees += degrees;
      r.homogeneity.statistic += r.class_homogeneity[k] = table.pearson(table.cells);
      r.likelihood_ratio.statistic += r.class_likelihood_ratio[k] =
          detail::likelihood_ratio_of(table.cells);
      r.class_p_value[k] = detail::chi_square_tail(r.class_homogeneity[k], degrees);
    }
    limpid::detail::require(total > 0, where, "no row has a class and a region");
    r.small_expected = cells > 0 ? below_five / cells : 0;
    r.likelihood_ratio.degrees = r.homogeneity.degrees;
    for (dependence_test* test : {&r.homogeneity, &r.likelihood_ratio})
      if (test->degrees > 0)
        test->p_value = detail::chi_square_tail(test->statistic, test->degrees);
    one_rate(r, tables, present, total);
    double const work = static_cast<double>(options.permutations + options.redraws);
    auto const go_on = [&](std::size_t done) {
      r.stopped = r.stopped ||
                  (options.on_progress && !options.on_progress(static_cast<double>(done) / work));
      return !r.stopped;
    };
    permute(r, tables, options, go_on);
    redraw(r, tables, options, go_on);
    r.rejected = r.permutation.p_value <= options.level;
  }

  /// A free T against one with T_kk = 1 - e and the rest spread evenly.
  static void one_rate(test_class_dependence_result& r,
                       std::vector<detail::region_table> const& tables, double present,
                       double total) {
    std::size_t const classes = tables.size();
    if (classes < 2) return;
    double wrong = 0;
    for (std::size_t k = 0; k < classes; ++k) wrong += tables[k].total - tables[k].by_label[k];
    double const rate = wrong / total, each = rate / static_cast<double>(classes - 1);
    double gain = 0;
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t j = 0; j < classes; ++j) {
        double const n = tables[k].by_label[j];
        if (n > 0) gain += n * std::log(n / (tables[k].total * (j == k ? 1 - rate : each)));
      }
    r.symmetric.statistic = gain > 0 ? 2 * gain : 0;
    r.symmetric.degrees = present * static_cast<double>(classes - 1) - 1;
    if (r.symmetric.degrees > 0)
      r.symmetric.p_value = detail::chi_square_tail(r.symmetric.statistic, r.symmetric.degrees);
  }

  /// Tables with the same margins: the labels of a class in random order, dealt to its regions.
  template <class GoOn>
  static void permute(test_class_dependence_result& r,
                      std::vector<detail::region_table> const& tables,
                      test_class_dependence_options const& options, GoOn const& go_on) {
    r.permutation.statistic = r.homogeneity.statistic;
    // what rounding adds must not tell equal tables apart
    double const reach = r.permutation.statistic * (1 - 1e-12);
    std::size_t drawn = 0, beyond = 0;
    std::vector<std::uint32_t> labels;
    for (; drawn < options.permutations && go_on(drawn); ++drawn) {
      double sum = 0;
      for (std::size_t k = 0; k < tables.size(); ++k) {
        if (!r.class_tested[k]) continue;
        auto const& table = tables[k];
        random_stream draws(options.seed, static_cast<std::uint32_t>(k), drawn);
        labels.clear();
        for (std::size_t j = 0; j < table.by_label.size(); ++j)
          labels.insert(labels.end(), static_cast<std::size_t>(table.by_label[j]),
                        static_cast<std::uint32_t>(j));
        matrix<double> dealt(table.cells.rows(), table.cells.cols());
        std::size_t at = 0;
        for (std::size_t region = 0; region < table.by_region.size(); ++region)
          for (auto left = static_cast<std::size_t>(table.by_region[region]); left > 0;
               --left, ++at) {
            std::swap(labels[at],
                      labels[at + static_cast<std::size_t>(draws.below(labels.size() - at))]);
            ++dealt(region, labels[at]);
          }
        sum += table.pearson(dealt);
      }
      r.permutation.null_mean += sum;
      r.permutation.null_largest =
          sum > r.permutation.null_largest ? sum : r.permutation.null_largest;
      beyond += sum >= reach;
    }
    if (drawn) r.permutation.null_mean /= static_cast<double>(drawn);
    r.permutation.p_value = static_cast<double>(1 + beyond) / static_cast<double>(1 + drawn);
  }

  /// Tables of labels drawn from each class's row of T, as many in each region as there are.
  template <class GoOn>
  static void redraw(test_class_dependence_result& r,
                     std::vector<detail::region_table> const& tables,
                     test_class_dependence_options const& options, GoOn const& go_on) {
    std::vector<double> observed, compared, distances;
    for (auto const& table : tables)
      if (table.total > 0) detail::region_distances(table.cells, observed);
    for (double d : observed) r.monte_carlo.statistic += d;
    std::size_t drawn = 0, farther = 0, likelier = 0;
    for (; drawn < options.redraws && go_on(options.permutations + drawn); ++drawn) {
      double ratio = 0, spread = 0;
      distances.clear();
      for (std::size_t k = 0; k < tables.size(); ++k) {
        if (!(tables[k].total > 0)) continue;
        random_stream draws(options.seed, static_cast<std::uint32_t>(tables.size() + k), drawn);
        auto const table = drawn_table(tables[k], draws);
        ratio += detail::likelihood_ratio_of(table);
        detail::region_distances(table, distances);
      }
      for (double d : distances) spread += d;
      if (drawn < options.compared)
        compared.insert(compared.end(), distances.begin(), distances.end());
      r.monte_carlo.null_mean += spread;
      r.monte_carlo.null_largest =
          spread > r.monte_carlo.null_largest ? spread : r.monte_carlo.null_largest;
      farther += spread >= r.monte_carlo.statistic * (1 - 1e-12);
      likelier += ratio >= r.likelihood_ratio.statistic * (1 - 1e-12);
    }
    auto const share = [&](std::size_t more) {
      return static_cast<double>(1 + more) / static_cast<double>(1 + drawn);
    };
    if (drawn) r.monte_carlo.null_mean /= static_cast<double>(drawn);
    r.monte_carlo.p_value = share(farther);
    r.bootstrap_p_value = share(likelier);
    r.student = welch(observed, compared);
  }

  static matrix<double> drawn_table(detail::region_table const& from, random_stream& draws) {
    matrix<double> out(from.cells.rows(), from.cells.cols());
    for (std::size_t region = 0; region < out.rows(); ++region) {
      auto left = static_cast<std::int64_t>(from.by_region[region]);
      double rest = from.total;
      for (std::size_t j = 0; j < out.cols() && left > 0; ++j) {
        double const part = from.by_label[j];
        if (!(part > 0)) continue;
        std::int64_t const n = part >= rest * (1 - 1e-14)
                                   ? left
                                   : boost::random::binomial_distribution<std::int64_t, double>(
                                         left, part / rest)(draws);
        out(region, j) = static_cast<double>(n);
        left -= n;
        rest -= part;
      }
    }
    return out;
  }

  /// Two samples with variances of their own, two-sided.
  static dependence_test welch(std::vector<double> const& a, std::vector<double> const& b) {
    dependence_test out;
    if (a.size() < 2 || b.size() < 2) return out;
    auto const moments = [](std::vector<double> const& v) {
      auto const n = static_cast<double>(v.size());
      double mean = 0, square = 0;
      for (double x : v) mean += x / n;
      for (double x : v) square += (x - mean) * (x - mean);
      return std::pair{mean, square / (n - 1) / n};
    };
    auto const [mean_a, error_a] = moments(a);
    auto const [mean_b, error_b] = moments(b);
    out.null_mean = mean_b;
    double const error = error_a + error_b;
    if (!(error > 0)) return out;
    out.statistic = (mean_a - mean_b) / std::sqrt(error);
    out.degrees = error * error /
                  (error_a * error_a / static_cast<double>(a.size() - 1) +
                   error_b * error_b / static_cast<double>(b.size() - 1));
    out.p_value = detail::student_tail(out.statistic, out.degrees);
    return out;
  }
};
inline constexpr test_class_dependence_fn test_class_dependence{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_TEST_CLASS_DEPENDENCE_HPP
