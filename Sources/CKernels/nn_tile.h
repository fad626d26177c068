// The tile of a product: TILE_ROWS x 32 sums in registers. nn_lanes.h and nn.c include this file once for each kind of
// number, with DOT(x, b, sum) = sum + x · b defined, over the operations on V. No include guard: that is the point.

#define COLUMNS (LANES * VECTORS)
// The sums stay in registers only if every loop over them is unrolled, which the compiler does not do by itself.
#define EACH(i, count) _Pragma("clang loop unroll(full)") for (size_t i = 0; i < (count); i++)

__attribute__((always_inline)) TILE_TARGET static inline void TILE_NAME(tile_of)(
    size_t m, size_t k, const float *a, size_t a_stride, const float *panel, float *c, size_t c_stride, int first,
    const float *bias, const float *residual, ptrdiff_t residual_stride, size_t ahead) {
    V sum[TILE_ROWS][VECTORS];
    EACH(i, m)
        EACH(v, VECTORS) sum[i][v] = first ? SET(0.0f) : LOAD(c + i * c_stride + v * LANES);
    for (size_t j = 0; j < k; j++, panel += PANEL) {
        V b[VECTORS];
        EACH(v, VECTORS) {
            b[v] = LOAD(panel + v * LANES);
            // One line of the cache holds 16 floats.
            if (v * LANES % 16 == 0) __builtin_prefetch(panel + v * LANES + ahead);
        }
        EACH(i, m) {
            V x = SET(a[i * a_stride + j]);
            EACH(v, VECTORS) sum[i][v] = DOT(x, b[v], sum[i][v]);
        }
    }
    if (bias)
        EACH(v, VECTORS) {
            V b = LOAD(bias + v * LANES);
            EACH(i, m) sum[i][v] = ADD(sum[i][v], b);
        }
    if (residual)
        EACH(i, m)
            EACH(v, VECTORS)
                sum[i][v] = ADD(sum[i][v], LOAD(residual + (ptrdiff_t)i * residual_stride + v * LANES));
    EACH(i, m)
        EACH(v, VECTORS) STORE(c + i * c_stride + v * LANES, sum[i][v]);
}

TILE_TARGET static void TILE_NAME(tile)(size_t m, size_t k, const float *a, size_t a_stride, const float *panel,
                                        float *c, size_t c_stride, int first, const epilogue *e, size_t ahead) {
    for (size_t o = 0; o < PANEL; o += COLUMNS) {
        const float *bias = e && e->bias ? e->bias + o : NULL, *residual = e && e->residual ? e->residual + o : NULL;
        ptrdiff_t residual_stride = e ? e->residual_stride : 0;
#define TILE(n)                                                                                                       \
    case n:                                                                                                           \
        TILE_NAME(tile_of)(n, k, a, a_stride, panel + o, c + o, c_stride, first, bias, residual, residual_stride,     \
                           ahead);                                                                                    \
        break;
        switch (m) {
            TILE(1) TILE(2)
#if TILE_ROWS > 2
            TILE(3) TILE(4)
#endif
#if TILE_ROWS > 4
            TILE(5) TILE(6)
#endif
#if TILE_ROWS > 6
            TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
#if TILE_ROWS > 12
            TILE(13) TILE(14)
#endif
        }
#undef TILE
    }
    if (e && e->activation != BELFRY_IDENTITY)
        for (size_t i = 0; i < m; i++) NAME(activate)(c + i * c_stride, PANEL, e->activation);
}

#undef COLUMNS
#undef EACH
#undef TILE_NAME
#undef TILE_TARGET
#undef TILE_ROWS
#undef DOT
