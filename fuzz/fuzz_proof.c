/* Verification of a proof of a small program: the first byte picks the program, then come the roots
 * of its links and oracles (32 bytes each), its public inputs (8 bytes an element), the proof. A
 * false proof would have to break a hash to be accepted, so the target looks for memory errors, for
 * work without bound and for claims that are not well formed. libFuzzer: clang
 * -fsanitize=fuzzer,address. */
#include <string.h>

#include "prove/toys.h"
#include "verify/verify.h"

enum { FUZZ_PROGRAMS = 3, FUZZ_ROOTS = 3 };

static const vft_program *fuzz_program(unsigned which) {
  static vft_program *program[FUZZ_PROGRAMS];
  static vft_program *(*const build[FUZZ_PROGRAMS])(int) = {matmul_build, zoo_build,
                                                            squares_build};
  if (!program[which]) program[which] = build[which](-1); /* one has bounds of its own kind */
  return program[which];
}

static vft_proof_options fuzz_proof_options(void) {
  vft_proof_options o = vft_proof_options_default();
  o.test_queries = 2;
  o.grind = 0;
  return o;
}

/* Takes the public inputs from the bytes; false when there are too few. */
static bool fuzz_inputs(const vft_program *p, const uint8_t *data, size_t size, size_t *at,
                        const int64_t **in) {
  static int64_t value[64];
  size_t used = 0;
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    in[i] = NULL;
    if (t->origin != VFT_PUBLIC || t->values) continue;
    size_t n = vft_tensor_count(t);
    if (used + n > 64) abort();
    if (size - *at < 8 * n) return false;
    memcpy(value + used, data + *at, 8 * n);
    in[i] = value + used;
    used += n;
    *at += 8 * n;
  }
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  const vft_program *p = fuzz_program(data[0] % FUZZ_PROGRAMS);
  vft_digest root[2][FUZZ_ROOTS];
  size_t at = 1, need = 32 * ((size_t)p->nlinks + p->noracles);
  if (size - at < need) return 0;
  for (uint32_t i = 0; i < p->nlinks; i++, at += 32) memcpy(root[0][i].b, data + at, 32);
  for (uint32_t i = 0; i < p->noracles; i++, at += 32) memcpy(root[1][i].b, data + at, 32);
  const int64_t *in[64];
  if (p->ntensors > 64) abort();
  if (!fuzz_inputs(p, data, size, &at, in)) return 0;
  vft_statement s = {p, in, root[0], root[1]};
  vft_proof_options o = fuzz_proof_options();
  vft_verify_flags flags = {.allow_test_profile = true, .bounds_checked = true};
  vft_oracle_claims claims = {0};
  vft_status st = vft_verify_proof(&s, &o, flags, data + at, size - at, &claims, NULL);
  if (st != VFT_OK && st != VFT_REJECTED) __builtin_trap();
  for (uint32_t i = 0; st == VFT_OK && i < claims.n; i++)
    if (claims.claim[i].oracle >= p->noracles) __builtin_trap();
  vft_oracle_claims_free(&claims);
  return 0;
}
