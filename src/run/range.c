#include "run/range.h"

#include <string.h>

#include "base/clock.h"
#include "hash/blake3.h"
#include "run/files.h"

static const char magic[] = "VFTRANG1";

/* ---- file ---- */

static void put_digest(vft_writer *w, const vft_poseidon_digest *d) {
  for (int k = 0; k < 4; k++) vft_writer_u64(w, d->e[k].v);
}

static void take_digest(vft_reader *r, vft_poseidon_digest *d) {
  for (int k = 0; k < 4; k++) {
    d->e[k] = (vft_fp){vft_reader_u64(r)};
    if (d->e[k].v >= VFT_P) r->failed = true;
  }
}

vft_status vft_epochs_certificate_write(const char *path, const vft_epochs_certificate *c) {
  vft_writer w = {0};
  vft_writer_bytes(&w, magic, 8);
  vft_writer_u32(&w, VFT_RANGE_VERSION);
  vft_writer_u64(&w, c->epoch);
  vft_writer_u64(&w, c->epochs);
  vft_writer_u64(&w, c->first);
  vft_writer_u64(&w, c->end);
  put_digest(&w, &c->common);
  vft_writer_u32(&w, c->kind);
  vft_writer_u32(&w, c->nkeys);
  for (uint32_t k = 0; k < c->nkeys; k++) put_digest(&w, &c->key[k]);
  for (int i = 0; i < VFT_RUN_TABLES - VFT_RUN_STATES; i++) put_digest(&w, &c->table[i]);
  for (int s = 0; s < 2; s++) {
    put_digest(&w, &c->state[s].leaf);
    for (int h = 0; h < VFT_TABLE_LOG; h++) put_digest(&w, &c->state[s].sibling[h]);
  }
  vft_certificate_put(&w, &c->head);
  vft_status st = w.failed ? VFT_RESOURCE : vft_file_write(path, w.data, w.size);
  vft_writer_free(&w);
  return st;
}

static vft_status bad(const char *what) { return vft_reject("certificate/header", "%s", what); }

static vft_status take(const vft_bytes *bytes, vft_epochs_certificate *out) {
  static const vft_poseidon_digest none;
  vft_reader r = {.data = bytes->data, .size = bytes->size};
  const uint8_t *begins = vft_reader_bytes(&r, 8);
  uint32_t version = vft_reader_u32(&r);
  if (r.failed || !begins || memcmp(begins, magic, 8)) return bad("not a certificate of epochs");
  if (version != VFT_RANGE_VERSION)
    return vft_fail(VFT_USAGE, "version %u, this program reads %d", version, VFT_RANGE_VERSION);
  out->epoch = vft_reader_u64(&r);
  out->epochs = vft_reader_u64(&r);
  out->first = vft_reader_u64(&r);
  out->end = vft_reader_u64(&r);
  take_digest(&r, &out->common);
  out->kind = vft_reader_u32(&r);
  out->nkeys = vft_reader_u32(&r);
  if (r.failed || out->nkeys > VFT_LEAF_KINDS) return bad("truncated, or of too many kinds of leaves");
  if (out->kind > out->nkeys) return bad("the proof is of a kind of leaf without a key");
  for (uint32_t k = 0; k < out->nkeys; k++) take_digest(&r, &out->key[k]);
  for (int i = 0; i < VFT_RUN_TABLES - VFT_RUN_STATES; i++) take_digest(&r, &out->table[i]);
  for (int s = 0; s < 2; s++) {
    take_digest(&r, &out->state[s].leaf);
    for (int h = 0; h < VFT_TABLE_LOG; h++) take_digest(&r, &out->state[s].sibling[h]);
  }
  if (r.failed) return bad("truncated, or a root has an element that is not below p");
  TRY(vft_certificate_take(bytes->data + r.at, bytes->size - r.at, &out->head));
  for (int i = 0; i < 32; i++)
    if (out->head.released.b[i]) return bad("epochs release no adapter");
  if (out->head.epoch || out->head.span || memcmp(&out->head.start, &none, sizeof none))
    return bad("its epochs are said twice");
  return VFT_OK;
}

vft_status vft_epochs_certificate_read(const char *path, vft_epochs_certificate *out) {
  vft_bytes bytes = {0};
  memset(out, 0, sizeof *out);
  if (!vft_file_exists(path)) return vft_fail(VFT_USAGE, "%s: no such file", path);
  TRY(vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_REJECTED, &bytes));
  vft_status st = take(&bytes, out);
  vft_bytes_free(&bytes);
  if (st == VFT_OK) return VFT_OK;
  vft_epochs_certificate_free(out);
  return vft_fail_context(st, "%s", path);
}

void vft_epochs_certificate_free(vft_epochs_certificate *c) { vft_certificate_free(&c->head); }

bool vft_epochs_certificate_is(const char *path) {
  char begins[8];
  FILE *f = fopen(path, "rb");
  bool is = f && fread(begins, 1, 8, f) == 8 && !memcmp(begins, magic, 8);
  if (f) fclose(f);
  return is;
}

/* ---- made ---- */

vft_status vft_epochs_certificate_of(const vft_aggregation *a, const vft_leaf_keys *keys,
                                     const vft_certificate *head, uint64_t epoch, uint64_t epochs,
                                     const vft_range *range, vft_epochs_certificate *c) {
  vft_run_part part = vft_run_part_of(a, epoch, epochs);
  memset(c, 0, sizeof *c);
  c->epoch = epoch;
  c->epochs = epochs;
  c->first = range->first;
  c->end = range->end;
  c->kind = range->kind;
  c->common = vft_sponge_of(VFT_DOMAIN_COMMON, a->common, VFT_COMMON_ELEMENTS);
  c->nkeys = keys->kinds.n;
  memcpy(c->key, keys->wrap, c->nkeys * sizeof *c->key);
  for (int i = VFT_RUN_STATES; i < VFT_RUN_TABLES; i++)
    c->table[i - VFT_RUN_STATES] = a->table[i].root;
  for (int s = 0; s < 2; s++) {
    uint64_t t = part.step[s];
    const vft_table_tree *states = &a->table[VFT_RUN_STATES];
    c->state[s].leaf = vft_table_leaf(states, t);
    for (unsigned h = 0; h < VFT_TABLE_LOG; h++)
      c->state[s].sibling[h] = vft_table_sibling(states, t, h);
  }
  c->head = *head;
  c->head.proof = range->proof;
  c->head.length = range->length;
  return VFT_OK;
}

/* ---- verified ---- */

static vft_range range_of(const vft_epochs_certificate *c) {
  return (vft_range){.kind = c->kind, .first = c->first, .end = c->end, .proof = c->head.proof,
                     .length = c->head.length};
}

static vft_status check_state(const vft_epochs_certificate *c, int s, uint64_t t) {
  vft_poseidon_digest at = c->state[s].leaf;
  for (int h = 0; h < VFT_TABLE_LOG; h++) {
    bool right = t >> h & 1;
    vft_poseidon_digest pair[2];
    pair[right] = at;
    pair[!right] = c->state[s].sibling[h];
    vft_poseidon_compress(pair, &at, 1);
  }
  if (!memcmp(&at, &c->table[0], sizeof at)) return VFT_OK;
  return vft_reject("range/state", "the state before step %llu is not in the table of states",
                    (unsigned long long)t);
}

static vft_status verify(const vft_epochs_certificate *c, vft_aggregation *a,
                         const vft_leaf_keys *keys, vft_range_report *report) {
  const vft_run_part *p = &report->part;
  vft_poseidon_digest start;
  if (c->first != p->item[0] || c->end != p->item[1])
    return vft_reject("range/items", "items %llu to %llu are not those of epochs %llu to %llu",
                      (unsigned long long)c->first, (unsigned long long)c->end - 1,
                      (unsigned long long)c->epoch, (unsigned long long)(c->epoch + c->epochs - 1));
  if (c->nkeys != keys->kinds.n || memcmp(c->key, keys->wrap, c->nkeys * sizeof *c->key))
    return vft_reject("range/keys", "the keys of leaves are not those of the manifest's programs%s",
                      report->cached ? " (keys of leaves from the cache)" : "");
  for (int s = 0; s < 2; s++) TRY(check_state(c, s, p->step[s]));
  TRY(vft_start_entry(a, &start));
  if (!c->epoch && memcmp(&start, &c->state[0].leaf, sizeof start))
    return vft_reject("start/adapter", "epoch 0 does not begin with the declared start");
  vft_fp common[VFT_COMMON_ELEMENTS];
  memcpy(common, a->common, sizeof common);
  for (int i = VFT_RUN_STATES; i < VFT_RUN_TABLES; i++)
    memcpy(common + VFT_COMMON_TABLES + 4 * i, c->table[i - VFT_RUN_STATES].e, 4 * sizeof *common);
  vft_tree tree = {.keys = &keys->table,
                   .wrap = keys->wrap,
                   .common = vft_sponge_of(VFT_DOMAIN_COMMON, common, VFT_COMMON_ELEMENTS)};
  if (memcmp(&tree.common, &c->common, sizeof c->common))
    return vft_reject("range/common", "the common digest is not that of manifest and tables");
  double begun = vft_seconds();
  vft_range range = range_of(c);
  vft_status st = vft_tree_begin(&tree);
  if (st == VFT_OK) st = vft_tree_check(&tree, &range);
  report->proof_ms = 1e3 * (vft_seconds() - begun);
  vft_tree_end(&tree);
  if (st == VFT_OK)
    st = vft_chain_bits(a, keys, p->leaf[0], p->leaf[1], NULL, &report->least, &report->total);
  return st;
}

vft_status vft_epochs_certificate_verify(const vft_epochs_certificate *c, vft_aggregation *a,
                                         vft_range_report *report) {
  memset(report, 0, sizeof *report);
  TRY(vft_certificate_manifest(&c->head, a->manifest));
  TRY(vft_certificate_blocks(&c->head, a));
  if (!c->epochs || c->epoch >= a->leaves.epochs || c->epochs > a->leaves.epochs - c->epoch)
    return vft_reject("range/epochs", "%llu epochs from epoch %llu on, the run has %llu",
                      (unsigned long long)c->epochs, (unsigned long long)c->epoch,
                      (unsigned long long)a->leaves.epochs);
  report->part = vft_run_part_of(a, c->epoch, c->epochs);
  vft_leaf_keys *keys;
  TRY(vft_leaf_keys_known(a, &keys, &report->cached, &report->keys_s));
  vft_status st = verify(c, a, keys, report);
  vft_leaf_keys_free(keys);
  vft_free(keys);
  return st;
}

/* ---- joined ---- */

static vft_status check_pair(const char *const path[2], const vft_epochs_certificate *a,
                             const vft_epochs_certificate *b) {
  unsigned long long last = a->epoch + a->epochs - 1, next = b->epoch;
  if (memcmp(a->head.header, b->head.header, sizeof a->head.header) ||
      memcmp(&a->common, &b->common, sizeof a->common) || a->nkeys != b->nkeys ||
      memcmp(a->key, b->key, a->nkeys * sizeof *a->key) ||
      memcmp(a->table, b->table, sizeof a->table))
    return vft_reject("range/other", "%s and %s are of two runs, or of two ways to cut one", path[0],
                      path[1]);
  if (last + 1 != next || a->end != b->first ||
      memcmp(&a->state[1].leaf, &b->state[0].leaf, sizeof a->state[1].leaf))
    return vft_reject("range/gap", "%s ends with epoch %llu, %s begins with epoch %llu", path[0], last,
                      path[1], next);
  return VFT_OK;
}

vft_status vft_fold(const char *first, const char *second, const char *out, bool verbose) {
  const char *const path[2] = {first, second};
  vft_epochs_certificate *c = vft_alloc(3, sizeof *c);
  vft_table_tree keys = {0};
  vft_range child[2], joined = {0};
  vft_tree tree = {.keys = &keys, .verbose = verbose};
  vft_status st = VFT_OK;
  if (!c) return VFT_RESOURCE;
  for (int i = 0; i < 2; i++) TRY_OUT(vft_epochs_certificate_read(path[i], &c[i]));
  TRY_OUT(check_pair(path, &c[0], &c[1]));
  TRY_OUT(vft_table_tree_init(&keys, c[0].key, c[0].nkeys));
  tree.wrap = c[0].key;
  tree.common = c[0].common;
  TRY_OUT(vft_tree_begin(&tree));
  for (int i = 0; i < 2; i++) {
    child[i] = range_of(&c[i]);
    st = vft_tree_check(&tree, &child[i]);
    if (st == VFT_REJECTED) st = vft_fail_context(st, "%s", path[i]);
    if (st != VFT_OK) goto out;
  }
  joined = (vft_range){.first = child[0].first, .end = child[1].end};
  TRY_OUT(vft_tree_join(&tree, child, &joined));
  c[2] = c[0];
  c[2].epochs += c[1].epochs;
  c[2].end = joined.end;
  c[2].kind = joined.kind;
  c[2].state[1] = c[1].state[1];
  c[2].head.proof = joined.proof;
  c[2].head.length = joined.length;
  st = vft_epochs_certificate_write(out, &c[2]);
out:
  vft_tree_end(&tree);
  vft_free(joined.proof);
  vft_table_tree_free(&keys);
  for (int i = 0; i < 2; i++) vft_epochs_certificate_free(&c[i]);
  vft_free(c);
  return st;
}
