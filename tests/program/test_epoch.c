/* The sampler's program against the native sampler; proofs of its blocks. */
#include "program/epoch_world.h"

static void agrees(world_kind kind) {
  world w;
  block b;
  world_init(&w, kind);
  block_init(&b, &w, kind.small ? 1 : 8);
  OK(vft_program_check_trace(b.e->program, &b.trace, NULL));
  OK(block_verify(&b, false));
  block_free(&b);
}

static void test_public(void **state) {
  (void)state;
  agrees((world_kind){0});
}
static void test_secret(void **state) {
  (void)state;
  agrees((world_kind){.secret = true, .beacon = true});
}
static void test_replacement(void **state) {
  (void)state;
  agrees((world_kind){.replacement = true});
}
static void test_small(void **state) {
  (void)state;
  agrees((world_kind){.small = true});
  agrees((world_kind){.small = true, .single = true});
  agrees((world_kind){.small = true, .single = true, .replacement = true});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_public),
      cmocka_unit_test(test_secret),
      cmocka_unit_test(test_replacement),
      cmocka_unit_test(test_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
