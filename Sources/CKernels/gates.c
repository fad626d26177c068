#include "include/gates.h"

#include <math.h>

#include "lanes.h"
#include "targets.h"

#define EACH_PART(count) \
    for (size_t i = 0, n = (count); i < (count); i += LANES, n = (count) - i)

INLINE void gru(const float *x, const float *r, float *h, size_t hidden) {
    EACH_PART(hidden) {
        lanes z, a, reset, b, new, c, state;
        load_lanes(&z, x + i, n, 0), load_lanes(&a, r + i, n, 0);
        load_lanes(&reset, x + hidden + i, n, 0), load_lanes(&b, r + hidden + i, n, 0);
        load_lanes(&new, x + 2 * hidden + i, n, 0), load_lanes(&c, r + 2 * hidden + i, n, 0);
        load_lanes(&state, h + i, n, 0);
        z += a, reset += b;
        sigmoid(&z), sigmoid(&reset);
        new = reset * c + new;
        hyperbolic_tangent(&new);
        state = z * (state - new) + new;
        store_lanes(h + i, &state, n);
    }
}

INLINE void gru_reset(const float *x, float *r, const float *h, float *reset, size_t hidden) {
    EACH_PART(hidden) {
        lanes z, a, gate, b, state;
        load_lanes(&z, x + i, n, 0), load_lanes(&a, r + i, n, 0);
        load_lanes(&gate, x + hidden + i, n, 0), load_lanes(&b, r + hidden + i, n, 0);
        load_lanes(&state, h + i, n, 0);
        z += a, gate += b;
        sigmoid(&z), sigmoid(&gate);
        gate *= state;
        store_lanes(r + i, &z, n), store_lanes(reset + i, &gate, n);
    }
}

INLINE void gru_update(const float *x, const float *z, const float *c, float *h, size_t hidden) {
    EACH_PART(hidden) {
        lanes new, a, gate, state;
        load_lanes(&new, x + 2 * hidden + i, n, 0), load_lanes(&a, c + i, n, 0);
        load_lanes(&gate, z + i, n, 0), load_lanes(&state, h + i, n, 0);
        new += a;
        hyperbolic_tangent(&new);
        state = gate * (state - new) + new;
        store_lanes(h + i, &state, n);
    }
}

INLINE void lstm(const float *x, const float *r, float *c, float *h, size_t hidden) {
    EACH_PART(hidden) {
        lanes gates[4], cell;
        for (size_t g = 0; g < 4; g++) {
            lanes a;
            load_lanes(&gates[g], x + g * hidden + i, n, 0), load_lanes(&a, r + g * hidden + i, n, 0);
            gates[g] += a;
        }
        load_lanes(&cell, c + i, n, 0);
        sigmoid(&gates[0]), sigmoid(&gates[1]), sigmoid(&gates[2]), hyperbolic_tangent(&gates[3]);
        cell = gates[2] * cell + gates[0] * gates[3];
        store_lanes(c + i, &cell, n);
        hyperbolic_tangent(&cell);
        cell *= gates[1];
        store_lanes(h + i, &cell, n);
    }
}

INLINE void softmax(float *x, const float *bias, size_t count, float scale, float cap) {
    lanes most;
    set_lanes(&most, -INFINITY);
    EACH_PART(count) {
        lanes s, b;
        load_lanes(&s, x + i, n, 0);
        s *= scale;
        if (cap > 0) {
            s /= cap;
            hyperbolic_tangent(&s);
            s *= cap;
        }
        if (bias) {
            load_lanes(&b, bias + i, n, 0);
            s += b;
        }
        store_lanes(x + i, &s, n);
        if (n < LANES) load_lanes(&s, x + i, n, -INFINITY);
        lane_bits greater = s > most;
        most = (lanes)((greater & (lane_bits)s) | (~greater & (lane_bits)most));
    }
    float top = -INFINITY, total = 0;
    for (size_t i = 0; i < LANES; i++) top = most[i] > top ? most[i] : top;
    if (top == -INFINITY) top = 0;
    lanes sum = {};
    EACH_PART(count) {
        lanes s;
        load_lanes(&s, x + i, n, -INFINITY);
        s -= top;
        // What a mask takes away weighs nothing.
        lane_bits nothing = s < -87.3f;
        exponential(&s);
        select_lanes(&nothing, 0, &s);
        sum += s;
        store_lanes(x + i, &s, n);
    }
    for (size_t i = 0; i < LANES; i++) total += sum[i];
    float factor = total == 0 ? 0 : 1 / total;
    EACH_PART(count) {
        lanes s;
        load_lanes(&s, x + i, n, 0);
        s *= factor;
        store_lanes(x + i, &s, n);
    }
}

// Each function above for three instruction sets, and the one that picks.
#if BELFRY_X86
#define KERNEL(name, parameters, arguments)                                                        \
    static void name##_scalar parameters { name arguments; }                                       \
    TARGET_AVX2 static void name##_avx2 parameters { name arguments; }                             \
    TARGET_AVX512 static void name##_avx512 parameters { name arguments; }
#else
#define KERNEL(name, parameters, arguments) \
    static void name##_scalar parameters { name arguments; }
#endif

KERNEL(gru, (const float *x, const float *r, float *h, size_t hidden), (x, r, h, hidden))
KERNEL(gru_reset, (const float *x, float *r, const float *h, float *reset, size_t hidden), (x, r, h, reset, hidden))
KERNEL(gru_update, (const float *x, const float *z, const float *c, float *h, size_t hidden), (x, z, c, h, hidden))
KERNEL(lstm, (const float *x, const float *r, float *c, float *h, size_t hidden), (x, r, c, h, hidden))
KERNEL(softmax, (float *x, const float *bias, size_t count, float scale, float cap), (x, bias, count, scale, cap))

void belfry_gates_gru(belfry_isa isa, const float *x, const float *r, float *h, size_t hidden) {
    PICK(isa, gru_scalar, gru_avx2, gru_avx512)(x, r, h, hidden);
}

void belfry_gates_gru_reset(belfry_isa isa, const float *x, float *r, const float *h, float *reset, size_t hidden) {
    PICK(isa, gru_reset_scalar, gru_reset_avx2, gru_reset_avx512)(x, r, h, reset, hidden);
}

void belfry_gates_gru_update(belfry_isa isa, const float *x, const float *z, const float *c, float *h, size_t hidden) {
    PICK(isa, gru_update_scalar, gru_update_avx2, gru_update_avx512)(x, z, c, h, hidden);
}

void belfry_gates_lstm(belfry_isa isa, const float *x, const float *r, float *c, float *h, size_t hidden) {
    PICK(isa, lstm_scalar, lstm_avx2, lstm_avx512)(x, r, c, h, hidden);
}

void belfry_gates_softmax(belfry_isa isa, float *x, const float *bias, size_t count, float scale, float cap) {
    PICK(isa, softmax_scalar, softmax_avx2, softmax_avx512)(x, bias, count, scale, cap);
}
