/* Test helper: the oracle's vectors (tests/python/step_oracle.py) as shape, profile, tensors. */
#ifndef TESTS_TRAIN_STEP_VECTORS_H
#define TESTS_TRAIN_STEP_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "program/step.h"
#include "train/exec.h"

typedef struct {
  json_t *json;
  vft_step_shape shape;
  vft_profile profile;
  vft_step *step;
} vectors;

static inline int int_of(json_t *o, const char *key) {
  json_t *v = json_object_get(o, key);
  assert_true(json_is_integer(v));
  return (int)json_integer_value(v);
}

/* Concatenates every integer below `v`, in order. */
static inline size_t flatten(json_t *v, int64_t *out) {
  if (json_is_integer(v)) {
    if (out) *out = json_integer_value(v);
    return 1;
  }
  size_t n = 0, i;
  json_t *x;
  assert_true(json_is_array(v));
  json_array_foreach(v, i, x) n += flatten(x, out ? out + n : NULL);
  return n;
}

static inline void read_field(void *ctx, const char *name, int *values, size_t count) {
  json_t *v = json_object_get(ctx, name);
  int64_t x[4096];
  if (!v) fail_msg("profile has no %s", name);
  assert_int_equal(flatten(v, NULL), count);
  flatten(v, x);
  for (size_t i = 0; i < count; i++) values[i] = (int)x[i];
}

static inline void load_vectors(vectors *t, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "vectors/step_%s.json", name);
  json_error_t error;
  memset(t, 0, sizeof *t);
  t->json = json_load_file(path, 0, &error);
  if (!t->json) fail_msg("%s: %s", path, error.text);
  json_t *s = json_object_get(t->json, "shape");
  t->shape = (vft_step_shape){
      .layers = int_of(s, "layers"), .d = int_of(s, "d"), .groups = int_of(s, "groups"),
      .per_group = int_of(s, "per_group"), .head_dim = int_of(s, "head_dim"), .ff = int_of(s, "ff"),
      .vocab = int_of(s, "vocab"), .tied = int_of(s, "tied"),
      .rms_eps = (float)json_real_value(json_object_get(s, "rms_eps")),
      .rope_theta = (float)json_real_value(json_object_get(s, "rope_theta")),
      .adapted = (unsigned)int_of(s, "adapted"), .rank = int_of(s, "rank"),
      .alpha_log2 = int_of(s, "alpha_log2"), .sequences = int_of(s, "sequences"),
      .positions = int_of(s, "positions"), .beta1_q16 = int_of(s, "beta1_q16"),
      .d2 = int_of(s, "d2"), .clip = int_of(s, "clip"), .clip_u = int_of(s, "clip_u"),
      .clip_frac = int_of(s, "clip_frac")};
  assert_int_equal(vft_profile_init(&t->profile, t->shape.layers), VFT_OK);
  vft_profile_fields(&t->profile, read_field, json_object_get(t->json, "profile"));
  vft_status st = vft_step_build(&t->shape, &t->profile, 6, &t->step);
  if (st != VFT_OK) fail_msg("%s", vft_error_message());
}

static inline void free_vectors(vectors *t) {
  vft_step_free(t->step);
  vft_profile_free(&t->profile);
  json_decref(t->json);
}

/* A tensor's elements as a block of the test (leaks into the process end by design: freed by
 * the caller's list). */
typedef struct {
  void *block[512];
  size_t n;
} blocks;

static inline int64_t *keep(blocks *b, size_t n) {
  assert_true(b->n < 512);
  int64_t *x = vft_alloc(n, sizeof *x);
  assert_non_null(x);
  b->block[b->n++] = x;
  return x;
}

static inline void free_blocks(blocks *b) {
  for (size_t i = 0; i < b->n; i++) vft_free(b->block[i]);
  b->n = 0;
}

static inline void supply_json(vft_exec *e, const vft_step *s, blocks *b, vft_tensor_id id,
                               json_t *v) {
  size_t n = vft_tensor_count(&s->program->tensors[id]);
  if (flatten(v, NULL) != n)
    fail_msg("%s: %zu values, expected %zu", s->program->tensors[id].name, flatten(v, NULL), n);
  int64_t *x = keep(b, n);
  flatten(v, x);
  vft_exec_supply(e, id, VFT_I64, x);
}

static inline json_t *at(json_t *array, size_t i) { return json_array_get(array, i); }

/* Weights, batch and schedule of step t. */
static inline void supply_fixed(vft_exec *e, const vectors *v, blocks *b, size_t t) {
  const vft_step *s = v->step;
  json_t *w = json_object_get(v->json, "weights"),
         *batch = at(json_object_get(v->json, "batches"), t);
  json_t *schedule = at(json_object_get(v->json, "schedule"), t);
  supply_json(e, s, b, s->emb, json_object_get(w, "emb"));
  if (s->out != s->emb) supply_json(e, s, b, s->out, json_object_get(w, "out"));
  supply_json(e, s, b, s->gain_out, json_object_get(w, "gain_out"));
  for (size_t i = 0; i < 2; i++)
    supply_json(e, s, b, s->gain[i], at(json_object_get(w, "gain"), i));
  for (size_t p = 0; p < VFT_PROJECTIONS; p++)
    supply_json(e, s, b, s->w[p], at(json_object_get(w, "w"), p));
  supply_json(e, s, b, s->ids_in, json_object_get(batch, "input"));
  supply_json(e, s, b, s->ids_lab, json_object_get(batch, "label"));
  supply_json(e, s, b, s->mask, json_object_get(batch, "mask"));
  supply_json(e, s, b, s->lr, json_object_get(schedule, "lr"));
  supply_json(e, s, b, s->wd, json_object_get(schedule, "wd"));
  for (size_t p = 0; p < VFT_PROJECTIONS; p++)
    for (size_t k = 0; k < 2 && v->shape.adapted >> p & 1; k++)
      supply_json(e, s, b, s->eps[p][k], at(at(json_object_get(schedule, "eps"), p), k));
}

/* Limbs of a state given as P, m, v. */
static inline void supply_state(vft_exec *e, const vectors *v, blocks *b, json_t *state) {
  const vft_step *s = v->step;
  for (size_t p = 0; p < VFT_PROJECTIONS; p++)
    for (size_t k = 0; k < 2 && v->shape.adapted >> p & 1; k++) {
      json_t *o = at(at(state, p), k);
      const vft_state_ids *ids = &s->in[p][k];
      size_t n = vft_tensor_count(&s->program->tensors[ids->rho]);
      int64_t *x = keep(b, n), *limb[VFT_STATE_TENSORS];
      for (int i = 0; i < VFT_STATE_TENSORS; i++) limb[i] = keep(b, n);
      flatten(json_object_get(o, "P"), x);
      for (size_t i = 0; i < n; i++) {
        int64_t u = x[i] + ((int64_t)1 << 29) + 128; /* S in 22 bits, rho in 8 */
        limb[2][i] = u & 255;
        limb[0][i] = u >> 8 & 65535;
        limb[1][i] = u >> 24;
      }
      flatten(json_object_get(o, "m"), x);
      for (size_t i = 0; i < n; i++) {
        int64_t u = x[i] + ((int64_t)1 << 27);
        limb[3][i] = u & 65535;
        limb[4][i] = u >> 16;
      }
      flatten(json_object_get(o, "v"), x);
      for (size_t i = 0; i < n; i++)
        for (int j = 0; j < 4; j++) limb[5 + j][i] = x[i] >> (16 * j) & 65535;
      vft_tensor_id list[VFT_STATE_TENSORS];
      vft_state_id_list(ids, list);
      for (int i = 0; i < VFT_STATE_TENSORS; i++) vft_exec_supply(e, list[i], VFT_I64, limb[i]);
    }
}

/* The executor's next state against the oracle's. */
static inline void check_state(vft_exec *e, const vectors *v, json_t *state) {
  const vft_step *s = v->step;
  for (size_t p = 0; p < VFT_PROJECTIONS; p++)
    for (size_t k = 0; k < 2 && v->shape.adapted >> p & 1; k++) {
      json_t *o = at(at(state, p), k);
      vft_tensor_id list[VFT_STATE_TENSORS];
      vft_state_id_list(&s->next[p][k], list);
      size_t n = vft_tensor_count(&s->program->tensors[list[0]]);
      int64_t *want = vft_alloc(n, sizeof *want);
      assert_non_null(want);
      static const char *const name[3] = {"P", "m", "v"};
      for (int part = 0; part < 3; part++) {
        flatten(json_object_get(o, name[part]), want);
        for (size_t i = 0; i < n; i++) {
          int64_t limb[VFT_STATE_TENSORS], got;
          for (int j = 0; j < VFT_STATE_TENSORS; j++)
            limb[j] = vft_array_get(vft_exec_array(e, list[j]), i);
          if (part == 0)
            got = (limb[0] + limb[1] * 65536) * 256 + limb[2] - 128 - ((int64_t)1 << 29);
          else if (part == 1)
            got = limb[3] + limb[4] * 65536 - ((int64_t)1 << 27);
          else
            got = limb[5] + (limb[6] << 16) + (limb[7] << 32) + (limb[8] << 48);
          if (got != want[i])
            fail_msg("%s %c %s[%zu] = %lld, the oracle has %lld", vft_projection_path[p],
                     k ? 'B' : 'A', name[part], i, (long long)got, (long long)want[i]);
        }
      }
      vft_free(want);
    }
}

#endif
