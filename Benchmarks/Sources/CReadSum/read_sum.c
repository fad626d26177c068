#include "include/read_sum.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static uint64_t wide(const char *bytes, size_t length) {
    __m512i sums[4] = {0};
    for (size_t i = 0; i + 256 <= length; i += 256) {
        __builtin_prefetch(bytes + i + 4096);
        for (int s = 0; s < 4; s++) sums[s] = _mm512_add_epi64(sums[s], _mm512_loadu_si512(bytes + i + 64 * s));
    }
    return (uint64_t)_mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3])));
}
#endif

uint64_t read_sum(const void *bytes, size_t length) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return wide(bytes, length);
#endif
    uint64_t sum = 0;
    const uint64_t *words = bytes;
    for (size_t i = 0; i < length / 8; i++) sum += words[i];
    return sum;
}
