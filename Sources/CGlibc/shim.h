// glibc calls that Swift's own Glibc module leaves out because they need _GNU_SOURCE.
#ifndef BELFRY_CGLIBC_H
#define BELFRY_CGLIBC_H

// rename(2): flag 2, RENAME_EXCHANGE, swaps two paths in one step.
int renameat2(int old_directory, const char *old_path, int new_directory, const char *new_path, unsigned int flags);

// mallopt(3): -3, M_MMAP_THRESHOLD, from how many bytes on memory is asked of the kernel and given back when it is freed;
// -8, M_ARENA_MAX, how many heaps threads share.
int mallopt(int parameter, int value);

#endif
