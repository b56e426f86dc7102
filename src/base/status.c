#include "base/status.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 1024, CHECK_MAX = 160 };

static _Thread_local char message[MESSAGE_MAX];
static _Thread_local char check[CHECK_MAX];

static atomic_bool memory_ran_out;

static vft_status record(vft_status code, const char *fmt, va_list ap) {
  /* malloc and mmap leave this; a library that fails for it may report anything, or nothing */
  if (errno == ENOMEM) atomic_store(&memory_ran_out, true);
  /* Format into a local buffer first: arguments may point into `message`. */
  char fresh[MESSAGE_MAX];
  vsnprintf(fresh, sizeof fresh, fmt, ap);
  memcpy(message, fresh, sizeof message);
  return code;
}

vft_status vft_fail(vft_status code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  record(code, fmt, ap);
  va_end(ap);
  check[0] = 0;
  return code;
}

vft_status vft_reject(const char *check_id, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  record(VFT_REJECTED, fmt, ap);
  va_end(ap);
  snprintf(check, sizeof check, "%s", check_id);
  return VFT_REJECTED;
}

const char *vft_error_message(void) { return message; }
const char *vft_error_check(void) { return check; }
int vft_memory_ran_out(void) { return atomic_load(&memory_ran_out); }
void vft_error_clear(void) { message[0] = check[0] = 0; }
