// Bit transpose: the same bit of neighboring elements side by side, so that LZ4 finds the bits that repeat.
//
// A row of d elements of w bits becomes w planes of d/8 bytes, lowest bit first: bit k of byte j of plane p is bit p of
// element 8j+k. The last d%8 elements follow the planes as they are. Elements are little-endian.
#ifndef BELFRY_BITS_H
#define BELFRY_BITS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// Splits `rows` rows of `dimension` elements of `width` bytes (2 or 4) into planes, row by row.
// Both buffers have exactly rows·dimension·width bytes, need no alignment and do not overlap.
void belfry_bits_split(
    belfry_isa isa, size_t width, size_t rows, size_t dimension, const void *elements, void *planes);

// The inverse, under the same terms.
void belfry_bits_join(
    belfry_isa isa, size_t width, size_t rows, size_t dimension, const void *planes, void *elements);

#endif
