// What a thread does between two looks at a value that another thread is about to change.
#ifndef BELFRY_PAUSE_H
#define BELFRY_PAUSE_H

static inline void belfry_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
