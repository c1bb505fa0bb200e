/* Files and the console of whoever emulates us (Arm semihosting, version 2.0). */
#ifndef EDGESTILL_SEMIHOSTING_H
#define EDGESTILL_SEMIHOSTING_H
#include <stdint.h>

enum { SYS_OPEN = 1, SYS_CLOSE = 2, SYS_WRITE0 = 4, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_READ_BYTES = 1, MODE_WRITE_BYTES = 5 };
enum { STOPPED_BY_APPLICATION = 0x20026 };

static inline int32_t semihost(int32_t operation, const void *parameters) {
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

_Noreturn void finish(uint32_t status);

#endif
