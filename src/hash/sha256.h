/* SHA-256 (FIPS 180-4) through libcrypto. For file identities; nothing that the verifier core
 * needs uses it. */
#ifndef VFT_HASH_SHA256_H
#define VFT_HASH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
  uint8_t b[32];
} vft_sha256_digest;

typedef struct vft_sha256 vft_sha256;

/* One-shot. Fails: VFT_RESOURCE when libcrypto does. */
VFT_MUST_CHECK vft_status vft_sha256_hash(const void *data, size_t len, vft_sha256_digest *out);
/* The bytes of a file. Fails: VFT_USAGE when it cannot be opened or read. */
VFT_MUST_CHECK vft_status vft_sha256_file(const char *path, vft_sha256_digest *out);

/* Incremental; NULL when libcrypto fails (message recorded). A failed update is reported by
 * final. final does not free. */
vft_sha256 *vft_sha256_new(void);
void vft_sha256_update(vft_sha256 *h, const void *data, size_t len);
VFT_MUST_CHECK vft_status vft_sha256_final(vft_sha256 *h, vft_sha256_digest *out);
void vft_sha256_free(vft_sha256 *h);

/* 64 lower-case digits and a terminating zero. */
void vft_sha256_hex(const vft_sha256_digest *digest, char hex[65]);

#endif
