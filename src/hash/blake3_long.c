/* BLAKE3 of one long message, sixteen of its chunks at a time. */
#include "hash/blake3_kernels.h"

enum { LANES = 16, SLICE = 8 * LANES, GROUP = LANES * VFT_BLAKE3_APART /* chunks at a time */ };

/* The chunks 0 .. 255 of `in`, of index h->chunk and on: lane l of slice s is chunk 16 l + s, so
 * slices join lane by lane to subtrees of 16 chunks, and these one after the other. */
static void push_group(vft_blake3 *h, const uint8_t *in) {
  const vft_blake3_ops *ops = vft_blake3_dispatch();
  uint32_t cv[VFT_BLAKE3_APART * SLICE], value[8];
  for (size_t s = 0; s < VFT_BLAKE3_APART; s++)
    ops->chunks(in + s * VFT_BLAKE3_CHUNK, h->chunk + s, cv + s * SLICE);
  for (size_t n = VFT_BLAKE3_APART / 2; n; n /= 2)
    for (size_t s = 0; s < n; s++)
      ops->merge(cv + 2 * s * SLICE, cv + (2 * s + 1) * SLICE, cv + s * SLICE, LANES,
                 VFT_BLAKE3_PARENT);
  for (size_t l = 0; l < LANES; l++) {
    for (int w = 0; w < 8; w++) value[w] = cv[w * LANES + l];
    vft_blake3_push(h, value, VFT_BLAKE3_APART);
  }
}

void vft_blake3_update_long(vft_blake3 *h, const void *data, size_t len) {
  const uint8_t *p = data;
  const size_t group = (size_t)GROUP * VFT_BLAKE3_CHUNK;
  size_t open = h->blocks_done * VFT_BLAKE3_BLOCK + h->block_len;
  if (open || h->chunk % GROUP) {
    size_t take = (GROUP - h->chunk % GROUP) * VFT_BLAKE3_CHUNK - open; /* to the group's end */
    if (take > len) take = len;
    vft_blake3_update(h, p, take);
    p += take, len -= take;
    if (!len) return;
    vft_blake3_close(h);
  }
  for (; len > group; p += group, len -= group) push_group(h, p);
  vft_blake3_update(h, p, len);
}
