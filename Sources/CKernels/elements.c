#include "include/elements.h"

#include <string.h>

#include "targets.h"

// MARK: one component

static uint32_t widen_f16(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    if (exponent == 31) return sign | 0x7f800000u | mantissa << 13 | (mantissa ? 0x400000u : 0);
    if (exponent == 0) {
        // A subnormal is mantissa · 2^-24: exact in f32.
        float value = (float)mantissa * 0x1p-24f;
        uint32_t bits;
        memcpy(&bits, &value, 4);
        return sign | bits;
    }
    return sign | (exponent + 112) << 23 | mantissa << 13;
}

static uint16_t narrow_f16(uint32_t bits) {
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7e00 | (uint16_t)(magnitude >> 13 & 1023);
    if (magnitude >= 0x47800000u) return sign | 0x7c00;  // 2^16 and above; what rounds up to it follows below
    if (magnitude < 0x38800000u) {
        // Below 2^-14 the result is subnormal: adding 2^-1 shifts its 10 bits to the bottom, rounded by the addition.
        float value;
        memcpy(&value, &magnitude, 4);
        value += 0.5f;
        memcpy(&magnitude, &value, 4);
        return sign | (uint16_t)(magnitude - 0x3f000000u);
    }
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return sign | (uint16_t)((magnitude - (112u << 23)) >> 13);
}

static uint16_t narrow_bf16(uint32_t bits) {
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// MARK: plain C

static void widen_f16_scalar(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n > 0; n--, in += 2, out += 4) {
        uint16_t h;
        memcpy(&h, in, 2);
        uint32_t bits = widen_f16(h);
        memcpy(out, &bits, 4);
    }
}

static void narrow_f16_scalar(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n > 0; n--, in += 4, out += 2) {
        uint32_t bits;
        memcpy(&bits, in, 4);
        uint16_t h = narrow_f16(bits);
        memcpy(out, &h, 2);
    }
}

static void widen_bf16_scalar(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n > 0; n--, in += 2, out += 4) {
        uint16_t h;
        memcpy(&h, in, 2);
        uint32_t bits = (uint32_t)h << 16;
        memcpy(out, &bits, 4);
    }
}

static void narrow_bf16_scalar(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n > 0; n--, in += 4, out += 2) {
        uint32_t bits;
        memcpy(&bits, in, 4);
        uint16_t h = narrow_bf16(bits);
        memcpy(out, &h, 2);
    }
}

// MARK: AVX2 and F16C, also for AVX-512 machines: memory is the limit

#if BELFRY_X86
#include <immintrin.h>

TARGET_AVX2 static void widen_f16_avx2(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n >= 8; n -= 8, in += 16, out += 32)
        _mm256_storeu_ps((float *)out, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)in)));
    widen_f16_scalar(n, in, out);
}

TARGET_AVX2 static void narrow_f16_avx2(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n >= 8; n -= 8, in += 32, out += 16)
        _mm_storeu_si128(
            (__m128i *)out, _mm256_cvtps_ph(_mm256_loadu_ps((const float *)in), _MM_FROUND_TO_NEAREST_INT));
    narrow_f16_scalar(n, in, out);
}

TARGET_AVX2 static void widen_bf16_avx2(size_t n, const uint8_t *in, uint8_t *out) {
    for (; n >= 8; n -= 8, in += 16, out += 32)
        _mm256_storeu_si256(
            (__m256i *)out, _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)in)), 16));
    widen_bf16_scalar(n, in, out);
}
#else
#define widen_f16_avx2 widen_f16_scalar
#define narrow_f16_avx2 narrow_f16_scalar
#define widen_bf16_avx2 widen_bf16_scalar
#endif

// MARK: dispatch

typedef void convert(size_t n, const uint8_t *in, uint8_t *out);

static const struct {
    convert *widen_f16, *narrow_f16, *widen_bf16, *narrow_bf16;
} table[] = {
    [BELFRY_SCALAR] = {widen_f16_scalar, narrow_f16_scalar, widen_bf16_scalar, narrow_bf16_scalar},
    [BELFRY_AVX2] = {widen_f16_avx2, narrow_f16_avx2, widen_bf16_avx2, narrow_bf16_scalar},
    [BELFRY_AVX512] = {widen_f16_avx2, narrow_f16_avx2, widen_bf16_avx2, narrow_bf16_scalar},
};

void belfry_widen_f16(belfry_isa isa, size_t count, const void *f16, void *f32) {
    table[isa].widen_f16(count, f16, f32);
}

void belfry_narrow_f16(belfry_isa isa, size_t count, const void *f32, void *f16) {
    table[isa].narrow_f16(count, f32, f16);
}

void belfry_widen_bf16(belfry_isa isa, size_t count, const void *bf16, void *f32) {
    table[isa].widen_bf16(count, bf16, f32);
}

void belfry_narrow_bf16(belfry_isa isa, size_t count, const void *f32, void *bf16) {
    table[isa].narrow_bf16(count, f32, bf16);
}
