/* Chains of permutations: the states they lead to, and false values in every committed tensor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "gadget/poseidon.h"
#include "gadget/poseidon_fill.h"
#include "prove/prove.h"

enum { N = 37, LANES = VFT_POSEIDON_WIDTH };

typedef struct {
  vft_builder b;
  vft_poseidon_chain chain;
  vft_tensor_id in, out, again;
  vft_trace trace;
} world;

static int64_t *field(world *w, vft_tensor_id id) {
  assert_int_equal(vft_trace_alloc(&w->trace, id), VFT_OK);
  return w->trace.array[id].data;
}

static void start(world *w, unsigned committed) {
  memset(w, 0, sizeof *w);
  vft_builder *b = &w->b;
  b->p = vft_program_new("permutations", 8);
  b->arena = &b->p->arena;
  b->size['n'] = N;
  b->size['I'] = LANES;
  vft_poseidon_constants constants = {0};
  w->in = vft_build_field(b, VFT_WITNESS, 0, "in", "nI", NULL);
  w->out = vft_build_field(b, VFT_WITNESS, 0, "out", "nI", NULL);
  vft_build_poseidon_constants(b, &constants);
  vft_raw_term t[3] = {VFT_RAW1(1, constants.first_rc, "I"), VFT_RAW1(1, w->in, "nI")};
  vft_tensor_id x = committed & 1 ? VFT_NO_TENSOR : vft_build_field_define(b, "x0", "nI", t, 2);
  w->chain = vft_build_poseidon_chain(b, &constants, "p", "n", x, committed);
  t[2] = VFT_RAW1(-1, w->chain.x[0], "nI");
  if (committed & 1) vft_build_field_zero(b, "in", "nI", t, 3);
  vft_tensor_id end = vft_build_poseidon_out(b, &constants, &w->chain, "end");
  vft_raw_term o[2] = {VFT_RAW1(1, w->out, "nI"), VFT_RAW1(-1, end, "nI")};
  vft_build_field_zero(b, "out", "nI", o, 2);
  b->size['i'] = 4;
  b->size['m'] = N - 1; /* lanes 4 .. 7 of all states but the first */
  w->again = vft_build_field(b, VFT_WITNESS, 0, "again", "mi", NULL);
  vft_raw_term a[2] = {VFT_RAW1(1, w->again, "mi"),
                       vft_build_poseidon_after(b, &constants, &w->chain, -1, "m+1", "i+4")};
  vft_build_field_zero(b, "again", "mi", a, 2);
  assert_int_equal(b->status, VFT_OK);
  assert_int_equal(vft_program_check_bounds(b->p), VFT_OK);

  assert_int_equal(vft_trace_init(&w->trace, b->p), VFT_OK);
  vft_poseidon_chain_arrays to = {.y = field(w, w->chain.y)}; /* virtual tensors: by definition */
  for (int t2 = 0; t2 < VFT_POSEIDON_FULL; t2++)
    if (b->p->tensors[w->chain.x[t2]].origin == VFT_WITNESS) to.x[t2] = field(w, w->chain.x[t2]);
  int64_t *in = field(w, w->in), *out = field(w, w->out);
  vft_poseidon_state s[N];
  for (int i = 0; i < N * LANES; i++) {
    s[i / LANES].s[i % LANES] = vft_fp_from_u64((uint64_t)i * 0x9e3779b97f4a7c15u);
    in[i] = vft_field_signed(s[i / LANES].s[i % LANES]);
  }
  vft_poseidon_chain_fill(&to, 0, 5, s); /* in two pieces */
  vft_poseidon_chain_fill(&to, 5, N - 5, s + 5);
  for (int i = 0; i < N * LANES; i++) out[i] = vft_field_signed(s[i / LANES].s[i % LANES]);
  int64_t *again = field(w, w->again);
  for (int i = 0; i < 4 * (N - 1); i++) again[i] = out[(i / 4 + 1) * LANES + 4 + i % 4];
  assert_int_equal(vft_trace_complete(&w->trace), VFT_OK);
}

static void finish(world *w) {
  vft_trace_free(&w->trace);
  vft_program_free(w->b.p);
}

static vft_status prove(const world *w, vft_proof *proof) {
  vft_proof_options options = vft_proof_options_default();
  vft_prove_options how = {.unchecked = true};
  options.test_queries = 2;
  assert_int_equal(vft_prove(w->b.p, &w->trace, NULL, NULL, &options, &how, proof, NULL, NULL),
                   VFT_OK);
  vft_statement s = {w->b.p, NULL, NULL, NULL};
  return vft_verify_proof(&s, &options, (vft_verify_flags){.allow_test_profile = true}, proof->bytes,
                          proof->len, NULL, NULL);
}

static const unsigned masks[] = {0xff, 0x55, VFT_POSEIDON_COMMITTED, 0x01, 0x10};

static void honest(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof masks / sizeof *masks; k++) {
    world w;
    vft_proof proof, again;
    start(&w, masks[k]);
    assert_int_equal(vft_program_check_trace(w.b.p, &w.trace, NULL), VFT_OK);
    vft_prove_plan plan;
    vft_proof_options options = vft_proof_options_default();
    assert_int_equal(vft_prove_plan_init(&plan, w.b.p, &options, &(vft_prove_options){0}), VFT_OK);
    size_t live = vft_alloc_live();
    assert_int_equal(prove(&w, &proof), VFT_OK);
    assert_true(vft_alloc_peak() - live <= plan.peak);
    vft_simd best = vft_simd_force(VFT_SIMD_C);
    vft_threads_set(1);
    assert_int_equal(prove(&w, &again), VFT_OK);
    vft_threads_set(0);
    vft_simd_force(best);
    assert_int_equal(proof.len, again.len);
    assert_memory_equal(proof.bytes, again.bytes, proof.len);
    vft_proof_free(&proof);
    vft_proof_free(&again);
    finish(&w);
  }
}

/* One wrong element of a committed tensor, what follows from it by definition included. */
static void false_values(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof masks / sizeof *masks; k++) {
    world w;
    start(&w, masks[k]);
    const vft_program *p = w.b.p;
    for (uint32_t t = 0; t < p->ntensors; t++) {
      if (p->tensors[t].origin != VFT_WITNESS) continue;
      size_t n = vft_tensor_count(&p->tensors[t]), at = n / 3;
      int64_t *v = w.trace.array[t].data;
      v[at] ^= 1;
      for (uint32_t d = 0; d < p->ntensors; d++) {
        if (p->tensors[d].origin != VFT_VIRTUAL) continue;
        if (w.trace.owned[d]) vft_free(w.trace.array[d].data);
        w.trace.array[d].data = NULL;
        w.trace.owned[d] = false;
      }
      assert_int_equal(vft_trace_complete(&w.trace), VFT_OK);
      assert_int_equal(vft_program_check_trace(p, &w.trace, NULL), VFT_REJECTED);
      vft_proof proof;
      assert_int_equal(prove(&w, &proof), VFT_REJECTED);
      vft_proof_free(&proof);
      v[at] ^= 1;
    }
    finish(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(honest), cmocka_unit_test(false_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
