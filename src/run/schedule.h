/* Learning rate, weight decay and epsilon of every step as the integers that the step's program
 * takes as public inputs. A function of the manifest and the step's index alone. */
#ifndef VFT_RUN_SCHEDULE_H
#define VFT_RUN_SCHEDULE_H

#include <stdint.h>

#include "base/status.h"
#include "model/fixmath.h"
#include "program/step.h"
#include "run/manifest.h"

/* Learning rate of step t < steps: peak * (t + 1) / (w + 1) for t < w, w the warmup steps;
 * afterwards with p = (t - w) / (steps - w)
 *   cosine   peak * (1 + cos(pi p)) / 2
 *   linear   peak * (1 - p)
 *   constant peak
 * so that no step has rate 0. Fails: VFT_USAGE (the manifest's decimals). */
VFT_MUST_CHECK vft_status vft_schedule_rate(const vft_manifest *manifest, uint64_t t,
                                            vft_fix *rate);

/* Elements of the program's per-proof PUBLIC inputs; one pointer a tensor. */
typedef struct {
  int64_t **value; /* ntensors entries, NULL for other tensors */
  uint32_t n;
} vft_step_inputs;

/* With T = t + 1, b1 = beta1_q16 / 2^16, b2 = 1 - 1/D2, rnd(x) = floor(x + 1/2):
 *   LR     = rnd(rate sqrt(1 - b2^T) / (1 - b1^T) 2^29)
 *   WD     = rnd(rate weight_decay 2^30)
 *   EPS[l] = max(1, rnd(epsilon sqrt(1 - b2^T) 2^(f_g[l] + 5))), f_g the exponent of the scaled
 *            gradient of that matrix and layer.
 * A part of the step without these inputs gets none.
 * Fails: VFT_USAGE when a value leaves the bounds that the program declares, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_schedule_inputs(const vft_manifest *manifest, const vft_step *step,
                                              uint64_t t, vft_step_inputs *out);
void vft_step_inputs_free(vft_step_inputs *inputs);

/* ceil(ratio * steps). Fails: VFT_USAGE. */
VFT_MUST_CHECK vft_status vft_schedule_warmup(const char *ratio, uint64_t steps, uint64_t *out);

#endif
