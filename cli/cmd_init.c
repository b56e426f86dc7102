#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "data/config.h"
#include "run/files.h"

static vft_status run(int argc, char **argv) {
  const char *path = "vft.yaml";
  bool shown, force = false;
  const cli_option option[] = {{"force", 0, NULL, "replace an existing file", &force, NULL}};
  TRY(cli_parse(&cli_init, argc, argv, option, 1, &path, 1, false, &shown));
  if (shown) return VFT_OK;
  if (!force && vft_file_exists(path))
    return vft_fail(VFT_USAGE, "%s: exists already; --force replaces it", path);
  FILE *f = fopen(path, "wb");
  if (!f) return vft_fail(VFT_USAGE, "%s: cannot write: %s", path, strerror(errno));
  fputs(vft_config_template, f);
  if (fclose(f)) return vft_fail(VFT_RESOURCE, "%s: cannot write: %s", path, strerror(errno));
  printf("wrote %s; next: edit it, then vft run %s --out RUN\n", path, path);
  return VFT_OK;
}

const cli_command cli_init = {"init", "[FILE]",
                              "Write a commented starting configuration (default vft.yaml)", "",
                              run};
