#include "include/cpu.h"

#include <stdatomic.h>

#include "targets.h"

static belfry_isa detect(void) {
#if BELFRY_X86
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("pclmul");
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    if (avx2 && avx512) return BELFRY_AVX512;
    if (avx2) return BELFRY_AVX2;
#endif
    return BELFRY_SCALAR;
}

belfry_isa belfry_best_isa(void) {
    static _Atomic int cached = -1;
    int isa = atomic_load_explicit(&cached, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)detect();
        atomic_store_explicit(&cached, isa, memory_order_relaxed);
    }
    return (belfry_isa)isa;
}
