/* Configurations, policies above all. libFuzzer: clang -fsanitize=fuzzer,address. */
#include "data/config.h"
#include "data/spdx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_config c;
  if (vft_config_parse((const char *)data, size, "input", &c) != VFT_OK) return 0;
  if (!c.base_model || !c.ndatasets || c.lora_r < 1 || !c.targets || c.sequence_len < 1)
    __builtin_trap();
  if (c.policy.quotas > VFT_QUOTAS || c.policy.tiers >> VFT_TIERS) __builtin_trap();
  for (size_t q = 0; q < c.policy.quotas; q++)
    if (!c.policy.quota[q].value || c.policy.quota[q].ceiling >> 48 ||
        c.policy.quota[q].shortest > c.policy.quota[q].longest)
      __builtin_trap();
  for (size_t i = 0; i < c.policy.nlicenses; i++)
    if (!vft_spdx_simple(c.policy.licenses[i])) __builtin_trap();
  vft_config_free(&c);
  return 0;
}
