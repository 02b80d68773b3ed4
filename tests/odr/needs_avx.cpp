// SPDX-License-Identifier: BSL-1.0
#include <immintrin.h>

int main() {
  volatile int one = 1;
  __m256i const sum = _mm256_add_epi32(_mm256_set1_epi32(one), _mm256_set1_epi32(one));
  return _mm256_extract_epi32(sum, 3) == 2 ? 0 : 1;
}
