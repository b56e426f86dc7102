#!/usr/bin/env python3
"""Parity of integer and fp32 training on a small dataset, by cross-validation: bench/parity.py for
each of several folds, a run of its own on the other records, and the folds' held-out tokens
pooled, so that every record is held out once.

  python bench/parity_folds.py --model DIR --records A.jsonl [B.jsonl ...] --out DIR \\
      [--other C.jsonl] [--folds 7] [--lora-r 8] [--steps 100] [--lr 0.005] ...

Record i of the given files, one after the other in an order that a seed fixes, is in fold i mod
--folds; each seed has its own order and its own start. Prints one JSON object: for `own` (the
fold's records) and `other` (--other, for all folds) the differences to fp32 training of `engine`
(the integer engine), `vft` (its adapter on the float32 base) and with --control `control` (training
under bfloat16 autocast), ppl in per cent and ece in points, of each fold and pooled. Pooled
perplexity is exp of the mean loss over all tokens; pooled ECE has the tokens of all folds in its
bins.
Needs ./vft; packages: tools/pretrain_demo/requirements.txt.
"""

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIDES = ("engine", "vft", "control")


def command(*args, out=None):
  """Runs it; its standard output, as JSON where `out` asks for that."""
  done = subprocess.run([str(a) for a in args], capture_output=True, text=True, cwd=ROOT)
  if done.returncode:
    sys.exit(f"{' '.join(map(str, args))}: {done.stderr.strip()}")
  return json.loads(done.stdout) if out == "json" else done.stdout


def configuration(args, seed, records, model):
  return "\n".join([
      f"base_model: {model}", "datasets:", f"  - path: {records}", "    type: messages",
      f"calibration_text: {args.calibration.resolve()}", "chat_template: chatml",
      f"sequence_len: {args.sequence_len}", f"micro_batch_size: {args.batch}",
      "gradient_accumulation_steps: 1", "adapter: lora", f"lora_r: {args.lora_r}",
      f"lora_alpha: {2 * args.lora_r}",
      "lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]",
      f"learning_rate: {args.lr}", "lr_scheduler: cosine", "warmup_ratio: 0.03",
      "weight_decay: 0.05", f"max_grad_norm: {args.clip}", "adam_beta1: 0.9", "adam_beta2: 0.95",
      "adam_epsilon: 1e-8", f"max_steps: {args.steps}", f"seed: {seed}",
      f"# {args.clip} {args.control} {args.other and args.other.resolve()}", ""])


def fold(args, seed, number, train, heldout):
  """{"own": report of bench/parity.py, "other": ...} of one fold; kept, for the next call."""
  place = args.out / f"seed_{seed}" / f"fold_{number}"
  place.mkdir(parents=True, exist_ok=True)
  config, run, kept = place / "run.yaml", place / "run", place / "reports.json"
  text = configuration(args, seed, place / "train.jsonl", args.model.resolve())
  if kept.exists() and config.read_text() == text:
    return json.loads(kept.read_text())
  kept.unlink(missing_ok=True)
  shutil.rmtree(run, ignore_errors=True)
  shutil.rmtree(place / "adapter", ignore_errors=True)
  config.write_text(text)
  (place / "train.jsonl").write_text("".join(train), encoding="utf-8")
  (place / "own.jsonl").write_text("".join(heldout), encoding="utf-8")
  vft = ROOT / "vft"
  command(vft, "train", config, "--out", run, "--parity-files", "--quiet")
  command(vft, "export", run, "--format", "peft", "--out", place / "adapter")
  files = {"own": place / "own.jsonl", **({"other": args.other.resolve()} if args.other else {})}
  for name, data in files.items():
    (place / f"{name}_eval.json").write_text(command(
        vft, "eval", run, "--data", data, "--json", "--heldout-file", place / f"{name}_tokens.jsonl",
        "--quiet"))
  private = run / "private"
  reports = command(
      sys.executable, ROOT / "bench" / "parity.py", "--model", args.model.resolve(),
      "--init", private / "init_adapter" / "adapter_model.safetensors",
      "--batches", private / "batches.jsonl", "--schedule", private / "schedule.jsonl",
      "--heldout", *(place / f"{name}_tokens.jsonl" for name in files),
      "--vft-eval", *(place / f"{name}_eval.json" for name in files),
      "--lora-r", args.lora_r, "--lora-alpha", 2 * args.lora_r, "--clip", args.clip,
      "--adapter", place / "adapter", *(["--control"] if args.control else []), out="json")
  out = dict(zip(files, reports if isinstance(reports, list) else [reports]))
  kept.write_text(json.dumps(out))
  return out


def pooled(reports, side):
  """(perplexity, ECE) over the tokens of all reports."""
  tokens = sum(r["heldout_tokens"] for r in reports)
  loss = sum(r["heldout_tokens"] * math.log(r[f"ppl_{side}"]) for r in reports) / tokens
  ece = 0.0
  if not all(r["bins"][side] for r in reports):
    sys.exit(f"{side}: no bins to pool")
  for bins in zip(*(r["bins"][side] for r in reports)):
    ece += abs(sum(b["tokens"] * (b["accuracy"] - b["confidence"]) for b in bins)) / tokens
  return math.exp(loss), ece


def differences(reports):
  out = {"tokens": sum(r["heldout_tokens"] for r in reports),
         "clipped_steps": [r["clipped_steps"] for r in reports]}
  out["ppl_fp32"], out["ece_fp32"] = pooled(reports, "fp32")
  for side in SIDES:
    if side not in reports[0]["bins"]:
      continue
    ppl, ece = pooled(reports, side)
    out[side] = {
        "ppl_percent": 100 * (ppl / out["ppl_fp32"] - 1), "ece_points": 100 * (ece - out["ece_fp32"]),
        "ppl_percent_folds": [100 * r[f"ppl_rel_diff_{side}"] for r in reports],
        "ece_points_folds": [r[f"ece_diff_points_{side}"] for r in reports]}
  return out


def main():
  parser = argparse.ArgumentParser(description="Cross-validated parity of integer and fp32 training.")
  parser.add_argument("--model", type=Path, default=ROOT / "examples" / "demo" / "model")
  parser.add_argument("--records", type=Path, nargs="+", default=[
      ROOT / "examples" / "demo" / "data" / name for name in ("train.jsonl", "heldout.jsonl")])
  parser.add_argument("--calibration", type=Path, default=ROOT / "examples" / "demo" / "calibration.txt")
  parser.add_argument("--other", type=Path, help="held-out records of another kind")
  parser.add_argument("--out", type=Path, required=True)
  parser.add_argument("--folds", type=int, default=7)
  parser.add_argument("--lora-r", type=int, default=8)
  parser.add_argument("--steps", type=int, default=100)
  parser.add_argument("--lr", type=float, default=0.005)
  parser.add_argument("--clip", type=float, default=1.0)
  parser.add_argument("--batch", type=int, default=4)
  parser.add_argument("--sequence-len", type=int, default=48)
  parser.add_argument("--seed", type=int, nargs="+", default=[42])
  parser.add_argument("--control", action="store_true", help="bfloat16 autocast too")
  args = parser.parse_args()
  args.out = args.out.resolve()
  records = []
  for path in args.records:  # by line feeds: strings of JSON may have other separators
    records += [line + "\n" for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
  reports = []
  for seed in args.seed:
    order = records.copy()
    random.Random(seed).shuffle(order)
    for k in range(args.folds):
      train = [r for i, r in enumerate(order) if i % args.folds != k]
      reports.append(fold(args, seed, k, train, order[k::args.folds]))
      print(f"seed {seed}, fold {k + 1} of {args.folds}", file=sys.stderr, flush=True)
  print(json.dumps({name: differences([r[name] for r in reports]) for name in reports[0]}, indent=2))


if __name__ == "__main__":
  main()
