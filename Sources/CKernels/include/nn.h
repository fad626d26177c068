// The operators of a transformer encoder on f32 rows.
//
// All matrices are row-major; a stride counts floats from one row to the next. A row's result depends on that row
// alone, never on how many rows a call has: a text's vector has the same bits alone and in any batch.
#ifndef BELFRY_NN_H
#define BELFRY_NN_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

typedef enum {
    BELFRY_IDENTITY = 0,
    BELFRY_GELU_ERF = 1,   // x/2 · (1 + erf(x/√2))
    BELFRY_GELU_TANH = 2,  // x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))
    BELFRY_RELU = 3,
    BELFRY_TANH = 4,
} belfry_activation;

// Floats of scratch that `belfry_nn_linear` needs, 64-byte aligned.
#define BELFRY_NN_LINEAR_SCRATCH (512 * 32)

// y = activation(x · wᵀ + bias + residual): x [rows, inputs], w [outputs, inputs], y [rows, outputs].
// `bias` and `residual` may be NULL; a residual has y's shape and stride and may be y itself.
void belfry_nn_linear(belfry_isa isa, const float *x, size_t x_stride, size_t rows, const float *w, size_t inputs,
                      size_t outputs, const float *bias, belfry_activation activation, const float *residual, float *y,
                      size_t y_stride, float *scratch);

// Floats of scratch that `belfry_nn_attention` needs for a text of `tokens`, 64-byte aligned.
size_t belfry_nn_attention_scratch(size_t tokens, size_t head_size);

// Multi-head self-attention over one text. Row t of `qkv` holds its queries, keys and values one after another,
// heads · head_size floats each. y [tokens, heads · head_size] = softmax(q · kᵀ / √head_size) · v for every head.
void belfry_nn_attention(belfry_isa isa, const float *qkv, size_t qkv_stride, size_t tokens, size_t heads,
                         size_t head_size, float *y, size_t y_stride, float *scratch);

// One head of it. q, k and v are [tokens, head_size] with `stride` floats a row; y [tokens, head_size]. `distances`, if
// not NULL, points to what is added to the product of a query and a key at the same place: distances[d] to the product
// with a key d places behind the query, -tokens < d < tokens, before all are divided by √head_size.
void belfry_nn_attention_head(belfry_isa isa, const float *q, const float *k, const float *v, size_t stride,
                              size_t tokens, size_t head_size, const float *distances, float *y, size_t y_stride,
                              float *scratch);

// Each row in place: (x - mean) / √(variance + epsilon) · weight + bias.
void belfry_nn_layer_norm(belfry_isa isa, float *x, size_t rows, size_t columns, const float *weight,
                          const float *bias, float epsilon);

// Each value in place.
void belfry_nn_activate(belfry_isa isa, float *x, size_t count, belfry_activation activation);

// One row in place: exp(scale · (x - max)) divided by its sum, where max is the row's greatest value; scale > 0. What is
// below e^-87.3 is 0, and so is a row of -∞ alone.
void belfry_nn_softmax(belfry_isa isa, float *x, size_t count, float scale);

// y = a + b + c, `count` floats each.
void belfry_nn_add3(belfry_isa isa, const float *a, const float *b, const float *c, float *y, size_t count);

// y = the sum of `rows` rows, times `scale`.
void belfry_nn_sum_rows(belfry_isa isa, const float *x, size_t rows, size_t columns, float scale, float *y);

// y = the sum of the rows of `table` that `rows` names, each times its weight: that of row r is weights[r * step]. NULL
// stands for weights of 1. Rows are added one after another, and no product is fused with a sum.
void belfry_nn_bag(belfry_isa isa, const float *table, size_t columns, const int64_t *rows, size_t count,
                   const float *weights, size_t step, float *y);

// y = the greatest value of each column.
void belfry_nn_max_rows(belfry_isa isa, const float *x, size_t rows, size_t columns, float *y);

// One row in place, divided by its Euclidean length, or by `epsilon` if that is greater.
void belfry_nn_l2_normalize(belfry_isa isa, float *x, size_t count, float epsilon);

#endif
