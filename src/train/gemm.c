#include "train/gemm.h"

#include <stdatomic.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "train/gemm_kernels.h"

enum {
  ROWS = VFT_GEMM_ROWS,
  MAX_DIGITS = 5,      /* 64 bits in balanced digits of 16 */
  STEP_B = 256,        /* bytes of a step of a full panel of B */
  MAX_K = 2048,        /* a panel of B stays in the second-level cache */
  MAX_A = 3 << 20,     /* bytes of A packed at a time */
  STAGE = 64,          /* values of k converted at a time */
  TASKS_A_THREAD = 8,  /* for an even load */
  SMALL = 1 << 20,     /* multiplications not worth waking a thread */
  F64_MAX_K = 64,      /* digits win for long sums of wide operands, doubles for short ones */
  F64_MAX_BITS = 53 - 6 /* of a product: 64 of them stay within 2^53 */
};

enum { MEMORY = 1, BOUND = 2 };

/* Where the elements of an operand lie and how wide they are. */
typedef struct {
  const char *data;
  vft_dtype dtype;
  ptrdiff_t row, k;
  size_t rows;
  unsigned digits; /* at most so many */
} operand;

/* What is known of a packed panel. */
typedef struct {
  unsigned digits, bits;     /* value = sum_d 2^(bits d) digit_d */
  uint32_t most[MAX_DIGITS]; /* A: greatest |digit|; B: greatest column sum over a block */
} panel;

typedef struct {
  const vft_gemm_ops *ops;
  vft_gemm_scheme scheme;
  const vft_gemm_task *task;
  operand a, b;
  size_t width_b; /* columns of a full panel of B */
  size_t step_a;  /* bytes of a step of a panel of A */
  /* this pass: products o0 .., rows m0 .., values k0 .. of k at offsets sa, sb of the sum axes */
  size_t o0, outer, m0, m, k0, k, steps, blocks;
  ptrdiff_t sa, sb;
  size_t panels_a, panels_b, groups;
  bool b_first; /* pack all of B before multiplying */
  bool replace; /* this pass is the first of a task that replaces c */
  char *pa, *pb;
  panel *ha, *hb;
  uint32_t *sums; /* of hb's panels: [panel][digit][block] */
  _Atomic int failed; /* MEMORY or BOUND */
} job;

static size_t ceil_div(size_t n, size_t d) { return (n + d - 1) / d; }
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The greatest digit of integers up to `most` after `digits - 1` carries out of `bits` bits. */
static uint64_t top_digit(uint64_t most, unsigned digits, unsigned bits) {
  while (--digits) most = (most >> bits) + (most >> (bits - 1) & 1);
  return most;
}

/* Fewest digits for |x| <= most. 16-bit digits may be -2^15, so one digit may as well. */
static unsigned count_digits(vft_dtype dtype, uint64_t most) {
  if (dtype == VFT_I8 || dtype == VFT_I16) return 1;
  unsigned n = 1;
  while (top_digit(most, n, 16) > INT16_MAX) n++;
  return n;
}

/* Digits of about the same size allow the longest sums. */
static unsigned digit_bits(uint64_t most, unsigned digits) {
  unsigned bits = 1;
  while (bits < 16 && top_digit(most, digits, bits) > (uint64_t)1 << (bits - 1)) bits++;
  return bits;
}

static const char *element(const operand *t, const char *base, size_t row, size_t k) {
  ptrdiff_t at = (ptrdiff_t)row * t->row + (ptrdiff_t)k * t->k;
  return base + at * (ptrdiff_t)vft_dtype_size(t->dtype);
}

/* ---- packing ---- */

static uint64_t max_abs(const job *w, const operand *t, const char *base, size_t rows) {
  uint64_t most = 0;
  bool along_k = t->k == 1, along_rows = !along_k && t->row == 1;
  size_t lines = along_rows ? w->k : rows, run = along_k ? w->k : along_rows ? rows : 1;
  for (size_t i = 0; i < lines; i++)
    for (size_t j = 0; j < (along_k || along_rows ? 1 : w->k); j++) {
      const char *x = along_rows ? element(t, base, 0, i) : element(t, base, i, j);
      uint64_t here = w->ops->max_abs(t->dtype, x, run);
      most = here > most ? here : most;
    }
  return most;
}

/* One digit of up to `lanes` rows, from value `from` of k on, through a buffer of 16-bit
 * integers in the order of the source. */
static void pack_staged(const job *w, const operand *t, const char *base, size_t rows, size_t from,
                        const panel *h, unsigned number, uint32_t *out, size_t width,
                        size_t lanes) {
  int16_t stage[VFT_GEMM_LANES * STAGE];
  unsigned bits = h->bits;
  bool last = number + 1 == h->digits;
  for (size_t k = from; k < w->k; k += STAGE) {
    size_t n = least(STAGE, w->k - k), pairs = ceil_div(n, 2);
    uint32_t *to = out + k / 2 * width;
    if (t->k == 1) {
      for (size_t i = 0; i < rows; i++) {
        w->ops->digit(stage + i * STAGE, t->dtype, element(t, base, i, k), n, bits, number, last);
        if (n % 2) stage[i * STAGE + n] = 0;
      }
      w->ops->pack_rows(to, width, lanes, stage, STAGE, rows, pairs);
      continue;
    }
    size_t run = t->row == 1 ? rows : 1;
    for (size_t j = 0; j < n; j++)
      for (size_t i = 0; i < rows; i += run)
        w->ops->digit(stage + j * VFT_GEMM_LANES + i, t->dtype, element(t, base, i, k + j), run,
                      bits, number, last);
    if (n % 2) memset(stage + n * VFT_GEMM_LANES, 0, VFT_GEMM_LANES * sizeof *stage);
    w->ops->pack_columns(to, width, lanes, stage, VFT_GEMM_LANES, rows, pairs);
  }
}

/* Panel of 16-bit digits, `pitch` bytes apart. */
static void pack_i16(job *w, const operand *t, const char *base, size_t rows, size_t width,
                     size_t lanes, char *out, size_t pitch, panel *h) {
  uint64_t most = t->digits > 1 ? max_abs(w, t, base, rows) : 0;
  h->digits = t->digits > 1 ? count_digits(t->dtype, most) : 1;
  if (h->digits > t->digits) {
    atomic_store(&w->failed, BOUND);
    h->digits = t->digits;
  }
  h->bits = h->digits > 1 ? digit_bits(most, h->digits) : 1;
  bool direct = t->dtype == VFT_I16 && (t->k == 1 || t->row == 1);
  for (unsigned d = 0; d < h->digits; d++)
    for (size_t i = 0; i < rows; i += lanes) {
      uint32_t *to = (uint32_t *)(void *)(out + d * pitch) + i;
      const char *from = element(t, base, i, 0);
      size_t n = least(lanes, rows - i), pairs = direct ? w->k / 2 : 0;
      const int16_t *x = (const int16_t *)(const void *)from;
      if (direct && t->k == 1)
        w->ops->pack_rows(to, width, lanes, x, t->row, n, pairs);
      else if (direct)
        w->ops->pack_columns(to, width, lanes, x, t->k, n, pairs);
      pack_staged(w, t, from, n, 2 * pairs, h, d, to, width, lanes);
    }
}

static double as_double(vft_dtype dtype, const char *p) {
  const void *x = p;
  switch (dtype) {
    case VFT_I8: return *(const int8_t *)x;
    case VFT_I16: return *(const int16_t *)x;
    case VFT_U16: return *(const uint16_t *)x;
    case VFT_I32: return *(const int32_t *)x;
    case VFT_I64: return (double)*(const int64_t *)x;
  }
  return 0;
}

static void pack_f64(const job *w, const operand *t, const char *base, size_t rows, size_t width,
                     char *out) {
  double *x = (double *)(void *)out;
  for (size_t k = 0; k < w->k; k++)
    for (size_t i = 0; i < width; i++)
      *x++ = i < rows ? as_double(t->dtype, element(t, base, i, k)) : 0;
}

/* Offsets of product o. */
static void locate(const vft_gemm_task *t, size_t o, ptrdiff_t *a, ptrdiff_t *b, ptrdiff_t *c) {
  for (uint32_t x = t->nouter; x-- > 0;) {
    ptrdiff_t at = (ptrdiff_t)(o % t->outer[x].n);
    o /= t->outer[x].n;
    *a += at * t->outer[x].a;
    *b += at * t->outer[x].b;
    *c += at * t->outer[x].c;
  }
}

static size_t pitch_a(const job *w) { return w->steps * w->step_a; }
static size_t pitch_b(const job *w) { return w->steps * STEP_B; }
static size_t vectors(const job *w, size_t p) {
  size_t columns = least(w->width_b, w->b.rows - p * w->width_b);
  return ceil_div(columns * VFT_GEMM_VECTORS, w->width_b);
}

static char *panel_a(const job *w, size_t o, size_t p) {
  return w->pa + (o * w->panels_a + p) * w->a.digits * pitch_a(w);
}

static void pack_a(job *w, size_t o, size_t p) {
  ptrdiff_t a = w->sa, b = 0, c = 0;
  locate(w->task, w->o0 + o, &a, &b, &c);
  const char *base = w->a.data + a * (ptrdiff_t)vft_dtype_size(w->a.dtype);
  base = element(&w->a, base, w->m0 + p * ROWS, w->k0);
  size_t rows = least(ROWS, w->m - p * ROWS);
  char *out = panel_a(w, o, p);
  if (w->scheme == VFT_GEMM_F64) {
    pack_f64(w, &w->a, base, rows, ROWS, out);
    return;
  }
  panel *h = &w->ha[o * w->panels_a + p];
  pack_i16(w, &w->a, base, rows, ROWS, ROWS, out, pitch_a(w), h);
  for (unsigned d = 0; d < h->digits; d++)
    h->most[d] = (uint32_t)w->ops->max_abs(VFT_I16, out + d * pitch_a(w), w->steps * ROWS * 2);
}

/* Column sums of a digit of B, block by block; returns the greatest. */
static uint32_t sum_columns(const job *w, const char *digit, size_t nvectors, uint32_t *sums) {
  uint32_t most = 0;
  for (size_t i = 0; i < w->blocks; i++) {
    size_t s = i * VFT_GEMM_BLOCK, n = least(VFT_GEMM_BLOCK, w->steps - s);
    const void *x = digit + s * nvectors * 64;
    sums[i] = w->ops->column_sum(x, nvectors, n);
    most = sums[i] > most ? sums[i] : most;
  }
  return most;
}

static void pack_b(job *w, size_t o, size_t p, char *out, panel *h, uint32_t *sums) {
  ptrdiff_t a = 0, b = w->sb, c = 0;
  locate(w->task, w->o0 + o, &a, &b, &c);
  const char *base = w->b.data + b * (ptrdiff_t)vft_dtype_size(w->b.dtype);
  base = element(&w->b, base, p * w->width_b, w->k0);
  size_t rows = least(w->width_b, w->b.rows - p * w->width_b), nvectors = vectors(w, p);
  if (w->scheme == VFT_GEMM_F64) {
    pack_f64(w, &w->b, base, rows, nvectors * 8, out);
    return;
  }
  pack_i16(w, &w->b, base, rows, nvectors * VFT_GEMM_LANES, VFT_GEMM_LANES, out, pitch_b(w), h);
  for (unsigned d = 0; d < h->digits; d++)
    h->most[d] = sum_columns(w, out + d * pitch_b(w), nvectors, sums + d * w->blocks);
}

static void pack_body(void *ctx, size_t begin, size_t end) {
  job *w = ctx;
  size_t all_a = w->outer * w->panels_a;
  for (size_t i = begin; i < end; i++) {
    if (i < all_a) {
      pack_a(w, i / w->panels_a, i % w->panels_a);
    } else {
      size_t x = i - all_a;
      pack_b(w, x / w->panels_b, x % w->panels_b, w->pb + x * w->b.digits * pitch_b(w), w->hb + x,
             w->sums + x * w->b.digits * w->blocks);
    }
  }
}

/* ---- multiplying ---- */

/* The part of C that a panel of B makes with panels p0 .. p1 - 1 of A. */
typedef struct {
  const job *w;
  size_t o, p0, p1, columns, nvectors;
  int64_t *c; /* row m0, first column of the panel */
} target;

static void add_tile(const target *t, size_t p, const void *tile, uint64_t scale, bool replace) {
  const job *w = t->w;
  w->ops->add[w->scheme](t->c + (ptrdiff_t)(p * ROWS) * w->task->cm, w->task->cm, w->task->cn, tile,
                         least(ROWS, w->m - p * ROWS), t->columns, (int64_t)scale, replace);
}

static uint64_t shifted(uint64_t x, unsigned by) { return by < 64 ? x << by : 0; }

/* C += (`replace`: =) scale * A * (one digit of B), all its blocks' sums times A's greatest being
 * below 2^31. */
static void multiply_digit(const target *t, const char *b, const uint32_t *sums, uint64_t scale,
                           bool replace) {
  const job *w = t->w;
  _Alignas(64) char tile[VFT_GEMM_TILE];
  for (size_t p = t->p0; p < t->p1; p++) {
    const panel *h = &w->ha[t->o * w->panels_a + p];
    for (unsigned d = 0; d < h->digits; d++) {
      bool sets = replace && d == 0;
      if (!h->most[d] && !sets) continue;
      const char *a = panel_a(w, t->o, p) + d * pitch_a(w);
      uint32_t limit = h->most[d] ? INT32_MAX / h->most[d] : UINT32_MAX;
      for (size_t from = 0, to; from < w->blocks; from = to) {
        uint32_t sum = sums[from];
        for (to = from + 1; to < w->blocks && sum + sums[to] <= limit; to++) sum += sums[to];
        size_t s = from * VFT_GEMM_BLOCK, n = least(to * VFT_GEMM_BLOCK, w->steps) - s;
        w->ops->dot[VFT_GEMM_I16](tile, a + s * w->step_a, b + s * t->nvectors * 64,
                                  t->nvectors, n);
        add_tile(t, p, tile, shifted(scale, d * h->bits), sets && !from);
      }
    }
  }
}

/* A digit too large for even one block is halved: then 32 * (2^7 + 1) * 2^15 < 2^31. */
static vft_status multiply_halves(const target *t, const char *b, uint64_t scale, bool replace) {
  const job *w = t->w;
  size_t bytes = w->steps * t->nvectors * 64;
  char *half = vft_alloc_raw(2 * bytes + w->blocks * sizeof(uint32_t), 1);
  if (!half) return VFT_RESOURCE;
  uint32_t *sums = (uint32_t *)(void *)(half + 2 * bytes);
  w->ops->halve((int16_t *)(void *)half, (int16_t *)(void *)(half + bytes), (const void *)b,
                bytes / 2);
  sum_columns(w, half, t->nvectors, sums);
  multiply_digit(t, half, sums, scale << 8, replace);
  sum_columns(w, half + bytes, t->nvectors, sums);
  multiply_digit(t, half + bytes, sums, scale, false);
  vft_free(half);
  return VFT_OK;
}

static vft_status multiply_i16(const target *t, const char *b, const panel *h,
                               const uint32_t *sums) {
  const job *w = t->w;
  uint64_t most = 0, scale = (uint64_t)w->task->coef;
  for (size_t p = t->p0; p < t->p1; p++) {
    const panel *a = &w->ha[t->o * w->panels_a + p];
    for (unsigned d = 0; d < a->digits; d++) most = a->most[d] > most ? a->most[d] : most;
  }
  for (unsigned d = 0; d < h->digits; d++) {
    const char *digit = b + d * pitch_b(w);
    if (most * h->most[d] <= INT32_MAX)
      multiply_digit(t, digit, sums + d * w->blocks, shifted(scale, d * h->bits), w->replace && !d);
    else
      TRY(multiply_halves(t, digit, shifted(scale, d * h->bits), w->replace && !d));
  }
  return VFT_OK;
}

static void multiply_f64(const target *t, const char *b) {
  const job *w = t->w;
  _Alignas(64) char tile[VFT_GEMM_TILE];
  for (size_t p = t->p0; p < t->p1; p++) {
    w->ops->dot[VFT_GEMM_F64](tile, panel_a(w, t->o, p), b, t->nvectors, w->steps);
    add_tile(t, p, tile, (uint64_t)w->task->coef, w->replace);
  }
}

static vft_status multiply(job *w, size_t index, char *scratch) {
  size_t group = index % w->groups, x = index / w->groups;
  target t = {.w = w, .o = x / w->panels_b};
  size_t q = x % w->panels_b;
  t.p0 = w->panels_a * group / w->groups;
  t.p1 = w->panels_a * (group + 1) / w->groups;
  t.columns = least(w->width_b, w->b.rows - q * w->width_b);
  t.nvectors = vectors(w, q);
  ptrdiff_t a = 0, b = 0, c = 0;
  locate(w->task, w->o0 + t.o, &a, &b, &c);
  t.c = w->task->c + c + (ptrdiff_t)w->m0 * w->task->cm + (ptrdiff_t)(q * w->width_b) * w->task->cn;

  panel local;
  const panel *h = w->b_first ? &w->hb[x] : &local;
  const char *packed = w->b_first ? w->pb + x * w->b.digits * pitch_b(w) : scratch;
  uint32_t *sums = w->b_first ? w->sums + x * w->b.digits * w->blocks
                              : (uint32_t *)(void *)(scratch + w->b.digits * pitch_b(w));
  if (!w->b_first) pack_b(w, t.o, q, scratch, &local, sums);
  if (w->scheme == VFT_GEMM_I16) return multiply_i16(&t, packed, h, sums);
  multiply_f64(&t, packed);
  return VFT_OK;
}

static void multiply_body(void *ctx, size_t begin, size_t end) {
  job *w = ctx;
  char *scratch = NULL;
  if (!w->b_first) {
    scratch = vft_alloc_raw(w->b.digits * (pitch_b(w) + w->blocks * sizeof(uint32_t)), 1);
    if (!scratch) {
      atomic_store(&w->failed, MEMORY);
      return;
    }
  }
  for (size_t i = begin; i < end; i++)
    if (multiply(w, i, scratch) != VFT_OK) atomic_store(&w->failed, MEMORY);
  vft_free(scratch);
}

/* ---- order of the work ---- */

static void set_k(job *w, size_t k0, size_t k) {
  w->k0 = k0;
  w->k = k;
  w->steps = w->scheme == VFT_GEMM_I16 ? ceil_div(k, 2) : k;
  w->blocks = ceil_div(w->steps, VFT_GEMM_BLOCK);
}

static vft_status run_pass(job *w) {
  size_t macs = w->outer * w->m * w->b.rows * w->k, items = w->outer * w->panels_a;
  size_t tasks = w->outer * w->panels_b * w->groups;
  if (w->b_first) items += w->outer * w->panels_b;
  bool small = macs < SMALL;
  vft_parallel_for(items, small ? items : 4, pack_body, w);
  vft_parallel_for(tasks, small ? tasks : 1, multiply_body, w);
  int failed = atomic_load(&w->failed);
  if (failed == BOUND)
    return vft_fail(VFT_RESOURCE, "matrix product: an element exceeds the bound declared for it");
  if (failed == MEMORY) return vft_fail(VFT_RESOURCE, "matrix product: out of memory");
  return VFT_OK;
}

/* All sums of the products o0 .., rows m0 ... */
static vft_status run_sums(job *w) {
  const vft_gemm_task *t = w->task;
  size_t sums = 1;
  for (uint32_t x = 0; x < t->nsum; x++) sums *= t->sum[x].n;
  for (size_t s = 0; s < sums; s++) {
    size_t rest = s;
    w->sa = w->sb = 0;
    for (uint32_t x = t->nsum; x-- > 0;) {
      ptrdiff_t at = (ptrdiff_t)(rest % t->sum[x].n);
      rest /= t->sum[x].n;
      w->sa += at * t->sum[x].a;
      w->sb += at * t->sum[x].b;
    }
    for (size_t k = 0; k < t->k; k += MAX_K) {
      set_k(w, k, least(MAX_K, t->k - k));
      w->replace = t->replace && !s && !k;
      TRY(run_pass(w));
    }
  }
  return VFT_OK;
}

static vft_status run(job *w, size_t outer) {
  const vft_gemm_task *t = w->task;
  set_k(w, 0, least(MAX_K, t->k)); /* the longest pass, for the buffers */
  /* rows of A at a time: whole products if they fit, else a part of one */
  size_t fit = MAX_A / (w->a.digits * pitch_a(w));
  if (!fit) fit = 1;
  size_t all_a = ceil_div(t->m, ROWS), rows = least(all_a, fit) * ROWS;
  size_t group = all_a < fit ? least(outer, fit / all_a) : 1;
  w->panels_b = ceil_div(t->n, w->width_b);
  size_t wanted = (size_t)vft_threads() * TASKS_A_THREAD;
  size_t shares = group * w->panels_b;
  w->b_first = shares < wanted;

  size_t na = group * rows / ROWS, nb = w->b_first ? shares : 0;
  w->pa = vft_alloc_raw(na * w->a.digits, pitch_a(w));
  w->pb = vft_alloc_raw(nb * w->b.digits, pitch_b(w));
  w->ha = vft_alloc_raw(na, sizeof *w->ha);
  w->hb = vft_alloc_raw(nb, sizeof *w->hb);
  w->sums = vft_alloc_raw(nb * w->b.digits * w->blocks, sizeof *w->sums);
  vft_status st = w->pa && w->pb && w->ha && w->hb && w->sums ? VFT_OK : VFT_RESOURCE;
  for (size_t o = 0; st == VFT_OK && o < outer; o += group)
    for (size_t m = 0; st == VFT_OK && m < t->m; m += rows) {
      w->o0 = o, w->outer = least(group, outer - o);
      w->m0 = m, w->m = least(rows, t->m - m);
      w->panels_a = ceil_div(w->m, ROWS);
      w->groups = w->b_first ? least(ceil_div(wanted, shares), w->panels_a) : 1;
      st = run_sums(w);
    }
  vft_free(w->pa);
  vft_free(w->pb);
  vft_free(w->ha);
  vft_free(w->hb);
  vft_free(w->sums);
  return st;
}

static const vft_gemm_ops *kernels(void) {
#ifdef __x86_64__
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_gemm_ops_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_gemm_ops_avx2;
#endif
  return &vft_gemm_ops_c;
}

static void exchange(vft_gemm_task *t) {
  vft_gemm_task x = *t;
  t->m = x.n, t->a = x.b, t->ta = x.tb, t->am = x.bn, t->ak = x.bk, t->abits = x.bbits;
  t->n = x.m, t->b = x.a, t->tb = x.ta, t->bn = x.am, t->bk = x.ak, t->bbits = x.abits;
  t->cm = x.cn, t->cn = x.cm;
  for (uint32_t i = 0; i < t->nouter; i++)
    t->outer[i].a = x.outer[i].b, t->outer[i].b = x.outer[i].a;
  for (uint32_t i = 0; i < t->nsum; i++) t->sum[i].a = x.sum[i].b, t->sum[i].b = x.sum[i].a;
}

static void set_zero(const vft_gemm_task *t, size_t outer) {
  for (size_t o = 0; o < outer; o++) {
    ptrdiff_t a = 0, b = 0, c = 0;
    locate(t, o, &a, &b, &c);
    for (size_t i = 0; i < t->m; i++)
      for (size_t j = 0; j < t->n; j++) t->c[c + (ptrdiff_t)i * t->cm + (ptrdiff_t)j * t->cn] = 0;
  }
}

vft_status vft_gemm(const vft_gemm_task *task) {
  vft_gemm_task t = *task;
  size_t outer = 1;
  for (uint32_t i = 0; i < t.nouter; i++) outer *= t.outer[i].n;
  size_t terms = t.k;
  for (uint32_t i = 0; i < t.nsum; i++) terms *= t.sum[i].n;
  if (!outer || !t.m || !t.n) return VFT_OK;
  if (!terms) {
    if (t.replace) set_zero(&t, outer);
    return VFT_OK;
  }
  /* A panel of B is 64 wide: the longer of two unequal sides; else contiguous writes. */
  bool narrow = t.n < VFT_GEMM_LANES && t.m > t.n;
  if (narrow || (t.cn != 1 && t.cm == 1 && t.m >= VFT_GEMM_LANES)) exchange(&t);

  job w = {.ops = kernels(), .task = &t};
  w.a = (operand){t.a, t.ta, t.am, t.ak, t.m, count_digits(t.ta, (uint64_t)1 << (t.abits - 1))};
  w.b = (operand){t.b, t.tb, t.bn, t.bk, t.n, count_digits(t.tb, (uint64_t)1 << (t.bbits - 1))};
  if (w.a.digits * w.b.digits > 2 && t.k <= F64_MAX_K && t.abits + t.bbits - 2 <= F64_MAX_BITS) {
    w.scheme = VFT_GEMM_F64;
    w.a.digits = w.b.digits = 1;
  }
  size_t lane = w.scheme == VFT_GEMM_I16 ? sizeof(int32_t) : sizeof(double);
  w.width_b = STEP_B / lane;
  w.step_a = ROWS * lane;
  return run(&w, outer);
}
