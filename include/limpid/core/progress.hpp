// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/progress.hpp
/// How long work reports, and how it is asked to stop.
#ifndef LIMPID_CORE_PROGRESS_HPP
#define LIMPID_CORE_PROGRESS_HPP

#include <functional>

namespace limpid {

/// Told the fraction done, 0 to 1, on the calling thread; returning false stops the work cleanly.
/// May be empty.
using progress = std::function<bool(double fraction)>;

}  // namespace limpid

#endif  // LIMPID_CORE_PROGRESS_HPP
