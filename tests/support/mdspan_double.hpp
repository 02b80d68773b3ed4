// SPDX-License-Identifier: BSL-1.0
/// The interface of std::mdspan in C++20: three layouts, run-time extents, rank 1 and 2. For tests.
#ifndef LIMPID_TESTS_SUPPORT_MDSPAN_DOUBLE_HPP
#define LIMPID_TESTS_SUPPORT_MDSPAN_DOUBLE_HPP

#include <array>
#include <cstddef>
#include <type_traits>

namespace limpid_test {

template <std::size_t Rank>
struct extents {
  using index_type = int;
  using size_type = unsigned;
  using rank_type = std::size_t;
  static constexpr rank_type rank() noexcept { return Rank; }
  constexpr index_type extent(rank_type r) const noexcept { return size[r]; }
  std::array<index_type, Rank> size{};
};

struct layout_right {
  template <class Extents>
  struct mapping {
    Extents extents;
    static constexpr bool is_always_strided() noexcept { return true; }
    static constexpr bool is_strided() noexcept { return true; }
    constexpr int stride(std::size_t r) const noexcept {
      int step = 1;
      for (std::size_t i = r + 1; i < Extents::rank(); ++i) step *= extents.extent(i);
      return step;
    }
  };
};
struct layout_left {
  template <class Extents>
  struct mapping {
    Extents extents;
    static constexpr bool is_always_strided() noexcept { return true; }
    static constexpr bool is_strided() noexcept { return true; }
    constexpr int stride(std::size_t r) const noexcept {
      int step = 1;
      for (std::size_t i = 0; i < r; ++i) step *= extents.extent(i);
      return step;
    }
  };
};
struct layout_stride {
  template <class Extents>
  struct mapping {
    Extents extents;
    std::array<int, Extents::rank()> steps{};
    static constexpr bool is_always_strided() noexcept { return true; }
    static constexpr bool is_strided() noexcept { return true; }
    constexpr int stride(std::size_t r) const noexcept { return steps[r]; }
  };
};
/// A layout that may have no strides, and says so at run time.
struct layout_maybe {
  template <class Extents>
  struct mapping {
    Extents extents;
    bool strided = true;
    static constexpr bool is_always_strided() noexcept { return false; }
    constexpr bool is_strided() const noexcept { return strided; }
    constexpr int stride(std::size_t r) const noexcept {
      return layout_right::mapping<Extents>{extents}.stride(r);
    }
  };
};

template <class T>
struct default_accessor {
  using element_type = T;
  using reference = T&;
  using data_handle_type = T*;
};
/// Computes what is read: the elements in memory are others.
template <class T>
struct halving_accessor {
  using element_type = T;
  using reference = T;
  using data_handle_type = T*;
};

template <class T, std::size_t Rank, class Layout = layout_right,
          class Accessor = default_accessor<T>>
class mdspan {
 public:
  using extents_type = extents<Rank>;
  using layout_type = Layout;
  using accessor_type = Accessor;
  using mapping_type = typename Layout::template mapping<extents_type>;
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using index_type = typename extents_type::index_type;
  using size_type = typename extents_type::size_type;
  using rank_type = typename extents_type::rank_type;
  using data_handle_type = typename Accessor::data_handle_type;
  using reference = typename Accessor::reference;

  constexpr mdspan(data_handle_type data, mapping_type mapping) : data_(data), mapping_(mapping) {}
  static constexpr rank_type rank() noexcept { return Rank; }
  constexpr index_type extent(rank_type r) const noexcept { return mapping_.extents.extent(r); }
  constexpr extents_type const& shape() const noexcept { return mapping_.extents; }
  constexpr data_handle_type const& data_handle() const noexcept { return data_; }
  constexpr mapping_type const& mapping() const noexcept { return mapping_; }
  static constexpr bool is_always_strided() { return mapping_type::is_always_strided(); }
  constexpr bool is_strided() const { return mapping_.is_strided(); }
  constexpr index_type stride(rank_type r) const { return mapping_.stride(r); }

 private:
  data_handle_type data_;
  mapping_type mapping_;
};

}  // namespace limpid_test

#endif  // LIMPID_TESTS_SUPPORT_MDSPAN_DOUBLE_HPP
