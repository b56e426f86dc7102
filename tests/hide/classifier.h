/* A classifier that tries to tell two sets of proofs of equal length apart by their bits. */
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

static int classifier_by_gap(const void *a, const void *b) {
  double x = ((const classifier_feature *)a)->gap, y = ((const classifier_feature *)b)->gap;
  return x < y ? 1 : x > y ? -1 : 0;
}

/* Naive Bayes over the 64 bits, of all bits of all bytes, that differ most between the first halves
 * of both sets; tested on the second halves. */
static auroc classify(uint8_t *const *a, uint8_t *const *b, int n, size_t len) {
  enum { KEPT = 64 };
  int train = n / 2, test = n - train;
  classifier_feature *f = calloc(8 * len, sizeof *f);
  for (size_t k = 0; k < 8 * len; k++) {
    int ones[2] = {0, 0};
    for (int i = 0; i < train; i++) {
      ones[0] += a[i][k / 8] >> (k % 8) & 1;
      ones[1] += b[i][k / 8] >> (k % 8) & 1;
    }
    double p = (ones[0] + 0.5) / (train + 1), q = (ones[1] + 0.5) / (train + 1);
    f[k] = (classifier_feature){k, fabs(p - q), {log((1 - q) / (1 - p)), log(q / p)}};
  }
  qsort(f, 8 * len, sizeof *f, classifier_by_gap);
  double *score[2];
  for (int c = 0; c < 2; c++) {
    score[c] = calloc((size_t)test, sizeof **score);
    for (int i = 0; i < test; i++)
      for (int k = 0; k < KEPT; k++) {
        const uint8_t *bytes = c ? b[train + i] : a[train + i];
        score[c][i] += f[k].weight[bytes[f[k].bit / 8] >> (f[k].bit % 8) & 1];
      }
  }
  double wins = 0;
  for (int i = 0; i < test; i++)
    for (int j = 0; j < test; j++)
      wins += score[1][j] > score[0][i] ? 1 : score[1][j] < score[0][i] ? 0 : 0.5;
  free(score[0]);
  free(score[1]);
  free(f);
  /* Hanley and McNeil's standard error */
  double t = test, v = wins / (t * t), q1 = v / (2 - v), q2 = 2 * v * v / (1 + v);
  double e = sqrt((v * (1 - v) + (t - 1) * (q1 - v * v) + (t - 1) * (q2 - v * v)) / (t * t));
  return (auroc){v, v - 1.96 * e, v + 1.96 * e};
}

#endif
