#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "run/estimate.h"
#include "run/memory.h"

static void duration(const char *name, double s) {
  if (s < 120)
    printf("%-22s %.1f s\n", name, s);
  else if (s < 7200)
    printf("%-22s %.0f min\n", name, s / 60);
  else
    printf("%-22s %.1f h\n", name, s / 3600);
}

static void print(const vft_estimate *e) {
  printf("%-22s %llu\n", "steps", (unsigned long long)e->steps);
  if (e->cut.n)
    printf("%-22s %u (head, %d ranges of at most %d layers, their optimisers)\n",
           "shards a step", e->shards, e->cut.n, e->cut.count[0]);
  else if (e->cut.steps > 1)
    printf("%-22s %d\n", "steps in a proof", e->cut.steps);
  else
    printf("%-22s 1\n", "shards a step");
  printf("%-22s %.1f million, %.1f million lookups\n", "integers a step",
         (double)e->committed / 1e6, (double)e->lookups / 1e6);
  printf("%-22s %.2f GB\n", "memory, at most", (double)e->memory_bytes / 1e9);
  printf("%-22s %.1f MB\n", "proofs", (double)e->proof_bytes / 1e6);
  printf("%-22s %.1f MB\n", "disk", (double)e->disk_bytes / 1e6);
  duration("training", e->train_seconds);
  duration("proving", e->prove_seconds);
  duration("  of it, the opening", e->open_seconds);
  if (!e->aggregate.leaves) return;
  printf("%-22s %llu leaves, at most %.2f GB\n", "certificate", (unsigned long long)e->aggregate.leaves,
         (double)e->aggregate.memory_bytes / 1e9);
  duration("aggregating", e->aggregate.seconds);
}

static vft_status print_json(const vft_estimate *e) {
  json_t *root = json_pack(
      "{s:I, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:f, s:I}", "steps",
      (json_int_t)e->steps, "steps_a_proof", e->cut.steps, "ranges", e->cut.n, "shards_a_step", (int)e->shards, "committed_a_step",
      (json_int_t)e->committed, "lookups_a_step", (json_int_t)e->lookups, "memory_bytes",
      (json_int_t)e->memory_bytes, "proof_bytes", (json_int_t)e->proof_bytes, "disk_bytes",
      (json_int_t)e->disk_bytes, "train_s", e->train_seconds, "prove_s", e->prove_seconds, "open_s",
      e->open_seconds, "leaves", (json_int_t)e->aggregate.leaves, "aggregate_s", e->aggregate.seconds,
      "aggregate_memory_bytes", (json_int_t)e->aggregate.memory_bytes);
  int failed = !root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
  json_decref(root);
  if (failed) return vft_fail(VFT_RESOURCE, "cannot write the estimate");
  putchar('\n');
  return VFT_OK;
}

static vft_status run(int argc, char **argv) {
  const char *config = NULL, *memory = NULL, *data = NULL;
  uint64_t bytes = 0;
  bool json = false, shown;
  vft_estimate estimate;
  const cli_option option[] = {
      {"data", 0, "DIR", "a finished vft data commit of its records", NULL, &data},
      {"json", 0, NULL, "one JSON object", &json, NULL},
      {"memory", 0, "SIZE", "memory to stay within, such as 16G (default: what is free)", NULL,
       &memory}};
  TRY(cli_parse(&cli_estimate, argc, argv, option, 3, &config, 1, true, &shown));
  if (shown) return VFT_OK;
  if (memory) TRY(vft_memory_parse(memory, &bytes));
  TRY(vft_run_estimate(config, data, bytes, &estimate));
  if (json) return print_json(&estimate);
  print(&estimate);
  return VFT_OK;
}

const cli_command cli_estimate = {
    "estimate", "CONFIG.yaml [--memory SIZE]", "Steps, shards, memory, disk and time of a run",
    "Plans the run, executes one step and times a small proof; writes nothing.", run};
