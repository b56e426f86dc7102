/* A process-wide thread pool with one primitive: a parallel loop over [0, n).
 * Bodies must write disjoint outputs, so that results do not depend on the number
 * of threads; reductions are done by the caller over per-chunk slots whose count
 * depends on n and grain only. */
#ifndef VFT_BASE_POOL_H
#define VFT_BASE_POOL_H

#include <stddef.h>

/* 0 = number of online processors. Call before the first loop; later calls resize. */
void vft_threads_set(int threads);
int vft_threads(void);

typedef void (*vft_loop_body)(void *ctx, size_t begin, size_t end);

/* Calls body on consecutive ranges [k*grain, min(n, (k+1)*grain)), in any order and on any
 * thread; returns when all are done. Nested calls run on the calling thread. */
void vft_parallel_for(size_t n, size_t grain, vft_loop_body body, void *ctx);

#endif
