/* Names, axes strings, terms, declarations. */
#include "gadget/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- failure, names, arrays ---- */

bool vft_build_fail(vft_builder *b, const char *fmt, ...) {
  if (b->status != VFT_OK) return false;
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  b->status = vft_fail(VFT_USAGE, "building %s: %s", b->p ? b->p->name : "a program", text);
  return false;
}

static bool no_memory(vft_builder *b) {
  if (b->status == VFT_OK) b->status = VFT_RESOURCE;
  return false;
}

void *vft_build_grab(vft_builder *b, size_t n, size_t size) {
  if (b->status != VFT_OK) return NULL;
  void *x = vft_arena_alloc(b->arena, n ? n : 1, size);
  if (!x) no_memory(b);
  return x;
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
  vft_term *t = vft_build_grab(b, (size_t)n, sizeof *t);
  if (!t) return false;
  for (int i = 0; i < n; i++) {
    const vft_raw_term *r = &terms[i];
    t[i].coef = r->coef;
    t[i].lemma = r->lemma;
    t[i].lemma_lo = r->lemma_lo;
    t[i].lemma_hi = r->lemma_hi;
    for (int k = 0; k < r->nfactors; k++)
      if (!vft_build_factor(b, r->factor[k], letters, &t[i].factor[t[i].nfactors++])) return false;
    if (r->per_layer && !vft_build_layered(b, r, letters, &t[i])) return false;
  }
  *out = t;
  return true;
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
  return !b->declared || b->declared(b, id, frac) ? id : VFT_NO_TENSOR;
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

void vft_build_range(vft_builder *b, const char *name, const char *axes, vft_tensor_id t, int bits,
                     int64_t offset) {
  vft_raw_term tag = VFT_RAW0(bits), value[2] = {VFT_RAW1(1, t, axes), VFT_RAW0(offset)};
  vft_build_lookup(b, name, axes, (const vft_raw_term *const[VFT_LOOKUP_COLS]){&tag, value, NULL, NULL},
                   (const int[VFT_LOOKUP_COLS]){1, offset ? 2 : 1, 0, 0});
}
