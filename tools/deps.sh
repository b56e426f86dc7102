#!/bin/sh
# Makes sure that the libraries the build needs are there: installs them with apt-get when it may
# (root, or sudo without a password), otherwise names them in one line and fails.
set -u
need=""
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
