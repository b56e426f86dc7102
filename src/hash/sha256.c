#include "hash/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vft_sha256 {
  EVP_MD_CTX *ctx;
  int failed;
};

vft_sha256 *vft_sha256_new(void) {
  vft_sha256 *h = malloc(sizeof *h);
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  if (!h || !ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
    free(h);
    EVP_MD_CTX_free(ctx);
    vft_fail(VFT_RESOURCE, "SHA-256: libcrypto cannot start a hash");
    return NULL;
  }
  *h = (vft_sha256){ctx, 0};
  return h;
}

void vft_sha256_update(vft_sha256 *h, const void *data, size_t len) {
  if (len && EVP_DigestUpdate(h->ctx, data, len) != 1) h->failed = 1;
}

vft_status vft_sha256_final(vft_sha256 *h, vft_sha256_digest *out) {
  unsigned len = 0;
  if (h->failed || EVP_DigestFinal_ex(h->ctx, out->b, &len) != 1 || len != sizeof out->b)
    return vft_fail(VFT_RESOURCE, "SHA-256: libcrypto failed");
  return VFT_OK;
}

void vft_sha256_free(vft_sha256 *h) {
  if (!h) return;
  EVP_MD_CTX_free(h->ctx);
  free(h);
}

vft_status vft_sha256_hash(const void *data, size_t len, vft_sha256_digest *out) {
  vft_sha256 *h = vft_sha256_new();
  if (!h) return VFT_RESOURCE;
  vft_sha256_update(h, data, len);
  vft_status st = vft_sha256_final(h, out);
  vft_sha256_free(h);
  return st;
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
