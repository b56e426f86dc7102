/* src/verify/verify.h for the library: what a proof is about, and no proofs but hiding ones. */
#include "argument/soundness.h"
#include "verify/statement.h"
