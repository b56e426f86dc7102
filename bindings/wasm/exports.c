/* What the WebAssembly module shows: memory for the caller, one verification at a time, its result. */
#include <stdint.h>
#include <stdlib.h>

#include "vft/verify.h"

/* What wasi-libc would ask of a system; its snprintf refers to streams that are never written. The
 * module so has no imports. */
int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t fd);
int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t fd, int64_t to, int32_t whence, int32_t at);
int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t fd, int32_t iov, int32_t n, int32_t done);
int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t fd) { return fd | 1; }
int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t fd, int64_t to, int32_t whence, int32_t at) {
  return (fd ^ (int32_t)to ^ whence ^ at) | 1;
}
int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t fd, int32_t iov, int32_t n, int32_t done) {
  return (fd ^ iov ^ n ^ done) | 1;
}

#define EXPORT(name) __attribute__((export_name(name)))

static vft_verify_result *last;

EXPORT("alloc") void *vft_wasm_alloc(size_t bytes) { return malloc(bytes ? bytes : 1); }
EXPORT("free") void vft_wasm_free(void *block) { free(block); }

/* digests: the bytes of vft_certificate_digests in order, numbers little-endian. epochs: whether it may be of
 * some epochs only. */
EXPORT("verify_certificate")
int vft_wasm_certificate(const uint8_t *certificate, size_t len,
                         const vft_certificate_digests *digests, int epochs) {
  vft_verify_free(last);
  return (epochs ? vft_verify_epochs : vft_verify_certificate)(certificate, len, digests, &last);
}

EXPORT("digests_size") size_t vft_wasm_digests_size(void) { return sizeof(vft_certificate_digests); }

EXPORT("check") const char *vft_wasm_check(void) { return vft_verify_check(last); }
EXPORT("error") const char *vft_wasm_error(void) { return vft_verify_error(last); }
EXPORT("soundness_bits") unsigned vft_wasm_bits(void) { return vft_verify_soundness_bits(last); }
EXPORT("released") const uint8_t *vft_wasm_released(void) { return vft_verify_released(last); }
