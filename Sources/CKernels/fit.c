#include <math.h>

#include "include/lists.h"

float belfry_fit_code(const float *x, size_t count, unsigned bits, uint8_t *codes) {
    int half = 1 << (bits - 1), top = 2 * half - 1;
    float zero = (float)half - 0.5f, most = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
        squares += x[i] * x[i];
        codes[i] = 0;
    }
    if (!(squares > 0) || !isfinite(squares)) return 0;
    float step = most / (float)half;
    if (!(step > 0)) return 0;
    float product = 0, length = 0;  // <z, x> and <z, z> of the code so far, z = code - zero
    for (size_t i = 0; i < count; i++) {
        int code = (int)floorf(x[i] / step) + half;
        code = code < 0 ? 0 : code > top ? top : code;
        codes[i] = (uint8_t)code;
        float z = (float)code - zero;
        product += z * x[i];
        length += z * z;
    }
    // One component one step up or down, as long as that turns the code nearer to the vector.
    for (int round = 0; round < 6; round++) {
        int moved = 0;
        for (size_t i = 0; i < count; i++) {
            float z = (float)codes[i] - zero;
            for (int way = -1; way <= 1; way += 2) {
                int code = codes[i] + way;
                if (code < 0 || code > top) continue;
                float turned = product + (float)way * x[i], longer = length + 2 * (float)way * z + 1;
                if (turned * turned * length > product * product * longer) {
                    codes[i] = (uint8_t)code;
                    product = turned, length = longer, moved = 1;
                    break;
                }
            }
        }
        if (!moved) break;
    }
    return squares / product;
}
