/* Plumbing of the gadgets: exponents, intervals, containers, ops. The arithmetic gadgets are in
 * gadget_ops.c. */
#include "program/gadgets.h"

#include <string.h>

/* ---- ops beside the program ---- */

/* What ops know of a tensor beyond the program. */
static bool note_tensor(vft_builder *b, vft_tensor_id id, vft_frac frac) {
  vft_step *step = b->ops->step;
  uint32_t cap = b->ops->cap_tensors;
  if (!vft_build_grow(b, (void **)&step->frac, id, &cap, sizeof *step->frac) ||
      !vft_build_grow(b, (void **)&step->wide_of, id, &b->ops->cap_tensors, sizeof *step->wide_of))
    return false;
  step->frac[id] = frac;
  step->wide_of[id] = UINT32_MAX;
  return true;
}

void vft_build_start(vft_builder *b, vft_op_builder *ops, vft_step *step) {
  ops->step = step;
  b->ops = ops;
  b->declared = note_tensor;
  b->p = step->program;
  b->arena = &step->program->arena;
}

/* ---- exponents ---- */

vft_frac vft_build_fracs(vft_builder *b, const int *v, uint32_t n) {
  int *copy = vft_build_grab(b, n, sizeof *copy);
  if (!copy) return (vft_frac){NULL, 0};
  memcpy(copy, v, n * sizeof *copy);
  return (vft_frac){copy, n};
}

vft_frac vft_build_frac(vft_builder *b, int value) { return vft_build_fracs(b, &value, 1); }

const int64_t *vft_build_powers(vft_builder *b, const int *exponent, uint32_t n) {
  int64_t *v = vft_build_grab(b, n, sizeof *v);
  for (uint32_t i = 0; v && i < n; i++) {
    if (exponent[i] < 0 || exponent[i] > 61) {
      vft_build_fail(b, "a power of two with exponent %d", exponent[i]);
      return v;
    }
    v[i] = (int64_t)1 << exponent[i];
  }
  return v;
}

/* ---- intervals ---- */

static bool same_factor(const vft_factor *a, const vft_factor *b, uint32_t rank) {
  return a->tensor == b->tensor && !memcmp(a->idx, b->idx, rank) &&
         !memcmp(a->off, b->off, rank * sizeof a->off[0]);
}

void vft_build_interval(const vft_program *p, const vft_term *terms, uint32_t n, uint32_t nfree,
                        uint32_t nindex, const uint32_t *size, vft_i128 *lo, vft_i128 *hi) {
  const vft_i128 huge = (vft_i128)1 << 100;
  *lo = *hi = 0;
  for (uint32_t i = 0; i < n; i++) {
    const vft_term *t = &terms[i];
    vft_i128 a = t->coef, z = t->coef;
    uint32_t used = 0;
    for (uint32_t k = 0; k < t->nfactors; k++) {
      const vft_tensor *x = &p->tensors[t->factor[k].tensor];
      for (uint32_t axis = 0; axis < x->rank; axis++) used |= 1u << t->factor[k].idx[axis];
      vft_i128 xl = x->lo, xh = x->hi;
      if (k + 1 < t->nfactors && same_factor(&t->factor[k], &t->factor[k + 1], x->rank)) {
        vft_i128 m = -xl > xh ? -xl : xh;
        xl = 0;
        xh = m * m;
        k++;
      }
      vft_i128 c[4] = {a * xl, a * xh, z * xl, z * xh};
      a = z = c[0];
      for (int j = 1; j < 4; j++) {
        if (c[j] < a) a = c[j];
        if (c[j] > z) z = c[j];
      }
      if (a < -huge || z > huge) a = -huge, z = huge;
    }
    for (uint32_t v = nfree; v < nindex; v++)
      if (used >> v & 1) {
        a *= size[v];
        z *= size[v];
        if (a < -huge || z > huge) a = -huge, z = huge;
      }
    if (t->lemma) {
      a = t->lemma_lo;
      z = t->lemma_hi;
    }
    *lo += a;
    *hi += z;
  }
}

/* ---- containers ---- */

vft_tensor_id vft_build_narrow(vft_builder *b, const char *name, const char *axes, int bits,
                               bool is_signed, vft_frac frac) {
  if (bits < 1 || bits > VFT_MAX_RANGE_BITS) {
    vft_build_fail(b, "%s: a narrow container of %d bits", name, bits);
    return VFT_NO_TENSOR;
  }
  int64_t offset = is_signed ? (int64_t)1 << (bits - 1) : 0;
  vft_tensor_id t = vft_build_tensor(b, VFT_WITNESS, 0, name, axes, -offset,
                                     ((int64_t)1 << bits) - 1 - offset, NULL, frac);
  vft_build_range(b, vft_build_name(b, "%s/range", name), axes, t, bits, offset);
  return t;
}

uint32_t vft_build_limbs(vft_builder *b, vft_wide w) {
  uint32_t id = b->ops->step->nwides;
  if (b->status != VFT_OK ||
      !vft_build_grow(b, (void **)&b->ops->step->wides, id, &b->ops->cap_wides, sizeof *b->ops->step->wides))
    return UINT32_MAX;
  b->ops->step->wides[id] = w;
  b->ops->step->nwides++;
  return id;
}

vft_tensor_id vft_build_wide_of(vft_builder *b, const char *name, const char *axes,
                                uint32_t nlimbs, const vft_tensor_id *limb, const uint8_t *at,
                                const uint8_t *width, int64_t offset, vft_frac frac) {
  vft_wide w = {.nlimbs = nlimbs, .offset = offset};
  vft_raw_term terms[VFT_MAX_LIMBS + 1];
  int n = 0;
  int64_t hi = 0;
  for (uint32_t i = 0; i < nlimbs; i++) {
    w.limb[i] = limb[i];
    w.at[i] = at[i];
    w.width[i] = width[i];
    hi += (((int64_t)1 << width[i]) - 1) << at[i];
    terms[n++] = VFT_RAW1((int64_t)1 << at[i], limb[i], axes);
  }
  if (offset) terms[n++] = VFT_RAW0(-offset);
  w.lo = -offset;
  w.hi = hi - offset;
  w.value = vft_build_tensor(b, VFT_VIRTUAL, 0, name, axes, w.lo, w.hi, NULL, frac);
  vft_build_relation(b, vft_build_name(b, "%s/limbs", name), VFT_DEFINE, w.value, axes, terms, n);
  uint32_t id = vft_build_limbs(b, w);
  if (id != UINT32_MAX) b->ops->step->wide_of[w.value] = id;
  return w.value;
}

vft_tensor_id vft_build_wide(vft_builder *b, const char *name, const char *axes, int bits,
                             bool is_signed, vft_frac frac) {
  vft_tensor_id limb[VFT_MAX_LIMBS];
  uint8_t at[VFT_MAX_LIMBS], width[VFT_MAX_LIMBS];
  if (bits < 1 || bits > 60) {
    vft_build_fail(b, "%s: a wide container of %d bits", name, bits);
    return VFT_NO_TENSOR;
  }
  uint32_t n = (uint32_t)(bits + 15) / 16;
  for (uint32_t i = 0; i < n; i++) {
    at[i] = (uint8_t)(16 * i);
    width[i] = (uint8_t)(bits - 16 * (int)i < 16 ? bits - 16 * (int)i : 16);
    limb[i] = vft_build_narrow(b, vft_build_name(b, "%s/limb%u", name, i), axes, width[i], false,
                               (vft_frac){NULL, 0});
  }
  return vft_build_wide_of(b, name, axes, n, limb, at, width,
                           is_signed ? (int64_t)1 << (bits - 1) : 0, frac);
}

uint32_t vft_build_remainder(vft_builder *b, const char *name, const char *axes, int bits,
                             const int8_t *per_layer, vft_raw_term *terms, int *nterms,
                             int64_t sign) {
  uint32_t layers = per_layer ? b->size['l'] : 0;
  for (uint32_t l = 0; l < layers; l++)
    if (per_layer[l] > bits) bits = per_layer[l];
  if (bits > 60) {
    vft_build_fail(b, "%s: a remainder of %d bits", name, bits);
    return UINT32_MAX;
  }
  if (bits <= 0) return UINT32_MAX;
  vft_wide w = {.value = VFT_NO_TENSOR, .hi = ((int64_t)1 << bits) - 1};
  for (int at = 0; at < bits; at += 16) {
    uint32_t i = w.nlimbs++;
    int width = bits - at < 16 ? bits - at : 16;
    const char *limb = vft_build_name(b, "%s%u", name, i);
    w.at[i] = (uint8_t)at;
    w.width[i] = (uint8_t)width;
    w.limb[i] = vft_build_tensor(b, VFT_WITNESS, 0, limb, axes, 0, ((int64_t)1 << width) - 1, NULL,
                                 (vft_frac){NULL, 0});
    int64_t *tag = per_layer ? vft_build_grab(b, layers, sizeof *tag) : NULL;
    for (uint32_t l = 0; tag && l < layers; l++) {
      int k = per_layer[l] - at;
      tag[l] = k < 0 ? 0 : k > 16 ? 16 : k;
    }
    vft_build_range_layered(b, vft_build_name(b, "%s/range", limb), axes, w.limb[i], tag, width, 0);
    terms[(*nterms)++] = VFT_RAW1(sign * ((int64_t)1 << at), w.limb[i], axes);
  }
  return vft_build_limbs(b, w);
}

/* ---- ops ---- */

void vft_build_begin(vft_builder *b) {
  b->ops->first_relation = b->p->nrelations;
  b->ops->first_lookup = b->p->nlookups;
}

/* Registers the op; its relations and lookups are those added since vft_build_begin. Fields of
 * the expression and outputs are filled by the gadget. */
vft_op *vft_build_op(vft_builder *b, vft_op_kind kind, const char *name) {
  if (b->status != VFT_OK) return NULL;
  if (!vft_build_grow(b, (void **)&b->ops->step->ops, b->ops->step->nops, &b->ops->cap_ops, sizeof *b->ops->step->ops))
    return NULL;
  vft_op *op = &b->ops->step->ops[b->ops->step->nops++];
  memset(op, 0, sizeof *op);
  op->name = name;
  op->kind = kind;
  op->section = b->ops->section;
  op->backward = b->ops->backward;
  op->trace_only = b->ops->trace_only;
  op->rem = op->comp = UINT32_MAX;
  op->extra[0] = op->extra[1] = VFT_NO_TENSOR;
  op->nrelations = b->p->nrelations - b->ops->first_relation;
  op->nlookups = b->p->nlookups - b->ops->first_lookup;
  op->relations = vft_build_grab(b, op->nrelations, sizeof *op->relations);
  op->lookups = vft_build_grab(b, op->nlookups, sizeof *op->lookups);
  if (b->status != VFT_OK) return NULL;
  for (uint32_t i = 0; i < op->nrelations; i++) op->relations[i] = b->ops->first_relation + i;
  for (uint32_t i = 0; i < op->nlookups; i++) op->lookups[i] = b->ops->first_lookup + i;
  return op;
}
