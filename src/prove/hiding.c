#include "prove/hiding.h"

#include <string.h>

#include "base/pool.h"
#include "hide/late.h"
#include "prove/opening.h"

/* What the proof will send, which values have no part in: counted in a run of the verifier that is
 * answered at random. */
static vft_status count(vft_hide_prover *p, const vft_statement *statement, const vft_public *pub,
                        const vft_proof_options *options) {
  vft_status st = VFT_OK;
  vft_hidden h;
  vft_soundness account;
  vft_digest root;
  vft_channel *ch = vft_channel_prover(vft_hiding_protocol_name, options->hash);
  memset(&h, 0, sizeof h);
  memset(&account, 0, sizeof account);
  memset(&root, 0, sizeof root);
  if (!ch) return VFT_RESOURCE;
  TRY_OUT(vft_hidden_run(&h, statement, pub, options, ch, &root, &account,
                         vft_random_or_system(NULL)));
  p->npads = h.npads;
  p->nlate = h.nlate;
  p->nfactors = h.nfactors;
  p->randoms = vft_hidden_randoms(&h);
out:
  vft_soundness_free(&account);
  vft_hidden_free(&h);
  vft_channel_free(ch);
  return st;
}

vft_status vft_hide_prover_init(vft_hide_prover *p, const vft_statement *statement,
                                const vft_public *pub, const vft_proof_options *options,
                                const vft_random *random) {
  const vft_program *program = statement->program;
  memset(p, 0, sizeof *p);
  p->random = vft_random_or_system(random);
  if (program->noracles)
    return vft_fail(VFT_USAGE, "hiding proof: program %s leaves claims on oracles", program->name);
  if (!vft_layout_tree_tensors(program, VFT_WITNESS, 0, NULL, 0))
    return vft_fail(VFT_USAGE, "hiding proof: program %s has no witness", program->name);
  if (options->hash != VFT_HASH_BLAKE3)
    return vft_fail(VFT_USAGE, "hiding proof: only under BLAKE3");
  TRY(count(p, statement, pub, options));
  size_t n = p->randoms;
  p->pad = vft_alloc(n, sizeof *p->pad);
  p->integer = vft_alloc(3 * n, sizeof *p->integer);
  p->late = vft_alloc((size_t)p->nlate + 1, sizeof *p->late);
  p->factor = vft_alloc((size_t)p->nfactors + 1, sizeof *p->factor);
  if (!p->pad || !p->integer || !p->late || !p->factor) return VFT_RESOURCE;
  if (p->npads) TRY(vft_hiding_elements(p->random, p->pad->c, 3 * (size_t)p->npads));
  TRY(vft_hiding_elements(p->random, p->pad[p->npads].c, 3 * (n - p->npads)));
  for (size_t i = 0; i < 3 * n; i++) p->integer[i] = vft_field_signed(p->pad[i / 3].c[i % 3]);
  return VFT_OK;
}

static void drop(void *data, size_t bytes) {
  if (data) vft_wipe(data, bytes);
  vft_free(data);
}

void vft_hide_prover_free(vft_hide_prover *p) {
  vft_commitment_free(p->witness);
  drop(p->pad, p->randoms * sizeof *p->pad);
  drop(p->integer, 3 * (size_t)p->randoms * sizeof *p->integer);
  drop(p->late, p->nlate * sizeof *p->late);
  drop(p->factor, p->nfactors * sizeof *p->factor);
  memset(p, 0, sizeof *p);
}

vft_status vft_hide_commit(vft_hide_prover *p, const vft_trace *trace,
                           const vft_proof_options *options, unsigned flags) {
  const vft_program *program = trace->program;
  vft_status st = VFT_OK;
  vft_trees trees;
  vft_matrix matrix;
  vft_hiding_shape shape;
  memset(&trees, 0, sizeof trees);
  memset(&matrix, 0, sizeof matrix);
  vft_tensor_id *id = vft_alloc(program->ntensors, sizeof *id);
  vft_box *box = vft_alloc((size_t)program->ntensors + 1, sizeof *box);
  vft_array *array = vft_alloc((size_t)program->ntensors + 1, sizeof *array);
  if (!id || !box || !array) {
    st = VFT_RESOURCE;
    goto out;
  }
  uint32_t n = vft_layout_tree_tensors(program, VFT_WITNESS, 0, id, program->ntensors);
  for (uint32_t i = 0; i < n; i++) {
    box[i] = vft_layout_tensor_box(&program->tensors[id[i]]);
    array[i] = trace->array[id[i]];
    if (!array[i].data) {
      st = vft_fail(VFT_USAGE, "tensor %s has no values", program->tensors[id[i]].name);
      goto out;
    }
  }
  box[n] = (vft_box){2, {p->randoms, 3}};
  array[n++] = (vft_array){VFT_I64, p->integer};
  TRY_OUT(vft_hide_trees(&trees, program, p->randoms));
  TRY_OUT(vft_hide_shape(&trees, program->log_columns, options, &matrix, &shape));
  TRY_OUT(vft_commit_hidden(&p->witness, box, array, n, &shape, p->random, flags));
out:
  vft_matrix_free(&matrix);
  vft_trees_free(&trees);
  vft_free(id);
  vft_free(box);
  vft_free(array);
  return st;
}

/* ---- answers ---- */

static vft_status late(void *ctx, const vft_hidden *h, vft_ext *out) {
  vft_hide_prover *p = ctx;
  if (!p->lambda) {
    vft_hidden_make_late(h, p->pad, p->late);
    if (p->edit) p->edit(p->edit_ctx, NULL, p->late);
    for (uint32_t i = 0; i < h->nfactors; i++)
      p->factor[i] = vft_hidden_evaluate(h, &h->factor[i], p->pad, p->late);
  }
  for (uint32_t i = 0; i < h->nlate; i++) out[i] = vft_ext_sub(p->late[i], p->pad[h->npads + i]);
  return VFT_OK;
}

static void cross(void *ctx, const vft_hidden *h, vft_ext rho, vft_ext c[2]) {
  const vft_hide_prover *p = ctx;
  const vft_ext *a = p->pad + h->npads + h->nlate, *b = a + h->nfactors;
  vft_ext weight = VFT_EXT_ONE;
  c[0] = vft_ext_neg(b[0]);
  c[1] = vft_ext_neg(b[1]);
  for (uint32_t j = 0; j < h->nproducts; j++, weight = vft_ext_mul(weight, rho)) {
    uint32_t l = h->product[j].left, r = h->product[j].right;
    vft_ext mixed = vft_ext_add(vft_ext_mul(a[l], p->factor[r]), vft_ext_mul(a[r], p->factor[l]));
    c[0] = vft_ext_add(c[0], vft_ext_mul(weight, mixed));
    c[1] = vft_ext_add(c[1], vft_ext_mul(weight, vft_ext_mul(a[l], a[r])));
  }
}

static void factors(void *ctx, const vft_hidden *h, vft_ext chi, vft_ext *x) {
  const vft_hide_prover *p = ctx;
  const vft_ext *a = p->pad + h->npads + h->nlate;
  for (uint32_t i = 0; i < h->nfactors; i++)
    x[i] = vft_ext_add(vft_ext_mul(chi, p->factor[i]), a[i]);
}

/* Dense messages of the trees. */
typedef struct {
  const vft_commitment *c;
  vft_fp *message;
} rows_job;

static void fill_rows(void *ctx, size_t begin, size_t end) {
  const rows_job *j = ctx;
  size_t columns = (size_t)1 << vft_commitment_log_columns(j->c);
  for (size_t r = begin; r < end; r++) vft_commitment_row(j->c, r, j->message + r * columns);
}

static vft_status make_source(const vft_opening *o, uint32_t t, const vft_commitment *c,
                              vft_whir_source *source) {
  const vft_matrix *m = o->matrix;
  size_t entries = m->rows[t] << m->c;
  bool claimed = false;
  for (size_t k = 0; k < o->n && !claimed; k++) claimed = o->claim[k].tree == t;
  rows_job job = {c, vft_alloc_raw(entries, sizeof *job.message)};
  *source = (vft_whir_source){.type = VFT_ELEM_FP, .message = job.message,
                              .tree = vft_commitment_tree(c), .spend = true,
                              .tail = vft_commitment_tail(c)};
  if (!job.message) return VFT_RESOURCE;
  if (claimed) {
    vft_ext *weight = vft_alloc(entries, sizeof *weight);
    source->weight = weight;
    if (!weight) return VFT_RESOURCE;
    TRY(vft_opening_weights(o, t, weight));
  }
  vft_parallel_for(m->rows[t], 1, fill_rows, &job);
  return VFT_OK;
}

static vft_status open(void *ctx, vft_channel *ch, const vft_whir_params *params,
                       const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                       const vft_opening *opening) {
  const vft_hide_prover *p = ctx;
  const vft_matrix *m = opening->matrix;
  const vft_hiding_mask_rows *masks = vft_commitment_masks(p->commitment[m->ntrees - 1]);
  vft_status st = VFT_OK;
  vft_whir_source *source = vft_alloc(m->ntrees, sizeof *source);
  if (!source) return VFT_RESOURCE;
  for (uint32_t i = 0; i < m->ntrees; i++)
    TRY_OUT(make_source(opening, m->place[i], p->commitment[m->place[i]], &source[i]));
  st = p->lambda ? vft_hiding_simulate(ch, params, shape, claim, source, masks, p->lambda)
                 : vft_hiding_prove(ch, params, shape, claim, source, masks);
out:
  for (uint32_t i = 0; i < m->ntrees; i++) {
    size_t entries = m->rows[m->place[i]] << m->c;
    drop((void *)source[i].message, entries * sizeof(vft_fp));
    drop((void *)source[i].weight, entries * sizeof(vft_ext)); /* folds took their place */
  }
  vft_free(source);
  return st;
}

/* ---- the proof ---- */

static vft_status prove_hidden(vft_hide_prover *p, vft_channel *ch, const vft_hidden *h,
                               const vft_statement *statement, const vft_proof_options *options,
                               vft_commitment *const *commitment) {
  const vft_program *program = statement->program;
  vft_status st = VFT_OK;
  vft_trees trees;
  vft_soundness account;
  vft_hide_hooks hooks = {p, late, cross, factors, open};
  vft_digest *root = vft_alloc((size_t)program->nlinks + 1, sizeof *root);
  memset(&trees, 0, sizeof trees);
  memset(&account, 0, sizeof account);
  if (!root) return VFT_RESOURCE;
  if (h->npads != p->npads || h->nlate != p->nlate || h->nfactors != p->nfactors) {
    st = vft_fail(VFT_USAGE, "hiding proof: %u pads for %u messages", p->npads, h->npads);
    goto out;
  }
  p->commitment = commitment;
  TRY_OUT(vft_hide_trees(&trees, program, p->randoms));
  for (uint32_t t = 0; t < trees.ntrees; t++) root[t] = vft_commitment_root(commitment[t]);
  TRY_OUT(vft_hide_open(ch, h, &trees, root, program->log_columns, options, &hooks, NULL,
                        &account));
out:
  vft_soundness_free(&account);
  vft_trees_free(&trees);
  vft_free(root);
  return st;
}

vft_status vft_hide_prove(vft_hide_prover *p, vft_channel *ch, const vft_statement *statement,
                          const vft_public *pub, const vft_proof_options *options,
                          vft_commitment *const *commitment) {
  vft_status st = VFT_OK;
  vft_hidden h;
  vft_soundness account;
  vft_digest witness_root;
  size_t len;
  memset(&h, 0, sizeof h);
  memset(&account, 0, sizeof account);
  vft_channel_pad(ch, NULL, 0);
  /* What the verifier will make of the messages so far. */
  const uint8_t *bytes = vft_channel_proof(ch, &len);
  vft_channel *reader = vft_channel_verifier(vft_hiding_protocol_name, options->hash, bytes, len);
  if (!reader) return VFT_RESOURCE;
  TRY_OUT(vft_hidden_run(&h, statement, pub, options, reader, &witness_root, &account, NULL));
  TRY_OUT(vft_channel_finish(reader));
  if (p->edit) p->edit(p->edit_ctx, &h, NULL);
  TRY_OUT(prove_hidden(p, ch, &h, statement, options, commitment));
out:
  vft_soundness_free(&account);
  vft_channel_free(reader);
  vft_hidden_free(&h);
  return st;
}

/* ---- the simulator ---- */

vft_status vft_hide_simulate(const vft_statement *statement, vft_commitment *const *link,
                             const vft_proof_options *options, const vft_random *random,
                             const vft_ext *lambda, vft_proof *proof) {
  const vft_program *program = statement->program;
  vft_status st = VFT_OK;
  vft_hide_prover p;
  vft_hidden h;
  vft_trace nothing;
  vft_soundness account;
  vft_digest root;
  vft_channel *ch = NULL;
  vft_public *pub = NULL;
  size_t len;
  vft_commitment **commitment = vft_alloc((size_t)program->nlinks + 1, sizeof *commitment);
  memset(&p, 0, sizeof p);
  memset(&h, 0, sizeof h);
  memset(&nothing, 0, sizeof nothing);
  memset(&account, 0, sizeof account);
  memset(proof, 0, sizeof *proof);
  random = vft_random_or_system(random);
  if (!commitment) return VFT_RESOURCE;
  TRY_OUT(vft_statement_values(statement, &pub));
  TRY_OUT(vft_hide_prover_init(&p, statement, pub, options, random));
  p.lambda = lambda;
  TRY_OUT(vft_trace_init(&nothing, program)); /* the witness: zeros */
  for (uint32_t t = 0; t < program->ntensors; t++)
    if (program->tensors[t].origin == VFT_WITNESS) TRY_OUT(vft_trace_alloc(&nothing, t));
  TRY_OUT(vft_hide_commit(&p, &nothing, options, VFT_COMMIT_KEEP));
  for (uint32_t l = 0; l < program->nlinks; l++) commitment[l] = link[l];
  commitment[program->nlinks] = p.witness;
  root = vft_commitment_root(p.witness);
  ch = vft_channel_prover(vft_hiding_protocol_name, options->hash);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_hidden_run(&h, statement, pub, options, ch, &root, &account, random));
  TRY_OUT(prove_hidden(&p, ch, &h, statement, options, commitment));
  TRY_OUT(vft_channel_finish(ch));
  const uint8_t *bytes = vft_channel_proof(ch, &len);
  proof->bytes = vft_alloc_raw(len, 1);
  if (!proof->bytes) {
    st = VFT_RESOURCE;
    goto out;
  }
  memcpy(proof->bytes, bytes, len);
  proof->len = len;
out:
  vft_soundness_free(&account);
  vft_hidden_free(&h);
  vft_hide_prover_free(&p);
  vft_trace_free(&nothing);
  vft_channel_free(ch);
  vft_free(pub);
  vft_free(commitment);
  return st;
}
