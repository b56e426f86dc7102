#!/bin/sh
# Builds the library for WebAssembly with Debian's clang, lld, wasi-libc and libclang-rt-dev-wasm32.
# Names what is missing in one line; that is no failure, since nothing else needs it.
#
#     tools/wasm.sh OUT FLAGS SOURCE...
set -u
out=$1 flags=$2
shift 2
need=$(tools/deps.sh wasm)
[ -z "$need" ] || { echo "wasm: left out, it needs: apt-get install$need"; exit 0; }
# shellcheck disable=SC2086
clang --target=wasm32-wasi -mexec-model=reactor $flags -O3 -Wl,--gc-sections \
  -Wl,--strip-all -Wl,-z,stack-size=1048576 -o "$out" "$@" || exit 1
echo "$out: $(stat -c %s "$out") bytes"
