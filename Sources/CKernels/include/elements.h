// Components between f32 and the two 16-bit element types, rounding to nearest, ties to even.
//
// A NaN stays a NaN (made quiet, with the payload bits that fit); what is too large becomes infinite; subnormals are kept.
#ifndef BELFRY_ELEMENTS_H
#define BELFRY_ELEMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// IEEE 754 binary16. Neither side needs alignment.
void belfry_widen_f16(belfry_isa isa, size_t count, const void *f16, void *f32);
void belfry_narrow_f16(belfry_isa isa, size_t count, const void *f32, void *f16);

// bfloat16: the upper half of an f32.
void belfry_widen_bf16(belfry_isa isa, size_t count, const void *bf16, void *f32);
void belfry_narrow_bf16(belfry_isa isa, size_t count, const void *f32, void *bf16);

#endif
