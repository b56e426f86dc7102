/* A slow WHIR prover for tests: dense tables, sums from the definition, codes by evaluating
 * polynomials, Merkle trees node by node. It shares with the library only scalars, the channel
 * and the definition of a leaf; its proofs must equal the library's byte for byte. Faults can be
 * planted to act as a cheating prover. */
#ifndef VFT_TESTS_ARGUMENT_WHIR_REFERENCE_H
#define VFT_TESTS_ARGUMENT_WHIR_REFERENCE_H

#include <stdlib.h>
#include <string.h>

#include "argument/whir_params.h"
#include "merkle/path.h"
#include "poly/rs.h"

typedef struct {
  int bad_message;     /* number of the sumcheck message to falsify, counted from 1; 0: none */
  int bad_last;        /* falsify the last vector */
  int bad_fold;        /* level whose folded vector is replaced by another, from 1; 0: none */
  double corrupt_code; /* fraction of tree 0's columns that are replaced by noise */
} ref_fault;

typedef struct {
  vft_hash_kind hash;
  size_t words; /* base elements a column */
  unsigned log_n;
  vft_fp *column;    /* 2^log_n * words */
  vft_digest *nodes; /* leaves first, then level by level */
} ref_tree;

static inline void ref_tree_hash(ref_tree *t) {
  size_t n = (size_t)1 << t->log_n, at = 0;
  if (!t->nodes) t->nodes = malloc(2 * n * sizeof *t->nodes);
  for (size_t j = 0; j < n; j++)
    t->nodes[j] = vft_merkle_leaf(t->hash, t->column + j * t->words, t->words, t->log_n);
  for (size_t w = n; w > 1; at += w, w /= 2)
    for (size_t i = 0; i < w / 2; i++)
      vft_merkle_nodes(t->hash, &t->nodes[at + 2 * i], &t->nodes[at + w + i], 1);
}

static inline vft_digest ref_tree_root(const ref_tree *t) {
  return t->nodes[((size_t)2 << t->log_n) - 2];
}

/* rows of base elements, row-major, each a polynomial's coefficients. */
static inline ref_tree ref_tree_make(vft_hash_kind hash, const vft_fp *rows, size_t n_rows,
                                     unsigned log_msg, unsigned log_n) {
  ref_tree t = {.hash = hash, .words = n_rows, .log_n = log_n};
  size_t n = (size_t)1 << log_n, len = (size_t)1 << log_msg;
  t.column = malloc(n * n_rows * sizeof *t.column);
  for (size_t j = 0; j < n; j++) {
    vft_fp x = vft_rs_point(log_n, j);
    for (size_t r = 0; r < n_rows; r++) {
      vft_fp v = {0};
      for (size_t i = len; i--;) v = vft_fp_add(vft_fp_mul(v, x), rows[r * len + i]);
      t.column[j * n_rows + r] = v;
    }
  }
  ref_tree_hash(&t);
  return t;
}

static inline void ref_tree_free(ref_tree *t) {
  free(t->column);
  free(t->nodes);
}

static inline vft_status ref_open(vft_channel *ch, const ref_tree *t, const uint32_t *index,
                                  size_t n, size_t drawn) {
  size_t cap = 1; /* nodes of the cap: all of them are sent, and nothing above */
  while (t->hash == VFT_HASH_POSEIDON && 2 * cap <= drawn && cap >> t->log_n == 0) cap *= 2;
  size_t at = 0;
  for (size_t i = 0; i < n; i++)
    TRY(vft_channel_send_opening(ch, t->column + index[i] * t->words,
                                 t->words * sizeof(vft_fp)));
  char *known = calloc((size_t)2 << t->log_n, 1);
  for (size_t i = 0; i < n; i++) known[index[i]] = 1;
  for (size_t w = (size_t)1 << t->log_n; w >= cap; at += w, w /= 2)
    for (size_t i = 0; i < w; i++) {
      if (w == cap) {
        if (known[at + i]) continue;
        vft_status st = vft_channel_send_opening(ch, &t->nodes[at + i], 32);
        if (st != VFT_OK) {
          free(known);
          return st;
        }
        continue;
      }
      if (!known[at + i]) continue;
      known[at + w + i / 2] = 1;
      if (known[at + (i ^ 1)]) continue;
      vft_status st = vft_channel_send_opening(ch, &t->nodes[at + (i ^ 1)], 32);
      if (st != VFT_OK) {
        free(known);
        return st;
      }
    }
  free(known);
  return VFT_OK;
}

typedef struct {
  vft_channel *ch;
  vft_ext *p, *w; /* the current vector and weights, 2^vars each */
  unsigned vars;
  int message;
  const ref_fault *fault;
} ref_state;

/* Binds variables `base` up to the top, lowest first. Keeps index order: the tables are
 * [row][column] and the row's low bit goes. */
static inline vft_status ref_sumcheck(ref_state *s, const char *label, unsigned base, vft_ext *z) {
  size_t cols = (size_t)1 << base;
  for (unsigned b = base; s->vars > base; b++) {
    size_t rows = (size_t)1 << (s->vars - base);
    /* h(0), h(1), h(2) from the definition; the coefficient of X^2 is
     * (h(0) - 2 h(1) + h(2)) / 2. */
    vft_ext h[3] = {VFT_EXT_ZERO, VFT_EXT_ZERO, VFT_EXT_ZERO};
    for (size_t r = 0; r < rows; r += 2)
      for (size_t c = 0; c < cols; c++) {
        vft_ext p = s->p[r * cols + c], w = s->w[r * cols + c];
        vft_ext dp = vft_ext_sub(s->p[(r + 1) * cols + c], p);
        vft_ext dw = vft_ext_sub(s->w[(r + 1) * cols + c], w);
        for (int x = 0; x < 3; x++) {
          h[x] = vft_ext_add(h[x], vft_ext_mul(p, w));
          p = vft_ext_add(p, dp);
          w = vft_ext_add(w, dw);
        }
      }
    vft_ext two = vft_ext_sub(vft_ext_add(h[0], h[2]), vft_ext_add(h[1], h[1]));
    vft_ext m[2] = {h[0], vft_ext_mul_fp(two, vft_fp_inv((vft_fp){2}))};
    if (++s->message == s->fault->bad_message) m[0] = vft_ext_add(m[0], VFT_EXT_ONE);
    TRY(vft_channel_send_ext(s->ch, label, m, 2));
    vft_ext r = vft_channel_challenge_ext(s->ch, label);
    z[b] = r;
    for (size_t i = 0; i < rows / 2; i++)
      for (size_t c = 0; c < cols; c++) {
        size_t lo = 2 * i * cols + c, hi = lo + cols;
        vft_ext fp = vft_ext_sub(s->p[hi], s->p[lo]), fw = vft_ext_sub(s->w[hi], s->w[lo]);
        s->p[i * cols + c] = vft_ext_add(s->p[lo], vft_ext_mul(r, fp));
        s->w[i * cols + c] = vft_ext_add(s->w[lo], vft_ext_mul(r, fw));
      }
    s->vars--;
  }
  return VFT_OK;
}

static inline void ref_put64(uint8_t *b, uint64_t x) {
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(x >> (8 * i));
}

/* p, w: dense tables of 2^(k0 + c); overwritten. code[t]: the committed trees. */
static inline vft_status ref_prove(vft_channel *ch, const vft_whir_params *q,
                                   const vft_whir_tree *tree, size_t trees, const ref_tree *code,
                                   vft_ext *p, vft_ext *w, vft_ext sigma,
                                   const ref_fault *fault) {
  uint8_t b[256] = {0};
  vft_ext z[VFT_WHIR_VARIABLES_MAX];
  ref_tree inner = {0};
  ref_put64(b, q->levels);
  ref_put64(b + 8, q->bits | (uint64_t)q->test_profile << 32);
  for (unsigned i = 0; i < q->levels; i++) {
    b[16 + 16 * i] = q->level[i].row_vars;
    b[17 + 16 * i] = q->level[i].log_msg;
    b[18 + 16 * i] = q->level[i].log_inv_rate;
    b[19 + 16 * i] = q->level[i].grind;
    ref_put64(b + 24 + 16 * i, q->level[i].queries);
  }
  vft_channel_absorb(ch, "whir/params", b, 16 + 16 * q->levels);
  vft_channel_absorb_u64(ch, "whir/trees", trees);
  for (size_t t = 0; t < trees; t++) {
    vft_channel_absorb_u64(ch, "whir/rows", tree[t].rows);
    vft_channel_absorb_u64(ch, "whir/offset", tree[t].row_offset);
    vft_channel_absorb_digest(ch, "whir/tree", &tree[t].root);
  }
  vft_channel_absorb_ext(ch, "whir/sigma", &sigma, 1);

  ref_state s = {.ch = ch, .p = p, .w = w, .fault = fault};
  s.vars = q->level[0].row_vars + q->level[0].log_msg;
  for (unsigned i = 0; i < q->levels; i++) {
    const vft_whir_level *l = &q->level[i];
    unsigned log_n = l->log_msg + l->log_inv_rate;
    size_t len = (size_t)1 << l->log_msg;
    ref_tree next = {0};
    TRY(ref_sumcheck(&s, "whir/sumcheck", l->log_msg, z));
    if (fault->bad_fold == (int)i + 1) s.p[0] = vft_ext_add(s.p[0], VFT_EXT_ONE);
    if (i + 1 < q->levels) {
      const vft_whir_level *n = &q->level[i + 1];
      size_t rows = (size_t)1 << n->row_vars, cols = (size_t)1 << n->log_msg;
      vft_fp *base = malloc(3 * len * sizeof *base);
      for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
          for (size_t k = 0; k < 3; k++)
            base[(3 * r + k) * cols + c] = s.p[r * cols + c].c[k];
      next = ref_tree_make(vft_channel_hash(ch), base, 3 * rows, n->log_msg,
                           n->log_msg + n->log_inv_rate);
      free(base);
      vft_digest root = ref_tree_root(&next);
      TRY(vft_channel_send_digest(ch, "whir/root", &root));
    } else {
      if (fault->bad_last) s.p[0] = vft_ext_add(s.p[0], VFT_EXT_ONE);
      TRY(vft_channel_send_ext(ch, "whir/last", s.p, len));
    }
    TRY(vft_channel_grind(ch, "whir/grind", l->grind));
    uint32_t *index = malloc(l->queries * sizeof *index);
    uint32_t *once = malloc(l->queries * sizeof *once);
    vft_channel_challenge_indices(ch, "whir/queries", (vft_query *)(void *)index, l->queries, log_n);
    size_t n = 0;
    for (uint32_t j = 0; j < (uint32_t)1 << log_n; j++) {
      /* in increasing order, once each */
      int hit = 0;
      for (uint32_t k = 0; k < l->queries && !hit; k++) hit = index[k] == j;
      if (!hit) continue;
      once[n++] = j;
    }
    if (i == 0) {
      for (size_t t = 0; t < trees; t++) TRY(ref_open(ch, &code[t], once, n, l->queries));
    } else {
      TRY(ref_open(ch, &inner, once, n, l->queries));
      ref_tree_free(&inner);
    }
    inner = next;
    if (i + 1 < q->levels) {
      vft_ext gamma = vft_channel_challenge_ext(ch, "whir/batch"), g = gamma;
      for (size_t j = 0; j < l->queries; j++, g = vft_ext_mul(g, gamma)) {
        vft_fp x = vft_rs_point(log_n, index[j]), power = {1};
        for (size_t col = 0; col < len; col++, power = vft_fp_mul(power, x))
          s.w[col] = vft_ext_add(s.w[col], vft_ext_mul_fp(g, power));
      }
    }
    free(index);
    free(once);
  }
  return ref_sumcheck(&s, "whir/last", 0, z);
}

#endif
