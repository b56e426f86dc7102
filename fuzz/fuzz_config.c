/* The YAML configuration. libFuzzer: clang -fsanitize=fuzzer,address. */
#include "data/config.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_config c;
  if (vft_config_load(fuzz_file(0, data, size), &c) != VFT_OK) return 0;
  if (!c.base_model || !c.ndatasets || c.lora_r < 1 || !c.targets || c.sequence_len < 1)
    __builtin_trap();
  vft_config_free(&c);
  return 0;
}
