#!/bin/sh
# The whole job on the small model in examples/demo: train, prove, aggregate, verify, export, evaluate.
set -eu
run=build/demo
rm -rf "$run"
start=$(date +%s)
./vft run examples/demo/demo.yaml --out "$run"
end=$(date +%s)
echo
echo "Held-out records, in exact integers, before and after training:"
./vft eval "$run" --data examples/demo/data/heldout.jsonl --quiet

# The certificate for three verifiers that share no code with the prover, or little.
public=$run/public
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
digests=$folder/digests.json
./vft verify "$public/certificate.vft" --manifest "$public/manifest.json" --digests "$digests" --quiet >/dev/null
printf '\nThe certificate elsewhere: libvft_verify in a C program, its WebAssembly build, the Python verifier\n'
printf '  C            '
build/examples/verify "$public/manifest.json" "$public/certificate.vft" "$public/adapter"
printf '  WebAssembly  '
need=$(tools/deps.sh wasm)
command -v node >/dev/null 2>&1 || need="$need nodejs"
if [ -z "$need" ]; then
  node bindings/wasm/verify.mjs "$public/certificate.vft" "$digests" >"$folder/wasm" || { cat "$folder/wasm"; exit 1; }
  cut -d, -f1,2 "$folder/wasm"
else
  echo "left out, it needs: apt-get install$need"
fi
printf '  Python       '
python3 tests/python/second_verifier/certificate.py "$public/certificate.vft" "$digests"
cat <<TEXT

Proved: every step (forward, backward, clipping, AdamW) was computed exactly as the manifest says,
from the declared base weights and the declared start, each step continuing the one before; the
adapter in $run/public/adapter is what the last step produced. Every example is a leaf of the committed
dataset, was drawn by the declared sampler and no other way, has an allowed licence, and no epoch
passed a quota (the tight one on arithmetic made the sampler skip candidates). All of that is in one
file, $run/public/certificate.vft, in zero knowledge: it and the manifest are enough to check it.
Not proved: that the records' metadata is true, and that the result is any good: that is what the
held-out figures are for.

Train, prove, aggregate and verify took $((end - start)) s. Look around:
  ./vft verify $run/public/certificate.vft --manifest $run/public/manifest.json \\
      --model examples/demo/model --adapter $run/public/adapter -v
  ./vft verify $run/public --model examples/demo/model -v
  ./vft inspect $run/public/manifest.json
  ./vft replay $run
  ./vft sampler replay $run
  ./vft disclose $run --bin arithmetic
TEXT
