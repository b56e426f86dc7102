#!/usr/bin/env python3
"""Changes bytes of a finished one-step run, one at a time, and expects `vft verify` to reject each.

  python tests/long/tamper_bytes.py [--stride N]

Manifest, headers and lengths: every byte. Proofs: every N-th (default 37; 1: all, which takes a
day on two cores). Ends with "N changes, all rejected" or names the byte that was not noticed."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VFT = ROOT / "vft"
DEMO = ROOT / "examples" / "demo"
CONFIG = f"""\
base_model: {DEMO}/model
datasets:
  - path: {DEMO}/data/train.jsonl
calibration_text: {DEMO}/calibration.txt
sequence_len: 16
micro_batch_size: 2
lora_r: 2
lora_alpha: 4
lora_target_modules: [v_proj]
learning_rate: 0.002
max_steps: 1
"""
HEADER = 12 + 32 + 8 + 4 + 4 + 5 * 32 + 8


def verify(folder):
  return subprocess.run([VFT, "verify", folder, "--threads", "1", "--quiet"],
                        capture_output=True).returncode


def changes(public, stride):
  """(file, position) of every change."""
  for name in ("manifest.json", "proofs/shards.json", "proofs/step_000000.vft", "proofs/oracles.vft"):
    size = (public / name).stat().st_size
    every = range(size) if name.endswith(".json") else sorted(
        set(range(min(HEADER, size))) | set(range(HEADER, size, stride)) | {size - 1})
    for at in every:
      yield name, at


def worker(source, jobs, number):
  """The first change of `jobs` that is not rejected, or None."""
  picks = random.Random(number)
  with tempfile.TemporaryDirectory() as folder:
    public = Path(folder) / "public"
    shutil.copytree(source, public)
    for name, at in jobs:
      path = public / name
      with open(path, "r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ 1 << picks.randrange(8)]))
      code = verify(public)
      with open(path, "r+b") as file:
        file.seek(at)
        file.write(old)
      if code not in (1, 2):  # 2: the version field
        return f"{name}, byte {at}: exit code {code}"
    return None if verify(public) == 0 else "the unchanged run is not accepted afterwards"


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--stride", type=int, default=37)
  args = parser.parse_args()
  with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "config.yaml"
    config.write_text(CONFIG)
    run = Path(folder) / "run"
    subprocess.run([VFT, "run", config, "--out", run, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    public = run / "public"
    jobs = list(changes(public, args.stride))
    n = os.cpu_count() or 1
    with ThreadPoolExecutor(n) as pool:
      results = list(pool.map(lambda i: worker(public, jobs[i::n], i), range(n)))
  failed = [r for r in results if r]
  for line in failed:
    print(line)
  print(f"{len(jobs)} changes, " + ("NOT all rejected" if failed else "all rejected"))
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
