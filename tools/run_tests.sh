#!/bin/sh
# Runs every built C test and, without a second argument, the Python tests; closes with "N passed,
# N failed, N skipped".
set -u
build=$1
passed=0 failed=0 skipped=0
log=$build/test-logs
mkdir -p "$log"
# Tests on the real model run when `make model` has fetched it.
model=build/model/SmolLM2-135M-Instruct.Q4_1.gguf
if [ -z "${VFT_SMOLLM2:-}" ] && [ -f "$model" ]; then
  VFT_SMOLLM2=$PWD/$model
  export VFT_SMOLLM2
fi
for t in $(find "$build/tests" -type f -perm -u+x -name 'test_*' | sort); do
  name=$(echo "$t" | sed "s|$build/tests/||; s|/|.|g")
  CMOCKA_MESSAGE_OUTPUT=TAP "$t" >"$log/$name.log" 2>&1
  rc=$?
  ok=$(grep -c '^ok ' "$log/$name.log")
  bad=$(grep '^not ok ' "$log/$name.log" | grep -vc '# SKIP')
  skip=$(grep -c '^not ok .*# SKIP\|^ok .*# SKIP' "$log/$name.log")
  skipped=$((skipped + skip))
  # A test program that dies outside a test, or runs none, counts as one failure.
  if [ "$bad" -eq 0 ] && { [ $rc -ne 0 ] || [ $((ok + skip)) -eq 0 ]; }; then bad=1; fi
  passed=$((passed + ok)) failed=$((failed + bad))
  if [ "$bad" -eq 0 ]; then
    echo "ok    $name ($ok)"
  else
    echo "FAIL  $name ($bad of $((ok + bad)))"
    grep -A8 '^not ok\|Sanitizer\|rror' "$log/$name.log" | head -40
  fi
done
if [ "$build" = build ]; then
  for cc in gcc clang; do
    tools/keys.sh $cc >"$log/keys.$cc.log" 2>&1
    case $? in
      0) passed=$((passed + 1)); echo "ok    keys.$cc (1)" ;;
      3) skipped=$((skipped + 1)) ;;
      *) failed=$((failed + 1)); echo "FAIL  keys.$cc"; tail -5 "$log/keys.$cc.log" ;;
    esac
  done
fi
if [ $# -eq 1 ] && ls tests/python/test_*.py >/dev/null 2>&1; then
  python=$(tools/python_env.sh) || exit 2
  # Two files at a time: much in them runs on one core.
  "$python" -m pytest -q --no-header -n 2 --dist loadfile tests/python >"$log/python.log" 2>&1
  rc=$?
  ok=$(grep -o '[0-9]* passed' "$log/python.log" | tail -1 | cut -d' ' -f1)
  bad=$(grep -o '[0-9]* \(failed\|error\)' "$log/python.log" | tail -1 | cut -d' ' -f1)
  ok=${ok:-0} bad=${bad:-0}
  [ $rc -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  passed=$((passed + ok)) failed=$((failed + bad))
  if [ "$bad" -eq 0 ]; then echo "ok    python ($ok)"; else echo "FAIL  python"; tail -40 "$log/python.log"; fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
