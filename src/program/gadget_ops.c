/* The arithmetic gadgets: each states its relations, its remainders and its op from one list of
 * terms. */
#include <stdlib.h>
#include <string.h>

#include "program/gadgets.h"

enum { MAX_TERMS = 24, MAX_LAYERS = 1024 };

/* Letters of an axes string without offsets and without z. */
static const char *box_of(vft_builder *b, const char *axes) {
  char s[VFT_MAX_INDEX + 1];
  size_t n = 0;
  for (; *axes; axes++)
    if (*axes >= 'a' && *axes <= 'y' && n < VFT_MAX_INDEX) s[n++] = *axes;
  s[n] = 0;
  return vft_build_name(b, "%s", s);
}

static uint32_t layers_of(const vft_builder *b, const char *box) {
  return box[0] == 'l' ? b->size['l'] : 1;
}

static int bit_length(vft_i128 x) {
  int n = 0;
  for (; x > 0; x >>= 1) n++;
  return n;
}

/* ---- exponents ---- */

static int frac_at(vft_builder *b, vft_axes_factor f, uint32_t l) {
  if (b->status != VFT_OK) return 0;
  vft_frac x = b->ops->step->frac[f.tensor];
  if (x.n == 1) return x.v[0];
  uint32_t at = f.axes[0] && f.axes[1] == '+' ? (uint32_t)atoi(f.axes + 2) : 0;
  if (f.axes[0] == 'l') at += l;
  if ((f.axes[0] != 'l' && f.axes[0] != 'z') || at >= x.n) {
    vft_build_fail(b, "no exponent of %s at axes '%s'", b->p->tensors[f.tensor].name, f.axes);
    return 0;
  }
  return x.v[at];
}

/* Brings the terms to one exponent per layer, at least `floor_frac` (may be NULL): fills raw and
 * common[layers]. */
static void align(vft_builder *b, const vft_real_term *terms, int n, uint32_t layers,
                  const int *floor_frac, vft_raw_term *raw, int *common) {
  int *own = vft_arena_alloc(b->arena, (size_t)n * layers, sizeof *own);
  if (!own && b->status == VFT_OK) b->status = VFT_RESOURCE;
  if (b->status != VFT_OK) return;
  for (uint32_t l = 0; l < layers; l++) {
    for (int i = 0; i < n; i++) {
      int f = -terms[i].exp2;
      for (int k = 0; k < terms[i].nfactors; k++) f += frac_at(b, terms[i].factor[k], l);
      own[(size_t)i * layers + l] = f;
      if (i == 0 || f > common[l]) common[l] = f;
    }
    if (floor_frac && floor_frac[l] > common[l]) common[l] = floor_frac[l];
  }
  for (int i = 0; i < n; i++) {
    for (uint32_t l = 0; l < layers; l++)
      own[(size_t)i * layers + l] = common[l] - own[(size_t)i * layers + l];
    raw[i] = (vft_raw_term){.coef = terms[i].sign, .nfactors = terms[i].nfactors};
    memcpy(raw[i].factor, terms[i].factor, sizeof raw[i].factor);
    if (terms[i].lemma) {
      vft_i128 most = 0;
      for (uint32_t l = 0; l < layers; l++) {
        int up = own[(size_t)i * layers + l];
        vft_i128 m = vft_bound_shift(terms[i].most[l], up);
        if (m > most) most = m;
      }
      if (most >= (vft_i128)1 << 61) {
        vft_build_fail(b, "a lemma's bound reaches 2^%d once aligned", bit_length(most));
        return;
      }
      raw[i].lemma = terms[i].lemma;
      raw[i].lemma_hi = (int64_t)most;
      raw[i].lemma_lo = -(int64_t)most;
    }
    if (layers > 1) {
      raw[i].per_layer = vft_build_powers(b, &own[(size_t)i * layers], layers);
    } else {
      const int64_t *c = vft_build_powers(b, &own[i], 1);
      if (c) raw[i].coef *= c[0];
    }
  }
}

/* ---- op plumbing ---- */

/* Compiles expression, base, den and output over one numbering of indices. */
static void fill_op(vft_builder *b, vft_op *op, const char *box, const vft_raw_term *expr,
                    int nexpr, const vft_raw_term *base, int nbase, const vft_raw_term *den,
                    int nden, vft_tensor_id out, const char *out_axes) {
  if (!op || b->status != VFT_OK) return;
  vft_raw_term all[2 * MAX_TERMS + 2];
  int n = 0;
  for (int i = 0; i < nexpr; i++) all[n++] = expr[i];
  for (int i = 0; i < nbase; i++) all[n++] = base[i];
  for (int i = 0; i < nden; i++) all[n++] = den[i];
  if (out != VFT_NO_TENSOR) all[n++] = VFT_RAW1(1, out, out_axes);
  vft_term *t;
  if (!vft_build_compile(b, box, all, n, &op->nindex, &op->nfree, op->size, &t)) return;
  op->nterms = (uint32_t)nexpr;
  op->nbase = (uint32_t)nbase;
  op->nden = (uint32_t)nden;
  op->terms = t;
  op->base = t + nexpr;
  op->den = t + nexpr + nbase;
  op->has_out = out != VFT_NO_TENSOR;
  if (op->has_out) op->out = t[n - 1].factor[0];
  op->looped = box[0] == b->ops->loop_letter;
  op->loop_first = op->looped ? b->ops->loop_first : 0;
  op->loop_count = op->looped ? b->size[(unsigned char)box[0]] : 1;
}

/* The tensors of a wide number or a plain tensor. */
static uint32_t tensors_of(const vft_step *s, vft_tensor_id t, uint32_t wide, vft_tensor_id *list) {
  uint32_t n = 0;
  if (t != VFT_NO_TENSOR) {
    list[n++] = t;
    wide = s->wide_of[t];
  }
  if (wide != UINT32_MAX)
    for (uint32_t i = 0; i < s->wides[wide].nlimbs; i++) list[n++] = s->wides[wide].limb[i];
  return n;
}

static void set_outputs(vft_builder *b, vft_op *op, const vft_tensor_id *more, int nmore) {
  if (!op || b->status != VFT_OK) return;
  vft_tensor_id list[64];
  uint32_t n = 0;
  if (op->has_out) n += tensors_of(b->ops->step, op->out.tensor, UINT32_MAX, list + n);
  n += tensors_of(b->ops->step, VFT_NO_TENSOR, op->rem, list + n);
  n += tensors_of(b->ops->step, VFT_NO_TENSOR, op->comp, list + n);
  for (int i = 0; i < nmore; i++) n += tensors_of(b->ops->step, more[i], UINT32_MAX, list + n);
  op->outputs = vft_arena_alloc(b->arena, n ? n : 1, sizeof *op->outputs);
  if (!op->outputs) {
    b->status = VFT_RESOURCE;
    return;
  }
  memcpy(op->outputs, list, n * sizeof *list);
  op->noutputs = n;
}

/* ---- define ---- */

static void define_op(vft_builder *b, const char *name, const char *axes, vft_tensor_id t,
                      const vft_raw_term *raw, int n) {
  vft_build_relation(b, vft_build_name(b, "%s/define", name), VFT_DEFINE, t, axes, raw, n);
  vft_op *op = vft_build_op(b, VFT_OP_DEFINE, name);
  fill_op(b, op, axes, raw, n, NULL, 0, NULL, 0, t, axes);
  set_outputs(b, op, NULL, 0);
}

vft_tensor_id vft_build_define_raw(vft_builder *b, const char *name, const char *axes,
                                   const vft_raw_term *raw, int n, vft_frac frac) {
  uint32_t nindex, nfree, size[VFT_MAX_INDEX];
  vft_term *terms;
  vft_build_begin(b);
  if (!vft_build_compile(b, axes, raw, n, &nindex, &nfree, size, &terms)) return VFT_NO_TENSOR;
  vft_i128 lo, hi;
  vft_build_interval(b->p, terms, (uint32_t)n, nfree, nindex, size, &lo, &hi);
  const vft_i128 limit = (vft_i128)1 << 62;
  if (lo <= -limit || hi >= limit) {
    vft_build_fail(b, "%s can reach 2^%d, the limit is 2^62: narrower containers are needed", name,
                   bit_length(hi > -lo ? hi : -lo));
    return VFT_NO_TENSOR;
  }
  vft_tensor_id t = vft_build_tensor(b, VFT_VIRTUAL, 0, name, axes, (int64_t)lo, (int64_t)hi, NULL,
                                     frac);
  define_op(b, name, axes, t, raw, n);
  return t;
}

vft_tensor_id vft_build_define(vft_builder *b, const char *name, const char *axes, int64_t constant,
                               const vft_real_term *terms, int n) {
  vft_raw_term raw[MAX_TERMS];
  int common[MAX_LAYERS] = {0};
  uint32_t layers = layers_of(b, axes);
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  align(b, terms, n, layers, NULL, raw, common);
  if (constant) raw[n++] = VFT_RAW0(constant);
  return vft_build_define_raw(b, name, axes, raw, n, vft_build_fracs(b, common, layers));
}

/* ---- requantise ---- */

void vft_build_requant(vft_builder *b, vft_build_out out, vft_tensor_id base, const char *base_axes,
                       bool negate, const vft_real_term *terms, int n) {
  if (b->status != VFT_OK) return;
  vft_build_begin(b);
  const char *box = box_of(b, out.axes);
  uint32_t layers = layers_of(b, box);
  int want[MAX_LAYERS] = {0}, common[MAX_LAYERS] = {0};
  int64_t half[MAX_LAYERS];
  int8_t *shift = vft_arena_alloc(b->arena, layers, sizeof *shift);
  int *k = vft_arena_alloc(b->arena, layers, sizeof *k);
  vft_raw_term rel[2 * MAX_TERMS];
  if (!shift || !k) {
    b->status = VFT_RESOURCE;
    return;
  }
  bool rounds = false;
  for (uint32_t l = 0; l < layers; l++)
    want[l] = frac_at(b, (vft_axes_factor){out.tensor, out.axes}, l);
  align(b, terms, n, layers, want, rel, common);
  for (uint32_t l = 0; l < layers; l++) {
    k[l] = common[l] - want[l];
    shift[l] = (int8_t)k[l];
    if (k[l] > 60) {
      vft_build_fail(b, "%s: a shift by %d", out.name, k[l]);
      return;
    }
    half[l] = k[l] ? (int64_t)1 << (k[l] - 1) : 0;
    rounds = rounds || k[l];
  }
  vft_raw_term expr[MAX_TERMS], base_term = {0};
  int nexpr = n;
  memcpy(expr, rel, (size_t)n * sizeof *expr);
  if (rounds) {
    rel[n] = VFT_RAW0(1);
    int64_t *copy = vft_arena_alloc(b->arena, layers, sizeof *copy);
    if (!copy) {
      b->status = VFT_RESOURCE;
      return;
    }
    memcpy(copy, half, layers * sizeof *copy);
    if (layers > 1)
      rel[n].per_layer = copy;
    else
      rel[n].coef = half[0];
    n++;
  }
  const int64_t *power = vft_build_powers(b, k, layers);
  if (!power) return;
  int64_t one = layers > 1 ? 1 : power[0];
  const int64_t *vector = layers > 1 ? power : NULL;
  if (base != VFT_NO_TENSOR) {
    rel[n] = VFT_RAW1(negate ? -one : one, base, base_axes);
    rel[n++].per_layer = vector;
    base_term = VFT_RAW1(1, base, base_axes);
  }
  rel[n] = VFT_RAW1(negate ? one : -one, out.tensor, out.axes);
  if (b->ops->lemma) {
    rel[n].lemma = b->ops->lemma;
    rel[n].lemma_lo = -((int64_t)1 << 61);
    b->ops->lemma = NULL;
  }
  rel[n++].per_layer = vector;
  uint32_t rem = vft_build_remainder(b, vft_build_name(b, "%s/rem", out.name), box,
                                     layers > 1 ? 0 : shift[0], layers > 1 ? shift : NULL, rel, &n,
                                     -1);
  vft_build_relation(b, vft_build_name(b, "%s/requant", out.name), VFT_ZERO, VFT_NO_TENSOR, box,
                     rel, n);
  vft_op *op = vft_build_op(b, VFT_OP_REQUANT, out.name);
  if (!op) return;
  op->shift = shift;
  op->nshift = layers;
  op->negate = negate;
  op->rem = rem;
  fill_op(b, op, box, expr, nexpr, &base_term, base != VFT_NO_TENSOR, NULL, 0, out.tensor,
          out.axes);
  set_outputs(b, op, NULL, 0);
}

void vft_build_exact(vft_builder *b, vft_build_out out, const vft_raw_term *terms, int n) {
  if (b->status != VFT_OK) return;
  vft_build_begin(b);
  const char *box = box_of(b, out.axes);
  vft_raw_term rel[MAX_TERMS];
  memcpy(rel, terms, (size_t)n * sizeof *rel);
  rel[n] = VFT_RAW1(-1, out.tensor, out.axes);
  vft_build_relation(b, vft_build_name(b, "%s/exact", out.name), VFT_ZERO, VFT_NO_TENSOR, box, rel,
                     n + 1);
  vft_op *op = vft_build_op(b, VFT_OP_REQUANT, out.name);
  if (!op) return;
  op->nshift = 1;
  op->shift = vft_arena_alloc(b->arena, 1, sizeof *op->shift); /* 0 */
  if (!op->shift) {
    b->status = VFT_RESOURCE;
    return;
  }
  fill_op(b, op, box, terms, n, NULL, 0, NULL, 0, out.tensor, out.axes);
  set_outputs(b, op, NULL, 0);
}

vft_tensor_id vft_build_requant_narrow(vft_builder *b, const char *name, const char *axes, int bits,
                                       vft_frac frac, const vft_real_term *terms, int n) {
  vft_tensor_id t = vft_build_narrow(b, name, axes, bits, true, frac);
  vft_build_requant(b, (vft_build_out){name, t, axes}, VFT_NO_TENSOR, NULL, false, terms, n);
  return t;
}

vft_tensor_id vft_build_requant_wide(vft_builder *b, const char *name, const char *axes, int bits,
                                     bool is_signed, vft_frac frac, const vft_real_term *terms,
                                     int n) {
  vft_tensor_id t = vft_build_wide(b, name, axes, bits, is_signed, frac);
  vft_build_requant(b, (vft_build_out){name, t, axes}, VFT_NO_TENSOR, NULL, false, terms, n);
  return t;
}

vft_tensor_id vft_build_requant_fitted(vft_builder *b, const char *name, const char *axes, int bits,
                                       vft_frac frac, const vft_real_term *terms, int n) {
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  uint32_t layers = layers_of(b, axes);
  int common[MAX_LAYERS] = {0};
  vft_raw_term unused[MAX_TERMS];
  align(b, terms, n, layers, NULL, unused, common);
  int64_t *width = vft_arena_alloc(b->arena, layers, sizeof *width);
  if (!width && b->status == VFT_OK) b->status = VFT_RESOURCE;
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  int64_t most = 0;
  for (uint32_t l = 0; l < layers; l++) {
    int k = common[l] - frac.v[frac.n > 1 ? l : 0];
    width[l] = 61 - (k < 0 ? 0 : k);
    if (width[l] < 1) {
      vft_build_fail(b, "%s: a shift by %d", name, k);
      return VFT_NO_TENSOR;
    }
    if (width[l] > bits) width[l] = bits;
    if (width[l] > most) most = width[l];
  }
  vft_tensor_id limb[VFT_MAX_LIMBS];
  uint8_t at[VFT_MAX_LIMBS], limb_width[VFT_MAX_LIMBS];
  uint32_t nlimbs = 0;
  for (int64_t from = 0; from < most; from += 16) {
    uint32_t i = nlimbs++;
    int64_t *tag = vft_arena_alloc(b->arena, layers, sizeof *tag);
    if (!tag) {
      b->status = VFT_RESOURCE;
      return VFT_NO_TENSOR;
    }
    for (uint32_t l = 0; l < layers; l++) {
      int64_t rest = width[l] - from;
      tag[l] = rest < 0 ? 0 : rest > 16 ? 16 : rest;
    }
    const char *limb_name = vft_build_name(b, "%s/limb%u", name, i);
    at[i] = (uint8_t)from;
    limb_width[i] = (uint8_t)(most - from < 16 ? most - from : 16);
    limb[i] = vft_build_tensor(b, VFT_WITNESS, 0, limb_name, axes, 0,
                               ((int64_t)1 << limb_width[i]) - 1, NULL, (vft_frac){NULL, 0});
    vft_build_range_layered(b, vft_build_name(b, "%s/range", limb_name), axes, limb[i],
                            layers > 1 ? tag : NULL, limb_width[i], 0);
  }
  vft_tensor_id t = vft_build_wide_of(b, name, axes, nlimbs, limb, at, limb_width, 0, frac);
  b->ops->lemma =
      "the limbs of the output at index l are range checked to min(width, 61 - k[l]) bits in "
      "total by lookups whose tags depend on l, so 0 <= 2^k[l] q[l] < 2^61";
  vft_build_requant(b, (vft_build_out){name, t, axes}, VFT_NO_TENSOR, NULL, false, terms, n);
  return t;
}

/* ---- division and square root ---- */

void vft_build_div(vft_builder *b, vft_build_out out, const vft_raw_term *num, int nnum,
                   const vft_raw_term *den, int nden) {
  if (b->status != VFT_OK) return;
  vft_build_begin(b);
  const char *box = box_of(b, out.axes);
  uint32_t nindex, nfree, size[VFT_MAX_INDEX];
  vft_term *terms;
  if (!vft_build_compile(b, box, den, nden, &nindex, &nfree, size, &terms)) return;
  vft_i128 lo, hi;
  vft_build_interval(b->p, terms, (uint32_t)nden, nfree, nindex, size, &lo, &hi);
  int bits = bit_length(2 * hi - 1);
  vft_raw_term rel[2 * MAX_TERMS], pos[2 * MAX_TERMS];
  int n = 0, m = 0;
  for (int i = 0; i < nnum; i++) {
    rel[n] = num[i];
    rel[n++].coef *= 2;
  }
  for (int i = 0; i < nden; i++) rel[n++] = den[i];
  for (int i = 0; i < nden; i++) {
    rel[n] = den[i];
    rel[n].coef *= -2;
    rel[n].factor[rel[n].nfactors++] = (vft_axes_factor){out.tensor, out.axes};
    n++;
    pos[m] = den[i];
    pos[m++].coef *= 2;
  }
  pos[m++] = VFT_RAW0(-1);
  int before = n;
  uint32_t rem = vft_build_remainder(b, vft_build_name(b, "%s/rem", out.name), box, bits, NULL, rel,
                                     &n, -1);
  for (int i = before; i < n; i++) pos[m++] = rel[i];
  uint32_t comp = vft_build_remainder(b, vft_build_name(b, "%s/comp", out.name), box, bits, NULL,
                                      pos, &m, -1);
  vft_build_relation(b, vft_build_name(b, "%s/div", out.name), VFT_ZERO, VFT_NO_TENSOR, box, rel,
                     n);
  vft_build_relation(b, vft_build_name(b, "%s/below", out.name), VFT_ZERO, VFT_NO_TENSOR, box, pos,
                     m);
  vft_op *op = vft_build_op(b, VFT_OP_DIV, out.name);
  if (!op) return;
  op->rem = rem;
  op->comp = comp;
  fill_op(b, op, box, num, nnum, NULL, 0, den, nden, out.tensor, out.axes);
  set_outputs(b, op, NULL, 0);
}

vft_tensor_id vft_build_isqrt(vft_builder *b, const char *name, const char *axes, int bits,
                              vft_frac frac, const vft_raw_term *v, int nv) {
  vft_tensor_id s = vft_build_wide(b, name, axes, bits, false, frac);
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  vft_build_begin(b);
  vft_raw_term rel[MAX_TERMS], pos[MAX_TERMS];
  int n = 0, m = 0;
  for (int i = 0; i < nv; i++) rel[n++] = v[i];
  rel[n++] = VFT_RAW2(-1, s, axes, s, axes);
  pos[m++] = VFT_RAW1(2, s, axes);
  int before = n;
  uint32_t rem =
      vft_build_remainder(b, vft_build_name(b, "%s/rem", name), axes, bits + 1, NULL, rel, &n, -1);
  for (int i = before; i < n; i++) pos[m++] = rel[i];
  uint32_t comp = vft_build_remainder(b, vft_build_name(b, "%s/comp", name), axes, bits + 1, NULL,
                                      pos, &m, -1);
  vft_build_relation(b, vft_build_name(b, "%s/square", name), VFT_ZERO, VFT_NO_TENSOR, axes, rel,
                     n);
  vft_build_relation(b, vft_build_name(b, "%s/below", name), VFT_ZERO, VFT_NO_TENSOR, axes, pos, m);
  vft_op *op = vft_build_op(b, VFT_OP_ISQRT, name);
  if (!op) return VFT_NO_TENSOR;
  op->rem = rem;
  op->comp = comp;
  fill_op(b, op, axes, v, nv, NULL, 0, NULL, 0, s, axes);
  set_outputs(b, op, NULL, 0);
  return s;
}

/* ---- tables ---- */

void vft_build_silu(vft_builder *b, vft_tensor_id in, const char *name, const char *z_name,
                    const char *dz_name, const char *axes, vft_tensor_id *z, vft_tensor_id *dz) {
  if (b->status != VFT_OK) return;
  vft_step *s = b->ops->step;
  uint32_t layers = layers_of(b, axes);
  int64_t *tag = vft_arena_alloc(b->arena, layers, sizeof *tag);
  uint32_t *number = vft_arena_alloc(b->arena, layers, sizeof *number);
  int frac_z[MAX_LAYERS];
  if (!tag || !number) {
    b->status = VFT_RESOURCE;
    return;
  }
  int64_t lo[2] = {0, 0}, hi[2] = {0, 0};
  for (uint32_t l = 0; l < layers; l++) {
    frac_z[l] = frac_at(b, (vft_axes_factor){in, axes}, l);
    number[l] = UINT32_MAX;
    for (uint32_t t = 0; t < s->ntables; t++)
      if (s->tables[t].kind == VFT_STEP_SILU && s->tables[t].frac_in == frac_z[l]) number[l] = t;
    if (number[l] == UINT32_MAX) {
      vft_build_fail(b, "%s: no table for exponent %d", name, frac_z[l]);
      return;
    }
    tag[l] = b->p->tables[b->ops->table_silu[frac_z[l]]].tag;
    for (int c = 0; c < 2; c++) {
      const vft_tensor *t = &b->p->tensors[s->tables[number[l] + c].tensor];
      if (t->lo < lo[c]) lo[c] = t->lo;
      if (t->hi > hi[c]) hi[c] = t->hi;
    }
  }
  int frac_dz = s->tables[number[0] + 1].frac_out;
  *z = vft_build_tensor(b, VFT_WITNESS, 0, z_name, axes, lo[0], hi[0], NULL,
                        vft_build_fracs(b, frac_z, layers));
  *dz = vft_build_tensor(b, VFT_WITNESS, 0, dz_name, axes, lo[1], hi[1], NULL,
                         vft_build_frac(b, frac_dz));
  vft_build_begin(b);
  vft_raw_term c0 = VFT_RAW0(1), c1 = VFT_RAW1(1, in, axes), c2 = VFT_RAW1(1, *z, axes),
               c3 = VFT_RAW1(1, *dz, axes);
  c0.per_layer = layers > 1 ? tag : NULL;
  if (layers == 1) c0.coef = tag[0];
  vft_build_lookup(b, vft_build_name(b, "%s/table", name), axes,
                   (const vft_raw_term *const[VFT_LOOKUP_COLS]){&c0, &c1, &c2, &c3}, (const int[VFT_LOOKUP_COLS]){1, 1, 1, 1});
  vft_op *op = vft_build_op(b, VFT_OP_TABLE, name);
  if (!op) return;
  op->silu = number;
  op->nshift = layers;
  op->extra[0] = *z;
  op->extra[1] = *dz;
  fill_op(b, op, axes, &c1, 1, NULL, 0, NULL, 0, VFT_NO_TENSOR, NULL);
  set_outputs(b, op, op->extra, 2);
}

vft_softmax_ids vft_build_softmax(vft_builder *b, const char *name, const char *rows, char high,
                                  char low, vft_tensor_id score, const char *score_axes,
                                  vft_tensor_id mask, const char *mask_axes, int f_table,
                                  int e_table, int w_max) {
  vft_softmax_ids ids = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR};
  if (b->status != VFT_OK) return ids;
  const char *box = vft_build_name(b, "%s%c%c", rows, high, low);
  const char *rows_high = vft_build_name(b, "%s%c", rows, high);
  const char *rows_low = vft_build_name(b, "%s%c", rows, low);
  uint32_t layers = layers_of(b, box);
  bool masked = mask != VFT_NO_TENSOR;
  vft_frac table_frac = vft_build_frac(b, f_table), none = vft_build_frac(b, 0);
  ids.max = vft_build_wide(b, vft_build_name(b, "%s/max", name), rows, w_max, true, table_frac);
  vft_tensor_id mh =
      vft_build_narrow(b, vft_build_name(b, "%s/max_high", name), rows_high, 1, false, none);
  vft_tensor_id ml = vft_build_narrow(b, vft_build_name(b, "%s/max_low", name), rows_low, 1, false,
                                      none);
  ids.t = vft_build_tensor(b, VFT_WITNESS, 0, vft_build_name(b, "%s/t", name), box, 0, 65535, NULL,
                           table_frac);
  ids.e = vft_build_tensor(b, VFT_WITNESS, 0, vft_build_name(b, "%s/e", name), box, 0,
                           (int64_t)1 << e_table, NULL, vft_build_frac(b, e_table));
  if (b->status != VFT_OK) return ids;
  vft_build_begin(b);

  int8_t *shift = vft_arena_alloc(b->arena, layers, sizeof *shift);
  int *k = vft_arena_alloc(b->arena, layers, sizeof *k),
      *up = vft_arena_alloc(b->arena, layers, sizeof *up);
  int64_t *half = vft_arena_alloc(b->arena, layers, sizeof *half);
  if (!shift || !k || !up || !half) {
    b->status = VFT_RESOURCE;
    return ids;
  }
  bool rounds = false;
  for (uint32_t l = 0; l < layers; l++) {
    k[l] = frac_at(b, (vft_axes_factor){score, score_axes}, l) - f_table;
    up[l] = k[l] < 0 ? -k[l] : 0;
    if (k[l] < 0) k[l] = 0;
    if (k[l] > 60 || up[l] > 30) {
      vft_build_fail(b, "%s: a shift by %d", name, k[l]);
      return ids;
    }
    shift[l] = (int8_t)k[l];
    half[l] = k[l] ? (int64_t)1 << (k[l] - 1) : 0;
    rounds = rounds || k[l];
  }
  const int64_t *power = vft_build_powers(b, k, layers), *lift = vft_build_powers(b, up, layers);
  if (!power || !lift) return ids;
  const int64_t *vector = layers > 1 ? power : NULL;
  int64_t one = layers > 1 ? 1 : power[0];

  vft_raw_term rel[MAX_TERMS];
  vft_raw_term expr = VFT_RAW1(layers > 1 ? 1 : lift[0], score, score_axes);
  expr.per_layer = layers > 1 ? lift : NULL;
  int n = 0;
  rel[n++] = expr;
  if (rounds) {
    rel[n] = VFT_RAW0(layers > 1 ? 1 : half[0]);
    rel[n++].per_layer = layers > 1 ? half : NULL;
  }
  rel[n] = VFT_RAW1(-one, ids.max, rows);
  rel[n++].per_layer = vector;
  for (int i = 0; masked && i < n; i++)
    rel[i].factor[rel[i].nfactors++] = (vft_axes_factor){mask, mask_axes};
  rel[n] = VFT_RAW1(one, ids.t, box);
  rel[n++].per_layer = vector;
  uint32_t rem = vft_build_remainder(b, vft_build_name(b, "%s/rem", name), box,
                                     layers > 1 ? 0 : shift[0], layers > 1 ? shift : NULL, rel, &n,
                                     -1);
  vft_build_relation(b, vft_build_name(b, "%s/scale", name), VFT_ZERO, VFT_NO_TENSOR, box, rel, n);

  /* The one-hots select one column, an unmasked one, and t = 0 there. */
  vft_raw_term one_high[2] = {VFT_RAW1(1, mh, rows_high), VFT_RAW0(-1)};
  vft_raw_term one_low[2] = {VFT_RAW1(1, ml, rows_low), VFT_RAW0(-1)};
  vft_raw_term inside[2] = {VFT_RAW2(1, mh, rows_high, ml, rows_low), VFT_RAW0(-1)};
  if (masked) inside[0].factor[inside[0].nfactors++] = (vft_axes_factor){mask, mask_axes};
  vft_raw_term pinned = VFT_RAW3(1, mh, rows_high, ml, rows_low, ids.t, box);
  vft_build_relation(b, vft_build_name(b, "%s/one_high", name), VFT_ZERO, VFT_NO_TENSOR, rows,
                     one_high, 2);
  vft_build_relation(b, vft_build_name(b, "%s/one_low", name), VFT_ZERO, VFT_NO_TENSOR, rows,
                     one_low, 2);
  if (masked)
    vft_build_relation(b, vft_build_name(b, "%s/unmasked", name), VFT_ZERO, VFT_NO_TENSOR, rows,
                       inside, 2);
  vft_build_relation(b, vft_build_name(b, "%s/pinned", name), VFT_ZERO, VFT_NO_TENSOR, rows,
                     &pinned, 1);

  uint32_t table = masked ? b->ops->table_score : b->ops->table_logit;
  int64_t tag = b->p->tables[table].tag, zero = b->p->tables[b->ops->table_zero].tag;
  vft_raw_term c0[2] = {VFT_RAW0(masked ? zero : tag), VFT_RAW1(tag - zero, mask, mask_axes)};
  vft_raw_term c1 = VFT_RAW1(1, ids.t, box), c2 = VFT_RAW1(1, ids.e, box);
  vft_build_lookup(b, vft_build_name(b, "%s/table", name), box,
                   (const vft_raw_term *const[VFT_LOOKUP_COLS]){c0, &c1, &c2, NULL},
                   (const int[VFT_LOOKUP_COLS]){masked ? 2 : 1, 1, 1, 0});

  vft_op *op = vft_build_op(b, VFT_OP_SOFTMAX, name);
  if (!op) return ids;
  op->shift = shift;
  op->nshift = layers;
  op->rem = rem;
  op->table = masked ? 0 : 1;
  fill_op(b, op, box, &expr, 1, NULL, 0, NULL, 0, VFT_NO_TENSOR, NULL);
  op->softmax = (vft_op_softmax){
      .max = ids.max, .high = mh, .low = ml, .t = ids.t, .e = ids.e, .mask = mask,
      .mask_rows = b->size['p'] * b->size['q'],
      .columns = b->size[(unsigned char)high] * b->size[(unsigned char)low],
      .low_columns = b->size[(unsigned char)low]};
  set_outputs(b, op, (const vft_tensor_id[]){ids.max, mh, ml, ids.t, ids.e}, 5);
  return ids;
}

/* ---- one-hots and comparison ---- */

static vft_tensor_id iota(vft_builder *b, char letter) {
  const char *name = vft_build_name(b, "const/iota_%c", letter);
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  vft_tensor_id t = vft_program_find_tensor(b->p, name);
  if (t != VFT_NO_TENSOR) return t;
  uint32_t n = b->size[(unsigned char)letter];
  int64_t *v = vft_arena_alloc(b->arena, n, sizeof *v);
  if (!v) {
    b->status = VFT_RESOURCE;
    return VFT_NO_TENSOR;
  }
  for (uint32_t i = 0; i < n; i++) v[i] = i;
  return vft_build_tensor(b, VFT_PUBLIC, 0, name, (char[]){letter, 0}, 0, n - 1, v,
                          vft_build_frac(b, 0));
}

void vft_build_onehot(vft_builder *b, const char *name, const char *axes, char high, char low,
                      vft_tensor_id ids, vft_tensor_id *out_high, vft_tensor_id *out_low) {
  const char *axes_high = vft_build_name(b, "%s%c", axes, high);
  const char *axes_low = vft_build_name(b, "%s%c", axes, low);
  vft_frac none = vft_build_frac(b, 0);
  vft_tensor_id h =
      vft_build_narrow(b, vft_build_name(b, "%s/high", name), axes_high, 1, false, none);
  vft_tensor_id w =
      vft_build_narrow(b, vft_build_name(b, "%s/low", name), axes_low, 1, false, none);
  vft_tensor_id ih = iota(b, high), iw = iota(b, low);
  *out_high = h;
  *out_low = w;
  if (b->status != VFT_OK) return;
  vft_build_begin(b);
  vft_raw_term one_high[2] = {VFT_RAW1(1, h, axes_high), VFT_RAW0(-1)};
  vft_raw_term one_low[2] = {VFT_RAW1(1, w, axes_low), VFT_RAW0(-1)};
  char high_axis[2] = {high, 0}, low_axis[2] = {low, 0};
  vft_raw_term value[3] = {
      VFT_RAW1(1, ids, axes),
      VFT_RAW2(-(int64_t)b->size[(unsigned char)low], h, axes_high, ih, high_axis),
      VFT_RAW2(-1, w, axes_low, iw, low_axis)};
  vft_build_relation(b, vft_build_name(b, "%s/one_high", name), VFT_ZERO, VFT_NO_TENSOR, axes,
                     one_high, 2);
  vft_build_relation(b, vft_build_name(b, "%s/one_low", name), VFT_ZERO, VFT_NO_TENSOR, axes,
                     one_low, 2);
  vft_build_relation(b, vft_build_name(b, "%s/value", name), VFT_ZERO, VFT_NO_TENSOR, axes, value,
                     3);
  vft_op *op = vft_build_op(b, VFT_OP_ONEHOT, name);
  if (!op) return;
  op->trace_only = true;
  op->extra[0] = w;
  fill_op(b, op, axes, value, 1, NULL, 0, NULL, 0, h, axes_high);
  set_outputs(b, op, op->extra, 1);
}

vft_tensor_id vft_build_compare(vft_builder *b, const char *name, const char *axes,
                                const vft_raw_term *terms, int n) {
  vft_tensor_id bit = vft_build_narrow(b, name, axes, 1, false, vft_build_frac(b, 0));
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  vft_build_begin(b);
  uint32_t nindex, nfree, size[VFT_MAX_INDEX];
  vft_term *compiled;
  if (!vft_build_compile(b, axes, terms, n, &nindex, &nfree, size, &compiled)) return VFT_NO_TENSOR;
  vft_i128 lo, hi;
  vft_build_interval(b->p, compiled, (uint32_t)n, nfree, nindex, size, &lo, &hi);
  /* bit e + (1 - bit)(-e - 1) = rem >= 0 */
  vft_raw_term rel[MAX_TERMS];
  int m = 0;
  for (int i = 0; i < n; i++) {
    rel[m] = terms[i];
    rel[m].coef *= 2;
    rel[m].factor[rel[m].nfactors++] = (vft_axes_factor){bit, axes};
    m++;
    rel[m] = terms[i];
    rel[m++].coef *= -1;
  }
  rel[m++] = VFT_RAW0(-1);
  rel[m++] = VFT_RAW1(1, bit, axes);
  uint32_t rem = vft_build_remainder(b, vft_build_name(b, "%s/rem", name), axes,
                                     bit_length(hi > -lo ? hi : -lo), NULL, rel, &m, -1);
  vft_build_relation(b, vft_build_name(b, "%s/compare", name), VFT_ZERO, VFT_NO_TENSOR, axes, rel,
                     m);
  vft_op *op = vft_build_op(b, VFT_OP_COMPARE, name);
  if (!op) return VFT_NO_TENSOR;
  op->rem = rem;
  fill_op(b, op, axes, terms, n, NULL, 0, NULL, 0, bit, axes);
  set_outputs(b, op, NULL, 0);
  return bit;
}
