#include "run/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "program/join.h"
#include "run/derive.h"
#include "run/files.h"
#include "train/exec.h"

/* A shard of more integers gains nothing: its proof grows with its rows (1.5 MB at this size), and
 * fewer workers can share a step. Head cannot be cut. Whole steps are joined up to JOINED_INTEGERS:
 * what a proof costs whatever its size is a small part from there on. */
enum {
  GB = 1000000000,
  SHARD_INTEGERS = 95000000,
  JOINED_INTEGERS = 40000000,
  KEEP_LINKS = 1 << 24 /* links of fewer elements keep their codewords */
};

static size_t trace_bytes(const vft_step *s) {
  const vft_program *p = s->program;
  size_t bytes = 0;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *x = &p->tensors[t];
    if (x->origin == VFT_ORACLE) continue; /* the weights are there */
    bytes += vft_tensor_count(x) * vft_dtype_size(vft_tensor_dtype(x));
  }
  return bytes + vft_exec_buffers(s);
}

bool vft_memory_keeps(const vft_program *p, uint32_t link) {
  return vft_program_tree_elements(p, VFT_LINK, link) < KEEP_LINKS;
}

/* Nodes of every link's tree, and the codewords of those that keep them. */
static size_t link_bytes(const vft_program *p, unsigned log_inv_rate, bool *all_kept) {
  size_t bytes = 0, columns = (size_t)1 << (p->log_columns + log_inv_rate);
  *all_kept = true;
  for (uint32_t l = 0; l < p->nlinks; l++) {
    size_t rows = (vft_program_tree_elements(p, VFT_LINK, l) >> p->log_columns) + 1;
    bytes += 64 * columns;
    if (vft_memory_keeps(p, l))
      bytes += (rows + 7) / 8 * 8 * 8 * columns;
    else
      *all_kept = false;
  }
  return bytes;
}

vft_status vft_memory_plan(const vft_step *step, const vft_proof_options *options, size_t budget,
                           vft_memory_shard *out) {
  size_t least = SIZE_MAX;
  bool kept;
  memset(out, 0, sizeof *out);
  out->trace = trace_bytes(step);
  out->links = link_bytes(step->program, options->log_inv_rate, &kept);
  for (unsigned way = 0; way < 8; way++) {
    vft_prove_plan plan;
    out->way = (vft_prove_options){.keep_codewords = way < 4, .links_kept = kept,
                                   .recompute = way % 4};
    TRY(vft_prove_plan_init(&plan, step->program, options, &out->way));
    out->proof = plan.peak;
    out->total = out->trace + out->links + out->proof;
    out->total += out->total / 64; /* claims, points and lists, which are not planned one by one */
    out->proof_bytes = plan.proof;
    if (out->total <= budget) return VFT_OK;
    if (out->total < least) least = out->total;
  }
  return vft_fail(VFT_RESOURCE, "proving %s takes %.1f GB of memory, %.1f GB may be used",
                  step->program->name, (double)least / GB, (double)budget / GB);
}

/* One shard's part of try_cut. */
static vft_status try_shard(const vft_manifest *m, const vft_step *whole, const vft_cut *cut,
                            uint32_t shard, const vft_proof_options *options, size_t budget,
                            vft_memory_shard *largest, size_t *integers) {
  vft_part part = vft_cut_part(cut, m->shape.layers, shard);
  vft_step *step;
  vft_memory_shard plan;
  TRY(vft_step_build_part(&m->shape, &m->profile, &part, m->log_columns, whole, &step));
  vft_status st = vft_memory_plan(step, options, budget, &plan);
  size_t own = vft_program_tree_elements(step->program, VFT_WITNESS, 0);
  if (part.kind != VFT_PART_HEAD && own > *integers) *integers = own;
  vft_step_free(step);
  if (st == VFT_OK && plan.total > largest->total) *largest = plan;
  return st;
}

/* The shards of an even cut that may be its largest: the whole step; head, and of the longest
 * ranges (they come first) the first, one between two others, and the last. The first layer of the
 * model has no gradient before it, so the first range is not the largest of equals. */
static vft_status try_cut(const vft_manifest *m, vft_step *whole, const vft_cut *cut,
                          size_t budget, vft_memory_shard *largest, size_t *integers) {
  vft_fp context[VFT_CONTEXT_MAX];
  vft_proof_options options = vft_cut_options(m, cut, 0, 0, context);
  *integers = vft_program_tree_elements(whole->program, VFT_WITNESS, 0);
  if (!cut->n) return vft_memory_plan(whole, &options, budget, largest);
  *integers = 0;
  memset(largest, 0, sizeof *largest);
  TRY(try_shard(m, whole, cut, 0, &options, budget, largest, integers));
  uint32_t n = (uint32_t)cut->n, range[3] = {0, n > 1, n - 1};
  for (int i = 0; i < 3; i++) {
    if (i && range[i] == range[i - 1]) continue;
    if (cut->count[range[i]] < cut->count[0]) continue;
    TRY(try_shard(m, whole, cut, 1 + range[i], &options, budget, largest, integers));
    TRY(try_shard(m, whole, cut, 1 + n + range[i], &options, budget, largest, integers));
  }
  return VFT_OK;
}

/* As many whole steps in a proof as there are in an epoch, a power of two, within JOINED_INTEGERS
 * and the budget. */
static vft_status join_steps(const vft_manifest *m, vft_step *whole, size_t budget, vft_cut *cut,
                             vft_memory_shard *largest) {
  size_t own = vft_program_tree_elements(whole->program, VFT_WITNESS, 0);
  vft_fp context[VFT_CONTEXT_MAX];
  for (int steps = VFT_JOIN_STEPS; steps > 1; steps /= 2) {
    vft_cut joined = {.n = 0, .steps = steps};
    vft_memory_shard plan;
    vft_step *program;
    if ((uint64_t)steps > m->sampling.steps_per_epoch || (uint64_t)steps > m->steps ||
        own > JOINED_INTEGERS / (size_t)steps)
      continue;
    vft_proof_options options = vft_cut_options(m, &joined, 0, 0, context);
    TRY(vft_step_join(whole, steps, &program));
    vft_status st = vft_memory_plan(program, &options, budget, &plan);
    vft_step_free(program);
    if (st == VFT_RESOURCE) continue;
    TRY(st);
    *cut = joined;
    *largest = plan;
    break;
  }
  return VFT_OK;
}

vft_status vft_memory_cut(const vft_manifest *m, vft_step *whole, size_t budget, vft_cut *cut,
                          vft_memory_shard *largest) {
  int layers = m->shape.layers, most = layers < VFT_MAX_PARTS ? layers : VFT_MAX_PARTS;
  for (int n = 0, last = -1;; n++) {
    size_t integers;
    *cut = vft_cut_even(layers, n);
    if (n < most && n && cut->count[0] == last) continue; /* no range is shorter than before */
    last = n ? cut->count[0] : -1;
    vft_status st = try_cut(m, whole, cut, budget, largest, &integers);
    if (st == VFT_OK && !n) TRY(join_steps(m, whole, budget, cut, largest));
    /* under Poseidon nobody verifies shards but circuits, for which fewer are less work */
    bool small = integers <= SHARD_INTEGERS || m->shape.hash == VFT_HASH_POSEIDON;
    if (n == most || (st == VFT_OK && small) ||
        (st != VFT_OK && st != VFT_RESOURCE))
      return st;
  }
}

vft_status vft_memory_oracles(const vft_manifest *m, const vft_step *whole, size_t *bytes,
                              uint64_t *proof_bytes) {
  vft_box *box[2] = {NULL, NULL};
  uint32_t n[2];
  size_t proof = 0;
  vft_fp context[VFT_CONTEXT_MAX];
  vft_cut cut = vft_cut_even(m->shape.layers, 0);
  vft_proof_options options = vft_cut_options(m, &cut, m->steps, 0, context);
  vft_status st = vft_derive_oracle_boxes(whole, 0, &box[0], &n[0]);
  if (st == VFT_OK) st = vft_derive_oracle_boxes(whole, 1, &box[1], &n[1]);
  if (st == VFT_OK)
    st = vft_prove_plan_oracles((const vft_box *const *)box, n, 2, vft_derive_oracle_columns(whole),
                                &options, bytes, &proof);
  vft_free(box[0]);
  vft_free(box[1]);
  *proof_bytes = proof;
  return st;
}

vft_status vft_memory_budget(uint64_t limit, size_t *out) {
  size_t live = vft_alloc_live();
  if (!limit) {
    *out = (size_t)(vft_memory_available() / 10 * 9);
    return VFT_OK;
  }
  if (limit <= live)
    return vft_fail(VFT_RESOURCE, "--memory: %.1f GB are in use before any proof (model, records, "
                    "trainer), %.1f GB are allowed", (double)live / GB, (double)limit / GB);
  *out = (size_t)limit - live;
  return VFT_OK;
}

vft_status vft_memory_parse(const char *text, uint64_t *out) {
  char *end;
  double value = strtod(text, &end), unit = 1;
  switch (*end) {
    case 'k': case 'K': unit = 1e3; end++; break;
    case 'm': case 'M': unit = 1e6; end++; break;
    case 'g': case 'G': unit = 1e9; end++; break;
    default: break;
  }
  if (end == text || *end || !(value > 0) || value * unit >= 1e15)
    return vft_fail(VFT_USAGE, "--memory: '%s' is not an amount of bytes such as 16G or 800M", text);
  *out = (uint64_t)(value * unit);
  return VFT_OK;
}
