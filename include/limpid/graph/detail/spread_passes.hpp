// SPDX-License-Identifier: BSL-1.0
/// @file limpid/graph/detail/spread_passes.hpp
/// The passes over the nodes behind spread_labels.
///
/// With D the degrees (1 for a node without edges), W without its diagonal, and F = D^(1/2) H, the
/// system (I - alpha D^(-1/2) W D^(-1/2)) F = B reads (D - alpha W) H = D^(1/2) B. H is what the
/// passes hold: conjugate gradients on it, preconditioned by D, take the steps that the normalised
/// system would.
#ifndef LIMPID_GRAPH_DETAIL_SPREAD_PASSES_HPP
#define LIMPID_GRAPH_DETAIL_SPREAD_PASSES_HPP

#include <limpid/ops/spmm.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid::graph::detail {

/// Y: one-hot rows of label codes, or the caller's soft seeds.
template <class Y, memory_space S>
struct seed_rows {
  vector_view<std::int32_t const, S> label;  ///< no data: soft
  matrix_view<Y const, S> soft;
  LIMPID_HD double operator()(std::size_t i, std::size_t c) const {
    if (label.data) return label[i] == static_cast<std::int32_t>(c) ? 1 : 0;
    return static_cast<double>(soft(i, c));
  }
  LIMPID_HD bool any(std::size_t i) const {
    if (label.data) return label[i] >= 0;
    for (std::size_t c = 0; c < soft.cols; ++c)
      if (soft(i, c) > 0) return true;
    return false;
  }
};

/// Codes: 1 not finite, 2 negative.
template <class Y, memory_space S>
struct seed_fault {
  matrix_view<Y const, S> soft;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < soft.cols; ++c) {
      if (soft(i, c) - soft(i, c) != Y{0}) return 1;
      if (soft(i, c) < 0) return 2;
    }
    return 0;
  }
};

template <class T, memory_space S>
struct write_degree {
  csr_view<T, S> graph;
  vector_view<double, S> degree, loop;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0, self = 0;
    for (std::uint64_t e = graph.start[i]; e < graph.start[i + 1]; ++e)
      (graph.col[e] == i ? self : sum) += static_cast<double>(graph.value[e]);
    degree[i] = sum > 0 ? sum : 1;
    loop[i] = self;
  }
};

/// The system at a block x whose product with the whole graph is known.
template <class T, memory_space S>
struct spread_system {
  vector_view<double const, S> degree, loop;
  double alpha;
  LIMPID_HD double times(std::size_t i, T x, T graph_x) const {
    auto const v = static_cast<double>(x);
    return degree[i] * v - alpha * (static_cast<double>(graph_x) - loop[i] * v);
  }
};

/// x = 0, r = D^(1/2) B, p = r / D.
template <class T, class Y, memory_space S>
struct begin_gradients {
  spread_system<T, S> a;
  seed_rows<Y, S> seeds;
  matrix_view<T, S> x, r, p;
  LIMPID_HD void operator()(std::size_t i) const {
    double const root = std::sqrt(a.degree[i]);
    for (std::size_t c = 0; c < x.cols; ++c) {
      double const b = (1 - a.alpha) * seeds(i, c);
      x(i, c) = T{0};
      r(i, c) = static_cast<T>(root * b);
      p(i, c) = static_cast<T>(b / root);
    }
  }
};

/// r = D^(1/2) B - A x, afresh: what rounding added to the running residual is gone.
template <class T, class Y, memory_space S>
struct renew_residual {
  spread_system<T, S> a;
  seed_rows<Y, S> seeds;
  matrix_view<T const, S> x, graph_x;
  matrix_view<T, S> r;
  LIMPID_HD void operator()(std::size_t i) const {
    double const root = std::sqrt(a.degree[i]);
    for (std::size_t c = 0; c < x.cols; ++c)
      r(i, c) =
          static_cast<T>(root * (1 - a.alpha) * seeds(i, c) - a.times(i, x(i, c), graph_x(i, c)));
  }
};

/// Per column: sum of r^2 / D.
template <class T, memory_space S>
struct add_residual {
  vector_view<double const, S> degree;
  matrix_view<T const, S> r;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t c = 0; c < r.cols; ++c) {
      auto const v = static_cast<double>(r(i, c));
      sums[c] += v * v / degree[i];
    }
  }
};

/// Per column: p' A p.
template <class T, memory_space S>
struct add_curvature {
  spread_system<T, S> a;
  matrix_view<T const, S> p, graph_p;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t c = 0; c < p.cols; ++c)
      sums[c] += static_cast<double>(p(i, c)) * a.times(i, p(i, c), graph_p(i, c));
  }
};

/// x += step p, r -= step A p; a step of 0 leaves its column as it is.
template <class T, memory_space S>
struct take_step {
  spread_system<T, S> a;
  vector_view<double const, S> step;
  matrix_view<T const, S> p, graph_p;
  matrix_view<T, S> x, r;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < p.cols; ++c) {
      if (step[c] == 0) continue;
      double const by = step[c];
      x(i, c) = static_cast<T>(static_cast<double>(x(i, c)) + by * static_cast<double>(p(i, c)));
      r(i, c) =
          static_cast<T>(static_cast<double>(r(i, c)) - by * a.times(i, p(i, c), graph_p(i, c)));
    }
  }
};

/// p = r / D + keep p.
template <class T, memory_space S>
struct turn_direction {
  vector_view<double const, S> degree, keep;
  matrix_view<T const, S> r;
  matrix_view<T, S> p;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < p.cols; ++c)
      p(i, c) = static_cast<T>(static_cast<double>(r(i, c)) / degree[i] +
                               keep[c] * static_cast<double>(p(i, c)));
  }
};

/// Power iteration on H: what the next H is, given W H.
template <class T, class Y, memory_space S>
struct power_step {
  spread_system<T, S> a;
  seed_rows<Y, S> seeds;
  matrix_view<T const, S> graph_h;
  vector_view<double const, S> moves;  ///< 0 leaves its column as it is
  matrix_view<T, S> h;

  LIMPID_HD double next(std::size_t i, std::size_t c) const {
    auto const now = static_cast<double>(h(i, c));
    double const flow = static_cast<double>(graph_h(i, c)) - a.loop[i] * now;
    return a.alpha * flow / a.degree[i] + (1 - a.alpha) * seeds(i, c) / std::sqrt(a.degree[i]);
  }
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < h.cols; ++c)
      if (moves[c] != 0) h(i, c) = static_cast<T>(next(i, c));
  }
};
/// Per column: squared change of F that the next step makes, which is its residual.
template <class T, class Y, memory_space S>
struct add_change {
  power_step<T, Y, S> step;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t c = 0; c < step.h.cols; ++c) {
      double const gap = step.next(i, c) - static_cast<double>(step.h(i, c));
      sums[c] += gap * gap * step.a.degree[i];
    }
  }
};
template <class T, class Y, memory_space S>
struct begin_power {
  vector_view<double const, S> degree;
  seed_rows<Y, S> seeds;
  matrix_view<T, S> h;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < h.cols; ++c)
      h(i, c) = static_cast<T>(seeds(i, c) / std::sqrt(degree[i]));
  }
};

/// Per column: |B|^2.
template <class Y, memory_space S>
struct add_seeds {
  seed_rows<Y, S> seeds;
  double factor;
  std::size_t cols;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t c = 0; c < cols; ++c) {
      double const b = factor * seeds(i, c);
      sums[c] += b * b;
    }
  }
};

template <class Y, memory_space S>
struct mark_seeds {
  seed_rows<Y, S> seeds;
  vector_view<std::uint8_t, S> reached;
  LIMPID_HD void operator()(std::size_t i) const { reached[i] = seeds.any(i) ? 1 : 0; }
};
/// One hop from the marked nodes.
template <class T, memory_space S>
struct hop {
  csr_view<T, S> graph;
  vector_view<std::uint8_t const, S> from;
  vector_view<std::uint8_t, S> to;
  LIMPID_HD void operator()(std::size_t i) const {
    std::uint8_t found = from[i];
    for (std::uint64_t e = graph.start[i]; e < graph.start[i + 1] && !found; ++e)
      if (graph.value[e] > 0 && from[graph.col[e]]) found = 1;
    to[i] = found;
  }
};
template <memory_space S>
struct add_marks {
  vector_view<std::uint8_t const, S> mark;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += mark[i]; }
};

/// F = D^(1/2) H in place, and the class with the largest score: the first of equal ones, -1 where
/// no label reaches or no score is above 0.
template <class T, memory_space S>
struct write_labels {
  vector_view<double const, S> degree;
  vector_view<std::uint8_t const, S> reached;
  matrix_view<T, S> h;
  vector_view<std::int32_t, S> label;
  LIMPID_HD void operator()(std::size_t i) const {
    double const root = std::sqrt(degree[i]);
    T best = T{0};
    std::int32_t winner = -1;
    for (std::size_t c = 0; c < h.cols; ++c) {
      h(i, c) = reached[i] ? static_cast<T>(root * static_cast<double>(h(i, c))) : T{0};
      if (h(i, c) > best) {
        best = h(i, c);
        winner = static_cast<std::int32_t>(c);
      }
    }
    label[i] = winner;
  }
};
template <memory_space S>
struct add_unknown {
  vector_view<std::uint8_t const, S> reached;
  vector_view<std::int32_t const, S> label;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += reached[i] ? 0 : 1;
    sums[1] += label[i] < 0 ? 1 : 0;
  }
};

}  // namespace limpid::graph::detail

#endif  // LIMPID_GRAPH_DETAIL_SPREAD_PASSES_HPP
