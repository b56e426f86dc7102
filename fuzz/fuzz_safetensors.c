/* safetensors container. libFuzzer: clang -fsanitize=fuzzer,address. */
#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_safetensors file;
  if (vft_safetensors_parse(data, size, "input", &file) != VFT_OK) return 0;
  uint64_t sum = 0;
  float value;
  for (size_t i = 0; i < file.tensors; i++) {
    const vft_safetensors_tensor *t = &file.tensor[i];
    for (size_t k = 0; k < t->bytes; k++) sum += t->data[k];
    if (t->dtype != VFT_DTYPE_UNSUPPORTED && t->elements)
      sum += vft_dequantise(t->dtype, t->data, 1, &value);
    if (vft_safetensors_find(&file, t->name) != t) __builtin_trap();
  }
  vft_safetensors_free(&file);
  volatile uint64_t used = sum;
  (void)used;
  return 0;
}
