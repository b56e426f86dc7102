# What libvft_verify is built from: the verifier's sources, the machine's program, stand-ins for what
# is not needed (lib/alone, found before src).
LIBSRC := lib/verify.c lib/memory.c lib/alone/absent.c lib/alone/batch.c \
          src/argument/logup.c src/argument/poly_util.c src/argument/soundness.c \
          src/argument/whir_columns.c src/argument/whir_params.c src/argument/whir_verify.c \
          src/base/status.c src/field/goldilocks.c src/gadget/builder.c src/gadget/poseidon.c \
          src/hash/blake3.c src/hash/poseidon.c src/merkle/path.c src/poly/rs_point.c \
          src/recurse/machine.c src/relation/digest.c src/relation/layout.c \
          src/relation/program.c src/transcript/channel.c src/transcript/sponge.c \
          src/transcript/sponge_value.c src/verify/driver.c src/verify/einsum.c \
          src/verify/functional.c src/verify/opening.c src/verify/session.c src/verify/tally.c \
          src/verify/verify.c
LIBFLAGS := -std=c11 -pedantic-errors -Wall -Wextra -ffp-contract=off -fno-strict-overflow \
            -Ilib/alone -Ilib -Isrc -Iinclude
