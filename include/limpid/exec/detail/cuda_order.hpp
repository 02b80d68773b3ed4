// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_order.hpp
/// Quantiles of columns by radix selection, the rows where columns are largest, and sparse times
/// dense, on a device.
///
/// CUB would sort a copy of every column to read one or two of its elements; selection writes
/// nothing and reads strided rows as they are. cuSPARSE does not say in which order, nor in which
/// type, it adds; here a row's entries are added in storage order, in double, as on the host.
#ifndef LIMPID_EXEC_DETAIL_CUDA_ORDER_HPP
#define LIMPID_EXEC_DETAIL_CUDA_ORDER_HPP

#include <limpid/exec/detail/cuda_rows.hpp>
#include <limpid/ops/order.hpp>
#include <limpid/ops/spmm.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace limpid::detail {

// Quantiles

/// An unsigned integer that is ordered as the reals are; -0 just below 0.
template <class T>
struct ordered {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static constexpr unsigned size = 8 * sizeof(T);
  static constexpr bits sign = bits{1} << (size - 1);
  static LIMPID_HD bits from(T x) {
    bits b;
    memcpy(&b, &x, sizeof b);
    return b & sign ? ~b : b | sign;
  }
  static LIMPID_HD T to(bits b) {
    b = b & sign ? b & ~sign : ~b;
    T x;
    memcpy(&x, &b, sizeof x);
    return x;
  }
};

/// Of one column: which elements are still candidates, and which of them is wanted.
struct selection {
  std::uint64_t prefix;  ///< of the wanted element, in the bits passed so far
  std::uint64_t rank;    ///< of the wanted element among those with the prefix
  std::uint64_t equal;   ///< how many have it
};

inline constexpr unsigned digit_bits = 8, digit_count = 1u << digit_bits;

/// Columns that a block takes side by side: all 32 lanes where the columns lie next to each other,
/// one where rows do.
struct column_strips {
  std::size_t columns;  ///< of a block
  std::size_t strips, tiles;
  static constexpr std::size_t tile = std::size_t{1} << 14;
  template <class T, memory_space S>
  static column_strips of(matrix_view<T, S> x) {
    auto const step = [](std::ptrdiff_t s) { return s < 0 ? -s : s; };
    std::size_t const side = step(x.row_stride) < step(x.col_stride) ? 1
                             : x.cols < 32                           ? x.cols
                                                                     : 32;
    return {side, ceil_div(x.cols, side), ceil_div(x.rows, tile)};
  }
};

/// Counts the next digit of every column's candidates. Each lane of a warp has a histogram of its
/// own, in its own bank; lanes beyond the columns take other rows of the same ones.
template <class T>
struct digit_program {
  static constexpr char const* name = "column_quantiles";
  static constexpr unsigned threads = 256, lanes = 32;
  static constexpr std::size_t shared = sizeof(unsigned) * digit_count * lanes;
  matrix_view<T const, memory_space::device> x;
  column_strips cut;
  unsigned done;            ///< bits already passed
  selection const* wanted;  ///< per column
  counter* out;             ///< columns x digit_count

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    unsigned* const count = block.template shared<unsigned>(0);
    std::size_t const first = block.index() % cut.strips * cut.columns,
                      begin = block.index() / cut.strips * column_strips::tile,
                      end = begin + column_strips::tile < x.rows ? begin + column_strips::tile
                                                                 : x.rows;
    unsigned const side = static_cast<unsigned>(cut.columns), copies = lanes / side;
    block.each([&](unsigned t) {
      for (unsigned at = t; at < digit_count * lanes; at += threads) count[at] = 0;
    });
    block.each([&](unsigned t) {
      using key = ordered<T>;
      unsigned const lane = t % lanes, copy = lane / side;
      std::size_t const k = first + lane % side;
      if (copy >= copies || k >= x.cols) return;
      std::uint64_t const prefix = wanted[k].prefix;
      unsigned const shift = key::size - done - digit_bits;
      for (std::size_t i = begin + t / lanes * copies + copy; i < end;
           i += threads / lanes * copies) {
        auto const bits = key::from(x(i, k));
        if (done && std::uint64_t{bits} >> (key::size - done) != prefix) continue;
        atomic_add(count + (bits >> shift) % digit_count * lanes + lane, 1u);
      }
    });
    block.each([&](unsigned t) {
      for (unsigned at = t; at < digit_count * side; at += threads) {
        unsigned const digit = at / side, column = at % side;
        if (first + column >= x.cols) continue;
        counter sum = 0;
        for (unsigned copy = 0; copy < copies; ++copy)
          sum += count[digit * lanes + copy * side + column];
        if (sum) atomic_add(out + (first + column) * digit_count + digit, sum);
      }
    });
  }
};

/// Moves every column's selection on by one digit.
struct next_digit {
  selection* wanted;
  counter* count;  ///< columns x digit_count; left 0 for the next round
  LIMPID_HD void operator()(std::size_t k) const {
    counter* const mine = count + k * digit_count;
    selection s = wanted[k];
    unsigned digit = 0;
    while (digit + 1 < digit_count && s.rank >= mine[digit]) s.rank -= mine[digit++];
    s.prefix = s.prefix << digit_bits | digit;
    s.equal = mine[digit];
    for (unsigned d = 0; d < digit_count; ++d) mine[d] = 0;
    wanted[k] = s;
  }
};

/// The least element above the selected one.
template <class T>
struct above_program {
  static constexpr char const* name = "column_quantiles (next)";
  static constexpr unsigned threads = 256, lanes = 32;
  matrix_view<T const, memory_space::device> x;
  column_strips cut;
  selection const* wanted;
  counter* out;  ///< per column
  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    std::size_t const first = block.index() % cut.strips * cut.columns,
                      begin = block.index() / cut.strips * column_strips::tile,
                      end = begin + column_strips::tile < x.rows ? begin + column_strips::tile
                                                                 : x.rows;
    unsigned const side = static_cast<unsigned>(cut.columns), copies = lanes / side;
    block.each([&](unsigned t) {
      unsigned const lane = t % lanes, copy = lane / side;
      std::size_t const k = first + lane % side;
      if (copy >= copies || k >= x.cols) return;
      counter least = ~counter{0};
      for (std::size_t i = begin + t / lanes * copies + copy; i < end;
           i += threads / lanes * copies) {
        counter const bits = ordered<T>::from(x(i, k));
        if (bits > wanted[k].prefix && bits < least) least = bits;
      }
      if (least != ~counter{0}) atomic_min(out + k, least);
    });
  }
};

// The largest entry

/// The best of every strip and tile; row = rows where there is none.
template <class T>
struct arg_max_program {
  static constexpr char const* name = "arg_max_columns";
  static constexpr unsigned threads = 256, lanes = 32;
  static constexpr std::size_t shared = threads * (sizeof(T) + sizeof(counter));
  matrix_view<T const, memory_space::device> x;
  column_strips cut;
  double const* limits;
  T* value;      ///< tiles x columns
  counter* row;  ///< likewise

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    auto* const at = block.template shared<counter>(0);
    T* const best = block.template shared<T>(threads * sizeof(counter));
    std::size_t const first = block.index() % cut.strips * cut.columns,
                      tile = block.index() / cut.strips, begin = tile * column_strips::tile,
                      end = begin + column_strips::tile < x.rows ? begin + column_strips::tile
                                                                 : x.rows;
    unsigned const side = static_cast<unsigned>(cut.columns), copies = lanes / side;
    block.each([&](unsigned t) {
      unsigned const lane = t % lanes, copy = lane / side;
      std::size_t const k = first + lane % side;
      at[t] = x.rows;
      best[t] = T{};
      if (copy >= copies || k >= x.cols) return;
      for (std::size_t i = begin + t / lanes * copies + copy; i < end;
           i += threads / lanes * copies) {
        T const entry = x(i, k);
        if (!(static_cast<double>(entry) < limits[k])) continue;
        if (at[t] < x.rows && entry <= best[t]) continue;
        best[t] = entry;
        at[t] = i;
      }
    });
    block.each([&](unsigned t) {
      if (t >= side || first + t >= x.cols) return;
      std::size_t here = x.rows;
      T most{};
      for (unsigned other = 0; other < threads; ++other) {
        unsigned const lane = other % lanes;
        if (lane / side >= copies || lane % side != t || at[other] == x.rows) continue;
        if (here == x.rows || best[other] > most || (best[other] == most && at[other] < here)) {
          most = best[other];
          here = static_cast<std::size_t>(at[other]);
        }
      }
      value[tile * x.cols + first + t] = most;
      row[tile * x.cols + first + t] = here;
    });
  }
};

template <class T>
struct best_of_tiles {
  T const* value;
  counter const* row;
  std::size_t tiles, cols;
  counter none;
  counter* out;
  LIMPID_HD void operator()(std::size_t k) const {
    counter at = none;
    T most{};
    for (std::size_t t = 0; t < tiles; ++t) {
      counter const here = row[t * cols + k];
      T const entry = value[t * cols + k];
      if (here == none || (at != none && entry <= most)) continue;
      most = entry;
      at = here;
    }
    out[k] = at;
  }
};

// Sparse times dense

/// A thread per entry of the result: neighbours read the same entries of a, and neighbours of x.
template <class T>
struct spmm_entry {
  csr_view<T, memory_space::device> a;
  matrix_view<T const, memory_space::device> x;
  matrix_view<T, memory_space::device> out;
  LIMPID_HD void operator()(std::size_t at) const {
    auto const [r, c] = place_of(at, x.cols);
    double sum = 0;
    for (std::uint64_t e = a.start[r], end = a.start[r + 1]; e < end; ++e)
      sum += static_cast<double>(a.value[e]) * static_cast<double>(x(a.col[e], c));
    out(r, c) = static_cast<T>(sum);
  }
};

}  // namespace limpid::detail

namespace limpid {

template <detail::grid_policy P>
struct kernel<ops::column_quantiles_fn, P> {
  template <class T, memory_space S>
  static vector<double> run(P const& exec, matrix_view<T const, S> x, double q,
                            ops::quantile_rule rule) {
    using count = detail::digit_program<T>;
    using key = detail::ordered<T>;
    std::size_t const cols = x.cols;
    vector<double> out(cols);
    if (cols == 0) return out;
    auto const size = static_cast<double>(x.rows);
    double const exact = q * (size - 1);
    // a product that is a whole number up to rounding is that number
    double const at =
        rule == ops::quantile_rule::higher ? std::ceil(exact - 1e-12 * size) : std::floor(exact);
    double const rest = rule == ops::quantile_rule::higher ? 0 : exact - at;
    auto const wanted = ops::make_buffer<detail::selection>(exec, cols);
    std::vector<detail::selection> found(cols, {0, static_cast<std::uint64_t>(at), 0});
    std::size_t const bytes = cols * sizeof(detail::selection);
    exec.transfer(wanted.view().data, bytes, found.data(), bytes, bytes, 1,
                  detail::transfer_way::to_device);
    auto const cut = detail::column_strips::of(x);
    std::size_t const blocks = cut.strips * cut.tiles, counts = cols * detail::digit_count;
    auto const digits = ops::make_buffer<detail::counter>(exec, counts);
    exec.clear(digits.view().data, counts * sizeof(detail::counter));
    for (unsigned done = 0; done < key::size; done += detail::digit_bits) {
      exec.launch(count{x, cut, done, wanted.view().data, digits.view().data}, blocks,
                  count::shared);
      detail::map_rows(exec, cols, detail::next_digit{wanted.view().data, digits.view().data});
    }
    exec.transfer(found.data(), bytes, wanted.view().data, bytes, bytes, 1,
                  detail::transfer_way::to_host);
    std::vector<detail::counter> above(cols, ~detail::counter{0});
    bool const between = rest > 0;
    if (between) {
      std::size_t const size_of = cols * sizeof(detail::counter);
      exec.transfer(digits.view().data, size_of, above.data(), size_of, size_of, 1,
                    detail::transfer_way::to_device);
      exec.launch(detail::above_program<T>{x, cut, wanted.view().data, digits.view().data}, blocks,
                  0);
      exec.transfer(above.data(), size_of, digits.view().data, size_of, size_of, 1,
                    detail::transfer_way::to_host);
    }
    for (std::size_t k = 0; k < cols; ++k) {
      auto const low =
          static_cast<double>(key::to(static_cast<typename key::bits>(found[k].prefix)));
      bool const tied = found[k].rank + 1 < found[k].equal || above[k] == ~detail::counter{0};
      double const next =
          tied ? low : static_cast<double>(key::to(static_cast<typename key::bits>(above[k])));
      out[k] = between ? low + rest * (next - low) : low;
    }
    return out;
  }
};

template <detail::grid_policy P>
struct kernel<ops::arg_max_columns_fn, P> {
  template <class T, memory_space S>
  static vector<std::size_t> run(P const& exec, matrix_view<T const, S> x,
                                 vector<double> const& limits) {
    using program = detail::arg_max_program<T>;
    std::size_t const cols = x.cols;
    vector<std::size_t> out(cols, x.rows);
    if (cols == 0 || x.rows == 0) return out;
    auto const bounds = ops::upload(exec, limits.view());
    auto const cut = detail::column_strips::of(x);
    auto const value = ops::make_buffer<T>(exec, cut.tiles * cols);
    auto const row = ops::make_buffer<detail::counter>(exec, cut.tiles * cols);
    auto const best = ops::make_buffer<detail::counter>(exec, cols);
    exec.launch(program{x, cut, bounds.view().data, value.view().data, row.view().data},
                cut.strips * cut.tiles, program::shared);
    detail::map_rows<32>(exec, cols,
                         detail::best_of_tiles<T>{value.view().data, row.view().data, cut.tiles,
                                                  cols, x.rows, best.view().data});
    auto const rows = ops::download(exec, best.view());
    for (std::size_t k = 0; k < cols; ++k) out[k] = static_cast<std::size_t>(rows[k]);
    return out;
  }
};

template <detail::grid_policy P>
struct kernel<ops::spmm_fn, P> {
  template <class T, memory_space S>
  static void run(P const& exec, csr_view<T, S> a, matrix_view<T const, S> x,
                  matrix_view<T, S> out) {
    detail::map_rows(exec, a.rows() * x.cols, detail::spmm_entry<T>{a, x, out});
  }
};

}  // namespace limpid

#endif  // LIMPID_EXEC_DETAIL_CUDA_ORDER_HPP
