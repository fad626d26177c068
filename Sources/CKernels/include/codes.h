// One byte per component: rows of codes against a query, their estimated distances, and bounds of the estimates' error.
//
// A record is what is kept of a row y of f32 components (under cosine: of the row divided by its length):
//
//     codes    dimension bytes u_i, and zeros up to a multiple of 4
//     factors  four f32: scale s, offset o, size (|ŷ|^2 for l2, else at least |ŷ|), error e, where ŷ_i = s·u_i + o and
//              |y - ŷ| <= e
//
// A query q (under cosine: divided by its length) becomes q̂_i = step · (128·high_i + low_i) with both planes inside
// -64...64, so that no instruction set's sum of two products of a code and a plane leaves 16 bits: 14 bits in all. Since
// ŷ is linear in the codes,
//
//     <q̂, ŷ> = s · step · sum_i (128·high_i + low_i)·u_i  +  o · sum_i q̂_i,
//
// the first sum is one of integers, without any error. All instruction sets give the same bits.
#ifndef BELFRY_CODES_H
#define BELFRY_CODES_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

typedef enum { BELFRY_CODES_L2 = 0, BELFRY_CODES_IP = 1, BELFRY_CODES_COSINE = 2 } belfry_codes_metric;

typedef struct {
    float scale, offset, size, error;
} belfry_codes_factors;

// What the kernels need of a query.
typedef struct {
    const int8_t *high, *low;  // zeros from the dimension up to a multiple of 64
    size_t dimension;
    int squared;  // whether distances are squared Euclidean ones

    // estimate = max(least, (s · (step · sum of integers) + o · sum) + (weight · size + base))
    float step, sum, weight, base, least;

    // Bound of the estimate's own rounding: |s|·scale_slack + |o|·offset_slack + size·size_slack + slack
    float scale_slack, offset_slack, size_slack, slack;
    float radius;    // >= |q - q̂|
    float length;    // >= |q|
    float rounding;  // bound of the relative rounding error of a distance that is summed up in f32
} belfry_codes_query;

// A row that may be near enough: its f32 distance is certain to lie in lower...upper.
typedef struct {
    uint32_t row;
    float lower, upper;
} belfry_codes_hit;

#define BELFRY_CODES_DIMENSION_LIMIT 65536
// Rows and queries longer than this, and under cosine shorter than its inverse (but not zero), are settled in f32.
#define BELFRY_CODES_LENGTH_LIMIT 0x1p50

// Where the factors begin in a record, and how long a record is.
static inline size_t belfry_codes_factors_offset(size_t dimension) { return (dimension + 3) & ~(size_t)3; }
static inline size_t belfry_codes_record_size(size_t dimension) { return belfry_codes_factors_offset(dimension) + 16; }

// How far beyond the last record the kernels may read.
#define BELFRY_CODES_PADDING 64

// Codes one row into a record. `scratch` has room for 2·dimension doubles. The same bytes on every instruction set.
// A row that cannot be estimated (NaN, infinite, beyond the length limits) gets an infinite error.
void belfry_codes_encode(belfry_isa isa, belfry_codes_metric metric, const float *row, size_t dimension,
                         double *scratch, uint8_t *record);

// Prepares a query, under the same terms; fills all fields of `out`, whose planes are `high` and `low`, and the first
// `dimension` bytes of both.
void belfry_codes_prepare(belfry_isa isa, belfry_codes_metric metric, const float *query, size_t dimension,
                          double *scratch, int8_t *high, int8_t *low, belfry_codes_query *out);

// The bound of |estimate - f32 distance| for a row with these factors. Not finite where nothing is known.
float belfry_codes_bound(const belfry_codes_query *query, belfry_codes_factors factors, float estimate);

// Where consecutive rows are walked, memory is asked for what lies `ahead` bytes further: BELFRY_CODES_AHEAD, which is
// beyond what the CPU fetches by itself, or 0 for rows that are in its cache.
#define BELFRY_CODES_AHEAD 4096

typedef struct {
    // Estimated distances of `count` rows from row `first` on.
    void (*estimates)(const belfry_codes_query *query, const uint8_t *records, size_t first, size_t count, size_t ahead,
                      float *out);

    // Estimated distances of the rows `ids`, whose records are fetched ahead.
    void (*gathered)(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids, size_t count,
                     float *out);

    // Writes the rows, of `count` from row `first` on, whose f32 distance may be as small as `limit` (also those of
    // which nothing is known) to `hits`, which has room for `count`, and returns how many there are.
    size_t (*scan)(const belfry_codes_query *query, const uint8_t *records, size_t first, size_t count, size_t ahead,
                   float limit, belfry_codes_hit *hits);

    // The same for the rows `ids`.
    size_t (*scan_gathered)(const belfry_codes_query *query, const uint8_t *records, const uint32_t *ids, size_t count,
                            float limit, belfry_codes_hit *hits);
} belfry_codes_kernels;

// The kernels of an instruction set, or of the best one below it that this machine's architecture has.
const belfry_codes_kernels *belfry_codes_kernels_for(belfry_isa isa);

#endif
