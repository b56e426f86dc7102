/* Leaves: circuits that verify proofs of a run against the run's tables (run/aggregate.h). */
#include <string.h>

#include "prove/prove.h"
#include "run/aggregate.h"
#include "run/derive.h"
#include "run/proof_file.h"

typedef struct {
  vft_aggregation *a;
  bool blank;
  vft_circuit *c;
  vft_wire in[VFT_RANGE_INPUTS], common[VFT_COMMON_ELEMENTS], oracle[2][4];
  /* of one piece after the other */
  vft_piece at;
  vft_wire first;              /* number of its first item */
  vft_wire epoch, group, step; /* GROUP, OPENING: group of the epoch, of a window the first; its step */
  vft_wire block;              /* BLOCK: number among all blocks */
} leaf;

/* One proof that the leaf verifies. */
typedef struct {
  const vft_step *step; /* NULL: a block */
  const vft_program *program;
  uint32_t shard;       /* as its context has it; of a group also its number there */
  vft_wire (*link)[4], **inputs;
  vft_step_file steps;
  vft_epoch_file epoch;
} child;

/* ---- vocabulary ---- */

static vft_wire base(leaf *l, vft_fp v) { return vft_circuit_base(l->c, v); }
static vft_wire number(leaf *l, uint64_t v) { return vft_circuit_number(l->c, v); }

static void bases(leaf *l, const vft_fp *v, size_t n, vft_wire *out) {
  for (size_t i = 0; i < n; i++) out[i] = base(l, v[i]);
}

/* w + k */
static vft_wire plus(leaf *l, vft_wire w, uint64_t k) {
  return k ? vft_circuit_add(l->c, w, number(l, 1), vft_fp_from_u64(k)) : w;
}

/* a + k b */
static vft_wire plus_times(leaf *l, vft_wire a, uint64_t k, vft_wire b) {
  return vft_circuit_add(l->c, a, b, vft_fp_from_u64(k));
}

/* Says that the wire, an integer below 2^24, is at most a constant below 2^24. */
static void at_most(leaf *l, vft_wire w, uint64_t most) {
  vft_wire minus = vft_circuit_constant(l->c, vft_ext_neg(VFT_EXT_ONE));
  (void)vft_circuit_bits(l->c, w, VFT_TABLE_LOG);
  (void)vft_circuit_bits(l->c, vft_circuit_sum(l->c, minus, w, number(l, most)), VFT_TABLE_LOG);
}

/* A cell for an integer: a free one from 0 to `most`, or a constant. */
static vft_wire integer(leaf *l, bool constant, uint64_t value, uint64_t most) {
  if (constant) return number(l, value);
  vft_wire w = base(l, vft_fp_from_u64(value));
  at_most(l, w, most);
  return w;
}

/* Says that this digest is the leaf of a table at a place that a wire has. */
static void entry(leaf *l, int table, vft_wire place, uint64_t value, const vft_wire digest[4]) {
  vft_circuit_member(l->c, &l->a->table[table], value,
                     vft_circuit_bits(l->c, place, VFT_TABLE_LOG), digest,
                     l->common + VFT_COMMON_TABLES + 4 * table);
}

/* The same of the sponge over elements. */
static void entry_of(leaf *l, int table, uint64_t domain, vft_wire place, uint64_t value,
                     const vft_wire *x, size_t n) {
  vft_wire digest[4];
  vft_circuit_hash(l->c, domain, x, n, digest);
  entry(l, table, place, value, digest);
}

static void statement(leaf *l, const vft_fp *keys, uint64_t first, uint64_t end) {
  vft_poseidon_digest d =
      vft_sponge_of(VFT_DOMAIN_COMMON, l->a->common, VFT_COMMON_ELEMENTS);
  vft_fp v[VFT_RANGE_INPUTS];
  vft_wire digest[4];
  memset(v, 0, sizeof v);
  if (keys) memcpy(v, keys, VFT_AT_COMMON * sizeof *v);
  memcpy(v + VFT_AT_COMMON, d.e, sizeof d.e);
  v[VFT_AT_FIRST] = vft_fp_from_u64(first);
  v[VFT_AT_END] = vft_fp_from_u64(end);
  for (int i = 0; i < VFT_RANGE_INPUTS; i++)
    l->in[i] = vft_circuit_input(l->c, vft_ext_from_fp(v[i]));
  bases(l, l->a->common, VFT_COMMON_ELEMENTS, l->common);
  vft_circuit_hash(l->c, VFT_DOMAIN_COMMON, l->common, VFT_COMMON_ELEMENTS, digest);
  for (int k = 0; k < 4; k++) vft_circuit_equal(l->c, digest[k], l->in[VFT_AT_COMMON + k]);
  vft_circuit_equal(l->c, l->in[VFT_AT_END], plus(l, l->in[VFT_AT_FIRST], end - first));
  const vft_step *s = l->a->step;
  memcpy(l->oracle[s->oracle_base], l->common + VFT_COMMON_BASE, 4 * sizeof(vft_wire));
  memcpy(l->oracle[s->oracle_tables], l->common + VFT_COMMON_FUNCTIONS, 4 * sizeof(vft_wire));
}

/* ---- where in the run ---- */

/* The first item is what its number says (run/leaves.h). All its digits are in their ranges, so that no
 * other leaf has this number; at an epoch's or the run's end they are constants but for the epoch. A group
 * beyond the run's end has no entry among the inputs, an opening is said to be before it. */
static void place_in_epoch(leaf *l, uint64_t offset) {
  const vft_leaves *r = &l->a->leaves;
  const vft_piece *at = &l->at;
  bool constant = at->place == VFT_PIECE_RUN_END;
  l->epoch = integer(l, constant, at->epoch,
                     at->place == VFT_PIECE_EPOCH_END ? r->full - 1 : r->epochs - 1);
  vft_wire first = plus(l, plus_times(l, 0, vft_leaves_epoch_items(r), l->epoch),
                        r->release + offset);
  uint64_t W = r->choice.groups;
  bool fixed = at->place != VFT_PIECE_ANYWHERE;
  vft_wire window, within = number(l, 0);
  if (at->what == VFT_PIECE_GROUP) {
    /* G q + n <= steps of a full epoch */
    uint64_t most = (r->epoch_steps - (uint64_t)at->steps) / r->group_steps;
    window = integer(l, fixed, at->window, most / W);
    within = integer(l, fixed, at->within, W - 1);
    l->group = plus_times(l, within, W, window);
    if (!fixed) at_most(l, l->group, most);
    first = plus_times(l, first, r->shards, within);
  } else {
    /* windows of W groups, all full, of a full epoch */
    uint64_t windows = r->epoch_steps / r->group_steps / W;
    window = integer(l, fixed, at->window, windows ? windows - 1 : 0);
    l->group = plus_times(l, within, W, window);
  }
  first = plus_times(l, first, W * r->shards + 1, window);
  vft_circuit_equal(l->c, l->first, first);
  l->step = plus_times(l, plus_times(l, 0, r->group_steps, l->group), r->epoch_steps, l->epoch);
  if (at->what == VFT_PIECE_OPENING && !fixed) { /* which has no inputs: its last step is one of the run */
    vft_wire minus = vft_circuit_constant(l->c, vft_ext_neg(VFT_EXT_ONE));
    vft_wire end = plus(l, l->step, W * r->group_steps);
    (void)vft_circuit_bits(l->c, vft_circuit_sum(l->c, minus, end, l->common[VFT_COMMON_STEPS]),
                           VFT_TABLE_LOG);
  }
}

/* ---- the proofs' statements ---- */

static vft_status read_links(leaf *l, child *p, const vft_digest *link) {
  vft_fp x[4] = {{0}};
  for (uint32_t i = 0; i < p->program->nlinks; i++) {
    if (!l->blank) TRY(vft_digest_elements(&link[i], x));
    bases(l, x, 4, p->link[i]);
  }
  return VFT_OK;
}

/* The cells of one program's inputs, tensor by tensor, become those of the proof's program. map: of
 * tensors, NULL: itself. */
static vft_status give_inputs(child *p, const vft_program *from, const vft_tensor_id *map,
                              const vft_wire *w) {
  for (uint32_t i = 0; i < from->ntensors; i++) {
    const vft_tensor *x = &from->tensors[i];
    if (x->origin != VFT_PUBLIC || x->values) continue;
    size_t size = vft_tensor_count(x);
    vft_wire **to = &p->inputs[map ? map[i] : i];
    *to = vft_alloc(size, sizeof **to);
    if (!*to) return VFT_RESOURCE;
    memcpy(*to, w, size * sizeof *w);
    w += size;
  }
  return VFT_OK;
}

/* Range r of the state at step first + `after`: (adapter, state) under the nodes above it, whose places
 * are constants, is in the entry of that step. A link that the proof does not have is any. */
static void state(leaf *l, const child *p, uint32_t r, uint64_t after, uint32_t adapter,
                  uint32_t state_link) {
  const vft_aggregation *a = l->a;
  uint64_t t = l->at.step + after;
  vft_wire x[8], digest[4];
  vft_fp other[8] = {{0}};
  const vft_fp(*roots)[8] = NULL; /* of the step's ranges */
  if (!l->blank) {
    roots = (const vft_fp(*)[8])a->roots + t * a->ranges;
    memcpy(other, roots[r], sizeof other);
  }
  for (int k = 0; k < 2; k++) {
    uint32_t link = k ? state_link : adapter;
    if (link == VFT_NO_TENSOR)
      bases(l, other + 4 * k, 4, x + 4 * k);
    else
      memcpy(x + 4 * k, p->link[link], 4 * sizeof *x);
  }
  vft_circuit_hash(l->c, VFT_DOMAIN_TABLE_STATES, x, 8, digest);
  for (unsigned h = 0; h < vft_log2_ceil(a->ranges); h++) {
    vft_poseidon_digest d = vft_range_sibling(a, roots, r, h);
    vft_wire sibling[4];
    bases(l, d.e, 4, sibling);
    vft_circuit_pair(l->c, digest, sibling, r >> h & 1, digest);
  }
  entry(l, VFT_RUN_STATES, plus(l, l->step, after), t, digest);
}

/* Place number `place` of the step: what one of its parts hands over to others. */
static void handed_over(leaf *l, const child *p, uint32_t place, uint32_t link) {
  uint32_t places = l->a->ranges + 1;
  entry_of(l, VFT_RUN_PLACES, VFT_DOMAIN_TABLE_PLACES,
           plus(l, plus_times(l, 0, places, l->step), place), l->at.step * places + place,
           p->link[link], 4);
}

/* Every link of the proof is the entry of its place; the batch is nobody else's. */
static void join_links(leaf *l, const child *p) {
  const vft_step *s = p->step;
  const vft_shards *shards = &l->a->shards;
  uint32_t n = (uint32_t)shards->cut.n, range = p->shard && n ? (p->shard - 1) % n : 0;
  uint64_t steps = (uint64_t)l->at.steps;
  if (s->link_adapter_in != VFT_NO_TENSOR)
    state(l, p, range, 0, s->link_adapter_in, s->link_state_in);
  if (s->link_adapter_out != VFT_NO_TENSOR)
    state(l, p, range, steps, s->link_adapter_out, s->link_state_out);
  if (s->link_rows != VFT_NO_TENSOR)
    entry_of(l, VFT_RUN_ROWS, VFT_DOMAIN_TABLE_ROWS, l->epoch, l->at.epoch,
             p->link[s->link_rows], 4);
  for (uint32_t i = 0; n && i < s->program->nlinks; i++) {
    uint32_t slot = vft_shard_slot(shards, p->shard, i);
    if (slot == VFT_SLOT_HEAD) handed_over(l, p, 0, i);
    for (uint32_t r = 0; r < n; r++)
      if (slot == vft_slot(VFT_SLOT_LAYERS, r)) handed_over(l, p, 1 + r, i);
  }
}

/* Inputs of step k of the group, of one part of it. */
static vft_status step_inputs(leaf *l, child *p) {
  const vft_step *one = p->step->one ? p->step->one : p->step;
  uint64_t S = l->a->leaves.shards;
  size_t n = vft_input_count(one->program);
  vft_fp *v = vft_alloc(n + 1, sizeof *v);
  vft_wire *w = vft_alloc(n + 1, sizeof *w);
  vft_status st = v && w ? VFT_OK : VFT_RESOURCE;
  for (uint64_t k = 0; st == VFT_OK && k < (uint64_t)l->at.steps; k++) {
    uint64_t t = l->at.step + k;
    st = vft_step_input_elements(l->a->manifest, one, t, v);
    bases(l, v, n, w);
    entry_of(l, VFT_RUN_INPUTS, VFT_DOMAIN_TABLE_INPUTS,
             plus(l, plus_times(l, 0, S, l->step), k * S + p->shard), t * S + p->shard, w, n);
    if (st == VFT_OK)
      st = give_inputs(p, one->program,
                       p->step->one ? p->step->map + k * one->program->ntensors : NULL, w);
  }
  vft_free(v);
  vft_free(w);
  return st;
}

/* Block n = e b + k. The first of an epoch starts with the counters at 0, whose root is a constant of the
 * program; later ones where the one before ended. */
static vft_status block_statement(leaf *l, child *p) {
  const vft_aggregation *a = l->a;
  const vft_epoch *program = a->epochs.program;
  uint64_t b = a->epochs.blocks, e = l->at.epoch, k = l->at.block, n = e * b + k;
  TRY(read_links(l, p, p->epoch.link));
  l->epoch = integer(l, false, e, a->leaves.epochs - 1);
  vft_wire within = number(l, 0);
  if (k) within = plus(l, integer(l, false, k - 1, b - 2), 1); /* 1 <= k < b */
  l->block = plus_times(l, within, b, l->epoch);
  vft_circuit_equal(l->c, l->first,
                    plus(l, plus_times(l, within, vft_leaves_epoch_items(&a->leaves), l->epoch),
                         a->leaves.release));
  vft_wire place = plus_times(l, within, b + 1, l->epoch);
  uint64_t at = e * (b + 1) + k;
  if (k) {
    entry_of(l, VFT_RUN_COUNTERS, VFT_DOMAIN_TABLE_COUNTERS, place, at, p->link[program->link_in],
             4);
  } else {
    vft_fp start[4];
    TRY(vft_digest_elements(&a->epochs.start, start));
    for (int i = 0; i < 4; i++)
      vft_circuit_equal(l->c, p->link[program->link_in][i], number(l, start[i].v));
  }
  entry_of(l, VFT_RUN_COUNTERS, VFT_DOMAIN_TABLE_COUNTERS, plus(l, place, 1), at + 1,
           p->link[program->link_out], 4);
  entry_of(l, VFT_RUN_ROWS, VFT_DOMAIN_TABLE_ROWS, l->epoch, e, p->link[program->link_rows], 4);
  size_t count = vft_input_count(program->program);
  vft_fp *v = vft_alloc(count + 1, sizeof *v);
  vft_wire *w = vft_alloc(count + 1, sizeof *w);
  vft_status st = v && w ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK && !l->blank)
    st = vft_block_input_elements(a, &a->windows, n, &a->digests[n], v);
  if (st == VFT_OK) {
    bases(l, v, count, w);
    entry_of(l, VFT_RUN_BLOCKS, VFT_DOMAIN_TABLE_BLOCKS, l->block, n, w, count);
    st = give_inputs(p, program->program, NULL, w);
  }
  vft_free(v);
  vft_free(w);
  return st;
}

/* The release's parts are the ranges of the state after the last step; the adapter that it makes of them
 * is in an entry of the states of its own, number T + 1. */
static vft_status release_statement(leaf *l, child *p) {
  vft_aggregation *a = l->a;
  vft_wire x[8], zero = number(l, 0);
  TRY(read_links(l, p, p->steps.link));
  l->step = l->common[VFT_COMMON_STEPS];
  l->at.step = a->manifest->steps;
  vft_circuit_equal(l->c, l->first, zero);
  for (uint32_t r = 0; r < a->ranges; r++) state(l, p, r, 0, r, VFT_NO_TENSOR);
  memcpy(x, p->link[p->step->link_adapter_out], 4 * sizeof *x);
  for (int k = 0; k < 4; k++) x[4 + k] = zero;
  entry_of(l, VFT_RUN_STATES, VFT_DOMAIN_TABLE_STATES, plus(l, l->step, 1), l->at.step + 1, x, 8);
  return VFT_OK;
}

/* ---- verification ---- */

/* A proof's context (vft_cut_options): the name, h_Pi, step, shard and the cut, of which h_Pi, and step
 * or shard, are not constants. */
static vft_proof_options context(leaf *l, uint32_t shard, vft_wire *out) {
  const vft_aggregation *a = l->a;
  size_t name = (sizeof VFT_PROTOCOL_NAME + 6) / 7;
  vft_fp value[VFT_CONTEXT_MAX];
  vft_proof_options options = vft_cut_options(a->manifest, &a->shards.cut, 0, shard, value);
  for (size_t i = 0; i < options.context_len; i++) {
    if (i >= name && i < name + 5)
      out[i] = l->common[i - name];
    else if (i == name + 5)
      out[i] = l->at.what == VFT_PIECE_BLOCK ? l->common[VFT_COMMON_STEPS] : l->step;
    else if (i == name + 6 && l->at.what == VFT_PIECE_BLOCK)
      out[i] = plus(l, l->block, 2);
    else
      out[i] = number(l, value[i].v);
  }
  options.context = NULL;
  return options;
}

/* Claims of a proof are the entry of the group's proof number `shard`, of group number `group` of the
 * epoch, which is `value`. */
static void claims_entry(leaf *l, const vft_claims *claims, vft_wire group, uint64_t value,
                         uint32_t shard) {
  const vft_leaves *r = &l->a->leaves;
  vft_wire all = plus_times(l, group, r->groups[0], l->epoch);
  entry(l, VFT_RUN_CLAIMS, plus(l, plus_times(l, 0, r->shards, all), shard),
        (l->at.epoch * r->groups[0] + value) * r->shards + shard, claims->digest);
}

static vft_status verify(leaf *l, const child *p, vft_claims *claims, vft_bits *account) {
  vft_wire context_wire[VFT_CONTEXT_MAX];
  vft_proof_options options = context(l, p->shard, context_wire);
  const uint8_t *proof = p->step ? p->steps.proof : p->epoch.proof;
  vft_circuit_child c = {.program = p->program,
                         .inputs = (const uint32_t *const *)p->inputs,
                         .link_root = (const uint32_t(*)[4])p->link,
                         .oracle_root = (const uint32_t(*)[4])l->oracle,
                         .context = context_wire,
                         .context_len = options.context_len,
                         .claims = l->at.what == VFT_PIECE_GROUP ? claims : NULL,
                         .inputs_checked = true, /* the tables' are made within bounds */
                         .log_inv_rate = options.log_inv_rate,
                         .bits = options.bits,
                         .grind = options.grind,
                         .account = account};
  return vft_circuit_verify(l->c, &c, l->blank ? NULL : proof,
                            p->step ? p->steps.length : p->epoch.length);
}

static vft_status read_proof(leaf *l, child *p) {
  const vft_aggregation *a = l->a;
  vft_arena arena = {0};
  uint64_t t = l->at.what == VFT_PIECE_RELEASE ? a->manifest->steps : l->at.step;
  char *proofs = vft_arena_printf(&arena, "%s/proofs", a->folder), *path = NULL;
  if (proofs)
    path = p->step ? vft_shard_file_path(&arena, proofs, &a->shards.cut, t, p->shard,
                                         a->manifest->steps)
                   : vft_epoch_file_path(&arena, proofs, l->at.epoch, l->at.block);
  vft_status st = !path     ? VFT_RESOURCE
                  : p->step ? vft_step_file_read(path, &p->steps)
                            : vft_epoch_file_read(path, &p->epoch);
  vft_arena_free(&arena);
  return st;
}

/* One proof: read, its statement bound to the tables, verified. */
static vft_status one_proof(leaf *l, uint32_t shard, vft_bits *account) {
  vft_aggregation *a = l->a;
  vft_claims claims;
  child p;
  vft_status st = VFT_RESOURCE;
  memset(&claims, 0, sizeof claims);
  memset(&p, 0, sizeof p);
  if (l->at.what == VFT_PIECE_RELEASE) p.step = a->shards.release;
  if (l->at.what == VFT_PIECE_GROUP) p.step = vft_shards_step(&a->shards, shard, l->at.steps);
  p.program = p.step ? p.step->program : a->epochs.program->program;
  p.shard = shard;
  p.link = vft_alloc(p.program->nlinks, sizeof *p.link);
  p.inputs = vft_alloc(p.program->ntensors, sizeof *p.inputs);
  if (!p.link || !p.inputs) goto out;
  if (!l->blank) TRY_OUT(read_proof(l, &p));
  if (l->at.what == VFT_PIECE_BLOCK) {
    TRY_OUT(block_statement(l, &p));
  } else if (l->at.what == VFT_PIECE_RELEASE) {
    TRY_OUT(release_statement(l, &p));
  } else {
    TRY_OUT(read_links(l, &p, p.steps.link));
    join_links(l, &p);
    TRY_OUT(step_inputs(l, &p));
  }
  TRY_OUT(verify(l, &p, &claims, account));
  st = VFT_RESOURCE;
  if (claims.list.n)
    claims_entry(l, &claims, l->group, l->at.window * a->leaves.choice.groups + l->at.within, shard);
  if (l->at.what == VFT_PIECE_GROUP) {
    vft_claim_list *form = &a->form[shard * 3 + (uint32_t)l->at.place];
    if (!form->form) { /* what an opening's circuit has to know, also that there are none */
      if (!claims.list.form) claims.list.form = vft_alloc(1, sizeof *claims.list.form);
      if (!claims.list.form) goto out;
      *form = claims.list;
      memset(&claims.list, 0, sizeof claims.list);
    }
  }
  st = VFT_OK;
out:
  for (uint32_t i = 0; p.inputs && i < p.program->ntensors; i++) vft_free(p.inputs[i]);
  vft_free(p.inputs);
  vft_free(p.link);
  vft_step_file_free(&p.steps);
  vft_free(p.epoch.proof);
  vft_claim_list_free(&claims.list);
  return st;
}

/* ---- the opening of a window ---- */

/* The claims of a proof of the window, as its verification left them when the run was opened, or their form
 * by a recording of which nothing else is kept. */
static vft_status window_claims(leaf *l, uint32_t group, uint32_t shard, vft_oracle_claims *all,
                                vft_claim_list *out) {
  vft_aggregation *a = l->a;
  int steps;
  vft_piece_place place;
  uint64_t q = l->at.window * a->leaves.choice.groups + group;
  uint64_t t = vft_leaves_group(&a->leaves, l->at.epoch, q, &steps, &place);
  if (!l->blank) {
    vft_oracle_claims claims =
        vft_aggregation_claims(a, l->at.epoch * a->leaves.groups[0] + q, shard);
    TRY(vft_claim_list_of(&claims, out));
    return vft_oracle_claims_append(all, &claims, NULL);
  }
  vft_claim_list *form = &a->form[shard * 3 + (uint32_t)place];
  if (!form->form) {
    leaf alone = {.a = a, .blank = true, .c = vft_circuit_new()};
    if (!alone.c) return VFT_RESOURCE;
    alone.at = (vft_piece){.what = VFT_PIECE_GROUP, .place = place, .epoch = l->at.epoch, .step = t,
                           .window = l->at.window, .within = group, .steps = steps};
    statement(&alone, NULL, 0, 0);
    alone.epoch = alone.group = alone.step = number(&alone, 0);
    vft_status st = one_proof(&alone, shard, NULL);
    vft_circuit_free(alone.c);
    TRY(st);
  }
  return vft_claim_list_copy(form, out);
}

static vft_status opening(leaf *l, vft_bits *account) {
  vft_aggregation *a = l->a;
  uint32_t S = a->leaves.shards, n = l->at.groups * S;
  vft_oracle_claims all = {0};
  vft_proof proof = {0};
  vft_wire context_wire[VFT_CONTEXT_MAX];
  vft_status st = VFT_OK;
  vft_claims *claims = vft_alloc(n, sizeof *claims);
  if (!claims) return VFT_RESOURCE;
  for (uint32_t i = 0; i < n; i++)
    TRY_OUT(window_claims(l, i / S, i % S, &all, &claims[i].list));
  if (!l->blank) {
    vft_fp value[VFT_CONTEXT_MAX];
    vft_proof_options options = vft_cut_options(a->manifest, &a->shards.cut, l->at.step, S, value);
    if (!a->oracle[0]) TRY_OUT(vft_aggregation_oracles(a));
    TRY_OUT(vft_prove_oracles((vft_commitment *const *)a->oracle, 2, &all, &options, &proof));
  }
  vft_proof_options options = context(l, S, context_wire);
  vft_circuit_opening o = {.program = a->step->program,
                           .oracle_root = (const uint32_t(*)[4])l->oracle,
                           .claims = claims,
                           .nclaims = n,
                           .context = context_wire,
                           .context_len = options.context_len,
                           .log_columns = vft_derive_oracle_columns(a->step),
                           .log_inv_rate = options.log_inv_rate,
                           .bits = options.bits,
                           .grind = options.grind,
                           .account = account};
  TRY_OUT(vft_circuit_open(l->c, &o, l->blank ? NULL : proof.bytes, proof.len));
  for (uint32_t i = 0; i < n; i++)
    if (claims[i].list.n)
      claims_entry(l, &claims[i], plus(l, l->group, i / S),
                   l->at.window * a->leaves.choice.groups + i / S, i % S);
out:
  for (uint32_t i = 0; i < n; i++) vft_claim_list_free(&claims[i].list);
  vft_free(claims);
  vft_oracle_claims_free(&all);
  vft_proof_free(&proof);
  return st;
}

/* ---- all ---- */

static vft_status record(leaf *l, vft_bits *bits, uint32_t *n) {
  const vft_leaves *r = &l->a->leaves;
  switch (l->at.what) {
    case VFT_PIECE_GROUP:
      place_in_epoch(l, r->blocks + l->at.shard);
      for (uint32_t i = 0; i < l->at.shards; i++)
        TRY(one_proof(l, l->at.shard + i, &bits[(*n)++]));
      return VFT_OK;
    case VFT_PIECE_OPENING:
      place_in_epoch(l, r->blocks + (uint64_t)l->at.groups * r->shards);
      return opening(l, &bits[(*n)++]);
    case VFT_PIECE_BLOCK: return one_proof(l, 2, &bits[(*n)++]);
    case VFT_PIECE_RELEASE: break;
  }
  return one_proof(l, 1, &bits[(*n)++]);
}

vft_status vft_leaf_make(vft_aggregation *a, uint64_t number_of, const vft_fp *keys,
                         vft_bits *account, vft_circuit **out) {
  vft_bits bits[VFT_LEAF_PIECES * VFT_PIECE_PROOFS];
  vft_leaf at = vft_leaf_at(&a->leaves, number_of);
  uint32_t n = 0;
  *out = NULL;
  leaf *l = vft_alloc(1, sizeof *l);
  if (!l) return VFT_RESOURCE;
  vft_status st = VFT_RESOURCE;
  l->a = a;
  l->blank = !keys;
  l->c = vft_circuit_new();
  if (!l->c) goto out;
  statement(l, keys, at.first, at.end);
  for (uint32_t i = 0; i < at.pieces; i++) { /* each says of its items' numbers what they are */
    l->at = vft_piece_at(&a->leaves, at.piece + i);
    l->first = plus(l, l->in[VFT_AT_FIRST], l->at.first - at.first);
    TRY_OUT(record(l, bits, &n));
  }
  if (account) *account = vft_bits_sum(bits, n);
  vft_circuit_prune(l->c);
  TRY_OUT(l->c->status);
  *out = l->c;
  l->c = NULL;
out:
  vft_circuit_free(l->c);
  vft_free(l);
  return st;
}
