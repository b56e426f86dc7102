#include "data/sampler.h"

#include <string.h>

#include "base/pool.h"
#include "hash/blake3.h"

/* ---- keys ---- */

static vft_poseidon_digest sponge(uint64_t domain, const vft_fp *in, size_t n) {
  vft_poseidon_digest d;
  vft_poseidon_hash_many(domain, in, n, 1, &d);
  return d;
}

void vft_sampler_secret(const uint8_t master[32], uint8_t secret[32]) {
  static const char domain[] = "vft sampler secret v1";
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, master, 32);
  vft_blake3_final(&h, secret, 32);
}

vft_poseidon_digest vft_sampler_commitment(const uint8_t secret[32]) {
  vft_fp in[VFT_PACKED_32];
  vft_pack_bytes(secret, 32, in);
  return sponge(VFT_DOMAIN_SECRET, in, VFT_PACKED_32);
}

vft_poseidon_digest vft_sampler_master(const uint8_t manifest[32], bool secret,
                                       const uint8_t seed[32], const uint8_t *beacon) {
  vft_fp in[2 + 3 * VFT_PACKED_32] = {{0}};
  in[0].v = secret;
  in[1].v = beacon != NULL;
  vft_pack_bytes(manifest, 32, in + 2);
  vft_pack_bytes(seed, 32, in + 2 + VFT_PACKED_32);
  if (beacon) vft_pack_bytes(beacon, 32, in + 2 + 2 * VFT_PACKED_32);
  return sponge(VFT_DOMAIN_SEED, in, sizeof in / sizeof *in);
}

static vft_poseidon_digest derive(uint64_t domain, const vft_poseidon_digest *key, uint64_t n) {
  vft_fp in[5];
  memcpy(in, key->e, sizeof key->e);
  in[4] = vft_fp_from_u64(n);
  return sponge(domain, in, 5);
}

vft_poseidon_digest vft_sampler_window(const vft_poseidon_digest *master, uint64_t window) {
  return derive(VFT_DOMAIN_WINDOW, master, window);
}

vft_poseidon_digest vft_sampler_epoch_key(const vft_poseidon_digest *window, uint64_t epoch) {
  return derive(VFT_DOMAIN_EPOCH, window, epoch);
}

/* ---- order ---- */

vft_order vft_order_make(const vft_poseidon_digest *key, uint64_t records, bool replacement) {
  vft_order o = {*key, records, 1, replacement};
  uint64_t step = 1ull << 21;
  o.side = 0; /* the greatest x with x^2 < records, then one more; x < 2^21 */
  while (step >>= 1)
    if ((o.side + step) * (o.side + step) < records) o.side += step;
  o.side++;
  return o;
}

uint64_t vft_order_candidates(const vft_order *o, uint64_t rows) {
  if (o->replacement) return 64 * (o->records > rows ? o->records : rows);
  return o->side * o->side;
}

/* The low 60 bits of a sponge's first element: a number that a proof can divide with remainder
 * within 62-bit integers. Elements are nearly uniform below p = 2^64 - 2^32 + 1, so these bits are
 * within 2^-32 of uniform in total variation. */
static uint64_t low_bits(const vft_poseidon_digest *f) { return f->e[0].v & ((1ull << 60) - 1); }

/* A Feistel network over Z_a x Z_a: (L, R) <- (R, L + F_i(R) mod a), F_i(R) the low 60 bits of a
 * sponge under the key, modulo a (bias below a / 2^60 <= 2^-40, and 2^-32 for the bits). Every round is a bijection, so the
 * whole is one whatever F is: "at most once" does not rest on the hash.
 *
 * Rounds: ten, as in FF1 (NIST SP 800-38G), whose domains are of the same kind. The attacks that
 * tell r rounds on halves of size a from random permutations look at about a^(r-4) values
 * (Patarin, "Generic Attacks on Feistel Schemes", 2001), here a^6 >= N^3; a run of E epochs shows
 * at most E N values, so E would have to reach N^2. What remains are statistics of
 * tiny datasets, on which no claim rests: who knows the key of a public order knows the order, and
 * nothing else about it is secret. */
enum { ROUNDS = 10, LANES = 32, GRAIN = 512 };

typedef struct {
  const vft_order *o;
  uint64_t first;
  uint64_t *out;
} job;

static void permute_lanes(const vft_order *o, uint64_t *value, size_t n) {
  uint64_t left[LANES], right[LANES];
  vft_fp in[LANES][6];
  vft_poseidon_digest f[LANES];
  for (size_t k = 0; k < n; k++) {
    left[k] = value[k] / o->side;
    right[k] = value[k] % o->side;
    memcpy(in[k], o->key.e, sizeof o->key.e);
  }
  for (uint64_t round = 0; round < ROUNDS; round++) {
    for (size_t k = 0; k < n; k++) {
      in[k][4].v = round;
      in[k][5].v = right[k];
    }
    vft_poseidon_hash_many(VFT_DOMAIN_ROUND, in[0], 6, n, f);
    for (size_t k = 0; k < n; k++) {
      uint64_t next = (left[k] + low_bits(&f[k]) % o->side) % o->side;
      left[k] = right[k];
      right[k] = next;
    }
  }
  for (size_t k = 0; k < n; k++) value[k] = left[k] * o->side + right[k];
}

static void draw_lanes(const vft_order *o, uint64_t *value, size_t n) {
  vft_fp in[LANES][5];
  vft_poseidon_digest f[LANES];
  for (size_t k = 0; k < n; k++) {
    memcpy(in[k], o->key.e, sizeof o->key.e);
    in[k][4] = vft_fp_from_u64(value[k]);
  }
  vft_poseidon_hash_many(VFT_DOMAIN_DRAW, in[0], 5, n, f);
  for (size_t k = 0; k < n; k++) value[k] = low_bits(&f[k]) % o->records;
}

static void take_range(void *ctx, size_t begin, size_t end) {
  const job *j = ctx;
  for (size_t i = begin; i < end; i += LANES) {
    size_t n = end - i < LANES ? end - i : LANES;
    for (size_t k = 0; k < n; k++) j->out[i + k] = j->first + i + k;
    if (j->o->replacement) draw_lanes(j->o, j->out + i, n);
    else permute_lanes(j->o, j->out + i, n);
  }
}

void vft_order_take(const vft_order *o, uint64_t first, size_t count, uint64_t *out) {
  job j = {o, first, out};
  vft_parallel_for(count, GRAIN, take_range, &j);
}

/* ---- an epoch ---- */

/* Decides one candidate; counters move when it is accepted. */
static void decide(const vft_judged *j, vft_candidate *c, uint64_t *counter) {
  const vft_policy *p = j->policy;
  if (c->record >= j->records) {
    c->verdict = VFT_SKIP_OUTSIDE;
    return;
  }
  c->verdict = vft_judged_record(j, c->record);
  if (c->verdict != VFT_ACCEPTED) return;
  const vft_dataset_meta *m = &j->meta[c->record];
  const vft_class_verdict *of_class = &j->of_class[m->class_number];
  for (size_t q = 0; q < p->quotas; q++) {
    uint64_t more = p->quota[q].tokens ? m->tokens : 1;
    if (vft_policy_in_bin(p, of_class, q, m->tokens) &&
        counter[q] + more > p->quota[q].ceiling) {
      c->verdict = VFT_SKIP_QUOTA;
      c->quota = q;
      return;
    }
  }
  for (size_t q = 0; q < p->quotas; q++)
    if (vft_policy_in_bin(p, of_class, q, m->tokens))
      counter[q] += p->quota[q].tokens ? m->tokens : 1;
}

static vft_status not_filled(const vft_judged *j, uint64_t rows, const vft_epoch_result *r) {
  size_t worst = 0;
  for (size_t q = 1; q < j->policy->quotas; q++)
    if (r->blocked[q] > r->blocked[worst]) worst = q;
  if (!j->policy->quotas || !r->blocked[worst])
    return vft_fail(VFT_USAGE, "policy: only %llu of the %llu rows of the epoch can be filled with "
                    "eligible records; lower steps_per_epoch", (unsigned long long)r->accepted,
                    (unsigned long long)rows);
  char name[320];
  vft_quota_name(&j->policy->quota[worst], name, sizeof name);
  return vft_fail(VFT_USAGE, "policy: quota %s: only %llu of the %llu rows of the epoch can be "
                  "filled; this quota refused %llu candidates; raise its ceiling, or lower "
                  "steps_per_epoch", name, (unsigned long long)r->accepted,
                  (unsigned long long)rows, (unsigned long long)r->blocked[worst]);
}

/* Goes on with the candidates up to `all`. */
static vft_status look_at(const vft_judged *j, const vft_order *o, uint64_t rows, uint64_t all,
                          vft_status (*visit)(void *ctx, const vft_candidate *), void *ctx,
                          vft_epoch_result *out) {
  enum { PIECE = 1 << 14 };
  uint64_t *piece = vft_alloc_raw(PIECE, sizeof *piece);
  vft_status st = VFT_OK;
  if (!piece) return VFT_RESOURCE;
  while (out->accepted < rows && out->candidates < all) {
    size_t n = all - out->candidates < PIECE ? (size_t)(all - out->candidates) : PIECE;
    if (n > rows && n > 64) n = rows < 64 ? 64 : (size_t)rows; /* short epochs take few */
    vft_order_take(o, out->candidates, n, piece);
    for (size_t i = 0; i < n && out->accepted < rows; i++) {
      vft_candidate c = {.candidate = out->candidates++, .record = piece[i],
                         .counter = out->counter};
      decide(j, &c, out->counter);
      out->accepted += c.verdict == VFT_ACCEPTED;
      out->blocked[c.quota] += c.verdict == VFT_SKIP_QUOTA;
      if (visit) TRY_OUT(visit(ctx, &c));
    }
  }
out:
  vft_free(piece);
  return st;
}

vft_status vft_sampler_epoch(const vft_judged *j, const vft_order *o, uint64_t rows,
                             uint64_t candidates,
                             vft_status (*visit)(void *ctx, const vft_candidate *), void *ctx,
                             vft_epoch_result *out) {
  memset(out, 0, sizeof *out);
  TRY(look_at(j, o, rows, candidates, visit, ctx, out));
  if (out->accepted == rows) return VFT_OK;
  /* would more candidates do? */
  vft_epoch_result more = *out;
  TRY(look_at(j, o, rows, vft_order_candidates(o, rows), NULL, NULL, &more));
  if (more.accepted < rows) return not_filled(j, rows, &more);
  return vft_fail(VFT_USAGE, "sampler: the first %llu candidates fill only %llu of the %llu rows of "
                  "the epoch; candidates_per_epoch: %llu fills them",
                  (unsigned long long)candidates, (unsigned long long)out->accepted,
                  (unsigned long long)rows, (unsigned long long)more.candidates);
}
