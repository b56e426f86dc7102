#!/usr/bin/env python3
"""Writes the first input of fuzz/fuzz_verify.c from a finished run: digests and certificate.

  python3 tools/fuzz_seed.py RUN/public OUT

The digests are those of `vft verify --digests`, in the order and form of vft_certificate_digests
(include/vft/verify.h) on a little-endian machine."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ORDER = ("keys", "manifest", "steps", "first", "end", "start_entry", "end_entry", "releases", "base",
         "functions", "inputs", "blocks", "start", "context", "header")


def main():
  public, out = map(pathlib.Path, sys.argv[1:])
  vft = pathlib.Path(__file__).resolve().parents[1] / "vft"
  with tempfile.TemporaryDirectory() as folder:
    digests = pathlib.Path(folder) / "digests.json"
    subprocess.run([vft, "verify", public / "certificate.vft", "--manifest",
                    public / "manifest.json", "--digests", digests], check=True,
                   stdout=subprocess.DEVNULL)
    known = json.loads(digests.read_text())
  seed = b"".join(struct.pack("<Q", known[name]) if isinstance(known[name], int)
                  else bytes.fromhex(known[name]) for name in ORDER)
  out.parent.mkdir(parents=True, exist_ok=True)
  out.write_bytes(seed + (public / "certificate.vft").read_bytes())


if __name__ == "__main__":
  main()
