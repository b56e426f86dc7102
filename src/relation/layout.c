#include "relation/layout.h"

#include <string.h>

enum { MAX_BLOCKS = 1 << 22, MAX_LOG_LENGTH = 44 };

unsigned vft_log2_ceil(uint64_t x) {
  unsigned n = 0;
  while (n < 63 && ((uint64_t)1 << n) < x) n++;
  return n;
}

vft_box vft_layout_tensor_box(const vft_tensor *tensor) {
  vft_box box = {.rank = tensor->rank};
  for (uint32_t a = 0; a < tensor->rank; a++) box.dims[a] = tensor->dims[a];
  return box;
}

uint32_t vft_layout_tree_tensors(const vft_program *program, vft_origin origin, uint32_t group,
                                 vft_tensor_id *ids, uint32_t max) {
  uint32_t n = 0;
  for (uint32_t t = 0; t < program->ntensors; t++) {
    const vft_tensor *tensor = &program->tensors[t];
    if (tensor->origin != origin || (origin != VFT_WITNESS && tensor->group != group)) continue;
    if (n < max) ids[n] = t;
    n++;
  }
  return n;
}

/* Interval number k (0 = the largest power) of an axis of length n. */
static void piece(uint32_t n, uint32_t k, uint32_t *start, uint8_t *log) {
  uint32_t at = 0;
  for (int b = 31; b >= 0; b--) {
    uint32_t bit = (uint32_t)1 << b;
    if (!(n & bit)) continue;
    if (k-- == 0) {
      *start = at;
      *log = (uint8_t)b;
      return;
    }
    at += bit;
  }
}

static vft_status count_blocks(const vft_box *boxes, uint32_t n, uint64_t *blocks,
                               uint64_t *length) {
  *blocks = 0;
  *length = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t pieces = 1, size = 1;
    if (boxes[i].rank > VFT_BOX_AXES) return vft_fail(VFT_USAGE, "layout: too many axes");
    for (uint32_t a = 0; a < boxes[i].rank; a++) {
      uint32_t d = boxes[i].dims[a];
      if (d == 0) return vft_fail(VFT_USAGE, "layout: box %u has an axis of length 0", i);
      pieces *= (uint64_t)__builtin_popcount(d);
      if (size > ((uint64_t)1 << MAX_LOG_LENGTH) / d || pieces > MAX_BLOCKS)
        return vft_fail(VFT_USAGE, "layout: box %u is too large", i);
      size *= d;
    }
    *blocks += pieces;
    *length += size;
    if (*blocks > MAX_BLOCKS || *length >> MAX_LOG_LENGTH)
      return vft_fail(VFT_USAGE, "layout: %u boxes are too many or too large", n);
  }
  return VFT_OK;
}

/* Writes the blocks of one box in row-major order of the pieces; returns their number. */
static uint32_t cut(const vft_box *box, uint32_t number, vft_block *out) {
  uint32_t pieces[VFT_BOX_AXES], k[VFT_BOX_AXES] = {0}, n = 0;
  for (uint32_t a = 0; a < box->rank; a++) pieces[a] = (uint32_t)__builtin_popcount(box->dims[a]);
  for (;;) {
    vft_block *b = &out[n++];
    memset(b, 0, sizeof *b);
    b->box = number;
    for (uint32_t a = 0; a < box->rank; a++) {
      piece(box->dims[a], k[a], &b->start[a], &b->log[a]);
      b->log_size = (uint8_t)(b->log_size + b->log[a]);
    }
    uint32_t a = box->rank;
    while (a > 0 && ++k[a - 1] == pieces[a - 1]) k[--a] = 0;
    if (a == 0) return n;
  }
}

vft_status vft_layout_init(vft_layout *layout, const vft_box *boxes, uint32_t n) {
  uint64_t nblocks, length;
  vft_block *cuts = NULL;
  vft_status st = VFT_OK;
  memset(layout, 0, sizeof *layout);
  TRY(count_blocks(boxes, n, &nblocks, &length));
  layout->nboxes = n;
  layout->nblocks = (uint32_t)nblocks;
  layout->length = length;
  layout->boxes = vft_alloc(n, sizeof *layout->boxes);
  layout->blocks = vft_alloc(nblocks, sizeof *layout->blocks);
  layout->first = vft_alloc((size_t)n + 1, sizeof *layout->first);
  layout->by_box = vft_alloc(nblocks, sizeof *layout->by_box);
  cuts = vft_alloc(nblocks, sizeof *cuts);
  if (!layout->boxes || !layout->blocks || !layout->first || !layout->by_box || !cuts) {
    st = vft_fail(VFT_RESOURCE, "layout: no memory for %llu blocks", (unsigned long long)nblocks);
    goto out;
  }
  if (n) memcpy(layout->boxes, boxes, n * sizeof *boxes);
  uint32_t made = 0, count[65] = {0}, place[65];
  for (uint32_t i = 0; i < n; i++) made += cut(&boxes[i], i, cuts + made);
  for (uint32_t b = 0; b < made; b++) count[cuts[b].log_size]++;
  uint32_t at = 0;
  for (int log = 64; log >= 0; log--) {
    place[log] = at;
    at += count[log];
  }
  for (uint32_t b = 0; b < made; b++) layout->blocks[place[cuts[b].log_size]++] = cuts[b];
  uint64_t offset = 0;
  for (uint32_t b = 0; b < made; b++) {
    vft_block *blk = &layout->blocks[b];
    blk->offset = offset;
    offset += (uint64_t)1 << blk->log_size;
    layout->first[blk->box + 1]++;
  }
  for (uint32_t i = 0; i < n; i++) layout->first[i + 1] += layout->first[i];
  for (uint32_t b = 0; b < made; b++) layout->by_box[layout->first[layout->blocks[b].box]++] = b;
  for (uint32_t i = n; i > 0; i--) layout->first[i] = layout->first[i - 1];
  layout->first[0] = 0;
  layout->log_block = made ? layout->blocks[0].log_size : 0;
out:
  vft_free(cuts);
  if (st != VFT_OK) vft_layout_free(layout);
  return st;
}

void vft_layout_free(vft_layout *layout) {
  vft_free(layout->boxes);
  vft_free(layout->blocks);
  vft_free(layout->first);
  vft_free(layout->by_box);
  memset(layout, 0, sizeof *layout);
}
