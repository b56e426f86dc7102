#include "model/chat.h"

#include <string.h>

#include "base/mem.h"
#include "model/source.h"

const char *vft_role_name(vft_role role) {
  static const char *const name[] = {"system", "user", "assistant"};
  return name[role];
}

vft_status vft_template_by_name(const char *name, vft_template *out) {
  *out = (vft_template){VFT_TEMPLATE_CHATML, NULL};
  if (!strcmp(name, "chatml")) return VFT_OK;
  return vft_fail(VFT_USAGE, "unknown chat template '%s'; the one known is chatml",
                  vft_show((vft_slice){name, strlen(name)}).text);
}

vft_status vft_template_digest(const vft_template *tmpl, uint8_t digest[32]) {
  /* label, then 0, or 1 and the default system message */
  static const char label[] = "vft template 1\nchatml\n";
  size_t n = tmpl->default_system ? strlen(tmpl->default_system) : 0, at = sizeof label - 1;
  uint8_t *text = vft_alloc_raw(at + 1 + n, 1);
  if (!text) return VFT_RESOURCE;
  memcpy(text, label, at);
  text[at++] = tmpl->default_system != NULL;
  if (n) memcpy(text + at, tmpl->default_system, n);
  vft_status st = vft_sha256(text, at + n, digest);
  vft_free(text);
  return st;
}

void vft_sample_free(vft_sample *s) {
  vft_free(s->id);
  vft_free(s->mask);
  *s = (vft_sample){0};
}

/* Ids so far, and for each run of equal mask values where it ends. */
typedef struct {
  const vft_tokenizer *tokenizer;
  int32_t start, end;
  vft_tokens tokens;
  uint8_t *mask;
  size_t mask_capacity;
  size_t masked; /* mask is set for the ids below this */
} rendering;

static vft_status set_mask(rendering *r, uint8_t value) {
  if (r->tokens.count > r->mask_capacity) {
    size_t capacity = 2 * r->tokens.count;
    uint8_t *grown = vft_alloc_raw(capacity, 1);
    if (!grown) return VFT_RESOURCE;
    if (r->masked) memcpy(grown, r->mask, r->masked);
    vft_free(r->mask);
    r->mask = grown;
    r->mask_capacity = capacity;
  }
  if (r->tokens.count > r->masked)
    memset(r->mask + r->masked, value, r->tokens.count - r->masked);
  r->masked = r->tokens.count;
  return VFT_OK;
}

static vft_status add_text(rendering *r, const char *text, size_t n) {
  return vft_tokenizer_encode(r->tokenizer, text, n, false, &r->tokens);
}

/* "role\ncontent" as one text, so that it is split as a prompt's text would be. */
static vft_status add_joined(rendering *r, const char *role, const char *content, size_t n) {
  size_t m = strlen(role);
  char *text = vft_alloc_raw(m + 1 + n + 1, 1);
  if (!text) return VFT_RESOURCE;
  memcpy(text, role, m);
  text[m] = '\n';
  if (n) memcpy(text + m + 1, content, n);
  vft_status st = add_text(r, text, m + 1 + n);
  vft_free(text);
  return st;
}

static vft_status add_message(rendering *r, const vft_message *m) {
  bool assistant = m->role == VFT_ROLE_ASSISTANT;
  TRY(vft_tokens_push(&r->tokens, r->start));
  if (assistant) TRY(add_joined(r, vft_role_name(m->role), "", 0));
  else TRY(add_joined(r, vft_role_name(m->role), m->content, m->length));
  TRY(set_mask(r, 0));
  if (assistant) TRY(add_text(r, m->content, m->length));
  TRY(vft_tokens_push(&r->tokens, r->end));
  TRY(set_mask(r, assistant && !m->masked));
  TRY(add_text(r, "\n", 1));
  return set_mask(r, 0);
}

static vft_status render(rendering *r, const vft_template *tmpl, const vft_message *messages,
                         size_t count, bool generation_prompt) {
  r->start = vft_tokenizer_id(r->tokenizer, "<|im_start|>");
  r->end = vft_tokenizer_id(r->tokenizer, "<|im_end|>");
  if (!vft_tokenizer_is_special(r->tokenizer, r->start) ||
      !vft_tokenizer_is_special(r->tokenizer, r->end)) {
    (void)vft_fail(VFT_USAGE, "the chatml template needs the special tokens <|im_start|> and "
                   "<|im_end|>, which the tokenizer does not have");
    return VFT_USAGE;
  }
  if (tmpl->default_system && !(count > 0 && messages[0].role == VFT_ROLE_SYSTEM)) {
    vft_message first = {VFT_ROLE_SYSTEM, false, tmpl->default_system,
                         strlen(tmpl->default_system)};
    TRY(add_message(r, &first));
  }
  for (size_t i = 0; i < count; i++) TRY(add_message(r, &messages[i]));
  if (!generation_prompt) return VFT_OK;
  TRY(vft_tokens_push(&r->tokens, r->start));
  TRY(add_joined(r, vft_role_name(VFT_ROLE_ASSISTANT), "", 0));
  return set_mask(r, 0);
}

vft_status vft_template_encode(const vft_template *tmpl, const vft_tokenizer *tokenizer,
                               const vft_message *messages, size_t count, bool generation_prompt,
                               size_t max_length, vft_sample *out) {
  *out = (vft_sample){0};
  rendering r = {.tokenizer = tokenizer};
  vft_status st = render(&r, tmpl, messages, count, generation_prompt);
  if (st == VFT_OK) {
    out->full_length = r.tokens.count;
    out->length = r.tokens.count < max_length ? r.tokens.count : max_length;
    out->dropped_bytes = r.tokens.dropped_bytes;
    out->id = vft_alloc_raw(out->length, sizeof *out->id);
    out->mask = vft_alloc_raw(out->length, 1);
    if (!out->id || !out->mask) st = VFT_RESOURCE;
  }
  if (st == VFT_OK && out->length) {
    memcpy(out->id, r.tokens.id, out->length * sizeof *out->id);
    memcpy(out->mask, r.mask, out->length);
    /* Nothing predicts the first token. */
    for (size_t i = 1; i < out->length; i++) out->loss_tokens += out->mask[i];
  }
  vft_tokens_free(&r.tokens);
  vft_free(r.mask);
  if (st != VFT_OK) vft_sample_free(out);
  return st;
}
