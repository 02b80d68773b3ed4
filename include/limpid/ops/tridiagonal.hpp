// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/tridiagonal.hpp
/// A symmetric matrix of the host as Q T Q', T tridiagonal, and its eigenvalues: of a few thousand
/// rows, where ops/small.hpp is for K x K.
#ifndef LIMPID_OPS_TRIDIAGONAL_HPP
#define LIMPID_OPS_TRIDIAGONAL_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/simd/tridiagonal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::ops {

/// n x n doubles with room behind rows and columns, as the kernels want them. Only the lower
/// triangle is read.
class symmetric_matrix {
 public:
  explicit symmetric_matrix(std::size_t size)
      : size_(size), pitch_((size + 15) / 16 * 16), data_(limpid::simd, padded_rows() * pitch_) {
    for (std::size_t i = size * pitch_; i < padded_rows() * pitch_; ++i) data_.view()[i] = 0;
  }
  std::size_t size() const noexcept { return size_; }
  std::size_t pitch() const noexcept { return pitch_; }
  std::size_t padded_rows() const noexcept { return (size_ + 3) / 4 * 4; }
  double* row(std::size_t i) const noexcept { return data_.view().data + i * pitch_; }
  matrix_view<double> view() const noexcept {
    return {row(0), size_, size_, static_cast<std::ptrdiff_t>(pitch_), 1};
  }

 private:
  std::size_t size_, pitch_;
  buffer<double, simd_policy> data_;
};

/// A = Q T Q'.
struct tridiagonal {
  std::size_t size = 0;
  std::vector<double> diagonal;  ///< n, of T
  std::vector<double> off;       ///< n + 1: off[j] joins j - 1 and j; 0 at both ends
  symmetric_matrix reflectors;   ///< row i: v_i, i entries; Q = H_{n-1} ... H_1
  std::vector<double> factor;    ///< n: H_i = I - factor_i v_i v_i'
  bool stopped = false;          ///< by on_progress: nothing else is meant

  /// x = Q' x.
  void into_basis(double* x) const {
    for (std::size_t i = size; i-- > 1;) reflect(i, x);
  }
  /// x = Q x.
  void from_basis(double* x) const {
    for (std::size_t i = 1; i < size; ++i) reflect(i, x);
  }

 private:
  void reflect(std::size_t i, double* x) const {
    double const* const v = reflectors.row(i);
    double sum = 0;
    for (std::size_t c = 0; c < i; ++c) sum += v[c] * x[c];
    sum *= factor[i];
    for (std::size_t c = 0; c < i; ++c) x[c] -= sum * v[c];
  }
};

/// tridiagonalise(a, on_progress): Householder's reflections from the last row up; `a` is used up.
/// 4/3 n^3 flops, n doubles beside a.
inline tridiagonal tridiagonalise(symmetric_matrix a, progress const* on_progress = nullptr) {
  std::size_t const n = a.size();
  tridiagonal t{n,
                std::vector<double>(n),
                std::vector<double>(n + 1),
                std::move(a),
                std::vector<double>((n + 3) / 4 * 4),
                false};
  std::vector<double> v(n), q(n), next(n), p(n);
  bool pending = false;  // v q' + q v' has still to be taken off
  double done = 0, told = 0;
  for (std::size_t i = n; i-- > 0;) {
    double* const row = t.reflectors.row(i);
    if (pending) lanes::update_row(row, v.data(), q.data(), v[i], q[i], i + 1);
    t.diagonal[i] = row[i];
    double rest = 0;
    for (std::size_t c = 0; c + 1 < i; ++c) rest += row[c] * row[c];
    for (std::size_t c = i; c < (i / 4 + 1) * 4 && c < t.reflectors.pitch(); ++c) row[c] = 0;
    if (i == 0) break;
    double const last = row[i - 1];
    if (!(rest > 0)) {
      t.off[i] = last;
      for (std::size_t c = 0; c < i; ++c) row[c] = next[c] = 0;
    } else {
      double const norm = std::sqrt(rest + last * last), onto = last > 0 ? -norm : norm;
      t.off[i] = onto;
      row[i - 1] = last - onto;
      t.factor[i] = 2 / (rest + row[i - 1] * row[i - 1]);
      for (std::size_t c = 0; c < i; ++c) next[c] = row[c];
    }
    lanes::update_and_multiply(t.reflectors.row(0), t.reflectors.pitch(), i,
                               pending ? v.data() : nullptr, q.data(), next.data(), p.data());
    double const b = t.factor[i];
    double along = 0;
    for (std::size_t c = 0; c < i; ++c) along += next[c] * p[c];
    double const half = b * b * along / 2;
    for (std::size_t c = 0; c < i; ++c) q[c] = b * p[c] - half * next[c];
    v.swap(next);
    pending = true;
    done += static_cast<double>(i) * static_cast<double>(i);
    double const share =
        3 * done / (static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n));
    if (on_progress && *on_progress && share >= told + 0.02) {
      told = share;
      if (!(*on_progress)(share < 1 ? share : 1)) {
        t.stopped = true;
        return t;
      }
    }
  }
  return t;
}

/// An orthogonal matrix in strips: strip s holds rows 16 s.. of it as columns, entry (i, j) at
/// strip(i / 16)[16 j + i % 16]. Rows beyond the last are 0.
class row_strips {
 public:
  static constexpr std::size_t width = lanes::strip_width;
  row_strips(std::size_t size, symmetric_matrix room) : size_(size), room_(std::move(room)) {}
  std::size_t size() const noexcept { return size_; }
  std::size_t count() const noexcept { return (size_ + width - 1) / width; }
  double* strip(std::size_t s) const noexcept { return room_.row(0) + s * size_ * width; }
  double operator()(std::size_t i, std::size_t j) const noexcept {
    return strip(i / width)[j * width + i % width];
  }
  /// y = Q x, or y = Q' x.
  std::vector<double> times(std::vector<double> const& x) const {
    std::vector<double> y(size_);
    for (std::size_t s = 0; s < count(); ++s) {
      double const* const at = strip(s);
      double sums[width] = {};
      for (std::size_t j = 0; j < size_; ++j)
        for (std::size_t c = 0; c < width; ++c) sums[c] += at[j * width + c] * x[j];
      for (std::size_t c = 0; c < width && s * width + c < size_; ++c) y[s * width + c] = sums[c];
    }
    return y;
  }
  std::vector<double> transposed_times(std::vector<double> const& x) const {
    std::vector<double> y(size_);
    for (std::size_t s = 0; s < count(); ++s) {
      double const* const at = strip(s);
      double part[width] = {};
      for (std::size_t c = 0; c < width && s * width + c < size_; ++c) part[c] = x[s * width + c];
      for (std::size_t j = 0; j < size_; ++j) {
        double sum = 0;
        for (std::size_t c = 0; c < width; ++c) sum += at[j * width + c] * part[c];
        y[j] += sum;
      }
    }
    return y;
  }

 private:
  std::size_t size_;
  symmetric_matrix room_;
};

/// basis_of(exec, t): Q, in t's memory and as much again for the time of the call. 4/3 n^3 flops;
/// strips are shared out to `exec`.
template <host_policy P>
row_strips basis_of(P const& exec, tridiagonal t) {
  constexpr std::size_t width = row_strips::width, some = 4;
  std::size_t const n = t.size, rows = t.reflectors.padded_rows(), strips = (n + width - 1) / width;
  std::vector<double> cross(rows * some);
  exec.for_tiles(rows / some, [&](std::size_t b) {
    for (std::size_t s = 0; s < some; ++s)
      for (std::size_t u = 0; u < s; ++u) {
        double const *const x = t.reflectors.row(b * some + s), *const y =
                                                                    t.reflectors.row(b * some + u);
        double sum = 0;
        for (std::size_t c = 0; c < b * some + u; ++c) sum += x[c] * y[c];
        cross[(b * some + s) * some + u] = sum;
      }
  });
  auto const columns = make_buffer<double>(limpid::simd, strips * rows * width);
  double* const q = columns.view().data;
  exec.for_tiles(strips, [&](std::size_t s) {
    double* const strip = q + s * rows * width;
    for (std::size_t k = 0; k < rows * width; ++k) strip[k] = 0;
    for (std::size_t c = 0; c < width && s * width + c < n; ++c)
      strip[(s * width + c) * width + c] = 1;
    for (std::size_t first = s * width / some * some; first < rows; first += some)
      lanes::reflect_strip(t.reflectors.row(0), t.reflectors.pitch(), first, &t.factor[first],
                           &cross[first * some], strip);
  });
  row_strips out(n, std::move(t.reflectors));
  exec.for_tiles(strips, [&](std::size_t s) {
    double* const to = out.strip(s);
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < width; ++c)
        to[j * width + c] =
            s * width + c < n ? q[(j / width * rows + s * width + c) * width + j % width] : 0.0;
  });
  return out;
}

/// Implicit QL on T: its eigenvalues, in no order, and the rotations that make it diagonal, handed
/// to use(rotations, count) a few at a time. `values` holds T's diagonal, `off` n + 1 as in
/// tridiagonal. False where an eigenvalue did not settle. O(n^2) beside `use`.
template <class Use>
bool diagonalise(std::vector<double>& values, std::vector<double> off, Use const& use) {
  std::size_t const n = values.size(), room = std::size_t{1} << 18;
  constexpr double eps = std::numeric_limits<double>::epsilon();
  std::vector<lanes::plane_rotation> held;
  held.reserve(n < room ? room + n : 2 * n);
  std::vector<double>& d = values;
  double* const e = off.data() + 1;  // e[i] joins i and i + 1
  double moved = 0, largest = 0;
  bool settled = true;
  for (std::size_t l = 0; l < n; ++l) {
    double const here = std::abs(d[l]) + std::abs(e[l]);
    largest = here > largest ? here : largest;
    std::size_t m = l;
    while (m + 1 < n && std::abs(e[m]) > eps * largest) ++m;
    int sweeps = 0;
    for (; m > l; ++sweeps) {
      double g = d[l], p = (d[l + 1] - g) / (2 * e[l]), r = std::hypot(p, 1.0);
      if (p < 0) r = -r;
      d[l] = e[l] / (p + r);
      d[l + 1] = e[l] * (p + r);
      double const next = d[l + 1];
      double h = g - d[l];
      for (std::size_t i = l + 2; i < n; ++i) d[i] -= h;
      moved += h;
      p = d[m];
      double c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
      double const second = e[l + 1];
      for (std::size_t i = m; i-- > l;) {
        c3 = c2;
        c2 = c;
        s2 = s;
        g = c * e[i];
        h = c * p;
        r = std::hypot(p, e[i]);
        e[i + 1] = s * r;
        s = e[i] / r;
        c = p / r;
        p = c * d[i] - s * g;
        d[i + 1] = h + s * (c * g + s * d[i]);
        held.push_back({c, s, i});
      }
      p = -s * s2 * c3 * second * e[l] / next;
      e[l] = s * p;
      d[l] = c * p;
      if (held.size() >= room) {
        use(held.data(), held.size());
        held.clear();
      }
      if (!(std::abs(e[l]) > eps * largest)) break;
      if (sweeps == 60) {
        settled = false;
        break;
      }
    }
    d[l] += moved;
    e[l] = 0;
  }
  if (!held.empty()) use(held.data(), held.size());
  return settled;
}

namespace detail {
struct no_rotations {
  void operator()(lanes::plane_rotation const*, std::size_t) const noexcept {}
};
}  // namespace detail

/// The eigenvalues of T, in no order. O(n^2).
inline std::vector<double> eigenvalues(tridiagonal const& t) {
  std::vector<double> values = t.diagonal;
  diagonalise(values, t.off, detail::no_rotations{});
  return values;
}

/// Turns a basis of T into the eigenvectors, and returns the eigenvalues: column j of Q belongs to
/// value j. About 3 n^3 flops; strips are shared out to `exec`.
template <host_policy P>
std::vector<double> turn_to_eigenvectors(P const& exec, std::vector<double> diagonal,
                                         std::vector<double> const& off, row_strips const& q) {
  diagonalise(diagonal, off, [&](lanes::plane_rotation const* rotations, std::size_t count) {
    exec.for_tiles(q.count(),
                   [&](std::size_t s) { lanes::rotate_strip(rotations, count, q.strip(s)); });
  });
  return diagonal;
}

/// T + lambda = L D L', to solve with.
class shifted_factor {
 public:
  shifted_factor(std::vector<double> const& diagonal, std::vector<double> const& off, double lambda)
      : diagonal_(diagonal), off_(off), factor_(diagonal.size() + 1), inverse_(diagonal.size()) {
    for (std::size_t j = 0; j < diagonal.size(); ++j) {
      factor_[j] = j ? off[j] * inverse_[j - 1] : 0;
      double const pivot = diagonal[j] + lambda - (j ? factor_[j] * off[j] : 0);
      inverse_[j] = 1 / pivot;
    }
  }
  /// x = (T + lambda)^-1 x.
  void solve(std::vector<double>& x) const {
    std::size_t const n = inverse_.size();
    for (std::size_t j = 1; j < n; ++j) x[j] -= factor_[j] * x[j - 1];
    for (std::size_t j = n; j-- > 0;)
      x[j] = inverse_[j] * x[j] - (j + 1 < n ? factor_[j + 1] * x[j + 1] : 0);
  }
  /// T x.
  std::vector<double> times(std::vector<double> const& x) const {
    std::size_t const n = x.size();
    std::vector<double> y(n);
    for (std::size_t j = 0; j < n; ++j)
      y[j] = diagonal_[j] * x[j] + (j ? off_[j] * x[j - 1] : 0) +
             (j + 1 < n ? off_[j + 1] * x[j + 1] : 0);
    return y;
  }
  lanes::resolvent_task task(double const* a, double const* b, double const* c) const {
    return {inverse_.size(), diagonal_.data(), off_.data(),
            factor_.data(),  inverse_.data(),  {a, b, c}};
  }

 private:
  std::vector<double> const &diagonal_, &off_;
  std::vector<double> factor_, inverse_;
};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_TRIDIAGONAL_HPP
