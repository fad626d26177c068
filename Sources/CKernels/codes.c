#include "include/codes.h"

#include <math.h>
#include <string.h>

#include "targets.h"

// An estimate is the same sequence of f32 operations everywhere.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// A row's number: the i-th of a list, or of those from `first` on.
INLINE uint32_t row_at(const uint32_t *ids, size_t first, size_t i) { return ids ? ids[i] : (uint32_t)(first + i); }

INLINE belfry_codes_factors factors_of(const belfry_codes_query *query, const uint8_t *record) {
    belfry_codes_factors factors;
    memcpy(&factors, record + belfry_codes_factors_offset(query->dimension), sizeof factors);
    return factors;
}

// More than all roundings of a bound's own few operations.
#define MARGIN (1 + 0x1p-18f)

// MARK: the arithmetic, plain C

// `total` is the sum of integers, rounded once.
INLINE float estimate(const belfry_codes_query *query, belfry_codes_factors row, float total) {
    float linear = row.scale * (total * query->step) + row.offset * query->sum;
    float value = linear + (query->weight * row.size + query->base);
    return value < query->least ? query->least : value;
}

// How far the estimate may be from what the same arithmetic without rounding gives.
INLINE float slack_of(const belfry_codes_query *query, belfry_codes_factors row) {
    return (fabsf(row.scale) * query->scale_slack + fabsf(row.offset) * query->offset_slack) +
           (row.size * query->size_slack + query->slack);
}

// |<q, y> - <q̂, ŷ>| <= |q||y - ŷ| + |q - q̂||ŷ|, and the rounding of the f32 distance.
INLINE float product_bound(const belfry_codes_query *query, belfry_codes_factors row, float slack) {
    return ((slack + row.error * (query->length * (1 + query->rounding))) +
            row.size * (query->radius + query->rounding * query->length)) *
           MARGIN;
}

float belfry_codes_bound(const belfry_codes_query *query, belfry_codes_factors row, float estimate) {
    float slack = slack_of(query, row);
    if (!query->squared) return product_bound(query, row, slack);
    // ||q - y| - |q̂ - ŷ|| <= reach, and |q̂ - ŷ| <= root.
    float reach = row.error + query->radius, root = __builtin_sqrtf(estimate + slack), far = root + reach;
    return ((slack + reach * (root + far)) + query->rounding * (far * far)) * MARGIN;
}

// What a limit becomes before the rows are walked: for l2 the length that a true difference has at least, if its f32
// distance is above the limit.
INLINE float prepared_limit(const belfry_codes_query *query, float limit) {
    if (!query->squared) return limit;
    return __builtin_sqrtf(limit > 0 ? limit : 0) * (1 + query->rounding) * MARGIN;
}

// Only a row whose estimate is not above this can be as near as the limit: for l2, |q - y| >= |q̂ - ŷ| - reach.
INLINE float cut(const belfry_codes_query *query, belfry_codes_factors row, float prepared) {
    float slack = slack_of(query, row);
    if (!query->squared) return prepared + product_bound(query, row, slack);
    float far = prepared + (row.error + query->radius);
    return slack + (far * far) * MARGIN;
}

// MARK: plain C

INLINE float total_scalar(const belfry_codes_query *query, const uint8_t *record) {
    int64_t high = 0, low = 0;
    for (size_t from = 0; from < query->dimension; from += 4096) {
        int32_t part_high = 0, part_low = 0;
        size_t end = from + 4096 < query->dimension ? from + 4096 : query->dimension;
        for (size_t i = from; i < end; i++) {
            part_high += record[i] * query->high[i];
            part_low += record[i] * query->low[i];
        }
        high += part_high;
        low += part_low;
    }
    return (float)(double)(128 * high + low);
}

INLINE void estimates_in_c(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids, size_t first,
                           size_t count, float *out) {
    size_t size = belfry_codes_record_size(query->dimension);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = records + row_at(ids, first, i) * size;
        out[i] = estimate(query, factors_of(query, record), total_scalar(query, record));
    }
}

INLINE size_t scan_in_c(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids, size_t first,
                        size_t count, float limit, belfry_codes_hit *hits) {
    size_t size = belfry_codes_record_size(query->dimension), found = 0;
    float prepared = prepared_limit(query, limit);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = row_at(ids, first, i);
        belfry_codes_factors factors = factors_of(query, records + row * size);
        float value = estimate(query, factors, total_scalar(query, records + row * size));
        if (value > cut(query, factors, prepared)) continue;
        float bound = belfry_codes_bound(query, factors, value);
        hits[found++] = (belfry_codes_hit){row, value - bound, value + bound};
    }
    return found;
}

#if BELFRY_X86
#include <immintrin.h>

// MARK: eight rows at a time

#define GROUP 8
// So many components give sums of 32 bits whatever the codes and the planes are: 255 · (128·64 + 64) · 960 < 2^31.
#define PART 960

typedef struct {
    __m256 estimate, cut;
} estimates8;

// What estimate() and, if asked for, cut() do, operation by operation. `totals` are sums of integers, exact in double.
INLINE TARGET_AVX2 estimates8 estimate8(const belfry_codes_query *query, const uint8_t *const *records, __m256d totals0,
                                        __m256d totals1, int with_cut, float prepared) {
    size_t at = belfry_codes_factors_offset(query->dimension);
    __m256 rows[4];
    UNROLL for (int r = 0; r < 4; r++) {
        rows[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps((const float *)(records[r] + at))),
                                       _mm_loadu_ps((const float *)(records[r + 4] + at)), 1);
    }
    __m256 so01 = _mm256_unpacklo_ps(rows[0], rows[1]), so23 = _mm256_unpacklo_ps(rows[2], rows[3]);
    __m256 se01 = _mm256_unpackhi_ps(rows[0], rows[1]), se23 = _mm256_unpackhi_ps(rows[2], rows[3]);
    __m256 scale = _mm256_shuffle_ps(so01, so23, 0x44), offset = _mm256_shuffle_ps(so01, so23, 0xee);
    __m256 size = _mm256_shuffle_ps(se01, se23, 0x44), error = _mm256_shuffle_ps(se01, se23, 0xee);
    __m256 total = _mm256_set_m128(_mm256_cvtpd_ps(totals1), _mm256_cvtpd_ps(totals0));

    __m256 linear = _mm256_add_ps(_mm256_mul_ps(scale, _mm256_mul_ps(total, _mm256_set1_ps(query->step))),
                                  _mm256_mul_ps(offset, _mm256_set1_ps(query->sum)));
    __m256 value = _mm256_add_ps(linear, _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(query->weight), size),
                                                       _mm256_set1_ps(query->base)));
    // Of a NaN and a number, max gives its second operand.
    value = _mm256_max_ps(_mm256_set1_ps(query->least), value);
    if (!with_cut) return (estimates8){value, value};

    __m256 sign = _mm256_set1_ps(-0.0f), margin = _mm256_set1_ps(MARGIN);
    __m256 slack = _mm256_add_ps(
        _mm256_add_ps(_mm256_mul_ps(_mm256_andnot_ps(sign, scale), _mm256_set1_ps(query->scale_slack)),
                      _mm256_mul_ps(_mm256_andnot_ps(sign, offset), _mm256_set1_ps(query->offset_slack))),
        _mm256_add_ps(_mm256_mul_ps(size, _mm256_set1_ps(query->size_slack)), _mm256_set1_ps(query->slack)));
    if (query->squared) {
        __m256 far = _mm256_add_ps(_mm256_set1_ps(prepared), _mm256_add_ps(error, _mm256_set1_ps(query->radius)));
        return (estimates8){value, _mm256_add_ps(slack, _mm256_mul_ps(_mm256_mul_ps(far, far), margin))};
    }
    float length = query->length * (1 + query->rounding);
    float spread = query->radius + query->rounding * query->length;
    __m256 bound = _mm256_add_ps(_mm256_add_ps(slack, _mm256_mul_ps(error, _mm256_set1_ps(length))),
                                 _mm256_mul_ps(size, _mm256_set1_ps(spread)));
    return (estimates8){value, _mm256_add_ps(_mm256_set1_ps(prepared), _mm256_mul_ps(bound, margin))};
}

// Writes the rows of a group that may be near enough, and returns how many hits there are now.
INLINE TARGET_AVX2 size_t keep8(const belfry_codes_query *query, const uint8_t *const *records, estimates8 group,
                                size_t rows, const uint32_t *ids, size_t first, size_t i, size_t found,
                                belfry_codes_hit *hits) {
    unsigned near = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(group.estimate, group.cut, _CMP_NGT_UQ));
    near &= (1u << rows) - 1;
    if (near == 0) return found;
    float values[GROUP];
    _mm256_storeu_ps(values, group.estimate);
    for (; near != 0; near &= near - 1) {
        size_t lane = (size_t)__builtin_ctz(near);
        float bound = belfry_codes_bound(query, factors_of(query, records[lane]), values[lane]);
        uint32_t row = row_at(ids, first, i + lane);
        hits[found++] = (belfry_codes_hit){row, values[lane] - bound, values[lane] + bound};
    }
    return found;
}

// The records of the group from i on; rows beyond the last are the last.
INLINE void group_at(const uint8_t *records, size_t size, const uint32_t *ids, size_t first, size_t i, size_t rows,
                     const uint8_t **group) {
    if (rows == GROUP) {
        // The rule, and less to compute.
        const uint8_t *start = records + (first + i) * size;
        UNROLL for (size_t r = 0; r < GROUP; r++) group[r] = ids ? records + ids[i + r] * size : start + r * size;
        return;
    }
    UNROLL for (size_t r = 0; r < GROUP; r++) {
        group[r] = records + row_at(ids, first, i + (r < rows ? r : rows - 1)) * size;
    }
}

// Asks memory for the listed rows from i on.
INLINE void fetch(const uint8_t *records, size_t size, const uint32_t *ids, size_t i, size_t count) {
    size_t end = i + GROUP < count ? i + GROUP : count;
    for (; i < end; i++) {
        const uint8_t *record = records + ids[i] * size;
        for (size_t at = 0; at < size; at += 64) __builtin_prefetch(record + at);
        __builtin_prefetch(record + size - 1);
    }
}

// One walk over rows, consecutive or listed. `totals` and `target` make it a function for each instruction set.
#define WALK(name, target, totals)                                                                                     \
    INLINE target size_t name##_walk(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids,     \
                                     size_t first, size_t count, size_t ahead, float limit, float *out,                \
                                     belfry_codes_hit *hits) {                                                         \
        belfry_codes_query local = *query;                                                                             \
        size_t size = belfry_codes_record_size(local.dimension), found = 0;                                            \
        float prepared = prepared_limit(&local, limit);                                                                \
        if (ids) fetch(records, size, ids, 0, count);                                                                  \
        for (size_t i = 0; i < count; i += GROUP) {                                                                    \
            const uint8_t *group[GROUP];                                                                               \
            size_t rows = count - i < GROUP ? count - i : GROUP;                                                       \
            group_at(records, size, ids, first, i, rows, group);                                                       \
            if (ids) {                                                                                                 \
                fetch(records, size, ids, i + GROUP, count);                                                           \
            } else if (ahead) {                                                                                        \
                for (size_t at = 0; at < GROUP * size; at += 64) __builtin_prefetch(group[0] + ahead + at);            \
            }                                                                                                          \
            __m256d totals0 = totals(&local, group), totals1 = totals(&local, group + 4);                              \
            estimates8 near = estimate8(&local, group, totals0, totals1, hits != 0, prepared);                         \
            if (hits) {                                                                                                \
                found = keep8(&local, group, near, rows, ids, first, i, found, hits);                                  \
            } else if (rows == GROUP) {                                                                                \
                _mm256_storeu_ps(out + i, near.estimate);                                                              \
            } else {                                                                                                   \
                float last[GROUP];                                                                                     \
                _mm256_storeu_ps(last, near.estimate);                                                                 \
                memcpy(out + i, last, rows * sizeof(float));                                                           \
            }                                                                                                          \
        }                                                                                                              \
        return found;                                                                                                  \
    }                                                                                                                  \
    target static void name##_estimates(const belfry_codes_query *query, const uint8_t *records, size_t first,         \
                                        size_t count, size_t ahead, float *out) {                                      \
        name##_walk(query, records, 0, first, count, ahead, 0, out, 0);                                                \
    }                                                                                                                  \
    target static void name##_gathered(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids,   \
                                       size_t count, float *out) {                                                     \
        if (count > 0) name##_walk(query, records, ids, 0, count, 0, 0, out, 0);                                       \
    }                                                                                                                  \
    target static size_t name##_scan(const belfry_codes_query *query, const uint8_t *records, size_t first,            \
                                     size_t count, size_t ahead, float limit, belfry_codes_hit *hits) {                \
        return name##_walk(query, records, 0, first, count, ahead, limit, 0, hits);                                    \
    }                                                                                                                  \
    target static size_t name##_scan_gathered(const belfry_codes_query *query, const uint8_t *records,                 \
                                              const uint32_t *ids, size_t count, float limit,                          \
                                              belfry_codes_hit *hits) {                                                \
        return count > 0 ? name##_walk(query, records, ids, 0, count, 0, limit, 0, hits) : 0;                          \
    }                                                                                                                  \
    static const belfry_codes_kernels name##_kernels = {name##_estimates, name##_gathered, name##_scan,                \
                                                        name##_scan_gathered};

// The sums of the lanes of four vectors: within each 128 bits first, then across.
INLINE TARGET_AVX2 __m256i within4(__m256i a, __m256i b, __m256i c, __m256i d) {
    __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

// MARK: AVX2

// Four rows' sums of integers. A pair of products is at most 2·255·64, which 16 bits with a sign hold.
INLINE TARGET_AVX2 __m256d totals_avx2(const belfry_codes_query *query, const uint8_t *const *records) {
    __m256d totals = _mm256_setzero_pd();
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t from = 0; from < query->dimension; from += PART) {
        size_t end = from + PART < query->dimension ? from + PART : query->dimension;
        __m256i high[4], low[4];
        UNROLL for (int r = 0; r < 4; r++) high[r] = low[r] = _mm256_setzero_si256();
        // Behind the last component the planes are zero, and what is read of the record's end does not count.
        for (size_t i = from; i < end; i += 32) {
            __m256i h = _mm256_loadu_si256((const __m256i *)(query->high + i));
            __m256i l = _mm256_loadu_si256((const __m256i *)(query->low + i));
            UNROLL for (int r = 0; r < 4; r++) {
                __m256i codes = _mm256_loadu_si256((const __m256i *)(records[r] + i));
                high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(_mm256_maddubs_epi16(codes, h), ones));
                low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(_mm256_maddubs_epi16(codes, l), ones));
            }
        }
        UNROLL for (int r = 0; r < 4; r++) high[r] = _mm256_add_epi32(_mm256_slli_epi32(high[r], 7), low[r]);
        __m256i sums = within4(high[0], high[1], high[2], high[3]);
        __m128i part = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        totals = _mm256_add_pd(totals, _mm256_cvtepi32_pd(part));
    }
    return totals;
}

WALK(avx2, TARGET_AVX2, totals_avx2)

// MARK: AVX-512

INLINE TARGET_AVX512 __m512i within4_wide(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

// Four rows' sums of integers.
INLINE TARGET_AVX512 __m256d totals_avx512(const belfry_codes_query *query, const uint8_t *const *records) {
    __m256d totals = _mm256_setzero_pd();
    for (size_t from = 0; from < query->dimension; from += PART) {
        size_t end = from + PART < query->dimension ? from + PART : query->dimension, i = from;
        __m512i high[4], low[4];
        UNROLL for (int r = 0; r < 4; r++) high[r] = low[r] = _mm512_setzero_si512();
        for (; i + 64 <= end; i += 64) {
            __m512i h = _mm512_loadu_si512(query->high + i), l = _mm512_loadu_si512(query->low + i);
            UNROLL for (int r = 0; r < 4; r++) {
                __m512i codes = _mm512_loadu_si512(records[r] + i);
                high[r] = _mm512_dpbusd_epi32(high[r], codes, h);
                low[r] = _mm512_dpbusd_epi32(low[r], codes, l);
            }
        }
        if (i < end) {
            // Masked, so that no line is touched that holds nothing of the row.
            __mmask64 mask = (1ull << (end - i)) - 1;
            __m512i h = _mm512_loadu_si512(query->high + i), l = _mm512_loadu_si512(query->low + i);
            UNROLL for (int r = 0; r < 4; r++) {
                __m512i codes = _mm512_maskz_loadu_epi8(mask, records[r] + i);
                high[r] = _mm512_dpbusd_epi32(high[r], codes, h);
                low[r] = _mm512_dpbusd_epi32(low[r], codes, l);
            }
        }
        UNROLL for (int r = 0; r < 4; r++) high[r] = _mm512_add_epi32(_mm512_slli_epi32(high[r], 7), low[r]);
        __m512i sums = within4_wide(high[0], high[1], high[2], high[3]);
        __m256i halves = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
        __m128i part = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
        totals = _mm256_add_pd(totals, _mm256_cvtepi32_pd(part));
    }
    return totals;
}

WALK(avx512, TARGET_AVX512, totals_avx512)
#endif

// MARK: the instruction sets

static void scalar_estimates(const belfry_codes_query *query, const uint8_t *records, size_t first, size_t count,
                             size_t ahead, float *out) {
    (void)ahead;
    estimates_in_c(query, records, 0, first, count, out);
}
static void scalar_gathered(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids, size_t count,
                            float *out) {
    if (count > 0) estimates_in_c(query, records, ids, 0, count, out);
}
static size_t scalar_scan(const belfry_codes_query *query, const uint8_t *records, size_t first, size_t count,
                          size_t ahead, float limit, belfry_codes_hit *hits) {
    (void)ahead;
    return scan_in_c(query, records, 0, first, count, limit, hits);
}
static size_t scalar_scan_gathered(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids,
                                   size_t count, float limit, belfry_codes_hit *hits) {
    return count > 0 ? scan_in_c(query, records, ids, 0, count, limit, hits) : 0;
}
static const belfry_codes_kernels scalar_kernels = {scalar_estimates, scalar_gathered, scalar_scan,
                                                    scalar_scan_gathered};

const belfry_codes_kernels *belfry_codes_kernels_for(belfry_isa isa) {
    return PICK(isa, &scalar_kernels, &avx2_kernels, &avx512_kernels);
}
