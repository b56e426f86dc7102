#!/bin/sh
# Builds the targets of fuzz/ with clang's libFuzzer and runs each FUZZ_RUNS times (20000), from the
# seeds that the replay tests write. An input that fails is left in build/fuzz/found/. FUZZ_ONLY
# names one target.
set -u
build=$1
runs=${FUZZ_RUNS:-20000}
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
${MAKE:-make} --no-print-directory BUILD=fuzz CC=clang fuzzers >build/fuzz/build.log 2>&1 || {
  tail -20 build/fuzz/build.log >&2
  exit 2
}
failed=0 passed=0
for fuzzer in build/fuzz/fuzz/fuzz_*; do
  name=${fuzzer##*/fuzz_}
  case $name in *.d) continue ;; esac
  [ -z "${FUZZ_ONLY:-}" ] || [ "$FUZZ_ONLY" = "$name" ] || continue
  mkdir -p "$corpus/$name"
  if "$fuzzer" -runs="$runs" -seed=1 -max_len=80000 -len_control=0 -timeout=60 -rss_limit_mb=4096 \
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
