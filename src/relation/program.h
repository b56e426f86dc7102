/* Tensor programs: the constraint language. A program is data, read alike by the prover, the
 * verifier, the plain checker, the bound checker and the cost estimator. Nothing about
 * transformers is known here.
 *
 * Tensors have dimensions, an inclusive integer bound and an origin. Relations:
 *   - ZERO:   sum_k coef_k * prod(factors_k) = 0 at every point of the box of free indices,
 *             each product summed over the contracted indices that occur in ITS factors (a
 *             contracted index that a term does not use does not multiply that term): a sum
 *             of einsums.
 *   - DEFINE: the same sum is the value of a VIRTUAL tensor at that point of the box.
 *   - lookup: a tuple (tag, c1, .., c4) of linear expressions is a row of a table.
 * Arithmetic is over the integers; the bound checker shows that no sum leaves (-2^62, 2^62),
 * so that equality modulo p is equality of integers. Relations marked `field` hold modulo p: they
 * may use field tensors, and integers stand for their residues there. Only they may define field
 * tensors, and no other relation may use one. */
#ifndef VFT_RELATION_PROGRAM_H
#define VFT_RELATION_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "field/goldilocks.h"

enum {
  VFT_MAX_RANK = 10,    /* axes of a tensor */
  VFT_MAX_FACTORS = 8,  /* factors of a product */
  VFT_MAX_INDEX = 14,   /* index variables of a relation */
  VFT_TABLE_OUTS = 3,   /* output columns of a FUNCTION table */
  VFT_LOOKUP_COLS = 2 + VFT_TABLE_OUTS, /* tag, c1 .. c4 */
  VFT_MAX_RANGE_BITS = 16
};

typedef uint32_t vft_tensor_id;
#define VFT_NO_TENSOR UINT32_MAX

typedef enum {
  VFT_WITNESS, /* committed in this proof (commitment group "witness") */
  VFT_LINK,    /* committed on its own tree `group`; input or output of the proof */
  VFT_ORACLE,  /* committed once and for all in the public oracle `group`; claims are forwarded */
  VFT_VIRTUAL, /* given by its DEFINE relation; never committed */
  VFT_PUBLIC   /* small; values in the program (constant) or per-proof public input */
} vft_origin;

typedef struct {
  const char *name; /* stable path, e.g. "attn/q/out" */
  vft_origin origin;
  uint32_t group; /* LINK: link number; ORACLE: oracle number; else 0 */
  uint32_t rank;  /* 0: a scalar (one element) */
  uint32_t dims[VFT_MAX_RANK];
  int64_t lo, hi;        /* declared inclusive bounds, |.| < 2^62 */
  const int64_t *values; /* PUBLIC: the elements, row-major; NULL for a per-proof input */
  /* Elements of the field instead of integers (digests, states of a hash): no bounds (lo = hi = 0),
   * each element held as the signed integer nearest to 0 that is congruent to it. */
  bool field;
} vft_tensor;

/* tensor[ index[idx[0]] + off[0], index[idx[1]] + off[1], ... ]. The same index variable may not
 * appear twice in one factor. Requires off + size(index) <= dim on every axis. */
typedef struct {
  vft_tensor_id tensor;
  uint8_t idx[VFT_MAX_RANK];
  uint32_t off[VFT_MAX_RANK];
} vft_factor;

typedef struct {
  int64_t coef;
  uint32_t nfactors; /* 0: the constant `coef` */
  vft_factor factor[VFT_MAX_FACTORS];
  /* A declared lemma, for bounds that intervals cannot see (R*D <= C + D/2 after a division):
   * when `lemma` is not NULL it is the written proof that the whole term (coefficient and
   * contracted sum included) lies in [lemma_lo, lemma_hi] whenever the program's relations hold;
   * the bound checker uses the interval, the plain checker tests it, digest and dump include it.
   * Not allowed in lookups. Leave all three zero otherwise. */
  const char *lemma;
  int64_t lemma_lo, lemma_hi;
} vft_term;

typedef enum { VFT_ZERO, VFT_DEFINE } vft_relation_kind;

typedef struct {
  const char *name; /* stable id, e.g. "attn/q/requant" */
  vft_relation_kind kind;
  bool field;           /* an identity modulo p, see above */
  vft_tensor_id target; /* DEFINE: the virtual tensor; its axes are the free indices in order,
                           with equal sizes; each virtual tensor has exactly one definition.
                           ZERO: ignored */
  uint32_t nindex;      /* index variables: the first nfree are free, the others contracted */
  uint32_t nfree;
  uint32_t size[VFT_MAX_INDEX];
  uint32_t nterms;
  vft_term *terms;
} vft_relation;

/* A linear expression: every term has at most one non-public factor, and no contracted index. As
 * column 2, 3 or 4 of a lookup it may use field tensors: it then equals the row's entry modulo p. */
typedef struct {
  uint32_t nterms;
  vft_term *terms;
} vft_linear;

typedef struct {
  const char *name;
  uint32_t nindex; /* all free */
  uint32_t size[VFT_MAX_INDEX];
  vft_linear col[VFT_LOOKUP_COLS]; /* unused columns have nterms = 0 (the constant 0) */
} vft_lookup;

/* Tags. RANGE rows use the tags 0..16: (w, v, 0, 0, 0) for v < 2^w. */
enum { VFT_TAG_FIRST_FUNCTION = 32 };

typedef enum {
  VFT_TABLE_RANGE,   /* 2^17 rows: row 2^w + v is (w, v, 0, 0, 0); row 0 repeats row 1 */
  VFT_TABLE_FUNCTION /* row i is (tag, first + i, out1[i], out2[i], out3[i]) */
} vft_table_kind;

typedef struct {
  const char *name;
  vft_table_kind kind;
  int64_t tag;              /* FUNCTION */
  int64_t first;            /* FUNCTION: value of c1 in row 0 */
  uint32_t rows;            /* RANGE: 2^17 */
  vft_tensor_id out[VFT_TABLE_OUTS]; /* FUNCTION: rank-1 tensors of `rows` elements, or VFT_NO_TENSOR.
                               ORACLE or constant PUBLIC: a function. WITNESS or LINK: a list
                               that the prover writes, one entry an index */
  vft_tensor_id mult;       /* WITNESS of `rows` elements: multiplicities */
} vft_table;

typedef struct {
  vft_arena arena; /* owns everything below; arrays may move while the program is being built */
  struct vft_program_index *index; /* private: capacities, names, definitions */
  const char *name;
  uint32_t ntensors, nrelations, nlookups, ntables;
  vft_tensor *tensors;
  vft_relation *relations;
  vft_lookup *lookups;
  vft_table *tables;
  uint32_t nlinks, noracles;
  const char **link_names, **oracle_names;
  bool *link_output; /* per link: produced (and so range checked) here; else its producer did */
  uint32_t log_columns; /* c: every committed row has 2^c entries (docs/PROTOCOL) */
} vft_program;

/* The integer nearest to 0 that is congruent to x: how traces, inputs and constants hold field
 * elements. |.| < 2^63. */
int64_t vft_field_signed(vft_fp x);

/* ---- building (all strings and arrays are copied into the arena) ---- */
vft_program *vft_program_new(const char *name, uint32_t log_columns);
void vft_program_free(vft_program *program);
/* Each add returns the new id, or UINT32_MAX after recording the reason (vft_fail). */
vft_tensor_id vft_program_add_tensor(vft_program *program, const vft_tensor *tensor);
uint32_t vft_program_add_relation(vft_program *program, const vft_relation *relation);
uint32_t vft_program_add_lookup(vft_program *program, const vft_lookup *lookup);
uint32_t vft_program_add_table(vft_program *program, const vft_table *table);
/* An output link's tensors must be range checked in this program; an input link's declared bounds
 * rest on the program that produced it. */
uint32_t vft_program_add_link(vft_program *program, const char *name, bool is_output);
uint32_t vft_program_add_oracle(vft_program *program, const char *name);
/* The id or VFT_NO_TENSOR. */
vft_tensor_id vft_program_find_tensor(const vft_program *program, const char *name);
/* The DEFINE relation of a virtual tensor, or UINT32_MAX. */
uint32_t vft_program_definition(const vft_program *program, vft_tensor_id id);
/* Virtual tensors such that each comes after all virtual tensors its definition uses. `order` has
 * room for ntensors ids. In order of ids wherever the program
 * was built in such an order.
 * Fails VFT_USAGE naming a virtual tensor without definition or on a cycle. */
VFT_MUST_CHECK vft_status vft_program_virtual_order(const vft_program *program,
                                                    vft_tensor_id *order, uint32_t *count);

size_t vft_tensor_count(const vft_tensor *tensor); /* elements */
/* Digest of everything a verifier relies on: names, origins, shapes, bounds, constants,
 * relations, lookups, tables. Constant PUBLIC values are included. */
void vft_program_digest(const vft_program *program, uint8_t digest[32]);

/* ---- bound checker ----
 * Shows from declared bounds alone that equality modulo p is equality of integers. What may be
 * assumed: declared bounds of ORACLE tensors, of input LINK tensors and of per-proof PUBLIC
 * inputs (the verifier checks the latter), the actual values of constant PUBLIC tensors.
 * What is derived: a lookup whose column is +-x + (known terms) bounds x on the box it covers
 * (RANGE: [0, 2^w) for the widest w its tag can take; FUNCTION: the rows' c1, the tables' output
 * bounds); a definition bounds its virtual tensor, lookups of it narrow that.
 * Refuses (VFT_USAGE, naming the relation, lookup or tensor) a program in which: a sum can leave
 * (-2^62, 2^62) by declared bounds (int128 interval arithmetic, contracted sizes counted; a
 * constant PUBLIC factor counts with its actual values); the derived bounds of a WITNESS
 * (multiplicities apart), output LINK or VIRTUAL tensor do not cover every element or do not
 * imply the declared ones; definitions are cyclic; a lookup's tag has no table; a multiplicity
 * tensor is used as a factor; the number of lookups could reach p. */
VFT_MUST_CHECK vft_status vft_program_check_bounds(const vft_program *program);

#include "relation/trace.h" /* planning, traces, the plain checker */

#endif
