// SPDX-License-Identifier: BSL-1.0
/// @file limpid/graph/spread_labels.hpp
/// Labels spread over a graph: learning with local and global consistency.
#ifndef LIMPID_GRAPH_SPREAD_LABELS_HPP
#define LIMPID_GRAPH_SPREAD_LABELS_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/graph/detail/spread_passes.hpp>
#include <limpid/graph/sparse.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::graph {

enum class spread_solver { conjugate_gradients, power };

struct spread_labels_options {
  double alpha = 0.99;  ///< share that comes from neighbours, [0, 1); scikit-learn's default is 0.2
  std::size_t classes = 0;  ///< K >= 1, with labels; seeds have it as their width
  spread_solver solver = spread_solver::conjugate_gradients;
  double tolerance = 1e-6;    ///< a column ends at |residual| <= tolerance |(1 - alpha) Y|; >= 0
  int max_iterations = 1000;  ///< products with the graph at most, >= 0
  progress on_progress = {};  ///< told iterations / max_iterations; false stops
  bool validate = true;       ///< look at the graph, its symmetry and the labels first
};

/// T: the graph's value type.
template <class T>
struct spread_labels_result {
  matrix<T> scores;            ///< n x K; rows do not sum to 1; 0 where no label reaches
  vector<std::int32_t> label;  ///< n, class of the largest score; -1 = unknown
  std::size_t unreached = 0;   ///< nodes in parts of the graph without a label: label -1
  std::size_t unknown =
      0;  ///< all nodes with label -1: `unreached`, and those without a score above 0
  int iterations = 0;
  vector<double> residual;  ///< K, |residual| / |(1 - alpha) Y|; 0 for a class without labels
  bool converged = false;   ///< every column met the tolerance
  bool stopped = false;     ///< by on_progress: scores are those of the last step
};

/// A graph as spread_labels takes it: csr_view in the policy's space, or sparse on the host.
template <class G>
concept graph_input = requires(G const& g) {
  typename G::value_type;
  requires std::floating_point<typename G::value_type>;
  requires requires { g.view().start; } || requires { g.start.stride; };
};

namespace detail {

template <class T, memory_space S>
csr_view<T, S> as_csr(csr_view<T, S> g) {
  return g;
}
template <class T>
csr_view<T> as_csr(sparse<T> const& g) {
  return g.view();
}
template <class G>
inline constexpr memory_space space_of_graph = decltype(as_csr(std::declval<G const&>()))::space;

/// Nodes that some seed reaches over edges of weight above 0.
template <execution_policy P, class T, class Y>
ops::buffer<std::uint8_t, P> reach(P const& exec, csr_view<T, P::space> graph,
                                   seed_rows<Y, P::space> seeds) {
  std::size_t const n = graph.rows();
  auto mark = ops::make_buffer<std::uint8_t>(exec, n);
  ops::for_rows(exec, n, mark_seeds<Y, P::space>{seeds, mark.view()});
  if constexpr (P::space == memory_space::host) {
    components_result const parts = components(graph);
    std::vector<std::uint8_t> lit(parts.count);
    for (std::size_t i = 0; i < n; ++i)
      if (mark.view()[i]) lit[parts.component[i]] = 1;
    for (std::size_t i = 0; i < n; ++i) mark.view()[i] = lit[parts.component[i]];
  } else {
    auto next = ops::make_buffer<std::uint8_t>(exec, n);
    double before = -1, now = ops::sum_rows(exec, n, 1, add_marks<P::space>{mark.view()})[0];
    while (now > before) {
      ops::for_rows(exec, n, hop<T, P::space>{graph, mark.view(), next.view()});
      std::swap(mark, next);
      before = now;
      now = ops::sum_rows(exec, n, 1, add_marks<P::space>{mark.view()})[0];
    }
  }
  return mark;
}

template <execution_policy P>
ops::buffer<double, P> upload(P const& exec, std::vector<double> const& values) {
  return ops::upload(exec, vector_view<double const>(values.data(), values.size()));
}

/// One solve: K columns, each with its own step and its own end.
template <execution_policy P, class T, class Y>
class spread {
  static constexpr memory_space S = P::space;

 public:
  spread(P const& exec, csr_view<T, S> graph, seed_rows<Y, S> seeds, std::size_t classes,
         spread_labels_options const& o)
      : exec_(exec),
        graph_(graph),
        seeds_(seeds),
        n_(graph.rows()),
        k_(classes),
        o_(o),
        degree_(exec, n_),
        loop_(exec, n_),
        x_(exec, n_ * k_) {
    ops::for_rows(exec_, n_, write_degree<T, S>{graph_, degree_.view(), loop_.view()});
    system_ = {degree_.view(), loop_.view(), o_.alpha};
    norm_ = ops::sum_rows(exec_, n_, k_, add_seeds<Y, S>{seeds_, 1 - o_.alpha, k_});
  }

  spread_labels_result<T> run() {
    if (o_.solver == spread_solver::power)
      power();
    else
      gradients();
    out_.residual = vector<double>(k_);
    out_.converged = true;
    for (std::size_t c = 0; c < k_; ++c) {
      out_.residual[c] = norm_[c] > 0 ? std::sqrt(left_[c] / norm_[c]) : 0;
      out_.converged = out_.converged && !open(c);
    }
    auto const reached = reach(exec_, graph_, seeds_);
    auto const label = ops::make_buffer<std::int32_t>(exec_, n_);
    ops::for_rows(
        exec_, n_,
        write_labels<T, S>{degree_.view(), reached.view(), x_.view(n_, k_), label.view()});
    auto const count = ops::sum_rows(exec_, n_, 2, add_unknown<S>{reached.view(), label.view()});
    out_.unreached = static_cast<std::size_t>(count[0]);
    out_.unknown = static_cast<std::size_t>(count[1]);
    out_.scores = ops::download(exec_, x_.view(n_, k_));
    out_.label = ops::download(exec_, label.view());
    return std::move(out_);
  }

 private:
  using block = matrix_view<T, S>;
  using read_block = matrix_view<T const, S>;

  bool open(std::size_t c) const { return left_[c] > o_.tolerance * o_.tolerance * norm_[c]; }
  bool any_open() const {
    for (std::size_t c = 0; c < k_; ++c)
      if (open(c)) return true;
    return false;
  }
  bool goes_on() {
    if (out_.iterations >= o_.max_iterations || !any_open()) return false;
    if (o_.on_progress && !o_.on_progress(static_cast<double>(out_.iterations) / o_.max_iterations))
      out_.stopped = true;
    return !out_.stopped;
  }

  void gradients() {
    ops::buffer<T, P> r_(exec_, n_ * k_), p_(exec_, n_ * k_), q_(exec_, n_ * k_);
    block const x = x_.view(n_, k_), r = r_.view(n_, k_), p = p_.view(n_, k_), q = q_.view(n_, k_);
    ops::for_rows(exec_, n_, begin_gradients<T, Y, S>{system_, seeds_, x, r, p});
    left_ = ops::sum_rows(exec_, n_, k_, add_residual<T, S>{degree_.view(), r});
    std::vector<double> step(k_), keep(k_);
    std::vector<char> stuck(k_);
    while (goes_on()) {
      ops::spmm(exec_, graph_, read_block(p), q);
      auto const curve = ops::sum_rows(exec_, n_, k_, add_curvature<T, S>{system_, p, q});
      bool moves = false;
      for (std::size_t c = 0; c < k_; ++c) {
        if (!(curve[c] > 0)) stuck[c] = 1;  // the direction is 0: rounding ended this column
        step[c] = open(c) && !stuck[c] ? left_[c] / curve[c] : 0;
        moves = moves || step[c] > 0;
      }
      if (!moves) break;
      auto const held_step = upload(exec_, step);
      ops::for_rows(exec_, n_, take_step<T, S>{system_, held_step.view(), p, q, x, r});
      ++out_.iterations;
      if (out_.iterations % 50 == 0) {
        ops::spmm(exec_, graph_, read_block(x), q);
        ops::for_rows(exec_, n_, renew_residual<T, Y, S>{system_, seeds_, x, q, r});
      }
      auto const now = ops::sum_rows(exec_, n_, k_, add_residual<T, S>{degree_.view(), r});
      for (std::size_t c = 0; c < k_; ++c) {
        keep[c] = step[c] > 0 && left_[c] > 0 ? now[c] / left_[c] : 0;
        left_[c] = now[c];
      }
      auto const held_keep = upload(exec_, keep);
      ops::for_rows(exec_, n_, turn_direction<T, S>{degree_.view(), held_keep.view(), r, p});
    }
  }

  void power() {
    ops::buffer<T, P> q_(exec_, n_ * k_);
    block const h = x_.view(n_, k_), q = q_.view(n_, k_);
    ops::for_rows(exec_, n_, begin_power<T, Y, S>{degree_.view(), seeds_, h});
    for (;;) {
      ops::spmm(exec_, graph_, read_block(h), q);
      power_step<T, Y, S> next{system_, seeds_, q, {}, h};
      left_ = ops::sum_rows(exec_, n_, k_, add_change<T, Y, S>{next});
      if (!goes_on()) return;
      std::vector<double> moves(k_);
      for (std::size_t c = 0; c < k_; ++c) moves[c] = open(c) ? 1 : 0;
      auto const held = upload(exec_, moves);
      next.moves = held.view();
      ops::for_rows(exec_, n_, next);
      ++out_.iterations;
    }
  }

  P const& exec_;
  csr_view<T, S> graph_;
  seed_rows<Y, S> seeds_;
  std::size_t n_, k_;
  spread_labels_options const& o_;
  ops::buffer<double, P> degree_, loop_;
  ops::buffer<T, P> x_;
  spread_system<T, S> system_{};
  std::vector<double> norm_, left_;  ///< per column: |B|^2, |residual|^2
  spread_labels_result<T> out_;
};

inline void check_spread(std::string_view where, spread_labels_options const& o, std::size_t nodes,
                         std::string_view name, std::size_t rows) {
  using limpid::detail::require;
  require(o.alpha >= 0 && o.alpha < 1, where, "alpha is ", o.alpha, "; it must be in [0, 1)");
  require(o.tolerance >= 0, where, "tolerance is ", o.tolerance, "; it must be at least 0");
  require(o.max_iterations >= 0, where, "max_iterations is ", o.max_iterations,
          "; it must be at least 0");
  require(nodes == rows, where, "graph has ", nodes, " nodes, ", name, " has ", rows, " rows");
}

}  // namespace detail

/// Labels for all nodes from the labels of some: each node's scores are what flows to it over the
/// graph,
///
///     F = (1 - alpha) (I - alpha S)^(-1) Y,    S = D^(-1/2) W D^(-1/2),    label = argmax F,
///
/// with W's diagonal left out, D its row sums and Y the one-hot labels. Labels are not clamped:
/// with alpha < 1 a labelled node's score can go against its given label, which is how noisy labels
/// show.
///
/// conjugate_gradients solves the system with a step and an end per column; power iterates
/// F <- alpha S F + (1 - alpha) Y from F = Y, and at alpha = 0.99 takes some hundred times the
/// products. S is never formed.
///
/// A node that no label reaches is never given a class: its label is -1 and it is counted. A node
/// without edges keeps its own label. A class without labels scores 0 everywhere.
///
/// @param graph   n nodes, symmetric, weights >= 0: a sparse, or a csr_view of your own arrays.
/// @param labels  n, 0..classes-1, negative = unlabelled; set options.classes. Or
/// @param seeds   n x K, >= 0: soft or confidence-weighted labels, rows of 0 = unlabelled.
/// @return spread_labels_result. Look at converged, residual, unreached.
/// @throws input_error  a graph that is malformed or not symmetric, labels out of range, seeds that
///         are negative or not finite, different numbers of rows, options out of range.
///
/// Time O((entries + n) K) per iteration, memory 4 n K values of the graph's type (power: 2 n K)
/// and 2 n doubles. Sums over nodes are kept in double. Deterministic: bitwise the same for any
/// number of threads.
///
/// Source: Zhou, Bousquet, Lal, Weston, Schoelkopf, "Learning with local and global consistency",
/// NIPS 2003, section 2.
struct spread_labels_fn {
  using primitives =
      uses<ops::spmm_fn, ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "graph::spread_labels";

  template <execution_policy P, graph_input G, label_vector Y>
  spread_labels_result<typename G::value_type> operator()(
      P const& exec, G const& graph, Y const& labels, spread_labels_options const& options) const {
    limpid::detail::enter<spread_labels_fn, P, Y>();
    enter_graph<P, G>();
    using T = typename G::value_type;
    csr_view<T, P::space> const g = detail::as_csr(graph);
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<Y> const, P::space> const y = view(held);
    detail::check_spread(where, options, g.rows(), "labels", y.size);
    limpid::detail::require(options.classes >= 1 && options.classes < 0x7fffffffu, where,
                            "classes is ", options.classes,
                            "; it must be at least 1 and below 2^31");
    if (options.validate) detail::check_graph(detail::policy_rows<P>{exec}, where, g, true);
    auto const codes = ops::check_labels(exec, where, "labels", y, options.classes, true);
    detail::seed_rows<T, P::space> const seeds{codes.view(), {}};
    return detail::spread<P, T, T>(exec, g, seeds, options.classes, options).run();
  }
  template <execution_policy P, graph_input G, real_matrix Y>
  spread_labels_result<typename G::value_type> operator()(
      P const& exec, G const& graph, Y const& seeds,
      spread_labels_options const& options = {}) const {
    limpid::detail::enter<spread_labels_fn, P, Y>();
    enter_graph<P, G>();
    using T = typename G::value_type;
    using V = value_t<Y>;
    csr_view<T, P::space> const g = detail::as_csr(graph);
    auto&& held = limpid::detail::materialise(seeds);
    matrix_view<V const, P::space> const y = view(held);
    detail::check_spread(where, options, g.rows(), "seeds", y.rows);
    limpid::detail::require(y.cols >= 1 && y.cols < 0x7fffffffu, where, "seeds has ", y.cols,
                            " columns; it must have at least 1 and fewer than 2^31");
    limpid::detail::require(options.classes == 0 || options.classes == y.cols, where, "classes is ",
                            options.classes, ", seeds has ", y.cols, " columns");
    if (options.validate) {
      detail::check_graph(detail::policy_rows<P>{exec}, where, g, true);
      auto const fault = ops::first_row(exec, y.rows, detail::seed_fault<V, P::space>{y});
      if (fault.code)
        limpid::detail::fail(where, ": seeds row ", fault.row,
                             fault.code == 1 ? " has an entry that is not finite"
                                             : " has a negative entry; seeds must be at least 0");
    }
    detail::seed_rows<V, P::space> const rows{{}, y};
    return detail::spread<P, T, V>(exec, g, rows, y.cols, options).run();
  }

  template <graph_input G, label_vector Y>
  auto operator()(G const& graph, Y const& labels, spread_labels_options const& options) const {
    return (*this)(default_policy, graph, labels, options);
  }
  template <graph_input G, real_matrix Y>
  auto operator()(G const& graph, Y const& seeds, spread_labels_options const& options = {}) const {
    return (*this)(default_policy, graph, seeds, options);
  }

 private:
  template <class P, class G>
  static consteval void enter_graph() {
    static_assert(
        detail::space_of_graph<G> == std::remove_cvref_t<P>::space,
        "limpid: the policy and the graph are in different memory spaces; copy the graph first");
  }
};
inline constexpr spread_labels_fn spread_labels{};

}  // namespace limpid::graph

#endif  // LIMPID_GRAPH_SPREAD_LABELS_HPP
