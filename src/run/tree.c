#include "run/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/certificate.h"
#include "run/files.h"

static vft_status bytes_key(const uint8_t b[32], vft_fp out[4]) {
  vft_digest d;
  memcpy(d.b, b, 32);
  return vft_digest_elements(&d, out);
}

/* ---- files of the tree ---- */

static char *path_of(const vft_tree *j, const vft_range *r, vft_arena *arena) {
  return vft_arena_printf(arena, "%s/%s_%08llu_%08llu.proof", j->folder, r->kind ? "leaf" : "node",
                          (unsigned long long)r->first, (unsigned long long)r->end);
}

vft_status vft_tree_check(const vft_tree *j, const vft_range *r) {
  vft_fp in[VFT_RANGE_INPUTS];
  vft_digest key;
  vft_poseidon_digest e;
  memcpy(in, j->statement, sizeof in);
  in[VFT_AT_FIRST] = vft_fp_from_u64(r->first);
  in[VFT_AT_END] = vft_fp_from_u64(r->end);
  memcpy(e.e, j->statement + VFT_AT_NODE_KEY, sizeof e.e);
  if (r->kind) e = j->wrap[r->kind - 1];
  vft_poseidon_bytes(&e, key.b);
  vft_proof_options options = vft_node_options();
  return vft_circuit_check(j->node, &options, &key, in, VFT_RANGE_INPUTS, r->proof, r->length, NULL);
}

bool vft_tree_kept(const vft_tree *j, vft_range *r) {
  vft_arena arena = {0};
  vft_bytes bytes = {0};
  char *path = j->folder ? path_of(j, r, &arena) : NULL;
  bool good = j->resume && path && vft_file_exists(path) &&
              vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_USAGE, &bytes) == VFT_OK;
  if (good) {
    r->proof = vft_alloc_raw(bytes.size, 1);
    r->length = bytes.size;
    good = r->proof != NULL;
    if (good) memcpy(r->proof, bytes.data, bytes.size);
    good = good && vft_tree_check(j, r) == VFT_OK;
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

static vft_status keep(const vft_tree *j, vft_range *r, vft_proof *proof) {
  vft_arena arena = {0};
  vft_status st = VFT_OK;
  if (j->folder) {
    char *path = path_of(j, r, &arena);
    st = path ? vft_file_write(path, proof->bytes, proof->len) : VFT_RESOURCE;
    if (st != VFT_OK) { /* the caller's */
      vft_arena_free(&arena);
      return st;
    }
  }
  r->proof = proof->bytes;
  r->length = proof->len;
  proof->bytes = NULL;
  vft_arena_free(&arena);
  return st;
}

static vft_status stage_ended(void *ctx, const char *name) {
  (void)ctx;
  return vft_interrupt_stage(name, VFT_AGGREGATE_RESUME);
}

vft_status vft_tree_prove(const vft_circuit_key *key, const vft_circuit *circuit, vft_proof *proof,
                          vft_prove_profile *profile) {
  const vft_prove_options how = {.stage = stage_ended};
  return vft_circuit_prove_with(key, circuit, &how, proof, profile);
}

vft_status vft_tree_step(vft_tree *j, uint64_t work, const char *what) {
  j->done += work;
  vft_progress_step(&j->progress, j->done, what);
  return vft_interrupt_check(VFT_AGGREGATE_RESUME);
}

void vft_tree_show(const vft_tree *j, const char *what, const vft_prove_profile *profile,
                   double seconds) {
  if (!j->verbose) return;
  fprintf(stderr, "%s %.2f s\n", what, seconds);
  vft_prove_profile_print(profile, stderr);
}

/* Proofs of leaves are on the disk until a node needs them. */
static vft_status load(const vft_tree *j, vft_range *r) {
  vft_arena arena = {0};
  vft_bytes bytes = {0};
  if (r->proof) return VFT_OK;
  char *path = path_of(j, r, &arena);
  vft_status st = path ? vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_REJECTED, &bytes) : VFT_RESOURCE;
  if (st == VFT_OK) {
    r->proof = vft_alloc_raw(bytes.size, 1);
    r->length = bytes.size;
    if (r->proof)
      memcpy(r->proof, bytes.data, bytes.size);
    else
      st = VFT_RESOURCE;
  }
  vft_bytes_free(&bytes);
  vft_arena_free(&arena);
  return st;
}

/* ---- leaves ---- */

/* The keys of the leaf's kind: held since the leaf before, kept since the table of keys was made, or made here,
 * of this leaf and of the wrap of its proof, since all of a kind have the same. */
static vft_status take_kind(vft_tree *j, uint32_t kind, const vft_circuit *leaf) {
  vft_kind_keys *own = &j->kind_keys;
  if (own->leaf.machine && j->kind == kind) return VFT_OK;
  vft_kind_keys_free(own);
  j->kind = kind;
  if (j->made) {
    *own = j->made[kind];
    memset(&j->made[kind], 0, sizeof *own);
  }
  if (own->leaf.machine) return VFT_OK;
  return vft_circuit_key_make(leaf, NULL, vft_leaf_columns(leaf), NULL, &own->leaf);
}

static vft_status wrap_key(vft_tree *j, const vft_circuit *wrap) {
  vft_machine_shape shape = vft_node_shape();
  if (j->kind_keys.wrap.machine) return VFT_OK;
  TRY(vft_circuit_key_make(wrap, &shape, 0, NULL, &j->kind_keys.wrap));
  vft_poseidon_digest own;
  if (vft_poseidon_read(j->kind_keys.wrap.key.b, &own) && !memcmp(&own, &j->wrap[j->kind], sizeof own))
    return VFT_OK;
  return vft_fail(VFT_USAGE, "the key of a kind of leaf is not that of the table: remove the cached keys");
}

static vft_status prove_leaf(vft_tree *j, vft_aggregation *a, uint64_t number, vft_range *r) {
  vft_circuit *c = NULL, *w = NULL;
  vft_proof inner = {0}, outer = {0};
  vft_prove_profile profile[2];
  memset(profile, 0, sizeof profile);
  double begun = vft_seconds();
  vft_status st = vft_leaf_make(a, number, j->statement, NULL, &c);
  if (st == VFT_OK && j->verbose) vft_circuit_print(c, stderr);
  if (st == VFT_OK) st = vft_interrupt_check(VFT_AGGREGATE_RESUME);
  if (st == VFT_OK) st = take_kind(j, r->kind - 1, c);
  if (st == VFT_OK) st = vft_tree_prove(&j->kind_keys.leaf, c, &inner, &profile[0]);
  vft_circuit_free(c);
  if (st == VFT_OK) st = vft_interrupt_check(VFT_AGGREGATE_RESUME); /* of no use without its wrap */
  double middle = vft_seconds();
  j->statement[VFT_AT_FIRST] = vft_fp_from_u64(r->first);
  j->statement[VFT_AT_END] = vft_fp_from_u64(r->end);
  if (st == VFT_OK)
    st = vft_node_wrap(&j->kind_keys.leaf, j->statement, inner.bytes, inner.len, NULL, &w);
  if (st == VFT_OK) st = wrap_key(j, w);
  if (st == VFT_OK) st = vft_tree_prove(&j->kind_keys.wrap, w, &outer, &profile[1]);
  vft_circuit_free(w);
  if (st == VFT_OK) st = keep(j, r, &outer);
  if (st == VFT_OK) {
    vft_tree_show(j, "leaf", &profile[0], middle - begun);
    vft_tree_show(j, "wrap", &profile[1], vft_seconds() - middle);
  }
  vft_proof_free(&inner);
  vft_proof_free(&outer);
  return st;
}

vft_status vft_tree_leaf(vft_tree *j, vft_aggregation *a, const vft_leaf_kinds *kinds,
                         uint64_t number, vft_range *out) {
  vft_leaf leaf = vft_leaf_at(&a->leaves, number);
  uint32_t kind;
  TRY(vft_leaf_kind(&a->leaves, kinds, &leaf, &kind));
  *out = (vft_range){.kind = 1 + kind, .first = leaf.first, .end = leaf.end};
  if (!vft_tree_kept(j, out)) {
    vft_status st = prove_leaf(j, a, number, out);
    if (st != VFT_OK)
      return vft_fail_context(st, "leaf of items %llu to %llu", (unsigned long long)out->first,
                              (unsigned long long)out->end - 1);
  }
  if (j->folder) {
    vft_free(out->proof);
    out->proof = NULL;
  }
  return vft_tree_step(j, VFT_TREE_LEAF, "leaves");
}

/* ---- nodes ---- */

vft_status vft_tree_join(vft_tree *j, vft_range child[2], vft_range *r) {
  for (int i = 0; i < 2; i++) TRY(load(j, &child[i]));
  const vft_node_child c[2] = {
      {child[0].kind, child[0].first, child[0].end, child[0].proof, child[0].length},
      {child[1].kind, child[1].first, child[1].end, child[1].proof, child[1].length}};
  vft_machine_shape shape = vft_node_shape();
  vft_circuit *n = NULL;
  vft_proof proof = {0};
  vft_prove_profile profile;
  memset(&profile, 0, sizeof profile);
  double begun = vft_seconds();
  vft_status st = vft_node_join(j->node, j->keys, j->statement, c, &n);
  if (st == VFT_OK && !j->node_key.machine) st = vft_circuit_key_make(n, &shape, 0, NULL, &j->node_key);
  if (st == VFT_OK && memcmp(j->node_key.key.b, vft_node_key, 32))
    st = vft_fail(VFT_USAGE, "the nodes' key is not the built-in one: run make vk");
  if (st == VFT_OK) st = vft_tree_prove(&j->node_key, n, &proof, &profile);
  vft_circuit_free(n);
  if (st == VFT_OK) st = keep(j, r, &proof);
  if (st == VFT_OK) vft_tree_show(j, "node", &profile, vft_seconds() - begun);
  vft_proof_free(&proof);
  return st;
}

vft_status vft_tree_reduce(vft_tree *j, vft_range *r, uint64_t n) {
  while (n > 1) {
    uint64_t to = 0;
    for (uint64_t i = 0; i < n; i += 2) {
      if (i + 1 == n) {
        r[to++] = r[i];
        if (to - 1 != i) memset(&r[i], 0, sizeof r[i]);
        continue;
      }
      vft_range joined = {.kind = 0, .first = r[i].first, .end = r[i + 1].end};
      if (!vft_tree_kept(j, &joined)) TRY(vft_tree_join(j, &r[i], &joined));
      vft_free(r[i].proof);
      vft_free(r[i + 1].proof);
      r[i].proof = r[i + 1].proof = NULL;
      r[to++] = joined;
      TRY(vft_tree_step(j, VFT_TREE_NODE, "nodes"));
    }
    n = to;
  }
  return load(j, &r[0]); /* a leaf that is alone */
}

/* ---- all ---- */

vft_status vft_tree_begin(vft_tree *j) {
  vft_machine_shape shape = vft_node_shape();
  TRY(vft_machine_build(&shape, &j->node));
  TRY(bytes_key(vft_node_key, j->statement + VFT_AT_NODE_KEY));
  memcpy(j->statement + VFT_AT_WRAP_KEYS, j->keys->root.e, sizeof j->keys->root.e);
  memcpy(j->statement + VFT_AT_COMMON, j->common.e, sizeof j->common.e);
  return VFT_OK;
}

void vft_tree_end(vft_tree *j) {
  vft_kind_keys_free(&j->kind_keys);
  vft_circuit_key_free(&j->node_key);
  vft_machine_free(j->node);
}
