/* The functions of recurse/wires that are called from outside, during a recording. */
#ifndef VFT_RECURSE_WIRES_VERIFY_H
#define VFT_RECURSE_WIRES_VERIFY_H

#include "recurse/verifier.h"

VFT_MUST_CHECK vft_status vft_wires_verify(const vft_circuit_child *child, const uint8_t *proof,
                                           size_t len);
VFT_MUST_CHECK vft_status vft_wires_open(const vft_circuit_opening *opening, const uint8_t *proof,
                                         size_t len);

#endif
