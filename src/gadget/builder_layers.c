/* Coefficients that differ from layer to layer. */
#include "gadget/builder.h"

#include <string.h>

#define LIMIT ((vft_i128)1 << 62)

bool vft_build_grow(vft_builder *b, void **array, uint32_t n, uint32_t *cap, size_t size) {
  if (n < *cap) return true;
  uint32_t want = *cap ? 2 * *cap : 64;
  void *fresh = vft_build_grab(b, want, size);
  if (!fresh) return false;
  if (n) memcpy(fresh, *array, (size_t)n * size);
  *array = fresh;
  *cap = want;
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
  if (b->status != VFT_OK || !vft_build_grow(b, (void **)&b->vectors, b->nvectors, &b->cap_vectors,
                                   sizeof *b->vectors))
    return VFT_NO_TENSOR;
  b->vectors[b->nvectors].id = id;
  b->vectors[b->nvectors].n = n;
  b->vectors[b->nvectors++].v = b->p->tensors[id].values;
  return id;
}

bool vft_build_layered(vft_builder *b, const vft_raw_term *r, const char *letters, vft_term *t) {
  uint32_t layers = b->size['l'];
  bool uniform = true;
  for (uint32_t l = 1; l < layers; l++) uniform = uniform && r->per_layer[l] == r->per_layer[0];
  if (uniform) {
    vft_i128 c = (vft_i128)t->coef * r->per_layer[0];
    if (c >= LIMIT || c <= -LIMIT) return vft_build_fail(b, "a coefficient reaches 2^62");
    t->coef = (int64_t)c;
    return true;
  }
  if (r->nfactors == VFT_MAX_FACTORS)
    return vft_build_fail(b, "a product of %d factors has no room for its exponent", r->nfactors);
  vft_axes_factor f = {layer_vector(b, r->per_layer, layers), "l"};
  return vft_build_factor(b, f, letters, &t->factor[t->nfactors++]);
}

void vft_build_range_layered(vft_builder *b, const char *name, const char *axes, vft_tensor_id t,
                             const int64_t *bits_per_layer, int bits, int64_t offset) {
  vft_raw_term tag = VFT_RAW0(1), value[2] = {VFT_RAW1(1, t, axes), VFT_RAW0(offset)};
  if (!bits_per_layer) {
    vft_build_range(b, name, axes, t, bits, offset);
    return;
  }
  tag.per_layer = bits_per_layer;
  vft_build_lookup(b, name, axes, (const vft_raw_term *const[VFT_LOOKUP_COLS]){&tag, value, NULL, NULL},
                   (const int[VFT_LOOKUP_COLS]){1, offset ? 2 : 1, 0, 0});
}
