#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# doxygen.sh <doxygen> <source> <out>: the reference, without a warning.
set -eu
mkdir -p "$3"
cd "$2"
{ cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = $3"; } | "$1" - >/dev/null
