/* The ranges within which the builder's own arithmetic on exponents and bit counts is defined.
 * Profiles come from manifests, which are untrusted; whether a profile in range gives a step whose
 * bounds close is for the builder and the bound checker to say. */
#include <string.h>

#include "program/profile.h"

typedef struct {
  const char *prefix; /* of the field's name; the first rule that fits applies */
  int low, high;
} range;

static const range ranges[] = {
    {"n_grad", 2, 32},  /* one or two limbs */
    {"n_d", 2, 32},
    {"n_", 2, 16},      /* other narrow containers are 16 bits wide at most */
    {"w_r", 2, 28},     /* h r gain and r w2 stay within 2^61 */
    {"w_h", 17, 31},    /* two limbs */
    {"w_dh", 17, 31},
    {"w_s", 17, 30},
    {"w_", 2, 60},
    {"e_score", 1, 15}, /* a 16-bit table output */
    {"e_", 1, 30},      /* vft_table_exp */
    {"k_", 0, 60},
    {"f_score", 0, 16},
    {"f_logit", 0, 16},
    {"f_dsilu", 0, 15},
    {"f_rot", 0, 20},
    {"f_unrot", 0, 20},
    {"gate", 0, 15},
    {"w", -64, 64},     /* the layered exponents from here on */
    {"", -64, 64},
};

typedef struct {
  vft_status status;
} checker;

static void check(void *ctx, const char *name, int *values, size_t count) {
  checker *c = ctx;
  const range *r = ranges;
  while (strncmp(name, r->prefix, strlen(r->prefix))) r++;
  for (size_t i = 0; i < count && c->status == VFT_OK; i++)
    if (values[i] < r->low || values[i] > r->high)
      c->status = vft_fail(VFT_USAGE, "profile: %s = %d, expected %d..%d", name, values[i], r->low,
                           r->high);
}

vft_status vft_profile_check(const vft_profile *profile) {
  checker c = {VFT_OK};
  vft_profile_fields((vft_profile *)(uintptr_t)profile, check, &c);
  return c.status;
}
