// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/check.hpp
/// The checks at the door: shapes, finite values, distributions, labels. Each throws input_error
/// with a sentence that names the function, the argument, the row and the rule.
#ifndef LIMPID_OPS_CHECK_HPP
#define LIMPID_OPS_CHECK_HPP

#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace limpid::ops {

inline constexpr double distribution_tolerance = 1e-3;  ///< of a row's sum
inline constexpr double entry_tolerance = 1e-6;         ///< below 0 or above 1

namespace detail {

template <class T>
LIMPID_HD constexpr bool is_finite(T x) noexcept {
  return x - x == T{0};
}

/// Codes: 1 not finite, 2 entry outside [0, 1], 3 sum is not 1.
template <class T, memory_space S>
struct distribution_fault {
  matrix_view<T const, S> p;
  LIMPID_HD int operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      auto const x = static_cast<double>(p(i, k));
      if (!is_finite(x)) return 1;
      if (x < -entry_tolerance || x > 1 + entry_tolerance) return 2;
      sum += x;
    }
    return sum < 1 - distribution_tolerance || sum > 1 + distribution_tolerance ? 3 : 0;
  }
  LIMPID_HD void own_rows(auto& use) { use(p); }
  row_fault rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    row_fault found;
    for_row_blocks(
        p, begin, end, [&](T const* at, std::size_t ld, std::size_t first, std::size_t count) {
          if (found.code) return;
          auto const bad = lanes::row_check(at, ld, count, p.cols, distribution_tolerance);
          if (bad.row < count) found = {first + bad.row, static_cast<int>(bad.fault)};
        });
    return found;
  }
};

template <class T, memory_space S>
struct finite_fault {
  matrix_view<T const, S> x;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < x.cols; ++c)
      if (!is_finite(x(i, c))) return 1;
    return 0;
  }
  LIMPID_HD void own_rows(auto& use) { use(x); }
};

/// Codes: 1 not finite, 2 negative.
template <class T, memory_space S>
struct weight_fault {
  vector_view<T const, S> w;
  LIMPID_HD int operator()(std::size_t i) const { return !is_finite(w[i]) ? 1 : w[i] < 0 ? 2 : 0; }
};

/// Codes: 1 too large (or negative where that is not allowed).
template <class Label, memory_space S>
struct label_fault {
  vector_view<Label const, S> y;
  std::size_t classes;
  bool unlabelled_allowed;
  LIMPID_HD int operator()(std::size_t i) const {
    if (y[i] < 0) return unlabelled_allowed ? 0 : 1;
    return static_cast<std::uint64_t>(y[i]) >= classes ? 1 : 0;
  }
};

template <class Label, memory_space S>
struct encode_label {
  vector_view<Label const, S> y;
  vector_view<std::int32_t, S> code;
  LIMPID_HD void operator()(std::size_t i) const {
    code[i] = y[i] < 0 ? -1 : static_cast<std::int32_t>(y[i]);
  }
};

}  // namespace detail

/// Throws what distribution_fault found; returns where it found nothing.
template <execution_policy P, class T, memory_space S>
void report_distributions(P const& exec, std::string_view where, std::string_view name,
                          matrix_view<T const, S> p, row_fault fault) {
  if (!fault.code) return;
  vector<T> const row = download(exec, p.row(fault.row));
  double sum = 0;
  for (T x : row) sum += static_cast<double>(x);
  if (fault.code == 1)
    limpid::detail::fail(where, ": ", name, " row ", fault.row, " has an entry that is not finite");
  if (fault.code == 2)
    limpid::detail::fail(where, ": ", name, " row ", fault.row,
                         " has an entry outside [0, 1]; give probabilities, not logits");
  limpid::detail::fail(where, ": ", name, " row ", fault.row, " sums to ", sum,
                       "; rows must be probability distributions (tolerance 1e-3)");
}

/// Rows of `p` are probability distributions: finite, in [0, 1] within 1e-6, sum 1 within 1e-3.
template <execution_policy P, class T, memory_space S>
void check_distributions(P const& exec, std::string_view where, std::string_view name,
                         matrix_view<T const, S> p) {
  report_distributions(exec, where, name, p,
                       first_row(exec, p.rows, detail::distribution_fault<T, S>{p}));
}

/// Every entry is finite.
template <execution_policy P, class T, memory_space S>
void check_finite(P const& exec, std::string_view where, std::string_view name,
                  matrix_view<T const, S> x) {
  row_fault const fault = first_row(exec, x.rows, detail::finite_fault<T, S>{x});
  if (fault.code)
    limpid::detail::fail(where, ": ", name, " row ", fault.row, " has an entry that is not finite");
}
template <execution_policy P, class T, memory_space S>
void check_finite(P const& exec, std::string_view where, std::string_view name,
                  vector_view<T const, S> x) {
  row_fault const fault =
      first_row(exec, x.size, detail::finite_fault<T, S>{{x.data, x.size, 1, x.stride, 1}});
  if (fault.code) limpid::detail::fail(where, ": ", name, " row ", fault.row, " is not finite");
}

/// Every weight is finite and not negative.
template <execution_policy P, class T, memory_space S>
void check_weights(P const& exec, std::string_view where, std::string_view name,
                   vector_view<T const, S> w) {
  row_fault const fault = first_row(exec, w.size, detail::weight_fault<T, S>{w});
  if (fault.code)
    limpid::detail::fail(
        where, ": ", name, " row ", fault.row,
        fault.code == 1 ? " is not finite" : " is negative; weights must be at least 0");
}

/// Labels as the kernels read them: contiguous int32, -1 = unlabelled. A view of the caller's own
/// array where it is that already, else a copy.
template <execution_policy P>
class label_codes {
 public:
  static constexpr memory_space space = P::space;
  explicit label_codes(vector_view<std::int32_t const, space> own) : view_(own) {}
  explicit label_codes(buffer<std::int32_t, P> codes)
      : view_(codes.view()), codes_(std::move(codes)) {}
  vector_view<std::int32_t const, space> view() const noexcept { return view_; }

 private:
  vector_view<std::int32_t const, space> view_;
  std::optional<buffer<std::int32_t, P>> codes_;
};

/// Checks that labels are 0..classes-1 (or negative where `unlabelled_allowed`) and encodes them.
template <execution_policy P, class Label, memory_space S>
label_codes<P> check_labels(P const& exec, std::string_view where, std::string_view name,
                            vector_view<Label const, S> y, std::size_t classes,
                            bool unlabelled_allowed = false) {
  row_fault const fault =
      first_row(exec, y.size, detail::label_fault<Label, S>{y, classes, unlabelled_allowed});
  if (fault.code) {
    vector<Label> const label = download(exec, vector_view<Label const, S>{&y[fault.row], 1});
    limpid::detail::fail(where, ": ", name, " row ", fault.row, " is ", label[0],
                         "; labels must be 0..", classes - 1,
                         unlabelled_allowed ? ", or negative for unlabelled" : "");
  }
  if constexpr (std::is_same_v<Label, std::int32_t>)
    if (y.contiguous() && !unlabelled_allowed) return label_codes<P>(y);
  auto code = make_buffer<std::int32_t>(exec, y.size);
  for_rows(exec, y.size, detail::encode_label<Label, S>{y, code.view()});
  return label_codes<P>(std::move(code));
}

/// Equal numbers of rows.
inline void check_rows(std::string_view where, std::string_view a, std::size_t rows_a,
                       std::string_view b, std::size_t rows_b) {
  limpid::detail::require(rows_a == rows_b, where, a, " has ", rows_a, " rows, ", b, " has ",
                          rows_b);
}

}  // namespace limpid::ops

#endif  // LIMPID_OPS_CHECK_HPP
