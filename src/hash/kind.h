/* The hash of a proof: of its channel and of all its trees alike. BLAKE3 is the faster one;
 * Poseidon is the one that an arithmetic circuit can follow. */
#ifndef VFT_HASH_KIND_H
#define VFT_HASH_KIND_H

typedef enum { VFT_HASH_BLAKE3, VFT_HASH_POSEIDON } vft_hash_kind;

/* By kind, as configuration and manifest have them. */
static const char *const vft_hash_names[2] __attribute__((unused)) = {"blake3", "poseidon"};

#endif
