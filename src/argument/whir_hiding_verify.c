/* Hiding openings: shapes, and the verifier. */
#include <string.h>

#include "argument/whir_hiding_core.h"
#include "base/mem.h"
#include "field/arrays.h"

vft_status vft_hiding_shape_init(vft_hiding_shape *shape, uint64_t rows, size_t values, unsigned c,
                                 unsigned log_inv_rate) {
  uint64_t columns = (uint64_t)1 << c;
  *shape = (vft_hiding_shape){.c = c, .log_inv_rate = log_inv_rate};
  if (c < 1 || c >= VFT_WHIR_VARIABLES_MAX || rows >> VFT_WHIR_ROW_VARIABLES_MAX ||
      values >> VFT_WHIR_ROW_VARIABLES_MAX || log_inv_rate < 2)
    return vft_fail(VFT_USAGE, "hiding opening: %llu rows of 2^%u columns at rate 2^-%u: not "
                    "supported", (unsigned long long)rows, c, log_inv_rate);
  shape->own_rows = (uint32_t)((values + columns - 1) >> c);
  /* Extension rows share no four rows with base rows; the last row below is a mask. */
  uint64_t need = ((rows + 3) & ~(uint64_t)3) + shape->own_rows + 1;
  shape->k0 = 2;
  while ((uint64_t)1 << shape->k0 < need) shape->k0++;
  if (shape->k0 + 1 > VFT_WHIR_ROW_VARIABLES_MAX)
    return vft_fail(VFT_USAGE, "hiding opening: %llu rows are too many", (unsigned long long)rows);
  return VFT_OK;
}

size_t vft_hiding_rows(const vft_hiding_shape *shape, uint64_t *at) {
  size_t n = 0;
  uint64_t below = ((uint64_t)1 << shape->k0) - 1, last = 2 * below + 1;
  for (uint32_t r = 0; r < shape->own_rows; r++) at[n++] = below - shape->own_rows + r;
  for (unsigned i = shape->k0 + 1; i-- > 0;) at[n++] = last - ((uint64_t)1 << i);
  at[n++] = last;
  return n;
}

vft_status vft_hiding_begin(vft_channel *ch, const vft_hiding_shape *shape,
                            const vft_hiding_claim *claim, const vft_ext *lambda,
                            vft_hiding_mask_fn sum, void *ctx, vft_hiding_run *run) {
  size_t rows = (size_t)shape->own_rows + shape->k0 + 2;
  memset(run, 0, sizeof *run);
  run->at = vft_alloc(rows, sizeof *run->at);
  run->tree = vft_alloc(claim->trees + 1, sizeof *run->tree);
  if (!run->at || !run->tree) return VFT_RESOURCE;
  vft_hiding_rows(shape, run->at);
  for (size_t t = 0; t < claim->trees; t++) run->tree[t] = claim->tree[t];
  run->tree[claim->trees] = (vft_whir_tree){.root = claim->own_root, .rows = rows,
                                            .row_offset = run->at[0], .at = run->at,
                                            .ext = true, .salted = true};
  vft_channel_absorb_u64(ch, "hiding/columns", shape->c);
  vft_channel_absorb_u64(ch, "hiding/rows", shape->k0);
  vft_channel_absorb_u64(ch, "hiding/own", shape->own_rows);
  for (int i = 0; i < 4; i++) run->mask[i] = vft_channel_challenge_ext(ch, "hiding/mask");
  vft_ext total = VFT_EXT_ZERO;
  if (lambda) run->lambda = *lambda;
  if (sum) sum(ctx, run, &total);
  TRY(vft_channel_send_ext(ch, "hiding/sum", &total, 1));
  vft_ext drawn = vft_channel_challenge_ext(ch, "hiding/batch");
  if (!lambda) run->lambda = drawn;
  run->sigma = vft_ext_add(claim->sigma, vft_ext_mul(run->lambda, total));
  return VFT_OK;
}

void vft_hiding_end(vft_hiding_run *run) {
  vft_free(run->at);
  vft_free(run->tree);
}

/* ---- the weights at the last point ---- */

typedef struct {
  const vft_hiding_shape *shape;
  const vft_hiding_claim *claim;
  const vft_hiding_run *run;
  vft_whir_weight_fn weight;
  void *ctx;
} weights;

static vft_ext one_minus(vft_ext z) { return vft_ext_sub(VFT_EXT_ONE, z); }

/* sum over j < n of w[j] eq(z, j), n <= 2^vars. */
static vft_status dot_eq(const vft_ext *w, size_t n, const vft_ext *z, unsigned vars,
                         vft_ext *out) {
  vft_ext *table = vft_alloc_raw(n, sizeof *table);
  if (!table) return VFT_RESOURCE;
  vft_eq_table(table, z, vars, VFT_EXT_ONE, n);
  *out = vft_ext_dot_n(w, table, n);
  vft_free(table);
  return VFT_OK;
}

static vft_status weight_at(void *ctx, const vft_ext *z, vft_ext *value) {
  const weights *w = ctx;
  const vft_hiding_shape *s = w->shape;
  const vft_hiding_run *run = w->run;
  const vft_ext *row = z + s->c + 1;
  unsigned k = s->k0 + 1;
  vft_ext point[VFT_WHIR_VARIABLES_MAX], v;
  memcpy(point, z, s->c * sizeof *z);
  memcpy(point + s->c, row, s->k0 * sizeof *z);
  TRY(w->weight(w->ctx, point, &v));
  vft_ext data = one_minus(z[s->c]); /* not a random coefficient */
  v = vft_ext_mul(vft_ext_mul(v, data), one_minus(row[s->k0]));
  for (uint32_t r = 0; r < s->own_rows; r++) {
    size_t from = (size_t)r << s->c, n = w->claim->values - from;
    vft_ext part;
    if (n > (size_t)1 << s->c) n = (size_t)1 << s->c;
    TRY(dot_eq(w->claim->own_weight + from, n, z, s->c, &part));
    part = vft_ext_mul(part, vft_ext_mul(data, vft_eq_index(row, k, run->at[r])));
    v = vft_ext_add(v, part);
  }
  vft_ext others = VFT_EXT_ZERO, col[2];
  const uint64_t *mask = run->at + s->own_rows;
  for (unsigned i = 0; i <= s->k0; i++)
    others = vft_ext_add(others, vft_eq_index(row, k, mask[i]));
  vft_ext last = vft_eq_index(row, k, mask[s->k0 + 1]);
  for (unsigned i = 0; i < 2; i++) {
    col[i] = vft_ext_add(vft_ext_mul(run->mask[i], last), vft_ext_mul(run->mask[2 + i], others));
    col[i] = vft_ext_mul(col[i], vft_eq_index(z, s->c + 1, i));
  }
  *value = vft_ext_add(v, vft_ext_mul(run->lambda, vft_ext_add(col[0], col[1])));
  return VFT_OK;
}

vft_status vft_hiding_verify(vft_channel *ch, const vft_whir_params *params,
                             const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                             vft_whir_weight_fn weight, void *ctx, const vft_ext *lambda) {
  vft_status st = VFT_OK;
  vft_hiding_run run;
  weights w = {shape, claim, &run, weight, ctx};
  TRY_OUT(vft_hiding_begin(ch, shape, claim, lambda, NULL, NULL, &run));
  TRY_OUT(vft_whir_verify(ch, params, run.tree, claim->trees + 1, run.sigma, weight_at, &w));
out:
  vft_hiding_end(&run);
  return st;
}
