#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "run/sampler_replay.h"

static vft_status print(void *ctx, const vft_replayed_epoch *e) {
  (void)ctx;
  printf("epoch %llu, window %llu, %s: ", (unsigned long long)e->epoch,
         (unsigned long long)e->window, e->is_public ? "public" : "private");
  if (!e->replayed) {
    printf("not replayed, the sampler's secret is not here\n");
    return VFT_OK;
  }
  printf("%llu steps, %llu in the log, %s; %s\n", (unsigned long long)e->steps,
         (unsigned long long)e->logged, e->equal ? "equal" : "different",
         e->proved ? "those of the proofs" : "no proof yet");
  for (uint64_t t = 0; t < e->steps; t++) {
    printf("step %-4llu", (unsigned long long)(e->first_step + t));
    for (uint64_t i = 0; i < e->records_a_step; i++)
      printf(" %llu", (unsigned long long)e->record[t * e->records_a_step + i]);
    printf("\n");
  }
  return VFT_OK;
}

static vft_status collect(void *ctx, const vft_replayed_epoch *e) {
  json_t *steps = json_array();
  for (uint64_t t = 0; e->replayed && t < e->steps; t++) {
    json_t *records = json_array();
    for (uint64_t i = 0; i < e->records_a_step; i++)
      json_array_append_new(records,
                            json_integer((json_int_t)e->record[t * e->records_a_step + i]));
    json_array_append_new(steps, records);
  }
  json_array_append_new(
      ctx, json_pack("{s:I, s:I, s:b, s:b, s:b, s:I, s:o, s:I, s:o}", "epoch", (json_int_t)e->epoch,
                     "window", (json_int_t)e->window, "public", (int)e->is_public, "replayed",
                     (int)e->replayed, "proved", (int)e->proved, "first_step", (json_int_t)e->first_step, "steps", steps,
                     "logged", (json_int_t)e->logged, "equal",
                     e->replayed ? json_boolean(e->equal) : json_null()));
  return VFT_OK;
}

static const cli_command sampler_replay;

static vft_status run_replay(int argc, char **argv) {
  const char *folder = NULL, *epoch_text = NULL;
  bool json = false, shown;
  long epoch = 0;
  const cli_option option[] = {
      {"epoch", 'e', "E", "only this one, numbered from 0", NULL, &epoch_text},
      {"json", 0, NULL, "one JSON object", &json, NULL}};
  TRY(cli_parse(&sampler_replay, argc, argv, option, 2, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (epoch_text) TRY(cli_number(&sampler_replay, "epoch", epoch_text, 0, 1l << 40, &epoch));
  json_t *list = json_array();
  vft_status st = vft_run_sampler_replay(folder, epoch_text ? (uint64_t)epoch : UINT64_MAX,
                                         json ? collect : print, list);
  if (json && (st == VFT_OK || st == VFT_REJECTED)) {
    json_t *root = json_pack("{s:O}", "epochs", list);
    int bad = json_dumpf(root, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(root);
    printf("\n");
    if (bad && st == VFT_OK) st = vft_fail(VFT_RESOURCE, "cannot write JSON");
  }
  json_decref(list);
  return st;
}

static const cli_command sampler_replay = {
    "sampler replay", "RUN [--epoch E]",
    "Compute which records the sampler gives a run, and compare with log and proofs",
    "Reads the manifest, the dataset folder of the run, private/log.jsonl and the epochs' proofs. Public epochs need no\n"
    "secret; private ones are replayed where the secret in DATA/private is.",
    run_replay};

static vft_status run(int argc, char **argv) {
  if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
    fprintf(argc < 2 ? stderr : stdout,
            "Usage: vft sampler COMMAND [ARGUMENTS]\n\n%s\n\nCommands:\n  %-9s %s\n",
            cli_sampler.summary, "replay", sampler_replay.summary);
    return argc < 2 ? vft_fail(VFT_USAGE, "vft sampler: which command? see 'vft sampler --help'")
                    : VFT_OK;
  }
  if (!strcmp(argv[1], "replay")) return run_replay(argc - 1, argv + 1);
  return vft_fail(VFT_USAGE, "vft sampler: unknown command '%s', did you mean 'replay'?", argv[1]);
}

const cli_command cli_sampler = {"sampler", "COMMAND", "Replay the order of the records of a run",
                                 "", run};
