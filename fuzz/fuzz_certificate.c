/* A certificate: what is read is written as it was, and its proof is not accepted. (It would be that of
 * a statement which nobody has proved.) libFuzzer: clang -fsanitize=fuzzer,address. */
#include <string.h>

#include "fuzz_file.h"
#include "run/certificate.h"
#include "run/files.h"
#include "run/range.h"

/* The same of a certificate of epochs, but for its proof, which would be under keys that it brings. */
static void epochs(const char *read, const uint8_t *data, size_t size) {
  static vft_epochs_certificate c;
  char path[] = "/tmp/vft_fuzz_again_XXXXXX";
  vft_bytes again;
  vft_status st = vft_epochs_certificate_read(read, &c);
  if (st != VFT_OK && st != VFT_REJECTED && st != VFT_USAGE) __builtin_trap();
  if (st != VFT_OK) return;
  int fd = mkstemp(path);
  if (fd < 0 || close(fd)) abort();
  if (vft_epochs_certificate_write(path, &c) != VFT_OK) abort();
  if (vft_file_read(path, size + 1, VFT_USAGE, &again) != VFT_OK) __builtin_trap();
  if (again.size != size || memcmp(again.data, data, size)) __builtin_trap();
  vft_bytes_free(&again);
  unlink(path);
  vft_epochs_certificate_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static vft_machine *machine;
  vft_machine_shape shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  if (!machine && vft_machine_build(&shape, &machine) != VFT_OK) abort();
  vft_certificate c;
  const char *file = fuzz_file(0, data, size);
  if (size >= 8 && !memcmp(data, "VFTRANG1", 8)) {
    epochs(file, data, size);
    return 0;
  }
  vft_status st = vft_certificate_read(file, &c);
  if (st != VFT_OK && st != VFT_REJECTED && st != VFT_USAGE) __builtin_trap();
  if (st != VFT_OK) return 0;
  char path[] = "/tmp/vft_fuzz_again_XXXXXX";
  vft_bytes again;
  int fd = mkstemp(path);
  if (fd < 0 || close(fd)) abort();
  if (vft_certificate_write(path, &c) != VFT_OK) abort();
  if (vft_file_read(path, size + 1, VFT_USAGE, &again) != VFT_OK) __builtin_trap();
  if (again.size != size || memcmp(again.data, data, size)) __builtin_trap();
  vft_bytes_free(&again);
  unlink(path);
  const vft_fp in[VFT_OUTER_INPUTS] = {{1}, {2}, {3}, {4}};
  vft_digest key;
  memcpy(key.b, vft_outer_key, sizeof key.b);
  st = vft_circuit_check(machine, &options, &key, in, VFT_OUTER_INPUTS, c.proof, c.length, NULL);
  if (st != VFT_REJECTED) __builtin_trap();
  vft_certificate_free(&c);
  return 0;
}
