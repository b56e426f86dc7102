#include "verify/functional.h"

#include <string.h>

#include "argument/poly_util.h"
#include "field/arrays.h"
#include "relation/layout.h"

static vft_ext one_minus(vft_ext z) { return vft_ext_sub(VFT_EXT_ONE, z); }

vft_ext vft_eq_iota(const vft_ext *z, unsigned n) {
  vft_ext s = VFT_EXT_ZERO;
  for (unsigned b = 0; b < n; b++)
    s = vft_ext_add(s, vft_ext_mul_fp(z[b], vft_fp_from_u64((uint64_t)1 << b)));
  return s;
}

vft_ext vft_weight_at(const vft_weight *w, uint32_t i) {
  if (w->kind == VFT_W_ONES) return VFT_EXT_ONE;
  if (w->kind == VFT_W_VEC) return w->v[i];
  return vft_eq_index(w->v, vft_log2_ceil(w->size), i);
}

vft_ext vft_weight_sum(const vft_weight *w) {
  if (w->kind == VFT_W_ONES) return vft_ext_from_fp(vft_fp_from_u64(w->size));
  if (w->kind == VFT_W_EQ) return vft_poly_eq_prefix(w->v, vft_log2_ceil(w->size), w->size);
  vft_ext s = VFT_EXT_ZERO;
  for (uint32_t i = 0; i < w->size; i++) s = vft_ext_add(s, w->v[i]);
  return s;
}

void vft_weight_expand(const vft_weight *w, vft_ext scale, vft_ext *out) {
  if (w->kind == VFT_W_EQ) {
    vft_eq_table(out, w->v, vft_log2_ceil(w->size), scale, w->size);
    return;
  }
  for (uint32_t i = 0; i < w->size; i++)
    out[i] = w->kind == VFT_W_ONES ? scale : vft_ext_mul(scale, w->v[i]);
}

/* sum over i < 2^n of eq(z, i) [0 <= i + delta < size] eq(p, i + delta), p of m = log2ceil(size)
 * coordinates, by an automaton that reads the bits of i from the low end. With K = max(n, m) + 1
 * and -2^n < delta < size, i + delta lies in (-2^K, 2^K), so it is known from its residue modulo
 * 2^(K+1), where a negative value is at least 2^K > size. State: the carry of i + delta, and
 * whether the bits of j = i + delta read so far are below those of size. */
static vft_ext shifted_eq(const vft_ext *z, unsigned n, const vft_ext *p, uint32_t size,
                          int64_t delta) {
  unsigned m = vft_log2_ceil(size), top = (n > m ? n : m) + 1;
  uint64_t d = (uint64_t)delta; /* two's complement: bits 0 .. top are those of the residue */
  vft_ext state[2][2], next[2][2]; /* [carry][below] */
  memset(state, 0, sizeof state);
  state[0][0] = VFT_EXT_ONE;
  for (unsigned b = 0; b <= top; b++) {
    unsigned size_bit = (unsigned)((uint64_t)size >> b) & 1, d_bit = (unsigned)(d >> b) & 1;
    memset(next, 0, sizeof next);
    for (unsigned i_bit = 0; i_bit < (b < n ? 2u : 1u); i_bit++) {
      vft_ext zw = b >= n ? VFT_EXT_ONE : i_bit ? z[b] : one_minus(z[b]);
      for (unsigned carry = 0; carry < 2; carry++) {
        unsigned s = i_bit + d_bit + carry, j_bit = s & 1;
        if (b >= m && j_bit && !size_bit) continue; /* j >= 2^m, not below size */
        vft_ext w = zw;
        if (b < m) w = vft_ext_mul(w, j_bit ? p[b] : one_minus(p[b]));
        for (unsigned below = 0; below < 2; below++) {
          unsigned now = j_bit < size_bit ? 1 : j_bit > size_bit ? 0 : below;
          next[s >> 1][now] =
              vft_ext_add(next[s >> 1][now], vft_ext_mul(state[carry][below], w));
        }
      }
    }
    memcpy(state, next, sizeof state);
  }
  return vft_ext_add(state[0][1], state[1][1]);
}

vft_ext vft_weight_window(const vft_weight *w, uint32_t off, uint32_t start, unsigned n,
                          const vft_ext *z) {
  int64_t delta = (int64_t)start - off, len = (int64_t)1 << n, size = w->size;
  if (delta >= size || delta + len <= 0) return VFT_EXT_ZERO;
  if (w->kind == VFT_W_ONES) {
    /* positions i with 0 <= i + delta < size */
    vft_ext hi = vft_poly_eq_prefix(z, n, (uint64_t)(size - delta < len ? size - delta : len));
    return delta >= 0 ? hi : vft_ext_sub(hi, vft_poly_eq_prefix(z, n, (uint64_t)-delta));
  }
  if (w->kind == VFT_W_EQ) {
    unsigned m = vft_log2_ceil(w->size);
    if (delta >= 0 && (delta & (len - 1)) == 0 && delta + len <= size) {
      vft_ext e = vft_eq_point(z, w->v, n);
      return vft_ext_mul(e, vft_eq_index(w->v + n, m - n, (uint64_t)delta >> n));
    }
    return shifted_eq(z, n, w->v, w->size, delta);
  }
  /* The explicit vector: fold it along z. Positions lo .. hi-1 of the window carry weights. */
  int64_t lo = delta < 0 ? -delta : 0, hi = size - delta < len ? size - delta : len;
  vft_ext sum = VFT_EXT_ZERO;
  if (n <= 12) {
    vft_ext table[1 << 12];
    vft_eq_table(table, z, n, VFT_EXT_ONE, (size_t)hi);
    for (int64_t i = lo; i < hi; i++)
      sum = vft_ext_add(sum, vft_ext_mul(table[i], w->v[i + delta]));
    return sum;
  }
  for (int64_t at = lo & ~(int64_t)4095; at < hi; at += 4096) {
    /* split the window into sub-windows of 2^12 positions */
    vft_ext part = vft_weight_window(w, off, (uint32_t)(start + at), 12, z);
    sum = vft_ext_add(sum, vft_ext_mul(part, vft_eq_index(z + 12, n - 12, (uint64_t)at >> 12)));
  }
  return sum;
}

static size_t weight_values(const vft_weight *w) {
  return w->kind == VFT_W_ONES ? 0 : w->kind == VFT_W_VEC ? w->size : vft_log2_ceil(w->size);
}

bool vft_weight_equal(const vft_weight *a, const vft_weight *b) {
  if (a->kind != b->kind || a->size != b->size) return false;
  if (a->v == b->v || weight_values(a) == 0) return true;
  return memcmp(a->v, b->v, weight_values(a) * sizeof *a->v) == 0;
}

bool vft_functional_equal(const vft_functional *a, const vft_functional *b) {
  if (a->tensor != b->tensor || a->rank != b->rank) return false;
  for (uint32_t i = 0; i < a->rank; i++)
    if (a->axis[i].off != b->axis[i].off || !vft_weight_equal(&a->axis[i].w, &b->axis[i].w))
      return false;
  return true;
}

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15ull;
  return h ^ h >> 29;
}

uint64_t vft_functional_hash(const vft_functional *f) {
  uint64_t h = mix(f->tensor, f->rank);
  for (uint32_t i = 0; i < f->rank; i++) {
    const vft_axis *a = &f->axis[i];
    h = mix(mix(mix(h, a->off), a->w.size), a->w.kind);
    size_t n = weight_values(&a->w);
    if (n) h = mix(mix(h, a->w.v[0].c[0].v), a->w.v[n - 1].c[1].v);
  }
  return h;
}
