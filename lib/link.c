/* Links with the library and nothing else; refuses what is no certificate. */
#include <stdio.h>
#include <string.h>

#include "vft/verify.h"

int main(void) {
  static const vft_certificate_digests known;
  vft_verify_result *result;
  int verdict = vft_verify_certificate((const uint8_t *)"VFTCERT1", 8, &known, &result);
  int good = verdict == VFT_VERIFY_REJECTED &&
             !strcmp(vft_verify_check(result), "certificate/header");
  printf("%s\n", vft_verify_error(result));
  vft_verify_free(result);
  return good ? 0 : 1;
}
