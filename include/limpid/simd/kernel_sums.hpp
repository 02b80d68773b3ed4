// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/kernel_sums.hpp
/// Row sums of a kernel matrix and its product with a few vectors, without the matrix.
#ifndef LIMPID_SIMD_KERNEL_SUMS_HPP
#define LIMPID_SIMD_KERNEL_SUMS_HPP

#include <limpid/simd/tile.hpp>

namespace limpid::lanes {

/// A kernel of two rows x and y.
enum class kernel_kind {
  linear,        ///< x.y
  polynomial,    ///< (gamma x.y + c0)^degree
  gaussian,      ///< exp(-gamma |x - y|^2)
  laplacian_l1,  ///< exp(-gamma sum_c |x_c - y_c|)
  laplacian_l2,  ///< exp(-r), r = gamma |x - y|; gamma = 1 / length
  matern32,      ///< (1 + r) exp(-r); gamma = sqrt(3) / length
  matern52,      ///< (1 + r + r^2 / 3) exp(-r); gamma = sqrt(5) / length
  rational,      ///< (c0 + gamma |x - y|^2)^(-power)
  sigmoid        ///< tanh(gamma x.y + c0)
};

/// A kernel with its parameters; part of a combination where an array of them is given: the sum of
/// products of factor times kernel, `times` continuing the product of the part before.
struct kernel {
  kernel_kind kind = kernel_kind::gaussian;
  double gamma = 1.0;  ///< >= 0; not used by linear
  double c0 = 1.0;     ///< polynomial, rational, sigmoid
  int degree = 3;      ///< polynomial only, >= 0
  double power = 0.5;  ///< rational only
  double factor = 1.0;
  bool times = false;
};
inline constexpr std::size_t most_kernels = 8;  ///< parts of a combination

/// What a tile holds before the kernel is taken of it: inner products, minus half the squared
/// distances, what gives both, or sums of absolute differences.
enum class tile_statistic { products, distances, products_and_distances, sizes };

/// What one call hands to the kernels of an instruction set. Of query and reference rows: `start`,
/// what an inner product starts at; `half`, minus half the squared norms; `lift`, what an inner
/// product of centred rows lacks. 0 in the padding. Weights are padded with zeros.
template <class T>
struct kernel_sums_task {
  T const* queries;  ///< panels
  T const *query_start, *query_half, *query_lift;
  std::size_t query_rows;
  T const* refs;
  T const *ref_start, *ref_half, *ref_lift;
  T const* ref_lowest;  ///< of ref_start, of each panel
  std::size_t ref_panels, cols;
  kernel const* parts;
  std::size_t count;
  tile_statistic statistic;
  bool combined, wide, sizes_too;  ///< wide: values and weights in double
  std::size_t sides;               ///< B
  T const* weights;                ///< B = 1: [ref row], else as weigh_tiles reads them; not wide
  double const* wide_weights;      ///< the same; wide
  double* out;                     ///< [query row][B]
  T const* query_weights;          ///< with ref_out
  double const* wide_query_weights;
  double* ref_out;  ///< null, or B = 1: the sums over the queries for each reference, padding too
  double* matrix;   ///< not null: the values go there, nothing is summed
  std::ptrdiff_t row_stride, col_stride;
  std::size_t ref_rows;  ///< with matrix
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/kernel_sums.inl>
#include <limpid/simd/detail/each_set.inc>

/// Columns of a block of weights and of a vector, in an instruction set.
template <class K>
std::size_t side_block_for(instruction_set set) {
  LIMPID_SIMD_CALL(set, template side_block<K>());
}
template <class K>
std::size_t side_vector_for(instruction_set set) {
  LIMPID_SIMD_CALL(set, template side_vector<K>());
}

namespace detail {

// start, half and lift of packed rows.
template <class T>
struct row_parts {
  buffer<T> start, half, lift;
};

// References with their weights, as the kernels take them: for any number of calls.
template <class T>
class weighted_rows {
 public:
  weighted_rows(packed_rows<T> const& refs, kernel const& what, double const* w, std::size_t B)
      : weighted_rows(refs, &what, 1, w, B) {}
  // w: rows x B, or null for B = 1 and all ones.
  weighted_rows(packed_rows<T> const& refs, kernel const* parts, std::size_t count, double const* w,
                std::size_t B)
      : refs_(refs), count_(count), sides_(w != nullptr ? B : 1) {
    bool dots = false, distances = false, sizes = false;
    for (std::size_t p = 0; p < count; ++p) {
      parts_[p] = parts[p];
      kernel_kind const kind = parts[p].kind;
      bool const dot = kind == kernel_kind::linear || kind == kernel_kind::polynomial ||
                       kind == kernel_kind::sigmoid;
      bool const size = kind == kernel_kind::laplacian_l1;
      dots = dots || dot;
      sizes = sizes || size;
      distances = distances || !(dot || size);
      wide_ = wide_ || kind == kernel_kind::polynomial;
    }
    combined_ = count != 1 || parts[0].factor != 1.0;
    statistic_ = dots && distances ? tile_statistic::products_and_distances
                 : dots            ? tile_statistic::products
                 : distances       ? tile_statistic::distances
                                   : tile_statistic::sizes;
    sizes_too_ = sizes && statistic_ != tile_statistic::sizes;
    std::size_t const width = refs.shape.cols, padded = refs.panels * width;
    rows_ = describe(refs.data.get(), refs.panels);
    lowest_ = buffer<T>(refs.panels);
    for (std::size_t p = 0; p < refs.panels; ++p) {
      lowest_[p] = T(0);
      for (std::size_t j = p * width; j < (p + 1) * width; ++j)
        if (rows_.start[j] < lowest_[p]) lowest_[p] = rows_.start[j];
    }
    if (wide_ && sizeof(T) == 4)
      wide_weights_ = arrange<double>(w, padded);
    else
      weights_ = arrange<T>(w, padded);
  }

  std::size_t sides() const { return sides_; }
  packed_rows<T> const& rows() const { return refs_; }

  row_parts<T> describe(T const* panels, std::size_t count) const {
    std::size_t const width = refs_.shape.cols, d = refs_.cols, all = count * width;
    row_parts<T> out{buffer<T>(all), {}, {}};
    bool const both = statistic_ == tile_statistic::products_and_distances;
    if (both || statistic_ == tile_statistic::distances) {
      buffer<double> const norm(all);
      panel_norms(panels, count, d, width, norm.get());
      buffer<T>& to = both ? (out.half = buffer<T>(all)) : out.start;
      // Rounded alike for queries and references: equal rows are to be at distance 0.
      for (std::size_t r = 0; r < all; ++r) to[r] = T(-0.5) * static_cast<T>(norm[r]);
    }
    if (both || statistic_ == tile_statistic::products || statistic_ == tile_statistic::sizes) {
      buffer<T>& to = both ? (out.lift = buffer<T>(all)) : out.start;
      lift(panels, count, to.get());
    }
    if (both)
      for (std::size_t r = 0; r < all; ++r) out.start[r] = T(0);
    return out;
  }

  // Packed queries against all references.
  void sum(T const* queries, row_parts<T> const& parts, std::size_t rows, double* out) const {
    run(task(queries, parts, 0, rows, 0, refs_.panels, out));
  }
  void store(T const* queries, row_parts<T> const& parts, std::size_t rows, double* out,
             std::ptrdiff_t row_stride, std::ptrdiff_t col_stride) const {
    kernel_sums_task<T> t = task(queries, parts, 0, rows, 0, refs_.panels, nullptr);
    t.matrix = out;
    t.row_stride = row_stride;
    t.col_stride = col_stride;
    t.ref_rows = refs_.rows;
    run(t);
  }
  // The rows of panels [a, a_end) against those of [b, b_end), for both if `both`. out: of row 0.
  // B = 1.
  void sum_own(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end, bool both,
               double* out) const {
    std::size_t const width = refs_.shape.cols, first = a * width;
    kernel_sums_task<T> t = task(refs_.data.get() + first * refs_.cols, rows_, first,
                                 (a_end - a) * width, b, b_end, out + first);
    if (both) {
      t.query_weights = at(weights_, first);
      t.wide_query_weights = at(wide_weights_, first);
      t.ref_out = out + b * width;
    }
    run(t);
  }

 private:
  template <class K>
  static K const* at(buffer<K> const& from, std::size_t first) {
    return from.get() != nullptr ? from.get() + first : nullptr;
  }

  // (x - m).(y - m) + lift(x) + lift(y) = x.y, m the means that were subtracted.
  void lift(T const* panels, std::size_t count, T* out) const {
    std::size_t const width = refs_.shape.cols, d = refs_.cols;
    double const* const mean = refs_.mean.get();
    double half = 0;
    for (std::size_t c = 0; mean != nullptr && c < d; ++c) half += 0.5 * mean[c] * mean[c];
    buffer<double> const sums(width);
    for (std::size_t p = 0; p < count; ++p) {
      for (std::size_t r = 0; r < width; ++r) sums[r] = half;
      for (std::size_t c = 0; mean != nullptr && c < d; ++c)
        for (std::size_t r = 0; r < width; ++r)
          sums[r] += mean[c] * static_cast<double>(panels[(p * d + c) * width + r]);
      for (std::size_t r = 0; r < width; ++r) out[p * width + r] = static_cast<T>(sums[r]);
    }
  }

  template <class K>
  buffer<K> arrange(double const* w, std::size_t padded) const {
    auto const weight = [&](std::size_t j, std::size_t b) {
      return j >= refs_.rows || b >= sides_ ? K(0)
             : w != nullptr                 ? static_cast<K>(w[j * sides_ + b])
                                            : K(1);
    };
    if (sides_ == 1) {
      buffer<K> out(padded);
      for (std::size_t j = 0; j < padded; ++j) out[j] = weight(j, 0);
      return out;
    }
    std::size_t const block = side_block_for<K>(refs_.set), vector = side_vector_for<K>(refs_.set);
    buffer<K> out(padded * ((sides_ + vector - 1) / vector * vector));
    K* to = out.get();
    for (std::size_t b = 0; b < sides_; b += block) {
      std::size_t const left = sides_ - b;
      std::size_t const width = left < block ? (left + vector - 1) / vector * vector : block;
      for (std::size_t j = 0; j < padded; ++j, to += width)
        for (std::size_t c = 0; c < width; ++c) to[c] = weight(j, b + c);
    }
    return out;
  }

  kernel_sums_task<T> task(T const* queries, row_parts<T> const& parts, std::size_t from,
                           std::size_t rows, std::size_t p, std::size_t p_end, double* out) const {
    std::size_t const first = p * refs_.shape.cols;
    kernel_sums_task<T> t{};
    t.queries = queries;
    t.query_start = at(parts.start, from);
    t.query_half = at(parts.half, from);
    t.query_lift = at(parts.lift, from);
    t.query_rows = rows;
    t.refs = refs_.data.get() + first * refs_.cols;
    t.ref_start = at(rows_.start, first);
    t.ref_half = at(rows_.half, first);
    t.ref_lift = at(rows_.lift, first);
    t.ref_lowest = lowest_.get() + p;
    t.ref_panels = p_end - p;
    t.cols = refs_.cols;
    t.parts = parts_;
    t.count = count_;
    t.statistic = statistic_;
    t.combined = combined_;
    t.wide = wide_;
    t.sizes_too = sizes_too_;
    t.sides = sides_;
    t.weights = at(weights_, sides_ == 1 ? first : 0);
    t.wide_weights = at(wide_weights_, sides_ == 1 ? first : 0);
    t.out = out;
    return t;
  }
  void run(kernel_sums_task<T> const& t) const {
    LIMPID_SIMD_CALL(refs_.set, template kernel_sums<T>(t));
  }

  packed_rows<T> const& refs_;
  kernel parts_[most_kernels];
  std::size_t count_, sides_;
  tile_statistic statistic_ = tile_statistic::distances;
  bool combined_ = false, wide_ = false, sizes_too_ = false;
  row_parts<T> rows_;
  buffer<T> lowest_, weights_;
  buffer<double> wide_weights_;
};

// use(panels, their parts, first row, rows) for a few hundred packed queries at a time.
template <class T, class Use>
void in_panels(weighted_rows<T> const& refs, strided_rows<T> const& source, std::size_t q0,
               std::size_t q1, Use const& use) {
  packed_rows<T> const& y = refs.rows();
  std::size_t const width = y.shape.cols, step = 512 / width * width;
  std::size_t const most = q1 - q0 < step ? (q1 - q0 + width - 1) / width * width : step;
  buffer<T> const panels(most * y.cols);
  for (std::size_t q = q0; q < q1; q += step) {
    std::size_t const rows = q1 - q < step ? q1 - q : step;
    pack_panels(source, q, q + rows, y.cols, width, static_cast<double const*>(y.mean.get()), false,
                panels.get());
    use(static_cast<T const*>(panels.get()),
        refs.describe(panels.get(), (rows + width - 1) / width), q, rows);
  }
}

}  // namespace detail

/// References and their weights, made once for many blocks of queries. The references must outlive
/// it; the weights need not. One kernel, or an array of `count` <= most_kernels parts.
template <class T>
using kernel_references = detail::weighted_rows<T>;

/// out[(q - q0) * B + b] += sum_j w[j * B + b] kernel(x_q, y_j) for the rows q of x in [q0, q1) and
/// all rows j of refs; w null means B = 1 and all ones. refs: pack_rows with the default metric;
/// with column means where the kernel depends on differences, best without where it depends on
/// inner products alone. Exact on the diagonal and between duplicates: equal rows are at distance
/// 0. A squared distance below 1e-3 (double: 1e-6) of |x|^2 + |y|^2 is computed from the
/// differences, so its relative error stays below about 1e-4 (double: 1e-9). Kernel values in T, in
/// double where a part is polynomial, w in the same type; sums in double, of partial sums of at
/// most 32 values in that type per lane (B > 1: 192). Data must be finite. The result does not
/// depend on how [0, n) is cut into blocks.
template <class T>
void kernel_sums_block(kernel_references<T> const& refs, T const* x, std::ptrdiff_t ld,
                       std::ptrdiff_t cs, std::size_t q0, std::size_t q1, double* out) {
  if (q1 <= q0 || refs.rows().rows == 0 || refs.sides() == 0) return;
  detail::in_panels(
      refs, strided_rows<T>{x, ld, cs}, q0, q1,
      [&](T const* panels, detail::row_parts<T> const& parts, std::size_t q, std::size_t rows) {
        refs.sum(panels, parts, rows, out + (q - q0) * refs.sides());
      });
}
template <class T>
void kernel_sums_block(packed_rows<T> const& refs, T const* x, std::ptrdiff_t ld, std::ptrdiff_t cs,
                       std::size_t q0, std::size_t q1, kernel const& what, double const* w,
                       std::size_t B, double* out) {
  kernel_sums_block(kernel_references<T>(refs, what, w, B), x, ld, cs, q0, q1, out);
}

/// out[(q - q0) * row_stride + j * col_stride] = kernel(x_q, y_j): the values that
/// kernel_sums_block adds up. Weights are not looked at.
template <class T>
void kernel_matrix_block(kernel_references<T> const& refs, T const* x, std::ptrdiff_t ld,
                         std::ptrdiff_t cs, std::size_t q0, std::size_t q1, double* out,
                         std::ptrdiff_t row_stride, std::ptrdiff_t col_stride) {
  if (q1 <= q0 || refs.rows().rows == 0) return;
  detail::in_panels(
      refs, strided_rows<T>{x, ld, cs}, q0, q1,
      [&](T const* panels, detail::row_parts<T> const& parts, std::size_t q, std::size_t rows) {
        refs.store(panels, parts, rows, out + static_cast<std::ptrdiff_t>(q - q0) * row_stride,
                   row_stride, col_stride);
      });
}

/// The sums of kernel_sums_block where the queries are the references, in half the work: the value
/// of two rows serves the sums of both. One weight a row. Blocks and calls as of
/// own_search: `pair` once for every two blocks and for each with itself, no two at once that share
/// a block. The result depends on the order of the calls that share a block.
template <class T>
class own_kernel_sums {
 public:
  /// w: null for all ones. x must outlive this.
  own_kernel_sums(packed_rows<T> const& x, kernel const& what, double const* w)
      : own_kernel_sums(x, &what, 1, w) {}
  own_kernel_sums(packed_rows<T> const& x, kernel const* parts, std::size_t count, double const* w)
      : rows_(x, parts, count, w, 1), blocks_(x), out_(x.panels * x.shape.cols) {
    for (std::size_t i = 0; i < x.panels * x.shape.cols; ++i) out_[i] = 0.0;
  }
  std::size_t blocks() const { return blocks_.count(); }
  void pair(std::size_t a, std::size_t b) const {
    std::size_t const first = blocks_.begin(a), last = blocks_.end(a);
    if (a != b)
      return rows_.sum_own(first, last, blocks_.begin(b), blocks_.end(b), true, out_.get());
    for (std::size_t p = first; p < last; ++p) {
      rows_.sum_own(p, p + 1, p, p + 1, false, out_.get());
      rows_.sum_own(p, p + 1, p + 1, last, true, out_.get());
    }
  }
  /// Of every row, once all pairs are done.
  double const* sums() const { return out_.get(); }

 private:
  detail::weighted_rows<T> rows_;
  panel_blocks blocks_;
  buffer<double> out_;
};

#include <limpid/simd/detail/close.inc>

#endif
