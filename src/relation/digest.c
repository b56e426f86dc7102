/* The program digest: BLAKE3 of one unambiguous serialisation.
 *
 * Every integer is little-endian; u8, u32, i64 name its width; str = u32 length, then the bytes.
 * Lists are preceded by their length as u32. In order:
 *   str "vft program 2", str name, u32 log_columns
 *   links: str name, u8 is_output;  oracles: str name
 *   tensors: str name, u8 origin (+ 128: field elements), u32 group, u32 rank, u32 dims[rank], i64 lo, i64 hi,
 *            u8 constant?; if so the elements, i64 each
 *   relations: str name, u8 kind (+ 128: modulo p), u32 target, u32 nindex, u32 nfree, u32 size[nindex], terms
 *   lookups: str name, u32 nindex, u32 size[nindex], 4 times: terms
 *   tables: str name, u8 kind, i64 tag, i64 first, u32 rows, u32 out[3], u32 mult
 * terms = list of: i64 coef, u8 lemma?; if so str lemma, i64 lemma_lo, i64 lemma_hi;
 *         list of factors: u32 tensor, then per axis u8 idx, u32 off.
 * Enumerations are numbered as in program.h; an absent tensor is 2^32 - 1. */
#include <string.h>

#include "hash/blake3.h"
#include "relation/program.h"

static void put_u8(vft_blake3 *h, unsigned v) {
  uint8_t b = (uint8_t)v;
  vft_blake3_update(h, &b, 1);
}

static void put_u32(vft_blake3 *h, uint32_t v) {
  uint8_t b[4];
  for (int i = 0; i < 4; i++) b[i] = (uint8_t)(v >> 8 * i);
  vft_blake3_update(h, b, 4);
}

static void put_i64s(vft_blake3 *h, const int64_t *v, size_t n) {
  uint8_t b[512];
  for (size_t done = 0; done < n;) {
    size_t m = n - done < 64 ? n - done : 64;
    for (size_t k = 0; k < m; k++)
      for (int i = 0; i < 8; i++) b[8 * k + i] = (uint8_t)((uint64_t)v[done + k] >> 8 * i);
    vft_blake3_update(h, b, 8 * m);
    done += m;
  }
}

static void put_i64(vft_blake3 *h, int64_t v) { put_i64s(h, &v, 1); }

static void put_str(vft_blake3 *h, const char *s) {
  size_t n = strlen(s);
  put_u32(h, (uint32_t)n);
  vft_blake3_update(h, s, n);
}

static void put_terms(vft_blake3 *h, const vft_program *p, const vft_term *t, uint32_t n) {
  put_u32(h, n);
  for (; n--; t++) {
    put_i64(h, t->coef);
    put_u8(h, t->lemma != NULL);
    if (t->lemma) {
      put_str(h, t->lemma);
      put_i64(h, t->lemma_lo);
      put_i64(h, t->lemma_hi);
    }
    put_u32(h, t->nfactors);
    for (uint32_t k = 0; k < t->nfactors; k++) {
      const vft_factor *f = &t->factor[k];
      put_u32(h, f->tensor);
      for (uint32_t a = 0; a < p->tensors[f->tensor].rank; a++) {
        put_u8(h, f->idx[a]);
        put_u32(h, f->off[a]);
      }
    }
  }
}

static void put_sizes(vft_blake3 *h, const uint32_t *size, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) put_u32(h, size[i]);
}

void vft_program_digest(const vft_program *program, uint8_t digest[32]) {
  const vft_program *p = program;
  vft_blake3 state, *h = &state;
  vft_blake3_init(h);
  put_str(h, "vft program 2");
  put_str(h, p->name);
  put_u32(h, p->log_columns);
  put_u32(h, p->nlinks);
  for (uint32_t i = 0; i < p->nlinks; i++) {
    put_str(h, p->link_names[i]);
    put_u8(h, p->link_output[i]);
  }
  put_u32(h, p->noracles);
  for (uint32_t i = 0; i < p->noracles; i++) put_str(h, p->oracle_names[i]);

  put_u32(h, p->ntensors);
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    put_str(h, t->name);
    put_u8(h, (unsigned)t->origin + (t->field ? 128 : 0));
    put_u32(h, t->group);
    put_u32(h, t->rank);
    put_sizes(h, t->dims, t->rank);
    put_i64(h, t->lo);
    put_i64(h, t->hi);
    put_u8(h, t->values != NULL);
    if (t->values) put_i64s(h, t->values, vft_tensor_count(t));
  }
  put_u32(h, p->nrelations);
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    put_str(h, r->name);
    put_u8(h, (unsigned)r->kind + (r->field ? 128 : 0));
    put_u32(h, r->target);
    put_u32(h, r->nindex);
    put_u32(h, r->nfree);
    put_sizes(h, r->size, r->nindex);
    put_terms(h, p, r->terms, r->nterms);
  }
  put_u32(h, p->nlookups);
  for (uint32_t i = 0; i < p->nlookups; i++) {
    const vft_lookup *l = &p->lookups[i];
    put_str(h, l->name);
    put_u32(h, l->nindex);
    put_sizes(h, l->size, l->nindex);
    for (int c = 0; c < VFT_LOOKUP_COLS; c++) put_terms(h, p, l->col[c].terms, l->col[c].nterms);
  }
  put_u32(h, p->ntables);
  for (uint32_t i = 0; i < p->ntables; i++) {
    const vft_table *t = &p->tables[i];
    put_str(h, t->name);
    put_u8(h, t->kind);
    put_i64(h, t->tag);
    put_i64(h, t->first);
    put_u32(h, t->rows);
    for (int c = 0; c < VFT_TABLE_OUTS; c++) put_u32(h, t->out[c]);
    put_u32(h, t->mult);
  }
  vft_blake3_final(h, digest, 32);
}
