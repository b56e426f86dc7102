#include "run/certificate.h"

#include <string.h>

#include "program/join.h"
#include "run/files.h"
#include "base/clock.h"
#include "run/progress.h"

/* ---- file ---- */

static void put_digest(vft_writer *w, const vft_poseidon_digest *d) {
  uint8_t b[32];
  vft_poseidon_bytes(d, b);
  vft_writer_bytes(w, b, sizeof b);
}

/* The fields before `epoch`. */
static void put_run(vft_writer *out, const vft_certificate *c) {
  uint8_t flag = c->has_beacon;
  vft_writer w = *out;
  vft_writer_bytes(&w, "VFTCERT1", 8);
  vft_writer_u32(&w, VFT_CERTIFICATE_VERSION);
  vft_writer_bytes(&w, c->manifest, 32);
  vft_writer_u32(&w, (uint32_t)c->cut.steps);
  vft_writer_u32(&w, (uint32_t)c->cut.n);
  for (int r = 0; r < c->cut.n; r++) vft_writer_u32(&w, (uint32_t)c->cut.count[r]);
  vft_writer_u32(&w, c->choice.groups);
  vft_writer_u32(&w, c->choice.shards);
  vft_writer_u32(&w, c->choice.pieces);
  vft_writer_u32(&w, c->blocks);
  vft_writer_u64(&w, c->epochs);
  for (uint64_t i = 0; i < c->epochs * c->blocks; i++) put_digest(&w, &c->counters[i]);
  vft_writer_u64(&w, c->windows);
  for (uint64_t i = 0; i < c->windows; i++) put_digest(&w, &c->window[i]);
  vft_writer_bytes(&w, &flag, 1);
  vft_writer_bytes(&w, c->beacon, 32);
  *out = w;
}

vft_status vft_certificate_context(vft_certificate *c) {
  vft_writer w = {0};
  put_run(&w, c);
  vft_digest d = vft_blake3_hash(w.data, w.failed ? 0 : w.size);
  memcpy(c->context, d.b, sizeof c->context);
  vft_status st = w.failed ? VFT_RESOURCE : VFT_OK;
  vft_writer_free(&w);
  return st;
}

void vft_certificate_put(vft_writer *out, const vft_certificate *c) {
  put_run(out, c);
  vft_writer w = *out;
  vft_writer_u64(&w, c->epoch);
  vft_writer_u64(&w, c->span);
  put_digest(&w, &c->start);
  vft_writer_bytes(&w, c->released.b, 32);
  vft_writer_u64(&w, c->length);
  vft_writer_bytes(&w, c->proof, c->length);
  *out = w;
}

vft_status vft_certificate_write(const char *path, const vft_certificate *c) {
  vft_writer w = {0};
  vft_certificate_put(&w, c);
  vft_status st = w.failed ? VFT_RESOURCE : vft_file_write(path, w.data, w.size);
  vft_writer_free(&w);
  return st;
}

static vft_status copy_digests(const uint8_t *from, uint64_t n, vft_poseidon_digest **out) {
  *out = vft_alloc(n, sizeof **out);
  if (!*out) return VFT_RESOURCE;
  for (uint64_t i = 0; i < n; i++)
    if (!vft_poseidon_read(from + 32 * i, &(*out)[i]))
      return vft_reject("certificate/header", "a digest has an element that is not below p");
  return VFT_OK;
}

/* The cut as far as it can be checked without a model. */
static vft_status cut_of(const vft_certificate_parts *p, vft_cut *out) {
  if (p->ranges > VFT_MAX_PARTS || p->steps < 1 || p->steps > (p->ranges ? 1 : VFT_JOIN_STEPS))
    return vft_reject("certificate/header", "%u steps in a proof in %u ranges of layers", p->steps,
                      p->ranges);
  uint32_t shards = 1 + 2 * p->ranges;
  if (p->groups < 1 || p->groups > VFT_WINDOW_PROOFS / shards || p->shards < 1 ||
      p->shards > shards || p->shards > VFT_PIECE_PROOFS || p->pieces > VFT_LEAF_GROUPS ||
      p->pieces * p->shards > VFT_LEAF_PROOFS)
    return vft_reject("certificate/header", "%u groups of steps in a window, %u proofs in a piece, %u of these "
                      "in a leaf: there are %u proofs a group", p->groups, p->shards, p->pieces, shards);
  out->n = (int)p->ranges;
  out->steps = (int)p->steps;
  for (uint32_t r = 0; r < p->ranges; r++) {
    const uint8_t *b = p->layers + 4 * r;
    uint32_t n = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    if (n < 1 || n > INT32_MAX)
      return vft_reject("certificate/header", "range %u has %u layers", r, n);
    out->count[r] = (int)n;
  }
  return VFT_OK;
}

static vft_status take(const uint8_t *bytes, size_t n, vft_certificate *out) {
  vft_certificate_parts p;
  TRY(vft_certificate_parse(bytes, n, &p));
  TRY(cut_of(&p, &out->cut));
  out->choice = (vft_leaf_choice){p.groups, p.shards, p.pieces};
  out->blocks = p.blocks;
  out->epochs = p.epochs;
  out->windows = p.windows;
  out->length = p.length;
  out->has_beacon = p.beacon != NULL;
  if (p.beacon) memcpy(out->beacon, p.beacon, 32);
  memcpy(out->manifest, p.manifest, 32);
  out->epoch = p.epoch;
  out->span = p.span;
  if (!vft_poseidon_read(p.start, &out->start))
    return vft_reject("certificate/header", "a commitment has an element that is not below p");
  memcpy(out->released.b, p.released, 32);
  vft_certificate_header(bytes, &p, out->header);
  vft_digest context = vft_blake3_hash(bytes, (size_t)(p.start - bytes) - 16); /* epoch and span */
  memcpy(out->context, context.b, sizeof out->context);
  TRY(copy_digests(p.counters, p.epochs * p.blocks, &out->counters));
  TRY(copy_digests(p.window, p.windows, &out->window));
  out->proof = vft_alloc_raw(out->length, 1);
  if (!out->proof) return VFT_RESOURCE;
  if (out->length) memcpy(out->proof, p.proof, out->length);
  return VFT_OK;
}

vft_status vft_certificate_take(const uint8_t *bytes, size_t n, vft_certificate *out) {
  memset(out, 0, sizeof *out);
  vft_status st = take(bytes, n, out);
  if (st != VFT_OK) vft_certificate_free(out);
  return st;
}

vft_status vft_certificate_read(const char *path, vft_certificate *out) {
  vft_bytes bytes = {0};
  memset(out, 0, sizeof *out);
  if (!vft_file_exists(path)) return vft_fail(VFT_USAGE, "%s: no such file", path);
  TRY(vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_REJECTED, &bytes));
  vft_status st = vft_certificate_take(bytes.data, bytes.size, out);
  vft_bytes_free(&bytes);
  return st == VFT_OK ? VFT_OK : vft_fail_context(st, "%s", path);
}

void vft_certificate_free(vft_certificate *c) {
  vft_free(c->counters);
  vft_free(c->window);
  vft_free(c->proof);
  memset(c, 0, sizeof *c);
}

/* ---- verification ---- */

vft_status vft_certificate_manifest(const vft_certificate *c, const vft_manifest *m) {
  char theirs[65], given[65];
  int64_t layers = 0;
  for (int r = 0; r < c->cut.n; r++) layers += c->cut.count[r];
  if (!memcmp(c->manifest, m->digest, 32)) {
    if (!c->cut.n || layers == m->shape.layers) return VFT_OK;
    return vft_reject("certificate/header", "ranges of %lld layers, the model has %d",
                      (long long)layers, m->shape.layers);
  }
  vft_hex(c->manifest, 32, theirs);
  vft_hex(m->digest, 32, given);
  return vft_reject("certificate/manifest", "made for another manifest: h_Pi %.16s..., not %.16s...",
                    theirs, given);
}

static void bytes_of(const vft_fp e[4], uint8_t out[32]) {
  vft_poseidon_digest d;
  memcpy(d.e, e, sizeof d.e);
  vft_poseidon_bytes(&d, out);
}

vft_run_part vft_run_part_of(const vft_aggregation *a, uint64_t epoch, uint64_t span) {
  const vft_leaves *l = &a->leaves;
  vft_run_part p = {.epoch = epoch, .span = span};
  for (int i = 0; i < 2; i++) {
    uint64_t t = (epoch + (i ? span : 0)) * l->epoch_steps;
    p.leaf[i] = vft_leaves_epoch_leaf(l, epoch + (i ? span : 0));
    p.entry[i] = p.step[i] = t < l->steps ? t : l->steps;
  }
  p.item[0] = vft_leaf_at(l, p.leaf[0]).first;
  p.item[1] = vft_leaf_at(l, p.leaf[1] - 1).end;
  p.releases = epoch + span == l->epochs && (!epoch || !l->release);
  if (p.releases) p.entry[1] = vft_released_entry(a);
  return p;
}

vft_poseidon_digest vft_state_commitment(const vft_poseidon_digest *entry, const vft_fp salt[4],
                                         const uint8_t context[32]) {
  vft_fp in[8 + VFT_COMMON_STEPS];
  memcpy(in, entry->e, sizeof entry->e);
  memcpy(in + 4, salt, sizeof entry->e);
  vft_manifest_elements(context, in + 8);
  return vft_sponge_of(VFT_DOMAIN_BOUNDARY, in, sizeof in / sizeof *in);
}

vft_status vft_certificate_known(const vft_aggregation *a, const vft_leaf_keys *keys,
                                 const vft_certificate *c, vft_certificate_digests *out) {
  static const vft_fp unsalted[4];
  const vft_manifest *m = a->manifest;
  vft_run_part part = vft_run_part_of(a, c->epoch, c->span);
  vft_poseidon_digest start = c->start;
  vft_poseidon_bytes(&keys->table.root, out->keys);
  memcpy(out->manifest, m->digest, 32);
  out->steps = m->steps;
  memcpy(out->header, c->header, sizeof out->header);
  memcpy(out->context, c->context, sizeof out->context);
  out->first = part.item[0];
  out->end = part.item[1];
  out->start_entry = part.entry[0];
  out->end_entry = part.entry[1];
  out->releases = part.releases;
  bytes_of(a->common + VFT_COMMON_BASE, out->base);
  bytes_of(a->common + VFT_COMMON_FUNCTIONS, out->functions);
  bytes_of(a->common + VFT_COMMON_TABLES + 4 * VFT_RUN_INPUTS, out->inputs);
  bytes_of(a->common + VFT_COMMON_TABLES + 4 * VFT_RUN_BLOCKS, out->blocks);
  if (!c->epoch) {
    TRY(vft_start_entry(a, &start));
    start = vft_state_commitment(&start, unsalted, c->context);
  }
  vft_poseidon_bytes(&start, out->start);
  return VFT_OK;
}

vft_status vft_certificate_statement(const vft_aggregation *a, const vft_leaf_keys *keys,
                                     const vft_certificate *c, vft_fp out[VFT_CERT_ELEMENTS]) {
  vft_certificate_digests known;
  TRY(vft_certificate_known(a, keys, c, &known));
  return vft_certificate_elements(&known, c->released.b, out);
}

vft_status vft_certificate_blocks(const vft_certificate *c, vft_aggregation *a) {
  const vft_manifest *m = a->manifest;
  vft_windows windows = {.n = c->windows, .key = c->window};
  if (c->epochs != a->epochs.epochs || c->blocks != a->epochs.blocks)
    return vft_reject("certificate/epochs", "the certificate has %llu epochs of %u blocks, the manifest "
                      "gives %llu of %u", (unsigned long long)c->epochs, c->blocks,
                      (unsigned long long)a->epochs.epochs, a->epochs.blocks);
  if (c->windows != vft_windows_count(m))
    return vft_reject("certificate/windows", "the certificate has keys of %llu windows, expected %llu",
                      (unsigned long long)c->windows, (unsigned long long)vft_windows_count(m));
  if (c->has_beacon != m->sampling.has_beacon)
    return vft_reject("sampler/beacon", "the certificate %s a beacon's value, the manifest declares %s",
                      c->has_beacon ? "has" : "has not", m->sampling.has_beacon ? "one" : "none");
  vft_table_tree_free(&a->table[VFT_RUN_BLOCKS]);
  TRY(vft_aggregation_blocks(a, &windows, c->counters, &a->table[VFT_RUN_BLOCKS]));
  memcpy(a->common + VFT_COMMON_TABLES + 4 * VFT_RUN_BLOCKS, a->table[VFT_RUN_BLOCKS].root.e,
         4 * sizeof *a->common);
  return VFT_OK;
}

vft_status vft_chain_bits(const vft_aggregation *a, const vft_leaf_keys *keys, uint64_t first,
                          uint64_t end, const vft_bits *outer, vft_bits *least, vft_bits *out) {
  uint64_t n = 0;
  vft_status st = VFT_OK;
  vft_bits *bits = vft_alloc(4 * (end - first) + 1, sizeof *bits);
  if (!bits) return VFT_RESOURCE;
  if (outer) bits[n++] = *outer;
  for (uint64_t i = first; i < end; i++) {
    vft_leaf leaf = vft_leaf_at(&a->leaves, i);
    uint32_t k;
    TRY_OUT(vft_leaf_kind(&a->leaves, &keys->kinds, &leaf, &k));
    bits[n++] = keys->inner[k];
    bits[n++] = keys->leaf[k];
    bits[n++] = vft_node_bits; /* the wrap */
    bits[n++] = vft_node_bits; /* one node fewer than leaves */
  }
  *least = bits[0];
  for (uint64_t i = 1; i < n; i++)
    if (bits[i] < *least) *least = bits[i];
  *out = vft_bits_sum(bits, n);
  if (*out < VFT_BITS(VFT_SOUNDNESS_LEVEL))
    st = vft_reject("soundness/bits", "the proofs of the chain together have %.1f bits, %d are required",
                    (double)*out / VFT_BITS(1), VFT_SOUNDNESS_LEVEL);
out:
  vft_free(bits);
  return st;
}

static vft_status verify(const vft_certificate *c, vft_aggregation *a, const vft_leaf_keys *keys,
                         vft_certificate_report *report) {
  vft_fp statement[VFT_CERT_ELEMENTS], in[VFT_OUTER_INPUTS];
  vft_digest key;
  vft_soundness soundness = {0};
  vft_machine *machine = NULL;
  vft_machine_shape shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  TRY(vft_certificate_known(a, keys, c, &report->known));
  TRY(vft_certificate_elements(&report->known, c->released.b, statement));
  vft_outer_inputs(statement, in);
  memcpy(key.b, vft_outer_key, sizeof key.b);
  TRY(vft_machine_build(&shape, &machine));
  double begun = vft_seconds();
  vft_status st = vft_circuit_check(machine, &options, &key, in, VFT_OUTER_INPUTS, c->proof,
                                    c->length, &soundness);
  report->proof_ms = 1e3 * (vft_seconds() - begun);
  if (st == VFT_REJECTED)
    st = vft_fail_context(st, "the proof does not show what header and manifest say%s",
                          report->cached ? " (keys of leaves from the cache)" : "");
  vft_bits outer = vft_soundness_total(&soundness);
  if (st == VFT_OK)
    st = vft_chain_bits(a, keys, report->part.leaf[0], report->part.leaf[1], &outer, &report->least,
                        &report->total);
  vft_soundness_free(&soundness);
  vft_machine_free(machine);
  return st;
}

vft_status vft_certificate_verify(const vft_certificate *c, vft_aggregation *a,
                                  vft_certificate_report *report) {
  static const vft_poseidon_digest none;
  vft_poseidon_digest released;
  memset(report, 0, sizeof *report);
  TRY(vft_certificate_manifest(c, a->manifest));
  TRY(vft_certificate_blocks(c, a));
  if (!c->span || c->epoch >= a->leaves.epochs || c->span > a->leaves.epochs - c->epoch)
    return vft_reject("certificate/epochs", "%llu epochs from epoch %llu on, the run has %llu",
                      (unsigned long long)c->span, (unsigned long long)c->epoch,
                      (unsigned long long)a->leaves.epochs);
  if (!c->epoch && memcmp(&c->start, &none, sizeof none))
    return vft_reject("certificate/start", "a commitment to another start than the declared one");
  report->part = vft_run_part_of(a, c->epoch, c->span);
  if (!vft_poseidon_read(c->released.b, &released)) /* before the work that keys are */
    return vft_reject("transcript/canonical", "the released root has an element that is not below p");
  vft_leaf_keys *keys;
  TRY(vft_leaf_keys_known(a, &keys, &report->cached, &report->keys_s));
  vft_status st = verify(c, a, keys, report);
  vft_leaf_keys_free(keys);
  vft_free(keys);
  return st;
}
