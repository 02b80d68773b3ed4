# SPDX-License-Identifier: BSL-1.0
# limpid_internal: what our own tests, examples and benchmarks are built with. Never exported.
add_library(limpid_internal INTERFACE)
target_link_libraries(limpid_internal INTERFACE limpid::openmp)
target_compile_options(limpid_internal INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror)

set(LIMPID_SANITIZE "" CACHE STRING "Sanitizers of our own builds, e.g. address,undefined")
if(LIMPID_SANITIZE)
  target_compile_options(limpid_internal INTERFACE -fsanitize=${LIMPID_SANITIZE} -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer)
  target_link_options(limpid_internal INTERFACE -fsanitize=${LIMPID_SANITIZE})
  target_compile_definitions(limpid_internal INTERFACE LIMPID_SANITIZED)  # tests take smaller sizes
  if(LIMPID_SANITIZE MATCHES "undefined")
    # Checks at every access that the address sanitizer or the processor makes anyway: a quarter of the compile time.
    target_compile_options(limpid_internal INTERFACE -fno-sanitize=null,alignment,pointer-overflow,object-size,vptr)
  endif()
endif()

find_program(LIMPID_CCACHE ccache)
find_program(LIMPID_LLD ld.lld)
mark_as_advanced(LIMPID_CCACHE LIMPID_LLD)
if(LIMPID_LLD)
  target_link_options(limpid_internal INTERFACE -fuse-ld=lld)  # links a test in a third of the time
endif()
if(LIMPID_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LIMPID_CCACHE}")
endif()
