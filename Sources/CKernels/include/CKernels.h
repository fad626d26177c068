// The leaf kernels: every function works on caller-owned memory, allocates nothing and cannot fail.
#ifndef BELFRY_CKERNELS_H
#define BELFRY_CKERNELS_H

#include "bits.h"
#include "codes.h"
#include "convert.h"
#include "cpu.h"
#include "crc32c.h"
#include "distance.h"
#include "gates.h"
#include "lists.h"
#include "nn.h"
#include "nn_packed.h"
#include "packed.h"
#include "pairs.h"
#include "pause.h"
#include "rounding.h"
#include "routing.h"
#include "words.h"

#endif
