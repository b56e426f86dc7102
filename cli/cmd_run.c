#include <stdio.h>

#include "base/mem.h"
#include "cli.h"
#include "program/join.h"
#include "run/certificate.h"
#include "run/files.h"
#include "run/memory.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/run.h"
#include "run/verify.h"

/* Of the certificate, whose claims are those that were just printed: a line. */
static vft_status verify_certificate(vft_verify_request *request, vft_arena *arena) {
  vft_verify_report report;
  request->certificate = vft_run_path(arena, request->folder, "certificate.vft");
  request->manifest = vft_run_path(arena, request->folder, "manifest.json");
  request->adapter = vft_run_path(arena, request->folder, "adapter");
  if (!request->certificate || !request->manifest || !request->adapter) return VFT_RESOURCE;
  request->require = (1u << VFT_CLAIMS) - 1;
  vft_status st = vft_run_verify(request, &report);
  if (st == VFT_OK)
    printf("certificate accepted: %s, %.2f MB, all claims in %.1f s\n", request->certificate,
           (double)report.proof_bytes / 1e6, report.seconds);
  vft_verify_report_free(&report);
  return st;
}

/* With the model file that the run was planned with. */
static vft_status verify(const char *run, bool certificate) {
  vft_arena arena = {0};
  vft_plan plan;
  vft_verify_report report;
  vft_verify_request request = {0};
  TRY(vft_plan_open(run, 0, &plan));
  request.model = vft_arena_strdup(&arena, plan.base_model);
  request.folder = vft_run_path(&arena, run, "public");
  vft_plan_free(&plan);
  vft_status st = VFT_RESOURCE;
  if (request.model && request.folder) {
    st = vft_run_verify(&request, &report);
    vft_verify_report_print(&report, st, false, stdout);
    vft_verify_report_free(&report);
  }
  if (st == VFT_OK && certificate) st = verify_certificate(&request, &arena);
  vft_arena_free(&arena);
  return st;
}

static vft_status run(int argc, char **argv) {
  vft_train_request request = {.proves = true};
  const char *memory = NULL, *join = NULL;
  long steps = 0;
  bool shown, plain = false, aggregates = false;
  const cli_option option[] = {
      {"beacon", 0, "HEX", "value of the declared sampler.beacon, 64 digits", NULL,
       &request.beacon},
      {"data", 0, "DIR", "a finished vft data commit of its records", NULL, &request.data},
      {"join", 0, "N", "N whole steps in one proof (default: what fits)", NULL, &join},
      {"memory", 0, "SIZE", "memory to stay within, such as 16G (default: what is free)", NULL,
       &memory},
      {"no-aggregate", 0, NULL, "make no certificate of a run with proof_hash: poseidon", &plain,
       NULL},
      {"out", 'o', "RUN", "the run folder", NULL, &request.run},
      {"resume", 0, NULL, "go on with what is there", &request.resume, NULL},
      {"parity-files", 0, NULL, "also write what bench/parity.py reads", &request.parity_files,
       NULL}};
  TRY(cli_parse(&cli_run, argc, argv, option, 8, &request.config, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!request.run) return cli_usage(&cli_run, "--out RUN is missing");
  if (memory) TRY(vft_memory_parse(memory, &request.memory));
  if (join) TRY(cli_number(&cli_run, "join", join, 1, VFT_JOIN_STEPS, &steps));
  vft_interrupt_catch();
  TRY(vft_run_train(&request));
  vft_prove_request prove = {.run = request.run, .resume = request.resume,
                             .memory = request.memory, .join = (int)steps};
  TRY(vft_run_prove(&prove));
  if (!plain) TRY(vft_run_can_aggregate(request.run, &aggregates));
  if (aggregates) {
    const vft_aggregate_request aggregate = {.run = request.run, .resume = request.resume,
                                             .memory = request.memory};
    TRY(vft_run_aggregate(&aggregate, NULL));
  }
  return verify(request.run, aggregates);
}

const cli_command cli_run = {
    "run", "CONFIG.yaml --out RUN [--resume]", "Train, prove, verify and export",
    "With proof_hash: poseidon also RUN/public/certificate.vft, as vft aggregate makes it.", run};
