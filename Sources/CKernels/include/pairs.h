// Products between rows of one matrix of s8 components.
#ifndef BELFRY_PAIRS_H
#define BELFRY_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// products[i] = Σ_j rows[row · stride + j] · rows[others[i] · stride + j].
//
// `rows` is 64-byte aligned, `stride` a multiple of 64; components beyond the dimension are zero. `sums[r]` is the sum of
// the components of row r.
typedef void (*belfry_pairs)(const int8_t *rows, const int32_t *sums, size_t stride, uint32_t row,
                             const uint32_t *others, size_t count, int32_t *products);

// The kernel of an instruction set, or of the best one below it that this machine's architecture has. All give the same.
belfry_pairs belfry_pairs_for(belfry_isa isa);

#endif
