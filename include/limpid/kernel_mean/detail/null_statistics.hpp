// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/null_statistics.hpp
/// The statistics of many redrawn splits of two samples, for one kernel or several.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_NULL_STATISTICS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_NULL_STATISTICS_HPP

#include <limpid/kernel_mean/detail/two_samples.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::kernel_mean {

/// How the two samples are redrawn as if both came from one distribution.
enum class redraw {
  permutation,  ///< all rows dealt anew, m to x and n to y; any m and n
  wild,         ///< m = n: x_i and y_i change places or not, each with probability 1/2
  wild_series   ///< m = n, rows in time order: weights of the terms h_ij that decay with the lag
};

namespace detail {

/// Codes: 1 an entry is not 0 or 1, 2 not `chosen` ones.
template <class T, memory_space S>
struct split_fault {
  matrix_view<T const, S> splits;
  std::size_t chosen;
  LIMPID_HD int operator()(std::size_t b) const {
    std::size_t ones = 0;
    for (std::size_t i = 0; i < splits.cols; ++i) {
      if (splits(b, i) != T(0) && splits(b, i) != T(1)) return 1;
      ones += splits(b, i) == T(1);
    }
    return ones == chosen ? 0 : 2;
  }
};

/// Row b: n multipliers of a stationary autoregression with variance 1, centred, and their
/// opposites. Row 0 of everything: all 1.
template <memory_space S>
struct draw_series {
  matrix_view<double, S> to;
  std::size_t first;
  std::uint64_t seed;
  double length;
  LIMPID_HD void operator()(std::size_t b) const {
    random_stream draw(seed, 0, first + b);
    std::size_t const n = to.cols / 2;
    double const keep = std::exp(-1 / length), fresh = std::sqrt(1 - std::exp(-2 / length));
    double w = 0, mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double const u = 1 - draw.uniform(), angle = 6.283185307179586 * draw.uniform();
      double const normal = std::sqrt(-2 * std::log(u)) * std::cos(angle);
      w = i ? keep * w + fresh * normal : normal;
      to(b, i) = w;
      mean += w / static_cast<double>(n);
    }
    for (std::size_t i = 0; i < n; ++i) {
      double const value = first + b == 0 ? 1 : to(b, i) - mean;
      to(b, i) = value;
      to(b, n + i) = -value;
    }
  }
};

/// Rows given by the caller, behind row 0: the samples as they are. Multipliers have their
/// opposites put behind them; of a split, over x and y, those of the smaller sample are 1 and come
/// first.
template <class T, memory_space S>
struct take_rows {
  matrix_view<T const, S> given;
  matrix_view<double, S> to;
  std::size_t m, first;  ///< m: rows of x; first: number of row 0
  bool split;
  LIMPID_HD void operator()(std::size_t b) const {
    bool const own = first + b == 0;
    std::size_t const n = given.cols - (split ? m : 0);
    bool const swapped = split && n < m;
    for (std::size_t i = 0; i < given.cols; ++i) {
      double const value = own ? !split || i < m : static_cast<double>(given(first + b - 1, i));
      std::size_t const at = !swapped ? i : i < m ? n + i : i - m;
      to(b, at) = swapped ? 1 - value : value;
      if (!split) to(b, n + i) = -value;
    }
  }
};

/// k(x_i, y_i) twice, or k(x_i, x_i) + k(y_i, y_i).
template <class K, class T, memory_space S>
struct matched_diagonal {
  K k;
  matrix_view<T const, S> z;
  bool across;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const j = out.size + i;
    out[i] =
        across ? 2 * k(z.row(i), z.row(j)) : diagonal_of(k, z.row(i)) + diagonal_of(k, z.row(j));
  }
};

/// For every kernel the statistics of redrawn splits. The first m rows of z are the smaller sample:
/// its pairs' sum is a form of its own, not a difference of large sums.
template <class K, class T, execution_policy P>
class null_statistics {
 public:
  null_statistics(P const& exec, std::vector<K> const& kernels, matrix_view<T const, P::space> z,
                  std::size_t m, redraw how)
      : exec_(exec), kernels_(kernels), z_(z), m_(m), how_(how) {}

  /// What every kernel needs of its own. False if stopped.
  bool prepare(progress const& told) {
    for (std::size_t s = 0; s < kernels_.size(); ++s) {
      K const& k = kernels_[s];
      diagonal_.push_back(sum_of_diagonal(exec_, k, z_) / static_cast<double>(z_.rows));
      fixed_.push_back(ops::make_buffer<double>(exec_, how_ == redraw::permutation ? z_.rows : m_));
      total_.push_back(0);
      auto const held = fixed_.back().view();
      if (how_ != redraw::permutation) {
        ops::for_rows(exec_, m_,
                      matched_diagonal<K, T, P::space>{k, z_, how_ == redraw::wild, held});
        continue;
      }
      auto const count = static_cast<double>(kernels_.size());
      if (!sums_without_diagonal(
              exec_, k, z_, held,
              stretch(told, static_cast<double>(s) / count, static_cast<double>(s + 1) / count)))
        return false;
      total_.back() = ops::sum_rows(exec_, z_.rows, 1, add_product<P::space>{held, {}})[0];
    }
    return true;
  }

  /// Statistics of rows [0, count) of what fill(first, rows) writes, V per entry, into
  /// out(kernel, row). False if stopped.
  template <class V, class Fill>
  bool operator()(std::size_t count, Fill const& fill, matrix_view<double> out,
                  progress const& told) const {
    std::size_t const n = z_.rows, strip = strip_of(n, count, sizeof(V) + sizeof(T));
    auto const store = ops::make_buffer<V>(exec_, strip * n);
    auto const forms = ops::make_buffer<double>(exec_, strip);
    auto const sums = ops::make_buffer<double>(exec_, 2 * strip);
    auto const work = static_cast<double>(count) * static_cast<double>(kernels_.size());
    for (std::size_t first = 0; first < count; first += strip) {
      std::size_t const some = count - first < strip ? count - first : strip;
      auto const rows = store.view(some, n);
      fill(first, rows);
      for (std::size_t s = 0; s < kernels_.size(); ++s) {
        double const done = static_cast<double>(first) * static_cast<double>(kernels_.size()) +
                            static_cast<double>(s) * static_cast<double>(some);
        progress const part = stretch(told, done / work, (done + static_cast<double>(some)) / work);
        vector_view<double, P::space> const form(forms.view().data, some);
        if (!ops::quadratic_forms(exec_, kernels_[s], z_,
                                  matrix_view<V const, P::space>(rows).transposed(), form, &part))
          return false;
        vector_view<double const, P::space> const held = fixed_[s].view();
        bool const dealt = how_ == redraw::permutation;
        auto const both = sums.view(some, 2);
        ops::for_rows(
            exec_, some,
            column_sums<V, P::space>{rows, dealt ? held : vector_view<double const, P::space>{},
                                     dealt ? vector_view<double const, P::space>{} : held, both});
        auto const here = ops::download(exec_, both);
        auto const own = ops::download(exec_, form);
        for (std::size_t b = 0; b < some; ++b)
          out(s, first + b) = or_infinite(statistic(own[b], here(b, 0), here(b, 1), total_[s]));
      }
    }
    return true;
  }

  /// Statistics this near are equal.
  double equal(std::size_t kernel) const {
    return equal_within<T> * (diagonal_[kernel] < 0 ? -diagonal_[kernel] : diagonal_[kernel]);
  }

 private:
  double statistic(double form, double along, double squares, double all) const {
    auto const m = static_cast<double>(m_), n = static_cast<double>(z_.rows - m_);
    if (how_ == redraw::permutation) return split_statistic(form, along, all, m, n);
    return (form + squares) / (how_ == redraw::wild ? m * (m - 1) : m * m);
  }

  P const& exec_;
  std::vector<K> const& kernels_;
  matrix_view<T const, P::space> z_;
  std::size_t m_;
  redraw how_;
  std::vector<ops::buffer<double, P>> fixed_;  ///< row sums without diagonal, or matched_diagonal
  std::vector<double> total_, diagonal_;
};

/// fill for null_statistics: draws keyed by seed and number.
template <execution_policy P>
struct draw_redraws {
  P const& exec;
  redraw how;
  std::size_t m;
  std::uint64_t seed;
  void operator()(std::size_t first, matrix_view<std::int8_t, P::space> rows) const {
    if (how == redraw::permutation)
      ops::for_rows(exec, rows.rows, draw_split<P::space>{rows, m, first, seed});
    else
      ops::for_rows(exec, rows.rows, draw_signs<P::space>{rows, first, seed});
  }
};

}  // namespace detail
}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_DETAIL_NULL_STATISTICS_HPP
