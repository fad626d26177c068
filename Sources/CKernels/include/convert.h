// Conversions between f32 and the two 16-bit element types.
#ifndef BELFRY_CONVERT_H
#define BELFRY_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// All instruction sets give the same bits. Either side may lie at any address; the two must not overlap.
//
// Widening is exact. f16 NaNs become quiet, as the CPU's own instruction does it; bf16 NaNs keep their bits.
// Narrowing rounds to the nearest, ties to even; denormals are kept, what is too large becomes infinite, and a NaN
// stays a NaN with the upper bits of its payload.
typedef struct {
    void (*widen_f16)(const void *from, size_t count, void *to);
    void (*widen_bf16)(const void *from, size_t count, void *to);
    void (*narrow_f16)(const void *from, size_t count, void *to);
    void (*narrow_bf16)(const void *from, size_t count, void *to);
} belfry_convert_kernels;

// The kernels of an instruction set, or of the best one below it that this machine's architecture has.
const belfry_convert_kernels *belfry_convert_kernels_for(belfry_isa isa);

#endif
