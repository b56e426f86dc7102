/* Boxes of few permutations, and what goes into them. Committed are the input x of every S-box and
 * its cube c = x^3, so that the output x^7 = c c x is a product of three factors. */
#include "gadget/poseidon_box.h"

enum {
  LANES = VFT_POSEIDON_WIDTH,
  HALF = VFT_POSEIDON_FULL / 2
};

static vft_fp round_constant(int round, int lane) {
  return vft_fp_from_u64(vft_poseidon_constant((unsigned)round, (unsigned)lane));
}

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
  vft_build_poseidon_constants(b, c);
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
