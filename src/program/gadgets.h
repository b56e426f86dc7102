/* The vocabulary of programs with ops: each gadget adds tensors, relations and lookups to the
 * program (gadget/builder.h) and one op to the list. Private to src/program. */
#ifndef VFT_PROGRAM_GADGETS_H
#define VFT_PROGRAM_GADGETS_H

#include "gadget/builder.h"
#include "program/step.h"

/* x 2^s for x >= 0 and any s, rounded down, or 2^100 when that is less: bounds of lemmas are
 * compared with 2^61, so they may saturate but must not wrap. */
static inline vft_i128 vft_bound_shift(vft_i128 x, int s) {
  const vft_i128 most = (vft_i128)1 << 100;
  if (x <= 0) return 0;
  if (s <= 0) return s < -126 ? 0 : x >> -s;
  return s >= 100 || x >= most >> s ? most : x << s;
}

/* What a builder of ops has besides. */
struct vft_op_builder {
  vft_step *step;
  vft_section section;
  bool backward, trace_only;
  uint32_t loop_first; /* layer (or sequence) of index 0 */
  char loop_letter;    /* 'l', in HEAD 's' */
  uint32_t cap_ops, cap_wides, cap_tensors;
  /* relations and lookups of the gadget being built */
  uint32_t first_relation, first_lookup;
  const char *lemma; /* of the next requantisation's output term, see requant_fitted */
  uint32_t table_score, table_zero, table_logit;
  uint32_t table_silu[VFT_STEP_SILU_TABLES]; /* by exponent */
};
/* Zero-initialised builders of the step's program, which exists. */
void vft_build_start(vft_builder *b, vft_op_builder *ops, vft_step *step);

/* A term in real numbers: sign * 2^exp2 * product of the tensors' real values. The gadget aligns
 * exponents. With a lemma, the product of integers (before alignment, contraction included) is
 * below most[l] in magnitude, most[0] when the box has no layers. */
typedef struct {
  int sign, exp2;
  int nfactors;
  vft_axes_factor factor[VFT_MAX_FACTORS];
  const char *lemma;
  const vft_i128 *most;
} vft_real_term;

#define VFT_R1(n, t0, x0) \
  ((vft_real_term){.sign = (n), .nfactors = 1, .factor = {{(t0), (x0)}}})
#define VFT_R2(n, t0, x0, t1, x1) \
  ((vft_real_term){.sign = (n), .nfactors = 2, .factor = {{(t0), (x0)}, {(t1), (x1)}}})
#define VFT_R3(n, t0, x0, t1, x1, t2, x2)         \
  ((vft_real_term){.sign = (n), .nfactors = 3,    \
                   .factor = {{(t0), (x0)}, {(t1), (x1)}, {(t2), (x2)}}})
/* Exponents: one value for all, or `v` with one per index on the tensor's first axis. */
vft_frac vft_build_frac(vft_builder *b, int value);
vft_frac vft_build_fracs(vft_builder *b, const int *v, uint32_t n); /* copied */

/* ---- containers ---- */
/* A committed narrow tensor, n <= 16 bits, with its range lookup. */
vft_tensor_id vft_build_narrow(vft_builder *b, const char *name, const char *axes, int bits,
                               bool is_signed, vft_frac frac);
/* A wide value (VIRTUAL) with limbs of 16 bits and a rest, each range checked. */
vft_tensor_id vft_build_wide(vft_builder *b, const char *name, const char *axes, int bits,
                             bool is_signed, vft_frac frac);
/* A value given by existing limb tensors. */
vft_tensor_id vft_build_wide_of(vft_builder *b, const char *name, const char *axes,
                                uint32_t nlimbs, const vft_tensor_id *limb, const uint8_t *at,
                                const uint8_t *width, int64_t offset, vft_frac frac);
/* Limbs without a value of their own; returns their number in step->wides. */
uint32_t vft_build_limbs(vft_builder *b, vft_wide w);
/* ---- gadgets ---- */
/* out already declared (container or wide); `axes` may carry an offset on its first axis. */
typedef struct {
  const char *name; /* of the op */
  vft_tensor_id tensor;
  const char *axes;
} vft_build_out;

vft_tensor_id vft_build_define(vft_builder *b, const char *name, const char *axes, int64_t constant,
                               const vft_real_term *terms, int n);
/* Like define, exact integer coefficients, frac as declared. */
vft_tensor_id vft_build_define_raw(vft_builder *b, const char *name, const char *axes,
                                   const vft_raw_term *terms, int n, vft_frac frac);
/* base = VFT_NO_TENSOR for none; base has the exponent of out. negate: out = base - RQ(expr). */
void vft_build_requant(vft_builder *b, vft_build_out out, vft_tensor_id base,
                       const char *base_axes, bool negate, const vft_real_term *terms, int n);
/* out = terms, exactly: explicit integer coefficients, no remainder. */
void vft_build_exact(vft_builder *b, vft_build_out out, const vft_raw_term *terms, int n);
/* Declares a narrow container and requantises into it. */
vft_tensor_id vft_build_requant_narrow(vft_builder *b, const char *name, const char *axes, int bits,
                                       vft_frac frac, const vft_real_term *terms, int n);
vft_tensor_id vft_build_requant_wide(vft_builder *b, const char *name, const char *axes, int bits,
                                     bool is_signed, vft_frac frac, const vft_real_term *terms,
                                     int n);
/* Into a container whose width follows the exponent: min(bits, 61 - k[l]) bits, unsigned, so that
 * 2^k[l] q stays below 2^61 layer by layer, whatever the spread of the exponents. */
vft_tensor_id vft_build_requant_fitted(vft_builder *b, const char *name, const char *axes, int bits,
                                       vft_frac frac, const vft_real_term *terms, int n);
/* out = floor((2 num + den) / (2 den)); every den value is at least 1 because 2 den - 1 - rem >= 0
 * and rem >= 0 are both checked. */
void vft_build_div(vft_builder *b, vft_build_out out, const vft_raw_term *num, int nnum,
                   const vft_raw_term *den, int nden);
vft_tensor_id vft_build_isqrt(vft_builder *b, const char *name, const char *axes, int bits,
                              vft_frac frac, const vft_raw_term *v, int n);
/* silu and its derivative of `in`, one table per distinct exponent of `in`; the tables' first
 * column is all of `in`'s 16-bit container. Declares the outputs `z_name`, `dz_name`. */
void vft_build_silu(vft_builder *b, vft_tensor_id in, const char *name, const char *z_name,
                    const char *dz_name, const char *axes, vft_tensor_id *z, vft_tensor_id *dz);
/* Softmax numerators. rows, columns: axes strings; `high`, `low`: the two column letters. */
typedef struct {
  vft_tensor_id max, t, e;
} vft_softmax_ids;
vft_softmax_ids vft_build_softmax(vft_builder *b, const char *name, const char *rows, char high,
                                  char low, vft_tensor_id score, const char *score_axes,
                                  vft_tensor_id mask, const char *mask_axes, int f_table,
                                  int e_table, int w_max);
/* Factored one-hots of ids = size(low) * high + low. */
void vft_build_onehot(vft_builder *b, const char *name, const char *axes, char high, char low,
                      vft_tensor_id ids, vft_tensor_id *out_high, vft_tensor_id *out_low);
/* b = (expr >= 0) as a bit. */
vft_tensor_id vft_build_compare(vft_builder *b, const char *name, const char *axes,
                                const vft_raw_term *terms, int n);

/* ---- plumbing used by the gadgets' two files ---- */
void vft_build_begin(vft_builder *b);
vft_op *vft_build_op(vft_builder *b, vft_op_kind kind, const char *name);
/* Interval of sum of terms over a box whose first nfree indices are free. */
void vft_build_interval(const vft_program *p, const vft_term *terms, uint32_t n, uint32_t nfree,
                        uint32_t nindex, const uint32_t *size, vft_i128 *lo, vft_i128 *hi);
/* A number that relations mention as limbs: up to `bits` bits, or per-layer widths. */
uint32_t vft_build_remainder(vft_builder *b, const char *name, const char *axes, int bits,
                             const int8_t *per_layer, vft_raw_term *terms, int *nterms,
                             int64_t sign);
const int64_t *vft_build_powers(vft_builder *b, const int *exponent, uint32_t n);

#endif
