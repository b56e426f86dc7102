/* The circuit that is being recorded, for code whose field elements are wires (recurse/wires):
 * circuit.h in terms of plain numbers, so that it does not matter how the caller represents field
 * elements. Calls go to the circuit of this thread, between vft_record_begin and vft_record_end. */
#ifndef VFT_RECURSE_RECORDER_H
#define VFT_RECURSE_RECORDER_H

#include <stdint.h>

struct vft_circuit;

/* blank: there is no proof, only the circuit is wanted; checks pass whatever the values. */
void vft_record_begin(struct vft_circuit *circuit, int blank);
void vft_record_end(void);
int vft_record_blank(void);

/* Each returns a wire. */
uint32_t vft_record_constant(const uint64_t v[3]);
uint32_t vft_record_input(const uint64_t v[3]);
uint32_t vft_record_base(uint64_t v);
uint32_t vft_record_free(const uint64_t v[3]);
/* value: a b + c. */
uint32_t vft_record_sum(uint32_t a, uint32_t b, uint32_t c, uint64_t value[3]);
void vft_record_zero(uint32_t a);
/* A free cell with the inverse of the value, or 0. */
uint32_t vft_record_inverse(uint32_t a);
/* First of the 32 wires of low bits. */
uint32_t vft_record_split(uint32_t wire, uint32_t part);
/* One of the consecutive free or base cells from `first` on. */
uint32_t vft_record_fetch(uint32_t first, uint32_t index, uint64_t value[3]);
/* A coordinate as a cell of its own. */
uint32_t vft_record_part(uint32_t wire, uint32_t part);
/* Number of the permutation; after: UINT32_MAX for none; swap: 0 for none. out: its lanes. */
uint32_t vft_record_permute(const uint32_t wire[8], const uint32_t part[8],
                            const uint64_t capacity[4], uint32_t after, uint32_t swap,
                            uint64_t out[12]);
/* Wire and part of lane i of a permutation. */
uint32_t vft_record_lane(uint32_t permutation, uint32_t i, uint32_t *part);
/* The permutation of a lane: true if the wire is one. */
int vft_record_is_lane(uint32_t wire, uint32_t part, uint32_t *permutation, uint32_t *lane);
/* Values of a wire. */
void vft_record_value(uint32_t wire, uint64_t v[3]);
/* The code asks for what no cell can be: fails the recording. */
void vft_record_fail(const char *what);

#endif
