/* libvft_bind: from files to what libvft_verify (vft/verify.h) asks for and gives back: the digests
 * that follow from a manifest, the identity of a base model, the roots of a released adapter.
 *
 * It has the whole project in it, with Debian's libjansson-dev, libyaml-dev, libssl-dev,
 * libpcre2-dev and libsqlite3-dev: link with -ljansson -lyaml -lcrypto -lpcre2-8 -lsqlite3 -lm
 * -pthread, and before these libvft_bind.a, of whose names only those below are seen. GNU/Linux, a
 * little-endian machine with 64-bit words.
 *
 * Calls from one thread at a time: they use a pool of threads, one a processor. Notes go to stderr.
 * Paths are those of the system, 0-terminated. What a call writes to is unspecified unless it
 * returns VFT_BIND_OK. */
#ifndef VFT_BIND_LIBRARY_H
#define VFT_BIND_LIBRARY_H

#include <stdint.h>

#include "vft/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a call returns; the numbers are the exit codes of vft. */
enum {
  VFT_BIND_OK = 0,
  VFT_BIND_REJECTED = 1, /* a file was read, and is not what it should be */
  VFT_BIND_USAGE = 2,    /* no such file, another version's, a model that is not supported */
  VFT_BIND_RESOURCE = 3  /* out of memory or of disk */
};

/* Why a call failed; both "" after VFT_BIND_OK. */
typedef struct {
  char check[64];     /* stable id of the check that failed, "" if it is none: "manifest/program" */
  char message[1024]; /* one line for people, with the file's name */
} vft_bind_error;

/* What a manifest declares. */
typedef struct {
  uint8_t manifest[32]; /* h_Pi: SHA-256 of its canonical bytes */
  uint8_t h0[32];       /* of the base model */
  uint64_t steps;
} vft_bind_declared;

/* Reads a manifest, builds the program that it declares, and checks that program, h0 and start are
 * those that it names. Rejections: "manifest/...", "start/...". `error` may be NULL, here and
 * below. */
int vft_bind_manifest(const char *manifest, vft_bind_declared *out, vft_bind_error *error);

/* The digests with which vft_verify_certificate decides about this certificate, from its header and
 * the manifest. As `vft verify CERTIFICATE --manifest MANIFEST --digests FILE`, so all that this
 * verifies holds: manifest and function tables; that the header fits the manifest; and, of the
 * certificate, its proof and the soundness of the chain of proofs that it stands for. Counters of
 * the data sampler that lie beside the manifest are checked too. The first call for a manifest
 * computes the keys of its circuits, which takes seconds to a minute; they are kept in
 * $XDG_CACHE_HOME/vft or ~/.cache/vft. Rejections: those of vft_bind_manifest and
 * vft_verify_certificate, "tables/root", "certificate/epochs" (also: of some epochs only),
 * "certificate/start", "certificate/windows", "sampler/beacon", "soundness/bits". */
int vft_bind_certificate(const char *manifest, const char *certificate,
                         vft_certificate_digests *digests, vft_bind_error *error);
/* The same for vft_verify_epochs, of a certificate of epochs epochs[0] to epochs[1]. */
int vft_bind_epochs(const char *manifest, const char *certificate, uint64_t epochs[2],
                    vft_certificate_digests *digests, vft_bind_error *error);

/* h0 of a model, a GGUF file or a Hugging Face folder: of its integer weights, which are made with
 * the manifest's exponents. It is the run's base model if and only if h0 is the manifest's
 * (vft_bind_manifest). Takes the memory of the integer weights' tree, some 30 bytes a weight.
 * Rejections: those of vft_bind_manifest; "model/architecture" (not the manifest's), "model/h0"
 * (weights that these exponents have no integers for). */
int vft_bind_model(const char *manifest, const char *model, uint8_t h0[32], vft_bind_error *error);

/* Of an adapter in a PEFT folder: the root of its tree, which is that of the run's adapter if and
 * only if it is the certificate's (vft_verify_released), and h_T, which binds rank, alpha and
 * target modules too. Rejections: those of vft_bind_manifest; "adapter/rank", "adapter/alpha",
 * "adapter/targets" (not the manifest's), and those of the reader. */
int vft_bind_adapter(const char *manifest, const char *folder, uint8_t h_t[32],
                     uint8_t released[32], vft_bind_error *error);

#ifdef __cplusplus
}
#endif

#endif
