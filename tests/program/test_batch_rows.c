/* The step's program bound to rows of an epoch: honest batches are accepted, with the digests of
 * data/leaf.h; any other row, order, mask or step is not. */
#include "train/step_vectors.h"

#include "data/leaf.h"
#include "program/coverage.h"
#include "program/epoch_forge.h"
#include "train/batch_rows.h"

enum { STEPS = 5, PAD = 1 };

typedef struct {
  vectors v;
  vft_step *bound;
  vft_exec *e;
  blocks b;
  void *storage;
  vft_poseidon_digest *list;
  uint32_t tokens[64];
  uint8_t raw[64][32];
  vft_train_rows rows;
  vft_train_batch batch;
  int step;
} fixture;

static int64_t *data(const fixture *f, vft_tensor_id id) {
  return vft_exec_trace(f->e)->array[id].data;
}

/* The entry of sequence k by the dataset's own code. */
static vft_poseidon_digest content(const fixture *f, size_t k) {
  size_t n = (size_t)f->v.shape.positions;
  int32_t id[256];
  uint8_t mask[256] = {0};
  vft_sample s = {.id = id, .mask = mask, .length = n + 1};
  id[0] = (int32_t)f->batch.input[k * n];
  for (size_t i = 0; i < n; i++) {
    id[i + 1] = (int32_t)f->batch.label[k * n + i];
    mask[i + 1] = (uint8_t)f->batch.mask[k * n + i];
  }
  vft_fp x[8 + 8 * 16];
  vft_poseidon_digest d;
  vft_content_pack(&s, n, 0, f->raw[k], x);
  x[1] = vft_fp_from_u64(f->tokens[k]);
  vft_poseidon_hash_many(VFT_DOMAIN_CONTENT, x, vft_content_elements(n), 1, &d);
  uint32_t loss = 0;
  for (size_t i = 0; i < n; i++) loss += mask[i + 1];
  return vft_row_digest(&d, f->tokens[k], loss);
}

/* How the last sequence's record ends: so many of its labels are within it, the last of them the padding
 * token without loss; what the last position behind it is said to be. */
typedef struct {
  size_t within;
  int64_t last_label, last_mask;
} ending;

static ending padded(const fixture *f) {
  return (ending){(size_t)f->v.shape.positions - 2, PAD, 0};
}

static void shorten(fixture *f, const ending *e) {
  size_t S = (size_t)f->v.shape.sequences, n = (size_t)f->v.shape.positions;
  int64_t *label = data(f, f->bound->ids_lab), *mask = data(f, f->bound->mask);
  for (size_t k = 0; k < S; k++) f->tokens[k] = (uint32_t)(n + 1);
  if (S == 1) return; /* its losses are all there are */
  f->tokens[S - 1] = (uint32_t)(e->within + 1);
  for (size_t i = (S - 1) * n + e->within - 1; i < S * n; i++) label[i] = PAD, mask[i] = 0;
  label[S * n - 1] = e->last_label;
  int64_t *input = data(f, f->bound->ids_in) + (S - 1) * n;
  memcpy(input + 1, label + (S - 1) * n, (n - 1) * sizeof *input);
  mask[S * n - 1] = e->last_mask;
}

/* end: NULL for `padded`. The witness is the trainer's, whether or not the record ends so. */
static void setup(fixture *f, const char *name, const ending *end) {
  ending usual;
  memset(f, 0, sizeof *f);
  load_vectors(&f->v, name);
  f->step = 3;
  vft_step_shape shape = f->v.shape;
  shape.steps_per_epoch = STEPS;
  shape.pad_id = PAD;
  vft_part part = {.kind = VFT_PART_STEP, .layers = shape.layers};
  OK(vft_step_build_part(&shape, &f->v.profile, &part, 6, NULL, &f->bound));
  OK(vft_program_check_bounds(f->bound->program));
  vft_step_free(f->v.step);
  f->v.step = f->bound;
  OK(vft_exec_new(f->bound, VFT_EXEC_TRACE, &f->e));
  supply_fixed(f->e, &f->v, &f->b, 1);
  supply_state(f->e, &f->v, &f->b, json_object_get(at(json_object_get(f->v.json, "steps"), 0), "state"));
  f->batch.input = vft_exec_array(f->e, f->bound->ids_in)->data;
  f->batch.label = vft_exec_array(f->e, f->bound->ids_lab)->data;
  f->batch.mask = vft_exec_array(f->e, f->bound->mask)->data;
  size_t rows = vft_rows_slots((uint64_t)shape.sequences);
  f->list = vft_alloc(rows * vft_rows_slots(STEPS), sizeof *f->list);
  for (size_t i = 0; i < rows * STEPS; i++) f->list[i] = world_digest(i);
  usual = padded(f);
  shorten(f, end ? end : &usual);
  for (size_t k = 0; k < (size_t)shape.sequences; k++) {
    for (int i = 0; i < 32; i++) f->raw[k][i] = (uint8_t)(40 * k + (size_t)i);
    f->list[rows * (size_t)f->step + k] = content(f, k);
  }
  f->rows = (vft_train_rows){f->tokens, (const uint8_t(*)[32])f->raw, f->list};
  f->batch.rows = &f->rows;
  int64_t *one = keep(&f->b, vft_rows_slots(STEPS));
  one[f->step] = 1;
  vft_exec_supply(f->e, f->bound->row_step, VFT_I64, one);
  f->storage = vft_alloc(vft_batch_rows_place(f->bound, &f->batch, NULL, NULL), 1);
  vft_batch_rows_place(f->bound, &f->batch, f->e, f->storage);
  OK(vft_exec_run(f->e, false));
  OK(vft_exec_finish_trace(f->e));
}

static void teardown(fixture *f) {
  vft_exec_free(f->e);
  vft_free(f->storage);
  vft_free(f->list);
  free_blocks(&f->b);
  free_vectors(&f->v);
}

static void rejected(const fixture *f, const char *check) {
  vft_status st = vft_program_check_trace(f->bound->program, vft_exec_trace(f->e), NULL);
  assert_int_equal(st, VFT_REJECTED);
  if (strncmp(vft_error_check(), check, strlen(check)))
    fail_msg("rejected by %s instead of %s", vft_error_check(), check);
}

static void test_bound(void **state) {
  (void)state;
  static const char *const name[] = {"all", "some", "wide"};
  for (size_t i = 0; i < 3; i++) {
    fixture f;
    setup(&f, name[i], NULL);
    OK(vft_program_check_trace(f.bound->program, vft_exec_trace(f.e), NULL));
    teardown(&f);
  }
}

/* Changes one element of the list, of the one-hot, of what only the digest has, or of the batch. */
static void test_false_rows(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", NULL);
  size_t rows = vft_rows_slots((uint64_t)f.v.shape.sequences), at = rows * (size_t)f.step;
  for (int i = 0; i < 4; i++) {
    char id[64];
    snprintf(id, sizeof id, "relation/rows/%d/is_batch", i);
    data(&f, f.bound->rows[i])[at]++;
    rejected(&f, id);
    data(&f, f.bound->rows[i])[at]--;
  }
  int64_t *one = data(&f, f.bound->row_step);
  one[f.step] = 0, one[f.step - 1] = 1; /* another step of the epoch */
  rejected(&f, "relation/rows/0/is_batch");
  one[f.step] = 1, one[f.step - 1] = 0;
  data(&f, f.bound->row_tokens)[0]++;
  rejected(&f, "relation/rows/in_tokens");
  data(&f, f.bound->row_tokens)[0]--;
  data(&f, f.bound->row_raw)[2]++;
  rejected(&f, "relation/rows/in_raw");
  data(&f, f.bound->row_raw)[2]--;
  teardown(&f);
}

/* ---- one lie at a time ---- */

static void borrow(forge *g, const fixture *f, vft_tensor_id t) {
  assert_int_equal(vft_exec_trace(f->e)->array[t].dtype, VFT_I64);
  g->x[t] = data(f, t);
}

/* s: the content digest, then the entry of sequence k. */
static void entry_again(forge *g, const fixture *f, size_t k, const sbox_ids *box, vft_fp *s) {
  size_t n = (size_t)f->v.shape.positions;
  vft_fp content[4];
  uint64_t loss = 0;
  memcpy(content, s, sizeof content);
  for (size_t i = 0; i < n; i++) {
    set(g, f->bound->row_within, k * n + i, i + 1 < f->tokens[k]);
    loss += (uint64_t)vft_array_get(&vft_exec_trace(f->e)->array[f->bound->mask], k * n + i);
  }
  start(s, 6, VFT_DOMAIN_ROW);
  add_in(s, content, 4);
  s[4] = vft_fp_from_i64(g->x[f->bound->row_tokens][k]);
  s[5] = vft_fp_from_u64(loss);
  permutation(g, box, k, s);
}

/* The sponges once more, honestly from whatever is planted, and the list that they lead to. */
static void again(const fixture *f, const lie *l, unsigned n_lies) {
  vft_epoch e = {.program = f->bound->program};
  forge g = {.e = &e, .nlies = n_lies};
  for (unsigned i = 0; i < n_lies; i++) g.lie[i] = l[i];
  const vft_trace *t = vft_exec_trace(f->e);
  size_t n = (size_t)f->v.shape.positions, groups = (n + 15) / 16;
  size_t first = vft_rows_slots((uint64_t)f->v.shape.sequences) * (size_t)f->step;
  g.x = vft_alloc(e.program->ntensors, sizeof *g.x);
  assert_non_null(g.x);
  sbox_ids box = box_of(&g, "rows/sponge"), entry = box_of(&g, "rows/entry");
  const vft_tensor_id mine[] = {box.x, box.cube, box.y, box.y_cube, box.out,
                                entry.x, entry.cube, entry.y, entry.y_cube, entry.out,
                                f->bound->row_tokens, f->bound->row_raw, f->bound->row_within,
                                f->bound->rows[0], f->bound->rows[1], f->bound->rows[2],
                                f->bound->rows[3]};
  for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) borrow(&g, f, mine[i]);
  for (size_t k = 0; k < (size_t)f->v.shape.sequences; k++) {
    vft_fp s[LANES], raw[VFT_PACKED_32];
    vft_pack_bytes(f->raw[k], 32, raw);
    start(s, 8 + 8 * groups, VFT_DOMAIN_CONTENT);
    s[0] = vft_fp_from_i64(vft_array_get(&t->array[f->bound->ids_in], k * n));
    s[1] = set_field(&g, f->bound->row_tokens, k, vft_fp_from_u64(f->tokens[k]));
    s[2].v = n;
    for (size_t i = 0; i < VFT_PACKED_32; i++)
      s[3 + i] = set_field(&g, f->bound->row_raw, k * VFT_PACKED_32 + i, raw[i]);
    permutation(&g, &box, k * (groups + 1), s);
    for (size_t b = 0; b < groups; b++) {
      for (size_t i = 16 * b; i < n && i < 16 * (b + 1); i++) {
        int64_t w = 2 * vft_array_get(&t->array[f->bound->ids_lab], k * n + i) +
                    vft_array_get(&t->array[f->bound->mask], k * n + i);
        s[i % 8] = vft_fp_add(s[i % 8], vft_fp_from_u64((uint64_t)w << (i % 16 < 8 ? 0 : 32)));
      }
      permutation(&g, &box, k * (groups + 1) + b + 1, s);
    }
    entry_again(&g, f, k, &entry, s);
    for (size_t i = 0; i < 4; i++) set_field(&g, f->bound->rows[i], first + k, s[i]);
  }
  vft_free(g.x);
  count_rows(vft_exec_trace(f->e));
}

/* The element that a relation determines: the first of its first term, or that of `name`. */
static lie lie_about(const fixture *f, const vft_relation *r, const char *end) {
  const vft_program *p = f->bound->program;
  const vft_factor *factor = &r->terms[0].factor[0];
  lie l = {.tensor = r->kind == VFT_DEFINE ? r->target : factor->tensor, .value = 1, .add = true};
  if (r->kind == VFT_DEFINE) return l;
  if (!strcmp(end, "is_batch")) { /* the list: the row of the first sequence */
    l.tensor = r->terms[1].factor[1].tensor;
    l.index = vft_rows_slots((uint64_t)f->v.shape.sequences) * (size_t)f->step;
    return l;
  }
  const vft_tensor *t = &p->tensors[l.tensor];
  for (uint32_t a = 0; a < t->rank; a++) l.index = l.index * t->dims[a] + factor->off[a];
  return l;
}

/* The check fails and no other; without it the witness is accepted. */
static void only(const fixture *f, size_t check) {
  const vft_program *p = f->bound->program;
  size_t n = vft_program_check_count(p);
  bool *failed = vft_alloc(n, sizeof *failed), *drop = vft_alloc(n, sizeof *drop);
  char id[200];
  assert_true(failed && drop);
  vft_program_check_id(p, check, id, sizeof id);
  assert_int_equal(vft_program_check_trace(p, vft_exec_trace(f->e), failed), VFT_REJECTED);
  for (size_t c = 0; c < n; c++)
    if (failed[c] != (c == check)) fail_msg("%s: check %zu is another one", id, c);
  drop[check] = true;
  vft_program *q = copy_without(p, drop);
  vft_trace t = trace_of(q, vft_exec_trace(f->e));
  count_rows(&t);
  OK(vft_program_check_trace(q, &t, NULL));
  vft_program_free(q);
  vft_free(failed);
  vft_free(drop);
}

/* The lies of these two are about how the record ends. */
static bool about_length(const char *name) {
  return !strcmp(name, "rows/padding") || !strcmp(name, "rows/no_loss") ||
         !strncmp(name, "rows/within_", 12);
}

/* Every relation of the rows: a lie that it alone finds; without it the batch is bound to it. */
static void test_every_relation(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", NULL);
  const vft_program *p = f.bound->program;
  all_determined(p, "rows/sponge");
  all_determined(p, "rows/entry");
  again(&f, NULL, 0);
  OK(vft_program_check_trace(p, vft_exec_trace(f.e), NULL));
  unsigned attacked = 0;
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    if (strncmp(r->name, "rows/", 5) || about_length(r->name)) continue;
    lie l = lie_about(&f, r, strrchr(r->name, '/') + 1);
    again(&f, &l, 1);
    only(&f, i);
    attacked++;
  }
  assert_int_equal(attacked, 30);
  teardown(&f);
}

static size_t check_of(const vft_program *p, const char *check) {
  char id[200];
  for (size_t c = 0; c < vft_program_check_count(p); c++)
    if (!strcmp(vft_program_check_id(p, c, id, sizeof id), check)) return c;
  fail_msg("no check %s", check);
  return 0;
}

/* A label behind the end that no token has counted, with and without a loss. */
static void test_uncounted_labels(void **state) {
  (void)state;
  static const struct {
    int64_t label, mask;
    const char *check;
  } what[] = {{PAD + 1, 0, "relation/rows/padding"}, {PAD, 1, "relation/rows/no_loss"}};
  for (size_t i = 0; i < 2; i++) {
    fixture f;
    setup(&f, "all", NULL);
    ending end = padded(&f);
    teardown(&f);
    end.last_label = what[i].label;
    end.last_mask = what[i].mask;
    setup(&f, "all", &end);
    only(&f, check_of(f.bound->program, what[i].check));
    teardown(&f);
  }
}

/* The labels that count are not the first ones: the last of the record and the one behind it change
 * places, in a low block and across two; or one counts twice. */
static void test_gaps(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", NULL);
  size_t n = (size_t)f.v.shape.positions, S = (size_t)f.v.shape.sequences;
  size_t q = f.bound->program->tensors[f.bound->row_within].dims[2];
  teardown(&f);
  assert_true(q > 2 && n > q);
  static const char *const check[] = {"relation/rows/within_inside", "relation/rows/within_across",
                                      "lookup/rows/within/range"};
  for (size_t i = 0; i < 3; i++) {
    ending end = {i == 1 ? q : 2, PAD, 0};
    setup(&f, "all", &end);
    size_t at = (S - 1) * n + end.within;
    lie swap[2] = {{.tensor = f.bound->row_within, .index = at - 1, .value = 0},
                   {.tensor = f.bound->row_within, .index = at, .value = 1}};
    lie twice[2] = {{.tensor = f.bound->row_within, .index = at - 1, .value = 2},
                    {.tensor = f.bound->row_tokens, .index = S - 1, .value = 1, .add = true}};
    again(&f, i == 2 ? twice : swap, 2);
    only(&f, check_of(f.bound->program, check[i]));
    teardown(&f);
  }
}

static int64_t value_at(const vft_program *p, vft_tensor_id t, size_t at) {
  return t == VFT_NO_TENSOR ? 1 : p->tensors[t].values[at];
}

/* What the packing tensors say together is which element of the sponge a position is in, for
 * position axes of any sizes; and they stay small. */
static void test_packing(void **state) {
  (void)state;
  static const char *const name[] = {"rows/packing/high", "rows/packing/low",
                                     "rows/packing/weight"};
  static const int positions[] = {5, 16, 24, 100, 101, 128, 512, 544, 2048, 16384};
  vectors v;
  load_vectors(&v, "all");
  for (size_t k = 0; k < sizeof positions / sizeof *positions; k++) {
    vft_step_shape shape = v.shape;
    vft_part part = {.kind = VFT_PART_HEAD, .layers = shape.layers};
    vft_step *head;
    size_t n = (size_t)positions[k], groups = (n + 15) / 16, elements = 0;
    part.neighbour[0] = shape.layers;
    shape.positions = positions[k];
    shape.sequences = 1;
    shape.steps_per_epoch = STEPS;
    OK(vft_step_build_part(&shape, &v.profile, &part, 6, v.step, &head));
    const vft_program *p = head->program;
    size_t high = head->position_high, q = head->position_low, wrong = 0;
    vft_tensor_id id[3];
    for (int i = 0; i < 3; i++) {
      id[i] = vft_program_find_tensor(p, name[i]);
      if (id[i] != VFT_NO_TENSOR) elements += vft_tensor_count(&p->tensors[id[i]]);
    }
    assert_true(id[0] != VFT_NO_TENSOR && id[2] != VFT_NO_TENSOR);
    assert_true((id[1] != VFT_NO_TENSOR) == (q > 16));
    assert_true(n % 16 ? n <= 101 : elements <= 17 * n);
    size_t columns = vft_tensor_count(&p->tensors[id[2]]) / 8;
    assert_int_equal(columns, q < 16 ? n : q);
    for (size_t m = 0; m < groups; m += m < 40 || m + 3 > groups ? 1 : 37)
      for (size_t t = 0; t < n; t++)
        for (size_t lane = 0; lane < 8; lane++) {
          int64_t want = t / 16 == m && t % 8 == lane ? (int64_t)1 << (t % 16 < 8 ? 0 : 32) : 0;
          int64_t got = value_at(p, id[0], m * high + t / q) *
                        value_at(p, id[1], m * q + t % q) *
                        value_at(p, id[2], lane * columns + t % columns);
          wrong += got != want;
        }
    assert_int_equal(wrong, 0);
    vft_step_free(head);
  }
  free_vectors(&v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bound),
      cmocka_unit_test(test_false_rows),
      cmocka_unit_test(test_every_relation),
      cmocka_unit_test(test_uncounted_labels),
      cmocka_unit_test(test_gaps),
      cmocka_unit_test(test_packing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
