/* The declared error budget of the public tables, checked on every entry against another
 * evaluation: the C library's long double functions, which share no code with the integer
 * arithmetic that generates the tables. */
#ifndef VFT_RUN_BUDGET_H
#define VFT_RUN_BUDGET_H

#include <stddef.h>

#include "base/status.h"
#include "program/step.h"

/* Largest error in units of an entry's last place that the manifest's budget allows. */
#define VFT_TABLE_BUDGET 0.5000001

typedef struct {
  const char *name;
  size_t entries;
  double error; /* largest */
  size_t at;    /* entry with the largest error */
} vft_table_budget;

enum { VFT_BUDGET_TABLES = 8 };
/* score, logit, silu, silu', rotation of keys and of queries,
 * forward and of gradients. Fails: VFT_USAGE when the program
 * lacks one or the platform's long double is not wider than double. */
VFT_MUST_CHECK vft_status vft_table_budgets(const vft_step *step,
                                            vft_table_budget out[VFT_BUDGET_TABLES]);

#endif
