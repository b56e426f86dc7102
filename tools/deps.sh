#!/bin/sh
# Makes sure that the libraries the build needs are there: installs them with apt-get when it may
# (root, or sudo without a password), otherwise names them in one line and fails.
# With the argument `wasm`: prints the packages that the WebAssembly build wants and that are not
# there. Nothing else needs them, so they are not installed.
set -u
need=""
if [ "${1:-}" = wasm ]; then
  builtins=$(clang --target=wasm32-wasi --print-resource-dir 2>/dev/null)/lib/wasi
  command -v clang >/dev/null 2>&1 || need="$need clang"
  command -v wasm-ld >/dev/null 2>&1 || need="$need lld"
  [ -f /usr/include/wasm32-wasi/stdio.h ] || need="$need wasi-libc"
  [ -f "$builtins/libclang_rt.builtins-wasm32.a" ] || need="$need libclang-rt-dev-wasm32"
  echo "$need"
  exit 0
fi
for pair in jansson:libjansson-dev yaml-0.1:libyaml-dev libcrypto:libssl-dev libpcre2-8:libpcre2-dev sqlite3:libsqlite3-dev cmocka:libcmocka-dev; do
  pkg-config --exists "${pair%%:*}" 2>/dev/null || need="$need ${pair##*:}"
done
command -v pkg-config >/dev/null 2>&1 || need="$need pkg-config"
command -v gcc >/dev/null 2>&1 || need="$need gcc libc6-dev"
python3 -c 'import venv, ensurepip' 2>/dev/null || need="$need python3-venv"
[ -z "$need" ] && exit 0
run=""
[ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && run="sudo -n"; }
if [ "$(id -u)" = 0 ] || [ -n "$run" ]; then
  echo "installing:$need"
  $run apt-get update -q >/dev/null 2>&1
  DEBIAN_FRONTEND=noninteractive $run apt-get install -y -q $need >/dev/null 2>&1 && exit 0
fi
echo "missing Debian packages, install them with: apt-get install$need" >&2
exit 2
