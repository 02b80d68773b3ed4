# SPDX-License-Identifier: BSL-1.0
# limpid_cuda_program: programs of nvcc, for our own tests and benchmarks. Not CMake's CUDA language: enabling that needs
# a working toolkit at configure time everywhere, and these are a handful of single files.
find_program(LIMPID_NVCC nvcc HINTS /usr/local/cuda/bin)
set(LIMPID_CUDA_ARCHITECTURES 80 90 CACHE STRING "Machine code for these, and PTX of the highest")

# --expt-relaxed-constexpr: row functors call std::numeric_limits and the like, which are constexpr host functions.
# g++ is the host compiler that nvcc supports everywhere.
set(limpid_nvcc_flags -std=c++20 -ccbin g++ --expt-relaxed-constexpr -Werror cross-execution-space-call
                      -diag-suppress 20012 -Xcompiler -fopenmp "-I${PROJECT_SOURCE_DIR}/include")
get_target_property(limpid_eigen_dirs Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
foreach(dir IN LISTS limpid_eigen_dirs)
  list(APPEND limpid_nvcc_flags -isystem "${dir}")
endforeach()

# limpid_cuda_program(<target> <source> <flag>...): the target, and the program nvcc/<target> in its build folder.
function(limpid_cuda_program target source)
  set(gencode "")
  set(highest 0)
  foreach(architecture IN LISTS LIMPID_CUDA_ARCHITECTURES)
    list(APPEND gencode -gencode "arch=compute_${architecture},code=sm_${architecture}")
    if(architecture GREATER highest)
      set(highest ${architecture})
    endif()
  endforeach()
  list(APPEND gencode -gencode "arch=compute_${highest},code=compute_${highest}")
  file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/nvcc")
  set(program "${CMAKE_CURRENT_BINARY_DIR}/nvcc/${target}")
  add_custom_command(
    OUTPUT "${program}"
    COMMAND "${LIMPID_NVCC}" ${limpid_nvcc_flags} ${gencode} ${ARGN} -MD -MF "${program}.d" -o "${program}"
            "${CMAKE_CURRENT_SOURCE_DIR}/${source}"
    DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}"
    DEPFILE "${program}.d"
    COMMENT "nvcc ${target}"
    VERBATIM)
  add_custom_target(${target} ALL DEPENDS "${program}")
endfunction()
