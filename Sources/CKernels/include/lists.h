// The lists of an inverted file: codes of 16 rows abreast, and the nearest of many.
#ifndef BELFRY_LISTS_H
#define BELFRY_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// Rows in one block.
#define BELFRY_BLOCK_ROWS 16

// A block holds the codes of 16 rows, transposed: a line of 64 bytes has, from byte 4r on, the next components of row r.
//
//   4 bits: 8 components a line; byte 4r+b is component b in its low and component 4+b in its high half. Behind the
//           lines, 16 biases and 16 scales as f16.
//   8 bits: 4 components a line. Behind the lines, 16 biases and 16 scales as f32.
//
// Codes are unsigned; missing components are 0. A row's estimate is
//   base + bias + (start + <codes, query>) * (query scale * row scale).
typedef struct {
    const int8_t *components;  // padded with zeros to whole lines
    size_t lines;              // lines of codes per block
    int32_t start;             // minus the codes' zero, times the sum of the components
    float scale;               // what one step of the query is worth
} belfry_block_query;

// Bytes of one block.
static inline size_t belfry_block4_bytes(size_t lines) { return lines * 64 + 64; }
static inline size_t belfry_block8_bytes(size_t lines) { return lines * 64 + 128; }

// The best candidates so far, in no order. Nothing at or beyond the limit enters any more.
typedef struct {
    float *estimates;  // room for `capacity`
    uint32_t *rows;    // room for `capacity`
    size_t count;
    size_t keep;      // how many are wanted
    size_t capacity;  // at least keep + 64
    float limit;
} belfry_pool;

typedef struct {
    // Offers the `rows` rows of one list, whose first block is at `blocks` and whose first row is number `first`, to
    // the pool. `ahead` is what will be scanned next (or null): it is asked for from memory. NaN never enters.
    void (*scan4)(const belfry_block_query *query, const uint8_t *blocks, size_t rows, uint32_t first, float base,
                  const uint8_t *ahead, belfry_pool *pool);
    // Writes the estimates of `rows` rows; the last block's room is written too.
    void (*estimates8)(const belfry_block_query *query, const uint8_t *blocks, size_t rows, float *out);
    // How many values are below the limit.
    size_t (*below)(const float *values, size_t count, float limit);
    // The least and the greatest of the finite values; infinity and its negative if there are none.
    void (*extent)(const float *values, size_t count, float *least, float *greatest);
    // Writes the values below the limit and their indices, and returns how many there are. Room for `count` + 16.
    size_t (*gather)(const float *values, size_t count, float limit, float *found, uint32_t *indices);
    // best = min(best, addend[j] + values[j]); the first of several least ones. A NaN is never less.
    void (*least)(const float *values, const float *addend, size_t count, uint32_t first, float *best, uint32_t *index);
} belfry_lists_kernels;

// The kernels of an instruction set, or of the best one below it that this machine's architecture has. All give the
// same bits.
const belfry_lists_kernels *belfry_lists_kernels_for(belfry_isa isa);

// Asks for bytes from memory, without waiting for them and whether or not they are there.
static inline void belfry_prefetch(const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i += 64) __builtin_prefetch((const char *)bytes + i, 0, 3);
}

// Cuts the pool down to `keep` candidates: those with the least estimates, the earlier ones among equals.
void belfry_pool_cut(const belfry_lists_kernels *kernels, belfry_pool *pool);

// Writes the indices of the `wanted` least values, least first (equal ones by index), and returns how many there are.
// Only finite values are among them. `out` has room for `count` + 16, `scratch` for twice as many 4-byte words.
size_t belfry_least_first(const belfry_lists_kernels *kernels, const float *values, size_t count, size_t wanted,
                          uint32_t *out, void *scratch);

// A code of `bits` (4 or 8) for `count` components: unsigned codes u around the zero h = 2^(bits-1) - 0.5, so that
// scale * (u - h) points where the components do. Returns the scale for which products along the components come out
// right on average, 0 for a vector of zeros or one that is not finite.
float belfry_fit_code(const float *components, size_t count, unsigned bits, uint8_t *codes);

#endif
