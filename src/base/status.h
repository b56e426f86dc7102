/* Status codes, the one error channel of the project.
 *
 * The numeric values are the process exit codes (see README, "Exit codes"):
 * a function that fails records one clear line with vft_fail() and returns the
 * code; callers forward it unchanged with TRY().  VFT_OK is the only acceptance. */
#ifndef VFT_BASE_STATUS_H
#define VFT_BASE_STATUS_H

#include <stdarg.h>

typedef enum {
  VFT_OK = 0,       /* done, accepted */
  VFT_REJECTED = 1, /* evidence was read and is not accepted (malformed evidence included) */
  VFT_USAGE = 2,    /* usage, missing file, bad model, data or configuration */
  VFT_RESOURCE = 3  /* out of resources, numeric overflow, interrupted: resumable */
} vft_status;

#define VFT_MUST_CHECK __attribute__((warn_unused_result))

/* Record a one-line message (printf style) for this thread and return `code`.
 * The message names the file, the field, what was expected and what to do. */
vft_status vft_fail(vft_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prefix the current message with "context: ", keeping `code`. Returns `code`. */
vft_status vft_fail_context(vft_status code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A rejection also carries the stable id of the failed check ("transcript/length",
 * "relation/layer/attn/q/requant", ...); tests assert on it. */
vft_status vft_reject(const char *check_id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The last recorded message and rejection id of this thread; never NULL. */
const char *vft_error_message(void);
const char *vft_error_check(void);
void vft_error_clear(void);

/* For the last word on a command: `status`, or VFT_RESOURCE when it is a failure and memory ran out
 * before it was recorded, in this project's or a library's allocation. What could not be read, or
 * was not accepted, may then have failed for want of memory only. The message says so. */
vft_status vft_settle(vft_status status);
int vft_memory_ran_out(void); /* before any failure was recorded */

/* Forward a failure to the caller. */
#define TRY(expr)                                  \
  do {                                             \
    vft_status try_status_ = (expr);               \
    if (try_status_ != VFT_OK) return try_status_; \
  } while (0)

/* Forward a failure through the function's single `out:` label; needs `vft_status st`. */
#define TRY_OUT(expr)             \
  do {                            \
    st = (expr);                  \
    if (st != VFT_OK) goto out;   \
  } while (0)

#endif
