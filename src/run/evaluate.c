#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run/progress.h"
#include "run/run.h"
#include "run/state.h"

/* Sums over the loss tokens seen. */
typedef struct {
  uint64_t tokens, count[VFT_ECE_BINS];
  double nll, confidence[VFT_ECE_BINS], correct[VFT_ECE_BINS];
} tally;

static void add(tally *t, const vft_token_score *s) {
  int bin = (int)ceil(s->confidence * VFT_ECE_BINS) - 1;
  if (bin < 0) bin = 0;
  if (bin >= VFT_ECE_BINS) bin = VFT_ECE_BINS - 1;
  t->tokens++;
  t->nll += s->nll;
  t->count[bin]++;
  t->confidence[bin] += s->confidence;
  t->correct[bin] += s->correct;
}

static vft_evaluation finish(const tally *t) {
  vft_evaluation e = {.tokens = t->tokens, .loss = t->nll / (double)t->tokens};
  e.perplexity = exp(e.loss);
  for (int b = 0; b < VFT_ECE_BINS; b++) {
    e.ece += fabs(t->correct[b] - t->confidence[b]) / (double)t->tokens;
    if (!t->count[b]) continue;
    e.bin[b].tokens = t->count[b];
    e.bin[b].confidence = t->confidence[b] / (double)t->count[b];
    e.bin[b].accuracy = t->correct[b] / (double)t->count[b];
  }
  return e;
}

static vft_status evaluate(const vft_plan *plan, const vft_samples *samples,
                           const vft_state *state, const char *what, vft_evaluation *out) {
  const vft_manifest *m = &plan->manifest;
  vft_trainer *trainer = NULL;
  vft_batch batch;
  tally t;
  memset(&t, 0, sizeof t);
  TRY(vft_batch_alloc(m, &batch));
  size_t n = batch.sequences * batch.positions;
  vft_status st = VFT_OK;
  vft_token_score *score = vft_alloc(n, sizeof *score);
  if (!score) st = VFT_RESOURCE;
  if (st == VFT_OK) st = vft_trainer_new(plan->step, &plan->weights, &trainer);
  vft_progress progress = vft_progress_begin(what, 0, samples->count);
  for (size_t at = 0; st == VFT_OK && at < samples->count; at += batch.sequences) {
    static const vft_sample none = {0};
    batch.loss_tokens = 0;
    for (size_t s = 0; s < batch.sequences; s++)
      vft_batch_put(m, &batch, s, at + s < samples->count ? &samples->sample[at + s] : &none);
    vft_train_batch data = {batch.input, batch.label, batch.mask, NULL};
    st = vft_interrupt_check("run vft eval again");
    if (st == VFT_OK) st = vft_trainer_evaluate(trainer, state, &data, score);
    for (size_t i = 0; st == VFT_OK && i < n; i++)
      if (batch.mask[i]) add(&t, &score[i]);
    size_t done = at + batch.sequences;
    vft_progress_step(&progress, done < samples->count ? done : samples->count, "");
  }
  vft_trainer_free(trainer);
  vft_free(score);
  vft_batch_free(&batch);
  TRY(st);
  *out = finish(&t);
  return VFT_OK;
}

/* One JSON object a record, as bench/parity.py reads it. */
static vft_status write_heldout(const char *path, const vft_records *records,
                                const vft_samples *samples) {
  FILE *f = fopen(path, "wb");
  if (!f) return vft_fail(VFT_USAGE, "%s: cannot write: %s", path, strerror(errno));
  for (size_t k = 0; k < samples->count; k++) {
    const vft_sample *x = &samples->sample[k];
    const char *language = vft_record_lang(&records->record[samples->record[k]]);
    fputs("{\"ids\": [", f);
    for (size_t i = 0; i < x->length; i++) fprintf(f, i ? ", %d" : "%d", x->id[i]);
    fputs("], \"mask\": [", f);
    for (size_t i = 1; i < x->length; i++) fprintf(f, i > 1 ? ", %d" : "%d", x->mask[i] != 0);
    fputc(']', f);
    /* names of languages are short words; anything else is left out */
    if (language && strspn(language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") ==
                        strlen(language))
      fprintf(f, ", \"language\": \"%s\"", language);
    fputs("}\n", f);
  }
  int bad = ferror(f), lost = fclose(f);
  if (!bad && !lost) return VFT_OK;
  vft_status st = vft_fail(VFT_RESOURCE, "%s: cannot write: %s", path, strerror(errno));
  unlink(path);
  return st;
}

vft_status vft_run_evaluate(const char *run, const char *data, const char *heldout,
                            vft_evaluation *before, vft_evaluation *after) {
  vft_plan plan;
  vft_records records = {0};
  vft_samples samples = {0};
  vft_state state = {0};
  TRY(vft_plan_open(run, VFT_PLAN_WEIGHTS | VFT_PLAN_TOKENIZER, &plan));
  const vft_manifest *m = &plan.manifest;
  vft_status st;
  TRY_OUT(vft_records_load(data, VFT_RECORDS_AUTO, &records));
  TRY_OUT(vft_samples_build(&records, m->sampling.text_rule, plan.tokenizer, &plan.tmpl,
                            (size_t)m->shape.positions + 1, &samples));
  if (samples.truncated)
    vft_note("note: %s: %zu records are longer than sequence_len and are cut", data,
             samples.truncated);
  if (heldout) TRY_OUT(write_heldout(heldout, &records, &samples));
  TRY_OUT(vft_state_alloc(&m->shape, &state));
  if (vft_checkpoint_find(run, m->steps) != m->steps) {
    st = vft_fail(VFT_USAGE, "%s: not trained to its end; vft train ... --resume goes on", run);
    goto out;
  }
  TRY_OUT(vft_state_start(&plan, &state));
  TRY_OUT(evaluate(&plan, &samples, &state, "before training", before));
  TRY_OUT(vft_state_load(&plan, run, m->steps, &state));
  TRY_OUT(evaluate(&plan, &samples, &state, "after training", after));
out:
  vft_state_free(&state);
  vft_samples_free(&samples);
  vft_records_free(&records);
  vft_plan_free(&plan);
  return st;
}
