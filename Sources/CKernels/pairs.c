#include "include/pairs.h"

#include "targets.h"

static void pairs_scalar(const int8_t *rows, const int32_t *sums, size_t stride, uint32_t row, const uint32_t *others,
                         size_t count, int32_t *products) {
    (void)sums;
    const int8_t *a = rows + (size_t)row * stride;
    for (size_t i = 0; i < count; i++) {
        const int8_t *b = rows + (size_t)others[i] * stride;
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j++) sum += (int32_t)a[j] * b[j];
        products[i] = sum;
    }
}

#if BELFRY_X86
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

// How many rows are on their way from memory while one is multiplied.
#define AHEAD 4

INLINE void fetch(const int8_t *row, size_t stride) {
    for (size_t j = 0; j < stride; j += 64) __builtin_prefetch(row + j, 0, 3);
}

TARGET_AVX2 static void pairs_avx2(const int8_t *rows, const int32_t *sums, size_t stride, uint32_t row,
                                   const uint32_t *others, size_t count, int32_t *products) {
    (void)sums;
    const int8_t *a = rows + (size_t)row * stride;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) fetch(rows + (size_t)others[i + AHEAD] * stride, stride);
        const int8_t *b = rows + (size_t)others[i] * stride;
        __m256i total = _mm256_setzero_si256();
        for (size_t j = 0; j < stride; j += 16) {
            __m256i x = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(a + j)));
            __m256i y = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(b + j)));
            total = _mm256_add_epi32(total, _mm256_madd_epi16(x, y));
        }
        __m128i half = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
        products[i] = _mm_cvtsi128_si32(half);
    }
}

// VNNI multiplies unsigned by signed bytes: with a + 128 in place of a, every product is 128 Σ b too large.
TARGET_AVX512 static void pairs_avx512(const int8_t *rows, const int32_t *sums, size_t stride, uint32_t row,
                                       const uint32_t *others, size_t count, int32_t *products) {
    const int8_t *a = rows + (size_t)row * stride;
    const __m512i shift = _mm512_set1_epi8((char)0x80);
    for (size_t i = 0; i < count && i < AHEAD; i++) fetch(rows + (size_t)others[i] * stride, stride);
    size_t i = 0;
    for (; i + 2 <= count; i += 2) {
        if (i + AHEAD < count) fetch(rows + (size_t)others[i + AHEAD] * stride, stride);
        if (i + AHEAD + 1 < count) fetch(rows + (size_t)others[i + AHEAD + 1] * stride, stride);
        const int8_t *b = rows + (size_t)others[i] * stride, *c = rows + (size_t)others[i + 1] * stride;
        __m512i one = _mm512_setzero_si512(), two = _mm512_setzero_si512();
        for (size_t j = 0; j < stride; j += 64) {
            __m512i x = _mm512_xor_si512(_mm512_load_si512(a + j), shift);
            one = _mm512_dpbusd_epi32(one, x, _mm512_load_si512(b + j));
            two = _mm512_dpbusd_epi32(two, x, _mm512_load_si512(c + j));
        }
        products[i] = _mm512_reduce_add_epi32(one) - 128 * sums[others[i]];
        products[i + 1] = _mm512_reduce_add_epi32(two) - 128 * sums[others[i + 1]];
    }
    for (; i < count; i++) {
        const int8_t *b = rows + (size_t)others[i] * stride;
        __m512i one = _mm512_setzero_si512();
        for (size_t j = 0; j < stride; j += 64) {
            __m512i x = _mm512_xor_si512(_mm512_load_si512(a + j), shift);
            one = _mm512_dpbusd_epi32(one, x, _mm512_load_si512(b + j));
        }
        products[i] = _mm512_reduce_add_epi32(one) - 128 * sums[others[i]];
    }
}
#endif

belfry_pairs belfry_pairs_for(belfry_isa isa) { return PICK(isa, pairs_scalar, pairs_avx2, pairs_avx512); }
