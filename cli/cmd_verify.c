#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "cli.h"
#include "run/files.h"
#include "run/verify.h"

/* "all", or names of claims separated by commas. */
static vft_status parse_require(const char *text, unsigned *require) {
  if (!strcmp(text, "all")) {
    *require = (1u << VFT_CLAIMS) - 1;
    return VFT_OK;
  }
  while (*text) {
    char name[32];
    size_t n = strcspn(text, ",");
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    int c = 0;
    while (c < VFT_CLAIMS && strcmp(name, vft_claim_names[c])) c++;
    if (c == VFT_CLAIMS)
      return cli_usage(&cli_verify, "--require: unknown claim '%s', did you mean '%s'?", name,
                       vft_nearest(name, vft_claim_names, VFT_CLAIMS));
    *require |= 1u << c;
    text += n + (text[n] == ',');
  }
  return VFT_OK;
}

enum { CHAIN_MAX = 256 }; /* certificates of epochs at once */

static vft_status run(int argc, char **argv) {
  vft_verify_request request = {0};
  vft_verify_report report;
  const char *require = NULL, *digests = NULL;
  bool json = false, verbose = false, shown;
  const cli_option option[] = {
      {"model", 'm', "FILE|H0", "the base model, or the 64 digits of its h0", NULL,
       &request.model},
      {"manifest", 0, "FILE", "with a certificate: the manifest it is about", NULL,
       &request.manifest},
      {"digests", 0, "FILE", "with a certificate: write what libvft_verify needs to check it", NULL,
       &digests},
      {"adapter", 'a', "DIR", "the released PEFT adapter (default: FOLDER/adapter)", NULL,
       &request.adapter},
      {"require", 0, "CLAIMS", "'all' or a list: reject when one of them is not checked", NULL,
       &require},
      {"json", 0, NULL, "the report as one JSON object", &json, NULL},
      {"verbose", 'v', NULL, "digests and the soundness account too", &verbose, NULL}};
  const char *path[CHAIN_MAX] = {0};
  size_t n = 0;
  TRY(cli_parse(&cli_verify, argc, argv, option, 7, path, CHAIN_MAX, false, &shown));
  if (shown) return VFT_OK;
  while (n < CHAIN_MAX && path[n]) n++;
  if (!n) return cli_usage(&cli_verify, "nothing to work on (arguments: %s)", cli_verify.arguments);
  request.folder = path[0];
  if (require) TRY(parse_require(require, &request.require));
  vft_arena arena = {0};
  if (vft_file_exists(request.folder) && !vft_folder_exists(request.folder)) {
    request.certificate = request.folder;
    if (!request.manifest)
      return cli_usage(&cli_verify, "%s is a file: a certificate needs --manifest FILE",
                       request.certificate);
    const char *slash = strrchr(request.manifest, '/');
    request.folder = slash ? vft_arena_printf(&arena, "%.*s", (int)(slash - request.manifest),
                                              request.manifest)
                           : ".";
    if (!request.folder) return VFT_RESOURCE;
  } else if (request.manifest && !vft_folder_exists(request.folder)) {
    return vft_fail(VFT_USAGE, "%s: no such file (expected a certificate)", request.folder);
  } else if (request.manifest) {
    return cli_usage(&cli_verify, "--manifest goes with a certificate; a folder has its own");
  } else if (digests) {
    return cli_usage(&cli_verify, "--digests goes with a certificate");
  }
  for (size_t i = 1; i < n; i++) {
    if (!request.certificate)
      return cli_usage(&cli_verify, "unexpected argument '%s': only certificates can follow each other",
                       path[i]);
    if (digests) return cli_usage(&cli_verify, "--digests is of one certificate");
    if (!vft_file_exists(path[i]) || vft_folder_exists(path[i]))
      return vft_fail(VFT_USAGE, "%s: no such file (expected a certificate)", path[i]);
  }
  vft_status st = vft_settle(n > 1 ? vft_run_verify_chain(&request, path, n, &report)
                                   : vft_run_verify(&request, &report));
  vft_status printed = VFT_OK;
  if (json)
    printed = vft_verify_report_json(&report, st, stdout);
  else
    vft_verify_report_print(&report, st, verbose, stdout);
  if (digests && st == VFT_OK && printed == VFT_OK)
    printed = vft_verify_report_digests(&report, digests);
  vft_verify_report_free(&report);
  vft_arena_free(&arena);
  return st != VFT_OK ? st : printed;
}

const cli_command cli_verify = {
    "verify", "RUN/public | certificate.vft ... --manifest FILE",
    "Verify a finished run from its public folder alone, or its certificate",
    "Claims: manifest, start, steps, oracles, model, calibration, adapter, dataset. What was not\n"
    "supplied, or is not bound by this version, is printed as NOT CHECKED. Certificates of epochs are\n"
    "given in order: each has to begin where the one before ends.",
    run};
