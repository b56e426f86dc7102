#include <stdio.h>

#include "cli.h"
#include "run/plan.h"

static vft_status run(int argc, char **argv) {
  const char *config = NULL, *out = NULL;
  vft_plan_request request = {0};
  bool digest = false, shown;
  const cli_option option[] = {
      {"data", 0, "DIR", "a finished vft data commit of its records", NULL, &request.data},
      {"out", 'o', "FILE", "write the manifest there instead of to stdout", NULL, &out},
      {"digest", 0, NULL, "print only the digest", &digest, NULL}};
  TRY(cli_parse(&cli_manifest, argc, argv, option, 3, &config, 1, true, &shown));
  if (shown) return VFT_OK;
  vft_plan plan;
  char hex[65];
  vft_status st = VFT_OK;
  TRY(vft_plan_make(config, &request, &plan));
  const vft_manifest *m = &plan.manifest;
  vft_hex(m->digest, 32, hex);
  if (out) TRY_OUT(vft_file_write(out, m->text, m->length));
  if (!out && !digest) {
    fwrite(m->text, 1, m->length, stdout);
    fprintf(stderr, "h_Pi %s\n", hex);
  } else {
    printf("%s\n", hex);
  }
out:
  vft_plan_free(&plan);
  return st;
}

const cli_command cli_manifest = {
    "manifest", "CONFIG.yaml --data DIR", "Print the canonical manifest and its digest, before training",
    "The manifest names the root of the committed records: commit first, with vft data commit.\n"
    "It fixes everything that a run may choose; its SHA-256, h_Pi, is what a notary\n"
    "records. The bytes on stdout are canonical JSON (RFC 8785) without a closing newline; the\n"
    "digest goes to stderr.",
    run};
