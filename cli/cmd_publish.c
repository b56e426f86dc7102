#include <stdio.h>

#include "cli.h"
#include "run/publish.h"

static vft_status run(int argc, char **argv) {
  const char *folder = NULL, *out = NULL;
  bool shown, without = false;
  vft_published p;
  const cli_option option[] = {
      {"out", 'o', "DIR", "the folder to write", NULL, &out},
      {"without-proofs", 0, NULL, "leave out the proofs", &without, NULL}};
  TRY(cli_parse(&cli_publish, argc, argv, option, 2, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!out) return cli_usage(&cli_publish, "--out DIR is missing");
  TRY(vft_run_publish(folder, out, without, &p));
  printf("wrote %s: %llu files, %.1f MB\n", out, (unsigned long long)p.files,
         (double)p.bytes / 1e6);
  if (p.left_out)
    printf("left out: %llu entries of %s/public that are no part of a run\n",
           (unsigned long long)p.left_out, folder);
  if (p.step_proofs)
    fprintf(stderr, "vft: warning: proofs of steps are in it; they are not zero-knowledge "
                    "and reveal data (functionals of weights, activations and tokens)%s; "
                    "--without-proofs leaves them out\n",
            p.secret ? ", although this run keeps its order secret" : "");
  return VFT_OK;
}

const cli_command cli_publish = {
    "publish", "RUN --out DIR [--without-proofs]", "Copy exactly what may leave the machine",
    "Manifest, calibration text, beacon, keys of public windows, opened counters, adapter and proofs of "
    "a finished\nrun. With a secret order, names, sizes and number of files do not depend on it.", run};
