// SPDX-License-Identifier: BSL-1.0
// The programs of docs/concepts.md.
#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>

#include <limpid/classify/nearest_neighbours.hpp>
#include <limpid/classify/out_of_fold.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/tensor/eigen.hpp>
#include <limpid/transition/dual_t.hpp>
#if defined(_OPENMP)
#include <limpid/exec/par.hpp>
#endif

#include "../support/inputs.hpp"

#include <boost/random/normal_distribution.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

//! [own_type]
struct frame {  // rows of floats, `pitch` floats apart
  int rows, cols, pitch;
  std::vector<float> cells;
};
//! [own_type]

}  // namespace

//! [own_traits]
template <>
struct limpid::tensor_traits<frame> {
  static auto view(auto& f) {  // f may be const: then the elements are
    return matrix_view(f.cells.data(), static_cast<std::size_t>(f.rows),
                       static_cast<std::size_t>(f.cols), f.pitch, 1);
  }
  static frame make(std::size_t rows, std::size_t cols) {  // only if results should convert to it
    int const r = static_cast<int>(rows), c = static_cast<int>(cols);
    return {r, c, c, std::vector<float>(rows * cols)};
  }
};
//! [own_traits]

TEST_CASE("concepts: any backend comes in") {
  //! [inputs]
  Eigen::MatrixXf P(4, 2);  // column-major
  P << 0.9f, 0.1f, 0.6f, 0.4f, 0.3f, 0.7f, 0.4f, 0.6f;
  std::vector<std::uint8_t> const y{0, 1, 1, 1};

  auto const whole = limpid::transition::dual_t(P, y);
  auto const part = limpid::transition::dual_t(
      P.topRows(3), std::span(y).first(3));  // windows: nothing is copied
  //! [inputs]
  CHECK(whole.transition.rows() == 2);
  CHECK(part.counts(1, 1) == 1);
}

TEST_CASE("concepts: a view is a pointer, extents and strides") {
  //! [views]
  double memory[] = {0.9, 0.1, -1, 0.2, 0.8, -1};  // rows are 3 apart: the third column is padding

  limpid::matrix_view<double const> const rows(memory, 2, 2, 3, 1);
  limpid::matrix_view<double const> const columns = rows.transposed();  // the same elements
  limpid::vector_view<double const> const second = rows.col(1);
  //! [views]
  CHECK(rows(1, 0) == 0.2);
  CHECK(&columns(0, 1) == &rows(1, 0));
  CHECK(second[1] == 0.8);
  CHECK(second.stride == 3);
}

TEST_CASE("concepts: a type of one's own") {
  frame f{4, 2, 3, std::vector<float>(12, -1.f)};
  auto const set = [&](int r, float a, float b) {
    f.cells[static_cast<std::size_t>(3 * r)] = a;
    f.cells[static_cast<std::size_t>(3 * r + 1)] = b;
  };
  set(0, 0.9f, 0.1f);
  set(1, 0.6f, 0.4f);
  set(2, 0.3f, 0.7f);
  set(3, 0.4f, 0.6f);
  std::vector<int> const y{0, 1, 1, 1};
  //! [own_use]
  static_assert(limpid::real_matrix<frame>);
  auto const r = limpid::transition::dual_t(f, y);
  frame const T = r.transition;
  //! [own_use]
  auto const same = limpid::transition::dual_t(limpid::to<limpid::matrix<float>>(f), y);
  CHECK(r.transition == same.transition);
  CHECK(T.cells[3] == static_cast<float>(r.transition(1, 1)));
}

TEST_CASE("concepts: where it runs") {
  auto const in = limpid_test::make_inputs<double>(5000, 4, 3, 7);
  auto const& P = in.probabilities;
  auto const& y = in.labels;
  //! [policies]
  auto const reference = limpid::transition::dual_t(limpid::seq, P, y);  // plain loops, to be read
  auto const fast = limpid::transition::dual_t(limpid::simd, P, y);  // one thread, widest vectors
  auto const same = limpid::transition::dual_t(P, y);                // what no policy means: simd
  //! [policies]
  CHECK(same.transition == fast.transition);
  CHECK(reference.transition(0, 1) == doctest::Approx(fast.transition(0, 1)));
  //! [supports]
  static_assert(limpid::supports<limpid::transition::dual_t_fn, limpid::simd_policy>);
  //! [supports]
#if defined(_OPENMP)
  //! [threads]
  limpid::par_policy four;
  four.threads = 4;  // changes the speed, not a bit of the result
  auto const threaded = limpid::transition::dual_t(four, P, y);
  //! [threads]
  CHECK(threaded.transition == fast.transition);
#endif
}

TEST_CASE("concepts: results are limpid's and convert") {
  auto const in = limpid_test::make_inputs<double>(300, 4, 3, 7);
  //! [results]
  auto const r = limpid::transition::dual_t(in.probabilities, in.labels);

  Eigen::MatrixXd const T = r.transition;         // a copy, in any adapted type
  auto const M = limpid::as_eigen(r.transition);  // a window
  auto const F =
      limpid::to<Eigen::MatrixXf>(r.counts);        // the same, where no type is named on the left
  bool const doubtful = r.class_estimated[0] == 0;  // what to distrust
  //! [results]
  CHECK(T(1, 2) == r.transition(1, 2));
  CHECK(M.data() == r.transition.data());
  CHECK(F.rows() == 3);
  CHECK_FALSE(doubtful);
}

TEST_CASE("concepts: big results go where the caller says") {
  auto const in = limpid_test::make_inputs<double>(60, 4, 3, 7);
  auto const& X = in.features;
  auto const& y = in.labels;
  auto const& weights = in.weights;
  //! [write_into]
  Eigen::MatrixXd P(60, 3);
  auto const r = limpid::classify::out_of_fold(limpid::simd, limpid::classify::nearest_neighbours{},
                                               X, y, 3, weights, {.folds = 4}, P);
  //! [write_into]
  CHECK(r.probabilities.empty());
  CHECK(P.row(5).sum() == doctest::Approx(1));
}

TEST_CASE("concepts: bad input is told where") {
  //! [errors]
  limpid::matrix<double> const P{{0.9, 0.1}, {0.9, 0.41}};
  std::string said;
  try {
    (void)limpid::transition::dual_t(P, std::vector<int>{0, 1});
  } catch (limpid::input_error const& error) {
    said = error.what();
  }
  CHECK(said ==
        "transition::dual_t: P row 1 sums to 1.31; rows must be probability distributions "
        "(tolerance 1e-3)");
  //! [errors]
}

TEST_CASE("concepts: long work tells how far it is, and stops when asked") {
  auto const in = limpid_test::make_inputs<double>(60, 4, 3, 7);
  auto const& X = in.features;
  auto const& y = in.labels;
  //! [progress]
  auto const r = limpid::classify::out_of_fold(limpid::classify::nearest_neighbours{}, X, y, 3,
                                               {.folds = 5, .on_progress = [](double fraction) {
                                                  return fraction < 0.5;
                                                }});  // false: enough
  CHECK(r.stopped);
  CHECK(r.folds_done < 5);
  //! [progress]
}

TEST_CASE("concepts: random numbers belong to rows") {
  //! [random]
  std::uint64_t const seed = 42, row = 17;
  limpid::random_stream draw(seed, /*stream=*/3,
                             row);         // whoever works on row 17 draws the same numbers
  double const u = draw.uniform();         // [0, 1)
  std::uint64_t const k = draw.below(10);  // 0..9, unbiased
  boost::random::normal_distribution<double> normal;
  double const z = normal(draw);
  //! [random]
  limpid::random_stream again(42, 3, 17);
  CHECK(again.uniform() == u);
  CHECK(again.below(10) == k);
  CHECK(boost::random::normal_distribution<double>()(again) == z);
}
