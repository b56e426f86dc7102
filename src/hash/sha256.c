/* The plain functions of libcrypto: they allocate nothing, so that no hash depends on memory. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash/sha256.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vft_sha256 {
  SHA256_CTX ctx;
  int failed;
};

static void start(vft_sha256 *h) { h->failed = SHA256_Init(&h->ctx) != 1; }

vft_sha256 *vft_sha256_new(void) {
  vft_sha256 *h = malloc(sizeof *h);
  if (h)
    start(h);
  else
    vft_fail(VFT_RESOURCE, "SHA-256: out of memory");
  return h;
}

void vft_sha256_update(vft_sha256 *h, const void *data, size_t len) {
  if (len && SHA256_Update(&h->ctx, data, len) != 1) h->failed = 1;
}

vft_status vft_sha256_final(vft_sha256 *h, vft_sha256_digest *out) {
  if (h->failed || SHA256_Final(out->b, &h->ctx) != 1)
    return vft_fail(VFT_RESOURCE, "SHA-256: libcrypto failed");
  return VFT_OK;
}

void vft_sha256_free(vft_sha256 *h) { free(h); }

vft_status vft_sha256_hash(const void *data, size_t len, vft_sha256_digest *out) {
  vft_sha256 h;
  start(&h);
  vft_sha256_update(&h, data, len);
  return vft_sha256_final(&h, out);
}

vft_status vft_sha256_file(const char *path, vft_sha256_digest *out) {
  enum { BLOCK = 1 << 16 };
  FILE *f = fopen(path, "rb");
  if (!f) return vft_fail(VFT_USAGE, "%s: cannot open: %s", path, strerror(errno));
  vft_sha256 *h = vft_sha256_new();
  uint8_t *buf = malloc(BLOCK);
  vft_status st = VFT_OK;
  size_t got;
  if (!h || !buf) {
    st = vft_fail(VFT_RESOURCE, "%s: out of memory", path);
    goto out;
  }
  while ((got = fread(buf, 1, BLOCK, f)) > 0) vft_sha256_update(h, buf, got);
  if (ferror(f)) {
    st = vft_fail(VFT_USAGE, "%s: cannot read: %s", path, strerror(errno));
    goto out;
  }
  st = vft_sha256_final(h, out);
out:
  fclose(f);
  free(buf);
  vft_sha256_free(h);
  return st;
}

void vft_sha256_hex(const vft_sha256_digest *digest, char hex[65]) {
  for (size_t i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest->b[i]);
}
