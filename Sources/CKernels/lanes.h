// Vectors of 16 floats as the compiler knows them: one text that becomes AVX-512, AVX2 or plain SSE in a function of
// that target. Values go in and out of inlined functions through pointers, since a vector as an argument would belong
// to the calling convention of one instruction set.
#ifndef BELFRY_LANES_H
#define BELFRY_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(64), aligned(4)));
typedef int32_t lane_bits __attribute__((vector_size(64), aligned(4)));

INLINE void set_lanes(lanes *to, float value) { *to = (lanes){} + value; }

// The first `count` lanes from memory, `rest` in the others.
INLINE void load_lanes(lanes *to, const float *from, size_t count, float rest) {
    if (count >= LANES) {
        *to = *(const lanes *)from;
        return;
    }
    float part[LANES];
    for (size_t i = 0; i < LANES; i++) part[i] = rest;
    memcpy(part, from, count * sizeof(float));
    *to = *(const lanes *)part;
}

INLINE void store_lanes(float *to, const lanes *from, size_t count) {
    if (count >= LANES)
        *(lanes *)to = *from;
    else
        memcpy(to, from, count * sizeof(float));
}

// `no` becomes `yes` where the mask is set.
INLINE void select_lanes(const lane_bits *mask, float yes, lanes *no) {
    lanes all;
    set_lanes(&all, yes);
    *no = (lanes)((*mask & (lane_bits)all) | (~*mask & (lane_bits)*no));
}

// The vector where the mask is set, else the other one.
INLINE void choose_lanes(const lane_bits *mask, const lanes *yes, lanes *no) {
    *no = (lanes)((*mask & (lane_bits)*yes) | (~*mask & (lane_bits)*no));
}

INLINE void hold_lanes(lanes *x, float low, float high) {
    lane_bits above = *x > high, below = *x < low;
    select_lanes(&above, high, x);
    select_lanes(&below, low, x);
}

#define ELEMENTARY(name) name
#define ELEMENTARY_TARGET INLINE
#define V lanes
#define SET(x) ((lanes){} + (x))
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define FMA(a, b, c) ((a) * (b) + (c))
#define ABS(a) ((lanes)((lane_bits)(a) & 0x7fffffff))
#define SELECT_GREATER(a, b, yes, no) \
    ({ lane_bits mask = (a) > (b); lanes from = (yes), to = (no); choose_lanes(&mask, &from, &to); to; })
#define HOLD(a, low, high) ({ lanes held = (a); hold_lanes(&held, (low), (high)); held; })
// The sum has no room for a fraction, so that adding rounds to the nearest; its lowest bits are the number.
#define NO_FRACTION 12582912.0f
#define POWERS(a) (((a) * 1.44269504f + NO_FRACTION) - NO_FRACTION)
#define SCALE2(a, n) ((a) * (lanes)(((lane_bits)((n) + NO_FRACTION) << 23) + (127 << 23)))
#include "elementary.h"
#undef V
#undef SET
#undef ADD
#undef SUB
#undef MUL
#undef DIV
#undef FMA
#undef ABS
#undef SELECT_GREATER
#undef HOLD
#undef POWERS
#undef SCALE2
#undef NO_FRACTION

INLINE void sigmoid(lanes *x) {
    *x = -*x;
    exponential(x);
    *x = 1.0f / (1.0f + *x);
}

#endif
