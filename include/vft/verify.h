/* libvft_verify: verification of certificates. C11 and the C library, nothing else; no state, any
 * number of threads.
 *
 * A certificate is one proof about a run: there were T steps, each computed as declared from the
 * state before, on examples drawn by the declared sampler, from the declared start to the released
 * adapter; or about some of its epochs, from one state, to which it shows a commitment, to another.
 * What is declared is in the run's manifest, of which this library knows digests only: libvft_bind
 * (vft/bind.h) computes them, as does vft verify --digests. */
#ifndef VFT_VERIFY_LIBRARY_H
#define VFT_VERIFY_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Verdicts; also the exit codes of a program that does nothing else. */
enum {
  VFT_VERIFY_ACCEPTED = 0,
  VFT_VERIFY_REJECTED = 1, /* whatever is wrong with what was given */
  VFT_VERIFY_RESOURCE = 3  /* the machine's memory ran out: nothing is decided */
};

typedef struct vft_verify_result vft_verify_result;

/* ---- certificates ---- */

/* What a certificate is about. The digests are 32 bytes, all but `manifest` and `header` four
 * elements below p = 2^64 - 2^32 + 1 of 8 bytes each, little-endian. */
typedef struct {
  uint8_t keys[32];      /* root of the table of keys of the circuits that verify the run's proofs */
  uint8_t manifest[32];  /* h_Pi */
  uint64_t steps;        /* T */
  uint64_t first, end;   /* the certificate is about proofs number first .. end - 1 of the run */
  uint64_t start_entry, end_entry; /* of the table of states: before the first of them; after the last, or
                                      the one with the released adapter */
  uint64_t releases;     /* 1: the certificate shows the released adapter's root; 0: it shows a commitment to
                            the state after its last step */
  uint8_t base[32];      /* root of the base model's weights */
  uint8_t functions[32]; /* root of the function tables */
  uint8_t inputs[32];    /* root of the table of the steps' public inputs */
  uint8_t blocks[32];    /* the same for blocks of epochs; it follows from the manifest and from the
                            counters, windows and beacon that the certificate shows */
  uint8_t start[32];     /* commitment to the state before the first step: of the declared start, or as the
                            certificate of some epochs shows it */
  uint8_t context[32];   /* BLAKE3 of its bytes before the epochs that it is about: the same in those of
                            other epochs whose commitments it can meet */
  uint8_t header[32];    /* BLAKE3 of the certificate's bytes before the released adapter's root: binds
                            what all of these were computed from */
} vft_certificate_digests;

/* Verifies a certificate of `len` bytes. Returns a verdict; *result, unless `result` is NULL, has
 * what is known besides and is to be freed. Uses at most 8 MiB + 16 * len bytes of memory. */
int vft_verify_certificate(const uint8_t *certificate, size_t len,
                           const vft_certificate_digests *known, vft_verify_result **result);
/* The same for a certificate of some epochs or all, which says nothing of the other ones: `known` says which
 * (first .. end - 1), and where it begins and ends. */
int vft_verify_epochs(const uint8_t *certificate, size_t len, const vft_certificate_digests *known,
                      vft_verify_result **result);

/* Parts of the certificate, in its bytes; NULL and 0 unless it was accepted. The released adapter's
 * root (without `releases`: the commitment to the last state) is proven; counters (the digest after
 * each block of each epoch) and keys of windows, 32 bytes each, and the beacon's value (NULL: none)
 * are what `blocks` was computed from. Of epochs that the certificate is not about, they are what its
 * maker wrote. */
const uint8_t *vft_verify_released(const vft_verify_result *result);
const uint8_t *vft_verify_manifest(const vft_verify_result *result);
const uint8_t *vft_verify_counters(const vft_verify_result *result, size_t *n);
const uint8_t *vft_verify_windows(const vft_verify_result *result, size_t *n);
const uint8_t *vft_verify_beacon(const vft_verify_result *result);

/* ---- results ---- */

void vft_verify_free(vft_verify_result *result);

/* All of these may be called with NULL, which is a result that there was no memory for. */
int vft_verify_verdict(const vft_verify_result *result);
/* Stable id of the failed check, "" if there is none:
 *   "certificate/header"     not of the form above    "certificate/digests"  none were given
 *   "certificate/epochs"     of some epochs only: vft_verify_epochs
 *   "certificate/manifest"   that of another manifest
 *   "transcript/canonical"   a digest that is not four elements
 *   "proof/length"           far too short for a proof
 *   and those of a proof: "transcript/...", "logup/...", "whir/..."; what is hidden is one check,
 *   "whir/sum" */
const char *vft_verify_check(const vft_verify_result *result);
/* One line for people, "" if all is well. */
const char *vft_verify_error(const vft_verify_result *result);
/* Bits of soundness proven for proofs of this shape, rounded down; 0 unless accepted. Of a
 * certificate, that is its own proof: those that it stands for are in vft verify -v. */
unsigned vft_verify_soundness_bits(const vft_verify_result *result);

#ifdef __cplusplus
}
#endif

#endif
