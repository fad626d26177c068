#include "nn_kernels.h"

#include <math.h>
#include <string.h>

// How a matrix product runs, for every instruction set:
//   1. 32 rows of the weights are transposed into a panel [inputs, 32], 512 inputs at a time. The weights themselves
//      stay where they are, in the mapped file: packing costs under 1 % of a batch of 500 tokens.
//   2. A tile of ROWS x 32 results stays in registers while the panel streams past.
//   3. Bias, residual and activation are applied while the tile is still in the first cache.
// Attention is the same product twice per head: the keys are the weights of one, the values a ready panel of the other.

#define DEPTH 512        // inputs of a panel that is packed on the way: 64 KiB
#define QUERY_BLOCK 56   // rows of scores that are kept at a time: 4 x 14 and 9 x 6 + 2

_Static_assert(BELFRY_NN_LINEAR_SCRATCH == PANEL * DEPTH, "the scratch of the header");

// MARK: one text of kernels, three instruction sets

#define NAME(x) x##_scalar
#define TARGET
#define V float
#define LANES 1
#define ROWS 2
#define PAIR_ROWS 2
#define VECTORS 8
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define LOAD_PART(p, n) (*(p))
#define STORE_PART(p, v, n) (*(p) = (v))
#define SET(x) (x)
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define FMA(a, b, c) ((a) * (b) + (c))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define ROUND(a) rintf(a)
#define SCALE2(a, n) ldexpf((a), (int)(n))
#define ABS(a) fabsf(a)
#define COPYSIGN(a, s) copysignf((a), (s))
#define SELECT_GREATER(a, b, yes, no) ((a) > (b) ? (yes) : (no))
#define SUM(a) (a)
#define LARGEST(a) (a)
#define UPPER(a) upper_scalar(a)
#define LOWER(a) lower_scalar(a)
static inline float upper_scalar(float pair) {
    uint32_t bits;
    memcpy(&bits, &pair, 4);
    bits &= 0xffff0000;
    memcpy(&pair, &bits, 4);
    return pair;
}
static inline float lower_scalar(float pair) {
    uint32_t bits;
    memcpy(&bits, &pair, 4);
    bits <<= 16;
    memcpy(&pair, &bits, 4);
    return pair;
}
static void transpose_scalar(const float *w, size_t stride, float *panel) {
    (void)stride;
    *panel = *w;
}
#include "nn_lanes.h"

#if BELFRY_X86
#include <immintrin.h>

#define NAME(x) x##_avx2
#define TARGET TARGET_AVX2
#define V __m256
#define LANES 8
#define ROWS 6
#define PAIR_ROWS 4
#define VECTORS 2
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps((p), (v))
#define LOAD_PART(p, n) _mm256_maskload_ps((p), first_lanes_avx2(n))
#define STORE_PART(p, v, n) _mm256_maskstore_ps((p), first_lanes_avx2(n), (v))
#define SET(x) _mm256_set1_ps(x)
#define ADD(a, b) _mm256_add_ps((a), (b))
#define SUB(a, b) _mm256_sub_ps((a), (b))
#define MUL(a, b) _mm256_mul_ps((a), (b))
#define DIV(a, b) _mm256_div_ps((a), (b))
#define FMA(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#define MAX(a, b) _mm256_max_ps((a), (b))
#define MIN(a, b) _mm256_min_ps((a), (b))
#define ROUND(a) _mm256_round_ps((a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define SCALE2(a, n) \
    _mm256_mul_ps((a), _mm256_castsi256_ps(_mm256_slli_epi32( \
                           _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)))
#define ABS(a) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), (a))
#define COPYSIGN(a, s) \
    _mm256_or_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), (a)), _mm256_and_ps(_mm256_set1_ps(-0.0f), (s)))
#define SELECT_GREATER(a, b, yes, no) _mm256_blendv_ps((no), (yes), _mm256_cmp_ps((a), (b), _CMP_GT_OQ))
#define SUM(a) sum_lanes_avx2(a)
#define LARGEST(a) largest_lane_avx2(a)
#define UPPER(a) _mm256_and_ps((a), _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000)))
#define LOWER(a) _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 16))

TARGET_AVX2 static inline __m256i first_lanes_avx2(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

TARGET_AVX2 static inline float sum_lanes_avx2(__m256 a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

TARGET_AVX2 static inline float largest_lane_avx2(__m256 a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// 8 rows of w, 8 inputs each, to 8 rows of the panel.
TARGET_AVX2 static inline void transpose_avx2(const float *w, size_t stride, float *panel) {
    __m256 r[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(w + i * stride);
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int h = 0; h < 2; h++) {
            r[i + 2 * h] = _mm256_shuffle_ps(t[i + h], t[i + h + 2], 0x44);
            r[i + 2 * h + 1] = _mm256_shuffle_ps(t[i + h], t[i + h + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(panel + i * PANEL, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(panel + (i + 4) * PANEL, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}
#include "nn_lanes.h"

#define NAME(x) x##_avx512
#define TARGET TARGET_AVX512
#define V __m512
#define LANES 16
#define ROWS 14
#define PAIR_ROWS 12
#define VECTORS 2
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps((p), (v))
#define LOAD_PART(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), (p))
#define STORE_PART(p, v, n) _mm512_mask_storeu_ps((p), (__mmask16)((1u << (n)) - 1), (v))
#define SET(x) _mm512_set1_ps(x)
#define ADD(a, b) _mm512_add_ps((a), (b))
#define SUB(a, b) _mm512_sub_ps((a), (b))
#define MUL(a, b) _mm512_mul_ps((a), (b))
#define DIV(a, b) _mm512_div_ps((a), (b))
#define FMA(a, b, c) _mm512_fmadd_ps((a), (b), (c))
#define MAX(a, b) _mm512_max_ps((a), (b))
#define MIN(a, b) _mm512_min_ps((a), (b))
#define ROUND(a) _mm512_roundscale_ps((a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define SCALE2(a, n) _mm512_scalef_ps((a), (n))
#define ABS(a) _mm512_abs_ps(a)
#define COPYSIGN(a, s) \
    _mm512_or_ps(_mm512_andnot_ps(_mm512_set1_ps(-0.0f), (a)), _mm512_and_ps(_mm512_set1_ps(-0.0f), (s)))
#define SELECT_GREATER(a, b, yes, no) \
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask((a), (b), _CMP_GT_OQ), (no), (yes))
#define SUM(a) _mm512_reduce_add_ps(a)
#define LARGEST(a) _mm512_reduce_max_ps(a)
#define UPPER(a) _mm512_and_ps((a), _mm512_castsi512_ps(_mm512_set1_epi32((int)0xffff0000)))
#define LOWER(a) _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 16))
#define BF16_TARGET TARGET_AVX512_BF16
#define BF16_DOT(x, b, sum) _mm512_dpbf16_ps((sum), (__m512bh)(x), (__m512bh)(b))

// 16 rows of w, 16 inputs each, to 16 rows of the panel.
TARGET_AVX512 static inline void transpose_avx512(const float *w, size_t stride, float *panel) {
    __m512 r[16], t[16];
    for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_ps(w + i * stride);
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    // r[i + q]: of rows i … i + 3, the inputs 4·lane + q of every 128-bit lane.
    for (int i = 0; i < 16; i += 4)
        for (int h = 0; h < 2; h++) {
            r[i + 2 * h] = _mm512_shuffle_ps(t[i + h], t[i + h + 2], 0x44);
            r[i + 2 * h + 1] = _mm512_shuffle_ps(t[i + h], t[i + h + 2], 0xee);
        }
    for (int q = 0; q < 4; q++) {
        __m512 even_low = _mm512_shuffle_f32x4(r[q], r[q + 4], 0x88);
        __m512 odd_low = _mm512_shuffle_f32x4(r[q], r[q + 4], 0xdd);
        __m512 even_high = _mm512_shuffle_f32x4(r[q + 8], r[q + 12], 0x88);
        __m512 odd_high = _mm512_shuffle_f32x4(r[q + 8], r[q + 12], 0xdd);
        _mm512_storeu_ps(panel + q * PANEL, _mm512_shuffle_f32x4(even_low, even_high, 0x88));
        _mm512_storeu_ps(panel + (q + 4) * PANEL, _mm512_shuffle_f32x4(odd_low, odd_high, 0x88));
        _mm512_storeu_ps(panel + (q + 8) * PANEL, _mm512_shuffle_f32x4(even_low, even_high, 0xdd));
        _mm512_storeu_ps(panel + (q + 12) * PANEL, _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd));
    }
}
#include "nn_lanes.h"
#endif

const kernels *belfry_nn_kernels(belfry_isa isa) {
#if BELFRY_X86
    if (isa == BELFRY_AVX512) return &kernels_avx512;
    if (isa == BELFRY_AVX2) return &kernels_avx2;
#endif
    (void)isa;
    return &kernels_scalar;
}

const tiles *belfry_nn_bf16_tiles(void) {
#if BELFRY_X86
    if (belfry_nn_has_bf16()) return &bf16_tiles_avx512;
#endif
    return NULL;
}

int belfry_nn_has_bf16(void) {
#if BELFRY_X86
    return belfry_best_isa() == BELFRY_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

// MARK: products

void belfry_nn_multiply_panel(const tiles *f, size_t rows, size_t k, const float *a, size_t a_stride,
                              const float *panel, size_t width, float *c, size_t c_stride, int first,
                              const epilogue *shared, size_t ahead) {
    // Tiles of nearly equal height: 16 rows are 8 + 8, not 14 + 2. The last panel of a matrix may be narrower: its
    // tiles go through a small copy.
    size_t count = (rows + f->rows - 1) / f->rows;
    for (size_t t = 0, row = 0, m; t < count; t++, row += m, ahead = 0) {
        m = (rows - row + count - t - 1) / (count - t);
        float *target = c + row * c_stride;
        const float *input = a + row * a_stride;
        epilogue e;
        if (shared) {
            e = *shared;
            if (e.residual) e.residual += (ptrdiff_t)row * e.residual_stride;
        }
        if (width == PANEL) {
            f->tile(m, k, input, a_stride, panel, target, c_stride, first, shared ? &e : NULL, ahead);
            continue;
        }
        float tile[16 * PANEL] = {0}, residual[16 * PANEL] = {0}, bias[PANEL] = {0};
        size_t bytes = width * sizeof(float);
        for (size_t i = 0; i < m && !first; i++) memcpy(tile + i * PANEL, target + i * c_stride, bytes);
        if (shared && e.residual) {
            for (size_t i = 0; i < m; i++)
                memcpy(residual + i * PANEL, e.residual + (ptrdiff_t)i * e.residual_stride, bytes);
            e.residual = residual;
            e.residual_stride = PANEL;
        }
        if (shared && e.bias) {
            memcpy(bias, e.bias, bytes);
            e.bias = bias;
        }
        f->tile(m, k, input, a_stride, panel, tile, PANEL, first, shared ? &e : NULL, ahead);
        for (size_t i = 0; i < m; i++) memcpy(target + i * c_stride, tile + i * PANEL, bytes);
    }
}

void belfry_nn_linear(belfry_isa isa, const float *x, size_t x_stride, size_t rows, const float *w, size_t inputs,
                      size_t outputs, const float *bias, belfry_activation activation, const float *residual, float *y,
                      size_t y_stride, float *scratch) {
    const kernels *f = belfry_nn_kernels(isa);
    // Once even without inputs: y is then what is added to nothing.
    for (size_t i = 0; i == 0 || i < inputs; i += DEPTH) {
        size_t depth = inputs - i < DEPTH ? inputs - i : DEPTH;
        int last = i + depth == inputs;
        for (size_t o = 0; o < outputs; o += PANEL) {
            size_t width = outputs - o < PANEL ? outputs - o : PANEL;
            // The residual goes first: it may be y itself, which the first part overwrites.
            epilogue e = {last && bias ? bias + o : NULL, i == 0 && residual ? residual + o : NULL,
                          (ptrdiff_t)y_stride, last ? activation : BELFRY_IDENTITY};
            f->pack(w + o * inputs + i, inputs, width, depth, scratch);
            belfry_nn_multiply_panel(&f->f32, rows, depth, x + i, x_stride, scratch, width, y + o, y_stride, i == 0,
                                     &e, 0);
        }
    }
}

// MARK: attention

static size_t panels(size_t columns) { return (columns + PANEL - 1) / PANEL; }

size_t belfry_nn_attention_scratch(size_t tokens, size_t head_size) {
    size_t padded = panels(tokens) * PANEL;
    return padded * head_size + tokens * panels(head_size) * PANEL + QUERY_BLOCK * padded;
}

void belfry_nn_attention_head(belfry_isa isa, const float *q, const float *k, const float *v, size_t stride,
                              size_t tokens, size_t head_size, const float *distances, float *y, size_t y_stride,
                              float *scratch) {
    const kernels *f = belfry_nn_kernels(isa);
    size_t padded = panels(tokens) * PANEL;
    float *keys = scratch;                      // panels [head_size, 32] of 32 tokens each
    float *values = keys + padded * head_size;  // panels [tokens, 32] of 32 components each
    float *scores = values + tokens * panels(head_size) * PANEL;
    float scale = 1 / sqrtf((float)head_size);
    for (size_t t = 0; t < tokens; t += PANEL)
        f->pack(k + t * stride, stride, tokens - t < PANEL ? tokens - t : PANEL, head_size, keys + t * head_size);
    for (size_t c = 0; c < head_size; c += PANEL) {
        size_t width = head_size - c < PANEL ? head_size - c : PANEL;
        for (size_t t = 0; t < tokens; t++) {
            float *row = values + (c / PANEL * tokens + t) * PANEL;
            memcpy(row, v + t * stride + c, width * sizeof(float));
            memset(row + width, 0, (PANEL - width) * sizeof(float));
        }
    }
    for (size_t row = 0; row < tokens; row += QUERY_BLOCK) {
        size_t m = tokens - row < QUERY_BLOCK ? tokens - row : QUERY_BLOCK;
        for (size_t t = 0; t < tokens; t += PANEL) {
            // One query further down, every key is one place nearer.
            epilogue e = {NULL, distances ? distances + t - row : NULL, -1, BELFRY_IDENTITY};
            size_t width = distances && tokens - t < PANEL ? tokens - t : PANEL;
            belfry_nn_multiply_panel(&f->f32, m, head_size, q + row * stride, stride, keys + t * head_size, width,
                                     scores + t, padded, 1, distances ? &e : NULL, 0);
        }
        for (size_t i = 0; i < m; i++) f->softmax(scores + i * padded, tokens, scale);
        for (size_t c = 0; c < head_size; c += PANEL)
            belfry_nn_multiply_panel(&f->f32, m, tokens, scores, padded, values + c * tokens,
                                     head_size - c < PANEL ? head_size - c : PANEL, y + row * y_stride + c, y_stride,
                                     1, NULL, 0);
    }
}

void belfry_nn_attention(belfry_isa isa, const float *qkv, size_t qkv_stride, size_t tokens, size_t heads,
                         size_t head_size, float *y, size_t y_stride, float *scratch) {
    size_t hidden = heads * head_size;
    for (size_t head = 0; head < heads; head++) {
        const float *q = qkv + head * head_size;
        belfry_nn_attention_head(isa, q, q + hidden, q + 2 * hidden, qkv_stride, tokens, head_size, NULL,
                                 y + head * head_size, y_stride, scratch);
    }
}

// MARK: rows

void belfry_nn_layer_norm(belfry_isa isa, float *x, size_t rows, size_t columns, const float *weight,
                          const float *bias, float epsilon) {
    const kernels *f = belfry_nn_kernels(isa);
    for (size_t row = 0; row < rows; row++) f->layer_norm(x + row * columns, columns, weight, bias, epsilon);
}

void belfry_nn_activate(belfry_isa isa, float *x, size_t count, belfry_activation activation) {
    belfry_nn_kernels(isa)->activate(x, count, activation);
}

void belfry_nn_softmax(belfry_isa isa, float *x, size_t count, float scale) { belfry_nn_kernels(isa)->softmax(x, count, scale); }

void belfry_nn_add3(belfry_isa isa, const float *a, const float *b, const float *c, float *y, size_t count) {
    belfry_nn_kernels(isa)->add3(a, b, c, y, count);
}

void belfry_nn_sum_rows(belfry_isa isa, const float *x, size_t rows, size_t columns, float scale, float *y) {
    belfry_nn_kernels(isa)->sum_rows(x, rows, columns, scale, y);
}

void belfry_nn_bag(belfry_isa isa, const float *table, size_t columns, const int64_t *rows, size_t count,
                   const float *weights, size_t step, float *y) {
    belfry_nn_kernels(isa)->bag(table, columns, rows, count, weights, step, y);
}

void belfry_nn_max_rows(belfry_isa isa, const float *x, size_t rows, size_t columns, float *y) {
    belfry_nn_kernels(isa)->max_rows(x, rows, columns, y);
}

void belfry_nn_l2_normalize(belfry_isa isa, float *x, size_t count, float epsilon) {
    const kernels *f = belfry_nn_kernels(isa);
    float length = sqrtf(f->square_sum(x, count));
    f->multiply(x, count, 1 / (length > epsilon ? length : epsilon));
}
