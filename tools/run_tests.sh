#!/bin/sh
# Runs every built C test and the Python tests; closes with "N passed, N failed".
set -u
build=$1
passed=0 failed=0
log=$build/test-logs
mkdir -p "$log"
for t in $(find "$build/tests" -type f -perm -u+x -name 'test_*' | sort); do
  name=$(echo "$t" | sed "s|$build/tests/||; s|/|.|g")
  CMOCKA_MESSAGE_OUTPUT=TAP "$t" >"$log/$name.log" 2>&1
  rc=$?
  ok=$(grep -c '^ok ' "$log/$name.log")
  bad=$(grep -c '^not ok ' "$log/$name.log")
  # A test program that dies outside a test, or runs none, counts as one failure.
  if [ $rc -ne 0 ] && [ "$bad" -eq 0 ] || [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + ok)) failed=$((failed + bad))
  if [ "$bad" -eq 0 ]; then
    echo "ok    $name ($ok)"
  else
    echo "FAIL  $name ($bad of $((ok + bad)))"
    grep -A8 '^not ok\|Sanitizer\|rror' "$log/$name.log" | head -40
  fi
done
if ls tests/python/test_*.py >/dev/null 2>&1; then
  python=$(tools/python_env.sh) || exit 2
  "$python" -m pytest -q -x --no-header tests/python >"$log/python.log" 2>&1
  rc=$?
  ok=$(sed -n 's/.*[^0-9]\{0,1\}\([0-9][0-9]*\) passed.*/\1/p' "$log/python.log" | tail -1)
  bad=$(sed -n 's/.*[^0-9]\{0,1\}\([0-9][0-9]*\) failed.*/\1/p' "$log/python.log" | tail -1)
  ok=${ok:-0} bad=${bad:-0}
  [ $rc -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  passed=$((passed + ok)) failed=$((failed + bad))
  if [ "$bad" -eq 0 ]; then echo "ok    python ($ok)"; else echo "FAIL  python"; tail -40 "$log/python.log"; fi
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
