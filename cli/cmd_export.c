#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "run/manifest.h"
#include "run/run.h"

static vft_status run(int argc, char **argv) {
  const char *folder = NULL, *format = "peft", *out = NULL;
  bool shown;
  vft_digest h_t;
  char hex[65];
  const cli_option option[] = {{"format", 0, "NAME", "'peft', the only one", NULL, &format},
                               {"out", 'o', "DIR", "the folder to write", NULL, &out}};
  TRY(cli_parse(&cli_export, argc, argv, option, 2, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (strcmp(format, "peft"))
    return cli_usage(&cli_export, "--format: '%s' is unknown, did you mean 'peft'?", format);
  if (!out) return cli_usage(&cli_export, "--out DIR is missing");
  TRY(vft_run_export(folder, out, &h_t));
  vft_hex(h_t.b, 32, hex);
  printf("wrote %s; h_T %s\n", out, hex);
  return VFT_OK;
}

const cli_command cli_export = {
    "export", "RUN --format peft --out DIR", "Write the trained adapter as a PEFT folder",
    "adapter_config.json and adapter_model.safetensors, in canonical bytes.", run};
