// EXPECT: tensor_traits_exist_for
// HAVE: Eigen/Core
// SPDX-License-Identifier: BSL-1.0
// Eigen's types come in with limpid/tensor/eigen.hpp, which is forgotten here.
#include <limpid/transition/dual_t.hpp>

#include <Eigen/Core>

auto wrong(Eigen::MatrixXd const& p, Eigen::VectorXi const& labels) {
  return limpid::transition::dual_t(p, labels);
}
