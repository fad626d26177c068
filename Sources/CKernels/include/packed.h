// Matrix products in f32 with weights that were rearranged once: for few rows at a time, for one row many times, and
// for matrices whose rows do not lie next to each other.
//
// nn_packed.h has panels of 32 columns for many rows, with an epilogue and bf16. Panels of up to 128 keep the multiply
// units busy with one row, as each step of a recurrent layer has: [1, 64] · [64, 192] takes 370 ns here and 530 there.
//
// All matrices are row-major; a stride counts floats from one row to the next. A row's result depends on that row
// alone, never on how many rows a call has.
#ifndef BELFRY_PACKED_H
#define BELFRY_PACKED_H

#include <stddef.h>

#include "cpu.h"

// Floats that packed weights and their bias take, the bias being the first of them. They are best 64-byte aligned.
size_t belfry_packed_floats(size_t inputs, size_t outputs);

// Packs w [outputs, inputs] and a bias of `outputs` floats, which may be NULL.
void belfry_packed_rows(const float *w, size_t w_stride, size_t inputs, size_t outputs, const float *bias,
                        float *packed);

// Packs w [inputs, outputs] without a bias.
void belfry_packed_columns(const float *w, size_t w_stride, size_t inputs, size_t outputs, float *packed);

// y [rows, outputs] = bias + x [rows, inputs] · wᵀ.
void belfry_packed_multiply(belfry_isa isa, const float *x, size_t x_stride, size_t rows, const float *packed,
                            size_t inputs, size_t outputs, float *y, size_t y_stride);

#endif
