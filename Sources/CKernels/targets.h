// Function attributes that let one C file hold kernels for several instruction sets.
#ifndef BELFRY_TARGETS_H
#define BELFRY_TARGETS_H

#if defined(__x86_64__)
#define BELFRY_X86 1
#define TARGET_AVX2 __attribute__((target("avx2,fma,f16c,bmi,bmi2,popcnt")))
#define TARGET_AVX512 \
    __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi,bmi2,popcnt")))
#define TARGET_AVX512_BF16                                                                                           \
    __attribute__((target("avx512bf16,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi,bmi2," \
                          "popcnt")))
// What is written for an instruction set, or for the best one below it that this machine's architecture has.
#define PICK(isa, scalar, avx2, avx512) ((isa) >= BELFRY_AVX512 ? (avx512) : (isa) == BELFRY_AVX2 ? (avx2) : (scalar))
#else
#define BELFRY_X86 0
#define PICK(isa, scalar, avx2, avx512) ((void)(isa), (scalar))
#endif

#endif
