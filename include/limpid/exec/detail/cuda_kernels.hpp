// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_kernels.hpp
/// Kernel sums and kernel matrices on a device.
#ifndef LIMPID_EXEC_DETAIL_CUDA_KERNELS_HPP
#define LIMPID_EXEC_DETAIL_CUDA_KERNELS_HPP

#include <limpid/exec/detail/cuda_tiles.hpp>
#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/ops/kernel_sums.hpp>

#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace limpid::detail {

template <class C>
LIMPID_HD C gaussian_value(C gamma, C squared) {
  return std::exp(-gamma * squared);
}

/// A kernel's value in C from x.z, |x - z|_2^2 and |x - z|_1: kernel_part::value, in float where
/// the rows are.
template <class C>
LIMPID_HD C part_value(kernel_part const& k, C dot, C squared, C absolute) {
  if constexpr (std::is_same_v<C, double>) {
    return k.value(dot, squared, absolute);
  } else {
    using family = kernel_part::family;
    if (k.kind == family::linear) return dot;
    if (k.kind == family::gaussian) return gaussian_value(static_cast<C>(k.gamma), squared);
    if (k.kind == family::laplacian) return std::exp(-static_cast<C>(k.gamma) * absolute);
    C const r2 = squared * static_cast<C>(1 / (k.length * k.length));
    switch (k.kind) {
      case family::matern12:
        return std::exp(-std::sqrt(r2));
      case family::matern32: {
        C const root = std::sqrt(3 * r2), r = root < C(1e4) ? root : C(1e4);
        return (1 + r) * std::exp(-r);
      }
      case family::matern52: {
        C const root = std::sqrt(5 * r2), r = root < C(1e4) ? root : C(1e4);
        return (1 + r + r * r / 3) * std::exp(-r);
      }
      case family::cauchy:
        return 1 / (1 + r2);
      default:
        return static_cast<C>(k.value(dot, squared, absolute));
    }
  }
}

/// A combination's parts, or the kernel alone; what `normalised` divides by is applied elsewhere.
template <class C>
LIMPID_HD C plain_value(kernel_function const& k, C dot, C squared, C absolute) {
  if (k.kind != kernel_part::family::combination) return part_value(k, dot, squared, absolute);
  C sum = 0, product = 0;
  for (unsigned p = 0; p < k.count; ++p) {
    C const v = static_cast<C>(k.parts[p].factor) * part_value(k.parts[p], dot, squared, absolute);
    if (!k.parts[p].times) sum += product;
    product = k.parts[p].times ? product * v : v;
  }
  return sum + product;
}

/// What a kernel needs of two rows.
struct kernel_needs {
  bool products = false, squares = false, sizes = false;
  bool powers = false;  ///< a polynomial part: float is too coarse
  bool roots = false;   ///< of squared distances: those must be exact near 0
  explicit kernel_needs(kernel_function const& k) {
    if (!k.is_combination()) add(k);
    for (unsigned p = 0; k.is_combination() && p < k.count; ++p) add(k.parts[p]);
  }

 private:
  void add(kernel_part const& k) {
    using family = kernel_part::family;
    powers = powers || k.kind == family::polynomial;
    roots = roots || k.kind == family::matern12 || k.kind == family::matern32 ||
            k.kind == family::matern52;
    if (k.of_products())
      products = true;
    else if (k.kind == family::laplacian)
      sizes = true;
    else
      squares = true;
  }
};

/// kernel_values of the Gaussian alone, without a choice of kernels for every value.
struct gaussian_values {
  static constexpr bool brief = true;
  float gamma;
  float const *query_norm, *reference_norm;
  std::size_t references;
  LIMPID_HD float operator()(std::size_t i, std::size_t j, float product, float, float) const {
    float const squared = query_norm[i] + reference_norm[j] - 2 * product;
    return j < references ? gaussian_value(gamma, squared > 0 ? squared : 0) : 0;
  }
};

/// Values of kernel_function from a tile's sums. Squares from |q|^2 + |r|^2 - 2 q.r where the rows
/// are centred.
template <class C, unsigned Sums>
struct kernel_values {
  kernel_function k;
  C const *query_norm, *reference_norm;
  std::size_t references;
  bool expand;
  static constexpr bool brief = false;
  template <class F>
  LIMPID_HD void with_value(F const& f) const {
    if constexpr (std::is_same_v<C, float> && Sums == products)
      if (expand && k.kind == kernel_part::family::gaussian) {
        f(gaussian_values{static_cast<float>(k.gamma), query_norm, reference_norm, references});
        return;
      }
    f(*this);
  }
  LIMPID_HD C operator()(std::size_t i, std::size_t j, C product, C square, C size) const {
    if (j >= references) return C{0};
    if (expand) {
      C const squared = query_norm[i] + reference_norm[j] - 2 * product;
      return plain_value(k, product, squared > C{0} ? squared : C{0}, size);
    }
    return plain_value(k, product, square, size);
  }
};

/// Query 0's own reference, where sums leave a row's value with itself out; and where they do not.
inline constexpr std::size_t no_diagonal = ~std::size_t{0} / 2;

/// sum_j weights(j, c) value(i, j) for at most `Most` columns, in double.
template <class C, unsigned Sums, unsigned Most>
struct sum_tiles : kernel_values<C, Sums> {
  static constexpr char const* name = "kernel_sums";
  using shape = tile_shape<C>;
  static constexpr unsigned part = shape::references / shape::parts;
  double const* weights;  ///< padded references x pitch
  std::size_t pitch, queries;
  unsigned columns;
  double* out;  ///< segments x queries x out_pitch
  std::size_t out_pitch;
  std::size_t diagonal;

  struct state {
    double sum[Most];
  };
  LIMPID_HD void tile(unsigned t, state& s, C const* values, std::size_t query,
                      std::size_t reference, std::size_t, std::size_t) const {
    unsigned const i = t % shape::queries;
    unsigned const first = t / shape::queries * part;
    std::size_t const own = diagonal + query + i - reference;
    unsigned const left_out =
        own < shape::references ? static_cast<unsigned>(own) : shape::references;
    double const* w = weights + (reference + first) * pitch;
    LIMPID_UNROLL_BY(4)
    for (unsigned j = first; j < first + part; ++j, w += pitch) {
      double const value = j == left_out ? 0.0 : static_cast<double>(values[i * shape::pitch + j]);
      LIMPID_UNROLL
      for (unsigned c = 0; c < Most; ++c)
        if (Most == 1 || c < columns) s.sum[c] += value * w[c];
    }
  }
  template <class Block, class States>
  LIMPID_HD void finish(Block const& block, States& states, std::size_t query,
                        std::size_t segment) const {
    double* const sums = block.template shared<double>(0);
    block.each([&](unsigned t) {
      LIMPID_UNROLL
      for (unsigned c = 0; c < Most; ++c) sums[c * shape::threads + t] = states[t].sum[c];
    });
    block.each([&](unsigned t) {
      if (t >= shape::queries || query + t >= queries) return;
      for (unsigned c = 0; c < columns; ++c) {
        double sum = 0;
        for (unsigned p = 0; p < shape::parts; ++p)
          sum += sums[c * shape::threads + p * shape::queries + t];
        out[(segment * queries + query + t) * out_pitch + c] = sum;
      }
    });
  }
};

template <class C, unsigned Sums>
struct store_tiles : kernel_values<C, Sums> {
  static constexpr char const* name = "kernel_matrix";
  using shape = tile_shape<C>;
  double const *row_factor, *column_factor;  ///< null: 1
  double scale;
  std::size_t queries;
  matrix_view<double, memory_space::device> out;
  struct state {};
  LIMPID_HD void tile(unsigned t, state&, C const* values, std::size_t query, std::size_t reference,
                      std::size_t, std::size_t end) const {
    std::size_t const j = reference + t % shape::references;
    if (j >= end) return;
    for (unsigned r = t / shape::references; r < shape::queries;
         r += shape::threads / shape::references) {
      std::size_t const i = query + r;
      if (i >= queries) return;
      auto value = static_cast<double>(values[r * shape::pitch + t % shape::references]);
      if (row_factor) value *= row_factor[i] * column_factor[j] * scale;
      out(i, j) = value;
    }
  }
  template <class Block, class States>
  LIMPID_HD void finish(Block const&, States&, std::size_t, std::size_t) const {}
};

template <class T>
struct row_factors {
  kernel_function k;
  matrix_view<T const, memory_space::device> x;
  double* out;
  LIMPID_HD void operator()(std::size_t i) const { out[i] = k.row_factor(x.row(i)); }
};

/// Weights in one piece, 0 beyond the references, times the rows' factors.
struct pack_weights {
  matrix_view<double const, memory_space::device> weights;
  double const* factor;
  double scale;
  std::size_t rows, columns;
  double* to;
  LIMPID_HD void operator()(std::size_t at) const {
    auto const [j, c] = place_of(at, columns);
    double const w = j >= rows ? 0 : weights.data ? weights(j, c) : 1;
    to[at] = factor && j < rows ? w * factor[j] * scale : w;
  }
};

/// out(i, c) = factor_i sums(i, c).
struct put_sums {
  double const *sums, *factor;
  matrix_view<double, memory_space::device> out;
  LIMPID_HD void operator()(std::size_t at) const {
    auto const [i, c] = place_of(at, out.cols);
    out(i, c) = factor ? factor[i] * sums[at] : sums[at];
  }
};

/// Sums of any functor of two rows, in double: a thread per query, segment and eight columns.
template <class K, class T>
struct functor_sums {
  static constexpr std::size_t block = 8;
  K k;
  matrix_view<T const, memory_space::device> queries, references;
  matrix_view<double const, memory_space::device> weights;
  segments_of segments;
  std::size_t columns;
  double* out;  ///< segments x queries x columns
  std::size_t diagonal;
  LIMPID_HD void operator()(std::size_t at) const {
    std::size_t const i = at % queries.rows, rest = at / queries.rows,
                      blocks = (columns + block - 1) / block;
    std::size_t const first = rest % blocks * block, segment = rest / blocks;
    std::size_t const begin = segment * segments.size;
    std::size_t const end =
        begin + segments.size < references.rows ? begin + segments.size : references.rows;
    std::size_t const some = columns - first < block ? columns - first : block;
    double sum[block] = {};
    for (std::size_t j = begin; j < end; ++j) {
      if (j == diagonal + i) continue;
      double const value = k(queries.row(i), references.row(j));
      LIMPID_UNROLL
      for (std::size_t c = 0; c < block; ++c)
        if (c < some) sum[c] += value * (weights.data ? weights(j, first + c) : 1.0);
    }
    for (std::size_t c = 0; c < some; ++c)
      out[(segment * queries.rows + i) * columns + first + c] = sum[c];
  }
};
template <class K, class T>
struct functor_value {
  K k;
  matrix_view<T const, memory_space::device> x, z;
  matrix_view<double, memory_space::device> out;
  LIMPID_HD void operator()(std::size_t at) const {
    auto const [i, j] = place_of(at, z.rows);
    out(i, j) = k(x.row(i), z.row(j));
  }
};

/// A chunk of queries at a time, told after each. False if stopped.
template <class P, class Chunk>
bool in_chunks(P const& exec, std::size_t rows, std::size_t most, progress const* on_progress,
               Chunk const& chunk) {
  for (std::size_t begin = 0; begin < rows; begin += most) {
    std::size_t const end = begin + most < rows ? begin + most : rows;
    chunk(begin, end);
    if (!on_progress || !*on_progress) continue;
    exec.wait();
    if (!(*on_progress)(static_cast<double>(end) / static_cast<double>(rows))) return false;
  }
  return true;
}

inline constexpr std::size_t query_chunk = std::size_t{1} << 17;

/// kernel_function on tiles; `Consumer::run<C, Sums>(exec, values, queries, references, ...)` by
/// what the kernel needs.
template <class T, class P>
class kernel_tiles {
  using rows_view = matrix_view<T const, memory_space::device>;

 public:
  kernel_tiles(P const& exec, kernel_function const& k, rows_view references)
      : exec_(exec),
        k_(k),
        needs_(k),
        references_(references),
        expand_(!needs_.products && !needs_.sizes && !(needs_.roots && sizeof(T) == 4)),
        mean_(expand_ ? means_on_device(exec, references) : ops::make_buffer<double>(exec, 0)) {}

  /// use(query rows packed in C, references packed in C, tag of the sums, whether squares are
  /// expanded)
  template <class Use>
  bool over(rows_view queries, progress const* on_progress, Use const& use) const {
    if constexpr (std::is_same_v<T, float>)
      if (!needs_.powers) {
        if (expand_ || !(needs_.squares || needs_.sizes))
          return chunks<float, products>(queries, on_progress, use);
        if (!needs_.products && !needs_.sizes)
          return chunks<float, squares>(queries, on_progress, use);
        return chunks < float, products | squares | sizes > (queries, on_progress, use);
      }
    if (expand_ || !(needs_.squares || needs_.sizes))
      return chunks<double, products>(queries, on_progress, use);
    return chunks < double, products | squares | sizes > (queries, on_progress, use);
  }

 private:
  template <class C, unsigned Sums, class Use>
  bool chunks(rows_view queries, progress const* on_progress, Use const& use) const {
    double const* const centre = expand_ ? mean_.view().data : nullptr;
    auto const there = pack<C>(exec_, references_, centre, nullptr);
    return in_chunks(
        exec_, queries.rows, query_chunk, on_progress, [&](std::size_t begin, std::size_t end) {
          auto const here =
              pack<C>(exec_, rows_view(queries.row_block(begin, end)), centre, nullptr);
          kernel_values<C, Sums> const values{k_, here.view().norm, there.view().norm,
                                              references_.rows, expand_};
          use.template operator()<C, Sums>(values, here.view(), there.view(), begin, end);
        });
  }

  P const& exec_;
  kernel_function k_;
  kernel_needs needs_;
  rows_view references_;
  bool expand_;
  ops::buffer<double, P> mean_;
};

/// The part of kernel_sums behind the packing, for each kind of tile.
template <class P>
struct use_sums {
  P const& exec;
  double const* weights;  ///< padded references x columns
  double const* factor;   ///< per query, null: 1
  matrix_view<double, memory_space::device> out;
  bool with_diagonal;
  template <class C, unsigned Sums>
  void operator()(kernel_values<C, Sums> const& values, packed_on_device<C> queries,
                  packed_on_device<C> references, std::size_t begin, std::size_t end) const {
    std::size_t const n = end - begin, columns = out.cols;
    segments_of const segments(ceil_div(n, tile_shape<C>::queries), references.rows);
    auto sums = ops::make_buffer<double>(exec, segments.count * n * columns);
    auto const add = [&]<unsigned Most>(std::integral_constant<unsigned, Most>) {
      for (std::size_t c = 0; c < columns; c += Most)
        consume_tiles<C, Sums>(
            exec, queries, references, segments,
            sum_tiles<C, Sums, Most>{values, weights + c, columns, n,
                                     static_cast<unsigned>(columns - c < Most ? columns - c : Most),
                                     sums.view().data + c, columns,
                                     with_diagonal ? no_diagonal : begin});
    };
    columns == 1 ? add(std::integral_constant<unsigned, 1>{})
                 : add(std::integral_constant<unsigned, 16>{});
    sums = combine(exec, std::move(sums), segments.count, n * columns);
    map_rows(
        exec, n * columns,
        put_sums{sums.view().data, factor ? factor + begin : nullptr, out.row_block(begin, end)});
  }
};

template <class P>
struct use_values {
  P const& exec;
  double const *row_factor, *column_factor;
  double scale;
  matrix_view<double, memory_space::device> out;
  template <class C, unsigned Sums>
  void operator()(kernel_values<C, Sums> const& values, packed_on_device<C> queries,
                  packed_on_device<C> references, std::size_t begin, std::size_t end) const {
    segments_of const segments(ceil_div(end - begin, tile_shape<C>::queries), references.rows);
    consume_tiles<C, Sums>(
        exec, queries, references, segments,
        store_tiles<C, Sums>{values, row_factor ? row_factor + begin : nullptr, column_factor,
                             scale, end - begin, out.row_block(begin, end)});
  }
};

/// ops::kernel_sums. Without the diagonal, queries and references are the same rows, and a row's
/// value with itself is left out.
template <class P, class K, class T>
bool sums_of_kernel(P const& exec, K const& k, matrix_view<T const, memory_space::device> queries,
                    matrix_view<T const, memory_space::device> references,
                    matrix_view<double const, memory_space::device> weights,
                    matrix_view<double, memory_space::device> out, progress const* on_progress,
                    bool with_diagonal) {
  std::size_t const n = queries.rows, m = references.rows, columns = out.cols;
  if (n == 0 || columns == 0) return true;
  if (m == 0) {
    auto const nothing = ops::make_buffer<double>(exec, n * columns);
    exec.clear(nothing.view().data, n * columns * sizeof(double));
    map_rows(exec, n * columns, put_sums{nothing.view().data, nullptr, out});
    return true;
  }
  if constexpr (std::is_same_v<K, kernel_function>) {
    auto const own = ops::make_buffer<double>(exec, k.normalised ? n : 0),
               theirs = ops::make_buffer<double>(exec, k.normalised ? m : 0);
    if (k.normalised) {
      map_rows(exec, n, row_factors<T>{k, queries, own.view().data});
      map_rows(exec, m, row_factors<T>{k, references, theirs.view().data});
    }
    std::size_t const rows = padded(m, row_padding);
    auto const packed = ops::make_buffer<double>(exec, rows * columns);
    map_rows(exec, rows * columns,
             pack_weights{weights, theirs.view().data, k.scale, m, columns, packed.view().data});
    return kernel_tiles<T, P>(exec, k, references)
        .over(queries, on_progress,
              use_sums<P>{exec, packed.view().data, own.view().data, out, with_diagonal});
  } else {
    return in_chunks(exec, n, query_chunk, on_progress, [&](std::size_t begin, std::size_t end) {
      using functor = functor_sums<K, T>;
      std::size_t const some = end - begin;
      segments_of const segments(ceil_div(some, 256), m);
      auto sums = ops::make_buffer<double>(exec, segments.count * some * columns);
      map_rows<128>(exec, some * ceil_div(columns, functor::block) * segments.count,
                    functor{k, queries.row_block(begin, end), references, weights, segments,
                            columns, sums.view().data, with_diagonal ? no_diagonal : begin});
      sums = combine(exec, std::move(sums), segments.count, some * columns);
      map_rows(exec, some * columns,
               put_sums{sums.view().data, nullptr, out.row_block(begin, end)});
    });
  }
}

}  // namespace limpid::detail

namespace limpid {

template <detail::grid_policy P>
struct kernel<ops::kernel_sums_fn, P> {
  template <class K, class T, memory_space S>
  static bool run(P const& exec, K const& k, matrix_view<T const, S> queries,
                  matrix_view<T const, S> references, matrix_view<double const, S> weights,
                  matrix_view<double, S> out, progress const* on_progress) {
    return detail::sums_of_kernel(exec, k, queries, references, weights, out, on_progress, true);
  }
};

template <detail::grid_policy P>
struct kernel<ops::kernel_matrix_fn, P> {
  template <class K, class T, memory_space S>
  static bool run(P const& exec, K const& k, matrix_view<T const, S> x, matrix_view<T const, S> z,
                  matrix_view<double, S> out, progress const* on_progress) {
    if (x.rows == 0 || z.rows == 0) return true;
    if constexpr (std::is_same_v<K, kernel_function>) {
      auto const own = ops::make_buffer<double>(exec, k.normalised ? x.rows : 0),
                 theirs = ops::make_buffer<double>(exec, k.normalised ? z.rows : 0);
      if (k.normalised) {
        detail::map_rows(exec, x.rows, detail::row_factors<T>{k, x, own.view().data});
        detail::map_rows(exec, z.rows, detail::row_factors<T>{k, z, theirs.view().data});
      }
      return detail::kernel_tiles<T, P>(exec, k, z)
          .over(x, on_progress,
                detail::use_values<P>{exec, own.view().data, theirs.view().data, k.scale, out});
    } else {
      return detail::in_chunks(
          exec, x.rows, detail::query_chunk, on_progress, [&](std::size_t begin, std::size_t end) {
            detail::map_rows(exec, (end - begin) * z.rows,
                             detail::functor_value<K, T>{k, x.row_block(begin, end), z,
                                                         out.row_block(begin, end)});
          });
    }
  }
};

}  // namespace limpid

#endif  // LIMPID_EXEC_DETAIL_CUDA_KERNELS_HPP
