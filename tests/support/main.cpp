// SPDX-License-Identifier: BSL-1.0
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#if defined(LIMPID_SANITIZED) && defined(__clang__)
// LLVM's OpenMP keeps a few blocks of its worker threads to the end.
extern "C" char const* __lsan_default_suppressions();
extern "C" char const* __lsan_default_suppressions() {
  return "leak:libomp.so";
}
#endif
