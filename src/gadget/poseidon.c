/* The permutation as relations. A full round is one sum of products under the matrix. In a partial
 * round eleven lanes are linear; so the 22 S-box inputs, and the state that enters the last four
 * rounds, are linear in the outputs of the fourth round's S-boxes and of the earlier partial ones,
 * with coefficients that are worked out once (vft_build_poseidon_constants). */
#include "gadget/poseidon.h"

#include <string.h>

enum {
  LANES = VFT_POSEIDON_WIDTH,
  HALF = VFT_POSEIDON_FULL / 2,
  PARTIAL = VFT_POSEIDON_PARTIAL,
  COLUMNS = LANES + PARTIAL + 1 /* S-box outputs of round 3, partial outputs, constant */
};

vft_tensor_id vft_build_field(vft_builder *b, vft_origin origin, uint32_t group, const char *name,
                              const char *axes, const int64_t *values) {
  b->field = true;
  vft_tensor_id id =
      vft_build_tensor(b, origin, group, name, axes, 0, 0, values, (vft_frac){NULL, 0});
  b->field = false;
  return id;
}

void vft_build_field_zero(vft_builder *b, const char *name, const char *free_axes,
                          const vft_raw_term *terms, int n) {
  b->field = true;
  (void)vft_build_relation(b, name, VFT_ZERO, VFT_NO_TENSOR, free_axes, terms, n);
  b->field = false;
}

vft_tensor_id vft_build_field_define(vft_builder *b, const char *name, const char *axes,
                                     const vft_raw_term *terms, int n) {
  vft_tensor_id id = vft_build_field(b, VFT_VIRTUAL, 0, name, axes, NULL);
  b->field = true;
  (void)vft_build_relation(b, vft_build_name(b, "%s/definition", name), VFT_DEFINE, id, axes, terms,
                           n);
  b->field = false;
  return id;
}

/* ---- constants ---- */

static vft_fp entry(int row, int column) {
  uint64_t v = vft_poseidon_circulant[(column - row + LANES) % LANES];
  return (vft_fp){v + (row == 0 && column == 0 ? 8 : 0)};
}

static vft_fp round_constant(int round, int lane) {
  return vft_fp_from_u64(vft_poseidon_constant((unsigned)round, (unsigned)lane));
}

typedef struct {
  vft_fp v[LANES][COLUMNS]; /* the state as a linear expression */
} linear_state;

static void multiply_matrix(linear_state *s) {
  linear_state out;
  memset(&out, 0, sizeof out);
  for (int i = 0; i < LANES; i++)
    for (int k = 0; k < LANES; k++)
      for (int c = 0; c < COLUMNS; c++)
        out.v[i][c] = vft_fp_add(out.v[i][c], vft_fp_mul(entry(i, k), s->v[k][c]));
  *s = out;
}

static void add_constants(linear_state *s, int round) {
  for (int i = 0; i < LANES; i++)
    s->v[i][COLUMNS - 1] = vft_fp_add(s->v[i][COLUMNS - 1], round_constant(round, i));
}

static vft_tensor_id constant(vft_builder *b, const char *name, const char *axes,
                              const int64_t *v) {
  return vft_build_field(b, VFT_PUBLIC, 0, vft_build_name(b, "const/poseidon/%s", name), axes, v);
}

/* Splits rows of coefficients into the parts of the three kinds of columns. */
static void declare_rows(vft_builder *b, const char *name, char letter, int rows,
                         vft_fp (*row)[COLUMNS], vft_tensor_id *in, vft_tensor_id *back,
                         vft_tensor_id *rc) {
  int64_t a[PARTIAL * LANES], z[PARTIAL * PARTIAL], c[PARTIAL];
  for (int r = 0; r < rows; r++) {
    for (int k = 0; k < LANES; k++) a[r * LANES + k] = vft_field_signed(row[r][k]);
    for (int k = 0; k < PARTIAL; k++) z[r * PARTIAL + k] = vft_field_signed(row[r][LANES + k]);
    c[r] = vft_field_signed(row[r][COLUMNS - 1]);
  }
  *in = constant(b, vft_build_name(b, "%s_in", name), vft_build_name(b, "%cK", letter), a);
  *back = constant(b, vft_build_name(b, "%s_back", name), vft_build_name(b, "%cR", letter), z);
  *rc = constant(b, vft_build_name(b, "%s_rc", name), vft_build_name(b, "%c", letter), c);
}

static void set_sizes(vft_builder *b) {
  b->size['I'] = b->size['K'] = LANES;
  b->size['T'] = VFT_POSEIDON_FULL;
  b->size['P'] = b->size['R'] = PARTIAL;
  b->size['z'] = 1;
}

void vft_build_poseidon_constants(vft_builder *b, vft_poseidon_constants *c) {
  int64_t matrix[LANES * LANES], rc[VFT_POSEIDON_FULL * LANES];
  linear_state s;
  vft_fp partial[PARTIAL][COLUMNS];
  set_sizes(b);
  if (c->declared) return;
  c->declared = true;
  for (int i = 0; i < LANES; i++)
    for (int k = 0; k < LANES; k++) matrix[i * LANES + k] = (int64_t)entry(i, k).v;
  for (int t = 0; t < VFT_POSEIDON_FULL; t++)
    for (int i = 0; i < LANES; i++)
      rc[t * LANES + i] =
          vft_field_signed(round_constant(t < HALF ? t : t + PARTIAL, i));
  c->matrix = constant(b, "matrix", "IK", matrix);
  c->rc = constant(b, "rc", "TI", rc);
  c->first_rc = constant(b, "rc0", "I", rc);
  memset(&s, 0, sizeof s);
  for (int k = 0; k < LANES; k++) s.v[k][k] = (vft_fp){1};
  multiply_matrix(&s);
  for (int r = 0; r < PARTIAL; r++) {
    add_constants(&s, HALF + r);
    memcpy(partial[r], s.v[0], sizeof partial[r]);
    memset(s.v[0], 0, sizeof s.v[0]);
    s.v[0][LANES + r] = (vft_fp){1};
    multiply_matrix(&s);
  }
  add_constants(&s, HALF + PARTIAL);
  declare_rows(b, "partial", 'P', PARTIAL, partial, &c->partial_in, &c->partial_back,
               &c->partial_rc);
  declare_rows(b, "middle", 'I', LANES, s.v, &c->middle_in, &c->middle_back, &c->middle_rc);
}

/* ---- chains ---- */

/* coef * m * x^7 */
static vft_raw_term seventh(int64_t coef, vft_tensor_id m, const char *m_axes, vft_tensor_id x,
                            const char *axes) {
  vft_raw_term t = {.coef = coef, .nfactors = 8, .factor = {{m, m_axes}}};
  for (int f = 1; f < 8; f++) t.factor[f] = (vft_axes_factor){x, axes};
  return t;
}

/* Terms that a round's input is the sum of: says so of a committed tensor, or defines it. */
static void add_input(vft_builder *b, const char *name, vft_tensor_id *x, bool committed,
                      const char *axes, vft_raw_term *terms, int n) {
  if (!committed) {
    *x = vft_build_field_define(b, name, axes, terms, n);
    return;
  }
  enum { MAX_TERMS = 3 };
  vft_raw_term t[1 + MAX_TERMS] = {VFT_RAW1(1, *x, axes)};
  for (int k = 0; k < n && k < MAX_TERMS; k++) {
    t[1 + k] = terms[k];
    t[1 + k].coef = -terms[k].coef;
  }
  vft_build_field_zero(b, vft_build_name(b, "%s/round", name), axes, t, 1 + n);
}

vft_poseidon_chain vft_build_poseidon_chain(vft_builder *b, vft_poseidon_constants *c,
                                            const char *name, const char *axes, vft_tensor_id in,
                                            unsigned committed) {
  vft_poseidon_chain p = {.axes = axes};
  const char *lanes = vft_build_name(b, "%sI", axes), *from = vft_build_name(b, "%sK", axes);
  const char *part = vft_build_name(b, "%sP", axes), *back = vft_build_name(b, "%sR", axes);
  const char *path[VFT_POSEIDON_FULL];
  vft_build_poseidon_constants(b, c);
  p.x[0] = in;
  committed = (committed & ~1u) | (in == VFT_NO_TENSOR);
  for (int t = 0; t < VFT_POSEIDON_FULL; t++) {
    path[t] = vft_build_name(b, "%s/x%d", name, t);
    if (committed >> t & 1) p.x[t] = vft_build_field(b, VFT_WITNESS, 0, path[t], lanes, NULL);
  }
  p.y = vft_build_field(b, VFT_WITNESS, 0, vft_build_name(b, "%s/y", name), part, NULL);
  for (int t = 1; t < VFT_POSEIDON_FULL; t++) {
    bool own = committed >> t & 1;
    if (t != HALF) {
      vft_raw_term r[2] = {VFT_RAW1(1, c->rc, vft_build_name(b, "z+%dI", t)),
                           seventh(1, c->matrix, "IK", p.x[t - 1], from)};
      add_input(b, path[t], &p.x[t], own, lanes, r, 2);
      continue;
    }
    vft_raw_term y[4] = {VFT_RAW1(1, p.y, part), VFT_RAW1(-1, c->partial_rc, "P"),
                         seventh(-1, c->partial_in, "PK", p.x[t - 1], from),
                         seventh(-1, c->partial_back, "PR", p.y, back)};
    vft_build_field_zero(b, vft_build_name(b, "%s/partial_rounds", name), part, y, 4);
    vft_raw_term m[3] = {VFT_RAW1(1, c->middle_rc, "I"),
                         seventh(1, c->middle_in, "IK", p.x[t - 1], from),
                         seventh(1, c->middle_back, "IR", p.y, back)};
    add_input(b, path[t], &p.x[t], own, lanes, m, 3);
  }
  return p;
}

vft_raw_term vft_build_poseidon_after(vft_builder *b, const vft_poseidon_constants *c,
                                      const vft_poseidon_chain *p, int64_t coef, const char *box,
                                      const char *lanes) {
  return seventh(coef, c->matrix, vft_build_name(b, "%sK", lanes), p->x[VFT_POSEIDON_FULL - 1],
                 vft_build_name(b, "%sK", box));
}

vft_tensor_id vft_build_poseidon_out(vft_builder *b, const vft_poseidon_constants *c,
                                     const vft_poseidon_chain *p, const char *name) {
  vft_raw_term t = vft_build_poseidon_after(b, c, p, 1, p->axes, "I");
  b->size['I'] = LANES;
  return vft_build_field_define(b, name, vft_build_name(b, "%sI", p->axes), &t, 1);
}
