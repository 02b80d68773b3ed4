// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/random.hpp
/// Counter-based random numbers: draws are keyed by seed, stream and row, never by worker.
#ifndef LIMPID_CORE_RANDOM_HPP
#define LIMPID_CORE_RANDOM_HPP

#include <limpid/core/config.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid {

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011). Meets UniformRandomBitGenerator, so that the distributions of Boost.Random take it.
///
/// Key = seed; counter = (draw, stream, row): every (seed, stream, row) has 2^34 draws of its own.
class random_stream {
 public:
  using result_type = std::uint32_t;

  LIMPID_HD constexpr random_stream(std::uint64_t seed, std::uint32_t stream = 0,
                                    std::uint64_t row = 0) noexcept
      : key_{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}},
        stream_(stream),
        row_{{static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row >> 32)}} {}

  static constexpr result_type(min)() noexcept { return 0; }
  static constexpr result_type(max)() noexcept { return 0xffffffffu; }

  LIMPID_HD constexpr result_type operator()() noexcept {
    if (next_ == 4) {
      block_ = philox({{draw_++, stream_, row_[0], row_[1]}}, key_);
      next_ = 0;
    }
    return block_[next_++];
  }

  /// Uniform on [0, 1) with 53 random bits.
  LIMPID_HD constexpr double uniform() noexcept {
    std::uint64_t const high = (*this)(), low = (*this)();
    return static_cast<double>((high << 21) ^ (low >> 11)) * 0x1p-53;
  }

  /// Uniform on 0..bound-1, unbiased (rejection); bound > 0.
  LIMPID_HD constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    std::uint64_t const limit = ~std::uint64_t{0} - (~std::uint64_t{0} % bound + 1) % bound;
    for (;;) {
      std::uint64_t const high = (*this)(), x = (high << 32) | (*this)();
      if (x <= limit) return x % bound;
    }
  }

  /// Four, and two, words; arrays that device code may index without a flag of its compiler.
  struct words {
    std::uint32_t word[4];
    LIMPID_HD constexpr std::uint32_t operator[](std::size_t i) const noexcept { return word[i]; }
    friend constexpr bool operator==(words const&, words const&) = default;
  };
  struct two_words {
    std::uint32_t word[2];
    LIMPID_HD constexpr std::uint32_t operator[](std::size_t i) const noexcept { return word[i]; }
  };
  LIMPID_HD static constexpr words philox(words c, two_words key) noexcept {
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const a = std::uint64_t{0xD2511F53u} * c[0],
                          b = std::uint64_t{0xCD9E8D57u} * c[2];
      c = {{static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(b),
            static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(a)}};
      key = {{key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u}};
    }
    return c;
  }

 private:
  two_words key_;
  std::uint32_t stream_, draw_ = 0;
  two_words row_;
  words block_{};
  unsigned next_ = 4;
};

}  // namespace limpid

#endif  // LIMPID_CORE_RANDOM_HPP
