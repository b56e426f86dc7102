/* The batch is rows of the epoch: each sequence's tokens and loss mask hash to the content digest
 * (data/leaf.h), and this with its numbers of tokens and of loss tokens to the entry that the list of
 * rows has at (step of the epoch, row of the batch). The list is the link that the sampler's proofs have
 * filled (program/epoch.h); which step of its epoch this is, a public one-hot vector says, the same
 * for every sequence. */
#include "gadget/poseidon_box.h"
#include "program/build.h"
#include "program/epoch.h"

#include <string.h>

#include "base/mem.h"
#include "data/leaf.h"
#include "relation/layout.h"

uint32_t vft_rows_slots(uint64_t n) { return 1u << vft_log2_ceil((uint32_t)n); }

/* What permutation m + 1 absorbs in lane i is the sum over positions t of
 * [t / 16 = m] weight[i, t mod 16] w[t], w = 2 label + mask: the weight is 1 in lane t mod 8, times
 * 2^32 for the upper eight of sixteen. Positions are [p, q]. With more than sixteen q, "t / 16 = m"
 * is a condition on p and one on q, and the weight is a matter of q; with fewer, sixteen positions
 * are some p with all their q, and it is a condition on p. So no tensor has an element for every m
 * and every position. */
enum { GROUP = 16 };

typedef struct {
  vft_tensor_id high, low, weight; /* [m, p]; [m, q], if there is more than one group of q */
  const char *weight_axes;         /* "ipq", or "iq": the same for all p */
} packing;

/* [m, letter]: entry [m, k] is 1 where k / per = m / every mod k's groups. */
static vft_tensor_id selector(vft_build *c, const char *name, char letter, size_t every,
                              size_t per) {
  vft_builder *b = &c->b;
  size_t rows = b->size['m'], columns = b->size[(int)letter], groups = (columns + per - 1) / per;
  int64_t *v = vft_alloc(rows * columns, sizeof *v);
  if (!v) {
    if (b->status == VFT_OK) b->status = VFT_RESOURCE;
    return VFT_NO_TENSOR;
  }
  for (size_t m = 0; m < rows; m++)
    for (size_t k = 0; k < columns; k++) v[m * columns + k] = k / per == m / every % groups;
  const char *axes = vft_build_name(b, "m%c", letter);
  vft_tensor_id id = vft_build_tensor(b, VFT_PUBLIC, 0, name, axes, 0, 1, v, (vft_frac){NULL, 0});
  vft_free(v);
  return id;
}

static packing add_packing(vft_build *c, uint32_t blocks) {
  vft_builder *b = &c->b;
  size_t q = b->size['q'], columns = q < GROUP ? (size_t)c->s->positions : q;
  packing k = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR, q < GROUP ? "ipq" : "iq"};
  int64_t *v = vft_alloc(8 * columns, sizeof *v);
  if (!v) {
    if (b->status == VFT_OK) b->status = VFT_RESOURCE;
    return k;
  }
  for (size_t t = 0; t < columns; t++)
    v[t % 8 * columns + t] = (int64_t)1 << (t % GROUP < 8 ? 0 : 32);
  b->size['m'] = blocks;
  b->size['i'] = 8;
  k.high = selector(c, "rows/packing/high", 'p', q > GROUP ? q / GROUP : 1,
                    q < GROUP ? GROUP / q : 1);
  if (q > GROUP) k.low = selector(c, "rows/packing/low", 'q', 1, GROUP);
  k.weight = vft_build_tensor(b, VFT_PUBLIC, 0, "rows/packing/weight", k.weight_axes, 0,
                              (int64_t)1 << 32, v, (vft_frac){NULL, 0});
  b->size['i'] = 4;
  vft_free(v);
  return k;
}

/* coef times what is packed of x [s, p, q]. */
static vft_raw_term packed(const packing *k, int64_t coef, vft_tensor_id x) {
  vft_raw_term t = VFT_RAW3(coef, k->high, "mp", k->weight, k->weight_axes, x, "spq");
  if (k->low != VFT_NO_TENSOR) t.factor[t.nfactors++] = (vft_axes_factor){k->low, "mq"};
  return t;
}

static vft_poseidon_box add_content(vft_build *c, uint32_t blocks,
                                    vft_poseidon_constants *constants) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  packing pack = add_packing(c, blocks);
  b->size['c'] = VFT_PACKED_32;
  t->row_tokens = vft_build_field(b, VFT_WITNESS, 0, "rows/tokens", "s", NULL);
  t->row_raw = vft_build_field(b, VFT_WITNESS, 0, "rows/raw", "sc", NULL);
  b->size['m'] = blocks + 1;
  vft_poseidon_box p = vft_build_poseidon(b, constants, "rows/sponge", "sm");
  vft_tensor_id start = vft_build_sponge(b, "rows/sponge", 8 + 8 * (uint64_t)blocks,
                                         VFT_DOMAIN_CONTENT);
  vft_raw_term first = VFT_RAW1(1, t->ids_in, "sox"), tokens = VFT_RAW1(1, t->row_tokens, "s");
  vft_raw_term n = VFT_RAW0(c->s->positions), raw = VFT_RAW1(1, t->row_raw, "si");
  b->size['o'] = b->size['x'] = 1;
  b->size['m'] = 1;
  vft_build_absorb(b, &p, "rows/in_first", "sm", "smox", 0, 1, start, &first, 1);
  vft_build_absorb(b, &p, "rows/in_tokens", "sm", "sm", 1, 1, start, &tokens, 1);
  vft_build_absorb(b, &p, "rows/in_length", "sm", "sm", 2, 1, start, &n, 1);
  vft_build_absorb(b, &p, "rows/in_raw", "sm", "sm", 3, VFT_PACKED_32, start, &raw, 1);
  vft_build_absorb(b, &p, "rows/in_start", "sm", "sm", 8, 4, start, NULL, 0);
  b->size['m'] = blocks;
  vft_raw_term next[3] = {VFT_RAW1(1, p.out, "smi"), packed(&pack, 2, t->ids_lab),
                          packed(&pack, 1, t->mask)};
  vft_raw_term rest = VFT_RAW1(1, p.out, "smi+8");
  vft_build_absorb(b, &p, "rows/in_labels", "sm+1", "sm", 0, 8, constants->first_rc, next, 3);
  vft_build_absorb(b, &p, "rows/in_rest", "sm+1", "sm", 8, 4, constants->first_rc, &rest, 1);
  return p;
}

static void add_zero(vft_build *c, const char *name, const char *axes, const vft_raw_term *t,
                     int n) {
  (void)vft_build_relation(&c->b, name, VFT_ZERO, VFT_NO_TENSOR, axes, t, n);
}

/* The labels within the record are the first tokens - 1 of them; behind them there is only padding, which
 * has no loss. So nothing but labels that are padding without loss is in a record and not counted. */
static void add_length(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  uint32_t p = b->size['p'], q = b->size['q'];
  t->row_within = vft_build_narrow(b, "rows/within", "spq", 1, false, (vft_frac){NULL, 0});
  vft_raw_term count[3] = {VFT_RAW1(1, t->row_tokens, "s"), VFT_RAW0(-1),
                           VFT_RAW1(-1, t->row_within, "spq")};
  vft_build_field_zero(b, "rows/length", "s", count, 3);
  vft_raw_term pad[4] = {VFT_RAW1(1, t->ids_lab, "spq"), VFT_RAW0(-c->s->pad_id),
                         VFT_RAW2(-1, t->row_within, "spq", t->ids_lab, "spq"),
                         VFT_RAW1(c->s->pad_id, t->row_within, "spq")};
  add_zero(c, "rows/padding", "spq", pad, 4);
  vft_raw_term free[2] = {VFT_RAW1(1, t->mask, "spq"),
                          VFT_RAW2(-1, t->row_within, "spq", t->mask, "spq")};
  add_zero(c, "rows/no_loss", "spq", free, 2);
  /* none follows one that is outside: inside a low block, and across high blocks */
  if (q > 1) {
    b->size['q'] = q - 1;
    vft_raw_term in[2] = {VFT_RAW1(1, t->row_within, "spq+1"),
                          VFT_RAW2(-1, t->row_within, "spq+1", t->row_within, "spq")};
    add_zero(c, "rows/within_inside", "spq", in, 2);
    b->size['q'] = q;
  }
  if (p > 1) {
    b->size['p'] = p - 1;
    vft_raw_term over[2] = {
        VFT_RAW1(1, t->row_within, "sp+1o"),
        VFT_RAW2(-1, t->row_within, "sp+1o", t->row_within,
                 vft_build_name(b, "spx+%u", q - 1))};
    add_zero(c, "rows/within_across", "spox", over, 2);
    b->size['p'] = p;
  }
}

/* What the list has to have: content, tokens and loss tokens. */
static vft_poseidon_box add_entry(vft_build *c, const vft_poseidon_box *content, uint32_t blocks,
                                  vft_poseidon_constants *constants) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  vft_poseidon_box p = vft_build_poseidon(b, constants, "rows/entry", "s");
  vft_tensor_id start = vft_build_sponge(b, "rows/entry", 6, VFT_DOMAIN_ROW);
  vft_raw_term own = VFT_RAW1(1, content->out, vft_build_name(b, "so+%ui", blocks));
  vft_raw_term tokens = VFT_RAW1(1, t->row_tokens, "s"), loss = VFT_RAW1(1, t->mask, "spq");
  vft_build_absorb(b, &p, "rows/entry/in_content", "s", "so", 0, 4, start, &own, 1);
  vft_build_absorb(b, &p, "rows/entry/in_tokens", "s", "s", 4, 1, start, &tokens, 1);
  vft_build_absorb(b, &p, "rows/entry/in_loss", "s", "s", 5, 1, start, &loss, 1);
  vft_build_absorb(b, &p, "rows/entry/in_rest", "s", "s", 6, 6, start, NULL, 0);
  return p;
}

void vft_build_batch_rows(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  if (!c->s->steps_per_epoch || b->status != VFT_OK) return;
  uint32_t blocks = (uint32_t)(c->s->positions + 15) / 16;
  vft_poseidon_constants constants = {0};
  vft_poseidon_box content = add_content(c, blocks, &constants);
  add_length(c);
  vft_poseidon_box p = add_entry(c, &content, blocks, &constants);
  b->size['X'] = vft_rows_slots((uint64_t)c->s->steps_per_epoch);
  b->size['S'] = vft_rows_slots((uint64_t)c->s->sequences);
  t->row_step = vft_build_tensor(b, VFT_PUBLIC, 0, "rows/step", "X", 0, 1, NULL,
                                 (vft_frac){NULL, 0});
  for (int i = 0; i < 4; i++) {
    t->rows[i] = vft_build_field(b, VFT_LINK, t->link_rows, vft_build_name(b, "rows/%d", i), "XS",
                                 NULL);
    vft_raw_term same[2] = {VFT_RAW1(1, p.out, vft_build_name(b, "so+%d", i)),
                            VFT_RAW2(-1, t->row_step, "X", t->rows[i], "Xs")};
    vft_build_field_zero(b, vft_build_name(b, "rows/%d/is_batch", i), "so", same, 2);
  }
}
