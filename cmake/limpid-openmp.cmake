# SPDX-License-Identifier: BSL-1.0
# limpid::openmp = limpid + OpenMP, for execution policy `par`. Used by the build tree and by the installed package.
# limpid::limpid itself never asks for OpenMP.
if(NOT TARGET limpid::openmp)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(TARGET OpenMP::OpenMP_CXX)
    add_library(limpid_openmp INTERFACE)
    add_library(limpid::openmp ALIAS limpid_openmp)
    target_link_libraries(limpid_openmp INTERFACE limpid::limpid OpenMP::OpenMP_CXX)
  endif()
endif()
