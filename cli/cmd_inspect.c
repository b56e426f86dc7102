#include <stdio.h>

#include "cli.h"
#include "run/inspect.h"

static vft_status run(int argc, char **argv) {
  const char *path = NULL;
  bool shown;
  TRY(cli_parse(&cli_inspect, argc, argv, NULL, 0, &path, 1, true, &shown));
  return shown ? VFT_OK : vft_inspect(path, stdout);
}

const cli_command cli_inspect = {
    "inspect", "FILE", "Say in words what a file is and what it holds",
    "Knows manifests, step proofs, oracle openings, certificates, kept proofs of an aggregation,\n"
    "checkpoints, PEFT adapters, run folders, GGUF and safetensors files.",
    run};
