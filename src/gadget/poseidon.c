/* The permutation as relations. Committed: the input x of every S-box and its cube c = x^3, so that
 * the output x^7 = c c x is a product of three factors and a round is one sum of products under
 * the matrix. In a partial round eleven lanes are linear; so the 22 S-box inputs, and the state
 * that enters the last four rounds, are linear in the outputs of the fourth round's S-boxes and of
 * the earlier partial ones, with coefficients that are worked out once (vft_build_poseidon). */
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

static void declare_constants(vft_builder *b, vft_poseidon_constants *c) {
  int64_t matrix[LANES * LANES], rc[VFT_POSEIDON_FULL * LANES];
  linear_state s;
  vft_fp partial[PARTIAL][COLUMNS];
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

/* ---- relations ---- */

static vft_raw_term product4(int64_t coef, vft_tensor_id m, const char *m_axes, vft_tensor_id c,
                             vft_tensor_id x, const char *axes) {
  return (vft_raw_term){.coef = coef, .nfactors = 4,
                        .factor = {{m, m_axes}, {c, axes}, {c, axes}, {x, axes}}};
}

static void add_cube(vft_builder *b, const char *name, vft_tensor_id x, vft_tensor_id cube,
                     const char *axes) {
  vft_raw_term t[2] = {VFT_RAW1(1, cube, axes), VFT_RAW3(-1, x, axes, x, axes, x, axes)};
  vft_build_field_zero(b, name, axes, t, 2);
}

/* Rounds first .. first + 2 of the full ones lead to the next. */
static void add_rounds(vft_builder *b, const vft_poseidon_constants *c,
                       const vft_poseidon_box *box, const char *name, int first) {
  const char *to = vft_build_name(b, "%sT+%dI", box->axes, first + 1);
  const char *from = vft_build_name(b, "%sT+%dK", box->axes, first);
  b->size['T'] = HALF - 1;
  vft_raw_term t[3] = {VFT_RAW1(1, box->x, to),
                       VFT_RAW1(-1, c->rc, vft_build_name(b, "T+%dI", first + 1)),
                       product4(-1, c->matrix, "IK", box->cube, box->x, from)};
  vft_build_field_zero(b, name, vft_build_name(b, "%sTI", box->axes), t, 3);
  b->size['T'] = VFT_POSEIDON_FULL;
}

vft_poseidon_box vft_build_poseidon(vft_builder *b, vft_poseidon_constants *c, const char *name,
                                    const char *axes) {
  vft_poseidon_box box = {.axes = axes};
  b->size['I'] = b->size['K'] = LANES;
  b->size['T'] = VFT_POSEIDON_FULL;
  b->size['P'] = b->size['R'] = PARTIAL;
  b->size['z'] = 1;
  if (!c->declared) declare_constants(b, c);
  const char *full = vft_build_name(b, "%sTI", axes), *part = vft_build_name(b, "%sP", axes);
  box.x = vft_build_field(b, VFT_WITNESS, 0, vft_build_name(b, "%s/x", name), full, NULL);
  box.cube = vft_build_field(b, VFT_WITNESS, 0, vft_build_name(b, "%s/x3", name), full, NULL);
  box.y = vft_build_field(b, VFT_WITNESS, 0, vft_build_name(b, "%s/y", name), part, NULL);
  box.y_cube = vft_build_field(b, VFT_WITNESS, 0, vft_build_name(b, "%s/y3", name), part, NULL);
  add_cube(b, vft_build_name(b, "%s/cube", name), box.x, box.cube, full);
  add_cube(b, vft_build_name(b, "%s/partial_cube", name), box.y, box.y_cube, part);
  add_rounds(b, c, &box, vft_build_name(b, "%s/first_rounds", name), 0);
  const char *third = vft_build_name(b, "%sz+%dK", axes, HALF - 1);
  const char *back = vft_build_name(b, "%sR", axes);
  vft_raw_term t[4] = {VFT_RAW1(1, box.y, part), VFT_RAW1(-1, c->partial_rc, "P"),
                       product4(-1, c->partial_in, "PK", box.cube, box.x, third),
                       product4(-1, c->partial_back, "PR", box.y_cube, box.y, back)};
  vft_build_field_zero(b, vft_build_name(b, "%s/partial_rounds", name), part, t, 4);
  const char *lanes = vft_build_name(b, "%sI", axes);
  vft_raw_term m[4] = {VFT_RAW1(1, box.x, vft_build_name(b, "%sz+%dI", axes, HALF)),
                       VFT_RAW1(-1, c->middle_rc, "I"),
                       product4(-1, c->middle_in, "IK", box.cube, box.x, third),
                       product4(-1, c->middle_back, "IR", box.y_cube, box.y, back)};
  vft_build_field_zero(b, vft_build_name(b, "%s/middle", name), vft_build_name(b, "%szI", axes), m,
                       4);
  add_rounds(b, c, &box, vft_build_name(b, "%s/last_rounds", name), HALF);
  vft_raw_term o = product4(1, c->matrix, "IK", box.cube, box.x,
                            vft_build_name(b, "%sz+%dK", axes, VFT_POSEIDON_FULL - 1));
  box.out = vft_build_field_define(b, vft_build_name(b, "%s/out", name), lanes, &o, 1);
  return box;
}

/* ---- what goes in ---- */

vft_tensor_id vft_build_sponge(vft_builder *b, const char *name, uint64_t n, uint64_t domain) {
  int64_t v[LANES];
  for (int i = 0; i < LANES; i++) {
    vft_fp x = round_constant(0, i);
    if (i == VFT_POSEIDON_RATE) x = vft_fp_add(x, vft_fp_from_u64(n));
    if (i == VFT_POSEIDON_RATE + 1 && !n) x = vft_fp_add(x, (vft_fp){1});
    if (i == VFT_POSEIDON_RATE + 2) x = vft_fp_add(x, vft_fp_from_u64(domain));
    v[i] = vft_field_signed(x);
  }
  return vft_build_field(b, VFT_PUBLIC, 0, vft_build_name(b, "%s/start", name), "I", v);
}

void vft_build_absorb(vft_builder *b, const vft_poseidon_box *p, const char *name, const char *box,
                      const char *free, int first, int width, vft_tensor_id base,
                      const vft_raw_term *terms, int n) {
  enum { MAX_TERMS = 10 };
  vft_raw_term t[2 + MAX_TERMS] = {VFT_RAW1(1, p->x, vft_build_name(b, "%szi+%d", box, first)),
                                   VFT_RAW1(-1, base, vft_build_name(b, "i+%d", first))};
  if (n > MAX_TERMS) {
    vft_build_fail(b, "%s has more than %d terms", name, MAX_TERMS);
    return;
  }
  b->size['i'] = (uint32_t)width;
  for (int k = 0; k < n; k++) {
    t[2 + k] = terms[k];
    t[2 + k].coef = -terms[k].coef;
  }
  vft_build_field_zero(b, name, vft_build_name(b, "%szi", free), t, 2 + n);
  b->size['i'] = 4;
}

/* ---- witness ---- */

static vft_fp sbox(vft_fp x, int64_t *at, int64_t *cube_at) {
  vft_fp c = vft_fp_mul(vft_fp_sqr(x), x);
  *at = vft_field_signed(x);
  *cube_at = vft_field_signed(c);
  return vft_fp_mul(vft_fp_sqr(c), x);
}

/* The 32-bit halves apart, as in hash/poseidon.c. */
static void linear_layer(vft_fp *s) {
  uint64_t low[LANES], high[LANES];
  for (int i = 0; i < LANES; i++) low[i] = s[i].v & 0xffffffffu, high[i] = s[i].v >> 32;
  for (int r = 0; r < LANES; r++) {
    uint64_t a = r ? 0 : 8 * low[0], h = r ? 0 : 8 * high[0];
    for (int i = 0; i < LANES; i++) {
      a += vft_poseidon_circulant[i] * low[(r + i) % LANES];
      h += vft_poseidon_circulant[i] * high[(r + i) % LANES];
    }
    vft_u128 sum = ((vft_u128)h << 32) + a;
    s[r] = vft_fp_reduce128((uint64_t)(sum >> 64), (uint64_t)sum);
  }
}

void vft_poseidon_fill(const vft_poseidon_arrays *to, size_t n, vft_poseidon_state *in) {
  int64_t *x = to->x + n * VFT_POSEIDON_FULL * LANES, *c = to->cube + n * VFT_POSEIDON_FULL * LANES;
  int64_t *y = to->y + n * PARTIAL, *yc = to->y_cube + n * PARTIAL;
  for (int round = 0; round < VFT_POSEIDON_ROUNDS; round++) {
    bool partial = round >= HALF && round < HALF + PARTIAL;
    for (int i = 0; i < LANES; i++) in->s[i] = vft_fp_add(in->s[i], round_constant(round, i));
    if (partial) {
      in->s[0] = sbox(in->s[0], y++, yc++);
    } else {
      for (int i = 0; i < LANES; i++) in->s[i] = sbox(in->s[i], x++, c++);
    }
    linear_layer(in->s);
  }
}
