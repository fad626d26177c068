// A disk that can be watched and that can fail, for tests.
//
// The functions of libc that change files are defined once more here (calls.c). A test bundle that links them uses these
// in all its code, SQLite's and Foundation's too. They do what libc's do; but for paths below one watched folder, each is
// noted, in the order in which they took effect, and some can be made to fail.
//
// One folder at a time, for a whole process: run such a test in a process of its own.
#ifndef BELFRY_FAULTY_DISK_H
#define BELFRY_FAULTY_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Kinds of calls that can fail: one bit each.
enum {
    FAULTY_OPEN = 1,     // open, openat
    FAULTY_WRITE = 2,    // write, pwrite
    FAULTY_SYNC = 4,     // fsync, fdatasync
    FAULTY_RENAME = 8,   // rename, renameat2
    FAULTY_MAP = 16,     // mmap
    FAULTY_RESIZE = 32,  // ftruncate, posix_fallocate
    FAULTY_READ = 64,    // pread
    FAULTY_REMOVE = 128, // unlink, unlinkat, rmdir
    FAULTY_MAKE = 256,   // mkdir
};

// What an event is.
enum {
    FAULTY_DID_OPEN = 1, // handle, a: 1 made, 2 emptied; path
    FAULTY_DID_WRITE,    // handle, a: offset; bytes
    FAULTY_DID_RESIZE,   // handle, a: size, b: 1 for “at least so large”
    FAULTY_DID_SYNC,     // handle, a: 0, or 1 where it failed
    FAULTY_DID_RENAME,   // a: 1 for an exchange; path, and the other path as bytes
    FAULTY_DID_REMOVE,   // path
    FAULTY_DID_MAKE,     // path, of a folder
    FAULTY_DID_NOTE,     // a: the test's number
};

// How an event begins; the path and the bytes follow.
struct faulty_disk_event {
    uint32_t what, handle;
    uint64_t a, b;
    uint32_t path_size, bytes_size;
};

// Begins to watch a folder: an absolute path without links. With `records`, events are kept.
void faulty_disk_watch(const char *folder, bool records);
// Ends that, and lets go of the events.
void faulty_disk_unwatch(void);
// Lets the `nth` call from now on of some kinds fail, and those behind it, `count` in all; 0 for none any more.
// A write that fails for want of space writes half of its bytes first.
void faulty_disk_fail(uint32_t kinds, uint64_t nth, uint64_t count, int error);
// How many calls of those kinds there were since that, and how many of them have failed.
uint64_t faulty_disk_calls(void);
uint64_t faulty_disk_failures(void);
// The path of the last call that has failed.
void faulty_disk_last_failure(char *path, size_t size);
// Puts a number between the events.
void faulty_disk_note(uint64_t number);
// The events so far. Valid until the next call of any kind.
const uint8_t *faulty_disk_events(size_t *size);

#endif
