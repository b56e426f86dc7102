#include "program/epoch.h"

#include <string.h>

#include "program/gadgets.h"
#include "relation/layout.h"

enum {
  TAG_ROWS = VFT_TAG_FIRST_FUNCTION, /* elements 0, 1 of the rows; the next one: 2, 3 */
  VALUE_BITS = 60,                   /* of the hash that the order takes */
  MAX_SIDE = 1 << 16
};

typedef struct {
  vft_builder b;
  vft_op_builder ops;
  vft_epoch *e;
  const vft_sampling *s;
  vft_poseidon_constants poseidon;
  vft_tensor_id key;               /* [i] */
  vft_tensor_id index, inside, record; /* [c]: number, is it one, the one to open */
  vft_tensor_id restricted, shadow;    /* [c]: it is in that tier or beyond */
  vft_tensor_id class_high, class_low, tokens, loss, content;
  vft_tensor_id increment, count, accepted;
} build;

static const vft_frac no_frac = {NULL, 0};

static int bits_of(uint64_t v) { return v ? 64 - __builtin_clzll(v) : 1; }

static const char *two(build *c, const char *a, const char *b) {
  return vft_build_name(&c->b, "%s%s", a, b);
}

static void zero(build *c, const char *name, const char *axes, const vft_raw_term *t, int n) {
  (void)vft_build_relation(&c->b, name, VFT_ZERO, VFT_NO_TENSOR, axes, t, n);
}

/* A virtual integer with the bounds that its terms imply. */
static vft_tensor_id define(build *c, const char *name, const char *axes, const vft_raw_term *t,
                            int n) {
  vft_builder *b = &c->b;
  vft_relation r = {.name = two(c, name, "/definition"), .kind = VFT_DEFINE, .nterms = (uint32_t)n};
  if (!vft_build_compile(b, axes, t, n, &r.nindex, &r.nfree, r.size, &r.terms))
    return VFT_NO_TENSOR;
  vft_i128 lo, hi;
  vft_build_interval(b->p, r.terms, r.nterms, r.nfree, r.nindex, r.size, &lo, &hi);
  const vft_i128 limit = (vft_i128)1 << 62;
  if (lo <= -limit || hi >= limit) {
    vft_build_fail(b, "%s can leave (-2^62, 2^62)", name);
    return VFT_NO_TENSOR;
  }
  r.target = vft_build_tensor(b, VFT_VIRTUAL, 0, name, axes, (int64_t)lo, (int64_t)hi, NULL,
                              no_frac);
  if (b->status == VFT_OK && vft_program_add_relation(b->p, &r) == UINT32_MAX)
    b->status = VFT_USAGE;
  return r.target;
}

static vft_tensor_id bit(build *c, const char *name, const char *axes) {
  return vft_build_narrow(&c->b, name, axes, 1, false, no_frac);
}

/* A committed bit that says whether the terms are >= 0. The margin m = 2 bit E + bit - E - 1 is E
 * for bit = 1 and -E - 1 for bit = 0; it is range checked, so only one bit is possible. `bits`:
 * of the largest margin. */
static vft_tensor_id compare(build *c, const char *name, const char *axes, const vft_raw_term *t,
                             int n, int bits) {
  vft_tensor_id value = define(c, two(c, name, "/value"), axes, t, n);
  vft_tensor_id is = bit(c, name, axes);
  vft_tensor_id margin =
      vft_build_wide(&c->b, two(c, name, "/margin"), axes, bits, false, no_frac);
  vft_raw_term m[5] = {VFT_RAW1(1, margin, axes), VFT_RAW2(-2, is, axes, value, axes),
                       VFT_RAW1(-1, is, axes), VFT_RAW1(1, value, axes), VFT_RAW0(1)};
  zero(c, two(c, name, "/compare"), axes, m, 5);
  return is;
}

static vft_tensor_id public_ints(build *c, const char *name, const char *axes, int64_t lo,
                                 int64_t hi, const int64_t *values) {
  return vft_build_tensor(&c->b, VFT_PUBLIC, 0, name, axes, lo, hi, values, no_frac);
}

static vft_tensor_id digest_constant(build *c, const char *name, const vft_poseidon_digest *d) {
  int64_t v[4];
  for (int i = 0; i < 4; i++) v[i] = vft_field_signed(d->e[i]);
  c->b.size['i'] = 4;
  return vft_build_field(&c->b, VFT_PUBLIC, 0, name, "i", v);
}

/* ---- keys ---- */

/* Sponges x: 0 the commitment of the secret; 1 2 3 the effective seed; 4 the window's key; 5 the
 * epoch's (data/sampler.h). */
static void add_keys(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  b->size['i'] = 4;
  e->in_key = vft_build_field(b, VFT_PUBLIC, 0, "key/shown", "i", NULL);
  if (!e->secret) {
    c->key = e->in_key;
    return;
  }
  b->size['m'] = 5;
  b->size['w'] = 4;
  e->in_manifest = vft_build_field(b, VFT_PUBLIC, 0, "key/manifest", "m", NULL);
  e->in_beacon = vft_build_field(b, VFT_PUBLIC, 0, "key/beacon", "m", NULL);
  e->in_where = public_ints(c, "key/where", "w", 0, (int64_t)1 << 40, NULL);
  vft_tensor_id secret = vft_build_field(b, VFT_WITNESS, 0, "key/secret", "m", NULL);
  vft_poseidon_box p[6];
  static const uint64_t length[6] = {5, 17, 0, 0, 5, 5};
  static const uint64_t domain[6] = {VFT_DOMAIN_SECRET, VFT_DOMAIN_SEED, 0, 0, VFT_DOMAIN_WINDOW,
                                     VFT_DOMAIN_EPOCH};
  vft_tensor_id base[6];
  for (int k = 0; k < 6; k++) {
    const char *name = vft_build_name(b, "key/%d", k);
    p[k] = vft_build_poseidon(b, &c->poseidon, name, "");
    base[k] = length[k] ? vft_build_sponge(b, name, length[k], domain[k]) : c->poseidon.first_rc;
  }
#define IN(k, part, first, width, ...)                                                          \
  vft_build_absorb(b, &p[k], vft_build_name(b, "key/%d/in_" part, k), "", "", first, width, base[k],       \
        (const vft_raw_term[]){__VA_ARGS__},                                                    \
        (int)(sizeof((const vft_raw_term[]){__VA_ARGS__}) / sizeof(vft_raw_term)))
#define REST(k, first, width)                                                                   \
  vft_build_absorb(b, &p[k], vft_build_name(b, "key/%d/in_rest", k), "", "", first, width, base[k], NULL, 0)
  IN(0, "secret", 0, 5, VFT_RAW1(1, secret, "i"));
  REST(0, 5, 7);
  IN(1, "flag", 0, 1, VFT_RAW0(1));
  IN(1, "beacon", 1, 1, VFT_RAW1(1, e->in_where, "o"));
  IN(1, "manifest", 2, 5, VFT_RAW1(1, e->in_manifest, "i"));
  IN(1, "secret", 7, 1, VFT_RAW1(1, secret, "i"));
  REST(1, 8, 4);
  IN(2, "secret", 0, 4, VFT_RAW1(1, p[1].out, "i"), VFT_RAW1(1, secret, "i+1"));
  IN(2, "beacon", 4, 4, VFT_RAW1(1, p[1].out, "i+4"), VFT_RAW1(1, e->in_beacon, "i"));
  IN(2, "rest", 8, 4, VFT_RAW1(1, p[1].out, "i+8"));
  IN(3, "beacon", 0, 1, VFT_RAW1(1, p[2].out, "i"), VFT_RAW1(1, e->in_beacon, "i+4"));
  IN(3, "rest", 1, 11, VFT_RAW1(1, p[2].out, "i+1"));
  IN(4, "seed", 0, 4, VFT_RAW1(1, p[3].out, "i"));
  IN(4, "window", 4, 1, VFT_RAW1(1, e->in_where, "o+1"));
  REST(4, 5, 7);
  IN(5, "window", 0, 4, VFT_RAW1(1, p[4].out, "i"));
  IN(5, "epoch", 4, 1, VFT_RAW1(1, e->in_where, "o+2"));
  REST(5, 5, 7);
#undef IN
#undef REST
  vft_raw_term same[2] = {VFT_RAW1(1, p[0].out, "i"),
                          VFT_RAW1(-1, digest_constant(c, "key/commitment", &c->s->seed_commitment),
                                   "i")};
  vft_build_field_zero(b, "key/committed", "i", same, 2);
  vft_raw_term last = VFT_RAW1(1, p[5].out, "i");
  c->key = vft_build_field_define(b, "key/epoch", "i", &last, 1);
  /* where[3]: the key is public */
  vft_raw_term shown[2] = {VFT_RAW2(1, e->in_where, "o+3", c->key, "i"),
                           VFT_RAW2(-1, e->in_where, "o+3", e->in_key, "i")};
  vft_build_field_zero(b, "key/is_shown", "oi", shown, 2);
}

/* ---- order ---- */

/* The low 60 bits of the canonical integer of the first element, axes "cf": limbs l0 .. l4 of 16,
 * 16, 16, 12 and 4 bits. Canonical: unless the upper 32 bits are all ones (gap = 0) anything is
 * below p; if they are, the lower ones are 0. `inverse` is 1 / gap or 0. */
static vft_tensor_id low_bits(build *c, vft_tensor_id hash) {
  vft_builder *b = &c->b;
  static const int width[5] = {16, 16, 16, 12, 4}, at[5] = {0, 16, 32, 48, 60};
  vft_tensor_id l[5];
  for (int i = 0; i < 5; i++)
    l[i] = vft_build_narrow(b, vft_build_name(b, "order/hash%d", i), "cf", width[i], false,
                            no_frac);
  vft_raw_term whole[6] = {VFT_RAW1(1, hash, "cfo")};
  for (int i = 0; i < 5; i++) whole[1 + i] = VFT_RAW1(-((int64_t)1 << at[i]), l[i], "cf");
  vft_build_field_zero(b, "order/hash", "cfo", whole, 6);
  vft_raw_term low[2] = {VFT_RAW1(1, l[0], "cf"), VFT_RAW1(1 << 16, l[1], "cf")};
  vft_tensor_id lower = define(c, "order/lower", "cf", low, 2);
  vft_raw_term high[4] = {VFT_RAW0(0xffffffffll), VFT_RAW1(-1, l[2], "cf"),
                          VFT_RAW1(-(1 << 16), l[3], "cf"), VFT_RAW1(-(1 << 28), l[4], "cf")};
  vft_tensor_id gap = define(c, "order/gap", "cf", high, 4);
  vft_tensor_id inverse = vft_build_field(b, VFT_WITNESS, 0, "order/inverse", "cf", NULL);
  vft_raw_term e[2] = {VFT_RAW0(1), VFT_RAW2(-1, gap, "cf", inverse, "cf")};
  vft_tensor_id full = vft_build_field_define(b, "order/full", "cf", e, 2);
  vft_raw_term t = VFT_RAW2(1, gap, "cf", full, "cf");
  vft_build_field_zero(b, "order/gap_inverse", "cf", &t, 1);
  t = VFT_RAW2(1, inverse, "cf", full, "cf");
  vft_build_field_zero(b, "order/no_gap", "cf", &t, 1);
  t = VFT_RAW2(1, lower, "cf", full, "cf");
  vft_build_field_zero(b, "order/canonical", "cf", &t, 1);
  vft_raw_term v[4];
  for (int i = 0; i < 4; i++) v[i] = VFT_RAW1((int64_t)1 << at[i], l[i], "cf");
  return define(c, "order/value", "cf", v, 4);
}

/* x in [0, n): its own range check and that of n - 1 - x. */
static void below(build *c, const char *name, const char *axes, vft_tensor_id x, uint64_t n) {
  vft_builder *b = &c->b;
  int bits = bits_of(n - 1);
  vft_tensor_id rest = vft_build_wide(b, two(c, name, "/room"), axes, bits, false, no_frac);
  vft_raw_term t[3] = {VFT_RAW1(1, rest, axes), VFT_RAW1(1, x, axes), VFT_RAW0(-(int64_t)(n - 1))};
  zero(c, two(c, name, "/below"), axes, t, 3);
}

/* base + value = divisor quotient + rest, base < divisor: bits of the largest quotient Q. Committed
 * quotients are below 2 Q, so that the products stay below 2^62. */
static vft_tensor_id quotient(build *c, uint64_t divisor) {
  uint64_t most = ((uint64_t)1 << VALUE_BITS) - 1 + (divisor - 1);
  int bits = bits_of(most / divisor);
  return vft_build_wide(&c->b, "order/quotient", "cf", bits, false, no_frac);
}

static void add_permutation(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  uint64_t a = e->side;
  b->size['f'] = VFT_EPOCH_ROUNDS + 2;
  vft_tensor_id half = vft_build_wide(b, "order/half", "cf", bits_of(a - 1), false, no_frac);
  below(c, "order/half", "cf", half, a);
  b->size['f'] = VFT_EPOCH_ROUNDS;
  vft_poseidon_box p = vft_build_poseidon(b, &c->poseidon, "order/sponge", "cf");
  vft_tensor_id base = vft_build_sponge(b, "order/sponge", 6, VFT_DOMAIN_ROUND);
  int64_t number[VFT_EPOCH_ROUNDS];
  for (int i = 0; i < VFT_EPOCH_ROUNDS; i++) number[i] = i;
  vft_tensor_id rounds = public_ints(c, "order/rounds", "f", 0, VFT_EPOCH_ROUNDS, number);
  vft_raw_term key = VFT_RAW1(1, c->key, "i"), round = VFT_RAW1(1, rounds, "f");
  vft_raw_term right = VFT_RAW1(1, half, "cf+1");
  vft_build_absorb(b, &p, "order/in_key", "cf", "cf", 0, 4, base, &key, 1);
  vft_build_absorb(b, &p, "order/in_round", "cf", "cf", 4, 1, base, &round, 1);
  vft_build_absorb(b, &p, "order/in_right", "cf", "cf", 5, 1, base, &right, 1);
  vft_build_absorb(b, &p, "order/in_rest", "cf", "cf", 6, 6, base, NULL, 0);
  vft_tensor_id value = low_bits(c, p.out), q = quotient(c, a);
  vft_raw_term next[4] = {VFT_RAW1(1, half, "cf"), VFT_RAW1(1, value, "cf"),
                          VFT_RAW1(-(int64_t)a, q, "cf"), VFT_RAW1(-1, half, "cf+2")};
  zero(c, "order/round", "cf", next, 4);
  vft_raw_term left[2] = {VFT_RAW1(1, half, "co"), VFT_RAW1(-1, e->in_left, "c")};
  zero(c, "order/left", "co", left, 2);
  vft_raw_term first[2] = {VFT_RAW1(1, half, "co+1"), VFT_RAW1(-1, e->in_right, "c")};
  zero(c, "order/right", "co", first, 2);
  vft_raw_term i[2] = {
      VFT_RAW1((int64_t)a, half, vft_build_name(b, "co+%d", VFT_EPOCH_ROUNDS)),
      VFT_RAW1(1, half, vft_build_name(b, "cu+%d", VFT_EPOCH_ROUNDS + 1))};
  c->index = define(c, "order/index", "c", i, 2);
}

static void add_draw(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  b->size['f'] = 1;
  vft_tensor_id x = vft_build_wide(b, "order/draw", "cf", bits_of(e->side - 1), false, no_frac);
  below(c, "order/draw", "cf", x, e->side);
  vft_poseidon_box p = vft_build_poseidon(b, &c->poseidon, "order/sponge", "cf");
  vft_tensor_id base = vft_build_sponge(b, "order/sponge", 5, VFT_DOMAIN_DRAW);
  vft_raw_term key = VFT_RAW1(1, c->key, "i"), number = VFT_RAW1(1, e->in_left, "c");
  vft_build_absorb(b, &p, "order/in_key", "cf", "cf", 0, 4, base, &key, 1);
  vft_build_absorb(b, &p, "order/in_number", "cf", "cf", 4, 1, base, &number, 1);
  vft_build_absorb(b, &p, "order/in_rest", "cf", "cf", 5, 7, base, NULL, 0);
  vft_tensor_id value = low_bits(c, p.out), q = quotient(c, e->side);
  vft_raw_term t[3] = {VFT_RAW1(1, value, "cf"), VFT_RAW1(-(int64_t)e->side, q, "cf"),
                       VFT_RAW1(-1, x, "cf")};
  zero(c, "order/drawn", "cf", t, 3);
  vft_raw_term i = VFT_RAW1(1, x, "co");
  c->index = define(c, "order/index", "c", &i, 1);
}

/* Is the candidate a record, which one is opened (0 if none), and in which tier it is. */
static void add_record(build *c) {
  const vft_sampling *s = c->s;
  vft_epoch *e = c->e;
  uint64_t most = s->replacement ? e->side : e->side * e->side;
  vft_raw_term t[2] = {VFT_RAW0((int64_t)s->records - 1), VFT_RAW1(-1, c->index, "c")};
  vft_tensor_id is = compare(c, "record/exists", "c", t, 2, bits_of(most));
  vft_raw_term in = VFT_RAW2(1, is, "c", e->in_open, "c");
  c->inside = define(c, "record/inside", "c", &in, 1);
  vft_raw_term r = VFT_RAW2(1, c->inside, "c", c->index, "c");
  c->record = define(c, "record/number", "c", &r, 1);
  for (int tier = 1; tier < VFT_TIERS; tier++) {
    vft_raw_term from[2] = {VFT_RAW1(1, c->record, "c"), VFT_RAW0(-(int64_t)s->tier_first[tier])};
    vft_tensor_id b = compare(c, tier == 1 ? "record/restricted" : "record/shadow", "c", from, 2,
                              bits_of(most));
    *(tier == 1 ? &c->restricted : &c->shadow) = b;
  }
}

/* ---- leaf and path ---- */

static void add_class(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  const vft_sampling *s = c->s;
  size_t n = (size_t)e->classes_high * e->classes_low;
  b->size['k'] = e->classes_high;
  b->size['l'] = e->classes_low;
  c->class_high = bit(c, "class/high", "ck");
  c->class_low = bit(c, "class/low", "cl");
  vft_raw_term one[2] = {VFT_RAW1(1, c->class_high, "ck"), VFT_RAW0(-1)};
  zero(c, "class/one_high", "c", one, 2);
  one[0] = VFT_RAW1(1, c->class_low, "cl");
  zero(c, "class/one_low", "c", one, 2);
  int64_t *tier = vft_arena_alloc(b->arena, n, sizeof *tier);
  if (!tier) {
    if (b->status == VFT_OK) b->status = VFT_RESOURCE;
    return;
  }
  for (size_t k = 0; k < s->classes; k++) tier[k] = (int64_t)s->class_list[k]->tier;
  vft_tensor_id tiers = public_ints(c, "class/tiers", "kl", 0, VFT_TIERS - 1, tier);
  vft_raw_term t[3] = {VFT_RAW3(1, c->class_high, "ck", c->class_low, "cl", tiers, "kl"),
                       VFT_RAW1(-1, c->restricted, "c"), VFT_RAW1(-1, c->shadow, "c")};
  zero(c, "class/tier", "c", t, 3);
}

static vft_tensor_id class_digests(build *c) {
  vft_builder *b = &c->b;
  size_t n = (size_t)c->e->classes_high * c->e->classes_low;
  int64_t *v = vft_arena_alloc(b->arena, 4 * n, sizeof *v);
  if (!v) {
    if (b->status == VFT_OK) b->status = VFT_RESOURCE;
    return VFT_NO_TENSOR;
  }
  for (size_t k = 0; k < c->s->classes; k++)
    for (int i = 0; i < 4; i++) v[4 * k + (size_t)i] = vft_field_signed(c->s->class_digest[k].e[i]);
  b->size['i'] = 4;
  return vft_build_field(b, VFT_PUBLIC, 0, "class/digests", "kli", v);
}

/* Content, class, tokens and salt of the record hash to a leaf; its path leads to the tree of its
 * tier. */
static void add_path(build *c, vft_tensor_id leaf) {
  vft_builder *b = &c->b;
  const vft_sampling *s = c->s;
  uint32_t H = s->height;
  vft_raw_term local[4] = {VFT_RAW1(-1, c->record, "c"),
                           VFT_RAW1((int64_t)s->tier_records[0], c->restricted, "c"),
                           VFT_RAW1((int64_t)s->tier_records[1], c->shadow, "c")};
  vft_tensor_id tree[VFT_TIERS], top = leaf;
  for (int t = 0; t < VFT_TIERS; t++)
    tree[t] = digest_constant(c, vft_build_name(b, "path/tree%d", t), &s->tree[t]);
  const char *top_axes = "ci";
  if (H) {
    int64_t power[64];
    for (uint32_t h = 0; h < H; h++) power[h] = (int64_t)1 << h;
    b->size['h'] = H;
    vft_tensor_id right = bit(c, "path/right", "ch");
    vft_tensor_id powers = public_ints(c, "path/powers", "h", 1, power[H - 1], power);
    local[3] = VFT_RAW2(1, right, "ch", powers, "h");
    zero(c, "path/index", "c", local, 4);
    b->size['i'] = 4;
    vft_tensor_id sibling = vft_build_field(b, VFT_WITNESS, 0, "path/sibling", "chi", NULL);
    vft_poseidon_box p = vft_build_poseidon(b, &c->poseidon, "path/node", "ch");
    vft_tensor_id base = vft_build_sponge(b, "path/node", 0, 0);
    for (uint32_t part = 0; part < 2; part++) { /* the first level, the others */
      b->size['h'] = part ? H - 1 : 1;
      if (part && H == 1) break;
      const char *at = part ? "ch+1" : "ch", *below_axes = part ? "chi" : "ci";
      vft_tensor_id node = part ? p.out : leaf;
      const char *sib = two(c, at, "i"), *name = part ? "path/upper" : "path/first";
      vft_raw_term l[3] = {VFT_RAW1(1, node, below_axes), VFT_RAW2(1, right, at, sibling, sib),
                           VFT_RAW2(-1, right, at, node, below_axes)};
      vft_build_absorb(b, &p, two(c, name, "_left"), at, "ch", 0, 4, base, l, 3);
      vft_raw_term r[3] = {VFT_RAW1(1, sibling, sib), VFT_RAW2(1, right, at, node, below_axes),
                           VFT_RAW2(-1, right, at, sibling, sib)};
      vft_build_absorb(b, &p, two(c, name, "_right"), at, "ch", 4, 4, base, r, 3);
    }
    b->size['h'] = H;
    vft_build_absorb(b, &p, "path/in_rest", "ch", "ch", 8, 4, base, NULL, 0);
    top = p.out;
    top_axes = vft_build_name(b, "co+%ui", H - 1);
  } else {
    zero(c, "path/index", "c", local, 3);
  }
  vft_raw_term root[6] = {VFT_RAW1(1, top, top_axes), VFT_RAW1(-1, tree[0], "i"),
                          VFT_RAW2(1, c->restricted, "c", tree[0], "i"),
                          VFT_RAW2(-1, c->restricted, "c", tree[1], "i"),
                          VFT_RAW2(1, c->shadow, "c", tree[1], "i"),
                          VFT_RAW2(-1, c->shadow, "c", tree[2], "i")};
  b->size['i'] = 4;
  vft_build_field_zero(b, "path/root", H ? "coi" : "ci", root, 6);
}

static void add_leaf(build *c) {
  vft_builder *b = &c->b;
  int bits = bits_of(c->s->sequence_len + 1);
  c->tokens = vft_build_wide(b, "leaf/tokens", "c", bits, false, no_frac);
  c->loss = vft_build_wide(b, "leaf/loss_tokens", "c", bits, false, no_frac);
  vft_tensor_id digests = class_digests(c);
  vft_poseidon_box meta = vft_build_poseidon(b, &c->poseidon, "leaf/metadata", "c");
  vft_tensor_id base = vft_build_sponge(b, "leaf/metadata", 8, VFT_DOMAIN_METADATA);
  vft_raw_term cl = VFT_RAW3(1, c->class_high, "ck", c->class_low, "cl", digests, "kli");
  vft_raw_term tokens = VFT_RAW1(1, c->tokens, "c"), loss = VFT_RAW1(1, c->loss, "c");
  vft_build_absorb(b, &meta, "leaf/metadata/in_class", "c", "c", 0, 4, base, &cl, 1);
  vft_build_absorb(b, &meta, "leaf/metadata/in_tokens", "c", "c", 4, 1, base, &tokens, 1);
  vft_build_absorb(b, &meta, "leaf/metadata/in_loss", "c", "c", 5, 1, base, &loss, 1);
  vft_build_absorb(b, &meta, "leaf/metadata/in_rest", "c", "c", 6, 6, base, NULL, 0);
  c->content = vft_build_field(b, VFT_WITNESS, 0, "leaf/content", "ci", NULL);
  vft_tensor_id salt = vft_build_field(b, VFT_WITNESS, 0, "leaf/salt", "ci", NULL);
  vft_poseidon_box first = vft_build_poseidon(b, &c->poseidon, "leaf/first", "c");
  base = vft_build_sponge(b, "leaf/first", 12, VFT_DOMAIN_LEAF);
  vft_raw_term content = VFT_RAW1(1, c->content, "ci"), m = VFT_RAW1(1, meta.out, "ci");
  vft_build_absorb(b, &first, "leaf/first/in_content", "c", "c", 0, 4, base, &content, 1);
  vft_build_absorb(b, &first, "leaf/first/in_metadata", "c", "c", 4, 4, base, &m, 1);
  vft_build_absorb(b, &first, "leaf/first/in_rest", "c", "c", 8, 4, base, NULL, 0);
  vft_poseidon_box second = vft_build_poseidon(b, &c->poseidon, "leaf/second", "c");
  vft_raw_term s[2] = {VFT_RAW1(1, first.out, "ci"), VFT_RAW1(1, salt, "ci")};
  vft_raw_term rest = VFT_RAW1(1, first.out, "ci+4");
  vft_build_absorb(b, &second, "leaf/second/in_salt", "c", "c", 0, 4, c->poseidon.first_rc, s, 2);
  vft_build_absorb(b, &second, "leaf/second/in_rest", "c", "c", 4, 8, c->poseidon.first_rc, &rest, 1);
  add_path(c, second.out);
}

/* ---- policy ---- */

/* Constants of the quotas: class bins [k, l, q], which length bin [n, q], unit, bounds. */
typedef struct {
  int64_t *member, *length, *examples, *tokens, *shortest, *longest, *allowed;
} policy_tables;

static bool make_tables(build *c, policy_tables *t) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  const vft_policy *p = &c->s->policy;
  size_t K = (size_t)e->classes_high * e->classes_low, Q = e->quotas, N = e->lengths ? e->lengths : 1;
  int64_t **const all[] = {&t->member, &t->length, &t->examples, &t->tokens,
                           &t->shortest, &t->longest, &t->allowed};
  const size_t size[] = {K * Q, N * Q, Q, Q, N, N, K};
  for (int i = 0; i < 7; i++)
    if (!(*all[i] = vft_arena_alloc(b->arena, size[i], sizeof(int64_t)))) {
      if (b->status == VFT_OK) b->status = VFT_RESOURCE;
      return false;
    }
  size_t n = 0;
  uint64_t longest = e->longest;
  for (size_t q = 0; q < p->quotas; q++) {
    (p->quota[q].tokens ? t->tokens : t->examples)[q] = 1;
    if (p->quota[q].kind == VFT_BIN_LENGTH) {
      t->shortest[n] = p->quota[q].shortest;
      t->longest[n] = p->quota[q].longest < longest ? p->quota[q].longest : (int64_t)longest;
      t->length[n++ * Q + q] = 1;
      continue;
    }
    for (size_t k = 0; k < c->s->classes; k++)
      t->member[k * Q + q] = c->s->class_verdict[k].bins[q / 64] >> (q % 64) & 1;
  }
  t->examples[e->rows_quota] = 1;
  for (size_t k = 0; k < K; k++) t->member[k * Q + e->rows_quota] = 1;
  for (size_t k = 0; k < c->s->classes; k++)
    t->allowed[k] = c->s->class_verdict[k].verdict == VFT_ACCEPTED;
  return true;
}

/* in_bin [c, q]; tokens or 1 that the candidate would add to each counter. */
static void add_bins(build *c, const policy_tables *t) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  uint64_t longest = e->longest;
  vft_tensor_id in_bin = bit(c, "quota/in_bin", "cq");
  vft_tensor_id member = public_ints(c, "quota/members", "klq", 0, 1, t->member);
  vft_raw_term bins[3] = {VFT_RAW1(-1, in_bin, "cq"),
                          VFT_RAW3(1, c->class_high, "ck", c->class_low, "cl", member, "klq")};
  int n = 2;
  if (e->lengths) {
    b->size['n'] = e->lengths;
    vft_tensor_id which = public_ints(c, "quota/length_of", "nq", 0, 1, t->length);
    vft_tensor_id lo = public_ints(c, "quota/shortest", "n", 0, UINT32_MAX, t->shortest);
    vft_tensor_id hi = public_ints(c, "quota/longest", "n", 0, UINT32_MAX, t->longest);
    vft_raw_term from[2] = {VFT_RAW1(1, c->tokens, "c"), VFT_RAW1(-1, lo, "n")};
    vft_raw_term to[2] = {VFT_RAW1(1, hi, "n"), VFT_RAW1(-1, c->tokens, "c")};
    int64_t most = (int64_t)longest;
    for (uint32_t k = 0; k < e->lengths; k++)
      if (t->shortest[k] > most) most = t->shortest[k];
    vft_tensor_id a = compare(c, "quota/not_shorter", "cn", from, 2, bits_of((uint64_t)most) + 1);
    vft_tensor_id z = compare(c, "quota/not_longer", "cn", to, 2, bits_of(longest) + 1);
    bins[n++] = VFT_RAW3(1, a, "cn", z, "cn", which, "nq");
  }
  zero(c, "quota/bins", "cq", bins, n);
  vft_tensor_id ex = public_ints(c, "quota/of_examples", "q", 0, 1, t->examples);
  vft_tensor_id tok = public_ints(c, "quota/of_tokens", "q", 0, 1, t->tokens);
  vft_raw_term inc[2] = {VFT_RAW2(1, in_bin, "cq", ex, "q"),
                         VFT_RAW3(1, in_bin, "cq", tok, "q", c->tokens, "c")};
  c->increment = define(c, "quota/increment", "cq", inc, 2);
}

static vft_tensor_id link_counter(build *c, uint32_t link, const char *name, uint32_t i, bool out) {
  vft_builder *b = &c->b;
  int bits = c->e->counter_bits - 16 * (int)i;
  if (bits > 16) bits = 16;
  const char *limb = vft_build_name(b, "%s/limb%u", name, i);
  vft_tensor_id t = vft_build_tensor(b, VFT_LINK, link, limb, "q", 0, ((int64_t)1 << bits) - 1,
                                     NULL, no_frac);
  if (out) vft_build_range(b, two(c, limb, "/range"), "q", t, bits, 0);
  return t;
}

/* Counters before every candidate and after the last; what fits; who is accepted. */
static void add_counters(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  uint32_t C = e->block;
  int W = e->counter_bits, step_bits = bits_of(c->s->sequence_len + 1) + 1;
  policy_tables t;
  b->size['q'] = e->quotas;
  if (!make_tables(c, &t)) return;
  add_bins(c, &t);
  b->size['c'] = C + 1;
  c->count = vft_build_wide(b, "quota/count", "cq", W, false, no_frac);
  b->size['c'] = C;
  for (uint32_t i = 0; 16 * (int)i < W; i++) {
    vft_tensor_id limb = vft_program_find_tensor(b->p, vft_build_name(b, "quota/count/limb%u", i));
    vft_tensor_id in = link_counter(c, e->link_in, "before", i, false);
    vft_tensor_id out = link_counter(c, e->link_out, "after", i, true);
    vft_raw_term first[2] = {VFT_RAW1(1, limb, "oq"), VFT_RAW1(-1, in, "q")};
    vft_raw_term last[2] = {VFT_RAW1(1, limb, vft_build_name(b, "o+%uq", C)),
                            VFT_RAW1(-1, out, "q")};
    zero(c, vft_build_name(b, "quota/before%u", i), "oq", first, 2);
    zero(c, vft_build_name(b, "quota/after%u", i), "oq", last, 2);
  }
  e->in_ceiling = public_ints(c, "quota/ceiling", "q", 0, ((int64_t)1 << W) - 1, NULL);
  vft_raw_term room[3] = {VFT_RAW1(1, e->in_ceiling, "q"), VFT_RAW1(-1, c->count, "cq"),
                          VFT_RAW1(-1, c->increment, "cq")};
  vft_tensor_id fits = compare(c, "quota/fits", "cq", room, 3, W > step_bits ? W + 1 : step_bits + 1);
  vft_raw_term missing[2] = {VFT_RAW1(1, fits, "cq"), VFT_RAW0(-(int64_t)e->quotas)};
  vft_tensor_id all = compare(c, "quota/all_fit", "c", missing, 2, bits_of(e->quotas));
  vft_raw_term some[2] = {VFT_RAW1(1, c->loss, "c"), VFT_RAW0(-1)};
  vft_tensor_id learns = compare(c, "policy/learns", "c", some, 2, step_bits);
  vft_tensor_id allowed = bit(c, "policy/allowed", "c");
  vft_tensor_id table = public_ints(c, "policy/classes", "kl", 0, 1, t.allowed);
  vft_raw_term a[2] = {VFT_RAW1(-1, allowed, "c"),
                       VFT_RAW3(1, c->class_high, "ck", c->class_low, "cl", table, "kl")};
  zero(c, "policy/class", "c", a, 2);
  c->accepted = bit(c, "accepted", "c");
  vft_raw_term acc[2] = {VFT_RAW1(-1, c->accepted, "c"),
                         {.coef = 1, .nfactors = 4,
                          .factor = {{c->inside, "c"}, {allowed, "c"}, {learns, "c"}, {all, "c"}}}};
  zero(c, "accepted/exactly", "c", acc, 2);
  vft_raw_term next[3] = {VFT_RAW1(1, c->count, "c+1q"), VFT_RAW1(-1, c->count, "cq"),
                          VFT_RAW2(-1, c->accepted, "c", c->increment, "cq")};
  zero(c, "quota/next", "cq", next, 3);
  /* after the last block all rows are there */
  e->in_last = public_ints(c, "quota/last", "o", 0, 1, NULL);
  vft_raw_term filled[2] = {
      VFT_RAW2(1, e->in_last, "o", c->count, vft_build_name(b, "u+%uv+%u", C, e->rows_quota)),
      VFT_RAW2(-1, e->in_last, "o", e->in_ceiling, vft_build_name(b, "v+%u", e->rows_quota))};
  zero(c, "quota/filled", "ouv", filled, 2);
}

/* ---- rows ---- */

static vft_tensor_id multiplicities(build *c, const char *name, uint32_t rows) {
  c->b.size['Y'] = rows;
  return vft_build_tensor(&c->b, VFT_WITNESS, 0, name, "Y", 0, ((int64_t)1 << 31) - 1, NULL,
                          no_frac);
}

static void add_table(build *c, const char *name, int64_t tag, uint32_t log, vft_tensor_id out0,
                      vft_tensor_id out1) {
  vft_table t = {.name = name, .kind = tag ? VFT_TABLE_FUNCTION : VFT_TABLE_RANGE, .tag = tag,
                 .rows = 1u << log, .out = {out0, out1, VFT_NO_TENSOR},
                 .mult = multiplicities(c, two(c, name, "/mult"), 1u << log)};
  if (c->b.status == VFT_OK && vft_program_add_table(c->b.p, &t) == UINT32_MAX)
    c->b.status = VFT_USAGE;
}

/* Accepted candidate number `count` of the epoch is row (slot, row), count = records_a_step slot +
 * row: its digest (vft_row_digest) is entry slot row_slots + row of the list. */
static void add_rows(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  uint64_t B = c->s->records_a_step;
  uint32_t log = vft_log2_ceil(e->row_slots) + vft_log2_ceil(e->step_slots);
  vft_tensor_id rows[4];
  b->size['y'] = e->row_slots * e->step_slots;
  e->in_live = public_ints(c, "rows/live", "y", 0, 1, NULL);
  for (int i = 0; i < 4; i++) {
    rows[i] = vft_build_field(b, VFT_LINK, e->link_rows, vft_build_name(b, "rows/%d", i), "y", NULL);
    vft_raw_term t[2] = {VFT_RAW1(1, rows[i], "y"),
                         VFT_RAW2(-1, rows[i], "y", e->in_live, "y")};
    vft_build_field_zero(b, vft_build_name(b, "rows/%d/empty", i), "y", t, 2);
  }
  add_table(c, "rows/low", TAG_ROWS, log, rows[0], rows[1]);
  add_table(c, "rows/high", TAG_ROWS + 1, log, rows[2], rows[3]);
  vft_tensor_id slot = vft_build_wide(b, "rows/slot", "c", bits_of(c->s->steps_per_epoch), false,
                                      no_frac);
  vft_tensor_id row = vft_build_wide(b, "rows/row", "c", bits_of(B - 1), false, no_frac);
  below(c, "rows/row", "c", row, B);
  vft_raw_term at[3] = {VFT_RAW1(1, c->count, vft_build_name(b, "co+%u", e->rows_quota)),
                        VFT_RAW1(-(int64_t)B, slot, "c"), VFT_RAW1(-1, row, "c")};
  zero(c, "rows/position", "co", at, 3);
  vft_raw_term address[2] = {VFT_RAW2(e->row_slots, c->accepted, "c", slot, "c"),
                             VFT_RAW2(1, c->accepted, "c", row, "c")};
  vft_tensor_id to = define(c, "rows/address", "c", address, 2);
  vft_poseidon_box entry = vft_build_poseidon(b, &c->poseidon, "rows/entry", "c");
  vft_tensor_id base = vft_build_sponge(b, "rows/entry", 6, VFT_DOMAIN_ROW);
  vft_raw_term own = VFT_RAW1(1, c->content, "ci"), tokens = VFT_RAW1(1, c->tokens, "c");
  vft_raw_term loss = VFT_RAW1(1, c->loss, "c");
  vft_build_absorb(b, &entry, "rows/entry/in_content", "c", "c", 0, 4, base, &own, 1);
  vft_build_absorb(b, &entry, "rows/entry/in_tokens", "c", "c", 4, 1, base, &tokens, 1);
  vft_build_absorb(b, &entry, "rows/entry/in_loss", "c", "c", 5, 1, base, &loss, 1);
  vft_build_absorb(b, &entry, "rows/entry/in_rest", "c", "c", 6, 6, base, NULL, 0);
  vft_raw_term content = VFT_RAW2(1, c->accepted, "c", entry.out, "ci");
  vft_tensor_id what = vft_build_field_define(b, "rows/content", "ci", &content, 1);
  for (int k = 0; k < 2; k++) {
    vft_raw_term tag = VFT_RAW1(TAG_ROWS + k, c->accepted, "c"), first = VFT_RAW1(1, to, "c");
    vft_raw_term d0 = VFT_RAW1(1, what, vft_build_name(b, "co+%d", 2 * k));
    vft_raw_term d1 = VFT_RAW1(1, what, vft_build_name(b, "co+%d", 2 * k + 1));
    vft_build_lookup(b, k ? "rows/write_high" : "rows/write_low", "co",
                     (const vft_raw_term *const[VFT_LOOKUP_COLS]){&tag, &first, &d0, &d1},
                     (const int[VFT_LOOKUP_COLS]){1, 1, 1, 1});
  }
}

/* ---- digest of the counters ---- */

static void add_counters_digest(build *c) {
  vft_builder *b = &c->b;
  vft_epoch *e = c->e;
  uint32_t Q = e->quotas;
  int64_t number[VFT_QUOTAS + 2];
  for (uint32_t q = 0; q < Q; q++) number[q] = q;
  b->size['i'] = 4;
  e->in_counters = vft_build_field(b, VFT_PUBLIC, 0, "counters/digest", "i", NULL);
  vft_tensor_id salt = vft_build_field(b, VFT_WITNESS, 0, "counters/salt", "qi", NULL);
  vft_tensor_id numbers = public_ints(c, "counters/numbers", "q", 0, Q, number);
  vft_poseidon_box leaf = vft_build_poseidon(b, &c->poseidon, "counters/leaf", "q");
  vft_tensor_id base = vft_build_sponge(b, "counters/leaf", 6, VFT_DOMAIN_COUNTER);
  vft_raw_term n = VFT_RAW1(1, numbers, "q"), s = VFT_RAW1(1, salt, "qi");
  vft_raw_term v = VFT_RAW1(1, c->count, vft_build_name(b, "o+%uq", e->block));
  vft_build_absorb(b, &leaf, "counters/leaf/in_number", "q", "q", 0, 1, base, &n, 1);
  vft_build_absorb(b, &leaf, "counters/leaf/in_counter", "q", "qo", 1, 1, base, &v, 1);
  vft_build_absorb(b, &leaf, "counters/leaf/in_salt", "q", "q", 2, 4, base, &s, 1);
  vft_build_absorb(b, &leaf, "counters/leaf/in_rest", "q", "q", 6, 6, base, NULL, 0);
  uint32_t J = Q / 2;
  b->size['j'] = J;
  vft_poseidon_box p = vft_build_poseidon(b, &c->poseidon, "counters/list", "j");
  base = vft_build_sponge(b, "counters/list", 4 * (uint64_t)Q, VFT_DOMAIN_COUNTERS);
  vft_raw_term a = VFT_RAW1(1, leaf.out, "ji"), z = VFT_RAW1(1, leaf.out, vft_build_name(b, "j+%ui", J));
  b->size['j'] = 1;
  vft_build_absorb(b, &p, "counters/list/first_low", "j", "j", 0, 4, base, &a, 1);
  vft_build_absorb(b, &p, "counters/list/first_high", "j", "j", 4, 4, base, &z, 1);
  vft_build_absorb(b, &p, "counters/list/first_rest", "j", "j", 8, 4, base, NULL, 0);
  if (J > 1) {
    b->size['j'] = J - 1;
    vft_tensor_id rc = c->poseidon.first_rc;
    vft_raw_term low[2] = {VFT_RAW1(1, p.out, "ji"), VFT_RAW1(1, leaf.out, "j+1i")};
    vft_raw_term high[2] = {VFT_RAW1(1, p.out, "ji+4"),
                            VFT_RAW1(1, leaf.out, vft_build_name(b, "j+%ui", J + 1))};
    vft_raw_term rest = VFT_RAW1(1, p.out, "ji+8");
    vft_build_absorb(b, &p, "counters/list/next_low", "j+1", "j", 0, 4, rc, low, 2);
    vft_build_absorb(b, &p, "counters/list/next_high", "j+1", "j", 4, 4, rc, high, 2);
    vft_build_absorb(b, &p, "counters/list/next_rest", "j+1", "j", 8, 4, rc, &rest, 1);
  }
  b->size['j'] = J;
  vft_raw_term out[2] = {VFT_RAW1(1, p.out, vft_build_name(b, "o+%ui", J - 1)),
                         VFT_RAW1(-1, e->in_counters, "i")};
  vft_build_field_zero(b, "counters/committed", "oi", out, 2);
}

/* ---- assembling ---- */

uint32_t vft_epoch_blocks(const vft_sampling *s) {
  return (uint32_t)((s->candidates + VFT_EPOCH_BLOCK - 1) / VFT_EPOCH_BLOCK);
}

static vft_status set_sizes(vft_epoch *e, const vft_sampling *s, uint32_t most_a_block) {
  if (s->records > UINT32_MAX || s->candidates > UINT32_MAX || s->steps_per_epoch > 1 << 24 ||
      s->records_a_step > 1 << 16 || s->classes < 1 || s->classes > VFT_CLASSES || !s->candidates ||
      !s->records || !s->steps_per_epoch || !s->records_a_step || s->sequence_len > 1 << 24 ||
      s->height > 32 ||
      s->steps_per_epoch * s->records_a_step > 1u << 28)
    return vft_fail(VFT_USAGE, "sampler: a proof can have up to 2^32 records and candidates, 2^28 "
                    "rows an epoch");
  e->blocks = (uint32_t)((s->candidates + most_a_block - 1) / most_a_block);
  e->block = (uint32_t)((s->candidates + e->blocks - 1) / e->blocks);
  e->longest = ((uint64_t)1 << bits_of(s->sequence_len + 1)) - 1;
  e->rows_quota = (uint32_t)s->policy.quotas;
  e->quotas = (e->rows_quota + 2) & ~1u;
  e->row_slots = vft_rows_slots(s->records_a_step);
  e->step_slots = vft_rows_slots(s->steps_per_epoch);
  uint64_t most = s->steps_per_epoch * s->records_a_step;
  for (size_t q = 0; q < s->policy.quotas; q++) {
    if (s->policy.quota[q].ceiling > most) most = s->policy.quota[q].ceiling;
    e->lengths += s->policy.quota[q].kind == VFT_BIN_LENGTH;
  }
  e->counter_bits = bits_of(most);
  e->classes_low = 1;
  while ((uint64_t)e->classes_low * e->classes_low < s->classes) e->classes_low++;
  e->classes_high = (uint32_t)((s->classes + e->classes_low - 1) / e->classes_low);
  e->secret = s->mode != VFT_SAMPLER_PUBLIC;
  vft_poseidon_digest none = {{{0}}};
  vft_order order = vft_order_make(&none, s->records, s->replacement);
  e->side = s->replacement ? s->records : order.side;
  return VFT_OK;
}

static void add_inputs(build *c) {
  vft_epoch *e = c->e;
  c->b.size['c'] = e->block;
  e->in_left = public_ints(c, "order/start_left", "c", 0, UINT32_MAX, NULL);
  if (!c->s->replacement)
    e->in_right = public_ints(c, "order/start_right", "c", 0, MAX_SIDE, NULL);
  e->in_open = public_ints(c, "record/open", "c", 0, 1, NULL);
}

vft_status vft_epoch_build(const vft_sampling *s, uint32_t log_columns, vft_epoch **out) {
  return vft_epoch_build_blocks(s, VFT_EPOCH_BLOCK, log_columns, out);
}

vft_status vft_epoch_build_blocks(const vft_sampling *s, uint32_t most_a_block,
                                  uint32_t log_columns, vft_epoch **out) {
  *out = NULL;
  vft_epoch *e = vft_alloc(1, sizeof *e);
  build *c = vft_alloc(1, sizeof *c);
  vft_status st = e && c ? VFT_OK : VFT_RESOURCE;
  if (st != VFT_OK) goto out;
  e->in_manifest = e->in_beacon = e->in_where = e->in_right = VFT_NO_TENSOR;
  e->sampling = (vft_sampling *)(uintptr_t)s;
  TRY_OUT(set_sizes(e, s, most_a_block));
  e->step = vft_alloc(1, sizeof *e->step);
  if (!e->step) {
    st = VFT_RESOURCE;
    goto out;
  }
  e->step->program = e->program = vft_program_new("sampler-epoch", log_columns);
  if (!e->program) {
    st = VFT_USAGE;
    goto out;
  }
  c->e = e;
  c->s = s;
  vft_build_start(&c->b, &c->ops, e->step);
  c->b.size['o'] = c->b.size['u'] = c->b.size['v'] = c->b.size['z'] = 1; /* fixed positions */
  c->b.size['i'] = 4;
  e->link_rows = vft_program_add_link(e->program, "rows", false);
  e->link_in = vft_program_add_link(e->program, "counters_in", false);
  e->link_out = vft_program_add_link(e->program, "counters_out", true);
  add_table(c, "range", 0, VFT_MAX_RANGE_BITS + 1, VFT_NO_TENSOR, VFT_NO_TENSOR);
  add_inputs(c);
  add_keys(c);
  if (s->replacement)
    add_draw(c);
  else
    add_permutation(c);
  add_record(c);
  add_class(c);
  add_leaf(c);
  add_counters(c);
  add_rows(c);
  add_counters_digest(c);
  TRY_OUT(c->b.status);
  *out = e;
out:
  vft_free(c);
  if (st != VFT_OK) vft_epoch_free(e);
  return st;
}

void vft_epoch_free(vft_epoch *e) {
  if (!e) return;
  vft_step_free(e->step);
  vft_free(e);
}
