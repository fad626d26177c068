// The kernels of nn.c for one instruction set. nn.c includes this file once for each, with V, LANES and the
// operations on V defined; it undefines them at its end. No include guard: that is the point.

// MARK: elementary functions

#define ELEMENTARY(name) NAME(name)
#define ELEMENTARY_TARGET TARGET static inline
// MAX and MIN return their second operand where one is NaN.
#define HOLD(a, low, high) MIN(SET(high), MAX(SET(low), (a)))
#define POWERS(a) ROUND(MUL((a), SET(1.44269504f)))
#include "elementary.h"
#undef HOLD
#undef POWERS

// Φ(x) - 1/2 = erf(x/√2)/2 with an absolute error of 1e-7: a minimax quotient of two polynomials of x² up to |x| = 5.5,
// where 1/2 is nearer than that. A division is less work than the exponential of the usual two branches.
TARGET static inline V NAME(centered_normal)(V x) {
    x = MIN(SET(5.5f), MAX(SET(-5.5f), x));
    V s = MUL(x, x);
    V p = SET(2.27493491e-8f), q = SET(1.19750325e-6f);
    p = FMA(p, s, SET(6.35211518e-6f));
    q = FMA(q, s, SET(7.36475704e-5f));
    p = FMA(p, s, SET(1.6882598e-4f));
    q = FMA(q, s, SET(1.8844466e-3f));
    p = FMA(p, s, SET(4.67726216e-3f));
    q = FMA(q, s, SET(2.86458917e-2f));
    p = FMA(p, s, SET(3.38526815e-2f));
    q = FMA(q, s, SET(2.51522005e-1f));
    p = FMA(p, s, SET(3.98942232e-1f));
    q = FMA(q, s, SET(1.0f));
    return DIV(MUL(x, p), q);
}

TARGET static inline V NAME(activated)(V x, belfry_activation activation) {
    switch (activation) {
        case BELFRY_GELU_ERF: return FMA(x, NAME(centered_normal)(x), MUL(SET(0.5f), x));
        case BELFRY_GELU_TANH: {
            V half = MUL(SET(0.5f), x);
            V inner = MUL(SET(0.797884561f), FMA(MUL(SET(0.044715f), MUL(x, x)), x, x));
            NAME(hyperbolic_tangent)(&inner);
            return FMA(half, inner, half);
        }
        case BELFRY_RELU: return MAX(SET(0.0f), x);
        case BELFRY_TANH: NAME(hyperbolic_tangent)(&x); return x;
        default: return x;
    }
}

#define FOR_EACH_PART(count, full, part) \
    size_t i = 0;                        \
    for (; i + LANES <= (count); i += LANES) full; \
    if (i < (count)) part;

TARGET static inline void NAME(activate_all)(float *x, size_t count, belfry_activation activation) {
    FOR_EACH_PART(count, STORE(x + i, NAME(activated)(LOAD(x + i), activation)),
                  STORE_PART(x + i, NAME(activated)(LOAD_PART(x + i, count - i), activation), count - i))
}

// The switch stands outside the loops.
TARGET static void NAME(activate)(float *x, size_t count, belfry_activation activation) {
    switch (activation) {
        case BELFRY_IDENTITY: return;
        case BELFRY_GELU_ERF: NAME(activate_all)(x, count, BELFRY_GELU_ERF); return;
        case BELFRY_GELU_TANH: NAME(activate_all)(x, count, BELFRY_GELU_TANH); return;
        case BELFRY_RELU: NAME(activate_all)(x, count, BELFRY_RELU); return;
        case BELFRY_TANH: NAME(activate_all)(x, count, BELFRY_TANH); return;
    }
}

// MARK: products

#define TILE_NAME(x) NAME(x)
#define TILE_TARGET TARGET
#define TILE_ROWS ROWS
#define DOT(x, b, sum) FMA(x, b, sum)
#include "nn_tile.h"

// Two bf16 products in the place of each f32 one: bf16 is the upper half of an f32.
#define TILE_NAME(x) NAME(pair_##x)
#define TILE_TARGET TARGET
#define TILE_ROWS PAIR_ROWS
#define DOT(x, b, sum) FMA(UPPER(x), UPPER(b), FMA(LOWER(x), LOWER(b), sum))
#include "nn_tile.h"

#ifdef BF16_DOT
#define TILE_NAME(x) NAME(bf16_##x)
#define TILE_TARGET BF16_TARGET
#define TILE_ROWS ROWS
#define DOT(x, b, sum) BF16_DOT(x, b, sum)
#include "nn_tile.h"
static const tiles NAME(bf16_tiles) = {ROWS, NAME(bf16_tile)};
#undef BF16_DOT
#undef BF16_TARGET
#endif

TARGET static void NAME(pack)(const float *w, size_t stride, size_t count, size_t k, float *panel) {
    size_t whole_columns = count / LANES * LANES, whole_depth = k / LANES * LANES;
    for (size_t j = 0; j < whole_columns; j += LANES)
        for (size_t i = 0; i < whole_depth; i += LANES)
            NAME(transpose)(w + j * stride + i, stride, panel + i * PANEL + j);
    for (size_t i = 0; i < k; i++) {
        size_t done = i < whole_depth ? whole_columns : 0;
        for (size_t j = done; j < count; j++) panel[i * PANEL + j] = w[j * stride + i];
        for (size_t j = count; j < PANEL; j++) panel[i * PANEL + j] = 0;
    }
}

// MARK: rows

// e^x, and 0 below -87.3, so that what a mask takes away weighs nothing.
TARGET static inline V NAME(weight)(V x) {
    V power = x;
    NAME(exponential)(&power);
    return SELECT_GREATER(SET(-87.3f), x, SET(0.0f), power);
}

TARGET static void NAME(softmax)(float *x, size_t count, float scale) {
    V largest = SET(-INFINITY);
    float top;
    {
        FOR_EACH_PART(count, largest = MAX(largest, LOAD(x + i)), {})
        top = LARGEST(largest);
        for (; i < count; i++) top = x[i] > top ? x[i] : top;
    }
    // Where nothing may be seen, nothing is.
    V shift = SET(top == -INFINITY ? 0.0f : -top * scale), factor = SET(scale), sum = SET(0.0f);
    float total;
    {
        FOR_EACH_PART(count,
                      {
                          V e = NAME(weight)(FMA(LOAD(x + i), factor, shift));
                          sum = ADD(sum, e);
                          STORE(x + i, e);
                      },
                      STORE_PART(x + i, NAME(weight)(FMA(LOAD_PART(x + i, count - i), factor, shift)), count - i))
        if (i < count) sum = ADD(sum, LOAD_PART(x + i, count - i));
        total = SUM(sum);
    }
    V inverse = SET(total == 0 ? 0 : 1 / total);
    FOR_EACH_PART(count, STORE(x + i, MUL(LOAD(x + i), inverse)),
                  STORE_PART(x + i, MUL(LOAD_PART(x + i, count - i), inverse), count - i))
}

TARGET static void NAME(layer_norm)(float *x, size_t columns, const float *weight, const float *bias, float epsilon) {
    V sum = SET(0.0f), squares = SET(0.0f);
    {
        FOR_EACH_PART(columns, sum = ADD(sum, LOAD(x + i)), sum = ADD(sum, LOAD_PART(x + i, columns - i)))
    }
    float mean = SUM(sum) / (float)columns, total;
    V shift = SET(mean);
    {
        FOR_EACH_PART(columns,
                      {
                          V d = SUB(LOAD(x + i), shift);
                          squares = FMA(d, d, squares);
                      },
                      {})
        total = SUM(squares);
        for (; i < columns; i++) total += (x[i] - mean) * (x[i] - mean);
    }
    V factor = SET(1 / sqrtf(total / (float)columns + epsilon));
    FOR_EACH_PART(columns,
                  STORE(x + i, FMA(MUL(SUB(LOAD(x + i), shift), factor), LOAD(weight + i), LOAD(bias + i))),
                  STORE_PART(x + i,
                             FMA(MUL(SUB(LOAD_PART(x + i, columns - i), shift), factor),
                                 LOAD_PART(weight + i, columns - i), LOAD_PART(bias + i, columns - i)),
                             columns - i))
}

TARGET static void NAME(add3)(const float *a, const float *b, const float *c, float *y, size_t count) {
    FOR_EACH_PART(count, STORE(y + i, ADD(ADD(LOAD(a + i), LOAD(b + i)), LOAD(c + i))),
                  for (; i < count; i++) y[i] = a[i] + b[i] + c[i])
}

TARGET static void NAME(sum_rows)(const float *x, size_t rows, size_t columns, float scale, float *y) {
    memset(y, 0, columns * sizeof(float));
    for (size_t row = 0; row < rows; row++, x += columns) {
        FOR_EACH_PART(columns, STORE(y + i, ADD(LOAD(y + i), LOAD(x + i))), for (; i < columns; i++) y[i] += x[i])
    }
    for (size_t i = 0; i < columns; i++) y[i] *= scale;
}

// v vectors of a bag's columns, whose sums stay in registers; of the last one only `part` columns if v is 1. Products
// are rounded before they are added.
__attribute__((always_inline)) TARGET static inline void NAME(bag_part)(size_t v, size_t part, const float *table,
                                                                        size_t columns, const int64_t *rows,
                                                                        size_t count, const float *weights, size_t step,
                                                                        float *y) {
#define EACH_VECTOR _Pragma("clang loop unroll(full)") for (size_t j = 0; j < v; j++)
    V sum[4];
    EACH_VECTOR sum[j] = SET(0.0f);
    for (size_t r = 0; r < count; r++) {
        const float *x = table + (size_t)rows[r] * columns;
        // One line of the cache holds 16 floats.
        const float *later = table + (size_t)rows[r + BAG_AHEAD < count ? r + BAG_AHEAD : r] * columns;
        for (size_t j = 0; j < v * LANES; j += 16) __builtin_prefetch(later + j);
        V w = SET(weights ? weights[r * step] : 1.0f);
        EACH_VECTOR {
            V row = part < LANES ? LOAD_PART(x, part) : LOAD(x + j * LANES);
            if (weights) row = MUL(row, w);
            sum[j] = ADD(sum[j], row);
        }
    }
    if (part < LANES) STORE_PART(y, sum[0], part);
    else EACH_VECTOR STORE(y + j * LANES, sum[j]);
#undef EACH_VECTOR
}

TARGET static void NAME(bag)(const float *table, size_t columns, const int64_t *rows, size_t count,
                             const float *weights, size_t step, float *y) {
    size_t i = 0;
#define PART(v, part) NAME(bag_part)(v, part, table + i, columns, rows, count, weights, step, y + i)
    for (; i + 4 * LANES <= columns; i += 4 * LANES) PART(4, LANES);
    for (; i + 2 * LANES <= columns; i += 2 * LANES) PART(2, LANES);
    for (; i + LANES <= columns; i += LANES) PART(1, LANES);
    if (i < columns) PART(1, columns - i);
#undef PART
}

TARGET static void NAME(max_rows)(const float *x, size_t rows, size_t columns, float *y) {
    for (size_t i = 0; i < columns; i++) y[i] = rows > 0 ? x[i] : 0;
    for (size_t row = 1; row < rows; row++) {
        x += columns;
        FOR_EACH_PART(columns, STORE(y + i, MAX(LOAD(y + i), LOAD(x + i))),
                      for (; i < columns; i++) y[i] = x[i] > y[i] ? x[i] : y[i])
    }
}

TARGET static float NAME(square_sum)(const float *x, size_t count) {
    V sum = SET(0.0f);
    FOR_EACH_PART(
        count,
        {
            V v = LOAD(x + i);
            sum = FMA(v, v, sum);
        },
        {
            V v = LOAD_PART(x + i, count - i);
            sum = FMA(v, v, sum);
        })
    return SUM(sum);
}

TARGET static void NAME(multiply)(float *x, size_t count, float factor) {
    V f = SET(factor);
    FOR_EACH_PART(count, STORE(x + i, MUL(LOAD(x + i), f)), for (; i < count; i++) x[i] *= factor)
}

static const kernels NAME(kernels) = {
    .f32 = {ROWS, NAME(tile)},
    .bf16 = {PAIR_ROWS, NAME(pair_tile)},
    .pack = NAME(pack),
    .activate = NAME(activate),
    .softmax = NAME(softmax),
    .layer_norm = NAME(layer_norm),
    .add3 = NAME(add3),
    .sum_rows = NAME(sum_rows),
    .bag = NAME(bag),
    .max_rows = NAME(max_rows),
    .square_sum = NAME(square_sum),
    .multiply = NAME(multiply),
};

#undef FOR_EACH_PART
#undef NAME
#undef TARGET
#undef V
#undef LANES
#undef ROWS
#undef PAIR_ROWS
#undef UPPER
#undef LOWER
#undef VECTORS
#undef LOAD
#undef STORE
#undef LOAD_PART
#undef STORE_PART
#undef SET
#undef ADD
#undef SUB
#undef MUL
#undef DIV
#undef FMA
#undef MAX
#undef MIN
#undef ROUND
#undef SCALE2
#undef ABS
#undef COPYSIGN
#undef SELECT_GREATER
#undef SUM
#undef LARGEST
