/* The command line: one file a command, all thin. */
#ifndef VFT_CLI_CLI_H
#define VFT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define VFT_VERSION "0.1.0"

typedef struct {
  const char *name;  /* without dashes */
  char letter;       /* 0: none */
  const char *value; /* name of its value in the help; NULL: a flag */
  const char *help;
  bool *flag;         /* set when given (flags) */
  const char **text;  /* the value */
} cli_option;

typedef struct {
  const char *name;
  const char *arguments; /* as in "CONFIG --out RUN" */
  const char *summary;   /* one line */
  const char *details;   /* paragraphs after it, or "" */
  vft_status (*run)(int argc, char **argv);
} cli_command;

/* Parses "--name value", "--name=value", "-x value" and positional arguments (exactly npositional
 * when `exactly`, else at most). --threads, --quiet and --help are common to all commands.
 * help_shown: the command has nothing left to do.
 * Fails: VFT_USAGE with the nearest known option. */
VFT_MUST_CHECK vft_status cli_parse(const cli_command *command, int argc, char **argv,
                                    const cli_option *option, size_t options,
                                    const char **positional, size_t npositional, bool exactly,
                                    bool *help_shown);
/* VFT_USAGE: "vft NAME: what; see vft NAME --help". */
vft_status cli_usage(const cli_command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A whole number in lo..hi. Fails: VFT_USAGE. */
VFT_MUST_CHECK vft_status cli_number(const cli_command *command, const char *name,
                                     const char *text, long lo, long hi, long *out);

extern const cli_command cli_init, cli_aggregate, cli_fold, cli_run, cli_train, cli_prove, cli_verify, cli_replay, cli_eval,
    cli_export, cli_manifest, cli_budget, cli_inspect, cli_worker, cli_estimate, cli_data,
    cli_sampler, cli_disclose, cli_publish;

#endif
