/* Byte-level BPE on one word: bytes -> ids, merged in rank order, leftmost first among equals.
 * Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units"
 * (2016), over bytes. */
#ifndef VFT_MODEL_BPE_H
#define VFT_MODEL_BPE_H

#include "model/tokenizer.h"

typedef struct {
  uint32_t left, right, result, rank;
} vft_merge;

typedef struct {
  int32_t byte_id[256]; /* -1: the vocabulary has no token for the byte */
  int32_t unknown;      /* id put in place of such bytes, -1: they are left out */
  bool fuse_unknown;    /* one id for a run of them */
  vft_merge *slot;      /* open addressing by (left, right); rank UINT32_MAX: free */
  size_t mask;
} vft_bpe;

/* merges[k] has rank k. Fails: VFT_USAGE (a pair twice; `name` in the message), VFT_RESOURCE. */
vft_status vft_bpe_build(vft_bpe *bpe, const vft_merge *merges, size_t count, const char *name);
void vft_bpe_free(vft_bpe *bpe);

/* Reusable room for one thread. Zero-initialise; vft_bpe_scratch_free at the end. */
typedef struct {
  void *block;
  size_t capacity;
} vft_bpe_scratch;
void vft_bpe_scratch_free(vft_bpe_scratch *scratch);

/* Appends the ids of the word's bytes. O(n log n). Requires: length < 2^31. */
vft_status vft_bpe_word(const vft_bpe *bpe, vft_bpe_scratch *scratch, const uint8_t *word,
                        size_t length, vft_tokens *out);

#endif
