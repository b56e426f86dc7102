/* Digests of the dataset commitment (docs/SPEC.md, section 13): what a record's content, its
 * class, its metadata and its leaf hash to, and what stands above the leaves. All Poseidon; every
 * map into field elements is injective, so that equal digests mean equal records. */
#ifndef VFT_DATA_LEAF_H
#define VFT_DATA_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/poseidon.h"
#include "model/chat.h"

/* Domains of the sponge. Nodes of a tree are vft_poseidon_compress. */
enum {
  VFT_DOMAIN_CLASS = 1,
  VFT_DOMAIN_CONTENT,
  VFT_DOMAIN_METADATA,
  VFT_DOMAIN_LEAF,
  VFT_DOMAIN_TIER,
  VFT_DOMAIN_DATASET,
  VFT_DOMAIN_SECRET,
  VFT_DOMAIN_SEED,
  VFT_DOMAIN_WINDOW,
  VFT_DOMAIN_EPOCH,
  VFT_DOMAIN_ROUND,
  VFT_DOMAIN_DRAW /* 13 .. 15: program/epoch.h; 16 and those from 1024 on: merkle/path.h */
};

typedef enum { VFT_TIER_PUBLIC = 0, VFT_TIER_RESTRICTED, VFT_TIER_SHADOW, VFT_TIERS } vft_tier;
extern const char *const vft_tier_names[VFT_TIERS];

/* 7 bytes an element, little-endian, the last one filled up with zeros: (n + 6) / 7 elements,
 * which is returned. Injective for a known n; callers hash n with them or have it fixed. */
size_t vft_pack_bytes(const void *bytes, size_t n, vft_fp *out);
enum { VFT_PACKED_32 = 5 }; /* elements of 32 bytes */

static inline bool vft_poseidon_equal(const vft_poseidon_digest *a, const vft_poseidon_digest *b) {
  return a->e[0].v == b->e[0].v && a->e[1].v == b->e[1].v && a->e[2].v == b->e[2].v &&
         a->e[3].v == b->e[3].v;
}

/* Digest of a class's bytes (data/class.h). At most VFT_CLASS_BYTES. */
vft_poseidon_digest vft_class_digest(const uint8_t *bytes, size_t n);

/* The elements that a record's content digest absorbs, 8 + 8 ceil(n / 16) of them for sequences of
 * n inputs:
 *   first token id, tokens, n, raw text's digest (5 elements);
 *   then for block j and lane l: w[16 j + l] + 2^32 w[16 j + 8 + l], with w[i] = 2 label_i + mask_i
 *   and w[i] = 0 from n on.
 * Labels and masks are those of training: label_i is token i + 1 or pad_id. `tokens` is the
 * number of tokens of the record in the sequence, at most n + 1.
 * Requires: token ids and pad_id in 0 .. 2^30 - 1 (a vocabulary has at most 2^21);
 * sample->length >= 1. */
size_t vft_content_elements(size_t n);
void vft_content_pack(const vft_sample *sample, size_t n, int32_t pad_id, const uint8_t raw[32],
                      vft_fp *out);

/* (class digest, tokens, loss tokens, 0, 0): one permutation each. */
void vft_metadata_digests(const vft_poseidon_digest *class_digest, const uint32_t *tokens,
                          const uint32_t *loss_tokens, vft_poseidon_digest *out, size_t count);
/* (content, metadata, salt): two permutations. count independent leaves. */
void vft_leaf_digests(const vft_poseidon_digest *content, const vft_poseidon_digest *metadata,
                      const vft_poseidon_digest *salt, vft_poseidon_digest *leaf, size_t count);

/* The salt of record n under the owner's master secret. One secret is kept instead of a salt a
 * record: an interrupted commitment goes on with the same salts, a record's salt can be told
 * without telling another's, and the owner has 32 bytes to guard. BLAKE3 as a pseudo-random
 * function: "vft record salt v1" 0x00 | master | le64(n) -> 64 bytes; element j is bytes
 * 16 j .. 16 j + 15 as a little-endian number modulo p, within 2^-64 of uniform. */
vft_poseidon_digest vft_record_salt(const uint8_t master[32], uint64_t n);

/* Least d with 2^d >= records. */
unsigned vft_tree_height(uint64_t records);
/* The height of the trees of all tiers: what the largest tier needs, so that a path is as long in
 * one tier as in another. Leaves from a tier's records on are the digest (0, 0, 0, 0). */
unsigned vft_dataset_height(const uint64_t tier_records[VFT_TIERS]);
/* (root of the tree, records, sequence_len, tier, 1). The zero digest stands for a tier without
 * records. */
vft_poseidon_digest vft_tier_root(const vft_poseidon_digest *tree, uint64_t records,
                                  uint64_t sequence_len, vft_tier tier);
/* c_D: the roots of the three tiers. */
vft_poseidon_digest vft_dataset_root(const vft_poseidon_digest tier[VFT_TIERS]);

#endif
