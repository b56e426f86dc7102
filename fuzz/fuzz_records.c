/* Training records. libFuzzer: clang -fsanitize=fuzzer,address. */
#include "data/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_records r;
  if (vft_records_parse((const char *)data, size, "input", VFT_RECORDS_AUTO, &r) != VFT_OK)
    return 0;
  if (r.count == 0) __builtin_trap();
  for (size_t i = 0; i < r.count; i++) {
    const vft_record *one = &r.record[i];
    if (one->messages < 2 || one->bytes == 0 || one->offset + one->bytes > size)
      __builtin_trap();
    for (size_t k = 0; k < one->messages; k++)
      if (one->message[k].length == 0) __builtin_trap();
    (void)vft_record_domain(one);
  }
  vft_records_free(&r);
  return 0;
}
