// The calls themselves. Each asks the kernel by its number, since libc's function of that name is hidden by this one.
// The names that end with 64 are the same on 64-bit systems: SQLite uses them.
#define _GNU_SOURCE
#include "disk.h"

// A sanitizer puts itself before libc in the same way: there it is left alone, and these tests see nothing.
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALIAS(name) __attribute__((alias(name)))

// Opening and closing

// What libc has closed behind our back, as `closedir` does, is another file's number now.
static void forget(int descriptor) {
    if (!disk_watches(descriptor)) return;
    int error = errno;
    disk_lock();
    disk_forget(descriptor);
    disk_unlock();
    errno = error;
}

static int open_at(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    // Never with the lock where it may wait: a pipe waits for its other end.
    if (!disk_resolve(folder, name, path)) {
        int descriptor = (int)syscall(SYS_openat, folder, name, flags, mode);
        forget(descriptor);
        return descriptor;
    }
    disk_lock();
    if (disk_fails(FAULTY_OPEN, path)) {
        disk_unlock();
        return -1;
    }
    bool was = syscall(SYS_access, path, F_OK) == 0;
    int descriptor = (int)syscall(SYS_openat, folder, name, flags, mode);
    int error = errno;
    if (descriptor >= 0) disk_track(descriptor, path, !was, was && (flags & O_TRUNC));
    disk_unlock();
    errno = error;
    return descriptor;
}

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list list; \
        va_start(list, last); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *name, int flags, ...) {
    MODE(flags, flags)
    return open_at(AT_FDCWD, name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE(flags, flags)
    return open_at(AT_FDCWD, name, flags, mode);
}
int openat(int folder, const char *name, int flags, ...) {
    MODE(flags, flags)
    return open_at(folder, name, flags, mode);
}
int openat64(int folder, const char *name, int flags, ...) {
    MODE(flags, flags)
    return open_at(folder, name, flags, mode);
}

int close(int descriptor) {
    if (!disk_watches(descriptor)) return (int)syscall(SYS_close, descriptor);
    disk_lock();
    disk_forget(descriptor);
    int result = (int)syscall(SYS_close, descriptor);
    disk_unlock();
    return result;
}

int closedir(DIR *folder) {
    static int (*next)(DIR *);
    if (!next) next = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");
    forget(dirfd(folder));
    return next(folder);
}

// Reading, writing, mapping

static ssize_t write_at(int descriptor, const void *bytes, size_t count, off_t offset, bool moves) {
    disk_lock();
    if (disk_fails_on(FAULTY_WRITE, descriptor)) {
        if (errno != ENOSPC || count < 2) {
            disk_unlock();
            return -1;
        }
        count /= 2;
    }
    if (moves) offset = syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
    ssize_t written = moves ? syscall(SYS_write, descriptor, bytes, count)
                            : syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    int error = errno;
    if (written > 0) disk_event(FAULTY_DID_WRITE, descriptor, offset, 0, NULL, bytes, written);
    disk_unlock();
    errno = error;
    return written;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (!disk_watches(descriptor)) return syscall(SYS_write, descriptor, bytes, count);
    return write_at(descriptor, bytes, count, 0, true);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    if (!disk_watches(descriptor)) return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    return write_at(descriptor, bytes, count, offset, false);
}
ssize_t pwrite64(int, const void *, size_t, off64_t) ALIAS("pwrite");

// Whether a call on a descriptor is to fail.
static bool fails(uint32_t kind, int descriptor) {
    if (!disk_watches(descriptor)) return false;
    disk_lock();
    bool result = disk_fails_on(kind, descriptor);
    disk_unlock();
    return result;
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    if (fails(FAULTY_READ, descriptor)) return -1;
    return syscall(SYS_pread64, descriptor, bytes, count, offset);
}
ssize_t pread64(int, void *, size_t, off64_t) ALIAS("pread");

void *mmap(void *start, size_t size, int protection, int flags, int descriptor, off_t offset) {
    if (fails(FAULTY_MAP, descriptor)) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, start, size, protection, flags, descriptor, offset);
}
void *mmap64(void *, size_t, int, int, int, off64_t) ALIAS("mmap");

// Sizes and syncs

int ftruncate(int descriptor, off_t size) {
    if (!disk_watches(descriptor)) return (int)syscall(SYS_ftruncate, descriptor, size);
    disk_lock();
    int result = -1;
    if (!disk_fails_on(FAULTY_RESIZE, descriptor)) result = (int)syscall(SYS_ftruncate, descriptor, size);
    if (result == 0) disk_event(FAULTY_DID_RESIZE, descriptor, size, 0, NULL, NULL, 0);
    disk_unlock();
    return result;
}
int ftruncate64(int, off64_t) ALIAS("ftruncate");

int posix_fallocate(int descriptor, off_t offset, off_t size) {
    bool watched = disk_watches(descriptor);
    if (watched) disk_lock();
    int before = errno, result = 0;
    if (watched && disk_fails_on(FAULTY_RESIZE, descriptor)) result = errno;
    else if (syscall(SYS_fallocate, descriptor, 0, offset, size) != 0) result = errno;
    else if (watched) disk_event(FAULTY_DID_RESIZE, descriptor, offset + size, 1, NULL, NULL, 0);
    if (watched) disk_unlock();
    errno = before;
    return result;
}
int posix_fallocate64(int, off64_t, off64_t) ALIAS("posix_fallocate");

static int sync_by(long number, int descriptor) {
    if (!disk_watches(descriptor)) return (int)syscall(number, descriptor);
    disk_lock();
    int result = disk_fails_on(FAULTY_SYNC, descriptor) ? -1 : (int)syscall(number, descriptor);
    int error = errno;
    disk_event(FAULTY_DID_SYNC, descriptor, result != 0, 0, NULL, NULL, 0);
    disk_unlock();
    errno = error;
    return result;
}
int fsync(int descriptor) { return sync_by(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return sync_by(SYS_fdatasync, descriptor); }

// Names

static int rename_at(int from, const char *old, int to, const char *new, unsigned flags) {
    char path[PATH_MAX], other[PATH_MAX];
    if (!disk_resolve(from, old, path) || !disk_resolve(to, new, other))
        return (int)syscall(SYS_renameat2, from, old, to, new, flags);
    disk_lock();
    int result = -1;
    if (!disk_fails(FAULTY_RENAME, path)) result = (int)syscall(SYS_renameat2, from, old, to, new, flags);
    int error = errno;
    if (result == 0)
        disk_event(FAULTY_DID_RENAME, -1, flags == 2, 0, path, other, __builtin_strlen(other));
    disk_unlock();
    errno = error;
    return result;
}
int rename(const char *old, const char *new) { return rename_at(AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int from, const char *old, int to, const char *new) { return rename_at(from, old, to, new, 0); }
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return rename_at(from, old, to, new, flags);
}

static int remove_at(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    if (!disk_resolve(folder, name, path)) return (int)syscall(SYS_unlinkat, folder, name, flags);
    disk_lock();
    int result = -1;
    if (!disk_fails(FAULTY_REMOVE, path)) result = (int)syscall(SYS_unlinkat, folder, name, flags);
    int error = errno;
    if (result == 0) disk_event(FAULTY_DID_REMOVE, -1, 0, 0, path, NULL, 0);
    disk_unlock();
    errno = error;
    return result;
}
int unlink(const char *name) { return remove_at(AT_FDCWD, name, 0); }
int unlinkat(int folder, const char *name, int flags) { return remove_at(folder, name, flags); }
int rmdir(const char *name) { return remove_at(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdir(const char *name, mode_t mode) {
    char path[PATH_MAX];
    if (!disk_resolve(AT_FDCWD, name, path)) return (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
    disk_lock();
    int result = -1;
    if (!disk_fails(FAULTY_MAKE, path)) result = (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
    int error = errno;
    if (result == 0) disk_event(FAULTY_DID_MAKE, -1, 0, 0, path, NULL, 0);
    disk_unlock();
    errno = error;
    return result;
}

#endif
