#include "run/progress.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static bool silent;
static volatile sig_atomic_t stop;

void vft_progress_quiet(bool quiet) { silent = quiet; }

void vft_note(const char *fmt, ...) {
  if (silent) return;
  va_list ap;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}

vft_progress vft_progress_begin(const char *what, uint64_t first, uint64_t total) {
  return (vft_progress){what, first, total, first, vft_seconds(), 0, false};
}

static void duration(double s, char text[32]) {
  if (s < 90) snprintf(text, 32, "%.0f s", s);
  else if (s < 5400) snprintf(text, 32, "%.0f min", s / 60);
  else snprintf(text, 32, "%.1f h", s / 3600);
}

void vft_progress_step(vft_progress *p, uint64_t done, const char *detail) {
  double t = vft_seconds();
  bool last = done >= p->total, terminal = isatty(STDERR_FILENO);
  p->done = done;
  /* in a log file a line every ten seconds is enough */
  if (silent || (!last && t - p->shown < (terminal ? 0.5 : 10))) return;
  p->shown = t;
  char spent[32], left[32] = "";
  double each = done > p->first ? (t - p->begun) / (double)(done - p->first) : 0;
  duration(t - p->begun, spent);
  if (!last) duration(each * (double)(p->total - done), left);
  char count[48];
  if (p->percent)
    snprintf(count, sizeof count, "%.0f %%", 100 * (double)done / (double)p->total);
  else
    snprintf(count, sizeof count, "%llu of %llu", (unsigned long long)done,
             (unsigned long long)p->total);
  fprintf(stderr, "%s%s: %s%s%s, %s%s%s%s", terminal ? "\r\033[K" : "", p->what, count,
          *detail ? ", " : "", detail, spent, last ? "" : ", about ", left, last ? "" : " left");
  if (last || !terminal) fputc('\n', stderr);
  fflush(stderr);
}

static void on_signal(int signal_number) {
  if (stop) {
    signal(signal_number, SIG_DFL);
    raise(signal_number);
  }
  stop = 1;
}

void vft_interrupt_catch(void) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = on_signal;
  a.sa_flags = SA_RESTART;
  sigaction(SIGINT, &a, NULL);
  sigaction(SIGTERM, &a, NULL);
}

vft_status vft_interrupt_check(const char *resume) {
  return stop ? vft_fail(VFT_RESOURCE, "interrupted; nothing is lost: %s", resume) : VFT_OK;
}

vft_status vft_interrupt_stage(const char *stage, const char *resume) {
  return strcmp(stage, "opening") && strcmp(stage, "hidden") ? vft_interrupt_check(resume) : VFT_OK;
}
