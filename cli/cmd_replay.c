#include <stdio.h>

#include "cli.h"
#include "run/manifest.h"
#include "run/progress.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  const char *folder = NULL;
  bool shown;
  vft_replay_result result;
  char hex[65];
  TRY(cli_parse(&cli_replay, argc, argv, NULL, 0, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  vft_interrupt_catch();
  TRY(vft_run_replay(folder, &result));
  vft_hex(result.h_t.b, 32, hex);
  printf("replayed %llu steps: identical digests; h_T %s\n", (unsigned long long)result.steps,
         hex);
  return VFT_OK;
}

const cli_command cli_replay = {
    "replay", "RUN", "Execute training again from the records; it must reach the same bytes", "",
    run};
