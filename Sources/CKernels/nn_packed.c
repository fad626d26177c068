#include "include/nn_packed.h"

#include <string.h>

#include "include/convert.h"
#include "nn_kernels.h"

// The weights that are asked for ahead of their use, in floats: 8 KiB. Measured with 16 rows, two threads: 263 GFLOP/s
// without, 322, 340, 326 and 280 with 4, 8, 16 and 32 KiB.
#define AHEAD 2048

#define CHUNK 64  // inputs that are rounded at a time

static size_t places(belfry_number number, size_t inputs) { return number == BELFRY_F32 ? inputs : (inputs + 1) / 2; }

static size_t panels(size_t outputs) { return (outputs + PANEL - 1) / PANEL; }

size_t belfry_nn_packed_size(belfry_number number, size_t inputs, size_t outputs) {
    return panels(outputs) * PANEL * places(number, inputs);
}

void belfry_nn_pack(belfry_isa isa, belfry_number number, const float *w, size_t inputs, size_t outputs,
                    float *packed) {
    const kernels *f = belfry_nn_kernels(isa);
    const belfry_convert_kernels *convert = belfry_convert_kernels_for(isa);
    size_t k = places(number, inputs);
    for (size_t o = 0; o < outputs; o += PANEL, packed += k * PANEL) {
        size_t width = outputs - o < PANEL ? outputs - o : PANEL;
        if (number == BELFRY_F32) {
            f->pack(w + o * inputs, inputs, width, inputs, packed);
            continue;
        }
        float chunk[CHUNK * PANEL];
        uint16_t rounded[CHUNK * PANEL];
        for (size_t i = 0; i < inputs; i += CHUNK) {
            size_t depth = inputs - i < CHUNK ? inputs - i : CHUNK;
            memset(chunk, 0, sizeof chunk);
            f->pack(w + o * inputs + i, inputs, width, depth, chunk);
            convert->narrow_bf16(chunk, CHUNK * PANEL, rounded);
            for (size_t j = 0; j < (depth + 1) / 2; j++) {
                uint16_t pairs[2 * PANEL], *even = rounded + 2 * j * PANEL;
                for (size_t c = 0; c < 2 * PANEL; c++) pairs[c] = even[c / 2 + c % 2 * PANEL];
                memcpy(packed + (i / 2 + j) * PANEL, pairs, sizeof pairs);
            }
        }
    }
}

static const tiles *tiles_for(belfry_isa isa, belfry_number number) {
    const kernels *f = belfry_nn_kernels(isa);
    if (number == BELFRY_F32) return &f->f32;
    const tiles *own = number == BELFRY_BF16 && isa == BELFRY_AVX512 ? belfry_nn_bf16_tiles() : NULL;
    return own ? own : &f->bf16;
}

void belfry_nn_multiply(belfry_isa isa, belfry_number number, const belfry_nn_product *p) {
    const tiles *f = tiles_for(isa, number);
    const belfry_convert_kernels *convert = belfry_convert_kernels_for(isa);
    const float *x = p->x;
    size_t k = places(number, p->inputs), x_stride = places(number, p->x_stride);
    for (size_t o = 0; o < p->outputs; o += PANEL) {
        size_t width = p->outputs - o < PANEL ? p->outputs - o : PANEL;
        const float *panel = p->packed + o * k;
        epilogue e = {p->bias ? p->bias + o : NULL, p->residual ? p->residual + o : NULL, (ptrdiff_t)p->y_stride,
                      p->activation};
        if (p->y) {
            belfry_nn_multiply_panel(f, p->rows, k, x, x_stride, panel, width, p->y + o, p->y_stride, 1, &e, AHEAD);
            continue;
        }
        // The tile is rounded while it is in the first cache.
        float tile[16 * PANEL];
        size_t count = (p->rows + f->rows - 1) / f->rows, ahead = AHEAD;
        for (size_t t = 0, row = 0, m; t < count; t++, row += m, ahead = 0) {
            m = (p->rows - row + count - t - 1) / (count - t);
            epilogue of_tile = e;
            if (e.residual) of_tile.residual += (ptrdiff_t)row * e.residual_stride;
            belfry_nn_multiply_panel(f, m, k, x + row * x_stride, x_stride, panel, width, tile, PANEL, 1, &of_tile,
                                     ahead);
            for (size_t i = 0; i < m; i++)
                convert->narrow_bf16(tile + i * PANEL, width, p->rounded + (row + i) * p->y_stride + o);
        }
    }
}

void belfry_nn_round(belfry_isa isa, const float *x, size_t x_stride, size_t rows, size_t columns, uint16_t *y,
                     size_t y_stride) {
    const belfry_convert_kernels *convert = belfry_convert_kernels_for(isa);
    for (size_t row = 0; row < rows; row++) convert->narrow_bf16(x + row * x_stride, columns, y + row * y_stride);
}
