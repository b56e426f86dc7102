/* Portable kernels: plain loops over the scalar field. */
#include "field/batch_ops.h"

#define LOADER(NAME, TYPE)                                                  \
  static void NAME(vft_fp *out, const void *t, size_t n) {                  \
    const TYPE *x = t;                                                      \
    for (size_t i = 0; i < n; i++) out[i] = vft_fp_from_i64((int64_t)x[i]); \
  }
LOADER(load_i8, int8_t)
LOADER(load_i16, int16_t)
LOADER(load_i32, int32_t)
LOADER(load_i64, int64_t)

static void fp_add(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_fp_add(a[i], b[i]);
}
static void fp_sub(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_fp_sub(a[i], b[i]);
}
static void fp_mul(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_fp_mul(a[i], b[i]);
}
static void fp_scale(vft_fp *out, const vft_fp *a, vft_fp w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_fp_mul(a[i], w);
}
static vft_fp fp_sum(const vft_fp *a, size_t n) {
  vft_fp s = {0};
  for (size_t i = 0; i < n; i++) s = vft_fp_add(s, a[i]);
  return s;
}
static vft_fp fp_dot(const vft_fp *a, const vft_fp *b, size_t n) {
  vft_fp s = {0};
  for (size_t i = 0; i < n; i++) s = vft_fp_add(s, vft_fp_mul(a[i], b[i]));
  return s;
}

static void ext_mul(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_mul(a[i], b[i]);
}
static void ext_mul_fp(vft_ext *out, const vft_ext *a, const vft_fp *b, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_mul_fp(a[i], b[i]);
}
static void ext_scale(vft_ext *out, const vft_ext *a, vft_ext w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_mul(a[i], w);
}
static vft_ext ext_sum(const vft_ext *a, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) s = vft_ext_add(s, a[i]);
  return s;
}
static vft_ext ext_dot(const vft_ext *a, const vft_ext *b, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) s = vft_ext_add(s, vft_ext_mul(a[i], b[i]));
  return s;
}
static vft_ext ext_dot_fp(const vft_fp *t, const vft_ext *b, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) s = vft_ext_add(s, vft_ext_mul_fp(b[i], t[i]));
  return s;
}
static vft_ext ext_dot3(const vft_ext *a, const vft_ext *b, const vft_ext *c, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++)
    s = vft_ext_add(s, vft_ext_mul(vft_ext_mul(a[i], b[i]), c[i]));
  return s;
}
static void ext_line7(vft_ext out[8], const vft_ext *lo, const vft_ext *hi, const vft_ext *w,
                      size_t n) {
  for (int k = 0; k < 8; k++) out[k] = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) {
    vft_ext a = lo[i], d = vft_ext_sub(hi[i], a), a2 = vft_ext_mul(a, a), d2 = vft_ext_mul(d, d);
    vft_ext u[4] = {vft_ext_mul(a2, a), vft_ext_mul(a2, d), vft_ext_mul(a, d2), vft_ext_mul(d2, d)};
    vft_ext v[2] = {vft_ext_mul(w[i], vft_ext_mul(a2, a2)), vft_ext_mul(w[i], vft_ext_mul(d2, d2))};
    for (int k = 0; k < 8; k++) out[k] = vft_ext_add(out[k], vft_ext_mul(u[k % 4], v[k / 4]));
  }
}
static void fp_line7(vft_ext out[8], const vft_fp *lo, const vft_fp *hi, const vft_ext *w,
                     size_t n) {
  for (int k = 0; k < 8; k++) out[k] = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) {
    vft_fp a = lo[i], d = vft_fp_sub(hi[i], a), a2 = vft_fp_sqr(a), d2 = vft_fp_sqr(d);
    vft_fp u[4] = {vft_fp_mul(a2, a), vft_fp_mul(a2, d), vft_fp_mul(a, d2), vft_fp_mul(d2, d)};
    vft_ext v[2] = {vft_ext_mul_fp(w[i], vft_fp_sqr(a2)), vft_ext_mul_fp(w[i], vft_fp_sqr(d2))};
    for (int k = 0; k < 8; k++) out[k] = vft_ext_add(out[k], vft_ext_mul_fp(v[k / 4], u[k % 4]));
  }
}
static void ext_axpy(vft_ext *out, vft_ext w, const vft_ext *t, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_add(out[i], vft_ext_mul(w, t[i]));
}
static void ext_axpy_fp(vft_ext *out, vft_ext w, const vft_fp *t, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_add(out[i], vft_ext_mul_fp(w, t[i]));
}

static inline vft_ext mix_one(vft_ext lo, vft_ext hi, vft_ext r) {
  return vft_ext_add(lo, vft_ext_mul(r, vft_ext_sub(hi, lo)));
}
static inline vft_ext mix_one_fp(vft_fp lo, vft_fp hi, vft_ext r) {
  vft_ext out = vft_ext_mul_fp(r, vft_fp_sub(hi, lo));
  out.c[0] = vft_fp_add(out.c[0], lo);
  return out;
}
static void fold_low(vft_ext *out, const vft_ext *f, size_t m, vft_ext r) {
  for (size_t i = 0; i < m; i++) out[i] = mix_one(f[2 * i], f[2 * i + 1], r);
}
static void fold_low_fp(vft_ext *out, const vft_fp *f, size_t m, vft_ext r) {
  for (size_t i = 0; i < m; i++) out[i] = mix_one_fp(f[2 * i], f[2 * i + 1], r);
}
static void mix(vft_ext *out, const vft_ext *lo, const vft_ext *hi, size_t m, vft_ext r) {
  for (size_t i = 0; i < m; i++) out[i] = mix_one(lo[i], hi[i], r);
}
static void mix_fp(vft_ext *out, const vft_fp *lo, const vft_fp *hi, size_t m, vft_ext r) {
  for (size_t i = 0; i < m; i++) out[i] = mix_one_fp(lo[i], hi[i], r);
}
static void eq_step(vft_ext *lo, vft_ext *hi, vft_ext z, size_t m) {
  for (size_t i = 0; i < m; i++) {
    hi[i] = vft_ext_mul(z, lo[i]);
    lo[i] = vft_ext_sub(lo[i], hi[i]);
  }
}

const vft_batch_ops vft_batch_ops_c = {
    {load_i8, load_i16, load_i32, load_i64},
    fp_add,   fp_sub,     fp_mul,   fp_scale, fp_sum,      fp_dot,
    ext_mul,  ext_mul_fp, ext_scale, ext_sum,  ext_dot,     ext_dot_fp, ext_dot3,
    ext_line7, fp_line7,
    ext_axpy, ext_axpy_fp, fold_low, fold_low_fp, mix, mix_fp, eq_step,
};
