#include "hide/hidden.h"

#include <string.h>

#include "argument/whir_hiding.h"
#include "hide/record.h"
#include "verify/session.h"

/* Weights of axes that were read, by the identity they had on the other side. */
struct vft_hidden_weights {
  const void *from;
  uint32_t n;
  const vft_ext *v;
};

static _Thread_local vft_hidden *recording;

static vft_ext ext(vft_plain_value v) { return (vft_ext){{{v.c[0]}, {v.c[1]}, {v.c[2]}}}; }

static void failed(vft_status st) {
  if (recording->status == VFT_OK) recording->status = st;
}

static int room(void **array, uint32_t *cap, uint32_t need, size_t size) {
  vft_status st = vft_reserve(array, cap, need, size);
  if (st != VFT_OK) failed(st);
  return st == VFT_OK;
}

/* ---- forms ---- */

static const vft_hidden_form nothing;

static uint64_t new_form(vft_hidden_form f) {
  vft_hidden *h = recording;
  uint32_t cap = h->forms_cap;
  if (!room((void **)&h->weight, &cap, h->nforms + 1, sizeof *h->weight) ||
      !room((void **)&h->form, &h->forms_cap, h->nforms + 1, sizeof *h->form))
    return 0;
  h->form[h->nforms] = f;
  return ++h->nforms;
}

/* A fixed element for a scalar, as if at random: see `print` in hide/hidden.h. */
static vft_ext print_of(uint32_t number) {
  vft_ext e;
  for (uint64_t k = 0; k < 3; k++) { /* splitmix64 */
    uint64_t x = (3 * (uint64_t)number + k + 1) * 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    e.c[k] = vft_fp_from_u64(x ^ x >> 31);
  }
  return e;
}

static uint64_t scalar(uint32_t number) {
  return new_form((vft_hidden_form){.x = number, .y = VFT_HIDDEN_LEAF, .print = print_of(number)});
}

uint64_t vft_note_pad(void) {
  if (recording->npads + 1 >= VFT_HIDDEN_LATE) failed(VFT_RESOURCE);
  return scalar(recording->npads++);
}

void vft_hidden_settle(const vft_hidden *h, uint64_t top) {
  for (uint64_t i = top; i-- > 0;) {
    const vft_hidden_form *f = &h->form[i];
    vft_ext w = h->weight[i];
    if (f->y == VFT_HIDDEN_LEAF || vft_ext_is_zero(w)) continue;
    h->weight[i] = VFT_EXT_ZERO;
    h->weight[f->x - 1] = vft_ext_add(h->weight[f->x - 1], vft_ext_mul(w, f->a));
    if (f->y) h->weight[f->y - 1] = vft_ext_add(h->weight[f->y - 1], vft_ext_mul(w, f->b));
  }
}

/* Whether two forms are the same. */
static int same_form(const vft_hidden *h, uint64_t x, uint64_t y) {
  const vft_hidden_form *f = x ? &h->form[x - 1] : &nothing, *g = y ? &h->form[y - 1] : &nothing;
  uint64_t top = x > y ? x : y;
  int same = 1;
  if (x == y || !vft_ext_eq(f->print, g->print)) return x == y;
  if (x) h->weight[x - 1] = VFT_EXT_ONE;
  if (y) h->weight[y - 1] = vft_ext_neg(VFT_EXT_ONE);
  vft_hidden_settle(h, top);
  for (uint64_t i = 0; i < top; i++) {
    same &= vft_ext_is_zero(h->weight[i]);
    h->weight[i] = VFT_EXT_ZERO;
  }
  return same;
}

uint64_t vft_note_combine(vft_plain_value pa, uint64_t x, vft_plain_value pb, uint64_t y) {
  vft_hidden *h = recording;
  vft_hidden_form f = {.x = (uint32_t)x, .y = (uint32_t)y, .a = ext(pa), .b = ext(pb)};
  if (!x && !y) return 0;
  if (!x) return vft_note_combine(pb, y, pa, 0);
  f.print = vft_ext_mul(f.a, h->form[x - 1].print);
  if (y) f.print = vft_ext_add(f.print, vft_ext_mul(f.b, h->form[y - 1].print));
  uint64_t made = new_form(f);
  return made && same_form(h, made, 0) ? 0 : made;
}

/* ---- late scalars ---- */

/* Equal values are one factor, whatever way they were found, so that the list does not depend on
 * the order in which a compiler evaluates sums. */
static uint32_t factor(vft_hidden_value v) {
  vft_hidden *h = recording;
  for (uint32_t i = h->nfactors; i-- > 0;)
    if (vft_ext_eq(h->factor[i].known, v.known) && same_form(h, h->factor[i].form, v.form))
      return i;
  if (!room((void **)&h->factor, &h->factors_cap, h->nfactors + 1, sizeof *h->factor)) return 0;
  h->factor[h->nfactors] = v;
  return h->nfactors++;
}

static uint32_t new_late(vft_hidden_late how) {
  vft_hidden *h = recording;
  if (!room((void **)&h->late, &h->lates_cap, h->nlate + 1, sizeof *h->late)) return 0;
  h->late[h->nlate] = how;
  return h->nlate++;
}

static uint64_t product(vft_hidden_value x, vft_hidden_value y) {
  vft_hidden *h = recording;
  uint32_t left = factor(x), right = factor(y);
  uint32_t late = new_late((vft_hidden_late){0, left, right});
  if (!room((void **)&h->product, &h->products_cap, h->nproducts + 1, sizeof *h->product))
    return 0;
  h->product[h->nproducts++] = (vft_hidden_product){left, right, late};
  return scalar(VFT_HIDDEN_LATE + late);
}

uint64_t vft_note_product(vft_plain_value known_x, uint64_t x, vft_plain_value known_y,
                            uint64_t y) {
  return product((vft_hidden_value){ext(known_x), x}, (vft_hidden_value){ext(known_y), y});
}

static void zero(vft_hidden_value v) {
  vft_hidden *h = recording;
  if (room((void **)&h->zero, &h->zeros_cap, h->nzeros + 1, sizeof *h->zero))
    h->zero[h->nzeros++] = v;
}

void vft_note_is_zero(vft_plain_value known, uint64_t x) {
  zero((vft_hidden_value){ext(known), x});
}

/* There is a scalar whose product with the value is 1. */
void vft_note_is_nonzero(vft_plain_value known, uint64_t x) {
  vft_hidden_value v = {ext(known), x};
  uint32_t inverse = new_late((vft_hidden_late){1, factor(v), 0});
  vft_hidden_value i = {VFT_EXT_ZERO, scalar(VFT_HIDDEN_LATE + inverse)};
  zero((vft_hidden_value){vft_ext_neg(VFT_EXT_ONE), product(v, i)});
}

void vft_note_refuse(const char *what) {
  failed(vft_fail(VFT_USAGE, "hiding proof: the verifier met %s", what));
}

/* ---- claims ---- */

void vft_note_claim(vft_plain_value total, uint64_t x) {
  vft_hidden *h = recording;
  if (room((void **)&h->claim, &h->claims_cap, h->nclaims + 1, sizeof *h->claim))
    h->claim[h->nclaims++] = (vft_hidden_claim){{ext(total), x}, h->nparts, 0};
}

static const vft_ext *find_weights(const void *from, uint32_t n) {
  for (uint32_t i = recording->nweights; i-- > 0;) /* a point may be used in part */
    if (recording->weights[i].from == from && recording->weights[i].n >= n)
      return recording->weights[i].v;
  return NULL;
}

int vft_note_has_weights(const void *v, uint32_t n) { return find_weights(v, n) != NULL; }

static const vft_ext *take_weights(const vft_note_axis *axis) {
  vft_hidden *h = recording;
  vft_ext *v = vft_arena_alloc(&h->arena, axis->values, sizeof *v);
  if (!v || !room((void **)&h->weights, &h->weights_cap, h->nweights + 1, sizeof *h->weights)) {
    failed(VFT_RESOURCE);
    return NULL;
  }
  for (uint32_t i = 0; i < axis->values; i++) v[i] = ext(axis->value[i]);
  h->weights[h->nweights++] = (vft_hidden_weights){axis->v, axis->values, v};
  return v;
}

void vft_note_part(uint32_t tensor, uint32_t rank, const vft_note_axis *axis,
                     vft_plain_value coef) {
  vft_hidden *h = recording;
  vft_axis *to = vft_arena_alloc(&h->arena, rank, sizeof *to);
  if (!h->nclaims || !to ||
      !room((void **)&h->part, &h->parts_cap, h->nparts + 1, sizeof *h->part)) {
    failed(VFT_RESOURCE);
    return;
  }
  for (uint32_t a = 0; a < rank; a++) {
    const vft_ext *v = NULL;
    if (axis[a].values)
      v = axis[a].value ? take_weights(&axis[a]) : find_weights(axis[a].v, axis[a].values);
    to[a] = (vft_axis){{(vft_weight_kind)axis[a].kind, axis[a].size, v}, axis[a].off};
  }
  h->part[h->nparts++] = (vft_hidden_part){{tensor, rank, to}, ext(coef)};
  h->claim[h->nclaims - 1].n++;
}

/* ---- the channel ---- */

vft_status vft_note_receive(vft_channel *ch, const char *label, vft_plain_value *out, size_t n) {
  vft_ext *v = vft_alloc(n, sizeof *v);
  if (!v) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  if (recording->simulate) st = vft_hiding_elements(recording->simulate, v->c, 3 * n);
  if (st == VFT_OK) st = vft_channel_send_ext(ch, label, v, n);
  for (size_t i = 0; i < n && st == VFT_OK; i++)
    for (int k = 0; k < 3; k++) out[i].c[k] = v[i].c[k].v;
  vft_free(v);
  return st;
}

vft_plain_value vft_note_challenge(vft_channel *ch, const char *label) {
  vft_ext v = vft_channel_challenge_ext(ch, label);
  return (vft_plain_value){{v.c[0].v, v.c[1].v, v.c[2].v}};
}

/* ---- entry ---- */

vft_status vft_hidden_run(vft_hidden *h, const vft_statement *statement, const void *pub,
                          const vft_proof_options *options, vft_channel *ch,
                          vft_digest *witness_root, vft_soundness *soundness,
                          const vft_random *simulate) {
  memset(h, 0, sizeof *h);
  h->simulate = simulate;
  if (statement->program->noracles)
    return vft_fail(VFT_USAGE, "hiding proof: program %s leaves claims on oracles",
                    statement->program->name);
  vft_hidden *before = recording;
  recording = h;
  vft_status st = vft_forms_run(statement, pub, options, ch, witness_root, soundness);
  recording = before;
  return st == VFT_OK ? h->status : st;
}

void vft_hidden_free(vft_hidden *h) {
  vft_free(h->late);
  vft_free(h->form);
  vft_free(h->weight);
  vft_free(h->factor);
  vft_free(h->zero);
  vft_free(h->product);
  vft_free(h->claim);
  vft_free(h->part);
  vft_free(h->weights);
  vft_arena_free(&h->arena);
  memset(h, 0, sizeof *h);
}

/* ---- values ---- */

void vft_hidden_weigh(const vft_hidden *h, const vft_hidden_value *v, vft_ext scale) {
  if (v->form) h->weight[v->form - 1] = vft_ext_add(h->weight[v->form - 1], scale);
}

void vft_hidden_spread(const vft_hidden *h, vft_ext *pad_weight, vft_ext *late_weight) {
  vft_hidden_settle(h, h->nforms);
  for (uint64_t i = 0; i < h->nforms; i++) {
    uint32_t s = h->form[i].x;
    if (h->form[i].y != VFT_HIDDEN_LEAF) continue;
    vft_ext *w = s < VFT_HIDDEN_LATE ? &pad_weight[s] : &late_weight[s - VFT_HIDDEN_LATE];
    *w = vft_ext_add(*w, h->weight[i]);
    h->weight[i] = VFT_EXT_ZERO;
  }
}
