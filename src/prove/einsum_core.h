/* Inside of prove/einsum: products as they are summed, and the tables of their factors. */
#ifndef VFT_PROVE_EINSUM_CORE_H
#define VFT_PROVE_EINSUM_CORE_H

#include "field/batch.h"
#include "prove/array.h"
#include "prove/einsum.h"

enum {
  VFT_EINSUM_POINTS = VFT_MAX_FACTORS + 1, /* values at 0 .. number of factors */
  VFT_EINSUM_TILE = 256                    /* elements multiplied at a time */
};

/* A factor bound on its own axes: dense over its shared indices, outermost first. Products with
 * equal factors on equal rounds share it. */
typedef struct {
  vft_tensor_id tensor;
  uint32_t rank;
  const vft_product_axis *axis;
  uint8_t start[VFT_MAX_RANK]; /* per axis: first round of its index; VFT_BOUND */
  uint32_t nidx, first;        /* indices not folded away: first .. nidx-1 */
  unsigned idx_start[VFT_MAX_INDEX], idx_log[VFT_MAX_INDEX];
  uint32_t idx_size[VFT_MAX_INDEX];
  size_t inner; /* elements under one position of index `first` */
  /* Before its first fold a factor without bound axes is read from the trace where it lies there
   * densely: raw, from element raw_at on. */
  const vft_array *raw;
  size_t raw_at;
  vft_ext *data, *spare;
} vft_einsum_table;

/* Products as they are summed: a PUBLIC factor of one index has become that index's weight, and
 * products that differ in one such weight only are one. Neither changes the polynomials. */
typedef struct {
  vft_product product;
  const vft_product *p; /* = &product */
  uint32_t ntables; /* distinct ones */
  uint32_t table[VFT_MAX_FACTORS], power[VFT_MAX_FACTORS];
  unsigned start[VFT_MAX_INDEX]; /* first round of each shared index */
  vft_ext scale;                 /* coefficient, halvings, weights of folded variables */
  vft_ext *vec;                  /* VEC weights of the index being folded */
  vft_ext total;
  vft_ext first[VFT_EINSUM_POINTS + 1]; /* the polynomial of the product's first round */
  unsigned first_degree;
} vft_einsum_member;

struct vft_einsum {
  const vft_program *program;
  const vft_trace *trace; /* NULL: only the tables' sizes are wanted */
  vft_weight_cache *cache;
  unsigned rounds;
  vft_einsum_member *m;
  size_t n;
  vft_einsum_table *t;
  uint32_t ntables;
  uint32_t *at;  /* per product given and factor: its table */
  vft_ext **own; /* weights made here */
  uint32_t nown;
};

/* ---- tables (einsum_tables.c) ---- */

/* The table of a member's factor, without data. */
void vft_einsum_table_set(const vft_einsum_member *m, const vft_product_factor *f,
                          vft_einsum_table *t);
/* The loops that bind the table; *raw: it lies in the trace as it is, from element *at on. */
VFT_MUST_CHECK vft_status vft_einsum_table_plan(const vft_einsum *e, const vft_einsum_table *t,
                                                vft_bind_axis *axis, size_t *at, bool *raw);
/* Binds it. Requires e->trace. */
VFT_MUST_CHECK vft_status vft_einsum_table_fill(vft_einsum *e, vft_einsum_table *t);
/* Number of the factor's table, which is made unless there is an equal one. */
VFT_MUST_CHECK vft_status vft_einsum_table_add(vft_einsum *e, const vft_einsum_member *m,
                                               const vft_product_factor *f, uint32_t *at);
/* Binds the variable of round `round`, if the table has it, to r. */
VFT_MUST_CHECK vft_status vft_einsum_table_fold(vft_einsum_table *t, unsigned round, vft_ext r);
/* What folds leave of a table, in bytes: in the trace (raw), the halves of two folds; else the
 * table and the half of the first. */
size_t vft_einsum_table_folded(const vft_einsum_table *t, bool raw);
/* Rows 2h and 2h+1 of `pairs` pairs of rows of a table from pair `first` on, apart; `len` rows
 * exist. Of a table in the trace (raw) to fp_lo and fp_hi, else to lo and hi. */
void vft_einsum_split_rows(const vft_einsum_table *t, size_t first, size_t pairs, size_t len,
                           vft_ext *lo, vft_ext *hi, vft_fp *fp_lo, vft_fp *fp_hi);

/* ---- one product in one round (einsum_round.c) ---- */

/* The member's polynomial in variable `v` (of its own) at 0 .. degree. */
VFT_MUST_CHECK vft_status vft_einsum_member_round(const vft_einsum *e, const vft_einsum_member *m,
                                                  unsigned v, unsigned degree, vft_ext *value);

#endif
