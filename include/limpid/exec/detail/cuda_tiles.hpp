// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_tiles.hpp
/// Tiles of inner products of two sets of rows, consumed at once: what nearest rows and kernels are
/// made of on a device.
///
/// cuBLAS would write every product and an epilogue read it again, 8 bytes for 2 d operations; and
/// sums of |x - z| or of squared differences are not its.
#ifndef LIMPID_EXEC_DETAIL_CUDA_TILES_HPP
#define LIMPID_EXEC_DETAIL_CUDA_TILES_HPP

#include <limpid/exec/detail/cuda_rows.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::detail {

inline constexpr std::size_t row_padding = 128;  ///< packed rows, a multiple of every tile
inline constexpr std::size_t tile_depth =
    16;  ///< columns of the rows that lie in a block's memory at a time

constexpr std::size_t padded(std::size_t size, std::size_t to) {
  return ceil_div(size, to) * to;
}

/// A tile of values, queries x references, of a block and of a thread.
template <class C>
struct tile_shape {
  static constexpr unsigned threads = 256;
  static constexpr unsigned queries = sizeof(C) == 4 ? 128 : 64, references = 64;
  static constexpr unsigned own_queries = queries / 16, own_references = references / 16;
  static constexpr unsigned pitch =
      references + 1;  ///< of a tile of values: no two lanes in one bank
  static constexpr unsigned parts =
      threads / queries;  ///< threads that share a query of a tile of values
  static constexpr std::size_t shared = sizeof(C) * queries * pitch;
  static_assert(shared <= block_memory &&
                shared >= sizeof(C) * tile_depth * (queries + 2 * references));
  static_assert(shared >= sizeof(double) * threads * 16);
};

/// Sixteen bytes, moved at once.
template <class C>
struct alignas(16) quad {
  static constexpr unsigned size = 16 / sizeof(C);
  C element[size];
};

/// Rows with columns slowest, less a centre, times a factor of the row; zeros up to the padding.
template <class C>
struct packed_on_device {
  C const* data;  ///< depth x pitch
  C const* norm;  ///< pitch: squared lengths of the packed rows
  std::size_t rows, pitch, depth;
};

template <class C, class P>
struct packed_buffers {
  ops::buffer<C, P> data, norm;
  std::size_t rows, pitch, depth;
  packed_on_device<C> view() const {
    return {data.view().data, norm.view().data, rows, pitch, depth};
  }
};

template <class T, class C>
struct pack_entry {
  matrix_view<T const, memory_space::device> x;
  double const* centre;  ///< null: 0
  double const* factor;  ///< null: 1
  C* to;
  std::size_t pitch;
  LIMPID_HD void operator()(std::size_t at) const {
    auto const [c, i] = place_of(at, pitch);
    if (i >= x.rows || c >= x.cols) {
      to[at] = C{0};
      return;
    }
    double const value = static_cast<double>(x(i, c)) - (centre ? centre[c] : 0.0);
    to[at] = static_cast<C>(factor ? value * factor[i] : value);
  }
};
template <class C>
struct pack_norm {
  C const* data;
  std::size_t pitch, depth;
  C* norm;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t c = 0; c < depth; ++c) {
      auto const value = static_cast<double>(data[c * pitch + i]);
      sum += value * value;
    }
    norm[i] = static_cast<C>(sum);
  }
};

template <class C, class P, class T>
packed_buffers<C, P> pack(P const& exec, matrix_view<T const, memory_space::device> x,
                          double const* centre, double const* factor) {
  std::size_t const pitch = padded(x.rows, row_padding), depth = padded(x.cols, tile_depth);
  packed_buffers<C, P> out{ops::make_buffer<C>(exec, depth * pitch),
                           ops::make_buffer<C>(exec, pitch), x.rows, pitch, depth};
  map_rows(exec, depth * pitch, pack_entry<T, C>{x, centre, factor, out.data.view().data, pitch});
  map_rows(exec, pitch, pack_norm<C>{out.data.view().data, pitch, depth, out.norm.view().data});
  return out;
}

template <class T>
struct add_columns {
  matrix_view<T const, memory_space::device> x;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t c = 0; c < x.cols; ++c) sums[c] += static_cast<double>(x(i, c));
  }
};
struct divide {
  double* sums;
  double by;
  LIMPID_HD void operator()(std::size_t i) const { sums[i] /= by; }
};
/// Means of the columns, of n >= 1 rows; they stay on the device.
template <class P, class T>
ops::buffer<double, P> means_on_device(P const& exec,
                                       matrix_view<T const, memory_space::device> x) {
  if (x.cols == 0) return ops::make_buffer<double>(exec, 0);
  auto sums = sums_on_device(exec, x.rows, x.cols, add_columns<T>{x});
  map_rows<32>(exec, x.cols, divide{sums.view().data, static_cast<double>(x.rows)});
  return sums;
}

/// How references are shared out, so that few queries fill the device too. By the sizes alone.
struct segments_of {
  std::size_t count, size;  ///< `size` references each, the last fewer; a multiple of every tile
  segments_of(std::size_t query_blocks, std::size_t references) {
    std::size_t const wanted = ceil_div(512, query_blocks ? query_blocks : 1),
                      most = ceil_div(references, 2048);
    std::size_t const some = wanted < most ? wanted : most;
    size = padded(ceil_div(references, some ? some : 1), row_padding);
    count = size ? ceil_div(references, size) : 0;
  }
};

/// What is summed over the columns of two rows.
enum tile_sums : unsigned { products = 1, squares = 2, sizes = 4 };

/// Every tile of a block's queries with its segment's references: of one sum in float two tiles
/// side by side are multiplied at a time, so that a thread multiplies 8 x 8 numbers for 4 reads of
/// 16 bytes. `Consume`:
///     struct state;                                     // of a thread
///     C operator()(i, j, product, square, size) const   // the value of query i and reference j
///     with_value(f) const                               // of one sum: f(a functor that does the
///                                                       // same, and says if it is `brief`)
///     tile(t, state, values, query, reference, segment, end)    // values: queries x pitch
///     finish(block, states, query, segment)             // after the last tile
template <class C, unsigned Sums, class Consume>
struct tile_program {
  using shape = tile_shape<C>;
  static constexpr char const* name = Consume::name;
  static constexpr unsigned threads = shape::threads;
  static constexpr unsigned resident = (Sums & (Sums - 1)) == 0 ? 2 : 1;
  packed_on_device<C> queries, references;
  std::size_t query_blocks;
  segments_of segments;
  Consume consume;

  static constexpr bool has_products = Sums & products, has_squares = Sums & squares,
                        has_sizes = Sums & sizes;

  static constexpr bool one_sum = resident == 2;
  static constexpr unsigned tiles = one_sum && sizeof(C) == 4 ? 2 : 1;  ///< at a time
  static constexpr unsigned width = tiles * shape::references,
                            own_width = tiles * shape::own_references;
  static constexpr unsigned query_quads = tile_depth * shape::queries / quad<C>::size;
  static constexpr unsigned reference_quads = tile_depth * width / quad<C>::size;
  static_assert(row_padding % width == 0);

  struct state {
    C product[has_products ? shape::own_queries : 1][has_products ? own_width : 1];
    C square[has_squares ? shape::own_queries : 1][has_squares ? own_width : 1];
    C size[has_sizes ? shape::own_queries : 1][has_sizes ? own_width : 1];
    quad<C> next_queries[query_quads / threads], next_references[reference_quads / threads];
  };

  /// `Count` quads of a tile of `Width` rows.
  template <unsigned Width, unsigned Count>
  static LIMPID_HD void fetch(packed_on_device<C> const& from, std::size_t row, std::size_t depth,
                              unsigned t, quad<C> (&to)[Count]) {
    LIMPID_UNROLL
    for (unsigned p = 0; p < Count; ++p) {
      unsigned const at = (t + p * threads) * quad<C>::size;
      to[p] = *reinterpret_cast<quad<C> const*>(from.data + (depth + at / Width) * from.pitch +
                                                row + at % Width);
    }
  }

  template <class Block>
  LIMPID_HD void operator()(Block const& block) const {
    std::size_t const query = block.index() % query_blocks * shape::queries,
                      segment = block.index() / query_blocks;
    std::size_t const begin = segment * segments.size;
    std::size_t const end =
        begin + segments.size < references.rows ? begin + segments.size : references.rows;
    C* const q = block.template shared<C>(0);
    C* const r = q + tile_depth * shape::queries;
    C* const values = q;  // once the tile's rows have been used
    auto states = block.template registers<state>();
    auto kept = block.template registers<typename Consume::state>();
    for (std::size_t reference = begin; reference < end; reference += width) {
      block.each([&](unsigned t) {
        state& s = states[t];
        s = state{};
        fetch<shape::queries>(queries, query, 0, t, s.next_queries);
        fetch<width>(references, reference, 0, t, s.next_references);
      });
      for (std::size_t depth = 0; depth < queries.depth; depth += tile_depth) {
        block.each([&](unsigned t) {
          state const& s = states[t];
          LIMPID_UNROLL
          for (unsigned p = 0; p < query_quads / threads; ++p)
            reinterpret_cast<quad<C>*>(q)[t + p * threads] = s.next_queries[p];
          LIMPID_UNROLL
          for (unsigned p = 0; p < reference_quads / threads; ++p)
            reinterpret_cast<quad<C>*>(r)[t + p * threads] = s.next_references[p];
        });
        block.each([&](unsigned t) {
          state& s = states[t];
          if (depth + tile_depth < queries.depth) {  // on their way while these are multiplied
            fetch<shape::queries>(queries, query, depth + tile_depth, t, s.next_queries);
            fetch<width>(references, reference, depth + tile_depth, t, s.next_references);
          }
          multiply(s, q + t / 16 * shape::own_queries, r + t % 16 * shape::own_references);
        });
      }
      LIMPID_UNROLL_BY(1)
      for (unsigned tile = 0; tile < tiles; ++tile) {
        std::size_t const first = reference + tile * shape::references;
        if (first >= end) break;
        put_values(block, states, values, query, first, tile);
        block.each(
            [&](unsigned t) { consume.tile(t, kept[t], values, query, first, segment, end); });
      }
    }
    consume.finish(block, kept, query, segment);
  }

 private:
  /// One of the tiles of sums, as values in the block's memory.
  template <class Block, class States>
  LIMPID_HD void put_values(Block const& block, States& states, C* values, std::size_t query,
                            std::size_t reference, unsigned tile) const {
    if constexpr (one_sum) {  // sums first, so that the loop over values is short
      block.each([&](unsigned t) {
        LIMPID_UNROLL
        for (unsigned known = 0; known < tiles; ++known)
          if (known == tile) put_sums(states[t], values, t, known);
      });
      consume.with_value([&](auto const& value) {
        [[maybe_unused]] constexpr unsigned rounds =
            std::remove_cvref_t<decltype(value)>::brief ? 4 : 1;
        block.each([&](unsigned t) {
          unsigned const j = t % shape::references;
          LIMPID_UNROLL_BY(rounds)
          for (unsigned i = t / shape::references; i < shape::queries;
               i += threads / shape::references) {
            C& v = values[i * shape::pitch + j];
            v = value(query + i, reference + j, has_products ? v : C{0}, has_squares ? v : C{0},
                      has_sizes ? v : C{0});
          }
        });
      });
    } else {
      block.each([&](unsigned t) {
        state const& s = states[t];
        LIMPID_UNROLL_BY(1)
        for (unsigned at = 0; at < shape::own_queries * shape::own_references; ++at) {
          unsigned const a = at / shape::own_references, b = at % shape::own_references;
          unsigned const i = t / 16 * shape::own_queries + a,
                         j = t % 16 * shape::own_references + b;
          values[i * shape::pitch + j] =
              consume(query + i, reference + j, has_products ? s.product[a][b] : C{0},
                      has_squares ? s.square[a][b] : C{0}, has_sizes ? s.size[a][b] : C{0});
        }
      });
    }
  }

  /// `tile` must be known where this is compiled, or the sums are no registers.
  static LIMPID_HD void put_sums(state const& s, C* values, unsigned t, unsigned tile) {
    unsigned const column = tile * shape::own_references;
    LIMPID_UNROLL
    for (unsigned a = 0; a < shape::own_queries; ++a) {
      LIMPID_UNROLL
      for (unsigned b = 0; b < shape::own_references; ++b)
        values[(t / 16 * shape::own_queries + a) * shape::pitch + t % 16 * shape::own_references +
               b] = has_products  ? s.product[a][column + b]
                    : has_squares ? s.square[a][column + b]
                                  : s.size[a][column + b];
    }
  }

  static LIMPID_HD void multiply(state& s, C const* q, C const* r) {
    LIMPID_UNROLL_BY(4)
    for (unsigned k = 0; k < tile_depth; ++k) {
      quad<C> a[shape::own_queries / quad<C>::size],
          b[tiles][shape::own_references / quad<C>::size];
      LIMPID_UNROLL
      for (unsigned p = 0; p < shape::own_queries / quad<C>::size; ++p)
        a[p] = reinterpret_cast<quad<C> const*>(q + k * shape::queries)[p];
      LIMPID_UNROLL
      for (unsigned tile = 0; tile < tiles; ++tile) {
        LIMPID_UNROLL
        for (unsigned p = 0; p < shape::own_references / quad<C>::size; ++p)
          b[tile][p] =
              reinterpret_cast<quad<C> const*>(r + k * width + tile * shape::references)[p];
      }
      LIMPID_UNROLL
      for (unsigned i = 0; i < shape::own_queries; ++i) {
        LIMPID_UNROLL
        for (unsigned j = 0; j < own_width; ++j) {
          C const x = a[i / quad<C>::size].element[i % quad<C>::size];
          auto const& of = b[j / shape::own_references][j % shape::own_references / quad<C>::size];
          C const z = of.element[j % quad<C>::size];
          if constexpr (has_products) s.product[i][j] += x * z;
          if constexpr (has_squares || has_sizes) {
            C const gap = x - z;
            if constexpr (has_squares) s.square[i][j] += gap * gap;
            if constexpr (has_sizes) s.size[i][j] += gap < C{0} ? -gap : gap;
          }
        }
      }
    }
  }
};

template <class C, unsigned Sums, class P, class Consume>
void consume_tiles(P const& exec, packed_on_device<C> queries, packed_on_device<C> references,
                   segments_of const& segments, Consume const& consume) {
  using program = tile_program<C, Sums, Consume>;
  std::size_t const blocks = ceil_div(queries.rows, program::shape::queries);
  exec.launch(program{queries, references, blocks, segments, consume}, blocks * segments.count,
              program::shape::shared);
}

}  // namespace limpid::detail

#endif  // LIMPID_EXEC_DETAIL_CUDA_TILES_HPP
