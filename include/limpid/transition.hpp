// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition.hpp
/// How labels are wrong: the transition matrix, and its use.
#ifndef LIMPID_TRANSITION_HPP
#define LIMPID_TRANSITION_HPP

#include <limpid/transition/anchor_points.hpp>
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/count_intervals.hpp>
#include <limpid/transition/dual_t.hpp>
#include <limpid/transition/hoc.hpp>
#include <limpid/transition/three_views.hpp>

#endif  // LIMPID_TRANSITION_HPP
