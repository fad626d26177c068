#include "include/distance.h"

#include <math.h>

#include "targets.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

enum metric { L1, L2, IP, COSINE };

// A zero row or a zero query is similar to nothing. Written so that NaN stays NaN.
INLINE float cosine_distance(float product, float query_norm, float row_squares) {
    float divisor = query_norm * __builtin_sqrtf(row_squares);
    return divisor == 0 ? 0 : -product / divisor;
}

// A function of each metric, whose rows an instruction set goes through by its `rows_…`, and the table of them.
#define KERNEL(isa, target, name, metric)                                                                    \
    target static void name##_##isa(const float *q, float norm, const float *x, size_t stride, size_t n,     \
                                    size_t d, float *out) {                                                  \
        rows_##isa(metric, q, norm, x, stride, n, d, out);                                                   \
    }
#define KERNELS(isa, target)                                                                                 \
    KERNEL(isa, target, l1, L1)                                                                              \
    KERNEL(isa, target, l2, L2)                                                                              \
    KERNEL(isa, target, ip, IP)                                                                              \
    KERNEL(isa, target, cosine, COSINE)                                                                      \
    static const belfry_distance_kernels isa##_kernels = {l1_##isa, l2_##isa, ip_##isa, cosine_##isa};

// MARK: plain C

// Partial sums: enough for the compiler to use the vectors that every machine of the architecture has.
#define LANES 16

INLINE float scalar_sum(const float *lanes) {
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
    return sum;
}

INLINE void rows_scalar(enum metric metric, const float *query, float query_norm, const float *rows, size_t stride,
                        size_t count, size_t dimension, float *out) {
    for (size_t r = 0; r < count; r++, rows += stride) {
        float sums[LANES] = {0}, squares[LANES] = {0};
        size_t whole = dimension - dimension % LANES;
        for (size_t i = 0; i < dimension; i += LANES) {
            int lanes = i < whole ? LANES : (int)(dimension - whole);
            for (int lane = 0; lane < lanes; lane++) {
                float q = query[i + (size_t)lane], x = rows[i + (size_t)lane];
                sums[lane] += metric == L1 ? __builtin_fabsf(q - x) : metric == L2 ? (q - x) * (q - x) : q * x;
                if (metric == COSINE) squares[lane] += x * x;
            }
        }
        float sum = scalar_sum(sums);
        out[r] = metric == L1 || metric == L2 ? sum
                 : metric == IP               ? -sum
                                              : cosine_distance(sum, query_norm, scalar_sum(squares));
    }
}

KERNELS(scalar, )

#if BELFRY_X86
#include <immintrin.h>

// Both instruction sets walk one row after another, with four partial sums to hide the latency of an addition: on rows
// from memory, one stream of addresses is faster than several abreast. A row's components go to its partial sums in an
// order that depends on the dimension only, and the sums are folded in one order: that is what makes a row's distance
// the same alone and among others.
#define SUMS 4

// (a + b) + (c + d)
INLINE TARGET_AVX2 float sum4(__m128 v) {
    __m128 pairs = _mm_add_ps(v, _mm_movehdup_ps(v));
    return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehl_ps(pairs, pairs)));
}

INLINE TARGET_AVX2 float sum8(__m256 v) {
    return sum4(_mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)));
}

// MARK: AVX2

INLINE TARGET_AVX2 void step_avx2(enum metric metric, __m256 q, __m256 x, __m256 *sum, __m256 *squares) {
    if (metric == L1) {
        *sum = _mm256_add_ps(*sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_sub_ps(q, x)));
    } else if (metric == L2) {
        __m256 difference = _mm256_sub_ps(q, x);
        *sum = _mm256_fmadd_ps(difference, difference, *sum);
    } else {
        *sum = _mm256_fmadd_ps(q, x, *sum);
        if (metric == COSINE) *squares = _mm256_fmadd_ps(x, x, *squares);
    }
}

INLINE TARGET_AVX2 __m256 fold_avx2(const __m256 *sums) {
    return _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
}

INLINE TARGET_AVX2 void rows_avx2(enum metric metric, const float *query, float query_norm, const float *rows,
                                  size_t stride, size_t count, size_t dimension, float *out) {
    for (size_t r = 0; r < count; r++, rows += stride) {
        __m256 sum[SUMS], squares[SUMS];
        UNROLL for (int s = 0; s < SUMS; s++) sum[s] = squares[s] = _mm256_setzero_ps();
        size_t i = 0;
        for (; i + SUMS * 8 <= dimension; i += SUMS * 8) {
            UNROLL for (int s = 0; s < SUMS; s++) {
                __m256 q = _mm256_loadu_ps(query + i + 8 * s), x = _mm256_loadu_ps(rows + i + 8 * s);
                step_avx2(metric, q, x, &sum[s], &squares[s]);
            }
        }
        UNROLL for (int s = 0; s < SUMS; s++, i += 8) {
            if (i + 8 <= dimension) {
                __m256 q = _mm256_loadu_ps(query + i), x = _mm256_loadu_ps(rows + i);
                step_avx2(metric, q, x, &sum[s], &squares[s]);
            } else if (i < dimension) {
                // Lanes from the end on are not read, and give 0 on both sides. Only here, since a masked load costs
                // more than a plain one even when its mask is full.
                __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(dimension - i)),
                                                  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
                __m256 q = _mm256_maskload_ps(query + i, mask), x = _mm256_maskload_ps(rows + i, mask);
                step_avx2(metric, q, x, &sum[s], &squares[s]);
            }
        }
        float total = sum8(fold_avx2(sum));
        out[r] = metric == L1 || metric == L2 ? total
                 : metric == IP               ? -total
                                              : cosine_distance(total, query_norm, sum8(fold_avx2(squares)));
    }
}

KERNELS(avx2, TARGET_AVX2)

// MARK: AVX-512

INLINE TARGET_AVX512 void step_avx512(enum metric metric, __m512 q, __m512 x, __m512 *sum, __m512 *squares) {
    if (metric == L1) {
        *sum = _mm512_add_ps(*sum, _mm512_andnot_ps(_mm512_set1_ps(-0.0f), _mm512_sub_ps(q, x)));
    } else if (metric == L2) {
        __m512 difference = _mm512_sub_ps(q, x);
        *sum = _mm512_fmadd_ps(difference, difference, *sum);
    } else {
        *sum = _mm512_fmadd_ps(q, x, *sum);
        if (metric == COSINE) *squares = _mm512_fmadd_ps(x, x, *squares);
    }
}

INLINE TARGET_AVX512 float sum16(__m512 v) {
    return sum8(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

INLINE TARGET_AVX512 __m512 fold_avx512(const __m512 *sums) {
    return _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
}

INLINE TARGET_AVX512 void rows_avx512(enum metric metric, const float *query, float query_norm, const float *rows,
                                    size_t stride, size_t count, size_t dimension, float *out) {
    for (size_t r = 0; r < count; r++, rows += stride) {
        __m512 sum[SUMS], squares[SUMS];
        UNROLL for (int s = 0; s < SUMS; s++) sum[s] = squares[s] = _mm512_setzero_ps();
        size_t i = 0;
        for (; i + SUMS * 16 <= dimension; i += SUMS * 16) {
            UNROLL for (int s = 0; s < SUMS; s++) {
                __m512 q = _mm512_loadu_ps(query + i + 16 * s), x = _mm512_loadu_ps(rows + i + 16 * s);
                step_avx512(metric, q, x, &sum[s], &squares[s]);
            }
        }
        UNROLL for (int s = 0; s < SUMS; s++, i += 16) {
            if (i + 16 <= dimension) {
                __m512 q = _mm512_loadu_ps(query + i), x = _mm512_loadu_ps(rows + i);
                step_avx512(metric, q, x, &sum[s], &squares[s]);
            } else if (i < dimension) {
                // Lanes from the end on are not read, and give 0 on both sides. Only here, since a masked load costs
                // more than a plain one even when its mask is full.
                __mmask16 mask = (__mmask16)((1u << (dimension - i)) - 1);
                __m512 q = _mm512_maskz_loadu_ps(mask, query + i), x = _mm512_maskz_loadu_ps(mask, rows + i);
                step_avx512(metric, q, x, &sum[s], &squares[s]);
            }
        }
        float total = sum16(fold_avx512(sum));
        out[r] = metric == L1 || metric == L2 ? total
                 : metric == IP               ? -total
                                              : cosine_distance(total, query_norm, sum16(fold_avx512(squares)));
    }
}

KERNELS(avx512, TARGET_AVX512)
#endif

const belfry_distance_kernels *belfry_distance_kernels_for(belfry_isa isa) {
    return PICK(isa, &scalar_kernels, &avx2_kernels, &avx512_kernels);
}
