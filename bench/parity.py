#!/usr/bin/env python3
"""Trains the same LoRA with PyTorch + PEFT in float32 and compares it with an integer run.

From the same start, on the same batches, with the same schedule: AdamW is torch.optim.AdamW, the
loss is the mean over the loss-masked tokens of a step (all its sequences together), clipping is
torch.nn.utils.clip_grad_norm_ of that mean's gradient. Prints one JSON object.

  python bench/parity.py --model DIR|FILE.gguf --init init_adapter.safetensors \\
      --batches batches.jsonl --schedule schedule.jsonl --heldout heldout.jsonl \\
      --lora-r 8 --lora-alpha 16 [--adapter DIR] [--vft-eval eval.json] [--save DIR] ...

Inputs
  --model     a Hugging Face folder, or a GGUF file of the Llama architecture: its reference is the
              dequantised file (F32, F16, BF16 and every quantisation the gguf package knows), with
              the rows of q and k put back from GGUF's pairing to Hugging Face's halves.
  --init      the starting adapter, PEFT tensor names, Hugging Face row order
              (base_model.model.model.layers.N.self_attn.q_proj.lora_A.weight ...). Its names say
              which projections are adapted. B tensors may be left out: they are zero.
  --batches   one JSON object a step: {"ids": [[...], ...], "mask": [[...], ...]}. A sequence with
              n inputs has n + 1 ids; its mask has n entries of 0 or 1, entry i for the label
              ids[i + 1]. Sequences of one step may differ in length; each attends to itself only.
  --schedule  one JSON object a step: {"lr": x}.
  --heldout   one JSON object a sequence: {"ids": [...], "mask": [...]}, optionally "language".
              Several files: the output is a list, and --vft-eval has one for each.
  --adapter   a trained PEFT folder (the integer run's export), evaluated on the float32 base.
  --vft-eval  a JSON object with the integer engine's own held-out figures: "ppl" and "ece", or
              these inside "after".
  --control   also train under bfloat16 autocast, as is common: "control", evaluated in float32.

Output: steps, tokens, clipped_steps, loss_first, loss_last; for each of base, fp32 (trained here),
vft (--adapter on the float32 base), engine (--vft-eval) and control a pair ppl_*, ece_*; differences from
fp32: ppl_rel_diff_* = ppl_* / ppl_fp32 - 1, ece_diff_points_* = 100 (ece_* - ece_fp32); with
languages, the same under by_language; under bins what the ECE of each is made of: tokens, mean
confidence and accuracy of every bin (of engine, where --vft-eval has it), so that runs can be
pooled (bench/parity_folds.py). --max-ppl-rel and --max-ece-points turn differences beyond
them into exit code 1.

ECE is the expected calibration error of the most probable token over the loss-masked tokens, with
--ece-bins bins of equal width in confidence (k-th bin: k/bins < confidence <= (k+1)/bins).
Packages: tools/pretrain_demo/requirements.txt.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

# Every input is a local file: the libraries below must never ask a server instead.
os.environ["HF_HUB_OFFLINE"] = "1"

PROJECTIONS = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
               "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
               "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
               "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


class BadInput(Exception):
  """An input file that does not say what the interface above asks for."""


# ---- Inputs ------------------------------------------------------------------------------------

def check_sequence(ids, mask, where, context=None):
  if len(ids) < 2 or len(mask) != len(ids) - 1:
    raise BadInput(f"{where}: {len(ids)} ids need a mask of one less, found {len(mask)}")
  if any(m not in (0, 1) for m in mask):
    raise BadInput(f"{where}: mask entries are 0 or 1")
  if context is not None and len(mask) > context:
    raise BadInput(f"{where}: {len(mask)} inputs, the model's context is {context}")


def read_lines(path):
  with open(path, encoding="utf-8") as file:
    for number, line in enumerate(file, 1):
      if line.strip():
        try:
          yield f"{path}:{number}", json.loads(line)
        except json.JSONDecodeError as error:
          raise BadInput(f"{path}:{number}: {error}") from None


def read_batches(path, context=None):
  """[[(ids, mask), ...] for each step]."""
  steps = []
  for where, step in read_lines(path):
    if len(step["ids"]) != len(step["mask"]) or not step["ids"]:
      raise BadInput(f"{where}: {len(step['ids'])} sequences, {len(step['mask'])} masks")
    for ids, mask in zip(step["ids"], step["mask"]):
      check_sequence(ids, mask, where, context)
    if not any(any(m) for m in step["mask"]):
      raise BadInput(f"{where}: no label carries loss")
    steps.append(list(zip(step["ids"], step["mask"])))
  return steps


def read_heldout(path, context=None):
  """[(ids, mask, language or None)]."""
  out = []
  for where, line in read_lines(path):
    check_sequence(line["ids"], line["mask"], where, context)
    out.append((line["ids"], line["mask"], line.get("language")))
  if not out:
    raise BadInput(f"{path}: no sequence")
  return out


def pad(sequences):
  """Right-padded (inputs, labels, mask) arrays; with causal attention what stands to the right of
  a position cannot change it, so padding needs no attention mask."""
  width = max(len(mask) for _, mask in sequences)
  inputs, labels, masks = (np.zeros((len(sequences), width), np.int64) for _ in range(3))
  for row, (ids, mask) in enumerate(sequences):
    inputs[row, :len(mask)] = ids[:-1]
    labels[row, :len(mask)] = ids[1:]
    masks[row, :len(mask)] = mask
  return inputs, labels, masks


# ---- Measures ----------------------------------------------------------------------------------

def calibration_error(confidence, correct, bins):
  """Expected calibration error, a fraction: sum over bins of |mean accuracy - mean confidence|,
  weighted with the bin's share."""
  confidence, correct = np.asarray(confidence, float), np.asarray(correct, float)
  index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
  gap = np.zeros(bins)
  np.add.at(gap, index, correct - confidence)
  return float(np.abs(gap).sum() / len(confidence))


def reliability(confidence, correct, bins):
  """[{"tokens", "confidence", "accuracy"}] of the bins, means over their tokens."""
  confidence, correct = np.asarray(confidence, float), np.asarray(correct, float)
  index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
  out = []
  for b in range(bins):
    here, n = index == b, int((index == b).sum())
    out.append({"tokens": n, "confidence": float(confidence[here].mean()) if n else 0.0,
                "accuracy": float(correct[here].mean()) if n else 0.0})
  return out


def summary(nll, confidence, correct, bins):
  return {"ppl": float(math.exp(np.mean(nll))), "ece": calibration_error(confidence, correct, bins),
          "bins": reliability(confidence, correct, bins)}


# ---- GGUF --------------------------------------------------------------------------------------

def unpermute(weight, heads):
  """Rows of q or k from GGUF's order to Hugging Face's. GGUF keeps the two halves of a rotary pair
  next to each other (2i, 2i + 1); Hugging Face keeps them half a head apart (i, i + dim / 2)."""
  rows, columns = weight.shape
  half = rows // heads // 2
  return weight.reshape(heads, half, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def gguf_name(name):
  """Hugging Face's name of a GGUF tensor, None for one that this architecture does not use."""
  fixed = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight":
           "model.norm.weight", "output.weight": "lm_head.weight"}
  if name in fixed:
    return fixed[name]
  parts = name.split(".")
  if len(parts) == 4 and parts[0] == "blk" and parts[2] in PROJECTIONS and parts[3] == "weight":
    return f"model.layers.{int(parts[1])}.{PROJECTIONS[parts[2]]}.weight"
  return None


def load_gguf(path):
  import gguf
  import torch
  from transformers import LlamaConfig, LlamaForCausalLM
  reader = gguf.GGUFReader(path)

  def value(key, default=None):
    field = reader.get_field(key)
    if field is None:
      if default is None:
        raise BadInput(f"{path}: no {key}")
      return default
    return field.contents()

  if value("general.architecture") != "llama":
    raise BadInput(f"{path}: architecture {value('general.architecture')}, expected llama")
  heads = value("llama.attention.head_count")
  kv_heads = value("llama.attention.head_count_kv", heads)
  width = value("llama.embedding_length")
  state = {}
  for tensor in reader.tensors:
    name = gguf_name(tensor.name)
    if name is None:
      raise BadInput(f"{path}: unexpected tensor {tensor.name}")
    array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    array = array.reshape([int(n) for n in reversed(tensor.shape)])
    if name.endswith("q_proj.weight"):
      array = unpermute(array, heads)
    elif name.endswith("k_proj.weight"):
      array = unpermute(array, kv_heads)
    state[name] = torch.from_numpy(np.ascontiguousarray(array))
  tied = "lm_head.weight" not in state
  config = LlamaConfig(
      vocab_size=state["model.embed_tokens.weight"].shape[0], hidden_size=width,
      intermediate_size=value("llama.feed_forward_length"),
      num_hidden_layers=value("llama.block_count"), num_attention_heads=heads,
      num_key_value_heads=kv_heads, head_dim=value("llama.rope.dimension_count", width // heads),
      max_position_embeddings=value("llama.context_length"),
      rms_norm_eps=float(value("llama.attention.layer_norm_rms_epsilon")),
      rope_theta=float(value("llama.rope.freq_base", 10000.0)), tie_word_embeddings=tied)
  model = LlamaForCausalLM._from_config(config, attn_implementation="eager")
  missing, unexpected = model.load_state_dict(state, strict=False)
  missing = [m for m in missing if not (tied and m == "lm_head.weight")]
  if missing or unexpected:
    raise BadInput(f"{path}: missing {missing}, unexpected {unexpected}")
  model.tie_weights()
  return model.float()


def load_model(path):
  from transformers import AutoModelForCausalLM
  import torch
  if Path(path).is_dir():
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32,
                                                 attn_implementation="eager")
  else:
    model = load_gguf(path)
  model.eval()
  return model


# ---- Adapter -----------------------------------------------------------------------------------

def attach(model, init, r, alpha):
  """The model with a PEFT LoRA on exactly the modules named in `init`, holding its values."""
  import torch
  from peft import LoraConfig, get_peft_model
  from safetensors.torch import load_file
  tensors = load_file(init)
  prefix, modules = "base_model.model.", {}
  for name, tensor in tensors.items():
    stem, dot, side = name.removesuffix(".weight").rpartition(".")
    if not name.startswith(prefix) or not dot or side not in ("lora_A", "lora_B"):
      raise BadInput(f"{init}: unexpected tensor {name}")
    modules.setdefault(stem.removeprefix(prefix), {})[side] = tensor.float()
  model = get_peft_model(model, LoraConfig(r=r, lora_alpha=alpha, lora_dropout=0.0, bias="none",
                                           target_modules=sorted(modules), task_type="CAUSAL_LM"))
  attached = {n.removeprefix(prefix) for n, m in model.named_modules() if hasattr(m, "lora_A")}
  if attached != set(modules):
    raise BadInput(f"{init}: modules not in the model: {sorted(set(modules) - attached)}")
  for module, sides in modules.items():
    layer = model.get_submodule(prefix + module)
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    if "lora_A" not in sides:
      raise BadInput(f"{init}: {module} has no lora_A")
    for target, value in ((a, sides["lora_A"]), (b, sides.get("lora_B", torch.zeros_like(b)))):
      if target.shape != value.shape:
        raise BadInput(f"{init}: {module}: shape {tuple(value.shape)}, expected "
                       f"{tuple(target.shape)}")
      with torch.no_grad():
        target.copy_(value)
  return model


def train(model, steps, rates, args, bfloat16=False):
  """Runs the schedule; returns (loss of each step, number of clipped steps)."""
  import torch
  parameters = [p for p in model.parameters() if p.requires_grad]
  optimiser = torch.optim.AdamW(parameters, lr=rates[0], betas=tuple(args.betas), eps=args.eps,
                                weight_decay=args.wd)
  losses, clipped = [], 0
  for number, (sequences, rate) in enumerate(zip(steps, rates)):
    inputs, labels, mask = (torch.from_numpy(a) for a in pad(sequences))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
      logits = model(input_ids=inputs).logits.float()
    nll = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(),
                                            reduction="none")
    weight = mask.flatten().float()
    loss = (nll * weight).sum() / weight.sum()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if args.clip > 0:
      clipped += int(torch.nn.utils.clip_grad_norm_(parameters, args.clip).item() > args.clip)
    for group in optimiser.param_groups:
      group["lr"] = rate
    optimiser.step()
    losses.append(loss.item())
    if args.verbose:
      print(f"step {number} loss {losses[-1]:.5f} lr {rate:.3e}", file=sys.stderr, flush=True)
  return losses, clipped


def evaluate(model, heldout, bins):
  """{"all": {"ppl", "ece"}, language: ...} over the loss-masked held-out tokens."""
  import torch
  groups = {}
  with torch.no_grad():
    for at in range(0, len(heldout), 8):
      part = heldout[at:at + 8]
      inputs, labels, mask = pad([(ids, m) for ids, m, _ in part])
      logp = torch.log_softmax(model(input_ids=torch.from_numpy(inputs)).logits.double(), -1)
      best, guess = (t.numpy() for t in logp.max(-1))
      nll = -logp.gather(-1, torch.from_numpy(labels)[..., None])[..., 0].numpy()
      for row, (_, _, language) in enumerate(part):
        keep = mask[row] == 1
        values = (nll[row][keep], np.exp(best[row][keep]), guess[row][keep] == labels[row][keep])
        for key in {"all", language} - {None}:
          groups.setdefault(key, []).append(values)
  return {key: summary(*(np.concatenate(column) for column in zip(*rows)), bins)
          for key, rows in sorted(groups.items())}


# ---- Comparison --------------------------------------------------------------------------------

def compare(results, key):
  """The flat figures of one group: results is {"base", "fp32", maybe "vft", "engine"}."""
  out = {}
  for name, groups in results.items():
    if key in groups:
      out[f"ppl_{name}"], out[f"ece_{name}"] = groups[key]["ppl"], groups[key]["ece"]
  for name in ("vft", "engine", "control"):
    if f"ppl_{name}" in out:
      out[f"ppl_rel_diff_{name}"] = out[f"ppl_{name}"] / out["ppl_fp32"] - 1
      out[f"ece_diff_points_{name}"] = 100 * (out[f"ece_{name}"] - out["ece_fp32"])
  return out


def read_engine(path):
  value = json.loads(Path(path).read_text(encoding="utf-8"))
  value = value.get("after", value)
  return {"all": {"ppl": float(value["ppl"]), "ece": float(value["ece"]),
                  "bins": value.get("bins", [])}}


def parse(argv):
  parser = argparse.ArgumentParser(description="Compares an integer LoRA run with float32.")
  for name in ("--model", "--init", "--batches", "--schedule"):
    parser.add_argument(name, required=True)
  parser.add_argument("--heldout", required=True, nargs="+")
  parser.add_argument("--adapter", help="trained PEFT folder of the integer run")
  parser.add_argument("--vft-eval", nargs="+", default=[], help="JSON with the integer engine's ppl and ece")
  parser.add_argument("--control", action="store_true", help="train under bfloat16 autocast too")
  parser.add_argument("--save", help="write the adapter trained here into this folder (PEFT)")
  parser.add_argument("--lora-r", type=int, required=True)
  parser.add_argument("--lora-alpha", type=float, required=True)
  parser.add_argument("--wd", type=float, default=0.05)
  parser.add_argument("--betas", type=float, nargs=2, default=(0.9, 0.95))
  parser.add_argument("--eps", type=float, default=1e-8)
  parser.add_argument("--clip", type=float, default=1.0, help="0 switches clipping off")
  parser.add_argument("--ece-bins", type=int, default=15)
  parser.add_argument("--max-ppl-rel", type=float)
  parser.add_argument("--max-ece-points", type=float)
  parser.add_argument("--threads", type=int, default=2)
  parser.add_argument("--verbose", action="store_true")
  return parser.parse_args(argv)


def report(args, results, heldout, steps, losses, clipped):
  """What is printed of one file of held-out sequences."""
  out = {"steps": len(steps), "tokens": sum(sum(m) for s in steps for _, m in s),
         "heldout_tokens": sum(sum(m) for _, m, _ in heldout), "clipped_steps": clipped,
         "loss_first": losses[0], "loss_last": losses[-1]}
  out.update(compare(results, "all"))
  out["bins"] = {name: groups["all"]["bins"] for name, groups in results.items()}
  languages = sorted({language for _, _, language in heldout} - {None})
  if languages:
    out["by_language"] = {language: compare(results, language) for language in languages}
  out["within"] = all(
      abs(out[key + name]) <= limit
      for key, limit in (("ppl_rel_diff_", args.max_ppl_rel),
                         ("ece_diff_points_", args.max_ece_points)) if limit is not None
      for name in ("vft", "engine") if key + name in out)
  return out


def run(args):
  for path in (args.model, args.init, *args.vft_eval,
               args.adapter and os.path.join(args.adapter, "adapter_config.json")):
    if path and not os.path.exists(path):
      raise BadInput(f"{path}: no such file")
  import torch
  torch.set_num_threads(args.threads)
  torch.manual_seed(0)
  model = load_model(args.model)
  context = model.config.max_position_embeddings
  steps = read_batches(args.batches, context)
  rates = [float(line["lr"]) for _, line in read_lines(args.schedule)]
  heldout = [read_heldout(path, context) for path in args.heldout]
  if args.vft_eval and len(args.vft_eval) != len(heldout):
    raise BadInput(f"{len(args.vft_eval)} --vft-eval for {len(heldout)} --heldout")
  if len(rates) != len(steps) or not steps:
    raise BadInput(f"{len(steps)} steps of batches, {len(rates)} of the schedule")

  def measure(name, of):
    for result, sequences in zip(results, heldout):
      result[name] = evaluate(of, sequences, args.ece_bins)

  results = [{} for _ in heldout]
  measure("base", model)
  model = attach(model, args.init, args.lora_r, args.lora_alpha)
  losses, clipped = train(model, steps, rates, args)
  measure("fp32", model)
  if args.save:
    model.save_pretrained(args.save)
  if args.control:
    other = attach(load_model(args.model), args.init, args.lora_r, args.lora_alpha)
    train(other, steps, rates, args, bfloat16=True)
    measure("control", other)
  if args.adapter:
    from peft import PeftModel
    measure("vft", PeftModel.from_pretrained(load_model(args.model), args.adapter).float().eval())
  for result, path in zip(results, args.vft_eval):
    result["engine"] = read_engine(path)
  return [report(args, result, sequences, steps, losses, clipped)
          for result, sequences in zip(results, heldout)]


def main(argv=None):
  args = parse(argv)
  try:
    out = run(args)
  except (BadInput, OSError, KeyError) as error:
    print(f"parity: {error}", file=sys.stderr)
    return 2
  print(json.dumps(out if len(out) > 1 else out[0], indent=2))
  return 0 if all(one["within"] for one in out) else 1


if __name__ == "__main__":
  sys.exit(main())
