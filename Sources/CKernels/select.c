#include <math.h>

#include "include/lists.h"

// Integers in the order of the floats; NaN beyond infinity at either end.
static int32_t key_of(float value) {
    union { float f; int32_t i; } bits = {value};
    return bits.i < 0 ? bits.i ^ 0x7fffffff : bits.i;
}

static float value_of(int32_t key) {
    union { int32_t i; float f; } bits = {key < 0 ? key ^ 0x7fffffff : key};
    return bits.f;
}

// A limit with at least `wanted` values below it and at most `most`, if equal values allow that; else the least limit
// with at least `wanted`. Infinity if there are no `wanted` finite values. Counting is so cheap on vectors that the
// limit is found by halving the interval, without moving a value.
static float limit_of(const belfry_lists_kernels *kernels, const float *values, size_t count, size_t wanted,
                      size_t most) {
    float least, greatest;
    kernels->extent(values, count, &least, &greatest);
    float above = nextafterf(greatest, INFINITY);
    if (!(least <= greatest) || kernels->below(values, count, above) <= most) return above;
    // Invariant: fewer than `wanted` below `low`, at least that many below `high`.
    int32_t low = key_of(least), high = key_of(above);
    if (kernels->below(values, count, least) >= wanted) return least;
    // Halves of the values first, which lie more evenly than their exponents; then of the keys, which surely ends.
    for (int step = 0; high - (int64_t)low > 1; step++) {
        float from = value_of(low), to = value_of(high), half = from + (to - from) / 2;
        int32_t middle = step < 16 && half > from && half < to ? key_of(half) : low + (int32_t)((high - (int64_t)low) / 2);
        size_t below = kernels->below(values, count, value_of(middle));
        if (below < wanted) {
            low = middle;
        } else {
            high = middle;
            if (below <= most) break;
        }
    }
    return value_of(high);
}

void belfry_pool_cut(const belfry_lists_kernels *kernels, belfry_pool *pool) {
    if (pool->count <= pool->keep) return;
    size_t keep = pool->keep, kept = 0;
    float limit = limit_of(kernels, pool->estimates, pool->count, keep, keep + keep / 8);
    for (size_t i = 0; i < pool->count; i++) {
        float estimate = pool->estimates[i];
        pool->estimates[kept] = estimate;
        pool->rows[kept] = pool->rows[i];
        kept += estimate < limit;
    }
    size_t most = keep + keep / 8;
    if (kept > most) {
        // So many equal to the greatest that they would fill the pool: of them the earlier ones stay.
        float equal = nextafterf(limit, -INFINITY);
        size_t lesser = 0, out = 0;
        for (size_t i = 0; i < kept; i++) lesser += pool->estimates[i] < equal;
        size_t equals = lesser < most ? most - lesser : 0;
        for (size_t i = 0; i < kept; i++) {
            if (pool->estimates[i] < equal) {
                if (out == most) continue;
            } else if (equals == 0) {
                continue;
            } else {
                equals--;
            }
            pool->estimates[out] = pool->estimates[i];
            pool->rows[out++] = pool->rows[i];
        }
        kept = out;
    }
    pool->count = kept;
    if (limit < pool->limit) pool->limit = limit;
}

// Also for a place that is not a number.
static int bucket_of(float place, int buckets) {
    return place > 0 ? place < (float)buckets ? (int)place : buckets - 1 : 0;
}

size_t belfry_least_first(const belfry_lists_kernels *kernels, const float *values, size_t count, size_t wanted,
                          uint32_t *out, void *scratch) {
    enum { BUCKETS = 256 };
    if (wanted == 0 || count == 0) return 0;
    float *found = scratch;
    uint32_t *indices = (uint32_t *)scratch + count + 16;
    // Roughly first, so that the exact limit is looked for among few.
    float limit = limit_of(kernels, values, count, wanted, 4 * wanted);
    size_t gathered = kernels->gather(values, count, limit, found, indices);
    limit = limit_of(kernels, found, gathered, wanted, wanted + wanted / 16);
    float least, greatest;
    size_t kept = 0;
    for (size_t i = 0; i < gathered; i++) {
        float value = found[i];
        found[kept] = value;
        indices[kept] = indices[i];
        kept += value < limit;
    }
    gathered = kept;
    kernels->extent(found, gathered, &least, &greatest);
    // Buckets of equal width, then an insertion sort of what is nearly in order.
    float width = greatest > least ? (BUCKETS - 1) / (greatest - least) : 0;
    uint32_t ends[BUCKETS + 1] = {0};
    for (size_t i = 0; i < gathered; i++) ends[bucket_of((found[i] - least) * width, BUCKETS) + 1]++;
    for (int b = 0; b < BUCKETS; b++) ends[b + 1] += ends[b];
    for (size_t i = 0; i < gathered; i++) out[ends[bucket_of((found[i] - least) * width, BUCKETS)]++] = indices[i];
    for (size_t i = 1; i < gathered; i++) {
        uint32_t moving = out[i];
        size_t hole = i;
        for (; hole > 0 && values[out[hole - 1]] > values[moving]; hole--) out[hole] = out[hole - 1];
        out[hole] = moving;
    }
    return gathered < wanted ? gathered : wanted;
}
