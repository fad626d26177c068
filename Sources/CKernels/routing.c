#include "include/routing.h"

#include <string.h>

#include "targets.h"

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

// How many records are on their way from memory while one is computed.
#define AHEAD 12

INLINE void prefetch_record(const belfry_routing *r, uint32_t row) {
    const uint8_t *record = r->records + (size_t)row * r->lines * 64;
    for (uint32_t line = 0; line < r->lines; line++) __builtin_prefetch(record + 64 * line, 0, 3);
}

INLINE float estimate(const belfry_routing *r, const uint8_t *record, int32_t dot) {
    float factors[2];
    memcpy(factors, record, sizeof factors);
    // Not contracted to a fused multiply-add by some instruction sets only: all give the same bits.
    return r->constant + factors[1] + factors[0] * (r->slope * (float)dot + r->offset);
}

typedef int32_t (*dot_function)(const belfry_routing *r, const uint8_t *record);

// The estimates of rows that are all valid; the kernels differ in `dot` only.
#define ESTIMATES(name, target, dot)                                                                        \
    static target void name(const belfry_routing *r, const uint32_t *rows, size_t count, float *out) {      \
        for (size_t i = 0; i < count && i < AHEAD; i++) prefetch_record(r, rows[i]);                        \
        for (size_t i = 0; i < count; i++) {                                                                \
            if (i + AHEAD < count) prefetch_record(r, rows[i + AHEAD]);                                     \
            const uint8_t *record = r->records + (size_t)rows[i] * r->lines * 64;                           \
            out[i] = estimate(r, record, dot(r, record));                                                   \
        }                                                                                                   \
    }

// First all links are asked whether they were visited, so that their records are on their way when the estimates begin.
#define EXPAND(name, target, estimates_of)                                                                  \
    static target size_t name(const belfry_routing *r, const uint32_t *links, size_t degree,                \
                              uint64_t *visited, float threshold, uint32_t *seen, size_t *seen_count,       \
                              uint32_t *rows, float *distances) {                                           \
        size_t fresh = 0;                                                                                   \
        for (size_t i = 0; i < degree && links[i] != BELFRY_NO_LINK; i++) {                                 \
            uint32_t row = links[i];                                                                        \
            if (row >= r->rows) return BELFRY_BAD_LINK;                                                     \
            uint64_t word = visited[row >> 6], bit = (uint64_t)1 << (row & 63);                             \
            seen[fresh] = row;                                                                              \
            fresh += (word & bit) == 0;                                                                     \
            visited[row >> 6] = word | bit;                                                                 \
        }                                                                                                   \
        *seen_count = fresh;                                                                                \
        estimates_of(r, seen, fresh, distances);                                                            \
        size_t kept = 0;                                                                                    \
        for (size_t i = 0; i < fresh; i++) {                                                                \
            float distance = distances[i];                                                                  \
            rows[kept] = seen[i];                                                                           \
            distances[kept] = distance;                                                                     \
            kept += distance < threshold;                                                                   \
        }                                                                                                   \
        return kept;                                                                                        \
    }

// MARK: plain C

INLINE int32_t dot_scalar(const belfry_routing *r, const uint8_t *record) {
    size_t bytes = (size_t)r->lines * 64;
    int32_t sum = 0;
    if (r->bits == 8) {
        for (size_t j = 0; j < bytes; j++) sum += (int32_t)record[j] * r->query[j];
    } else {
        for (size_t j = 0; j < bytes; j++)
            sum += (int32_t)(record[j] & 15) * r->query[j] + (int32_t)(record[j] >> 4) * r->query[bytes + j];
    }
    return sum;
}
ESTIMATES(estimates_scalar, , dot_scalar)
EXPAND(expand_scalar, , estimates_scalar)

static void project_scalar(const int8_t *matrix, size_t stride, size_t outputs, const uint8_t *x, int32_t *y) {
    for (size_t i = 0; i < outputs; i++, matrix += stride) {
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j++) sum += (int32_t)x[j] * matrix[j];
        y[i] = sum;
    }
}
static const belfry_routing_kernels scalar_kernels = {estimates_scalar, expand_scalar, project_scalar};

#if BELFRY_X86
#include <immintrin.h>

INLINE TARGET_AVX2 int32_t sum_avx2(__m256i v) {
    __m128i w = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    w = _mm_add_epi32(w, _mm_shuffle_epi32(w, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(w, _mm_shuffle_epi32(w, 0xb1)));
}

// MARK: AVX2

// Σ u8 · s8, without the saturation of `maddubs`: even and odd bytes apart, 16 bits wide.
INLINE TARGET_AVX2 __m256i add_bytes_avx2(__m256i sum, __m256i u, __m256i s) {
    __m256i even_u = _mm256_and_si256(u, _mm256_set1_epi16(255)), odd_u = _mm256_srli_epi16(u, 8);
    __m256i even_s = _mm256_srai_epi16(_mm256_slli_epi16(s, 8), 8), odd_s = _mm256_srai_epi16(s, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(even_u, even_s));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(odd_u, odd_s));
}

INLINE TARGET_AVX2 int32_t dot_avx2(const belfry_routing *r, const uint8_t *record) {
    size_t bytes = (size_t)r->lines * 64;
    const __m256i low = _mm256_set1_epi8(15);
    __m256i sum = _mm256_setzero_si256();
    for (size_t j = 0; j < bytes; j += 32) {
        __m256i u = _mm256_load_si256((const __m256i *)(record + j));
        __m256i q = _mm256_load_si256((const __m256i *)(r->query + j));
        if (r->bits == 8) {
            sum = add_bytes_avx2(sum, u, q);
        } else {
            // Nibbles are small enough for two products in 16 bits: 2 · 15 · 128.
            __m256i h = _mm256_load_si256((const __m256i *)(r->query + bytes + j));
            __m256i products = _mm256_maddubs_epi16(_mm256_and_si256(u, low), q);
            __m256i more = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(u, 4), low), h);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(products, more), _mm256_set1_epi16(1)));
        }
    }
    return sum_avx2(sum);
}
ESTIMATES(estimates_avx2, TARGET_AVX2, dot_avx2)
EXPAND(expand_avx2, TARGET_AVX2, estimates_avx2)

static TARGET_AVX2 void project_avx2(const int8_t *matrix, size_t stride, size_t outputs, const uint8_t *x, int32_t *y) {
    for (size_t i = 0; i < outputs; i++, matrix += stride) {
        __m256i sum = _mm256_setzero_si256();
        for (size_t j = 0; j < stride; j += 32) {
            __m256i u = _mm256_loadu_si256((const __m256i *)(x + j));
            sum = add_bytes_avx2(sum, u, _mm256_loadu_si256((const __m256i *)(matrix + j)));
        }
        y[i] = sum_avx2(sum);
    }
}
static const belfry_routing_kernels avx2_kernels = {estimates_avx2, expand_avx2, project_avx2};

// MARK: AVX-512 with VNNI

INLINE TARGET_AVX512 __m512i line_avx512(uint32_t bits, __m512i sum, const uint8_t *codes, const int8_t *query,
                                         size_t plane) {
    __m512i u = _mm512_load_si512(codes);
    if (bits == 8) return _mm512_dpbusd_epi32(sum, u, _mm512_load_si512(query));
    const __m512i low = _mm512_set1_epi8(15);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(u, low), _mm512_load_si512(query));
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(u, 4), low), _mm512_load_si512(query + plane));
}

// The sums of four registers, in one.
INLINE TARGET_AVX512 __m128i sums_avx512(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// Four records at a time: their horizontal sums are one.
INLINE TARGET_AVX512 void estimates_of(uint32_t bits, uint32_t lines, const belfry_routing *r, const uint32_t *rows,
                                       size_t count, float *out) {
    const uint8_t *records = r->records;
    const int8_t *query = r->query;
    size_t stride = (size_t)lines * 64;
    __m128 slope = _mm_set1_ps(r->slope), offset = _mm_set1_ps(r->offset), constant = _mm_set1_ps(r->constant);
    for (size_t i = 0; i < count && i < AHEAD; i++) {
        for (uint32_t line = 0; line < lines; line++) __builtin_prefetch(records + rows[i] * stride + 64 * line, 0, 3);
    }
    for (size_t i = 0; i < count; i += 4) {
        size_t last = count - 1;
        const uint8_t *record[4];
        __m512i sum[4];
        for (int j = 0; j < 4; j++) {
            size_t index = i + (size_t)j, ahead = index + AHEAD;
            if (ahead < count) {
                for (uint32_t line = 0; line < lines; line++)
                    __builtin_prefetch(records + rows[ahead] * stride + 64 * line, 0, 3);
            }
            record[j] = records + rows[index < last ? index : last] * stride;
            sum[j] = _mm512_setzero_si512();
        }
        for (uint32_t line = 0; line < lines; line++) {
            for (int j = 0; j < 4; j++)
                sum[j] = line_avx512(bits, sum[j], record[j] + 64 * line, query + 64 * line, stride);
        }
        __m128 dots = _mm_cvtepi32_ps(sums_avx512(sum[0], sum[1], sum[2], sum[3]));
        __m128 ab = _mm_unpacklo_ps(_mm_castpd_ps(_mm_load_sd((const double *)(const void *)record[0])),
                                    _mm_castpd_ps(_mm_load_sd((const double *)(const void *)record[1])));
        __m128 cd = _mm_unpacklo_ps(_mm_castpd_ps(_mm_load_sd((const double *)(const void *)record[2])),
                                    _mm_castpd_ps(_mm_load_sd((const double *)(const void *)record[3])));
        __m128 scale = _mm_movelh_ps(ab, cd), bias = _mm_movehl_ps(cd, ab);
        __m128 inner = _mm_add_ps(_mm_mul_ps(slope, dots), offset);
        __m128 result = _mm_add_ps(_mm_add_ps(constant, bias), _mm_mul_ps(scale, inner));
        if (i + 4 <= count) {
            _mm_storeu_ps(out + i, result);
        } else {
            _mm_mask_storeu_ps(out + i, (__mmask8)((1u << (count - i)) - 1), result);
        }
    }
}

static TARGET_AVX512 void estimates_avx512(const belfry_routing *r, const uint32_t *rows, size_t count, float *out) {
    if (count == 0) return;
    // Constant trip counts for the usual shapes: the loops over lines disappear.
    if (r->bits == 4) {
        switch (r->lines) {
            case 1: return estimates_of(4, 1, r, rows, count, out);
            case 2: return estimates_of(4, 2, r, rows, count, out);
            case 3: return estimates_of(4, 3, r, rows, count, out);
            case 4: return estimates_of(4, 4, r, rows, count, out);
            default: return estimates_of(4, r->lines, r, rows, count, out);
        }
    }
    switch (r->lines) {
        case 1: return estimates_of(8, 1, r, rows, count, out);
        case 2: return estimates_of(8, 2, r, rows, count, out);
        case 3: return estimates_of(8, 3, r, rows, count, out);
        default: return estimates_of(8, r->lines, r, rows, count, out);
    }
}
EXPAND(expand_avx512, TARGET_AVX512, estimates_avx512)

static TARGET_AVX512 void project_avx512(const int8_t *matrix, size_t stride, size_t outputs, const uint8_t *x,
                                         int32_t *y) {
    size_t i = 0;
    for (; i + 4 <= outputs; i += 4, matrix += 4 * stride) {
        __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
        for (size_t j = 0; j < stride; j += 64) {
            __m512i u = _mm512_loadu_si512(x + j);
            for (size_t row = 0; row < 4; row++)
                sum[row] = _mm512_dpbusd_epi32(sum[row], u, _mm512_loadu_si512(matrix + row * stride + j));
        }
        _mm_storeu_si128((__m128i *)(y + i), sums_avx512(sum[0], sum[1], sum[2], sum[3]));
    }
    for (; i < outputs; i++, matrix += stride) {
        __m512i sum = _mm512_setzero_si512();
        for (size_t j = 0; j < stride; j += 64)
            sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(x + j), _mm512_loadu_si512(matrix + j));
        y[i] = _mm512_reduce_add_epi32(sum);
    }
}
static const belfry_routing_kernels avx512_kernels = {estimates_avx512, expand_avx512, project_avx512};
#endif

const belfry_routing_kernels *belfry_routing_kernels_for(belfry_isa isa) {
    return PICK(isa, &scalar_kernels, &avx2_kernels, &avx512_kernels);
}
