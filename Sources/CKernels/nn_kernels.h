// What nn.c and nn_packed.c share: the kernels of one instruction set, and how tiles make a product.
#ifndef BELFRY_NN_KERNELS_H
#define BELFRY_NN_KERNELS_H

#include "include/nn_packed.h"
#include "targets.h"

#define PANEL 32  // columns of a panel
#define BAG_AHEAD 8  // rows that are asked for ahead of their use

typedef struct {
    const float *bias;      // 32 of them, or NULL
    const float *residual;  // or NULL
    ptrdiff_t residual_stride;
    belfry_activation activation;
} epilogue;

// Products of one kind of number. Two bf16 lie in the place of one f32, so that k and the strides count places.
typedef struct {
    size_t rows;  // at most, of a tile
    // c[m, 32] = a[m, k] · panel[k, 32], added to c unless `first`; then the epilogue if it is not NULL. What lies
    // `ahead` floats beyond is asked for while the panel is read.
    void (*tile)(size_t m, size_t k, const float *a, size_t a_stride, const float *panel, float *c, size_t c_stride,
                 int first, const epilogue *e, size_t ahead);
} tiles;

typedef struct {
    tiles f32, bf16;
    // panel[i, j] = w[j, i] for j < count, 0 up to 32.
    void (*pack)(const float *w, size_t stride, size_t count, size_t k, float *panel);
    void (*activate)(float *x, size_t count, belfry_activation activation);
    void (*softmax)(float *x, size_t count, float scale);
    void (*layer_norm)(float *x, size_t columns, const float *weight, const float *bias, float epsilon);
    void (*add3)(const float *a, const float *b, const float *c, float *y, size_t count);
    void (*sum_rows)(const float *x, size_t rows, size_t columns, float scale, float *y);
    void (*bag)(const float *table, size_t columns, const int64_t *rows, size_t count, const float *weights,
                size_t step, float *y);
    void (*max_rows)(const float *x, size_t rows, size_t columns, float *y);
    float (*square_sum)(const float *x, size_t count);
    void (*multiply)(float *x, size_t count, float factor);
} kernels;

const kernels *belfry_nn_kernels(belfry_isa isa);

// The tiles of bf16 that use the instructions for it, or NULL if this CPU has none.
const tiles *belfry_nn_bf16_tiles(void);

// c[rows, width] = a · panel, width at most 32, then the epilogue.
void belfry_nn_multiply_panel(const tiles *f, size_t rows, size_t k, const float *a, size_t a_stride,
                              const float *panel, size_t width, float *c, size_t c_stride, int first,
                              const epilogue *shared, size_t ahead);

#endif
