#ifndef READ_SUM_H
#define READ_SUM_H
#include <stddef.h>
#include <stdint.h>

// The sum of the 64-bit words of `length` bytes: reading and next to nothing else. What is left over is not read.
uint64_t read_sum(const void *bytes, size_t length);

#endif
