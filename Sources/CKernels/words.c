#include "include/words.h"

#include "targets.h"

// One loop, compiled once for each instruction set: without one that counts bits, counting takes longer than all else.
#define BINARY(name, expression)                                                                                    \
    static inline __attribute__((always_inline)) size_t name##_loop(                                                \
        uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count) {                                        \
        size_t bits = 0;                                                                                            \
        for (size_t i = 0; i < count; i++) {                                                                        \
            uint64_t word = (expression);                                                                           \
            out[i] = word;                                                                                          \
            bits += (size_t)__builtin_popcountll(word);                                                             \
        }                                                                                                           \
        return bits;                                                                                                \
    }                                                                                                               \
    static size_t name##_scalar(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count) {                \
        return name##_loop(out, a, b, count);                                                                       \
    }                                                                                                               \
    FOR_X86(TARGET_AVX2, name, avx2)                                                                                \
    FOR_X86(TARGET_AVX512, name, avx512)                                                                            \
    size_t belfry_words_##name(belfry_isa isa, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count) { \
        return PICK(isa, name##_scalar, name##_avx2, name##_avx512)(out, a, b, count);                              \
    }

#if BELFRY_X86
#define FOR_X86(target, name, isa)                                                                             \
    target static size_t name##_##isa(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count) {     \
        return name##_loop(out, a, b, count);                                                                  \
    }
#else
#define FOR_X86(target, name, isa)
#endif

BINARY(and, a[i] & b[i])
BINARY(or, a[i] | b[i])
BINARY(and_not, a[i] & ~b[i])

static inline __attribute__((always_inline)) size_t count_loop(const uint64_t *words, size_t count) {
    size_t bits = 0;
    for (size_t i = 0; i < count; i++) bits += (size_t)__builtin_popcountll(words[i]);
    return bits;
}

static size_t count_scalar(const uint64_t *words, size_t count) { return count_loop(words, count); }

#if BELFRY_X86
TARGET_AVX2 static size_t count_avx2(const uint64_t *words, size_t count) { return count_loop(words, count); }
TARGET_AVX512 static size_t count_avx512(const uint64_t *words, size_t count) { return count_loop(words, count); }
#endif

size_t belfry_words_count(belfry_isa isa, const uint64_t *words, size_t count) {
    return PICK(isa, count_scalar, count_avx2, count_avx512)(words, count);
}
