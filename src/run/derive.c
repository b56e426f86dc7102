#include "run/derive.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "relation/layout.h"
#include "run/initial.h"

enum { LOG_INV_RATE = 1 };

unsigned vft_derive_columns(vft_hash_kind hash, size_t elements) {
  unsigned n = vft_log2_ceil(elements ? elements : 1);
  if (hash == VFT_HASH_POSEIDON) return n < 19 ? 12 : n > 25 ? 18 : n - 7;
  return n < 21 ? 12 : n > 27 ? 18 : n - 9;
}

vft_status vft_derive_step(const vft_step_shape *shape, const vft_profile *profile,
                           vft_step **out) {
  TRY(vft_step_build(shape, profile, 12, out));
  vft_program *p = (*out)->program;
  p->log_columns = vft_derive_columns(shape->hash, vft_program_tree_elements(p, VFT_WITNESS, 0));
  vft_status st = vft_program_check_bounds(p);
  if (st != VFT_OK) {
    vft_step_free(*out);
    *out = NULL;
  }
  return st;
}

vft_status vft_derive_from_manifest(const vft_manifest *m, vft_step **out) {
  vft_digest digest;
  /* The released files and the declared start are integers at this scale. */
  if (m->profile.f_s != VFT_ADAPTER_FRAC || m->profile.w_s != VFT_ADAPTER_BITS)
    return vft_reject("manifest/profile", "f_s = %d and w_s = %d; the adapter's scale is %d and %d",
                      m->profile.f_s, m->profile.w_s, VFT_ADAPTER_FRAC, VFT_ADAPTER_BITS);
  vft_status st = vft_derive_step(&m->shape, &m->profile, out);
  if (st == VFT_USAGE) {
    char text[512];
    snprintf(text, sizeof text, "%s", vft_error_message());
    return vft_reject("manifest/profile", "the manifest's profile gives no valid program: %s",
                      text);
  }
  TRY(st);
  vft_program_digest((*out)->program, digest.b);
  if ((*out)->program->log_columns != m->log_columns)
    st = vft_reject("manifest/columns", "log_columns is %u, its rule gives %u", m->log_columns,
                    (*out)->program->log_columns);
  else if (memcmp(digest.b, m->program.b, sizeof digest.b))
    st = vft_reject("manifest/program", "the program that the manifest's shapes and profile give "
                                        "has another digest");
  if (st != VFT_OK) {
    vft_step_free(*out);
    *out = NULL;
  }
  return st;
}

/* ---- oracles ---- */

/* Ids of the tensors of one tree, in order; vft_free. */
static vft_status tree_ids(const vft_step *s, vft_origin origin, uint32_t group,
                           vft_tensor_id **id, vft_box **box, uint32_t *n) {
  const vft_program *p = s->program;
  *n = vft_layout_tree_tensors(p, origin, group, NULL, 0);
  *id = vft_alloc(*n, sizeof **id);
  *box = vft_alloc(*n, sizeof **box);
  if (!*id || !*box) {
    vft_free(*id);
    vft_free(*box);
    return VFT_RESOURCE;
  }
  (void)vft_layout_tree_tensors(p, origin, group, *id, *n);
  for (uint32_t i = 0; i < *n; i++) (*box)[i] = vft_layout_tensor_box(&p->tensors[(*id)[i]]);
  return VFT_OK;
}

unsigned vft_derive_oracle_columns(const vft_step *s) {
  return vft_derive_columns(s->shape.hash,
                            vft_program_tree_elements(s->program, VFT_ORACLE, s->oracle_base));
}

vft_status vft_derive_oracle_boxes(const vft_step *s, uint32_t oracle, vft_box **box,
                                   uint32_t *n) {
  vft_tensor_id *id;
  TRY(tree_ids(s, VFT_ORACLE, oracle, &id, box, n));
  vft_free(id);
  return VFT_OK;
}

static const void *base_values(const vft_step *s, const vft_weights *w, vft_tensor_id id) {
  if (id == s->emb) return w->emb;
  if (id == s->out) return w->out;
  if (id == s->gain_out) return w->gain_out;
  for (int i = 0; i < 2; i++)
    if (id == s->gain[i]) return w->gain[i];
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    if (id == s->w[p]) return w->w[p];
  return NULL;
}

static const void *table_values(const vft_step *s, vft_tensor_id id) {
  for (uint32_t i = 0; i < s->ntables; i++)
    if (id == s->tables[i].tensor) return s->tables[i].values;
  return NULL;
}

static vft_status commit_oracle(const vft_step *s, uint32_t oracle, const vft_weights *weights,
                                vft_commitment **out) {
  vft_tensor_id *id;
  vft_box *box;
  uint32_t n;
  TRY(tree_ids(s, VFT_ORACLE, oracle, &id, &box, &n));
  vft_status st = VFT_OK;
  vft_array *array = vft_alloc(n, sizeof *array);
  if (!array) st = VFT_RESOURCE;
  for (uint32_t i = 0; st == VFT_OK && i < n; i++) {
    const void *v = weights ? base_values(s, weights, id[i]) : table_values(s, id[i]);
    array[i] = (vft_array){weights ? VFT_I16 : VFT_I64, (void *)(uintptr_t)v};
  }
  if (st == VFT_OK)
    st = vft_commit_tensors(out, box, array, n, vft_derive_oracle_columns(s), LOG_INV_RATE,
                            s->shape.hash, 0);
  vft_free(array);
  vft_free(id);
  vft_free(box);
  return st;
}

vft_status vft_derive_base(const vft_step *step, const vft_weights *weights,
                           vft_commitment **out) {
  return commit_oracle(step, step->oracle_base, weights, out);
}

vft_status vft_derive_tables(const vft_step *step, vft_commitment **out) {
  return commit_oracle(step, step->oracle_tables, NULL, out);
}

/* ---- digests ---- */

static void hash_i64(vft_blake3 *h, int64_t v) {
  uint8_t b[8];
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)((uint64_t)v >> (8 * i));
  vft_blake3_update(h, b, sizeof b);
}

static int64_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

vft_digest vft_derive_h0(const vft_step *step, vft_digest base_root) {
  static const char domain[] = "vft base model v1";
  const vft_step_shape *s = &step->shape;
  const vft_profile *f = &step->profile;
  const int64_t head[] = {s->layers, s->d, s->groups, s->per_group, s->head_dim, s->ff, s->vocab,
                          s->tied, float_bits(s->rope_theta), float_bits(s->rms_eps), f->n_weight,
                          f->n_gain, f->f_emb, f->f_out, f->f_gain_out};
  vft_digest out;
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  for (size_t i = 0; i < sizeof head / sizeof *head; i++) hash_i64(&h, head[i]);
  for (int i = 0; i < VFT_PROJECTIONS * s->layers; i++) hash_i64(&h, f->w[i]);
  for (int i = 0; i < 2 * s->layers; i++) hash_i64(&h, f->gain[i]);
  hash_i64(&h, vft_derive_oracle_columns(step));
  vft_blake3_update(&h, base_root.b, sizeof base_root.b);
  vft_blake3_final(&h, out.b, sizeof out.b);
  return out;
}

vft_digest vft_derive_h_t(vft_digest root, int rank, int alpha, unsigned targets) {
  static const char domain[] = "vft adapter v1";
  const uint32_t number[3] = {(uint32_t)rank, (uint32_t)alpha, targets};
  uint8_t b[12];
  for (int i = 0; i < 12; i++) b[i] = (uint8_t)(number[i / 4] >> (8 * (i % 4)));
  vft_digest out;
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, root.b, sizeof root.b);
  vft_blake3_update(&h, b, sizeof b);
  vft_blake3_final(&h, out.b, sizeof out.b);
  return out;
}

/* ---- links ---- */

static vft_status link_root(const vft_step *step, const vft_trace *trace, uint32_t link,
                            vft_digest *root) {
  vft_commitment *c;
  TRY(vft_commit_group(&c, trace, VFT_LINK, link, LOG_INV_RATE, step->shape.hash, 0));
  *root = vft_commitment_root(c);
  vft_commitment_free(c);
  return VFT_OK;
}

/* Working copies [layers][rows][columns] as the limbs s0, s1. */
static vft_status put_working(vft_trace *trace, const vft_step *step, const vft_state_ids *ids,
                              const int32_t *s, size_t n) {
  int64_t offset = (int64_t)1 << (step->profile.w_s - 1);
  TRY(vft_trace_alloc(trace, ids->s[0]));
  TRY(vft_trace_alloc(trace, ids->s[1]));
  if (vft_tensor_count(&step->program->tensors[ids->s[0]]) != n)
    return vft_fail(VFT_USAGE, "adapter: %zu elements where the program has another number", n);
  for (size_t i = 0; i < n; i++) {
    int64_t v = s[i] + offset;
    vft_array_set(&trace->array[ids->s[0]], i, v & 0xffff);
    vft_array_set(&trace->array[ids->s[1]], i, v >> 16);
  }
  return VFT_OK;
}

static vft_status fill(vft_trace *trace, vft_tensor_id id, int64_t v) {
  TRY(vft_trace_alloc(trace, id));
  size_t n = vft_tensor_count(&trace->program->tensors[id]);
  for (size_t i = 0; i < n; i++) vft_array_set(&trace->array[id], i, v);
  return VFT_OK;
}

/* Zero moments, low bits of the master in the middle of their range. */
static vft_status put_start(vft_trace *trace, const vft_state_ids *ids) {
  TRY(fill(trace, ids->rho, 1 << 7));
  TRY(fill(trace, ids->m[0], 0));
  TRY(fill(trace, ids->m[1], 1 << 11)); /* m + 2^27 */
  for (int i = 0; i < 4; i++) TRY(fill(trace, ids->v[i], 0));
  return VFT_OK;
}

vft_status vft_derive_initial(const vft_step *step, uint64_t seed, vft_digest *adapter,
                              vft_digest *state) {
  const vft_step_shape *s = &step->shape;
  vft_trace trace;
  int32_t *work = NULL;
  TRY(vft_trace_init(&trace, step->program));
  vft_status st = VFT_OK;
  size_t rank = (size_t)s->rank, L = (size_t)s->layers;
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    if (!(s->adapted >> p & 1)) continue;
    size_t in = vft_step_in(s, p), out = vft_step_out(s, p);
    work = vft_alloc(L * rank * (in > out ? in : out), sizeof *work);
    if (!work) {
      st = VFT_RESOURCE;
      goto out;
    }
    TRY_OUT(put_working(&trace, step, &step->in[p][1], work, L * rank * out)); /* B = 0 */
    for (size_t l = 0; l < L; l++)
      vft_initial_a(seed, step->part.first + (int)l, p, rank, in, work + l * rank * in);
    TRY_OUT(put_working(&trace, step, &step->in[p][0], work, L * rank * in));
    for (int kind = 0; kind < 2; kind++) TRY_OUT(put_start(&trace, &step->in[p][kind]));
    vft_free(work);
    work = NULL;
  }
  TRY_OUT(link_root(step, &trace, step->link_adapter_in, adapter));
  TRY_OUT(link_root(step, &trace, step->link_state_in, state));
out:
  vft_free(work);
  vft_trace_free(&trace);
  return st;
}

vft_status vft_derive_adapter_root(const vft_step *step, const vft_adapter *ad, vft_digest *root) {
  const vft_step_shape *s = &step->shape;
  vft_trace trace;
  TRY(vft_trace_init(&trace, step->program));
  vft_status st = VFT_OK;
  if (ad->layers != step->model_layers || ad->rank != s->rank || ad->targets != s->adapted) {
    st = vft_fail(VFT_USAGE, "adapter: its shape is not the program's");
    goto out;
  }
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    if (!(s->adapted >> p & 1)) continue;
    size_t n = (size_t)s->layers * (size_t)s->rank, in = vft_step_in(s, p);
    size_t first = (size_t)step->part.first * (size_t)s->rank, out = vft_step_out(s, p);
    TRY_OUT(put_working(&trace, step, &step->next[p][0], ad->a[p] + first * in, n * in));
    TRY_OUT(put_working(&trace, step, &step->next[p][1], ad->b[p] + first * out, n * out));
  }
  TRY_OUT(link_root(step, &trace, step->link_adapter_out, root));
out:
  vft_trace_free(&trace);
  return st;
}

vft_adapter vft_derive_adapter_shape(const vft_step *step) {
  vft_adapter a = {.layers = step->model_layers};
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    a.in[p] = (int)vft_step_in(&step->shape, p);
    a.out[p] = (int)vft_step_out(&step->shape, p);
  }
  return a;
}
