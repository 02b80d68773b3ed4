// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_nearest.hpp
/// The k nearest rows on a device: candidates in float, measured again in double, and a proof that
/// none was missed.
#ifndef LIMPID_EXEC_DETAIL_CUDA_NEAREST_HPP
#define LIMPID_EXEC_DETAIL_CUDA_NEAREST_HPP

#include <limpid/exec/detail/cuda_kernels.hpp>
#include <limpid/exec/detail/cuda_tiles.hpp>
#include <limpid/ops/nearest.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace limpid::detail {

/// a b, never fused with a sum: the same distances, and so the same ties, as the reference's.
LIMPID_HD inline double rounded_product(double a, double b) {
#ifdef __CUDA_ARCH__
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}

/// Squared distance, or 1 - cosine.
template <class V>
LIMPID_HD double measure(V const& q, V const& r, bool cosine) {
  double dot = 0, squared = 0, q2 = 0, r2 = 0;
  for (std::size_t c = 0; c < q.size; ++c) {
    double const a = static_cast<double>(q[c]), b = static_cast<double>(r[c]);
    if (cosine) {
      dot += rounded_product(a, b);
      q2 += rounded_product(a, a);
      r2 += rounded_product(b, b);
    } else {
      squared += rounded_product(a - b, a - b);
    }
  }
  return cosine ? 1 - dot / rounded_product(std::sqrt(q2), std::sqrt(r2)) : squared;
}

/// The `most` least of what it is told, in order; equal ones in the order of their telling.
template <class D>
struct short_list {
  D* distance;
  std::uint32_t* index;
  unsigned most;
  /// Returns the new length. To be called only if it is not full or d is below the last.
  LIMPID_HD unsigned insert(unsigned size, D d, std::uint32_t i) const {
    unsigned at = size < most ? size : most - 1;
    for (; at > 0 && d < distance[at - 1]; --at) {
      distance[at] = distance[at - 1];
      index[at] = index[at - 1];
    }
    distance[at] = d;
    index[at] = i;
    return size < most ? size + 1 : most;
  }
};

/// The epilogue of a tile: every query keeps its segment's least distances, in float.
struct candidate_tiles {
  static constexpr char const* name = "nearest";
  using shape = tile_shape<float>;
  float const *query_norm, *reference_norm;  ///< null: cosine, of rows of length 1
  std::size_t queries, first_query;
  bool exclude_self;
  unsigned most;
  float* distance;       ///< segments x queries x most
  std::uint32_t* index;  ///< likewise
  unsigned* count;       ///< segments x queries

  struct state {
    unsigned size;
    float worst;
  };
  static constexpr bool brief = true;
  template <class F>
  LIMPID_HD void with_value(F const& f) const {
    f(*this);
  }
  LIMPID_HD float operator()(std::size_t i, std::size_t j, float product, float, float) const {
    return query_norm ? query_norm[i] + reference_norm[j] - 2 * product : 1 - product;
  }
  LIMPID_HD void tile(unsigned t, state& s, float const* values, std::size_t query,
                      std::size_t reference, std::size_t segment, std::size_t end) const {
    std::size_t const i = query + t;
    if (t >= shape::queries || i >= queries) return;
    std::size_t const at = (segment * queries + i) * most;
    short_list<float> const list{distance + at, index + at, most};
    std::size_t const left = end - reference;
    unsigned const some =
        left < shape::references ? static_cast<unsigned>(left) : shape::references;
    for (unsigned j = 0; j < some; ++j) {
      float const d = values[t * shape::pitch + j];
      // A NaN or an infinity never gets in: the list is then too short, and the row is searched
      // again.
      if (!(d < (s.size < most ? std::numeric_limits<float>::infinity() : s.worst))) continue;
      if (exclude_self && reference + j == first_query + i) continue;
      s.size = list.insert(s.size, d, static_cast<std::uint32_t>(reference + j));
      if (s.size == most) s.worst = list.distance[most - 1];
    }
  }
  template <class Block, class States>
  LIMPID_HD void finish(Block const& block, States& states, std::size_t query,
                        std::size_t segment) const {
    block.each([&](unsigned t) {
      if (t < shape::queries && query + t < queries)
        count[segment * queries + query + t] = states[t].size;
    });
  }
};

/// What every step after the candidates needs.
template <class T>
struct nearest_task {
  matrix_view<T const, memory_space::device> queries, references;
  std::size_t begin, rows;  ///< the chunk of queries
  unsigned k;
  bool cosine, exclude_self;
  matrix_view<std::uint32_t, memory_space::device> index;
  matrix_view<double, memory_space::device> distance;
  LIMPID_HD void put(std::size_t i, unsigned c, double measured, std::uint32_t j) const {
    index(begin + i, c) = j;
    distance(begin + i, c) = cosine ? measured : std::sqrt(measured);
  }
};

/// Candidates measured in double.
template <class T>
struct measure_candidates {
  nearest_task<T> task;
  unsigned most;
  std::uint32_t const* index;
  unsigned const* count;
  double* measured;
  LIMPID_HD void operator()(std::size_t at) const {
    std::size_t const list = at / most, i = list % task.rows;
    if (at % most >= count[list]) return;
    measured[at] =
        measure(task.queries.row(task.begin + i), task.references.row(index[at]), task.cosine);
  }
};

/// The best k of a query's candidates; a query that may have missed one is noted.
///
/// A packed coordinate is off by a relative 2^-24, a sum of d + 2 products of float by (d + 2)
/// 2^-24 of the sum of their sizes, which |q|^2 + |r|^2 bounds. Hence what is not in a list is no
/// nearer than its last candidate less `off`.
template <class T>
struct choose_candidates {
  nearest_task<T> task;
  unsigned most;
  segments_of segments;
  float const* distance;
  std::uint32_t const* index;
  unsigned const* count;
  double* measured;
  float const* query_norm;  ///< null: cosine
  float const* longest;     ///< the largest norm of a reference
  unsigned* missed;         ///< how many queries
  std::uint32_t* which;     ///< of the chunk

  LIMPID_HD void operator()(std::size_t i) const {
    double const lengths =
        task.cosine ? 2.0 : static_cast<double>(query_norm[i]) + static_cast<double>(*longest);
    double const off = lengths * (static_cast<double>(task.queries.cols) + 16) * 0x1p-22;
    double bound = std::numeric_limits<double>::infinity();
    std::size_t found = 0;
    bool sure = true;
    for (std::size_t s = 0; s < segments.count; ++s) {
      std::size_t const list = s * task.rows + i, first = s * segments.size;
      std::size_t const end = first + segments.size < task.references.rows ? first + segments.size
                                                                           : task.references.rows;
      std::size_t const self = task.begin + i;
      std::size_t const all =
          end - first - (task.exclude_self && self >= first && self < end ? 1 : 0);
      found += count[list];
      if (count[list] == all) continue;
      if (count[list] < most)
        sure = false;  // something there was not finite in float
      else {
        double const last = static_cast<double>(distance[list * most + most - 1]) - off;
        bound = last < bound ? last : bound;
      }
    }
    double kth = 0;
    if (found < task.k) sure = false;
    for (unsigned c = 0; sure && c < task.k; ++c) {
      std::size_t best = 0;
      bool any = false;
      for (std::size_t s = 0; s < segments.count; ++s) {
        std::size_t const first = (s * task.rows + i) * most;
        for (std::size_t at = first; at < first + count[s * task.rows + i]; ++at) {
          if (!(measured[at] <= (std::numeric_limits<double>::max)())) continue;  // taken
          if (!any || measured[at] < measured[best] ||
              (measured[at] == measured[best] && index[at] < index[best]))
            best = at;
          any = true;
        }
      }
      if (!any) {
        sure = false;
        break;
      }
      kth = measured[best];
      task.put(i, c, kth, index[best]);
      measured[best] = std::numeric_limits<double>::infinity();
    }
    if (sure && (bound == std::numeric_limits<double>::infinity() || kth < bound)) return;
    which[atomic_add(missed, 1u)] = static_cast<std::uint32_t>(i);
  }
};

/// A query of a block, all references in double: every thread keeps its share's best k, one merges
/// them.
template <class T>
struct search_program {
  static constexpr char const* name = "nearest (in double)";
  static constexpr unsigned threads = 128;
  static constexpr std::size_t shared = 2 * sizeof(unsigned) * threads;
  nearest_task<T> task;
  std::uint32_t const* which;
  double* distance;      ///< blocks x threads x k
  std::uint32_t* index;  ///< likewise

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    auto* const size = block.template shared<unsigned>(0);
    auto* const head = size + threads;
    std::size_t const i = which[block.index()], base = block.index() * threads * task.k;
    block.each([&](unsigned t) {
      std::size_t const at = base + std::size_t{t} * task.k;
      short_list<double> const list{distance + at, index + at, task.k};
      unsigned some = 0;
      for (std::size_t j = t; j < task.references.rows; j += threads) {
        if (task.exclude_self && j == task.begin + i) continue;
        double const d =
            measure(task.queries.row(task.begin + i), task.references.row(j), task.cosine);
        if (some < task.k || d < list.distance[task.k - 1])
          some = list.insert(some, d, static_cast<std::uint32_t>(j));
      }
      size[t] = some;
      head[t] = 0;
    });
    block.each([&](unsigned t) {
      if (t > 0) return;
      for (unsigned c = 0; c < task.k; ++c) {
        unsigned best = threads;
        for (unsigned s = 0; s < threads; ++s) {
          if (head[s] >= size[s]) continue;
          std::size_t const a = base + std::size_t{s} * task.k + head[s];
          if (best < threads) {
            std::size_t const b = base + std::size_t{best} * task.k + head[best];
            if (distance[a] > distance[b] || (distance[a] == distance[b] && index[a] > index[b]))
              continue;
          }
          best = s;
        }
        if (best == threads) return;
        std::size_t const at = base + std::size_t{best} * task.k + head[best]++;
        task.put(i, c, distance[at], index[at]);
      }
    });
  }
};

template <class T>
struct inverse_length {
  matrix_view<T const, memory_space::device> x;
  double* out;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t c = 0; c < x.cols; ++c)
      sum += static_cast<double>(x(i, c)) * static_cast<double>(x(i, c));
    out[i] = 1 / std::sqrt(sum);
  }
};

/// Folds the largest of n numbers that are not negative; a NaN stays.
struct keep_largest {
  float const* of;
  LIMPID_HD void operator()(std::size_t i, float& largest) const {
    if (!(of[i] <= largest)) largest = of[i];
  }
};
struct merge_largest {
  LIMPID_HD void operator()(float& largest, float other) const {
    if (!(other <= largest)) largest = other;
  }
};

}  // namespace limpid::detail

namespace limpid {

/// Several times the memory of the result, for at most 2^17 queries at a time.
template <detail::grid_policy P>
struct kernel<ops::nearest_fn, P> {
  static constexpr unsigned spare = 8;  ///< candidates beside k

  template <class T, memory_space S>
  static bool run(P const& exec, matrix_view<T const, S> queries,
                  matrix_view<T const, S> references, std::size_t k,
                  matrix_view<std::uint32_t, S> index, matrix_view<double, S> distance,
                  ops::nearest_options const& options) {
    if (queries.rows == 0 || k == 0) return true;
    bool const cosine = options.distance == metric::cosine;
    std::size_t const m = references.rows;
    auto const lengths = [&](matrix_view<T const, S> x) {
      auto out = ops::make_buffer<double>(exec, cosine ? x.rows : 0);
      if (cosine) detail::map_rows(exec, x.rows, detail::inverse_length<T>{x, out.view().data});
      return out;
    };
    auto const mean =
        cosine ? ops::make_buffer<double>(exec, 0) : detail::means_on_device(exec, references);
    auto const factor = lengths(references);
    auto const there = detail::pack<float>(exec, references, mean.view().data, factor.view().data);
    auto const limit = detail::folded_on_device(
        exec, m, 0.0f, detail::keep_largest{there.view().norm}, detail::merge_largest{});
    auto const most = static_cast<unsigned>(k + spare < m ? k + spare : m);
    return detail::in_chunks(
        exec, queries.rows, detail::query_chunk, options.on_progress,
        [&](std::size_t begin, std::size_t end) {
          std::size_t const n = end - begin;
          matrix_view<T const, S> const some = queries.row_block(begin, end);
          auto const own = lengths(some);
          auto const here = detail::pack<float>(exec, some, mean.view().data, own.view().data);
          detail::segments_of const segments(
              detail::ceil_div(n, detail::tile_shape<float>::queries), m);
          std::size_t const lists = segments.count * n;
          auto const close = ops::make_buffer<float>(exec, lists * most);
          auto const which = ops::make_buffer<std::uint32_t>(exec, lists * most);
          auto const count = ops::make_buffer<unsigned>(exec, lists);
          float const* const norm = cosine ? nullptr : here.view().norm;
          detail::consume_tiles<float, detail::products>(
              exec, here.view(), there.view(), segments,
              detail::candidate_tiles{norm, cosine ? nullptr : there.view().norm, n, begin,
                                      options.exclude_self, most, close.view().data,
                                      which.view().data, count.view().data});
          detail::nearest_task<T> const task{
              queries, references,           begin, n,       static_cast<unsigned>(k),
              cosine,  options.exclude_self, index, distance};
          auto const measured = ops::make_buffer<double>(exec, lists * most);
          detail::map_rows(exec, lists * most,
                           detail::measure_candidates<T>{task, most, which.view().data,
                                                         count.view().data, measured.view().data});
          auto const missed = ops::make_buffer<unsigned>(exec, 1);
          auto const rows = ops::make_buffer<std::uint32_t>(exec, n);
          exec.clear(missed.view().data, sizeof(unsigned));
          detail::map_rows(exec, n,
                           detail::choose_candidates<T>{
                               task, most, segments, close.view().data, which.view().data,
                               count.view().data, measured.view().data, norm, limit.view().data,
                               missed.view().data, rows.view().data});
          search_again(exec, task, rows.view().data,
                       detail::fetch(exec, static_cast<unsigned const*>(missed.view().data)));
        });
  }

 private:
  template <class T>
  static void search_again(P const& exec, detail::nearest_task<T> const& task,
                           std::uint32_t const* rows, std::size_t count) {
    using program = detail::search_program<T>;
    if (count == 0) return;
    std::size_t const own = std::size_t{program::threads} * task.k,
                      fit = (std::size_t{1} << 25) / own;
    std::size_t const batch = fit < 1 ? 1 : fit < count ? fit : count;
    auto const distance = ops::make_buffer<double>(exec, batch * own);
    auto const index = ops::make_buffer<std::uint32_t>(exec, batch * own);
    for (std::size_t first = 0; first < count; first += batch)
      exec.launch(program{task, rows + first, distance.view().data, index.view().data},
                  count - first < batch ? count - first : batch, program::shared);
  }
};

}  // namespace limpid

#endif  // LIMPID_EXEC_DETAIL_CUDA_NEAREST_HPP
