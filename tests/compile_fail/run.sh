#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# run.sh COMPILER [FLAGS...]: every program here must be refused, in the words of its first line.
#
#   // EXPECT: words      what the compiler must say; a | parts alternatives
#   // FLAGS: flags       added behind the others
#   // HAVE: file         skipped where the compiler does not find <file>
#   // HIDE: folder       the library's headers do not find <folder/...>
#
# LIMPID_EIGEN_INCLUDE names the folder of Eigen where it is not /usr/include/eigen3.
set -u
compiler=${1:?usage: run.sh COMPILER [FLAGS...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
eigen=${LIMPID_EIGEN_INCLUDE:-/usr/include/eigen3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
common=(-std=c++20 -fsyntax-only -I"$root/include" -I"$root/tests" -isystem "$eigen" "$@")

field() { sed -n "s#^// $2: *##p" "$1" | head -n 1; }

# A program that is right: if this fails, the refusals below prove nothing.
cat >"$work/right.cpp" <<'PROGRAM'
#include <support/emulated_device.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/dual_t.hpp>
#include <vector>
auto right(limpid::matrix<double> const& p, std::vector<int> const& labels) {
  return limpid::transition::dual_t(limpid::seq, p, labels);
}
PROGRAM
if ! "$compiler" "${common[@]}" "$work/right.cpp" >"$work/said" 2>&1; then
  cat "$work/said"
  echo "FAIL: the right program does not compile"
  exit 1
fi

failed=0 count=0 skipped=0
for program in "$here"/*.cpp; do
  name=$(basename "$program" .cpp)
  words=$(sed -n '1s#^// EXPECT: *##p' "$program")
  if [ -z "$words" ]; then
    echo "FAIL $name: the first line is not // EXPECT: words"
    failed=$((failed + 1))
    continue
  fi
  needed=$(field "$program" HAVE)
  if [ -n "$needed" ] && ! echo "#include <$needed>" | "$compiler" "${common[@]}" -x c++ -E - >/dev/null 2>&1; then
    echo "skip $name: no <$needed>"
    skipped=$((skipped + 1))
    continue
  fi
  front=()
  hidden=$(field "$program" HIDE)
  if [ -n "$hidden" ]; then
    front=(-I"$work/$hidden")
    mkdir -p "$work/$hidden/limpid/tensor"
    for header in "$root"/include/limpid/tensor/*.hpp; do
      sed "s#__has_include(<$hidden/#__has_include(<absent/$hidden/#g" "$header" \
        >"$work/$hidden/limpid/tensor/$(basename "$header")"
    done
  fi
  read -r -a own <<<"$(field "$program" FLAGS)"
  count=$((count + 1))
  if "$compiler" "${front[@]}" "${common[@]}" "${own[@]}" "$program" >"$work/said" 2>&1; then
    echo "FAIL $name: compiles"
    failed=$((failed + 1))
    continue
  fi
  found=0
  while IFS= read -r alternative; do
    grep -qF -- "$alternative" "$work/said" && found=1
  done < <(tr '|' '\n' <<<"$words")
  if [ "$found" = 0 ]; then
    echo "FAIL $name: refused, but not with: $words"
    head -n 20 "$work/said" | cut -c1-300
    failed=$((failed + 1))
  fi
done
echo "$count programs, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$count" -gt 0 ]
