/* Links with the library and nothing else; refuses what is no proof. */
#include <stdio.h>
#include <string.h>

#include "vft/verify.h"

int main(void) {
  const vft_circuit_shape shape = {8, 6, 4, 1, 1, 1, 1, 1, 1, 2, 4, 1, 4, 12};
  const uint8_t key[32] = {0};
  const uint64_t input = 0;
  vft_verify_result *result;
  int verdict = vft_verify_circuit_proof(&shape, key, &input, 1, NULL, 0, &result);
  printf("%s: %s\n", vft_verify_check(result), vft_verify_error(result));
  int as_expected = verdict == VFT_VERIFY_REJECTED && vft_verify_verdict(result) == verdict &&
                    !strcmp(vft_verify_check(result), "transcript/truncated") &&
                    !vft_verify_soundness_bits(result);
  vft_verify_free(result);
  return as_expected ? 0 : 1;
}
