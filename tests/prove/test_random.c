/* Random programs: sums of random einsums over random shapes, with offsets, restricted ranges,
 * broadcast, PUBLIC factors of every rank, virtual tensors on virtual tensors, lookups on all of
 * them. Every honest proof is accepted; a wrong element of a committed result is rejected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "prove/prove.h"
#include "verify/toy.h"

enum { LEAVES = 9, ROUNDS = 160, BIG_ROUNDS = 30, MAX_ELEMENTS = 1 << 14 };

static int64_t constants[LEAVES][MAX_ELEMENTS];
static bool big; /* few long axes, so that every kernel meets its tile boundaries */
static const vft_verify_flags lax = {.allow_test_profile = true, .bounds_checked = true};

static uint32_t tensor_of(vft_program *p, const char *name, vft_origin origin, uint32_t group,
                          int64_t bound, int64_t *values) {
  toy_dims d = {.rank = (uint32_t)toy_rnd(0, 4)};
  for (uint32_t a = 0; a < d.rank; a++) d.dims[a] = (uint32_t)toy_rnd(1, d.rank > 2 ? 6 : 9);
  if (big) {
    static const toy_dims shape[] = {{2, {7, 1300}}, {1, {9001}}, {1, {1300}}, {2, {7, 1300}},
                                     {3, {2, 6, 620}}, {2, {1300, 7}}, {3, {660, 2, 6}}};
    d = shape[toy_rnd(0, 6)];
  }
  size_t n = 1;
  for (uint32_t a = 0; a < d.rank; a++) n *= d.dims[a];
  for (size_t i = 0; values && i < n; i++) values[i] = toy_rnd(-bound, bound);
  return toy_tensor(p, name, origin, group, -bound, bound, d, values);
}

/* A random term over the relation's indices: each factor's axes take distinct indices whose sizes
 * fit, with a random offset. Returns false when a factor cannot be placed. */
static bool random_term(const vft_program *p, const toy_dims *size, uint32_t ntensors,
                        vft_term *term) {
  *term = (vft_term){.coef = toy_rnd(-3, 3), .nfactors = (uint32_t)toy_rnd(0, 4)};
  if (term->coef == 0) term->coef = 1;
  for (uint32_t f = 0; f < term->nfactors; f++) {
    vft_tensor_id id = (vft_tensor_id)toy_rnd(0, ntensors - 1);
    const vft_tensor *t = &p->tensors[id];
    if (t->name[0] == 'w') return false; /* filled after the virtual tensors */
    bool used[VFT_MAX_INDEX] = {false};
    term->factor[f].tensor = id;
    for (uint32_t a = 0; a < t->rank; a++) {
      int tries = 0;
      uint32_t i;
      do {
        i = (uint32_t)toy_rnd(0, size->rank - 1);
      } while ((used[i] || size->dims[i] > t->dims[a]) && ++tries < 40);
      if (tries >= 40) return false;
      used[i] = true;
      term->factor[f].idx[a] = (uint8_t)i;
      term->factor[f].off[a] = (uint32_t)toy_rnd(0, t->dims[a] - size->dims[i]);
    }
  }
  if (term->nfactors == 0 || term->nfactors > 2 || toy_rnd(0, 2)) return true;
  uint32_t first = term->nfactors - 1, power = toy_rnd(0, 1) ? 7 : (uint32_t)toy_rnd(2, 6);
  for (; term->nfactors < first + power; term->nfactors++) /* a power of the last factor */
    term->factor[term->nfactors] = term->factor[first];
  return true;
}

typedef struct {
  vft_program *p;
  uint32_t results; /* "w0" .. */
} random_program;

static random_program build(void) {
  random_program r = {vft_program_new("random", (unsigned)toy_rnd(3, big ? 12 : 8)), 0};
  vft_program *p = r.p;
  static const vft_origin origin[LEAVES] = {VFT_WITNESS, VFT_WITNESS, VFT_LINK,
                                            VFT_LINK,    VFT_ORACLE,  VFT_PUBLIC,
                                            VFT_PUBLIC,  VFT_PUBLIC,  VFT_WITNESS};
  vft_program_add_link(p, "l0", false);
  vft_program_add_link(p, "l1", false);
  vft_program_add_oracle(p, "o0");
  for (uint32_t i = 0; i < LEAVES; i++) {
    char name[16];
    snprintf(name, sizeof name, "t%u", i);
    tensor_of(p, name, origin[i], origin[i] == VFT_LINK ? i - 2 : 0, 6,
              origin[i] == VFT_PUBLIC ? constants[i] : NULL);
  }
  uint32_t chains = (uint32_t)toy_rnd(1, 4);
  for (uint32_t k = 0; k < chains; k++) {
    toy_dims size = {.rank = (uint32_t)toy_rnd(1, 5)}, out = {0};
    for (uint32_t i = 0; i < size.rank; i++) size.dims[i] = (uint32_t)toy_rnd(1, 5);
    if (big) {
      static const toy_dims box[] = {{2, {7, 1299}}, {1, {8997}}, {3, {5, 600, 2}},
                                     {2, {1280, 6}},
                                     {3, {650, 2, 5}}};
      size = box[toy_rnd(0, 4)];
    }
    uint32_t nfree = (uint32_t)toy_rnd(0, size.rank < 3 ? size.rank : 3);
    vft_term terms[4];
    uint32_t n = 0, want = (uint32_t)toy_rnd(1, 4), ntensors = p->ntensors;
    for (int tries = 0; n < want && tries < 100; tries++)
      n += random_term(p, &size, ntensors, &terms[n]);
    if (n == 0) continue;
    out.rank = nfree;
    for (uint32_t i = 0; i < nfree; i++) out.dims[i] = size.dims[i];
    char v[16], w[16], rel[16], def[16];
    snprintf(v, sizeof v, "v%u", r.results);
    snprintf(w, sizeof w, "w%u", r.results);
    snprintf(rel, sizeof rel, "same%u", r.results);
    snprintf(def, sizeof def, "def%u", r.results++);
    vft_tensor_id vid = toy_tensor(p, v, VFT_VIRTUAL, 0, -(1ll << 61), 1ll << 61, out, NULL);
    vft_tensor_id wid = toy_tensor(p, w, VFT_WITNESS, 0, -(1ll << 61), 1ll << 61, out, NULL);
    toy_relation(p, def, VFT_DEFINE, vid, size, nfree, terms, n);
    vft_factor fv = {.tensor = vid}, fw = {.tensor = wid};
    for (uint32_t i = 0; i < nfree; i++) fv.idx[i] = fw.idx[i] = (uint8_t)i;
    toy_relation(p, rel, VFT_ZERO, 0, out, nfree, TERMS(T(1, 1, fv), T(-1, 1, fw)));
  }
  return r;
}

static vft_status complete_all(vft_trace *t, const random_program *r) {
  for (uint32_t i = 0; i < LEAVES; i++) {
    char name[16];
    snprintf(name, sizeof name, "t%u", i);
    if (t->program->tensors[toy_find(t, name)].origin != VFT_PUBLIC) toy_random(t, name);
  }
  for (uint32_t k = 0; k < r->results; k++) {
    char w[16];
    snprintf(w, sizeof w, "w%u", k);
    toy_alloc(t, w);
  }
  TRY(vft_trace_complete(t)); /* refuses what leaves the bounds */
  for (uint32_t k = 0; k < r->results; k++) {
    char v[16], w[16];
    snprintf(v, sizeof v, "v%u", k);
    snprintf(w, sizeof w, "w%u", k);
    vft_tensor_id vid = toy_find(t, v), wid = toy_find(t, w);
    for (size_t i = 0, n = vft_tensor_count(&t->program->tensors[vid]); i < n; i++)
      toy_set(t, wid, i, toy_get(t, vid, i));
  }
  return VFT_OK;
}

static vft_status prove_and_verify(const random_program *r, const vft_trace *t) {
  vft_status st = VFT_OK;
  vft_commitment *link[2] = {NULL, NULL}, *oracle = NULL;
  vft_digest root[2], oracle_root;
  vft_proof proof = {0}, opening = {0};
  vft_oracle_claims mine = {0}, theirs = {0};
  vft_proof_options options = vft_proof_options_default();
  vft_prove_options unchecked = {.unchecked = true, .keep_codewords = toy_rnd(0, 1)};
  options.test_queries = 2;
  for (uint32_t l = 0; l < 2; l++) {
    TRY_OUT(vft_commit_group(&link[l], t, VFT_LINK, l, 1, VFT_HASH_BLAKE3, 0));
    root[l] = vft_commitment_root(link[l]);
  }
  TRY_OUT(vft_commit_group(&oracle, t, VFT_ORACLE, 0, 1, VFT_HASH_BLAKE3, 0));
  oracle_root = vft_commitment_root(oracle);
  TRY_OUT(vft_prove(r->p, t, link, &oracle_root, &options, &unchecked, &proof, &mine, NULL));
  vft_statement s = {r->p, NULL, root, &oracle_root};
  TRY_OUT(vft_verify_proof(&s, &options, lax, proof.bytes, proof.len, &theirs, NULL));
  if (theirs.n) {
    vft_tree_info info = vft_commitment_info(oracle);
    TRY_OUT(vft_prove_oracles(&oracle, 1, &mine, &options, &opening));
    TRY_OUT(vft_verify_oracles(&info, 1, r->p->log_columns, &theirs, &options, lax,
                               opening.bytes, opening.len, NULL));
  }
out:
  vft_proof_free(&proof);
  vft_proof_free(&opening);
  vft_oracle_claims_free(&mine);
  vft_oracle_claims_free(&theirs);
  vft_commitment_free(link[0]);
  vft_commitment_free(link[1]);
  vft_commitment_free(oracle);
  return st;
}

static void test_random_programs(void **state) {
  (void)state;
  int proved = 0, products = 0;
  for (int round = 0; round < ROUNDS + BIG_ROUNDS; round++) {
    uint64_t seed = toy_seed;
    big = round >= ROUNDS;
    random_program r = build();
    vft_trace t;
    assert_int_equal(vft_trace_init(&t, r.p), VFT_OK);
    if (complete_all(&t, &r) == VFT_OK) {
      proved++;
      vft_cost cost;
      assert_int_equal(vft_program_cost(r.p, &cost), VFT_OK);
      products += cost.product_terms > 0;
      vft_status st = prove_and_verify(&r, &t);
      if (st != VFT_OK)
        fail_msg("seed %llx: honest proof refused: %s", (unsigned long long)seed,
                 vft_error_message());
      if (r.results) { /* one wrong element */
        char w[16];
        snprintf(w, sizeof w, "w%u", (uint32_t)toy_rnd(0, r.results - 1));
        vft_tensor_id id = toy_find(&t, w);
        size_t i = (size_t)toy_rnd(0, (int64_t)vft_tensor_count(&r.p->tensors[id]) - 1);
        toy_set(&t, id, i, toy_get(&t, id, i) ^ 1);
        st = prove_and_verify(&r, &t);
        if (st != VFT_REJECTED)
          fail_msg("seed %llx: false proof accepted", (unsigned long long)seed);
      }
    }
    vft_trace_free(&t);
    vft_program_free(r.p);
  }
  print_message("%d programs proved, %d with products\n", proved, products);
  assert_true(proved > ROUNDS / 2 && products > ROUNDS / 4);
}

int main(void) {
  print_message("seed %llx\n", (unsigned long long)toy_seed);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_programs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
