#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# run.sh <way> <cmake> <c++> <limpid source> <limpid build> <scratch>: builds and runs a user's project.
set -eu
way=$1 cmake=$2 cxx=$3 source=$4 build=$5 scratch=$6
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$scratch"
mkdir -p "$scratch"

project() {  # project <folder> [-D...]
  "$cmake" -S "$here/$1" -B "$scratch/build" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Debug "${@:2}"
  "$cmake" --build "$scratch/build"
  "$scratch/build/app"
  "$scratch/build/app_openmp"
}
install() {
  "$cmake" --install "$build" --prefix "$scratch/first" >"$scratch/install.log"
  mv "$scratch/first" "$scratch/prefix"  # an installed tree can be moved
}

case $way in
  installed)
    install
    project package -DCMAKE_PREFIX_PATH="$scratch/prefix"
    ;;
  build_tree)
    project package -Dlimpid_DIR="$build"
    ;;
  subdirectory)
    project subdirectory -DLIMPID_SOURCE="$source"
    # A guest adds no tests, no install rules and no options of its own to the host's build.
    ! grep -q "LIMPID_BUILD_TESTS:BOOL=ON" "$scratch/build/CMakeCache.txt"
    ! grep -q "include/limpid" "$scratch/build/cmake_install.cmake"
    ;;
  pkg_config)
    command -v pkg-config >/dev/null || { echo "pkg-config is missing"; exit 77; }
    install
    export PKG_CONFIG_PATH="$scratch/prefix/share/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
    test "$(pkg-config --modversion limpid)" = "$(sed -n 's/.*VERSION_STRING "\(.*\)"/\1/p' "$source/include/limpid/version.hpp")"
    # shellcheck disable=SC2046
    "$cxx" -std=c++20 $(pkg-config --cflags limpid) "$here/app.cpp" -o "$scratch/app"
    "$scratch/app"
    ;;
  *)
    echo "unknown way: $way"
    exit 2
    ;;
esac
