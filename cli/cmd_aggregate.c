#include <stdio.h>

#include "cli.h"
#include "run/certificate.h"
#include "run/progress.h"

static vft_status run(int argc, char **argv) {
  vft_aggregate_request request = {0};
  const char *epoch = NULL, *pieces = NULL;
  long number = 0, in_leaf = 0;
  uint32_t chosen;
  bool shown;
  const cli_option option[] = {
      {"epoch", 0, "E", "only epoch E: RUN/private/aggregate/epoch_E.cert, for vft fold", NULL, &epoch},
      {"pieces", 0, "N", "proofs, or parts of a step, to a leaf: 0 to 8, less for less memory", NULL,
       &pieces},
      {"resume", 0, NULL, "keep what is there and valid, of the tree and the certificate",
       &request.resume, NULL},
      {"verbose", 'v', NULL, "print seconds and memory of each stage", &request.verbose, NULL}};
  TRY(cli_parse(&cli_aggregate, argc, argv, option, 4, &request.run, 1, true, &shown));
  if (shown) return VFT_OK;
  if (epoch) TRY(cli_number(&cli_aggregate, "epoch", epoch, 0, 1l << 24, &number));
  if (pieces) TRY(cli_number(&cli_aggregate, "pieces", pieces, 0, VFT_LEAF_GROUPS, &in_leaf));
  chosen = (uint32_t)in_leaf;
  request.pieces = pieces ? &chosen : NULL;
  request.one = epoch != NULL;
  request.epoch = (uint64_t)number;
  vft_interrupt_catch();
  TRY(vft_run_aggregate(&request));
  if (epoch) {
    printf("aggregated: %s/private/aggregate/epoch_%06ld.cert, which is not zero-knowledge\n",
           request.run, number);
    return VFT_OK;
  }
  printf("aggregated: %s/public/certificate.vft; next: vft verify %s/public/certificate.vft "
         "--manifest %s/public/manifest.json\n", request.run, request.run, request.run);
  return VFT_OK;
}

const cli_command cli_aggregate = {
    "aggregate", "RUN [--epoch E] [--pieces N] [--resume]", "Make one certificate of all proofs of a run",
    "Each proof of RUN/public/proofs is verified inside of a proof, these pairwise, and so on to one,\n"
    "RUN/public/certificate.vft: under 400 kB for any number of steps, and 32 bytes a block of\n"
    "candidates. The run must have proof_hash: poseidon. Proofs of the tree are kept in\n"
    "RUN/private/aggregate, with a certificate of each epoch (vft fold).", run};
