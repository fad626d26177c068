// Distances of one f32 query to rows of f32 vectors: smaller is nearer.
#ifndef BELFRY_DISTANCE_H
#define BELFRY_DISTANCE_H

#include <stddef.h>

#include "cpu.h"

// Writes `count` distances. Row r begins at rows + r * stride (in floats) and has `dimension` components; no pointer
// needs more alignment than a float has, and nothing outside a row's components is read.
//
// Within one instruction set, a row's distance depends on the query's and the row's components only: the same bits
// come out whatever `count` is and wherever the row lies. A NaN in the query or in a row gives NaN.
typedef void (*belfry_distance_rows)(const float *query, float query_norm, const float *rows, size_t stride,
                                     size_t count, size_t dimension, float *out);

typedef struct {
    belfry_distance_rows l1;      // sum of |query - row|; query_norm is not used
    belfry_distance_rows l2;      // sum of (query - row)^2; query_norm is not used
    belfry_distance_rows ip;      // -(query · row); query_norm is not used
    belfry_distance_rows cosine;  // -(query · row) / (query_norm * |row|), or 0 where that divisor is 0
} belfry_distance_kernels;

// The kernels of an instruction set, or of the best one below it that this machine's architecture has.
const belfry_distance_kernels *belfry_distance_kernels_for(belfry_isa isa);

#endif
