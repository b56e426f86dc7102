#!/bin/sh
# Whether src/recurse/keys.c is what tools/vk.c makes of the circuits as they are recorded now, with
# the usual compiler, or with clang for the recorder and the verifier that is recorded: keys must
# not depend on an evaluation order that C leaves open.
#
#     tools/keys.sh gcc|clang     exits 0: the same, 3: no such compiler
set -eu
make="${MAKE:-make} --no-print-directory -s"
if [ "$1" = gcc ]; then
  $make build/vk
  build/vk | cmp - src/recurse/keys.c
  exit
fi
command -v clang >/dev/null 2>&1 || exit 3
b=build/clang
objects=$b/wired.o
for f in src/recurse/*.c src/verify/*.c src/transcript/*.c src/argument/whir_params.c src/argument/whir_hiding_params.c \
         src/argument/soundness.c; do
  objects="$objects $b/${f%.c}.o"
done
$make CC=clang WARN=-w B=$b $objects
$make build/libvft.a
# shellcheck disable=SC2086
clang -std=gnu11 -O2 -pthread -Isrc -Iinclude -o $b/vk tools/vk.c $objects build/libvft.a -pthread \
  $(pkg-config --libs jansson yaml-0.1 libcrypto libpcre2-8 sqlite3) -lm
$b/vk | cmp - src/recurse/keys.c
