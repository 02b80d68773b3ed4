// SPDX-License-Identifier: BSL-1.0
/// Where the real data sets are, if they are.
#ifndef LIMPID_TESTS_SUPPORT_SHARED_DATA_HPP
#define LIMPID_TESTS_SUPPORT_SHARED_DATA_HPP

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace limpid_test {

/// The folder of a data set, or "" with a message that the test skips it: no such folder, or a
/// build with sanitizers. LIMPID_SHARED_DATA in the environment, then the definition
/// LIMPID_SHARED_DATA_DIR, says where to look.
inline std::string shared_data(std::string const& name) {
#if defined(LIMPID_SANITIZED)
  MESSAGE("skipped: " << name << " takes minutes under sanitizers; the release build runs it");
#else
  char const* const where = std::getenv("LIMPID_SHARED_DATA");
  std::string const folder =
      (where ? std::string(where) : std::string(LIMPID_SHARED_DATA_DIR)) + "/" + name;
  if (std::filesystem::is_directory(folder)) return folder;
  MESSAGE("skipped: no data set " << name << " in " << folder);
#endif
  return "";
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_SUPPORT_SHARED_DATA_HPP
