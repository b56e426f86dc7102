#include "recurse/recorder.h"

#include "recurse/circuit.h"

static _Thread_local vft_circuit *recording;
static _Thread_local int recording_blank;

void vft_record_begin(vft_circuit *circuit, int blank) {
  recording = circuit;
  recording_blank = blank;
}
void vft_record_end(void) { recording = NULL; }
int vft_record_blank(void) { return recording_blank; }

static vft_ext ext(const uint64_t v[3]) { return (vft_ext){{{v[0]}, {v[1]}, {v[2]}}}; }

uint32_t vft_record_constant(const uint64_t v[3]) {
  return vft_circuit_constant(recording, ext(v));
}

uint32_t vft_record_input(const uint64_t v[3]) { return vft_circuit_input(recording, ext(v)); }

uint32_t vft_record_base(uint64_t v) { return vft_circuit_base(recording, (vft_fp){v}); }

uint32_t vft_record_free(const uint64_t v[3]) { return vft_circuit_free_cell(recording, ext(v)); }

uint32_t vft_record_sum(uint32_t a, uint32_t b, uint32_t c, uint64_t value[3]) {
  vft_wire w = vft_circuit_sum(recording, a, b, c);
  vft_ext v = vft_circuit_value(recording, w);
  for (int k = 0; k < 3; k++) value[k] = v.c[k].v;
  return w;
}

void vft_record_zero(uint32_t a) { vft_circuit_zero(recording, a); }

uint32_t vft_record_inverse(uint32_t a) {
  return vft_circuit_free_cell(recording, vft_ext_inv(vft_circuit_value(recording, a)));
}

uint32_t vft_record_split(uint32_t wire, uint32_t part) {
  return vft_circuit_split(recording, (vft_wire_part){wire, part});
}

uint32_t vft_record_fetch(uint32_t first, uint32_t index, uint64_t value[3]) {
  vft_wire w = vft_circuit_fetch(recording, first, index);
  vft_record_value(w, value);
  return w;
}

uint32_t vft_record_part(uint32_t wire, uint32_t part) {
  return vft_circuit_take_part(recording, (vft_wire_part){wire, part});
}

uint32_t vft_record_permute(const uint32_t wire[8], const uint32_t part[8],
                            const uint64_t capacity[4], uint32_t after, uint32_t swap,
                            uint64_t out[12]) {
  vft_wire_part lane[VFT_POSEIDON_RATE];
  vft_fp given[VFT_POSEIDON_CAPACITY];
  for (int i = 0; i < VFT_POSEIDON_RATE; i++) lane[i] = (vft_wire_part){wire[i], part[i]};
  for (int i = 0; i < VFT_POSEIDON_CAPACITY; i++) given[i] = (vft_fp){capacity[i]};
  uint32_t n = vft_circuit_permute(recording, lane, given, after, swap);
  for (uint32_t i = 0; i < VFT_POSEIDON_WIDTH; i++)
    out[i] = vft_circuit_value(recording, vft_circuit_sponge(n) + i / 3).c[i % 3].v;
  return n;
}

uint32_t vft_record_lane(uint32_t permutation, uint32_t i, uint32_t *part) {
  *part = i % 3;
  return vft_circuit_sponge(permutation) + i / 3;
}

int vft_record_is_lane(uint32_t wire, uint32_t part, uint32_t *permutation, uint32_t *lane) {
  if (vft_wire_kind(wire) != VFT_CELL_SPONGE || part > 2) return 0;
  *permutation = vft_wire_number(wire) / VFT_SPONGE_CELLS;
  *lane = 3 * (vft_wire_number(wire) % VFT_SPONGE_CELLS) + part;
  return 1;
}

void vft_record_value(uint32_t wire, uint64_t v[3]) {
  vft_ext x = vft_circuit_value(recording, wire);
  for (int k = 0; k < 3; k++) v[k] = x.c[k].v;
}

void vft_record_fail(const char *what) {
  if (recording->status == VFT_OK)
    recording->status = vft_fail(VFT_USAGE, "circuit: %s cannot be recorded", what);
}
