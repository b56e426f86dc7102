/* The witness of a block of candidates: order, records, leaves and paths side by side, then the
 * counters one after another. */
#include <string.h>

#include "base/pool.h"
#include "gadget/poseidon_fill.h"
#include "program/epoch.h"

enum { LANES = VFT_POSEIDON_WIDTH };

typedef struct {
  vft_array *limb[4];
  uint32_t n;
} wide;

typedef struct {
  const vft_epoch *e;
  const vft_sampling *s;
  const vft_epoch_witness *w;
  const vft_epoch_statement *at;
  vft_trace *t;
  vft_status st;
  /* what the passes hand to each other, per candidate */
  uint64_t *index;
  vft_epoch_record *record;
  vft_poseidon_digest *sibling; /* [C][height] */
  /* tensors */
  vft_poseidon_arrays sponge, metadata, first, second, node, entry;
  wide half, half_room, draw, draw_room, quotient, exists_margin, tier_margin[2], tokens, loss;
  vft_array *hash[5], *exists, *tier[2], *right, *class_high, *class_low;
  int64_t *inverse, *content, *salt, *siblings;
} filler;

static vft_array *array(filler *f, const char *name) {
  vft_tensor_id id = vft_program_find_tensor(f->e->program, name);
  if (id == VFT_NO_TENSOR) {
    if (f->st == VFT_OK) f->st = vft_fail(VFT_USAGE, "sampler: no tensor %s", name);
    return &f->t->array[0];
  }
  if (f->st == VFT_OK) f->st = vft_trace_alloc(f->t, id);
  return &f->t->array[id];
}

static int64_t *field(filler *f, const char *name) { return array(f, name)->data; }

static wide limbs(filler *f, const char *name) {
  wide w = {{NULL}, 0};
  char text[96];
  for (; w.n < 4; w.n++) {
    snprintf(text, sizeof text, "%s/limb%u", name, w.n);
    if (vft_program_find_tensor(f->e->program, text) == VFT_NO_TENSOR) break;
    w.limb[w.n] = array(f, text);
  }
  return w;
}

static void put(const wide *w, size_t i, uint64_t v) {
  for (uint32_t k = 0; k < w->n; k++) vft_array_set(w->limb[k], i, (int64_t)(v >> 16 * k & 0xffff));
}

static vft_poseidon_arrays permutations(filler *f, const char *name) {
  static const char *const part[4] = {"x", "x3", "y", "y3"};
  int64_t *a[4];
  char text[96];
  for (int i = 0; i < 4; i++) {
    snprintf(text, sizeof text, "%s/%s", name, part[i]);
    a[i] = field(f, text);
  }
  return (vft_poseidon_arrays){a[0], a[1], a[2], a[3]};
}

static vft_poseidon_state sponge(uint64_t n, uint64_t domain) {
  vft_poseidon_state s;
  memset(&s, 0, sizeof s);
  s.s[8] = vft_fp_from_u64(n);
  s.s[10] = vft_fp_from_u64(domain);
  return s;
}

static void absorb(vft_poseidon_state *s, int first, const vft_fp *x, int n) {
  for (int i = 0; i < n; i++) s->s[first + i] = vft_fp_add(s->s[first + i], x[i]);
}

static vft_poseidon_digest digest_of(const vft_poseidon_state *s) {
  vft_poseidon_digest d;
  memcpy(d.e, s->s, sizeof d.e);
  return d;
}

static void put_digest(int64_t *to, const vft_poseidon_digest *d) {
  for (int i = 0; i < 4; i++) to[i] = vft_field_signed(d->e[i]);
}

/* ---- public inputs ---- */

static void pack32(const uint8_t bytes[32], int64_t *out) {
  vft_fp x[VFT_PACKED_32];
  vft_pack_bytes(bytes, 32, x);
  for (int i = 0; i < VFT_PACKED_32; i++) out[i] = vft_field_signed(x[i]);
}

static void fill_inputs(const vft_epoch *e, const vft_epoch_statement *s, int64_t **in) {
  const vft_sampling *d = e->sampling;
  uint64_t first = s->block * e->block;
  if (e->secret) {
    pack32(s->manifest, in[e->in_manifest]);
    if (s->beacon) pack32(s->beacon, in[e->in_beacon]);
    int64_t *where = in[e->in_where];
    where[0] = s->beacon != NULL;
    where[1] = (int64_t)s->window;
    where[2] = (int64_t)s->epoch;
    where[3] = s->shown;
  }
  if (s->shown || !e->secret) put_digest(in[e->in_key], &s->key);
  for (size_t q = 0; q < d->policy.quotas; q++)
    in[e->in_ceiling][q] = (int64_t)d->policy.quota[q].ceiling;
  in[e->in_ceiling][e->rows_quota] = (int64_t)s->rows;
  in[e->in_last][0] = s->block + 1 == e->blocks;
  put_digest(in[e->in_counters], &s->counters);
  for (uint32_t c = 0; c < e->block; c++) {
    uint64_t number = first + c;
    if (number >= d->candidates) continue; /* zeros */
    in[e->in_open][c] = 1;
    in[e->in_left][c] = (int64_t)(d->replacement ? number : number / e->side);
    if (!d->replacement) in[e->in_right][c] = (int64_t)(number % e->side);
  }
  for (uint64_t r = 0; r < s->rows; r++)
    in[e->in_live][r / d->records_a_step * e->row_slots + r % d->records_a_step] = 1;
}

vft_status vft_epoch_inputs(const vft_epoch *e, const vft_epoch_statement *s, int64_t ***inputs) {
  const vft_program *p = e->program;
  if (s->rows > e->sampling->steps_per_epoch * e->sampling->records_a_step)
    return vft_fail(VFT_USAGE, "sampler: %llu rows in an epoch of %llu",
                    (unsigned long long)s->rows,
                    (unsigned long long)(e->sampling->steps_per_epoch *
                                         e->sampling->records_a_step));
  size_t n = 0;
  for (uint32_t t = 0; t < p->ntensors; t++)
    if (p->tensors[t].origin == VFT_PUBLIC && !p->tensors[t].values)
      n += vft_tensor_count(&p->tensors[t]);
  size_t pointers = (size_t)p->ntensors * sizeof(int64_t *);
  int64_t **in = vft_alloc(1, pointers + n * sizeof(int64_t));
  if (!in) return VFT_RESOURCE;
  int64_t *at = (int64_t *)(void *)((char *)in + pointers);
  for (uint32_t t = 0; t < p->ntensors; t++) {
    if (p->tensors[t].origin != VFT_PUBLIC || p->tensors[t].values) continue;
    in[t] = at;
    at += vft_tensor_count(&p->tensors[t]);
  }
  fill_inputs(e, s, in);
  *inputs = in;
  return VFT_OK;
}

/* ---- rows ---- */

vft_poseidon_digest vft_row_digest(const vft_poseidon_digest *content, uint32_t tokens,
                                   uint32_t loss_tokens) {
  vft_fp x[6];
  vft_poseidon_digest out;
  memcpy(x, content->e, sizeof content->e);
  x[4] = vft_fp_from_u64(tokens);
  x[5] = vft_fp_from_u64(loss_tokens);
  vft_poseidon_hash_many(VFT_DOMAIN_ROW, x, 6, 1, &out);
  return out;
}

/* ---- counters ---- */

void vft_counter_leaf(uint32_t q, uint64_t counter, const vft_poseidon_digest *salt,
                      vft_poseidon_digest *leaf) {
  vft_fp x[6] = {vft_fp_from_u64(q), vft_fp_from_u64(counter)};
  memcpy(x + 2, salt->e, sizeof salt->e);
  vft_poseidon_hash_many(VFT_DOMAIN_COUNTER, x, 6, 1, leaf);
}

vft_poseidon_digest vft_counters_digest(const uint64_t *counter, const vft_poseidon_digest *salt,
                                        uint32_t n, vft_poseidon_digest *leaf) {
  for (uint32_t q = 0; q < n; q++) vft_counter_leaf(q, counter[q], &salt[q], &leaf[q]);
  return vft_counters_list(leaf, n);
}

vft_poseidon_digest vft_counters_list(const vft_poseidon_digest *leaf, uint32_t n) {
  vft_fp list[4 * (VFT_QUOTAS + 2)];
  vft_poseidon_digest out;
  for (uint32_t j = 0; j < n / 2; j++) {
    memcpy(list + 8 * j, leaf[j].e, sizeof leaf[j].e);
    memcpy(list + 8 * j + 4, leaf[j + n / 2].e, sizeof leaf[j].e);
  }
  vft_poseidon_hash_many(VFT_DOMAIN_COUNTERS, list, 4 * (size_t)n, 1, &out);
  return out;
}

static void fill_counters_digest(filler *f, const uint64_t *counter) {
  uint32_t Q = f->e->quotas;
  vft_poseidon_arrays leaf = permutations(f, "counters/leaf"), list = permutations(f, "counters/list");
  int64_t *salt = field(f, "counters/salt");
  vft_poseidon_digest d[VFT_QUOTAS + 2];
  if (f->st != VFT_OK) return;
  for (uint32_t q = 0; q < Q; q++) {
    vft_poseidon_state s = sponge(6, VFT_DOMAIN_COUNTER);
    vft_fp x[2] = {vft_fp_from_u64(q), vft_fp_from_u64(counter[q])};
    absorb(&s, 0, x, 2);
    absorb(&s, 2, f->w->salt[q].e, 4);
    put_digest(salt + 4 * q, &f->w->salt[q]);
    vft_poseidon_fill(&leaf, q, &s);
    d[q] = digest_of(&s);
  }
  vft_poseidon_state s = sponge(4 * (uint64_t)Q, VFT_DOMAIN_COUNTERS);
  for (uint32_t j = 0; j < Q / 2; j++) {
    absorb(&s, 0, d[j].e, 4);
    absorb(&s, 4, d[j + Q / 2].e, 4);
    vft_poseidon_fill(&list, j, &s);
  }
}

/* ---- keys ---- */

static void fill_keys(filler *f) {
  if (!f->e->secret) return;
  const vft_epoch_statement *at = f->at;
  vft_poseidon_arrays p[6];
  char name[32];
  for (int k = 0; k < 6; k++) {
    snprintf(name, sizeof name, "key/%d", k);
    p[k] = permutations(f, name);
  }
  int64_t *secret = field(f, "key/secret");
  if (f->st != VFT_OK) return;
  vft_fp x[5], h[5], z[5] = {{0}};
  vft_pack_bytes(f->w->secret, 32, x);
  vft_pack_bytes(at->manifest, 32, h);
  if (at->beacon) vft_pack_bytes(at->beacon, 32, z);
  for (int i = 0; i < 5; i++) secret[i] = vft_field_signed(x[i]);
  vft_poseidon_state s = sponge(5, VFT_DOMAIN_SECRET);
  absorb(&s, 0, x, 5);
  vft_poseidon_fill(&p[0], 0, &s);
  s = sponge(17, VFT_DOMAIN_SEED);
  vft_fp flags[2] = {{1}, {at->beacon != NULL}};
  absorb(&s, 0, flags, 2);
  absorb(&s, 2, h, 5);
  absorb(&s, 7, x, 1);
  vft_poseidon_fill(&p[1], 0, &s);
  absorb(&s, 0, x + 1, 4);
  absorb(&s, 4, z, 4);
  vft_poseidon_fill(&p[2], 0, &s);
  absorb(&s, 0, z + 4, 1);
  vft_poseidon_fill(&p[3], 0, &s);
  for (int k = 4; k < 6; k++) {
    vft_poseidon_digest d = digest_of(&s);
    vft_fp number = vft_fp_from_u64(k == 4 ? at->window : at->epoch);
    s = sponge(5, k == 4 ? VFT_DOMAIN_WINDOW : VFT_DOMAIN_EPOCH);
    absorb(&s, 0, d.e, 4);
    absorb(&s, 4, &number, 1);
    vft_poseidon_fill(&p[k], 0, &s);
  }
}

/* ---- order ---- */

/* Limbs and quotient of one hash; base + value = divisor quotient + rest. */
static uint64_t take_value(filler *f, size_t i, vft_fp hash, uint64_t base, uint64_t divisor) {
  static const int at[5] = {0, 16, 32, 48, 60};
  for (int k = 0; k < 5; k++)
    vft_array_set(f->hash[k], i,
                  (int64_t)(hash.v >> at[k] & (k == 3 ? 0xfff : k == 4 ? 0xf : 0xffff)));
  uint64_t gap = 0xffffffffull - (hash.v >> 32);
  f->inverse[i] = gap ? vft_field_signed(vft_fp_inv(vft_fp_from_u64(gap))) : 0;
  uint64_t sum = (hash.v & (((uint64_t)1 << 60) - 1)) + base;
  put(&f->quotient, i, sum / divisor);
  return sum % divisor;
}

static void order_range(void *ctx, size_t begin, size_t end) {
  filler *f = ctx;
  const vft_sampling *d = f->s;
  enum { R = VFT_EPOCH_ROUNDS };
  for (size_t c = begin; c < end; c++) {
    uint64_t number = f->at->block * f->e->block + c, a = f->e->side;
    if (number >= d->candidates) number = 0;
    if (d->replacement) {
      vft_poseidon_state s = sponge(5, VFT_DOMAIN_DRAW);
      vft_fp n = vft_fp_from_u64(number);
      absorb(&s, 0, f->w->epoch_key.e, 4);
      absorb(&s, 4, &n, 1);
      vft_poseidon_fill(&f->sponge, c, &s);
      f->index[c] = take_value(f, c, s.s[0], 0, a);
      put(&f->draw, c, f->index[c]);
      put(&f->draw_room, c, a - 1 - f->index[c]);
      continue;
    }
    uint64_t half[R + 2] = {number / a, number % a};
    for (int r = 0; r < R; r++) {
      vft_poseidon_state s = sponge(6, VFT_DOMAIN_ROUND);
      vft_fp x[2] = {vft_fp_from_u64((uint64_t)r), vft_fp_from_u64(half[r + 1])};
      absorb(&s, 0, f->w->epoch_key.e, 4);
      absorb(&s, 4, x, 2);
      vft_poseidon_fill(&f->sponge, c * R + (size_t)r, &s);
      half[r + 2] = take_value(f, c * R + (size_t)r, s.s[0], half[r], a);
    }
    for (int r = 0; r < R + 2; r++) {
      put(&f->half, c * (R + 2) + (size_t)r, half[r]);
      put(&f->half_room, c * (R + 2) + (size_t)r, a - 1 - half[r]);
    }
    f->index[c] = half[R] * a + half[R + 1];
  }
}

/* ---- records ---- */

static vft_status open_records(filler *f) {
  uint32_t H = f->s->height;
  for (uint32_t c = 0; c < f->e->block; c++) {
    uint64_t number = f->at->block * f->e->block + c;
    bool is = number < f->s->candidates && f->index[c] < f->s->records;
    vft_epoch_record *r = &f->record[c];
    TRY(f->w->open(f->w->ctx, is ? f->index[c] : 0, r));
    if (r->class_number >= f->s->classes)
      return vft_fail(VFT_USAGE, "sampler: a record of class %u of %zu", r->class_number,
                      f->s->classes);
    if (H) memcpy(f->sibling + (size_t)c * H, r->siblings, H * sizeof *r->siblings);
  }
  return VFT_OK;
}

static uint64_t margin(int64_t e) { return (uint64_t)(e >= 0 ? e : -e - 1); }

static void leaf_range(void *ctx, size_t begin, size_t end) {
  filler *f = ctx;
  const vft_sampling *d = f->s;
  uint32_t H = d->height;
  for (size_t c = begin; c < end; c++) {
    const vft_epoch_record *r = &f->record[c];
    uint64_t number = f->at->block * f->e->block + c;
    int64_t e = (int64_t)d->records - 1 - (int64_t)f->index[c];
    vft_array_set(f->exists, c, e >= 0);
    put(&f->exists_margin, c, margin(e));
    uint64_t n = number < d->candidates && e >= 0 ? f->index[c] : 0, local = n;
    for (int t = 0; t < 2; t++) {
      int64_t from = (int64_t)n - (int64_t)d->tier_first[t + 1];
      vft_array_set(f->tier[t], c, from >= 0);
      put(&f->tier_margin[t], c, margin(from));
      if (from >= 0) local -= d->tier_records[t];
    }
    vft_array_set(f->class_high, c * f->e->classes_high + r->class_number / f->e->classes_low, 1);
    vft_array_set(f->class_low, c * f->e->classes_low + r->class_number % f->e->classes_low, 1);
    put(&f->tokens, c, r->tokens);
    put(&f->loss, c, r->loss_tokens);
    put_digest(f->content + 4 * c, &r->content);
    put_digest(f->salt + 4 * c, &r->salt);
    vft_poseidon_state s = sponge(8, VFT_DOMAIN_METADATA);
    vft_fp x[2] = {vft_fp_from_u64(r->tokens), vft_fp_from_u64(r->loss_tokens)};
    absorb(&s, 0, d->class_digest[r->class_number].e, 4);
    absorb(&s, 4, x, 2);
    vft_poseidon_fill(&f->metadata, c, &s);
    vft_poseidon_digest meta = digest_of(&s);
    s = sponge(6, VFT_DOMAIN_ROW);
    absorb(&s, 0, r->content.e, 4);
    absorb(&s, 4, x, 2);
    vft_poseidon_fill(&f->entry, c, &s);
    s = sponge(12, VFT_DOMAIN_LEAF);
    absorb(&s, 0, r->content.e, 4);
    absorb(&s, 4, meta.e, 4);
    vft_poseidon_fill(&f->first, c, &s);
    absorb(&s, 0, r->salt.e, 4);
    vft_poseidon_fill(&f->second, c, &s);
    vft_poseidon_digest node = digest_of(&s);
    for (uint32_t h = 0; h < H; h++) {
      const vft_poseidon_digest *sib = &f->sibling[c * H + h];
      bool right = local >> h & 1;
      vft_array_set(f->right, c * H + h, right);
      put_digest(f->siblings + 4 * (c * H + h), sib);
      memset(&s, 0, sizeof s);
      s.s[9] = (vft_fp){1};
      absorb(&s, 0, right ? sib->e : node.e, 4);
      absorb(&s, 4, right ? node.e : sib->e, 4);
      vft_poseidon_fill(&f->node, c * H + h, &s);
      node = digest_of(&s);
    }
  }
}

/* ---- policy and counters ---- */

static bool in_length(const vft_quota *q, uint32_t tokens) {
  return tokens >= q->shortest && tokens <= q->longest;
}

static void fill_policy(filler *f, uint64_t *count) {
  const vft_epoch *e = f->e;
  const vft_sampling *d = f->s;
  const vft_policy *p = &d->policy;
  uint32_t Q = e->quotas, C = e->block;
  vft_array *in_bin = array(f, "quota/in_bin"), *fits = array(f, "quota/fits");
  wide fits_margin = limbs(f, "quota/fits/margin"), counts = limbs(f, "quota/count");
  wide before = limbs(f, "before"), after = limbs(f, "after");
  vft_array *shorter = NULL, *longer = NULL;
  wide shorter_margin, longer_margin;
  memset(&shorter_margin, 0, sizeof shorter_margin);
  memset(&longer_margin, 0, sizeof longer_margin);
  if (e->lengths) {
    shorter = array(f, "quota/not_shorter");
    longer = array(f, "quota/not_longer");
    shorter_margin = limbs(f, "quota/not_shorter/margin");
    longer_margin = limbs(f, "quota/not_longer/margin");
  }
  vft_array *all = array(f, "quota/all_fit"), *learns = array(f, "policy/learns");
  vft_array *allowed = array(f, "policy/allowed"), *accepted = array(f, "accepted");
  wide all_margin = limbs(f, "quota/all_fit/margin"), learn_margin = limbs(f, "policy/learns/margin");
  wide slot = limbs(f, "rows/slot"), row = limbs(f, "rows/row"), room = limbs(f, "rows/row/room");
  if (f->st != VFT_OK) return;
  uint64_t longest = e->longest, B = d->records_a_step;
  for (uint32_t q = 0; q < Q; q++) put(&before, q, count[q]);
  for (uint32_t c = 0; c < C; c++) {
    const vft_epoch_record *r = &f->record[c];
    const vft_class_verdict *v = &d->class_verdict[r->class_number];
    uint64_t number = f->at->block * C + c, more[VFT_QUOTAS + 2] = {0};
    uint32_t n = 0;
    int64_t missing = 0;
    for (uint32_t q = 0; q < Q; q++) {
      bool in = q == e->rows_quota;
      uint64_t ceiling = in ? f->at->rows : 0;
      more[q] = in;
      if (q < p->quotas) {
        const vft_quota *x = &p->quota[q];
        ceiling = x->ceiling;
        in = v->bins[q / 64] >> (q % 64) & 1;
        if (x->kind == VFT_BIN_LENGTH) {
          int64_t lo = (int64_t)r->tokens - x->shortest;
          int64_t hi = (int64_t)(x->longest < longest ? x->longest : longest) - (int64_t)r->tokens;
          vft_array_set(shorter, c * e->lengths + n, lo >= 0);
          vft_array_set(longer, c * e->lengths + n, hi >= 0);
          put(&shorter_margin, c * e->lengths + n, margin(lo));
          put(&longer_margin, c * e->lengths + n++, margin(hi));
          in = in_length(x, r->tokens);
        }
        more[q] = in ? (x->tokens ? r->tokens : 1) : 0;
      }
      size_t at = (size_t)c * Q + q;
      int64_t left = (int64_t)ceiling - (int64_t)count[q] - (int64_t)more[q];
      vft_array_set(in_bin, at, in);
      vft_array_set(fits, at, left >= 0);
      put(&fits_margin, at, margin(left));
      put(&counts, at, count[q]);
      missing += left < 0;
    }
    int64_t spare = (int64_t)r->loss_tokens - 1;
    bool ok = v->verdict == VFT_ACCEPTED;
    vft_array_set(all, c, !missing);
    put(&all_margin, c, margin(-missing));
    vft_array_set(learns, c, spare >= 0);
    put(&learn_margin, c, margin(spare));
    vft_array_set(allowed, c, ok);
    bool inside = number < d->candidates && f->index[c] < d->records;
    bool taken = inside && ok && spare >= 0 && !missing;
    vft_array_set(accepted, c, taken);
    uint64_t at = count[e->rows_quota];
    put(&slot, c, at / B);
    put(&row, c, at % B);
    put(&room, c, B - 1 - at % B);
    for (uint32_t q = 0; taken && q < Q; q++) count[q] += more[q];
  }
  for (uint32_t q = 0; q < Q; q++) {
    put(&counts, (size_t)C * Q + q, count[q]);
    put(&after, q, count[q]);
  }
}

/* ---- */

static void declare(filler *f) {
  static const char *const hash[5] = {"order/hash0", "order/hash1", "order/hash2", "order/hash3",
                                      "order/hash4"};
  f->sponge = permutations(f, "order/sponge");
  for (int i = 0; i < 5; i++) f->hash[i] = array(f, hash[i]);
  f->inverse = field(f, "order/inverse");
  f->quotient = limbs(f, "order/quotient");
  f->half = limbs(f, "order/half");
  f->half_room = limbs(f, "order/half/room");
  f->draw = limbs(f, "order/draw");
  f->draw_room = limbs(f, "order/draw/room");
  f->exists = array(f, "record/exists");
  f->exists_margin = limbs(f, "record/exists/margin");
  for (int t = 0; t < 2; t++) {
    f->tier[t] = array(f, t ? "record/shadow" : "record/restricted");
    f->tier_margin[t] = limbs(f, t ? "record/shadow/margin" : "record/restricted/margin");
  }
  f->class_high = array(f, "class/high");
  f->class_low = array(f, "class/low");
  f->tokens = limbs(f, "leaf/tokens");
  f->loss = limbs(f, "leaf/loss_tokens");
  f->content = field(f, "leaf/content");
  f->salt = field(f, "leaf/salt");
  f->metadata = permutations(f, "leaf/metadata");
  f->first = permutations(f, "leaf/first");
  f->second = permutations(f, "leaf/second");
  f->entry = permutations(f, "rows/entry");
  if (!f->s->height) return;
  f->right = array(f, "path/right");
  f->siblings = field(f, "path/sibling");
  f->node = permutations(f, "path/node");
}

static void fill_rows(filler *f) {
  char name[32];
  size_t n = (size_t)f->e->row_slots * f->e->step_slots;
  for (int i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "rows/%d", i);
    int64_t *v = field(f, name);
    if (f->st != VFT_OK) return;
    for (size_t y = 0; y < n; y++) v[y] = vft_field_signed(f->w->rows[y].e[i]);
  }
}

static vft_status supply_inputs(filler *f) {
  int64_t **in;
  const vft_program *p = f->e->program;
  TRY(vft_epoch_inputs(f->e, f->at, &in));
  vft_status st = VFT_OK;
  for (uint32_t t = 0; t < p->ntensors && st == VFT_OK; t++) {
    if (!in[t]) continue;
    st = vft_trace_alloc(f->t, t);
    for (size_t i = 0, n = vft_tensor_count(&p->tensors[t]); st == VFT_OK && i < n; i++)
      vft_array_set(&f->t->array[t], i, in[t][i]);
  }
  vft_free(in);
  return st;
}

vft_status vft_epoch_trace(const vft_epoch *e, vft_epoch_statement *at, const vft_epoch_witness *w,
                           vft_trace *trace, uint64_t *after) {
  filler f = {.e = e, .s = e->sampling, .w = w, .at = at, .t = trace, .st = VFT_OK};
  size_t C = e->block, H = e->sampling->height;
  vft_poseidon_digest leaf[VFT_QUOTAS + 2];
  vft_status st = VFT_RESOURCE;
  f.index = vft_alloc(C, sizeof *f.index);
  f.record = vft_alloc(C, sizeof *f.record);
  f.sibling = vft_alloc(C * H + 1, sizeof *f.sibling);
  if (!f.index || !f.record || !f.sibling) goto out;
  declare(&f);
  fill_keys(&f);
  TRY_OUT(f.st);
  vft_parallel_for(C, 16, order_range, &f);
  TRY_OUT(open_records(&f));
  vft_parallel_for(C, 16, leaf_range, &f);
  memcpy(after, w->before, e->quotas * sizeof *after);
  fill_policy(&f, after);
  fill_counters_digest(&f, after);
  fill_rows(&f);
  TRY_OUT(f.st);
  at->counters = vft_counters_digest(after, w->salt, e->quotas, leaf);
  TRY_OUT(supply_inputs(&f));
  TRY_OUT(vft_trace_complete(trace));
  st = vft_trace_count_lookups(trace);
out:
  vft_free(f.index);
  vft_free(f.record);
  vft_free(f.sibling);
  return st;
}
