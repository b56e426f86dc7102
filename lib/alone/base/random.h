/* src/base/random.h for the library: nothing is random. */
#ifndef VFT_BASE_RANDOM_H
#define VFT_BASE_RANDOM_H

typedef struct vft_random vft_random;

#endif
