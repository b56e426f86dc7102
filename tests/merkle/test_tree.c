#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/field_values.h"
#include "hash/poseidon.h"
#include "merkle/path.h"
#include "merkle/tree.h"

static vft_hash_kind hash_now = VFT_HASH_BLAKE3; /* of the test that runs */

typedef struct {
  vft_hash_kind hash;
  unsigned c, rate;
  size_t rows, n;
  vft_fp *message;
  vft_rows_fp_ctx source;
  vft_rs *code;
} matrix;

static matrix make(unsigned c, unsigned rate, size_t rows) {
  matrix m = {.hash = hash_now, .c = c, .rate = rate, .rows = rows, .n = (size_t)1 << (c + rate)};
  m.message = vft_alloc(rows << c, 8);
  for (size_t i = 0; i < rows << c; i++) m.message[i] = test_fp();
  m.source = (vft_rows_fp_ctx){m.message, (size_t)1 << c, rows << c};
  assert_int_equal(vft_rs_new(&m.code, c, rate), VFT_OK);
  return m;
}

static void drop(matrix *m) {
  vft_free(m->message);
  vft_rs_free(m->code);
}

static vft_merkle *commit(matrix *m, bool keep) {
  vft_merkle *t;
  assert_int_equal(vft_merkle_commit(&t, m->hash, m->code, m->rows, vft_rows_fp, &m->source, keep),
                   VFT_OK);
  return t;
}

static vft_digest naive_node(vft_digest left, vft_digest right) {
  vft_digest pair[2] = {left, right};
  if (hash_now == VFT_HASH_BLAKE3) return vft_blake3_hash(pair, sizeof pair);
  vft_poseidon_digest in[2];
  for (int i = 0; i < 2; i++) assert_true(vft_poseidon_read(pair[i].b, &in[i]));
  vft_poseidon_compress(in, in, 1);
  vft_poseidon_bytes(in, left.b);
  return left;
}

/* The sponge of a column, permutation by permutation. */
static vft_digest naive_sponge(const vft_fp *column, size_t rows, unsigned log_n) {
  vft_poseidon_state s = {.s = {[8] = {rows}, [10] = {1024 + log_n}}};
  for (size_t r = 0; r < rows; r++) {
    s.s[r % 8] = vft_fp_add(s.s[r % 8], column[r]);
    if (r % 8 == 7 || r + 1 == rows) vft_poseidon_permute(&s, 1);
  }
  vft_digest d;
  for (int i = 0; i < 32; i++) d.b[i] = (uint8_t)(s.s[i / 8].v >> (8 * (i % 8)));
  return d;
}

/* From the definition only: evaluations, bytes, plain hashes. */
static vft_digest naive_root(const matrix *m) {
  size_t len = (size_t)1 << m->c, bytes = 64 + 8 * m->rows;
  vft_digest *node = calloc(m->n, sizeof *node);
  uint8_t *msg = calloc(1, bytes);
  vft_fp *column = calloc(m->rows, sizeof *column);
  for (size_t j = 0; j < m->n; j++) {
    vft_fp x = vft_rs_point(m->c + m->rate, j);
    memset(msg, 0, 64);
    memcpy(msg, "vft merkle leaf", 15);
    for (int k = 0; k < 8; k++) msg[48 + k] = (uint8_t)(m->rows >> (8 * k));
    msg[56] = (uint8_t)(m->c + m->rate);
    for (size_t r = 0; r < m->rows; r++) {
      vft_fp y = {0};
      for (size_t i = len; i-- > 0;)
        y = vft_fp_add(vft_fp_mul(y, x), m->message[r * len + i]);
      column[r] = y;
      for (int k = 0; k < 8; k++) msg[64 + 8 * r + (size_t)k] = (uint8_t)(y.v >> (8 * k));
    }
    node[j] = hash_now == VFT_HASH_BLAKE3 ? vft_blake3_hash(msg, bytes)
                                          : naive_sponge(column, m->rows, m->c + m->rate);
  }
  for (size_t width = m->n; width > 1; width /= 2)
    for (size_t i = 0; i < width / 2; i++) node[i] = naive_node(node[2 * i], node[2 * i + 1]);
  vft_digest root = node[0];
  free(node);
  free(msg);
  free(column);
  return root;
}

static void same_digest(vft_digest a, vft_digest b) { assert_memory_equal(a.b, b.b, 32); }

static const size_t row_counts[] = {1,   2,   7,   8,   9,   64,  119, 120, 121, 127, 128, 129,
                                    247, 248, 249, 383, 384, 385, 391, 392, 393, 640, 1000};

static void roots_follow_the_definition(void **state) {
  (void)state;
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (size_t k = 0; k < sizeof row_counts / sizeof *row_counts; k++) {
    matrix m = make(3, 1 + (unsigned)(k % 3), row_counts[k]);
    vft_digest want = naive_root(&m);
    for (int way = 0; way < 4 * ((int)best + 1); way++) {
      vft_simd_force((vft_simd)(way / 4));
      vft_threads_set(way & 1 ? 1 : 3);
      vft_merkle *t = commit(&m, way & 2);
      same_digest(vft_merkle_root(t), want);
      assert_int_equal(vft_merkle_rows(t), m.rows);
      assert_int_equal(vft_merkle_log_length(t), m.c + m.rate);
      vft_merkle_free(t);
    }
    drop(&m);
  }
  vft_threads_set(0);
  matrix m = make(9, 2, 11); /* several slices of columns */
  vft_digest want = naive_root(&m);
  for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
    vft_simd_force(tier);
    vft_merkle *t = commit(&m, false);
    same_digest(vft_merkle_root(t), want);
    vft_merkle_free(t);
  }
  drop(&m);
}

static void leaves_and_nodes(void **state) {
  (void)state;
  matrix m = make(4, 1, 30);
  vft_merkle *t = commit(&m, true);
  uint32_t all[32];
  for (uint32_t j = 0; j < 32; j++) all[j] = j;
  vft_fp columns[32 * 30];
  assert_int_equal(vft_merkle_open(t, all, 32, columns), VFT_OK);
  for (uint32_t j = 0; j < 32; j++)
    same_digest(vft_merkle_node(t, 0, j), vft_merkle_leaf(hash_now, columns + 30 * j, 30, 5));
  for (unsigned h = 1; h <= 5; h++)
    for (uint64_t i = 0; i < 32u >> h; i++) {
      vft_digest left = vft_merkle_node(t, h - 1, 2 * i);
      vft_digest right = vft_merkle_node(t, h - 1, 2 * i + 1);
      same_digest(vft_merkle_node(t, h, i), naive_node(left, right));
    }
  assert_int_equal(vft_merkle_sibling_count(all, 32, 5, 0), 0);
  assert_int_equal(vft_merkle_sibling_count(all + 9, 1, 5, 0), 5);
  vft_merkle_free(t);
  drop(&m);
}

static void batch_openings(void **state) {
  (void)state;
  for (int round = 0; round < 60; round++) {
    matrix m = make(3 + (unsigned)(round % 5), 1 + (unsigned)(round % 2), 1 + test_u64() % 40);
    unsigned log_n = m.c + m.rate;
    vft_merkle *t = commit(&m, round & 1);
    vft_digest root = vft_merkle_root(t);
    uint32_t pos[64];
    size_t drawn = 1 + test_u64() % 64;
    for (size_t k = 0; k < drawn; k++) pos[k] = (uint32_t)(test_u64() % m.n);
    size_t count = vft_merkle_sort_positions(pos, drawn);
    unsigned log_cap = round % 3 ? vft_merkle_log_cap(VFT_HASH_POSEIDON, drawn, log_n) : 0;
    size_t ns = vft_merkle_sibling_count(pos, count, log_n, log_cap);
    vft_fp *columns = calloc(count * m.rows + 1, sizeof *columns); /* one more: rows + 1 below */
    vft_digest *sib = calloc(ns + 1, sizeof *sib);
    assert_int_equal(vft_merkle_open(t, pos, count, columns), VFT_OK);
    vft_merkle_siblings(t, pos, count, log_cap, sib);
    for (size_t k = 0; k < count; k++) {
      vft_fp x = vft_rs_point(log_n, pos[k]), y = {0};
      size_t r = test_u64() % m.rows, len = (size_t)1 << m.c;
      for (size_t i = len; i-- > 0;)
        y = vft_fp_add(vft_fp_mul(y, x), m.message[r * len + i]);
      assert_true(columns[k * m.rows + r].v == y.v);
    }
#define VERIFY(cnt, nsib) \
  vft_merkle_verify(hash_now, &root, log_n, log_cap, m.rows, pos, cnt, columns, sib, nsib)
    assert_int_equal(VERIFY(count, ns), VFT_OK);

    /* Every kind of damage is refused under its own name. */
    size_t e = test_u64() % (count * m.rows);
    vft_fp old = columns[e];
    columns[e] = vft_fp_add(old, (vft_fp){1});
    assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "merkle/root");
    columns[e].v = old.v < 0xffffffffull ? old.v + VFT_P : VFT_P;
    assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "merkle/canonical");
    columns[e] = old;
    if (ns) {
      size_t s = test_u64() % ns;
      sib[s].b[8 * (test_u64() % 4)] ^= 1;
      if (hash_now == VFT_HASH_POSEIDON) { /* still canonical, or p became p + 1 */
        vft_poseidon_digest d;
        if (!vft_poseidon_read(sib[s].b, &d)) sib[s].b[1] ^= 1;
      }
      assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
      assert_string_equal(vft_error_check(), "merkle/root");
      if (hash_now == VFT_HASH_POSEIDON) {
        memset(sib[s].b + 8 * (test_u64() % 4), 0xff, 8);
        assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
        assert_string_equal(vft_error_check(), "merkle/canonical");
      }
      vft_merkle_siblings(t, pos, count, log_cap, sib);
      assert_int_equal(VERIFY(count, ns - 1), VFT_REJECTED);
      assert_string_equal(vft_error_check(), "merkle/siblings");
    }
    assert_int_equal(VERIFY(count, ns + 1), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "merkle/siblings");
    assert_int_equal(VERIFY(0, ns), VFT_REJECTED);
    assert_int_equal(vft_merkle_verify(hash_now, &root, log_n, log_cap, m.rows + 1, pos, 1,
                                       columns, sib, ns),
                     VFT_REJECTED);
    vft_hash_kind other = hash_now == VFT_HASH_BLAKE3 ? VFT_HASH_POSEIDON : VFT_HASH_BLAKE3;
    assert_int_equal(vft_merkle_verify(other, &root, log_n, log_cap, m.rows, pos, count,
                                       columns, sib, ns),
                     VFT_REJECTED);
    root.b[31] ^= 0x80;
    assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "merkle/root");
    root.b[31] ^= 0x80;
    uint32_t keep = pos[count - 1];
    pos[count - 1] = (uint32_t)m.n;
    assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "merkle/positions");
    assert_int_equal(vft_merkle_open(t, pos, count, columns), VFT_USAGE);
    pos[count - 1] = count > 1 ? pos[count - 2] : keep;
    if (count > 1) {
      assert_int_equal(VERIFY(count, ns), VFT_REJECTED);
      assert_string_equal(vft_error_check(), "merkle/positions");
    }
    free(columns);
    free(sib);
    vft_merkle_free(t);
    drop(&m);
  }
}

/* A position moved with everything else kept must not verify: the path binds the index. */
static void position_is_bound(void **state) {
  (void)state;
  matrix m = make(4, 1, 5);
  vft_merkle *t = commit(&m, true);
  vft_digest root = vft_merkle_root(t), sib[5];
  vft_fp column[5];
  for (uint32_t j = 0; j < 32; j++) {
    assert_int_equal(vft_merkle_open(t, &j, 1, column), VFT_OK);
    vft_merkle_siblings(t, &j, 1, 0, sib);
    for (uint32_t k = 0; k < 32; k++)
      assert_int_equal(vft_merkle_verify(hash_now, &root, 5, 0, 5, &k, 1, column, sib, 5),
                       k == j ? VFT_OK : VFT_REJECTED);
  }
  vft_merkle_free(t);
  drop(&m);
}

static void extension_rows(void **state) {
  (void)state;
  enum { ROWS = 5, LEN = 16, TOTAL = ROWS * LEN - 3 };
  vft_ext rows[ROWS * LEN];
  for (size_t i = 0; i < ROWS * LEN; i++) rows[i] = i < TOTAL ? test_ext() : VFT_EXT_ZERO;
  vft_rows_ext_ctx source = {rows, LEN, TOTAL};
  vft_rs *code;
  assert_int_equal(vft_rs_new(&code, 4, 2), VFT_OK);
  vft_merkle *t;
  assert_int_equal(vft_merkle_commit(&t, hash_now, code, 3 * ROWS, vft_rows_ext, &source, true),
                   VFT_OK);
  for (uint32_t j = 0; j < 64; j++) {
    vft_fp column[3 * ROWS], x = vft_rs_point(6, j);
    assert_int_equal(vft_merkle_open(t, &j, 1, column), VFT_OK);
    for (size_t r = 0; r < ROWS; r++) {
      vft_ext y = VFT_EXT_ZERO;
      for (size_t i = LEN; i-- > 0;) y = vft_ext_add(vft_ext_mul_fp(y, x), rows[r * LEN + i]);
      assert_memory_equal(&y, column + 3 * r, sizeof y);
    }
  }
  vft_merkle_free(t);
  vft_rs_free(code);
}

static vft_status failing_source(void *ctx, size_t row, vft_fp *out) {
  if (row == *(size_t *)ctx) return vft_fail(VFT_RESOURCE, "row %zu is gone", row);
  memset(out, 0, 8 * sizeof *out);
  return VFT_OK;
}

static void failures_are_reported(void **state) {
  (void)state;
  vft_rs *code, *tiny;
  vft_merkle *t;
  assert_int_equal(vft_rs_new(&code, 3, 1), VFT_OK);
  assert_int_equal(vft_rs_new(&tiny, 2, 1), VFT_OK);
  for (size_t bad = 3; bad < 600; bad += 90) {
    assert_int_equal(vft_merkle_commit(&t, hash_now, code, 600, failing_source, &bad, false),
                     VFT_RESOURCE);
    assert_null(t);
    assert_non_null(strstr(vft_error_message(), "is gone"));
    assert_int_equal(vft_merkle_commit(&t, hash_now, code, bad + 1, failing_source, &bad, true),
                     VFT_RESOURCE);
  }
  size_t none = SIZE_MAX;
  assert_int_equal(vft_merkle_commit(&t, hash_now, code, 0, failing_source, &none, true),
                   VFT_USAGE);
  assert_int_equal(vft_merkle_commit(&t, hash_now, tiny, 1, failing_source, &none, true),
                   VFT_USAGE);
  vft_rs_free(code);
  vft_rs_free(tiny);
}

static int under_blake3(void **state) {
  (void)state;
  hash_now = VFT_HASH_BLAKE3;
  return 0;
}

static int under_poseidon(void **state) {
  (void)state;
  hash_now = VFT_HASH_POSEIDON;
  return 0;
}

#define BOTH(test)                                \
  cmocka_unit_test_setup(test, under_blake3),     \
      {#test " (poseidon)", test, under_poseidon, NULL, NULL}

int main(void) {
  const struct CMUnitTest tests[] = {
      BOTH(roots_follow_the_definition), BOTH(leaves_and_nodes), BOTH(batch_openings),
      BOTH(position_is_bound),           BOTH(extension_rows),   BOTH(failures_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
