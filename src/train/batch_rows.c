#include "train/batch_rows.h"

#include <string.h>

#include "gadget/poseidon_fill.h"
#include "program/epoch.h"

typedef struct {
  const vft_step *step;
  vft_exec *exec;
  char *block;
  size_t at;
} placing;

/* The next array: that of the tensor. */
static int64_t *place(placing *p, vft_tensor_id id) {
  size_t n = vft_tensor_count(&p->step->program->tensors[id]);
  int64_t *data = p->exec ? (int64_t *)(void *)(p->block + p->at) : NULL;
  if (p->exec) vft_exec_supply(p->exec, id, VFT_I64, data);
  p->at += (n * sizeof *data + 63) / 64 * 64;
  return data;
}

static void fill_sequence(const vft_step *s, const vft_train_batch *b, size_t k,
                          const vft_poseidon_arrays *to, const vft_poseidon_arrays *entry,
                          int64_t *tokens, int64_t *raw, int64_t *within) {
  uint64_t loss = 0;
  size_t n = (size_t)s->shape.positions, blocks = (n + 15) / 16;
  const int64_t *label = b->label + k * n, *mask = b->mask + k * n;
  vft_poseidon_state state;
  memset(&state, 0, sizeof state);
  vft_fp digest[VFT_PACKED_32];
  vft_pack_bytes(b->rows->raw[k], 32, digest);
  for (int i = 0; i < VFT_PACKED_32; i++) raw[(size_t)VFT_PACKED_32 * k + (size_t)i] =
      vft_field_signed(digest[i]);
  tokens[k] = (int64_t)b->rows->tokens[k];
  state.s[0] = vft_fp_from_i64(b->input[k * n]);
  state.s[1] = vft_fp_from_u64(b->rows->tokens[k]);
  state.s[2] = vft_fp_from_u64(n);
  memcpy(state.s + 3, digest, sizeof digest);
  state.s[8] = vft_fp_from_u64(8 + 8 * blocks);
  state.s[10] = vft_fp_from_u64(VFT_DOMAIN_CONTENT);
  vft_poseidon_fill(to, k * (blocks + 1), &state);
  for (size_t m = 0; m < blocks; m++) {
    for (size_t lane = 0; lane < 8; lane++)
      for (size_t high = 0; high < 2; high++) {
        size_t i = 16 * m + 8 * high + lane;
        if (i >= n) continue;
        uint64_t w = (uint64_t)(2 * label[i] + mask[i]);
        state.s[lane] = vft_fp_add(state.s[lane], vft_fp_from_u64(w << 32 * high));
      }
    vft_poseidon_fill(to, k * (blocks + 1) + m + 1, &state);
  }
  for (size_t i = 0; i < n; i++) {
    within[k * n + i] = i + 1 < b->rows->tokens[k];
    loss += (uint64_t)mask[i];
  }
  memset(state.s + 4, 0, sizeof state - 4 * sizeof *state.s);
  state.s[4] = vft_fp_from_u64(b->rows->tokens[k]);
  state.s[5] = vft_fp_from_u64(loss);
  state.s[8] = vft_fp_from_u64(6);
  state.s[10] = vft_fp_from_u64(VFT_DOMAIN_ROW);
  vft_poseidon_fill(entry, k, &state);
}

size_t vft_batch_rows_place(const vft_step *s, const vft_train_batch *b, vft_exec *exec,
                            char *block) {
  static const char *const part[8] = {"rows/sponge/x", "rows/sponge/x3", "rows/sponge/y",
                                      "rows/sponge/y3", "rows/entry/x",  "rows/entry/x3",
                                      "rows/entry/y",  "rows/entry/y3"};
  placing p = {s, exec, block, 0};
  int64_t *sponge[8], *rows[4];
  if (s->link_rows == UINT32_MAX) return 0;
  for (int i = 0; i < 8; i++) sponge[i] = place(&p, vft_program_find_tensor(s->program, part[i]));
  for (int i = 0; i < 4; i++) rows[i] = place(&p, s->rows[i]);
  int64_t *tokens = place(&p, s->row_tokens), *raw = place(&p, s->row_raw);
  int64_t *within = place(&p, s->row_within);
  if (!exec) return p.at;
  vft_poseidon_arrays to = {sponge[0], sponge[1], sponge[2], sponge[3]};
  vft_poseidon_arrays entry = {sponge[4], sponge[5], sponge[6], sponge[7]};
  for (size_t k = 0; k < (size_t)s->shape.sequences; k++)
    fill_sequence(s, b, k, &to, &entry, tokens, raw, within);
  size_t n = vft_tensor_count(&s->program->tensors[s->rows[0]]);
  for (int i = 0; i < 4; i++)
    for (size_t y = 0; y < n; y++) rows[i][y] = vft_field_signed(b->rows->list[y].e[i]);
  return p.at;
}
