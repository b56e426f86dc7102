#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/suggest.h"
#include "cli.h"
#include "run/manifest.h"

static const cli_command *const command[] = {
    &cli_init,  &cli_data,   &cli_estimate, &cli_run,    &cli_train,    &cli_prove,  &cli_worker,
    &cli_verify, &cli_replay, &cli_eval,    &cli_export, &cli_manifest, &cli_budget, &cli_inspect};
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

int main(int argc, char **argv) {
  if (argc < 2) {
    help(stderr);
    return VFT_USAGE;
  }
  const char *name = argv[1];
  if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
    help(stdout);
    return VFT_OK;
  }
  if (!strcmp(name, "--version") || !strcmp(name, "version")) {
    printf("vft %s (protocol %s, manifest %s, kernels %s)\n", VFT_VERSION, VFT_PROTOCOL_NAME,
           VFT_MANIFEST_FORMAT, vft_simd_name(vft_simd_tier()));
    return VFT_OK;
  }
  const char *names[COMMANDS];
  for (size_t i = 0; i < COMMANDS; i++) {
    names[i] = command[i]->name;
    if (strcmp(name, command[i]->name)) continue;
    vft_status st = command[i]->run(argc - 1, argv + 1);
    if (fflush(stdout) && st == VFT_OK) st = vft_fail(VFT_RESOURCE, "cannot write to stdout");
    if (st != VFT_OK) {
      const char *check = st == VFT_REJECTED ? vft_error_check() : "";
      fprintf(stderr, "vft: %s%s%s%s%s\n", st == VFT_REJECTED ? "rejected: " : "",
              vft_error_message(), *check ? " [" : "", check, *check ? "]" : "");
    }
    return st;
  }
  fprintf(stderr, "vft: unknown command '%s', did you mean '%s'?\n", name,
          vft_nearest(name, names, COMMANDS));
  return VFT_USAGE;
}
