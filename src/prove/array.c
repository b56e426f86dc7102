#include "prove/array.h"

enum { CHUNK = 512 };

static const void *element(const vft_array *a, size_t i) {
  return (const char *)a->data + i * vft_dtype_size(a->dtype);
}

static vft_elem elem_of(vft_dtype t) {
  switch (t) {
    case VFT_I8: return VFT_ELEM_I8;
    case VFT_I16: return VFT_ELEM_I16;
    case VFT_I32: return VFT_ELEM_I32;
    default: return VFT_ELEM_I64;
  }
}

static void load_u16(vft_fp *out, const uint16_t *x, size_t n) {
  for (size_t i = 0; i < n; i++) out[i].v = x[i];
}

void vft_array_load(vft_fp *out, const vft_array *a, size_t begin, size_t n) {
  if (a->dtype == VFT_U16)
    load_u16(out, element(a, begin), n);
  else
    vft_fp_load(out, elem_of(a->dtype), element(a, begin), n);
}

vft_ext vft_array_dot(const vft_array *a, size_t begin, const vft_ext *w, size_t n) {
  if (a->dtype != VFT_U16) return vft_ext_dot_elem(elem_of(a->dtype), element(a, begin), w, n);
  vft_fp block[CHUNK];
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i += CHUNK) {
    size_t m = n - i < CHUNK ? n - i : CHUNK;
    load_u16(block, element(a, begin + i), m);
    s = vft_ext_add(s, vft_ext_dot_elem(VFT_ELEM_FP, block, w + i, m));
  }
  return s;
}

void vft_array_axpy(vft_ext *out, vft_ext w, const vft_array *a, size_t begin, size_t n) {
  if (a->dtype != VFT_U16) {
    vft_ext_axpy_elem(out, w, elem_of(a->dtype), element(a, begin), n);
    return;
  }
  vft_fp block[CHUNK];
  for (size_t i = 0; i < n; i += CHUNK) {
    size_t m = n - i < CHUNK ? n - i : CHUNK;
    load_u16(block, element(a, begin + i), m);
    vft_ext_axpy_elem(out + i, w, VFT_ELEM_FP, block, m);
  }
}
