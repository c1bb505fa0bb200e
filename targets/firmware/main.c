/* Runs the package on every input that the file `inputs` holds, and writes into `outputs` what came of each.

   Of each inference: the outputs, then the ticks that it took. At the end four words: the ticks of a call of nothing,
   the bytes of stack that model_run used, those it could have used, and how many bytes the package's own self test found
   wrong (0 without one). Inputs and outputs are read and written where the package has them, so we need no memory. */
#include "model.h"
#include "semihosting.h"
#include "timer.h"

#define PAINT 0xA5C35A3Cu

extern uint32_t model_stack_bottom, model_stack_top;
#ifdef WITH_SELFTEST
unsigned model_selftest(void);
#endif
void call_on(uint32_t *stack, void (*function)(void));

/* Calls the function on a stack of its own. What runs between its first instruction and `model_returned` is its alone. */
__attribute__((naked, noinline)) void call_on(uint32_t *stack __attribute__((unused)),
                                              void (*function)(void) __attribute__((unused))) {
    __asm__ volatile("push {r4, lr}\n mov r4, sp\n mov sp, r0\n blx r1\n"
                     ".global model_returned\n .thumb_func\n model_returned:\n"
                     "mov sp, r4\n pop {r4, pc}");
}

__attribute__((noinline)) static void nothing(void) { __asm__ volatile(""); }

__attribute__((noinline)) static uint32_t ticks_of(void (*function)(void)) {
    const uint32_t before = ticks();
    call_on(&model_stack_top, function);
    return ticks() - before;
}

static int32_t opened(const char *name, uint32_t length, uint32_t mode) {
    const uint32_t parameters[3] = {(uint32_t)(uintptr_t)name, mode, length};
    const int32_t file = semihost(SYS_OPEN, parameters);
    if (file < 0) {
        finish(97);
    }
    return file;
}

/* How many of the bytes were not moved. */
static uint32_t moved(int32_t operation, int32_t file, const void *place, uint32_t bytes) {
    const uint32_t parameters[3] = {(uint32_t)file, (uint32_t)(uintptr_t)place, bytes};
    return (uint32_t)semihost(operation, parameters);
}

static void write(int32_t file, const void *from, uint32_t bytes) {
    if (moved(SYS_WRITE, file, from, bytes)) {
        finish(98);
    }
}

static void paint(void) {
    for (volatile uint32_t *word = &model_stack_bottom; word < &model_stack_top; word++) {
        *word = PAINT;
    }
}

/* Bytes from the top of the stack down to the lowest one that was written. */
static uint32_t stack_used(void) {
    const volatile uint32_t *word = &model_stack_bottom;
    while (word < &model_stack_top && *word == PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)&model_stack_top - (uintptr_t)word);
}

static uint32_t inputs_read(int32_t file) {
    static const uint32_t bytes[MODEL_INPUTS] = MODEL_INPUT_BYTES;
    for (unsigned i = 0; i < MODEL_INPUTS; i++) {
        if (moved(SYS_READ, file, model_input(i), bytes[i])) {
            return 0;
        }
    }
    return 1;
}

static void infer(int32_t to) {
    static const uint32_t bytes[MODEL_OUTPUTS] = MODEL_OUTPUT_BYTES;
    const uint32_t taken = ticks_of(model_run);
    for (unsigned i = 0; i < MODEL_OUTPUTS; i++) {
        write(to, model_output(i), bytes[i]);
    }
    write(to, &taken, sizeof taken);
}

int main(void) {
    const int32_t from = opened("inputs", 6, MODE_READ_BYTES), to = opened("outputs", 7, MODE_WRITE_BYTES);
    start_timer();
    paint();
    while (inputs_read(from)) {
        infer(to);
    }
    const uint32_t used = stack_used();
    uint32_t told[4] = {ticks_of(nothing), used, (uint32_t)((uintptr_t)&model_stack_top - (uintptr_t)&model_stack_bottom), 0};
#ifdef WITH_SELFTEST
    told[3] = model_selftest();
#endif
    write(to, told, sizeof told);
    const uint32_t file = (uint32_t)to;
    semihost(SYS_CLOSE, &file);
    return 0;
}
