#include <stdio.h>

#include "cli.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  vft_prove_request request = {0};
  const char *memory = NULL;
  bool shown;
  const cli_option option[] = {
      {"memory", 0, "SIZE", "memory to stay within, such as 16G (default: what is free)", NULL,
       &memory},
      {"resume", 0, NULL, "keep the proofs that are there and valid", &request.resume, NULL},
      {"verbose", 'v', NULL, "print seconds and memory of each stage", &request.verbose, NULL}};
  TRY(cli_parse(&cli_prove, argc, argv, option, 3, &request.run, 1, true, &shown));
  if (shown) return VFT_OK;
  if (memory) TRY(vft_memory_parse(memory, &request.memory));
  vft_interrupt_catch();
  TRY(vft_run_prove(&request));
  printf("proved: %s/public; next: vft verify %s/public\n", request.run, request.run);
  return VFT_OK;
}

const cli_command cli_prove = {
    "prove", "RUN [--memory SIZE] [--resume]", "Prove every training step of a finished run",
    "Each step is executed again and proved, in one proof or cut into shards (layers, head,\n"
    "optimiser) that fit the memory; proofs go to RUN/public/proofs.", run};
