#include <string.h>

#include "base/pool.h"
#include "data/records.h"

vft_status vft_record_encode(const vft_record *record, vft_text_rule rule,
                             const vft_tokenizer *tokenizer, const vft_template *tmpl,
                             size_t max_length, vft_sample *out) {
  vft_status st = VFT_RESOURCE;
  size_t made = 0;
  *out = (vft_sample){0};
  vft_message *message = vft_alloc(record->messages, sizeof *message);
  if (!message) goto out;
  for (; made < record->messages; made++) {
    const vft_message *from = &record->message[made];
    char *text;
    size_t length;
    TRY_OUT(vft_text_canonical(rule, from->content, from->length, &text, &length));
    message[made] = (vft_message){from->role, from->masked, text, length};
    if (length) continue;
    vft_free(text);
    TRY_OUT(vft_fail(VFT_USAGE, "message %zu: nothing is left of its text under text_rule: %s",
                     made + 1, vft_text_rule_names[rule]));
  }
  TRY_OUT(vft_template_encode(tmpl, tokenizer, message, record->messages, false, max_length, out));
out:
  for (size_t i = 0; i < made; i++) vft_free((char *)(uintptr_t)message[i].content);
  vft_free(message);
  return st;
}

typedef struct {
  const vft_records *records;
  vft_text_rule rule;
  const vft_tokenizer *tokenizer;
  const vft_template *tmpl;
  size_t max_length;
  vft_sample *sample; /* by record */
  uint8_t *failed;
} job;

static vft_status encode_one(const job *j, size_t i, vft_sample *out) {
  return vft_record_encode(&j->records->record[i], j->rule, j->tokenizer, j->tmpl, j->max_length,
                           out);
}

static void encode_range(void *ctx, size_t begin, size_t end) {
  job *j = ctx;
  for (size_t i = begin; i < end; i++) j->failed[i] = encode_one(j, i, &j->sample[i]) != VFT_OK;
}

/* Messages are kept per thread: the first failing record is encoded again on this one. */
static vft_status report_failure(const job *j) {
  for (size_t i = 0; i < j->records->count; i++) {
    if (!j->failed[i]) continue;
    vft_sample again;
    vft_status st = encode_one(j, i, &again);
    vft_sample_free(&again);
    if (st != VFT_OK)
      return vft_fail_context(st, "%s: line %zu", j->records->name, j->records->record[i].line);
    return vft_fail(VFT_RESOURCE, "%s: out of memory while encoding records", j->records->name);
  }
  return VFT_OK;
}

vft_status vft_samples_build(const vft_records *records, vft_text_rule rule,
                             const vft_tokenizer *tokenizer, const vft_template *tmpl,
                             size_t max_length, vft_samples *out) {
  *out = (vft_samples){0};
  if (max_length < 2)
    return vft_fail(VFT_USAGE, "maximum length %zu, expected at least 2", max_length);
  size_t n = records->count;
  job j = {records, rule, tokenizer, tmpl, max_length, vft_alloc(n, sizeof *j.sample),
           vft_alloc(n, 1)};
  out->record = vft_alloc(n, sizeof *out->record);
  vft_status st = VFT_RESOURCE;
  if (!j.sample || !j.failed || !out->record) goto out;
  vft_parallel_for(n, 16, encode_range, &j);
  TRY_OUT(report_failure(&j));
  for (size_t i = 0; i < n; i++) {
    vft_sample s = j.sample[i];
    if (s.loss_tokens == 0) {
      if (out->without_loss++ == 0) out->first_without = i;
      vft_sample_free(&j.sample[i]);
      continue;
    }
    out->truncated += s.full_length > s.length;
    out->dropped_bytes += s.dropped_bytes;
    out->tokens += s.length;
    out->loss_tokens += s.loss_tokens;
    if (s.length > out->longest) out->longest = s.length;
    if (i != out->count) {
      j.sample[out->count] = s;
      j.sample[i] = (vft_sample){0};
    }
    out->record[out->count++] = i;
  }
  out->sample = j.sample;
  j.sample = NULL;
  if (out->count == 0)
    TRY_OUT(vft_fail(VFT_USAGE, "%s: no record has a token to learn within its first %zu tokens; "
                     "raise sequence_len", records->name, max_length));
out:
  if (j.sample)
    for (size_t i = 0; i < n; i++) vft_sample_free(&j.sample[i]);
  vft_free(j.sample);
  vft_free(j.failed);
  if (st != VFT_OK) vft_samples_free(out);
  return st;
}

void vft_samples_free(vft_samples *s) {
  for (size_t i = 0; i < s->count; i++) vft_sample_free(&s->sample[i]);
  vft_free(s->sample);
  vft_free(s->record);
  *s = (vft_samples){0};
}
