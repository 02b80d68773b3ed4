// SPDX-License-Identifier: BSL-1.0
/// A primitive under every policy, forced instruction set and memory layout.
#ifndef LIMPID_TESTS_OPS_POLICIES_HPP
#define LIMPID_TESTS_OPS_POLICIES_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/simd/isa.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace limpid_test {

/// Each instruction set of the processor in turn; then its own choice again.
template <class Use>
void each_set(Use const& use) {
  for (auto set : {limpid::instruction_set::scalar, limpid::instruction_set::baseline,
                   limpid::instruction_set::v3, limpid::instruction_set::v4})
    if (limpid::lanes::force(set)) {
      INFO("instruction set ", limpid::to_string(set));
      use();
    }
  limpid::lanes::unforce();
}

/// run(policy) gives something with ==: simd and par with 1, 2, 3 and 7 threads agree bit for bit.
/// check(answer) judges simd's and seq's under every instruction set.
template <class Run, class Check>
void each_policy(Run const& run, Check const& check) {
  {
    INFO("seq");
    check(run(limpid::seq));
  }
  each_set([&] {
    auto const simd = run(limpid::simd);
    check(simd);
    for (int threads : {1, 2, 3, 7}) {
      INFO("threads ", threads);
      limpid::par_policy par;
      par.threads = threads;
      CHECK(run(par) == simd);
    }
  });
}

/// One matrix as four layouts: packed, padded rows, columns first, and every second column of a
/// wider one.
template <class T>
class layouts {
 public:
  explicit layouts(limpid::matrix<T> const& m)
      : packed_(m),
        padded_(m.rows() * (m.cols() + 3)),
        across_(m.rows() * m.cols()),
        sparse_(m.rows() * m.cols() * 2) {
    for (std::size_t r = 0; r < m.rows(); ++r)
      for (std::size_t c = 0; c < m.cols(); ++c) {
        padded_[r * (m.cols() + 3) + c] = m(r, c);
        across_[c * m.rows() + r] = m(r, c);
        sparse_[(r * m.cols() + c) * 2] = m(r, c);
      }
  }
  /// use(view) for each of them.
  template <class Use>
  void each(Use const& use) const {
    auto const n = packed_.rows(), k = packed_.cols();
    auto const step = [](std::size_t s) { return static_cast<std::ptrdiff_t>(s); };
    using view = limpid::matrix_view<T const>;
    {
      INFO("packed");
      use(view(packed_.data(), n, k));
    }
    {
      INFO("padded");
      use(view(padded_.data(), n, k, step(k + 3), 1));
    }
    {
      INFO("columns first");
      use(view(across_.data(), n, k, 1, step(n)));
    }
    {
      INFO("every second column");
      use(view(sparse_.data(), n, k, step(2 * k), 2));
    }
  }

 private:
  limpid::matrix<T> packed_;
  std::vector<T> padded_, across_, sparse_;
};

/// Entries uniform on [low, high), keyed by row.
template <class T>
limpid::matrix<T> random_matrix(std::size_t n, std::size_t k, double low, double high,
                                std::uint64_t seed = 1) {
  limpid::matrix<T> m(n, k);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    for (std::size_t j = 0; j < k; ++j)
      m(i, j) = static_cast<T>(low + (high - low) * draw.uniform());
  }
  return m;
}

/// |a - b| <= tolerance (1 + |b|) for every pair.
template <class A, class B>
bool close(A const& a, B const& b, double tolerance) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    if (!(std::abs(x - y) <= tolerance * (1 + std::abs(y)))) return false;
  }
  return true;
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_OPS_POLICIES_HPP
