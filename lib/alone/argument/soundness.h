/* src/argument/soundness.h for the library: what its one kind of proof is worth is a constant
 * (recurse/outer_params.h), and nothing is added up. */
#ifndef VFT_ARGUMENT_SOUNDNESS_H
#define VFT_ARGUMENT_SOUNDNESS_H

#include <stdint.h>

typedef int64_t vft_bits;
typedef struct {
  char nothing;
} vft_soundness;

#define vft_soundness_add(s, count, ...) ((void)sizeof(count), VFT_OK)
#define vft_soundness_add_whir(s, prefix, params) ((void)(s), (void)(prefix), (void)(params), VFT_OK)
#define vft_soundness_free(s) ((void)(s))

#endif
