#include <string.h>

#include "field/arrays.h"
#include "hash/poseidon.h"
#include "recurse/recorder.h"

static vft_fp constant(uint64_t v) { return (vft_fp){.v = v}; }
static int is_constant(vft_fp a) { return a.part == VFT_CONSTANT; }

/* ---- arithmetic on values ---- */

static uint64_t add64(uint64_t a, uint64_t b) {
  uint64_t s, over = __builtin_add_overflow(a, b, &s);
  return over || s >= VFT_P ? s - VFT_P : s;
}
static uint64_t mul64(uint64_t a, uint64_t b) {
  return (uint64_t)((unsigned __int128)a * b % VFT_P);
}
static uint64_t pow64(uint64_t a, uint64_t e) {
  uint64_t r = 1;
  for (; e; e >>= 1, a = mul64(a, a))
    if (e & 1) r = mul64(r, a);
  return r;
}

/* ---- between elements and cells ---- */

uint32_t vft_wire_of_fp(vft_fp a) {
  if (is_constant(a)) return vft_record_constant((uint64_t[]){a.v, 0, 0});
  if (a.part == VFT_WHOLE) return a.wire;
  if (!a.plus_part) return vft_record_part(a.wire, a.part - VFT_COORDINATE);
  vft_record_fail("a lane in the making as an element of F");
  return 0;
}

uint32_t vft_wire_of_ext(vft_ext a) {
  const vft_fp *c = a.c;
  if (is_constant(c[0]) && is_constant(c[1]) && is_constant(c[2]))
    return vft_record_constant((uint64_t[]){c[0].v, c[1].v, c[2].v});
  if (c[0].part == VFT_WHOLE && is_constant(c[1]) && is_constant(c[2]) && !c[1].v && !c[2].v)
    return c[0].wire;
  if (c[0].part >= VFT_COORDINATE && is_constant(c[1]) && is_constant(c[2]) && !c[1].v && !c[2].v)
    return vft_wire_of_fp(c[0]);
  int together = 1;
  for (uint32_t k = 0; k < 3; k++)
    together &= c[k].part == VFT_COORDINATE + k && c[k].wire == c[0].wire && !c[k].plus_part;
  if (!together) vft_record_fail("an element put together from several cells");
  return together ? c[0].wire : 0;
}

vft_fp vft_fp_of_wire(uint32_t wire, uint64_t v) {
  return (vft_fp){.v = v, .wire = wire, .part = VFT_WHOLE};
}

vft_ext vft_ext_of_wire(uint32_t wire, const uint64_t v[3]) {
  vft_ext a;
  for (uint32_t k = 0; k < 3; k++)
    a.c[k] = (vft_fp){.v = v[k], .wire = wire, .part = VFT_COORDINATE + k};
  return a;
}

/* ---- F ---- */

vft_fp vft_fp_from_u64(uint64_t x) { return constant(x >= VFT_P ? x - VFT_P : x); }
vft_fp vft_fp_from_i64(int64_t x) {
  return x >= 0 ? vft_fp_from_u64((uint64_t)x) : constant(VFT_P - (uint64_t)(-(x + 1)) - 1);
}

static vft_fp sum_fp(vft_fp a, vft_fp b, vft_fp c) {
  uint64_t v[3];
  uint32_t w = vft_record_sum(vft_wire_of_fp(a), vft_wire_of_fp(b), vft_wire_of_fp(c), v);
  return vft_fp_of_wire(w, v[0]);
}

/* A lane of a permutation plus something: stays in the making. */
static int add_to_lane(vft_fp a, vft_fp b, vft_fp *out) {
  uint32_t permutation, lane;
  if (a.part < VFT_COORDINATE || a.plus_part ||
      !vft_record_is_lane(a.wire, a.part - VFT_COORDINATE, &permutation, &lane) || b.plus_part)
    return 0;
  *out = a;
  out->v = add64(a.v, b.v);
  if (is_constant(b)) {
    out->plus = vft_record_constant((uint64_t[]){b.v, 0, 0});
    out->plus_part = VFT_WHOLE;
  } else {
    out->plus = b.wire;
    out->plus_part = b.part;
  }
  return 1;
}

vft_fp vft_fp_add(vft_fp a, vft_fp b) {
  vft_fp out;
  if (is_constant(a) && is_constant(b)) return constant(add64(a.v, b.v));
  if (is_constant(a) && !a.v) return b;
  if (is_constant(b) && !b.v) return a;
  if (add_to_lane(a, b, &out)) return out;
  return sum_fp(constant(1), a, b);
}
vft_fp vft_fp_sub(vft_fp a, vft_fp b) {
  if (is_constant(b)) return vft_fp_add(a, constant(b.v ? VFT_P - b.v : 0));
  return sum_fp(constant(VFT_P - 1), b, a);
}
vft_fp vft_fp_mul(vft_fp a, vft_fp b) {
  if (is_constant(a) && is_constant(b)) return constant(mul64(a.v, b.v));
  if ((is_constant(a) && !a.v) || (is_constant(b) && !b.v)) return constant(0);
  if (is_constant(a) && a.v == 1) return b;
  if (is_constant(b) && b.v == 1) return a;
  return sum_fp(a, b, constant(0));
}
vft_fp vft_fp_sqr(vft_fp a) { return vft_fp_mul(a, a); }
vft_fp vft_fp_pow(vft_fp a, uint64_t e) {
  if (!is_constant(a)) vft_record_fail("a power of a wire");
  return constant(pow64(a.v, e));
}
vft_fp vft_fp_inv(vft_fp a) { return vft_fp_pow(a, VFT_P - 2); }
/* As field/goldilocks.c: 7 generates the multiplicative group. */
vft_fp vft_fp_root(unsigned log) { return constant(pow64(pow64(7, (VFT_P - 1) >> 32), 1ull << (32 - log))); }

/* ---- E ---- */

static int all_constant(vft_ext a) {
  return is_constant(a.c[0]) && is_constant(a.c[1]) && is_constant(a.c[2]);
}
static int is_value(vft_ext a, uint64_t v) {
  return all_constant(a) && a.c[0].v == v && !a.c[1].v && !a.c[2].v;
}

vft_ext vft_ext_from_fp(vft_fp a) { return (vft_ext){{a, {0}, {0}}}; }
vft_ext vft_ext_from_i64(int64_t x) { return vft_ext_from_fp(vft_fp_from_i64(x)); }

static vft_ext mul_add_values(vft_ext a, vft_ext b, vft_ext c) {
  uint64_t d[5] = {0};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) d[i + j] = add64(d[i + j], mul64(a.c[i].v, b.c[j].v));
  return (vft_ext){{constant(add64(c.c[0].v, add64(d[0], d[3]))),
                    constant(add64(c.c[1].v, add64(d[1], add64(d[3], d[4])))),
                    constant(add64(c.c[2].v, add64(d[2], d[4])))}};
}

vft_ext vft_ext_mul_add(vft_ext a, vft_ext b, vft_ext c) {
  if (is_value(a, 0) || is_value(b, 0)) return c;
  if (is_value(c, 0) && is_value(a, 1)) return b;
  if (is_value(c, 0) && is_value(b, 1)) return a;
  if (all_constant(a) && all_constant(b)) {
    vft_ext ab = mul_add_values(a, b, VFT_EXT_ZERO);
    if (all_constant(c)) return mul_add_values(ab, VFT_EXT_ONE, c);
    a = VFT_EXT_ONE;
    b = ab;
  }
  uint64_t v[3];
  uint32_t w = vft_record_sum(vft_wire_of_ext(a), vft_wire_of_ext(b), vft_wire_of_ext(c), v);
  return vft_ext_of_wire(w, v);
}

vft_ext vft_ext_add(vft_ext a, vft_ext b) {
  return is_value(a, 0) ? b : is_value(b, 0) ? a : vft_ext_mul_add(VFT_EXT_ONE, a, b);
}
vft_ext vft_ext_sub(vft_ext a, vft_ext b) {
  vft_ext minus = {{{VFT_P - 1}, {0}, {0}}};
  return is_value(b, 0) ? a : vft_ext_mul_add(minus, b, a);
}
vft_ext vft_ext_neg(vft_ext a) { return vft_ext_sub(VFT_EXT_ZERO, a); }
vft_ext vft_ext_mul(vft_ext a, vft_ext b) { return vft_ext_mul_add(a, b, VFT_EXT_ZERO); }
vft_ext vft_ext_mul_fp(vft_ext a, vft_fp b) { return vft_ext_mul(a, vft_ext_from_fp(b)); }

int vft_ext_is_zero(vft_ext a) {
  if (!all_constant(a)) {
    vft_record_zero(vft_wire_of_ext(a));
    if (vft_record_blank()) return 1;
  }
  return !a.c[0].v && !a.c[1].v && !a.c[2].v;
}
/* There is an inverse. */
int vft_ext_is_nonzero(vft_ext a) {
  if (!all_constant(a)) {
    uint64_t v[3];
    uint32_t inverse = vft_record_inverse(vft_wire_of_ext(a));
    vft_record_value(inverse, v);
    (void)vft_ext_eq(vft_ext_mul(a, vft_ext_of_wire(inverse, v)), VFT_EXT_ONE);
    if (vft_record_blank()) return 1;
  }
  return a.c[0].v || a.c[1].v || a.c[2].v;
}
int vft_ext_eq(vft_ext a, vft_ext b) { return vft_ext_is_zero(vft_ext_sub(a, b)); }
int vft_fp_eq(vft_fp a, vft_fp b) { return vft_ext_is_zero(vft_ext_from_fp(vft_fp_sub(a, b))); }

/* ---- arrays ---- */

void vft_ext_scale_n(vft_ext *out, const vft_ext *a, vft_ext w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_mul(a[i], w);
}

vft_ext vft_ext_dot_n(const vft_ext *a, const vft_ext *b, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) s = vft_ext_mul_add(a[i], b[i], s);
  return s;
}

vft_ext vft_ext_dot_elem(vft_elem type, const void *t, const vft_ext *b, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  if (type != VFT_ELEM_I64 && type != VFT_ELEM_FP) vft_record_fail("an array of this type");
  for (size_t i = 0; i < n; i++) {
    vft_fp x = type == VFT_ELEM_FP ? ((const vft_fp *)t)[i]
                                   : vft_fp_from_i64(((const int64_t *)t)[i]);
    s = vft_ext_mul_add(vft_ext_from_fp(x), b[i], s);
  }
  return s;
}

void vft_ext_fold_low(vft_ext *out, const vft_ext *f, size_t n, vft_ext r) {
  for (size_t i = 0; i < (n + 1) / 2; i++) {
    vft_ext low = f[2 * i], high = 2 * i + 1 < n ? f[2 * i + 1] : VFT_EXT_ZERO;
    out[i] = vft_ext_mul_add(r, vft_ext_sub(high, low), low);
  }
}

void vft_eq_table(vft_ext *out, const vft_ext *point, unsigned vars, vft_ext scale, size_t len) {
  if (!len) return;
  out[0] = scale;
  size_t have = 1;
  for (unsigned b = 0; b < vars; b++, have *= 2) {
    for (size_t i = 0; i < have && i < len; i++) {
      vft_ext high = vft_ext_mul(out[i], point[b]);
      if (i + have < len) out[i + have] = high;
      out[i] = vft_ext_sub(out[i], high);
    }
  }
}

/* From the top: indices near each other have their high factors in common, and equal products are
 * one cell. */
vft_ext vft_eq_index(const vft_ext *point, unsigned vars, uint64_t index) {
  vft_ext e = VFT_EXT_ONE;
  for (unsigned b = vars; b-- > 0;)
    e = vft_ext_mul(e, index >> b & 1 ? point[b] : vft_ext_sub(VFT_EXT_ONE, point[b]));
  return e;
}

/* x y + (1 - x)(1 - y) = 1 - x - y + 2 x y = (1 - x) + y (2 x - 1) */
vft_ext vft_eq_point(const vft_ext *x, const vft_ext *y, unsigned vars) {
  vft_ext e = VFT_EXT_ONE, two = {{{2}, {0}, {0}}}, minus = {{{VFT_P - 1}, {0}, {0}}};
  for (unsigned b = 0; b < vars; b++) {
    vft_ext f = vft_ext_mul_add(y[b], vft_ext_mul_add(two, x[b], minus),
                                vft_ext_sub(VFT_EXT_ONE, x[b]));
    e = vft_ext_mul(e, f);
  }
  return e;
}

/* ---- Poseidon ---- */

/* Rate lanes are all of one earlier permutation, in place, with or without an addition, and go on
 * from it; or none is, and the state is fresh. Capacity lanes go on unchanged, or are constants. */
static void permute(vft_poseidon_state *s, uint32_t swap) {
  uint32_t wire[VFT_POSEIDON_RATE], part[VFT_POSEIDON_RATE], after = UINT32_MAX, lane;
  uint64_t capacity[VFT_POSEIDON_CAPACITY] = {0}, out[VFT_POSEIDON_WIDTH];
  int goes_on = s->s[VFT_POSEIDON_RATE].part >= VFT_COORDINATE, good = 1;
  for (uint32_t i = 0; i < VFT_POSEIDON_WIDTH; i++) {
    vft_fp *x = &s->s[i];
    uint32_t from;
    if (i < VFT_POSEIDON_RATE) wire[i] = part[i] = 0;
    if (!goes_on) {
      if (i >= VFT_POSEIDON_RATE) {
        good &= is_constant(*x);
        capacity[i - VFT_POSEIDON_RATE] = x->v;
      } else if (is_constant(*x)) {
        wire[i] = vft_record_constant((uint64_t[]){x->v, 0, 0});
      } else {
        good &= !x->plus_part;
        wire[i] = x->wire;
        part[i] = x->part == VFT_WHOLE ? 0 : x->part - VFT_COORDINATE;
      }
      continue;
    }
    good &= x->part >= VFT_COORDINATE &&
            vft_record_is_lane(x->wire, x->part - VFT_COORDINATE, &from, &lane) && lane == i &&
            (after == UINT32_MAX || after == from);
    if (!good) break;
    after = from;
    if (!x->plus_part) continue;
    good &= i < VFT_POSEIDON_RATE;
    if (!good) break;
    wire[i] = x->plus;
    part[i] = x->plus_part == VFT_WHOLE ? 0 : x->plus_part - VFT_COORDINATE;
  }
  if (!good) {
    vft_record_fail("a state of a permutation that is neither fresh nor goes on");
    return;
  }
  uint32_t n = vft_record_permute(wire, part, capacity, after, swap, out);
  for (uint32_t i = 0; i < VFT_POSEIDON_WIDTH; i++) {
    uint32_t k, w = vft_record_lane(n, i, &k);
    s->s[i] = (vft_fp){.v = out[i], .wire = w, .part = VFT_COORDINATE + k};
  }
}

void vft_poseidon_permute(vft_poseidon_state *states, size_t n) {
  for (size_t i = 0; i < n; i++) permute(&states[i], 0);
}

void vft_poseidon_permute_swapped(vft_poseidon_state *state, vft_fp bit) {
  permute(state, vft_wire_of_fp(bit));
}
