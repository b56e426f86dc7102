#include <stdio.h>

#include "cli.h"
#include "program/join.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  vft_prove_request request = {0};
  const char *memory = NULL, *ranges = NULL, *jobs = NULL, *join = NULL;
  uint64_t written;
  long number;
  bool shown;
  const cli_option option[] = {
      {"jobs", 0, "DIR", "write a job file a shard for vft worker, prove nothing", NULL, &jobs},
      {"memory", 0, "SIZE", "memory to stay within, such as 16G (default: what is free)", NULL,
       &memory},
      {"join", 0, "N", "N whole steps in one proof (default: what fits)", NULL, &join},
      {"ranges", 0, "N", "cut the layers into N ranges, 0: none (default: what fits)", NULL, &ranges},
      {"resume", 0, NULL, "keep the proofs that are there and valid", &request.resume, NULL},
      {"verbose", 'v', NULL, "print seconds and memory of each stage", &request.verbose, NULL}};
  TRY(cli_parse(&cli_prove, argc, argv, option, 6, &request.run, 1, true, &shown));
  if (shown) return VFT_OK;
  if (memory) TRY(vft_memory_parse(memory, &request.memory));
  if (ranges) {
    TRY(cli_number(&cli_prove, "ranges", ranges, 0, VFT_MAX_PARTS, &number));
    request.cut = true;
    request.ranges = (int)number;
  }
  if (join) {
    TRY(cli_number(&cli_prove, "join", join, 1, VFT_JOIN_STEPS, &number));
    if (request.ranges)
      return cli_usage(&cli_prove, "--join and --ranges: steps are joined whole, or cut");
    request.join = (int)number;
  }
  vft_interrupt_catch();
  if (jobs) {
    TRY(vft_run_jobs(&request, jobs, &written));
    printf("wrote %llu job%s into %s; next: vft worker run JOB for each, then vft prove %s "
           "--resume\n", (unsigned long long)written, written == 1 ? "" : "s", jobs, request.run);
    return VFT_OK;
  }
  TRY(vft_run_prove(&request));
  printf("proved: %s/public; next: vft verify %s/public\n", request.run, request.run);
  return VFT_OK;
}

const cli_command cli_prove = {
    "prove", "RUN [--memory SIZE] [--resume]", "Prove every training step of a finished run",
    "Each step is executed again and proved: several small ones in one proof, one, or one cut into shards\n"
    "(layers, head, optimiser), as the memory allows; proofs go to RUN/public/proofs. Proofs of another cut that are\n"
    "there are removed, unless --resume keeps their cut.", run};
