// Sets as bits in words: what two have in common, and so on, with how many bits that are.
#ifndef BELFRY_WORDS_H
#define BELFRY_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// out[i] = a[i] & b[i]. Returns how many bits of `out` are set. `out` may be one of the others.
size_t belfry_words_and(belfry_isa isa, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);

// out[i] = a[i] | b[i], under the same terms.
size_t belfry_words_or(belfry_isa isa, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);

// out[i] = a[i] & ~b[i], under the same terms.
size_t belfry_words_and_not(belfry_isa isa, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);

// How many bits are set.
size_t belfry_words_count(belfry_isa isa, const uint64_t *words, size_t count);

#endif
