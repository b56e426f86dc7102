/* Attacks on what leaves of a proved run say: entries of tables, claims, proofs, every cell. leaf_attacks
 * RUN GROUPS SHARDS (leaf_run.h). VFT_LONG: all leaves, not the last of each kind, and forty times as
 * many cells. */
#include "leaf_run.h"
#include "run/verify_step.h"

/* ---- what a leaf speaks of, from the specification (18.3) ---- */

/* Number of times that it says of an entry what that is. */
typedef struct {
  uint8_t times[TABLES][MOST_ENTRIES];
} spoken;

static void says(spoken *s, int table, uint64_t entry) {
  assert_true(entry < run.entries[table]);
  s->times[table][entry]++;
}

static bool leaves_claims(uint32_t shard) { return shard <= run.n; } /* an optimiser's does not */

/* Head, layers and optimisers of a cut step: what a part takes in and puts out. */
static void part_says(spoken *s, const vft_piece *at, uint32_t shard) {
  uint32_t n = run.n, kind = shard ? 1 + (shard - 1) / n : 0, r = shard ? (shard - 1) % n : 0;
  uint64_t places = (uint64_t)(n + 1) * at->step;
  if (kind == 0) { /* rows; what the last layers put out, and its own */
    says(s, VFT_RUN_ROWS, at->epoch);
    says(s, VFT_RUN_PLACES, places + n);
    says(s, VFT_RUN_PLACES, places);
    return;
  }
  says(s, VFT_RUN_STATES, at->step);
  says(s, VFT_RUN_PLACES, places + 1 + r); /* what these layers put out */
  if (kind == 2) {
    says(s, VFT_RUN_STATES, at->step + 1);
    says(s, VFT_RUN_PLACES, places);
    return;
  }
  if (r > 0) says(s, VFT_RUN_PLACES, places + r);
  if (r + 1 < n) says(s, VFT_RUN_PLACES, places + 2 + r);
  if (r == 0 || r + 1 == n) says(s, VFT_RUN_PLACES, places);
}

static void group_says(spoken *s, const vft_piece *at, uint32_t shard) {
  const vft_leaves *l = &run.a.leaves;
  uint64_t q = at->window * l->choice.groups + at->within;
  for (uint64_t k = 0; k < (uint64_t)at->steps; k++)
    says(s, VFT_RUN_INPUTS, l->shards * (at->step + k) + shard);
  if (leaves_claims(shard))
    says(s, VFT_RUN_CLAIMS, l->shards * (at->epoch * l->groups[0] + q) + shard);
  if (run.n) {
    part_says(s, at, shard);
    return;
  }
  says(s, VFT_RUN_STATES, at->step);
  says(s, VFT_RUN_STATES, at->step + (uint64_t)at->steps);
  says(s, VFT_RUN_ROWS, at->epoch);
}

static void leaf_says(const vft_piece *at, spoken *s) {
  const vft_leaves *l = &run.a.leaves;
  uint64_t b = l->blocks, T = l->steps;
  memset(s, 0, sizeof *s);
  switch (at->what) {
    case VFT_PIECE_RELEASE:
      for (uint32_t r = 0; r < run.n; r++) says(s, VFT_RUN_STATES, T);
      says(s, VFT_RUN_STATES, T + 1);
      break;
    case VFT_PIECE_BLOCK:
      if (at->block) says(s, VFT_RUN_COUNTERS, (b + 1) * at->epoch + at->block);
      says(s, VFT_RUN_COUNTERS, (b + 1) * at->epoch + at->block + 1);
      says(s, VFT_RUN_ROWS, at->epoch);
      says(s, VFT_RUN_BLOCKS, b * at->epoch + at->block);
      break;
    case VFT_PIECE_GROUP:
      for (uint32_t i = 0; i < at->shards; i++) group_says(s, at, at->shard + i);
      break;
    case VFT_PIECE_OPENING:
      for (uint32_t i = 0; i < at->groups * l->shards; i++) {
        uint64_t q = at->window * l->choice.groups + i / l->shards;
        if (leaves_claims(i % l->shards))
          says(s, VFT_RUN_CLAIMS, l->shards * (at->epoch * l->groups[0] + q) + i % l->shards);
      }
      break;
  }
}

/* ---- tables ---- */

/* All entries that a leaf does not speak of are others: it holds, being of its kind. All that it
 * does speak of are the next ones, of another step, epoch, block, place or group: it fails by each
 * entry's root, and by nothing else. */
static void entries(void **state) {
  (void)state;
  static spoken s;
  static vft_poseidon_digest leaf[MOST_ENTRIES];
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    if (!picked(i)) continue;
    leaf_says(&at, &s);
    for (int own = 0; own < 2; own++) {
      uint32_t expected[TABLES] = {0};
      for (int x = 0; x < TABLES; x++) {
        for (uint64_t k = 0; k < run.entries[x]; k++) {
          leaf[k] = run.honest[x][k];
          if ((s.times[x][k] > 0) != own) continue;
          leaf[k] = run.honest[x][(k + 1) % run.entries[x]];
          if (!memcmp(&leaf[k], &run.honest[x][k], sizeof *leaf)) leaf[k].e[0].v ^= 1;
          expected[x] += 4u * s.times[x][k];
        }
        set_table(x, leaf);
      }
      vft_circuit *c = make(i);
      assert_true(is_kind(c, &at));
      failing f = count(c);
      for (int x = 0; x < TABLES; x++)
        if (f.of[x] != expected[x] || f.others)
          fail_msg("%s: table %d: %d and %d others fail, not %d", name_of(&at), x, (int)f.of[x],
                   (int)f.others, (int)expected[x]);
      if (own) holds_without(c);
      else assert_true(vft_circuit_holds(c));
      vft_circuit_free(c);
    }
  }
  honest_tables();
}

/* Entry of a state of these roots. */
static vft_poseidon_digest state_of(const vft_fp (*roots)[8]) {
  vft_poseidon_digest level[VFT_MAX_PARTS] = {{{{0}}}};
  uint32_t n = 1;
  while (n < run.a.ranges) n *= 2;
  for (uint32_t r = 0; r < run.a.ranges; r++)
    level[r] = vft_sponge_of(VFT_DOMAIN_TABLE_STATES, roots[r], 8);
  for (; n > 1; n /= 2)
    for (uint32_t r = 0; r < n / 2; r++) vft_poseidon_compress(&level[2 * r], &level[r], 1);
  return level[0];
}

/* How often a leaf says what range r of the state before step t is, and of it the second half. */
static uint32_t says_range(const vft_piece *at, uint64_t t, uint32_t r, bool half) {
  uint32_t n = run.n, times = 0;
  uint64_t after = at->step + (uint64_t)at->steps;
  if (at->what == VFT_PIECE_RELEASE) return !half && t == run.a.manifest->steps;
  if (at->what != VFT_PIECE_GROUP) return 0;
  if (!n) return (t == at->step) + (t == after);
  for (uint32_t s = at->shard; s < at->shard + at->shards; s++) {
    if (!s || (s - 1) % n != r) continue;
    bool optimiser = s > n;
    times += t == at->step && (optimiser || !half);
    times += t == after && optimiser;
  }
  return times;
}

/* Each range of a state is said of by itself, adapter and state; of one that a part has without its
 * optimiser's state, that state is any. Ranges exchanged are none of theirs. */
static void ranges(void **state) {
  (void)state;
  static vft_poseidon_digest leaf[MOST_ENTRIES];
  uint64_t T = run.a.manifest->steps;
  uint32_t n = run.a.ranges;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    bool release = at.what == VFT_PIECE_RELEASE;
    if ((!release && at.what != VFT_PIECE_GROUP) || !picked(i)) continue;
    for (int last = 0; last < (release ? 1 : 2); last++) {
      uint64_t t = release ? T : at.step + (last ? (uint64_t)at.steps : 0);
      vft_fp(*roots)[8] = run.a.roots + t * n, kept[VFT_MAX_PARTS][8];
      memcpy(kept, roots, n * sizeof *kept);
      for (uint32_t r = 0; r <= n; r++) {
        for (int half = 0; half < 2; half++) {
          uint32_t expected = 0;
          if (r < n) { /* adapter of one range; state of one range */
            roots[r][4 * half].v ^= 1;
            expected = 4 * says_range(&at, t, r, half);
          } else { /* the first exchanged with the last */
            if (n < 2 || half) continue;
            memcpy(roots[0], kept[n - 1], sizeof *kept);
            memcpy(roots[n - 1], kept[0], sizeof *kept);
            for (uint32_t k = 0; k < n; k += n - 1)
              expected += 4 * says_range(&at, t, k, false);
          }
          memcpy(leaf, run.honest[VFT_RUN_STATES], sizeof leaf);
          leaf[t] = state_of((const vft_fp(*)[8])roots);
          set_table(VFT_RUN_STATES, leaf);
          vft_circuit *c = make(i);
          failing f = count(c);
          if (f.of[VFT_RUN_STATES] != expected || f.others)
            fail_msg("%s: range %d of step %d: %d and %d others fail, not %d", name_of(&at), (int)r,
                     (int)t, (int)f.of[VFT_RUN_STATES], (int)f.others, (int)expected);
          if (expected) holds_without(c);
          vft_circuit_free(c);
          memcpy(roots, kept, n * sizeof *kept);
        }
      }
    }
  }
  honest_tables();
}

/* What the statement has in common with all leaves, the tables' roots apart: proofs are of another
 * run then. */
static void common(void **state) {
  (void)state;
  for (uint32_t k = 0; k < run.kinds.n; k++) {
    vft_piece at = leaf_at(run.kinds.example[k]);
    if (k && leaf_at(run.kinds.example[k - 1]).what == at.what) continue;
    static const int element[] = {0, VFT_COMMON_STEPS - 1, VFT_COMMON_STEPS, VFT_COMMON_BASE,
                                  VFT_COMMON_FUNCTIONS + 3};
    for (size_t i = 0; i < sizeof element / sizeof *element; i++) {
      vft_fp *x = &run.a.common[element[i]];
      bool of_steps = at.what == VFT_PIECE_RELEASE || at.what == VFT_PIECE_BLOCK;
      if (i == 2 ? !of_steps : i > 2 && of_steps) continue; /* not of its proof */
      x->v ^= 1;
      rejected(run.kinds.example[k], "another common element");
      x->v ^= 1;
    }
  }
}

/* ---- claims ---- */

/* The elements of the claims of a proof. */
static uint32_t elements(uint64_t t, uint32_t shard, vft_fp **out) {
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims = {0};
  vft_claim_list list;
  OK(vft_verify_shard(run.a.manifest, &run.a.shards, run.a.folder, t, shard, link, &claims,
                      NULL, NULL));
  OK(vft_claim_list_of(&claims, &list));
  uint64_t form[VFT_CLAIM_FORM];
  uint32_t n = VFT_CLAIM_FORM + 3 * list.nvalues;
  vft_claims_form(&claims, form);
  *out = malloc((n + 1) * sizeof **out);
  assert_non_null(*out);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t v = i - VFT_CLAIM_FORM;
    (*out)[i] = (vft_fp){i < VFT_CLAIM_FORM ? form[i] : list.value[v / 3][v % 3]};
  }
  vft_claim_list_free(&list);
  vft_oracle_claims_free(&claims);
  return n;
}

/* The only FREE cell with that value. */
static vft_ext *find(vft_circuit *c, const vft_fp *e) {
  vft_ext *found = NULL;
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FREE].n; i++) {
    vft_ext *v = &c->cells[VFT_CELL_FREE].value[i];
    if (memcmp(v, e, sizeof *v)) continue;
    assert_null(found);
    found = v;
  }
  assert_non_null(found);
  return found;
}

static uint64_t leaf_of_group(uint64_t step, uint32_t shard) {
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    if (at.what == VFT_PIECE_GROUP && at.step == step && shard >= at.shard &&
        shard < at.shard + at.shards)
      return i;
  }
  fail_msg("no leaf of step %d", (int)step);
  return 0;
}

/* The value of the last claim of a proof is another: in the table, and of the two leaves that speak
 * of the entry in one. The group's cannot, since its claims follow from its proof; the opening can
 * have what cells it likes, and then its opening fails. */
static void forged_claims(void **state) {
  (void)state;
  static vft_poseidon_digest leaf[MOST_ENTRIES];
  const vft_leaves *l = &run.a.leaves;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    if (at.what != VFT_PIECE_OPENING || !picked(i)) continue;
    vft_fp *x;
    uint32_t shard = run.n; /* the last that leaves claims */
    uint32_t n = elements(at.step, shard, &x);
    vft_fp forged = vft_fp_add(x[n - 3], (vft_fp){1}), old[3];
    memcpy(old, x + n - 3, sizeof old);
    x[n - 3] = forged;
    memcpy(leaf, run.honest[VFT_RUN_CLAIMS], sizeof leaf);
    uint64_t q = at.window * l->choice.groups;
    uint64_t entry = l->shards * (at.epoch * l->groups[0] + q) + shard;
    leaf[entry] = vft_sponge_of(VFT_DOMAIN_CLAIMS, x, n);
    set_table(VFT_RUN_CLAIMS, leaf);
    vft_circuit *c = make(leaf_of_group(at.step, shard)); /* under a table with the forged */
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4);
    assert_int_equal(not_zero(c), 4);
    vft_circuit_free(c);
    c = make(i); /* the opening's, still with the true ones */
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4);
    assert_int_equal(not_zero(c), 4);
    find(c, old)->c[0] = forged; /* and with the forged */
    assert_true(evaluate(c));
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 0);
    assert_true(count(c).others > 0);
    vft_circuit_free(c);
    honest_tables();
    c = make(i); /* forged there alone */
    find(c, old)->c[0] = forged;
    assert_true(evaluate(c));
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4);
    assert_true(count(c).others > 0);
    vft_circuit_free(c);
    free(x);
  }
}

/* A good opening of claims that are all true, but not those: one group's twice, two groups'
 * exchanged. Nothing but their entries says so. */
static void other_claims(void **state) {
  (void)state;
  const vft_leaves *l = &run.a.leaves;
  uint32_t tried = 0, claims = run.n + 1; /* proofs of a group that leave some */
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    if (at.what != VFT_PIECE_OPENING || at.groups < 2 || at.place != VFT_PIECE_ANYWHERE || !picked(i))
      continue;
    for (int exchanged = 0; exchanged < 2; exchanged++) {
      lie.claims = true;
      lie.exchanged = exchanged;
      lie.instead[1] = at.epoch * l->groups[0] + at.window * l->choice.groups;
      lie.instead[0] = lie.instead[1] + 1;
      vft_circuit *c = make(i);
      lie.claims = false;
      assert_true(is_kind(c, &at));
      assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4 * claims * (exchanged ? 2 : 1));
      assert_int_equal(count(c).others, 0);
      holds_without(c);
      vft_circuit_free(c);
      tried++;
    }
  }
  if (!tried) skip();
}

/* ---- proofs in another's place ---- */

static char *file_of(const vft_piece *at, uint32_t shard, vft_arena *arena) {
  const vft_aggregation *a = &run.a;
  uint64_t T = a->manifest->steps;
  char *proofs = vft_arena_printf(arena, "%s/proofs", a->folder);
  if (at->what == VFT_PIECE_BLOCK) return vft_epoch_file_path(arena, proofs, at->epoch, at->block);
  return vft_shard_file_path(arena, proofs, &a->shards.cut,
                             at->what == VFT_PIECE_RELEASE ? T : at->step,
                             at->what == VFT_PIECE_RELEASE ? 1 : shard, T);
}

/* Each proof in the place of each other, where a leaf is of one: another step, epoch, block or
 * part. */
static void other_proofs(void **state) {
  (void)state;
  vft_arena arena = {0};
  uint32_t tried = 0;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    bool block = at.what == VFT_PIECE_BLOCK;
    if (at.what == VFT_PIECE_OPENING || (at.what == VFT_PIECE_GROUP && at.shards > 1)) continue;
    if (!picked(i)) continue;
    for (uint64_t k = 0; k < run.leaves; k++) {
      vft_piece of = leaf_at(k);
      if (k == i || of.what == VFT_PIECE_OPENING || (of.what == VFT_PIECE_BLOCK) != block) continue;
      char *path = file_of(&of, of.shard, &arena);
      assert_non_null(path);
      *(block ? &lie.epoch_file : &lie.step_file) = path;
      rejected(i, path);
      lie.epoch_file = lie.step_file = NULL;
      tried++;
    }
  }
  vft_arena_free(&arena);
  print_message("%d\n", (int)tried);
}

/* ---- cells ---- */

/* A circuit with its cells in an order of computation, and their values to go back to. */
typedef struct {
  evaluation e;
  vft_ext *kept[VFT_CELL_KINDS];
  uint8_t *changed[VFT_CELL_KINDS]; /* of units; of cells, where units have none */
  uint8_t *zero[VFT_CELL_KINDS];    /* must be */
} trial;

static void trial_init(trial *t, vft_circuit *c) {
  size_t units = 0;
  memset(t, 0, sizeof *t);
  t->e.c = c;
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    uint32_t n = c->cells[k].n;
    units += n / unit_size((vft_cell_kind)k) + 1;
    if (is_derived(k)) t->e.state[k] = calloc(n + 1, 1);
    t->changed[k] = calloc(n + 1, 1);
    t->zero[k] = calloc(n + 1, 1);
    t->kept[k] = malloc((n + 1) * sizeof **t->kept);
    assert_true(t->changed[k] && t->zero[k] && t->kept[k]);
    memcpy(t->kept[k], c->cells[k].value, n * sizeof **t->kept);
  }
  t->e.stack = malloc((units + 2) * sizeof *t->e.stack);
  t->e.order = malloc((units + 2) * sizeof *t->e.order);
  assert_true(t->e.stack && t->e.order);
  for (uint32_t i = 0; i < c->nzero; i++) { /* those first that need the least */
    vft_cell_kind kind = vft_wire_kind(c->zero[i]);
    t->zero[kind][vft_wire_number(c->zero[i])] = 1;
    if (is_derived(kind)) assert_true(compute(&t->e, c->zero[i]));
  }
}

static void trial_free(trial *t) {
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    free(t->e.state[k]);
    free(t->changed[k]);
    free(t->zero[k]);
    free(t->kept[k]);
  }
  free(t->e.stack);
  free(t->e.order);
}

/* Whether the circuit holds with one cell changed, all that follows being computed anew; as it was,
 * then. */
static bool holds_with(trial *t, vft_cell_kind kind, uint32_t i, vft_ext v) {
  vft_circuit *c = t->e.c;
  bool holds = true;
  size_t n = 0;
  c->cells[kind].value[i] = v;
  t->changed[kind][i] = 1;
  for (; n < t->e.ordered && holds; n++) {
    vft_wire w = t->e.order[n], need[VFT_POSEIDON_RATE + 2];
    vft_cell_kind of = vft_wire_kind(w);
    uint32_t unit = unit_of(w), size = unit_size(of);
    int needs = unit_needs(c, of, unit, need);
    bool touched = of == VFT_CELL_FETCH;
    for (int k = 0; k < needs && !touched; k++)
      touched = t->changed[vft_wire_kind(need[k])][unit_of(need[k])];
    if (!touched) continue;
    compute_unit(&t->e, of, unit);
    vft_ext *value = c->cells[of].value + (size_t)size * unit;
    if (!memcmp(value, t->kept[of] + (size_t)size * unit, size * sizeof *value)) continue;
    t->changed[of][unit] = 1;
    for (uint32_t k = 0; k < size; k++)
      if (t->zero[of][size * unit + k] && !vft_ext_is_zero(value[k])) holds = false;
  }
  while (n--) {
    vft_cell_kind of = vft_wire_kind(t->e.order[n]);
    uint32_t unit = unit_of(t->e.order[n]), size = unit_size(of);
    if (!t->changed[of][unit]) continue;
    memcpy(c->cells[of].value + (size_t)size * unit, t->kept[of] + (size_t)size * unit,
           size * sizeof **t->kept);
    t->changed[of][unit] = 0;
  }
  t->changed[kind][i] = 0;
  c->cells[kind].value[i] = t->kept[kind][i];
  return holds;
}

/* Every cell counts: of the statement but for the keys of nodes and wraps, which a leaf has no use
 * for; of what is said before a proof is verified, and behind it; of the proof. */
static void cells(void **state) {
  (void)state;
  bool all = getenv("VFT_LONG") != NULL;
  for (uint32_t k = 0; k < run.kinds.n; k++) {
    vft_piece at = leaf_at(run.kinds.example[k]);
    vft_circuit *c = make(run.kinds.example[k]);
    trial t;
    uint32_t tried = 0, n = c->cells[VFT_CELL_BASE].n;
    trial_init(&t, c);
    for (uint32_t i = 0; i < VFT_RANGE_INPUTS; i++) {
      vft_ext v = c->cells[VFT_CELL_INPUT].value[i];
      v.c[0] = vft_fp_add(v.c[0], (vft_fp){1});
      assert_int_equal(holds_with(&t, VFT_CELL_INPUT, i, v), i < VFT_AT_COMMON);
    }
    for (uint32_t i = 0; i < n; i++) {
      /* common elements, digits and the first links; the last path; a sample of the others */
      bool near = i < 64 || i + 4 > n;
      uint32_t every = i < 2000 || i + 100 > n ? 41 : 2003;
      if (!near && i % (all ? every / 40 : every)) continue;
      vft_ext v = c->cells[VFT_CELL_BASE].value[i];
      v.c[0] = vft_fp_add(v.c[0], (vft_fp){i % 2 ? 1 : VFT_P - 1});
      if (holds_with(&t, VFT_CELL_BASE, i, v))
        fail_msg("%s: base cell %d of %d may be anything", name_of(&at), (int)i, (int)n);
      tried++;
    }
    print_message("%s: %d of %d base cells\n", name_of(&at), (int)tried, (int)n);
    assert_true(evaluate(c));
    assert_true(vft_circuit_holds(c));
    trial_free(&t);
    vft_circuit_free(c);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entries), cmocka_unit_test(ranges), cmocka_unit_test(common),
      cmocka_unit_test(forged_claims), cmocka_unit_test(other_claims),
      cmocka_unit_test(other_proofs), cmocka_unit_test(cells),
  };
  return told(argc, argv) ? cmocka_run_group_tests(tests, begin, finish) : 2;
}
