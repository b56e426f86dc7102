#include "data/calibration_text.h"

#include <string.h>

#include "base/mem.h"

const char vft_calibration_text[] =
    "What is the capital of France, and which river runs through it?\n"
    "\n"
    "The capital of France is Paris. The river Seine runs through the city from east to west.\n"
    "\n"
    "A baker makes 24 rolls a tray and bakes 7 trays a day. She sells three quarters of them "
    "before noon at 2 dollars each. How much does she take before noon?\n"
    "\n"
    "She bakes 24 * 7 = 168 rolls. Three quarters of 168 is 126. At 2 dollars each she takes "
    "126 * 2 = 252 dollars before noon.\n"
    "#### 252\n"
    "\n"
    "\xe8\xaf\xb7\xe7\x94\xa8\xe4\xb8\x80\xe5\x8f\xa5\xe8\xaf\x9d\xe4\xbb\x8b\xe7\xbb\x8d\xe9\x95"
    "\xbf\xe5\x9f\x8e\xe3\x80\x82\n"
    "\n"
    "\xe9\x95\xbf\xe5\x9f\x8e\xe6\x98\xaf\xe4\xb8\xad\xe5\x9b\xbd\xe5\x8f\xa4\xe4\xbb\xa3\xe7\x9a"
    "\x84\xe9\x98\xb2\xe5\xbe\xa1\xe5\xb7\xa5\xe7\xa8\x8b\xef\xbc\x8c\xe7\xbb\xb5\xe5\xbb\xb6\xe6"
    "\x95\xb0\xe5\x8d\x83\xe5\x85\xac\xe9\x87\x8c\xe3\x80\x82\n"
    "\n"
    "Write a Python function that returns the sum of the squares of a list.\n"
    "\n"
    "def sum_of_squares(values):\n"
    "    return sum(v * v for v in values)\n"
    "\n"
    "\xe5\xb0\x8f\xe6\x98\x8e\xe6\x9c\x89\x31\x32\xe4\xb8\xaa\xe8\x8b\xb9\xe6\x9e\x9c\xef\xbc\x8c"
    "\xe5\x90\x83\xe4\xba\x86\x35\xe4\xb8\xaa\xef\xbc\x8c\xe8\xbf\x98\xe5\x89\xa9\xe5\x87\xa0\xe4"
    "\xb8\xaa\xef\xbc\x9f\n"
    "\n"
    "\x31\x32 - 5 = 7\xef\xbc\x8c\xe8\xbf\x98\xe5\x89\xa9 7 \xe4\xb8\xaa\xe8\x8b\xb9\xe6\x9e\x9c"
    "\xe3\x80\x82\n"
    "\n"
    "Why does bread rise?\n"
    "\n"
    "Yeast feeds on the sugar in the dough and gives off carbon dioxide. The gas is caught in the "
    "stretchy gluten, so the dough swells; heat then sets the bubbles in place.\n";

/* One paragraph from *at: [start, end) without its closing newlines; 0 at the end of the text. */
static int paragraph(const char *text, size_t length, size_t *at, const char **start,
                     size_t *count) {
  while (*at < length && text[*at] == '\n') ++*at;
  if (*at >= length) return 0;
  *start = text + *at;
  while (*at < length && !(text[*at] == '\n' && (*at + 1 == length || text[*at + 1] == '\n')))
    ++*at;
  *count = (size_t)(text + *at - *start);
  return 1;
}

vft_status vft_calibration_tokens(const char *text, size_t length, const vft_tokenizer *tokenizer,
                                  const vft_template *tmpl, size_t sequences, size_t n,
                                  int32_t *ids) {
  size_t count = 0, at = 0, k = 0;
  const char *start;
  size_t bytes;
  while (paragraph(text, length, &at, &start, &bytes)) count++;
  if (count < 2)
    return vft_fail(VFT_USAGE, "the calibration text needs at least two paragraphs separated by "
                               "a blank line");
  vft_message *message = vft_alloc(count, sizeof *message);
  if (!message) return VFT_RESOURCE;
  for (at = 0; k < count && paragraph(text, length, &at, &start, &bytes); k++) {
    message[k].role = k % 2 ? VFT_ROLE_ASSISTANT : VFT_ROLE_USER;
    message[k].content = start;
    message[k].length = bytes;
  }
  vft_sample sample = {0};
  vft_status st =
      vft_template_encode(tmpl, tokenizer, message, count, false, (size_t)1 << 24, &sample);
  if (st == VFT_OK && !sample.length)
    st = vft_fail(VFT_USAGE, "the calibration text gives no tokens");
  if (st == VFT_OK)
    for (size_t i = 0; i < sequences * (n + 1); i++) ids[i] = sample.id[i % sample.length];
  vft_sample_free(&sample);
  vft_free(message);
  return st;
}
