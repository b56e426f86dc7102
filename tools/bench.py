#!/usr/bin/env python3
"""Measures the project's figures and writes bench.json: one object a figure, {"name", "value",
"unit", "machine", "commit"}.

Kernels from bench/bench_*; demo.wall_s is the demo from built binary to verdict;
data.* commit to a million made-up records of 128 tokens (380 MB in build/, removed afterwards);
figures of the 135M model (smollm2.*, shard.*, train.*, prove.ratio_to_fp32) are measured when `make
model` has fetched it, the ratios to float32 when an interpreter with PyTorch is given too
(VFT_TORCH_PYTHON, default python3), and absent otherwise. VFT_BENCH_LONG=1 adds 512 tokens."""

import json
import os
import platform
import random
import resource
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
SMOLLM2_CONFIG = """\
base_model: {model}
datasets:
  - path: {data}
sequence_len: {tokens}
micro_batch_size: 1
lora_r: 8
lora_alpha: 16
lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]
learning_rate: 1e-4
weight_decay: 0.05
adam_beta2: 0.95
max_steps: 1
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


def lines(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def step_seconds(run, key="seconds"):
  """Per step, over all its shards, or per proof of several steps (release and epochs left out)."""
  total = {}
  for line in lines(run / "private" / "prove.jsonl"):
    if line["shard"] != "release" and not line["shard"].startswith("epoch_"):
      total[line["step"]] = total.get(line["step"], 0) + line[key]
  return [total[t] for t in sorted(total)]


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
    steps = step_seconds(run)
    yield "prove.growth", sorted(steps[-3:])[1] / sorted(steps[1:4])[1], "1"
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


BINDING_CONFIG = """\
base_model: {model}
datasets:
  - path: {data}
    type: alpaca
sequence_len: 128
micro_batch_size: {batch}
lora_r: 8
lora_alpha: 16
lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]
learning_rate: 1e-4
adam_beta2: 0.95
max_steps: {steps}
policy:
  allow_licenses: [MIT]
  quotas:
    - {{bin: "language:en", max_examples: 1000}}
    - {{bin: "source:made-up 1", max_examples: 5}}
    - {{bin: "tag:t3", max_tokens: 500}}
"""


def binding(name, model, batch, steps):
  """What the proofs of the data add to those of the steps, as a fraction of core-seconds."""
  run, config, data = (BUILD / f"bench-binding{end}" for end in ("", ".yaml", ".jsonl"))
  shutil.rmtree(run, ignore_errors=True)
  write_records(data, 300)
  config.write_text(BINDING_CONFIG.format(model=model, data=data, batch=batch, steps=steps))
  subprocess.run([ROOT / "vft", "run", config, "--out", run, "--join", "1", "--quiet"],
                 check=True, stdout=subprocess.DEVNULL)
  result = subprocess.run([BUILD / "bench" / "bench_binding", run], text=True, capture_output=True,
                          check=True)
  yield name, json.loads(result.stdout)["overhead"], "1"
  shutil.rmtree(run, ignore_errors=True)


def dataset(count=1000000):
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


def million_products(manifest, tokens, loss_tokens):
  """MMAC of a step: twice the forward products of frozen weights (head on loss rows), the adapters'
  products forward and backward, attention (causal)."""
  a, lora = manifest["base_model"]["architecture"], manifest["adapter"]
  d, ff, layers = a["d"], a["ff"], a["layers"]
  q, kv = a["heads"] * a["head_dim"], a["kv_heads"] * a["head_dim"]
  shapes = {"q_proj": (d, q), "k_proj": (d, kv), "v_proj": (d, kv), "o_proj": (q, d),
            "gate_proj": (d, ff), "up_proj": (d, ff), "down_proj": (ff, d)}
  frozen = tokens * layers * sum(i * o for i, o in shapes.values()) + loss_tokens * a["vocab"] * d
  adapters = 3 * tokens * layers * lora["rank"] * sum(sum(shapes[t]) for t in lora["targets"])
  attention = 3 * tokens * tokens * layers * q
  return (2 * frozen + adapters + attention) / 1e6


def long_records():
  """Three records of more than 512 tokens, so that no position is padding: an epoch of three steps."""
  answers = [m["content"] for record in lines(ROOT / "examples/demo/data/train.jsonl")
             for m in record["messages"] if m["role"] == "assistant"]
  path = BUILD / "bench-long.jsonl"
  text = [json.dumps({"messages": [{"role": "user", "content": "Go on."},
                                   {"role": "assistant", "content": " ".join(answers[i::3])}]})
          for i in range(3)]
  path.write_text("\n".join(text) + "\n")
  return path


def smollm2():
  models = sorted((BUILD / "model").glob("*.gguf"))
  for tokens in (128, 512) if os.environ.get("VFT_BENCH_LONG") else (128,):
    if not models:
      return
    run, config = BUILD / "bench-smollm2", BUILD / "bench-smollm2.yaml"
    shutil.rmtree(run, ignore_errors=True)
    data = long_records()
    config.write_text(SMOLLM2_CONFIG.format(model=models[0], data=data, tokens=tokens))
    subprocess.run([ROOT / "vft", "train", config, "--out", run, "--parity-files", "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([ROOT / "vft", "prove", run, "--memory", "16G", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    manifest = json.loads((run / "public" / "manifest.json").read_text())
    mmac = million_products(manifest, tokens, lines(run / "private" / "log.jsonl")[0]["tokens"])
    wall, core = step_seconds(run)[0], step_seconds(run, "cpu_seconds")[0]
    name = "" if tokens == 128 else "_512"
    yield "smollm2.mmac" + name, mmac, "million multiply-accumulates"
    yield "smollm2.core_s_per_mmac" + name, core / mmac, "core-s"
    yield "smollm2.prove_s" + name, wall, "s"
    shards = lines(run / "private" / "prove.jsonl")
    if tokens == 128:
      yield "smollm2.peak_bytes", after.ru_maxrss * 1024, "bytes"
      yield "smollm2.run_cpu_s", (after.ru_utime + after.ru_stime - before.ru_utime -
                                  before.ru_stime), "core-s"
      yield "shard.proof_bytes", max(s["proof_bytes"] for s in shards), "bytes"
      report = subprocess.run([ROOT / "vft", "verify", run / "public", "--json", "--threads", "1"],
                              check=True, text=True, capture_output=True)
      yield "shard.verify_ms", json.loads(report.stdout)["slowest_shard_ms"], "ms"
    seconds = float_step(models[0], run)
    if seconds:
      yield "prove.ratio_to_fp32" + ("" if tokens == 512 else "_128"), wall / seconds, "1"
    shutil.rmtree(run, ignore_errors=True)


def smollm2_certificate():
  """The three steps again under Poseidon, and their certificate: a quarter of an hour."""
  models = sorted((BUILD / "model").glob("*.gguf"))
  if not models or not os.environ.get("VFT_BENCH_LONG"):
    return
  run, config = BUILD / "bench-smollm2", BUILD / "bench-smollm2.yaml"
  shutil.rmtree(run, ignore_errors=True)
  text = SMOLLM2_CONFIG.format(model=models[0], data=long_records(), tokens=128)
  config.write_text(text.replace("max_steps: 1", "max_steps: 3") + "proof_hash: poseidon\n")
  quiet = {"check": True, "stdout": subprocess.DEVNULL}
  subprocess.run([ROOT / "vft", "train", config, "--out", run, "--quiet"], **quiet)
  spent = []
  for command in (["prove", run, "--memory", "16G"], ["aggregate", run]):
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([ROOT / "vft", *command, "--quiet"], **quiet)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    name = "smollm2." + command[0].replace("prove", "prove_poseidon")
    yield name + "_core_s", spent[-1], "core-s"
    yield name + "_s", time.monotonic() - begun, "s"
  yield "recursion.share", spent[1] / sum(spent), "1"
  yield "smollm2.cert_bytes", (run / "public" / "certificate.vft").stat().st_size, "B"
  shutil.rmtree(run, ignore_errors=True)


def float_step(model, run):
  """Seconds of the PyTorch float32 step on the run's batches, or None without PyTorch."""
  python = os.environ.get("VFT_TORCH_PYTHON", "python3")
  if subprocess.run([python, "-c", "import torch, peft, gguf"], capture_output=True).returncode:
    return None
  result = subprocess.run([python, ROOT / "bench" / "train_ratio.py", "--model", model, "--run",
                           run, "--steps", "1", "--repeat", "3"], check=True, text=True,
                          capture_output=True)
  return json.loads(result.stdout)["fp32_s"]


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


def bindings():
  yield from binding("data.overhead_demo", ROOT / "examples" / "demo" / "model", 8, 4)
  for model in sorted((BUILD / "model").glob("*.gguf"))[:1]:
    yield from binding("data.overhead_smollm2", model, 1, 1)


def recursion():
  """Eight steps of the demo, four in a proof, under Poseidon: what one certificate of them takes."""
  run, config = BUILD / "bench-recursion", BUILD / "bench-recursion.yaml"
  demo_folder = ROOT / "examples" / "demo"
  text = (demo_folder / "demo.yaml").read_text()
  for old, new in (("base_model: model", f"base_model: {demo_folder}/model"),
                   ("path: data/", f"path: {demo_folder}/data/"),
                   ("calibration_text: ", f"calibration_text: {demo_folder}/"),
                   ("num_epochs: 2", "max_steps: 8"), ("steps_per_epoch: 12", "steps_per_epoch: 8")):
    assert old in text
    text = text.replace(old, new)
  text = "\n".join(line for line in text.splitlines() if not line.startswith("proof_hash"))
  config.write_text(text + "\nproof_hash: poseidon\n")
  shutil.rmtree(run, ignore_errors=True)
  quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
  subprocess.run([ROOT / "vft", "train", config, "--out", run, "--quiet"], **quiet)
  subprocess.run([ROOT / "vft", "prove", run, "--join", "4", "--quiet"], **quiet)
  before = resource.getrusage(resource.RUSAGE_CHILDREN)
  subprocess.run([ROOT / "vft", "aggregate", run, "--quiet"], **quiet)
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
  proving = sum(x["cpu_seconds"] for x in lines(run / "private" / "prove.jsonl"))
  public = run / "public"
  yield "cert.bytes", (public / "certificate.vft").stat().st_size, "B"
  report = [ROOT / "vft", "verify", public / "certificate.vft", "--manifest",
            public / "manifest.json", "--json"]
  times = [json.loads(subprocess.run(report, check=True, capture_output=True).stdout)
           for _ in range(10)]
  yield "cert.verify_ms", min(t["slowest_shard_ms"] for t in times), "ms"
  yield "soundness.bits", times[0]["bits_total"], "1"
  yield "recursion.share_demo", spent / (spent + proving), "1"
  out = subprocess.run([BUILD / "bench" / "bench_recursion", run], check=True, text=True,
                       capture_output=True).stdout
  for line in out.splitlines():
    name, value = line.split("=")
    yield name, float(value), "s" if name.endswith("_s") else "1"
  shutil.rmtree(run, ignore_errors=True)


def main():
  where = {"machine": machine(), "commit": commit()}
  figures = []
  for source in (kernels, demo, recursion, dataset, bindings, ratio, smollm2, smollm2_certificate):
    for name, value, unit in source():
      figures.append({"name": name, "value": float(f"{value:.4g}"), "unit": unit, **where})
      print(f"{name:24} {value:10.4g} {unit}", flush=True)
  text = ",\n".join(json.dumps(f) for f in figures)
  (ROOT / "bench.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
  main()
