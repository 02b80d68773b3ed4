// SPDX-License-Identifier: BSL-1.0
#include <limpid/limpid.hpp>
#include <limpid/tensor/eigen.hpp>

#include <cstdio>

int main() {
  Eigen::MatrixXf X(4000, 2);  // or any other tensor
  Eigen::VectorXi y(4000);
  limpid::random_stream draw(1);
  for (int i = 0; i < 4000; ++i) {
    y[i] = i % 2;
    X(i, 0) = static_cast<float>(y[i] + 1.1 * draw.uniform());
    X(i, 1) = static_cast<float>(draw.uniform());
    if (draw.uniform() < (y[i] == 0 ? 0.3 : 0.1)) y[i] = 1 - y[i];  // wrong labels
  }

  auto const p =
      limpid::classify::out_of_fold(limpid::classify::softmax_regression{}, X, y, 2).probabilities;
  auto const found = limpid::transition::confident_joint(p, y);

  Eigen::Matrix2d T = found.transition;  // T(i, j) = P(labelled j | truly i)
  std::printf("%.2f %.2f\n%.2f %.2f\n%zu labels to look at\n", T(0, 0), T(0, 1), T(1, 0), T(1, 1),
              found.off_diagonal.size());
}
