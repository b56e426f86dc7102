#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  const char *argument[2] = {NULL, NULL}, *memory = NULL;
  uint64_t bytes = 0;
  bool verbose = false, shown, was_there;
  const cli_option option[] = {
      {"memory", 0, "SIZE", "memory to stay within, such as 16G (default: what is free)", NULL,
       &memory},
      {"verbose", 'v', NULL, "print seconds and memory of each stage", &verbose, NULL}};
  TRY(cli_parse(&cli_worker, argc, argv, option, 2, argument, 2, true, &shown));
  if (shown) return VFT_OK;
  if (strcmp(argument[0], "run"))
    return cli_usage(&cli_worker, "unknown action '%s', expected 'run'", argument[0]);
  if (memory) TRY(vft_memory_parse(memory, &bytes));
  vft_interrupt_catch();
  TRY(vft_run_worker(argument[1], bytes, verbose, &was_there));
  printf("%s: %s\n", argument[1], was_there ? "its proof was there" : "proved");
  return VFT_OK;
}

const cli_command cli_worker = {
    "worker", "run JOB.json", "Prove one shard that a job file names",
    "Job files come from vft prove RUN --jobs DIR. Workers need the run folder, nothing of each\n"
    "other; the same job run twice gives the same proof.", run};
