#include "include/rounding.h"

#include "targets.h"

#pragma STDC FP_CONTRACT OFF

// The same C for every instruction set, in lanes that the compiler makes vectors of: sums are taken lane by lane, so that
// all give the same bits.
#define INLINE static inline __attribute__((always_inline))
#define LANES 16

INLINE belfry_extent extent_of(const float *squares, const float *largest) {
    belfry_extent extent = {0, 0};
    for (int lane = 0; lane < LANES; lane++) {
        extent.square += squares[lane];
        extent.largest = largest[lane] > extent.largest ? largest[lane] : extent.largest;
    }
    return extent;
}

INLINE void take(float value, float *square, float *largest) {
    float size = value < 0 ? -value : value;
    *square += value * value;
    *largest = size > *largest ? size : *largest;
}

INLINE belfry_extent center_of(const float *restrict x, const float *restrict center, size_t count,
                               float *restrict out) {
    float squares[LANES] = {0}, largest[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            out[i + lane] = x[i + lane] - center[i + lane];
            take(out[i + lane], &squares[lane], &largest[lane]);
        }
    }
    for (int lane = 0; i < count; i++, lane++) {
        out[i] = x[i] - center[i];
        take(out[i], &squares[lane], &largest[lane]);
    }
    return extent_of(squares, largest);
}

INLINE belfry_extent scale_of(const int32_t *restrict products, const int32_t *restrict sums,
                              const float *restrict steps, float step, size_t count, float *restrict out) {
    float squares[LANES] = {0}, largest[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            out[i + lane] = (float)(products[i + lane] - 128 * sums[i + lane]) * (step * steps[i + lane]);
            take(out[i + lane], &squares[lane], &largest[lane]);
        }
    }
    for (int lane = 0; i < count; i++, lane++) {
        out[i] = (float)(products[i] - 128 * sums[i]) * (step * steps[i]);
        take(out[i], &squares[lane], &largest[lane]);
    }
    return extent_of(squares, largest);
}

INLINE int32_t round_of(const float *restrict x, float factor, uint8_t flip, size_t count, int8_t *restrict out) {
    // Beyond 2^23 a float has no fraction: adding so much and taking it away again rounds to the nearest.
    const float whole = 0x1.8p23f;
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        float value = x[i] * factor;
        value = value > 127 ? 127 : value;
        value = value > -127 ? value : -127;
        int32_t rounded = (int32_t)((value + whole) - whole);
        sum += rounded;
        out[i] = (int8_t)((uint8_t)rounded ^ flip);
    }
    return sum;
}

#define KERNELS(name, target)                                                                                       \
    static target belfry_extent center_##name(const float *x, const float *center, size_t count, float *out) {      \
        return center_of(x, center, count, out);                                                                    \
    }                                                                                                               \
    static target belfry_extent scale_##name(const int32_t *products, const int32_t *sums, const float *steps,      \
                                             float step, size_t count, float *out) {                                \
        return scale_of(products, sums, steps, step, count, out);                                                   \
    }                                                                                                               \
    static target int32_t round_##name(const float *x, float factor, uint8_t flip, size_t count, int8_t *out) {     \
        return round_of(x, factor, flip, count, out);                                                               \
    }                                                                                                               \
    static const belfry_rounding_kernels name##_kernels = {center_##name, scale_##name, round_##name};

KERNELS(scalar, )
#if BELFRY_X86
KERNELS(avx2, TARGET_AVX2)
KERNELS(avx512, TARGET_AVX512)
#endif

const belfry_rounding_kernels *belfry_rounding_kernels_for(belfry_isa isa) {
    return PICK(isa, &scalar_kernels, &avx2_kernels, &avx512_kernels);
}
