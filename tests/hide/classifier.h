/* A classifier that tries to tell two classes of samples of equal length apart by their bits. It
 * sees each sample once, so that there may be any number of them. */
#ifndef TESTS_HIDE_CLASSIFIER_H
#define TESTS_HIDE_CLASSIFIER_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  double value, low, high; /* 95 % confidence */
} auroc;

typedef struct {
  size_t bit;
  double gap, weight[2]; /* log-likelihood ratio of the bit being 0, 1 */
} classifier_feature;

enum { CLASSIFIER_KEPT = 64, CLASSIFIER_MOST = 1 << 15 };
typedef struct {
  size_t len;
  int learnt[2], tested[2];
  uint16_t *ones[2]; /* of each bit, how many samples have it */
  classifier_feature kept[CLASSIFIER_KEPT];
  double *score[2];
} classifier;

static inline void classifier_init(classifier *x, size_t len) {
  memset(x, 0, sizeof *x);
  x->len = len;
  for (int c = 0; c < 2; c++) {
    x->ones[c] = calloc(8 * len, sizeof *x->ones[c]);
    x->score[c] = calloc(CLASSIFIER_MOST, sizeof *x->score[c]);
    if (!x->ones[c] || !x->score[c]) abort();
  }
}

static inline void classifier_free(classifier *x) {
  for (int c = 0; c < 2; c++) {
    free(x->ones[c]);
    free(x->score[c]);
  }
}

/* A sample to learn from; all of them come before those that it is tested on. */
static inline void classifier_learn(classifier *x, int c, const uint8_t *bytes) {
  if (x->learnt[c]++ == CLASSIFIER_MOST) abort();
  for (size_t k = 0; k < 8 * x->len; k++)
    x->ones[c][k] = (uint16_t)(x->ones[c][k] + (bytes[k / 8] >> (k % 8) & 1));
}

/* Naive Bayes over the bits, of all bits of all bytes, that differ most between the classes. */
static inline void classifier_choose(classifier *x) {
  size_t n = 0;
  for (size_t k = 0; k < 8 * x->len; k++) {
    double p = (x->ones[0][k] + 0.5) / (x->learnt[0] + 1);
    double q = (x->ones[1][k] + 0.5) / (x->learnt[1] + 1), gap = fabs(p - q);
    if (n == CLASSIFIER_KEPT && gap <= x->kept[n - 1].gap) continue;
    size_t at = n < CLASSIFIER_KEPT ? n++ : n - 1;
    for (; at && gap > x->kept[at - 1].gap; at--) x->kept[at] = x->kept[at - 1];
    x->kept[at] = (classifier_feature){k, gap, {log((1 - q) / (1 - p)), log(q / p)}};
  }
}

static inline void classifier_test(classifier *x, int c, const uint8_t *bytes) {
  if (x->tested[c] == CLASSIFIER_MOST) abort();
  double *score = &x->score[c][x->tested[c]++];
  for (int k = 0; k < CLASSIFIER_KEPT; k++) {
    const classifier_feature *f = &x->kept[k];
    *score += f->weight[bytes[f->bit / 8] >> (f->bit % 8) & 1];
  }
}

/* Of both classes the same number of samples has been tested. */
static inline auroc classifier_auroc(const classifier *x) {
  double wins = 0, t = x->tested[0];
  for (int i = 0; i < x->tested[0]; i++)
    for (int j = 0; j < x->tested[1]; j++) {
      double a = x->score[0][i], b = x->score[1][j];
      wins += b > a ? 1 : b < a ? 0 : 0.5;
    }
  /* Hanley and McNeil's standard error, for the logarithm of the odds: of equal distributions one
   * interval of twenty then misses 0.5, however few samples there are. */
  double v = wins / (t * t), q1 = v / (2 - v), q2 = 2 * v * v / (1 + v), odds = v / (1 - v);
  double e = sqrt((v * (1 - v) + (t - 1) * (q1 - v * v) + (t - 1) * (q2 - v * v)) / (t * t));
  if (v <= 0 || v >= 1) return (auroc){v, v, v};
  double factor = exp(1.96 * e / (v * (1 - v)));
  return (auroc){v, odds / (odds + factor), odds / (odds + 1 / factor)};
}

/* Of n samples of each class: learns from the first half, is tested on the second. */
static inline auroc classify(uint8_t *const *a, uint8_t *const *b, int n, size_t len) {
  classifier x;
  classifier_init(&x, len);
  for (int i = 0; i < n; i++) {
    if (i == n / 2) classifier_choose(&x);
    for (int c = 0; c < 2; c++)
      (i < n / 2 ? classifier_learn : classifier_test)(&x, c, c ? b[i] : a[i]);
  }
  auroc r = classifier_auroc(&x);
  classifier_free(&x);
  return r;
}

#endif
