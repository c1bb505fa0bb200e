/* A TCG plugin for QEMU: how many instructions had run each time that a marked one began.

   It reads addresses from the file `addresses` (one a line, hexadecimal) and writes `marks`: an address and a number a
   line. QEMU's packages bring no header for plugins, so what we need of the interface (version 1) is declared here. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
enum { MOST = 4096 };

EXPORT int qemu_plugin_version = 1;

/* A marked instruction in one translated block: the block's instructions from there on have been counted too early. */
struct place {
    uint64_t address;
    uint64_t early;
};

static uint64_t addresses[MOST];
static size_t count;
static uint64_t total; /* every block adds its instructions as it begins */
static FILE *marks;

static void passed(unsigned cpu, void *data) {
    const struct place *place = data;
    (void)cpu;
    fprintf(marks, "%" PRIx64 " %" PRIu64 "\n", place->address, total - place->early);
}

static int marked(uint64_t address) {
    for (size_t i = 0; i < count; i++) {
        if (addresses[i] == address) {
            return 1;
        }
    }
    return 0;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    const size_t instructions = qemu_plugin_tb_n_insns(block);
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &total, instructions);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        struct place *place = marked(address) ? malloc(sizeof *place) : NULL;
        if (place) {
            place->address = address;
            place->early = instructions - i;
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, passed, NO_REGISTERS, place);
        }
    }
}

static void ended(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    fclose(marks);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *about, int arguments, char **values) {
    FILE *wanted = fopen("addresses", "r");
    (void)about;
    (void)arguments;
    (void)values;
    marks = fopen("marks", "w");
    if (!wanted || !marks) {
        return 1;
    }
    while (count < MOST && fscanf(wanted, "%" SCNx64, &addresses[count]) == 1) {
        count++;
    }
    fclose(wanted);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
