#!/usr/bin/env python3
"""Seconds of one training step with PyTorch + PEFT in float32, on the batches of an integer run.

  python bench/train_ratio.py --model FILE.gguf|DIR --run RUN [--steps N] [--threads N]

RUN was trained with --parity-files. Prints one JSON object: the medians of both engines and their
ratio. The first step of each is left out (it warms caches up); --repeat goes through the steps
several times (float32 only). Packages:
tools/pretrain_demo/requirements.txt."""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import parity  # noqa: E402


def float_steps(args, manifest, steps):
  import torch
  torch.set_num_threads(args.threads)
  model = parity.load_model(args.model)
  adapter = manifest["adapter"]
  init = Path(args.run) / "private" / "init_adapter" / "adapter_model.safetensors"
  model = parity.attach(model, init, adapter["rank"], adapter["alpha"])
  options = argparse.Namespace(betas=(0.9, 0.95), eps=1e-8, wd=0.05, clip=1.0, verbose=False)
  seconds = []
  for step in steps:
    start = time.perf_counter()
    parity.train(model, [step], [1e-4], options)
    seconds.append(time.perf_counter() - start)
  return seconds


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--model", required=True)
  parser.add_argument("--run", required=True)
  parser.add_argument("--steps", type=int, default=6)
  parser.add_argument("--repeat", type=int, default=1)
  parser.add_argument("--threads", type=int, default=2)
  args = parser.parse_args()
  run = Path(args.run)
  manifest = json.loads((run / "public" / "manifest.json").read_text())
  log = [json.loads(line) for line in (run / "private" / "log.jsonl").read_text().splitlines()]
  steps = parity.read_batches(run / "private" / "batches.jsonl")[:args.steps] * args.repeat
  ours = statistics.median(line["seconds"] for line in log[1:] or log)
  theirs = statistics.median(float_steps(args, manifest, steps)[1:])
  print(json.dumps({"vft_s": ours, "fp32_s": theirs, "ratio": ours / theirs}))


if __name__ == "__main__":
  main()
