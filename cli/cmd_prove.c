#include <stdio.h>

#include "cli.h"
#include "run/progress.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  const char *folder = NULL;
  bool resume = false, profile = false, shown;
  const cli_option option[] = {
      {"resume", 0, NULL, "keep the proofs that are there and valid", &resume, NULL},
      {"profile", 0, NULL, "print the seconds of each stage", &profile, NULL}};
  TRY(cli_parse(&cli_prove, argc, argv, option, 2, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  vft_interrupt_catch();
  TRY(vft_run_prove(folder, resume, profile));
  printf("proved: %s/public; next: vft verify %s/public\n", folder, folder);
  return VFT_OK;
}

const cli_command cli_prove = {
    "prove", "RUN [--resume]", "Prove every training step of a finished run",
    "Each step is executed again and proved; proofs go to RUN/public/proofs.", run};
