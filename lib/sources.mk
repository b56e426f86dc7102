# What libvft_verify is built from: the verifier's sources, the machine's program, stand-ins for what
# is not needed (lib/alone, found before src).
LIBSRC := lib/verify.c lib/memory.c lib/alone/absent.c lib/alone/batch.c lib/alone/channel.c \
          lib/alone/params.c lib/alone/program.c src/argument/poly_util.c \
          src/argument/whir_columns.c src/argument/whir_hiding_verify.c \
          src/argument/whir_verify.c src/base/status.c \
          src/field/goldilocks.c src/gadget/builder.c src/gadget/poseidon.c src/hash/blake3.c \
          src/hash/poseidon.c src/hide/hidden.c src/hide/opening.c src/hide/verify.c \
          src/merkle/path.c src/poly/rs_point.c src/recurse/certificate.c src/recurse/keys.c \
          src/recurse/machine.c src/relation/digest.c src/relation/layout.c \
          src/transcript/chain.c src/verify/batch.c src/verify/fset.c src/verify/functional.c \
          src/verify/opening.c src/verify/shapes.c src/verify/statement.c
# Compiled with linear forms for elements of E (src/hide/forms); of their names only that of the
# entry is seen by the others. LIBFORMED: the library's, in place of src/hide/forms/arrays.c.
FORMED := src/argument/logup.c src/argument/poly_util.c src/verify/driver.c src/verify/einsum.c \
          src/verify/fset.c src/verify/functional.c src/verify/session.c src/verify/tally.c \
          src/hide/forms/forms.c src/hide/forms/run.c
LIBFORMED := $(FORMED) lib/alone/batch.c
FORMED += src/hide/forms/arrays.c
LIBFLAGS := -std=c11 -pedantic-errors -Wall -Wextra -ffp-contract=off -fno-strict-overflow \
            -Ilib/alone -Ilib -Isrc -Iinclude
