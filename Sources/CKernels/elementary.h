// e^x and tanh x for one kind of vector: the one place that has their polynomials. A file includes this once for each
// kind, with these defined: ELEMENTARY(name) for the functions' names, ELEMENTARY_TARGET for their attributes, V for the
// vectors, and on these SET, ADD, SUB, MUL, DIV, FMA, ABS, SELECT_GREATER, and
//     HOLD(x, low, high)   x, but no less than low and no more than high; NaN stays NaN
//     POWERS(x)            the whole number nearest to x · log2 e
//     SCALE2(a, n)         a · 2^n, for a whole n
// Values go in and out through pointers, since a vector as an argument would belong to the calling convention of one
// instruction set. No include guard: that is the point.

// e^x, 1 ulp or so; x is held within -87.3 … 88, so that no result is 0, denormal or infinite. NaN stays NaN.
ELEMENTARY_TARGET void ELEMENTARY(exponential)(V *value) {
    V x = HOLD(*value, -87.3f, 88.0f);
    V n = POWERS(x);
    V r = FMA(n, SET(-0.693359375f), x);
    r = FMA(n, SET(2.12194440e-4f), r);
    V p = SET(1.9875691500e-4f);
    p = FMA(p, r, SET(1.3981999507e-3f));
    p = FMA(p, r, SET(8.3334519073e-3f));
    p = FMA(p, r, SET(4.1665795894e-2f));
    p = FMA(p, r, SET(1.6666665459e-1f));
    p = FMA(p, r, SET(5.0000001201e-1f));
    p = FMA(MUL(r, r), p, ADD(r, SET(1.0f)));
    *value = SCALE2(p, n);
}

// tanh x, 2 ulp or so: the quotient of exponentials loses all digits of a small x, where an odd polynomial (Cephes,
// Moshier 1989) has them.
ELEMENTARY_TARGET void ELEMENTARY(hyperbolic_tangent)(V *value) {
    V x = *value, e = MUL(SET(2.0f), x);
    ELEMENTARY(exponential)(&e);
    V large = SUB(SET(1.0f), DIV(SET(2.0f), ADD(e, SET(1.0f))));
    V s = MUL(x, x);
    V p = SET(-5.70498872745e-3f);
    p = FMA(p, s, SET(2.06390887954e-2f));
    p = FMA(p, s, SET(-5.37397155531e-2f));
    p = FMA(p, s, SET(1.33314422036e-1f));
    p = FMA(p, s, SET(-3.33332819422e-1f));
    *value = SELECT_GREATER(ABS(x), SET(0.625f), large, FMA(MUL(p, s), x, x));
}

#undef ELEMENTARY
#undef ELEMENTARY_TARGET
