#include "include/crc32c.h"

#include <pthread.h>
#include <string.h>

#include "targets.h"

// MARK: the table, eight bytes a step ("slicing by 8")

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void) {
    const uint32_t reversed_polynomial = 0x82f63b78;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? reversed_polynomial : 0);
        table[0][i] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (uint32_t i = 0; i < 256; i++)
            table[slice][i] = (table[slice - 1][i] >> 8) ^ table[0][table[slice - 1][i] & 255];
}

static uint32_t crc_table(uint32_t crc, const uint8_t *p, size_t n) {
    pthread_once(&once, make_table);
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
              table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; n > 0; p++, n--) crc = (crc >> 8) ^ table[0][(crc ^ *p) & 255];
    return crc;
}

// MARK: the CPU's own instruction, three streams at a time to hide its latency

#if BELFRY_X86
#include <immintrin.h>

// crc of the concatenation a·b from crc(a) and crc(b): multiply crc(a) by x^(8·|b|) modulo the polynomial.
static uint32_t multiply_modulo(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = (b >> 1) ^ (b & 1 ? 0x82f63b78 : 0);
    }
    return product;
}

#define STREAM 1024  // bytes per stream: three of them fit in 4 KiB with room to spare
static uint32_t shift_one_stream, shift_two_streams;
static pthread_once_t shift_once = PTHREAD_ONCE_INIT;

static void make_shifts(void) {
    uint32_t power = 0x40000000u;  // x^1, bit-reversed
    uint32_t shift = 0x80000000u;  // x^0
    for (uint64_t bits = 8 * STREAM; bits != 0; bits >>= 1) {
        if (bits & 1) shift = multiply_modulo(shift, power);
        power = multiply_modulo(power, power);
    }
    shift_one_stream = shift;
    shift_two_streams = multiply_modulo(shift, shift);
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t n) {
    pthread_once(&shift_once, make_shifts);
    uint64_t word;
    uint64_t a = crc;
    for (; n >= 3 * STREAM; p += 3 * STREAM, n -= 3 * STREAM) {
        uint64_t b = 0, c = 0;
        for (size_t i = 0; i < STREAM; i += 8) {
            memcpy(&word, p + i, 8), a = _mm_crc32_u64(a, word);
            memcpy(&word, p + STREAM + i, 8), b = _mm_crc32_u64(b, word);
            memcpy(&word, p + 2 * STREAM + i, 8), c = _mm_crc32_u64(c, word);
        }
        a = multiply_modulo((uint32_t)a, shift_two_streams) ^ multiply_modulo((uint32_t)b, shift_one_stream) ^ c;
    }
    for (; n >= 8; p += 8, n -= 8) memcpy(&word, p, 8), a = _mm_crc32_u64(a, word);
    for (; n > 0; p++, n--) a = _mm_crc32_u8((uint32_t)a, *p);
    return (uint32_t)a;
}
#endif

uint32_t belfry_crc32c_isa(belfry_isa isa, uint32_t crc, const void *bytes, size_t length) {
#if BELFRY_X86
    if (isa > BELFRY_SCALAR) return ~crc_sse42(~crc, bytes, length);
#endif
    (void)isa;
    return ~crc_table(~crc, bytes, length);
}

uint32_t belfry_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return belfry_crc32c_isa(belfry_best_isa(), crc, bytes, length);
}
