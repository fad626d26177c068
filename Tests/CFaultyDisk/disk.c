#define _GNU_SOURCE
#include "disk.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool watching;
static char root[PATH_MAX];
static bool records;

// Each time that something is opened it gets a new handle, so that events need no closing.
static struct {
    _Atomic uint32_t handle;
    char *path;
} opened[DESCRIPTORS];
static uint32_t last_handle;

static struct {
    uint32_t kinds;
    uint64_t nth, count, seen, failed;
    int error;
    char path[PATH_MAX];
} rule;

static uint8_t *events;
static size_t events_size, events_room;

void disk_lock(void) { pthread_mutex_lock(&mutex); }
void disk_unlock(void) { pthread_mutex_unlock(&mutex); }

// Paths

static bool is_below(const char *path) {
    size_t size = strlen(root);
    return strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == 0);
}

bool disk_watches(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS && atomic_load(&opened[descriptor].handle) != 0;
}

bool disk_resolve(int folder, const char *name, char path[PATH_MAX]) {
    if (!atomic_load(&watching) || name == NULL) return false;
    disk_lock();
    bool found = false;
    if (name[0] == '/') {
        found = snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_below(path);
    } else if (disk_watches(folder)) {
        const char *rest = strcmp(name, ".") == 0 ? "" : name;
        const char *format = *rest ? "%s/%s" : "%s%s";
        found = snprintf(path, PATH_MAX, format, opened[folder].path, rest) < PATH_MAX;
    }
    disk_unlock();
    for (size_t end = strlen(path); found && end > 1 && path[end - 1] == '/'; end--) path[end - 1] = 0;
    return found;
}

void disk_forget(int descriptor) {
    if (!disk_watches(descriptor)) return;
    free(opened[descriptor].path);
    opened[descriptor].path = NULL;
    atomic_store(&opened[descriptor].handle, 0);
}

void disk_track(int descriptor, const char *path, bool made, bool emptied) {
    disk_forget(descriptor);
    if (descriptor < 0 || descriptor >= DESCRIPTORS) return;
    opened[descriptor].path = strdup(path);
    atomic_store(&opened[descriptor].handle, ++last_handle);
    disk_event(FAULTY_DID_OPEN, descriptor, made | emptied << 1, 0, path, NULL, 0);
}

// Failures

bool disk_fails(uint32_t kind, const char *path) {
    if (!(rule.kinds & kind)) return false;
    rule.seen++;
    if (rule.seen < rule.nth || rule.seen - rule.nth >= rule.count) return false;
    rule.failed++;
    snprintf(rule.path, sizeof rule.path, "%s", path);
    errno = rule.error;
    return true;
}

bool disk_fails_on(uint32_t kind, int descriptor) { return disk_fails(kind, opened[descriptor].path); }

void faulty_disk_fail(uint32_t kinds, uint64_t nth, uint64_t count, int error) {
    disk_lock();
    memset(&rule, 0, sizeof rule);
    rule.kinds = count > 0 ? kinds : 0;
    rule.nth = nth;
    rule.count = count;
    rule.error = error;
    disk_unlock();
}

uint64_t faulty_disk_calls(void) {
    disk_lock();
    uint64_t seen = rule.seen;
    disk_unlock();
    return seen;
}

uint64_t faulty_disk_failures(void) {
    disk_lock();
    uint64_t failed = rule.failed;
    disk_unlock();
    return failed;
}

void faulty_disk_last_failure(char *path, size_t size) {
    disk_lock();
    snprintf(path, size, "%s", rule.path);
    disk_unlock();
}

// Events

static void append(const void *bytes, size_t size) {
    if (size == 0) return;
    if (events_room - events_size < size) {
        events_room = 2 * events_room + size + (1 << 16);
        events = realloc(events, events_room);
        if (events == NULL) abort();
    }
    memcpy(events + events_size, bytes, size);
    events_size += size;
}

void disk_event(uint32_t what, int descriptor, uint64_t a, uint64_t b, const char *path, const void *bytes, size_t size) {
    if (!records) return;
    struct faulty_disk_event head = {
        .what = what,
        .handle = descriptor < 0 ? 0 : atomic_load(&opened[descriptor].handle),
        .a = a,
        .b = b,
        .path_size = path ? strlen(path) : 0,
        .bytes_size = size,
    };
    append(&head, sizeof head);
    append(path, head.path_size);
    append(bytes, size);
}

void faulty_disk_note(uint64_t number) {
    disk_lock();
    disk_event(FAULTY_DID_NOTE, -1, number, 0, NULL, NULL, 0);
    disk_unlock();
}

const uint8_t *faulty_disk_events(size_t *size) {
    disk_lock();
    *size = events_size;
    const uint8_t *found = events;
    disk_unlock();
    return found;
}

void faulty_disk_watch(const char *folder, bool keeps) {
    disk_lock();
    snprintf(root, sizeof root, "%s", folder);
    records = keeps;
    atomic_store(&watching, true);
    disk_unlock();
}

void faulty_disk_unwatch(void) {
    disk_lock();
    atomic_store(&watching, false);
    for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++) disk_forget(descriptor);
    free(events);
    events = NULL;
    events_size = events_room = 0;
    records = false;
    memset(&rule, 0, sizeof rule);
    disk_unlock();
}
