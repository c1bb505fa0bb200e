/* A counter of virtual time, where an emulator ties it to the instructions; TIMER_BASE is its address. */
#ifndef EDGESTILL_TIMER_H
#define EDGESTILL_TIMER_H
#include <stdint.h>

#define TIMER(offset) (*(volatile uint32_t *)(TIMER_BASE + (offset)))

#if defined(TIMER_CMSDK) /* Arm's CMSDK timer counts down */
static void start_timer(void) {
    TIMER(8) = UINT32_MAX; /* reload */
    TIMER(4) = UINT32_MAX; /* value */
    TIMER(0) = 1;
}
static inline uint32_t ticks(void) { return UINT32_MAX - TIMER(4); }
#elif defined(TIMER_NRF) /* Nordic's timer is read through a capture register */
static void start_timer(void) {
    TIMER(0x504) = 0; /* timer mode */
    TIMER(0x508) = 3; /* 32 bits */
    TIMER(0x510) = 0; /* no prescaler */
    TIMER(0) = 1;
}
static inline uint32_t ticks(void) {
    TIMER(0x40) = 1;
    return TIMER(0x540);
}
#elif defined(TIMER_SSE) /* the system counter of Arm's SSE-300: control frame, then read frame */
static void start_timer(void) { TIMER(0) = 1; }
static inline uint32_t ticks(void) { return TIMER(0x1000); }
#endif

#endif
