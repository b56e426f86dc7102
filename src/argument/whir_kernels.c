/* Portable kernels of the WHIR prover. */
#include "argument/whir_kernels.h"

#include "base/cpu.h"

static void add(vft_ext *t, vft_ext v) { *t = vft_ext_add(*t, v); }

static void products_fp(const vft_fp *const p[4], const vft_ext *const w[4], size_t n,
                        vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i++) {
    vft_fp p0 = p[0][i], p1 = p[1][i], p2 = p[2][i], p3 = p[3][i];
    vft_ext w0 = w[0][i], w1 = w[1][i], w2 = w[2][i], w3 = w[3][i];
    vft_fp pi0 = vft_fp_sub(p1, p0), pi1 = vft_fp_sub(p3, p2);
    vft_ext wi0 = vft_ext_sub(w1, w0), wi1 = vft_ext_sub(w3, w2);
    add(&t[VFT_WHIR_T00], vft_ext_mul_fp(w0, p0));
    add(&t[VFT_WHIR_T10], vft_ext_mul_fp(w1, p1));
    add(&t[VFT_WHIR_T01], vft_ext_mul_fp(w2, p2));
    add(&t[VFT_WHIR_TI0], vft_ext_mul_fp(wi0, pi0));
    add(&t[VFT_WHIR_TI1], vft_ext_mul_fp(wi1, pi1));
    add(&t[VFT_WHIR_T0I], vft_ext_mul_fp(vft_ext_sub(w2, w0), vft_fp_sub(p2, p0)));
    add(&t[VFT_WHIR_T1I], vft_ext_mul_fp(vft_ext_sub(w3, w1), vft_fp_sub(p3, p1)));
    add(&t[VFT_WHIR_TII], vft_ext_mul_fp(vft_ext_sub(wi1, wi0), vft_fp_sub(pi1, pi0)));
  }
}

static void products_ext(const vft_ext *const p[4], const vft_ext *const w[4], size_t n,
                         vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i++) {
    vft_ext p0 = p[0][i], p1 = p[1][i], p2 = p[2][i], p3 = p[3][i];
    vft_ext w0 = w[0][i], w1 = w[1][i], w2 = w[2][i], w3 = w[3][i];
    vft_ext pi0 = vft_ext_sub(p1, p0), pi1 = vft_ext_sub(p3, p2);
    vft_ext wi0 = vft_ext_sub(w1, w0), wi1 = vft_ext_sub(w3, w2);
    add(&t[VFT_WHIR_T00], vft_ext_mul(w0, p0));
    add(&t[VFT_WHIR_T10], vft_ext_mul(w1, p1));
    add(&t[VFT_WHIR_T01], vft_ext_mul(w2, p2));
    add(&t[VFT_WHIR_TI0], vft_ext_mul(wi0, pi0));
    add(&t[VFT_WHIR_TI1], vft_ext_mul(wi1, pi1));
    add(&t[VFT_WHIR_T0I], vft_ext_mul(vft_ext_sub(w2, w0), vft_ext_sub(p2, p0)));
    add(&t[VFT_WHIR_T1I], vft_ext_mul(vft_ext_sub(w3, w1), vft_ext_sub(p3, p1)));
    add(&t[VFT_WHIR_TII], vft_ext_mul(vft_ext_sub(wi1, wi0), vft_ext_sub(pi1, pi0)));
  }
}

static void fold_fp(vft_ext *out, const vft_fp *const p[4], const vft_ext r[3], size_t n) {
  for (size_t i = 0; i < n; i++) {
    vft_fp d10 = vft_fp_sub(p[1][i], p[0][i]), d32 = vft_fp_sub(p[3][i], p[2][i]);
    vft_ext v = vft_ext_mul_fp(r[0], d10);
    v = vft_ext_add(v, vft_ext_mul_fp(r[1], vft_fp_sub(p[2][i], p[0][i])));
    v = vft_ext_add(v, vft_ext_mul_fp(r[2], vft_fp_sub(d32, d10)));
    out[i] = vft_ext_add(v, vft_ext_from_fp(p[0][i]));
  }
}

static void fold_ext(vft_ext *out, const vft_ext *const p[4], const vft_ext r[3], size_t n) {
  for (size_t i = 0; i < n; i++) {
    vft_ext d10 = vft_ext_sub(p[1][i], p[0][i]), d32 = vft_ext_sub(p[3][i], p[2][i]);
    vft_ext v = vft_ext_mul(r[0], d10);
    v = vft_ext_add(v, vft_ext_mul(r[1], vft_ext_sub(p[2][i], p[0][i])));
    v = vft_ext_add(v, vft_ext_mul(r[2], vft_ext_sub(d32, d10)));
    out[i] = vft_ext_add(v, p[0][i]);
  }
}

const vft_whir_kernels vft_whir_kernels_c = {
    .name = "c",
    .products_fp = products_fp,
    .products_ext = products_ext,
    .fold_fp = fold_fp,
    .fold_ext = fold_ext,
};

const vft_whir_kernels *vft_whir_kernels_choose(void) {
#if defined(__x86_64__)
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_whir_kernels_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_whir_kernels_avx2;
#endif
  return &vft_whir_kernels_c;
}
