/* The verifier as a circuit: whatever else the free cells of a recording are, it does not hold, and
 * all that must be compared is. */
#include "recurse/verifier_world.h"

/* ---- what else the cells could be ---- */

/* Coordinates of cells of a kind that anything reads: sums, zeros and fetches read whole cells. */
static bool *coordinates_read(const vft_circuit *c, vft_cell_kind kind) {
  bool *read = calloc(3 * (size_t)c->cells[kind].n + 1, sizeof *read);
  assert_non_null(read);
#define WHOLE(w)                                                       \
  for (size_t k_ = 0; vft_wire_kind(w) == kind && k_ < 3; k_++)        \
  read[3 * (size_t)vft_wire_number(w) + k_] = true
#define ONE(p) \
  if (vft_wire_kind((p).wire) == kind) read[3 * (size_t)vft_wire_number((p).wire) + (p).part] = true
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    WHOLE(c->sum[i].a);
    WHOLE(c->sum[i].b);
    WHOLE(c->sum[i].c);
  }
  for (uint32_t i = 0; i < c->nzero; i++) WHOLE(c->zero[i]);
  for (uint32_t i = 0; i < c->nsplit; i++) ONE(c->split[i]);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++) ONE(c->part[i]);
  for (uint32_t i = 0; i < c->nsponge; i++)
    for (int k = 0; k < VFT_POSEIDON_RATE; k++) ONE(c->sponge[i].lane[k]);
#undef WHOLE
#undef ONE
  return read;
}

/* With the coordinate changed, and everything computed again from it, some zero is not 0. */
static void must_not_hold(vft_circuit *c, const char *name, vft_cell_kind kind, size_t i,
                          vft_fp v) {
  vft_fp *x = &c->cells[kind].value[i / 3].c[i % 3], old = *x;
  if (v.v == old.v) return;
  *x = v;
  assert_true(evaluate(c));
  if (vft_circuit_holds(c))
    fail_msg("%s HOLDS whatever coordinate %zu of %s cell %zu is", name, i % 3,
             kind == VFT_CELL_BASE ? "base" : kind == VFT_CELL_FREE ? "free" : "input", i / 3);
  *x = old;
}

static bool long_run(void) {
  const char *s = getenv("VFT_LONG");
  return s && *s && strcmp(s, "0") != 0;
}

/* The free cells of a good recording, one at a time (some of them; all when VFT_LONG is set), as
 * far as anything reads them: the second cell of a sibling on a path has one element of the digest
 * and two that are not there. */
static void other_cells(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    subject s;
    message m;
    unsigned tried = 0, idle = 0;
    make_subject(&s, i);
    prove_message(&s, &m);
    vft_circuit *c = recorded(&s, &m);
    vft_circuit_prune(c);
    for (int g = 0; g < 3; g++) {
      vft_cell_kind kind = given_kinds[g];
      bool *read = coordinates_read(c, kind);
      uint32_t n = c->cells[kind].n, step = long_run() ? 1 : 1 + n / 45;
      for (size_t k = 0; k < 3 * (size_t)n; k++) {
        if (!read[k]) {
          assert_true(kind == VFT_CELL_INPUT || k % 3); /* and no element is left out */
          if (kind == VFT_CELL_FREE) assert_int_equal(c->cells[kind].value[k / 3].c[k % 3].v, 0);
          if (kind == VFT_CELL_FREE) idle++;
          continue;
        }
        if (kind != VFT_CELL_FREE && k % 3) continue; /* in F */
        if (k / 3 % step && k / 3 + 3 < n) continue;
        vft_fp v = c->cells[kind].value[k / 3].c[k % 3];
        must_not_hold(c, s.name, kind, k,
                      k & 1 ? vft_fp_add(v, (vft_fp){1}) : vft_fp_from_u64(toy_rnd64()));
        tried++;
      }
      free(read);
    }
    assert_true(evaluate(c));
    assert_true(vft_circuit_holds(c));
    print_message("%s: %u cells changed; %u coordinates that nothing reads\n", s.name, tried, idle);
    vft_circuit_free(c);
    free_message(&m);
    free_subject(&s);
  }
}

/* ---- what is compared ---- */

/* A chain of permutations that hashes a column or a pair of nodes, by the capacity at its start. */
static bool of_tree(const vft_sponge_op *start) {
  const vft_fp *c = start->capacity;
  return (!c[0].v && c[1].v == 1 && !c[2].v && !c[3].v) || (!c[1].v && c[2].v && !c[3].v);
}

/* No element of a digest is left out: of the last permutation of each hash in a tree, lanes 0 .. 3
 * are read by something that is needed; so is all that is fetched. (A forged proof that only some
 * elements of a digest find is not to be had.) */
static void whole_digests(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    subject s;
    message m;
    make_subject(&s, i);
    prove_message(&s, &m);
    vft_circuit *c = recorded(&s, &m);
    vft_circuit_prune(c);
    bool *read = coordinates_read(c, VFT_CELL_SPONGE);
    bool *fetched = coordinates_read(c, VFT_CELL_FETCH);
    uint32_t *start = calloc(c->nsponge, sizeof *start), hashes = 0;
    bool *goes_on = calloc(c->nsponge, sizeof *goes_on);
    assert_true(start && goes_on);
    for (uint32_t k = 0; k < c->nsponge; k++) {
      uint32_t after = c->sponge[k].after;
      start[k] = after == VFT_FRESH ? k : start[after];
      if (after != VFT_FRESH) goes_on[after] = true;
    }
    for (uint32_t k = 0; k < c->nsponge; k++) {
      if (goes_on[k] || !of_tree(&c->sponge[start[k]])) continue;
      hashes++;
      for (size_t lane = 0; lane < 4; lane++)
        if (!read[3 * VFT_SPONGE_CELLS * (size_t)k + lane])
          fail_msg("%s: nobody reads element %zu of hash %u", s.name, lane, k);
    }
    assert_true(hashes > 10);
    for (uint32_t k = 0; k < c->cells[VFT_CELL_FETCH].n; k++) assert_true(fetched[3 * (size_t)k]);
    free(read);
    free(fetched);
    free(start);
    free(goes_on);
    vft_circuit_free(c);
    free_message(&m);
    free_subject(&s);
  }
}

/* With work and queries as in earnest: so many bits behind each nonce are said to be 0, which both
 * verifiers find. */
static void work(void **state) {
  (void)state;
  subject s;
  message m;
  uint32_t nonces = 0;
  make_subject(&s, SQUARES);
  s.options.test_queries = 0;
  prove_message(&s, &m);
  for (unsigned g = 0; g < 20; g++) {
    vft_circuit *c = fresh();
    uint32_t bits = 0;
    s.options.grind = g;
    OK(record(&s, &m, true, c).status);
    for (uint32_t i = 0; i < c->nzero; i++) bits += vft_wire_kind(c->zero[i]) == VFT_CELL_BIT;
    if (g == 1) nonces = bits;
    assert_int_equal(bits, g * nonces);
    vft_circuit_free(c);
  }
  assert_true(nonces > 0);
  free_message(&m);
  s.options.grind = 9;
  prove_message(&s, &m);
  OK(native(&s, &m).status);
  vft_circuit_free(recorded(&s, &m));
  tally t = {.honest = &m};
  uint32_t found = 0;
  for (size_t w = 0; w < m.len / 8; w++) {
    uint64_t x = get64(m.proof + 8 * w);
    if (!x || x >> 20) continue; /* not a nonce */
    for (unsigned k = 0; k < 3; k++) { /* more than 32 bits; another */
      message c = copy_message(&m);
      put64(c.proof + 8 * w, k ? x + k : x + ((uint64_t)1 << 32));
      compare(&s, &c, "nonce", &t);
      found += !strcmp(native(&s, &c).check, k ? "transcript/grind" : "transcript/canonical");
      free_message(&c);
    }
  }
  assert_true(found >= nonces + 1);
  free_message(&m);
  free_subject(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(other_cells), cmocka_unit_test(whole_digests),
                                     cmocka_unit_test(work)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
