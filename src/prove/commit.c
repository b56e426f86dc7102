#include "prove/commit.h"

#include <string.h>

#include "base/mem.h"
#include "poly/rs.h"
#include "prove/array.h"

struct vft_commitment {
  unsigned log_columns;
  vft_layout layout;
  vft_array *array;
  bool owned;
  vft_rs *code;
  vft_merkle *tree;
  /* Of a hidden tree: random coefficients, masks. */
  vft_fp *tail;
  size_t rows, tails;
  vft_hiding_mask_rows masks;
};

/* Entries begin .. begin + n - 1 of a block. */
static void read_block(const vft_commitment *c, const vft_block *b, size_t begin, size_t n,
                       vft_fp *out) {
  const vft_box *box = &c->layout.boxes[b->box];
  const vft_array *a = &c->array[b->box];
  uint32_t first = box->rank; /* the run: axes from `first` on are contiguous in the tensor */
  size_t run = 1;
  while (first > 0) {
    first--;
    run <<= b->log[first];
    if ((uint32_t)1 << b->log[first] != box->dims[first]) break;
  }
  for (size_t done = 0; done < n;) {
    size_t index = begin + done, m = run - (index & (run - 1)), rest = index, at = 0, stride = 1;
    if (m > n - done) m = n - done;
    for (uint32_t k = box->rank; k-- > 0;) {
      at += (b->start[k] + (rest & (((size_t)1 << b->log[k]) - 1))) * stride;
      rest >>= b->log[k];
      stride *= box->dims[k];
    }
    vft_array_load(out + done, a, at, m);
    done += m;
  }
}

void vft_commitment_row(const vft_commitment *c, size_t row, vft_fp *out) {
  const vft_layout *lay = &c->layout;
  size_t columns = (size_t)1 << c->log_columns, start = row << c->log_columns, done = 0;
  uint32_t lo = 0, hi = lay->nblocks;
  while (hi - lo > 1) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (lay->blocks[mid].offset <= start)
      lo = mid;
    else
      hi = mid;
  }
  for (; done < columns && lo < lay->nblocks; lo++) {
    const vft_block *b = &lay->blocks[lo];
    size_t begin = start + done - b->offset, n = ((size_t)1 << b->log_size) - begin;
    if (n > columns - done) n = columns - done;
    read_block(c, b, begin, n, out + done);
    done += n;
  }
  memset(out + done, 0, (columns - done) * sizeof *out);
}

static vft_status row_source(void *ctx, size_t row, vft_fp *out) {
  vft_commitment_row(ctx, row, out);
  return VFT_OK;
}

static vft_status hidden_row_source(void *ctx, size_t row, vft_fp *out) {
  const vft_commitment *c = ctx;
  size_t columns = (size_t)1 << c->log_columns;
  if (row >= c->rows) {
    vft_hiding_mask_row(&c->masks, row - c->rows, out);
    return VFT_OK;
  }
  vft_commitment_row(c, row, out);
  memcpy(out + columns, c->tail + row * c->tails, c->tails * sizeof *out);
  memset(out + columns + c->tails, 0, (columns - c->tails) * sizeof *out);
  return VFT_OK;
}

static size_t box_size(const vft_box *box) {
  size_t n = 1;
  for (uint32_t a = 0; a < box->rank; a++) n *= box->dims[a];
  return n;
}

static vft_status take_arrays(vft_commitment *c, const vft_box *box, const vft_array *array,
                              uint32_t n, bool copy) {
  c->array = vft_alloc(n, sizeof *c->array);
  if (!c->array) return VFT_RESOURCE;
  c->owned = copy;
  for (uint32_t i = 0; i < n; i++) {
    if (!array[i].data) return vft_fail(VFT_USAGE, "commitment: tensor %u has no values", i);
    c->array[i] = array[i];
    if (!copy) continue;
    size_t size = box_size(&box[i]), width = vft_dtype_size(array[i].dtype);
    c->array[i].data = vft_alloc_raw(size, width);
    if (!c->array[i].data) return VFT_RESOURCE;
    memcpy(c->array[i].data, array[i].data, size * width);
  }
  return VFT_OK;
}

vft_status vft_commit_tensors(vft_commitment **out, const vft_box *box, const vft_array *array,
                              uint32_t n, unsigned log_columns, unsigned log_inv_rate,
                              vft_hash_kind hash, unsigned flags) {
  vft_status st = VFT_OK;
  if (n == 0) return vft_fail(VFT_USAGE, "commitment: no tensors");
  vft_commitment *c = vft_alloc(1, sizeof *c);
  if (!c) return VFT_RESOURCE;
  c->log_columns = log_columns;
  TRY_OUT(vft_layout_init(&c->layout, box, n));
  TRY_OUT(take_arrays(c, box, array, n, flags & VFT_COMMIT_COPY));
  TRY_OUT(vft_rs_new(&c->code, log_columns, log_inv_rate));
  size_t rows = (c->layout.length + ((size_t)1 << log_columns) - 1) >> log_columns;
  TRY_OUT(vft_merkle_commit(&c->tree, hash, c->code, rows, row_source, c,
                            flags & VFT_COMMIT_KEEP));
out:
  if (st != VFT_OK) {
    vft_commitment_free(c);
    return st;
  }
  *out = c;
  return VFT_OK;
}

vft_status vft_commit_hidden(vft_commitment **out, const vft_box *box, const vft_array *array,
                             uint32_t n, const vft_hiding_shape *shape, const vft_random *random,
                             unsigned flags) {
  vft_status st = VFT_OK;
  size_t leaves = (size_t)1 << (shape->c + shape->log_inv_rate);
  vft_digest *salt = NULL;
  random = vft_random_or_system(random);
  if (n == 0) return vft_fail(VFT_USAGE, "hidden commitment: no tensors");
  vft_commitment *c = vft_alloc(1, sizeof *c);
  if (!c) return VFT_RESOURCE;
  c->log_columns = shape->c;
  c->tails = shape->tail;
  TRY_OUT(vft_layout_init(&c->layout, box, n));
  TRY_OUT(take_arrays(c, box, array, n, false));
  c->rows = (c->layout.length + ((size_t)1 << shape->c) - 1) >> shape->c;
  c->tail = vft_alloc_raw(c->rows * c->tails, sizeof *c->tail);
  salt = vft_alloc_raw(leaves, sizeof *salt);
  if (!c->tail || !salt) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_hiding_elements(random, c->tail, c->rows * c->tails));
  TRY_OUT(random->fill(random->ctx, salt, leaves * sizeof *salt));
  TRY_OUT(vft_hiding_mask_rows_init(&c->masks, shape, random));
  /* messages of 2^c entries with their tail are those of twice the length and rate */
  TRY_OUT(vft_rs_new(&c->code, shape->c + 1, shape->log_inv_rate - 1));
  TRY_OUT(vft_merkle_commit_salted(&c->tree, VFT_HASH_BLAKE3, c->code,
                                   c->rows + 3 * c->masks.rows, hidden_row_source, c,
                                   flags & VFT_COMMIT_KEEP, salt));
out:
  if (salt) vft_wipe(salt, leaves * sizeof *salt);
  vft_free(salt);
  if (st != VFT_OK) {
    vft_commitment_free(c);
    return st;
  }
  *out = c;
  return VFT_OK;
}

vft_status vft_commit_group(vft_commitment **out, const vft_trace *trace, vft_origin origin,
                            uint32_t group, unsigned log_inv_rate, vft_hash_kind hash,
                            unsigned flags) {
  const vft_program *p = trace->program;
  vft_status st = VFT_OK;
  vft_tensor_id *id = vft_alloc(p->ntensors, sizeof *id);
  vft_box *box = vft_alloc(p->ntensors, sizeof *box);
  vft_array *array = vft_alloc(p->ntensors, sizeof *array);
  if (!id || !box || !array) {
    st = VFT_RESOURCE;
    goto out;
  }
  uint32_t n = vft_layout_tree_tensors(p, origin, group, id, p->ntensors);
  for (uint32_t i = 0; i < n; i++) {
    box[i] = vft_layout_tensor_box(&p->tensors[id[i]]);
    array[i] = trace->array[id[i]];
    if (!array[i].data) {
      st = vft_fail(VFT_USAGE, "tensor %s has no values", p->tensors[id[i]].name);
      goto out;
    }
  }
  st = vft_commit_tensors(out, box, array, n, p->log_columns, log_inv_rate, hash, flags);
out:
  vft_free(id);
  vft_free(box);
  vft_free(array);
  return st;
}

void vft_commitment_free(vft_commitment *c) {
  if (!c) return;
  vft_merkle_free(c->tree);
  if (c->tail) vft_wipe(c->tail, c->rows * c->tails * sizeof *c->tail);
  vft_hiding_mask_rows_free(&c->masks);
  vft_free(c->tail);
  vft_rs_free(c->code);
  for (uint32_t i = 0; c->array && c->owned && i < c->layout.nboxes; i++)
    vft_free(c->array[i].data);
  vft_free(c->array);
  vft_layout_free(&c->layout);
  vft_free(c);
}

vft_digest vft_commitment_root(const vft_commitment *c) { return vft_merkle_root(c->tree); }
const vft_layout *vft_commitment_layout(const vft_commitment *c) { return &c->layout; }
const vft_merkle *vft_commitment_tree(const vft_commitment *c) { return c->tree; }
const vft_array *vft_commitment_array(const vft_commitment *c, uint32_t i) {
  return &c->array[i];
}
unsigned vft_commitment_log_columns(const vft_commitment *c) { return c->log_columns; }
const vft_fp *vft_commitment_tail(const vft_commitment *c) { return c->tail; }
const vft_hiding_mask_rows *vft_commitment_masks(const vft_commitment *c) { return &c->masks; }
