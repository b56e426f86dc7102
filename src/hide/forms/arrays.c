/* Arrays of forms: what the verifier uses of field/batch.h before the opening. */
#include "field/batch.h"
#include "hide/record.h"

vft_ext vft_ext_dot_elem(vft_elem type, const void *t, const vft_ext *b, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  if (type != VFT_ELEM_I64 && type != VFT_ELEM_FP) vft_note_refuse("an array of this type");
  for (size_t i = 0; i < n; i++) {
    vft_fp x = type == VFT_ELEM_FP ? ((const vft_fp *)t)[i]
                                   : vft_fp_from_i64(((const int64_t *)t)[i]);
    s = vft_ext_add(s, vft_ext_mul_fp(b[i], x));
  }
  return s;
}

void vft_eq_table(vft_ext *out, const vft_ext *point, unsigned vars, vft_ext scale, size_t len) {
  if (!len) return;
  out[0] = scale;
  size_t have = 1;
  for (unsigned b = 0; b < vars; b++, have *= 2) {
    for (size_t i = 0; i < have && i < len; i++) {
      vft_ext high = vft_ext_mul(out[i], point[b]);
      if (i + have < len) out[i + have] = high;
      out[i] = vft_ext_sub(out[i], high);
    }
  }
}

vft_ext vft_eq_index(const vft_ext *point, unsigned vars, uint64_t index) {
  vft_ext e = VFT_EXT_ONE;
  for (unsigned b = 0; b < vars; b++)
    e = vft_ext_mul(e, index >> b & 1 ? point[b] : vft_ext_sub(VFT_EXT_ONE, point[b]));
  return e;
}

/* x y + (1 - x)(1 - y) = (1 - x) + y (2 x - 1) */
vft_ext vft_eq_point(const vft_ext *x, const vft_ext *y, unsigned vars) {
  vft_ext e = VFT_EXT_ONE;
  for (unsigned b = 0; b < vars; b++) {
    vft_ext less = vft_ext_sub(VFT_EXT_ONE, x[b]);
    e = vft_ext_mul(e, vft_ext_add(less, vft_ext_mul(y[b], vft_ext_sub(x[b], less))));
  }
  return e;
}
