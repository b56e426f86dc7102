/* The file of a step's proof: what is accepted is written as it was read. libFuzzer: clang
 * -fsanitize=fuzzer,address. */
#include "fuzz_file.h"
#include "run/proof_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_step_file f;
  if (vft_step_file_read(fuzz_file(0, data, size), &f) != VFT_OK) return 0;
  uint64_t sum = f.step + f.links;
  for (uint32_t i = 0; i < f.links; i++) sum += f.link[i].b[31];
  for (size_t i = 0; i < f.length; i++) sum += f.proof[i];
  if (f.length >= size) __builtin_trap();
  vft_step_file_free(&f);
  volatile uint64_t used = sum;
  (void)used;
  return 0;
}
