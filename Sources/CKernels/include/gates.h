// What recurrent layers and attention do to a row between two products.
#ifndef BELFRY_GATES_H
#define BELFRY_GATES_H

#include <stddef.h>

#include "cpu.h"

// A step of a gated recurrent unit (Cho et al., 2014) in the form that cuDNN computes: x and r hold what the input and
// the state give to the gates z, r and n, `hidden` floats each, biases included.
//     z = σ(x_z + r_z), r = σ(x_r + r_r), n = tanh(x_n + r · r_n), h = n + z · (h - n)
void belfry_gates_gru(belfry_isa isa, const float *x, const float *r, float *h, size_t hidden);

// The same unit in its first form, where the product with r · h comes in between: z replaces r_z, and `reset` = r · h …
void belfry_gates_gru_reset(belfry_isa isa, const float *x, float *r, const float *h, float *reset, size_t hidden);

// … then h = n + z · (h - n), where n = tanh(x_n + c) and c is what `reset` gives to the gate n.
void belfry_gates_gru_update(belfry_isa isa, const float *x, const float *z, const float *c, float *h, size_t hidden);

// A step of a long short-term memory (Hochreiter and Schmidhuber, 1997); the gates are i, o, f and g.
//     c = σ(f) · c + σ(i) · tanh(g), h = σ(o) · tanh(c)
void belfry_gates_lstm(belfry_isa isa, const float *x, const float *r, float *c, float *h, size_t hidden);

// One row in place: s = scale · x, then cap · tanh(s / cap) if cap > 0, plus the bias if it is not NULL; then
// exp(s - max) divided by its sum. What is below e^-87.3 is 0, and so is a row of -∞ alone.
void belfry_gates_softmax(belfry_isa isa, float *x, const float *bias, size_t count, float scale, float cap);

#endif
