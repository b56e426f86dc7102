/* The prover's side of the batched sumcheck (verify/einsum.c): dense tables over the shared
 * indices, folded index by index, outermost first and low bit first. */
#ifndef VFT_PROVE_EINSUM_H
#define VFT_PROVE_EINSUM_H

#include <stddef.h>

#include "base/status.h"
#include "prove/bind.h"
#include "relation/program.h"
#include "verify/session.h"

typedef struct vft_einsum vft_einsum;

/* Binds all factors; *total is the sum of all products. `product` is borrowed. */
VFT_MUST_CHECK vft_status vft_einsum_begin(vft_einsum **out, const vft_trace *trace,
                                           vft_weight_cache *cache, const vft_product *product,
                                           size_t n, vft_ext *total);
/* Bytes of vft_alloc that the whole sumcheck will take beside the cache, whose weights it fills. */
VFT_MUST_CHECK vft_status vft_einsum_plan(const vft_program *program, vft_weight_cache *cache,
                                          const vft_product *product, size_t n, size_t *bytes);
/* The batch's polynomial of this round at 0 .. degree. */
VFT_MUST_CHECK vft_status vft_einsum_round(vft_einsum *e, unsigned round, unsigned degree,
                                           vft_ext *value);
VFT_MUST_CHECK vft_status vft_einsum_fold(vft_einsum *e, unsigned round, vft_ext r);
/* After all rounds. */
vft_ext vft_einsum_value(const vft_einsum *e, size_t product, unsigned factor);
void vft_einsum_end(vft_einsum *e);

#endif
