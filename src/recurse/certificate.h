/* What a certificate is: its file, and what its proof is about, all of a run or some of its epochs. The
 * verifier's half of recurse/outer.h.
 *
 * certificate.vft, numbers little-endian:
 *   "VFTCERT1" | u32 version 4 | h_Pi (32) | u32 steps in a proof | u32 ranges | layers of each (u32
 *   each) | u32 groups of a window | u32 proofs in a leaf | u32 blocks of an epoch | u64 epochs |
 *   digest of the counters after each block (32 each) | u64 windows | their keys (32 each) |
 *   u8 beacon? | its value (32, zeros without) | u64 epoch | u64 epochs from there on | commitment to the
 *   state before them (32, zeros for epoch 0) | root of the released adapter, or commitment to the state
 *   after them (32) | u64 length | proof of the outermost circuit
 * Nothing follows.
 *
 * Common elements of a run (run/aggregate.h explains the tables): h_Pi (5), T, roots of base weights
 * and of function tables (4 each), roots of the tables inputs, blocks, states, rows, counters, places,
 * claims (4 each).
 *
 * A certificate's statement is a list of elements that its verifier knows: the root of the table of wraps'
 * keys (4), the common elements as far as states (these and the following are the prover's alone), the first
 * item and the one after the last, the numbers of the entries of the states before the first and after the
 * last, 1 if the latter has the released adapter, else 0, the commitment to the former (4), the adapter's
 * root or the commitment to the latter (4), and the context, BLAKE3 of the certificate's bytes before `epoch`
 * (5, as h_Pi). The circuit's four inputs are the sponge of domain 23 over it. A commitment to an
 * entry is the sponge of domain 26 over its leaf (4), a salt (4) and the context (5). The salt is
 * zeros for the declared start, which everyone knows, else the prover's secret: neighbouring
 * certificates meet in one commitment and nothing else of the state is seen. The context makes that a
 * meeting of one cut, beacon and so on: what a leaf's roots are of follows from the cut. */
#ifndef VFT_RECURSE_CERTIFICATE_H
#define VFT_RECURSE_CERTIFICATE_H

#include "recurse/machine.h"
#include "verify/verify.h"
#include "vft/verify.h"

enum { VFT_CERTIFICATE_VERSION = 4, VFT_DOMAIN_CERTIFICATE = 23, VFT_DOMAIN_BOUNDARY = 26 };
/* other domains: recurse/table.h */
enum {
  VFT_RUN_INPUTS,
  VFT_RUN_BLOCKS,
  VFT_RUN_STATES,
  VFT_RUN_ROWS,
  VFT_RUN_COUNTERS,
  VFT_RUN_PLACES,
  VFT_RUN_CLAIMS,
  VFT_RUN_TABLES
};
enum {
  VFT_COMMON_STEPS = 5,
  VFT_COMMON_BASE = 6,
  VFT_COMMON_FUNCTIONS = 10,
  VFT_COMMON_TABLES = 14,
  VFT_COMMON_KNOWN = VFT_COMMON_TABLES + 4 * VFT_RUN_STATES,
  VFT_COMMON_ELEMENTS = VFT_COMMON_TABLES + 4 * VFT_RUN_TABLES
};
enum {
  VFT_CERT_KEYS = 0,
  VFT_CERT_COMMON = 4,
  VFT_CERT_FIRST = VFT_CERT_COMMON + VFT_COMMON_KNOWN,
  VFT_CERT_END,
  VFT_CERT_START_ENTRY,
  VFT_CERT_END_ENTRY,
  VFT_CERT_RELEASES,
  VFT_CERT_START,
  VFT_CERT_RELEASED = VFT_CERT_START + 4,
  VFT_CERT_CONTEXT = VFT_CERT_RELEASED + 4,
  VFT_CERT_ELEMENTS = VFT_CERT_CONTEXT + VFT_COMMON_STEPS,
  VFT_OUTER_INPUTS = 4
};

/* A certificate's parts, in its bytes. */
typedef struct {
  const uint8_t *manifest, *counters, *window; /* 32 bytes each */
  const uint8_t *layers, *beacon;              /* of the ranges, 4 bytes each; NULL: none */
  const uint8_t *start, *released, *proof;
  uint32_t steps, ranges, groups, shards, pieces, blocks;
  uint64_t epochs, windows, epoch, span;
  size_t length; /* of the proof */
} vft_certificate_parts;
/* Fails: VFT_REJECTED "certificate/header", VFT_USAGE (another version). */
VFT_MUST_CHECK vft_status vft_certificate_parse(const uint8_t *bytes, size_t n,
                                                vft_certificate_parts *out);
/* BLAKE3 of the bytes before the released root. */
void vft_certificate_header(const uint8_t *bytes, const vft_certificate_parts *parts, uint8_t out[32]);

/* h_Pi, or another digest of bytes, as elements: 7 bytes each. */
void vft_manifest_elements(const uint8_t manifest[32], vft_fp out[VFT_COMMON_STEPS]);
/* Fails: VFT_REJECTED "transcript/canonical" (a digest that is not four elements). */
VFT_MUST_CHECK vft_status vft_certificate_elements(const vft_certificate_digests *known,
                                                   const uint8_t released[32],
                                                   vft_fp out[VFT_CERT_ELEMENTS]);
/* The circuit's inputs. */
void vft_outer_inputs(const vft_fp statement[VFT_CERT_ELEMENTS], vft_fp out[VFT_OUTER_INPUTS]);

vft_machine_shape vft_outer_shape(void);
/* Hiding, BLAKE3, rate 1/16. */
vft_proof_options vft_outer_options(void);
/* Keys of the node and of the outermost circuit (recurse/keys.c, made by tools/vk.c). */
extern const uint8_t vft_node_key[32], vft_outer_key[32];
/* Soundness of one proof of the nodes' shape. */
extern const vft_bits vft_node_bits;

#endif
