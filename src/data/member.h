/* Membership of one record in a committed dataset: a file that shows its metadata, its content
 * digest and the path to c_D. */
#ifndef VFT_DATA_MEMBER_H
#define VFT_DATA_MEMBER_H

#include "data/dataset.h"

enum { VFT_MEMBER_BYTES = 8192, VFT_MEMBER_HEIGHT = 40 };

typedef struct {
  vft_class record_class;
  uint64_t index, records; /* within the tier, of the tier */
  uint64_t sequence_len;
  uint32_t tokens, loss_tokens;
  vft_poseidon_digest root, other[VFT_TIERS - 1]; /* c_D; roots of the other tiers, in order */
  vft_poseidon_digest content, salt;
  vft_poseidon_digest sibling[VFT_MEMBER_HEIGHT];
  unsigned height;
} vft_member;

/* Proof for record n. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_member_prove(const vft_dataset *dataset, uint64_t n, vft_member *out);
/* At most VFT_MEMBER_BYTES; the size. */
size_t vft_member_write(const vft_member *member, uint8_t out[VFT_MEMBER_BYTES]);

/* Reads and checks a file. `root`: the c_D that is asked for, or NULL for the file's own.
 * Fails: VFT_REJECTED: "member/header" (magic, version, lengths), "member/canonical" (a digest
 * that is no field elements, a number out of range, a class in another form), "member/path"
 * (the path does not lead to the file's root), "member/root" (it is not the one asked for). */
VFT_MUST_CHECK vft_status vft_member_verify(const uint8_t *bytes, size_t size,
                                            const vft_poseidon_digest *root, vft_member *out);

#endif
