/* BLAKE3 of one long message, sixteen of its chunks at a time. */
#include "hash/blake3_kernels.h"

enum { LANES = 16, SLICE = 8 * LANES };

/* The 16 apart chunks from `in` on, of which the first has index h->chunk, a multiple of their number:
 * lane l of slice s is chunk l apart + s, so slices join lane by lane to subtrees of `apart` chunks, and
 * these one after the other. */
static void push_group(vft_blake3 *h, const uint8_t *in, size_t apart) {
  const vft_blake3_ops *ops = vft_blake3_dispatch();
  uint32_t cv[LANES * SLICE], value[8];
  for (size_t s = 0; s < apart; s++)
    ops->chunks(in + s * VFT_BLAKE3_CHUNK, apart, h->chunk + s, cv + s * SLICE);
  for (size_t n = apart / 2; n; n /= 2)
    for (size_t s = 0; s < n; s++)
      ops->merge(cv + 2 * s * SLICE, cv + (2 * s + 1) * SLICE, cv + s * SLICE, LANES,
                 VFT_BLAKE3_PARENT);
  for (size_t l = 0; l < LANES; l++) {
    for (int w = 0; w < 8; w++) value[w] = cv[w * LANES + l];
    vft_blake3_push(h, value, apart);
  }
}

/* Groups of 256 chunks, which join fifteen sixteenths of their subtrees in lanes; where there is none,
 * before and behind them, groups of 16. */
void vft_blake3_update_long(vft_blake3 *h, const void *data, size_t len) {
  const uint8_t *p = data;
  const size_t group = (size_t)LANES * VFT_BLAKE3_CHUNK;
  for (;;) {
    size_t open = h->blocks_done * VFT_BLAKE3_BLOCK + h->block_len;
    size_t take = (LANES - h->chunk % LANES) * VFT_BLAKE3_CHUNK - open; /* to a group's end */
    if (take >= len) break;
    if (take < group) {
      vft_blake3_update(h, p, take);
      vft_blake3_close(h);
    } else {
      size_t apart = h->chunk % (LANES * LANES) == 0 && len > LANES * group ? LANES : 1;
      push_group(h, p, apart);
      take *= apart;
    }
    p += take, len -= take;
  }
  vft_blake3_update(h, p, len);
}
