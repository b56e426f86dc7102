#include "data/calibration_text.h"

#include <string.h>

#include "base/mem.h"

const char vft_calibration_text[] =
    "What is the capital of France, and which river runs through it?\n"
    "\n"
    "The capital of France is Paris. The river Seine runs through the city from east to west.\n"
    "\n"
    "A baker makes 24 rolls a tray and bakes 7 trays a day. She sells three quarters of them befor"
    "e noon at 2 dollars each. How much does she take before noon?\n"
    "\n"
    "She bakes 24*7 = <<24*7=168>>168 rolls. Three quarters of that is 168*3/4 = <<168*3/4=126>>12"
    "6 rolls. At 2 dollars each she takes 126*2 = $<<126*2=252>>252 before noon.\n"
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
    "```python\n"
    "def sum_of_squares(values):\n"
    "    \"\"\"Sum of v * v over all v.\"\"\"\n"
    "    return sum(v * v for v in values)\n"
    "```\n"
    "\n"
    "\xe5\xb0\x8f\xe6\x98\x8e\xe6\x9c\x89\x31\x32\xe4\xb8\xaa\xe8\x8b\xb9\xe6\x9e\x9c\xef\xbc\x8c"
    "\xe5\x90\x83\xe4\xba\x86\x35\xe4\xb8\xaa\xef\xbc\x8c\xe5\x8f\x88\xe4\xb9\xb0\xe4\xba\x86\x33"
    "\xe8\xa2\x8b\xef\xbc\x8c\xe6\xaf\x8f\xe8\xa2\x8b\x34\xe4\xb8\xaa\xef\xbc\x8c\xe7\x8e\xb0\xe5"
    "\x9c\xa8\xe6\x9c\x89\xe5\x87\xa0\xe4\xb8\xaa\xef\xbc\x9f\n"
    "\n"
    "\xe5\x90\x83\xe4\xba\x86\x35\xe4\xb8\xaa\xe5\x90\x8e\xe5\x89\xa9\xe4\xb8\x8b 12 - 5 = 7 \xe4"
    "\xb8\xaa\xef\xbc\x9b\xe4\xb9\xb0\xe6\x9d\xa5 3 \xc3\x97 4 = 12 \xe4\xb8\xaa\xef\xbc\x9b\xe7"
    "\x8e\xb0\xe5\x9c\xa8\xe4\xb8\x80\xe5\x85\xb1\xe6\x9c\x89 7 + 12 = 19 \xe4\xb8\xaa\xe8\x8b\xb9"
    "\xe6\x9e\x9c\xe3\x80\x82\n"
    "\n"
    "Why does bread rise?\n"
    "\n"
    "Yeast feeds on the sugar in the dough and gives off carbon dioxide. The gas is caught in the "
    "stretchy gluten, so the dough swells; heat then sets the bubbles in place.\n"
    "\n"
    "Tom drives 45 miles an hour for 2.5 hours, then 60 mph for another 30 minutes. His car uses 1"
    " gallon every 25 miles and petrol costs $3.60 a gallon. What does the trip cost?\n"
    "\n"
    "First part: 45*2.5=<<45*2.5=112.5>>112.5 miles. Second part: 60*.5=<<60*.5=30>>30 miles. In t"
    "otal 112.5+30=<<112.5+30=142.5>>142.5 miles, so 142.5/25=<<142.5/25=5.7>>5.7 gallons. The tri"
    "p costs 5.7*$3.60=$<<5.7*3.6=20.52>>20.52.\n"
    "#### 20.52\n"
    "\n"
    "\xe6\x8a\x8a\xe4\xb8\x8b\xe9\x9d\xa2\xe8\xbf\x99\xe5\x8f\xa5\xe8\xaf\x9d\xe7\xbf\xbb\xe8\xaf"
    "\x91\xe6\x88\x90\xe8\x8b\xb1\xe6\x96\x87\xef\xbc\x9a\xe2\x80\x9c\xe8\xaf\xbb\xe4\xb9\xa6\xe7"
    "\xa0\xb4\xe4\xb8\x87\xe5\x8d\xb7\xef\xbc\x8c\xe4\xb8\x8b\xe7\xac\x94\xe5\xa6\x82\xe6\x9c\x89"
    "\xe7\xa5\x9e\xe3\x80\x82\xe2\x80\x9d\n"
    "\n"
    "\"Read ten thousand books, and your pen will move as if a spirit guided it.\"\n"
    "\n"
    "List three ways to save water at home, as a JSON array of objects with the keys \"tip\" and "
    "\"litres\".\n"
    "\n"
    "[{\"tip\": \"Take shorter showers\", \"litres\": 40},\n"
    " {\"tip\": \"Fix the dripping tap\", \"litres\": 15},\n"
    " {\"tip\": \"Run the dishwasher only when it is full\", \"litres\": 10}]\n"
    "\n"
    "\xe8\xaf\xb7\xe5\x86\x99\xe4\xb8\x80\xe9\xa6\x96\xe5\x85\xb3\xe4\xba\x8e\xe7\xa7\x8b\xe5\xa4"
    "\xa9\xe7\x9a\x84\xe7\x9f\xad\xe8\xaf\x97\xe3\x80\x82\n"
    "\n"
    "\xe5\xb1\xb1\xe6\xb7\xb1\xe5\x8f\xb6\xe8\x90\xbd\xe6\xbb\xa1\xe7\xa9\xba\xe5\xba\xad\xef\xbc"
    "\x8c\n"
    "\xe6\x9c\x88\xe7\x99\xbd\xe9\xa3\x8e\xe6\xb8\x85\xe5\xa4\x9c\xe8\x87\xaa\xe6\x98\x8e\xe3\x80"
    "\x82\n"
    "\xe4\xb8\x80\xe9\x9b\x81\xe5\x8d\x97\xe9\xa3\x9e\xe5\xa3\xb0\xe6\xb8\x90\xe8\xbf\x9c\xef\xbc"
    "\x8c\n"
    "\xe9\x9c\x9c\xe7\x81\xaf\xe7\x8b\xac\xe5\x9d\x90\xe6\x95\xb0\xe5\xbd\x92\xe7\xa8\x8b\xe3\x80"
    "\x82\n"
    "\n"
    "Solve x^2 - 5x + 6 = 0 and show the steps.\n"
    "\n"
    "1. Factor: x^2 - 5x + 6 = (x - 2)(x - 3).\n"
    "2. A product is zero when a factor is, so x - 2 = 0 or x - 3 = 0.\n"
    "3. Hence x = 2 or x = 3. Check: 4 - 10 + 6 = 0 and 9 - 15 + 6 = 0.\n"
    "\n"
    "Rewrite politely: \"Send me the report now!!!\"\n"
    "\n"
    "Could you please send me the report when you have a moment? Thank you :)\n"
    "\n"
    "\xe8\xa7\xa3\xe9\x87\x8a\xe4\xb8\x80\xe4\xb8\x8b\xe4\xbb\x80\xe4\xb9\x88\xe6\x98\xaf\xe5\x85"
    "\x89\xe5\x90\x88\xe4\xbd\x9c\xe7\x94\xa8\xef\xbc\x8c\xe5\xb9\xb6\xe8\xaf\xb4\xe6\x98\x8e\xe5"
    "\xae\x83\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe9\x87\x8d\xe8\xa6\x81\xe3\x80\x82\n"
    "\n"
    "\xe5\x85\x89\xe5\x90\x88\xe4\xbd\x9c\xe7\x94\xa8\xe6\x98\xaf\xe6\xa4\x8d\xe7\x89\xa9\xe5\x88"
    "\xa9\xe7\x94\xa8\xe9\x98\xb3\xe5\x85\x89\xef\xbc\x8c\xe6\x8a\x8a\xe4\xba\x8c\xe6\xb0\xa7\xe5"
    "\x8c\x96\xe7\xa2\xb3\xe5\x92\x8c\xe6\xb0\xb4\xe8\xbd\xac\xe5\x8c\x96\xe4\xb8\xba\xe6\x9c\x89"
    "\xe6\x9c\xba\xe7\x89\xa9\xe5\xb9\xb6\xe9\x87\x8a\xe6\x94\xbe\xe6\xb0\xa7\xe6\xb0\x94\xe7\x9a"
    "\x84\xe8\xbf\x87\xe7\xa8\x8b\xe3\x80\x82\xe5\xae\x83\xe4\xb8\xba\xe5\x87\xa0\xe4\xb9\x8e\xe6"
    "\x89\x80\xe6\x9c\x89\xe7\x94\x9f\xe7\x89\xa9\xe6\x8f\x90\xe4\xbe\x9b\xe9\xa3\x9f\xe7\x89\xa9"
    "\xe5\x92\x8c\xe6\xb0\xa7\xe6\xb0\x94\xef\xbc\x8c\xe4\xb9\x9f\xe5\xb8\xae\xe5\x8a\xa9\xe8\xb0"
    "\x83\xe8\x8a\x82\xe5\xa4\xa7\xe6\xb0\x94\xe4\xb8\xad\xe7\x9a\x84\xe4\xba\x8c\xe6\xb0\xa7\xe5"
    "\x8c\x96\xe7\xa2\xb3\xef\xbc\x8c\xe5\x9b\xa0\xe6\xad\xa4\xe5\xaf\xb9\xe5\x9c\xb0\xe7\x90\x83"
    "\xe4\xb8\x8a\xe7\x9a\x84\xe7\x94\x9f\xe5\x91\xbd\xe9\x9d\x9e\xe5\xb8\xb8\xe9\x87\x8d\xe8\xa6"
    "\x81\xe3\x80\x82\n"
    "\n"
    "Which HTML tag makes a link, and how do I open it in a new tab?\n"
    "\n"
    "Use the <a> tag: <a href=\"https://example.org/page?id=7&lang=en\" target=\"_blank\">Read mor"
    "e</a>. The value \"_blank\" opens a new tab.\n"
    "\n"
    "A school has 360 students. 55% are girls, and 1/3 of the girls play chess. How many girls pla"
    "y chess?\n"
    "\n"
    "There are 360*55/100=<<360*55/100=198>>198 girls. Of these, 198/3=<<198/3=66>>66 play chess."
    "\n"
    "#### 66\n"
    "\n"
    "For the C code `x = (a << 4) | (b >> 2);` say what happens to a and b.\n"
    "\n"
    "a is shifted left by four bits (multiplied by 16), b is shifted right by two (divided by 4, r"
    "ounding down for unsigned values), and `|` joins the bits of both.\n"
    "\n"
    "\xe7\x94\xa8\xe8\xa1\xa8\xe6\xa0\xbc\xe6\xaf\x94\xe8\xbe\x83\xe7\x8c\xab\xe5\x92\x8c\xe7\x8b"
    "\x97\xe3\x80\x82\n"
    "\n"
    "| \xe7\x89\xb9\xe7\x82\xb9 | \xe7\x8c\xab | \xe7\x8b\x97 |\n"
    "|------|----|----|\n"
    "| \xe6\x80\xa7\xe6\xa0\xbc | \xe7\x8b\xac\xe7\xab\x8b | \xe5\xbf\xa0\xe8\xaf\x9a |\n"
    "| \xe8\xbf\x90\xe5\x8a\xa8 | \xe8\xbe\x83\xe5\xb0\x91 | \xe9\x9c\x80\xe8\xa6\x81\xe6\x95\xa3"
    "\xe6\xad\xa5 |\n"
    "| \xe5\xaf\xbf\xe5\x91\xbd | \xe7\xba\xa6\x31\x35\xe5\xb9\xb4 | \xe7\xba\xa6\x31\x32\xe5\xb9"
    "\xb4 |\n"
    "\n"
    "Is the sentence \"The staff was more than helpful, but the room smelled of smoke.\" positive "
    "or negative?\n"
    "\n"
    "Mixed: praise for the staff, a complaint about the room.\n";

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
