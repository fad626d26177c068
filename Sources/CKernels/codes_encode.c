#include <math.h>
#include <string.h>

#include "include/codes.h"
#include "targets.h"

// Everything here is in double, with eight partial sums in a fixed order and no contraction: one source, compiled for
// each instruction set, gives the same bits on all of them.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

// total = the sum of `term` over i in 0..<n, where `term` is an expression of i.
#define SUM(total, n, term)                                              \
    do {                                                                 \
        double lanes[8] = {0};                                           \
        size_t whole_ = (n) - (n) % 8;                                   \
        for (size_t at_ = 0; at_ < whole_; at_ += 8) {                   \
            for (size_t lane_ = 0; lane_ < 8; lane_++) {                 \
                size_t i = at_ + lane_;                                  \
                lanes[lane_] += (term);                                  \
            }                                                            \
        }                                                                \
        for (size_t i = whole_; i < (n); i++) lanes[i - whole_] += (term); \
        total = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +        \
                ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));         \
    } while (0)

// The smallest float that is at least `value`, with room for the rounding of what led to it.
static float rounded_up(double value) {
    value *= 1 + 0x1p-30;
    float nearest = (float)value;
    return nearest >= value ? nearest : nextafterf(nearest, INFINITY);
}

// Whether a vector of this length can be estimated, and what its components are multiplied by.
INLINE int usual(belfry_codes_metric metric, double length, double *factor) {
    *factor = 1;
    if (!(length <= BELFRY_CODES_LENGTH_LIMIT)) return 0;
    if (metric != BELFRY_CODES_COSINE || length == 0) return 1;
    *factor = 1 / length;
    return length >= 1 / BELFRY_CODES_LENGTH_LIMIT;
}

// MARK: rows

INLINE void quantize(const double *y, size_t n, double scale, double offset, double *u) {
    double inverse = 1 / scale;
    for (size_t i = 0; i < n; i++) {
        double t = (y[i] - offset) * inverse + 0.5;
        t = t > 0 ? t : 0;
        t = t < 255 ? t : 255;
        u[i] = (double)(int)t;
    }
}

INLINE double residual(const double *y, const double *u, size_t n, double scale, double offset) {
    double squares;
    SUM(squares, n, (y[i] - (scale * u[i] + offset)) * (y[i] - (scale * u[i] + offset)));
    return squares;
}

// The factors that lie nearest to y in the least squares.
INLINE void fit(const double *y, const double *u, size_t n, double mean, float *scale, float *offset) {
    double codes, products, squares;
    SUM(codes, n, u[i]);
    codes /= (double)n;
    SUM(products, n, (u[i] - codes) * (y[i] - mean));
    SUM(squares, n, (u[i] - codes) * (u[i] - codes));
    *scale = squares > 0 ? (float)(products / squares) : 0;
    *offset = (float)(mean - (double)*scale * codes);
}

INLINE void store(uint8_t *record, size_t n, const double *u) {
    for (size_t i = 0; i < n; i++) record[i] = (uint8_t)(int)u[i];
}

INLINE void encode(belfry_codes_metric metric, const float *row, size_t n, double *scratch, uint8_t *record) {
    double *y = scratch, *u = scratch + n;
    size_t size = belfry_codes_record_size(n);
    memset(record, 0, size);
    belfry_codes_factors factors = {0, 0, 0, INFINITY};
    double squares, factor, sum;
    SUM(squares, n, (double)row[i] * (double)row[i]);
    if (usual(metric, sqrt(squares), &factor)) {
        double low = INFINITY, high = -INFINITY;
        int whole = 1;
        for (size_t i = 0; i < n; i++) {
            y[i] = (double)row[i] * factor;
            low = y[i] < low ? y[i] : low;
            high = y[i] > high ? y[i] : high;
        }
        // Whole numbers of no great range, such as pixels, are their own codes.
        for (size_t i = 0; i < n && whole; i++) whole = y[i] == __builtin_rint(y[i]);
        whole = whole && high - low <= 255;
        double scale = whole ? 1 : (high - low) / 255, offset = low, best = INFINITY;
        SUM(sum, n, y[i]);
        // Codes for the factors, factors for the codes, as long as that brings them nearer.
        for (int round = 0; round < 3 && scale > 0; round++) {
            float fitted_scale = (float)scale, fitted_offset = (float)offset;
            quantize(y, n, scale, offset, u);
            if (!whole) fit(y, u, n, sum / (double)n, &fitted_scale, &fitted_offset);
            double left = residual(y, u, n, (double)fitted_scale, (double)fitted_offset);
            if (!(left < best)) break;
            best = left;
            factors.scale = fitted_scale;
            factors.offset = fitted_offset;
            store(record, n, u);
            scale = (double)fitted_scale;
            offset = (double)fitted_offset;
            if (left == 0) break;
        }
        if (best == INFINITY) factors.offset = (float)low;
        for (size_t i = 0; i < n; i++) u[i] = (double)record[i];
        double s = (double)factors.scale, o = (double)factors.offset;
        factors.error = rounded_up(sqrt(residual(y, u, n, s, o)));
        SUM(squares, n, (s * u[i] + o) * (s * u[i] + o));
        factors.size = metric == BELFRY_CODES_L2 ? (float)squares : rounded_up(sqrt(squares));
    }
    memcpy(record + belfry_codes_factors_offset(n), &factors, sizeof factors);
}

// MARK: queries

INLINE void prepare(belfry_codes_metric metric, const float *query, size_t n, double *scratch, int8_t *high,
                    int8_t *low, belfry_codes_query *out) {
    double *y = scratch, *whole_steps = scratch + n;
    double squares, factor, steps, lengths, left, most = 0;
    SUM(squares, n, (double)query[i] * (double)query[i]);
    double length = sqrt(squares);
    int known = usual(metric, length, &factor);
    if (!known) factor = 0;
    int whole = 1;
    for (size_t i = 0; i < n; i++) {
        y[i] = known ? (double)query[i] * factor : 0;
        double size = fabs(y[i]);
        most = size > most ? size : most;
    }
    for (size_t i = 0; i < n && whole; i++) whole = y[i] == __builtin_rint(y[i]);
    double step = (double)(float)(whole && most <= 8255 ? 1 : most / 8255);
    // A step may have been rounded down, or to zero.
    double inverse = step > 0 ? 1 / step : 0;
    for (size_t i = 0; i < n; i++) {
        double t = y[i] * inverse;
        t = t < 8255 ? t : 8255;
        t = t > -8255 ? t : -8255;
        int steps_here = (int)(t + (t < 0 ? -0.5 : 0.5));
        int upper = (steps_here + 64) >> 7;
        high[i] = (int8_t)upper;
        low[i] = (int8_t)(steps_here - 128 * upper);
        whole_steps[i] = (double)steps_here;
    }
    SUM(steps, n, whole_steps[i]);
    SUM(lengths, n, fabs(whole_steps[i]));
    SUM(squares, n, whole_steps[i] * whole_steps[i]);
    SUM(left, n, (y[i] - step * whole_steps[i]) * (y[i] - step * whole_steps[i]));

    int squared = metric == BELFRY_CODES_L2;
    double sign = squared ? -2 : -1, unit = 0x1p-24;
    out->high = high;
    out->low = low;
    out->dimension = n;
    out->squared = squared;
    out->step = (float)(sign * step);
    out->sum = (float)(sign * step * steps);
    out->weight = squared ? 1 : 0;
    out->base = squared ? (float)(step * step * squares) : 0;
    out->least = squared ? 0 : -INFINITY;
    // Eight roundings at most of each of the terms, and what is lost below the smallest normal number.
    out->scale_slack = rounded_up(8 * unit * 255 * -sign * step * lengths);
    out->offset_slack = rounded_up(8 * unit * -sign * step * fabs(steps));
    out->size_slack = squared ? (float)(8 * unit) : 0;
    double lost = 0x1p-140 * (double)(n + 16);
    out->slack = known ? rounded_up(lost + (squared ? 8 * unit * step * step * squares : 0)) : INFINITY;
    out->radius = rounded_up(sqrt(left));
    out->length = known ? rounded_up(metric == BELFRY_CODES_COSINE && length > 0 ? 1 : length) : 0;
    // The longest chain of additions of any distance kernel has n/16 + 16 of them; cosine divides by two more sums.
    double chain = unit * ((double)n / 16 + 32);
    out->rounding = rounded_up(metric == BELFRY_CODES_COSINE ? 2 * chain : chain);
}

// MARK: the instruction sets

static void encode_scalar(belfry_codes_metric metric, const float *row, size_t n, double *scratch, uint8_t *record) {
    encode(metric, row, n, scratch, record);
}
static void prepare_scalar(belfry_codes_metric metric, const float *query, size_t n, double *scratch, int8_t *high,
                           int8_t *low, belfry_codes_query *out) {
    prepare(metric, query, n, scratch, high, low, out);
}

#if BELFRY_X86
TARGET_AVX2 static void encode_avx2(belfry_codes_metric metric, const float *row, size_t n, double *scratch,
                                    uint8_t *record) {
    encode(metric, row, n, scratch, record);
}
TARGET_AVX2 static void prepare_avx2(belfry_codes_metric metric, const float *query, size_t n, double *scratch,
                                     int8_t *high, int8_t *low, belfry_codes_query *out) {
    prepare(metric, query, n, scratch, high, low, out);
}
TARGET_AVX512 static void encode_avx512(belfry_codes_metric metric, const float *row, size_t n, double *scratch,
                                        uint8_t *record) {
    encode(metric, row, n, scratch, record);
}
TARGET_AVX512 static void prepare_avx512(belfry_codes_metric metric, const float *query, size_t n, double *scratch,
                                         int8_t *high, int8_t *low, belfry_codes_query *out) {
    prepare(metric, query, n, scratch, high, low, out);
}
#endif

void belfry_codes_encode(belfry_isa isa, belfry_codes_metric metric, const float *row, size_t dimension,
                         double *scratch, uint8_t *record) {
#if BELFRY_X86
    if (isa >= BELFRY_AVX512) return encode_avx512(metric, row, dimension, scratch, record);
    if (isa == BELFRY_AVX2) return encode_avx2(metric, row, dimension, scratch, record);
#endif
    (void)isa;
    encode_scalar(metric, row, dimension, scratch, record);
}

void belfry_codes_prepare(belfry_isa isa, belfry_codes_metric metric, const float *query, size_t dimension,
                          double *scratch, int8_t *high, int8_t *low, belfry_codes_query *out) {
#if BELFRY_X86
    if (isa >= BELFRY_AVX512) return prepare_avx512(metric, query, dimension, scratch, high, low, out);
    if (isa == BELFRY_AVX2) return prepare_avx2(metric, query, dimension, scratch, high, low, out);
#endif
    (void)isa;
    prepare_scalar(metric, query, dimension, scratch, high, low, out);
}
