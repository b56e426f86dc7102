#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "field/field_values.h"
#include "hash/poseidon_ops.h"

enum { W = VFT_POSEIDON_WIDTH };

static void known_answers(void **state) {
  (void)state;
  FILE *f = fopen("vectors/poseidon_goldilocks12.txt", "r");
  assert_non_null(f);
  char skip[256];
  assert_non_null(fgets(skip, sizeof skip, f));
  for (int k = 0; k < 4; k++) {
    vft_poseidon_state in, out, many[9];
    for (int i = 0; i < W; i++) assert_int_equal(fscanf(f, "%" SCNx64, &in.s[i].v), 1);
    for (int i = 0; i < W; i++) assert_int_equal(fscanf(f, "%" SCNx64, &out.s[i].v), 1);
    for (int i = 0; i < 9; i++) many[i] = in;
    vft_poseidon_permute(many, 9);
    for (int i = 0; i < 9; i++) assert_memory_equal(&many[i], &out, sizeof out);
  }
  fclose(f);
}

/* From the definition, with 128-bit division only. */
static void reference(vft_poseidon_state *st, vft_fp *sbox) {
  for (unsigned r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    uint64_t t[W], out[W];
    for (unsigned i = 0; i < W; i++) {
      t[i] = ref_add(st->s[i].v, vft_poseidon_constant(r, i));
      if (i == 0 || r < 4 || r >= 26) {
        uint64_t y = t[i];
        if (sbox) sbox++->v = y;
        for (int k = 0; k < 6; k++) y = ref_mul(y, t[i]);
        t[i] = y;
      }
    }
    for (unsigned i = 0; i < W; i++) {
      out[i] = i == 0 ? ref_mul(8, t[0]) : 0;
      for (unsigned j = 0; j < W; j++)
        out[i] = ref_add(out[i], ref_mul(vft_poseidon_circulant[(j + W - i) % W], t[j]));
    }
    for (unsigned i = 0; i < W; i++) st->s[i].v = out[i];
  }
}

static void batches_follow_the_definition(void **state) {
  (void)state;
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (size_t n = 0; n <= 20; n++) {
    vft_poseidon_state in[21], want[21], got[21];
    static vft_fp sbox[2][21][VFT_POSEIDON_SBOXES];
    for (size_t k = 0; k <= n; k++)
      for (int i = 0; i < W; i++) in[k].s[i] = test_fp();
    memcpy(want, in, sizeof want);
    for (size_t k = 0; k < n; k++) reference(&want[k], sbox[0][k]);
    for (int tier = VFT_SIMD_C; tier <= (int)best; tier++) {
      vft_simd_force((vft_simd)tier);
      memcpy(got, in, sizeof got);
      vft_poseidon_permute_trace(got, n, sbox[1]);
      assert_memory_equal(got, want, (n + 1) * sizeof *got); /* the one behind the last, too */
      assert_memory_equal(sbox[1], sbox[0], n * sizeof sbox[0][0]);
    }
  }
}

/* Words at the edges of the limbs that the lanes work on, alone, together and with any others; a
 * word minus a constant of the first round makes that edge the input of an S-box. */
static void edges_in_every_lane(void **state) {
  (void)state;
  static const uint64_t edge[] = {
      0, 1, 2, 0xfff, 0xffffffff, 0x100000000, 0xfffffffffffff, 0x10000000000000,
      0xfff0000000000000, 0x7fffffffffffffff, 0x8000000000000000, VFT_P - 0x100000000, VFT_P - 2,
      VFT_P - 1};
  enum { EDGES = sizeof edge / sizeof *edge, ROUNDS = 200, N = 2 * EDGES };
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (int round = 0; round < ROUNDS; round++) {
    vft_poseidon_state in[N], want[N], got[N];
    static vft_fp sbox[2][N][VFT_POSEIDON_SBOXES];
    for (unsigned k = 0; k < N; k++)
      for (unsigned i = 0; i < W; i++) {
        vft_fp x = {edge[k / 2]};
        if (round >= 1 && test_u64() % 2) x.v = edge[test_u64() % EDGES];
        if (round >= ROUNDS / 2 && test_u64() % 4 == 0) x = test_fp();
        in[k].s[i] = k % 2 ? vft_fp_sub(x, (vft_fp){vft_poseidon_constant(0, i)}) : x;
      }
    memcpy(want, in, sizeof want);
    vft_poseidon_permute_c(want, N, sbox[0]);
    for (int tier = VFT_SIMD_C; tier <= (int)best; tier++) {
      vft_simd_force((vft_simd)tier);
      memcpy(got, in, sizeof want);
      vft_poseidon_permute_trace(got, N, sbox[1]);
      assert_memory_equal(got, want, sizeof want);
      assert_memory_equal(sbox[1], sbox[0], sizeof sbox[0]);
    }
    vft_poseidon_permute(in, N);
    assert_memory_equal(in, want, sizeof want);
  }
}

/* The inverse of the linear layer, by elimination without pivoting (its minors: matrix_minors). */
static void invert_matrix(vft_fp inverse[W][W]) {
  vft_fp m[W][2 * W];
  memset(m, 0, sizeof m);
  for (int r = 0; r < W; r++) {
    for (int c = 0; c < W; c++)
      m[r][c].v = vft_poseidon_circulant[(c + W - r) % W] + (r + c == 0 ? 8 : 0);
    m[r][W + r].v = 1;
  }
  for (int k = 0; k < W; k++) {
    vft_fp scale = vft_fp_inv(m[k][k]);
    for (int c = 0; c < 2 * W; c++) m[k][c] = vft_fp_mul(m[k][c], scale);
    for (int r = 0; r < W; r++) {
      vft_fp f = m[r][k];
      for (int c = 0; r != k && c < 2 * W; c++)
        m[r][c] = vft_fp_sub(m[r][c], vft_fp_mul(f, m[k][c]));
    }
  }
  for (int r = 0; r < W; r++) memcpy(inverse[r], m[r] + W, sizeof inverse[r]);
}

/* From what enters the S-boxes of a round (behind the last: from the output) to the input. */
static void backwards(vft_fp s[W], unsigned round, vft_fp inverse[W][W]) {
  uint64_t seventh = 0; /* 7 seventh = 1 modulo p - 1 */
  for (unsigned k = 1; k < 7; k++)
    if (((vft_u128)k * (VFT_P - 1) + 1) % 7 == 0)
      seventh = (uint64_t)(((vft_u128)k * (VFT_P - 1) + 1) / 7);
  for (unsigned r = round;; r--) {
    for (unsigned i = 0; r < VFT_POSEIDON_ROUNDS && i < W; i++)
      s[i] = vft_fp_sub(s[i], (vft_fp){vft_poseidon_constant(r, i)});
    if (r == 0) return;
    vft_fp t[W] = {{0}};
    for (unsigned i = 0; i < W; i++)
      for (unsigned j = 0; j < W; j++) t[i] = vft_fp_add(t[i], vft_fp_mul(inverse[i][j], s[j]));
    for (unsigned i = 0; i < W; i++)
      s[i] = i == 0 || r - 1 < 4 || r - 1 >= 26 ? vft_fp_pow(t[i], seventh) : t[i];
  }
}

/* Edges in the inputs of every round's S-boxes and in the output. There words from 0 to 2^32 - 2
 * can stand as themselves plus p, and must not leave like that. */
static void edges_in_every_round(void **state) {
  (void)state;
  static const uint64_t edge[] = {0, 1, 0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
                                  VFT_P - 0x100000000, VFT_P - 2, VFT_P - 1};
  enum { N = 8, EDGES = sizeof edge / sizeof *edge };
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  vft_fp inverse[W][W];
  invert_matrix(inverse);
  for (unsigned round = 0; round <= VFT_POSEIDON_ROUNDS; round++)
    for (int repeat = 0; repeat < 8; repeat++) {
      vft_poseidon_state want[N], got[N], in[N];
      static vft_fp sbox[2][N][VFT_POSEIDON_SBOXES];
      for (unsigned k = 0; k < N; k++) {
        for (unsigned i = 0; i < W; i++)
          want[k].s[i].v = repeat % 2 ? test_u64() % 0xffffffff : edge[test_u64() % EDGES];
        in[k] = want[k];
        backwards(in[k].s, round, inverse);
      }
      memcpy(got, in, sizeof got);
      vft_poseidon_permute_c(got, N, sbox[0]);
      if (round == VFT_POSEIDON_ROUNDS) assert_memory_equal(got, want, sizeof got);
      if (round == 0) assert_memory_equal(sbox[0][0], want[0].s, sizeof want[0].s);
      for (int tier = VFT_SIMD_C; tier <= (int)best; tier++) {
        vft_simd_force((vft_simd)tier);
        memcpy(got, in, sizeof got);
        vft_poseidon_permute_trace(got, N, sbox[1]);
        if (round == VFT_POSEIDON_ROUNDS) assert_memory_equal(got, want, sizeof got);
        assert_memory_equal(sbox[1], sbox[0], sizeof sbox[0]);
      }
    }
}

static void sponge_and_compression(void **state) {
  (void)state;
  vft_fp in[40];
  for (int i = 0; i < 40; i++) in[i] = test_fp();
  for (size_t n = 0; n <= 40; n++) {
    vft_poseidon_state st = {{{0}}};
    st.s[8].v = n;
    for (size_t i = 0; i < n; i += 8) {
      for (size_t k = 0; k < 8 && i + k < n; k++) st.s[k] = vft_fp_add(st.s[k], in[i + k]);
      reference(&st, NULL);
    }
    if (n == 0) reference(&st, NULL);
    vft_poseidon_digest d = vft_poseidon_hash(in, n);
    assert_memory_equal(d.e, st.s, sizeof d.e);
  }
  /* Many inputs at once, under a domain. */
  for (size_t n = 0; n <= 20; n++) {
    vft_fp many[35 * 20];
    vft_poseidon_digest got[35];
    for (size_t i = 0; i < 35 * n; i++) many[i] = test_fp();
    vft_poseidon_hash_many(7, many, n, 35, got);
    for (size_t j = 0; j < 35; j++) {
      vft_poseidon_state st = {{{0}}};
      st.s[8].v = n;
      st.s[10].v = 7;
      for (size_t i = 0; i == 0 || i < n; i += 8) {
        for (size_t k = 0; k < 8 && i + k < n; k++)
          st.s[k] = vft_fp_add(st.s[k], many[j * n + i + k]);
        reference(&st, NULL);
      }
      assert_memory_equal(got[j].e, st.s, sizeof got[j].e);
    }
  }
  /* Trailing zeros change the hash although they leave the absorbed words alike. */
  in[9] = (vft_fp){0};
  vft_poseidon_digest a = vft_poseidon_hash(in, 9), b = vft_poseidon_hash(in, 10);
  assert_memory_not_equal(&a, &b, sizeof a);

  vft_poseidon_digest pairs[2 * 37], out[37];
  for (int i = 0; i < 2 * 37; i++)
    for (int k = 0; k < 4; k++) pairs[i].e[k] = test_fp();
  vft_poseidon_compress(pairs, out, 37);
  for (int i = 0; i < 37; i++) {
    vft_poseidon_state st = {{{0}}};
    memcpy(st.s, &pairs[2 * i], 64);
    st.s[9].v = 1;
    reference(&st, NULL);
    assert_memory_equal(out[i].e, st.s, 32);
  }
  vft_poseidon_compress(pairs, pairs, 37);
  assert_memory_equal(pairs, out, sizeof out);
}

/* Every square submatrix of an MDS matrix is regular; 1 x 1 and 2 x 2 here, all sizes for the
 * leading ones. A typing error in an entry would most likely show in the known answers anyway. */
static void matrix_minors(void **state) {
  (void)state;
  vft_fp m[W][W];
  for (int r = 0; r < W; r++)
    for (int c = 0; c < W; c++)
      m[r][c].v = vft_poseidon_circulant[(c + W - r) % W] + (r + c == 0 ? 8 : 0);
  for (int r = 0; r < W; r++)
    for (int c = 0; c < W; c++)
      for (int s = r + 1; s < W; s++)
        for (int d = c + 1; d < W; d++)
          assert_true(vft_fp_mul(m[r][c], m[s][d]).v != vft_fp_mul(m[r][d], m[s][c]).v);
  /* Elimination without pivoting runs through exactly when all leading minors are regular. */
  for (int k = 0; k < W; k++) {
    assert_true(m[k][k].v != 0);
    vft_fp inv = vft_fp_inv(m[k][k]);
    for (int r = k + 1; r < W; r++) {
      vft_fp f = vft_fp_mul(m[r][k], inv);
      for (int c = k; c < W; c++) m[r][c] = vft_fp_sub(m[r][c], vft_fp_mul(f, m[k][c]));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(batches_follow_the_definition),
      cmocka_unit_test(edges_in_every_lane),
      cmocka_unit_test(edges_in_every_round),
      cmocka_unit_test(sponge_and_compression),
      cmocka_unit_test(matrix_minors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
