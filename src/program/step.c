/* Entry of the step's builder: shapes, constants, tables, links, working copies, embedding. */
#include "program/step.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/fixmath.h"
#include "model/tables.h"
#include "program/build.h"
#include "program/release.h"

enum { TAG_SCORE = VFT_TAG_FIRST_FUNCTION, TAG_ZERO, TAG_LOGIT, TAG_SILU, TABLE_ROWS = 1 << 16 };

const char *vft_build_in_axes(int p) {
  return p == VFT_O ? "guae" : p == VFT_DOWN ? "f" : "d";
}

const char *vft_build_out_axes(int p) {
  switch (p) {
    case VFT_Q: return "guae";
    case VFT_K:
    case VFT_V: return "gae";
    case VFT_GATE:
    case VFT_UP: return "f";
    default: return "d";
  }
}

bool vft_build_adapted(const vft_build *c, int p) { return c->s->adapted >> p & 1; }

void vft_state_id_list(const vft_state_ids *ids, vft_tensor_id list[VFT_STATE_TENSORS]) {
  const vft_tensor_id all[VFT_STATE_TENSORS] = {ids->s[0], ids->s[1], ids->rho,
                                                ids->m[0], ids->m[1], ids->v[0],
                                                ids->v[1], ids->v[2], ids->v[3]};
  memcpy(list, all, sizeof all);
}

/* ---- sizes ---- */

/* The divisor pair of n nearest its square root, larger part last. */
static void split(uint32_t n, uint32_t *high, uint32_t *low) {
  *high = 1;
  for (uint32_t k = 1; (uint64_t)k * k <= n; k++)
    if (n % k == 0) *high = k;
  *low = n / *high;
}

static void set_sizes(vft_build *c) {
  const vft_step_shape *s = c->s;
  vft_step *t = c->step;
  uint32_t n = (uint32_t)s->positions;
  /* a power of two dividing n, the largest with low * low <= 2 n */
  t->position_low = 1;
  while (n % (2 * t->position_low) == 0 && 4 * t->position_low * t->position_low <= 2 * n)
    t->position_low *= 2;
  t->position_high = n / t->position_low;
  split((uint32_t)s->vocab, &t->vocab_high, &t->vocab_low);
  uint32_t *z = c->b.size;
  z['l'] = (uint32_t)s->layers;
  z['s'] = (uint32_t)s->sequences;
  z['p'] = z['j'] = t->position_high;
  z['q'] = z['k'] = t->position_low;
  z['d'] = (uint32_t)s->d;
  z['g'] = (uint32_t)s->groups;
  z['u'] = (uint32_t)s->per_group;
  z['a'] = z['b'] = 2;
  z['e'] = (uint32_t)s->head_dim / 2;
  z['f'] = (uint32_t)s->ff;
  z['r'] = (uint32_t)s->rank;
  z['v'] = t->vocab_high;
  z['w'] = t->vocab_low;
  z['z'] = 1;
}

/* ---- public constants and tables ---- */

static void range_of(const int64_t *v, size_t n, int64_t *lo, int64_t *hi) {
  *lo = *hi = v[0];
  for (size_t i = 1; i < n; i++) {
    if (v[i] < *lo) *lo = v[i];
    if (v[i] > *hi) *hi = v[i];
  }
}

static vft_tensor_id constant(vft_build *c, const char *name, const char *axes, const int64_t *v,
                              size_t n, int frac) {
  int64_t lo, hi;
  range_of(v, n, &lo, &hi);
  return vft_build_tensor(&c->b, VFT_PUBLIC, 0, name, axes, lo, hi, v, vft_build_frac(&c->b, frac));
}

static vft_status add_rotations(vft_build *c) {
  size_t n = (size_t)c->s->positions, half = (size_t)c->s->head_dim / 2, count = 4 * n * half;
  int64_t *v = vft_alloc_raw(count, sizeof *v);
  vft_status st = v ? VFT_OK : VFT_RESOURCE;
  for (int i = 0; st == VFT_OK && i < 4; i++) {
    static const char *const name[4] = {"const/rotate_k", "const/rotate_q", "const/unrotate_k",
                                        "const/unrotate_q"};
    vft_tensor_id *const id[4] = {&c->rot_k, &c->rot_q, &c->unrot_k, &c->unrot_q};
    int frac = i < 2 ? c->f->f_rot : c->f->f_unrot;
    st = vft_table_rope(v, n, half, vft_fix_from_float(c->s->rope_theta), frac, i & 1);
    if (st == VFT_OK) *id[i] = constant(c, name[i], "pqabe", v, count, frac);
  }
  vft_free(v);
  return st;
}

static vft_status add_causal(vft_build *c) {
  size_t n = (size_t)c->s->positions;
  int64_t *v = vft_alloc_raw(n * n, sizeof *v);
  if (!v) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) v[i * n + j] = j <= i;
  c->causal = constant(c, "const/causal", "pqjk", v, n * n, 0);
  vft_free(v);
  return VFT_OK;
}

static vft_tensor_id multiplicities(vft_build *c, const char *name, uint32_t rows) {
  c->b.size['y'] = rows;
  return vft_build_tensor(&c->b, VFT_WITNESS, 0, name, "y", 0, ((int64_t)1 << 31) - 1, NULL,
                          (vft_frac){NULL, 0});
}

static uint32_t add_table(vft_build *c, const char *name, int64_t tag, int64_t first, uint32_t log,
                          vft_tensor_id out0, vft_tensor_id out1) {
  vft_table t = {.name = name,
                 .kind = tag ? VFT_TABLE_FUNCTION : VFT_TABLE_RANGE,
                 .tag = tag,
                 .first = first,
                 .rows = 1u << log,
                 .out = {out0, out1, VFT_NO_TENSOR},
                 .mult = multiplicities(c, vft_build_name(&c->b, "%s/mult", name), 1u << log)};
  if (c->b.status != VFT_OK) return UINT32_MAX;
  uint32_t id = vft_program_add_table(c->b.p, &t);
  if (id == UINT32_MAX) c->b.status = VFT_USAGE;
  return id;
}

static vft_status add_function(vft_build *c, const char *name, vft_step_table_kind kind,
                               int frac_in, int frac_out, int64_t *values) {
  vft_step *s = c->step;
  int64_t lo, hi;
  range_of(values, TABLE_ROWS, &lo, &hi);
  c->b.size['y'] = TABLE_ROWS;
  vft_tensor_id id = vft_build_tensor(&c->b, VFT_ORACLE, s->oracle_tables, name, "y", lo, hi, NULL,
                                      vft_build_frac(&c->b, frac_out));
  s->tables[s->ntables++] = (vft_step_table){kind, id, frac_in, frac_out, values};
  return c->b.status;
}

/* The values of a table that `like` has. */
static bool copy_table(const vft_step *like, vft_step_table_kind kind, int frac_in, int frac_out,
                       int64_t *values) {
  for (uint32_t i = 0; like && i < like->ntables; i++) {
    const vft_step_table *t = &like->tables[i];
    if (t->kind != kind || t->frac_in != frac_in || t->frac_out != frac_out) continue;
    memcpy(values, t->values, TABLE_ROWS * sizeof *values);
    return true;
  }
  return false;
}

static bool gate_has(const vft_profile *f, int frac) {
  for (int l = 0; l < f->layers; l++)
    if (f->gate[l] == frac) return true;
  return false;
}

/* Softmax tables first (VFT_OP_SOFTMAX counts on it), then a pair for each gate exponent of the
 * model. All parts declare all of them, because the oracle is the same; lookups only into those
 * that the part uses. */
static vft_status add_tables(vft_build *c) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  vft_step *s = c->step;
  for (int i = 0; i < 2; i++) {
    int in = i ? f->f_logit : f->f_score, out = i ? f->e_logit : f->e_score;
    int64_t *v = vft_arena_alloc(b->arena, TABLE_ROWS, sizeof *v);
    if (!v) return VFT_RESOURCE;
    if (!copy_table(c->like, i ? VFT_STEP_LOGIT : VFT_STEP_SCORE, in, out, v))
      TRY(vft_table_exp(v, TABLE_ROWS, in, out));
    TRY(add_function(c, i ? "table/logit" : "table/score", i ? VFT_STEP_LOGIT : VFT_STEP_SCORE, in,
                     out, v));
  }
  (void)add_table(c, "lookup/range", 0, 0, VFT_MAX_RANGE_BITS + 1, VFT_NO_TENSOR, VFT_NO_TENSOR);
  if (c->layers) {
    b->ops->table_score =
        add_table(c, "lookup/score", TAG_SCORE, 0, 16, s->tables[0].tensor, VFT_NO_TENSOR);
    b->ops->table_zero = add_table(c, "lookup/zero", TAG_ZERO, 0, 0, VFT_NO_TENSOR, VFT_NO_TENSOR);
  }
  if (c->head)
    b->ops->table_logit =
        add_table(c, "lookup/logit", TAG_LOGIT, 0, 16, s->tables[1].tensor, VFT_NO_TENSOR);
  for (int frac = 0; frac < VFT_STEP_SILU_TABLES; frac++) {
    if (!gate_has(c->model, frac)) continue;
    int64_t *z = vft_arena_alloc(b->arena, TABLE_ROWS, sizeof *z);
    int64_t *dz = vft_arena_alloc(b->arena, TABLE_ROWS, sizeof *dz);
    if (!z || !dz) return VFT_RESOURCE;
    if (!copy_table(c->like, VFT_STEP_SILU, frac, frac, z) ||
        !copy_table(c->like, VFT_STEP_DSILU, frac, f->f_dsilu, dz))
      TRY(vft_table_silu(z, dz, frac, frac, f->f_dsilu));
    uint32_t at = s->ntables;
    TRY(add_function(c, vft_build_name(b, "table/silu%d", frac), VFT_STEP_SILU, frac, frac, z));
    TRY(add_function(c, vft_build_name(b, "table/dsilu%d", frac), VFT_STEP_DSILU, frac, f->f_dsilu,
                     dz));
    if (c->layers && gate_has(f, frac))
      b->ops->table_silu[frac] =
          add_table(c, vft_build_name(b, "lookup/silu%d", frac), TAG_SILU + frac, -32768, 16,
                    s->tables[at].tensor, s->tables[at + 1].tensor);
  }
  return b->status;
}

/* ---- base model ---- */

static void add_base(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  const vft_profile *f = c->model;
  int64_t w = ((int64_t)1 << (f->n_weight - 1)) - 1, g = ((int64_t)1 << (f->n_gain - 1)) - 1;
  uint32_t L = (uint32_t)f->layers, own = b->size['l'];
  b->size['l'] = L;
  t->emb = vft_build_tensor(b, VFT_ORACLE, t->oracle_base, "base/embedding", "vwd", -w, w, NULL,
                            vft_build_frac(b, f->f_emb));
  t->out = c->s->tied ? t->emb
                      : vft_build_tensor(b, VFT_ORACLE, t->oracle_base, "base/head", "vwd", -w, w,
                                         NULL, vft_build_frac(b, f->f_out));
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    t->w[p] = vft_build_tensor(
        b, VFT_ORACLE, t->oracle_base, vft_build_name(b, "base/%s", vft_projection_path[p]),
        vft_build_name(b, "l%s%s", vft_build_out_axes(p), vft_build_in_axes(p)), -w, w, NULL,
        vft_build_fracs(b, f->w + (size_t)p * L, L));
  for (int i = 0; i < 2; i++)
    t->gain[i] = vft_build_tensor(b, VFT_ORACLE, t->oracle_base,
                                  i ? "base/mlp/gain" : "base/attn/gain", "ld", -g, g, NULL,
                                  vft_build_fracs(b, f->gain + (size_t)i * L, L));
  t->gain_out = vft_build_tensor(b, VFT_ORACLE, t->oracle_base, "base/gain", "d", -g, g, NULL,
                                 vft_build_frac(b, f->f_gain_out));
  b->size['l'] = own;
}

/* ---- links: state and batch ---- */

static const char *state_axes(vft_build *c, int p, int kind) {
  return kind ? vft_build_name(&c->b, "l%sr", vft_build_out_axes(p))
              : vft_build_name(&c->b, "lr%s", vft_build_in_axes(p));
}

static vft_tensor_id link_limb(vft_build *c, uint32_t link, const char *path, const char *limb,
                               const char *axes, int bits, bool out) {
  vft_builder *b = &c->b;
  const char *name = vft_build_name(b, "%s/%s", path, limb);
  vft_tensor_id t = vft_build_tensor(b, VFT_LINK, link, name, axes, 0, ((int64_t)1 << bits) - 1,
                                     NULL, (vft_frac){NULL, 0});
  if (out) vft_build_range(b, vft_build_name(b, "%s/range", name), axes, t, bits, 0);
  return t;
}

/* The committed state of one LoRA matrix: master P = 2^8 S + rho - 2^7 (rho in [0, 2^8)), so
 * that S = round(P / 2^8) is the released working copy; first and second moment. `out`: values of
 * the next state with range checks; the working copy of the next state is not used here. */
static void add_state(vft_build *c, int p, int kind, bool out) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  const vft_profile *f = c->f;
  vft_state_ids *ids = out ? &t->next[p][kind] : &t->in[p][kind];
  uint32_t adapter = out ? t->link_adapter_out : t->link_adapter_in;
  uint32_t state = out ? t->link_state_out : t->link_state_in;
  const char *path = vft_build_name(b, "%s/%s/%c", out ? "next" : "state", vft_projection_path[p],
                                    kind ? 'B' : 'A');
  const char *axes = state_axes(c, p, kind);
  int top = f->w_s - 16;
  int64_t half = (int64_t)1 << (f->w_s - 1);
  uint8_t width_s[2] = {16, (uint8_t)top}, width_p[3] = {8, 16, (uint8_t)top};
  ids->s[0] = link_limb(c, adapter, path, "s0", axes, 16, out);
  ids->s[1] = link_limb(c, adapter, path, "s1", axes, top, out);
  if (!c->optimiser) {
    c->work[p][kind] =
        vft_build_wide_of(b, vft_build_name(b, "%s/work", path), axes, 2, ids->s,
                          (const uint8_t[]){0, 16}, width_s, half, vft_build_frac(b, f->f_s));
    return;
  }
  ids->rho = link_limb(c, state, path, "rho", axes, 8, out);
  ids->m[0] = link_limb(c, state, path, "m0", axes, 16, out);
  ids->m[1] = link_limb(c, state, path, "m1", axes, 12, out);
  for (int i = 0; i < 4; i++)
    ids->v[i] = link_limb(c, state, path, (const char *const[]){"v0", "v1", "v2", "v3"}[i], axes,
                          i < 3 ? 16 : 9, out);
  uint32_t L = (uint32_t)c->s->layers;
  int *fm = vft_arena_alloc(b->arena, L, sizeof *fm),
      *fv = vft_arena_alloc(b->arena, L, sizeof *fv);
  if (!fm || !fv) {
    if (b->status == VFT_OK) b->status = VFT_RESOURCE;
    return;
  }
  for (uint32_t l = 0; l < L; l++) { /* exponents of the scaled gradient g: m has 4, v 2 f + 10 */
    int fg = f->g[(size_t)(2 * p + kind) * L + l];
    fm[l] = fg + 4;
    fv[l] = 2 * fg + 10;
  }
  vft_frac frac_m = {fm, L}, frac_v = {fv, L};
  vft_tensor_id limbs_p[3] = {ids->rho, ids->s[0], ids->s[1]};
  if (!out && c->layers) {
    c->work[p][kind] =
        vft_build_wide_of(b, vft_build_name(b, "%s/work", path), axes, 2, ids->s,
                          (const uint8_t[]){0, 16}, width_s, half, vft_build_frac(b, f->f_s));
  }
  vft_tensor_id master = vft_build_wide_of(b, vft_build_name(b, "%s/master", path), axes, 3,
                                           limbs_p, (const uint8_t[]){0, 8, 24}, width_p,
                                           (half << 8) + (1 << 7), vft_build_frac(b, f->f_s + 8));
  vft_tensor_id m = vft_build_wide_of(b, vft_build_name(b, "%s/m", path), axes, 2, ids->m,
                                      (const uint8_t[]){0, 16}, (const uint8_t[]){16, 12},
                                      (int64_t)1 << 27, frac_m);
  vft_tensor_id v = vft_build_wide_of(b, vft_build_name(b, "%s/v", path), axes, 4, ids->v,
                                      (const uint8_t[]){0, 16, 32, 48},
                                      (const uint8_t[]){16, 16, 16, 9}, 0, frac_v);
  if (out) return; /* the optimiser finds them by name */
  c->master[p][kind] = master;
  c->m[p][kind] = m;
  c->v[p][kind] = v;
}

static void add_batch(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  vft_frac none = vft_build_frac(b, 0);
  int64_t last = c->s->vocab - 1;
  t->ids_in =
      vft_build_tensor(b, VFT_LINK, t->link_batch, "batch/input", "spq", 0, last, NULL, none);
  t->ids_lab =
      vft_build_tensor(b, VFT_LINK, t->link_batch, "batch/label", "spq", 0, last, NULL, none);
  t->mask = vft_build_tensor(b, VFT_LINK, t->link_batch, "batch/mask", "spq", 0, 1, NULL, none);
  /* No program produces the batch, so its bounds are proved here: the mask is bits; the one-hots
   * of add_embedding hold every id below the vocabulary's size. */
  vft_build_range(b, "batch/mask/range", "spq", t->mask, 1, 0);
}

/* Loads: values of the incoming limbs (an op each, because the trainer needs the values). */
static void add_load(vft_build *c, vft_tensor_id value, const char *axes) {
  vft_builder *b = &c->b;
  if (b->status != VFT_OK) return;
  const vft_wide *w = &b->ops->step->wides[b->ops->step->wide_of[value]];
  vft_raw_term terms[VFT_MAX_LIMBS + 1];
  int n = 0;
  for (uint32_t i = 0; i < w->nlimbs; i++)
    terms[n++] = VFT_RAW1((int64_t)1 << w->at[i], w->limb[i], axes);
  if (w->offset) terms[n++] = VFT_RAW0(-w->offset);
  vft_build_begin(b);
  vft_op *op = vft_build_op(b, VFT_OP_DEFINE, b->p->tensors[value].name);
  if (!op) return;
  vft_raw_term out = VFT_RAW1(1, value, axes);
  vft_raw_term all[VFT_MAX_LIMBS + 2];
  memcpy(all, terms, sizeof terms);
  all[n] = out;
  vft_term *compiled;
  if (!vft_build_compile(b, axes, all, n + 1, &op->nindex, &op->nfree, op->size, &compiled)) return;
  op->terms = compiled;
  op->nterms = (uint32_t)n;
  op->has_out = true;
  op->out = compiled[n].factor[0];
  op->looped = axes[0] == 'l';
  op->loop_count = op->looped ? op->size[0] : 1;
  op->outputs = vft_arena_alloc(b->arena, 1, sizeof *op->outputs);
  if (!op->outputs) {
    b->status = VFT_RESOURCE;
    return;
  }
  op->outputs[0] = value;
  op->noutputs = 1;
}

/* Values of incoming links; whether they have layers, their first axis says. */
static void add_hand_loads(vft_build *c) {
  vft_builder *b = &c->b;
  for (uint32_t i = 0; i < c->step->nhands && b->status == VFT_OK; i++) {
    const vft_hand *h = &c->step->hands[i];
    if (h->output || c->step->wides[h->wide].value == VFT_NO_TENSOR) continue;
    const char *axes = h->role == VFT_HAND_GRADIENT ? state_axes(c, h->p, h->kind)
                       : h->role == VFT_HAND_SQUARES || h->role == VFT_HAND_SCALE ? ""
                                                                                  : "spqd";
    add_load(c, c->step->wides[h->wide].value, axes);
  }
}

/* The input at position i + 1 is the label at position i: the next-token objective is part of the
 * statement. Inside a low block, and across high blocks. */
static void add_shift(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  uint32_t p = b->size['p'], q = b->size['q'];
  if (q > 1) {
    b->size['q'] = q - 1;
    vft_raw_term in[2] = {VFT_RAW1(1, t->ids_in, "spq+1"), VFT_RAW1(-1, t->ids_lab, "spq")};
    vft_build_relation(b, "batch/next_inside", VFT_ZERO, VFT_NO_TENSOR, "spq", in, 2);
    b->size['q'] = q;
  }
  if (p > 1) {
    b->size['p'] = p - 1;
    vft_raw_term over[2] = {
        VFT_RAW1(1, t->ids_in, "sp+1z"),
        VFT_RAW1(-1, t->ids_lab, vft_build_name(b, "spz+%u", q - 1))};
    vft_build_relation(b, "batch/next_across", VFT_ZERO, VFT_NO_TENSOR, "sp", over, 2);
    b->size['p'] = p;
  }
}

/* The residual stream before every covered layer and after the last. */
static void add_stream(vft_build *c) {
  vft_builder *b = &c->b;
  uint32_t L = b->size['l'];
  b->size['l'] = L + 1;
  c->h1 = vft_build_wide(b, "residual", "lspqd", c->f->w_h, true, vft_build_frac(b, c->f->f_h));
  b->size['l'] = L;
  c->enter = (vft_axes_factor){c->h1, "zspqd"};
  c->leave = (vft_axes_factor){c->h1, vft_build_name(b, "z+%uspqd", L)};
}

static void add_embedding(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  vft_tensor_id in_high, in_low;
  add_shift(c);
  vft_build_onehot(b, "batch/input_hot", "spq", 'v', 'w', t->ids_in, &in_high, &in_low);
  vft_build_onehot(b, "batch/label_hot", "spq", 'v', 'w', t->ids_lab, &c->lab_high, &c->lab_low);
  if (c->layers) add_stream(c);
  vft_real_term e = VFT_R3(1, in_high, "spqv", in_low, "spqw", t->emb, "vwd");
  vft_build_requant(b, (vft_build_out){"embed", c->enter.tensor, c->enter.axes}, VFT_NO_TENSOR,
                    NULL, false, &e, 1);
}

/* ---- assembling ---- */

/* Adds to an op's lists the definitions and range checks of the containers it writes. */
static vft_status attach_checks(vft_step *s) {
  vft_program *p = s->program;
  bool *mine = vft_alloc(p->ntensors, sizeof *mine);
  bool *relation = vft_alloc(p->nrelations, sizeof *relation);
  bool *lookup = vft_alloc(p->nlookups, sizeof *lookup);
  vft_status st = mine && relation && lookup ? VFT_OK : VFT_RESOURCE;
  for (uint32_t o = 0; st == VFT_OK && o < s->nops; o++) {
    vft_op *op = &s->ops[o];
    memset(mine, 0, p->ntensors * sizeof *mine);
    memset(relation, 0, p->nrelations * sizeof *relation);
    memset(lookup, 0, p->nlookups * sizeof *lookup);
    for (uint32_t i = 0; i < op->noutputs; i++) {
      mine[op->outputs[i]] = true;
      uint32_t def = vft_program_definition(p, op->outputs[i]);
      if (def != UINT32_MAX) relation[def] = true;
    }
    for (uint32_t i = 0; i < op->nrelations; i++) relation[op->relations[i]] = true;
    for (uint32_t i = 0; i < op->nlookups; i++) lookup[op->lookups[i]] = true;
    for (uint32_t i = 0; i < p->nlookups; i++) {
      const vft_linear *x = &p->lookups[i].col[1];
      if (x->nterms && x->terms[0].nfactors && mine[x->terms[0].factor[0].tensor]) lookup[i] = true;
    }
    uint32_t nr = 0, nl = 0;
    for (uint32_t i = 0; i < p->nrelations; i++) nr += relation[i];
    for (uint32_t i = 0; i < p->nlookups; i++) nl += lookup[i];
    op->relations = vft_arena_alloc(&p->arena, nr ? nr : 1, sizeof *op->relations);
    op->lookups = vft_arena_alloc(&p->arena, nl ? nl : 1, sizeof *op->lookups);
    if (!op->relations || !op->lookups) {
      st = VFT_RESOURCE;
      break;
    }
    op->nrelations = op->nlookups = 0;
    for (uint32_t i = 0; i < p->nrelations; i++)
      if (relation[i]) op->relations[op->nrelations++] = i;
    for (uint32_t i = 0; i < p->nlookups; i++)
      if (lookup[i]) op->lookups[op->nlookups++] = i;
  }
  vft_free(mine);
  vft_free(relation);
  vft_free(lookup);
  return st;
}

/* The profile of layers first .. first + layers - 1. */
static vft_status cut_profile(vft_step *step, const vft_profile *profile, int first, int layers) {
  TRY(vft_profile_init(&step->profile, layers));
  size_t from = (size_t)profile->layers, n = (size_t)layers;
#define X(name, variants)                                                                    \
  for (size_t v = 0; v < (variants); v++)                                                    \
    memcpy(step->profile.name + v * n, profile->name + v * from + first, n * sizeof(int));
  VFT_PROFILE_LAYERED(X)
#undef X
#define X(name, value) step->profile.name = profile->name;
  VFT_PROFILE_SCALARS(X)
#undef X
  return VFT_OK;
}

static vft_status check_part(const vft_part *part, int layers) {
  int first = part->first, n = part->layers, end = first + n;
  bool ok = first >= 0 && n >= 1 && first < layers && n <= layers - first;
  if (ok && (part->kind == VFT_PART_STEP || part->kind == VFT_PART_HEAD)) ok = n == layers;
  if (ok && part->kind == VFT_PART_HEAD)
    ok = part->neighbour[0] >= 1 && part->neighbour[0] <= layers;
  if (ok && part->kind == VFT_PART_LAYERS)
    ok = (first ? part->neighbour[0] >= 1 && part->neighbour[0] <= first : !part->neighbour[0]) &&
         (end < layers ? part->neighbour[1] >= 1 && part->neighbour[1] <= layers - end
                       : !part->neighbour[1]);
  if (ok) return VFT_OK;
  return vft_fail(VFT_USAGE, "training step: a part of layers %d to %d beside parts of %d and %d "
                  "layers, of a model with %d", first, end - 1, part->neighbour[0],
                  part->neighbour[1], layers);
}

/* Every role that a part may lack. */
static void no_roles(vft_step *t) {
  uint32_t *const one[] = {
      &t->link_adapter_in, &t->link_state_in, &t->link_batch,  &t->link_adapter_out,
      &t->link_state_out,  &t->link_head,     &t->link_layers, &t->link_before,
      &t->link_after,      &t->ids_in,        &t->ids_lab,     &t->mask,
      &t->lr,              &t->wd,            &t->logits,      &t->logit_max,
      &t->logit_den,       &t->loss_tokens,   &t->norm,        &t->mu,
      &t->stream,          &t->stream_grad,   &t->link_rows,   &t->row_step,
      &t->row_tokens,      &t->row_raw,       &t->row_within};
  for (size_t i = 0; i < sizeof one / sizeof *one; i++) *one[i] = UINT32_MAX;
  memset(t->in, 0xff, sizeof t->in);
  memset(t->next, 0xff, sizeof t->next);
  memset(t->eps, 0xff, sizeof t->eps);
  memset(t->grad, 0xff, sizeof t->grad);
  memset(t->sum_grad, 0xff, sizeof t->sum_grad);
  memset(t->square, 0xff, sizeof t->square);
  memset(t->rows, 0xff, sizeof t->rows);
}

static void no_ids(vft_build *c) {
  vft_axes_factor none = {VFT_NO_TENSOR, ""};
  c->enter = c->leave = c->leave_grad = none;
  c->squares_in = c->squares_out = c->enter_grad_out = VFT_NO_TENSOR;
  c->stream_in = c->stream_out = c->grad_in = c->mu = VFT_NO_TENSOR;
  memset(c->grad_out, 0xff, sizeof c->grad_out);
}

static void add_program_links(vft_build *c) {
  vft_step *t = c->step;
  vft_program *p = t->program;
  if (c->layers || c->optimiser) t->link_adapter_in = vft_program_add_link(p, "adapter_in", false);
  if (c->optimiser) t->link_state_in = vft_program_add_link(p, "state_in", false);
  if (c->head) t->link_batch = vft_program_add_link(p, "batch", false);
  if (c->head && c->s->steps_per_epoch) t->link_rows = vft_program_add_link(p, "rows", false);
  if (c->optimiser) {
    t->link_adapter_out = vft_program_add_link(p, "adapter_out", true);
    t->link_state_out = vft_program_add_link(p, "state_out", true);
  }
  t->oracle_base = vft_program_add_oracle(p, "base");
  t->oracle_tables = vft_program_add_oracle(p, "tables");
}

static void build_forward(vft_build *c) {
  c->ops.section = VFT_SECTION_PRE;
  c->ops.loop_letter = 'l';
  for (int p = 0; p < VFT_PROJECTIONS && (c->layers || c->optimiser); p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++) {
      add_state(c, p, kind, false);
      if (c->layers) add_load(c, c->work[p][kind], state_axes(c, p, kind));
    }
  for (int p = 0; p < VFT_PROJECTIONS && c->optimiser; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++) add_state(c, p, kind, true);
  if (c->step->part.kind != VFT_PART_STEP) {
    vft_build_links(c);
    add_hand_loads(c);
  }
  if (c->head) {
    add_embedding(c);
  } else if (c->layers) {
    add_stream(c);
    vft_build_stream_grad(c);
    vft_build_enter(c);
  }
  c->ops.section = VFT_SECTION_LAYER;
  if (c->layers) vft_build_layers_forward(c);
}

static void build_backward(vft_build *c) {
  c->ops.section = VFT_SECTION_HEAD;
  c->ops.loop_letter = 's';
  if (c->head) vft_build_head(c);
  c->ops.backward = true;
  c->ops.section = VFT_SECTION_BACK;
  c->ops.loop_letter = 'l';
  if (c->layers) vft_build_layers_backward(c);
  c->ops.section = VFT_SECTION_POST;
  if (c->layers && !c->head) vft_build_leave(c);
  for (int p = 0; p < VFT_PROJECTIONS && c->optimiser; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++) {
      const char *axes = state_axes(c, p, kind);
      add_load(c, c->master[p][kind], axes);
      add_load(c, c->m[p][kind], axes);
      add_load(c, c->v[p][kind], axes);
    }
  vft_build_clip(c);
  if (c->optimiser) vft_build_optimiser(c);
}

vft_status vft_step_build_part(const vft_step_shape *shape, const vft_profile *profile,
                               const vft_part *part, uint32_t log_columns, const vft_step *like,
                               vft_step **out) {
  static const char *const name[] = {"training-step", "training-step/head",
                                     "training-step/layers", "training-step/optimiser"};
  *out = NULL;
  TRY(vft_step_shape_check(shape));
  if (profile->layers != shape->layers)
    return vft_fail(VFT_USAGE, "profile for %d layers, model with %d", profile->layers,
                    shape->layers);
  TRY(vft_profile_check(profile));
  TRY(check_part(part, shape->layers));
  vft_step *step = vft_alloc(1, sizeof *step);
  vft_build *c = vft_alloc(1, sizeof *c);
  vft_status st = step && c ? VFT_OK : VFT_RESOURCE;
  if (st != VFT_OK) goto out;
  no_roles(step);
  no_ids(c);
  step->part = *part;
  step->model_layers = shape->layers;
  step->shape = *shape;
  step->shape.layers = part->layers;
  TRY_OUT(cut_profile(step, profile, part->first, part->layers));
  step->program = vft_program_new(name[part->kind], log_columns);
  if (!step->program) {
    st = VFT_USAGE;
    goto out;
  }
  c->s = &step->shape;
  c->f = &step->profile;
  c->model = profile;
  c->like = like;
  c->step = step;
  c->layers = part->kind == VFT_PART_STEP || part->kind == VFT_PART_LAYERS;
  c->head = part->kind == VFT_PART_STEP || part->kind == VFT_PART_HEAD;
  c->optimiser = part->kind == VFT_PART_STEP || part->kind == VFT_PART_OPTIMISER;
  vft_build_start(&c->b, &c->ops, step);
  set_sizes(c);
  add_program_links(c);
  c->ops.section = VFT_SECTION_PRE;
  c->ops.loop_letter = 'l';
  TRY_OUT(add_tables(c));
  if (c->layers) {
    TRY_OUT(add_rotations(c));
    TRY_OUT(add_causal(c));
  }
  add_base(c);
  if (c->head) add_batch(c);
  build_forward(c);
  build_backward(c);
  if (c->head) vft_build_batch_rows(c);
  if (c->layers) {
    step->stream = c->h1;
    step->stream_grad = c->dh1;
  }
  TRY_OUT(c->b.status);
  TRY_OUT(attach_checks(step));
  *out = step;
out:
  vft_free(c);
  if (st != VFT_OK) vft_step_free(step);
  return st;
}

/* ---- release ---- */

/* Limbs of the working copies of one link; range checked when it is the released one. */
static void add_released(vft_build *c, uint32_t link, const char *path, bool out) {
  vft_builder *b = &c->b;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++)
      for (int i = 0; i < 2; i++)
        (void)link_limb(c, link,
                        vft_build_name(b, "%s/%s/%c", path, vft_projection_path[p],
                                       kind ? 'B' : 'A'),
                        i ? "s1" : "s0", state_axes(c, p, kind), i ? c->f->w_s - 16 : 16, out);
}

/* Every limb of a part is that of the released adapter. */
static void join_released(vft_build *c, const char *path, int first) {
  vft_builder *b = &c->b;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++)
      for (int i = 0; i < 2 && b->status == VFT_OK; i++) {
        const char *matrix =
            vft_build_name(b, "%s/%c/s%d", vft_projection_path[p], kind ? 'B' : 'A', i);
        const char *name = vft_build_name(b, "%s/%s", path, matrix);
        const char *axes = state_axes(c, p, kind);
        vft_raw_term same[2] = {
            VFT_RAW1(1, vft_program_find_tensor(b->p, vft_build_name(b, "adapter/%s", matrix)),
                     first ? vft_build_name(b, "l+%d%s", first, axes + 1) : axes),
            VFT_RAW1(-1, vft_program_find_tensor(b->p, name), axes)};
        vft_build_relation(b, vft_build_name(b, "%s/joined", name), VFT_ZERO, VFT_NO_TENSOR, axes,
                           same, 2);
      }
}

vft_status vft_release_build(const vft_step_shape *shape, const vft_profile *profile,
                             const int *count, int n, uint32_t log_columns, vft_step **out) {
  *out = NULL;
  TRY(vft_step_shape_check(shape));
  TRY(vft_profile_check(profile));
  int sum = 0;
  for (int i = 0; i < n; i++) sum += count[i] >= 1 ? count[i] : shape->layers + 1;
  if (n < 1 || n > VFT_MAX_PARTS || sum != shape->layers)
    return vft_fail(VFT_USAGE, "release: parts that are not the model's %d layers", shape->layers);
  vft_step *step = vft_alloc(1, sizeof *step);
  vft_build *c = vft_alloc(1, sizeof *c);
  vft_status st = step && c ? VFT_OK : VFT_RESOURCE;
  if (st != VFT_OK) goto out;
  no_roles(step);
  step->part = (vft_part){.kind = VFT_PART_RELEASE, .layers = shape->layers};
  step->model_layers = shape->layers;
  step->shape = *shape;
  TRY_OUT(cut_profile(step, profile, 0, shape->layers));
  step->program = vft_program_new("adapter-release", log_columns);
  if (!step->program) {
    st = VFT_USAGE;
    goto out;
  }
  vft_builder *b = &c->b;
  c->s = &step->shape;
  c->f = c->model = &step->profile;
  c->step = step;
  vft_build_start(b, &c->ops, step);
  set_sizes(c);
  (void)add_table(c, "lookup/range", 0, 0, VFT_MAX_RANGE_BITS + 1, VFT_NO_TENSOR, VFT_NO_TENSOR);
  for (int i = 0; i < n; i++) {
    uint32_t link = vft_program_add_link(b->p, vft_build_name(b, "part%d", i), false);
    b->size['l'] = (uint32_t)count[i];
    add_released(c, link, vft_build_name(b, "part%d", i), false);
  }
  b->size['l'] = (uint32_t)shape->layers;
  step->link_adapter_out = vft_program_add_link(b->p, "adapter", true);
  add_released(c, step->link_adapter_out, "adapter", true);
  for (int i = 0, first = 0; i < n; first += count[i++]) {
    b->size['l'] = (uint32_t)count[i];
    join_released(c, vft_build_name(b, "part%d", i), first);
  }
  TRY_OUT(b->status);
  *out = step;
out:
  vft_free(c);
  if (st != VFT_OK) vft_step_free(step);
  return st;
}

vft_status vft_step_build(const vft_step_shape *shape, const vft_profile *profile,
                          uint32_t log_columns, vft_step **out) {
  vft_part whole = {.kind = VFT_PART_STEP, .layers = shape->layers};
  return vft_step_build_part(shape, profile, &whole, log_columns, NULL, out);
}

void vft_step_free(vft_step *step) {
  if (!step) return;
  vft_profile_free(&step->profile);
  vft_program_free(step->program);
  vft_free(step);
}

const vft_op *vft_step_op(const vft_step *step, const char *name) {
  for (uint32_t i = 0; i < step->nops; i++)
    if (!strcmp(step->ops[i].name, name)) return &step->ops[i];
  return NULL;
}
