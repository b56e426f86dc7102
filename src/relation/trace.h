/* What is done with a program beside proving and verifying it: its cost, its values, its checker on
 * plain integers. Part of relation/program.h, which includes it. */
#ifndef VFT_RELATION_TRACE_H
#define VFT_RELATION_TRACE_H

#include <stdio.h>

#include "relation/program.h"

/* ---- planning ---- */
typedef struct {
  size_t witness, mult;                 /* committed in the witness tree; mult is part of witness */
  size_t link, oracle, virt, publ;      /* elements by origin */
  size_t lookups, table_rows;           /* leaves of the fraction vector */
  size_t zero_points, define_points;    /* points of the relations' boxes */
  size_t product_terms;                 /* terms with >= 2 factors that are not constant PUBLIC */
  size_t product_points;                /* sum over them of prod of sizes of shared indices */
  size_t multiplications;               /* to evaluate every definition directly */
  uint32_t depth;                       /* longest chain of virtual tensors */
} vft_cost;
VFT_MUST_CHECK vft_status vft_program_cost(const vft_program *program, vft_cost *cost);
/* Elements of all tensors of one tree: (VFT_WITNESS, 0), (VFT_LINK, link), (VFT_ORACLE, oracle). */
size_t vft_program_tree_elements(const vft_program *program, vft_origin origin, uint32_t group);
/* The whole program in words, one line a tensor, relation, lookup or table. */
void vft_program_dump(const vft_program *program, FILE *out);

/* ---- trace: the integers of every tensor ---- */
typedef enum { VFT_I8, VFT_I16, VFT_U16, VFT_I32, VFT_I64 } vft_dtype;
/* Smallest dtype that holds [lo, hi]. */
vft_dtype vft_dtype_for(int64_t lo, int64_t hi);
size_t vft_dtype_size(vft_dtype t);
/* Of a tensor's array: that of its bounds; I64 for field elements. */
vft_dtype vft_tensor_dtype(const vft_tensor *tensor);

typedef struct {
  vft_dtype dtype;
  void *data; /* row-major; NULL: not supplied */
} vft_array;

typedef struct {
  const vft_program *program;
  vft_array *array; /* one per tensor; dtype = vft_tensor_dtype, except constant
                       PUBLIC (I64, aliases the program, set by init) and what vft_trace_supply
                       was told */
  bool *owned;      /* data freed with the trace */
} vft_trace;

VFT_MUST_CHECK vft_status vft_trace_init(vft_trace *trace, const vft_program *program);
void vft_trace_free(vft_trace *trace);
/* Zero-filled storage owned by the trace (replaces what was there). */
VFT_MUST_CHECK vft_status vft_trace_alloc(vft_trace *trace, vft_tensor_id id);
/* Lets the trace read the caller's row-major elements, any dtype; they must outlive the trace. */
void vft_trace_supply(vft_trace *trace, vft_tensor_id id, vft_dtype dtype, const void *data);
int64_t vft_array_get(const vft_array *a, size_t i);
void vft_array_set(vft_array *a, size_t i, int64_t v); /* v must fit the dtype */
/* Least and greatest of n elements (n >= 1). */
void vft_array_range(const vft_array *a, size_t n, int64_t *lo, int64_t *hi);
/* Computes every virtual tensor that has no array from its definition (exact, general). Fails
 * VFT_USAGE naming a tensor that has no values, VFT_RESOURCE naming a virtual tensor whose value
 * leaves its declared bounds. */
VFT_MUST_CHECK vft_status vft_trace_complete(vft_trace *trace);
/* Counts every lookup into the tables' multiplicity tensors (allocated when missing). Run after
 * vft_trace_complete. A lookup outside its table: VFT_RESOURCE naming the lookup, the point and
 * the row it looked for. */
VFT_MUST_CHECK vft_status vft_trace_count_lookups(vft_trace *trace);

/* ---- plain checker ----
 * Evaluates every relation and lookup at every point with integers (and, separately, modulo p).
 * Checks, in this order, with these ids:
 *   "relation/<name>"  every point of a ZERO or DEFINE relation; declared lemmas
 *   "lookup/<name>"    every tuple is a row of its table
 *   "table/<name>"     the multiplicities are the counts of the lookups that are rows
 *   "tensor/<name>"    the bounds the program assumes: PUBLIC, ORACLE, input LINK
 * On failure VFT_REJECTED with the id of the FIRST failure; `failed`, when not NULL, receives one
 * flag per check in the order above (vft_program_check_count flags). A tensor without values:
 * VFT_USAGE. */
VFT_MUST_CHECK vft_status vft_program_check_trace(const vft_program *program,
                                                  const vft_trace *trace, bool *failed);
/* nrelations + nlookups + ntables + ntensors */
size_t vft_program_check_count(const vft_program *program);
/* The id of check number i; writes at most size bytes into buf and returns buf. */
char *vft_program_check_id(const vft_program *program, size_t i, char *buf, size_t size);

#endif
