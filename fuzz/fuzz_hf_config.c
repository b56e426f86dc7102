/* config.json. libFuzzer: clang -fsanitize=fuzzer,address. */
#include "model/hf_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_arch arch;
  if (vft_hf_config_parse((const char *)data, size, "input", &arch) != VFT_OK) return 0;
  if (vft_arch_check(&arch, "accepted") != VFT_OK) __builtin_trap();
  return 0;
}
