// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_rows.hpp
/// The primitives over rows, and copies, on a device.
///
/// CUB reduces values of one size known to the compiler; a row functor adds to any number of sums.
/// Its histogram counts codes, which would have to be written first.
#ifndef LIMPID_EXEC_DETAIL_CUDA_ROWS_HPP
#define LIMPID_EXEC_DETAIL_CUDA_ROWS_HPP

#include <limpid/exec/detail/cuda_grid.hpp>
#include <limpid/exec/detail/cuda_stage.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/groups.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::detail {

// Map

template <class F, unsigned Threads>
struct map_program {
  static_assert(
      std::is_trivially_copyable_v<F>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "for_rows";
  static constexpr unsigned threads = Threads;
  F f;
  std::size_t rows;
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    block.each([&](unsigned t) {
      std::size_t const i = block.index() * threads + t;
      if (i < rows) f(i);
    });
  }
};

/// A block's rows staged, a thread each.
template <names_own_rows F>
struct staged_map_program {
  static_assert(
      std::is_trivially_copyable_v<F>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "for_rows (staged)";
  static constexpr unsigned threads = 128;
  F f;
  std::size_t rows;
  unsigned together;
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    std::size_t const begin = block.index() * together, left = rows - begin;
    on_staged_rows(block, f, block.template shared<unsigned char>(0), begin, together,
                   left < together ? static_cast<unsigned>(left) : together, threads,
                   [](F const& mine, std::size_t i, unsigned) { mine(i); });
  }
};

template <unsigned Threads = 256, class P, class F>
void map_rows(P const& exec, std::size_t rows, F const& f) {
  if constexpr (names_own_rows<F>) {
    using program = staged_map_program<F>;
    auto const plan = stage_plan::of(f, program::threads, block_memory);
    if (plan.rows)
      return exec.launch(program{f, rows, plan.rows}, ceil_div(rows, plan.rows), plan.bytes);
  }
  exec.launch(map_program<F, Threads>{f, rows}, ceil_div(rows, Threads), 0);
}

// Sums

/// Parts in order: out(g, k) = sum of parts [g group, (g + 1) group) of column k.
struct combine_program {
  static constexpr char const* name = "sum_rows (combine)";
  static constexpr unsigned lanes = 32, strands = 8, threads = lanes * strands, group = 256;
  double const* parts;
  std::size_t count, width;
  double* out;

  static std::size_t blocks(std::size_t count, std::size_t width) {
    return ceil_div(count, group) * ceil_div(width, lanes);
  }
  static constexpr std::size_t shared = sizeof(double) * threads;

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    std::size_t const strips = (width + lanes - 1) / lanes;
    std::size_t const strip = block.index() % strips, g = block.index() / strips;
    std::size_t const end = (g + 1) * group < count ? (g + 1) * group : count;
    double* const sums = block.template shared<double>(0);
    block.each([&](unsigned t) {
      std::size_t const k = strip * lanes + t % lanes;
      double sum = 0;
      if (k < width)
        for (std::size_t p = g * group + t / lanes; p < end; p += strands)
          sum += parts[p * width + k];
      sums[t] = sum;
    });
    block.each([&](unsigned t) {
      std::size_t const k = strip * lanes + t;
      if (t >= lanes || k >= width) return;
      double sum = 0;
      for (unsigned s = 0; s < strands; ++s) sum += sums[s * lanes + t];
      out[g * width + k] = sum;
    });
  }
};

/// The sum of count x width parts, still on the device.
template <class P>
ops::buffer<double, P> combine(P const& exec, ops::buffer<double, P> parts, std::size_t count,
                               std::size_t width) {
  while (count > 1) {
    std::size_t const groups = ceil_div(count, combine_program::group);
    auto fewer = ops::make_buffer<double>(exec, groups * width);
    exec.launch(combine_program{parts.view().data, count, width, fewer.view().data},
                combine_program::blocks(count, width), combine_program::shared);
    parts = std::move(fewer);
    count = groups;
  }
  return parts;
}

/// A few sums: every thread adds its rows to its own part in the block's memory; the parts are
/// added as a tree.
template <class F>
struct narrow_sum_program {
  static_assert(
      std::is_trivially_copyable_v<F>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "sum_rows";
  static constexpr unsigned threads = 128;
  F f;
  std::size_t rows, tile, width;
  double* out;
  unsigned together;  ///< rows staged at a time; 0: none

  /// Odd, so that neighbouring threads' parts lie in different banks.
  static LIMPID_HD constexpr std::size_t pitch(std::size_t width) { return width | 1; }
  static LIMPID_HD constexpr std::size_t shared(std::size_t width) {
    return sizeof(double) * threads * pitch(width);
  }

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    double* const sums = block.template shared<double>(0);
    std::size_t const step = pitch(width), begin = block.index() * tile,
                      end = begin + tile < rows ? begin + tile : rows;
    block.each([&](unsigned t) {
      double* const mine = sums + t * step;
      for (std::size_t k = 0; k < width; ++k) mine[k] = 0;
      if (together == 0)
        for (std::size_t i = begin + t; i < end; i += threads) f(i, mine);
    });
    if constexpr (names_own_rows<F>)
      for (std::size_t row = begin; together && row < end; row += together)
        on_staged_rows(block, f, block.template shared<unsigned char>(shared(width)), row, together,
                       end - row < together ? static_cast<unsigned>(end - row) : together, threads,
                       [&](F const& mine, std::size_t i, unsigned t) { mine(i, sums + t * step); });
    for (unsigned half = threads / 2; half > 0; half /= 2)
      block.each([&](unsigned t) {
        for (std::size_t at = t; at < half * width; at += threads) {
          std::size_t const part = at / width, k = at % width;
          sums[part * step + k] += sums[(part + half) * step + k];
        }
      });
    block.each([&](unsigned t) {
      for (std::size_t k = t; k < width; k += threads) out[block.index() * width + k] = sums[k];
    });
  }
};

/// Many sums: `workers` threads, each with a part of its own in device memory.
template <class F>
struct wide_sum_program {
  static_assert(
      std::is_trivially_copyable_v<F>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "sum_rows (wide)";
  static constexpr unsigned threads = 64;
  F f;
  std::size_t rows, workers, width;
  double* parts;
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    block.each([&](unsigned t) {
      std::size_t const worker = block.index() * threads + t;
      if (worker >= workers) return;
      double* const mine = parts + worker * width;
      for (std::size_t i = worker; i < rows; i += workers) f(i, mine);
    });
  }
};

inline constexpr std::size_t most_narrow = 47;  ///< sums that fit a block's memory
inline constexpr std::size_t wide_sum_parts = std::size_t{1} << 25;  ///< doubles of all workers
inline constexpr std::size_t most_wide_workers = 16384;

/// Workers by the number of rows, unless the sums are very many: a sum does not depend on how many
/// others there are.
template <class P, class F>
ops::buffer<double, P> wide_sums_on_device(P const& exec, std::size_t rows, std::size_t width,
                                           F const& f) {
  using wide = wide_sum_program<F>;
  std::size_t const fit = wide_sum_parts / width, enough = ceil_div(rows, 8);
  std::size_t workers = fit < most_wide_workers ? fit : most_wide_workers;
  workers = enough < workers ? enough : workers < 1 ? 1 : workers;
  auto parts = ops::make_buffer<double>(exec, workers * width);
  exec.clear(parts.view().data, workers * width * sizeof(double));
  exec.launch(wide{f, rows, workers, width, parts.view().data}, ceil_div(workers, wide::threads),
              0);
  return combine(exec, std::move(parts), workers, width);
}

/// `width` sums over at least one row, still on the device.
template <class P, class F>
ops::buffer<double, P> sums_on_device(P const& exec, std::size_t rows, std::size_t width,
                                      F const& f) {
  using narrow = narrow_sum_program<F>;
  static_assert(sizeof(double) * narrow::threads * (most_narrow | 1) <= block_memory);
  if (width > most_narrow) return wide_sums_on_device(exec, rows, width, f);
  std::size_t const least = ceil_div(rows, 2048), tile = least > 2048 ? least : 2048;
  std::size_t const blocks = ceil_div(rows, tile);
  auto parts = ops::make_buffer<double>(exec, blocks * width);
  auto const plan = stage_plan::of(f, narrow::threads, block_memory - narrow::shared(width));
  exec.launch(narrow{f, rows, tile, width, parts.view().data, plan.rows}, blocks,
              narrow::shared(width) + plan.bytes);
  return combine(exec, std::move(parts), blocks, width);
}

/// Pairs without weights are counted: integers, exact in any order.
template <memory_space S>
struct count_program {
  static constexpr char const* name = "count_pairs";
  static constexpr unsigned threads = 256;
  static constexpr std::size_t tile = std::size_t{1} << 16;
  static constexpr std::size_t most_shared = block_memory / sizeof(unsigned);
  ops::detail::add_pair<S> pairs;
  std::size_t width;
  counter* out;

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    auto* const cells = block.template shared<unsigned>(0);
    bool const own = width <= most_shared;
    std::size_t const rows = pairs.a.size, begin = block.index() * tile,
                      end = begin + tile < rows ? begin + tile : rows;
    if (own)
      block.each([&](unsigned t) {
        for (std::size_t k = t; k < width; k += threads) cells[k] = 0;
      });
    block.each([&](unsigned t) {
      for (std::size_t i = begin + t; i < end; i += threads) {
        auto const a = pairs.a[i], b = pairs.b[i];
        if (a < 0 || b < 0) continue;
        std::size_t const cell =
            static_cast<std::size_t>(a) * pairs.cols + static_cast<std::size_t>(b);
        if (own)
          atomic_add(cells + cell, 1u);
        else
          atomic_add(out + cell, counter{1});
      }
    });
    if (own)
      block.each([&](unsigned t) {
        for (std::size_t k = t; k < width; k += threads)
          if (cells[k]) atomic_add(out + k, static_cast<counter>(cells[k]));
      });
  }
};

// Folds

template <class State, class F>
struct fold_program {
  static_assert(
      std::is_trivially_copyable_v<State> && std::is_trivially_copyable_v<F>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "fold_rows";
  static constexpr unsigned threads = 128;
  F f;
  State initial;
  std::size_t rows, tile, workers;
  State* parts;
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    block.each([&](unsigned t) {
      std::size_t const worker = block.index() * threads + t;
      if (worker >= workers) return;
      std::size_t const begin = worker * tile, end = begin + tile < rows ? begin + tile : rows;
      State local = initial;
      for (std::size_t i = begin; i < end; ++i) f(i, local);
      parts[worker] = local;
    });
  }
};

template <class State, class Merge>
struct merge_program {
  static_assert(
      std::is_trivially_copyable_v<Merge>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "fold_rows (merge)";
  static constexpr unsigned threads = 128;
  static constexpr std::size_t group = 32;
  Merge merge;
  State initial;
  State const* parts;
  std::size_t count;
  State* out;
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    block.each([&](unsigned t) {
      std::size_t const begin = (block.index() * threads + t) * group;
      if (begin >= count) return;
      std::size_t const end = begin + group < count ? begin + group : count;
      State total = initial;
      for (std::size_t p = begin; p < end; ++p) merge(total, parts[p]);
      out[begin / group] = total;
    });
  }
};

/// The fold of at least one row, still on the device: rows in contiguous runs, a thread each; runs
/// are merged in order, every group of them from `initial`.
template <class P, class State, class F, class Merge>
ops::buffer<State, P> folded_on_device(P const& exec, std::size_t rows, State const& initial,
                                       F const& f, Merge const& merge) {
  using fold = fold_program<State, F>;
  using join = merge_program<State, Merge>;
  std::size_t const least = ceil_div(rows, std::size_t{1} << 16), tile = least > 16 ? least : 16;
  std::size_t count = ceil_div(rows, tile);
  auto parts = ops::make_buffer<State>(exec, count);
  exec.launch(fold{f, initial, rows, tile, count, parts.view().data},
              ceil_div(count, fold::threads), 0);
  do {
    std::size_t const fewer = ceil_div(count, join::group);
    auto merged = ops::make_buffer<State>(exec, fewer);
    exec.launch(join{merge, initial, parts.view().data, count, merged.view().data},
                ceil_div(fewer, join::threads), 0);
    parts = std::move(merged);
    count = fewer;
  } while (count > 1);
  return parts;
}

// The first row

template <class F>
struct first_program {
  static_assert(
      std::is_trivially_copyable_v<F>,
      "limpid: what runs on a device is copied there byte by byte: views and numbers by value");
  static constexpr char const* name = "first_row";
  static constexpr unsigned threads = 256;
  static constexpr std::size_t tile = 2048;
  F f;
  std::size_t rows;
  counter* first;     ///< rows where there is none
  unsigned together;  ///< rows staged at a time; 0: none
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    std::size_t const begin = block.index() * tile, end = begin + tile < rows ? begin + tile : rows;
    if constexpr (names_own_rows<F>)
      if (together) {
        for (std::size_t row = begin; row < end; row += together)
          on_staged_rows(block, f, block.template shared<unsigned char>(0), row, together,
                         end - row < together ? static_cast<unsigned>(end - row) : together,
                         threads, [&](F const& mine, std::size_t i, unsigned) {
                           if (mine(i)) atomic_min(first, static_cast<counter>(i));
                         });
        return;
      }
    block.each([&](unsigned t) {
      for (std::size_t i = begin + t; i < end; i += threads)
        if (f(i)) {
          atomic_min(first, static_cast<counter>(i));
          return;
        }
    });
  }
};

template <class F>
struct code_of {
  F f;
  std::size_t row;
  int* code;
  LIMPID_HD void operator()(std::size_t) const { *code = f(row); }
};

// Copies

template <class T, class U>
struct copy_element {
  matrix_view<T const, memory_space::device> from;
  matrix_view<U, memory_space::device> to;
  LIMPID_HD void operator()(std::size_t i) const {
    auto const [r, c] = place_of(i, from.cols);
    to(r, c) = static_cast<U>(from(r, c));
  }
};

/// Rows of adjacent elements, or columns where `turned`; `pitched` if neither.
template <class T, memory_space S>
bool by_rows(matrix_view<T, S> m) {
  return m.col_stride == 1 && (m.rows < 2 || m.row_stride >= static_cast<std::ptrdiff_t>(m.cols));
}

/// Same type, rows of adjacent elements on both sides.
template <class P, class T, memory_space A, memory_space B>
void copy_pitched(P const& exec, matrix_view<T const, A> from, matrix_view<T, B> to) {
  constexpr auto way = A == B                    ? transfer_way::on_device
                       : A == memory_space::host ? transfer_way::to_device
                                                 : transfer_way::to_host;
  std::size_t const width = from.cols * sizeof(T);
  auto const pitch = [&](auto m) {
    return m.rows < 2 ? width : static_cast<std::size_t>(m.row_stride) * sizeof(T);
  };
  exec.transfer(to.data, pitch(to), from.data, pitch(from), width, from.rows, way);
}

template <class P, class T, memory_space A, class U, memory_space B>
void copy_matrix(P const& exec, matrix_view<T const, A> from, matrix_view<U, B> to) {
  constexpr auto device = memory_space::device;
  if (from.rows == 0 || from.cols == 0) return;
  if constexpr (std::is_same_v<T, U> && !(A == memory_space::host && B == memory_space::host)) {
    auto const a = tidy(from);
    auto const b = tidy(to);
    if (by_rows(a) && by_rows(b)) return copy_pitched(exec, a, b);
    if (by_rows(a.transposed()) && by_rows(b.transposed()))
      return copy_pitched(exec, a.transposed(), b.transposed());
  }
  std::size_t const rows = from.rows, cols = from.cols, size = rows * cols;
  if constexpr (A == memory_space::host && B == memory_space::host) {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c) to(r, c) = static_cast<U>(from(r, c));
  } else if constexpr (A == device && B == device) {
    map_rows(exec, size, copy_element<T, U>{from, to});
  } else if constexpr (A == memory_space::host) {
    std::vector<U> packed(size);
    matrix_view<U> const here(packed.data(), rows, cols);
    copy_matrix(exec, from, here);
    auto const there = ops::make_buffer<U>(exec, size);
    copy_pitched(exec, matrix_view<U const>(here), there.view(rows, cols));
    map_rows(exec, size, copy_element<U, U>{there.view(rows, cols), to});
  } else {
    auto const there = ops::make_buffer<U>(exec, size);
    map_rows(exec, size, copy_element<T, U>{from, there.view(rows, cols)});
    std::vector<U> packed(size);
    matrix_view<U> const here(packed.data(), rows, cols);
    copy_pitched(exec, matrix_view<U const, device>(there.view(rows, cols)), here);
    copy_matrix(exec, matrix_view<U const>(here), to);
  }
}

template <class T, memory_space S>
matrix_view<T, S> as_column(vector_view<T, S> v) {
  return {v.data, v.size, 1, v.stride, 1};
}
/// A vector without gaps as one row.
template <class P, class T, memory_space A, class U, memory_space B>
void copy_vector(P const& exec, vector_view<T const, A> from, vector_view<U, B> to) {
  if (from.contiguous() && to.contiguous())
    copy_matrix(exec, matrix_view<T const, A>(from.data, 1, from.size, 0, 1),
                matrix_view<U, B>(to.data, 1, to.size, 0, 1));
  else
    copy_matrix(exec, as_column(from), as_column(to));
}

}  // namespace limpid::detail

namespace limpid {

template <detail::grid_policy P>
struct kernel<ops::copy_fn, P> {
  template <class T, memory_space A, class U, memory_space B>
  static void run(P const& exec, vector_view<T, A> from, vector_view<U, B> to) {
    detail::copy_vector(exec, vector_view<std::remove_const_t<T> const, A>(from), to);
  }
  template <class T, memory_space A, class U, memory_space B>
  static void run(P const& exec, matrix_view<T, A> from, matrix_view<U, B> to) {
    detail::copy_matrix(exec, matrix_view<std::remove_const_t<T> const, A>(from), to);
  }
};

template <detail::grid_policy P>
struct kernel<ops::for_rows_fn, P> {
  template <class F>
  static void run(P const& exec, std::size_t rows, F const& f) {
    detail::map_rows(exec, rows, f);
  }
};

/// A thread per group: blocks of one warp, so that few groups still spread over the device.
template <detail::grid_policy P>
struct kernel<ops::for_groups_fn, P> {
  template <class F>
  static void run(P const& exec, std::size_t groups, F const& f) {
    detail::map_rows<32>(exec, groups, f);
  }
};

template <detail::grid_policy P>
struct kernel<ops::sum_rows_fn, P> {
  template <class F>
  static std::vector<double> run(P const& exec, std::size_t rows, std::size_t width, F const& f) {
    if (rows == 0 || width == 0) return std::vector<double>(width);
    auto const sums = detail::sums_on_device(exec, rows, width, f);
    return on_host(exec, sums.view().data, width);
  }
  static std::vector<double> run(P const& exec, std::size_t rows, std::size_t width,
                                 ops::detail::add_pair<P::space> const& f) {
    using program = detail::count_program<P::space>;
    if (rows == 0 || width == 0) return std::vector<double>(width);
    if (f.weights.data || width <= detail::most_narrow) {
      auto const sums = detail::sums_on_device(exec, rows, width, f);
      return on_host(exec, sums.view().data, width);
    }
    auto const cells = ops::make_buffer<detail::counter>(exec, width);
    exec.clear(cells.view().data, width * sizeof(detail::counter));
    exec.launch(program{f, width, cells.view().data}, detail::ceil_div(rows, program::tile),
                width <= program::most_shared ? width * sizeof(unsigned) : 0);
    std::vector<detail::counter> const counts = on_host(exec, cells.view().data, width);
    return std::vector<double>(counts.begin(), counts.end());
  }

 private:
  template <class T>
  static std::vector<T> on_host(P const& exec, T const* from, std::size_t size) {
    std::vector<T> to(size);
    exec.transfer(to.data(), size * sizeof(T), from, size * sizeof(T), size * sizeof(T), 1,
                  detail::transfer_way::to_host);
    return to;
  }
};

template <detail::grid_policy P>
struct kernel<ops::fold_rows_fn, P> {
  template <class State, class F, class Merge>
  static State run(P const& exec, std::size_t rows, State const& initial, F const& f,
                   Merge const& merge) {
    if (rows == 0) return initial;
    auto const folded = detail::folded_on_device(exec, rows, initial, f, merge);
    return detail::fetch(exec, static_cast<State const*>(folded.view().data));
  }
};

template <detail::grid_policy P>
struct kernel<ops::first_row_fn, P> {
  template <class F>
  static ops::row_fault run(P const& exec, std::size_t rows, F const& f) {
    using program = detail::first_program<F>;
    if (rows == 0) return {};
    detail::counter const none = rows;
    auto const first = ops::upload(exec, vector_view<detail::counter const>(&none, 1));
    auto const plan = detail::stage_plan::of(f, program::threads, detail::block_memory);
    exec.launch(program{f, rows, first.view().data, plan.rows},
                detail::ceil_div(rows, program::tile), plan.bytes);
    auto const row = static_cast<std::size_t>(
        detail::fetch(exec, static_cast<detail::counter const*>(first.view().data)));
    if (row == rows) return {};
    auto const code = ops::make_buffer<int>(exec, 1);
    detail::map_rows<32>(exec, 1, detail::code_of<F>{f, row, code.view().data});
    return {row, detail::fetch(exec, static_cast<int const*>(code.view().data))};
  }
};

}  // namespace limpid

#endif  // LIMPID_EXEC_DETAIL_CUDA_ROWS_HPP
