/* The step's program bound to rows of an epoch: honest batches are accepted, with the digests of
 * data/leaf.h; any other row, order, mask or step is not. */
#include "train/step_vectors.h"

#include "data/leaf.h"
#include "program/epoch_world.h"
#include "train/batch_rows.h"

enum { STEPS = 5 };

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

/* The digest of sequence k by the dataset's own code. */
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
  return d;
}

static void setup(fixture *f, const char *name, vft_part_kind kind) {
  memset(f, 0, sizeof *f);
  load_vectors(&f->v, name);
  f->step = 3;
  vft_step_shape shape = f->v.shape;
  shape.steps_per_epoch = STEPS;
  vft_part part = {.kind = kind, .layers = shape.layers};
  OK(vft_step_build_part(&shape, &f->v.profile, &part, 6, &f->bound));
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
  for (size_t k = 0; k < (size_t)shape.sequences; k++) {
    f->tokens[k] = (uint32_t)(3 + k);
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

static int64_t *data(const fixture *f, vft_tensor_id id) {
  return vft_exec_trace(f->e)->array[id].data;
}

static void test_bound(void **state) {
  (void)state;
  static const char *const name[] = {"all", "some", "wide"};
  for (size_t i = 0; i < 3; i++) {
    fixture f;
    setup(&f, name[i], VFT_PART_STEP);
    OK(vft_program_check_trace(f.bound->program, vft_exec_trace(f.e), NULL));
    teardown(&f);
  }
}

/* Changes one element of the list, of the one-hot, of what only the digest has, or of the batch. */
static void test_false_rows(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", VFT_PART_STEP);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bound),
      cmocka_unit_test(test_false_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
