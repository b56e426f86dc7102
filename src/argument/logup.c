/* The order of messages of LogUp-GKR, once for both sides (argument/logup.h). */
#include "argument/logup.h"

#include <string.h>

#include "argument/logup_prover.h"

enum { P0, P1, Q0, Q1 };

/* The numerator above the four children v. Products are in a declared order here and below, for
 * readers of these sources that write them down (recurse/wires, hide/forms). */
static vft_ext cross(const vft_ext v[4]) {
  vft_ext a = vft_ext_mul(v[P0], v[Q1]);
  vft_ext b = vft_ext_mul(v[P1], v[Q0]);
  return vft_ext_add(a, b);
}

static vft_ext line(vft_ext at_zero, vft_ext at_one, vft_ext x) {
  return vft_ext_add(at_zero, vft_ext_mul(x, vft_ext_sub(at_one, at_zero)));
}

/* From a layer's four values to the claim on the next: draws c, puts it before the `vars`
 * coordinates r, and evaluates. */
static void descend(vft_channel *ch, vft_logup_claim *claim, const vft_ext v[4],
                    const vft_ext *r, unsigned vars) {
  vft_ext c = vft_channel_challenge_ext(ch, "logup/descend");
  claim->point[0] = c;
  if (vars) memcpy(claim->point + 1, r, vars * sizeof *r);
  claim->num = line(v[P0], v[P1], c);
  claim->den = line(v[Q0], v[Q1], c);
}

static vft_status check_root(vft_ext num, vft_ext den) {
  if (!vft_ext_is_zero(num)) {
    return vft_reject("logup/sum", "lookup argument: the fractions do not add to zero");
  }
  if (!vft_ext_is_nonzero(den)) {
    return vft_reject("logup/zero_denominator", "lookup argument: a denominator is zero");
  }
  return VFT_OK;
}

static vft_status run_layer(vft_channel *ch, unsigned k, vft_logup_prover *pv,
                            vft_logup_claim *claim) {
  vft_ext r[VFT_LOGUP_MAX_VARS], values[4], coef[2];
  vft_channel_absorb_u64(ch, "logup/layer", k);
  vft_ext lambda = vft_channel_challenge_ext(ch, "logup/lambda");
  vft_ext v = vft_ext_add(claim->num, vft_ext_mul(lambda, claim->den));
  if (pv) TRY(vft_logup_prover_layer(pv, k, claim->point, lambda));
  for (unsigned j = 0; j < k; j++) {
    if (pv) TRY(vft_logup_prover_round(pv, v, coef));
    TRY(vft_channel_send_ext(ch, "logup/round", coef, 2));
    r[j] = vft_channel_challenge_ext(ch, "logup/point");
    vft_ext bc = vft_ext_add(coef[0], coef[1]);
    vft_ext a = vft_ext_sub(v, vft_ext_mul(claim->point[j], bc));
    v = vft_ext_add(a, vft_ext_mul(r[j], vft_ext_add(coef[0], vft_ext_mul(r[j], coef[1]))));
    if (pv) TRY(vft_logup_prover_bind(pv, r[j]));
  }
  if (pv) vft_logup_prover_values(pv, values);
  TRY(vft_channel_send_ext(ch, "logup/values", values, 4));
  vft_ext num = cross(values), den = vft_ext_mul(values[Q0], values[Q1]);
  if (!vft_ext_eq(v, vft_ext_add(num, vft_ext_mul(lambda, den)))) {
    return vft_reject("logup/layer", "lookup argument: layer %u of the fraction tree is wrong", k);
  }
  descend(ch, claim, values, r, k);
  return VFT_OK;
}

static vft_status run_single(vft_channel *ch, const vft_logup_leaves *leaves,
                             vft_logup_claim *claim) {
  vft_ext v[2] = {VFT_EXT_ZERO, VFT_EXT_ZERO};
  if (leaves) {
    vft_fp num = {0};
    if (leaves->fill(leaves->ctx, 0, 1, &num, &v[1])) num = (vft_fp){1};
    v[0] = vft_ext_from_fp(num);
  }
  TRY(vft_channel_send_ext(ch, "logup/root", v, 2));
  claim->num = v[0];
  claim->den = v[1];
  return check_root(v[0], v[1]);
}

vft_status vft_logup_run(vft_channel *ch, unsigned n, size_t real, const vft_logup_leaves *leaves,
                         vft_logup_claim *claim) {
  if (n > VFT_LOGUP_MAX_VARS || !real || (real - 1) >> n ||
      vft_channel_is_prover(ch) != (leaves != NULL) ||
      (leaves && leaves->recompute > VFT_LOGUP_MAX_RECOMPUTE)) {
    return vft_fail(VFT_USAGE, "lookup argument: %zu fractions in 2^%u leaves: bad shape or side",
                    real, n);
  }
  memset(claim, 0, sizeof *claim);
  claim->n = n;
  vft_channel_absorb_u64(ch, "logup/variables", n);
  vft_channel_absorb_u64(ch, "logup/fractions", real);
  if (!n) return run_single(ch, leaves, claim);

  vft_status st = VFT_OK;
  vft_logup_prover *pv = NULL;
  vft_ext root[4];
  if (leaves) {
    pv = vft_logup_prover_new(n, real, leaves);
    if (!pv) return VFT_RESOURCE;
    vft_logup_prover_root(pv, root);
  }
  TRY_OUT(vft_channel_send_ext(ch, "logup/root", root, 4));
  vft_ext num = cross(root), den = vft_ext_mul(root[Q0], root[Q1]);
  TRY_OUT(check_root(num, den));
  descend(ch, claim, root, NULL, 0);
  for (unsigned k = 1; k < n; k++) TRY_OUT(run_layer(ch, k, pv, claim));
out:
  vft_logup_prover_free(pv);
  return st;
}
