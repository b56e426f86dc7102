/* Soundness mutation of the sampler's program: every relation, lookup and table is attacked by a
 * witness that is false in exactly that respect. The plain checker names it and nothing else;
 * without it the same witness is accepted. What a cheating data owner would like is proved, too,
 * and rejected. When VFT_LONG is set: a proof of every attack. */
#include <stdlib.h>

#include "program/coverage.h"
#include "program/epoch_attacks.h"

/* Checks without an attack of their own, and why. */
static const struct {
  const char *id, *reason;
} without[] = {{NULL, NULL}};

static void scene_init(scene *s, world_kind kind, uint32_t most_a_block, uint64_t epoch) {
  memset(s, 0, sizeof *s);
  arena_init(&s->a, kind);
  vft_sampling *d = &s->a.w.s;
  d->candidates = kind.replacement ? 61 : 28;
  d->policy.quota[0].ceiling = 3;
  d->policy.quota[1].ceiling = 90;
  d->policy.quota[2].ceiling = 3;
  OK(vft_epoch_build_blocks(d, most_a_block, 6, &s->e));
  OK(vft_program_check_bounds(s->e->program));
  s->checks = vft_program_check_count(s->e->program);
  const uint8_t seed[32] = {5};
  bool secret = s->e->secret;
  const uint8_t *beacon = d->has_beacon ? s->a.w.beacon_value : NULL;
  vft_poseidon_digest master =
      vft_sampler_master(s->a.w.manifest, secret, secret ? s->a.w.secret : seed, beacon);
  s->at = (vft_epoch_statement){.epoch = epoch, .window = epoch / 2, .block = s->e->blocks - 1,
                                .rows = 6, .beacon = beacon, .shown = !secret};
  memcpy(s->at.manifest, s->a.w.manifest, 32);
  vft_poseidon_digest window = vft_sampler_window(&master, s->at.window);
  s->a.w.key = vft_sampler_epoch_key(&window, s->at.epoch);
  if (!secret) s->at.key = s->a.w.key;
  uint64_t before[4] = {1, 7, 1, 70000};
  memcpy(s->before, before, sizeof before);
  s->before[s->e->rows_quota] = 1;
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

static bool long_run(void) {
  const char *s = getenv("VFT_LONG");
  return s && *s && strcmp(s, "0") != 0;
}

/* The same with proofs: rejected, honest or not about sums; accepted without what fails. */
static void prove_attack(const scene *s, const attack *a, const char *check, const forge *f) {
  char id[200];
  bool *drop = vft_alloc(s->checks, sizeof *drop);
  assert_non_null(drop);
  for (int cheat = 0; cheat < 2; cheat++)
    if (proof_of(&f->t, cheat) != VFT_REJECTED)
      fail_msg("ACCEPTED: proof of an attack on %s", check);
  for (size_t c = 0; c < s->checks; c++)
    drop[c] = expected(a, check, vft_program_check_id(s->e->program, c, id, sizeof id));
  vft_program *p = copy_without(s->e->program, drop);
  vft_trace t = trace_of(p, &f->t);
  count_rows(&t);
  if (proof_of(&t, false) != VFT_OK) fail_msg("%s: without it: %s", check, vft_error_message());
  vft_program_free(p);
  vft_free(drop);
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
    if (done && long_run()) prove_attack(s, &a, check, &f);
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

/* Counts of a table that are not those of its lookups. */
static void every_table(const scene *s) {
  const vft_program *p = s->e->program;
  char id[200];
  for (uint32_t i = 0; i < p->ntables; i++) {
    int64_t *mult = s->honest.x[p->tables[i].mult];
    mult[5]++;
    assert_int_equal(vft_program_check_trace(p, &s->honest.t, NULL), VFT_REJECTED);
    mult[5]--;
    snprintf(id, sizeof id, "table/%s", p->tables[i].name);
    assert_string_equal(vft_error_check(), id);
  }
}

static bool has_check(const scene *s, const char *check) {
  char id[200];
  for (size_t k = 0; k < (size_t)s->e->program->nrelations + s->e->program->nlookups; k++)
    if (is(check, vft_program_check_id(s->e->program, k, id, sizeof id))) return true;
  return false;
}

/* other: a scene whose checks need not be attacked again, or NULL. */
static void every_check(const scene *s, const scene *other) {
  char id[200];
  const vft_program *p = s->e->program;
  size_t n = (size_t)p->nrelations + p->nlookups, fresh = 0, done = 0, missing = 0;
  unsigned partners = 0;
  for (size_t c = 0; c < n; c++) {
    vft_program_check_id(p, c, id, sizeof id);
    if (other && has_check(other, id)) continue;
    bool ok = attack_check(s, id, &partners);
    missing += ok == excused(id);
    if (ok && excused(id)) print_message("%s is attacked: it needs no reason\n", id);
    done += ok;
    fresh++;
  }
  print_message("%zu of %zu checks attacked, %u of them with partners; %zu were before\n", done,
                fresh, partners, n - fresh);
  assert_int_equal(missing, 0);
}

/* ---- what one would like to get away with ---- */

/* A candidate with these properties (-1: any). */
typedef struct {
  int taken, inside, allowed, learns, fit, tier;
} wanted;

static size_t find(const attack *a, wanted w) {
  for (size_t c = 0; c < a->s->e->block; c++) {
    if ((w.taken < 0 || at(a, "accepted", c) == w.taken) &&
        (w.inside < 0 || at(a, "record/inside", c) == w.inside) &&
        (w.allowed < 0 || at(a, "policy/allowed", c) == w.allowed) &&
        (w.learns < 0 || at(a, "policy/learns", c) == w.learns) &&
        (w.fit < 0 || at(a, "quota/all_fit", c) == w.fit) &&
        (w.tier < 0 || tier_of(a, c) == w.tier))
      return c;
  }
  fail_msg("no such candidate");
  return 0;
}

static const wanted accepted_one = {1, -1, -1, -1, -1, -1};

static size_t not_allowed(attack *a) {
  size_t c = find(a, (wanted){0, 1, 0, 1, 1, -1});
  flip(a, "policy/allowed", c);
  return c;
}

static size_t nothing_to_learn(attack *a) {
  size_t c = find(a, (wanted){0, 1, 1, 0, 1, -1});
  flip(a, "policy/learns", c);
  return c;
}

static size_t outside_tree(attack *a) {
  size_t c = find(a, accepted_one);
  more(a, "leaf/content", 4 * c + 2, 1);
  return c;
}

/* A leaf that the dataset hides behind its records. */
static size_t beyond_records(attack *a) {
  for (size_t c = 0; c < a->s->e->block; c++) {
    int64_t n = at(a, "order/index", c) - 13;
    if (n < 24 || n >= TREE || n % 2 == 0 || !at(a, "quota/all_fit", c)) continue;
    flip(a, "record/exists", c);
    return c;
  }
  fail_msg("no such candidate");
  return 0;
}

static size_t fewer_tokens(attack *a) {
  size_t c = find(a, accepted_one);
  more(a, "leaf/tokens/limb0", c, -1);
  return c;
}

static size_t fewer_tokens_hidden(attack *a) {
  size_t c = fewer_tokens(a);
  keep_same(a, "leaf/metadata/x", c * 96 + 4);
  return c;
}

/* Class 5 for class 3. */
static size_t other_class(attack *a) {
  size_t c = find(a, (wanted){0, 1, 0, 1, 1, 2});
  put(a, "class/low", 3 * c, 0);
  put(a, "class/low", 3 * c + 2, 1);
  return c;
}

static size_t other_class_hidden(attack *a) {
  size_t c = other_class(a);
  for (size_t i = 0; i < 4; i++) keep_same(a, "leaf/metadata/x", c * 96 + i);
  return c;
}

static size_t twice(attack *a) {
  size_t c = find(a, accepted_one), d = c + 1;
  put(a, "order/index", d, at(a, "order/index", c));
  return d;
}

static size_t twice_by_path(attack *a) {
  size_t c = find(a, accepted_one), d = c + 1;
  while (tier_of(a, d) != tier_of(a, c) || !inside(a, d)) d++;
  for (size_t h = 0; h < HEIGHT; h++)
    put(a, "path/right", d * HEIGHT + h, at(a, "path/right", c * HEIGHT + h));
  return d;
}

static size_t skipped(attack *a) {
  size_t c = find(a, accepted_one);
  put(a, "accepted", c, 0);
  return c;
}

static size_t skipped_as_none(attack *a) {
  size_t c = find(a, accepted_one);
  flip(a, "record/exists", c);
  return c;
}

static size_t taken_anyway(attack *a) {
  size_t c = find(a, (wanted){0, 1, 1, 0, 1, -1});
  put(a, "accepted", c, 1);
  return c;
}

/* One quota says no, by one example. */
static size_t quota_by_one(attack *a) {
  uint32_t Q = a->s->e->quotas;
  for (size_t c = 0; c < a->s->e->block; c++) {
    if (!inside(a, c) || !at(a, "policy/allowed", c) || !at(a, "policy/learns", c)) continue;
    if (at(a, "quota/all_fit/value", c) != -1 || at(a, "quota/fits/value", c * Q) != -1) continue;
    flip(a, "quota/fits", c * Q);
    return c;
  }
  fail_msg("no such candidate");
  return 0;
}

static size_t quota_by_one_hidden(attack *a) {
  size_t c = quota_by_one(a), i = c * a->s->e->quotas;
  put(a, "quota/fits/margin/limb0", i, 0);
  put(a, "quota/fits/margin/limb1", i, 0);
  return c;
}

static size_t other_start(attack *a) {
  put(a, "quota/count/limb0", 0, 0);
  return 0;
}

static size_t permuted_list(attack *a) {
  size_t c = find(a, accepted_one), d = c + 1;
  while (!taken(a, d)) d++;
  size_t y = (size_t)at(a, "rows/address", c), z = (size_t)at(a, "rows/address", d);
  for (int i = 0; i < 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "rows/%d", i);
    put(a, name, y, at(a, name, z));
    put(a, name, z, at(a, name, y));
  }
  return c;
}

static size_t permuted_positions(attack *a) {
  size_t c = find(a, accepted_one), d = c + 1;
  while (!taken(a, d)) d++;
  put(a, "rows/address", c, at(a, "rows/address", d));
  put(a, "rows/address", d, at(a, "rows/address", c));
  return c;
}

static size_t other_secret(attack *a) { return more(a, "key/secret", 3, 1), 0; }
static size_t other_beacon(attack *a) { return more(a, "key/2/x", 4, 1), 0; }
static size_t other_manifest(attack *a) { return more(a, "key/1/x", 2, 1), 0; }
static size_t other_window(attack *a) { return more(a, "key/4/x", 4, 1), 0; }
static size_t other_epoch(attack *a) { return more(a, "key/5/x", 4, 1), 0; }
static size_t said_beacon(attack *a) { return more(a, "key/beacon", 1, 1), 0; }
static size_t said_manifest(attack *a) { return more(a, "key/manifest", 4, 1), 0; }
static size_t said_window(attack *a) { return more(a, "key/where", 1, 1), 0; }
static size_t said_epoch(attack *a) { return more(a, "key/where", 2, 1), 0; }

enum { NOTHING = -1, NO, YES };

static const struct {
  const char *what;
  size_t (*plan)(attack *a); /* the candidate it is about */
  int accepted;              /* whether it is accepted now */
  const char *check;         /* NULL: true of another statement */
} wishes[] = {
    {"out of the policy", not_allowed, YES, "relation/policy/class"},
    {"nothing to learn", nothing_to_learn, YES, "lookup/policy/learns/margin/limb0/range"},
    {"outside of the tree", outside_tree, YES, "relation/path/root"},
    {"beyond the records", beyond_records, YES, "lookup/record/exists/margin/limb0/range"},
    {"fewer tokens", fewer_tokens, YES, "relation/path/root"},
    {"fewer tokens, hash kept", fewer_tokens_hidden, YES, "relation/leaf/metadata/in_tokens"},
    {"other class", other_class, YES, "relation/path/root"},
    {"other class, hash kept", other_class_hidden, YES, "relation/leaf/metadata/in_class"},
    {"twice", twice, YES, "relation/order/index/definition"},
    {"twice, by its path", twice_by_path, NOTHING, "relation/path/index"},
    {"skipped", skipped, NO, "relation/accepted/exactly"},
    {"skipped as no record", skipped_as_none, NO, "lookup/record/exists/margin/limb0/range"},
    {"taken anyway", taken_anyway, YES, "relation/accepted/exactly"},
    {"a quota passed by one", quota_by_one, YES, "lookup/quota/fits/margin/limb1/range"},
    {"a quota passed by one, margin kept", quota_by_one_hidden, YES, "relation/quota/fits/compare"},
    {"counters of no link", other_start, NOTHING, "relation/quota/before0"},
    {"rows permuted", permuted_list, YES, NULL},
    {"rows permuted with their addresses", permuted_positions, YES,
     "relation/rows/address/definition"},
    {"another secret", other_secret, NOTHING, "relation/key/committed"},
    {"another beacon", other_beacon, NOTHING, "relation/key/2/in_beacon"},
    {"another manifest", other_manifest, NOTHING, "relation/key/1/in_manifest"},
    {"another window", other_window, NOTHING, "relation/key/4/in_window"},
    {"another epoch", other_epoch, NOTHING, "relation/key/5/in_epoch"},
    {"the beacon of another statement", said_beacon, NOTHING, NULL},
    {"the manifest of another statement", said_manifest, NOTHING, NULL},
    {"the window of another statement", said_window, NOTHING, NULL},
    {"the epoch of another statement", said_epoch, NOTHING, NULL},
};

/* Proves the witness for the scene's statement with the digest of counters that it leads to. */
static vft_status verify_for(const scene *s, const forge *f, bool cheat) {
  block b = {.e = s->e, .trace = f->t, .at = s->at};
  take_field(f, s->e->in_counters, 4, b.at.counters.e);
  return block_verify(&b, cheat);
}

static void rejected_by_proof(const scene *s, const char *what, const forge *f) {
  for (int cheat = 0; cheat < 2; cheat++)
    if (verify_for(s, f, cheat) != VFT_REJECTED) fail_msg("ACCEPTED: %s", what);
}

/* ---- tests ---- */

static scene secret, drawing, wishing;

static int set_up(void **state) {
  (void)state;
  /* epochs in which there are the places that the attacks need */
  scene_init(&secret, (world_kind){.secret = true, .beacon = true}, 1024, 11);
  scene_init(&wishing, (world_kind){.secret = true, .beacon = true}, 1024, 4);
  scene_init(&drawing, (world_kind){.replacement = true}, 31, 13);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  scene_free(&secret);
  scene_free(&wishing);
  scene_free(&drawing);
  return 0;
}

static void test_same_witness(void **state) {
  (void)state;
  same_witness(&secret);
  same_witness(&drawing);
}

/* No relation is missing at a point of a box: those of the permutations one by one, of all others
 * the number. */
static void test_complete(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
    all_determined(secret.e->program, boxes[i]);
    if (strncmp(boxes[i], "key/", 4)) all_determined(drawing.e->program, boxes[i]);
  }
  assert_int_equal(secret.e->program->nrelations, 223);
  assert_int_equal(secret.e->program->nlookups, 45);
  assert_int_equal(drawing.e->program->nrelations, 157);
  assert_int_equal(drawing.e->program->nlookups, 45);
}

static void test_every_check(void **state) {
  (void)state;
  every_check(&secret, NULL);
  every_check(&drawing, &secret);
  every_table(&secret);
}

static void test_wishes(void **state) {
  (void)state;
  const scene *s = &wishing;
  bool *failed = vft_alloc(s->checks, sizeof *failed);
  assert_non_null(failed);
  assert_int_equal(verify_for(s, &s->honest, false), VFT_OK);
  for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
    attack a = {.s = s};
    forge f;
    vft_epoch_statement now;
    size_t c = wishes[i].plan(&a);
    carry_out(s, &a, &f, &now);
    if (wishes[i].accepted >= 0)
      assert_int_equal(f.x[id_of(&a, "accepted")][c], wishes[i].accepted);
    vft_status st = vft_program_check_trace(s->e->program, &f.t, failed);
    if (wishes[i].check && (st != VFT_REJECTED || !is(vft_error_check(), wishes[i].check)))
      fail_msg("%s: %s", wishes[i].what, vft_error_check());
    rejected_by_proof(s, wishes[i].what, &f);
    if (!strncmp(wishes[i].what, "the ", 4)) /* of that statement it is a proof */
      assert_int_equal(proof_of(&f.t, false), VFT_OK);
    forge_free(&f);
  }
  assert_int_equal(verify_for(s, &s->honest, false), VFT_OK);
  vft_free(failed);
}

/* A public key that is not the epoch's: whether the order follows it or not. */
static void test_shown(void **state) {
  (void)state;
  scene *s = &wishing;
  vft_epoch_statement was = s->at;
  s->at.shown = true;
  s->at.key = s->a.w.key;
  for (int wrong = 0; wrong < 3; wrong++) {
    attack a = {.s = s};
    forge f;
    vft_epoch_statement now;
    if (wrong) s->at.key.e[1] = vft_fp_add(s->a.w.key.e[1], (vft_fp){1});
    if (wrong == 2) more(&a, "key/epoch", 1, 1);
    carry_out(s, &a, &f, &now);
    if (wrong) {
      assert_int_equal(vft_program_check_trace(s->e->program, &f.t, NULL), VFT_REJECTED);
      assert_string_equal(vft_error_check(), wrong == 1 ? "relation/key/is_shown"
                                                        : "relation/key/epoch/definition");
      rejected_by_proof(s, "a key that is not the epoch's", &f);
    } else {
      assert_int_equal(verify_for(s, &f, false), VFT_OK);
    }
    forge_free(&f);
  }
  s->at = was;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_witness),
      cmocka_unit_test(test_complete),
      cmocka_unit_test(test_every_check),
      cmocka_unit_test(test_wishes),
      cmocka_unit_test(test_shown),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
