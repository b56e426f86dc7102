/* Test helper: for each check of the sampler's program the lies that break it and nothing else. */
#ifndef TESTS_PROGRAM_EPOCH_ATTACKS_H
#define TESTS_PROGRAM_EPOCH_ATTACKS_H

#include "program/epoch_forge.h"

/* A block with its honest witness. */
typedef struct {
  arena a;
  vft_epoch *e;
  vft_epoch_statement at;
  uint64_t before[VFT_QUOTAS + 2];
  vft_poseidon_digest rows[64];
  forge honest;
  size_t checks;
} scene;

enum { MAX_PARTNERS = 6 };

typedef struct {
  const scene *s;
  lie lie[MAX_FALSE];
  unsigned n;
  bool adapt;      /* the root of tier 1 is what the false path of its record leads to */
  bool commitment; /* the same of the secret's */
  uint64_t rows;   /* to fill, if not 0 */
  const char *partner[MAX_PARTNERS]; /* checks that fail as well */
  unsigned npartners;
} attack;

/* ---- reading the honest witness ---- */

static inline vft_tensor_id id_of(const attack *a, const char *name) {
  return tensor_of(&a->s->honest, "%s", name);
}

static inline int64_t at(const attack *a, const char *name, size_t i) {
  vft_tensor_id t = id_of(a, name);
  assert_true(i < vft_tensor_count(&a->s->e->program->tensors[t]));
  return a->s->honest.x[t][i];
}

static inline void tell(attack *a, vft_tensor_id t, size_t i, int64_t value, bool add) {
  assert_true(a->n < MAX_FALSE && i < vft_tensor_count(&a->s->e->program->tensors[t]));
  a->lie[a->n++] = (lie){t, i, value, add};
}

static inline void put(attack *a, const char *name, size_t i, int64_t value) {
  tell(a, id_of(a, name), i, value, false);
}

static inline void more(attack *a, const char *name, size_t i, int64_t by) {
  tell(a, id_of(a, name), i, by, true);
}

/* What is there stays, whatever comes before it. */
static inline void keep_same(attack *a, const char *name, size_t i) {
  put(a, name, i, at(a, name, i));
}

static inline void flip(attack *a, const char *name, size_t i) {
  put(a, name, i, !at(a, name, i));
}

static inline void partner(attack *a, const char *check) {
  assert_true(a->npartners < MAX_PARTNERS);
  a->partner[a->npartners++] = check;
}

static inline bool is(const char *name, const char *what) { return !strcmp(name, what); }

static inline bool ends(const char *s, const char *end) {
  size_t a = strlen(s), b = strlen(end);
  return a >= b && !strcmp(s + a - b, end);
}

/* ---- candidates ---- */

static inline bool taken(const attack *a, size_t c) { return at(a, "accepted", c) == 1; }
static inline bool inside(const attack *a, size_t c) { return at(a, "record/inside", c) == 1; }
static inline int64_t tier_of(const attack *a, size_t c) {
  return at(a, "record/restricted", c) + at(a, "record/shadow", c);
}
/* The candidate whose path is its own. */
static inline size_t lonely(const attack *a) {
  for (size_t c = 0; c < a->s->e->block; c++)
    if (tier_of(a, c) == 1) return c;
  fail_msg("nobody opens the record of tier 1");
  return 0;
}
static inline int64_t count_of_rows(const attack *a, size_t c) {
  return at(a, "quota/count", c * a->s->e->quotas + a->s->e->rows_quota);
}

/* ---- permutations ---- */

static const char *const boxes[] = {"key/0", "key/1", "key/2", "key/3", "key/4", "key/5",
                                    "order/sponge", "leaf/metadata", "leaf/first", "leaf/second",
                                    "path/node", "counters/leaf", "counters/list", "rows/entry"};

/* Which permutation of a box, and what it leads to adapts. */
static inline size_t permutation_at(attack *a, const char *box, unsigned variant) {
  if (!strncmp(box, "leaf/", 5) || !strncmp(box, "path/", 5)) {
    a->adapt = true;
    return lonely(a) * (box[0] == 'p' ? HEIGHT : 1) + (box[0] == 'p' ? variant % HEIGHT : 0);
  }
  a->commitment = is(box, "key/0");
  if (is(box, "order/sponge")) return variant * 13 % (a->s->e->block * VFT_EPOCH_ROUNDS);
  return is(box, "counters/leaf") ? variant % a->s->e->quotas
         : is(box, "counters/list") ? variant % (a->s->e->quotas / 2) : 0;
}

static inline bool plan_box(attack *a, const char *box, const char *end, unsigned v) {
  size_t n = permutation_at(a, box, v), full = n * 96, part = n * 22 + v * 5 % 22;
  const struct {
    const char *end, *tensor;
    size_t at;
  } places[] = {{"cube", "x3", full + (v * 17 + 5) % 96}, {"partial_cube", "y3", part},
                {"first_rounds", "x", full + 12 + v * 7 % 36}, {"partial_rounds", "y", part},
                {"middle", "x", full + 48 + v % 12}, {"last_rounds", "x", full + 60 + v * 7 % 36},
                {"out/definition", "out", n * LANES + v % 4}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char name[64];
    if (!is(end, places[i].end)) continue;
    snprintf(name, sizeof name, "%s/%s", box, places[i].tensor);
    more(a, name, places[i].at, 1);
  }
  return v < 8;
}

/* One lane of what goes into the first round. */
static inline bool plan_absorb(attack *a, const vft_relation *r, unsigned variant) {
  const vft_program *p = a->s->e->program;
  const vft_factor *f = &r->terms[0].factor[0];
  const vft_tensor *t = &p->tensors[f->tensor];
  char box[64];
  snprintf(box, sizeof box, "%.*s", (int)strlen(t->name) - 2, t->name);
  size_t n = permutation_at(a, box, variant);
  size_t lane = f->off[t->rank - 1] + variant % r->size[r->nfree - 1];
  if (is(box, "path/node")) n = n / HEIGHT * HEIGHT + f->off[1];
  if (is(box, "counters/list")) n = f->off[0];
  tell(a, f->tensor, n * 96 + lane, 1 + variant, true);
  return variant < 8;
}

/* ---- numbers ---- */

/* Another limb under the same value: the lowest, which has room for it. */
static inline bool plan_limbs(attack *a, const char *value, unsigned variant) {
  char limb[96];
  snprintf(limb, sizeof limb, "%s/limb0", value);
  const vft_tensor *t = &a->s->e->program->tensors[id_of(a, limb)];
  size_t n = vft_tensor_count(t), i = (variant * 37 + 11) % n;
  if (is(value, "quota/count")) i = (7 + variant) * a->s->e->quotas + variant % 4;
  more(a, limb, i, at(a, limb, i) < t->hi ? 1 : -1);
  keep_same(a, value, i);
  return variant < 40;
}

/* A limb moves a unit of the next one into itself, or the other way round. */
static inline bool plan_between(attack *a, const char *low, const char *high, int bits,
                                unsigned variant) {
  const vft_tensor *h = &a->s->e->program->tensors[id_of(a, high)];
  size_t n = vft_tensor_count(h), i = (variant * 37 + 11) % n;
  if (!strncmp(low, "quota/count", 11)) i = (7 + variant) * a->s->e->quotas + variant % 4;
  bool up = at(a, high, i) > h->lo;
  more(a, low, i, up ? (int64_t)1 << bits : -((int64_t)1 << bits));
  more(a, high, i, up ? -1 : 1);
  return variant < 40;
}

/* The top limb: the number is the same modulo p only, which its definition says over the integers
 * here. */
static inline void plan_top_at(attack *a, const char *value, unsigned top, const char *definition,
                               size_t i) {
  char limb[2][96];
  snprintf(limb[0], sizeof limb[0], "%s/limb0", value);
  snprintf(limb[1], sizeof limb[1], "%s/limb%u", value, top);
  int64_t by = at(a, limb[0], i) ? -1 : 1;
  vft_fp up = vft_fp_mul(vft_fp_from_i64(-by), vft_fp_inv(vft_fp_from_u64(1ull << 16 * top)));
  up = vft_fp_add(up, vft_fp_from_i64(at(a, limb[1], i)));
  more(a, limb[0], i, by);
  put(a, limb[1], i, vft_field_signed(up));
  keep_same(a, value, i);
  partner(a, definition);
}

/* ---- order ---- */

static inline size_t half_at(size_t c, size_t f) { return c * (VFT_EPOCH_ROUNDS + 2) + f; }

/* Of a permutation's outcome f: the hash's first element, and what the network makes of it. */
static inline void false_hash(attack *a, size_t i, uint64_t value) {
  put(a, "order/sponge/out", i * LANES, vft_field_signed((vft_fp){value}));
  partner(a, "relation/order/sponge/out/definition");
}

static const int hash_width[5] = {16, 16, 16, 12, 4}, hash_from[5] = {0, 16, 32, 48, 60};

static inline const char *hash_limb(int k) {
  static const char *const name[] = {"order/hash0", "order/hash1", "order/hash2", "order/hash3",
                                     "order/hash4"};
  return name[k];
}

/* The limbs of x, `top` more in the last one. */
static inline void put_hash(attack *a, size_t i, uint64_t x, int64_t top) {
  for (int k = 0; k < 5; k++) {
    uint64_t limb = x >> hash_from[k] & (((uint64_t)1 << hash_width[k]) - 1);
    put(a, hash_limb(k), i, (int64_t)limb + (k == 4 ? top : 0));
  }
}

/* A limb of the hash that is out of range. */
static inline void plan_hash_range(attack *a, int k, size_t i) {
  if (k < 4) { /* the larger value's quotient has room below 1.5 2^60 only */
    if (!at(a, hash_limb(k + 1), i) || (k == 3 && at(a, hash_limb(k), i) > 1500)) return;
    more(a, hash_limb(k), i, (int64_t)1 << hash_width[k]);
    more(a, hash_limb(k + 1), i, -1);
    return;
  }
  uint64_t x = 0; /* 2^64 = 2^32 - 1 modulo p */
  for (int j = 0; j < 5; j++) x += (uint64_t)at(a, hash_limb(j), i) << hash_from[j];
  put_hash(a, i, x - 0xffffffffu, 16);
}

static inline bool plan_hash(attack *a, const char *name, unsigned v) {
  size_t i = (v * 13 + 2) % (a->s->e->block * VFT_EPOCH_ROUNDS);
  if (a->s->a.w.s.replacement) i = v % a->s->e->block;
  if (v >= 60) return false;
  if (is(name, "relation/order/hash")) {
    more(a, "order/hash0", i, at(a, "order/hash0", i) ? -1 : 1);
  } else if (is(name, "relation/order/lower/definition")) {
    more(a, "order/lower", i, 1);
  } else if (is(name, "relation/order/gap/definition")) {
    more(a, "order/gap", i, 1);
  } else if (is(name, "relation/order/value/definition")) {
    more(a, "order/value", i, 1);
  } else if (is(name, "relation/order/full/definition")) {
    put(a, "order/inverse", i, 0);
    put(a, "order/full", i, 0);
  } else if (is(name, "relation/order/gap_inverse")) { /* the lower half is 0: "full" may be 1 */
    false_hash(a, i, (uint64_t)(5 + v) << 32);
    put(a, "order/inverse", i, 0);
  } else if (is(name, "relation/order/no_gap")) {
    false_hash(a, i, 0xffffffff00000000u);
    put(a, "order/inverse", i, 7);
  } else if (is(name, "relation/order/canonical")) { /* 5 + v as p + 5 + v */
    false_hash(a, i, 5 + v);
    put_hash(a, i, VFT_P + 5 + v, 0);
  } else if (!strncmp(name, "lookup/order/hash", 17)) {
    plan_hash_range(a, name[17] - '0', i);
  } else {
    return false;
  }
  return true;
}

/* Another half at an even place, with the quotient that goes with it. */
static inline bool plan_order(attack *a, const char *name, unsigned v) {
  static const char *const quotient[] = {"order/quotient/limb0", "order/quotient/limb1",
                                         "order/quotient/limb2", "order/quotient/limb3"};
  static const char half[] = "order/half", limb[] = "order/half/limb0";
  int64_t side = (int64_t)a->s->e->side;
  size_t c = v % a->s->e->block, first = half_at(c, 0), i = half_at(c, 2 + v % 6);
  if (v >= 90) return false;
  for (unsigned k = 0; k < 3; k++) {
    char check[64];
    snprintf(check, sizeof check, "lookup/%s/range", quotient[k]);
    if (is(name, check)) return plan_between(a, quotient[k], quotient[k + 1], 16, v);
  }
  if (is(name, "relation/order/left")) {
    put(a, limb, first, (at(a, half, first) + 1) % side);
  } else if (is(name, "relation/order/right")) {
    put(a, limb, first + 1, (at(a, half, first + 1) + 1) % side);
  } else if (is(name, "relation/order/round")) {
    put(a, limb, i, (at(a, half, i) + 1) % side);
  } else if (is(name, "relation/order/half/below")) {
    put(a, "order/half/room/limb0", i, (at(a, "order/half/room", i) + 1) % side);
  } else if (is(name, "lookup/order/half/limb0/range")) { /* the same modulo side */
    if (at(a, half, i) == side - 1) put(a, limb, i, -1);
  } else if (is(name, "lookup/order/half/room/limb0/range")) {
    if (at(a, half, i) == 0) put(a, limb, i, side);
  } else if (is(name, "relation/order/index/definition")) {
    put(a, "order/index", c, (at(a, "order/index", c) + 1) % (side * side));
  } else if (is(name, "lookup/order/quotient/limb3/range")) {
    plan_top_at(a, "order/quotient", 3, "relation/order/quotient/limbs", 7 * v + 3);
    return v < 8;
  } else {
    return plan_hash(a, name, v);
  }
  return true;
}

static inline bool plan_draw(attack *a, const char *name, unsigned v) {
  static const char draw[] = "order/draw", limb[] = "order/draw/limb0";
  int64_t n = (int64_t)a->s->e->side;
  size_t c = v % a->s->e->block, nobody = a->s->e->block - 1; /* a candidate that opens nothing */
  int64_t x = at(a, draw, c);
  if (v >= 40) return false;
  if (is(name, "relation/order/drawn")) {
    put(a, limb, c, (x + 1) % n);
  } else if (is(name, "relation/order/draw/below")) {
    put(a, "order/draw/room/limb0", c, (n - x) % n);
  } else if (is(name, "lookup/order/draw/limb0/range")) {
    put(a, limb, nobody, at(a, draw, nobody) - n);
  } else if (is(name, "lookup/order/draw/room/limb0/range")) {
    if (x + n < 64) put(a, limb, c, x + n);
  } else {
    return false;
  }
  return true;
}

/* ---- comparisons ---- */

/* Of the bits with a margin: value, margin, bit. An element where `how` holds. */
static inline bool plan_compare(attack *a, const char *bit, const char *check, size_t i) {
  char text[96], limb[96];
  snprintf(text, sizeof text, "relation/%s/value/definition", bit);
  if (is(check, text)) {
    snprintf(text, sizeof text, "%s/value", bit);
    int64_t e = at(a, text, i);
    put(a, text, i, e >= 0 ? -1 : 0);
    return true;
  }
  snprintf(text, sizeof text, "relation/%s/compare", bit);
  bool relation = is(check, text);
  flip(a, bit, i);
  if (!relation) return true; /* the margin is what the relation says */
  snprintf(limb, sizeof limb, "%s/margin/limb0", bit);
  put(a, limb, i, 1);
  snprintf(limb, sizeof limb, "%s/margin/limb1", bit);
  if (vft_program_find_tensor(a->s->e->program, limb) != VFT_NO_TENSOR) put(a, limb, i, 0);
  return true;
}

/* Which comparison a check belongs to. */
static const char *const comparisons[] = {
    "record/exists", "record/restricted", "record/shadow", "quota/not_shorter", "quota/not_longer",
    "quota/fits", "quota/all_fit", "policy/learns"};

static inline const char *comparison_in(const char *check) {
  const char *name = strchr(check, '/') + 1;
  for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
    size_t n = strlen(comparisons[i]);
    if (!strncmp(name, comparisons[i], n) &&
        (is(name + n, "/value/definition") || is(name + n, "/compare") || is(name + n, "/range") ||
         !strncmp(name + n, "/margin/limb", 12)))
      return comparisons[i];
  }
  return NULL;
}

/* 2 for a bit: the margin is 3 e + 1. */
static inline bool plan_two(attack *a, const char *bit, size_t c) {
  uint32_t Q = a->s->e->quotas;
  if (is(bit, "record/exists")) { /* the record of twice the number, which is not allowed */
    int64_t i = at(a, "order/index", c);
    if (i < 13 || i > 18 || 2 * i >= 37) return true;
    put(a, bit, c, 2);
  } else if (is(bit, "record/restricted") || is(bit, "record/shadow")) {
    if (at(a, "record/number", c) < 25 || taken(a, c)) return true;
    put(a, bit, c, 2);
    partner(a, "relation/class/tier");
    partner(a, "relation/path/root");
  } else if (is(bit, "quota/not_shorter") || is(bit, "quota/not_longer")) {
    const char *other = is(bit, "quota/not_shorter") ? "quota/not_longer" : "quota/not_shorter";
    if (at(a, other, 2 * c) || !at(a, bit, 2 * c)) return true;
    put(a, bit, 2 * c, 2);
  } else if (is(bit, "quota/fits")) { /* makes up for another one that is full */
    size_t full = 0, n = 0;
    for (uint32_t q = 0; q < Q; q++)
      if (!at(a, bit, c * Q + q)) full = q, n++;
    if (n != 1 || full >= 3) return true;
    put(a, bit, c * Q + (full ? 0 : 2), 2);
  } else {
    if (taken(a, c) || !at(a, bit, c) ||
        (inside(a, c) && at(a, "policy/allowed", c) && at(a, "policy/learns", c))) return true;
    put(a, bit, c, 2);
  }
  return true;
}

static inline bool plan_comparison(attack *a, const char *check, const char *bit, unsigned v) {
  size_t c = v % a->s->e->block, i = c;
  char text[96];
  if (v >= 90) return false;
  snprintf(text, sizeof text, "lookup/%s/range", bit);
  if (is(check, text)) return plan_two(a, bit, c);
  if (is(check, "lookup/quota/fits/margin/limb0/range"))
    return plan_between(a, "quota/fits/margin/limb0", "quota/fits/margin/limb1", 16, v);
  if (is(bit, "quota/fits")) {
    i = c * a->s->e->quotas;
    for (uint32_t q = 0; q < 3; q++)
      if (!at(a, bit, i + q)) i += q;
  }
  if (ends(bit, "er")) i = 2 * c;
  return plan_compare(a, bit, check, i);
}

/* ---- records ---- */

static inline void unlike_class(attack *a, size_t c, const int *high, const int *low) {
  uint32_t H = a->s->e->classes_high, L = a->s->e->classes_low;
  for (uint32_t k = 0; high && k < H; k++) put(a, "class/high", c * H + k, high[k]);
  for (uint32_t k = 0; low && k < L; k++) put(a, "class/low", c * L + k, low[k]);
  a->adapt = true;
}

static inline bool plan_record(attack *a, const char *name, unsigned v) {
  size_t c = v % a->s->e->block, one = lonely(a);
  static const int none[3] = {0, 0, 0}, high_mix[3] = {2, -1, 0}, low_mix[3] = {0, 2, -1};
  static const int last[3] = {0, 0, 1}, first[3] = {1, 0, 0}, verdicts[3] = {-1, 2, 0};
  if (v >= 60) return false;
  if (is(name, "relation/record/inside/definition")) {
    if (inside(a, c)) put(a, "record/inside", c, 0);
  } else if (is(name, "relation/record/number/definition")) {
    if (inside(a, c)) put(a, "record/number", c, (at(a, "record/number", c) + 1) % 37);
  } else if (is(name, "relation/class/one_high")) {
    unlike_class(a, one, none, NULL);
    put(a, "leaf/loss_tokens/limb0", one, 0);
    partner(a, "relation/class/tier");
  } else if (is(name, "relation/class/one_low")) {
    unlike_class(a, one, NULL, none);
    put(a, "leaf/loss_tokens/limb0", one, 0);
    partner(a, "relation/class/tier");
  } else if (is(name, "relation/class/tier")) {
    unlike_class(a, one, first, first);
  } else if (is(name, "lookup/class/high/range")) {
    unlike_class(a, one, high_mix, NULL);
  } else if (is(name, "lookup/class/low/range")) {
    unlike_class(a, one, NULL, low_mix);
  } else if (is(name, "lookup/policy/allowed/range")) { /* 2 of class 7 less one of class 6 */
    unlike_class(a, one, last, verdicts);
    put(a, "leaf/loss_tokens/limb0", one, 0);
    partner(a, "lookup/class/low/range");
  } else if (is(name, "lookup/leaf/tokens/limb0/range")) {
    put(a, "leaf/tokens/limb0", one, 32 + v);
    a->adapt = true;
  } else if (is(name, "lookup/leaf/loss_tokens/limb0/range")) {
    put(a, "leaf/loss_tokens/limb0", one, 32 + v % 20);
    a->adapt = true;
  } else if (is(name, "relation/path/index")) {
    flip(a, "path/right", c * HEIGHT + v % 3);
  } else if (is(name, "lookup/path/right/range")) {
    put(a, "path/right", one * HEIGHT, 2);
    put(a, "path/right", one * HEIGHT + 1, -1);
    a->adapt = true;
  } else if (is(name, "relation/path/root")) {
    more(a, "leaf/content", 4 * c + v % 4, 1);
  } else {
    return false;
  }
  return true;
}

/* ---- policy and counters ---- */

static inline bool plan_policy(attack *a, const char *name, unsigned v) {
  const vft_epoch *e = a->s->e;
  uint32_t Q = e->quotas;
  size_t c = v % e->block, q = v % 4;
  if (v >= 90) return false;
  if (is(name, "relation/quota/bins")) {
    flip(a, "quota/in_bin", c * Q + q);
  } else if (is(name, "lookup/quota/in_bin/range")) { /* twice as long as need be */
    if (!at(a, "quota/not_shorter", 2 * c) || !at(a, "quota/not_longer", 2 * c)) return true;
    put(a, "quota/not_shorter", 2 * c, 2);
    partner(a, "lookup/quota/not_shorter/range");
  } else if (is(name, "relation/quota/increment/definition")) {
    more(a, "quota/increment", c * Q + q, 1);
  } else if (is(name, "relation/quota/before0")) {
    more(a, "quota/count/limb0", q, 1);
  } else if (is(name, "relation/quota/before1")) {
    flip(a, "quota/count/limb1", q);
  } else if (is(name, "relation/quota/after0")) {
    more(a, "after/limb0", q, 1);
  } else if (is(name, "relation/quota/after1")) {
    flip(a, "after/limb1", q);
  } else if (is(name, "lookup/quota/count/limb0/range")) {
    return plan_between(a, "quota/count/limb0", "quota/count/limb1", 16, v);
  } else if (is(name, "lookup/quota/count/limb1/range")) {
    return plan_top_at(a, "quota/count", 1, "relation/quota/count/limbs", (7 + v) * Q + q), v < 8;
  } else if (is(name, "lookup/after/limb0/range")) { /* the last count is out of range, too */
    more(a, "quota/count/limb0", e->block * Q + 3, 65536);
    more(a, "quota/count/limb1", e->block * Q + 3, -1);
    partner(a, "lookup/quota/count/limb0/range");
    return v < 1;
  } else if (is(name, "lookup/after/limb1/range")) {
    partner(a, "lookup/quota/count/limb1/range");
    return plan_top_at(a, "quota/count", 1, "relation/quota/count/limbs", e->block * Q + 3), v < 1;
  } else if (is(name, "relation/policy/class")) {
    flip(a, "policy/allowed", c);
  } else if (is(name, "relation/accepted/exactly")) {
    flip(a, "accepted", c);
  } else if (is(name, "lookup/accepted/range")) {
    if (!taken(a, c)) return true;
    put(a, "policy/learns", c, 2);
    partner(a, "lookup/policy/learns/range");
    partner(a, "lookup/rows/write_low");
    partner(a, "lookup/rows/write_high");
  } else if (is(name, "relation/quota/next")) {
    if (at(a, "quota/count", (c + 1) * Q + q)) more(a, "quota/count/limb0", (c + 1) * Q + q, -1);
  } else if (is(name, "relation/quota/filled")) {
    a->rows = 15 - v;
    return v < 3;
  } else {
    return false;
  }
  return true;
}

/* ---- rows ---- */

static inline bool plan_rows(attack *a, const char *name, unsigned v) {
  const vft_epoch *e = a->s->e;
  size_t c = v % e->block, y = (size_t)e->row_slots * e->step_slots;
  int64_t row = at(a, "rows/row", c);
  if (v >= 60) return false;
  if (!strncmp(name, "relation/rows/", 14) && ends(name, "/empty")) {
    char text[32];
    snprintf(text, sizeof text, "rows/%c", name[14]);
    put(a, text, v % 2 ? y - 1 : 3, 5);
  } else if (is(name, "lookup/rows/slot/limb0/range")) {
    if (taken(a, c) || at(a, "rows/slot", c) || !row) return true;
    put(a, "rows/slot/limb0", c, -1);
    partner(a, "lookup/rows/row/limb0/range");
    partner(a, "lookup/rows/row/room/limb0/range");
  } else if (is(name, "lookup/rows/row/limb0/range")) {
    if (!taken(a, c) && row == 2) more(a, "rows/slot/limb0", c, 1);
  } else if (is(name, "lookup/rows/row/room/limb0/range")) {
    if (!taken(a, c) && row == 0 && at(a, "rows/slot", c)) more(a, "rows/slot/limb0", c, -1);
  } else if (is(name, "relation/rows/row/below")) {
    more(a, "rows/row/room/limb0", c, 1);
  } else if (is(name, "relation/rows/position")) { /* two rows change places */
    size_t d = c + 1;
    while (d < e->block && !taken(a, d)) d++;
    if (!taken(a, c) || d == e->block) return true;
    put(a, "rows/slot/limb0", c, at(a, "rows/slot", d));
    put(a, "rows/row/limb0", c, at(a, "rows/row", d));
    put(a, "rows/slot/limb0", d, at(a, "rows/slot", c));
    put(a, "rows/row/limb0", d, row);
  } else if (is(name, "relation/rows/address/definition")) {
    size_t d = c + 1;
    while (d < e->block && !taken(a, d)) d++;
    if (!taken(a, c) || d == e->block) return true;
    put(a, "rows/address", c, at(a, "rows/address", d));
    put(a, "rows/address", d, at(a, "rows/address", c));
  } else if (is(name, "relation/rows/content/definition")) {
    if (taken(a, c)) more(a, "rows/content", 4 * c + v % 4, 1);
  } else if (is(name, "lookup/rows/write_low") || is(name, "lookup/rows/write_high")) {
    if (taken(a, c))
      more(a, ends(name, "low") ? "rows/1" : "rows/2", (size_t)at(a, "rows/address", c), 1);
  } else {
    return false;
  }
  return true;
}

/* ---- keys, digest of the counters ---- */

static inline bool plan_statement(attack *a, const char *name, unsigned v) {
  if (v >= 4) return false;
  if (is(name, "relation/key/committed")) {
    more(a, "key/secret", v, 1);
  } else if (is(name, "relation/key/epoch/definition")) {
    more(a, "key/epoch", v, 1);
  } else if (is(name, "relation/key/is_shown")) {
    put(a, "key/where", 3, 1);
    for (size_t i = 0; i < 4; i++) put(a, "key/shown", i, at(a, "key/epoch", i) + (i == v));
  } else if (is(name, "relation/counters/committed")) {
    more(a, "counters/digest", v, 1);
  } else {
    return false;
  }
  return true;
}

/* ---- any check ---- */

/* Plans attack number v on a check; false when there are no more. An attack without lies is a place
 * that does not suit. */
static inline bool plan_attack(const scene *s, const char *check, unsigned v, attack *a) {
  const vft_program *p = s->e->program;
  const char *name = strchr(check, '/') + 1, *bit;
  *a = (attack){.s = s};
  for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
    size_t n = strlen(boxes[i]);
    static const char *const part[] = {"cube", "partial_cube", "first_rounds", "partial_rounds",
                                       "middle", "last_rounds", "out/definition"};
    if (check[0] != 'r' || strncmp(name, boxes[i], n) || name[n] != '/') continue;
    for (size_t k = 0; k < 7; k++)
      if (is(name + n + 1, part[k])) return plan_box(a, boxes[i], part[k], v);
  }
  for (uint32_t i = 0; check[0] == 'r' && i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    if (!is(r->name, name)) continue;
    const vft_tensor *t = r->nterms ? &p->tensors[r->terms[0].factor[0].tensor] : NULL;
    if (r->kind == VFT_ZERO && t && t->field && ends(t->name, "/x")) return plan_absorb(a, r, v);
    if (r->kind == VFT_DEFINE && ends(name, "/limbs"))
      return plan_limbs(a, p->tensors[r->target].name, v);
  }
  if ((bit = comparison_in(check))) return plan_comparison(a, check, bit, v);
  if (!strncmp(name, "order/", 6))
    return s->a.w.s.replacement ? plan_draw(a, check, v) || plan_hash(a, check, v)
                                : plan_order(a, check, v);
  return plan_record(a, check, v) || plan_policy(a, check, v) || plan_rows(a, check, v) ||
         plan_statement(a, check, v);
}

#endif
