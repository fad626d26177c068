// Which instruction set the kernels of this process use.
#ifndef BELFRY_CPU_H
#define BELFRY_CPU_H

// Ordered: a later one can run everything that an earlier one can.
typedef enum {
    BELFRY_SCALAR = 0,  // plain C, on any machine
    BELFRY_AVX2 = 1,    // AVX2, FMA, F16C, BMI2, PCLMUL
    BELFRY_AVX512 = 2,  // AVX-512 F, BW, CD, DQ, VL and VNNI (Ice Lake, Zen 4 and later)
} belfry_isa;

// The best instruction set of this CPU. Asked once, then remembered.
belfry_isa belfry_best_isa(void);

#endif
