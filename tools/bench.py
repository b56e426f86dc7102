#!/usr/bin/env python3
"""Measures the project's figures and writes bench.json: one object a figure, {"name", "value",
"unit", "machine", "commit"}.

Kernels from bench/bench_*; demo.wall_s is the demo from built binary to verdict;
data.* commit to a million made-up records of 128 tokens (640 MB in build/, removed afterwards);
train.ratio_to_fp32 is measured when `make model` has fetched the 135M model and an interpreter
with PyTorch is given (VFT_TORCH_PYTHON, default python3), and is absent otherwise."""

import json
import os
import platform
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
RATIO_CONFIG = """\
base_model: {model}
datasets:
  - path: {data}
sequence_len: 64
micro_batch_size: 4
lora_r: 8
lora_alpha: 16
learning_rate: 1e-4
weight_decay: 0.05
adam_beta2: 0.95
max_steps: 6
"""

DATA_CONFIG = """\
base_model: {model}
datasets:
  - path: records.jsonl
    type: alpaca
sequence_len: 128
num_epochs: 1
"""


def machine():
  name = platform.machine()
  for line in Path("/proc/cpuinfo").read_text().splitlines():
    if line.startswith("model name"):
      name = line.split(":", 1)[1].strip()
      break
  return f"{name}, {os.cpu_count()} processors"


def commit():
  result = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                          capture_output=True)
  return result.stdout.strip() or "unknown"


def kernels():
  """Lines of the benchmark programs that are figures."""
  for name in ("bench_kernels", "bench_logup"):
    program = BUILD / "bench" / name
    result = subprocess.run([program], cwd=ROOT, text=True, capture_output=True)
    if result.returncode:
      print(f"{name}: {result.stderr.strip()}", file=sys.stderr)
      continue
    for line in result.stdout.splitlines():
      try:
        value = json.loads(line)
      except json.JSONDecodeError:
        continue
      if {"name", "value", "unit"} <= set(value):
        yield value["name"], value["value"], value["unit"]


def demo():
  run = BUILD / "bench-demo"
  shutil.rmtree(run, ignore_errors=True)
  start = time.perf_counter()
  result = subprocess.run([ROOT / "vft", "run", "examples/demo/demo.yaml", "--out", run, "--quiet"],
                          cwd=ROOT, stdout=subprocess.DEVNULL)
  wall = time.perf_counter() - start
  if result.returncode == 0:
    size = sum(p.stat().st_size for p in (run / "public" / "proofs").iterdir())
    yield "demo.wall_s", wall, "s"
    yield "demo.proof_mb", size / 1e6, "MB"
  shutil.rmtree(run, ignore_errors=True)


def write_records(path, count):
  """Each has about 150 tokens in the demo model's vocabulary; a sequence of 128 cuts them."""
  picks = random.Random(1)
  words = ("river number because apple train question there learn value machine forty north which "
           "answer about state happy would alpha light").split()
  with open(path, "w") as f:
    for i in range(count):
      text = " ".join(picks.choices(words, k=32))
      f.write(f'{{"instruction":"{i}: {text[:70]}?","output":"{text}.","license":"MIT",'
              f'"lang":"en","source":"made-up {i % 7}","tags":["t{i % 11}"]}}\n')


def data(count=1000000):
  folder = BUILD / "bench-data"
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir(parents=True)
  write_records(folder / "records.jsonl", count)
  config = folder / "config.yaml"
  config.write_text(DATA_CONFIG.format(model=ROOT / "examples" / "demo" / "model"))
  start = time.perf_counter()
  process = subprocess.Popen([ROOT / "vft", "data", "commit", config, "--out", folder / "D",
                              "--quiet"], stdout=subprocess.DEVNULL)
  _, status, usage = os.wait4(process.pid, 0)
  wall = time.perf_counter() - start
  if status == 0:
    yield "data.commit_1m_s", wall, "s"
    yield "data.commit_1m_peak_bytes", usage.ru_maxrss * 1024, "B"
    member = folder / "member.vftm"
    subprocess.run([ROOT / "vft", "data", "prove-member", folder / "D", str(count // 3), "--out",
                    member], check=True, stdout=subprocess.DEVNULL)
    yield "data.member_bytes", member.stat().st_size, "B"
    result = subprocess.run([BUILD / "bench" / "bench_data", member], text=True,
                            capture_output=True, check=True)
    figure = json.loads(result.stdout)
    yield figure["name"], figure["value"], figure["unit"]
  shutil.rmtree(folder, ignore_errors=True)


def ratio():
  models = sorted((BUILD / "model").glob("*.gguf"))
  python = os.environ.get("VFT_TORCH_PYTHON", "python3")
  if not models:
    return
  if subprocess.run([python, "-c", "import torch, peft, gguf"], capture_output=True).returncode:
    print("train.ratio_to_fp32: no PyTorch (set VFT_TORCH_PYTHON)", file=sys.stderr)
    return
  run, config = BUILD / "bench-ratio", BUILD / "bench-ratio.yaml"
  shutil.rmtree(run, ignore_errors=True)
  data = ROOT / "examples" / "demo" / "data" / "train.jsonl"
  config.write_text(RATIO_CONFIG.format(model=models[0], data=data))
  subprocess.run([ROOT / "vft", "train", config, "--out", run, "--parity-files"], check=True,
                 stdout=subprocess.DEVNULL)
  result = subprocess.run([python, ROOT / "bench" / "train_ratio.py", "--model", models[0], "--run",
                           run], check=True, text=True, capture_output=True)
  value = json.loads(result.stdout)
  yield "train.step_s", value["vft_s"], "s"
  yield "train.ratio_to_fp32", value["ratio"], "1"
  shutil.rmtree(run, ignore_errors=True)


def main():
  where = {"machine": machine(), "commit": commit()}
  figures = []
  for source in (kernels, demo, data, ratio):
    for name, value, unit in source():
      figures.append({"name": name, "value": float(f"{value:.4g}"), "unit": unit, **where})
      print(f"{name:24} {value:10.4g} {unit}", flush=True)
  lines = ",\n".join(json.dumps(f) for f in figures)
  (ROOT / "bench.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
  main()
