/* vft_verify_proof (verify/verify.c) up to the opening, with linear forms for hidden values, and in
 * place of the opening (verify/claims.c) the list of what it would have shown. */
#include <string.h>

#include "base/mem.h"
#include "hide/record.h"
#include "relation/layout.h"
#include "verify/driver.h"

static vft_plain_value plain(vft_ext a) {
  return (vft_plain_value){{a.c[0].v, a.c[1].v, a.c[2].v}};
}

static vft_status record_part(const vft_functional *f, vft_ext coef) {
  vft_status st = VFT_OK;
  vft_note_axis axis[VFT_MAX_RANK];
  vft_plain_value *value[VFT_MAX_RANK] = {NULL};
  if (coef.form) vft_note_refuse("a hidden coefficient");
  for (uint32_t a = 0; a < f->rank; a++) {
    const vft_axis *x = &f->axis[a];
    uint32_t n = x->w.kind == VFT_W_ONES ? 0
                 : x->w.kind == VFT_W_VEC ? x->w.size : vft_log2_ceil(x->w.size);
    axis[a] = (vft_note_axis){x->w.kind, x->w.size, x->off, n, x->w.v, NULL};
    if (!n || vft_note_has_weights(x->w.v, n)) continue;
    axis[a].value = value[a] = vft_alloc(n, sizeof *value[a]);
    if (!value[a]) {
      st = VFT_RESOURCE;
      goto out;
    }
    for (uint32_t i = 0; i < n; i++) {
      if (x->w.v[i].form) vft_note_refuse("a hidden weight");
      value[a][i] = plain(x->w.v[i]);
    }
  }
  vft_note_part(f->tensor, f->rank, axis, plain(coef));
out:
  for (uint32_t a = 0; a < f->rank; a++) vft_free(value[a]);
  return st;
}

vft_status vft_driver_claims(vft_session *s, const vft_trees *trees, const vft_digest *root,
                             const vft_proof_options *options, const vft_prover_side *prover) {
  (void)root;
  (void)options;
  (void)prover;
  for (uint32_t i = 0; i < s->nequations; i++) {
    vft_equation *eq = &s->equation[i];
    vft_note_claim(plain(eq->total), eq->total.form);
    for (uint32_t e = 0; e < eq->n; e++) TRY(record_part(&eq->f[e], eq->coef[e]));
    eq->opened = true;
  }
  for (uint32_t i = 0; i < s->evals.n; i++) {
    if (trees->tree[s->evals.f[i].tensor] == UINT32_MAX) continue;
    vft_note_claim(plain(s->eval_value[i]), s->eval_value[i].form);
    TRY(record_part(&s->evals.f[i], VFT_EXT_ONE));
    s->eval_state[i] = VFT_EVAL_DISCHARGED;
  }
  return VFT_OK;
}

/* Programs that leave claims are refused before (hide/hidden.c). */
vft_status vft_driver_leave(vft_session *s, vft_oracle_claims *claims) {
  (void)s;
  (void)claims;
  return VFT_OK;
}

vft_status vft_forms_run(const vft_statement *statement, const void *pub,
                         const vft_proof_options *options, vft_channel *ch,
                         vft_digest *witness_root, vft_soundness *soundness) {
  vft_status st = VFT_OK;
  vft_session s;
  vft_trees trees;
  memset(&s, 0, sizeof s);
  memset(&trees, 0, sizeof trees);
  TRY_OUT(vft_session_init(&s, statement->program, ch, pub, NULL));
  TRY_OUT(vft_trees_init(&trees, statement->program));
  TRY_OUT(vft_driver_run(&s, &trees, statement, options, witness_root, NULL, NULL));
  *soundness = s.soundness;
  memset(&s.soundness, 0, sizeof s.soundness);
out:
  vft_trees_free(&trees);
  vft_session_free(&s);
  return st;
}
