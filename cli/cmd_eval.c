#include <stdio.h>

#include "cli.h"
#include "run/progress.h"
#include "run/run.h"

static void print_json(const char *name, const vft_evaluation *e, const char *end) {
  printf("  \"%s\": {\"loss\": %.9g, \"ppl\": %.9g, \"ece\": %.9g, \"bins\": [", name, e->loss,
         e->perplexity, e->ece);
  for (int b = 0; b < VFT_ECE_BINS; b++)
    printf("%s{\"tokens\": %llu, \"confidence\": %.9g, \"accuracy\": %.9g}", b ? ", " : "",
           (unsigned long long)e->bin[b].tokens, e->bin[b].confidence, e->bin[b].accuracy);
  printf("]}%s\n", end);
}

static void print_line(const char *name, const vft_evaluation *e) {
  printf("%-7s loss %.5f  perplexity %.4f  ECE %.3f %%\n", name, e->loss, e->perplexity,
         100 * e->ece);
}

static vft_status run(int argc, char **argv) {
  const char *folder = NULL, *data = NULL, *heldout = NULL;
  bool json = false, shown;
  vft_evaluation before, after;
  const cli_option option[] = {
      {"data", 'd', "FILE", "held-out records", NULL, &data},
      {"json", 0, NULL, "one JSON object", &json, NULL},
      {"heldout-file", 0, "FILE", "write the tokens for bench/parity.py", NULL, &heldout}};
  TRY(cli_parse(&cli_eval, argc, argv, option, 3, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!data) return cli_usage(&cli_eval, "--data FILE is missing");
  vft_interrupt_catch();
  TRY(vft_run_evaluate(folder, data, heldout, &before, &after));
  if (json) {
    printf("{\n  \"tokens\": %llu,\n", (unsigned long long)after.tokens);
    print_json("before", &before, ",");
    print_json("after", &after, "");
    printf("}\n");
    return VFT_OK;
  }
  printf("held-out tokens: %llu\n", (unsigned long long)after.tokens);
  print_line("before", &before);
  print_line("after", &after);
  return VFT_OK;
}

const cli_command cli_eval = {
    "eval", "RUN --data FILE", "Held-out loss, perplexity and calibration error before and after",
    "Runs the integer engine, as in training. ECE: 15 bins over the most probable token, which --json\n"
    "shows: tokens, mean probability, fraction that is right.", run};
