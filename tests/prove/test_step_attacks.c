/* Soundness mutation of the training step, whole and cut into parts: every relation, lookup and
 * table is attacked by a trace that is false in exactly that respect. The plain checker names it
 * and nothing else; without it the same trace is accepted. The same with proofs: of the whole program
 * for one attack of every kind, and of a program without lookups, or with ranges only, for every
 * relation and a sample of the ranges. A part is attacked where the whole step has no such check.
 * When VFT_LONG is set: everything, on all shapes. */
#include "prove/step_attacks.h"

#include "base/pool.h"

/* Checks that need no attack, and why: none at present. A check that has one must not be here. */
static const struct {
  const char *id, *reason;
} redundant[] = {{NULL, NULL}};

static bool is_redundant(const char *id) {
  for (size_t i = 0; redundant[i].id; i++)
    if (!strcmp(redundant[i].id, id)) return true;
  return false;
}

static bool long_run(void) {
  const char *s = getenv("VFT_LONG");
  return s && *s && strcmp(s, "0") != 0;
}

static void falsify_table(const attack *a, vft_trace *t) {
  if (strncmp(a->kind, "table/", 6)) return;
  vft_array *mult = &t->array[a->tensor];
  vft_array_set(mult, a->start, vft_array_get(mult, a->start) + 1);
}

/* The false trace as one of `p`, its lookups counted. */
static vft_trace prepare(const attack *a, const vft_program *p, const vft_trace *from) {
  vft_trace t = trace_of(p, from);
  count_rows(&t);
  if (p->ntables) falsify_table(a, &t);
  return t;
}

/* Whether a check may fail too because the false value does not fit where it goes. */
static bool may_follow(const world *w, const attack *a, size_t check) {
  size_t l = check - w->p->nrelations;
  bool lookup = check >= w->p->nrelations && l < w->p->nlookups;
  if (a->widen_all && lookup)
    return is_narrow(w, w->p->lookups[l].col[1].terms[0].factor[0].tensor);
  if (!a->partner) return false;
  for (uint32_t i = 0; i < (lookup ? a->partner->nlookups : a->partner->nrelations); i++)
    if (lookup ? a->partner->lookups[i] == l : a->partner->relations[i] == check) return true;
  return false;
}

/* Whether exactly the expected checks fail; *why describes what else did. */
static bool as_expected(const world *w, attack *a, char *why, size_t size) {
  bool ok = true;
  *why = 0;
  for (size_t c = 0; c < w->checks; c++) {
    bool want = false;
    for (unsigned i = 0; i < a->nexpect; i++) want = want || a->expect[i] == c;
    if (w->failed[c] == want) continue;
    if (!want && may_follow(w, a, c)) {
      also(a, c);
      continue;
    }
    ok = false;
    size_t n = strlen(why);
    snprintf(why + n, size - n, " %s%s", want ? "not " : "", check_name(w, c));
  }
  return ok;
}

/* The program without the attack's checks, or with the first of them only. */
static vft_program *reduced(const world *w, const attack *a, bool keep_first) {
  for (unsigned i = keep_first; i < a->nexpect; i++) w->drop[a->expect[i]] = true;
  vft_program *p = copy_without(w->p, w->drop);
  memset(w->drop, 0, w->checks * sizeof *w->drop);
  return p;
}

static void control(const world *w, const attack *a, const vft_trace *from) {
  const char *id = check_name(w, a->expect[0]);
  vft_program *p = reduced(w, a, false);
  vft_trace t = trace_of(p, from);
  count_rows(&t); /* a table under attack is not there: its false counts stay */
  vft_status st = vft_program_check_trace(p, &t, NULL);
  if (st != VFT_OK)
    fail_msg("%s: without it, %s fails: %s", id, vft_error_check(), vft_error_message());
  vft_program_free(p);
  if (a->nexpect == 1) return;
  p = reduced(w, a, true); /* alone, it is what rejects */
  t = trace_of(p, from);
  count_rows(&t);
  bool *failed = vft_alloc(vft_program_check_count(p), sizeof *failed);
  assert_non_null(failed);
  st = vft_program_check_trace(p, &t, failed);
  unsigned n = 0;
  for (size_t c = 0; c < vft_program_check_count(p); c++) n += failed[c];
  if (st != VFT_REJECTED || n != 1 || strcmp(vft_error_check(), id))
    fail_msg("%s: without its partners, %u checks fail, first %s", id, n, vft_error_check());
  vft_free(failed);
  vft_program_free(p);
}

/* Runs attack `flavour` on a check, from place number *variant on until one suits, whose number
 * stays there; false when there is none. */
static bool find_attack(const world *w, size_t check, unsigned flavour, unsigned *place, attack *a,
                        vft_exec **e, blocks *b, char *why, size_t size) {
  snprintf(why, size, " no suitable place");
  for (unsigned variant = *place; variant < MAX_VARIANTS; variant++) {
    if (!plan_attack(w, check, flavour, variant, a)) return false;
    b->n = 0;
    *e = false_trace(w, a, b);
    if (!*e) continue;
    vft_trace t = prepare(a, w->whole, vft_exec_trace(*e));
    if (vft_program_check_trace(w->whole, &t, w->failed) != VFT_REJECTED)
      fail_msg("ACCEPTED: attack %s on %s, element %zu", a->kind, check_name(w, check), a->start);
    *place = variant;
    if (as_expected(w, a, why, size)) return true;
    vft_exec_free(*e);
    free_blocks(b);
  }
  return false;
}

/* An honest trace is accepted, by checker and by proof. */
static void positive_for(const world *w, const vft_program *p) {
  blocks b = {.n = 0};
  vft_exec *e = world_exec(w, &b, 1);
  OK(vft_exec_run(e, false));
  OK(vft_exec_finish_trace(e));
  vft_trace t = trace_of(p, vft_exec_trace(e));
  count_rows(&t);
  OK(vft_program_check_trace(p, &t, NULL));
  OK(proof_of(&t, false));
  vft_exec_free(e);
  free_blocks(&b);
}

static void positive(const world *w) { positive_for(w, w->whole); }

/* ---- plain checker ---- */

typedef struct {
  const char *kind;
  size_t check;
  unsigned flavour, variant;
} found;

typedef struct {
  const char *name;
  world w;
  found *found;
  size_t nfound;
} suite;

/* Whether the whole step has a relation or lookup of this name, where it is attacked. */
static bool in_whole(const world *w, size_t check) {
  const vft_program *p = w->v.step->program;
  size_t l = check - w->p->nrelations;
  if (check < w->p->nrelations) {
    for (uint32_t i = 0; i < p->nrelations; i++)
      if (!strcmp(p->relations[i].name, w->p->relations[check].name)) return true;
  } else if (l < w->p->nlookups) {
    for (uint32_t i = 0; i < p->nlookups; i++)
      if (!strcmp(p->lookups[i].name, w->p->lookups[l].name)) return true;
  }
  return false;
}

static void every_check(suite *s) {
  const world *w = &s->w;
  char why[2000];
  unsigned missing = 0, pairs = 0;
  size_t ids = (size_t)w->p->nrelations + w->p->nlookups + w->p->ntables, checked = 0;
  positive(w);
  for (size_t c = 0; c < ids; c++) {
    if (w->part && in_whole(w, c) && !long_run()) continue;
    checked++;
    for (unsigned flavour = 0; flavour < 2; flavour++) {
      attack a;
      vft_exec *e;
      blocks b = {.n = 0};
      unsigned variant = 0;
      char id[200];
      (void)vft_program_check_id(w->p, c, id, sizeof id);
      if (!find_attack(w, c, flavour, &variant, &a, &e, &b, why, sizeof why)) {
        if (flavour || is_redundant(id)) continue;
        print_message("no attack on %s (%s):%s\n", id, a.kind ? a.kind : "no kind", why);
        missing++;
        continue;
      }
      if (is_redundant(id)) fail_msg("%s is not redundant", id);
      control(w, &a, vft_exec_trace(e));
      pairs += a.nexpect > 1;
      s->found[s->nfound++] = (found){a.kind, c, flavour, variant};
      vft_exec_free(e);
      free_blocks(&b);
    }
  }
  positive(w);
  print_message("%s: %zu of %zu checks, %zu attacks, %u of them with partners\n", s->name, checked,
                ids, s->nfound, pairs);
  assert_int_equal(missing, 0);
}

/* ---- proofs ---- */

static void rejected(const world *w, const attack *a, const vft_trace *t, bool cheat,
                     const char *check) {
  if (proof_of(t, cheat) != VFT_REJECTED)
    fail_msg("ACCEPTED: proof of attack %s on %s, element %zu", a->kind,
             check_name(w, a->expect[0]), a->start);
  if (strcmp(vft_error_check(), check))
    fail_msg("attack %s on %s: rejected by %s, not %s", a->kind, check_name(w, a->expect[0]),
             vft_error_check(), check);
}

/* The verifier's reason: a failing lookup ends the proof before any relation; a definition is
 * claimed on the way from where its tensor is used. */
static const char *reason(const world *w, const attack *a, size_t only) {
  bool lookup = false, zero = false;
  for (unsigned i = 0; i < (only ? only : a->nexpect); i++) {
    size_t c = a->expect[i];
    lookup = lookup || (c >= w->p->nrelations && c < w->checks - w->p->ntensors);
    zero = zero || (c < w->p->nrelations && w->p->relations[c].kind == VFT_ZERO);
  }
  return lookup ? "logup/sum" : zero ? "relations/sum" : "virtual/sum";
}

/* Partners that only the plain checker finds. */
static void find_partners(const world *w, attack *a, const vft_trace *from) {
  char why[2000];
  if (!a->widen_all && !a->partner) return;
  vft_trace t = prepare(a, w->whole, from);
  assert_int_equal(vft_program_check_trace(w->whole, &t, w->failed), VFT_REJECTED);
  assert_true(as_expected(w, a, why, sizeof why));
}

static void prove_attack(const world *w, const found *f) {
  attack a;
  blocks b = {.n = 0};
  assert_true(plan_attack(w, f->check, f->flavour, f->variant, &a));
  vft_exec *e = false_trace(w, &a, &b);
  assert_non_null(e);
  vft_trace t = prepare(&a, w->whole, vft_exec_trace(e));
  find_partners(w, &a, vft_exec_trace(e));
  const char *check = reason(w, &a, 0);
  rejected(w, &a, &t, false, check);
  /* a prover that lies about totals is found out by the opening (a lookup's sum cannot lie) */
  if (!strcmp(check, "relations/sum")) rejected(w, &a, &t, true, "whir/sum");
  vft_program *p = reduced(w, &a, false);
  t = trace_of(p, vft_exec_trace(e));
  count_rows(&t);
  if (proof_of(&t, false) != VFT_OK)
    fail_msg("%s on %s: without it: %s", a.kind, check_name(w, f->check), vft_error_message());
  vft_program_free(p);
  if (a.nexpect > 1) {
    p = reduced(w, &a, true);
    t = trace_of(p, vft_exec_trace(e));
    count_rows(&t);
    rejected(w, &a, &t, false, reason(w, &a, 1));
    vft_program_free(p);
  }
  vft_exec_free(e);
  free_blocks(&b);
}

/* Every attack in the long run, else one of every kind. */
static void prove_attacks(const suite *s) {
  unsigned proved = 0, nkinds = 0;
  positive(&s->w);
  for (size_t i = 0; i < s->nfound; i++) {
    size_t before = 0;
    while (before < i && strcmp(s->found[before].kind, s->found[i].kind)) before++;
    nkinds += before == i;
    if (before < i && !long_run()) continue;
    prove_attack(&s->w, &s->found[i]);
    proved++;
  }
  positive(&s->w);
  print_message("%s: %u attacks of %u kinds proved\n", s->name, proved, nkinds);
}

/* Which checks are left out of a program whose proofs are short: all but the relations, or all but
 * the ranges. */
static void shorten(const world *w, bool ranges) {
  const size_t nrel = w->p->nrelations, nlook = w->p->nlookups;
  for (size_t c = 0; c < w->checks - w->p->ntensors; c++)
    w->drop[c] = ranges ? c < nrel : c >= nrel;
  for (uint32_t i = 0; ranges && i < w->p->ntables; i++)
    w->drop[nrel + nlook + i] = w->p->tables[i].kind != VFT_TABLE_RANGE;
}

static vft_program *short_program(const world *w, bool ranges) {
  shorten(w, ranges);
  vft_program *p = copy_without(w->p, w->drop);
  memset(w->drop, 0, w->checks * sizeof *w->drop);
  return p;
}

/* The attack in the short program without its partners: rejected; without the check under attack
 * as well: accepted. */
static void prove_short(const world *w, const found *f, bool ranges) {
  attack a;
  blocks b = {.n = 0};
  assert_true(plan_attack(w, f->check, f->flavour, f->variant, &a));
  vft_exec *e = false_trace(w, &a, &b);
  assert_non_null(e);
  find_partners(w, &a, vft_exec_trace(e));
  for (int keep = 1; keep >= 0; keep--) {
    shorten(w, ranges);
    vft_program *p = reduced(w, &a, keep);
    vft_trace t = trace_of(p, vft_exec_trace(e));
    count_rows(&t);
    if (keep)
      rejected(w, &a, &t, false, reason(w, &a, 1));
    else if (proof_of(&t, false) != VFT_OK)
      fail_msg("%s on %s: without it: %s", a.kind, check_name(w, f->check), vft_error_message());
    vft_program_free(p);
  }
  vft_exec_free(e);
  free_blocks(&b);
}

/* Every relation, and every fifth range (all in the long run), by proof. */
static void prove_every(const suite *s, bool ranges) {
  const world *w = &s->w;
  unsigned proved = 0;
  const size_t nrel = w->p->nrelations;
  vft_program *p = short_program(w, ranges);
  positive_for(w, p);
  for (size_t i = 0; i < s->nfound; i++) {
    const found *f = &s->found[i];
    if (ranges ? f->check < nrel || strncmp(f->kind, "range/", 6) : f->check >= nrel) continue;
    if (ranges && i % 5 && !long_run()) continue;
    prove_short(w, f, ranges);
    proved++;
  }
  positive_for(w, p);
  vft_program_free(p);
  print_message("%s: %u %s by proof\n", s->name, proved, ranges ? "ranges" : "relations");
}

/* ---- witnesses that are right modulo p only ---- */

static int64_t signed_of(vft_fp x) {
  return x.v > VFT_P / 2 ? (int64_t)(x.v - VFT_P) : (int64_t)x.v;
}

static vft_fp power_inverse(unsigned bits) { return vft_fp_inv(vft_fp_from_u64(1ull << bits)); }

/* Rejected; without the range check of this limb the proof system, which speaks of the field,
 * accepts. */
static void wrapped(const world *w, vft_trace *from, vft_tensor_id limb) {
  size_t check = lookup_check(w, w->range[limb]);
  attack a = {.kind = "wrapped", .expect = {check}, .nexpect = 1};
  vft_trace t = prepare(&a, w->whole, from);
  assert_int_equal(vft_program_check_trace(w->whole, &t, w->failed), VFT_REJECTED);
  assert_true(w->failed[check]);
  rejected(w, &a, &t, false, "logup/sum");
  vft_program *p = reduced(w, &a, false);
  t = trace_of(p, from);
  count_rows(&t);
  if (proof_of(&t, false) != VFT_OK)
    fail_msg("wrapped %s: without the check: %s", w->p->tensors[limb].name, vft_error_message());
  vft_program_free(p);
}

static vft_exec *honest(const world *w, blocks *b) {
  vft_exec *e = world_exec(w, b, 1);
  OK(vft_exec_run(e, false));
  no_gaps(w, vft_exec_trace(e));
  return e;
}

/* The same number from other limbs: the low limb one off, the top limb what makes up for it in
 * the field. */
static void wrapped_limbs(const world *w, const vft_wide *x, size_t element) {
  blocks b = {.n = 0};
  vft_exec *e = honest(w, &b);
  vft_trace *t = vft_exec_trace(e);
  uint32_t top = x->nlimbs - 1;
  size_t n = vft_tensor_count(&w->p->tensors[x->limb[0]]);
  int64_t low = get(e, x->limb[0], element % n), by = low & 1 ? -1 : 1;
  vft_fp high = vft_fp_from_i64(get(e, x->limb[top], element % n));
  high = vft_fp_sub(high, vft_fp_mul(vft_fp_from_i64(by), power_inverse(x->at[top])));
  plant(t, x->limb[0], element % n, low + by);
  plant(t, x->limb[top], element % n, signed_of(high));
  wrapped(w, t, x->limb[top]);
  vft_exec_free(e);
  free_blocks(&b);
}

/* Another master at the end of the step, with another remainder: 2^k out' + rem' is the same modulo
 * p, and nothing in this step reads it. The released adapter would hold an arbitrary integer. */
static void wrapped_output(const world *w, const vft_op *op, size_t element) {
  const vft_wide *x = &w->step->wides[w->step->wide_of[op->out.tensor]];
  const vft_wide *r = &w->step->wides[op->rem];
  uint32_t top = x->nlimbs - 1;
  int k = op->shift[op->nshift > 1 ? element / (vft_tensor_count(&w->p->tensors[op->out.tensor]) /
                                                op->nshift) : 0];
  blocks b = {.n = 0};
  vft_exec *e = honest(w, &b);
  vft_trace *t = vft_exec_trace(e);
  int64_t rem = get(e, r->limb[0], element), by = rem & 1 ? -1 : 1;
  vft_fp delta = vft_fp_mul(vft_fp_from_i64(op->negate ? by : -by), power_inverse((unsigned)k));
  vft_fp out = vft_fp_add(vft_fp_from_i64(get(e, op->out.tensor, element)), delta);
  vft_fp high = vft_fp_from_i64(get(e, x->limb[top], element));
  high = vft_fp_add(high, vft_fp_mul(delta, power_inverse(x->at[top])));
  plant(t, r->limb[0], element, rem + by);
  plant(t, op->out.tensor, element, signed_of(out));
  plant(t, x->limb[top], element, signed_of(high));
  wrapped(w, t, x->limb[top]);
  vft_exec_free(e);
  free_blocks(&b);
}

static void wrapped_witnesses(const suite *s) {
  const world *w = &s->w;
  unsigned numbers = 0, outputs = 0, count = 0;
  for (uint32_t n = 0; n < w->step->nwides; n++) {
    const vft_wide *x = &w->step->wides[n];
    if (x->nlimbs < 2 || x->value == VFT_NO_TENSOR || w->range[x->limb[0]] == UINT32_MAX) continue;
    if (reader_of_limbs(w, x)) continue; /* its op's relation fails as well */
    if (count++ % 16 && !long_run()) continue;
    wrapped_limbs(w, x, 1009 * n);
    numbers++;
  }
  count = 0;
  for (uint32_t o = 0; o < w->step->nops; o++) {
    const vft_op *op = &w->step->ops[o];
    if (op->kind != VFT_OP_REQUANT || !op->negate) continue;
    if (count++ % 8 && !long_run()) continue;
    wrapped_output(w, op, 7 * o % vft_tensor_count(&w->p->tensors[op->out.tensor]));
    outputs++;
  }
  print_message("%s: %u wrapped limbs, %u wrapped outputs\n", s->name, numbers, outputs);
  if (!w->part) assert_true(numbers && outputs);
}

/* ---- suites ---- */

static const struct {
  const char *name, *vectors;
  bool always; /* else in the long run only */
  vft_part part;
  int count[3]; /* RELEASE */
} suites[] = {
    {"all projections", "all", true, {VFT_PART_STEP, 0, 2, {0, 0}}, {0}},
    {"all: head", "all", true, {VFT_PART_HEAD, 0, 2, {1, 0}}, {0}},
    {"all: layer 0", "all", true, {VFT_PART_LAYERS, 0, 1, {0, 1}}, {0}},
    {"all: layer 1", "all", true, {VFT_PART_LAYERS, 1, 1, {1, 0}}, {0}},
    {"all: optimiser", "all", true, {VFT_PART_OPTIMISER, 1, 1, {0, 0}}, {0}},
    {"all: release", "all", true, {VFT_PART_RELEASE, 0, 2, {0, 0}}, {1, 1}},
    {"some: layer 1", "some", true, {VFT_PART_LAYERS, 1, 1, {1, 1}}, {0}},
    {"some projections", "some", false, {VFT_PART_STEP, 0, 3, {0, 0}}, {0}},
    {"some: head", "some", false, {VFT_PART_HEAD, 0, 3, {2, 0}}, {0}},
    {"some: layers 0, 1", "some", false, {VFT_PART_LAYERS, 0, 2, {0, 1}}, {0}},
    {"some: layer 2", "some", false, {VFT_PART_LAYERS, 2, 1, {2, 0}}, {0}},
    {"some: optimiser", "some", false, {VFT_PART_OPTIMISER, 0, 2, {0, 0}}, {0}},
    {"some: release", "some", false, {VFT_PART_RELEASE, 0, 3, {0, 0}}, {1, 2}},
    {"wide exponents", "wide", false, {VFT_PART_STEP, 0, 2, {0, 0}}, {0}},
    {"wide: head", "wide", false, {VFT_PART_HEAD, 0, 2, {2, 0}}, {0}},
    {"wide: layers 0, 1", "wide", false, {VFT_PART_LAYERS, 0, 2, {0, 0}}, {0}},
    {"wide: optimiser", "wide", false, {VFT_PART_OPTIMISER, 0, 2, {0, 0}}, {0}},
};
static size_t current; /* the suite that runs */

static int set_up(void **state) {
  suite *s = vft_alloc(1, sizeof *s);
  assert_non_null(s);
  const vft_part *part = &suites[current].part;
  int n = 0;
  while (n < 3 && suites[current].count[n]) n++;
  s->name = suites[current].name;
  if (n) world_init_release(&s->w, suites[current].vectors, suites[current].count, n);
  else if (part->kind) world_init_part(&s->w, suites[current].vectors, part);
  else world_init(&s->w, suites[current].vectors);
  s->found = vft_alloc(2 * s->w.checks, sizeof *s->found);
  assert_non_null(s->found);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  suite *s = *state;
  world_free(&s->w);
  vft_free(s->found);
  vft_free(s);
  return 0;
}

/* Every kind that a step has; a step that loses one loses a whole class of checks. */
static const char *const kinds[] = {
    "define", "define/limbs", "define/state", "requant", "requant/residual", "requant/negated",
    "div", "div/below", "sqrt", "sqrt/below", "compare", "softmax/scale", "softmax/pinned",
    "softmax/one_high", "softmax/one_low", "softmax/unmasked", "softmax/table",
    "softmax/table/masked", "silu/table", "silu/table/derivative", "onehot/value",
    "onehot/one_high", "onehot/one_low", "batch/inside", "batch/across", "range/narrow",
    "range/limb", "range/top",
    "range/requant/rem", "range/div/rem", "range/div/comp", "range/sqrt/rem", "range/sqrt/comp",
    "range/compare/rem", "range/compare/bit", "range/softmax/rem", "range/softmax/bits",
    "range/rem/limb", "range/onehot", "range/mask", "range/loss_tokens", "table/range",
    "table/function"};

static bool has_relation(const world *w, const vft_op *op, const char *end) {
  for (uint32_t i = 0; i < op->nrelations; i++)
    if (ends_with(w->p->relations[op->relations[i]].name, end)) return true;
  return false;
}

/* No op lacks a relation of its gadget. (That no witness lacks a range is the bound checker's.) */
static void whole_gadgets(const world *w) {
  static const struct {
    vft_op_kind kind;
    const char *end[5];
  } need[] = {{VFT_OP_REQUANT, {"/requant"}},
              {VFT_OP_DIV, {"/div", "/below"}},
              {VFT_OP_ISQRT, {"/square", "/below"}},
              {VFT_OP_COMPARE, {"/compare"}},
              {VFT_OP_SOFTMAX, {"/scale", "/pinned", "/one_high", "/one_low"}},
              {VFT_OP_ONEHOT, {"/value", "/one_high", "/one_low"}}};
  for (uint32_t o = 0; o < w->step->nops; o++) {
    const vft_op *op = &w->step->ops[o];
    if (op->kind == VFT_OP_REQUANT && has_relation(w, op, "/exact")) continue;
    for (size_t i = 0; i < sizeof need / sizeof *need; i++)
      for (int k = 0; op->kind == need[i].kind && k < 5 && need[i].end[k]; k++)
        (void)zero_relation(w, op, need[i].end[k]);
    if (op->kind == VFT_OP_SOFTMAX && op->softmax.mask != VFT_NO_TENSOR)
      (void)zero_relation(w, op, "/unmasked");
    bool table = op->kind != VFT_OP_SOFTMAX && op->kind != VFT_OP_TABLE;
    for (uint32_t i = 0; i < op->nlookups; i++)
      table = table || ends_with(w->p->lookups[op->lookups[i]].name, "/table");
    assert_true(table);
  }
}

static void test_kinds(void **state) {
  const suite *s = *state;
  size_t n = sizeof kinds / sizeof *kinds;
  whole_gadgets(&s->w);
  if (current) return; /* the other programs lack some on purpose */
  for (size_t i = 0; i < n; i++) {
    size_t k = 0;
    while (k < s->nfound && strcmp(s->found[k].kind, kinds[i])) k++;
    if (k == s->nfound) fail_msg("no attack of kind %s", kinds[i]);
  }
  for (size_t k = 0; k < s->nfound; k++) {
    size_t i = 0;
    while (i < n && strcmp(s->found[k].kind, kinds[i])) i++;
    if (i == n) fail_msg("kind %s is not in the list", s->found[k].kind);
  }
}

static void test_every_check(void **state) { every_check(*state); }
static void test_proofs(void **state) { prove_attacks(*state); }
static void test_relations(void **state) { prove_every(*state, false); }
static void test_ranges(void **state) { prove_every(*state, true); }
static void test_wrapped(void **state) { wrapped_witnesses(*state); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_check),
      cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_proofs),
      cmocka_unit_test(test_relations),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_wrapped),
  };
  const char *only = getenv("VFT_SUITE"); /* a suite's name, to look at one */
  int failed = 0;
  vft_threads_set(1); /* thousands of small tasks: waking threads would take most of the time */
  for (; current < sizeof suites / sizeof *suites; current++)
    if (only ? !strcmp(only, suites[current].name) : suites[current].always || long_run())
      failed += cmocka_run_group_tests_name(suites[current].name, tests, set_up, tear_down);
  return failed;
}
