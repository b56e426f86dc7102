/* src/poly/rs.h for the library: points of codewords, no encoding. */
#ifndef VFT_POLY_RS_H
#define VFT_POLY_RS_H

#include "field/goldilocks.h"

vft_fp vft_rs_point(unsigned log_n, uint64_t j);

#endif
