/* src/transcript/chain.h for the library, whose channels are all under Poseidon: none of this is
 * reached. */
#ifndef VFT_TRANSCRIPT_CHAIN_H
#define VFT_TRANSCRIPT_CHAIN_H

enum { VFT_CHAIN_GRIND_MAX = 0 };

typedef struct {
  char none;
} vft_chain;

#define vft_chain_init(chain, protocol) ((void)(chain))
#define vft_chain_absorb(chain, type, label, count, payload, len) ((void)(payload))
#define vft_chain_integers(chain, label, v, n) ((void)(chain))
#define vft_chain_ext(chain, label) VFT_EXT_ZERO
#define vft_chain_indices(chain, label, out, n, log) ((void)(chain))
#define vft_chain_grind_seed(chain, label, bits, seed) ((void)(seed))
#define vft_chain_grind_search(seed, bits) 0
#define vft_chain_grind_valid(seed, bits, nonce) false
#define vft_chain_nonce(chain, label, nonce) ((void)(chain))

#endif
