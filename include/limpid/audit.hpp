// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit.hpp
/// A data set in, a report of its label noise out.
#ifndef LIMPID_AUDIT_HPP
#define LIMPID_AUDIT_HPP

#include <limpid/audit/examine.hpp>
#include <limpid/audit/examine_probabilities.hpp>
#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/audit/score_remedy.hpp>
#include <limpid/audit/train.hpp>

#endif  // LIMPID_AUDIT_HPP
