#include "data/member.h"

#include <string.h>

static const char magic[8] = {'V', 'F', 'T', 'M', 'E', 'M', 'B', '1'};

vft_status vft_member_prove(const vft_dataset *d, uint64_t n, vft_member *m) {
  vft_row row;
  size_t source;
  memset(m, 0, sizeof *m);
  TRY(vft_dataset_row(d, n, &row, &source));
  vft_tier tier = vft_dataset_tier_of(d, n);
  const vft_class *c = d->classes.list[row.class_number];
  if (d->height > VFT_MEMBER_HEIGHT)
    return vft_fail(VFT_USAGE, "a tier of more than 2^%d records", VFT_MEMBER_HEIGHT);
  if (!vft_class_read(c->bytes, c->length, &m->record_class)) return VFT_RESOURCE;
  m->index = n - d->tier_first[tier];
  m->records = d->tier_records[tier];
  m->sequence_len = d->sequence_len;
  m->tokens = row.tokens;
  m->loss_tokens = row.loss_tokens;
  m->root = d->root;
  for (int t = 0, k = 0; t < VFT_TIERS; t++)
    if (t != (int)tier) m->other[k++] = d->tier_root[t];
  m->content = row.content;
  m->salt = vft_record_salt(d->master, n);
  return vft_dataset_path(d, n, m->sibling, &m->height);
}

/* ---- the file ---- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n) {
  memcpy(at, bytes, n);
  return at + n;
}

static uint8_t *put_number(uint8_t *at, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++) *at++ = (uint8_t)(v >> (8 * i));
  return at;
}

static uint8_t *put_digest(uint8_t *at, const vft_poseidon_digest *d) {
  vft_poseidon_bytes(d, at);
  return at + 32;
}

size_t vft_member_write(const vft_member *m, uint8_t out[VFT_MEMBER_BYTES]) {
  /* 8 + 4 + 32 (1 + 2 + 2) + 4 + 24 + 8 + 4 + 2048 + 40 * 32 < 4096 */
  uint8_t *at = put(out, magic, sizeof magic);
  at = put_number(at, 2, 4);
  at = put_digest(at, &m->root);
  for (int k = 0; k < VFT_TIERS - 1; k++) at = put_digest(at, &m->other[k]);
  at = put_number(at, m->height, 4);
  at = put_number(at, m->records, 8);
  at = put_number(at, m->sequence_len, 8);
  at = put_number(at, m->index, 8);
  at = put_number(at, m->tokens, 4);
  at = put_number(at, m->loss_tokens, 4);
  at = put_digest(at, &m->content);
  at = put_digest(at, &m->salt);
  at = put_number(at, m->record_class.length, 4);
  at = put(at, m->record_class.bytes, m->record_class.length);
  for (unsigned h = 0; h < m->height; h++) at = put_digest(at, &m->sibling[h]);
  return (size_t)(at - out);
}

typedef struct {
  const uint8_t *at;
  size_t left;
  bool short_file, bad_digest;
} cursor;

static const uint8_t *take(cursor *c, size_t n) {
  static const uint8_t zero[VFT_CLASS_BYTES];
  if (c->left < n) {
    c->short_file = true;
    c->left = 0;
    return zero;
  }
  const uint8_t *at = c->at;
  c->at += n;
  c->left -= n;
  return at;
}

static uint64_t take_number(cursor *c, int bytes) {
  const uint8_t *b = take(c, (size_t)bytes);
  uint64_t v = 0;
  for (int i = bytes - 1; i >= 0; i--) v = v << 8 | b[i];
  return v;
}

static void take_digest(cursor *c, vft_poseidon_digest *out) {
  if (!vft_poseidon_read(take(c, 32), out)) c->bad_digest = true;
}

static vft_status read_member(cursor *c, vft_member *m) {
  memset(m, 0, sizeof *m);
  if (memcmp(take(c, sizeof magic), magic, sizeof magic) || take_number(c, 4) != 2)
    return vft_reject("member/header", "not a membership file of this version (VFTMEMB1, 2)");
  take_digest(c, &m->root);
  for (int k = 0; k < VFT_TIERS - 1; k++) take_digest(c, &m->other[k]);
  m->height = (unsigned)take_number(c, 4);
  m->records = take_number(c, 8);
  m->sequence_len = take_number(c, 8);
  m->index = take_number(c, 8);
  m->tokens = (uint32_t)take_number(c, 4);
  m->loss_tokens = (uint32_t)take_number(c, 4);
  take_digest(c, &m->content);
  take_digest(c, &m->salt);
  uint64_t length = take_number(c, 4);
  if (c->short_file || length > VFT_CLASS_BYTES || length > c->left)
    return vft_reject("member/header", "the membership file is cut short");
  bool known = vft_class_read(take(c, length), length, &m->record_class);
  if (!known || m->height > VFT_MEMBER_HEIGHT || m->records > 1ull << m->height ||
      m->index >= m->records ||
      m->sequence_len > UINT32_MAX || m->tokens == 0 || m->tokens > m->sequence_len + 1 ||
      m->loss_tokens >= m->tokens)
    return vft_reject("member/canonical", "a number is out of its range, or the metadata is not "
                      "in canonical form");
  if (c->left != 32 * (size_t)m->height)
    return vft_reject("member/header", "the membership file has %zu bytes of path, expected %u",
                      c->left, 32 * m->height);
  for (unsigned h = 0; h < m->height; h++) take_digest(c, &m->sibling[h]);
  if (c->bad_digest)
    return vft_reject("member/canonical", "a digest is not four field elements below p");
  return VFT_OK;
}

static vft_poseidon_digest climb(const vft_member *m) {
  vft_poseidon_digest metadata, at[2];
  const vft_class *c = &m->record_class;
  vft_poseidon_digest class_digest = vft_class_digest(c->bytes, c->length);
  vft_metadata_digests(&class_digest, &m->tokens, &m->loss_tokens, &metadata, 1);
  vft_leaf_digests(&m->content, &metadata, &m->salt, &at[0], 1);
  for (unsigned h = 0; h < m->height; h++) {
    int right = (int)(m->index >> h & 1);
    at[right] = at[0];
    at[!right] = m->sibling[h];
    vft_poseidon_compress(at, at, 1);
  }
  vft_poseidon_digest tier[VFT_TIERS];
  for (int t = 0, k = 0; t < VFT_TIERS; t++)
    tier[t] = t == (int)c->tier ? vft_tier_root(&at[0], m->records, m->sequence_len, c->tier)
                                : m->other[k++];
  return vft_dataset_root(tier);
}

vft_status vft_member_verify(const uint8_t *bytes, size_t size, const vft_poseidon_digest *root,
                             vft_member *m) {
  cursor c = {bytes, size, false, false};
  TRY(read_member(&c, m));
  vft_poseidon_digest found = climb(m);
  if (!vft_poseidon_equal(&found, &m->root))
    return vft_reject("member/path", "the path does not lead from the record to the file's root");
  if (root && !vft_poseidon_equal(&found, root))
    return vft_reject("member/root", "the file is about another dataset than the root asked for");
  return VFT_OK;
}
