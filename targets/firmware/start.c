/* From reset to main on any Cortex-M, and what is said when the processor faults. Variables with values need no copying:
   the emulators load them where they belong. */
#include "semihosting.h"

extern uint32_t bss_begin, bss_end, stack_top;
int main(void);
void reset(void);
void fault(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &stack_top, (const void *)reset, (const void *)fault, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault, 0, 0, 0, (const void *)fault,
    (const void *)fault, 0, (const void *)fault, (const void *)fault,
};

_Noreturn void finish(uint32_t status) {
    const uint32_t parameters[2] = {STOPPED_BY_APPLICATION, status};
    for (;;) {
        semihost(SYS_EXIT_EXTENDED, parameters);
    }
}

__attribute__((used)) static void begin(void) {
    for (volatile uint32_t *word = &bss_begin; word < &bss_end; word++) {
        *word = 0;
    }
    finish((uint32_t)main());
}

/* Coprocessors 10 and 11 (floating point, vectors) before any C that a compiler may have vectorised. */
__attribute__((naked)) void reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    __asm__ volatile("ldr r0, =0xE000ED88\n ldr r1, [r0]\n ldr r2, =0xF00000\n orrs r1, r1, r2\n str r1, [r0]\n"
                     "dsb\n isb\n ldr r0, =begin\n bx r0\n .ltorg");
#else
    __asm__ volatile("ldr r0, =begin\n bx r0\n .ltorg");
#endif
}

static char *hexadecimal(char *to, uint32_t value) {
    for (int32_t shift = 28; shift >= 0; shift -= 4) {
        *to++ = "0123456789abcdef"[(value >> shift) & 15u];
    }
    *to++ = ' ';
    return to;
}

/* FAULT, then the exception's number, the configurable fault status and where it happened; `frame` is what was pushed. */
__attribute__((used)) static void tell(const uint32_t *frame) {
    static char line[40] = "FAULT ";
    uint32_t number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    char *end = hexadecimal(line + 6, number);
    end = hexadecimal(end, *(const volatile uint32_t *)0xE000ED28);
    end = hexadecimal(end, frame[6]);
    end[-1] = '\n';
    *end = 0;
    semihost(SYS_WRITE0, line);
    finish(99);
}

__attribute__((naked)) void fault(void) {
    __asm__ volatile("mrs r0, msp\n ldr r1, =tell\n bx r1\n .ltorg");
}
