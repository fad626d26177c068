// CRC-32C (Castagnoli; RFC 3720 appendix B.4).
#ifndef BELFRY_CRC32C_H
#define BELFRY_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// Extends `crc` (0 at the start) over `length` bytes.
uint32_t belfry_crc32c(uint32_t crc, const void *bytes, size_t length);

// The same with a chosen instruction set, for tests: BELFRY_SCALAR is the table, anything above it the CPU's own.
uint32_t belfry_crc32c_isa(belfry_isa isa, uint32_t crc, const void *bytes, size_t length);

#endif
