/* Test helper: the witness of a block of candidates once more, apart from program/epoch_trace.c:
 * one element after the other through `set`, which puts a false value where one is planted and
 * returns what is there now. So everything after a lie goes on honestly from it: a false order
 * opens another record, whose tokens move the counters, and so on.
 *
 * The dataset is made for lies: the trees are full of leaves, beyond the records that it declares,
 * and tier 1 has one record only, so that its root can be whatever a false path leads to. */
#ifndef TESTS_PROGRAM_EPOCH_FORGE_H
#define TESTS_PROGRAM_EPOCH_FORGE_H

#include "program/epoch_world.h"

enum { ARENA_CLASSES = 8, TREE = 32, HEIGHT = 5, MAX_FALSE = 200, LANES = VFT_POSEIDON_WIDTH };

typedef struct {
  world w;
  vft_class class[ARENA_CLASSES];
  vft_class *list[ARENA_CLASSES];
  vft_poseidon_digest digest[ARENA_CLASSES];
  vft_class_verdict verdict[ARENA_CLASSES];
  vft_epoch_record leaf[VFT_TIERS][TREE];
  vft_poseidon_digest path[VFT_TIERS][TREE][HEIGHT];
} arena;

/* Classes in rows of three. Pairs in a row or a column that a one-hot could mix: 1, 2 and 1, 4 are
 * alike; 6, 7 differ in the verdict only. */
static const struct {
  int tier;
  bool allowed;
  uint64_t bins;
} arena_class[ARENA_CLASSES] = {{0, true, 1}, {1, true, 2}, {1, true, 2}, {2, false, 2},
                                {1, true, 2}, {2, true, 2}, {1, false, 2}, {1, true, 2}};

static inline void arena_tree(arena *a, int tier) {
  vft_poseidon_digest node[TREE];
  for (int i = 0; i < TREE; i++) {
    vft_epoch_record *r = &a->leaf[tier][i];
    uint64_t n = (uint64_t)(tier * TREE + i);
    int class = tier == 0 ? 0 : tier == 1 ? 1 : n % 2 ? 5 : 3;
    *r = (vft_epoch_record){.class_number = (uint32_t)class, .tokens = (uint32_t)(5 + 7 * n % 20),
                            .loss_tokens = n % 9 == 4 ? 0 : 3, .content = world_digest(n),
                            .salt = world_digest(500 + n), .siblings = a->path[tier][i]};
    vft_poseidon_digest meta;
    vft_metadata_digests(&a->digest[class], &r->tokens, &r->loss_tokens, &meta, 1);
    vft_leaf_digests(&r->content, &meta, &r->salt, &node[i], 1);
  }
  for (int h = 0; h < HEIGHT; h++) {
    for (int i = 0; i < TREE; i++) a->path[tier][i][h] = node[(i >> h) ^ 1];
    vft_poseidon_compress(node, node, TREE >> (h + 1));
  }
  a->w.s.tree[tier] = node[0];
}

static inline void arena_init(arena *a, world_kind kind) {
  static const uint64_t records[VFT_TIERS] = {12, 1, 24};
  memset(a, 0, sizeof *a);
  world_init(&a->w, kind);
  vft_sampling *s = &a->w.s;
  uint64_t first = 0;
  for (int t = 0; t < VFT_TIERS; first += records[t++]) {
    s->tier_records[t] = records[t];
    s->tier_first[t] = first;
  }
  assert_int_equal(first, s->records);
  s->classes = ARENA_CLASSES;
  s->class_list = a->list;
  s->class_digest = a->digest;
  s->class_verdict = a->verdict;
  for (int k = 0; k < ARENA_CLASSES; k++) {
    a->list[k] = &a->class[k];
    a->class[k].tier = (vft_tier)arena_class[k].tier;
    a->digest[k] = world_digest(1000 + (uint64_t)k);
    a->verdict[k].verdict = arena_class[k].allowed ? VFT_ACCEPTED : VFT_SKIP_LICENSE;
    a->verdict[k].bins[0] = arena_class[k].bins;
  }
  for (int t = 0; t < VFT_TIERS; t++) arena_tree(a, t);
}

static inline vft_status arena_open(void *ctx, uint64_t n, vft_epoch_record *out) {
  const arena *a = ctx;
  int tier = n >= a->w.s.tier_first[2] ? 2 : n >= a->w.s.tier_first[1] ? 1 : 0;
  *out = a->leaf[tier][n - a->w.s.tier_first[tier]];
  return VFT_OK;
}

/* ---- one block ---- */

typedef struct {
  vft_tensor_id tensor;
  size_t index;
  int64_t value;
  bool add; /* to the value that would be there */
} lie;

typedef struct {
  const arena *a;
  const vft_epoch *e;
  const vft_epoch_statement *at;
  const uint64_t *before; /* counters */
  const vft_poseidon_digest *rows; /* those of earlier blocks count */
  vft_trace t;
  int64_t **x; /* per tensor */
  lie lie[MAX_FALSE];
  unsigned nlies;
  vft_poseidon_digest top[128]; /* where each candidate's path ends */
} forge;

static inline vft_tensor_id tensor_of(const forge *f, const char *format, ...) {
  char name[128];
  va_list ap;
  va_start(ap, format);
  vsnprintf(name, sizeof name, format, ap);
  va_end(ap);
  vft_tensor_id id = vft_program_find_tensor(f->e->program, name);
  if (id == VFT_NO_TENSOR) fail_msg("no tensor %s", name);
  return id;
}

static inline int64_t set(forge *f, vft_tensor_id t, size_t i, int64_t v) {
  bool field = f->e->program->tensors[t].field;
  for (unsigned k = 0; k < f->nlies; k++) {
    const lie *l = &f->lie[k];
    if (l->tensor != t || l->index != i) continue;
    v = !l->add  ? l->value
        : !field ? v + l->value
                 : vft_field_signed(vft_fp_add(vft_fp_from_i64(v), vft_fp_from_i64(l->value)));
  }
  return f->x[t][i] = v;
}

static inline vft_fp set_field(forge *f, vft_tensor_id t, size_t i, vft_fp v) {
  return vft_fp_from_i64(set(f, t, i, vft_field_signed(v)));
}

static inline void set_digest(forge *f, vft_tensor_id t, size_t i, const vft_poseidon_digest *d,
                              vft_fp *out) {
  for (size_t k = 0; k < 4; k++) out[k] = set_field(f, t, 4 * i + k, d->e[k]);
}

/* ---- numbers in limbs ---- */

typedef struct {
  vft_tensor_id value, limb[4];
  unsigned n;
} number;

static inline number number_of(const forge *f, const char *name) {
  char text[160];
  number w = {.value = tensor_of(f, "%s", name)};
  for (; w.n < 4; w.n++) {
    snprintf(text, sizeof text, "%s/limb%u", name, w.n);
    w.limb[w.n] = vft_program_find_tensor(f->e->program, text);
    if (w.limb[w.n] == VFT_NO_TENSOR) break;
  }
  return w;
}

/* The top limb takes whatever is left, negative too. */
static inline int64_t put_number(forge *f, const number *w, size_t i, int64_t v) {
  __int128 sum = 0;
  for (unsigned k = 0; k < w->n; k++) {
    int64_t limb = v >> 16 * k;
    if (k + 1 < w->n) limb &= 0xffff;
    sum += set(f, w->limb[k], i, limb) * ((__int128)1 << 16 * k);
  }
  return set(f, w->value, i, (int64_t)sum);
}

typedef struct {
  vft_tensor_id bit, value;
  number margin;
} comparison;

static inline comparison comparison_of(const forge *f, const char *name) {
  char text[120];
  snprintf(text, sizeof text, "%s/margin", name);
  return (comparison){tensor_of(f, "%s", name), tensor_of(f, "%s/value", name), number_of(f, text)};
}

static inline int64_t decide(forge *f, const comparison *c, size_t i, int64_t v) {
  int64_t e = set(f, c->value, i, v), b = set(f, c->bit, i, e >= 0);
  put_number(f, &c->margin, i, 2 * b * e + b - e - 1);
  return b;
}

/* ---- permutations ---- */

typedef struct {
  vft_tensor_id x, cube, y, y_cube, out;
} sbox_ids;

static inline sbox_ids box_of(const forge *f, const char *name) {
  return (sbox_ids){tensor_of(f, "%s/x", name), tensor_of(f, "%s/x3", name),
                    tensor_of(f, "%s/y", name), tensor_of(f, "%s/y3", name),
                    tensor_of(f, "%s/out", name)};
}

/* 32-bit halves apart: twelve products with the matrix's small entries fit 64 bits. */
static inline void mix(vft_fp *s) {
  uint64_t half[2][LANES];
  for (int k = 0; k < LANES; k++) half[0][k] = s[k].v & 0xffffffffu, half[1][k] = s[k].v >> 32;
  for (int r = 0; r < LANES; r++) {
    unsigned __int128 sum = 0;
    for (int h = 0; h < 2; h++) {
      uint64_t part = r ? 0 : 8 * half[h][0];
      for (int k = 0; k < LANES; k++) part += vft_poseidon_circulant[k] * half[h][(r + k) % LANES];
      sum += (unsigned __int128)part << 32 * h;
    }
    s[r] = vft_fp_reduce128((uint64_t)(sum >> 64), (uint64_t)sum);
  }
}

static inline vft_fp sbox_at(forge *f, vft_tensor_id x, vft_tensor_id cube, size_t i, vft_fp v) {
  v = set_field(f, x, i, v);
  vft_fp c = set_field(f, cube, i, vft_fp_mul(vft_fp_sqr(v), v));
  return vft_fp_mul(vft_fp_sqr(c), v);
}

/* s: what goes in, then what comes out. */
static inline void permutation(forge *f, const sbox_ids *b, size_t n, vft_fp *s) {
  size_t full = n * VFT_POSEIDON_FULL * LANES, partial = n * VFT_POSEIDON_PARTIAL;
  for (unsigned r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    for (unsigned i = 0; i < LANES; i++)
      s[i] = vft_fp_add(s[i], vft_fp_from_u64(vft_poseidon_constant(r, i)));
    if (r < 4 || r >= 4 + VFT_POSEIDON_PARTIAL) {
      for (int i = 0; i < LANES; i++) s[i] = sbox_at(f, b->x, b->cube, full++, s[i]);
    } else {
      s[0] = sbox_at(f, b->y, b->y_cube, partial++, s[0]);
    }
    mix(s);
  }
  for (size_t i = 0; i < LANES; i++) s[i] = set_field(f, b->out, n * LANES + i, s[i]);
}

static inline void start(vft_fp *s, uint64_t n, uint64_t domain) {
  memset(s, 0, LANES * sizeof *s);
  s[8].v = n;
  s[10].v = domain;
}

static inline void add_in(vft_fp *s, const vft_fp *x, size_t n) {
  for (size_t i = 0; i < n; i++) s[i] = vft_fp_add(s[i], x[i]);
}

/* ---- keys ---- */

static inline void take_field(const forge *f, vft_tensor_id t, size_t n, vft_fp *out) {
  for (size_t i = 0; i < n; i++) out[i] = vft_fp_from_i64(f->x[t][i]);
}

static inline void forge_keys(forge *f, vft_fp *key) {
  const vft_epoch *e = f->e;
  if (!e->secret) {
    take_field(f, e->in_key, 4, key);
    return;
  }
  vft_fp x[5], h[5], z[5], s[LANES];
  sbox_ids b[6];
  char name[32];
  for (int k = 0; k < 6; k++) {
    snprintf(name, sizeof name, "key/%d", k);
    b[k] = box_of(f, name);
  }
  vft_tensor_id secret = tensor_of(f, "key/secret"), epoch = tensor_of(f, "key/epoch");
  vft_pack_bytes(f->a->w.secret, 32, x);
  for (size_t i = 0; i < 5; i++) x[i] = set_field(f, secret, i, x[i]);
  take_field(f, e->in_manifest, 5, h);
  take_field(f, e->in_beacon, 5, z);
  const int64_t *where = f->x[e->in_where];
  start(s, 5, VFT_DOMAIN_SECRET);
  add_in(s, x, 5);
  permutation(f, &b[0], 0, s);
  start(s, 17, VFT_DOMAIN_SEED);
  s[0].v = 1;
  s[1] = vft_fp_from_i64(where[0]);
  add_in(s + 2, h, 5);
  add_in(s + 7, x, 1);
  permutation(f, &b[1], 0, s);
  add_in(s, x + 1, 4);
  add_in(s + 4, z, 4);
  permutation(f, &b[2], 0, s);
  add_in(s, z + 4, 1);
  permutation(f, &b[3], 0, s);
  for (int k = 4; k < 6; k++) {
    vft_fp before[4];
    memcpy(before, s, sizeof before);
    start(s, 5, k == 4 ? VFT_DOMAIN_WINDOW : VFT_DOMAIN_EPOCH);
    add_in(s, before, 4);
    s[4] = vft_fp_from_i64(where[k == 4 ? 1 : 2]);
    permutation(f, &b[k], 0, s);
  }
  for (size_t i = 0; i < 4; i++) key[i] = set_field(f, epoch, i, s[i]);
}

/* ---- order ---- */

typedef struct {
  vft_tensor_id limb[5], lower, gap, inverse, full, value;
  number quotient;
  sbox_ids sponge;
} hash_ids;

static inline hash_ids hash_of(const forge *f) {
  hash_ids h = {.lower = tensor_of(f, "order/lower"), .gap = tensor_of(f, "order/gap"),
                .inverse = tensor_of(f, "order/inverse"), .full = tensor_of(f, "order/full"),
                .value = tensor_of(f, "order/value"), .quotient = number_of(f, "order/quotient"),
                .sponge = box_of(f, "order/sponge")};
  for (int k = 0; k < 5; k++) h.limb[k] = tensor_of(f, "order/hash%d", k);
  return h;
}

static inline int64_t low_bits_of(forge *f, const hash_ids *h, size_t i, vft_fp hash) {
  static const int width[5] = {16, 16, 16, 12, 4};
  int64_t l[5];
  uint64_t v = hash.v;
  for (int k = 0; k < 5; v >>= width[k++])
    l[k] = set(f, h->limb[k], i, (int64_t)(v & (((uint64_t)1 << width[k]) - 1)));
  const int64_t k16 = 1 << 16, k28 = 1 << 28;
  set(f, h->lower, i, l[0] + k16 * l[1]);
  int64_t gap = set(f, h->gap, i, 0xffffffffll - l[2] - k16 * l[3] - k28 * l[4]);
  vft_fp g = vft_fp_from_i64(gap);
  vft_fp inverse = set_field(f, h->inverse, i, g.v ? vft_fp_inv(g) : g);
  set_field(f, h->full, i, vft_fp_sub((vft_fp){1}, vft_fp_mul(g, inverse)));
  return set(f, h->value, i, l[0] + k16 * (l[1] + k16 * (l[2] + k16 * l[3])));
}

static inline int64_t modulo(int64_t v, int64_t n) { return (v % n + n) % n; }

static inline void forge_order(forge *f, const vft_fp *key, int64_t *index) {
  enum { R = VFT_EPOCH_ROUNDS };
  const vft_epoch *e = f->e;
  hash_ids h = hash_of(f);
  vft_tensor_id to = tensor_of(f, "order/index");
  int64_t side = (int64_t)e->side;
  bool draw = f->a->w.s.replacement;
  number x = number_of(f, draw ? "order/draw" : "order/half");
  number room = number_of(f, draw ? "order/draw/room" : "order/half/room");
  for (size_t c = 0; c < e->block; c++) {
    vft_fp s[LANES];
    int64_t half[R + 2];
    if (draw) {
      start(s, 5, VFT_DOMAIN_DRAW);
      add_in(s, key, 4);
      s[4] = vft_fp_from_i64(f->x[e->in_left][c]);
      permutation(f, &h.sponge, c, s);
      int64_t v = low_bits_of(f, &h, c, s[0]), rest = put_number(f, &x, c, modulo(v, side));
      put_number(f, &room, c, side - 1 - rest);
      put_number(f, &h.quotient, c, (v - rest) / side);
      index[c] = set(f, to, c, rest);
      continue;
    }
    for (size_t r = 0; r < R + 2; r++) {
      size_t at = c * R + r - 2;
      int64_t v = r < 2 ? f->x[r ? e->in_right : e->in_left][c] : 0;
      if (r >= 2) {
        start(s, 6, VFT_DOMAIN_ROUND);
        add_in(s, key, 4);
        s[4].v = r - 2;
        s[5] = vft_fp_from_i64(half[r - 1]);
        permutation(f, &h.sponge, at, s);
        v = half[r - 2] + low_bits_of(f, &h, at, s[0]);
      }
      half[r] = put_number(f, &x, c * (R + 2) + r, r < 2 ? v : modulo(v, side));
      put_number(f, &room, c * (R + 2) + r, side - 1 - half[r]);
      if (r >= 2) put_number(f, &h.quotient, at, (v - half[r]) / side);
    }
    index[c] = set(f, to, c, side * half[R] + half[R + 1]);
  }
}

/* ---- records ---- */

typedef struct {
  int64_t inside, high[3], low[3], tokens, loss;
  vft_fp content[4], entry[4];
} candidate;

static inline int64_t by_class(const candidate *c, const vft_epoch *e, const int64_t *table) {
  int64_t sum = 0;
  for (uint32_t k = 0; k < e->classes_high; k++)
    for (uint32_t l = 0; l < e->classes_low; l++)
      sum += c->high[k] * c->low[l] * table[k * e->classes_low + l];
  return sum;
}

typedef struct {
  comparison exists, tier[2];
  vft_tensor_id inside, record, high, low, content, salt, right, sibling;
  number tokens, loss;
  sbox_ids meta, first, second, node, entry;
} record_ids;

static inline record_ids record_of(const forge *f) {
  record_ids r = {.exists = comparison_of(f, "record/exists"),
                  .tier = {comparison_of(f, "record/restricted"),
                           comparison_of(f, "record/shadow")},
                  .inside = tensor_of(f, "record/inside"), .record = tensor_of(f, "record/number"),
                  .high = tensor_of(f, "class/high"), .low = tensor_of(f, "class/low"),
                  .content = tensor_of(f, "leaf/content"), .salt = tensor_of(f, "leaf/salt"),
                  .tokens = number_of(f, "leaf/tokens"), .loss = number_of(f, "leaf/loss_tokens"),
                  .meta = box_of(f, "leaf/metadata"), .first = box_of(f, "leaf/first"),
                  .second = box_of(f, "leaf/second"), .right = tensor_of(f, "path/right"),
                  .sibling = tensor_of(f, "path/sibling"), .node = box_of(f, "path/node"),
                  .entry = box_of(f, "rows/entry")};
  return r;
}

static inline void forge_leaf(forge *f, const record_ids *r, size_t n, const vft_epoch_record *from,
                              candidate *c, vft_fp *s) {
  const vft_epoch *e = f->e;
  for (uint32_t k = 0; k < e->classes_high; k++)
    c->high[k] = set(f, r->high, n * e->classes_high + k,
                     from->class_number / e->classes_low == k);
  for (uint32_t k = 0; k < e->classes_low; k++)
    c->low[k] = set(f, r->low, n * e->classes_low + k, from->class_number % e->classes_low == k);
  c->tokens = put_number(f, &r->tokens, n, from->tokens);
  c->loss = put_number(f, &r->loss, n, from->loss_tokens);
  vft_fp salt[4], meta[4];
  set_digest(f, r->content, n, &from->content, c->content);
  set_digest(f, r->salt, n, &from->salt, salt);
  start(s, 8, VFT_DOMAIN_METADATA);
  for (size_t k = 0; k < ARENA_CLASSES; k++) {
    vft_fp is = vft_fp_from_i64(c->high[k / e->classes_low] * c->low[k % e->classes_low]);
    for (int i = 0; i < 4; i++) s[i] = vft_fp_add(s[i], vft_fp_mul(is, f->a->digest[k].e[i]));
  }
  s[4] = vft_fp_from_i64(c->tokens);
  s[5] = vft_fp_from_i64(c->loss);
  permutation(f, &r->meta, n, s);
  memcpy(meta, s, sizeof meta);
  start(s, 6, VFT_DOMAIN_ROW);
  add_in(s, c->content, 4);
  s[4] = vft_fp_from_i64(c->tokens);
  s[5] = vft_fp_from_i64(c->loss);
  permutation(f, &r->entry, n, s);
  memcpy(c->entry, s, sizeof c->entry);
  start(s, 12, VFT_DOMAIN_LEAF);
  add_in(s, c->content, 4);
  add_in(s + 4, meta, 4);
  permutation(f, &r->first, n, s);
  add_in(s, salt, 4);
  permutation(f, &r->second, n, s);
}

static inline void forge_path(forge *f, const record_ids *r, size_t n, int tier,
                              const int64_t *right, size_t position, vft_fp *s) {
  for (size_t h = 0; h < HEIGHT; h++) {
    vft_fp node[4], sibling[4], is = vft_fp_from_i64(right[h]);
    memcpy(node, s, sizeof node);
    set_digest(f, r->sibling, n * HEIGHT + h, &f->a->path[tier][position][h], sibling);
    memset(s, 0, LANES * sizeof *s);
    s[9].v = 1;
    for (int i = 0; i < 4; i++) {
      vft_fp move = vft_fp_mul(is, vft_fp_sub(sibling[i], node[i]));
      s[i] = vft_fp_add(node[i], move);
      s[4 + i] = vft_fp_sub(sibling[i], move);
    }
    permutation(f, &r->node, n * HEIGHT + h, s);
  }
  memcpy(f->top[n].e, s, sizeof f->top[n].e);
}

static inline void forge_record(forge *f, const record_ids *r, size_t n, int64_t index,
                                candidate *c) {
  const vft_sampling *d = &f->a->w.s;
  int64_t exists = decide(f, &r->exists, n, (int64_t)d->records - 1 - index), is[2], right[HEIGHT];
  c->inside = set(f, r->inside, n, exists * f->x[f->e->in_open][n]);
  int64_t record = set(f, r->record, n, c->inside * index), local = record, position = 0;
  for (int t = 0; t < 2; t++) {
    is[t] = decide(f, &r->tier[t], n, record - (int64_t)d->tier_first[t + 1]);
    local -= is[t] * (int64_t)d->tier_records[t];
  }
  int64_t tier = is[0] + is[1];
  tier = tier < 0 ? 0 : tier > 2 ? 2 : tier;
  for (size_t h = 0; h < HEIGHT; h++) {
    right[h] = set(f, r->right, n * HEIGHT + h, local >> h & 1);
    position += right[h] * (1 << h);
  }
  position &= TREE - 1;
  vft_fp s[LANES];
  forge_leaf(f, r, n, &f->a->leaf[tier][position], c, s);
  forge_path(f, r, n, (int)tier, right, (size_t)position, s);
}

/* ---- policy, counters, rows ---- */

typedef struct {
  vft_tensor_id in_bin, increment, allowed, accepted, address, content, rows[4], in[2], out[2];
  comparison shorter, longer, fits, all, learns;
  number count, slot, row, room;
} policy_ids;

static inline policy_ids policy_of(const forge *f) {
  policy_ids p = {.in_bin = tensor_of(f, "quota/in_bin"),
                  .increment = tensor_of(f, "quota/increment"),
                  .allowed = tensor_of(f, "policy/allowed"), .accepted = tensor_of(f, "accepted"),
                  .address = tensor_of(f, "rows/address"), .content = tensor_of(f, "rows/content"),
                  .shorter = comparison_of(f, "quota/not_shorter"),
                  .longer = comparison_of(f, "quota/not_longer"),
                  .fits = comparison_of(f, "quota/fits"), .all = comparison_of(f, "quota/all_fit"),
                  .learns = comparison_of(f, "policy/learns"), .count = number_of(f, "quota/count"),
                  .slot = number_of(f, "rows/slot"), .row = number_of(f, "rows/row"),
                  .room = number_of(f, "rows/row/room")};
  for (int i = 0; i < 4; i++) p.rows[i] = tensor_of(f, "rows/%d", i);
  for (unsigned i = 0; i < p.count.n; i++) {
    p.in[i] = tensor_of(f, "before/limb%u", i);
    p.out[i] = tensor_of(f, "after/limb%u", i);
  }
  return p;
}

/* What a candidate adds to a counter. */
static inline int64_t forge_increment(forge *f, const policy_ids *p, size_t n, const candidate *c,
                                      uint32_t q, uint32_t *length) {
  const vft_epoch *e = f->e;
  const vft_policy *policy = &f->a->w.s.policy;
  int64_t member[9] = {0}, in = 0, unit = 1;
  if (q < policy->quotas) {
    const vft_quota *x = &policy->quota[q];
    if (x->kind == VFT_BIN_LENGTH) {
      size_t at = n * e->lengths + (*length)++;
      int64_t longest = x->longest < e->longest ? x->longest : (int64_t)e->longest;
      in = decide(f, &p->shorter, at, c->tokens - (int64_t)x->shortest);
      in *= decide(f, &p->longer, at, longest - c->tokens);
    } else {
      for (int k = 0; k < ARENA_CLASSES; k++) member[k] = arena_class[k].bins >> q & 1;
    }
    if (x->tokens) unit = c->tokens;
  } else {
    for (int k = 0; k < 9; k++) member[k] = q == e->rows_quota;
    if (q != e->rows_quota) unit = 0;
  }
  in = set(f, p->in_bin, n * e->quotas + q, in + by_class(c, e, member));
  return set(f, p->increment, n * e->quotas + q, in * unit);
}

static inline bool forge_accept(forge *f, const policy_ids *p, size_t n, const candidate *c,
                                int64_t *count) {
  const vft_epoch *e = f->e;
  uint32_t Q = e->quotas, length = 0;
  int64_t more[VFT_QUOTAS + 2], fitting = 0, allowed[9] = {0};
  for (uint32_t q = 0; q < Q; q++) {
    more[q] = forge_increment(f, p, n, c, q, &length);
    fitting += decide(f, &p->fits, n * Q + q, f->x[e->in_ceiling][q] - count[q] - more[q]);
  }
  int64_t all = decide(f, &p->all, n, fitting - (int64_t)Q);
  int64_t learns = decide(f, &p->learns, n, c->loss - 1);
  for (int k = 0; k < ARENA_CLASSES; k++) allowed[k] = arena_class[k].allowed;
  int64_t ok = set(f, p->allowed, n, by_class(c, e, allowed));
  int64_t accepted = set(f, p->accepted, n, c->inside * ok * learns * all);
  int64_t B = (int64_t)f->a->w.s.records_a_step, at = count[e->rows_quota];
  int64_t slot = put_number(f, &p->slot, n, at / B);
  int64_t row = put_number(f, &p->row, n, at - B * slot);
  put_number(f, &p->room, n, B - 1 - row);
  set(f, p->address, n, accepted * ((int64_t)e->row_slots * slot + row));
  for (size_t i = 0; i < 4; i++)
    set_field(f, p->content, 4 * n + i, vft_fp_mul(vft_fp_from_i64(accepted), c->entry[i]));
  for (uint32_t q = 0; q < Q; q++)
    count[q] = put_number(f, &p->count, (n + 1) * Q + q, count[q] + accepted * more[q]);
  return accepted != 0;
}

static inline void forge_counters_digest(forge *f, const int64_t *count) {
  uint32_t Q = f->e->quotas;
  sbox_ids leaf = box_of(f, "counters/leaf"), list = box_of(f, "counters/list");
  vft_tensor_id salt = tensor_of(f, "counters/salt");
  vft_fp d[VFT_QUOTAS + 2][4], s[LANES], x[4];
  for (uint32_t q = 0; q < Q; q++) {
    set_digest(f, salt, q, &f->a->w.salt[q], x);
    start(s, 6, VFT_DOMAIN_COUNTER);
    s[0].v = q;
    s[1] = vft_fp_from_i64(count[q]);
    add_in(s + 2, x, 4);
    permutation(f, &leaf, q, s);
    memcpy(d[q], s, sizeof d[q]);
  }
  start(s, 4 * (uint64_t)Q, VFT_DOMAIN_COUNTERS);
  for (uint32_t j = 0; j < Q / 2; j++) {
    add_in(s, d[j], 4);
    add_in(s + 4, d[j + Q / 2], 4);
    permutation(f, &list, j, s);
  }
  for (size_t i = 0; i < 4; i++) set_field(f, f->e->in_counters, i, s[i]);
}

/* ---- the whole ---- */

static inline void forge_init(forge *f, const arena *a, const vft_epoch *e,
                              const vft_epoch_statement *at, const uint64_t *before,
                              const vft_poseidon_digest *rows) {
  memset(f, 0, sizeof *f);
  f->a = a;
  f->e = e;
  f->at = at;
  f->before = before;
  f->rows = rows;
  OK(vft_trace_init(&f->t, e->program));
  f->x = vft_alloc(e->program->ntensors, sizeof *f->x);
  for (uint32_t t = 0; t < e->program->ntensors; t++) {
    if (e->program->tensors[t].values) continue;
    f->x[t] = vft_alloc(vft_tensor_count(&e->program->tensors[t]), sizeof **f->x);
    assert_non_null(f->x[t]);
    vft_trace_supply(&f->t, t, VFT_I64, f->x[t]);
    f->t.owned[t] = true;
  }
}

static inline void forge_free(forge *f) {
  vft_trace_free(&f->t);
  vft_free(f->x);
}

static inline void forge_inputs(forge *f) {
  int64_t **in;
  OK(vft_epoch_inputs(f->e, f->at, &in));
  for (uint32_t t = 0; t < f->e->program->ntensors; t++)
    for (size_t i = 0; in[t] && i < vft_tensor_count(&f->e->program->tensors[t]); i++)
      set(f, t, i, in[t][i]);
  vft_free(in);
}

static inline void forge_run(forge *f) {
  const vft_epoch *e = f->e;
  vft_fp key[4];
  int64_t index[128], count[VFT_QUOTAS + 2], row[4][64] = {{0}};
  size_t C = e->block, y = (size_t)e->row_slots * e->step_slots;
  assert_true(C <= 128 && y <= 64);
  forge_inputs(f);
  forge_keys(f, key);
  forge_order(f, key, index);
  record_ids r = record_of(f);
  policy_ids p = policy_of(f);
  for (uint32_t q = 0; q < e->quotas; q++) {
    for (unsigned i = 0; i < p.count.n; i++)
      set(f, p.in[i], q, (int64_t)(f->before[q] >> 16 * i & 0xffff));
    count[q] = put_number(f, &p.count, q, (int64_t)f->before[q]);
  }
  uint64_t B = f->a->w.s.records_a_step;
  for (uint64_t n = 0; n < f->before[e->rows_quota]; n++)
    for (int i = 0; i < 4; i++) {
      size_t at = n / B * e->row_slots + n % B;
      row[i][at] = vft_field_signed(f->rows[at].e[i]);
    }
  for (size_t c = 0; c < C; c++) {
    candidate of;
    forge_record(f, &r, c, index[c], &of);
    bool accepted = forge_accept(f, &p, c, &of, count);
    int64_t to = f->x[p.address][c];
    for (size_t i = 0; accepted && to >= 0 && (size_t)to < y && i < 4; i++)
      row[i][to] = f->x[p.content][4 * c + i];
  }
  for (uint32_t q = 0; q < e->quotas; q++)
    for (unsigned i = 0; i < p.count.n; i++)
      set(f, p.out[i], q, f->x[p.count.limb[i]][C * e->quotas + q]);
  for (size_t i = 0; i < 4; i++)
    for (size_t k = 0; k < y; k++) set(f, p.rows[i], k, row[i][k]);
  forge_counters_digest(f, count);
}

#endif
