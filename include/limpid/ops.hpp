// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops.hpp
/// The primitives that every algorithm is made of.
#ifndef LIMPID_OPS_HPP
#define LIMPID_OPS_HPP

#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/groups.hpp>
#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/ops/kernel_products.hpp>
#include <limpid/ops/kernel_sums.hpp>
#include <limpid/ops/lbfgs.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/order.hpp>
#include <limpid/ops/pairs.hpp>
#include <limpid/ops/quadratic_forms.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/ops/row_reader.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/ops/spmm.hpp>
#include <limpid/ops/steps.hpp>
#include <limpid/ops/tridiagonal.hpp>

#endif  // LIMPID_OPS_HPP
