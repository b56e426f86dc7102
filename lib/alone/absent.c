/* What the library's sources name and it does not have: it is never called. */
#include "argument/whir_hiding.h"
#include "gadget/builder.h"
#include "hash/blake3.h"
#include "hash/poseidon_ops.h"
#include "merkle/path.h"

vft_status vft_hiding_elements(const vft_random *random, vft_fp *out, size_t n) {
  return vft_fail(VFT_USAGE, "no random elements%s", random && out && n ? "" : "!");
}

bool vft_build_layered(vft_builder *b, const vft_raw_term *r, const char *letters, vft_term *t) {
  return vft_build_fail(b, "no layers%s", r && letters && t ? "" : "!");
}

unsigned vft_merkle_log_cap(vft_hash_kind hash, size_t n, unsigned log_n) {
  (void)n;
  (void)log_n;
  return hash == VFT_HASH_BLAKE3 ? 0 : UINT32_MAX;
}

/* Many at a time. */
void vft_blake3_nodes(const uint8_t *in, vft_digest *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_blake3_hash(in + 64 * i, 64);
}
void vft_poseidon_permute(vft_poseidon_state *states, size_t n) {
  vft_poseidon_permute_c(states, n, NULL);
}
