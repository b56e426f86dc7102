/* More words to a failure that is recorded. */
#include <stdio.h>

#include "base/status.h"

enum { MESSAGE_MAX = 1024, CHECK_MAX = 160 };

vft_status vft_fail_context(vft_status code, const char *fmt, ...) {
  char context[MESSAGE_MAX], check[CHECK_MAX];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(context, sizeof context, fmt, ap);
  va_end(ap);
  snprintf(check, sizeof check, "%s", vft_error_check());
  (void)vft_reject(check, "%s: %s", context, vft_error_message());
  return code;
}

vft_status vft_settle(vft_status status) {
  if (status == VFT_OK || status == VFT_RESOURCE || !vft_memory_ran_out()) return status;
  return vft_fail(VFT_RESOURCE, "out of memory, so nothing is decided: %s", vft_error_message());
}
