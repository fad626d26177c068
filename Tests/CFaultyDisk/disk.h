// Between the calls and what is noted of them.
#ifndef BELFRY_DISK_H
#define BELFRY_DISK_H

#include "faulty_disk.h"
#include <limits.h>

// All below is called with this held, so that the order of the events is the order of what they did.
void disk_lock(void);
void disk_unlock(void);

// Whether a name, seen from a folder's descriptor, is below the watched folder; its path then. Takes the lock itself.
bool disk_resolve(int folder, const char *name, char path[PATH_MAX]);
// Whether a descriptor is of a file or folder that is watched. Without the lock it may be out of date by the calls of
// other threads on the same descriptor, which nobody makes.
bool disk_watches(int descriptor);

// Whether this call is to fail; `errno` is set then.
bool disk_fails(uint32_t kind, const char *path);
bool disk_fails_on(uint32_t kind, int descriptor);

// A descriptor leads somewhere else from now on; nowhere for a null path.
void disk_track(int descriptor, const char *path, bool made, bool emptied);
void disk_forget(int descriptor);

void disk_event(uint32_t what, int descriptor, uint64_t a, uint64_t b, const char *path, const void *bytes, size_t size);

#endif
