/* Soundness mutation of the sampler's program: every relation, lookup and table is attacked by a
 * witness that is false in exactly that respect. The plain checker names it and nothing else;
 * without it the same witness is accepted. */
#include "program/epoch_attacks.h"

/* Checks without an attack of their own, and why. */
static const struct {
  const char *id, *reason;
} without[] = {{NULL, NULL}};

static void scene_init(scene *s, world_kind kind, uint32_t most_a_block) {
  memset(s, 0, sizeof *s);
  arena_init(&s->a, kind);
  vft_sampling *d = &s->a.w.s;
  if (kind.replacement) d->candidates = 61;
  d->policy.quota[0].ceiling = 5;
  d->policy.quota[1].ceiling = 60;
  d->policy.quota[2].ceiling = 4;
  OK(vft_epoch_build_blocks(d, most_a_block, 6, &s->e));
  OK(vft_program_check_bounds(s->e->program));
  s->checks = vft_program_check_count(s->e->program);
  const uint8_t seed[32] = {5};
  bool secret = s->e->secret;
  const uint8_t *beacon = d->has_beacon ? s->a.w.beacon_value : NULL;
  vft_poseidon_digest master =
      vft_sampler_master(s->a.w.manifest, secret, secret ? s->a.w.secret : seed, beacon);
  s->at = (vft_epoch_statement){.epoch = 3, .window = 1, .block = s->e->blocks - 1, .rows = 8,
                                .beacon = beacon, .shown = !secret};
  memcpy(s->at.manifest, s->a.w.manifest, 32);
  vft_poseidon_digest window = vft_sampler_window(&master, s->at.window);
  s->a.w.key = vft_sampler_epoch_key(&window, s->at.epoch);
  if (!secret) s->at.key = s->a.w.key;
  uint64_t before[4] = {1, 7, 1, 70000};
  memcpy(s->before, before, sizeof before);
  s->before[s->e->rows_quota] = 2;
  for (int y = 0; y < 64; y++) s->rows[y] = world_digest(9000 + (uint64_t)y);
  forge_init(&s->honest, &s->a, s->e, &s->at, s->before, s->rows);
  forge_run(&s->honest);
  count_rows(&s->honest.t);
  OK(vft_program_check_trace(s->e->program, &s->honest.t, NULL));
}

static void scene_free(scene *s) {
  forge_free(&s->honest);
  vft_epoch_free(s->e);
}

/* The prover's own witness is that of the forge, element for element. */
static void same_witness(const scene *s) {
  const vft_epoch *e = s->e;
  vft_trace t;
  uint64_t after[VFT_QUOTAS + 2];
  vft_poseidon_digest rows[64];
  vft_epoch_statement at = s->at;
  for (int i = 0; i < 4; i++)
    for (size_t y = 0; y < (size_t)e->row_slots * e->step_slots; y++)
      rows[y].e[i] = vft_fp_from_i64(s->honest.x[tensor_of(&s->honest, "rows/%d", i)][y]);
  vft_epoch_witness w = {.secret = s->a.w.secret, .epoch_key = s->a.w.key, .before = s->before,
                         .salt = s->a.w.salt, .open = arena_open, .ctx = (void *)(uintptr_t)&s->a,
                         .rows = rows};
  OK(vft_trace_init(&t, e->program));
  OK(vft_epoch_trace(e, &at, &w, &t, after));
  for (uint32_t i = 0; i < e->program->ntensors; i++)
    for (size_t k = 0; k < vft_tensor_count(&e->program->tensors[i]); k++)
      if (vft_array_get(&t.array[i], k) != vft_array_get(&s->honest.t.array[i], k))
        fail_msg("%s: element %zu differs", e->program->tensors[i].name, k);
  vft_trace_free(&t);
}

/* ---- one attack ---- */

static void carry_out(const scene *s, const attack *a, forge *f, vft_epoch_statement *at) {
  int64_t *tree = (int64_t *)(uintptr_t)s->e->program->tensors[id_of(a, "path/tree1")].values;
  *at = s->at;
  if (a->rows) at->rows = a->rows;
  forge_init(f, &s->a, s->e, at, s->before, s->rows);
  memcpy(f->lie, a->lie, sizeof a->lie);
  f->nlies = a->n;
  forge_run(f);
  for (int i = 0; i < 4 && a->adapt; i++) tree[i] = vft_field_signed(f->top[lonely(a)].e[i]);
  if (a->commitment) {
    int64_t *c = (int64_t *)(uintptr_t)s->e->program->tensors[id_of(a, "key/commitment")].values;
    memcpy(c, f->x[id_of(a, "key/0/out")], 4 * sizeof *c);
  }
  count_rows(&f->t);
}

/* Undoes what carry_out did to the statement. */
static void restore(const scene *s) {
  attack a = {.s = s};
  int64_t *tree = (int64_t *)(uintptr_t)s->e->program->tensors[id_of(&a, "path/tree1")].values;
  for (int i = 0; i < 4; i++) tree[i] = vft_field_signed(s->a.w.s.tree[1].e[i]);
  if (!s->e->secret) return;
  int64_t *c = (int64_t *)(uintptr_t)s->e->program->tensors[id_of(&a, "key/commitment")].values;
  for (int i = 0; i < 4; i++) c[i] = vft_field_signed(s->a.w.s.seed_commitment.e[i]);
}

static bool expected(const attack *a, const char *check, const char *id) {
  bool want = is(id, check);
  for (unsigned i = 0; i < a->npartners; i++) want = want || is(id, a->partner[i]);
  return want;
}

/* Whether exactly the expected checks fail; why: what else does. */
static bool as_expected(const scene *s, const attack *a, const char *check, const bool *failed,
                        char *why, size_t size) {
  char id[200];
  *why = 0;
  for (size_t c = 0; c < s->checks; c++) {
    bool want = expected(a, check, vft_program_check_id(s->e->program, c, id, sizeof id));
    size_t n = strlen(why);
    if (failed[c] != want) snprintf(why + n, size - n, " %s%s", want ? "not " : "", id);
  }
  return !*why;
}

/* Without its partners the check alone rejects; without it too, the witness is accepted. */
static void control(const scene *s, const attack *a, const char *check, const forge *f) {
  char id[200];
  bool *drop = vft_alloc(s->checks, sizeof *drop), *failed = vft_alloc(s->checks, sizeof *failed);
  assert_true(drop && failed);
  for (int keep = a->npartners > 0; keep >= 0; keep--) {
    for (size_t c = 0; c < s->checks; c++) {
      vft_program_check_id(s->e->program, c, id, sizeof id);
      drop[c] = expected(a, check, id) && !(keep && is(id, check));
    }
    vft_program *p = copy_without(s->e->program, drop);
    vft_trace t = trace_of(p, &f->t);
    count_rows(&t);
    vft_status st = vft_program_check_trace(p, &t, failed);
    unsigned n = 0;
    for (size_t c = 0; c < vft_program_check_count(p); c++) n += failed[c];
    if (keep && (st != VFT_REJECTED || n != 1 || !is(vft_error_check(), check)))
      fail_msg("%s: without its partners %u checks fail, first %s", check, n, vft_error_check());
    if (!keep && st != VFT_OK)
      fail_msg("%s: without it, %s fails: %s", check, vft_error_check(), vft_error_message());
    vft_program_free(p);
  }
  vft_free(drop);
  vft_free(failed);
}

/* The first attack on a check that succeeds without it and nothing else. */
static bool attack_check(const scene *s, const char *check, unsigned *partners) {
  char why[1000] = " no lie";
  bool *failed = vft_alloc(s->checks, sizeof *failed), done = false;
  attack a;
  forge f;
  vft_epoch_statement at;
  assert_non_null(failed);
  for (unsigned v = 0; !done && plan_attack(s, check, v, &a); v++) {
    if (!a.n && !a.rows) continue;
    carry_out(s, &a, &f, &at);
    if (vft_program_check_trace(s->e->program, &f.t, failed) != VFT_REJECTED)
      fail_msg("ACCEPTED: attack %u on %s", v, check);
    done = as_expected(s, &a, check, failed, why, sizeof why);
    if (done) control(s, &a, check, &f);
    if (done) *partners += a.npartners > 0;
    restore(s);
    forge_free(&f);
  }
  if (!done) print_message("no attack on %s:%s\n", check, why);
  vft_free(failed);
  return done;
}

static bool excused(const char *check) {
  for (size_t i = 0; without[i].id; i++)
    if (is(without[i].id, check)) return true;
  return false;
}

/* other: a scene whose checks need not be attacked again, or NULL. */
static void every_check(const scene *s, const scene *other) {
  char id[200], text[200];
  const vft_program *p = s->e->program;
  size_t n = (size_t)p->nrelations + p->nlookups, done = 0, missing = 0;
  unsigned partners = 0;
  for (size_t c = 0; c < n; c++) {
    vft_program_check_id(p, c, id, sizeof id);
    bool seen = false;
    for (size_t k = 0; other && k < (size_t)other->e->program->nrelations + other->e->program->nlookups; k++)
      seen = seen || is(id, vft_program_check_id(other->e->program, k, text, sizeof text));
    if (seen) continue;
    bool ok = attack_check(s, id, &partners);
    if (ok == excused(id)) missing++;
    if (ok && excused(id)) print_message("%s is attacked: it needs no reason\n", id);
    done += ok;
  }
  print_message("%zu of %zu checks attacked, %u of them with partners\n", done, n, partners);
  assert_int_equal(missing, 0);
}

/* ---- tests ---- */

static scene secret, drawing;

static int set_up(void **state) {
  (void)state;
  scene_init(&secret, (world_kind){.secret = true, .beacon = true}, 1024);
  scene_init(&drawing, (world_kind){.replacement = true}, 31);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  scene_free(&secret);
  scene_free(&drawing);
  return 0;
}

static void test_same_witness(void **state) {
  (void)state;
  same_witness(&secret);
  same_witness(&drawing);
}

static void test_every_check(void **state) {
  (void)state;
  every_check(&secret, NULL);
  every_check(&drawing, &secret);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_witness),
      cmocka_unit_test(test_every_check),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
