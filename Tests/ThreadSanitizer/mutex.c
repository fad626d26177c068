// Tells ThreadSanitizer what it does not see of Swift's Mutex on Linux.
//
// The fast paths of `Synchronization.Mutex` are inlined into our code, and so instrumented. Where threads wait for one another the
// slow ones are called, which lie in a library that is not: the kernel hands the lock over. Preloaded, these functions stand before
// the library's, and say "released" and "acquired" of the lock's address.
//
//   clang -O2 -shared -fPIC -o libmutex.so mutex.c -ldl
//   LD_PRELOAD=$PWD/libmutex.so …
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

static void tell(const char *what, void *lock) {
    void (*function)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, what);
    if (function) function(lock);
}

// Synchronization._MutexHandle._lockSlow(Swift.UInt32) -> ()
SWIFT void lock_slow(uint32_t thread, SELF) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void lock_slow(uint32_t thread, SELF) {
    typedef SWIFT void (*Function)(uint32_t, SELF);
    Function real = (Function)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
    real(thread, self);
    tell("__tsan_acquire", self);
}

// Synchronization._MutexHandle._unlockSlow() -> ()
SWIFT void unlock_slow(SELF) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
SWIFT void unlock_slow(SELF) {
    typedef SWIFT void (*Function)(SELF);
    Function real = (Function)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
    tell("__tsan_release", self);
    real(self);
}
