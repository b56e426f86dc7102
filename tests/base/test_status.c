/* The last word on a command: a failure that may be one of memory is reported as such. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/status.h"

/* In this order: that memory ran out is never forgotten. */
static void test_settle(void **state) {
  (void)state;
  errno = ENOENT;
  assert_int_equal(vft_settle(VFT_OK), VFT_OK);
  assert_int_equal(vft_settle(vft_reject("a/b", "false")), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "a/b");
  assert_int_equal(vft_settle(vft_fail(VFT_USAGE, "bad")), VFT_USAGE);
  assert_string_equal(vft_error_message(), "bad");

#ifdef __SANITIZE_ADDRESS__
  skip(); /* the sanitizer ends the program itself when memory runs out */
#endif
  struct rlimit old, low;
  assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
  low = old;
  low.rlim_cur = 1 << 20; /* less than is mapped already */
  assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
  void *block = vft_alloc(64 << 20, 1);
  assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
  assert_null(block);
  assert_int_equal(vft_settle(VFT_OK), VFT_OK);
  errno = 0;
  assert_int_equal(vft_settle(vft_reject("a/b", "false")), VFT_RESOURCE);
  assert_string_equal(vft_error_check(), "");
  assert_non_null(strstr(vft_error_message(), "out of memory"));
  assert_non_null(strstr(vft_error_message(), "false"));
  assert_int_equal(vft_settle(vft_fail(VFT_RESOURCE, "interrupted")), VFT_RESOURCE);
  assert_string_equal(vft_error_message(), "interrupted");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_settle)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
