/* The fuzz targets on seed inputs and on mutations of them by a fixed generator, so that every
 * build runs them; with BUILD=debug under the sanitizers. Real fuzzing uses fuzz/ directly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LLVMFuzzerTestOneInput fuzz_gguf
#include "../../fuzz/fuzz_gguf.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_safetensors
#include "../../fuzz/fuzz_safetensors.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_hf_config
#include "../../fuzz/fuzz_hf_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_tokenizer
#include "../../fuzz/fuzz_tokenizer.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_records
#include "../../fuzz/fuzz_records.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_member
#include "../../fuzz/fuzz_member.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_spdx
#include "../../fuzz/fuzz_spdx.c"
#undef LLVMFuzzerTestOneInput
#include "base/mem.h"
#include "model_files.h"

enum { SEED = 20250607 };
static uint64_t state_ = SEED;

static uint64_t next(void) { /* xorshift64* */
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545f4914f6cdd1du;
}

/* Flips, overwrites with telling values, copies, cuts. The interesting part of a binary file is
 * its head, so most changes fall there. */
static size_t mutate(uint8_t *b, size_t n, size_t head) {
  static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ']', ',', '\\'};
  for (uint64_t rounds = 1 + next() % 4; rounds > 0 && n > 0; rounds--) {
    size_t range = next() % 8 ? (head < n ? head : n) : n, at = next() % range;
    switch (next() % 5) {
      case 0: b[at] ^= (uint8_t)(1u << next() % 8); break;
      case 1: b[at] = telling[next() % sizeof telling]; break;
      case 2: memset(b + at, (int)(next() % 2 * 255), n - at < 8 ? n - at : next() % 9); break;
      case 3: {
        size_t from = next() % range, most = n - (at > from ? at : from);
        memmove(b + at, b + from, most ? next() % (most < 32 ? most : 32) : 0);
        break;
      }
      default:
        if (next() % 4 == 0) n = at;
    }
  }
  return n;
}

static void replay(int (*target)(const uint8_t *, size_t), const void *seed, size_t n,
                   size_t head, int times) {
  size_t live = vft_alloc_live();
  assert_int_equal(target(seed, n), 0);
  for (int i = 0; i < times; i++) {
    uint8_t *b = malloc(n + 1); /* its own block, for the sanitizer */
    memcpy(b, seed, n);
    size_t m = mutate(b, n, head);
    uint8_t *exact = malloc(m + !m);
    memcpy(exact, b, m);
    assert_int_equal(target(exact, m), 0);
    free(exact);
    free(b);
  }
  assert_int_equal(vft_alloc_live(), live); /* nothing kept, whatever the outcome */
}

static void gguf(void **state) {
  (void)state;
  fault f = {.type = F16, .tokenizer = true, .head = true};
  bytes b = build_gguf(&f);
  replay(fuzz_gguf, b.p, b.n, 5000, 4000);
  free(b.p);
}

static void safetensors(void **state) {
  (void)state;
  fault f = {.type = BF16};
  bytes b = build_safetensors(&f, 0, 4);
  replay(fuzz_safetensors, b.p, b.n, 500, 4000);
  free(b.p);
}

static void hf_config(void **state) {
  (void)state;
  bytes b = build_config(true, ",\"rope_scaling\":{\"rope_type\":\"default\"},"
                               "\"bos_token_id\":[1,2],\"hidden_act\":\"silu\"");
  replay(fuzz_hf_config, b.p, b.n, b.n, 4000);
  free(b.p);
}

static void tokenizer(void **state) {
  (void)state;
  static const char seed[] =
      "{\"added_tokens\":[{\"id\":6,\"content\":\"<e>\",\"special\":true}],\"normalizer\":"
      "{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
      "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t)|[^\\\\r\\\\n\\\\p{L}]?\\\\p{L}+|"
      "\\\\p{N}{1,3}|\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Removed\",\"invert\":true},"
      "{\"type\":\"ByteLevel\",\"use_regex\":true}]},\"model\":{\"type\":\"BPE\","
      "\"unk_token\":\"a\",\"fuse_unk\":true,\"ignore_merges\":true,\"vocab\":{\"a\":0,\"b\":1,"
      "\"c\":2,\"ab\":3,\"abc\":4,\"u\":5},\"merges\":[\"a b\",[\"ab\",\"c\"]]}}"
      "\0some abc text <e> e\xcc\x81 12345 abcabc";
  replay(fuzz_tokenizer, seed, sizeof seed - 1, sizeof seed - 1, 4000);
}

static void records(void **state) {
  (void)state;
  static const char alpaca[] =
      "[\n{\"instruction\":\"i\\u4e2d\",\"input\":\"j\",\"output\":\"o\","
      "\"history\":[[\"q\",\"a\"]],\"tags\":[\"t\",1,true]},\n"
      "{\"instruction\":\"k\",\"output\":\"]}\\\"\"}]\n";
  static const char lines[] =
      "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
      "{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":\"a\","
      "\"weight\":1}],\"lang\":\"en\"}\n"
      "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\","
      "\"content\":\"a\"}]}\n";
  static const char shares[] =
      "{\"conversations\":[{\"from\":\"human\",\"value\":\"u\"},"
      "{\"from\":\"gpt\",\"value\":\"a\"}]}\n"
      "{\"instruction\":\"i\",\"instances\":[{\"input\":\"\",\"output\":\"o\"}]}\n";
  replay(fuzz_records, alpaca, sizeof alpaca - 1, sizeof alpaca, 4000);
  replay(fuzz_records, lines, sizeof lines - 1, sizeof lines, 4000);
  replay(fuzz_records, shares, sizeof shares - 1, sizeof shares, 4000);
}

/* A path of zeros: everything is read, and the root does not follow. */
static void member(void **state) {
  (void)state;
  static vft_member m;
  static uint8_t file[VFT_MEMBER_BYTES], class_bytes[] =
      "\0................................src\0MIT OR ISC\0en\0law\0\2a\0b";
  assert_true(vft_class_read(class_bytes, sizeof class_bytes, &m.record_class));
  m.records = 5;
  m.index = 3;
  m.sequence_len = 16;
  m.tokens = 9;
  m.loss_tokens = 2;
  m.height = 3;
  size_t n = vft_member_write(&m, file);
  replay(fuzz_member, file, n, n, 4000);
}

static void spdx(void **state) {
  (void)state;
  static const char seed[] = "(mit OR DocumentRef-a:LicenseRef-b) AND (GPL-2.0+ WITH "
                             "Classpath-exception-2.0 AND Zlib)";
  replay(fuzz_spdx, seed, sizeof seed - 1, sizeof seed - 1, 4000);
}

int main(void) {
  printf("# seed %d\n", SEED);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gguf),      cmocka_unit_test(safetensors), cmocka_unit_test(hf_config),
      cmocka_unit_test(tokenizer), cmocka_unit_test(records),
      cmocka_unit_test(member),    cmocka_unit_test(spdx),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
