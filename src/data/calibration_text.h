/* The built-in public text on which scales are calibrated, and how a text becomes sequences. */
#ifndef VFT_DATA_CALIBRATION_TEXT_H
#define VFT_DATA_CALIBRATION_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/chat.h"

/* English, Chinese, arithmetic and code, written for this project (CC0-1.0). */
extern const char vft_calibration_text[];

/* Paragraphs (separated by blank lines) become user and assistant messages in turn; the rendered
 * conversation is one stream of tokens, read from its start again when it ends, and cut into
 * `sequences` sequences of n + 1 tokens: ids[sequences][n + 1].
 * Fails: VFT_USAGE (fewer than two paragraphs, tokenizer errors), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_calibration_tokens(const char *text, size_t length,
                                                 const vft_tokenizer *tokenizer,
                                                 const vft_template *tmpl, size_t sequences,
                                                 size_t n, int32_t *ids);

#endif
