/* Membership files and the classes inside them. libFuzzer: clang -fsanitize=fuzzer,address. */
#include <string.h>

#include "data/member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static vft_member m;
  static uint8_t again[VFT_MEMBER_BYTES];
  vft_status st = vft_member_verify(data, size, NULL, &m);
  if (st != VFT_OK && st != VFT_REJECTED) __builtin_trap();
  if (st == VFT_REJECTED && !*vft_error_check()) __builtin_trap();
  /* what was read says where every byte came from */
  if ((st == VFT_OK || !strcmp(vft_error_check(), "member/path")) &&
      (vft_member_write(&m, again) != size || memcmp(again, data, size)))
    __builtin_trap();
  return 0;
}
