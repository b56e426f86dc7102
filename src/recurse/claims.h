/* Claims on oracles on their way from the circuits that verify proofs to the one that verifies the opening
 * of all of them: their form, which is the same for all proofs of a program, and their values, the
 * points' coordinates and then the value of each claim in order. A sponge over a digest of the form and
 * the values is all that the two circuits share. Included by code on field elements and by code on wires
 * alike. */
#ifndef VFT_RECURSE_CLAIMS_H
#define VFT_RECURSE_CLAIMS_H

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "hash/blake3.h"
#include "verify/verify.h"

enum {
  VFT_DOMAIN_CLAIMS = 25, /* others: recurse/table.h */
  VFT_CLAIM_FORM = 4      /* elements of the form's digest, which come first */
};

typedef struct {
  uint32_t oracle, index;
  vft_box box;
  struct {
    uint32_t kind, off, size;
  } axis[VFT_BOX_AXES];
} vft_claim_form;

/* As a verification left them; vft_free both arrays. */
typedef struct {
  vft_claim_form *form;
  uint64_t (*value)[3]; /* of E; meaningless in a blank recording */
  uint32_t n, nvalues;
} vft_claim_list;

static inline size_t vft_claim_weights(uint32_t kind, uint32_t size) {
  return kind == VFT_W_ONES ? 0 : kind == VFT_W_VEC ? size : vft_log2_ceil(size);
}

static inline void vft_claim_list_free(vft_claim_list *l) {
  vft_free(l->form);
  vft_free(l->value);
  memset(l, 0, sizeof *l);
}

/* Fails: VFT_RESOURCE. */
static inline vft_status vft_claim_list_copy(const vft_claim_list *l, vft_claim_list *out) {
  *out = *l;
  out->form = vft_alloc((size_t)l->n + 1, sizeof *out->form);
  out->value = vft_alloc((size_t)l->nvalues + 1, sizeof *out->value);
  if (!out->form || !out->value) {
    vft_claim_list_free(out);
    return VFT_RESOURCE;
  }
  if (l->n) memcpy(out->form, l->form, l->n * sizeof *out->form);
  if (l->nvalues) memcpy(out->value, l->value, l->nvalues * sizeof *out->value);
  return VFT_OK;
}

/* Calls `each` with every element of E of the claims, in order. */
static inline void vft_claims_walk(const vft_oracle_claims *claims,
                                   void (*each)(void *ctx, const vft_ext *value), void *ctx) {
  for (uint32_t i = 0; i < claims->n; i++) {
    const vft_oracle_claim *c = &claims->claim[i];
    for (uint32_t a = 0; a < c->f.rank; a++) {
      const vft_weight *w = &c->f.axis[a].w;
      for (size_t k = 0; k < vft_claim_weights(w->kind, w->size); k++) each(ctx, &w->v[k]);
    }
    each(ctx, &c->value);
  }
}

/* The form's digest: 4 x 7 bytes of BLAKE3 over numbers of 32 bits, "vft claims 1" 0x00 first. */
static inline void vft_claims_form(const vft_oracle_claims *claims, uint64_t out[VFT_CLAIM_FORM]) {
  static const char domain[] = "vft claims 1";
  uint8_t digest[7 * VFT_CLAIM_FORM];
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  for (uint32_t i = 0; i < claims->n; i++) {
    const vft_oracle_claim *c = &claims->claim[i];
    uint32_t word[3 + 4 * VFT_BOX_AXES], n = 0;
    word[n++] = c->oracle;
    word[n++] = c->index;
    word[n++] = c->f.rank;
    for (uint32_t a = 0; a < c->f.rank; a++) {
      word[n++] = c->box.dims[a];
      word[n++] = (uint32_t)c->f.axis[a].w.kind;
      word[n++] = c->f.axis[a].off;
      word[n++] = c->f.axis[a].w.size;
    }
    for (uint32_t k = 0; k < n; k++) {
      const uint8_t b[4] = {(uint8_t)word[k], (uint8_t)(word[k] >> 8), (uint8_t)(word[k] >> 16),
                            (uint8_t)(word[k] >> 24)};
      vft_blake3_update(&h, b, sizeof b);
    }
  }
  vft_blake3_final(&h, digest, sizeof digest);
  for (int e = 0; e < VFT_CLAIM_FORM; e++) {
    out[e] = 0;
    for (int k = 0; k < 7; k++) out[e] |= (uint64_t)digest[7 * e + k] << (8 * k);
  }
}

static inline void vft_claims_put(void *ctx, const vft_ext *value) {
  vft_claim_list *l = ctx;
  for (int k = 0; k < 3 && l->value; k++) l->value[l->nvalues][k] = value->c[k].v;
  l->nvalues++;
}

/* Form and values of claims. Fails: VFT_RESOURCE. */
static inline vft_status vft_claim_list_of(const vft_oracle_claims *claims, vft_claim_list *out) {
  memset(out, 0, sizeof *out);
  vft_claims_walk(claims, vft_claims_put, out); /* counts */
  out->form = vft_alloc((size_t)claims->n + 1, sizeof *out->form);
  out->value = vft_alloc((size_t)out->nvalues + 1, sizeof *out->value);
  if (!out->form || !out->value) {
    vft_claim_list_free(out);
    return VFT_RESOURCE;
  }
  out->nvalues = 0;
  vft_claims_walk(claims, vft_claims_put, out);
  for (; out->n < claims->n; out->n++) {
    const vft_oracle_claim *c = &claims->claim[out->n];
    vft_claim_form *f = &out->form[out->n];
    f->oracle = c->oracle;
    f->index = c->index;
    f->box = c->box;
    for (uint32_t a = 0; a < c->f.rank; a++) {
      f->axis[a].kind = c->f.axis[a].w.kind;
      f->axis[a].off = c->f.axis[a].off;
      f->axis[a].size = c->f.axis[a].w.size;
    }
  }
  return VFT_OK;
}

#endif
