/* Claims that a proof leaves. */
#include <string.h>

#include "verify/driver.h"
#include "verify/verify.h"

vft_status vft_driver_leave(vft_session *s, vft_oracle_claims *claims) {
  const vft_program *p = s->program;
  vft_status st = VFT_OK;
  vft_oracle_claims list;
  memset(&list, 0, sizeof list);
  for (uint32_t i = 0; i < s->evals.n; i++) {
    vft_functional f = s->evals.f[i];
    const vft_tensor *t = &p->tensors[f.tensor];
    if (t->origin != VFT_ORACLE) continue;
    if (!claims)
      return vft_fail(VFT_USAGE, "program %s leaves oracle claims: nobody takes them", p->name);
    uint32_t index = 0;
    for (uint32_t k = 0; k < f.tensor; k++)
      index += p->tensors[k].origin == VFT_ORACLE && p->tensors[k].group == t->group;
    f.tensor = index;
    TRY_OUT(vft_reserve((void **)&list.claim, &list.cap, list.n + 1, sizeof *list.claim));
    list.claim[list.n++] = (vft_oracle_claim){t->group, index, vft_layout_tensor_box(t), f,
                                              s->eval_value[i]};
    s->eval_state[i] = VFT_EVAL_DISCHARGED;
  }
  if (list.n) st = vft_oracle_claims_append(claims, &list, NULL);
out:
  vft_free(list.claim);
  return st;
}
