/* GGUF container, hyperparameters and tokenizer. libFuzzer: clang -fsanitize=fuzzer,address. */
#include <stdlib.h>
#include <string.h>

#include "model/gguf_arch.h"
#include "model/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_gguf file;
  if (vft_gguf_parse(data, size, "input", &file) != VFT_OK) return 0;
  /* Whatever was accepted must be readable. */
  uint64_t sum = 0;
  for (size_t i = 0; i < file.kvs; i++) {
    const vft_gguf_kv *kv = &file.kv[i];
    const uint8_t *at = kv->data;
    for (size_t k = 0; k < kv->bytes; k++) sum += kv->data[k];
    if (kv->element == VFT_GGUF_STRING)
      for (uint64_t k = 0; k < kv->count; k++) sum += vft_gguf_next_string(&at).n;
    else if (vft_gguf_is_integer(kv->element))
      for (uint64_t k = 0; k < kv->count; k++) sum += (uint64_t)vft_gguf_int_at(kv, k);
  }
  float values[256];
  for (size_t i = 0; i < file.tensors; i++) {
    const vft_gguf_tensor *t = &file.tensor[i];
    for (size_t k = 0; k < t->bytes; k++) sum += t->data[k];
    if (t->dtype != VFT_DTYPE_UNSUPPORTED && t->elements >= 32)
      sum += vft_dequantise(t->dtype, t->data, 32, values);
  }
  vft_arch arch;
  sum += vft_gguf_arch(&file, &arch) == VFT_OK;
  vft_tokenizer *t;
  if (vft_tokenizer_from_gguf(&file, &t) == VFT_OK) {
    vft_tokens ids = {0};
    if (vft_tokenizer_encode(t, "user abc 12", 11, true, &ids) != VFT_OK) sum++;
    vft_tokens_free(&ids);
    vft_tokenizer_free(t);
  }
  vft_gguf_free(&file);
  volatile uint64_t used = sum;
  (void)used;
  return 0;
}
