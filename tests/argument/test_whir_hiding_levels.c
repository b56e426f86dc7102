/* The same where the folded rows have a tree of their own: the tail is sent between its root and the
 * positions. */
#define HIDING_LOG 11
#include "test_whir_hiding.c"
