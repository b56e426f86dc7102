#!/bin/sh
# Checks build/libvft_verify.a: what it needs is in the C library, what it shows is in its header,
# and the files it is built from, as the compiler lists them, have fewer than 6,000 lines of C.
#
#     tools/library.sh ARCHIVE DEPENDENCIES.d...
set -u
archive=$1
shift
allowed="calloc free malloc memcmp memcpy memset qsort snprintf vsnprintf strchr strcmp strlen strncmp strtoul
__errno_location __popcountdi2 __stack_chk_fail _GLOBAL_OFFSET_TABLE_ __tls_get_addr"
bad=0
for name in $(nm -u "$archive" | awk '$1 == "U" { print $2 }' | sort -u); do
  echo $allowed | tr ' ' '\n' | grep -qx "$name" || { echo "$archive needs $name" >&2; bad=1; }
done
for name in $(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }'); do
  grep -q "$name(" include/vft/verify.h || { echo "$archive shows $name" >&2; bad=1; }
done
files=$(cat "$@" | tr ' \\:' '\n\n\n' | grep '\.[ch]$' | sed 's|[^ ]*/\.\./\.\./\.\./|src/|' | sort -u)
for file in $files; do # each from the project: no header of anything but C
  [ -f "$file" ] || { echo "$archive is built from $file, which is not there" >&2; bad=1; }
  grep -Hn '^#include <' "$file" | grep -vE '<(errno|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string)\.h>' >&2 && bad=1
done
# shellcheck disable=SC2086
echo "libvft_verify: $(tools/lines.py 5999 $files), $(stat -c %s "$archive") bytes" || bad=1
tools/lines.py 5999 $files >/dev/null 2>&1 || bad=1
[ "$bad" = 0 ] || { rm -f "$archive"; exit 1; }
