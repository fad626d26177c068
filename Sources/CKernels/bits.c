#include "include/bits.h"

#include <string.h>

#include "targets.h"

// An 8x8 bit matrix, one row per byte, turned over its diagonal (Hacker's Delight, 7-3).
static uint64_t transpose8(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaull;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000ccccull;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0ull;
    return x ^ t ^ (t << 28);
}

// MARK: plain C, eight elements a step

static void split_groups(const uint8_t *in, uint8_t *out, size_t width, size_t groups, size_t first) {
    for (size_t group = first; group < groups; group++)
        for (size_t byte = 0; byte < width; byte++) {
            uint64_t x = 0;
            for (size_t k = 0; k < 8; k++) x |= (uint64_t)in[(group * 8 + k) * width + byte] << (8 * k);
            x = transpose8(x);
            for (size_t bit = 0; bit < 8; bit++) out[(byte * 8 + bit) * groups + group] = (uint8_t)(x >> (8 * bit));
        }
}

static void split_scalar(const uint8_t *in, uint8_t *out, size_t width, size_t groups) {
    split_groups(in, out, width, groups, 0);
}

static void join_groups(const uint8_t *in, uint8_t *out, size_t width, size_t groups, size_t first) {
    for (size_t group = first; group < groups; group++)
        for (size_t byte = 0; byte < width; byte++) {
            uint64_t x = 0;
            for (size_t bit = 0; bit < 8; bit++) x |= (uint64_t)in[(byte * 8 + bit) * groups + group] << (8 * bit);
            x = transpose8(x);
            for (size_t k = 0; k < 8; k++) out[(group * 8 + k) * width + byte] = (uint8_t)(x >> (8 * k));
        }
}

static void join_scalar(const uint8_t *in, uint8_t *out, size_t width, size_t groups) {
    join_groups(in, out, width, groups, 0);
}

#if BELFRY_X86
#include <immintrin.h>

// MARK: splitting with AVX2, 32 elements a step, also for AVX-512 machines: LZ4HC behind it is far slower

// One byte of each of 32 elements, in element order.
TARGET_AVX2 static inline __m256i byte_of_32(const uint8_t *in, size_t width, int byte) {
    __m128i shift = _mm_cvtsi32_si128(8 * byte);
#define PART(i) _mm256_loadu_si256((const __m256i *)(in + 32 * (i)))
    if (width == 2) {
        __m256i low = _mm256_set1_epi16(255);
        __m256i a = _mm256_and_si256(_mm256_srl_epi16(PART(0), shift), low);
        __m256i b = _mm256_and_si256(_mm256_srl_epi16(PART(1), shift), low);
        return _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xd8);
    }
    __m256i low = _mm256_set1_epi32(255);
    __m256i a = _mm256_and_si256(_mm256_srl_epi32(PART(0), shift), low);
    __m256i b = _mm256_and_si256(_mm256_srl_epi32(PART(1), shift), low);
    __m256i c = _mm256_and_si256(_mm256_srl_epi32(PART(2), shift), low);
    __m256i d = _mm256_and_si256(_mm256_srl_epi32(PART(3), shift), low);
#undef PART
    // Packing works inside 128-bit lanes; the permutation puts the dwords back in element order.
    __m256i packed = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
    return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

TARGET_AVX2 static void split_avx2(const uint8_t *in, uint8_t *out, size_t width, size_t groups) {
    size_t group = 0;
    for (; group + 4 <= groups; group += 4)
        for (size_t byte = 0; byte < width; byte++) {
            __m256i x = byte_of_32(in + group * 8 * width, width, (int)byte);
            for (size_t bit = 8; bit-- > 0; x = _mm256_add_epi8(x, x)) {
                uint32_t bits = (uint32_t)_mm256_movemask_epi8(x);
                memcpy(out + (byte * 8 + bit) * groups + group, &bits, 4);
            }
        }
    split_groups(in, out, width, groups, group);
}

// MARK: joining with AVX2, 64 elements a step

TARGET_AVX2 static inline __m256i transpose8_avx2(__m256i x) {
    __m256i t = _mm256_and_si256(
        _mm256_xor_si256(x, _mm256_srli_epi64(x, 7)), _mm256_set1_epi64x(0x00aa00aa00aa00aall));
    x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 7)));
    t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 14)), _mm256_set1_epi64x(0x0000cccc0000ccccll));
    x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 14)));
    t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 28)), _mm256_set1_epi64x(0x00000000f0f0f0f0ll));
    return _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 28)));
}

// One byte of each of 64 elements, from 8 bytes of each of its eight planes.
TARGET_AVX2 static inline void bytes_avx2(const uint8_t *in, size_t groups, __m128i bytes[4]) {
#define PLANE(p) _mm_loadl_epi64((const __m128i *)(in + (p) * groups))
    __m128i p01 = _mm_unpacklo_epi8(PLANE(0), PLANE(1)), p23 = _mm_unpacklo_epi8(PLANE(2), PLANE(3));
    __m128i p45 = _mm_unpacklo_epi8(PLANE(4), PLANE(5)), p67 = _mm_unpacklo_epi8(PLANE(6), PLANE(7));
#undef PLANE
    __m128i low03 = _mm_unpacklo_epi16(p01, p23), high03 = _mm_unpackhi_epi16(p01, p23);
    __m128i low47 = _mm_unpacklo_epi16(p45, p67), high47 = _mm_unpackhi_epi16(p45, p67);
    __m256i a = transpose8_avx2(
        _mm256_set_m128i(_mm_unpackhi_epi32(low03, low47), _mm_unpacklo_epi32(low03, low47)));
    __m256i b = transpose8_avx2(
        _mm256_set_m128i(_mm_unpackhi_epi32(high03, high47), _mm_unpacklo_epi32(high03, high47)));
    bytes[0] = _mm256_castsi256_si128(a), bytes[1] = _mm256_extracti128_si256(a, 1);
    bytes[2] = _mm256_castsi256_si128(b), bytes[3] = _mm256_extracti128_si256(b, 1);
}

TARGET_AVX2 static void join_avx2(const uint8_t *in, uint8_t *out, size_t width, size_t groups) {
    size_t group = 0;
    for (; group + 8 <= groups; group += 8) {
        __m128i bytes[4][4];
        for (size_t byte = 0; byte < width; byte++) bytes_avx2(in + byte * 8 * groups + group, groups, bytes[byte]);
        __m128i *to = (__m128i *)(out + group * 8 * width);
        for (int part = 0; part < 4; part++) {
            __m128i low = _mm_unpacklo_epi8(bytes[0][part], bytes[1][part]);
            __m128i high = _mm_unpackhi_epi8(bytes[0][part], bytes[1][part]);
            if (width == 2) {
                _mm_storeu_si128(to++, low);
                _mm_storeu_si128(to++, high);
            } else {
                __m128i low2 = _mm_unpacklo_epi8(bytes[2][part], bytes[3][part]);
                __m128i high2 = _mm_unpackhi_epi8(bytes[2][part], bytes[3][part]);
                _mm_storeu_si128(to++, _mm_unpacklo_epi16(low, low2));
                _mm_storeu_si128(to++, _mm_unpackhi_epi16(low, low2));
                _mm_storeu_si128(to++, _mm_unpacklo_epi16(high, high2));
                _mm_storeu_si128(to++, _mm_unpackhi_epi16(high, high2));
            }
        }
    }
    join_groups(in, out, width, groups, group);
}

// MARK: joining with AVX-512, 64 elements a step, masked at the end of the planes

TARGET_AVX512 static inline __m512i transpose8_avx512(__m512i x) {
    // Ternary logic: 0x28 is (a ^ b) & c, 0x96 is a ^ b ^ c.
    __m512i t = _mm512_ternarylogic_epi64(
        x, _mm512_srli_epi64(x, 7), _mm512_set1_epi64(0x00aa00aa00aa00aall), 0x28);
    x = _mm512_ternarylogic_epi64(x, t, _mm512_slli_epi64(t, 7), 0x96);
    t = _mm512_ternarylogic_epi64(x, _mm512_srli_epi64(x, 14), _mm512_set1_epi64(0x0000cccc0000ccccll), 0x28);
    x = _mm512_ternarylogic_epi64(x, t, _mm512_slli_epi64(t, 14), 0x96);
    t = _mm512_ternarylogic_epi64(x, _mm512_srli_epi64(x, 28), _mm512_set1_epi64(0x00000000f0f0f0f0ll), 0x28);
    return _mm512_ternarylogic_epi64(x, t, _mm512_slli_epi64(t, 28), 0x96);
}

// One byte of each of 64 elements, in element order, from up to 8 bytes (`mask`) of each of its eight planes.
TARGET_AVX512 static inline __m512i bytes_avx512(const uint8_t *in, size_t groups, __mmask16 mask) {
#define PLANE(p) _mm_maskz_loadu_epi8(mask, in + (p) * groups)
    // Interleaving two planes gives one 16-bit word per group; four such rows of eight words are then transposed.
    __m128i p01 = _mm_unpacklo_epi8(PLANE(0), PLANE(1)), p23 = _mm_unpacklo_epi8(PLANE(2), PLANE(3));
    __m128i p45 = _mm_unpacklo_epi8(PLANE(4), PLANE(5)), p67 = _mm_unpacklo_epi8(PLANE(6), PLANE(7));
#undef PLANE
    const __m512i words = _mm512_set_epi16(
        31, 23, 15, 7, 30, 22, 14, 6, 29, 21, 13, 5, 28, 20, 12, 4, 27, 19, 11, 3, 26, 18, 10, 2, 25, 17, 9, 1, 24, 16,
        8, 0);
    __m512i x = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_set_m128i(p23, p01)), _mm256_set_m128i(p67, p45), 1);
    return transpose8_avx512(_mm512_permutexvar_epi16(words, x));
}

// Stores the first `count` (at most 64) of 64 bytes.
TARGET_AVX512 static inline void store_avx512(uint8_t *out, __m512i x, size_t count) {
    if (count >= 64) {
        _mm512_storeu_si512(out, x);
    } else if (count > 0) {
        _mm512_mask_storeu_epi8(out, _bzhi_u64(~0ull, (unsigned)count), x);
    }
}

TARGET_AVX512 static inline void join_step_avx512(
    const uint8_t *in, uint8_t *out, size_t width, size_t groups, size_t left) {
    __mmask16 mask = (__mmask16)((1u << left) - 1);
    __m512i a = bytes_avx512(in, groups, mask), b = bytes_avx512(in + 8 * groups, groups, mask);
    size_t count = left * 8 * width;
#define STORE(i, x) store_avx512(out + 64 * (i), x, count > 64 * (i) ? count - 64 * (i) : 0)
    // Unpacking works inside 128-bit lanes: the bytes are first dealt to the lanes where they must end up.
    if (width == 2) {
        const __m512i deal = _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0);
        a = _mm512_permutexvar_epi64(deal, a), b = _mm512_permutexvar_epi64(deal, b);
        STORE(0, _mm512_unpacklo_epi8(a, b));
        STORE(1, _mm512_unpackhi_epi8(a, b));
    } else {
        __m512i c = bytes_avx512(in + 16 * groups, groups, mask), d = bytes_avx512(in + 24 * groups, groups, mask);
        const __m512i deal = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
        a = _mm512_permutexvar_epi32(deal, a), b = _mm512_permutexvar_epi32(deal, b);
        c = _mm512_permutexvar_epi32(deal, c), d = _mm512_permutexvar_epi32(deal, d);
        __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
        STORE(0, _mm512_unpacklo_epi16(ab, cd));
        STORE(1, _mm512_unpackhi_epi16(ab, cd));
        ab = _mm512_unpackhi_epi8(a, b), cd = _mm512_unpackhi_epi8(c, d);
        STORE(2, _mm512_unpacklo_epi16(ab, cd));
        STORE(3, _mm512_unpackhi_epi16(ab, cd));
    }
#undef STORE
}

TARGET_AVX512 static void join_avx512(const uint8_t *in, uint8_t *out, size_t width, size_t groups) {
    size_t group = 0;
    if (width == 2) {
        for (; group + 8 <= groups; group += 8) join_step_avx512(in + group, out + group * 16, 2, groups, 8);
    } else {
        for (; group + 8 <= groups; group += 8) join_step_avx512(in + group, out + group * 32, 4, groups, 8);
    }
    if (group < groups) join_step_avx512(in + group, out + group * 8 * width, width, groups, groups - group);
}
#endif

// MARK: dispatch

typedef void turn_row(const uint8_t *in, uint8_t *out, size_t width, size_t groups);

static const struct {
    turn_row *split, *join;
} table[] = {
    [BELFRY_SCALAR] = {split_scalar, join_scalar},
#if BELFRY_X86
    [BELFRY_AVX2] = {split_avx2, join_avx2},
    [BELFRY_AVX512] = {split_avx2, join_avx512},
#else
    [BELFRY_AVX2] = {split_scalar, join_scalar},
    [BELFRY_AVX512] = {split_scalar, join_scalar},
#endif
};

static void turn_rows(turn_row *turn, size_t width, size_t rows, size_t dimension, const uint8_t *in, uint8_t *out) {
    size_t groups = dimension / 8, row_bytes = dimension * width, turned = groups * 8 * width;
    for (size_t row = 0; row < rows; row++, in += row_bytes, out += row_bytes) {
        turn(in, out, width, groups);
        memcpy(out + turned, in + turned, row_bytes - turned);
    }
}

void belfry_bits_split(
    belfry_isa isa, size_t width, size_t rows, size_t dimension, const void *elements, void *planes) {
    turn_rows(table[isa].split, width, rows, dimension, elements, planes);
}

void belfry_bits_join(
    belfry_isa isa, size_t width, size_t rows, size_t dimension, const void *planes, void *elements) {
    turn_rows(table[isa].join, width, rows, dimension, planes, elements);
}
