/* Progress and notes on stderr, and the request to stop (SIGINT, SIGTERM). */
#ifndef VFT_RUN_PROGRESS_H
#define VFT_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* No notes and no progress. */
void vft_progress_quiet(bool quiet);
/* One line. */
void vft_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

typedef struct {
  const char *what; /* "train", "prove", ... */
  uint64_t done, total, first;
  double begun, shown;
  bool percent; /* units mean nothing to a reader: show how much is done in percent */
} vft_progress;
/* Work that goes from `first` to `total`. */
vft_progress vft_progress_begin(const char *what, uint64_t first, uint64_t total);
/* `done` units are complete: shows a line with what remains of the time, at most once a second
 * and at the end. `detail` may be empty. */
void vft_progress_step(vft_progress *p, uint64_t done, const char *detail);

/* From now on SIGINT and SIGTERM ask for a stop; a second one kills. */
void vft_interrupt_catch(void);
/* VFT_RESOURCE "interrupted" once a stop was asked for. */
VFT_MUST_CHECK vft_status vft_interrupt_check(const char *resume);
/* The same when a stage of a proof ended (prove/prove.h), but when it was the last: a proof that is there is
 * written first. */
VFT_MUST_CHECK vft_status vft_interrupt_stage(const char *stage, const char *resume);

#endif
