#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "run/certificate.h"
#include "run/memory.h"
#include "run/progress.h"

static vft_status run(int argc, char **argv) {
  vft_aggregate_request request = {0};
  const char *epoch = NULL, *pieces = NULL, *memory = NULL;
  char part[32];
  long first = 0, last = 0, in_leaf = 0;
  uint32_t chosen;
  bool shown;
  const cli_option option[] = {
      {"epoch", 0, "E", "only epoch E, or E-F for some: RUN/public/epochs_E_F.vft", NULL, &epoch},
      {"memory", 0, "SIZE", "memory to stay within, such as 4G (default: what is free)", NULL, &memory},
      {"pieces", 0, "N", "proofs, or parts of a step, to a leaf: 0 to 8, less for less memory", NULL,
       &pieces},
      {"resume", 0, NULL, "keep what is there and valid, of the tree and the certificate",
       &request.resume, NULL},
      {"verbose", 'v', NULL, "print seconds and memory of each stage", &request.verbose, NULL}};
  TRY(cli_parse(&cli_aggregate, argc, argv, option, 5, &request.run, 1, true, &shown));
  if (shown) return VFT_OK;
  if (epoch) {
    const char *dash = strchr(epoch, '-');
    size_t n = dash ? (size_t)(dash - epoch) : strlen(epoch);
    snprintf(part, sizeof part, "%.*s", (int)(n < sizeof part ? n : sizeof part - 1), epoch);
    TRY(cli_number(&cli_aggregate, "epoch", part, 0, 1l << 24, &first));
    last = first;
    if (dash) TRY(cli_number(&cli_aggregate, "epoch", dash + 1, first, 1l << 24, &last));
  }
  if (memory) TRY(vft_memory_parse(memory, &request.memory));
  if (memory && pieces)
    return cli_usage(&cli_aggregate, "--memory and --pieces: one of them says how large leaves are");
  if (pieces) TRY(cli_number(&cli_aggregate, "pieces", pieces, 0, VFT_LEAF_GROUPS, &in_leaf));
  chosen = (uint32_t)in_leaf;
  request.pieces = pieces ? &chosen : NULL;
  request.some = epoch != NULL;
  request.first = (uint64_t)first;
  request.last = (uint64_t)last;
  bool all;
  vft_interrupt_catch();
  TRY(vft_run_aggregate(&request, &all));
  char name[64] = "certificate.vft";
  if (!all) snprintf(name, sizeof name, "epochs_%06ld_%06ld.vft", first, last);
  printf("aggregated: %s/public/%s; next: vft verify %s/public/%s --manifest %s/public/manifest.json\n",
         request.run, name, request.run, name, request.run);
  return VFT_OK;
}

const cli_command cli_aggregate = {
    "aggregate", "RUN [--epoch E[-F]] [--memory SIZE] [--resume]",
    "Make one certificate of all proofs of a run",
    "Each proof of RUN/public/proofs is verified inside of a proof, these pairwise, and so on to one,\n"
    "RUN/public/certificate.vft: under 400 kB for any number of steps, and 32 bytes a block of\n"
    "candidates. With --epoch the same of some epochs alone. The run must have proof_hash: poseidon.\n"
    "Proofs of the tree are kept in RUN/private/aggregate, with one of each epoch (vft fold).", run};
