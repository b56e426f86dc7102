/* tokenizer.json, its patterns, and encoding with it: the text is what follows the first NUL byte
 * of the input, or a fixed one. libFuzzer: clang -fsanitize=fuzzer,address. */
#include <string.h>

#include "base/mem.h"
#include "model/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char usual[] = "user's abc 12\n\n <e> \xe4\xb8\xad e\xcc\x81";
  const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
  size_t json = nul ? (size_t)(nul - data) : size;
  const char *text = nul ? (const char *)nul + 1 : usual;
  size_t length = nul ? size - json - 1 : sizeof usual - 1;
  vft_tokenizer *t;
  if (vft_tokenizer_from_json((const char *)data, json, "input", &t) != VFT_OK) return 0;
  for (int special = 0; special < 2; special++) {
    vft_tokens ids = {0};
    char *back;
    size_t n;
    if (length <= 4096 && vft_tokenizer_encode(t, text, length, special, &ids) == VFT_OK) {
      if (vft_tokenizer_decode(t, ids.id, ids.count, false, &back, &n) != VFT_OK)
        __builtin_trap(); /* ids it made itself */
      vft_free(back);
    }
    vft_tokens_free(&ids);
  }
  vft_tokenizer_free(t);
  return 0;
}
