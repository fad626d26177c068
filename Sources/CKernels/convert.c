#include "include/convert.h"

#include <string.h>

#include "targets.h"

static inline const void *in(const void *from, size_t byte) { return (const char *)from + byte; }
static inline void *out(void *to, size_t byte) { return (char *)to + byte; }

// MARK: plain C, one component at a time

static uint32_t bits_of_f16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31) return sign | 0x7f800000 | (fraction ? 0x400000 | fraction << 13 : 0);
    if (exponent > 0) return sign | (exponent + 112) << 23 | fraction << 13;
    if (fraction == 0) return sign;
    // A denormal has a leading bit somewhere below the hidden one: find it, and count it off the exponent.
    uint32_t shift = (uint32_t)__builtin_clz(fraction) - 21;
    return sign | (113 - shift) << 23 | (fraction << shift & 1023) << 13;
}

static uint16_t f16_of_bits(uint32_t bits) {
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00);  // 65,536 and above
    uint32_t dropped = 13, kept;
    if (magnitude >= 0x38800000) {
        kept = magnitude - (112u << 23);
    } else {
        // Below the smallest normal f16: the hidden bit becomes visible, and the exponent says how far to shift.
        dropped = 126 - (magnitude >> 23);
        if (dropped > 24) return (uint16_t)sign;
        kept = (magnitude & 0x7fffff) | 0x800000;
    }
    uint32_t half = 1u << (dropped - 1), odd = kept >> dropped & 1;
    return (uint16_t)(sign | (kept + half - 1 + odd) >> dropped);
}

static uint16_t bf16_of_bits(uint32_t bits) {
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The vector versions end with these for what is left over.

static void widen_f16_from(size_t i, const void *from, size_t count, void *to) {
    for (; i < count; i++) {
        uint16_t half;
        memcpy(&half, in(from, 2 * i), 2);
        uint32_t bits = bits_of_f16(half);
        memcpy(out(to, 4 * i), &bits, 4);
    }
}

static void widen_bf16_from(size_t i, const void *from, size_t count, void *to) {
    for (; i < count; i++) {
        uint16_t upper;
        memcpy(&upper, in(from, 2 * i), 2);
        uint32_t bits = (uint32_t)upper << 16;
        memcpy(out(to, 4 * i), &bits, 4);
    }
}

static void narrow_f16_from(size_t i, const void *from, size_t count, void *to) {
    for (; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, in(from, 4 * i), 4);
        uint16_t half = f16_of_bits(bits);
        memcpy(out(to, 2 * i), &half, 2);
    }
}

static void narrow_bf16_from(size_t i, const void *from, size_t count, void *to) {
    for (; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, in(from, 4 * i), 4);
        uint16_t upper = bf16_of_bits(bits);
        memcpy(out(to, 2 * i), &upper, 2);
    }
}

static void widen_f16(const void *from, size_t count, void *to) { widen_f16_from(0, from, count, to); }
static void widen_bf16(const void *from, size_t count, void *to) { widen_bf16_from(0, from, count, to); }
static void narrow_f16(const void *from, size_t count, void *to) { narrow_f16_from(0, from, count, to); }
static void narrow_bf16(const void *from, size_t count, void *to) { narrow_bf16_from(0, from, count, to); }

static const belfry_convert_kernels scalar_kernels = {widen_f16, widen_bf16, narrow_f16, narrow_bf16};

#if BELFRY_X86
#include <immintrin.h>

#define NEAREST (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

// MARK: AVX2 and F16C, eight components at a time

TARGET_AVX2 static void widen_f16_avx2(const void *from, size_t count, void *to) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out(to, 4 * i), _mm256_cvtph_ps(_mm_loadu_si128(in(from, 2 * i))));
    widen_f16_from(i, from, count, to);
}

TARGET_AVX2 static void widen_bf16_avx2(const void *from, size_t count, void *to) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(in(from, 2 * i)));
        _mm256_storeu_si256(out(to, 4 * i), _mm256_slli_epi32(wide, 16));
    }
    widen_bf16_from(i, from, count, to);
}

TARGET_AVX2 static void narrow_f16_avx2(const void *from, size_t count, void *to) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(in(from, 4 * i)), NEAREST);
        _mm_storeu_si128(out(to, 2 * i), halves);
    }
    narrow_f16_from(i, from, count, to);
}

TARGET_AVX2 static void narrow_bf16_avx2(const void *from, size_t count, void *to) {
    const __m256i one = _mm256_set1_epi32(1), bias = _mm256_set1_epi32(0x7fff), quiet = _mm256_set1_epi32(0x40);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 x = _mm256_loadu_ps(in(from, 4 * i));
        __m256i bits = _mm256_castps_si256(x), upper = _mm256_srli_epi32(bits, 16);
        __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, bias), _mm256_and_si256(upper, one));
        __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
        __m256i wide = _mm256_blendv_epi8(_mm256_srli_epi32(rounded, 16), _mm256_or_si256(upper, quiet), nan);
        __m128i narrow = _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
        _mm_storeu_si128(out(to, 2 * i), narrow);
    }
    narrow_bf16_from(i, from, count, to);
}

static const belfry_convert_kernels avx2_kernels = {widen_f16_avx2, widen_bf16_avx2, narrow_f16_avx2,
                                                    narrow_bf16_avx2};

// MARK: AVX-512, sixteen components at a time

TARGET_AVX512 static void widen_f16_avx512(const void *from, size_t count, void *to) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        _mm512_storeu_ps(out(to, 4 * i), _mm512_cvtph_ps(_mm256_loadu_si256(in(from, 2 * i))));
    widen_f16_from(i, from, count, to);
}

TARGET_AVX512 static void widen_bf16_avx512(const void *from, size_t count, void *to) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(in(from, 2 * i)));
        _mm512_storeu_si512(out(to, 4 * i), _mm512_slli_epi32(wide, 16));
    }
    widen_bf16_from(i, from, count, to);
}

TARGET_AVX512 static void narrow_f16_avx512(const void *from, size_t count, void *to) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i halves = _mm512_cvtps_ph(_mm512_loadu_ps(in(from, 4 * i)), NEAREST);
        _mm256_storeu_si256(out(to, 2 * i), halves);
    }
    narrow_f16_from(i, from, count, to);
}

// Not the CPU's own bf16 instruction: it takes denormals for zero.
TARGET_AVX512 static void narrow_bf16_avx512(const void *from, size_t count, void *to) {
    const __m512i one = _mm512_set1_epi32(1), bias = _mm512_set1_epi32(0x7fff), quiet = _mm512_set1_epi32(0x40);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512 x = _mm512_loadu_ps(in(from, 4 * i));
        __m512i bits = _mm512_castps_si512(x), upper = _mm512_srli_epi32(bits, 16);
        __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, bias), _mm512_and_si512(upper, one));
        __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
        __m512i wide = _mm512_mask_or_epi32(_mm512_srli_epi32(rounded, 16), nan, upper, quiet);
        _mm256_storeu_si256(out(to, 2 * i), _mm512_cvtepi32_epi16(wide));
    }
    narrow_bf16_from(i, from, count, to);
}

static const belfry_convert_kernels avx512_kernels = {widen_f16_avx512, widen_bf16_avx512, narrow_f16_avx512,
                                                      narrow_bf16_avx512};
#endif

const belfry_convert_kernels *belfry_convert_kernels_for(belfry_isa isa) {
    return PICK(isa, &scalar_kernels, &avx2_kernels, &avx512_kernels);
}
