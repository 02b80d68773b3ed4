// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/matrix.hpp
/// The arrays that results own. Nothing in them depends on compiler flags or on a backend.
#ifndef LIMPID_CORE_MATRIX_HPP
#define LIMPID_CORE_MATRIX_HPP

#include <limpid/core/tensor.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid {

template <class T>
class vector;
template <class T>
class matrix;

namespace detail {
template <class X>
inline constexpr bool is_own_array = false;
template <class T>
inline constexpr bool is_own_array<vector<T>> = true;
template <class T>
inline constexpr bool is_own_array<matrix<T>> = true;

/// Real numbers become integers only where the caller rounds them.
template <class From, class To>
concept keeps_kind = !(std::floating_point<From> && !std::floating_point<To>);

template <class From, class To>
void put(To& to, From from) {
  to = static_cast<To>(from);
  if constexpr (std::integral<From> && std::integral<To>)
    require(static_cast<From>(to) == from && (to < To{}) == (from < From{}), "to", "the element ",
            from, " does not fit the type converted to");
}

/// The view of `x` to fill as a vector, also where only the value knows its rank.
template <class X>
auto vector_of(X& x) {
  if constexpr (has_run_time_rank<X>)
    return as_vector(x);
  else
    return view(x);
}
}  // namespace detail

/// to<X>(a): a copy of the vector or matrix `a`, of any adapted type, as an X. Integers must fit
/// (input_error else); real numbers do not convert to integers.
template <class X, tensor_vector A>
  requires makeable_vector<X> &&
           detail::keeps_kind<value_t<A>,
                              typename decltype(detail::vector_of(std::declval<X&>()))::value_type>
X to(A const& a) {
  static_assert(space_of<A> == memory_space::host,
                "limpid: to<X>() reads host memory; ops::download first");
  auto&& held = detail::materialise(a);
  auto const from = limpid::view(held);
  X out = tensor_traits<X>::make(from.size);
  auto const into = detail::vector_of(out);
  for (std::size_t i = 0; i < from.size; ++i) detail::put(into[i], from[i]);
  return out;
}
template <class X, tensor_matrix A>
  requires makeable_matrix<X> && detail::keeps_kind<value_t<A>, value_t<X>>
X to(A const& a) {
  static_assert(space_of<A> == memory_space::host,
                "limpid: to<X>() reads host memory; ops::download first");
  auto&& held = detail::materialise(a);
  auto const from = limpid::view(held);
  X out = tensor_traits<X>::make(from.rows, from.cols);
  auto const into = limpid::view(out);
  for (std::size_t r = 0; r < from.rows; ++r)
    for (std::size_t c = 0; c < from.cols; ++c) detail::put(into(r, c), from(r, c));
  return out;
}

/// An owning array. Converts to every adapted vector type: `std::vector<double> v = result.prior;`.
template <class T>
class vector {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                "limpid: arrays hold numbers; std::uint8_t holds flags");

 public:
  using value_type = T;

  vector() = default;
  explicit vector(std::size_t size, T value = T{}) : elements_(size, value) {}
  vector(std::initializer_list<T> values) : elements_(values) {}
  explicit vector(std::vector<T> values) noexcept : elements_(std::move(values)) {}

  std::size_t size() const noexcept { return elements_.size(); }
  bool empty() const noexcept { return elements_.empty(); }
  T* data() noexcept { return elements_.data(); }
  T const* data() const noexcept { return elements_.data(); }
  T& operator[](std::size_t i) noexcept { return elements_[i]; }
  T const& operator[](std::size_t i) const noexcept { return elements_[i]; }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size(); }
  T const* begin() const noexcept { return data(); }
  T const* end() const noexcept { return data() + size(); }

  vector_view<T> view() noexcept { return {data(), size()}; }
  vector_view<T const> view() const noexcept { return {data(), size()}; }

  /// A copy in any adapted vector type that can be made from a length; see to<X>().
  template <makeable_vector X>
    requires(!detail::is_own_array<X> && requires(vector const& v) { limpid::to<X>(v); })
  operator X() const {  // NOLINT(*-explicit-*)
    return limpid::to<X>(*this);
  }

  friend bool operator==(vector const&, vector const&) = default;

 private:
  std::vector<T> elements_;
};

/// An owning row-major array without padding. Converts to every adapted matrix type:
/// `Eigen::MatrixXd T = result.transition;`.
template <class T>
class matrix {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                "limpid: arrays hold numbers; std::uint8_t holds flags");

 public:
  using value_type = T;

  matrix() = default;
  matrix(std::size_t rows, std::size_t cols, T value = T{})
      : rows_(rows), cols_(cols), elements_(area(rows, cols), value) {}
  matrix(matrix const&) = default;
  matrix& operator=(matrix const&) = default;
  ~matrix() = default;
  /// The other is left 0 x 0.
  matrix(matrix&& other) noexcept
      : rows_(std::exchange(other.rows_, 0)),
        cols_(std::exchange(other.cols_, 0)),
        elements_(std::move(other.elements_)) {}
  matrix& operator=(matrix&& other) noexcept {
    matrix taken(std::move(other));
    rows_ = taken.rows_;
    cols_ = taken.cols_;
    elements_.swap(taken.elements_);
    return *this;
  }
  /// From equally long rows: `matrix<double>{{1, 0}, {0, 1}}`.
  matrix(std::initializer_list<std::initializer_list<T>> rows)
      : rows_(rows.size()), cols_(rows.size() ? rows.begin()->size() : 0) {
    elements_.reserve(rows_ * cols_);
    for (auto const& row : rows) {
      detail::require(row.size() == cols_, "matrix", "rows of different lengths");
      elements_.insert(elements_.end(), row.begin(), row.end());
    }
  }

  static matrix identity(std::size_t size) {
    matrix out(size, size);
    for (std::size_t i = 0; i < size; ++i) out(i, i) = T{1};
    return out;
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  bool empty() const noexcept { return elements_.empty(); }
  T* data() noexcept { return elements_.data(); }
  T const* data() const noexcept { return elements_.data(); }
  T& operator()(std::size_t r, std::size_t c) noexcept { return elements_[r * cols_ + c]; }
  T const& operator()(std::size_t r, std::size_t c) const noexcept {
    return elements_[r * cols_ + c];
  }

  matrix_view<T> view() noexcept { return {data(), rows_, cols_}; }
  matrix_view<T const> view() const noexcept { return {data(), rows_, cols_}; }

  /// A copy in any adapted matrix type that can be made from its extents; see to<X>().
  template <makeable_matrix X>
    requires(!detail::is_own_array<X> && requires(matrix const& m) { limpid::to<X>(m); })
  operator X() const {  // NOLINT(*-explicit-*)
    return limpid::to<X>(*this);
  }

  friend bool operator==(matrix const&, matrix const&) = default;

 private:
  static std::size_t area(std::size_t rows, std::size_t cols) {
    detail::require(cols == 0 || rows <= static_cast<std::size_t>(-1) / cols, "matrix", rows, " x ",
                    cols, " elements are more than memory can hold");
    return rows * cols;
  }
  std::size_t rows_ = 0, cols_ = 0;
  std::vector<T> elements_;
};

template <class T>
struct tensor_traits<vector<T>> {
  static auto view(auto& v) { return v.view(); }
  static vector<T> make(std::size_t size) { return vector<T>(size); }
};
template <class T>
struct tensor_traits<matrix<T>> {
  static auto view(auto& m) { return m.view(); }
  static matrix<T> make(std::size_t rows, std::size_t cols) { return {rows, cols}; }
};

/// Rows that live apart, one pointer each; read once into a matrix, since they have no common
/// stride.
template <class T>
struct nested_rows {
  T const* const* row;  ///< rows pointers, each to cols elements
  std::size_t rows, cols;
};
template <class T>
nested_rows(T const* const*, std::size_t, std::size_t) -> nested_rows<T>;
template <class T>
struct tensor_traits<nested_rows<T>> {
  static matrix<T> evaluate(nested_rows<T> const& x) {
    matrix<T> out(x.rows, x.cols);
    for (std::size_t r = 0; r < x.rows; ++r)
      for (std::size_t c = 0; c < x.cols; ++c) out(r, c) = x.row[r][c];
    return out;
  }
};
template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
struct tensor_traits<std::vector<std::vector<T>>> {
  static matrix<T> evaluate(std::vector<std::vector<T>> const& x) {
    matrix<T> out(x.size(), x.empty() ? 0 : x[0].size());
    for (std::size_t r = 0; r < x.size(); ++r) {
      detail::require(x[r].size() == out.cols(), "vector of vectors", "row ", r, " has ",
                      x[r].size(), " elements; row 0 has ", out.cols());
      for (std::size_t c = 0; c < out.cols(); ++c) out(r, c) = x[r][c];
    }
    return out;
  }
};

}  // namespace limpid

#endif  // LIMPID_CORE_MATRIX_HPP
