/* Plumbing of the builder: axes strings, terms, bounds, containers. The arithmetic gadgets are in
 * gadget_ops.c. */
#include "program/gadgets.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT ((vft_i128)1 << 62)

/* ---- failure, names, arrays ---- */

bool vft_build_fail(vft_builder *b, const char *fmt, ...) {
  if (b->status != VFT_OK) return false;
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  b->status = vft_fail(VFT_USAGE, "building the training step: %s", text);
  return false;
}

static bool no_memory(vft_builder *b) {
  if (b->status == VFT_OK) b->status = VFT_RESOURCE;
  return false;
}

static void *grab(vft_builder *b, size_t n, size_t size) {
  if (b->status != VFT_OK) return NULL;
  void *x = vft_arena_alloc(b->arena, n ? n : 1, size);
  if (!x) no_memory(b);
  return x;
}

static bool grow(vft_builder *b, void **array, uint32_t n, uint32_t *cap, size_t size) {
  if (n < *cap) return true;
  uint32_t want = *cap ? 2 * *cap : 64;
  void *fresh = grab(b, want, size);
  if (!fresh) return false;
  if (n) memcpy(fresh, *array, (size_t)n * size);
  *array = fresh;
  *cap = want;
  return true;
}

const char *vft_build_name(vft_builder *b, const char *fmt, ...) {
  char text[200];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (n < 0 || (size_t)n >= sizeof text) {
    vft_build_fail(b, "a name is longer than %zu", sizeof text - 1);
    return "?";
  }
  if (b->status != VFT_OK) return "?";
  const char *copy = vft_arena_strdup(b->arena, text);
  if (!copy) no_memory(b);
  return copy ? copy : "?";
}

vft_frac vft_build_fracs(vft_builder *b, const int *v, uint32_t n) {
  int *copy = grab(b, n, sizeof *copy);
  if (!copy) return (vft_frac){NULL, 0};
  memcpy(copy, v, n * sizeof *copy);
  return (vft_frac){copy, n};
}

vft_frac vft_build_frac(vft_builder *b, int value) { return vft_build_fracs(b, &value, 1); }

const int64_t *vft_build_powers(vft_builder *b, const int *exponent, uint32_t n) {
  int64_t *v = grab(b, n, sizeof *v);
  for (uint32_t i = 0; v && i < n; i++) {
    if (exponent[i] < 0 || exponent[i] > 61) {
      vft_build_fail(b, "a power of two with exponent %d", exponent[i]);
      return v;
    }
    v[i] = (int64_t)1 << exponent[i];
  }
  return v;
}

/* ---- axes ---- */

/* Next axis of a string: letter and offset; false at the end. */
static bool next_axis(const char **s, char *letter, uint32_t *offset) {
  if (!**s) return false;
  *letter = *(*s)++;
  *offset = 0;
  if (**s == '+') {
    char *end;
    *offset = (uint32_t)strtoul(*s + 1, &end, 10);
    *s = end;
  }
  return true;
}

bool vft_build_factor(vft_builder *b, vft_axes_factor f, const char *letters, vft_factor *out) {
  memset(out, 0, sizeof *out);
  out->tensor = f.tensor;
  if (f.tensor >= b->p->ntensors) return vft_build_fail(b, "a factor without a tensor");
  const vft_tensor *t = &b->p->tensors[f.tensor];
  const char *s = f.axes;
  char letter;
  uint32_t offset, axis = 0;
  while (next_axis(&s, &letter, &offset)) {
    const char *at = strchr(letters, letter);
    if (!at || axis >= t->rank)
      return vft_build_fail(b, "axes '%s' of %s (rank %u)", f.axes, t->name, t->rank);
    out->idx[axis] = (uint8_t)(at - letters);
    out->off[axis++] = offset;
  }
  if (axis != t->rank)
    return vft_build_fail(b, "axes '%s' of %s (rank %u)", f.axes, t->name, t->rank);
  return true;
}

/* Letters of `axes` without offsets, appended to `letters` when new. */
static bool collect(vft_builder *b, const char *axes, char letters[VFT_MAX_INDEX + 1]) {
  char letter;
  uint32_t offset;
  while (next_axis(&axes, &letter, &offset)) {
    if (strchr(letters, letter)) continue;
    size_t n = strlen(letters);
    if (n == VFT_MAX_INDEX) return vft_build_fail(b, "more than %d index letters", VFT_MAX_INDEX);
    if (!b->size[(unsigned char)letter]) return vft_build_fail(b, "letter %c has no size", letter);
    letters[n] = letter;
    letters[n + 1] = 0;
  }
  return true;
}

/* A constant PUBLIC vector over the loop letter, shared between equal ones. */
static vft_tensor_id layer_vector(vft_builder *b, const int64_t *v, uint32_t n) {
  for (uint32_t i = 0; i < b->nvectors; i++)
    if (b->vectors[i].n == n && !memcmp(b->vectors[i].v, v, n * sizeof *v)) return b->vectors[i].id;
  int64_t lo = v[0], hi = v[0];
  for (uint32_t i = 1; i < n; i++) {
    if (v[i] < lo) lo = v[i];
    if (v[i] > hi) hi = v[i];
  }
  vft_tensor_id id = vft_build_tensor(b, VFT_PUBLIC, 0, vft_build_name(b, "const/%u", b->nvectors),
                                      "l", lo, hi, v, (vft_frac){NULL, 0});
  if (b->status != VFT_OK || !grow(b, (void **)&b->vectors, b->nvectors, &b->cap_vectors,
                                   sizeof *b->vectors))
    return VFT_NO_TENSOR;
  b->vectors[b->nvectors].id = id;
  b->vectors[b->nvectors].n = n;
  b->vectors[b->nvectors++].v = b->p->tensors[id].values;
  return id;
}

bool vft_build_compile(vft_builder *b, const char *free_axes, const vft_raw_term *terms, int n,
                       uint32_t *nindex, uint32_t *nfree, uint32_t size[VFT_MAX_INDEX],
                       vft_term **out) {
  char letters[VFT_MAX_INDEX + 1] = "";
  if (b->status != VFT_OK || !collect(b, free_axes, letters)) return false;
  *nfree = (uint32_t)strlen(letters);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < terms[i].nfactors; k++)
      if (!collect(b, terms[i].factor[k].axes, letters)) return false;
  *nindex = (uint32_t)strlen(letters);
  for (uint32_t v = 0; v < *nindex; v++) size[v] = b->size[(unsigned char)letters[v]];
  vft_term *t = grab(b, (size_t)n, sizeof *t);
  if (!t) return false;
  for (int i = 0; i < n; i++) {
    const vft_raw_term *r = &terms[i];
    t[i].coef = r->coef;
    t[i].lemma = r->lemma;
    t[i].lemma_lo = r->lemma_lo;
    t[i].lemma_hi = r->lemma_hi;
    for (int k = 0; k < r->nfactors; k++)
      if (!vft_build_factor(b, r->factor[k], letters, &t[i].factor[t[i].nfactors++])) return false;
    if (!r->per_layer) continue;
    uint32_t layers = b->size['l'];
    bool uniform = true;
    for (uint32_t l = 1; l < layers; l++) uniform = uniform && r->per_layer[l] == r->per_layer[0];
    if (uniform) {
      vft_i128 c = (vft_i128)t[i].coef * r->per_layer[0];
      if (c >= LIMIT || c <= -LIMIT) return vft_build_fail(b, "a coefficient reaches 2^62");
      t[i].coef = (int64_t)c;
    } else {
      if (r->nfactors == VFT_MAX_FACTORS)
        return vft_build_fail(b, "a product of %d factors has no room for its exponent",
                              r->nfactors);
      vft_axes_factor f = {layer_vector(b, r->per_layer, layers), "l"};
      if (!vft_build_factor(b, f, letters, &t[i].factor[t[i].nfactors++])) return false;
    }
  }
  *out = t;
  return true;
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

/* ---- declarations ---- */

vft_tensor_id vft_build_tensor(vft_builder *b, vft_origin origin, uint32_t group, const char *name,
                               const char *axes, int64_t lo, int64_t hi, const int64_t *values,
                               vft_frac frac) {
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  vft_tensor t = {.name = name, .origin = origin, .group = group, .lo = lo, .hi = hi,
                  .values = values, .field = b->field};
  char letter;
  uint32_t offset;
  for (const char *s = axes; next_axis(&s, &letter, &offset); t.rank++) {
    if (t.rank == VFT_MAX_RANK) {
      vft_build_fail(b, "tensor %s has more than %d axes", name, VFT_MAX_RANK);
      return VFT_NO_TENSOR;
    }
    t.dims[t.rank] = b->size[(unsigned char)letter];
  }
  vft_tensor_id id = vft_program_add_tensor(b->p, &t);
  if (id == VFT_NO_TENSOR) {
    b->status = VFT_USAGE;
    return id;
  }
  uint32_t cap = b->cap_tensors;
  if (!grow(b, (void **)&b->step->frac, id, &cap, sizeof *b->step->frac) ||
      !grow(b, (void **)&b->step->wide_of, id, &b->cap_tensors, sizeof *b->step->wide_of))
    return VFT_NO_TENSOR;
  b->step->frac[id] = frac;
  b->step->wide_of[id] = UINT32_MAX;
  return id;
}

uint32_t vft_build_relation(vft_builder *b, const char *name, vft_relation_kind kind,
                            vft_tensor_id target, const char *free_axes, const vft_raw_term *terms,
                            int n) {
  vft_relation r = {.name = name, .kind = kind, .field = b->field, .target = target,
                    .nterms = (uint32_t)n};
  if (!vft_build_compile(b, free_axes, terms, n, &r.nindex, &r.nfree, r.size, &r.terms))
    return UINT32_MAX;
  uint32_t id = vft_program_add_relation(b->p, &r);
  if (id == UINT32_MAX) b->status = VFT_USAGE;
  return id;
}

void vft_build_lookup(vft_builder *b, const char *name, const char *axes,
                      const vft_raw_term *const col[VFT_LOOKUP_COLS],
                      const int n[VFT_LOOKUP_COLS]) {
  vft_lookup l = {.name = name};
  for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
    uint32_t nfree;
    if (!vft_build_compile(b, axes, col[c], n[c], &l.nindex, &nfree, l.size, &l.col[c].terms))
      return;
    l.col[c].nterms = (uint32_t)n[c];
    if (l.nindex != nfree) {
      vft_build_fail(b, "lookup %s contracts an index", name);
      return;
    }
  }
  if (vft_program_add_lookup(b->p, &l) == UINT32_MAX) b->status = VFT_USAGE;
}

void vft_build_range_layered(vft_builder *b, const char *name, const char *axes, vft_tensor_id t,
                             const int64_t *bits_per_layer, int bits, int64_t offset) {
  vft_raw_term tag = VFT_RAW0(bits), value[2] = {VFT_RAW1(1, t, axes), VFT_RAW0(offset)};
  if (bits_per_layer) {
    tag.coef = 1;
    tag.per_layer = bits_per_layer;
  }
  vft_build_lookup(b, name, axes, (const vft_raw_term *const[VFT_LOOKUP_COLS]){&tag, value, NULL, NULL},
                   (const int[VFT_LOOKUP_COLS]){1, offset ? 2 : 1, 0, 0});
}

void vft_build_range(vft_builder *b, const char *name, const char *axes, vft_tensor_id t, int bits,
                     int64_t offset) {
  vft_build_range_layered(b, name, axes, t, NULL, bits, offset);
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
  uint32_t id = b->step->nwides;
  if (b->status != VFT_OK ||
      !grow(b, (void **)&b->step->wides, id, &b->cap_wides, sizeof *b->step->wides))
    return UINT32_MAX;
  b->step->wides[id] = w;
  b->step->nwides++;
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
  if (id != UINT32_MAX) b->step->wide_of[w.value] = id;
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
    int64_t *tag = per_layer ? grab(b, layers, sizeof *tag) : NULL;
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
  b->first_relation = b->p->nrelations;
  b->first_lookup = b->p->nlookups;
}

/* Registers the op; its relations and lookups are those added since vft_build_begin. Fields of
 * the expression and outputs are filled by the gadget. */
vft_op *vft_build_op(vft_builder *b, vft_op_kind kind, const char *name) {
  if (b->status != VFT_OK) return NULL;
  if (!grow(b, (void **)&b->step->ops, b->step->nops, &b->cap_ops, sizeof *b->step->ops))
    return NULL;
  vft_op *op = &b->step->ops[b->step->nops++];
  memset(op, 0, sizeof *op);
  op->name = name;
  op->kind = kind;
  op->section = b->section;
  op->backward = b->backward;
  op->trace_only = b->trace_only;
  op->rem = op->comp = UINT32_MAX;
  op->extra[0] = op->extra[1] = VFT_NO_TENSOR;
  op->nrelations = b->p->nrelations - b->first_relation;
  op->nlookups = b->p->nlookups - b->first_lookup;
  op->relations = grab(b, op->nrelations, sizeof *op->relations);
  op->lookups = grab(b, op->nlookups, sizeof *op->lookups);
  if (b->status != VFT_OK) return NULL;
  for (uint32_t i = 0; i < op->nrelations; i++) op->relations[i] = b->first_relation + i;
  for (uint32_t i = 0; i < op->nlookups; i++) op->lookups[i] = b->first_lookup + i;
  return op;
}
