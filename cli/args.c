#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/suggest.h"
#include "cli.h"
#include "run/progress.h"

enum { MAX_OPTIONS = 16 };

vft_status cli_usage(const cli_command *command, const char *fmt, ...) {
  char text[512];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return vft_fail(VFT_USAGE, "vft %s: %s; see 'vft %s --help'", command->name, text,
                  command->name);
}

static void print_help(const cli_command *c, const cli_option *option, size_t n) {
  printf("Usage: vft %s %s\n\n%s\n", c->name, c->arguments, c->summary);
  if (*c->details) printf("\n%s\n", c->details);
  printf("\nOptions:\n");
  for (size_t i = 0; i < n; i++) {
    char left[64], letter[8] = "";
    if (option[i].letter) snprintf(letter, sizeof letter, "-%c, ", option[i].letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, option[i].name, option[i].value ? " " : "",
             option[i].value ? option[i].value : "");
    printf("  %-24s %s\n", left, option[i].help);
  }
}

static vft_status unknown(const cli_command *c, const char *given, const cli_option *option,
                          size_t n) {
  const char *names[MAX_OPTIONS];
  for (size_t i = 0; i < n; i++) names[i] = option[i].name;
  const char *word = given + strspn(given, "-");
  if (given[1] != '-' || !*word) return cli_usage(c, "unknown option '%s'", given);
  return cli_usage(c, "unknown option '%s', did you mean '--%s'?", given,
                   vft_nearest(word, names, n));
}

static const cli_option *find(const cli_option *option, size_t n, const char *arg,
                              const char **inline_value) {
  *inline_value = NULL;
  for (size_t i = 0; i < n; i++) {
    if (arg[1] != '-') {
      if (option[i].letter && arg[1] == option[i].letter && !arg[2]) return &option[i];
      continue;
    }
    size_t k = strlen(option[i].name);
    if (strncmp(arg + 2, option[i].name, k)) continue;
    if (arg[2 + k] == '=') *inline_value = arg + 3 + k;
    if (!arg[2 + k] || arg[2 + k] == '=') return &option[i];
  }
  return NULL;
}

vft_status cli_parse(const cli_command *c, int argc, char **argv, const cli_option *own,
                     size_t nown, const char **positional, size_t npositional, bool exactly,
                     bool *help_shown) {
  cli_option option[MAX_OPTIONS];
  bool help = false, quiet = false;
  const char *threads = NULL;
  size_t n = 0, at = 0;
  *help_shown = false;
  for (; n < nown; n++) option[n] = own[n];
  option[n++] = (cli_option){"threads", 0, "N", "worker threads (default: all processors)", NULL,
                             &threads};
  option[n++] = (cli_option){"quiet", 'q', NULL, "no progress and no notes", &quiet, NULL};
  option[n++] = (cli_option){"help", 'h', NULL, "this text", &help, NULL};
  for (int i = 1; i < argc; i++) {
    const char *value;
    if (argv[i][0] != '-' || !argv[i][1]) {
      if (at == npositional) return cli_usage(c, "unexpected argument '%s'", argv[i]);
      positional[at++] = argv[i];
      continue;
    }
    const cli_option *o = find(option, n, argv[i], &value);
    if (!o) return unknown(c, argv[i], option, n);
    if (!o->value) {
      if (value) return cli_usage(c, "--%s takes no value", o->name);
      *o->flag = true;
      continue;
    }
    if (!value) value = i + 1 < argc ? argv[++i] : NULL;
    if (!value) return cli_usage(c, "--%s needs a value (%s)", o->name, o->value);
    *o->text = value;
  }
  if (help) {
    print_help(c, option, n);
    *help_shown = true;
    return VFT_OK;
  }
  if (exactly && at < npositional)
    return cli_usage(c, "%s (arguments: %s)", at ? "an argument is missing" : "nothing to work on",
                     c->arguments);
  vft_progress_quiet(quiet);
  if (threads) {
    long count;
    TRY(cli_number(c, "threads", threads, 1, 1024, &count));
    vft_threads_set((int)count);
  }
  return VFT_OK;
}

vft_status cli_number(const cli_command *c, const char *name, const char *text, long lo, long hi,
                      long *out) {
  char *end;
  errno = 0;
  *out = strtol(text, &end, 10);
  if (errno || end == text || *end || *out < lo || *out > hi)
    return cli_usage(c, "--%s: '%s' is not a whole number from %ld to %ld", name, text, lo, hi);
  return VFT_OK;
}
