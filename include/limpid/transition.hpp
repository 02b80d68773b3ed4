// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition.hpp
/// How labels are wrong: the transition matrix, and its use.
#ifndef LIMPID_TRANSITION_HPP
#define LIMPID_TRANSITION_HPP

#include <limpid/transition/anchor_points.hpp>
#include <limpid/transition/backward_loss.hpp>
#include <limpid/transition/bayes_label.hpp>
#include <limpid/transition/causal_em.hpp>
#include <limpid/transition/clean_posterior.hpp>
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/dual_t.hpp>
#include <limpid/transition/estimate.hpp>
#include <limpid/transition/find_label_issues.hpp>
#include <limpid/transition/forward_loss.hpp>
#include <limpid/transition/gold.hpp>
#include <limpid/transition/hoc.hpp>
#include <limpid/transition/hoc_local.hpp>
#include <limpid/transition/identifiability.hpp>
#include <limpid/transition/instance_loss.hpp>
#include <limpid/transition/interval.hpp>
#include <limpid/transition/invert.hpp>
#include <limpid/transition/label_quality.hpp>
#include <limpid/transition/latent_shift.hpp>
#include <limpid/transition/minimum_volume.hpp>
#include <limpid/transition/noise_layer.hpp>
#include <limpid/transition/noise_matrices.hpp>
#include <limpid/transition/part_dependent.hpp>
#include <limpid/transition/per_cluster.hpp>
#include <limpid/transition/per_neighbourhood.hpp>
#include <limpid/transition/reading.hpp>
#include <limpid/transition/revise.hpp>
#include <limpid/transition/robot.hpp>
#include <limpid/transition/sibling.hpp>
#include <limpid/transition/test_class_dependence.hpp>
#include <limpid/transition/three_views.hpp>
#include <limpid/transition/total_variation.hpp>
#include <limpid/transition/trust_mixture.hpp>
#include <limpid/transition/unbiased_weights.hpp>

#endif  // LIMPID_TRANSITION_HPP
