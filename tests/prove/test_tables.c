/* The prover's dense tables against direct sums: bound tensors, rows of a committed tree, and the
 * weights of an opening against the verifier's closed form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "argument/poly_util.h"
#include "prove/bind.h"
#include "prove/commit.h"
#include "prove/opening.h"
#include "verify/toy.h"

static vft_ext rnd_ext(void) {
  return (vft_ext){{vft_fp_from_u64(toy_rnd64()), vft_fp_from_u64(toy_rnd64()),
                    vft_fp_from_u64(toy_rnd64())}};
}

static vft_array random_array(size_t n) {
  static const vft_dtype types[] = {VFT_I8, VFT_I16, VFT_U16, VFT_I32, VFT_I64};
  static const int64_t lo[] = {-128, -32768, 0, INT32_MIN, -(1ll << 62)};
  static const int64_t hi[] = {127, 32767, 65535, INT32_MAX, 1ll << 62};
  int k = (int)toy_rnd(0, 4);
  vft_array a = {types[k], vft_alloc(n, vft_dtype_size(types[k]))};
  for (size_t i = 0; i < n; i++)
    vft_array_set(&a, i, toy_rnd(0, 7) ? toy_rnd(lo[k], hi[k]) : toy_rnd(0, 1) ? lo[k] : hi[k]);
  return a;
}

/* Kept axes go to out in a random order. */
static void test_bind(void **state) {
  (void)state;
  for (int round = 0; round < 600; round++) {
    uint32_t rank = (uint32_t)toy_rnd(0, 4), dims[4], order[4];
    vft_bind_axis axis[4];
    vft_ext *weights[4] = {NULL};
    size_t n = 1, out_size = 1;
    bool tall = toy_rnd(0, 1);
    for (uint32_t a = 0; a < rank; a++) {
      int64_t most = rank == 1 ? 3000 : rank == 2 ? (a != tall ? 1100 : 40) : 9;
      dims[a] = (uint32_t)toy_rnd(1, most);
      n *= dims[a];
      order[a] = a;
    }
    for (uint32_t a = rank; a-- > 1;) {
      uint32_t b = (uint32_t)toy_rnd(0, a), t = order[a];
      order[a] = order[b];
      order[b] = t;
    }
    for (uint32_t k = 0; k < rank; k++) {
      uint32_t a = order[k];
      axis[a] = (vft_bind_axis){.size = (uint32_t)toy_rnd(toy_rnd(0, 1) ? dims[a] : 1, dims[a])};
      axis[a].off = (uint32_t)toy_rnd(0, dims[a] - axis[a].size);
      axis[a].kept = toy_rnd(0, 1);
      if (axis[a].kept) {
        axis[a].out_stride = out_size;
        out_size *= axis[a].size;
      } else if (toy_rnd(0, 2)) {
        weights[a] = vft_alloc(axis[a].size, sizeof(vft_ext));
        for (uint32_t i = 0; i < axis[a].size; i++) weights[a][i] = rnd_ext();
        axis[a].w = weights[a];
      }
    }
    vft_array array = random_array(n);
    vft_ext *out = vft_alloc(out_size, sizeof *out), *want = vft_alloc(out_size, sizeof *want);
    for (size_t i = 0; i < out_size; i++) out[i] = rnd_ext();
    for (size_t i = 0; i < n; i++) {
      size_t rest = i, at = 0;
      bool inside = true;
      vft_ext w = vft_ext_from_i64(vft_array_get(&array, i));
      for (uint32_t a = rank; a-- > 0;) {
        size_t c = rest % dims[a];
        rest /= dims[a];
        inside = inside && c >= axis[a].off && c < axis[a].off + axis[a].size;
        if (!inside) break;
        if (axis[a].kept)
          at += (c - axis[a].off) * axis[a].out_stride;
        else if (axis[a].w)
          w = vft_ext_mul(w, axis[a].w[c - axis[a].off]);
      }
      if (inside) want[at] = vft_ext_add(want[at], w);
    }
    assert_int_equal(vft_bind(&array, dims, rank, axis, out), VFT_OK);
    assert_memory_equal(out, want, out_size * sizeof *out);
    for (uint32_t a = 0; a < rank; a++) vft_free(weights[a]);
    vft_free(array.data);
    vft_free(out);
    vft_free(want);
  }
}

enum { TREES = 3, BOXES = 4, CLAIMS = 40, LONG = 700 };

static void random_boxes(vft_box *box) {
  for (int b = 0; b < BOXES; b++) {
    box[b].rank = (uint32_t)toy_rnd(0, 4);
    for (uint32_t a = 0; a < box[b].rank; a++)
      box[b].dims[a] = (uint32_t)toy_rnd(1, box[b].rank < 3 ? 40 : 7);
    if (box[b].rank > 1 && box[b].rank < 4 && toy_rnd(0, 2) == 0) /* a long axis, a short last one */
      box[b].dims[box[b].rank - 2] = (uint32_t)toy_rnd(1, LONG);
  }
}

static void test_weights(void **state) {
  (void)state;
  for (int round = 0; round < 30; round++) {
    vft_layout layout[TREES];
    const vft_layout *ref[TREES];
    vft_box box[TREES][BOXES];
    vft_matrix m;
    unsigned c = (unsigned)toy_rnd(1, 9);
    for (int t = 0; t < TREES; t++) {
      random_boxes(box[t]);
      assert_int_equal(vft_layout_init(&layout[t], box[t], BOXES), VFT_OK);
      ref[t] = &layout[t];
    }
    assert_int_equal(vft_matrix_init(&m, ref, TREES, c), VFT_OK);
    for (uint32_t i = 1; i < TREES; i++) /* rows in order, apart, blocks aligned */
      assert_true(m.row_offset[m.place[i]] >=
                  m.row_offset[m.place[i - 1]] + m.rows[m.place[i - 1]]);
    for (uint32_t t = 0; t < TREES; t++)
      for (uint32_t b = 0; b < layout[t].nblocks; b++)
        assert_int_equal(((m.row_offset[t] << c) + layout[t].blocks[b].offset) &
                             (((uint64_t)1 << layout[t].blocks[b].log_size) - 1),
                         0);
    static vft_ext values[CLAIMS][4][LONG];
    static vft_axis axes[CLAIMS][4];
    vft_opening_claim claim[CLAIMS];
    for (int i = 0; i < CLAIMS; i++) {
      uint32_t t = (uint32_t)toy_rnd(0, TREES - 1), b = (uint32_t)toy_rnd(0, BOXES - 1);
      for (uint32_t a = 0; a < box[t][b].rank; a++) {
        uint32_t d = box[t][b].dims[a], size = (uint32_t)toy_rnd(toy_rnd(0, 1) ? d : 1, d);
        bool shared = i > 0 && toy_rnd(0, 1); /* weights that several claims have in common */
        for (int k = 0; k < LONG; k++) values[i][a][k] = rnd_ext();
        axes[i][a] = (vft_axis){{(vft_weight_kind)toy_rnd(0, 2), size,
                                 shared ? values[i - 1][a] : values[i][a]},
                                (uint32_t)toy_rnd(0, d - size)};
      }
      claim[i] = (vft_opening_claim){t, rnd_ext(), {b, box[t][b].rank, axes[i]}};
    }
    assert_int_equal(vft_opening_sort(claim, CLAIMS), VFT_OK);
    vft_opening o = {&m, claim, CLAIMS};
    size_t total = (size_t)1 << (m.k0 + c);
    vft_ext *dense = vft_alloc(total, sizeof *dense), *want = vft_alloc(total, sizeof *want);
    for (uint32_t t = 0; t < TREES; t++)
      assert_int_equal(vft_opening_weights(&o, t, dense + (m.row_offset[t] << c)), VFT_OK);
    for (int i = 0; i < CLAIMS; i++) { /* entry by entry */
      const vft_layout *lay = &layout[claim[i].tree];
      for (uint32_t k = lay->first[claim[i].f.tensor]; k < lay->first[claim[i].f.tensor + 1]; k++) {
        const vft_block *b = &lay->blocks[lay->by_box[k]];
        for (size_t j = 0; j < (size_t)1 << b->log_size; j++) {
          size_t rest = j;
          vft_ext w = claim[i].coef;
          for (uint32_t a = claim[i].f.rank; a-- > 0;) {
            const vft_axis *x = &claim[i].f.axis[a];
            size_t at = b->start[a] + (rest & (((size_t)1 << b->log[a]) - 1));
            rest >>= b->log[a];
            w = at < x->off || at >= x->off + x->w.size
                    ? VFT_EXT_ZERO
                    : vft_ext_mul(w, vft_weight_at(&x->w, (uint32_t)(at - x->off)));
          }
          vft_ext *out = &want[(m.row_offset[claim[i].tree] << c) + b->offset + j];
          *out = vft_ext_add(*out, w);
        }
      }
    }
    assert_memory_equal(dense, want, total * sizeof *dense);
    vft_ext point[40], value;
    for (unsigned b = 0; b < m.k0 + c; b++) point[b] = rnd_ext();
    assert_int_equal(vft_opening_weight(&o, point, &value), VFT_OK);
    assert_true(vft_ext_eq(value, vft_poly_mle_ext(dense, total, point, m.k0 + c)));
    vft_free(dense);
    vft_free(want);
    vft_matrix_free(&m);
    for (int t = 0; t < TREES; t++) vft_layout_free(&layout[t]);
  }
}

/* Rows of a tree hold every element once, at its block's place, zeros at the end. */
static void test_rows(void **state) {
  (void)state;
  for (int round = 0; round < 20; round++) {
    vft_box box[BOXES];
    vft_array array[BOXES];
    vft_commitment *tree;
    unsigned c = (unsigned)toy_rnd(3, 8);
    random_boxes(box);
    for (int b = 0; b < BOXES; b++) {
      size_t n = 1;
      for (uint32_t a = 0; a < box[b].rank; a++) n *= box[b].dims[a];
      array[b] = random_array(n);
    }
    assert_int_equal(vft_commit_tensors(&tree, box, array, BOXES, c, 1, VFT_HASH_BLAKE3, 0),
                     VFT_OK);
    const vft_layout *lay = vft_commitment_layout(tree);
    size_t rows = (lay->length + (1u << c) - 1) >> c;
    vft_fp *all = vft_alloc(rows << c, sizeof *all);
    for (size_t r = 0; r < rows; r++) vft_commitment_row(tree, r, all + (r << c));
    for (uint32_t k = 0; k < lay->nblocks; k++) {
      const vft_block *b = &lay->blocks[k];
      for (size_t j = 0; j < (size_t)1 << b->log_size; j++) {
        size_t rest = j, at = 0, stride = 1;
        for (uint32_t a = box[b->box].rank; a-- > 0;) {
          at += (b->start[a] + (rest & (((size_t)1 << b->log[a]) - 1))) * stride;
          rest >>= b->log[a];
          stride *= box[b->box].dims[a];
        }
        assert_true(all[b->offset + j].v ==
                    vft_fp_from_i64(vft_array_get(&array[b->box], at)).v);
      }
    }
    for (size_t i = lay->length; i < rows << c; i++) assert_true(all[i].v == 0);
    vft_free(all);
    vft_commitment_free(tree);
    for (int b = 0; b < BOXES; b++) vft_free(array[b].data);
  }
}

int main(void) {
  print_message("seed %llx\n", (unsigned long long)toy_seed);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bind), cmocka_unit_test(test_weights),
                                     cmocka_unit_test(test_rows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
