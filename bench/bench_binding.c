/* What binding the data adds to proving: bench_binding RUN, a trained and proved run (whose proofs of
 * step 0 it writes again). Core-seconds a step: its share of the epoch's proofs, from the prover's log,
 * and the shard with the batch proved with and without the rows of the epoch; as a fraction of all
 * shards without them. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "run/prover.h"

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The shard that has the batch, as the prover has it; the best of three. */
static vft_status time_batch_shard(vft_prover *p, double *best) {
  vft_digest roots[VFT_PROOF_LINKS];
  *best = 1e9;
  for (int i = 0; i < 3; i++) {
    p->known = p->holds = false;
    p->claims.n = 0;
    double begun = cpu_seconds();
    TRY(vft_prover_shard(p, 0, 0, roots));
    double took = cpu_seconds() - begun;
    if (took < *best) *best = took;
  }
  return VFT_OK;
}

/* Core-seconds in the log: of all shards of all steps, and of the epochs. The first line of each counts:
 * this program adds more. */
static void read_log(const char *run, double *steps, double *epochs) {
  char path[4096], line[4096];
  snprintf(path, sizeof path, "%s/private/prove.jsonl", run);
  FILE *f = fopen(path, "r");
  json_t *seen = json_object();
  *steps = *epochs = 0;
  while (f && fgets(line, sizeof line, f)) {
    json_t *x = json_loads(line, 0, NULL);
    const char *shard = json_string_value(json_object_get(x, "shard"));
    double cpu = json_number_value(json_object_get(x, "cpu_seconds"));
    snprintf(path, sizeof path, "%lld %s", (long long)json_integer_value(json_object_get(x, "step")),
             shard ? shard : "");
    bool again = json_object_get(seen, path) != NULL;
    json_object_set_new(seen, path, json_true());
    if (again) shard = NULL;
    if (shard && !strncmp(shard, "epoch_", 6)) *epochs += cpu;
    else if (shard && strcmp(shard, "release")) *steps += cpu;
    json_decref(x);
  }
  json_decref(seen);
  if (f) fclose(f);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: bench_binding RUN\n");
    return 2;
  }
  vft_prove_request request = {.run = argv[1], .resume = true};
  double bound, free_batch, steps, epochs;
  vft_step *unbound = NULL;
  vft_prover *p = vft_alloc(1, sizeof *p);
  read_log(argv[1], &steps, &epochs); /* before this adds to it */
  vft_status st = p ? vft_prover_open(p, &request) : VFT_RESOURCE;
  if (st == VFT_OK) {
    const vft_manifest *m = &p->plan.manifest;
    vft_step_shape shape = m->shape;
    vft_part part = vft_cut_part(&p->shards.cut, shape.layers, 0);
    shape.steps_per_epoch = 0;
    st = vft_step_build_part(&shape, &m->profile, &part, m->log_columns, NULL, &unbound);
    if (st == VFT_OK) st = time_batch_shard(p, &bound);
    vft_step *own = p->shards.step[0];
    if (st == VFT_OK) {
      p->shards.step[0] = unbound;
      st = time_batch_shard(p, &free_batch);
      p->shards.step[0] = own;
      if (st == VFT_OK) st = time_batch_shard(p, &bound); /* leaves the true proof behind */
    }
    double n = (double)m->steps, extra = bound - free_batch + epochs / n;
    if (st == VFT_OK)
      printf("{\"step_core_s\":%.4f,\"epochs_core_s\":%.4f,\"batch_core_s\":%.4f,"
             "\"overhead\":%.5f}\n",
             steps / n, epochs / n, bound - free_batch,
             extra / (steps / n - (bound - free_batch)));
  }
  if (st != VFT_OK) fprintf(stderr, "bench_binding: %s\n", vft_error_message());
  vft_step_free(unbound);
  if (p) vft_prover_close(p);
  vft_free(p);
  return st != VFT_OK;
}
