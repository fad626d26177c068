// Rounding of vectors to bytes: what is done to a query before it meets codes.
#ifndef BELFRY_ROUNDING_H
#define BELFRY_ROUNDING_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// The squared length of a vector, and its largest component without its sign.
typedef struct {
    float square, largest;
} belfry_extent;

typedef struct {
    // out = x - center.
    belfry_extent (*center)(const float *x, const float *center, size_t count, float *out);

    // out[i] = (products[i] - 128 · sums[i]) · (step · steps[i]): products of bytes that were raised by 128.
    belfry_extent (*scale)(const int32_t *products, const int32_t *sums, const float *steps, float step, size_t count,
                           float *out);

    // out[i] = x[i] · factor, rounded to the nearest of -127 … 127, ties to even, its bits flipped where `flip` has
    // ones: 0x80 raises it by 128. Returns the sum before flipping. NaN gives any byte.
    int32_t (*round)(const float *x, float factor, uint8_t flip, size_t count, int8_t *out);
} belfry_rounding_kernels;

// The kernels of an instruction set, or of the best one below it that this machine's architecture has. All give the
// same bits.
const belfry_rounding_kernels *belfry_rounding_kernels_for(belfry_isa isa);

#endif
