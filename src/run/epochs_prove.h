/* Proving that the rows of a run's epochs were drawn as its manifest declares, and what the owner of
 * the dataset knows of them. */
#ifndef VFT_RUN_EPOCHS_PROVE_H
#define VFT_RUN_EPOCHS_PROVE_H

#include "run/prover.h"

/* Proves every block of every epoch, or with request->resume those that have no proof that verifies
 * and joins; fills prover->rows_root. */
VFT_MUST_CHECK vft_status vft_epochs_prove(vft_prover *prover);
/* Content digests of the accepted candidates of a list, by address (program/epoch.h); vft_free. */
VFT_MUST_CHECK vft_status vft_epochs_list(const vft_plan *plan, const vft_epoch *program,
                                          const vft_plan_epoch_list *list,
                                          vft_poseidon_digest **out);
/* Content digests of the rows of an epoch, by address, into prover->rows. */
VFT_MUST_CHECK vft_status vft_epochs_rows(vft_prover *prover, uint64_t epoch);
/* Counters at the end of an epoch, of all quotas of the program. */
VFT_MUST_CHECK vft_status vft_epochs_counters(const vft_plan *plan, const vft_epoch *program,
                                              uint64_t epoch, uint64_t *counter);
/* A counter's salt: words of BLAKE3("vft counter salt v1" 0x00 | master | h_Pi | le64 epoch | le32
 * quota), 16 bytes each, modulo p; as for records (data/leaf.h). */
void vft_counter_salt(const vft_plan *plan, uint64_t epoch, uint32_t quota,
                      vft_poseidon_digest *salt);
/* Progress units of a block, a stage. */
uint64_t vft_epochs_work(const vft_epochs *epochs);

#endif
