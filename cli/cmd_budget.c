#include <stdio.h>

#include "cli.h"
#include "run/budget.h"
#include "run/derive.h"

static vft_status check(const vft_step *step) {
  vft_table_budget table[VFT_BUDGET_TABLES];
  TRY(vft_table_budgets(step, table));
  bool within = true;
  printf("%-26s %10s  %-13s %s\n", "table", "entries", "largest error", "budget");
  for (size_t i = 0; i < VFT_BUDGET_TABLES; i++) {
    bool ok = table[i].error <= VFT_TABLE_BUDGET;
    printf("%-26s %10zu  %-13.9f %.7f%s\n", table[i].name, table[i].entries, table[i].error,
           VFT_TABLE_BUDGET, ok ? "" : "  EXCEEDED");
    within &= ok;
  }
  printf("units: an entry's last place; correct rounding gives 0.5\n");
  return within ? VFT_OK : vft_reject("budget/tables", "a table entry is outside of its budget");
}

static vft_status run(int argc, char **argv) {
  const char *path = NULL;
  bool shown;
  vft_manifest manifest;
  vft_step *step = NULL;
  TRY(cli_parse(&cli_budget, argc, argv, NULL, 0, &path, 1, true, &shown));
  if (shown) return VFT_OK;
  TRY(vft_manifest_load(path, &manifest));
  vft_status st = vft_derive_from_manifest(&manifest, &step);
  if (st == VFT_OK) st = check(step);
  vft_step_free(step);
  vft_manifest_free(&manifest);
  return st;
}

const cli_command cli_budget = {
    "budget", "MANIFEST", "Check every entry of the public tables against its error budget",
    "Each entry is compared with an independent evaluation in extended precision.", run};
