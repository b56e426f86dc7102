/* Tensor programs from short notation: tensors, relations and lookups are declared by strings of
 * axes.
 *
 * Axes are strings of index letters, one per axis, each with an optional offset: "lspqd",
 * "l+1spqd", "z+30spqd" (z has size 1: a fixed position). Sizes of letters are set in the
 * builder. Failure is sticky: after the first one every function returns VFT_NO_TENSOR and does
 * nothing; the caller looks at `status` once. */
#ifndef VFT_GADGET_BUILDER_H
#define VFT_GADGET_BUILDER_H

#include "relation/program.h"

__extension__ typedef __int128 vft_i128;

/* Exponents of a tensor: n = 1, or one per index on its first axis; n = 0: none. Programs know
 * nothing of them, ops do. */
typedef struct {
  const int *v;
  uint32_t n;
} vft_frac;

typedef struct vft_op_builder vft_op_builder; /* program/gadgets.h */

typedef struct vft_builder {
  vft_program *p;
  vft_arena *arena; /* = the program's */
  vft_status status;
  uint32_t size[128];
  bool field; /* what is declared next is modulo p */
  /* cache of PUBLIC layer vectors */
  struct { vft_tensor_id id; uint32_t n; const int64_t *v; } *vectors;
  uint32_t nvectors, cap_vectors;
  /* Told of every tensor; false after a failure. NULL where a program is all that is built. */
  bool (*declared)(struct vft_builder *b, vft_tensor_id id, vft_frac frac);
  vft_op_builder *ops;
} vft_builder;

typedef struct {
  vft_tensor_id tensor;
  const char *axes;
} vft_axes_factor;

/* A term with explicit integer coefficients: coef * per_layer[l] * product. */
typedef struct {
  int64_t coef;
  const int64_t *per_layer; /* NULL, or one per index of letter l */
  int nfactors;
  vft_axes_factor factor[VFT_MAX_FACTORS];
  const char *lemma; /* as in vft_term */
  int64_t lemma_lo, lemma_hi;
} vft_raw_term;

#define VFT_RAW0(n) ((vft_raw_term){.coef = (n)})
#define VFT_RAW1(n, t0, x0) \
  ((vft_raw_term){.coef = (n), .nfactors = 1, .factor = {{(t0), (x0)}}})
#define VFT_RAW2(n, t0, x0, t1, x1) \
  ((vft_raw_term){.coef = (n), .nfactors = 2, .factor = {{(t0), (x0)}, {(t1), (x1)}}})
#define VFT_RAW3(n, t0, x0, t1, x1, t2, x2)       \
  ((vft_raw_term){.coef = (n), .nfactors = 3,     \
                  .factor = {{(t0), (x0)}, {(t1), (x1)}, {(t2), (x2)}}})

/* ---- declarations ---- */
vft_tensor_id vft_build_tensor(vft_builder *b, vft_origin origin, uint32_t group, const char *name,
                               const char *axes, int64_t lo, int64_t hi, const int64_t *values,
                               vft_frac frac);
/* Relation over the free letters of `free_axes`; returns its id. */
uint32_t vft_build_relation(vft_builder *b, const char *name, vft_relation_kind kind,
                            vft_tensor_id target, const char *free_axes, const vft_raw_term *terms,
                            int n);
/* Lookup over the letters of axes: column c has n[c] raw terms. */
void vft_build_lookup(vft_builder *b, const char *name, const char *axes,
                      const vft_raw_term *const col[VFT_LOOKUP_COLS],
                      const int n[VFT_LOOKUP_COLS]);
/* Index numbering of free letters then contracted ones; fills sizes; terms in the arena. */
bool vft_build_compile(vft_builder *b, const char *free_axes, const vft_raw_term *terms, int n,
                       uint32_t *nindex, uint32_t *nfree, uint32_t size[VFT_MAX_INDEX],
                       vft_term **out);
/* Multiplies a compiled term by r's per_layer. */
bool vft_build_layered(vft_builder *b, const vft_raw_term *r, const char *letters, vft_term *t);
bool vft_build_factor(vft_builder *b, vft_axes_factor f, const char *letters, vft_factor *out);
void vft_build_range(vft_builder *b, const char *name, const char *axes, vft_tensor_id t, int bits,
                     int64_t offset);
/* (bits or bits_per_layer[l], t + offset) is a row of the range table. */
void vft_build_range_layered(vft_builder *b, const char *name, const char *axes, vft_tensor_id t,
                             const int64_t *bits_per_layer, int bits, int64_t offset);

/* ---- plumbing ---- */
const char *vft_build_name(vft_builder *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* From the arena; NULL after a failure. */
void *vft_build_grab(vft_builder *b, size_t n, size_t size);
/* Room for element number n of an array in the arena. */
bool vft_build_grow(vft_builder *b, void **array, uint32_t n, uint32_t *cap, size_t size);
bool vft_build_fail(vft_builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
