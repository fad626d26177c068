// Estimated distances to small records, gathered by row: what a walk through a graph spends its time on.
//
// A record is `lines` cache lines. Its first 8 bytes are two f32, scale and bias; codes fill the rest: one component a
// byte (8 bits), or two (4 bits: the low nibble of byte j is component j - 8, the high one component j - 8 plus the
// number of code bytes). The query's planes are s8 in the same places, zero under scale and bias and where no component
// is, one plane of 64 · lines bytes for 8 bits and two, low and high, for 4. The estimate is
//
//     constant + bias + scale · (slope · Σ code · query + offset)
#ifndef BELFRY_ROUTING_H
#define BELFRY_ROUTING_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "lists.h"  // belfry_prefetch

typedef struct {
    const uint8_t *records;  // 64-byte aligned
    uint64_t rows;
    uint32_t lines;          // cache lines of a record
    uint32_t bits;           // 4 or 8
    const int8_t *query;     // 64-byte aligned
    float slope, offset, constant;
} belfry_routing;

// Ends a node's links before its degree.
#define BELFRY_NO_LINK UINT32_MAX
// What `expand` returns for a link to a row that does not exist.
#define BELFRY_BAD_LINK SIZE_MAX

typedef struct {
    // The estimates of `count` rows, all below `rows`.
    void (*estimates)(const belfry_routing *routing, const uint32_t *rows, size_t count, float *out);

    // Visits a node's links: marks those that `visited` (a bit per row) does not hold yet, writes their rows to
    // `seen` (room for `degree`) and how many they are to `seen_count`, and compacts those nearer than `threshold` to
    // `rows` and `distances` (room for `degree` and 16 more). Returns how many these are, or BELFRY_BAD_LINK.
    size_t (*expand)(const belfry_routing *routing, const uint32_t *links, size_t degree, uint64_t *visited,
                     float threshold, uint32_t *seen, size_t *seen_count, uint32_t *rows, float *distances);

    // y[i] = Σ_j x[j] · matrix[i · stride + j], stride a multiple of 64, x and matrix zero beyond the dimension.
    // x is unsigned.
    void (*project)(const int8_t *matrix, size_t stride, size_t outputs, const uint8_t *x, int32_t *y);
} belfry_routing_kernels;

// The kernels of an instruction set, or of the best one below it that this machine's architecture has.
const belfry_routing_kernels *belfry_routing_kernels_for(belfry_isa isa);

#endif
