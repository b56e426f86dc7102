#!/bin/sh
# Builds the targets of fuzz/ with clang's libFuzzer and runs each FUZZ_RUNS times (20000), or for
# FUZZ_SECONDS, from the seeds that the replay tests write, and that of fuzz_verify from a finished run
# (VFT_RUN, or that of `make demo`). An input that fails is left in build/fuzz/found/. FUZZ_ONLY names
# one target.
set -u
build=$1
runs=${FUZZ_RUNS:-20000}
length="-runs=$runs"
[ -z "${FUZZ_SECONDS:-}" ] || length="-max_total_time=$FUZZ_SECONDS"
if ! command -v clang >/dev/null 2>&1; then
  run=""
  [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && run="sudo -n"; }
  if [ "$(id -u)" = 0 ] || [ -n "$run" ]; then
    echo "installing: clang libclang-rt-14-dev"
    $run apt-get update -q >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive $run apt-get install -y -q --no-install-recommends \
      clang libclang-rt-14-dev >/dev/null 2>&1
  fi
  command -v clang >/dev/null 2>&1 || {
    echo "missing Debian packages, install them with: apt-get install clang libclang-rt-14-dev" >&2
    exit 2
  }
fi
seeds=build/fuzz/seeds corpus=build/fuzz/corpus found=build/fuzz/found
rm -rf "$seeds"
mkdir -p "$seeds" "$corpus" "$found"
for t in model run; do
  VFT_FUZZ_SEEDS=$seeds "$build/tests/$t/test_fuzz_replay" >/dev/null || {
    echo "the replay of the seeds fails: $build/tests/$t/test_fuzz_replay" >&2
    exit 1
  }
done
run=${VFT_RUN:-build/demo}
if [ -z "${FUZZ_ONLY:-}" ] || [ "$FUZZ_ONLY" = verify ]; then
  [ -f "$run/public/certificate.vft" ] || ${MAKE:-make} --no-print-directory demo >/dev/null || exit 2
  tools/fuzz_seed.py "$run/public" "$seeds/verify/accepted" || exit 2
  export VFT_FUZZ_ACCEPTED="$seeds/verify/accepted"
fi
${MAKE:-make} --no-print-directory BUILD=fuzz CC=clang fuzzers >build/fuzz/build.log 2>&1 || {
  tail -20 build/fuzz/build.log >&2
  exit 2
}
failed=0 passed=0
for fuzzer in build/fuzz/fuzz/fuzz_*; do
  name=${fuzzer##*/fuzz_}
  case $name in *.d) continue ;; esac
  [ -z "${FUZZ_ONLY:-}" ] || [ "$FUZZ_ONLY" = "$name" ] || continue
  mkdir -p "$corpus/$name" "$seeds/$name"
  most=80000
  [ "$name" != verify ] || most=500000
  # shellcheck disable=SC2086
  if "$fuzzer" $length -seed=1 -max_len=$most -len_control=0 -timeout=60 -rss_limit_mb=4096 \
      -artifact_prefix="$found/$name-" "$corpus/$name" "$seeds/$name" \
      >"build/fuzz/$name.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $name ($(grep -o 'cov: [0-9]*' "build/fuzz/$name.log" | tail -1))"
  else
    failed=$((failed + 1))
    echo "FAIL  $name: build/fuzz/$name.log"
    grep -m1 -A12 'ERROR\|runtime error' "build/fuzz/$name.log"
  fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
