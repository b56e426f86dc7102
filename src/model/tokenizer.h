/* Byte-level BPE tokenizer read from GGUF metadata or from tokenizer.json.
 *
 * Text -> (special and added tokens cut out) -> normaliser (none or NFC) -> pre-tokenizer (a list
 * of splits by regular expression) -> bytes -> merges in rank order.  The same vocabulary gives
 * the same object and the same digest from either source. */
#ifndef VFT_MODEL_TOKENIZER_H
#define VFT_MODEL_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct vft_tokenizer vft_tokenizer;

/* Growable list of token ids. Zero-initialise; vft_tokens_free at the end. */
typedef struct {
  int32_t *id;
  size_t count, capacity;
  size_t dropped_bytes; /* bytes the vocabulary has no token for (the reference drops them too) */
} vft_tokens;
vft_status vft_tokens_push(vft_tokens *tokens, int32_t id);
void vft_tokens_free(vft_tokens *tokens);

/* `path`: a .gguf file, a tokenizer.json, a folder that holds one, or a .safetensors file beside
 * one.  Fails: VFT_USAGE, naming what is malformed or not supported; VFT_RESOURCE. */
vft_status vft_tokenizer_load(const char *path, vft_tokenizer **out) VFT_MUST_CHECK;
/* From memory; `name` is used in messages. */
vft_status vft_tokenizer_from_json(const char *json, size_t length, const char *name,
                                   vft_tokenizer **out) VFT_MUST_CHECK;
struct vft_gguf;
vft_status vft_tokenizer_from_gguf(const struct vft_gguf *file,
                                   vft_tokenizer **out) VFT_MUST_CHECK;
void vft_tokenizer_free(vft_tokenizer *tokenizer);

/* Number of ids: all ids are in [0, size). */
size_t vft_tokenizer_size(const vft_tokenizer *tokenizer);
/* SHA-256 of the canonical description (FORMATS.md, "Tokenizer digest"). */
const uint8_t *vft_tokenizer_digest(const vft_tokenizer *tokenizer);

/* Appends the ids of `text` (UTF-8). `parse_special`: text of a special token, such as
 * "<|im_end|>", becomes that token; false treats it as ordinary text (records are untrusted).
 * No id is added at the start or end.
 * Fails: VFT_USAGE (not UTF-8; a pattern of the file needs too much backtracking), VFT_RESOURCE. */
vft_status vft_tokenizer_encode(const vft_tokenizer *tokenizer, const char *text, size_t length,
                                bool parse_special, vft_tokens *out) VFT_MUST_CHECK;

/* Bytes of the ids, NUL-terminated, in *text (vft_free). May end inside a UTF-8 sequence.
 * Fails: VFT_USAGE (id out of range), VFT_RESOURCE. */
vft_status vft_tokenizer_decode(const vft_tokenizer *tokenizer, const int32_t *ids, size_t count,
                                bool skip_special, char **text, size_t *length) VFT_MUST_CHECK;

/* Id of a special, added or ordinary token by its exact text, -1 when there is none. */
int32_t vft_tokenizer_id(const vft_tokenizer *tokenizer, const char *content);
/* Is it a special (control) token? */
bool vft_tokenizer_is_special(const vft_tokenizer *tokenizer, int32_t id);

#endif
