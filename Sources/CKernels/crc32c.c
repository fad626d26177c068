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

// a·b modulo the polynomial, bits reversed as everywhere here.
static uint32_t multiply_modulo(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = (b >> 1) ^ (b & 1 ? 0x82f63b78 : 0);
    }
    return product;
}

static uint32_t power_of_x(uint64_t exponent) {
    uint32_t power = 0x40000000u;   // x^1
    uint32_t result = 0x80000000u;  // x^0
    for (; exponent != 0; exponent >>= 1) {
        if (exponent & 1) result = multiply_modulo(result, power);
        power = multiply_modulo(power, power);
    }
    return result;
}

// Bytes per stream: three long ones in 3 KiB, three short ones in what is left of a 4 KiB block.
#define LONG 1024
#define SHORT 128
static struct {
    uint32_t one, two;  // what moves a checksum over one stream, over two
} over_long, over_short;
static pthread_once_t over_once = PTHREAD_ONCE_INIT;

static void make_over(void) {
    // 33 less than the bits to move over: the carry-less product comes out one bit low, and the CRC instruction that
    // reduces it multiplies by x^32.
    over_long.one = power_of_x(8 * LONG - 33), over_long.two = power_of_x(16 * LONG - 33);
    over_short.one = power_of_x(8 * SHORT - 33), over_short.two = power_of_x(16 * SHORT - 33);
}

// The checksum of the concatenation a·b is that of a, moved over b, xor that of b.
__attribute__((target("sse4.2,pclmul"))) static inline uint64_t move_over(uint64_t crc, uint32_t over) {
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi32_si128((int)over), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t n) {
    pthread_once(&over_once, make_over);
    uint64_t word;
    uint64_t a = crc;
#define THREE_STREAMS(length, over)                                                              \
    for (; n >= 3 * (length); p += 3 * (length), n -= 3 * (length)) {                            \
        uint64_t b = 0, c = 0;                                                                   \
        for (size_t i = 0; i < (length); i += 8) {                                               \
            memcpy(&word, p + i, 8), a = _mm_crc32_u64(a, word);                                 \
            memcpy(&word, p + (length) + i, 8), b = _mm_crc32_u64(b, word);                      \
            memcpy(&word, p + 2 * (length) + i, 8), c = _mm_crc32_u64(c, word);                  \
        }                                                                                        \
        a = move_over(a, (over).two) ^ move_over(b, (over).one) ^ c;                             \
    }
    THREE_STREAMS(LONG, over_long)
    THREE_STREAMS(SHORT, over_short)
#undef THREE_STREAMS
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
