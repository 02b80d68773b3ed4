// SPDX-License-Identifier: BSL-1.0
// Every header after the macros that platforms put in its way, and in the same program as each
// header alone: what is defined twice does not link.

// What the headers use of others comes first: only limpid's own text is to meet the macros.
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <Eigen/Sparse>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/tools/minima.hpp>
#include <boost/math/tools/roots.hpp>
#include <boost/multi_array.hpp>
#include <boost/numeric/ublas/matrix.hpp>
#include <boost/numeric/ublas/matrix_proxy.hpp>
#include <boost/numeric/ublas/vector.hpp>
#include <boost/numeric/ublas/vector_proxy.hpp>
#include <boost/random.hpp>
#if __has_include(<xtensor/xtensor.hpp>)
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <complex>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <numbers>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LIMPID_HOSTILE this name belongs to the platform
// <windows.h>
#define min(a, b) LIMPID_HOSTILE
#define max(a, b) LIMPID_HOSTILE
#define small LIMPID_HOSTILE
#define near LIMPID_HOSTILE
#define far LIMPID_HOSTILE
#define interface LIMPID_HOSTILE
#define hyper LIMPID_HOSTILE
#define ERROR LIMPID_HOSTILE
#define NO_ERROR LIMPID_HOSTILE
#define IN LIMPID_HOSTILE
#define OUT LIMPID_HOSTILE
#define OPTIONAL LIMPID_HOSTILE
#define DELETE LIMPID_HOSTILE
#define DIFFERENCE LIMPID_HOSTILE
#define TRUE LIMPID_HOSTILE
#define FALSE LIMPID_HOSTILE
#define STRICT LIMPID_HOSTILE
// <termios.h>, <sys/sysmacros.h>, <complex.h>, <math.h>, <limits.h>, <ctype.h>
#undef B0
#undef major
#undef minor
#undef I
#undef DOMAIN
#undef OVERFLOW
#undef CHAR_WIDTH
#define B0 LIMPID_HOSTILE
#define ECHO LIMPID_HOSTILE
#define major(x) LIMPID_HOSTILE
#define minor(x) LIMPID_HOSTILE
#define I LIMPID_HOSTILE
#define DOMAIN LIMPID_HOSTILE
#define OVERFLOW LIMPID_HOSTILE
#define CHAR_WIDTH LIMPID_HOSTILE
#define _B LIMPID_HOSTILE
#define _C LIMPID_HOSTILE
#define _L LIMPID_HOSTILE
#define _N LIMPID_HOSTILE
#define _P LIMPID_HOSTILE
#define _S LIMPID_HOSTILE
#define _U LIMPID_HOSTILE
#define _X LIMPID_HOSTILE
// X11
#define None LIMPID_HOSTILE
#define Bool LIMPID_HOSTILE
#define Status LIMPID_HOSTILE
#define Success LIMPID_HOSTILE
#define Always LIMPID_HOSTILE
#define Complex LIMPID_HOSTILE
// R, test frameworks, compilers
#define length(x) LIMPID_HOSTILE
#define CHECK(x) LIMPID_HOSTILE
#define REQUIRE(x) LIMPID_HOSTILE
#define PI LIMPID_HOSTILE
#undef unix
#undef linux
#define unix LIMPID_HOSTILE
#define linux LIMPID_HOSTILE

#include "every_header.hpp"

int main() {}
