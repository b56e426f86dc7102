#include "data/leaf.h"

#include <string.h>

#include "data/class.h"
#include "hash/blake3.h"

const char *const vft_tier_names[VFT_TIERS] = {"public", "restricted", "shadow"};

size_t vft_pack_bytes(const void *bytes, size_t n, vft_fp *out) {
  const uint8_t *b = bytes;
  size_t count = (n + 6) / 7;
  for (size_t i = 0; i < count; i++) {
    uint64_t v = 0;
    for (size_t k = 0; k < 7 && 7 * i + k < n; k++) v |= (uint64_t)b[7 * i + k] << (8 * k);
    out[i].v = v;
  }
  return count;
}

static vft_poseidon_digest sponge(uint64_t domain, const vft_fp *in, size_t n) {
  vft_poseidon_digest d;
  vft_poseidon_hash_many(domain, in, n, 1, &d);
  return d;
}

vft_poseidon_digest vft_class_digest(const uint8_t *bytes, size_t n) {
  vft_fp in[1 + (VFT_CLASS_BYTES + 6) / 7];
  in[0] = vft_fp_from_u64(n);
  return sponge(VFT_DOMAIN_CLASS, in, 1 + vft_pack_bytes(bytes, n, in + 1));
}

size_t vft_content_elements(size_t n) { return 8 + 8 * ((n + 15) / 16); }

/* 2 label + mask at position i. */
static uint64_t word(const vft_sample *s, size_t n, int32_t pad_id, size_t i) {
  if (i >= n) return 0;
  bool real = i + 1 < s->length;
  return 2 * (uint64_t)(real ? s->id[i + 1] : pad_id) + (real && s->mask[i + 1]);
}

void vft_content_pack(const vft_sample *s, size_t n, int32_t pad_id, const uint8_t raw[32],
                      vft_fp *out) {
  out[0].v = (uint64_t)s->id[0];
  out[1].v = s->length < n + 1 ? s->length : n + 1;
  out[2].v = n;
  vft_pack_bytes(raw, 32, out + 3);
  /* ids are below 2^30, so words are below 2^31 and elements below 2^63 < p: injective */
  out += 8;
  for (size_t j = 0; j < (n + 15) / 16; j++)
    for (size_t l = 0; l < 8; l++)
      out[8 * j + l].v =
          word(s, n, pad_id, 16 * j + l) + (word(s, n, pad_id, 16 * j + 8 + l) << 32);
}

enum { BATCH = 32 };

void vft_metadata_digests(const vft_poseidon_digest *class_digest, const uint32_t *tokens,
                          const uint32_t *loss_tokens, vft_poseidon_digest *out, size_t count) {
  vft_fp in[BATCH][8];
  for (size_t k = 0; k < count; k += BATCH) {
    size_t m = count - k < BATCH ? count - k : BATCH;
    memset(in, 0, sizeof in);
    for (size_t i = 0; i < m; i++) {
      memcpy(in[i], class_digest[k + i].e, sizeof class_digest->e);
      in[i][4].v = tokens[k + i];
      in[i][5].v = loss_tokens[k + i];
    }
    vft_poseidon_hash_many(VFT_DOMAIN_METADATA, in[0], 8, m, out + k);
  }
}

void vft_leaf_digests(const vft_poseidon_digest *content, const vft_poseidon_digest *metadata,
                      const vft_poseidon_digest *salt, vft_poseidon_digest *leaf, size_t count) {
  vft_poseidon_digest in[3 * BATCH];
  for (size_t k = 0; k < count; k += BATCH) {
    size_t m = count - k < BATCH ? count - k : BATCH;
    for (size_t i = 0; i < m; i++) {
      in[3 * i] = content[k + i];
      in[3 * i + 1] = metadata[k + i];
      in[3 * i + 2] = salt[k + i];
    }
    vft_poseidon_hash_many(VFT_DOMAIN_LEAF, in[0].e, 12, m, leaf + k);
  }
}

vft_poseidon_digest vft_record_salt(const uint8_t master[32], uint64_t n) {
  static const char domain[] = "vft record salt v1";
  uint8_t index[8], out[64];
  vft_blake3 h;
  vft_poseidon_digest salt;
  for (int i = 0; i < 8; i++) index[i] = (uint8_t)(n >> (8 * i));
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, master, 32);
  vft_blake3_update(&h, index, sizeof index);
  vft_blake3_final(&h, out, sizeof out);
  for (int j = 0; j < 4; j++) {
    uint64_t half[2] = {0, 0};
    for (int k = 15; k >= 0; k--) half[k / 8] = half[k / 8] << 8 | out[16 * j + k];
    salt.e[j] = vft_fp_reduce128(half[1], half[0]);
  }
  return salt;
}

unsigned vft_tree_height(uint64_t records) {
  unsigned h = 0;
  while (h < 63 && 1ull << h < records) h++;
  return h;
}

unsigned vft_dataset_height(const uint64_t tier_records[VFT_TIERS]) {
  unsigned height = 0;
  for (int t = 0; t < VFT_TIERS; t++) {
    unsigned h = vft_tree_height(tier_records[t]);
    if (h > height) height = h;
  }
  return height;
}

vft_poseidon_digest vft_tier_root(const vft_poseidon_digest *tree, uint64_t records,
                                  uint64_t sequence_len, vft_tier tier) {
  vft_fp in[8];
  if (!records) return (vft_poseidon_digest){{{0}}};
  memcpy(in, tree->e, sizeof tree->e);
  in[4] = vft_fp_from_u64(records);
  in[5] = vft_fp_from_u64(sequence_len);
  in[6].v = (uint64_t)tier;
  in[7].v = 1;
  return sponge(VFT_DOMAIN_TIER, in, 8);
}

vft_poseidon_digest vft_dataset_root(const vft_poseidon_digest tier[VFT_TIERS]) {
  return sponge(VFT_DOMAIN_DATASET, tier[0].e, 4 * VFT_TIERS);
}
