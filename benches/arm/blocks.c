/* QEMU TCG plugin: how often each block of a program ran.

     qemu-aarch64 -plugin blocks.so,out=FILE PROGRAM ..

   FILE gets a line `start ADDRESS`, where the program was loaded, and one `ADDRESS INSTRUCTIONS TIMES` a block (addresses in hex).
   For plugins of API 1 (QEMU 6 to 8); with -DAPI=2 or later for newer ones. The declarations are the part of QEMU's plugin
   interface that is used, so that no header is needed: gcc -O2 -shared -fPIC -o blocks.so blocks.c */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef API
#define API 1
#endif
#define EXPORT __attribute__((visibility("default")))

typedef uint64_t id_of_plugin;
struct qemu_plugin_tb;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_start_code(void);
void qemu_plugin_register_vcpu_tb_trans_cb(id_of_plugin, void (*)(id_of_plugin, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int flags, void *);
void qemu_plugin_register_atexit_cb(id_of_plugin, void (*)(id_of_plugin, void *), void *);

EXPORT int qemu_plugin_version = API;
struct block {
  uint64_t address, instructions, times;
  struct block *next;
};
static struct block *blocks;
static const char *out;

static void executed(unsigned cpu, void *block) { (void)cpu; ((struct block *)block)->times++; }

/* A block that is translated again counts anew; who reads the file adds up. */
static void translated(id_of_plugin id, struct qemu_plugin_tb *tb) {
  (void)id;
  struct block *block = calloc(1, sizeof *block);
  if (!block) abort();
  *block = (struct block){qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb), 0, blocks};
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block);
}

static void ended(id_of_plugin id, void *unused) {
  (void)id, (void)unused;
  FILE *file = fopen(out, "w");
  if (!file) { perror(out); return; }
  fprintf(file, "start %" PRIx64 "\n", qemu_plugin_start_code());
  for (struct block *block = blocks; block; block = block->next)
    fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", block->address, block->instructions, block->times);
  fclose(file);
}

EXPORT int qemu_plugin_install(id_of_plugin id, const void *info, int argc, char **argv) {
  (void)info;
  if (argc != 1 || strncmp(argv[0], "out=", 4)) {
    fprintf(stderr, "blocks: say where to write: -plugin blocks.so,out=FILE\n");
    return 1;
  }
  out = strdup(argv[0] + 4);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
