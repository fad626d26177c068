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

// e^x, 1 ulp or so; x is held within -87.3 … 88, so that no result is 0, denormal or infinite. NaN stays NaN.
INLINE void exponential(lanes *x) {
    lane_bits above = *x > 88.0f, below = *x < -87.3f;
    select_lanes(&above, 88.0f, x);
    select_lanes(&below, -87.3f, x);
    // The sum has no room for a fraction, so that adding rounds to the nearest.
    lanes rounded = *x * 1.44269504f + 12582912.0f;
    lanes n = rounded - 12582912.0f;
    lanes r = n * -0.693359375f + *x;
    r = n * 2.12194440e-4f + r;
    lanes p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (r * r) * p + (r + 1.0f);
    lane_bits power = ((lane_bits)rounded << 23) + (127 << 23);
    *x = p * (lanes)power;
}

INLINE void sigmoid(lanes *x) {
    *x = -*x;
    exponential(x);
    *x = 1.0f / (1.0f + *x);
}

// 2 ulp or so: the quotient of exponentials, and where that loses the digits of a small x an odd polynomial (Cephes,
// Moshier 1989).
INLINE void hyperbolic_tangent(lanes *x) {
    lanes large = *x * 2.0f, s = *x * *x;
    exponential(&large);
    large = 1.0f - 2.0f / (1.0f + large);
    lanes p = s * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    p = (p * s) * *x + *x;
    lane_bits isLarge = (*x > 0.625f) | (*x < -0.625f);
    *x = (lanes)((isLarge & (lane_bits)large) | (~isLarge & (lane_bits)p));
}

#endif
