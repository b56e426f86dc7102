/* The prover's side of the machine: circuits as traces of its program. */
#ifndef VFT_RECURSE_MACHINE_TRACE_H
#define VFT_RECURSE_MACHINE_TRACE_H

#include "recurse/circuit.h"
#include "recurse/machine.h"

/* The least shape that has room for the circuit. */
void vft_machine_fit(const vft_circuit *circuit, uint32_t log_columns, vft_machine_shape *shape);

/* Fills an initialised trace: wiring, inputs, witness, virtual tensors, multiplicities. A circuit
 * with cells that should be 0 and are not gives VFT_REJECTED "circuit/zero".
 * Fails: VFT_USAGE (a circuit beyond the shape), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_machine_trace(const vft_machine *machine, const vft_circuit *circuit,
                                            vft_trace *trace);
/* The wiring alone: the trace's tensors of the link. */
VFT_MUST_CHECK vft_status vft_machine_wire(const vft_machine *machine, const vft_circuit *circuit,
                                           vft_trace *trace);

#endif
