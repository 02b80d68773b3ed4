// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/tile.hpp
/// Register tiles of inner products over packed panels: what nearest.hpp and kernel_sums.hpp are
/// made of. A tile is a few rows of one panel times another panel, so the same packed rows serve as
/// queries and as references. The layout of a packed_rows belongs to one instruction set, the one
/// in use when it was packed, and every later call with it uses that set.
#ifndef LIMPID_SIMD_TILE_HPP
#define LIMPID_SIMD_TILE_HPP

#include <cmath>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <limpid/simd/vec.hpp>

namespace limpid::lanes {

/// What nearest_block goes by.
enum class metric { squared_euclidean, cosine, inner_product };

/// Rows and columns of the register tile.
struct tile_shape {
  std::size_t rows, cols;
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/tile.inl>
#include <limpid/simd/detail/each_set.inc>

/// n uninitialised elements, aligned to a cache line.
template <class T>
class buffer {
 public:
  buffer() = default;
  explicit buffer(std::size_t n)
      : data_(n > 0 ? static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64}))
                    : nullptr) {}
  buffer(buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  buffer& operator=(buffer&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~buffer() {
    if (data_ != nullptr) ::operator delete(data_, std::align_val_t{64});
  }
  T* get() const noexcept { return data_; }
  T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  T* data_ = nullptr;
};

/// The register tile of T in an instruction set.
template <class T>
tile_shape shape_for(instruction_set set) {
  LIMPID_SIMD_CALL(set, template shape<T>());
}

/// Element (i, c) is x[i * ld + c * cs].
template <class T>
struct strided_rows {
  T const* x;
  std::ptrdiff_t ld, cs;
  T const* row(std::size_t i) const { return x + static_cast<std::ptrdiff_t>(i) * ld; }
  T const& at(std::size_t i, std::size_t c) const {
    return row(i)[static_cast<std::ptrdiff_t>(c) * cs];
  }
};

/// Reference rows, packed once and read by any number of threads. It keeps the pointer to the rows:
/// they must outlive it.
template <class T>
struct packed_rows {
  instruction_set set = instruction_set::scalar;
  metric measure = metric::squared_euclidean;
  tile_shape shape{1, 1};
  std::size_t rows = 0, cols = 0, panels = 0;
  strided_rows<T> source{nullptr, 0, 0};
  buffer<double> mean;  ///< empty when none is subtracted
  buffer<T> data;       ///< [panel][cols][shape.cols]
  buffer<T> start;  ///< [panel * shape.cols]: an inner product starts at the sum of its two rows'
                    ///< so that the largest is the nearest; -inf in the padding
  buffer<T> norm;   ///< squared norms of the packed rows; 0 in the padding
  double largest_norm = 0.0;  ///< before it is rounded to T
  bool regular = true;        ///< cosine: every packed row has norm 1 but for rounding, or is 0
};

namespace detail {

// Rows [first, last), `width` to a panel, as [panel][d][width], minus mean, divided by the row's
// norm if unit. Padding is 0.
template <class T>
void pack_panels(strided_rows<T> const& from, std::size_t first, std::size_t last, std::size_t d,
                 std::size_t width, double const* mean, bool unit, T* to) {
  constexpr std::size_t block = 16;
  for (std::size_t p = first; p < last; p += width, to += width * d) {
    std::size_t const count = last - p < width ? last - p : width;
    for (std::size_t c0 = 0; c0 < d; c0 += block) {
      std::size_t const c1 = d - c0 < block ? d : c0 + block;
      for (std::size_t r = 0; r < count; ++r) {
        T const* const row = from.row(p + r);
        if (mean != nullptr) {
          for (std::size_t c = c0; c < c1; ++c)
            to[c * width + r] = static_cast<T>(
                static_cast<double>(row[static_cast<std::ptrdiff_t>(c) * from.cs]) - mean[c]);
        } else {
          for (std::size_t c = c0; c < c1; ++c)
            to[c * width + r] = row[static_cast<std::ptrdiff_t>(c) * from.cs];
        }
      }
      for (std::size_t r = count; r < width; ++r)
        for (std::size_t c = c0; c < c1; ++c) to[c * width + r] = T(0);
    }
    if (unit) {
      for (std::size_t r = 0; r < count; ++r) {
        double s = 0;
        for (std::size_t c = 0; c < d; ++c)
          s += static_cast<double>(to[c * width + r]) * static_cast<double>(to[c * width + r]);
        double const scale = s > 0 ? 1.0 / std::sqrt(s) : 0.0;
        for (std::size_t c = 0; c < d; ++c)
          to[c * width + r] = static_cast<T>(static_cast<double>(to[c * width + r]) * scale);
      }
    }
  }
}

// Squared norms of packed rows, in double.
template <class T>
void panel_norms(T const* panels, std::size_t count, std::size_t d, std::size_t width,
                 double* norm) {
  for (std::size_t r = 0; r < count * width; ++r) norm[r] = 0.0;
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t c = 0; c < d; ++c) {
      T const* const v = panels + (p * d + c) * width;
      for (std::size_t r = 0; r < width; ++r)
        norm[p * width + r] += static_cast<double>(v[r]) * static_cast<double>(v[r]);
    }
}

}  // namespace detail

/// Packs y (m x d; element (j, c) at y[j * ld + c * cs]) for nearest_block and kernel_sums_block.
/// mean: d column means of the data, subtracted from references and queries alike, or null. Give it
/// for everything that depends on differences only (Euclidean distance, Gaussian and Laplacian
/// kernels): far from the origin float32 is useless without. Never for the rest.
template <class T>
packed_rows<T> pack_rows(T const* y, std::size_t m, std::size_t d, std::ptrdiff_t ld,
                         std::ptrdiff_t cs, double const* mean,
                         metric measure = metric::squared_euclidean) {
  packed_rows<T> out;
  out.set = isa();
  out.measure = measure;
  out.shape = shape_for<T>(out.set);
  out.rows = m;
  out.cols = d;
  std::size_t const width = out.shape.cols;
  out.panels = (m + width - 1) / width;
  out.source = {y, ld, cs};
  if (mean != nullptr) {
    out.mean = buffer<double>(d);
    for (std::size_t c = 0; c < d; ++c) out.mean[c] = mean[c];
  }
  out.data = buffer<T>(out.panels * width * d);
  out.start = buffer<T>(out.panels * width);
  out.norm = buffer<T>(out.panels * width);
  detail::pack_panels(out.source, 0, m, d, width, out.mean.get(), measure == metric::cosine,
                      out.data.get());
  buffer<double> const norms(out.panels * width);
  detail::panel_norms(out.data.get(), out.panels, d, width, norms.get());
  for (std::size_t j = 0; j < out.panels * width; ++j) {
    double const norm = norms[j];
    out.norm[j] = static_cast<T>(norm);
    double const share = measure == metric::squared_euclidean ? -0.5 * norm : 0.0;
    out.start[j] = j < m ? static_cast<T>(share) : -std::numeric_limits<T>::infinity();
    if (!(norm <= out.largest_norm)) out.largest_norm = norm;
    if (measure == metric::cosine && norm != 0.0)
      out.regular = out.regular && std::fabs(norm - 1.0) <= static_cast<double>(d + 4) *
                                                                std::numeric_limits<T>::epsilon();
  }
  return out;
}

/// Packed rows, cut into blocks of whole panels: few enough for threads to share the pairs of
/// blocks, large enough that memory is read seldom.
class panel_blocks {
 public:
  /// rows: of a block, rounded up to whole panels; 0: by the number of rows.
  template <class T>
  explicit panel_blocks(packed_rows<T> const& x, std::size_t rows = 0)
      : panels_(x.panels), width_(x.shape.cols) {
    std::size_t const share = x.rows / 40;
    if (rows == 0) rows = share < 96 ? 96 : share > 480 ? 480 : share;
    block_ = (rows + width_ - 1) / width_;
  }
  std::size_t count() const { return (panels_ + block_ - 1) / block_; }
  /// Rows of every block but the last.
  std::size_t rows() const { return block_ * width_; }
  /// Panels [begin(b), end(b)).
  std::size_t begin(std::size_t b) const { return b * block_; }
  std::size_t end(std::size_t b) const {
    return panels_ - b * block_ < block_ ? panels_ : (b + 1) * block_;
  }

 private:
  std::size_t panels_, width_, block_ = 1;
};

#include <limpid/simd/detail/close.inc>

#endif
