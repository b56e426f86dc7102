#include "prove/hiding.h"

#include <string.h>

#include "base/pool.h"
#include "hide/late.h"
#include "prove/opening.h"
#include "prove/rehearse.h"

vft_status vft_hide_prover_init(vft_hide_prover *p, const vft_program *program,
                                const vft_public *pub, const vft_random *random) {
  size_t n;
  memset(p, 0, sizeof *p);
  p->random = vft_random_or_system(random);
  if (program->noracles)
    return vft_fail(VFT_USAGE, "hiding proof: program %s leaves claims on oracles", program->name);
  if (!vft_layout_tree_tensors(program, VFT_WITNESS, 0, NULL, 0))
    return vft_fail(VFT_USAGE, "hiding proof: program %s has no witness", program->name);
  TRY(vft_rehearse_messages(program, pub, &n));
  if (n >= VFT_HIDDEN_LATE) return vft_fail(VFT_USAGE, "hiding proof: too many messages");
  p->npads = (uint32_t)n;
  p->pad = vft_alloc(n, sizeof *p->pad);
  p->integer = vft_alloc(3 * n, sizeof *p->integer);
  if (!p->pad || !p->integer) return VFT_RESOURCE;
  if (n) TRY(vft_hiding_elements(p->random, p->pad->c, 3 * n));
  for (size_t i = 0; i < 3 * n; i++) p->integer[i] = vft_field_signed(p->pad[i / 3].c[i % 3]);
  return VFT_OK;
}

static void drop(void *data, size_t bytes) {
  if (data) vft_wipe(data, bytes);
  vft_free(data);
}

void vft_hide_prover_free(vft_hide_prover *p) {
  vft_commitment_free(p->witness);
  vft_hiding_tree_free(p->own);
  drop(p->pad, p->npads * sizeof *p->pad);
  drop(p->integer, 3 * (size_t)p->npads * sizeof *p->integer);
  drop(p->late, p->values * sizeof *p->late);
  drop(p->factor, p->values * sizeof *p->factor);
  memset(p, 0, sizeof *p);
}

vft_status vft_hide_commit(vft_hide_prover *p, const vft_trace *trace,
                           const vft_proof_options *options, unsigned flags) {
  const vft_program *program = trace->program;
  vft_status st = VFT_OK;
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
  if (p->npads) {
    box[n] = (vft_box){2, {p->npads, 3}};
    array[n++] = (vft_array){VFT_I64, p->integer};
  }
  if (options->hash != VFT_HASH_BLAKE3) {
    st = vft_fail(VFT_USAGE, "hiding proof: only under BLAKE3");
    goto out;
  }
  TRY_OUT(vft_commit_hidden(&p->witness, box, array, n, program->log_columns,
                            options->log_inv_rate, p->random, flags));
out:
  vft_free(id);
  vft_free(box);
  vft_free(array);
  return st;
}

/* ---- answers ---- */

static vft_status make_values(vft_hide_prover *p, const vft_hidden *h, size_t values) {
  p->values = values;
  p->late = vft_alloc(values, sizeof *p->late);
  p->factor = vft_alloc(values, sizeof *p->factor);
  if (!p->late || !p->factor) return VFT_RESOURCE;
  return vft_hiding_elements(p->random, p->late[h->nlate].c, 3 * (values - h->nlate));
}

static vft_status commit(void *ctx, const vft_hidden *h, const vft_hiding_shape *shape,
                         size_t values, vft_digest *root) {
  vft_hide_prover *p = ctx;
  TRY(make_values(p, h, values));
  if (!p->lambda) {
    vft_hidden_make_late(h, p->pad, p->late);
    if (p->edit) p->edit(p->edit_ctx, NULL, p->late);
    for (uint32_t i = 0; i < h->nfactors; i++)
      p->factor[i] = vft_hidden_evaluate(h, &h->factor[i], p->pad, p->late);
  }
  TRY(vft_hiding_tree_new(&p->own, shape, p->late, values, VFT_HASH_BLAKE3, p->random));
  *root = vft_hiding_tree_root(p->own);
  return VFT_OK;
}

static void cross(void *ctx, const vft_hidden *h, vft_ext rho, vft_ext c[2]) {
  const vft_hide_prover *p = ctx;
  const vft_ext *a = p->late + h->nlate, *b = a + h->nfactors;
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
  const vft_ext *a = p->late + h->nlate;
  for (uint32_t i = 0; i < h->nfactors; i++)
    x[i] = vft_ext_add(vft_ext_mul(chi, p->factor[i]), a[i]);
}

/* Dense messages and weights of the trees, rows of values and as many random coefficients. */
typedef struct {
  const vft_commitment *c;
  vft_fp *message;
  const vft_ext *narrow; /* weights of the values, or NULL */
  vft_ext *weight;
} rows_job;

static void fill_rows(void *ctx, size_t begin, size_t end) {
  const rows_job *j = ctx;
  size_t columns = (size_t)1 << vft_commitment_log_columns(j->c);
  for (size_t r = begin; r < end; r++) {
    vft_commitment_row(j->c, r, j->message + 2 * r * columns);
    vft_commitment_tail(j->c, r, j->message + (2 * r + 1) * columns);
    if (j->narrow)
      memcpy(j->weight + 2 * r * columns, j->narrow + r * columns, columns * sizeof *j->weight);
  }
}

static vft_status make_source(const vft_opening *o, uint32_t t, const vft_commitment *c,
                              vft_whir_source *source) {
  const vft_matrix *m = o->matrix;
  size_t entries = m->rows[t] << m->c;
  bool claimed = false;
  for (size_t k = 0; k < o->n && !claimed; k++) claimed = o->claim[k].tree == t;
  vft_fp *message = vft_alloc_raw(2 * entries, sizeof *message);
  *source = (vft_whir_source){.type = VFT_ELEM_FP, .message = message,
                              .tree = vft_commitment_tree(c), .spend = true};
  if (!message) return VFT_RESOURCE;
  rows_job job = {c, message, NULL, NULL};
  vft_ext *narrow = NULL;
  vft_status st = VFT_OK;
  if (claimed) {
    job.narrow = narrow = vft_alloc(entries, sizeof *narrow);
    source->weight = job.weight = vft_alloc(2 * entries, sizeof *job.weight);
    if (!narrow || !job.weight) {
      st = VFT_RESOURCE;
      goto out;
    }
    TRY_OUT(vft_opening_weights(o, t, narrow));
  }
  vft_parallel_for(m->rows[t], 1, fill_rows, &job);
out:
  vft_free(narrow);
  return st;
}

static vft_status open(void *ctx, vft_channel *ch, const vft_whir_params *params,
                       const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                       const vft_opening *opening) {
  const vft_hide_prover *p = ctx;
  const vft_matrix *m = opening->matrix;
  vft_status st = VFT_OK;
  vft_whir_source *source = vft_alloc(m->ntrees, sizeof *source);
  if (!source) return VFT_RESOURCE;
  for (uint32_t i = 0; i < m->ntrees; i++)
    TRY_OUT(make_source(opening, m->place[i], p->commitment[m->place[i]], &source[i]));
  st = p->lambda
           ? vft_hiding_simulate(ch, params, shape, claim, source, p->own, p->lambda)
           : vft_hiding_prove(ch, params, shape, claim, source, p->own);
out:
  for (uint32_t i = 0; i < m->ntrees; i++) {
    size_t entries = 2 * m->rows[m->place[i]] << m->c;
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
  vft_hide_hooks hooks = {p, commit, cross, factors, open};
  vft_digest *root = vft_alloc((size_t)program->nlinks + 1, sizeof *root);
  memset(&trees, 0, sizeof trees);
  memset(&account, 0, sizeof account);
  if (!root) return VFT_RESOURCE;
  if (h->npads != p->npads) {
    st = vft_fail(VFT_USAGE, "hiding proof: %u pads for %u messages", p->npads, h->npads);
    goto out;
  }
  p->commitment = commitment;
  TRY_OUT(vft_hide_trees(&trees, program, h->npads));
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
  TRY_OUT(vft_hide_prover_init(&p, program, pub, random));
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
