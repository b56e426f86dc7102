/* Chat template: messages -> token ids with a loss mask.
 *
 * ChatML: for each message "<|im_start|>" role "\n" content "<|im_end|>" "\n".  The two markers
 * are the tokenizer's special tokens; role and content are encoded as ordinary text, so a record
 * cannot smuggle a marker in.  The loss mask is 1 on the content of assistant messages and on the
 * <|im_end|> that closes it.  The content of an assistant message is encoded apart from the
 * "assistant\n" before it, exactly as it is generated after a prompt. */
#ifndef VFT_MODEL_CHAT_H
#define VFT_MODEL_CHAT_H

#include <stdbool.h>

#include "model/tokenizer.h"

typedef enum { VFT_ROLE_SYSTEM = 0, VFT_ROLE_USER = 1, VFT_ROLE_ASSISTANT = 2 } vft_role;
const char *vft_role_name(vft_role role);

typedef struct {
  vft_role role;
  bool masked;         /* an assistant message without loss (OpenAI's "weight": 0) */
  const char *content; /* UTF-8 */
  size_t length;
} vft_message;

typedef enum { VFT_TEMPLATE_CHATML = 0 } vft_template_kind;
typedef struct {
  vft_template_kind kind;
  const char *default_system; /* put first when the record has no system message; NULL: nothing */
} vft_template;

/* "chatml" is the one name known. Fails: VFT_USAGE naming the known ones. */
vft_status vft_template_by_name(const char *name, vft_template *out);
/* SHA-256 of the canonical description (FORMATS.md, "Template digest"). Fails: VFT_RESOURCE. */
vft_status vft_template_digest(const vft_template *tmpl, uint8_t digest[32]) VFT_MUST_CHECK;

/* A tokenised conversation. mask[i] = 1: id[i] is a target of the loss, that is, the prediction
 * made at position i-1 is scored against it. Zero-initialise; vft_sample_free at the end. */
typedef struct {
  int32_t *id;
  uint8_t *mask;
  size_t length;
  size_t full_length;   /* before truncation */
  size_t loss_tokens;   /* sum of mask over positions 1..length-1 */
  size_t dropped_bytes;
} vft_sample;
void vft_sample_free(vft_sample *sample);

/* Renders and encodes; keeps the first max_length tokens (max_length >= 1).
 * `generation_prompt` appends "<|im_start|>assistant\n".
 * Fails: VFT_USAGE (tokenizer without the markers, text not UTF-8), VFT_RESOURCE. */
vft_status vft_template_encode(const vft_template *tmpl, const vft_tokenizer *tokenizer,
                               const vft_message *messages, size_t count, bool generation_prompt,
                               size_t max_length, vft_sample *out) VFT_MUST_CHECK;

#endif
