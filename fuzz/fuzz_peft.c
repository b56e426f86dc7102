/* A released adapter: adapter_config.json, a NUL byte, adapter_model.safetensors; of a base model
 * with two layers. libFuzzer: clang -fsanitize=fuzzer,address. */
#include <string.h>

#include "fuzz_file.h"
#include "model/peft.h"

static char fuzz_peft_folder[32];

static void fuzz_peft_remove(void) {
  static const char *const file[2] = {"adapter_config.json", "adapter_model.safetensors"};
  char name[80];
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%s/%s", fuzz_peft_folder, file[i]);
    unlink(name);
  }
  rmdir(fuzz_peft_folder);
}

/* A folder whose two files are those of the slots 1 and 2. */
static void fuzz_peft_make(void) {
  static const char *const file[2] = {"adapter_config.json", "adapter_model.safetensors"};
  char name[80];
  snprintf(fuzz_peft_folder, sizeof fuzz_peft_folder, "/tmp/vft_fuzz_XXXXXX");
  if (!mkdtemp(fuzz_peft_folder)) abort();
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%s/%s", fuzz_peft_folder, file[i]);
    if (symlink(fuzz_file(1 + i, (const uint8_t *)"", 0), name)) abort();
  }
  atexit(fuzz_peft_remove);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
  size_t config = nul ? (size_t)(nul - data) : size;
  vft_adapter shape = {.layers = 2}, a;
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++) shape.in[p] = 6, shape.out[p] = 4 + p % 2;
  if (!fuzz_peft_folder[0]) fuzz_peft_make();
  fuzz_file(1, data, config);
  fuzz_file(2, nul ? nul + 1 : data, nul ? size - config - 1 : 0);
  if (vft_peft_read(fuzz_peft_folder, &shape, &a) != VFT_OK) return 0;
  if (a.rank < 1 || !a.targets || a.layers != 2) __builtin_trap();
  vft_adapter_free(&a);
  return 0;
}
