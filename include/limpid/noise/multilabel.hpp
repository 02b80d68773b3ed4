// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/multilabel.hpp
/// Noise on multi-label data: labels that are missing, labels that are too many, or both.
#ifndef LIMPID_NOISE_MULTILABEL_HPP
#define LIMPID_NOISE_MULTILABEL_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/choose.hpp>
#include <limpid/noise/sampling.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// What multi-label noise does.
enum class multilabel_rule {
  subtractive,  ///< ones become zeros: labels go missing
  additive,     ///< zeros become ones: labels too many
  mixed,        ///< both, drawn from the clean labels
  uniform       ///< in some rows some labels are turned around, whatever they were
};

/// What the rate of added labels is a share of.
enum class additive_base {
  ones,  ///< of the class's ones: `additive` 0.3 adds 30 labels to a class that has 100
  zeros  ///< of the class's zeros, of which there are far more
};

/// Options of multilabel.
struct multilabel_options {
  multilabel_rule rule = multilabel_rule::mixed;
  double subtractive = 0.2;  ///< [0, 1], share of a class's ones that become 0
  double additive =
      0.2;  ///< >= 0, and at most 1 of zeros: how many zeros become 1, see `relative_to`
  additive_base relative_to = additive_base::ones;
  double max_prevalence = 0.95;     ///< [0, 1], no class gets more ones than this share of rows
  double rows = 0.2;                ///< [0, 1], rule uniform: share of rows that are changed
  double labels_per_row = 0.2;      ///< [0, 1], rule uniform: share of the K labels turned in each
  sampling mode = sampling::exact;  ///< exact: the counts are floor(rate * count), per class; iid:
                                    ///< rates are probabilities. Rule uniform is exact always.
  std::uint64_t seed = 0;           ///< the same seed and labels give the same noise
  bool validate = true;  ///< check that entries are 0 or 1; without, entries above 1/2 count as 1
};

/// n rows, K classes.
struct noisy_label_matrix {
  matrix<std::uint8_t> labels;   ///< n x K, 0 or 1
  matrix<std::uint8_t> flipped;  ///< n x K, 1 where the label changed
  vector<std::size_t> ones;      ///< K, of the clean labels
  vector<std::size_t> removed;   ///< K, ones that became 0
  vector<std::size_t> added;     ///< K, zeros that became 1
  vector<double> missing_rate;  ///< K, P(0 given | 1 true) as realised; 0 where a class has no ones
  vector<double> extra_rate;  ///< K, P(1 given | 0 true) as realised; 0 where a class has no zeros
  vector<double> expected_missing_rate;  ///< K, of the law the labels were drawn from
  vector<double> expected_extra_rate;    ///< K
  vector<std::uint8_t>
      limited;               ///< K, 1: max_prevalence, or a lack of zeros, allowed fewer additions
  double realised_rate = 0;  ///< share of the n K labels that changed
};

namespace detail {

/// for_rows: turns a one with probability missing[k], a zero with probability extra[k]; row i draws
/// its K numbers in order.
template <class T, memory_space S>
struct flip_labels {
  matrix_view<T const, S> y;
  vector_view<double const, S> missing, extra;
  std::uint64_t seed;
  matrix_view<std::uint8_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    random_stream draw(seed, 0, i);
    for (std::size_t k = 0; k < y.cols; ++k) {
      bool const one = static_cast<double>(y(i, k)) > 0.5;
      bool const turn = draw.uniform() < (one ? missing[k] : extra[k]);
      out(i, k) = one != turn;
    }
  }
};

/// for_rows: 0 or 1.
template <class T, memory_space S>
struct threshold_labels {
  matrix_view<T const, S> y;
  matrix_view<std::uint8_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t k = 0; k < y.cols; ++k) out(i, k) = static_cast<double>(y(i, k)) > 0.5;
  }
};

/// first_row: an entry that is neither 0 nor 1.
template <class T, memory_space S>
struct binary_fault {
  matrix_view<T const, S> y;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t k = 0; k < y.cols; ++k)
      if (!(y(i, k) == T(0) || y(i, k) == T(1))) return 1;
    return 0;
  }
};

/// sum_rows: ones per class.
template <memory_space S>
struct count_ones {
  matrix_view<std::uint8_t const, S> y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t k = 0; k < y.cols; ++k) sums[k] += y(i, k);
  }
};

}  // namespace detail

/// Draws multi-label noise.
///
/// For class k with n+ ones: subtractive removes floor(subtractive n+) of them, additive adds
/// floor(additive n+) ones (relative_to ones) or floor(additive n-) (zeros), as far as
/// max_prevalence allows; mixed does both on the clean labels, and with equal rates relative to
/// ones leaves the class's prevalence as it was. With mode iid the same shares are probabilities,
/// per class: additions relative to ones have probability additive n+ / n-. Rule uniform takes
/// floor(rows n) rows and turns floor(labels_per_row K) labels in each: in sparse data that is
/// nearly all additions.
///
/// @param exec     Where to run.
/// @param Y        n x K true labels, 0 or 1, of any number type.
/// @param options  multilabel_options
/// @return noisy_label_matrix.
/// @throws input_error  on rates out of range; if `validate`, entries other than 0 and 1.
/// @par Complexity   O(n K) time and memory; exact sampling chooses on the host, on one thread.
/// @par Determinism  Draws are keyed by seed, class and row: the same under every policy, bit for
/// bit.
/// @par Source       T. Burgert, M. Ravanbakhsh, B. Demir, "On the effects of different types of
/// label noise in multi-label remote sensing image classification", TGRS 2022.
struct multilabel_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy P, tensor_matrix M>
  noisy_label_matrix operator()(P const& exec, M const& Y,
                                multilabel_options const& options = {}) const {
    limpid::detail::enter<multilabel_fn, P, M>();
    auto&& held = limpid::detail::materialise(Y);
    matrix_view<value_t<M> const, P::space> const y = limpid::view(held);
    return run(exec, y, options);
  }
  template <tensor_matrix M>
  noisy_label_matrix operator()(M const& Y, multilabel_options const& options = {}) const {
    return (*this)(default_policy, Y, options);
  }

 private:
  static constexpr std::string_view name = "noise::multilabel";

  static void check(multilabel_options const& o) {
    using limpid::detail::require;
    auto const share = [](double x) { return x >= 0 && x <= 1; };
    require(share(o.subtractive), name, "subtractive is ", o.subtractive, "; it must be in [0, 1]");
    if (o.relative_to == additive_base::zeros)
      require(share(o.additive), name, "additive is ", o.additive,
              "; of zeros it must be in [0, 1]");
    else
      require(o.additive >= 0 && o.additive < 1e9, name, "additive is ", o.additive,
              "; it must be at least 0");
    require(share(o.max_prevalence), name, "max_prevalence is ", o.max_prevalence,
            "; it must be in [0, 1]");
    require(share(o.rows), name, "rows is ", o.rows, "; it must be in [0, 1]");
    require(share(o.labels_per_row), name, "labels_per_row is ", o.labels_per_row,
            "; it must be in [0, 1]");
  }

  template <class P, class T, memory_space S>
  static noisy_label_matrix run(P const& exec, matrix_view<T const, S> y,
                                multilabel_options const& options) {
    check(options);
    std::size_t const n = y.rows, K = y.cols;
    if (options.validate) {
      auto const fault = ops::first_row(exec, n, detail::binary_fault<T, S>{y});
      limpid::detail::require(!fault.code, name, "Y row ", fault.row,
                              " has an entry that is neither 0 nor 1");
    }
    auto const clean = ops::make_buffer<std::uint8_t>(exec, n * K);
    ops::for_rows(exec, n, detail::threshold_labels<T, S>{y, clean.view(n, K)});
    auto const sums = ops::sum_rows(exec, n, K, detail::count_ones<S>{clean.view(n, K)});

    noisy_label_matrix r;
    r.ones = vector<std::size_t>(K);
    for (std::size_t k = 0; k < K; ++k) r.ones[k] = static_cast<std::size_t>(sums[k]);
    r.limited = vector<std::uint8_t>(K);
    r.expected_missing_rate = r.expected_extra_rate = vector<double>(K);
    auto const before = ops::download(exec, clean.view(n, K));
    bool const iid = options.mode == sampling::iid && options.rule != multilabel_rule::uniform;
    std::vector<std::size_t> remove(K), add(K);
    plan(n, iid, options, r, remove, add);
    if (iid) {
      auto const missing = ops::upload(exec, std::as_const(r.expected_missing_rate).view());
      auto const extra = ops::upload(exec, std::as_const(r.expected_extra_rate).view());
      auto const out = ops::make_buffer<std::uint8_t>(exec, n * K);
      ops::for_rows(
          exec, n,
          detail::flip_labels<T, S>{y, missing.view(), extra.view(), options.seed, out.view(n, K)});
      r.labels = ops::download(exec, out.view(n, K));
    } else {
      r.labels = before;
      if (options.rule == multilabel_rule::uniform)
        turn_rows(options, r.labels);
      else
        choose(before, remove, add, options.seed, r.labels);
    }
    count(before, r);
    return r;
  }

  /// The law, and for exact sampling how many.
  static void plan(std::size_t n, bool iid, multilabel_options const& o, noisy_label_matrix& r,
                   std::vector<std::size_t>& remove, std::vector<std::size_t>& add) {
    bool const takes = o.rule == multilabel_rule::subtractive || o.rule == multilabel_rule::mixed;
    bool const gives = o.rule == multilabel_rule::additive || o.rule == multilabel_rule::mixed;
    std::size_t const K = r.ones.size(), most = detail::whole_part(o.max_prevalence, n);
    for (std::size_t k = 0; k < K; ++k) {
      std::size_t const ones = r.ones[k], zeros = n - ones;
      auto const up = static_cast<double>(ones), down = static_cast<double>(zeros);
      if (o.rule == multilabel_rule::uniform) {
        double const some = static_cast<double>(detail::whole_part(o.rows, n)),
                     labels = static_cast<double>(detail::whole_part(o.labels_per_row, K));
        r.expected_missing_rate[k] = r.expected_extra_rate[k] =
            n ? some / static_cast<double>(n) * labels / static_cast<double>(K) : 0.0;
        continue;
      }
      std::size_t const room = most > ones ? most - ones : 0, fit = room < zeros ? room : zeros;
      if (iid) {
        double want = !gives                                 ? 0
                      : o.relative_to == additive_base::ones ? o.additive * up
                                                             : o.additive * down;
        if (want > static_cast<double>(fit)) {
          want = static_cast<double>(fit);
          r.limited[k] = 1;
        }
        r.expected_missing_rate[k] = takes && ones ? o.subtractive : 0.0;
        r.expected_extra_rate[k] = zeros ? want / down : 0.0;
        continue;
      }
      double const base = o.relative_to == additive_base::ones ? up : down,
                   wanted = o.additive * base;
      auto const whole = static_cast<std::size_t>(wanted + 1e-9 * (1 + wanted));
      remove[k] = takes ? detail::whole_part(o.subtractive, ones) : 0;
      add[k] = !gives ? 0 : whole < fit ? whole : fit;
      r.limited[k] = gives && whole > fit;
      r.expected_missing_rate[k] = ones ? static_cast<double>(remove[k]) / up : 0.0;
      r.expected_extra_rate[k] = zeros ? static_cast<double>(add[k]) / down : 0.0;
    }
  }

  static void choose(matrix<std::uint8_t> const& before, std::vector<std::size_t> const& remove,
                     std::vector<std::size_t> const& add, std::uint64_t seed,
                     matrix<std::uint8_t>& labels) {
    std::vector<std::size_t> rows;
    for (std::size_t k = 0; k < before.cols(); ++k)
      for (bool const one : {true, false}) {
        std::size_t const some = one ? remove[k] : add[k];
        if (some == 0) continue;
        rows.clear();
        for (std::size_t i = 0; i < before.rows(); ++i)
          if ((before(i, k) != 0) == one) rows.push_back(i);
        for (std::size_t i : detail::choose_rows(rows, some, seed, static_cast<std::uint32_t>(k)))
          labels(i, k) = !one;
      }
  }

  static void turn_rows(multilabel_options const& o, matrix<std::uint8_t>& labels) {
    std::size_t const n = labels.rows(), K = labels.cols();
    std::vector<std::size_t> rows(n), columns(K);
    for (std::size_t i = 0; i < n; ++i) rows[i] = i;
    std::size_t const some = detail::whole_part(o.labels_per_row, K);
    constexpr auto row_stream = static_cast<std::uint32_t>(-1);
    for (std::size_t i :
         detail::choose_rows(rows, detail::whole_part(o.rows, n), o.seed, row_stream)) {
      for (std::size_t k = 0; k < K; ++k) columns[k] = k;
      random_stream draw(o.seed, row_stream - 1, i);
      for (std::size_t c = 0; c < some; ++c) {
        std::swap(columns[c], columns[c + static_cast<std::size_t>(draw.below(K - c))]);
        labels(i, columns[c]) ^= 1;
      }
    }
  }

  static void count(matrix<std::uint8_t> const& before, noisy_label_matrix& r) {
    std::size_t const n = before.rows(), K = before.cols();
    r.flipped = matrix<std::uint8_t>(n, K);
    r.removed = r.added = vector<std::size_t>(K);
    r.missing_rate = r.extra_rate = vector<double>(K);
    std::size_t changed = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < K; ++k)
        if (before(i, k) != r.labels(i, k)) {
          r.flipped(i, k) = 1;
          ++(before(i, k) ? r.removed : r.added)[k];
          ++changed;
        }
    for (std::size_t k = 0; k < K; ++k) {
      std::size_t const zeros = n - r.ones[k];
      if (r.ones[k])
        r.missing_rate[k] = static_cast<double>(r.removed[k]) / static_cast<double>(r.ones[k]);
      if (zeros) r.extra_rate[k] = static_cast<double>(r.added[k]) / static_cast<double>(zeros);
    }
    if (n > 0 && K > 0) r.realised_rate = static_cast<double>(changed) / static_cast<double>(n * K);
  }
};
inline constexpr multilabel_fn multilabel{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_MULTILABEL_HPP
