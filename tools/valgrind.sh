#!/bin/sh
# Verifies a short run of the demo under valgrind, with model and calibration: no invalid access, no
# value that was never set, nothing lost. One line, and success, where there is no valgrind.
set -u
command -v valgrind >/dev/null 2>&1 || { echo "valgrind: not installed, left out"; exit 0; }
folder=build/valgrind
rm -rf "$folder"
mkdir -p "$folder" && cp -r examples/demo "$folder/demo" || exit 1
sed -i 's|^num_epochs:.*|max_steps: 2|; s|^sequence_len:.*|sequence_len: 32|; s|^proof_hash:.*|proof_hash: blake3|' \
  "$folder/demo/demo.yaml"
grep -q '^max_steps: 2' "$folder/demo/demo.yaml" || { echo "FAIL  valgrind (no short run)"; exit 1; }
./vft run "$folder/demo/demo.yaml" --out "$folder/run" --quiet >"$folder/run.log" 2>&1 || {
  cat "$folder/run.log"
  exit 1
}
# valgrind does not know AVX-512; results are the same without it.
VFT_SIMD=c valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
  ./vft verify "$folder/run/public" --model "$folder/demo/model" --threads 1 \
  >"$folder/verify.log" 2>&1
code=$?
if [ "$code" -ne 0 ]; then
  grep -A12 '^==' "$folder/verify.log" | head -40
  echo "FAIL  valgrind (vft verify: exit code $code, $folder/verify.log)"
  exit 1
fi
echo "ok    valgrind (vft verify)"
