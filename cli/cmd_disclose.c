#include <stdio.h>

#include "cli.h"
#include "run/disclose.h"

static void say(void *ctx, const char *path, const char *name, uint64_t epoch, uint64_t counter,
                const vft_quota *quota) {
  (void)ctx;
  printf("%s, epoch %llu: %llu of at most %llu %s -> %s\n", name, (unsigned long long)epoch,
         (unsigned long long)counter, (unsigned long long)quota->ceiling,
         quota->tokens ? "tokens" : "examples", path);
}

static vft_status run(int argc, char **argv) {
  const char *folder = NULL, *bin = NULL, *epoch = NULL;
  bool shown;
  long number = -1;
  const cli_option option[] = {
      {"bin", 0, "BIN", "the quota's bin: tag:medical, or medical", NULL, &bin},
      {"epoch", 0, "E", "of this epoch (default: of all)", NULL, &epoch}};
  TRY(cli_parse(&cli_disclose, argc, argv, option, 2, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!bin) return cli_usage(&cli_disclose, "--bin BIN is missing");
  if (epoch) TRY(cli_number(&cli_disclose, "epoch", epoch, 0, 1l << 30, &number));
  return vft_run_disclose(folder, bin, number < 0 ? UINT64_MAX : (uint64_t)number, say, NULL);
}

const cli_command cli_disclose = {
    "disclose", "RUN --bin BIN [--epoch E]", "Open one counter of a run, and nothing else",
    "Writes RUN/public/counters/, which 'vft verify' checks against the proofs: how much of a bin an\n"
    "epoch took. The other counters stay hidden.", run};
