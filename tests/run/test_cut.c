/* Shards of a step: their programs, and the joining of their links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program/join.h"
#include "run/cut.h"
#include "run/derive.h"
#include "run/memory.h"
#include "run/plan.h"

static vft_plan plan;

static int make_plan(void **state) {
  (void)state;
  const vft_plan_request request = {.temporary = true};
  return vft_plan_make("examples/demo/demo.yaml", &request, &plan) == VFT_OK ? 0 : -1;
}

static int free_plan(void **state) {
  (void)state;
  vft_plan_free(&plan);
  return 0;
}

static vft_digest root_of(uint64_t step, uint32_t slot) {
  uint64_t name[2] = {step, slot};
  return vft_blake3_hash((const uint8_t *)name, sizeof name);
}

/* The roots that an honest run has in a shard's links: any, as long as they agree. */
static void honest(const vft_shards *s, const vft_slots *start, uint64_t t, uint32_t shard,
                   vft_digest *link) {
  for (uint32_t l = 0; l < s->step[shard]->program->nlinks; l++) {
    uint32_t slot = vft_shard_slot(s, shard, l);
    uint32_t kind = slot >= VFT_SLOT_RANGES ? (slot - VFT_SLOT_RANGES) % VFT_SLOT_KINDS : 99;
    if (kind == VFT_SLOT_ADAPTER_IN || kind == VFT_SLOT_STATE_IN)
      link[l] = t ? root_of(t - 1, slot + VFT_SLOT_ADAPTER_OUT - VFT_SLOT_ADAPTER_IN)
                  : start->root[slot];
    else
      link[l] = root_of(t, slot);
  }
}

/* Two steps with one link of one shard changed; the id that rejects them, or "". */
static const char *join(const vft_shards *s, const vft_slots *start, uint32_t shard,
                        uint32_t link) {
  vft_slots slots = *start;
  vft_error_clear();
  for (uint64_t t = 0; t < 2; t++) {
    vft_slots_rows(&slots, root_of(t, VFT_SLOT_ROWS)); /* what the epoch's proofs are about */
    for (uint32_t i = 0; i < s->n; i++) {
      vft_digest root[8];
      honest(s, start, t, i, root);
      if (t == 0 && i == shard) root[link].b[7] ^= 1;
      if (vft_slots_join(&slots, s, t, i, root) != VFT_OK) return vft_error_check();
    }
    vft_slots_next(&slots);
  }
  return "";
}

/* A link that is changed in one shard does not join, whichever it is; the batch alone has nobody
 * else who names it. */
static void test_joins(void **state) {
  (void)state;
  for (int n = 1; n <= 3; n++) {
    vft_shards s;
    vft_slots start;
    vft_cut cut = vft_cut_even(plan.manifest.shape.layers, n);
    assert_int_equal(vft_shards_derive(&plan.manifest, plan.step, &cut, &s), VFT_OK);
    assert_int_equal(vft_slots_start(&s, plan.manifest.seed, &start), VFT_OK);
    assert_string_equal(join(&s, &start, UINT32_MAX, 0), "");
    for (uint32_t i = 0; i < s.n; i++)
      for (uint32_t l = 0; l < s.step[i]->program->nlinks; l++) {
        const vft_step *step = s.step[i];
        const char *id = join(&s, &start, i, l);
        if (l == step->link_batch)
          assert_string_equal(id, "");
        else if (l == step->link_adapter_in || l == step->link_adapter_out)
          assert_string_equal(id, l == step->link_adapter_in ? "start/adapter" : "chain/adapter");
        else if (l == step->link_state_in || l == step->link_state_out)
          assert_string_equal(id, l == step->link_state_in ? "start/state" : "chain/state");
        else
          assert_true(!strncmp(id, "join/", 5));
      }
    vft_shards_free(&s);
  }
}

/* The starts of the ranges are parts of the declared start; the release has the whole step's
 * layout, so its root is the one that h_T is made from. */
static void test_layouts(void **state) {
  (void)state;
  for (int n = 1; n <= 3; n++) {
    vft_shards s;
    vft_cut cut = vft_cut_even(plan.manifest.shape.layers, n);
    assert_int_equal(vft_shards_derive(&plan.manifest, plan.step, &cut, &s), VFT_OK);
    assert_int_equal(vft_verify_link_shapes(s.release->program, s.release->link_adapter_out,
                                            plan.step->program, plan.step->link_adapter_out),
                     VFT_OK);
    for (int i = 0; i < n; i++) {
      const vft_step *o = s.step[1 + n + i], *l = s.step[1 + i];
      assert_int_equal(vft_verify_link_shapes(o->program, o->link_adapter_out,
                                              s.release->program, (uint32_t)i), VFT_OK);
      assert_int_equal(vft_verify_link_shapes(o->program, o->link_adapter_out, o->program,
                                              o->link_adapter_in), VFT_OK);
      assert_int_equal(vft_verify_link_shapes(o->program, o->link_state_out, o->program,
                                              o->link_state_in), VFT_OK);
      assert_int_equal(vft_verify_link_shapes(l->program, l->link_layers, o->program,
                                              o->link_layers), VFT_OK);
    }
    /* the claims of every shard count into the same oracles */
    for (uint32_t i = 0; i < s.n; i++)
      for (uint32_t o = 0; o < 2; o++) {
        vft_box *a, *b;
        uint32_t na, nb;
        assert_int_equal(vft_derive_oracle_boxes(s.step[i], o, &a, &na), VFT_OK);
        assert_int_equal(vft_derive_oracle_boxes(plan.step, o, &b, &nb), VFT_OK);
        assert_int_equal(na, nb);
        for (uint32_t k = 0; k < na; k++) {
          assert_int_equal(a[k].rank, b[k].rank);
          assert_memory_equal(a[k].dims, b[k].dims, a[k].rank * sizeof *a[k].dims);
        }
        vft_free(a);
        vft_free(b);
      }
    vft_shards_free(&s);
  }
}

/* Every part of the context is absorbed: no proof passes for another step, shard or cut. */
static void test_contexts(void **state) {
  (void)state;
  vft_fp a[VFT_CONTEXT_MAX], b[VFT_CONTEXT_MAX];
  vft_cut cut = vft_cut_even(3, 2), other = {2, {1, 2}, 1}, longer = vft_cut_even(3, 3);
  const struct {
    const vft_cut *cut;
    uint64_t step;
    uint32_t shard;
  } x[] = {{&cut, 1, 0}, {&cut, 0, 1}, {&cut, 1, 1}, {&other, 0, 0}, {&longer, 0, 0}};
  vft_proof_options first = vft_cut_options(&plan.manifest, &cut, 0, 0, a);
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
    vft_proof_options o = vft_cut_options(&plan.manifest, x[i].cut, x[i].step, x[i].shard, b);
    assert_true(o.context_len != first.context_len || memcmp(a, b, o.context_len * sizeof *a));
    assert_true(o.context_len <= VFT_CONTEXT_MAX);
  }
  /* 24 steps of 5 shards, opening, release, two epochs of a block */
  assert_int_equal(vft_cut_proofs(&cut, &plan.manifest), 24 * 5 + 2 + 2);
  assert_int_equal(first.bits, 130 + 7);
  vft_cut one = vft_cut_even(3, 0), four = one;
  four.steps = 4;
  (void)vft_cut_options(&plan.manifest, &one, 0, 0, a);
  vft_proof_options joined = vft_cut_options(&plan.manifest, &four, 0, 0, b);
  assert_memory_not_equal(a, b, joined.context_len * sizeof *a);
}

/* Groups are the steps in order, each once, and none is of two epochs. */
static void test_groups(void **state) {
  (void)state;
  for (uint64_t steps = 1; steps <= 30; steps++)
    for (uint64_t epoch = 1; epoch <= 13; epoch += 3)
      for (int k = 1; k <= 9; k += 2) {
        vft_manifest m = {.steps = steps};
        m.sampling.steps_per_epoch = epoch;
        vft_cut cut = vft_cut_even(3, 0);
        cut.steps = k;
        uint64_t next = 0, groups = vft_cut_groups(&cut, &m);
        for (uint64_t g = 0; g < groups; g++) {
          uint64_t first;
          int n = vft_cut_group(&cut, &m, g, &first);
          assert_int_equal(first, next);
          assert_true(n >= 1 && n <= k);
          assert_int_equal(first / epoch, (first + (uint64_t)n - 1) / epoch);
          assert_int_equal(vft_cut_group_at(&cut, &m, first), n);
          for (int i = 1; i < n; i++)
            assert_int_equal(vft_cut_group_at(&cut, &m, first + (uint64_t)i), 0);
          next += (uint64_t)n;
        }
        assert_int_equal(next, steps);
        assert_int_equal(vft_cut_group_at(&cut, &m, steps), 0);
      }
}

/* Programs of all sizes of groups are there, and have the links of a step. */
static void test_joined(void **state) {
  (void)state;
  vft_shards s;
  vft_cut cut = vft_cut_even(plan.manifest.shape.layers, 0);
  cut.steps = 5; /* 12 steps an epoch: 5, 5, 2 */
  assert_int_equal(vft_shards_derive(&plan.manifest, plan.step, &cut, &s), VFT_OK);
  assert_ptr_equal(vft_shards_step(&s, 0, 1), plan.step);
  for (int n = 2; n <= 5; n += 3) {
    const vft_step *joined = vft_shards_step(&s, 0, n);
    assert_int_equal(joined->steps, n);
    for (uint32_t l = 0; l < plan.step->program->nlinks; l++) {
      assert_string_equal(joined->program->link_names[l], plan.step->program->link_names[l]);
    }
    assert_int_equal(vft_verify_link_shapes(joined->program, joined->link_rows,
                                            plan.step->program, plan.step->link_rows), VFT_OK);
    assert_int_equal(vft_verify_link_shapes(joined->program, joined->link_state_out,
                                            plan.step->program, plan.step->link_state_in), VFT_OK);
  }
  vft_shards_free(&s);
}

/* Whatever the budget, no shard of the chosen cut needs more, and the plan is that of the largest.
 * As many steps share a proof as fit: less memory, fewer steps. */
static void test_memory(void **state) {
  (void)state;
  int cuts = 0, refused = 0, steps = VFT_JOIN_STEPS;
  bool joined[VFT_JOIN_STEPS + 1] = {false};
  for (size_t budget = (size_t)4 << 30; budget > (size_t)64 << 20; budget = budget / 8 * 7) {
    vft_cut cut;
    vft_memory_shard largest;
    vft_shards s;
    vft_fp context[VFT_CONTEXT_MAX];
    size_t most = 0;
    if (vft_memory_cut(&plan.manifest, plan.step, budget, &cut, &largest) != VFT_OK) {
      refused++;
      continue;
    }
    assert_int_equal(vft_shards_derive(&plan.manifest, plan.step, &cut, &s), VFT_OK);
    for (uint32_t i = 0; i < s.n; i++) {
      vft_memory_shard own;
      vft_proof_options o = vft_cut_options(&plan.manifest, &cut, 0, i, context);
      assert_int_equal(vft_memory_plan(vft_shards_step(&s, i, cut.steps), &o, budget, &own),
                       VFT_OK);
      if (own.total > most) most = own.total;
    }
    assert_true(most <= budget);
    assert_int_equal(most, largest.total);
    assert_true(cut.steps <= steps);
    steps = cut.steps;
    joined[steps] = true;
    cuts += cut.n > 0;
    vft_shards_free(&s);
  }
  assert_true(cuts > 0 && refused > 0);
  assert_true(joined[1] && joined[2] && joined[4]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_joins), cmocka_unit_test(test_layouts),
                                     cmocka_unit_test(test_contexts),
      cmocka_unit_test(test_groups),
      cmocka_unit_test(test_joined), cmocka_unit_test(test_memory)};
  return cmocka_run_group_tests(tests, make_plan, free_plan);
}
