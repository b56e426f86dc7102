#include <stdio.h>

#include "cli.h"
#include "run/range.h"

static vft_status run(int argc, char **argv) {
  const char *part[2] = {NULL, NULL}, *out = NULL;
  bool shown, verbose = false;
  const cli_option option[] = {
      {"out", 'o', "FILE", "the certificate to write", NULL, &out},
      {"verbose", 'v', NULL, "print seconds and memory of the proof's stages", &verbose, NULL}};
  TRY(cli_parse(&cli_fold, argc, argv, option, 2, part, 2, true, &shown));
  if (shown) return VFT_OK;
  if (!out) return cli_usage(&cli_fold, "--out FILE is missing");
  TRY(vft_fold(part[0], part[1], out, verbose));
  printf("folded: %s\n", out);
  return VFT_OK;
}

const cli_command cli_fold = {
    "fold", "A.cert B.cert --out C.cert", "Join proofs of neighbouring epochs of a run",
    "Each is one that vft aggregate makes on its way in RUN/private/aggregate, or one that was joined. B\n"
    "begins with the epoch after A's last. The result says what both say, in one proof. None of them is\n"
    "zero-knowledge (vft aggregate --epoch E-F makes what is); vft verify checks them with --manifest.", run};
