#include <stdio.h>

#include "cli.h"
#include "run/progress.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  vft_train_request request = {0};
  bool shown;
  const cli_option option[] = {
      {"beacon", 0, "HEX", "value of the declared sampler.beacon, 64 digits", NULL,
       &request.beacon},
      {"data", 0, "DIR", "a finished vft data commit of its records", NULL, &request.data},
      {"out", 'o', "RUN", "the run folder", NULL, &request.run},
      {"resume", 0, NULL, "go on from the newest checkpoint", &request.resume, NULL},
      {"parity-files", 0, NULL, "also write what bench/parity.py reads", &request.parity_files,
       NULL}};
  TRY(cli_parse(&cli_train, argc, argv, option, 5, &request.config, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!request.run) return cli_usage(&cli_train, "--out RUN is missing");
  vft_interrupt_catch();
  TRY(vft_run_train(&request));
  printf("trained: %s; next: vft prove %s\n", request.run, request.run);
  return VFT_OK;
}

const cli_command cli_train = {
    "train", "CONFIG.yaml --out RUN [--resume]", "Train the adapter in exact integers",
    "A killed run goes on with --resume and reaches the same bytes. Without --data, and without\n"
    "dataset_prepared_path in the configuration, the records are committed to in RUN/private/data.",
    run};
