# What libvft_verify is built from: the verifier's sources, the machine's program, stand-ins for what
# is not needed (lib/alone, found before src).
LIBSRC := lib/alone/absent.c lib/alone/channel.c lib/alone/params.c lib/alone/program.c \
          lib/memory.c lib/verify.c src/argument/poly_util.c src/argument/whir_columns.c \
          src/argument/whir_hiding_verify.c src/argument/whir_verify.c src/base/mem_arena.c \
          src/base/status.c src/field/eq.c src/field/goldilocks.c src/field/plain/arrays.c \
          src/gadget/builder.c src/gadget/poseidon.c src/hash/blake3.c src/hash/poseidon.c \
          src/hide/hidden.c src/hide/opening.c src/hide/verify.c src/merkle/path.c \
          src/poly/rs_point.c src/recurse/certificate.c src/recurse/keys.c src/recurse/machine.c \
          src/relation/digest.c src/relation/layout.c src/transcript/chain.c src/verify/batch.c \
          src/verify/fset.c src/verify/functional.c src/verify/opening.c src/verify/shapes.c \
          src/verify/statement.c
# Compiled with linear forms for elements of E (src/hide/forms); of their names only that of the
# entry is seen by the others.
FORMED := src/argument/logup.c src/argument/poly_util.c src/field/eq.c src/field/plain/arrays.c \
          src/verify/driver.c src/verify/einsum.c src/verify/fset.c src/verify/functional.c \
          src/verify/session.c src/verify/tally.c src/hide/forms/forms.c src/hide/forms/run.c
LIBFLAGS := -std=c11 -pedantic-errors -Wall -Wextra -ffp-contract=off -fno-strict-overflow \
            -Ilib/alone -Ilib -Isrc -Iinclude
