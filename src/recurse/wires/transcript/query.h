/* A drawn position as wires: its value, and the first of the 32 cells with its bits. */
#ifndef VFT_TRANSCRIPT_QUERY_H
#define VFT_TRANSCRIPT_QUERY_H

#include <stdint.h>

typedef struct {
  uint32_t index;
  uint32_t bit;
} vft_query;

#endif
