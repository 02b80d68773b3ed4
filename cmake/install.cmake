# SPDX-License-Identifier: BSL-1.0
# Headers, find_package(limpid), limpid.pc. Header-only: the package is the same for every architecture.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(limpid_config_dir "${CMAKE_INSTALL_DATADIR}/cmake/limpid")
set(limpid_pc_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")

install(DIRECTORY include/limpid DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.inl" PATTERN "*.inc" PATTERN "*.cuh")
target_include_directories(limpid INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

install(TARGETS limpid EXPORT limpid-targets)
install(EXPORT limpid-targets NAMESPACE limpid:: DESTINATION "${limpid_config_dir}")
configure_package_config_file(cmake/limpid-config.cmake.in "${PROJECT_BINARY_DIR}/limpid-config.cmake"
                              INSTALL_DESTINATION "${limpid_config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/limpid-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/limpid-config.cmake" "${PROJECT_BINARY_DIR}/limpid-config-version.cmake"
              cmake/limpid-openmp.cmake
        DESTINATION "${limpid_config_dir}")

# The build tree is a package too: find_package(limpid) with limpid_DIR=<build>.
export(EXPORT limpid-targets NAMESPACE limpid:: FILE "${PROJECT_BINARY_DIR}/limpid-targets.cmake")
configure_file(cmake/limpid-openmp.cmake "${PROJECT_BINARY_DIR}/limpid-openmp.cmake" COPYONLY)

# Relative to itself, so that the installed tree can be moved.
file(RELATIVE_PATH LIMPID_PC_PREFIX "/prefix/${limpid_pc_dir}" "/prefix")
configure_file(cmake/limpid.pc.in "${PROJECT_BINARY_DIR}/limpid.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/limpid.pc" DESTINATION "${limpid_pc_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
