#include "include/packed.h"

#include <string.h>

#include "lanes.h"
#include "targets.h"

// How packed weights lie in memory: the bias, padded with zeros to whole vectors of 16; then panels of 8, 4 or 2
// vectors of columns, each [inputs, columns], the widest that fit first; what is missing to whole vectors is zero.
//
// A tile of a few rows and one panel's columns stays in registers while the panel streams past. One row alone has as
// many sums as the multiply units need to be busy.

#define WIDEST 8    // vectors of a panel
#define NARROWEST 2

static size_t vectors(size_t outputs) {
    size_t v = (outputs + LANES - 1) / LANES;
    return v + v % NARROWEST;
}

// The vectors of the next panel when so many are left.
INLINE size_t panel_vectors(size_t left) { return left >= 8 ? 8 : left >= 4 ? 4 : 2; }

size_t belfry_packed_floats(size_t inputs, size_t outputs) { return vectors(outputs) * LANES * (inputs + 1); }

static void pack_bias(const float *bias, size_t outputs, float *packed) {
    memset(packed, 0, vectors(outputs) * LANES * sizeof(float));
    if (bias) memcpy(packed, bias, outputs * sizeof(float));
}

// panel[i, j] = w[j, i] for 4 rows and 4 inputs.
INLINE void transpose4(const float *w, size_t stride, float *panel, size_t width) {
    typedef float four __attribute__((vector_size(16), aligned(4)));
    four a = *(const four *)w, b = *(const four *)(w + stride), c = *(const four *)(w + 2 * stride),
         d = *(const four *)(w + 3 * stride);
    four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    four AB = __builtin_shufflevector(a, b, 2, 6, 3, 7), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)panel = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(four *)(panel + width) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(four *)(panel + 2 * width) = __builtin_shufflevector(AB, CD, 0, 1, 4, 5);
    *(four *)(panel + 3 * width) = __builtin_shufflevector(AB, CD, 2, 3, 6, 7);
}

void belfry_packed_rows(const float *w, size_t w_stride, size_t inputs, size_t outputs, const float *bias,
                        float *packed) {
    pack_bias(bias, outputs, packed);
    size_t all = vectors(outputs);
    float *panel = packed + all * LANES;
    for (size_t v = 0, count; v < all; v += count, panel += inputs * count * LANES) {
        count = panel_vectors(all - v);
        size_t width = count * LANES, first = v * LANES;
        size_t columns = outputs - first < width ? outputs - first : width;
        for (size_t j = 0; j < width; j += 4)
            for (size_t i = 0; i < inputs; i += 4) {
                const float *from = w + (first + j) * w_stride + i;
                float *to = panel + i * width + j;
                if (j + 4 <= columns && i + 4 <= inputs) {
                    transpose4(from, w_stride, to, width);
                    continue;
                }
                for (size_t y = 0; y < 4 && i + y < inputs; y++)
                    for (size_t x = 0; x < 4; x++) to[y * width + x] = j + x < columns ? from[x * w_stride + y] : 0;
            }
    }
}

void belfry_packed_columns(const float *w, size_t w_stride, size_t inputs, size_t outputs, float *packed) {
    pack_bias(NULL, outputs, packed);
    size_t all = vectors(outputs);
    float *panel = packed + all * LANES;
    for (size_t v = 0, count; v < all; v += count) {
        count = panel_vectors(all - v);
        size_t width = count * LANES, first = v * LANES;
        size_t columns = outputs - first < width ? outputs - first : width;
        for (size_t i = 0; i < inputs; i++, panel += width) {
            memcpy(panel, w + i * w_stride + first, columns * sizeof(float));
            memset(panel + columns, 0, (width - columns) * sizeof(float));
        }
    }
}

// The sums stay in registers only if every loop over them is unrolled, which the compiler does not do by itself.
#define EACH(i, count) _Pragma("clang loop unroll(full)") for (size_t i = 0; i < (count); i++)

// m rows times v vectors of a panel that is `width` floats wide.
INLINE void tile(size_t m, size_t v, const float *x, size_t x_stride, size_t inputs, const float *bias,
                 const float *panel, size_t width, float *y, size_t y_stride) {
    lanes sum[12][WIDEST];
    EACH(i, m) EACH(j, v) sum[i][j] = *(const lanes *)(bias + j * LANES);
    for (size_t k = 0; k < inputs; k++, panel += width) {
        lanes w[WIDEST];
        EACH(j, v) w[j] = *(const lanes *)(panel + j * LANES);
        EACH(i, m) {
            float a = x[i * x_stride + k];
            EACH(j, v) sum[i][j] = a * w[j] + sum[i][j];
        }
    }
    EACH(i, m) EACH(j, v) *(lanes *)(y + i * y_stride + j * LANES) = sum[i][j];
}

// Goes through all panels and rows with a tile of at most `most` rows. A tile that reaches beyond the
// outputs goes through a copy.
#define EACH_TILE(most, ...)                                                                                   \
    size_t all = vectors(outputs);                                                                             \
    const float *panel = packed + all * LANES;                                                                 \
    for (size_t p = 0, v; p < all; p += v, panel += inputs * v * LANES) {                                      \
        v = panel_vectors(all - p);                                                                            \
        size_t first = p * LANES, width = v * LANES;                                                           \
        size_t columns = outputs - first < width ? outputs - first : width;                                    \
        for (size_t row = 0, m; row < rows; row += m) {                                                        \
            m = rows - row < (most) ? rows - row : (most);                                                     \
            const float *a = x + row * x_stride, *bias = packed + first;                                       \
            float edge[12 * WIDEST * LANES], *c = columns < width ? edge : y + row * y_stride + first;         \
            size_t c_stride = columns < width ? width : y_stride;                                              \
            __VA_ARGS__;                                                                                       \
            if (columns < width)                                                                               \
                for (size_t i = 0; i < m; i++)                                                                 \
                    memcpy(y + (row + i) * y_stride + first, edge + i * width, columns * sizeof(float));       \
        }                                                                                                      \
    }

#define PARAMETERS                                                                                             \
    const float *x, size_t x_stride, size_t rows, const float *packed, size_t inputs, size_t outputs, float *y, \
        size_t y_stride

// Two vectors of the panel at a time, so that the sums of one row fill half of the 16 registers.
static void multiply_scalar(PARAMETERS) {
    EACH_TILE(1, for (size_t j = 0; j < v; j += 2) tile(1, 2, a, x_stride, inputs, bias + j * LANES,
                                                        panel + j * LANES, width, c + j * LANES, c_stride))
}

#if BELFRY_X86
#define CASE(n, m, v) \
    case n: tile(m, v, a, x_stride, inputs, bias + j * LANES, panel + j * LANES, width, c + j * LANES, c_stride); break;

TARGET_AVX2 static void multiply_avx2(PARAMETERS) {
    EACH_TILE(2, for (size_t j = 0; j < v; j += 2) switch (m) { CASE(1, 1, 2) CASE(2, 2, 2) })
}

// Up to 24 sums: one or two rows with all vectors of a panel, more of them with half of the widest one.
TARGET_AVX512 static void multiply_avx512(PARAMETERS) {
    EACH_TILE(v == 2 ? 12 : 6, {
        size_t part = v == 8 && m > 2 ? 4 : v;
        for (size_t j = 0; j < v; j += part) switch (part * 16 + m) {
            CASE(129, 1, 8) CASE(130, 2, 8)
            CASE(65, 1, 4) CASE(66, 2, 4) CASE(67, 3, 4) CASE(68, 4, 4) CASE(69, 5, 4) CASE(70, 6, 4)
            CASE(33, 1, 2) CASE(34, 2, 2) CASE(35, 3, 2) CASE(36, 4, 2) CASE(37, 5, 2) CASE(38, 6, 2)
            CASE(39, 7, 2) CASE(40, 8, 2) CASE(41, 9, 2) CASE(42, 10, 2) CASE(43, 11, 2) CASE(44, 12, 2)
        }
    })
}
#else
#define multiply_avx2 multiply_scalar
#define multiply_avx512 multiply_scalar
#endif

void belfry_packed_multiply(belfry_isa isa, PARAMETERS) {
    PICK(isa, multiply_scalar, multiply_avx2, multiply_avx512)
    (x, x_stride, rows, packed, inputs, outputs, y, y_stride);
}
