// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/quadratic_forms.hpp
/// Quadratic forms of a kernel matrix for many columns at once: what permutation tests are made of.
#ifndef LIMPID_OPS_QUADRATIC_FORMS_HPP
#define LIMPID_OPS_QUADRATIC_FORMS_HPP

#include <limpid/ops/kernel_sums.hpp>
#include <limpid/simd/quadratic_forms.hpp>

#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace limpid::ops {

namespace detail {

/// Kernel values of rows [q, q_end) with the rows of one block of lanes::form_refs, in double, at
/// that pitch.
template <class K, class T>
class kernel_blocks {
 public:
  kernel_blocks(K const& k, matrix_view<T const> x) : k_(k), x_(x) {}
  void operator()(std::size_t q, std::size_t q_end, std::size_t block, double* out) const {
    tile_range const refs(block, lanes::form_refs, x_.rows);
    for (std::size_t i = q; i < q_end; ++i)
      for (std::size_t j = refs.begin; j < refs.end; ++j)
        out[(i - q) * lanes::form_refs + j - refs.begin] = k_(x_.row(i), x_.row(j));
  }

 private:
  K const& k_;
  matrix_view<T const> x_;
};

/// Without the factors of a normalised kernel.
template <class T>
class kernel_blocks<kernel_function, T> {
 public:
  kernel_blocks(kernel_function const& k, matrix_view<T const> x) : x_(x), what_(k) {
    std::size_t const blocks = tiles_for(x.rows, lanes::form_refs);
    packed_.reserve(blocks);
    references_.reserve(blocks);
    for (std::size_t b = 0; b < blocks; ++b) {
      tile_range const rows(b, lanes::form_refs, x.rows);
      packed_.push_back(pack_references(what_, x.row_block(rows.begin, rows.end)));
      references_.emplace_back(packed_[b], what_.parts, what_.count, nullptr, std::size_t{1});
    }
  }
  kernel_blocks(kernel_blocks const&) = delete;  // references_ points into the others
  void operator()(std::size_t q, std::size_t q_end, std::size_t block, double* out) const {
    lanes::kernel_matrix_block(references_[block], x_.data, x_.row_stride, x_.col_stride, q, q_end,
                               out, static_cast<std::ptrdiff_t>(lanes::form_refs), 1);
  }

 private:
  matrix_view<T const> x_;
  lanes_kernel what_;
  std::vector<lanes::packed_rows<T>> packed_;
  std::vector<lanes::kernel_references<T>> references_;
};

/// The factors of a normalised kernel, one for each row; empty: none.
template <class K, class T>
std::vector<double> row_factors(K const& k, matrix_view<T const> x) {
  std::vector<double> by;
  if constexpr (std::is_same_v<K, kernel_function>)
    if (k.normalised) {
      by.resize(x.rows);
      for (std::size_t i = 0; i < x.rows; ++i) by[i] = std::sqrt(k.scale) * k.row_factor(x.row(i));
    }
  return by;
}

/// use(t, row block, block >= row block) for every two blocks of n rows, in tiles of one size: a
/// block of rows with those behind it, then its opposite from the end. tiles = half of the blocks.
template <host_policy P, class Use>
bool in_block_pairs(P const& exec, std::size_t n, progress const* on_progress, Use const& use) {
  std::size_t const blocks = tiles_for(n, lanes::form_refs);
  return in_steps(exec, (blocks + 1) / 2, on_progress, [&](std::size_t t) {
    for (std::size_t block = t; block < blocks; ++block) use(t, t, block);
    std::size_t const other = blocks - 1 - t;
    for (std::size_t block = other; other != t && block < blocks; ++block) use(t, other, block);
  });
}
inline std::size_t block_pair_tiles(std::size_t n) {
  return (tiles_for(n, lanes::form_refs) + 1) / 2;
}

}  // namespace detail

/// quadratic_forms(exec, k, x n x d, columns n x b, out b, on_progress) -> false if stopped.
/// out[c] = sum over i != j of v(i, c) k(x_i, x_j) v(j, c): the diagonal is left out. Each kernel
/// value is computed once for all columns and is never stored: O(n^2 (d + b) / 2) time, O(n (d +
/// b)) memory. Vectorised policies take kernel values and columns in T, and sums of up to 1024 of
/// their products too; the rest in double. Equal columns give equal sums, to the bit.
struct quadratic_forms_fn {
  template <execution_policy P, kernel_like K, class T, class V, memory_space S>
  bool operator()(P const& exec, K const& k, matrix_view<T const, S> x,
                  matrix_view<V const, S> columns, vector_view<double, S> out,
                  progress const* on_progress = nullptr) const {
    return kernel<quadratic_forms_fn, P>::run(exec, k, x, columns, out, on_progress);
  }

  template <host_policy P, kernel_like K, class T, class V>
  static bool host(P const& exec, K const& k, matrix_view<T const> x, matrix_view<V const> columns,
                   vector_view<double> out, progress const* on_progress) {
    if (columns.cols == 0) return true;
    if constexpr (P::vectorised)
      return blocks(exec, k, x, columns, out, on_progress);
    else
      return plain(exec, k, x, columns, out, on_progress);
  }

 private:
  template <host_policy P, kernel_like K, class T, class V>
  static bool plain(P const& exec, K const& k, matrix_view<T const> x, matrix_view<V const> columns,
                    vector_view<double> out, progress const* on_progress) {
    std::size_t const n = x.rows, count = columns.cols;
    std::size_t const tiles = detail::tiles_for(n, detail::query_tile);
    std::vector<double> parts(tiles * count);
    bool const done = in_steps(exec, tiles, on_progress, [&](std::size_t t) {
      detail::tile_range const rows(t, detail::query_tile, n);
      std::vector<double> sums(count);
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        for (double& s : sums) s = 0;
        for (std::size_t j = 0; j < i; ++j) {
          double const value = k(x.row(i), x.row(j));
          for (std::size_t c = 0; c < count; ++c)
            sums[c] += value * static_cast<double>(columns(j, c));
        }
        for (std::size_t c = 0; c < count; ++c)
          parts[t * count + c] += 2 * static_cast<double>(columns(i, c)) * sums[c];
      }
    });
    gather(parts, tiles, count, count, out);
    return done;
  }

  template <host_policy P, kernel_like K, class T, class V>
  static bool blocks(P const& exec, K const& k, matrix_view<T const> x,
                     matrix_view<V const> columns, vector_view<double> out,
                     progress const* on_progress) {
    std::size_t const n = x.rows, count = columns.cols;
    lanes::form_columns<T> const packed(n, count);
    auto const by = detail::row_factors(k, x);  // they go into the columns
    for (std::size_t g = 0; g < count; g += packed.width())
      for (std::size_t i = 0; i < n; ++i) {
        double const factor = by.empty() ? 1 : by[i];
        for (std::size_t c = g; c < count && c < g + packed.width(); ++c)
          packed(i, c) = static_cast<T>(factor * static_cast<double>(columns(i, c)));
      }
    detail::kernel_blocks<K, T> const value(k, x);
    constexpr std::size_t pitch = lanes::form_refs, height = lanes::form_rows;
    std::size_t const tiles = detail::block_pair_tiles(n), wide = packed.padded_count();
    std::vector<double> parts(tiles * wide);
    bool const done = detail::in_block_pairs(
        exec, n, on_progress, [&](std::size_t t, std::size_t row_block, std::size_t ref_block) {
          detail::tile_range const rows(row_block, pitch, n), refs(ref_block, pitch, n);
          std::size_t const across = refs.end - refs.begin, down = rows.end - rows.begin;
          std::size_t const most = packed.whole_rows(down < height ? down : height);
          std::vector<double> wide_values(most * pitch);
          lanes::buffer<T> const values(most * pitch);
          for (std::size_t q = rows.begin; q < rows.end; q += height) {
            std::size_t const q_end = rows.end - q < height ? rows.end : q + height;
            value(q, q_end, ref_block, wide_values.data());
            for (std::size_t i = 0; i < q_end - q; ++i) {
              T* const row = values.get() + i * pitch;
              packed.scale(wide_values.data() + i * pitch, across, row_block == ref_block ? 1 : 2,
                           row);
              if (row_block == ref_block) row[q + i - refs.begin] = T(0);
            }
            for (std::size_t i = q_end - q; i < packed.whole_rows(q_end - q); ++i)
              for (std::size_t j = 0; j < across; ++j) values[i * pitch + j] = T(0);
            packed.add_forms(values.get(), q, q_end - q, refs.begin, across,
                             parts.data() + t * wide);
          }
        });
    gather(parts, tiles, wide, count, out);
    return done;
  }

  static void gather(std::vector<double> const& parts, std::size_t tiles, std::size_t pitch,
                     std::size_t count, vector_view<double> out) {
    for (std::size_t c = 0; c < count; ++c) {
      double sum = 0;
      for (std::size_t t = 0; t < tiles; ++t) sum += parts[t * pitch + c];
      out[c] = sum;
    }
  }
};
inline constexpr quadratic_forms_fn quadratic_forms{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_QUADRATIC_FORMS_HPP
