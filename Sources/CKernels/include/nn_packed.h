// Products with weights that were laid out for them once.
//
// A panel holds 32 outputs: [inputs, 32] f32, or of bf16 [inputs / 2, 32] pairs, the even input in the lower half.
// Panels lie one after another, the last filled up with zeros, so that the weights are read from front to back:
// few rows are then bound by the memory's bandwidth, where transposing on the way would take longer than the product.
#ifndef BELFRY_NN_PACKED_H
#define BELFRY_NN_PACKED_H

#include "nn.h"

typedef enum {
    BELFRY_F32 = 0,
    // Products of bf16 summed in f32. The sums of the CPU's own instructions (AVX512-BF16) and of the code for CPUs
    // without them may differ in the last bits.
    BELFRY_BF16 = 1,
    // The latter, also where there are instructions.
    BELFRY_BF16_EMULATED = 2,
} belfry_number;

// Whether this CPU has instructions for products of bf16.
int belfry_nn_has_bf16(void);

// The place that the panels of [outputs, inputs] weights take, in floats. bf16 needs an even number of inputs.
size_t belfry_nn_packed_size(belfry_number number, size_t inputs, size_t outputs);

// Lays the weights w [outputs, inputs] out as panels, 64-byte aligned, rounding them to `number`.
void belfry_nn_pack(belfry_isa isa, belfry_number number, const float *w, size_t inputs, size_t outputs,
                    float *packed);

// What a product gets and gives. Strides count numbers from one row to the next.
typedef struct {
    const void *x;  // [rows, inputs] of `number`; of bf16 the stride is even
    size_t x_stride;
    size_t rows;
    const float *packed;
    size_t inputs, outputs;
    const float *bias;  // or NULL
    belfry_activation activation;
    const float *residual;  // with y's stride, may be y itself; or NULL
    float *y;               // [rows, outputs] f32; or NULL
    size_t y_stride;
    uint16_t *rounded;  // if y is NULL: [rows, outputs] bf16
} belfry_nn_product;

// y = activation(x · wᵀ + bias + residual). A row's result depends on that row alone, and an output's on its own
// weights: parts of the outputs may be computed by several threads.
void belfry_nn_multiply(belfry_isa isa, belfry_number number, const belfry_nn_product *product);

// y [rows, columns] bf16 = x [rows, columns] f32, rounded to the nearest, ties to even.
void belfry_nn_round(belfry_isa isa, const float *x, size_t x_stride, size_t rows, size_t columns, uint16_t *y,
                     size_t y_stride);

#endif
