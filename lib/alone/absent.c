/* What the library's sources name and it does not have: it is never called. */
#include "argument/whir_hiding.h"
#include "hash/blake3.h"
#include "verify/verify.h"

static vft_status absent(const char *what) {
  return vft_fail(VFT_USAGE, "the verifier's library has no %s", what);
}

vft_status vft_oracle_claims_append(vft_oracle_claims *dst, const vft_oracle_claims *src,
                                    const uint32_t *oracle_map) {
  return absent(dst && src && oracle_map ? "oracles" : "list of claims");
}

vft_status vft_hiding_elements(const vft_random *random, vft_fp *out, size_t n) {
  return absent(random && out && n ? "simulator" : "random elements");
}

/* Nodes of trees under BLAKE3. */
void vft_blake3_nodes(const uint8_t *in, vft_digest *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_blake3_hash(in + 64 * i, 64);
}
