/* vft aggregate: the tree of proofs of a run, from its leaves to its certificate. */
#include <stdio.h>
#include <string.h>

#include "run/beacon.h"
#include "run/certificate.h"
#include "run/files.h"
#include "base/clock.h"
#include "run/progress.h"
#include "run/verify.h"

/* A proof of the nodes' shape over items first .. end - 1. */
typedef struct {
  uint32_t kind;
  uint64_t first, end;
  uint8_t *proof; /* vft_free */
  size_t length;
} range;

typedef struct {
  const vft_aggregate_request *request;
  vft_aggregation a;
  vft_leaf_keys keys;
  vft_machine *node;
  const char *folder;
  vft_fp statement[VFT_RANGE_INPUTS]; /* as far as VFT_AT_FIRST */
  vft_circuit_key leaf, wrap;         /* of the kind of leaf made last */
  uint32_t kind;
  vft_circuit_key nodes;
  vft_progress progress;
  uint64_t done;
} job;

static vft_status bytes_key(const uint8_t b[32], vft_fp out[4]) {
  vft_digest d;
  memcpy(d.b, b, 32);
  return vft_digest_elements(&d, out);
}

/* ---- files of the tree ---- */

static char *path_of(const job *j, const range *r, vft_arena *arena) {
  return vft_arena_printf(arena, "%s/%s_%08llu_%08llu.proof", j->folder, r->kind ? "leaf" : "node",
                          (unsigned long long)r->first, (unsigned long long)r->end);
}

static vft_status check(const job *j, const range *r) {
  vft_fp in[VFT_RANGE_INPUTS];
  vft_digest key;
  vft_poseidon_digest e;
  memcpy(in, j->statement, sizeof in);
  in[VFT_AT_FIRST] = vft_fp_from_u64(r->first);
  in[VFT_AT_END] = vft_fp_from_u64(r->end);
  memcpy(e.e, j->statement + VFT_AT_NODE_KEY, sizeof e.e);
  if (r->kind) e = j->keys.wrap[r->kind - 1];
  vft_poseidon_bytes(&e, key.b);
  vft_proof_options options = vft_node_options();
  return vft_circuit_check(j->node, &options, &key, in, VFT_RANGE_INPUTS, r->proof, r->length, NULL);
}

/* Takes a proof that is there and is accepted. */
static bool resume(const job *j, range *r) {
  vft_arena arena = {0};
  vft_bytes bytes = {0};
  char *path = path_of(j, r, &arena);
  bool good = j->request->resume && path && vft_file_exists(path) &&
              vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_USAGE, &bytes) == VFT_OK;
  if (good) {
    r->proof = vft_alloc_raw(bytes.size, 1);
    r->length = bytes.size;
    good = r->proof != NULL;
    if (good) memcpy(r->proof, bytes.data, bytes.size);
    good = good && check(j, r) == VFT_OK;
    if (!good) {
      vft_free(r->proof);
      r->proof = NULL;
    }
  }
  vft_bytes_free(&bytes);
  vft_arena_free(&arena);
  vft_error_clear();
  return good;
}

static vft_status keep(const job *j, range *r, vft_proof *proof) {
  vft_arena arena = {0};
  char *path = path_of(j, r, &arena);
  vft_status st = path ? vft_file_write(path, proof->bytes, proof->len) : VFT_RESOURCE;
  r->proof = proof->bytes;
  r->length = proof->len;
  proof->bytes = NULL;
  vft_arena_free(&arena);
  return st;
}

static vft_status step(job *j, uint64_t work, const char *what) {
  j->done += work;
  vft_progress_step(&j->progress, j->done, what);
  return vft_interrupt_check("vft aggregate ... --resume goes on");
}

static void show(const job *j, const char *what, const vft_prove_profile *profile, double seconds) {
  if (!j->request->verbose) return;
  fprintf(stderr, "%s %.2f s\n", what, seconds);
  vft_prove_profile_print(profile, stderr);
}

/* ---- leaves ---- */

enum { WORK_LEAF = 3, WORK_NODE = 1 };

/* The keys of a kind of leaf with their commitments. */
static vft_status take_kind(job *j, uint32_t kind, const vft_circuit *leaf) {
  static const vft_fp none[VFT_RANGE_INPUTS];
  vft_machine_shape shape = vft_node_shape();
  vft_circuit *w = NULL;
  if (j->leaf.machine && j->kind == kind) return VFT_OK;
  vft_circuit_key_free(&j->leaf);
  vft_circuit_key_free(&j->wrap);
  j->kind = kind;
  TRY(vft_circuit_key_make(leaf, NULL, vft_leaf_columns(leaf), NULL, &j->leaf));
  vft_status st = vft_node_wrap(&j->leaf, none, NULL, 0, NULL, &w);
  if (st == VFT_OK) st = vft_circuit_key_make(w, &shape, 0, NULL, &j->wrap);
  vft_circuit_free(w);
  return st;
}

static vft_status prove_leaf(job *j, uint64_t number, range *r) {
  vft_circuit *c = NULL, *w = NULL;
  vft_proof inner = {0}, outer = {0};
  vft_prove_profile profile[2];
  memset(profile, 0, sizeof profile);
  double begun = vft_seconds();
  vft_status st = vft_leaf_make(&j->a, number, j->statement, NULL, &c);
  if (st == VFT_OK && j->request->verbose) vft_circuit_print(c, stderr);
  if (st == VFT_OK) st = take_kind(j, r->kind - 1, c);
  if (st == VFT_OK) st = vft_circuit_prove(&j->leaf, c, &inner, &profile[0]);
  vft_circuit_free(c);
  double middle = vft_seconds();
  j->statement[VFT_AT_FIRST] = vft_fp_from_u64(r->first);
  j->statement[VFT_AT_END] = vft_fp_from_u64(r->end);
  if (st == VFT_OK)
    st = vft_node_wrap(&j->leaf, j->statement, inner.bytes, inner.len, NULL, &w);
  if (st == VFT_OK) st = vft_circuit_prove(&j->wrap, w, &outer, &profile[1]);
  vft_circuit_free(w);
  if (st == VFT_OK) st = keep(j, r, &outer);
  if (st == VFT_OK) {
    show(j, "leaf", &profile[0], middle - begun);
    show(j, "wrap", &profile[1], vft_seconds() - middle);
  }
  vft_proof_free(&inner);
  vft_proof_free(&outer);
  return st;
}

/* ---- nodes ---- */

static vft_status prove_node(job *j, const range child[2], range *r) {
  const vft_node_child c[2] = {
      {child[0].kind, child[0].first, child[0].end, child[0].proof, child[0].length},
      {child[1].kind, child[1].first, child[1].end, child[1].proof, child[1].length}};
  vft_machine_shape shape = vft_node_shape();
  vft_circuit *n = NULL;
  vft_proof proof = {0};
  vft_prove_profile profile;
  memset(&profile, 0, sizeof profile);
  double begun = vft_seconds();
  vft_status st = vft_node_join(j->node, &j->keys.table, j->statement, c, &n);
  if (st == VFT_OK && !j->nodes.machine) st = vft_circuit_key_make(n, &shape, 0, NULL, &j->nodes);
  if (st == VFT_OK && memcmp(j->nodes.key.b, vft_node_key, 32))
    st = vft_fail(VFT_USAGE, "the nodes' key is not the built-in one: run make vk");
  if (st == VFT_OK) st = vft_circuit_prove(&j->nodes, n, &proof, &profile);
  vft_circuit_free(n);
  if (st == VFT_OK) st = keep(j, r, &proof);
  if (st == VFT_OK) show(j, "node", &profile, vft_seconds() - begun);
  vft_proof_free(&proof);
  return st;
}

/* Joins neighbours, level by level, until one is left. */
static vft_status reduce(job *j, range *r, uint64_t n) {
  while (n > 1) {
    uint64_t to = 0;
    for (uint64_t i = 0; i < n; i += 2) {
      if (i + 1 == n) {
        r[to++] = r[i];
        if (to - 1 != i) memset(&r[i], 0, sizeof r[i]);
        continue;
      }
      range joined = {.kind = 0, .first = r[i].first, .end = r[i + 1].end};
      if (!resume(j, &joined)) TRY(prove_node(j, &r[i], &joined));
      vft_free(r[i].proof);
      vft_free(r[i + 1].proof);
      r[i].proof = r[i + 1].proof = NULL;
      r[to++] = joined;
      TRY(step(j, WORK_NODE, "nodes"));
    }
    n = to;
  }
  return VFT_OK;
}

/* ---- the outermost proof ---- */

static vft_status write(const job *j, const vft_proof *proof) {
  const vft_manifest *m = j->a.manifest;
  vft_poseidon_digest released;
  vft_certificate c = {.cut = j->a.shards.cut,
                       .choice = j->a.leaves.choice,
                       .blocks = j->a.epochs.blocks,
                       .epochs = j->a.epochs.epochs,
                       .windows = j->a.windows.n,
                       .counters = j->a.digests,
                       .window = j->a.windows.key,
                       .has_beacon = m->sampling.has_beacon,
                       .proof = proof->bytes,
                       .length = proof->len};
  vft_arena arena = {0};
  memcpy(c.manifest, m->digest, 32);
  if (c.has_beacon) memcpy(c.beacon, m->sampling.beacon, 32);
  memcpy(released.e, j->a.released, sizeof released.e);
  vft_poseidon_bytes(&released, c.released.b);
  char *path = vft_arena_printf(&arena, "%s/certificate.vft", j->a.folder);
  vft_status st = path ? vft_certificate_write(path, &c) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

static vft_status outermost(job *j, const range *root) {
  vft_fp statement[VFT_CERT_ELEMENTS];
  vft_circuit *c = NULL;
  vft_circuit_key key;
  vft_proof proof = {0};
  vft_prove_profile profile;
  vft_machine_shape shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  vft_poseidon_digest last;
  vft_digest released;
  memset(&key, 0, sizeof key);
  memset(&profile, 0, sizeof profile);
  memcpy(last.e, j->a.released, sizeof last.e);
  vft_poseidon_bytes(&last, released.b);
  vft_outer_witness w = {.states = &j->a.table[VFT_RUN_STATES],
                         .wraps = &j->keys.table,
                         .released_entry = vft_released_entry(&j->a),
                         .root = {root->kind, root->first, root->end, root->proof, root->length}};
  for (int i = VFT_RUN_STATES; i < VFT_RUN_TABLES; i++)
    memcpy(w.tables + 4 * (i - VFT_RUN_STATES), j->a.table[i].root.e, 4 * sizeof *w.tables);
  memcpy(w.released_with, j->a.released + 4, sizeof w.released_with);
  double begun = vft_seconds();
  vft_status st = vft_certificate_statement(&j->a, &j->keys, &released, statement);
  if (st == VFT_OK) st = vft_outer_make(j->node, statement, &w, &c);
  if (st == VFT_OK) st = vft_circuit_key_make(c, &shape, 0, &options, &key);
  if (st == VFT_OK && memcmp(key.key.b, vft_outer_key, 32))
    st = vft_fail(VFT_USAGE, "the outermost circuit's key is not the built-in one: run make vk");
  if (st == VFT_OK) st = vft_circuit_prove(&key, c, &proof, &profile);
  if (st == VFT_OK) show(j, "outermost", &profile, vft_seconds() - begun);
  if (st == VFT_OK) st = write(j, &proof);
  vft_circuit_free(c);
  vft_circuit_key_free(&key);
  vft_proof_free(&proof);
  return st;
}

/* ---- all ---- */

static vft_status leaves(job *j, range *r, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    vft_leaf leaf = vft_leaf_at(&j->a.leaves, i);
    r[i].kind = 1 + vft_leaf_kind(&j->keys.kinds, &leaf);
    r[i].first = leaf.first;
    r[i].end = leaf.end;
    if (!resume(j, &r[i])) {
      vft_status st = prove_leaf(j, i, &r[i]);
      if (st != VFT_OK)
        return vft_fail_context(st, "leaf of items %llu to %llu", (unsigned long long)r[i].first,
                                (unsigned long long)r[i].end - 1);
    }
    TRY(step(j, WORK_LEAF, "leaves"));
  }
  return VFT_OK;
}

/* Verifies the certificate, or the proofs that it is to be made of: what is wrong is found before hours
 * of work, and named. */
static vft_status verify(job *j, bool certificate) {
  vft_arena *arena = &j->a.plan.arena;
  vft_verify_report report;
  vft_verify_request request = {.folder = j->a.folder};
  request.manifest = vft_run_path(arena, j->a.folder, "manifest.json");
  request.adapter = vft_run_path(arena, j->a.folder, "adapter");
  if (certificate) request.certificate = vft_run_path(arena, j->a.folder, "certificate.vft");
  if (!request.manifest || !request.adapter || (certificate && !request.certificate))
    return VFT_RESOURCE;
  vft_status st = vft_run_verify(&request, &report);
  vft_verify_report_free(&report);
  return st;
}

static vft_status prepare(job *j) {
  vft_machine_shape shape = vft_node_shape();
  bool cached;
  j->folder = vft_run_path(&j->a.plan.arena, j->request->run, "private/aggregate");
  if (!j->folder) return VFT_RESOURCE;
  TRY(vft_folder_make(j->folder));
  TRY(vft_machine_build(&shape, &j->node));
  TRY(vft_leaf_keys_cached(&j->a, &j->keys, &cached));
  vft_poseidon_digest common =
      vft_sponge_of(VFT_DOMAIN_COMMON, j->a.common, VFT_COMMON_ELEMENTS);
  TRY(bytes_key(vft_node_key, j->statement + VFT_AT_NODE_KEY));
  memcpy(j->statement + VFT_AT_WRAP_KEYS, j->keys.table.root.e, sizeof j->keys.table.root.e);
  memcpy(j->statement + VFT_AT_COMMON, common.e, sizeof common.e);
  return VFT_OK;
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

vft_status vft_run_aggregate(const vft_aggregate_request *request) {
  range *r = NULL;
  uint64_t n = 0;
  vft_status st = VFT_OK;
  job *j = vft_alloc(1, sizeof *j);
  if (!j) return VFT_RESOURCE;
  j->request = request;
  TRY_OUT(vft_aggregation_open(request->run, &j->a));
  if (request->resume && verify(j, true) == VFT_OK) {
    vft_note("note: the certificate is there and accepted");
    goto out;
  }
  vft_error_clear();
  TRY_OUT(verify(j, false));
  TRY_OUT(prepare(j));
  n = vft_leaves_count(&j->a.leaves);
  r = vft_alloc(n, sizeof *r);
  if (!r) {
    st = VFT_RESOURCE;
    goto out;
  }
  j->progress = vft_progress_begin("aggregate", 0, WORK_LEAF * n + WORK_NODE * (n - 1) + WORK_NODE);
  j->progress.percent = true;
  TRY_OUT(leaves(j, r, n));
  TRY_OUT(reduce(j, r, n));
  TRY_OUT(outermost(j, &r[0]));
  st = step(j, WORK_NODE, "certificate");
out:
  for (uint64_t i = 0; r && i < n; i++) vft_free(r[i].proof);
  vft_free(r);
  vft_circuit_key_free(&j->leaf);
  vft_circuit_key_free(&j->wrap);
  vft_circuit_key_free(&j->nodes);
  vft_machine_free(j->node);
  vft_leaf_keys_free(&j->keys);
  vft_aggregation_close(&j->a);
  vft_free(j);
  return st;
}
