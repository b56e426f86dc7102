/* Longest-match search for the added tokens in a text. */
#ifndef VFT_MODEL_TOKEN_TRIE_H
#define VFT_MODEL_TOKEN_TRIE_H

#include "model/source.h"

typedef struct vft_trie vft_trie;

/* Room for strings of `bytes` bytes in all. NULL: message recorded. */
vft_trie *vft_trie_new(size_t bytes);
void vft_trie_free(vft_trie *trie);
/* Requires: the string is not empty, the bytes announced are not exceeded. */
void vft_trie_add(vft_trie *trie, vft_slice text, int32_t id, uint8_t kind);
/* Id of the longest string of an allowed kind that `text` begins with, -1; *length its bytes.
 * kind & mask must equal `wanted`. */
int32_t vft_trie_match(const vft_trie *trie, const char *text, size_t length, uint8_t mask,
                       uint8_t wanted, size_t *matched);

#endif
