/* One run of the proof driver: the state that prover and verifier share.
 *
 * The driver (verify/driver.c) is written once. It owns the order of messages and challenges; a
 * prover supplies values through `vft_hooks`, a verifier has none and gets them from the channel.
 *
 * Bookkeeping:
 *   evals      functionals whose value has been sent, each once ("T under f is v"). Those on
 *              committed tensors are opened, those on oracles are the proof's outputs, those on
 *              virtual tensors are expanded by their definitions.
 *   equations  sums of functionals on committed tensors with a known total; opened with the
 *              rest. */
#ifndef VFT_VERIFY_SESSION_H
#define VFT_VERIFY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argument/soundness.h"
#include "base/mem.h"
#include "base/status.h"
#include "relation/program.h"
#include "transcript/channel.h"
#include "verify/functional.h"

/* ---- sets of functionals ---- */
typedef struct {
  vft_functional *f;
  uint32_t n, cap;
  uint32_t *slot; /* open addressing, UINT32_MAX free */
  uint32_t slots;
} vft_fset;
/* Index of f, added when new. Fails VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_fset_add(vft_fset *set, const vft_functional *f, uint32_t *index,
                                       bool *is_new);
void vft_fset_free(vft_fset *set);

/* ---- products ---- */
enum { VFT_BOUND = 255 };
typedef struct {
  uint32_t off;
  uint8_t var;  /* VFT_BOUND: weighted with w and summed; else the shared index */
  vft_weight w; /* bound axes */
} vft_product_axis;

typedef struct {
  vft_tensor_id tensor;
  uint32_t rank;
  const vft_product_axis *axis;
} vft_product_factor;

/* coef * sum over the shared indices of prod_i weight_i * prod_f factor_f, where a factor is its
 * tensor with the bound axes summed. Shared indices occur in at least two factors and run over
 * 0 .. weight.size-1. */
typedef struct {
  vft_ext coef;
  uint32_t nshared, nfactors;
  unsigned vars; /* sum of log2ceil(size) over shared indices */
  vft_weight weight[VFT_MAX_INDEX];
  vft_product_factor factor[VFT_MAX_FACTORS];
} vft_product;

/* ---- an equation under construction: known + committed + evaluations + products ---- */
typedef struct {
  vft_ext known;
  vft_fset committed;
  vft_ext *committed_coef;
  uint32_t committed_cap;
  struct {
    vft_ext coef;
    uint32_t eval;
  } *eval;
  uint32_t nevals, evals_cap;
  vft_product *product;
  uint32_t nproducts, products_cap;
} vft_tally;

/* A finished equation on committed tensors: sum_e coef_e * functional_e = total. */
typedef struct {
  vft_ext total;
  uint32_t n;
  vft_functional *f;
  vft_ext *coef;
  bool opened;
} vft_equation;

/* ---- what a prover supplies ---- */
typedef struct {
  void *ctx;
  /* Values of functionals on tensors of any origin but PUBLIC. */
  vft_status (*evaluate)(void *ctx, const vft_functional *f, size_t n, vft_ext *value);
  /* sum_e coef_e * value of f_e. `needed` is what the verifier's check needs it to be: an honest
   * prover does not look at it (tests cheat with it). */
  vft_status (*combine)(void *ctx, const vft_functional *f, const vft_ext *coef, size_t n,
                        vft_ext needed, vft_ext *total);
  /* Begins a batched sumcheck; the total of all products. Kept until the end call. */
  vft_status (*einsum_begin)(void *ctx, const vft_product *product, size_t n, vft_ext *total);
  /* The round's polynomial at 0 .. degree, then its challenge. */
  vft_status (*einsum_round)(void *ctx, unsigned round, unsigned degree, vft_ext *value);
  vft_status (*einsum_fold)(void *ctx, unsigned round, vft_ext challenge);
  /* After all rounds: the value of one factor. */
  vft_ext (*einsum_final)(void *ctx, size_t product, unsigned factor);
  void (*einsum_end)(void *ctx);
} vft_hooks;

/* Every evaluation ends discharged: computed (PUBLIC), expanded (VIRTUAL), opened (WITNESS, LINK)
 * or handed out (ORACLE). The driver fails if one is left. */
typedef enum { VFT_EVAL_NEW, VFT_EVAL_KNOWN, VFT_EVAL_DISCHARGED } vft_eval_state;

/* Values of a PUBLIC tensor: the program's constants, or the residues of the proof's input. */
typedef struct {
  const int64_t *constant;
  const vft_fp *input;
} vft_public;
static inline vft_fp vft_public_at(const vft_public *p, size_t i) {
  return p->input ? p->input[i] : vft_fp_from_i64(p->constant[i]);
}

typedef struct {
  const vft_program *program;
  vft_channel *ch;
  const vft_public *pub; /* per tensor: of PUBLIC tensors */
  const vft_hooks *hooks;    /* NULL: verifier */
  vft_arena arena;           /* points, weights, axes */
  uint32_t *level;           /* per tensor: level of virtual tensors, 0 for others */
  uint32_t levels;           /* 1 + highest level */
  vft_fset evals;
  vft_ext *eval_value;
  uint8_t *eval_state; /* vft_eval_state */
  uint32_t evals_cap;
  vft_equation *equation;
  uint32_t nequations, equations_cap;
  vft_soundness soundness;
} vft_session;

VFT_MUST_CHECK vft_status vft_session_init(vft_session *s, const vft_program *program,
                                           vft_channel *ch, const vft_public *pub,
                                           const vft_hooks *hooks);
void vft_session_free(vft_session *s);

/* ---- sums (verify/tally.c) ---- */
/* Range of an index: positions off .. off + w.size - 1, weighted. */
typedef vft_axis vft_window;

void vft_tally_free(vft_tally *sum);
/* Adds coef * sum over the windows of the free indices of the terms' value: constants and PUBLIC
 * tensors are evaluated, one factor makes a linear entry, more make a product. window[i] for
 * i < nfree; contracted indices run over their whole size. PUBLIC factors of rank 0 and 1 become
 * part of the coefficient and of the index's weight. */
VFT_MUST_CHECK vft_status vft_tally_add_terms(vft_session *s, vft_tally *sum, vft_ext coef,
                                            const vft_term *terms, uint32_t nterms,
                                            uint32_t nindex, uint32_t nfree,
                                            const uint32_t *size, const vft_window *window);
/* Adds coef * (tensor under f). */
VFT_MUST_CHECK vft_status vft_tally_add_linear(vft_session *s, vft_tally *sum, vft_ext coef,
                                             const vft_functional *f);
/* Sends the evaluations that are new; afterwards sum->known includes all of them. */
VFT_MUST_CHECK vft_status vft_tally_send_evals(vft_session *s, vft_tally *sum, const char *label);
/* Turns the committed part into an equation with that total. */
VFT_MUST_CHECK vft_status vft_tally_keep(vft_session *s, vft_tally *sum, vft_ext total);
/* Proves known + committed + evaluations + products = target: sends evaluations and the two
 * totals, checks their sum (rejection id `check`), runs the batched sumcheck. */
VFT_MUST_CHECK vft_status vft_tally_prove(vft_session *s, vft_tally *sum, vft_ext target,
                                        const char *check, const char *name);

/* Number of the evaluation of f, registered when new. */
VFT_MUST_CHECK vft_status vft_session_eval(vft_session *s, const vft_functional *f,
                                           uint32_t *index);
/* Sends, in that order and each once, the values of the listed evaluations that are not known. */
VFT_MUST_CHECK vft_status vft_session_send_evals(vft_session *s, const uint32_t *index, uint32_t n,
                                                 const char *label);
/* Value of a functional on a PUBLIC tensor. */
VFT_MUST_CHECK vft_status vft_session_public_value(vft_session *s, const vft_functional *f,
                                                   vft_ext *value);

/* ---- the batched sumcheck (verify/einsum.c) ---- */
/* Rounds of the batch and the degree of each (0 <= round < rounds). Products with fewer variables
 * join for the last rounds; until then they are constant with factor 1/2 a round. */
unsigned vft_einsum_rounds(const vft_product *product, size_t n);
unsigned vft_einsum_degree(const vft_product *product, size_t n, unsigned rounds, unsigned round);
/* Proves that the products sum to `total`. Rejected: "einsum/final". */
VFT_MUST_CHECK vft_status vft_einsum_prove(vft_session *s, const vft_product *product, size_t n,
                                           vft_ext total, const char *name);
/* Index of a product that is summed in its variable number v, and the bit of that index. */
uint32_t vft_product_variable(const vft_product *p, unsigned v, unsigned *bit);

/* Growable arrays: makes room for `need` elements. */
VFT_MUST_CHECK vft_status vft_reserve(void **array, uint32_t *cap, uint32_t need, size_t size);

#endif
