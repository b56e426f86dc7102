/* A drawn position of a codeword, as a verifier handles it: its value where positions are compared
 * and columns are read, and the point of the code's domain there. (Code that records a circuit has
 * its own: recurse/wires/transcript/query.h.) */
#ifndef VFT_TRANSCRIPT_QUERY_H
#define VFT_TRANSCRIPT_QUERY_H

#include <stdint.h>

typedef struct {
  uint32_t index;
} vft_query;

#endif
