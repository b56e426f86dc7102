#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/suggest.h"
#include "cli.h"
#include "run/manifest.h"

static const cli_command *const command[] = {
    &cli_init,  &cli_data,   &cli_estimate, &cli_run,    &cli_train,    &cli_prove,  &cli_worker,
    &cli_aggregate, &cli_fold,
    &cli_verify, &cli_replay, &cli_sampler, &cli_eval,    &cli_export,   &cli_manifest,
    &cli_budget, &cli_inspect,  &cli_disclose, &cli_publish};
enum { COMMANDS = sizeof command / sizeof *command };

static void help(FILE *out) {
  fprintf(out,
          "vft: LoRA fine-tuning in exact integers, with a proof of every training step\n\n"
          "Usage: vft COMMAND [ARGUMENTS]\n\nCommands:\n");
  for (size_t i = 0; i < COMMANDS; i++)
    fprintf(out, "  %-9s %s\n", command[i]->name, command[i]->summary);
  fprintf(out,
          "\n'vft COMMAND --help' tells more, 'vft --version' the versions.\n\n"
          "Exit codes: 0 done or accepted; 1 evidence was read and is not accepted; 2 usage,\n"
          "missing file, bad model, data or configuration; 3 out of resources, overflow or\n"
          "interrupted (resumable).\n");
}

static vft_status say(vft_status st) {
  const char *check = st == VFT_REJECTED ? vft_error_check() : "";
  if (st != VFT_OK)
    fprintf(stderr, "vft: %s%s%s%s%s\n", st == VFT_REJECTED ? "rejected: " : "",
            vft_error_message(), *check ? " [" : "", check, *check ? "]" : "");
  return st;
}

static vft_status flushed(vft_status st) {
  /* a long text is written before the flush, which then has nothing to fail at */
  int lost = fflush(stdout) || ferror(stdout);
  if (lost && st == VFT_OK) st = vft_fail(VFT_RESOURCE, "cannot write to stdout");
  return say(st);
}

/* All memory that the JSON library takes. Without it the library may drop a character of a string
 * and go on, so there is no going on. What is being written is renamed only when complete. */
static void *json_memory(size_t size) {
  void *p = malloc(size);
  if (p) return p;
  fprintf(stderr, "vft: out of memory: %zu bytes for JSON\n", size);
  _exit(VFT_RESOURCE);
}

int main(int argc, char **argv) {
  json_set_alloc_funcs(json_memory, free);
  signal(SIGXFSZ, SIG_IGN); /* a file beyond the limit is a write that fails */
  if (argc < 2) {
    help(stderr);
    return VFT_USAGE;
  }
  const char *name = argv[1];
  if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
    help(stdout);
    return flushed(VFT_OK);
  }
  if (!strcmp(name, "--version") || !strcmp(name, "version")) {
    printf("vft %s (protocol %s, manifest %s, kernels %s)\n", VFT_VERSION, VFT_PROTOCOL_NAME,
           VFT_MANIFEST_FORMAT, vft_simd_name(vft_simd_tier()));
    return flushed(VFT_OK);
  }
  const char *names[COMMANDS];
  for (size_t i = 0; i < COMMANDS; i++) {
    names[i] = command[i]->name;
    if (strcmp(name, command[i]->name)) continue;
    vft_status st = vft_settle(command[i]->run(argc - 1, argv + 1));
    return flushed(st);
  }
  fprintf(stderr, "vft: unknown command '%s', did you mean '%s'?\n", name,
          vft_nearest(name, names, COMMANDS));
  return VFT_USAGE;
}
