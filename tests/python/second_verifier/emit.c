/* Writes the proofs of the toy programs, and what a verifier knows about them, as one JSON object
 * a line, for the second verifier (tests/python/test_second_verifier.py). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hide/secret.h"
#include "prove/prove.h"
#include "prove/toys.h"

static void check(vft_status st) {
  if (st == VFT_OK) return;
  fprintf(stderr, "%s\n", vft_error_message());
  exit(1);
}

static void hex(const char *name, const uint8_t *b, size_t n) {
  printf(", \"%s\": \"", name);
  for (size_t i = 0; i < n; i++) printf("%02x", b[i]);
  printf("\"");
}

/* The preimage of the program digest, written from docs/SPEC.md, section 7. */
typedef struct {
  uint8_t *b;
  size_t n;
} bytes;
static void put(bytes *o, uint64_t v, int width) {
  for (int i = 0; i < width; i++) o->b[o->n++] = (uint8_t)(v >> (8 * i));
}
static void text(bytes *o, const char *s) {
  put(o, strlen(s), 4);
  memcpy(o->b + o->n, s, strlen(s));
  o->n += strlen(s);
}
static void terms(bytes *o, const vft_program *p, const vft_term *t, uint32_t n) {
  put(o, n, 4);
  for (; n--; t++) {
    put(o, (uint64_t)t->coef, 8);
    put(o, t->lemma != NULL, 1);
    if (t->lemma) {
      text(o, t->lemma);
      put(o, (uint64_t)t->lemma_lo, 8);
      put(o, (uint64_t)t->lemma_hi, 8);
    }
    put(o, t->nfactors, 4);
    for (uint32_t k = 0; k < t->nfactors; k++) {
      put(o, t->factor[k].tensor, 4);
      for (uint32_t a = 0; a < p->tensors[t->factor[k].tensor].rank; a++) {
        put(o, t->factor[k].idx[a], 1);
        put(o, t->factor[k].off[a], 4);
      }
    }
  }
}
static void program_bytes(bytes *o, const vft_program *p) {
  text(o, "vft program 2");
  text(o, p->name);
  put(o, p->log_columns, 4);
  put(o, p->nlinks, 4);
  for (uint32_t i = 0; i < p->nlinks; i++) {
    text(o, p->link_names[i]);
    put(o, p->link_output[i], 1);
  }
  put(o, p->noracles, 4);
  for (uint32_t i = 0; i < p->noracles; i++) text(o, p->oracle_names[i]);
  put(o, p->ntensors, 4);
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    text(o, t->name);
    put(o, t->origin + (t->field ? 128 : 0), 1);
    put(o, t->group, 4);
    put(o, t->rank, 4);
    for (uint32_t a = 0; a < t->rank; a++) put(o, t->dims[a], 4);
    put(o, (uint64_t)t->lo, 8);
    put(o, (uint64_t)t->hi, 8);
    put(o, t->values != NULL, 1);
    for (size_t k = 0; t->values && k < vft_tensor_count(t); k++)
      put(o, (uint64_t)t->values[k], 8);
  }
  put(o, p->nrelations, 4);
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    text(o, r->name);
    put(o, r->kind + (r->field ? 128 : 0), 1);
    put(o, r->target, 4);
    put(o, r->nindex, 4);
    put(o, r->nfree, 4);
    for (uint32_t a = 0; a < r->nindex; a++) put(o, r->size[a], 4);
    terms(o, p, r->terms, r->nterms);
  }
  put(o, p->nlookups, 4);
  for (uint32_t i = 0; i < p->nlookups; i++) {
    const vft_lookup *l = &p->lookups[i];
    text(o, l->name);
    put(o, l->nindex, 4);
    for (uint32_t a = 0; a < l->nindex; a++) put(o, l->size[a], 4);
    for (int c = 0; c < VFT_LOOKUP_COLS; c++) terms(o, p, l->col[c].terms, l->col[c].nterms);
  }
  put(o, p->ntables, 4);
  for (uint32_t i = 0; i < p->ntables; i++) {
    const vft_table *t = &p->tables[i];
    text(o, t->name);
    put(o, t->kind, 1);
    put(o, (uint64_t)t->tag, 8);
    put(o, (uint64_t)t->first, 8);
    put(o, t->rows, 4);
    for (int c = 0; c < VFT_TABLE_OUTS; c++) put(o, t->out[c], 4);
    put(o, t->mult, 4);
  }
}

/* log_inv_rate: of a hiding proof; 0: of none. */
static void emit_so(vft_program *(*build)(int), void (*fill)(vft_trace *), uint32_t queries,
                    vft_hash_kind hash, uint32_t log_inv_rate) {
  static uint8_t space[1 << 22];
  static const vft_fp context[3] = {{7}, {VFT_P - 1}, {1ull << 40}};
  bytes serial = {space, 0};
  vft_trace trace;
  vft_commitment *link[4], *oracle[4];
  vft_digest link_root[4], oracle_root[4];
  vft_proof proof, opening;
  vft_oracle_claims claims = {0};
  vft_proof_options options =
      hash == VFT_HASH_BLAKE3 ? vft_proof_options_default() : vft_proof_options_recursive();
  options.test_queries = queries;
  options.context = context;
  options.context_len = 3;
  options.hiding = log_inv_rate != 0;
  if (log_inv_rate) options.log_inv_rate = log_inv_rate;
  vft_program *p = build(-1);
  check(vft_trace_init(&trace, p));
  fill(&trace);
  check(vft_trace_complete(&trace));
  check(vft_trace_count_lookups(&trace));
  for (uint32_t l = 0; l < p->nlinks; l++) {
    check(vft_commit_group(&link[l], &trace, VFT_LINK, l, options.log_inv_rate,
                           options.hash, 0));
    link_root[l] = vft_commitment_root(link[l]);
  }
  for (uint32_t o = 0; o < p->noracles; o++) {
    check(vft_commit_group(&oracle[o], &trace, VFT_ORACLE, o, options.log_inv_rate,
                           options.hash, 0));
    oracle_root[o] = vft_commitment_root(oracle[o]);
  }
  const vft_prove_options how = {0};
  check(vft_prove(p, &trace, link, oracle_root, &options, &how, &proof, &claims, NULL));
  program_bytes(&serial, p);
  printf("{\"name\": \"%s\", \"queries\": %u, \"hash\": %d", p->name, queries, (int)hash);
  printf(", \"hiding\": %u", log_inv_rate);
  printf(", \"context\": [7, -1, %lld]", 1ll << 40);
  hex("program", serial.b, serial.n);
  printf(", \"inputs\": {");
  const char *comma = "";
  for (uint32_t t = 0; t < p->ntensors; t++) {
    if (p->tensors[t].origin != VFT_PUBLIC || p->tensors[t].values) continue;
    printf("%s\"%u\": [", comma, t);
    for (size_t i = 0; i < vft_tensor_count(&p->tensors[t]); i++)
      printf("%s%lld", i ? ", " : "", (long long)toy_get(&trace, t, i));
    printf("]");
    comma = ", ";
  }
  printf("}");
  hex("links", link_root[0].b, p->nlinks * sizeof *link_root);
  hex("oracles", oracle_root[0].b, p->noracles * sizeof *oracle_root);
  hex("proof", proof.bytes, proof.len);
  printf(", \"claims\": %u", claims.n);
  if (claims.n) {
    check(vft_prove_oracles(oracle, p->noracles, &claims, &options, &opening));
    hex("opening", opening.bytes, opening.len);
    vft_proof_free(&opening);
  }
  printf("}\n");
  vft_oracle_claims_free(&claims);
  vft_proof_free(&proof);
  for (uint32_t l = 0; l < p->nlinks; l++) vft_commitment_free(link[l]);
  for (uint32_t o = 0; o < p->noracles; o++) vft_commitment_free(oracle[o]);
  vft_trace_free(&trace);
  vft_program_free(p);
}

static void emit(vft_program *(*build)(int), void (*fill)(vft_trace *), uint32_t queries,
                 vft_hash_kind hash) {
  emit_so(build, fill, queries, hash, 0);
}

static void random_secret(vft_trace *t) { secret_fill(t, -1); }

int main(void) {
  emit(matmul_build, matmul_fill, 3, VFT_HASH_BLAKE3);
  emit(zoo_build, zoo_fill, 3, VFT_HASH_BLAKE3);
  emit(squares_build, squares_fill, 3, VFT_HASH_BLAKE3);
  emit(powers_build, powers_fill, 3, VFT_HASH_BLAKE3);
  emit(matmul_build, matmul_fill, 0, VFT_HASH_BLAKE3); /* full strength: grinding, two levels */
  emit(matmul_build, matmul_fill, 3, VFT_HASH_POSEIDON);
  emit(zoo_build, zoo_fill, 3, VFT_HASH_POSEIDON);
  emit(squares_build, squares_fill, 3, VFT_HASH_POSEIDON);
  emit_so(secret_build, random_secret, 3, VFT_HASH_BLAKE3, 4);
  emit_so(squares_build, squares_fill, 3, VFT_HASH_BLAKE3, 2);
  emit_so(powers_build, powers_fill, 5, VFT_HASH_BLAKE3, 3);
  return 0;
}
