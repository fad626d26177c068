#include "include/lists.h"

#include <math.h>
#include <string.h>

#include "include/convert.h"
#include "targets.h"

#define INLINE static inline __attribute__((always_inline))
#define ROWS BELFRY_BLOCK_ROWS

typedef struct { float bias[ROWS], scale[ROWS]; } factors;

INLINE uint32_t lanes_in_use(size_t rows) { return rows >= ROWS ? 0xffff : (1u << rows) - 1; }

// MARK: plain C

INLINE void sums_scalar(const belfry_block_query *query, const uint8_t *block, unsigned bits, int32_t *sums) {
    for (int r = 0; r < ROWS; r++) sums[r] = query->start;
    const int8_t *q = query->components;
    for (size_t line = 0; line < query->lines; line++, block += 64, q += 32 / bits) {
        for (int r = 0; r < ROWS; r++) {
            for (int b = 0; b < 4; b++) {
                int code = block[4 * r + b];
                sums[r] += bits == 8 ? code * q[b] : (code & 15) * q[b] + (code >> 4) * q[4 + b];
            }
        }
    }
}

INLINE float estimate_scalar(const belfry_block_query *query, int32_t sum, float bias, float scale) {
    return __builtin_fmaf((float)sum, query->scale * scale, bias);
}

static size_t below_scalar(const float *values, size_t count, float limit) {
    size_t below = 0;
    for (size_t i = 0; i < count; i++) below += values[i] < limit;
    return below;
}

static void extent_scalar(const float *values, size_t count, float *least, float *greatest) {
    *least = INFINITY, *greatest = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(values[i]) < INFINITY)) continue;
        *least = values[i] < *least ? values[i] : *least;
        *greatest = values[i] > *greatest ? values[i] : *greatest;
    }
}

static size_t gather_scalar(const float *values, size_t count, float limit, float *found, uint32_t *indices) {
    size_t gathered = 0;
    for (size_t i = 0; i < count; i++) {
        found[gathered] = values[i];
        indices[gathered] = (uint32_t)i;
        gathered += values[i] < limit;
    }
    return gathered;
}

static void least_scalar(const float *values, const float *addend, size_t count, uint32_t first, float *best,
                         uint32_t *index) {
    for (size_t i = 0; i < count; i++) {
        float value = values[i] + addend[i];
        if (value < *best) *best = value, *index = first + (uint32_t)i;
    }
}

static void offer(float estimate, uint32_t row, belfry_pool *pool) {
    pool->estimates[pool->count] = estimate;
    pool->rows[pool->count++] = row;
}

static const belfry_lists_kernels scalar_kernels;

static void scan4_scalar(const belfry_block_query *query, const uint8_t *blocks, size_t rows, uint32_t first,
                         float base, const uint8_t *ahead, belfry_pool *pool) {
    (void)ahead;
    const uint8_t *block = blocks;
    for (size_t done = 0; done < rows; done += ROWS, block += belfry_block4_bytes(query->lines)) {
        int32_t sums[ROWS];
        factors factor;
        sums_scalar(query, block, 4, sums);
        belfry_convert_kernels_for(BELFRY_SCALAR)->widen_f16(block + query->lines * 64, 2 * ROWS, &factor);
        uint32_t mask = 0;
        float estimates[ROWS];
        for (int r = 0; r < ROWS; r++) {
            estimates[r] = estimate_scalar(query, sums[r], factor.bias[r], factor.scale[r]) + base;
            mask |= (uint32_t)(estimates[r] < pool->limit) << r;
        }
        mask &= lanes_in_use(rows - done);
        for (; mask; mask &= mask - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(mask);
            offer(estimates[lane], first + (uint32_t)done + lane, pool);
        }
        if (pool->count + 2 * ROWS > pool->capacity) belfry_pool_cut(&scalar_kernels, pool);
    }
}

static void estimates8_scalar(const belfry_block_query *query, const uint8_t *blocks, size_t rows, float *out) {
    for (size_t done = 0; done < rows; done += ROWS, blocks += belfry_block8_bytes(query->lines), out += ROWS) {
        int32_t sums[ROWS];
        factors factor;
        sums_scalar(query, blocks, 8, sums);
        memcpy(&factor, blocks + query->lines * 64, sizeof factor);
        for (int r = 0; r < ROWS; r++) out[r] = estimate_scalar(query, sums[r], factor.bias[r], factor.scale[r]);
    }
}

static const belfry_lists_kernels scalar_kernels = {
    scan4_scalar, estimates8_scalar, below_scalar, extent_scalar, gather_scalar, least_scalar};

#if BELFRY_X86
#include <immintrin.h>

// Most blocks have no row below the limit; those that have go on here.
#define PREFETCH_LINES 8

INLINE const uint8_t *fetch_ahead(const uint8_t *ahead) {
    if (!ahead) return ahead;
    for (int line = 0; line < PREFETCH_LINES; line++) __builtin_prefetch(ahead + 64 * line, 0, 2);
    return ahead + 64 * PREFETCH_LINES;
}

// MARK: AVX2

// The sums of 8 of the block's rows.
INLINE TARGET_AVX2 __m256i sums_avx2(const belfry_block_query *query, const uint8_t *half, unsigned bits) {
    __m256i sums = _mm256_set1_epi32(query->start);
    const int8_t *q = query->components;
    for (size_t line = 0; line < query->lines; line++, half += 64, q += 32 / bits) {
        __m256i codes = _mm256_loadu_si256((const __m256i *)half);
        int32_t group;
        memcpy(&group, q, 4);
        if (bits == 4) {
            // 15 · 127 · 2 · 2 stays far inside 16 bits: nothing saturates.
            __m256i nibble = _mm256_set1_epi8(15);
            __m256i low = _mm256_maddubs_epi16(_mm256_and_si256(codes, nibble), _mm256_set1_epi32(group));
            memcpy(&group, q + 4, 4);
            __m256i high = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble),
                                                _mm256_set1_epi32(group));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_add_epi16(low, high), _mm256_set1_epi16(1)));
        } else {
            // 255 · 127 · 2 would saturate: even and odd components apart, in 16 bits.
            __m256i both = _mm256_set1_epi32(group);
            __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(both, 8), 8), odd = _mm256_srai_epi16(both, 8);
            __m256i low = _mm256_madd_epi16(_mm256_and_si256(codes, _mm256_set1_epi16(255)), even);
            sums = _mm256_add_epi32(sums, _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_srli_epi16(codes, 8), odd)));
        }
    }
    return sums;
}

INLINE TARGET_AVX2 __m256 estimate_avx2(const belfry_block_query *query, __m256i sums, __m256 bias, __m256 scale) {
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_mul_ps(_mm256_set1_ps(query->scale), scale), bias);
}

static const belfry_lists_kernels avx2_kernels;

TARGET_AVX2 static void scan4_avx2(const belfry_block_query *query, const uint8_t *blocks, size_t rows, uint32_t first,
                                   float base, const uint8_t *ahead, belfry_pool *pool) {
    size_t bytes = belfry_block4_bytes(query->lines);
    const uint8_t *block = blocks;
    for (size_t done = 0; done < rows; done += ROWS, block += bytes) {
        float estimates[ROWS];
        uint32_t mask = 0;
        for (int half = 0; half < 2; half++) {
            const uint8_t *biases = block + query->lines * 64 + 16 * half;
            __m256i sums = sums_avx2(query, block + 32 * half, 4);
            __m256 bias = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)biases));
            __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(biases + 2 * ROWS)));
            __m256 estimate = _mm256_add_ps(estimate_avx2(query, sums, bias, scale), _mm256_set1_ps(base));
            _mm256_storeu_ps(estimates + 8 * half, estimate);
            __m256 less = _mm256_cmp_ps(estimate, _mm256_set1_ps(pool->limit), _CMP_LT_OQ);
            mask |= (uint32_t)_mm256_movemask_ps(less) << 8 * half;
        }
        ahead = fetch_ahead(ahead);
        if (__builtin_expect(mask == 0, 1)) continue;
        mask &= lanes_in_use(rows - done);
        for (; mask; mask &= mask - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(mask);
            offer(estimates[lane], first + (uint32_t)done + lane, pool);
        }
        if (pool->count + 2 * ROWS > pool->capacity) belfry_pool_cut(&avx2_kernels, pool);
    }
}

TARGET_AVX2 static void estimates8_avx2(const belfry_block_query *query, const uint8_t *blocks, size_t rows,
                                        float *out) {
    for (size_t done = 0; done < rows; done += ROWS, blocks += belfry_block8_bytes(query->lines), out += ROWS) {
        const float *bias = (const float *)(const void *)(blocks + query->lines * 64);
        for (int half = 0; half < 2; half++) {
            __m256i sums = sums_avx2(query, blocks + 32 * half, 8);
            _mm256_storeu_ps(out + 8 * half, estimate_avx2(query, sums, _mm256_loadu_ps(bias + 8 * half),
                                                           _mm256_loadu_ps(bias + ROWS + 8 * half)));
        }
    }
}

TARGET_AVX2 static size_t below_avx2(const float *values, size_t count, float limit) {
    size_t below = 0, i = 0;
    __m256 limits = _mm256_set1_ps(limit);
    for (; i + 8 <= count; i += 8) {
        __m256 less = _mm256_cmp_ps(_mm256_loadu_ps(values + i), limits, _CMP_LT_OQ);
        below += (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(less));
    }
    return below + below_scalar(values + i, count - i, limit);
}

TARGET_AVX2 static void least_avx2(const float *values, const float *addend, size_t count, uint32_t first, float *best,
                                   uint32_t *index) {
    __m256 least = _mm256_set1_ps(*best);
    __m256i place = _mm256_set1_epi32(-1), now = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    size_t i = 0;
    for (; i + 8 <= count; i += 8, now = _mm256_add_epi32(now, _mm256_set1_epi32(8))) {
        __m256 value = _mm256_add_ps(_mm256_loadu_ps(values + i), _mm256_loadu_ps(addend + i));
        __m256 less = _mm256_cmp_ps(value, least, _CMP_LT_OQ);
        least = _mm256_blendv_ps(least, value, less);
        place = _mm256_blendv_epi8(place, now, _mm256_castps_si256(less));
    }
    float leasts[8];
    uint32_t places[8], found = UINT32_MAX;
    _mm256_storeu_ps(leasts, least);
    _mm256_storeu_si256((__m256i *)places, place);
    for (int lane = 0; lane < 8; lane++) {
        if (places[lane] == UINT32_MAX) continue;
        if (leasts[lane] < *best || (leasts[lane] == *best && found != UINT32_MAX && places[lane] < found)) {
            *best = leasts[lane], found = places[lane];
        }
    }
    if (found != UINT32_MAX) *index = first + found;
    least_scalar(values + i, addend + i, count - i, first + (uint32_t)i, best, index);
}

static const belfry_lists_kernels avx2_kernels = {
    scan4_avx2, estimates8_avx2, below_avx2, extent_scalar, gather_scalar, least_avx2};

// MARK: AVX-512

INLINE TARGET_AVX512 __m512i four(const int8_t *q) {
    int32_t group;
    memcpy(&group, q, 4);
    return _mm512_set1_epi32(group);
}

// The sums of `abreast` neighboring blocks: each group of the query is broadcast once for all of them.
INLINE TARGET_AVX512 void sums_avx512(const belfry_block_query *query, const uint8_t *block, size_t bytes, int abreast,
                                      unsigned bits, __m512i *sums) {
    __m512i low[4], high[4];
    for (int b = 0; b < abreast; b++) low[b] = _mm512_set1_epi32(query->start), high[b] = _mm512_setzero_si512();
    const int8_t *q = query->components;
    for (size_t line = 0; line < query->lines; line++, block += 64, q += 32 / bits) {
        __m512i first = four(q), second = bits == 4 ? four(q + 4) : first;
        for (int b = 0; b < abreast; b++) {
            __m512i codes = _mm512_loadu_si512(block + (size_t)b * bytes);
            if (bits == 8) {
                low[b] = _mm512_dpbusd_epi32(low[b], codes, first);
            } else {
                // The high halves stay where they are: their sum is a multiple of 16 and is shifted once, at the end.
                low[b] = _mm512_dpbusd_epi32(low[b], _mm512_and_si512(codes, _mm512_set1_epi8(15)), first);
                high[b] = _mm512_dpbusd_epi32(high[b], _mm512_and_si512(codes, _mm512_set1_epi8((char)0xf0)), second);
            }
        }
    }
    for (int b = 0; b < abreast; b++) {
        sums[b] = bits == 8 ? low[b] : _mm512_add_epi32(low[b], _mm512_srai_epi32(high[b], 4));
    }
}

INLINE TARGET_AVX512 __m512 estimate_avx512(const belfry_block_query *query, __m512i sums, __m512 bias, __m512 scale) {
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_mul_ps(_mm512_set1_ps(query->scale), scale), bias);
}

static const belfry_lists_kernels avx512_kernels;

// Estimates `abreast` blocks, of which the first begins with row number `first` and `rows` are left in the list.
INLINE TARGET_AVX512 void scan_avx512(const belfry_block_query *query, const uint8_t *block, size_t bytes, int abreast,
                                      size_t rows, uint32_t first, __m512 base, belfry_pool *pool) {
    __m512i sums[4];
    __m512 estimates[4];
    sums_avx512(query, block, bytes, abreast, 4, sums);
    uint64_t any = 0;
    for (int b = 0; b < abreast; b++) {
        const uint8_t *biases = block + (size_t)b * bytes + query->lines * 64;
        __m512 bias = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)biases));
        __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(biases + 2 * ROWS)));
        estimates[b] = _mm512_add_ps(estimate_avx512(query, sums[b], bias, scale), base);
        any |= (uint64_t)_mm512_cmp_ps_mask(estimates[b], _mm512_set1_ps(pool->limit), _CMP_LT_OQ) << 16 * b;
    }
    if (__builtin_expect(any == 0, 1)) return;
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int b = 0; b < abreast; b++, first += ROWS, rows -= ROWS, any >>= 16) {
        // The limit may have fallen at the block before.
        uint32_t mask = _mm512_cmp_ps_mask(estimates[b], _mm512_set1_ps(pool->limit), _CMP_LT_OQ);
        mask &= lanes_in_use(rows);
        if (!mask) continue;
        // Whole vectors are stored behind the last candidate: the pool has room for two more blocks.
        __m512i numbers = _mm512_add_epi32(_mm512_set1_epi32((int)first), lanes);
        _mm512_storeu_ps(pool->estimates + pool->count, _mm512_maskz_compress_ps((__mmask16)mask, estimates[b]));
        _mm512_storeu_si512(pool->rows + pool->count, _mm512_maskz_compress_epi32((__mmask16)mask, numbers));
        pool->count += (size_t)__builtin_popcount(mask);
        if (pool->count + 2 * ROWS > pool->capacity) belfry_pool_cut(&avx512_kernels, pool);
    }
}

TARGET_AVX512 static void scan4_avx512(const belfry_block_query *query, const uint8_t *blocks, size_t rows,
                                       uint32_t first, float base, const uint8_t *ahead, belfry_pool *pool) {
    size_t bytes = belfry_block4_bytes(query->lines), done = 0;
    __m512 bases = _mm512_set1_ps(base);
    // Only whole blocks abreast, so that the last one alone can have lanes without a row.
    for (; done + 2 * ROWS <= rows; done += 2 * ROWS, blocks += 2 * bytes) {
        ahead = fetch_ahead(ahead);
        scan_avx512(query, blocks, bytes, 2, rows - done, first + (uint32_t)done, bases, pool);
    }
    for (; done < rows; done += ROWS, blocks += bytes) {
        ahead = fetch_ahead(ahead);
        scan_avx512(query, blocks, bytes, 1, rows - done, first + (uint32_t)done, bases, pool);
    }
}

INLINE TARGET_AVX512 void blocks8_avx512(const belfry_block_query *query, const uint8_t *block, size_t bytes,
                                         int abreast, float *out) {
    __m512i sums[4];
    sums_avx512(query, block, bytes, abreast, 8, sums);
    for (int b = 0; b < abreast; b++) {
        const uint8_t *bias = block + (size_t)b * bytes + query->lines * 64;
        _mm512_storeu_ps(out + b * ROWS, estimate_avx512(query, sums[b], _mm512_loadu_ps(bias),
                                                         _mm512_loadu_ps(bias + 4 * ROWS)));
    }
}

TARGET_AVX512 static void estimates8_avx512(const belfry_block_query *query, const uint8_t *blocks, size_t rows,
                                            float *out) {
    size_t bytes = belfry_block8_bytes(query->lines), done = 0;
    for (; done + 4 * ROWS <= rows; done += 4 * ROWS, blocks += 4 * bytes, out += 4 * ROWS) {
        blocks8_avx512(query, blocks, bytes, 4, out);
    }
    for (; done < rows; done += ROWS, blocks += bytes, out += ROWS) blocks8_avx512(query, blocks, bytes, 1, out);
}

TARGET_AVX512 static size_t below_avx512(const float *values, size_t count, float limit) {
    size_t below = 0, i = 0;
    __m512 limits = _mm512_set1_ps(limit);
    for (; i + 16 <= count; i += 16) {
        below += (size_t)__builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(values + i), limits, _CMP_LT_OQ));
    }
    return below + below_scalar(values + i, count - i, limit);
}

TARGET_AVX512 static void extent_avx512(const float *values, size_t count, float *least, float *greatest) {
    __m512 low = _mm512_set1_ps(INFINITY), high = _mm512_set1_ps(-INFINITY), infinity = low;
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 there = i + 16 <= count ? 0xffff : (__mmask16)((1u << (count - i)) - 1);
        __m512 value = _mm512_maskz_loadu_ps(there, values + i);
        there = _mm512_mask_cmp_ps_mask(there, _mm512_abs_ps(value), infinity, _CMP_LT_OQ);
        low = _mm512_mask_min_ps(low, there, low, value);
        high = _mm512_mask_max_ps(high, there, high, value);
    }
    *least = _mm512_reduce_min_ps(low), *greatest = _mm512_reduce_max_ps(high);
}

TARGET_AVX512 static size_t gather_avx512(const float *values, size_t count, float limit, float *found,
                                          uint32_t *indices) {
    size_t gathered = 0;
    __m512 limits = _mm512_set1_ps(limit);
    __m512i now = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (size_t i = 0; i < count; i += 16, now = _mm512_add_epi32(now, _mm512_set1_epi32(16))) {
        __mmask16 there = i + 16 <= count ? 0xffff : (__mmask16)((1u << (count - i)) - 1);
        __m512 value = _mm512_maskz_loadu_ps(there, values + i);
        there = _mm512_mask_cmp_ps_mask(there, value, limits, _CMP_LT_OQ);
        // Whole vectors, of which what comes after the last found one is written over or beyond the count.
        _mm512_storeu_ps(found + gathered, _mm512_maskz_compress_ps(there, value));
        _mm512_storeu_si512(indices + gathered, _mm512_maskz_compress_epi32(there, now));
        gathered += (size_t)__builtin_popcount(there);
    }
    return gathered;
}

TARGET_AVX512 static void least_avx512(const float *values, const float *addend, size_t count, uint32_t first,
                                       float *best, uint32_t *index) {
    __m512 least = _mm512_set1_ps(*best);
    __m512i place = _mm512_set1_epi32(-1);
    __m512i now = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t i = 0;
    for (; i + 16 <= count; i += 16, now = _mm512_add_epi32(now, _mm512_set1_epi32(16))) {
        __m512 value = _mm512_add_ps(_mm512_loadu_ps(values + i), _mm512_loadu_ps(addend + i));
        __mmask16 less = _mm512_cmp_ps_mask(value, least, _CMP_LT_OQ);
        least = _mm512_mask_mov_ps(least, less, value);
        place = _mm512_mask_mov_epi32(place, less, now);
    }
    __mmask16 found = _mm512_cmpneq_epi32_mask(place, _mm512_set1_epi32(-1));
    if (found) {
        *best = _mm512_mask_reduce_min_ps(found, least);
        found &= _mm512_cmp_ps_mask(least, _mm512_set1_ps(*best), _CMP_EQ_OQ);
        *index = first + _mm512_mask_reduce_min_epu32(found, place);
    }
    least_scalar(values + i, addend + i, count - i, first + (uint32_t)i, best, index);
}

static const belfry_lists_kernels avx512_kernels = {
    scan4_avx512, estimates8_avx512, below_avx512, extent_avx512, gather_avx512, least_avx512};
#endif

const belfry_lists_kernels *belfry_lists_kernels_for(belfry_isa isa) {
    return PICK(isa, &scalar_kernels, &avx2_kernels, &avx512_kernels);
}
