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
  laplacian_l2   ///< exp(-gamma |x - y|), gamma = 1 / length
};

/// A kernel with its parameters.
struct kernel {
  kernel_kind kind = kernel_kind::gaussian;
  double gamma = 1.0;  ///< >= 0; not used by linear
  double c0 = 1.0;     ///< polynomial only
  int degree = 3;      ///< polynomial only, >= 0
};

/// What one call hands to the kernels of an instruction set. Weights are padded with zeros to whole
/// panels and whole vectors.
template <class T>
struct kernel_sums_task {
  T const* queries;     ///< panels
  T const* query_half;  ///< minus half the squared norms, 0 in the padding
  std::size_t query_rows;
  T const* refs;
  T const* ref_half;
  std::size_t ref_panels, cols;
  kernel what;
  std::size_t sides;           ///< B
  std::size_t side_pitch;      ///< B, in whole vectors when above 1
  T const* weights;            ///< [ref row][side_pitch]; polynomial: wide_weights
  double const* wide_weights;  ///< the same
  double* out;                 ///< [query row][B]
  T const* query_weights;      ///< with ref_out
  double* ref_out;  ///< null, or B = 1: the sums over the queries for each reference, padding too
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/kernel_sums.inl>
#include <limpid/simd/detail/each_set.inc>

namespace detail {

// References with their weights, as the kernels take them: for any number of calls.
template <class T>
class weighted_rows {
 public:
  // w: rows x B, or null for B = 1 and all ones.
  weighted_rows(packed_rows<T> const& refs, kernel const& what, double const* w, std::size_t B)
      : refs_(refs),
        what_(what),
        sides_(w != nullptr ? B : 1),
        half_(refs.panels * refs.shape.cols) {
    std::size_t const padded = refs.panels * refs.shape.cols;
    std::size_t const lanes = 64 / sizeof(T);
    bool const wide = what.kind == kernel_kind::polynomial;
    pitch_ = sides_ > 1 ? (sides_ + lanes - 1) / lanes * lanes : 1;
    for (std::size_t j = 0; j < padded; ++j) half_[j] = T(-0.5) * refs.norm[j];
    if (wide)
      wide_ = buffer<double>(padded * pitch_);
    else
      narrow_ = buffer<T>(padded * pitch_);
    for (std::size_t j = 0; j < padded; ++j)
      for (std::size_t b = 0; b < pitch_; ++b) {
        double const v = j >= refs.rows || b >= sides_ ? 0.0
                         : w != nullptr                ? w[j * sides_ + b]
                                                       : 1.0;
        if (wide)
          wide_[j * pitch_ + b] = v;
        else
          narrow_[j * pitch_ + b] = static_cast<T>(v);
      }
  }

  std::size_t sides() const { return sides_; }
  packed_rows<T> const& rows() const { return refs_; }

  // Packed queries against all references.
  void sum(T const* queries, T const* query_half, std::size_t rows, double* out) const {
    run(task(queries, query_half, rows, 0, refs_.panels, out));
  }
  // The rows of panels [a, a_end) against those of [b, b_end), for both if `both`. out: of row 0.
  void sum_own(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end, bool both,
               double* out) const {
    std::size_t const width = refs_.shape.cols, first = a * width;
    kernel_sums_task<T> t = task(refs_.data.get() + first * refs_.cols, half_.get() + first,
                                 (a_end - a) * width, b, b_end, out + first);
    if (both) {
      t.query_weights = narrow_.get() + first;
      t.ref_out = out + b * width;
    }
    run(t);
  }

 private:
  kernel_sums_task<T> task(T const* queries, T const* query_half, std::size_t rows, std::size_t p,
                           std::size_t p_end, double* out) const {
    std::size_t const first = p * refs_.shape.cols;
    return {queries,
            query_half,
            rows,
            refs_.data.get() + first * refs_.cols,
            half_.get() + first,
            p_end - p,
            refs_.cols,
            what_,
            sides_,
            pitch_,
            narrow_.get() != nullptr ? narrow_.get() + first * pitch_ : nullptr,
            wide_.get() != nullptr ? wide_.get() + first * pitch_ : nullptr,
            out,
            nullptr,
            nullptr};
  }
  void run(kernel_sums_task<T> const& t) const {
    LIMPID_SIMD_CALL(refs_.set, template kernel_sums<T>(t));
  }

  packed_rows<T> const& refs_;
  kernel what_;
  std::size_t sides_, pitch_ = 1;
  buffer<T> half_, narrow_;
  buffer<double> wide_;
};

}  // namespace detail

/// References and their weights, made once for many blocks of queries. The references must outlive
/// it; the weights need not.
template <class T>
using kernel_references = detail::weighted_rows<T>;

/// out[(q - q0) * B + b] += sum_j w[j * B + b] kernel(x_q, y_j) for the rows q of x in [q0, q1) and
/// all rows j of refs; w null means B = 1 and all ones. refs: pack_rows with the default metric,
/// with column means for gaussian and laplacian, without for linear and polynomial. Exact on the
/// diagonal and between duplicates: equal rows are at distance 0. A squared distance below 1e-3
/// (double: 1e-6) of |x|^2 + |y|^2 is computed from the differences, so its relative error stays
/// below about 1e-4 (double: 1e-9). Kernel values in T (polynomial: double), w in the same type;
/// sums in double, of partial sums of at most 32 values in T per lane. Data must be finite. The
/// result does not depend on how [0, n) is cut into blocks.
template <class T>
void kernel_sums_block(kernel_references<T> const& refs, T const* x, std::ptrdiff_t ld,
                       std::ptrdiff_t cs, std::size_t q0, std::size_t q1, double* out) {
  packed_rows<T> const& y = refs.rows();
  if (q1 <= q0 || y.rows == 0 || refs.sides() == 0) return;
  std::size_t const width = y.shape.cols, step = 512 / width * width;
  std::size_t const most = q1 - q0 < step ? (q1 - q0 + width - 1) / width * width : step;
  buffer<T> const panels(most * y.cols), half(most);
  buffer<double> const norm(most);
  strided_rows<T> const source{x, ld, cs};
  for (std::size_t q = q0; q < q1; q += step) {
    std::size_t const rows = q1 - q < step ? q1 - q : step;
    std::size_t const count = (rows + width - 1) / width;
    detail::pack_panels(source, q, q + rows, y.cols, width,
                        static_cast<double const*>(y.mean.get()), false, panels.get());
    detail::panel_norms(static_cast<T const*>(panels.get()), count, y.cols, width, norm.get());
    // Rounded like the references': equal rows are to be at distance 0.
    for (std::size_t r = 0; r < count * width; ++r) half[r] = T(-0.5) * static_cast<T>(norm[r]);
    refs.sum(panels.get(), half.get(), rows, out + (q - q0) * refs.sides());
  }
}
template <class T>
void kernel_sums_block(packed_rows<T> const& refs, T const* x, std::ptrdiff_t ld, std::ptrdiff_t cs,
                       std::size_t q0, std::size_t q1, kernel const& what, double const* w,
                       std::size_t B, double* out) {
  kernel_sums_block(kernel_references<T>(refs, what, w, B), x, ld, cs, q0, q1, out);
}

/// The sums of kernel_sums_block where the queries are the references, in half the work: the value
/// of two rows serves the sums of both. One weight a row; not polynomial. Blocks and calls as of
/// own_search: `pair` once for every two blocks and for each with itself, no two at once that share
/// a block. The result depends on the order of the calls that share a block.
template <class T>
class own_kernel_sums {
 public:
  /// w: null for all ones. x must outlive this.
  own_kernel_sums(packed_rows<T> const& x, kernel const& what, double const* w)
      : rows_(x, what, w, 1), blocks_(x), out_(x.panels * x.shape.cols) {
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
