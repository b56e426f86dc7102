/* vft aggregate: from the proofs of a run to proofs of its epochs and to its certificate. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/random.h"
#include "hash/blake3.h"
#include "run/beacon.h"
#include "run/certificate.h"
#include "run/files.h"
#include "run/range.h"
#include "run/verify.h"

/* Bytes that no aggregation of a model of some hundred million weights has needed: where more are free
 * nothing is planned, which takes seconds. */
static const uint64_t PLENTY = 12000000000;

typedef struct {
  const vft_aggregate_request *request;
  uint64_t memory; /* to stay within; 0: there is plenty */
  vft_aggregation a;
  vft_leaf_keys keys;
  vft_tree tree;
} job;

/* What certificates of the run begin with; borrowed. */
static vft_certificate head(const job *j) {
  const vft_manifest *m = j->a.manifest;
  vft_certificate c = {.cut = j->a.shards.cut,
                       .choice = j->a.leaves.choice,
                       .blocks = j->a.epochs.blocks,
                       .epochs = j->a.epochs.epochs,
                       .windows = j->a.windows.n,
                       .counters = j->a.digests,
                       .window = j->a.windows.key,
                       .has_beacon = m->sampling.has_beacon};
  memcpy(c.manifest, m->digest, 32);
  if (c.has_beacon) memcpy(c.beacon, m->sampling.beacon, 32);
  return c;
}

/* ---- commitments to states ---- */

/* RUN/private/salts.secret: 32 random bytes, made when they are first asked for. */
static vft_status secret(const job *j, uint8_t out[32]) {
  vft_arena arena = {0};
  vft_bytes kept = {0};
  vft_status st = VFT_RESOURCE;
  char *path = vft_run_path(&arena, j->request->run, "private/salts.secret");
  if (!path) goto out;
  if (vft_file_exists(path)) {
    TRY_OUT(vft_file_read(path, 32, VFT_USAGE, &kept));
    st = kept.size == 32 ? VFT_OK : vft_fail(VFT_USAGE, "%s: %zu bytes, expected 32; remove it and "
                                             "all certificates of epochs", path, kept.size);
    if (st == VFT_OK) memcpy(out, kept.data, 32);
  } else {
    TRY_OUT(vft_random_system.fill(NULL, out, 32));
    mode_t before = umask(0077);
    st = vft_file_write(path, out, 32);
    umask(before);
  }
out:
  if (kept.data) vft_wipe(kept.data, kept.size);
  vft_bytes_free(&kept);
  vft_arena_free(&arena);
  return st;
}

/* The salt of the commitment to an entry of this run's states, the same for the certificates on both sides:
 * BLAKE3("vft state salt 1" 0x00 | secret | context | le64 entry | leaf), four words of 8 bytes mod p. */
static void salt_of(const uint8_t key[32], const uint8_t context[32], uint64_t entry,
                    const vft_poseidon_digest *leaf, vft_fp out[4]) {
  static const char name[] = "vft state salt 1";
  uint8_t in[sizeof name + 32 + 32 + 8 + 32];
  memcpy(in, name, sizeof name);
  memcpy(in + sizeof name, key, 32);
  memcpy(in + sizeof name + 32, context, 32);
  for (int i = 0; i < 8; i++) in[sizeof name + 64 + i] = (uint8_t)(entry >> 8 * i);
  vft_poseidon_bytes(leaf, in + sizeof in - 32);
  vft_digest d = vft_blake3_hash(in, sizeof in);
  for (int k = 0; k < 4; k++) {
    uint64_t x = 0;
    for (int i = 7; i >= 0; i--) x = x << 8 | d.b[8 * k + i];
    out[k] = vft_fp_from_u64(x);
  }
  vft_wipe(in, sizeof in);
  vft_wipe(&d, sizeof d);
}

/* ---- the outermost proof ---- */

/* A certificate but for its proof, and what its commitments were made with. */
typedef struct {
  vft_run_part part;
  vft_fp salt[2][4];
  vft_certificate certificate; /* borrowed fields */
} subject;

static vft_status subject_of(const job *j, uint64_t epoch, uint64_t span, subject *s) {
  const vft_table_tree *states = &j->a.table[VFT_RUN_STATES];
  vft_certificate *c = &s->certificate;
  vft_poseidon_digest last;
  uint8_t key[32] = {0};
  memset(s, 0, sizeof *s);
  *c = head(j);
  c->epoch = epoch;
  c->span = span;
  TRY(vft_certificate_context(c));
  s->part = vft_run_part_of(&j->a, epoch, span);
  if (epoch || !s->part.releases) TRY(secret(j, key));
  if (epoch) {
    vft_poseidon_digest leaf = vft_table_leaf(states, s->part.entry[0]);
    salt_of(key, c->context, s->part.entry[0], &leaf, s->salt[0]);
    c->start = vft_state_commitment(&leaf, s->salt[0], c->context);
  }
  if (s->part.releases) {
    memcpy(last.e, j->a.released, sizeof last.e);
    memcpy(s->salt[1], j->a.released + 4, sizeof s->salt[1]);
  } else {
    vft_poseidon_digest leaf = vft_table_leaf(states, s->part.entry[1]);
    salt_of(key, c->context, s->part.entry[1], &leaf, s->salt[1]);
    last = vft_state_commitment(&leaf, s->salt[1], c->context);
  }
  vft_poseidon_bytes(&last, c->released.b);
  vft_wipe(key, sizeof key);
  return VFT_OK;
}

/* In RUN/public: certificate.vft, or of some epochs epochs_FIRST_LAST.vft. */
static char *certificate_path(vft_arena *arena, const job *j, const vft_run_part *part) {
  if (part->span == j->a.leaves.epochs) return vft_arena_printf(arena, "%s/certificate.vft", j->a.folder);
  return vft_arena_printf(arena, "%s/epochs_%06llu_%06llu.vft", j->a.folder,
                          (unsigned long long)part->epoch,
                          (unsigned long long)(part->epoch + part->span - 1));
}

static vft_status write(const job *j, const subject *s, const vft_proof *proof) {
  vft_certificate c = s->certificate;
  vft_arena arena = {0};
  c.proof = proof->bytes;
  c.length = proof->len;
  char *path = certificate_path(&arena, j, &s->part);
  vft_status st = path ? vft_certificate_write(path, &c) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

static vft_status outermost(job *j, uint64_t epoch, uint64_t span, const vft_range *root) {
  vft_fp statement[VFT_CERT_ELEMENTS];
  vft_circuit *c = NULL;
  vft_circuit_key key;
  vft_proof proof = {0};
  vft_prove_profile profile;
  vft_machine_shape shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  subject s;
  memset(&key, 0, sizeof key);
  memset(&profile, 0, sizeof profile);
  TRY(subject_of(j, epoch, span, &s));
  vft_outer_witness w = {.states = &j->a.table[VFT_RUN_STATES],
                         .wraps = &j->keys.table,
                         .entry = {s.part.entry[0], s.part.entry[1]},
                         .root = {root->kind, root->first, root->end, root->proof, root->length}};
  for (int i = VFT_RUN_STATES; i < VFT_RUN_TABLES; i++)
    memcpy(w.tables + 4 * (i - VFT_RUN_STATES), j->a.table[i].root.e, 4 * sizeof *w.tables);
  memcpy(w.salt, s.salt, sizeof w.salt);
  double begun = vft_seconds();
  vft_status st = vft_certificate_statement(&j->a, &j->keys, &s.certificate, statement);
  if (st == VFT_OK) st = vft_outer_make(j->tree.node, statement, &w, &c);
  if (st == VFT_OK) st = vft_circuit_key_make(c, &shape, 0, &options, &key);
  if (st == VFT_OK && memcmp(key.key.b, vft_outer_key, 32))
    st = vft_fail(VFT_USAGE, "the outermost circuit's key is not the built-in one: run make vk");
  if (st == VFT_OK) st = vft_tree_prove(&key, c, &proof, &profile);
  if (st == VFT_OK) vft_tree_show(&j->tree, "outermost", &profile, vft_seconds() - begun);
  if (st == VFT_OK) st = write(j, &s, &proof);
  vft_wipe(&s, sizeof s);
  vft_wipe(&w.salt, sizeof w.salt);
  vft_circuit_free(c);
  vft_circuit_key_free(&key);
  vft_proof_free(&proof);
  return st;
}

/* ---- epochs ---- */

/* RUN/private/aggregate/epoch_NNNNNN.cert */
static vft_status write_epoch(const job *j, uint64_t epoch, const vft_range *r) {
  vft_arena arena = {0};
  vft_epochs_certificate c;
  vft_certificate h = head(j);
  char *path = vft_arena_printf(&arena, "%s/epoch_%06llu.cert", j->tree.folder,
                                (unsigned long long)epoch);
  vft_status st = path ? vft_epochs_certificate_of(&j->a, &j->keys, &h, epoch, 1, r, &c)
                       : VFT_RESOURCE;
  if (st == VFT_OK) st = vft_epochs_certificate_write(path, &c);
  vft_arena_free(&arena);
  return st;
}

/* Leaves of one kind after the other, since a kind's key is much of a leaf's work. */
static vft_status leaves(job *j, vft_range *r, uint64_t first, uint64_t n) {
  for (uint32_t kind = 0; kind < j->keys.kinds.n; kind++)
    for (uint64_t i = 0; i < n; i++) {
      vft_leaf leaf = vft_leaf_at(&j->a.leaves, first + i);
      uint32_t own;
      TRY(vft_leaf_kind(&j->a.leaves, &j->keys.kinds, &leaf, &own));
      if (own == kind && !r[i].end)
        TRY(vft_tree_leaf(&j->tree, &j->a, &j->keys.kinds, first + i, &r[i]));
    }
  return VFT_OK;
}

/* A proof of each of `epochs` epochs, in `out`: one that is kept, or made of its leaves. */
static vft_status prove_epochs(job *j, uint64_t epoch, uint64_t epochs, vft_range *out) {
  const vft_leaves *l = &j->a.leaves;
  uint64_t n = 0, from = vft_leaves_epoch_leaf(l, epoch);
  uint64_t all = vft_leaves_epoch_leaf(l, epoch + epochs) - from;
  vft_status st = VFT_OK;
  vft_range *r = vft_alloc(all, sizeof *r);
  if (!r) return VFT_RESOURCE;
  for (uint64_t e = 0; e < epochs; e++) { /* leaves below a kept node are not looked for */
    uint64_t first = vft_leaves_epoch_leaf(l, epoch + e), end = vft_leaves_epoch_leaf(l, epoch + e + 1);
    out[e] = (vft_range){.first = vft_leaf_at(l, first).first, .end = vft_leaf_at(l, end - 1).end};
    if (!vft_tree_kept(&j->tree, &out[e])) continue;
    for (uint64_t i = first; i < end; i++) r[i - from].end = 1;
    TRY_OUT(vft_tree_step(&j->tree, VFT_TREE_LEAF * (end - first) + VFT_TREE_NODE * (end - first - 1),
                          "kept"));
  }
  TRY_OUT(leaves(j, r, from, all));
  for (uint64_t e = 0; e < epochs; e++, n = 0) {
    uint64_t first = vft_leaves_epoch_leaf(l, epoch + e), end = vft_leaves_epoch_leaf(l, epoch + e + 1);
    if (!out[e].proof) {
      n = end - first;
      TRY_OUT(vft_tree_reduce(&j->tree, r + (first - from), n));
      out[e] = r[first - from];
      memset(&r[first - from], 0, sizeof *r);
    }
    TRY_OUT(write_epoch(j, epoch + e, &out[e]));
  }
out:
  for (uint64_t i = 0; i < all; i++) vft_free(r[i].proof);
  vft_free(r);
  return st;
}

/* ---- all ---- */

/* Whether the run's certificate is there and accepted: for all that it says nothing else is looked at. */
static bool has_certificate(const char *run) {
  vft_arena arena = {0};
  vft_verify_report report = {0};
  char *folder = vft_run_path(&arena, run, "public");
  vft_verify_request request = {.folder = folder};
  request.certificate = folder ? vft_run_path(&arena, folder, "certificate.vft") : NULL;
  request.manifest = folder ? vft_run_path(&arena, folder, "manifest.json") : NULL;
  request.adapter = folder ? vft_run_path(&arena, folder, "adapter") : NULL;
  bool has = request.certificate && request.manifest && request.adapter &&
             vft_file_exists(request.certificate) && vft_run_verify(&request, &report) == VFT_OK &&
             !report.part;
  vft_verify_report_free(&report);
  vft_arena_free(&arena);
  vft_error_clear();
  return has;
}

static vft_status prepare(job *j, uint64_t epoch, uint64_t span) {
  bool cached;
  vft_tree *t = &j->tree;
  vft_bits outer = VFT_BITS(vft_outer_options().bits), least, total;
  t->folder = vft_run_path(&j->a.plan.arena, j->request->run, "private/aggregate");
  if (!t->folder) return VFT_RESOURCE;
  TRY(vft_folder_make(t->folder));
  TRY(vft_leaf_keys_cached(&j->a, vft_leaf_keys_room(j->memory), &j->keys, &cached));
  /* A certificate that a verifier would find too weak is not made. */
  vft_run_part part = vft_run_part_of(&j->a, epoch, span);
  if (vft_chain_bits(&j->a, &j->keys, part.leaf[0], part.leaf[1], &outer, &least, &total) != VFT_OK)
    return vft_fail(VFT_USAGE, "%s: %s", j->request->run, vft_error_message());
  t->keys = &j->keys.table;
  t->wrap = j->keys.wrap;
  t->made = j->keys.made;
  t->resume = j->request->resume;
  t->verbose = j->request->verbose;
  t->common = vft_sponge_of(VFT_DOMAIN_COMMON, j->a.common, VFT_COMMON_ELEMENTS);
  return vft_tree_begin(t);
}

vft_status vft_run_can_aggregate(const char *run, bool *can) {
  vft_arena arena = {0};
  vft_manifest m;
  vft_status st = VFT_RESOURCE;
  memset(&m, 0, sizeof m);
  char *manifest = vft_run_path(&arena, run, "public/manifest.json");
  if (!manifest) goto out;
  TRY_OUT(vft_manifest_load(manifest, &m));
  *can = m.shape.hash == VFT_HASH_POSEIDON;
  if (!*can)
    vft_note("note: proofs under %s; with proof_hash: poseidon the run would end in a certificate",
             vft_hash_names[m.shape.hash]);
out:
  vft_manifest_free(&m);
  vft_arena_free(&arena);
  return st;
}

vft_status vft_run_aggregate(const vft_aggregate_request *request, bool *all) {
  vft_range *r = NULL;
  uint64_t epochs = 0, first = request->some ? request->first : 0;
  vft_status st = VFT_OK;
  job *j = vft_alloc(1, sizeof *j);
  if (!j) return VFT_RESOURCE;
  j->request = request;
  if (all) *all = true;
  if (request->resume && !request->some && has_certificate(request->run)) {
    vft_note("note: the certificate is there and accepted");
    goto out;
  }
  j->memory = request->memory;
  if (!j->memory && vft_memory_available() / 10 * 9 < PLENTY) j->memory = vft_memory_available() / 10 * 9;
  /* finds a bad proof before hours of work */
  TRY_OUT(vft_aggregation_open(request->run, request->pieces, j->memory, &j->a));
  if (request->some && (first > request->last || request->last >= j->a.leaves.epochs)) {
    st = vft_fail(VFT_USAGE, "--epoch %llu-%llu: the run has epochs 0 to %llu", (unsigned long long)first,
                  (unsigned long long)request->last, (unsigned long long)j->a.leaves.epochs - 1);
    goto out;
  }
  epochs = request->some ? request->last - first + 1 : j->a.leaves.epochs;
  TRY_OUT(prepare(j, first, epochs));
  if (all) *all = epochs == j->a.leaves.epochs;
  r = vft_alloc(epochs, sizeof *r);
  if (!r) {
    st = VFT_RESOURCE;
    goto out;
  }
  uint64_t n = vft_leaves_epoch_leaf(&j->a.leaves, first + epochs) -
               vft_leaves_epoch_leaf(&j->a.leaves, first);
  j->tree.progress = vft_progress_begin("aggregate", 0,
                                        VFT_TREE_LEAF * n + VFT_TREE_NODE * n);
  j->tree.progress.percent = true;
  TRY_OUT(prove_epochs(j, first, epochs, r));
  TRY_OUT(vft_tree_reduce(&j->tree, r, epochs));
  TRY_OUT(outermost(j, first, epochs, &r[0]));
  st = vft_tree_step(&j->tree, VFT_TREE_NODE, "certificate");
out:
  for (uint64_t i = 0; r && i < epochs; i++) vft_free(r[i].proof);
  vft_free(r);
  vft_tree_end(&j->tree);
  vft_leaf_keys_free(&j->keys);
  vft_aggregation_close(&j->a);
  vft_free(j);
  return st;
}
