// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd.hpp
/// Many annotators for one label.
#ifndef LIMPID_CROWD_HPP
#define LIMPID_CROWD_HPP

#include <limpid/crowd/agreement.hpp>
#include <limpid/crowd/answers.hpp>
#include <limpid/crowd/dawid_skene.hpp>
#include <limpid/crowd/fast_dawid_skene.hpp>
#include <limpid/crowd/glad.hpp>
#include <limpid/crowd/label_sets.hpp>
#include <limpid/crowd/mace.hpp>
#include <limpid/crowd/majority_vote.hpp>
#include <limpid/crowd/one_coin.hpp>
#include <limpid/crowd/weighted_vote.hpp>

#endif  // LIMPID_CROWD_HPP
