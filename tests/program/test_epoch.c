/* The sampler's program against the native sampler; proofs of its blocks. */
#include "program/epoch_world.h"

static void agrees(world_kind kind) {
  world w;
  block b;
  world_init(&w, kind);
  block_init(&b, &w, kind.small ? 1 : 8);
  OK(vft_program_check_trace(b.e->program, &b.trace, NULL));
  OK(block_verify(&b, false));
  block_free(&b);
}

static void test_public(void **state) {
  (void)state;
  agrees((world_kind){0});
}
static void test_secret(void **state) {
  (void)state;
  agrees((world_kind){.secret = true, .beacon = true});
}
static void test_replacement(void **state) {
  (void)state;
  agrees((world_kind){.replacement = true});
}
static void test_small(void **state) {
  (void)state;
  agrees((world_kind){.small = true});
  agrees((world_kind){.small = true, .single = true});
  agrees((world_kind){.small = true, .single = true, .replacement = true});
}

static vft_digest root_of(const vft_trace *t, uint32_t link) {
  vft_commitment *c;
  OK(vft_commit_group(&c, t, VFT_LINK, link, step_options().log_inv_rate, VFT_HASH_BLAKE3, 0));
  vft_digest root = vft_commitment_root(c);
  vft_commitment_free(c);
  return root;
}

/* An epoch in blocks, the last of which has fewer candidates: one program, one list of rows,
 * counters from link to link, all rows filled at the end. */
static void in_blocks(world_kind kind, uint64_t filled, uint32_t most, uint32_t want) {
  world w;
  block b;
  uint64_t counters[VFT_QUOTAS + 2] = {0};
  uint8_t digest[2][32];
  vft_digest rows = {{0}}, last = {{0}};
  world_init(&w, kind);
  for (uint32_t n = 0; n < want; n++) {
    block_init_at(&b, &w, filled, most, n, counters);
    assert_int_equal(b.e->blocks, want);
    assert_true(b.e->block <= most && b.e->block * b.e->blocks > w.s.candidates);
    OK(vft_program_check_trace(b.e->program, &b.trace, NULL));
    OK(block_verify(&b, false));
    vft_program_digest(b.e->program, digest[n > 0]);
    assert_memory_equal(digest[0], digest[n > 0], 32);
    vft_digest before = root_of(&b.trace, b.e->link_in), list = root_of(&b.trace, b.e->link_rows);
    if (n) {
      assert_memory_equal(before.b, last.b, sizeof last.b);
      assert_memory_equal(list.b, rows.b, sizeof rows.b);
    }
    last = root_of(&b.trace, b.e->link_out);
    rows = list;
    memcpy(counters, b.after, sizeof counters);
    block_free(&b);
  }
  assert_int_equal(counters[4], filled);
}

static void test_blocks(void **state) {
  (void)state;
  in_blocks((world_kind){.secret = true}, 6, 25, 2);
  in_blocks((world_kind){0}, 8, 20, 3);
  in_blocks((world_kind){.replacement = true}, 8, 24, 3);
}

/* A block that goes on from other counters, or stops with rows missing. */
static void test_broken_chain(void **state) {
  (void)state;
  world w;
  block b, c;
  world_init(&w, (world_kind){0});
  block_init_at(&b, &w, 8, 25, 0, NULL);
  assert_true(b.after[4] > 0);
  block_init_at(&c, &w, 8, 25, 1, b.after);
  OK(block_verify(&c, false));
  vft_array *in = &c.trace.array[vft_program_find_tensor(c.e->program, "before/limb0")];
  vft_array_set(in, 4, vft_array_get(in, 4) - 1);
  assert_int_equal(vft_program_check_trace(c.e->program, &c.trace, NULL), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "relation/quota/before0");
  for (int cheat = 0; cheat < 2; cheat++) assert_int_equal(block_verify(&c, cheat), VFT_REJECTED);
  vft_array_set(in, 4, vft_array_get(in, 4) + 1);
  OK(block_verify(&c, false));
  c.at.block = 0; /* the same candidates again */
  assert_int_equal(block_verify(&c, false), VFT_REJECTED);
  c.at.block = 1;
  c.at.rows = 9; /* one more than there are */
  assert_int_equal(block_verify(&c, false), VFT_REJECTED);
  block_free(&b);
  block_free(&c);
}

/* Epochs and blocks of a run have one program; blocks of another size, another one. */
static void test_digest(void **state) {
  (void)state;
  world w;
  uint8_t digest[3][32];
  world_init(&w, (world_kind){.secret = true});
  for (int i = 0; i < 3; i++) {
    vft_epoch *e;
    OK(vft_epoch_build_blocks(&w.s, i == 2 ? 25 : VFT_EPOCH_BLOCK, 6, &e));
    vft_program_digest(e->program, digest[i]);
    vft_epoch_free(e);
  }
  assert_memory_equal(digest[0], digest[1], 32);
  assert_memory_not_equal(digest[0], digest[2], 32);
}

/* The rows' tree is the same for the steps, which see them as [step, row]. */
static void test_rows_tree(void **state) {
  (void)state;
  world w;
  block b;
  world_init(&w, (world_kind){0});
  block_init(&b, &w, 8);
  vft_program *p = vft_program_new("rows", b.e->program->log_columns);
  uint32_t link = vft_program_add_link(p, "rows", false);
  vft_trace t;
  for (int i = 0; i < 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "rows/%d", i);
    vft_tensor x = {.name = name, .origin = VFT_LINK, .group = link, .rank = 2,
                    .dims = {b.e->step_slots, b.e->row_slots}, .field = true};
    assert_int_equal(vft_program_add_tensor(p, &x), i);
  }
  OK(vft_trace_init(&t, p));
  for (uint32_t i = 0; i < 4; i++)
    vft_trace_supply(&t, i, VFT_I64,
                     b.trace.array[vft_program_find_tensor(b.e->program, p->tensors[i].name)].data);
  vft_digest one = root_of(&b.trace, b.e->link_rows), two = root_of(&t, link);
  assert_memory_equal(one.b, two.b, sizeof one.b);
  vft_trace_free(&t);
  vft_program_free(p);
  block_free(&b);
}

/* A record that declares more tokens than a sequence has counts as a long one. */
static void test_long_record(void **state) {
  (void)state;
  world w;
  block b;
  world_init(&w, (world_kind){0});
  for (uint64_t i = 0; i < 20; i++) w.record[i].tokens = 26 + (uint32_t)i % 5;
  for (int t = 0; t < VFT_TIERS; t++)
    world_tree(&w, w.s.tier_first[t], w.s.tier_records[t], w.s.height, &w.s.tree[t]);
  w.s.policy.quota[3].ceiling = 100; /* tokens of any length */
  w.s.policy.quota[1].ceiling = 1000;
  block_init(&b, &w, 3);
  assert_true(b.after[3] > 52 && b.after[3] <= 100);
  OK(vft_program_check_trace(b.e->program, &b.trace, NULL));
  block_free(&b);
}

/* Without public records: candidates that are no record open the first of the restricted ones. */
static void test_no_public_tier(void **state) {
  (void)state;
  world w;
  block b;
  world_init(&w, (world_kind){.secret = true});
  w.s.tier_records[0] = w.s.tier_first[1] = 0;
  w.s.tier_records[1] = w.s.tier_first[2] = 30;
  w.verdict[2].verdict = VFT_ACCEPTED;
  for (uint64_t i = 0; i < 30; i++) w.record[i].class_number = 2;
  for (int t = 0; t < VFT_TIERS; t++)
    world_tree(&w, w.s.tier_first[t], w.s.tier_records[t], w.s.height, &w.s.tree[t]);
  block_init(&b, &w, 4);
  OK(vft_program_check_trace(b.e->program, &b.trace, NULL));
  block_free(&b);
}

/* The bounds close for the largest and the smallest of everything. */
static void test_extremes(void **state) {
  (void)state;
  for (int k = 0; k < 10; k++) {
    world w;
    vft_epoch *e;
    world_init(&w, (world_kind){.replacement = k % 2, .secret = k % 3 == 0});
    vft_sampling *s = &w.s;
    if (k / 2 == 0) {
      s->records = s->tier_records[0] = s->tier_first[1] = s->tier_first[2] = UINT32_MAX;
      s->tier_records[1] = s->tier_records[2] = 0;
      s->height = 32;
      s->candidates = UINT32_MAX;
    } else if (k / 2 == 1) {
      s->policy.quota[0].ceiling = ((uint64_t)1 << 48) - 1;
      s->policy.quota[2].shortest = s->policy.quota[2].longest = UINT32_MAX;
      s->sequence_len = 1 << 24;
    } else if (k / 2 == 2) {
      s->records_a_step = 1 << 16;
      s->steps_per_epoch = 1 << 12;
    } else if (k / 2 == 3) {
      s->records_a_step = s->steps_per_epoch = s->sequence_len = 1;
      memset(&s->policy, 0, sizeof s->policy);
    } else {
      s->policy.quotas = VFT_QUOTAS;
      for (uint32_t q = 0; q < VFT_QUOTAS; q++)
        s->policy.quota[q] = (vft_quota){.kind = q % 2 ? VFT_BIN_LENGTH : VFT_BIN_LICENSE,
                                         .shortest = q, .longest = q + 5, .tokens = q % 3,
                                         .ceiling = 1000 + q};
      s->records_a_step = 16;
      s->steps_per_epoch = 1 << 24;
    }
    OK(vft_epoch_build(s, 10, &e));
    OK(vft_program_check_bounds(e->program));
    vft_epoch_free(e);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_public),
      cmocka_unit_test(test_secret),
      cmocka_unit_test(test_replacement),
      cmocka_unit_test(test_small),
      cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_broken_chain),
      cmocka_unit_test(test_digest),
      cmocka_unit_test(test_rows_tree),
      cmocka_unit_test(test_long_record),
      cmocka_unit_test(test_no_public_tier),
      cmocka_unit_test(test_extremes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
