/* The digests of the commitment against vectors of the plain Python model
 * (tests/python/dataset_model.py), and what must make a difference to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "data/class.h"
#include "data/leaf.h"

static json_t *vectors;

static int load(void **state) {
  (void)state;
  vectors = json_load_file("vectors/dataset.json", 0, NULL);
  return vectors == NULL;
}

static int unload(void **state) {
  (void)state;
  json_decref(vectors);
  return 0;
}

static size_t hex(const json_t *object, const char *key, uint8_t *out) {
  const char *text = json_string_value(json_object_get(object, key));
  assert_non_null(text);
  size_t n = strlen(text) / 2;
  for (size_t i = 0; i < n; i++) {
    unsigned v;
    assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
    out[i] = (uint8_t)v;
  }
  return n;
}

static vft_poseidon_digest digest(const json_t *object, const char *key) {
  uint8_t bytes[32];
  vft_poseidon_digest d;
  assert_int_equal(hex(object, key, bytes), 32);
  assert_true(vft_poseidon_read(bytes, &d));
  return d;
}

static int64_t number(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

static void same(const vft_poseidon_digest *a, const json_t *object, const char *key) {
  vft_poseidon_digest want = digest(object, key);
  assert_true(vft_poseidon_equal(a, &want));
}

static void classes(void **state) {
  (void)state;
  size_t i;
  json_t *v;
  json_array_foreach(json_object_get(vectors, "class"), i, v) {
    uint8_t bytes[VFT_CLASS_BYTES];
    static vft_class c;
    size_t n = hex(v, "bytes", bytes);
    vft_poseidon_digest d = vft_class_digest(bytes, n);
    same(&d, v, "digest");
    assert_true(vft_class_read(bytes, n, &c));
    assert_memory_equal(c.bytes, bytes, n);
    for (size_t cut = 0; cut < n; cut++) assert_false(vft_class_read(bytes, cut, &c));
    bytes[n] = 0;
    assert_false(vft_class_read(bytes, n + 1, &c));
  }
}

static void contents(void **state) {
  (void)state;
  size_t i;
  json_t *v;
  json_array_foreach(json_object_get(vectors, "content"), i, v) {
    int32_t id[64];
    uint8_t mask[64], raw[32];
    size_t n = (size_t)number(v, "n");
    const json_t *ids = json_object_get(v, "ids"), *masks = json_object_get(v, "mask");
    vft_sample s = {.id = id, .mask = mask, .length = json_array_size(ids)};
    for (size_t k = 0; k < s.length; k++) {
      id[k] = (int32_t)json_integer_value(json_array_get(ids, k));
      mask[k] = (uint8_t)json_integer_value(json_array_get(masks, k));
    }
    hex(v, "raw", raw);
    vft_fp elements[8 + 64];
    size_t count = vft_content_elements(n);
    vft_poseidon_digest d;
    int32_t pad = (int32_t)number(v, "pad");
    vft_content_pack(&s, n, pad, raw, elements);
    vft_poseidon_hash_many(VFT_DOMAIN_CONTENT, elements, count, 1, &d);
    same(&d, v, "digest");
    /* every token, mask, raw byte and the length count */
    for (size_t k = 0; k < s.length && k <= n; k++)
      for (int what = 0; what < 2; what++) {
        vft_fp changed[8 + 64];
        if (what == 1 && k == 0) continue; /* nothing predicts the first token */
        if (what) mask[k] ^= 1;
        else id[k] ^= 1;
        vft_content_pack(&s, n, pad, raw, changed);
        assert_memory_not_equal(changed, elements, count * sizeof *changed);
        if (what) mask[k] ^= 1;
        else id[k] ^= 1;
      }
    if (s.length <= n) {
      vft_fp changed[8 + 64];
      id[s.length] = pad;
      mask[s.length++] = 0;
      vft_content_pack(&s, n, pad, raw, changed);
      assert_memory_not_equal(changed, elements, count * sizeof *changed);
    }
  }
}

static void leaves_and_roots(void **state) {
  (void)state;
  size_t i, n = json_array_size(json_object_get(vectors, "leaf"));
  json_t *v;
  vft_poseidon_digest leaf[64], class_digest[64], content[64], metadata[64], salt[64];
  uint32_t tokens[64], loss[64];
  json_array_foreach(json_object_get(vectors, "leaf"), i, v) {
    uint8_t master[32];
    hex(v, "master", master);
    class_digest[i] = digest(v, "class");
    content[i] = digest(v, "content");
    tokens[i] = (uint32_t)number(v, "tokens");
    loss[i] = (uint32_t)number(v, "loss_tokens");
    salt[i] = vft_record_salt(master, (uint64_t)number(v, "n"));
    same(&salt[i], v, "salt");
  }
  vft_metadata_digests(class_digest, tokens, loss, metadata, n);
  vft_leaf_digests(content, metadata, salt, leaf, n);
  json_array_foreach(json_object_get(vectors, "leaf"), i, v) same(&leaf[i], v, "digest");
  json_array_foreach(json_object_get(vectors, "root"), i, v) {
    const json_t *counts = json_object_get(v, "counts"), *tiers = json_object_get(v, "tiers");
    vft_poseidon_digest tier[VFT_TIERS];
    uint64_t of_tier[VFT_TIERS], most = 0;
    size_t at = 0;
    for (int t = 0; t < VFT_TIERS; t++) {
      of_tier[t] = (uint64_t)json_integer_value(json_array_get(counts, (size_t)t));
      if (of_tier[t] > most) most = of_tier[t];
    }
    unsigned height = vft_dataset_height(of_tier);
    assert_true(1u << height >= most && (most < 2 || 1u << height < 2 * most));
    assert_int_equal(number(v, "height"), height);
    for (int t = 0; t < VFT_TIERS; t++) {
      size_t count = (size_t)of_tier[t];
      vft_poseidon_digest level[64] = {{{{0}}}};
      memcpy(level, leaf + at, count * sizeof *level);
      for (size_t m = (size_t)1 << height >> 1; m; m /= 2) vft_poseidon_compress(level, level, m);
      tier[t] = vft_tier_root(level, count, (uint64_t)number(v, "sequence_len"), (vft_tier)t);
      at += count;
      json_t *one = json_pack("{s:O}", "r", json_array_get(tiers, (size_t)t));
      same(&tier[t], one, "r");
      json_decref(one);
    }
    vft_poseidon_digest root = vft_dataset_root(tier);
    same(&root, v, "digest");
  }
}

static void packing(void **state) {
  (void)state;
  uint8_t bytes[32];
  vft_fp out[5];
  memset(bytes, 0xff, sizeof bytes);
  assert_int_equal(vft_pack_bytes(bytes, 32, out), VFT_PACKED_32);
  for (int i = 0; i < 4; i++) assert_true(out[i].v == 0xffffffffffffffull);
  assert_true(out[4].v == 0xffffffffu);
  assert_int_equal(vft_pack_bytes(bytes, 0, out), 0);
  vft_poseidon_digest d;
  assert_false(vft_poseidon_read(bytes, &d)); /* 2^64 - 1 >= p */
  for (int i = 0; i < 4; i++) d.e[i].v = VFT_P - 1;
  vft_poseidon_bytes(&d, bytes);
  assert_true(vft_poseidon_read(bytes, &d));
  bytes[24]++; /* p itself */
  assert_false(vft_poseidon_read(bytes, &d));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(classes),
      cmocka_unit_test(contents),
      cmocka_unit_test(leaves_and_roots),
      cmocka_unit_test(packing),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
