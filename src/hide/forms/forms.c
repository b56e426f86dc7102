/* Linear forms for elements of E (field/goldilocks.h). */
#include "field/goldilocks.h"
#include "hide/record.h"

static vft_known known(vft_ext a) { return (vft_known){{a.c[0], a.c[1], a.c[2]}}; }
static vft_ext of_known(vft_known a) { return (vft_ext){{a.c[0], a.c[1], a.c[2]}, 0}; }
static vft_plain_value plain(vft_known a) {
  return (vft_plain_value){{a.c[0].v, a.c[1].v, a.c[2].v}};
}
static vft_plain_value small(uint64_t x) { return (vft_plain_value){{x, 0, 0}}; }

vft_ext vft_ext_from_fp(vft_fp a) { return (vft_ext){{a, {0}, {0}}, 0}; }
vft_ext vft_ext_from_i64(int64_t x) { return vft_ext_from_fp(vft_fp_from_i64(x)); }

static vft_ext sum(vft_ext a, vft_ext b, uint64_t sign) {
  vft_ext s = of_known(sign == 1 ? vft_known_add(known(a), known(b))
                                 : vft_known_sub(known(a), known(b)));
  if (!b.form)
    s.form = a.form;
  else if (!a.form && sign == 1)
    s.form = b.form;
  else
    s.form = vft_note_combine(small(1), a.form, small(sign), b.form);
  return s;
}

vft_ext vft_ext_add(vft_ext a, vft_ext b) { return sum(a, b, 1); }
vft_ext vft_ext_sub(vft_ext a, vft_ext b) { return sum(a, b, VFT_P - 1); }
vft_ext vft_ext_neg(vft_ext a) { return vft_ext_sub(VFT_EXT_ZERO, a); }

vft_ext vft_ext_mul(vft_ext a, vft_ext b) {
  if (a.form && b.form) {
    vft_ext z = VFT_EXT_ZERO;
    z.form = vft_note_product(plain(known(a)), a.form, plain(known(b)), b.form);
    return z;
  }
  vft_ext p = of_known(vft_known_mul(known(a), known(b)));
  if (a.form && !vft_known_is_zero(known(b)))
    p.form = vft_note_combine(plain(known(b)), a.form, small(0), 0);
  if (b.form && !vft_known_is_zero(known(a)))
    p.form = vft_note_combine(plain(known(a)), b.form, small(0), 0);
  return p;
}

vft_ext vft_ext_mul_fp(vft_ext a, vft_fp b) { return vft_ext_mul(a, vft_ext_from_fp(b)); }

int vft_ext_is_zero(vft_ext a) {
  if (!a.form) return vft_known_is_zero(known(a));
  vft_note_is_zero(plain(known(a)), a.form);
  return 1;
}

int vft_ext_is_nonzero(vft_ext a) {
  if (!a.form) return vft_known_is_nonzero(known(a));
  vft_note_is_nonzero(plain(known(a)), a.form);
  return 1;
}

int vft_ext_eq(vft_ext a, vft_ext b) { return vft_ext_is_zero(vft_ext_sub(a, b)); }

/* ---- the channel ---- */

vft_status vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  vft_plain_value *x = vft_alloc(n, sizeof *x);
  if (!x) return VFT_RESOURCE;
  vft_status st = vft_note_receive(ch, label, x, n);
  for (size_t i = 0; i < n && st == VFT_OK; i++)
    v[i] = (vft_ext){{{x[i].c[0]}, {x[i].c[1]}, {x[i].c[2]}}, vft_note_pad()};
  vft_free(x);
  return st;
}

/* It is a verifier that runs here, whoever's channel it is. */
bool vft_channel_is_prover(const vft_channel *ch) {
  (void)ch;
  return false;
}

vft_ext vft_channel_challenge_ext(vft_channel *ch, const char *label) {
  vft_plain_value x = vft_note_challenge(ch, label);
  return (vft_ext){{{x.c[0]}, {x.c[1]}, {x.c[2]}}, 0};
}
