/* Circuits as they are recorded: equal cells are one, pruning keeps the meaning and forgets the
 * order of recording, the digest is of everything but the values; tables in circuits and
 * outside. */
#include "recurse/circuits.h"

#include "recurse/table.h"

/* ---- recordings ---- */

/* The values of what splits, fetches and permutations read. */
static size_t read_values(const vft_circuit *c, vft_ext *out) {
  size_t n = 0;
  for (uint32_t i = 0; i < c->nsplit; i++)
    out[n++] = vft_ext_from_fp(vft_circuit_part(c, c->split[i]));
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++)
    out[n++] = vft_circuit_value(c, c->fetch[i].index);
  for (uint32_t i = 0; i < c->nsponge; i++) {
    out[n++] = vft_circuit_value(c, c->sponge[i].swap);
    for (int k = 0; k < 8; k++)
      out[n++] = vft_ext_from_fp(vft_circuit_part(c, c->sponge[i].lane[k]));
  }
  return n;
}

/* Whether a zero has the value. */
static bool has_zero(const vft_circuit *c, vft_ext v) {
  for (uint32_t i = 0; i < c->nzero; i++)
    if (vft_ext_eq(vft_circuit_value(c, c->zero[i]), v)) return true;
  return false;
}

static void same_reads(const vft_circuit *a, const vft_circuit *b) {
  enum { MOST = 8192 };
  static vft_ext x[MOST], y[MOST];
  size_t n = read_values(a, x);
  assert_true(n && n <= MOST);
  assert_int_equal(n, read_values(b, y));
  for (size_t i = 0; i < n; i++) assert_true(vft_ext_eq(x[i], y[i]));
  for (uint32_t i = 0; i < a->nzero; i++)
    assert_true(has_zero(b, vft_circuit_value(a, a->zero[i])));
  for (uint32_t i = 0; i < b->nzero; i++)
    assert_true(has_zero(a, vft_circuit_value(b, b->zero[i])));
}

/* Pruned or not, the circuit computes the same from whatever its free cells are, and is proved. */
static void pruning(void **state) {
  (void)state;
  for (uint64_t s = 1; s <= 40; s++) {
    uint8_t before[32], after[32], again[32];
    unsigned ops = 20 + (unsigned)(s * 37 % 500);
    vft_circuit *c = random_circuit(s, ops), *p = random_circuit(s, ops);
    vft_circuit_digest(c, before);
    vft_circuit_digest(p, after);
    assert_memory_equal(before, after, 32);
    vft_circuit_prune(p);
    vft_circuit_digest(p, after);
    assert_true(p->cells[VFT_CELL_SUM].n <= c->cells[VFT_CELL_SUM].n);
    if (p->cells[VFT_CELL_SUM].n < c->cells[VFT_CELL_SUM].n)
      assert_memory_not_equal(before, after, 32);
    same_reads(c, p);
    assert_true(vft_circuit_holds(p));
    accepted(c);
    accepted(p);
    vft_circuit_prune(p); /* nothing is left to drop */
    vft_circuit_digest(p, again);
    assert_memory_equal(after, again, 32);
    for (int turn = 0; turn < 3; turn++) { /* first as it is, then with another free cell */
      if (turn) {
        vft_cell_kind kind = turn == 1 ? VFT_CELL_INPUT : VFT_CELL_FREE;
        uint32_t at = c->cells[kind].n ? below(c->cells[kind].n) : 0;
        vft_ext v = turn == 1 ? vft_ext_from_fp(rnd_fp()) : rnd_ext();
        if (c->cells[kind].n) c->cells[kind].value[at] = p->cells[kind].value[at] = v;
      }
      assert_true(evaluate(c));
      assert_true(evaluate(p));
      assert_int_equal(vft_circuit_holds(c), vft_circuit_holds(p));
      same_reads(c, p);
      if (!turn) assert_true(vft_circuit_holds(p));
    }
    vft_circuit_free(c);
    vft_circuit_free(p);
  }
}

/* ---- the canonical form ---- */

/* Something to record; a, b, c: what it refers to, by number. Inputs, free cells, splits, fetches
 * and permutations are recorded in the order that they have; constants, sums, parts and zeros at
 * any time after what they refer to. */
typedef enum { AS_CONSTANT, AS_SUM, AS_PART, AS_ZERO, AS_INPUT, AS_FREE, AS_SPLIT, AS_FETCH,
               AS_PERMUTATION } thing_kind;
enum { THINGS = 220 };
typedef struct {
  thing_kind kind;
  vft_ext value;
  uint32_t a, b, c, part;
  bool any_time;
} thing;

static void make_things(uint64_t s, thing *t) {
  seed = s * 0x9e3779b97f4a7c15ull;
  const thing_kind some[] = {AS_CONSTANT, AS_SUM, AS_SUM, AS_SUM, AS_SUM, AS_PART, AS_PART, AS_ZERO,
                             AS_INPUT, AS_FREE, AS_SPLIT, AS_FETCH, AS_PERMUTATION};
  for (uint32_t i = 0; i < THINGS; i++) {
    thing_kind kind = i ? some[below(sizeof some / sizeof *some)] : AS_FREE;
    t[i] = (thing){.kind = kind, .part = below(3), .any_time = kind <= AS_ZERO};
    t[i].value = kind == AS_INPUT   ? vft_ext_from_fp(rnd_fp())
                 : kind == AS_FETCH ? vft_ext_from_fp((vft_fp){below(2)})
                 : below(4)         ? rnd_ext()
                                    : (vft_ext){{{below(3)}, {0}, {0}}};
    if (!i) continue;
    t[i].a = below(i);
    t[i].b = below(i);
    t[i].c = below(i);
  }
}

static vft_wire record_thing(vft_circuit *c, const thing *t, const vft_wire *w, bool other) {
  vft_wire a = w[t->a], b = w[t->b], d = w[t->c], first;
  vft_fp capacity[4] = {t->value.c[0], {0}, t->value.c[1], {0}};
  vft_wire_part lane[8] = {{a, 0}, {a, 1}, {a, 2}, {b, 0}, {b, 1}, {b, 2}, {d, 0}, {d, t->part}};
  switch (t->kind) {
    case AS_CONSTANT: return vft_circuit_constant(c, t->value);
    case AS_SUM: return other ? vft_circuit_sum(c, b, a, d) : vft_circuit_sum(c, a, b, d);
    case AS_PART:
      if (other && t->part) vft_circuit_take_part(c, (vft_wire_part){a, t->part}); /* twice */
      return vft_circuit_take_part(c, (vft_wire_part){a, t->part});
    case AS_ZERO:
      first = vft_circuit_sum(c, minus_one(c), a, a);
      vft_circuit_zero(c, first);
      if (other) vft_circuit_zero(c, first);
      return first;
    case AS_INPUT: return vft_circuit_input(c, t->value);
    case AS_FREE: return vft_circuit_free_cell(c, t->value);
    case AS_SPLIT: return vft_circuit_split(c, (vft_wire_part){a, t->part}) + 7 * t->part;
    case AS_FETCH:
      first = vft_circuit_base(c, (vft_fp){5});
      (void)vft_circuit_base(c, (vft_fp){6});
      return vft_circuit_fetch(c, first, vft_circuit_base(c, t->value.c[0]));
    default:
      return vft_circuit_sponge(vft_circuit_permute(c, lane, capacity, VFT_FRESH, 0)) + t->part;
  }
}

/* The same things, in an order of its own for each turn; other: with what nobody needs, too. */
static vft_circuit *record_things(const thing *t, bool in_order, bool other) {
  vft_circuit *c = fresh();
  vft_wire w[THINGS] = {0};
  bool done[THINGS] = {false};
  uint32_t next = 0; /* of those that are not for any time */
  for (uint32_t n = 0; n < THINGS;) {
    uint32_t i = in_order ? n : below(THINGS);
    while (next < THINGS && (done[next] || t[next].any_time)) next++;
    if (done[i] || (!t[i].any_time && i != next)) continue;
    if (i && !(done[t[i].a] && done[t[i].b] && done[t[i].c])) continue;
    w[i] = record_thing(c, &t[i], w, other && below(2));
    done[i] = true;
    n++;
    if (other && !below(4)) {
      vft_wire k = vft_circuit_constant(c, rnd_ext());
      vft_circuit_sum(c, k, w[i], vft_circuit_take_part(c, (vft_wire_part){w[i], 1}));
    }
  }
  OK(c->status);
  assert_true(vft_circuit_holds(c));
  return c;
}

/* One form whatever the order of recording; any other thing has another. */
static void canonical(void **state) {
  (void)state;
  for (uint64_t s = 1; s <= 30; s++) {
    static thing t[THINGS];
    uint8_t digest[32], other[32];
    make_things(s, t);
    vft_circuit *c = record_things(t, true, false);
    uint8_t before[32];
    vft_circuit_digest(c, before);
    vft_circuit_prune(c);
    vft_circuit_digest(c, digest);
    for (int turn = 0; turn < 6; turn++) {
      vft_circuit *d = record_things(t, false, turn & 1);
      vft_circuit_digest(d, other);
      assert_memory_not_equal(before, other, 32); /* it is in another order */
      vft_circuit_prune(d);
      vft_circuit_digest(d, other);
      assert_memory_equal(digest, other, 32);
      same_reads(c, d);
      assert_true(evaluate(d));
      assert_true(vft_circuit_holds(d));
      same_reads(c, d);
      if (turn == 1 && s < 6) accepted(d);
      for (uint32_t i = 1; i < d->cells[VFT_CELL_CONSTANT].n; i++) /* each once */
        assert_false(vft_ext_eq(d->cells[VFT_CELL_CONSTANT].value[i],
                                d->cells[VFT_CELL_CONSTANT].value[i - 1]));
      for (uint32_t i = 1; i < d->nzero; i++) assert_true(d->zero[i - 1] < d->zero[i]);
      vft_circuit_free(d);
    }
    for (uint32_t i = 1; i < THINGS; i++) { /* another thing to need */
      if (t[i].kind != AS_SPLIT && t[i].kind != AS_PERMUTATION) continue;
      thing old = t[i];
      if (old.kind == AS_SPLIT) { /* of a free cell, of which all parts differ */
        t[i].a = 0;
        if (!old.a) t[i].part = (old.part + 1) % 3;
      } else
        t[i].value.c[0] = vft_fp_add(old.value.c[0], (vft_fp){1});
      vft_circuit *d = record_things(t, false, false);
      vft_circuit_prune(d);
      vft_circuit_digest(d, other);
      assert_memory_not_equal(digest, other, 32);
      vft_circuit_free(d);
      t[i] = old;
    }
    vft_circuit_free(c);
  }
}

/* ---- cells that occur once ---- */

static void equal_cells(void **state) {
  (void)state;
  enum { MANY = 3000 };
  static vft_wire constant[MANY], sum[MANY];
  seed = 99;
  vft_circuit *c = fresh();
  vft_wire one = vft_circuit_constant(c, VFT_EXT_ONE);
  vft_wire x = vft_circuit_input(c, vft_ext_from_fp(rnd_fp()));
  vft_wire y = vft_circuit_free_cell(c, rnd_ext()), z = vft_circuit_free_cell(c, rnd_ext());
  assert_int_equal(vft_circuit_constant(c, VFT_EXT_ZERO), 0);
  for (uint32_t i = 0; i < MANY; i++) {
    constant[i] = vft_circuit_constant(c, (vft_ext){{{i + 2}, {i}, {3}}});
    sum[i] = vft_circuit_sum(c, i ? sum[i - 1] : x, y, constant[i]);
  }
  uint32_t constants = c->cells[VFT_CELL_CONSTANT].n, sums = c->cells[VFT_CELL_SUM].n;
  assert_int_equal(constants, MANY + 2);
  assert_int_equal(sums, MANY);
  for (uint32_t i = 0; i < MANY; i++) {
    assert_int_equal(vft_circuit_constant(c, (vft_ext){{{i + 2}, {i}, {3}}}), constant[i]);
    assert_int_equal(vft_circuit_sum(c, y, i ? sum[i - 1] : x, constant[i]), sum[i]);
  }
  assert_int_equal(c->cells[VFT_CELL_CONSTANT].n, constants);
  assert_int_equal(c->cells[VFT_CELL_SUM].n, sums);
  /* a product and what is added to it is one sum, in any order */
  vft_wire product = vft_circuit_sum(c, x, z, 0), all = vft_circuit_sum(c, z, x, y);
  assert_int_not_equal(product, all);
  assert_int_equal(vft_circuit_sum(c, one, product, y), all);
  assert_int_equal(vft_circuit_sum(c, product, one, y), all);
  assert_int_equal(vft_circuit_sum(c, one, y, product), all);
  assert_true(vft_ext_eq(vft_circuit_value(c, all),
                         vft_ext_add(vft_ext_mul(vft_circuit_value(c, x), vft_circuit_value(c, z)),
                                     vft_circuit_value(c, y))));
  /* which is not so of a sum that has its third already */
  vft_wire more = vft_circuit_sum(c, one, all, z);
  assert_true(vft_ext_eq(vft_circuit_value(c, more),
                         vft_ext_add(vft_circuit_value(c, all), vft_circuit_value(c, z))));
  assert_int_not_equal(vft_circuit_sum(c, x, x, y), vft_circuit_sum(c, x, y, x));
  vft_circuit_free(c);
}

/* ---- the digest ---- */

static vft_circuit *one_of_each(void) {
  vft_circuit *c = fresh();
  vft_wire in = vft_circuit_input(c, vft_ext_from_fp((vft_fp){5}));
  vft_wire base = vft_circuit_base(c, (vft_fp){1}), x = vft_circuit_free_cell(c, VFT_EXT_ONE);
  vft_wire sum = vft_circuit_sum(c, in, x, base);
  uint32_t p = permute(c, sum, VFT_FRESH), q = permute(c, in, p);
  vft_wire bit = vft_circuit_split(c, (vft_wire_part){vft_circuit_sponge(q), 1});
  vft_circuit_take_part(c, (vft_wire_part){in, 2});
  vft_circuit_fetch(c, base, vft_circuit_constant(c, VFT_EXT_ZERO));
  vft_circuit_zero(c, vft_circuit_sum(c, minus_one(c), base, x));
  (void)bit;
  return c;
}

static void changes(const vft_circuit *c, uint32_t *word, const uint8_t digest[32]) {
  for (int b = 0; b < 32; b++) {
    uint8_t other[32];
    *word ^= 1u << b;
    vft_circuit_digest(c, other);
    *word ^= 1u << b;
    assert_memory_not_equal(digest, other, 32);
  }
}

/* Two constants of one name, which are found in a few tries: sums of one name, too. They are not made one. */
static void one_name(void **state) {
  (void)state;
  const vft_ext a = {{{0x6cae6a37175b806f}, {0xfc36e1e3e0000000}, {0}}};
  const vft_ext b = {{{0xecae6a37175b806f}, {0x4f63e0aa60000000}, {0}}};
  for (int same = 0; same < 2; same++) {
    vft_circuit *c = fresh();
    vft_wire x = vft_circuit_free_cell(c, rnd_ext()), y = vft_circuit_free_cell(c, rnd_ext());
    vft_circuit_zero(c, vft_circuit_sum(c, vft_circuit_constant(c, a), x, y));
    vft_circuit_zero(c, vft_circuit_sum(c, vft_circuit_constant(c, same ? a : b), x, y));
    vft_circuit_prune(c);
    assert_int_equal(c->status, same ? VFT_OK : VFT_USAGE);
    vft_error_clear();
    vft_circuit_free(c);
  }
}

static void digests(void **state) {
  (void)state;
  uint8_t digest[32], other[32];
  vft_circuit *c = one_of_each();
  vft_circuit_digest(c, digest);
  vft_sum_op *s = &c->sum[0];
  vft_sponge_op *o = &c->sponge[1];
  uint32_t *word[] = {&s->a, &s->b, &s->c, &o->lane[0].wire, &o->lane[7].wire, &o->lane[0].part,
                      &o->lane[7].part, &o->after, &o->swap, &c->split[0].wire, &c->split[0].part,
                      &c->part[0].wire, &c->part[0].part, &c->fetch[0].first, &c->fetch[0].index,
                      &c->zero[0]};
  for (size_t i = 0; i < sizeof word / sizeof *word; i++) changes(c, word[i], digest);
  vft_fp *known[] = {&o->capacity[0],
                     &o->capacity[3],
                     &c->cells[VFT_CELL_CONSTANT].value[1].c[0],
                     &c->cells[VFT_CELL_CONSTANT].value[1].c[1],
                     &c->cells[VFT_CELL_CONSTANT].value[1].c[2]};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint64_t v = known[i]->v;
    known[i]->v = v ? 0 : 1;
    vft_circuit_digest(c, other);
    known[i]->v = v;
    assert_memory_not_equal(digest, other, 32);
  }
  /* the number of cells of each kind, of splits, permutations and zeros */
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    if (k == VFT_CELL_CONSTANT || k == VFT_CELL_SUM || k == VFT_CELL_PART || k == VFT_CELL_FETCH)
      continue;
    c->cells[k].n++;
    vft_circuit_digest(c, other);
    c->cells[k].n--;
    assert_memory_not_equal(digest, other, 32);
  }
  for (int k = 0; k < 7; k++) {
    vft_circuit *d = one_of_each();
    vft_circuit_digest(d, other);
    assert_memory_equal(digest, other, 32);
    if (k == 0) vft_circuit_zero(d, 0);
    if (k == 1) vft_circuit_split(d, (vft_wire_part){0, 0});
    if (k == 2) permute(d, 0, VFT_FRESH);
    if (k == 3) vft_circuit_take_part(d, (vft_wire_part){(vft_wire)VFT_CELL_FREE << VFT_WIRE_BITS, 0});
    if (k == 4) vft_circuit_fetch(d, (vft_wire)VFT_CELL_BASE << VFT_WIRE_BITS, 0);
    if (k == 5) vft_circuit_constant(d, (vft_ext){{{9}, {9}, {9}}});
    if (k == 6) vft_circuit_sum(d, 0, 0, 0);
    vft_circuit_digest(d, other);
    assert_memory_not_equal(digest, other, 32);
    vft_circuit_free(d);
  }
  /* but no value */
  for (int k = VFT_CELL_FREE; k < VFT_CELL_KINDS; k++)
    for (uint32_t i = 0; i < c->cells[k].n; i++) c->cells[k].value[i] = (vft_ext){{{1}, {2}, {3}}};
  vft_circuit_digest(c, other);
  assert_memory_equal(digest, other, 32);
  vft_circuit_free(c);
}

/* ---- tables ---- */

static vft_poseidon_digest rnd_digest(void) {
  return (vft_poseidon_digest){{rnd_fp(), rnd_fp(), rnd_fp(), rnd_fp()}};
}

static void wires_of(vft_circuit *c, const vft_poseidon_digest *d, vft_wire out[4]) {
  for (int k = 0; k < 4; k++) out[k] = vft_circuit_base(c, d->e[k]);
}

static void hashes(void **state) {
  (void)state;
  seed = 7;
  const uint64_t domain[] = {0, VFT_DOMAIN_TABLE_INPUTS, VFT_DOMAIN_COMMON};
  for (size_t n = 0; n < 27; n++)
    for (size_t d = 0; d < 3; d++) {
      vft_fp in[32];
      vft_wire w[32], out[4];
      vft_poseidon_digest native;
      vft_circuit *c = fresh();
      for (size_t i = 0; i < n; i++) w[i] = vft_circuit_base(c, in[i] = rnd_fp());
      vft_circuit_hash(c, domain[d], w, n, out);
      vft_poseidon_hash_many(domain[d], in, n, 1, &native);
      for (int k = 0; k < 4; k++) {
        assert_int_equal(vft_circuit_value(c, out[k]).c[0].v, native.e[k].v);
        vft_circuit_equal(c, out[k], vft_circuit_base(c, native.e[k]));
      }
      assert_true(vft_circuit_holds(c));
      if (n == 9) accepted(c);
      for (uint32_t i = 0; i < n; i++) { /* every element counts */
        vft_fp *v = &c->cells[VFT_CELL_BASE].value[i].c[0], old = *v;
        *v = vft_fp_add(old, (vft_fp){1});
        assert_true(evaluate(c));
        assert_false(vft_circuit_holds(c));
        *v = old;
      }
      vft_circuit_free(c);
    }
}

static void bits(void **state) {
  (void)state;
  for (unsigned n = 0; n <= 32; n++) {
    uint64_t most = ((uint64_t)1 << n) - 1;
    const uint64_t x[] = {0, most, most / 3, most + 1, 2 * most + 1, VFT_P - 1, VFT_P - most - 1,
                          (most + 1) << 31, 1ull << 32, 0xffffffff00000000ull};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
      uint64_t v = vft_fp_from_u64(x[i]).v;
      vft_circuit *c = fresh();
      vft_wire w = vft_circuit_input(c, vft_ext_from_fp((vft_fp){v}));
      vft_wire bit = vft_circuit_bits(c, w, n);
      assert_int_equal(vft_circuit_holds(c), v <= most);
      for (unsigned b = 0; b < n; b++)
        assert_int_equal(vft_circuit_value(c, bit + b).c[0].v, v >> b & 1);
      assert_int_equal(fitted(c), v <= most ? VFT_OK : VFT_REJECTED);
      vft_circuit_free(c);
    }
  }
}

static void arithmetic(void **state) {
  (void)state;
  vft_circuit *c = fresh();
  vft_wire a = vft_circuit_input(c, vft_ext_from_fp((vft_fp){10}));
  vft_wire b = vft_circuit_base(c, (vft_fp){7});
  assert_int_equal(vft_circuit_number(c, 0), 0);
  assert_int_equal(vft_circuit_number(c, VFT_P + 3), vft_circuit_number(c, 3));
  assert_int_equal(vft_circuit_value(c, vft_circuit_add(c, a, b, (vft_fp){5})).c[0].v, 45);
  vft_circuit_equal(c, a, a);
  assert_int_equal(c->nzero, 0);
  vft_circuit_equal(c, a, vft_circuit_add(c, b, vft_circuit_number(c, 1), (vft_fp){3}));
  assert_true(vft_circuit_holds(c));
  vft_circuit_equal(c, a, b);
  assert_false(vft_circuit_holds(c));
  vft_circuit_free(c);
}

/* Of height VFT_TABLE_LOG whatever the entries, all others being zeros. */
static void trees(void **state) {
  (void)state;
  seed = 21;
  const unsigned log[] = {0, 0, 1, 2, 2, 3, 3, 3, 3, 4};
  for (uint64_t n = 0; n < 10; n++) {
    vft_poseidon_digest leaf[9], level[16], empty = {{{0}}};
    vft_table_tree t;
    memset(level, 0, sizeof level);
    for (uint64_t i = 0; i < n; i++) level[i] = leaf[i] = rnd_digest();
    OK(vft_table_tree_init(&t, leaf, n));
    assert_int_equal(t.log, log[n]);
    for (unsigned h = 0; h < VFT_TABLE_LOG; h++) {
      size_t known = h < t.log ? (size_t)1 << (t.log - h) : 1;
      if (known == 1) level[1] = empty;
      for (uint64_t i = 0; i < n; i++) {
        vft_poseidon_digest s = vft_table_sibling(&t, i, h);
        assert_memory_equal(&s, &level[(i >> h) ^ 1], sizeof s);
      }
      for (size_t i = 0; i < (known + 1) / 2; i++)
        vft_poseidon_compress(&level[2 * i], &level[i], 1);
      vft_poseidon_digest pair[2] = {empty, empty};
      vft_poseidon_compress(pair, &empty, 1);
    }
    assert_memory_equal(&t.root, &level[0], sizeof t.root);
    vft_table_tree_free(&t);
  }
  vft_table_tree t;
  assert_int_equal(vft_table_tree_init(&t, NULL, ((uint64_t)1 << VFT_TABLE_LOG) + 1), VFT_USAGE);
}

/* That the leaf is entry `place`, at the place with these bits. */
static vft_circuit *member(const vft_table_tree *t, uint64_t place, uint64_t bits_of,
                           const vft_poseidon_digest *leaf, const vft_poseidon_digest *root) {
  vft_circuit *c = fresh();
  vft_wire l[4], r[4];
  wires_of(c, leaf, l);
  wires_of(c, root, r);
  vft_wire at = vft_circuit_input(c, vft_ext_from_fp((vft_fp){bits_of}));
  vft_circuit_member(c, t, place, vft_circuit_bits(c, at, VFT_TABLE_LOG), l, r);
  OK(c->status);
  return c;
}

static void members(void **state) {
  (void)state;
  seed = 22;
  for (uint64_t n = 1; n < 8; n++) {
    vft_poseidon_digest leaf[8];
    vft_table_tree t;
    for (uint64_t i = 0; i < n; i++) leaf[i] = rnd_digest();
    OK(vft_table_tree_init(&t, leaf, n));
    vft_poseidon_digest root = t.root, false_root = root;
    false_root.e[3] = vft_fp_add(root.e[3], (vft_fp){1});
    uint8_t digest[32], other[32];
    for (uint64_t i = 0; i < n; i++) {
      vft_circuit *c = member(&t, i, i, &leaf[i], &root);
      assert_true(vft_circuit_holds(c));
      vft_circuit_digest(c, i ? other : digest); /* one circuit for all places */
      if (i) assert_memory_equal(digest, other, 32);
      assert_true(evaluate(c));
      assert_true(vft_circuit_holds(c));
      if (i == n / 2) accepted(c);
      vft_circuit_free(c);
      for (uint64_t k = 0; k < n; k++) {
        if (k == i) continue;
        vft_circuit *no[] = {member(&t, i, i, &leaf[k], &root), member(&t, i, k, &leaf[i], &root),
                             member(&t, k, i, &leaf[i], &root), member(&t, k, k, &leaf[i], &root)};
        for (int v = 0; v < 4; v++) {
          assert_false(vft_circuit_holds(no[v]));
          assert_int_equal(fitted(no[v]), VFT_REJECTED);
          assert_string_equal(vft_error_check(), "circuit/zero");
          vft_circuit_free(no[v]);
        }
      }
      c = member(&t, i, i, &leaf[i], &false_root);
      assert_false(vft_circuit_holds(c));
      vft_circuit_free(c);
    }
    vft_table_tree_free(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pruning), cmocka_unit_test(canonical), cmocka_unit_test(equal_cells),
      cmocka_unit_test(one_name), cmocka_unit_test(digests), cmocka_unit_test(hashes),    cmocka_unit_test(bits),
      cmocka_unit_test(arithmetic), cmocka_unit_test(trees),  cmocka_unit_test(members)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
