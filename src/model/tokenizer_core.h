/* Inside of a tokenizer, for the two loaders: they describe it, vft_tokenizer_finish builds it. */
#ifndef VFT_MODEL_TOKENIZER_CORE_H
#define VFT_MODEL_TOKENIZER_CORE_H

#include "base/mem.h"
#include "model/bpe.h"
#include "model/pattern.h"
#include "model/source.h"
#include "model/tokenizer.h"

enum {
  VFT_TOKENIZER_MAX_IDS = 1 << 21,
  VFT_TOKENIZER_MAX_STEPS = 8,
  VFT_TOKENIZER_MAX_TOKEN = 1 << 16 /* bytes */
};

/* Bits of vft_token.kind. */
enum {
  VFT_TOKEN_ORDINARY = 1,  /* in the vocabulary of the merges */
  VFT_TOKEN_ADDED = 2,     /* cut out of the text before anything else */
  VFT_TOKEN_SPECIAL = 4,   /* added, and only when special tokens are parsed */
  VFT_TOKEN_NORMALISED = 8 /* added, and looked for after the normaliser */
};

typedef struct {
  vft_slice content; /* as in the file; ordinary tokens are in the byte alphabet */
  vft_slice bytes;   /* what it decodes to */
  uint8_t kind;      /* 0: no token has this id */
} vft_token;

/* One split of the pre-tokenizer. */
typedef struct {
  vft_slice pattern;
  bool drop_gaps; /* what lies between matches is left out instead of kept as a piece */
  vft_pattern *compiled;
} vft_split;

typedef struct {
  uint64_t hash;
  int32_t id; /* -1: free */
} vft_name_slot;

struct vft_tokenizer {
  /* Description. */
  const char *name; /* in messages; in the arena */
  vft_token *token; /* by id */
  size_t size;
  vft_merge *merge; /* in rank order */
  size_t merges;
  bool nfc, ignore_merges, fuse_unknown;
  int32_t unknown;
  vft_split split[VFT_TOKENIZER_MAX_STEPS];
  size_t splits;
  /* Built from it. */
  vft_arena arena;
  vft_name_slot *by_name; /* contents; added tokens win over ordinary ones of the same text */
  size_t name_mask;
  vft_bpe bpe;
  struct vft_trie *trie; /* added tokens */
  uint8_t digest[32];
};

/* The split of GPT-2's byte-level pre-tokenizer. */
extern const char vft_pattern_gpt2[];

/* Empty tokenizer with `name` copied. NULL: message recorded. */
vft_tokenizer *vft_tokenizer_new(const char *name);
/* Room for ids [0, size), all absent; once. */
vft_status vft_tokenizer_reserve(vft_tokenizer *t, size_t size);
/* Declares a token (copied). A second call for the same id adds kind bits and must have the same
 * content. Fails: VFT_USAGE (id out of range, another content, empty, too long, not UTF-8). */
vft_status vft_tokenizer_put(vft_tokenizer *t, int64_t id, vft_slice content, uint8_t kind);
vft_status vft_tokenizer_add_split(vft_tokenizer *t, const char *pattern, size_t length,
                                   bool drop_gaps);
/* Indexes the tokens by content; needed before merges are added. */
vft_status vft_tokenizer_index(vft_tokenizer *t);
/* Adds a merge of two ordinary tokens into a third; room for them all is reserved first. */
vft_status vft_tokenizer_reserve_merges(vft_tokenizer *t, size_t count);
vft_status vft_tokenizer_add_merge(vft_tokenizer *t, vft_slice left, vft_slice right);
/* Splits "left right" at its one space. */
vft_status vft_tokenizer_add_merge_text(vft_tokenizer *t, vft_slice text);
/* Builds everything else; the tokenizer is then ready and constant. */
vft_status vft_tokenizer_finish(vft_tokenizer *t);

/* Id of a content, -1. */
int32_t vft_tokenizer_lookup(const vft_tokenizer *t, vft_slice content);

#endif
