#!/bin/sh
# Builds the library for WebAssembly with Debian's clang, lld, wasi-libc and libclang-rt-dev-wasm32.
# Names what is missing in one line; that is no failure, since nothing else needs it.
#
#     tools/wasm.sh OUT FLAGS FORMED SOURCE...
#
# FORMED are the sources that are compiled with linear forms (src/hide/forms). Names of WebAssembly
# objects cannot be made local; those that both sides have, as the native objects beside OUT show, are
# renamed.
set -u
out=$1 flags=$2 formed=$3
shift 3
need=$(tools/deps.sh wasm)
[ -z "$need" ] || { echo "wasm: left out, it needs: apt-get install$need"; exit 0; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
native=$(dirname "$out")/lib
names() { nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u; }
# shellcheck disable=SC2046
names $(find "$native/lib" "$native/src" -name '*.o') >"$folder/plain"
# shellcheck disable=SC2046
names $(find "$native/formed" -name '*.o') >"$folder/formed"
renamed=$(comm -12 "$folder/plain" "$folder/formed" | sed 's/.*/-D&=formed_&/')
# compile KIND FLAGS SOURCE...
compile() {
  kind=$1 more=$2
  shift 2
  for source in "$@"; do
    # shellcheck disable=SC2086
    clang --target=wasm32-wasi $more $flags -O3 -c \
      -o "$folder/$kind.$(echo "$source" | tr / .).o" "$source" || return 1
  done
}
# shellcheck disable=SC2086
compile plain "" "$@" && compile formed "-Isrc/hide/forms -Wno-missing-field-initializers $renamed" \
  $formed || exit 1
clang --target=wasm32-wasi -mexec-model=reactor -Wl,--gc-sections -Wl,--strip-all \
  -Wl,-z,stack-size=1048576 -o "$out" "$folder"/*.o || exit 1
echo "$out: $(stat -c %s "$out") bytes"
