/* Where the verifier's sources, compiled with linear forms for elements of E (hide/forms), leave
 * what they compute. Elements of E are plain coordinates here, since the two sides of this
 * interface know different types for them.
 *
 * A hidden value is known + form, `form` the number of a linear form in hidden scalars, 0 for none.
 * All functions work on the recording of the thread (hide/hidden.h); failures are kept there. */
#ifndef VFT_HIDE_RECORD_H
#define VFT_HIDE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "argument/soundness.h"
#include "transcript/channel.h"
#include "verify/statement.h"

typedef struct {
  uint64_t c[3];
} vft_plain_value;

/* The next hidden scalar of those committed before the proof, which pads a message. */
uint64_t vft_note_pad(void);
/* a times form x plus b times form y. */
uint64_t vft_note_combine(vft_plain_value a, uint64_t x, vft_plain_value b, uint64_t y);
/* The product of two hidden values: the form of a hidden scalar sent later. */
uint64_t vft_note_product(vft_plain_value known_x, uint64_t x, vft_plain_value known_y,
                            uint64_t y);
/* From now on the value is said to be zero; to have an inverse. */
void vft_note_is_zero(vft_plain_value known, uint64_t x);
void vft_note_is_nonzero(vft_plain_value known, uint64_t x);
/* What no hidden value can do. */
void vft_note_refuse(const char *what);

/* A claim: the sum of the parts that follow is known + form x. */
typedef struct {
  uint32_t kind, size, off, values; /* of a vft_axis; values: elements of v */
  const void *v;                    /* identity of the weights: equal ones may be shared */
  const vft_plain_value *value;     /* the same, read once for each v */
} vft_note_axis;
void vft_note_claim(vft_plain_value total, uint64_t x);
/* Whether n weights of this identity have been read already. */
int vft_note_has_weights(const void *v, uint32_t n);
void vft_note_part(uint32_t tensor, uint32_t rank, const vft_note_axis *axis,
                     vft_plain_value coef);

/* A message, in the simulator a random one; and a challenge. The channel's own functions have names
 * that are taken on the other side. */
vft_status vft_note_receive(vft_channel *ch, const char *label, vft_plain_value *out, size_t n);
vft_plain_value vft_note_challenge(vft_channel *ch, const char *label);

/* ---- the one function of hide/forms that is called from outside, during a recording ----
 * Runs the verifier up to the opening; pub: vft_statement_values of the statement. */
VFT_MUST_CHECK vft_status vft_forms_run(const vft_statement *statement, const void *pub,
                                        const vft_proof_options *options, vft_channel *ch,
                                        vft_digest *witness_root, vft_soundness *soundness);

#endif
