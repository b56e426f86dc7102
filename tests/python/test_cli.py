"""The command line end to end, on the demo model with a short run: train, prove, verify, and every
way of tampering with the result that the documentation promises to catch."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
VFT = ROOT / "vft"
DEMO = ROOT / "examples" / "demo"
STEPS = 3

CONFIG = """\
base_model: {model}
datasets:
  - path: {data}
    type: messages
calibration_text: {demo}/calibration.txt
sequence_len: {sequence_len}
micro_batch_size: 2
lora_r: 4
lora_alpha: 8
lora_target_modules: [q_proj, v_proj, down_proj]
learning_rate: {learning_rate}
lr_scheduler: cosine
warmup_ratio: 0.3
weight_decay: 0.05
max_grad_norm: 1.0
adam_beta2: 0.95
max_steps: {steps}
seed: {seed}
"""


def vft(*args, env=None, timeout=600):
  return subprocess.run([VFT, *map(str, args)], capture_output=True, text=True, timeout=timeout,
                        env={**os.environ, **(env or {})}, cwd="/")


def write_config(folder, name="config.yaml", **values):
  fields = {"model": DEMO / "model", "data": DEMO / "data" / "train.jsonl", "demo": DEMO,
            "sequence_len": 32, "learning_rate": "0.005", "steps": STEPS, "seed": 1, **values}
  path = folder / name
  path.write_text(CONFIG.format(**fields))
  return path


def digests(folder):
  return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
          for p in sorted(folder.rglob("*")) if p.is_file()}


def expect(result, code, *words):
  text = result.stdout + result.stderr
  assert result.returncode == code, text
  for word in words:
    assert word in text, text
  lines = [line for line in result.stderr.splitlines() if line.startswith("vft: ")]
  assert len(lines) == (1 if code else 0), result.stderr  # one clear line
  return result


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
  """A finished run; tests copy its public folder before they change anything."""
  folder = tmp_path_factory.mktemp("run")
  config = write_config(folder)
  result = vft("run", config, "--out", folder / "run", "--parity-files", "--join", 1)
  expect(result, 0, "accepted")
  assert "NOT CHECKED" not in result.stdout
  return folder / "run"


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
  """Another run of the same model and shapes: only the seed differs."""
  folder = tmp_path_factory.mktemp("foreign")
  config = write_config(folder, seed=2)
  expect(vft("run", config, "--out", folder / "run", "--join", 1), 0)
  return folder / "run"


@pytest.fixture
def public(finished, tmp_path):
  shutil.copytree(finished / "public", tmp_path / "public")
  return tmp_path / "public"


def verify(folder, *args):
  return vft("verify", folder, *args)


def rejected(result, *checks):
  expect(result, 1, "rejected: ")
  assert any(f"[{check}" in result.stderr for check in checks), result.stderr


# ---- Usage -----------------------------------------------------------------------------------

def test_help_and_versions():
  expect(vft("--help"), 0, "Commands:", "verify")
  expect(vft("--version"), 0, "vft 0.1.0")
  assert vft().returncode == 2
  for name in ("init", "run", "train", "prove", "verify", "replay", "eval", "export", "manifest",
               "budget", "inspect", "worker"):
    expect(vft(name, "--help"), 0, f"Usage: vft {name} ", "--threads")


@pytest.mark.parametrize("args, word", [
    (["verfy"], "did you mean 'verify'?"),
    (["verify"], "nothing to work on"),
    (["verify", "a", "b"], "unexpected argument 'b'"),
    (["verify", "a", "--modle", "x"], "did you mean '--model'?"),
    (["verify", "a", "--model"], "needs a value"),
    (["verify", "a", "--require", "adaptor"], "did you mean 'adapter'?"),
    (["train", "a"], "--out RUN is missing"),
    (["export", "a", "--format", "gguf", "--out", "b"], "peft"),
    (["prove", "a", "--threads", "0"], "whole number"),
    (["prove", "a", "--memory", "lots"], "amount of bytes"),
    (["worker", "walk", "a"], "expected 'run'"),
    (["worker", "run", "/nonexistent"], "cannot be read"),
    (["verify", "/nonexistent"], "no such folder"),
    (["prove", "/nonexistent"], "no run here"),
    (["inspect", "/nonexistent"], "cannot be read"),
    (["budget", "/nonexistent"], "cannot read"),
])
def test_usage_errors(args, word):
  expect(vft(*args), 2, word)


def test_init(tmp_path):
  path = tmp_path / "start.yaml"
  expect(vft("init", path), 0)
  expect(vft("init", path), 2, "--force")
  expect(vft("manifest", path), 2, "model.gguf")  # it is valid; its model is not there
  for key in ("base_model", "datasets", "sequence_len", "micro_batch_size", "lora_r", "lora_alpha",
              "lora_target_modules", "learning_rate", "lr_scheduler", "warmup_ratio",
              "weight_decay", "max_grad_norm", "adam_beta1", "adam_beta2", "adam_epsilon", "seed",
              "proof_hash"):
    assert f"\n{key}:" in path.read_text()


# ---- Manifest --------------------------------------------------------------------------------

def canonical(value):
  return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_manifest_is_canonical_and_follows_the_schema(finished, tmp_path):
  jsonschema = pytest.importorskip("jsonschema")
  data = ["--data", finished / "private" / "data"]
  result = vft("manifest", write_config(tmp_path), *data)
  text = result.stdout.encode()
  value = json.loads(text)
  assert text == canonical(value)
  digest = hashlib.sha256(text).hexdigest()
  assert f"h_Pi {digest}" in result.stderr
  assert vft("manifest", write_config(tmp_path), "--digest", *data).stdout.strip() == digest
  assert text == (finished / "public" / "manifest.json").read_bytes()
  schema = json.loads((ROOT / "docs" / "manifest.schema.json").read_text())
  jsonschema.Draft202012Validator(schema).validate(value)
  del value["clipping"]
  with pytest.raises(jsonschema.ValidationError):
    jsonschema.Draft202012Validator(schema).validate(value)


def test_manifest_needs_a_commitment(tmp_path):
  expect(vft("manifest", write_config(tmp_path)), 2, "vft data commit", "--data DIR")


def test_budget(finished):
  result = expect(vft("budget", finished / "public" / "manifest.json"), 0, "budget")
  lines = result.stdout.splitlines()[1:-1]
  tables = [line[:27].split(":")[0].strip() for line in lines]
  assert tables == ["score", "logit", "silu", "silu'", "rotation of keys", "rotation of queries",
                    "rotation of key gradients", "rotation of query gradients"]
  assert all(0.49 < float(line.split()[-2]) <= 0.5000001 for line in lines)


# ---- A finished run --------------------------------------------------------------------------

def test_verify(finished):
  public = finished / "public"
  result = expect(verify(public), 0, f"accepted: {STEPS} steps", "NOT CHECKED")
  assert result.stdout.count("NOT CHECKED") == 2  # model, calibration
  result = verify(public, "--model", DEMO / "model", "--json")
  report = json.loads(result.stdout)
  assert result.returncode == 0 and report["verdict"] == "accepted"
  states = {name: claim["state"] for name, claim in report["claims"].items()}
  assert set(states.values()) == {"ok"} and len(states) == 10
  assert report["bits_per_proof"] >= 128
  manifest = (public / "manifest.json").read_bytes()
  assert report["h_Pi"] == hashlib.sha256(manifest).hexdigest()
  assert report["h0"] == json.loads(manifest)["base_model"]["h0"]
  expect(verify(public, "--model", report["h0"]), 0, "h0 is the given one")
  expect(verify(public, "-v"), 0, "total (union bound)", "program", "tables")


def test_require(finished):
  public = finished / "public"
  expect(verify(public, "--require", "all", "--model", DEMO / "model"), 0)
  rejected(verify(public, "--require", "all"), "require/model")
  rejected(verify(public, "--require", "model"), "require/model")
  expect(verify(public, "--require", "adapter,steps"), 0)


def test_public_folder_is_enough(public):
  expect(verify(public, "--model", DEMO / "model"), 0)


def test_replay(finished):
  h_t = json.loads(verify(finished / "public", "--json").stdout)["h_T"]
  expect(vft("replay", finished), 0, f"replayed {STEPS} steps", h_t)


def test_replay_catches_another_log(finished, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(finished, run)
  log = run / "private" / "log.jsonl"
  lines = [json.loads(line) for line in log.read_text().splitlines()]
  lines[1]["state"] = "0" * 64
  log.write_text("".join(json.dumps(line) + "\n" for line in lines))
  rejected(vft("replay", run), "replay/state")


def test_eval(finished, tmp_path):
  result = vft("eval", finished, "--data", DEMO / "data" / "heldout.jsonl", "--json",
               "--heldout-file", tmp_path / "heldout.jsonl")
  report = json.loads(expect(result, 0).stdout)
  assert report["tokens"] > 100
  for side in ("before", "after"):
    assert abs(np.exp(report[side]["loss"]) / report[side]["ppl"] - 1) < 1e-6
    assert 0 <= report[side]["ece"] <= 1
    bins = report[side]["bins"]
    assert len(bins) == 15 and sum(b["tokens"] for b in bins) == report["tokens"]
    gap = sum(b["tokens"] * abs(b["accuracy"] - b["confidence"]) for b in bins)
    assert abs(gap / report["tokens"] - report[side]["ece"]) < 1e-6
    assert all(k <= 15 * b["confidence"] <= k + 1 for k, b in enumerate(bins) if b["tokens"])
  assert report["after"]["loss"] < report["before"]["loss"]
  lines = (tmp_path / "heldout.jsonl").read_text().splitlines()
  tokens = sum(sum(json.loads(line)["mask"]) for line in lines)
  assert tokens == report["tokens"]


def test_export(finished, tmp_path):
  result = expect(vft("export", finished, "--format", "peft", "--out", tmp_path / "adapter"), 0)
  assert digests(tmp_path / "adapter") == digests(finished / "public" / "adapter")
  assert json.loads(verify(finished / "public", "--json").stdout)["h_T"] in result.stdout
  expect(verify(finished / "public", "--adapter", tmp_path / "adapter"), 0)
  tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
  assert len(tensors) == 2 * 3 * 3 and all(t.dtype == np.float32 for t in tensors.values())


def test_parity_files(finished):
  private = finished / "private"
  steps = [json.loads(line) for line in (private / "batches.jsonl").read_text().splitlines()]
  rates = [json.loads(line)["lr"] for line in (private / "schedule.jsonl").read_text().splitlines()]
  assert len(steps) == len(rates) == STEPS and all(float(r) > 0 for r in rates)
  for step in steps:
    assert len(step["ids"]) == 2
    assert all(len(ids) == len(mask) + 1 for ids, mask in zip(step["ids"], step["mask"]))
    assert any(map(any, step["mask"]))
  start = load_file(private / "init_adapter" / "adapter_model.safetensors")
  for name, tensor in start.items():
    if "lora_B" in name:
      assert not tensor.any()
    else:
      assert np.abs(tensor).max() <= 1 / np.sqrt(tensor.shape[1])
      assert np.array_equal(tensor * 2 ** 20, np.round(tensor * 2 ** 20))


def test_inspect(finished):
  public = finished / "public"
  expect(vft("inspect", public / "manifest.json"), 0, "Manifest", "h_Pi", "c_D",
         "sampler         public, 3 steps")
  expect(vft("inspect", public / "proofs" / "step_000001.vft"), 0, "training step 1")
  expect(vft("inspect", public / "proofs" / "oracles.vft"), 0, "Opening")
  expect(vft("inspect", public / "adapter"), 0, "lora_alpha", "lora_A.weight")
  expect(vft("inspect", finished), 0, f"{STEPS} of {STEPS} proofs of {STEPS} steps")
  expect(vft("inspect", DEMO / "model" / "model.safetensors"), 0, "model.embed_tokens.weight")
  checkpoint = sorted((finished / "private" / "checkpoints").iterdir())[-1]
  expect(vft("inspect", checkpoint), 0, f"after {STEPS} steps", "checksum right")


# ---- Tampering -------------------------------------------------------------------------------

def change_manifest(public, change):
  path = public / "manifest.json"
  value = json.loads(path.read_bytes())
  change(value)
  path.write_bytes(canonical(value))


def setter(*keys_and_value):
  *keys, last, new = keys_and_value

  def change(value):
    for key in keys:
      value = value[key]
    assert value[last] != new
    value[last] = new
  return change


def other_beta2(value):
  value["optimizer"].update(beta2="0.9", beta2_denominator=10)


def other_clip(value):
  value["clipping"].update(max_norm="0.5", units_frac=13)


def no_clip(value):
  value["clipping"].update(max_norm="0", kind="none", units=4096, units_frac=12)


def other_seed(value):
  value["sampler"]["seed"] = value["adapter"]["init"]["seed"] = "2"


def other_batch(value):
  value["batch"]["sequences"] = 1


CHANGES = {
    "learning rate": setter("optimizer", "learning_rate", "0.006"),
    "weight decay": setter("optimizer", "weight_decay", "0.04"),
    "epsilon": setter("optimizer", "epsilon", "1e-7"),
    "beta1 alone": setter("optimizer", "beta1", "0.8"),
    "beta2": other_beta2,
    "beta2 alone": setter("optimizer", "beta2", "0.9"),
    "clip": other_clip,
    "no clip": no_clip,
    "schedule": setter("schedule", "kind", "linear"),
    "warmup": setter("schedule", "warmup_steps", 0),
    "fewer steps": setter("schedule", "steps", STEPS - 1),
    "more steps": setter("schedule", "steps", STEPS + 1),
    "alpha": setter("adapter", "alpha", 16),
    "rank": setter("adapter", "rank", 8),
    "targets": setter("adapter", "targets", ["q_proj", "v_proj"]),
    "seed": other_seed,
    "normalisation": setter("batch", "loss", "sum"),
    "batch": other_batch,
    "exponent": setter("arithmetic", "profile", "f_h", 7),
    "h0": setter("base_model", "h0", "0" * 64),
    "root": setter("base_model", "root", "0" * 64),
    "rope": setter("base_model", "architecture", "rope_theta", "20000"),
    "norm epsilon": setter("base_model", "architecture", "rms_eps", "9.99999997e-07"),
    "tables": setter("proof", "tables", "0" * 64),
    "program": setter("proof", "program", "0" * 64),
    "start": setter("proof", "initial_state", "0" * 64),
    "columns": setter("proof", "log_columns", 17),
    "bits": setter("proof", "security_bits", 80),
    "model file": setter("base_model", "digest", "0" * 64),
    "records": setter("records", "pad_id", 1),
    "dataset": setter("dataset", "root", "0" * 64),
    "records of a tier": setter("dataset", "tiers", 0, "records", 239),
    "licence of a class": setter("dataset", "classes", 0, "license", "MIT"),
    "processing": setter("dataset", "processing", "0" * 64),
    "text rule": setter("dataset", "text_rule", "keep"),
    "policy": setter("policy", {"allow_licenses": None}),
    "candidates": setter("sampler", "candidates_per_epoch", 32),
    "another order": setter("sampler", "steps_per_epoch", STEPS + 1),
    "extra field": lambda value: value.update(note="hello"),
    "missing field": lambda value: value.pop("policy"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_manifest(public, name):
  change_manifest(public, CHANGES[name])
  rejected(verify(public), "manifest/", "start/", "epoch/", "step/extra")


def test_manifest_bytes(public):
  path = public / "manifest.json"
  original = path.read_bytes()
  picks = random.Random(5)
  changed = [original[:-1], original + b"\n", b" " + original, original[:len(original) // 2], b"",
             b"\xff" + original[1:], original.replace(b'"seed":"1"', b'"seed":"01"')]
  for at in picks.sample(range(len(original)), 12):
    changed.append(original[:at] + bytes([original[at] ^ 1 << picks.randrange(7)])
                   + original[at + 1:])
  for text in changed:
    path.write_bytes(text)
    result = verify(public)
    assert result.returncode == 1, (text, result.stderr)
  path.write_bytes(original)
  expect(verify(public), 0)


def step(public, t):
  return public / "proofs" / f"step_{t:06}.vft"


def test_skipped_step(public):
  step(public, 1).unlink()
  rejected(verify(public), "step/missing")


def test_first_step_left_out(public):
  for t in range(1, STEPS):
    step(public, t).rename(step(public, t - 1))
  rejected(verify(public), "step/")


def test_swapped_steps(public):
  a, b = step(public, 0).read_bytes(), step(public, 1).read_bytes()
  step(public, 0).write_bytes(b)
  step(public, 1).write_bytes(a)
  rejected(verify(public), "step/index")


def renumber(data, t):
  """The step's number in the header changed, so that only the proof can tell."""
  return data[:44] + t.to_bytes(8, "little") + data[52:]


def test_swapped_steps_with_changed_numbers(public):
  a, b = step(public, 0).read_bytes(), step(public, 1).read_bytes()
  step(public, 0).write_bytes(renumber(b, 0))
  step(public, 1).write_bytes(renumber(a, 1))
  expect(verify(public), 1)


def test_repeated_step(public):
  step(public, 1).write_bytes(renumber(step(public, 0).read_bytes(), 1))
  expect(verify(public), 1)


def test_extra_step(public):
  shutil.copy(step(public, 0), step(public, STEPS))
  rejected(verify(public), "step/extra")


def test_foreign_step(public, foreign):
  shutil.copy(step(foreign / "public", 1), step(public, 1))
  rejected(verify(public), "step/manifest")


def test_foreign_proof_under_our_header(public, foreign):
  ours, theirs = step(public, 1).read_bytes(), step(foreign / "public", 1).read_bytes()
  header = 60 + 6 * 32
  step(public, 1).write_bytes(ours[:header] + theirs[header:])
  expect(verify(public), 1)


def test_changed_links(public):
  data = step(public, 1).read_bytes()
  for link in range(5):
    at = 60 + 32 * link
    step(public, 1).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
    expect(verify(public), 1)


def test_truncated_and_longer_proofs(public):
  for path in (step(public, 1), public / "proofs" / "oracles.vft"):
    data = path.read_bytes()
    for cut in (0, 7, 40, 200, len(data) // 2, len(data) - 1):
      path.write_bytes(data[:cut])
      rejected(verify(public), "step/header", "oracles/header")
    path.write_bytes(data + b"\0")
    rejected(verify(public), "step/header", "oracles/header")
    path.write_bytes(data)
  expect(verify(public), 0)


def test_flipped_bits_of_proofs(public):
  picks = random.Random(6)
  for path in (step(public, STEPS - 1), public / "proofs" / "oracles.vft"):
    data = path.read_bytes()
    for _ in range(6):
      at = picks.randrange(12, len(data))
      path.write_bytes(data[:at] + bytes([data[at] ^ 1 << picks.randrange(8)]) + data[at + 1:])
      expect(verify(public), 1)
    path.write_bytes(data)


def test_missing_and_foreign_opening(public, foreign):
  path = public / "proofs" / "oracles.vft"
  data, other = path.read_bytes(), (foreign / "public" / "proofs" / "oracles.vft").read_bytes()
  path.unlink()
  rejected(verify(public), "oracles/missing")
  path.write_bytes(other)
  rejected(verify(public), "oracles/manifest")
  path.write_bytes(data[:44] + other[44:])
  expect(verify(public), 1)


def test_unsupported_version_of_a_proof(public):
  data = step(public, 0).read_bytes()
  step(public, 0).write_bytes(data[:8] + b"\1" + data[9:])
  expect(verify(public), 2, "not supported")


# ---- Model and adapter -----------------------------------------------------------------------

def test_altered_base_weight(public, tmp_path):
  model = tmp_path / "model"
  shutil.copytree(DEMO / "model", model)
  tensors = load_file(model / "model.safetensors")
  for name, at in (("model.layers.1.mlp.up_proj.weight", (3, 5)), ("model.norm.weight", (7,)),
                   ("model.embed_tokens.weight", (100, 20))):
    changed = {k: v.copy() for k, v in tensors.items()}
    changed[name][at] += 0.05 if changed[name][at] < 0 else -0.05
    save_file(changed, model / "model.safetensors")
    rejected(verify(public, "--model", model), "model/h0")
  save_file(tensors, model / "model.safetensors")
  expect(verify(public, "--model", model), 0)
  rejected(verify(public, "--model", "0" * 64), "model/h0")
  expect(verify(public, "--model", tmp_path / "nothing"), 2)
  config = json.loads((model / "config.json").read_text())
  (model / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-6}))
  rejected(verify(public, "--model", model), "model/architecture")


def test_calibration_text_changed(public):
  path = public / "calibration.txt"
  path.write_text(path.read_text() + "x")
  rejected(verify(public, "--model", DEMO / "model"), "calibration/text")
  path.unlink()
  result = expect(verify(public, "--model", DEMO / "model"), 0, "calibration.txt is missing")
  assert result.stdout.count("NOT CHECKED") == 1


def test_changed_adapter(public, foreign):
  config, weights = (public / "adapter" / n for n in ("adapter_config.json",
                                                      "adapter_model.safetensors"))
  text, data = config.read_text(), weights.read_bytes()
  tensors = load_file(weights)
  header = int.from_bytes(data[:8], "little")

  def check(*ids):
    rejected(verify(public), *ids)
    config.write_text(text)
    weights.write_bytes(data)

  flipped = bytearray(data)  # the last weight by one unit of 2^-20
  value = np.frombuffer(data[-4:], "<f4")[0] + np.float32(2.0 ** -20)
  flipped[-4:] = np.float32(value).tobytes()
  weights.write_bytes(flipped)
  check("adapter/h_t")
  flipped[-4:] = np.float32(value + 2.0 ** -22).tobytes()  # no multiple of 2^-20
  weights.write_bytes(flipped)
  check("adapter/canonical", "adapter/h_t")
  config.write_text(text.replace('"lora_alpha": 8', '"lora_alpha": 16'))
  check("adapter/alpha")
  config.write_text(text.replace('"r": 4', '"r": 2'))
  check("adapter/")
  config.write_text(text.replace('    "v_proj",\n', ""))
  check("adapter/")
  config.write_text(text.replace('"use_rslora": false', '"use_rslora": true'))
  check("adapter/canonical", "adapter/config")
  save_file({**tensors, "extra": np.zeros(1, np.float32)}, weights, metadata={"format": "pt"})
  check("adapter/canonical", "adapter/tensors")
  save_file(tensors, weights, metadata={"format": "pt", "note": "x"})
  check("adapter/canonical")
  save_file({k: v for k, v in tensors.items() if "layers.1.mlp" not in k}, weights,
            metadata={"format": "pt"})
  check("adapter/tensors")
  weights.write_bytes(data[:8 + header + 16])
  check("adapter/tensors")
  expect(verify(public), 0)
  rejected(verify(public, "--adapter", foreign / "public" / "adapter"), "adapter/h_t")
  expect(verify(public, "--adapter", public / "nothing"), 2)


# ---- GGUF ------------------------------------------------------------------------------------

GGUF_NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q",
              "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
              "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
              "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def gguf_string(text):
  data = text.encode() if isinstance(text, str) else text
  return len(data).to_bytes(8, "little") + data


def gguf_value(value):
  """Type number and bytes of a key's value."""
  if isinstance(value, str):
    return 8, gguf_string(value)
  if isinstance(value, float):
    return 6, np.float32(value).tobytes()
  if isinstance(value, int):
    return 4, value.to_bytes(4, "little")
  kind, _ = gguf_value(value[0])
  items = b"".join(gguf_value(v)[1] for v in value)
  return 9, kind.to_bytes(4, "little") + len(value).to_bytes(8, "little") + items


def gguf_name(name):
  fixed = {"model.embed_tokens.weight": "token_embd.weight",
           "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
  if name in fixed:
    return fixed[name]
  _, _, layer, rest = name.split(".", 3)
  return f"blk.{layer}.{GGUF_NAMES[rest.removesuffix('.weight')]}.weight"


def write_gguf(folder, path):
  """The Hugging Face folder as a GGUF file: the rows of q and k in GGUF's interleaved order."""
  config = json.loads((folder / "config.json").read_text())
  tokenizer = json.loads((folder / "tokenizer.json").read_text())
  tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
  special = {t["content"] for t in tokenizer["added_tokens"]}
  keys = {
      "general.architecture": "llama", "llama.block_count": config["num_hidden_layers"],
      "llama.embedding_length": config["hidden_size"],
      "llama.feed_forward_length": config["intermediate_size"],
      "llama.context_length": config["max_position_embeddings"],
      "llama.attention.head_count": config["num_attention_heads"],
      "llama.attention.head_count_kv": config["num_key_value_heads"],
      "llama.attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
      "llama.rope.freq_base": float(config["rope_theta"]),
      "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
      "tokenizer.ggml.tokens": tokens,
      "tokenizer.ggml.token_type": [3 if t in special else 1 for t in tokens],
      "tokenizer.ggml.merges": [" ".join(m) for m in tokenizer["model"]["merges"]],
      "tokenizer.ggml.bos_token_id": config["bos_token_id"],
      "tokenizer.ggml.eos_token_id": config["eos_token_id"],
      "tokenizer.ggml.padding_token_id": config["pad_token_id"]}
  tensors = {}
  for name, value in load_file(folder / "model.safetensors").items():
    for part, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
      if part in name:
        rows, columns = value.shape
        value = value.reshape(config[heads], 2, -1, columns).swapaxes(1, 2).reshape(rows, columns)
    tensors[gguf_name(name)] = np.ascontiguousarray(value)
  head = b"GGUF" + (3).to_bytes(4, "little") + len(tensors).to_bytes(8, "little")
  head += len(keys).to_bytes(8, "little")
  for key, value in keys.items():
    kind, data = gguf_value(value)
    head += gguf_string(key) + kind.to_bytes(4, "little") + data
  data = b""
  for name, value in tensors.items():
    kind = 1 if value.dtype == np.float16 and value.ndim == 2 else 0
    value = value if kind else value.astype(np.float32)
    data += bytes(-len(data) % 32)
    head += gguf_string(name) + value.ndim.to_bytes(4, "little")
    head += b"".join(n.to_bytes(8, "little") for n in reversed(value.shape))
    head += kind.to_bytes(4, "little") + len(data).to_bytes(8, "little")
    data += value.tobytes()
  path.write_bytes(head + bytes(-len(head) % 32) + data)


def test_gguf_and_safetensors_of_equal_weights_are_one_model(public, finished, tmp_path):
  write_gguf(DEMO / "model", tmp_path / "demo.gguf")
  result = verify(public, "--model", tmp_path / "demo.gguf", "--json")
  assert result.returncode == 0, result.stderr
  claims = json.loads(result.stdout)["claims"]
  assert claims["model"]["state"] == claims["calibration"]["state"] == "ok"
  assert "another" in claims["model"]["detail"]  # the file's digest is not the trainer's
  config = write_config(tmp_path, model=tmp_path / "demo.gguf")
  expect(vft("data", "commit", config, "--out", tmp_path / "data"), 0)
  ours = json.loads(vft("manifest", config, "--data", tmp_path / "data").stdout)
  theirs = json.loads((finished / "public" / "manifest.json").read_bytes())
  assert ours["base_model"]["h0"] == theirs["base_model"]["h0"]
  assert ours["arithmetic"] == theirs["arithmetic"] and ours["proof"] == theirs["proof"]


# ---- Interruption and determinism ------------------------------------------------------------

def private_state(run):
  return {k: v for k, v in digests(run).items() if "log.jsonl" not in k and "run.json" not in k}


def test_killed_training_resumes_to_the_same_bytes(finished, tmp_path):
  config = write_config(tmp_path, steps=12)
  data = ["--data", finished / "private" / "data"]
  expect(vft("train", config, "--out", tmp_path / "whole", *data), 0)
  want = private_state(tmp_path / "whole")
  run = tmp_path / "run"
  picks = random.Random(7)
  for attempt in range(6):
    args = [VFT, "train", config, "--out", run, *data, *(["--resume"] if run.exists() else [])]
    process = subprocess.Popen(list(map(str, args)), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.time() + 20
    while not (run / "private" / "checkpoints").exists() and time.time() < deadline:
      time.sleep(0.01)
    time.sleep(picks.random() * 0.4)
    process.send_signal(signal.SIGKILL)
    process.wait()
  expect(vft("train", config, "--out", run, "--resume"), 0)
  assert private_state(run) == want
  expect(vft("train", config, "--out", run, "--resume", "--data", tmp_path), 2, "began with")
  expect(vft("replay", run), 0)
  expect(vft("train", config, "--out", run), 2, "--resume")
  expect(vft("train", write_config(tmp_path, "other.yaml", steps=13), "--out", run, "--resume"), 2,
         "configuration")


def test_killed_proving_resumes_to_the_same_bytes(finished, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(finished, run)
  shutil.rmtree(run / "public" / "proofs")
  process = subprocess.Popen([VFT, "prove", run, "--join", "1"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
  while not step(run / "public", 0).exists() and process.poll() is None:
    time.sleep(0.01)
  process.send_signal(signal.SIGKILL)
  process.wait()
  assert step(run / "public", 0).exists() and not step(run / "public", STEPS - 1).exists()
  expect(verify(run / "public"), 1)
  expect(vft("prove", run, "--resume"), 0)
  assert digests(run / "public") == digests(finished / "public")


def test_resumed_proving_replaces_what_is_damaged(finished, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(finished, run)
  path = step(run / "public", 1)
  data = path.read_bytes()
  path.write_bytes(data[:-100] + bytes(100))
  expect(vft("prove", run, "--resume"), 0)
  assert digests(run / "public") == digests(finished / "public")


def test_interrupt_is_resumable(tmp_path):
  config = write_config(tmp_path, steps=500)
  run = tmp_path / "run"
  process = subprocess.Popen([VFT, "train", config, "--out", run], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
  while not list(run.glob("private/checkpoints/*")) and process.poll() is None:
    time.sleep(0.02)
  process.send_signal(signal.SIGINT)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == 3, errors
  assert "--resume" in errors
  expect(vft("prove", run), 2, "not trained to its end")


def test_interrupted_proving_ends_with_a_stage(finished, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(finished, run)
  shutil.rmtree(run / "public" / "proofs")
  (run / "public" / "proofs").mkdir()
  process = subprocess.Popen([VFT, "prove", run, "--join", "1"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
  while not step(run / "public", 0).exists() and process.poll() is None:
    time.sleep(0.01)
  process.send_signal(signal.SIGINT)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == 3 and "--resume" in errors, errors
  assert not [p for p in (run / "public" / "proofs").iterdir() if p.suffix == ".tmp"]
  expect(vft("prove", run, "--resume"), 0)
  assert digests(run / "public") == digests(finished / "public")


def test_threads_and_instruction_sets_give_the_same_bytes(finished, tmp_path):
  config = write_config(tmp_path)
  for name, args, env in (("one", ["--threads", "1"], {}), ("plain", [], {"VFT_SIMD": "c"})):
    expect(vft("train", config, "--out", tmp_path / name, "--data", finished / "private" / "data",
               *args, env=env), 0)
    assert digests(tmp_path / name / "public" / "adapter") == digests(
        finished / "public" / "adapter")
    assert ((tmp_path / name / "public" / "manifest.json").read_bytes()
            == (finished / "public" / "manifest.json").read_bytes())


# ---- Bad input -------------------------------------------------------------------------------

def bad_config(tmp_path, change):
  path = write_config(tmp_path)
  path.write_text(change(path.read_text()))
  return path


@pytest.mark.parametrize("old, new, word", [
    ("lora_r: 4", "lora_rank: 4", "lora_r"),
    ("lora_alpha: 8", "lora_alpha: 6", "power of two"),
    ("adam_beta2: 0.95", "adam_beta2: 0.93", "1 - 1/D"),
    ("learning_rate: 0.005", "learning_rate: 5", "learning_rate"),
    ("learning_rate: 0.005", "learning_rate: fast", "learning_rate"),
    ("sequence_len: 32", "sequence_len: 30", "multiple of 8"),
    ("sequence_len: 32", "sequence_len: 1024", "context"),
    ("lr_scheduler: cosine", "lr_scheduler: cosin", "cosine"),
    ("[q_proj, v_proj, down_proj]", "[q_proj, w_proj]", "did you mean"),
    ("micro_batch_size: 2", "micro_batch_size: 500", "records"),
    ("max_steps: 3", "seed: 1", "twice"),
    ("type: messages", "type: alpaca", "instruction"),
    ("type: messages", "type: mesages", "messages"),
    ("train.jsonl", "missing.jsonl", "missing.jsonl"),
    ("calibration.txt", "missing.txt", "missing.txt"),
    ("datasets:", "datasets: [", "YAML"),
])
def test_bad_configuration(tmp_path, old, new, word):
  config = bad_config(tmp_path, lambda text: text.replace(old, new))
  expect(vft("train", config, "--out", tmp_path / "run"), 2, word)
  assert not (tmp_path / "run").exists()  # nothing is half-written


@pytest.mark.parametrize("text, word", [
    ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
     '{"messages": [', "line 2"),
    ('{}\n', "messages"),
    ('{"messages": []}\n', "messages"),
    ('{"messages": [{"role": "king", "content": "a"}]}\n', "king"),
    ("", "record"),
])
def test_bad_records(tmp_path, text, word):
  data = tmp_path / "bad.jsonl"
  data.write_text(text)
  expect(vft("train", write_config(tmp_path, data=data), "--out", tmp_path / "run"), 2, "bad.jsonl",
         word)
  assert not (tmp_path / "run").exists()


def test_bad_models(tmp_path):
  def check(word, change):
    model = tmp_path / "model"
    shutil.rmtree(model, ignore_errors=True)
    shutil.copytree(DEMO / "model", model)
    change(model)
    expect(vft("manifest", write_config(tmp_path, model=model)), 2, word)

  def config(**values):
    def change(model):
      path = model / "config.json"
      path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return change

  def weights(edit):
    def change(model):
      path = model / "model.safetensors"
      tensors = load_file(path)
      edit(tensors)
      save_file(tensors, path)
    return change

  def truncate(model):
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])

  def infinite(tensors):
    tensors["model.norm.weight"][3] = np.inf

  check("config.json", lambda model: (model / "config.json").unlink())
  check("safetensors", truncate)
  check("llama", config(model_type="gpt2", architectures=["GPT2LMHeadModel"]))
  check("rope", config(rope_scaling={"type": "linear", "factor": 2.0}))
  check("model.norm.weight", weights(lambda t: t.pop("model.norm.weight")))
  check("model.norm.weight", weights(lambda t: t.update(
      {"model.norm.weight": t["model.norm.weight"][:-1].copy()})))
  check("model.norm.weight", weights(infinite))
  check("surplus", weights(lambda t: t.update(surplus=np.zeros(3, np.float32))))
  check("tokenizer", lambda model: (model / "tokenizer.json").unlink())
  expect(vft("manifest", write_config(tmp_path, model=tmp_path / "none")), 2, "none")


def test_overflow_stops_with_tensor_and_remedy(tmp_path):
  config = write_config(tmp_path, learning_rate="0.05", steps=60)
  config.write_text(config.read_text().replace("cosine", "constant"))
  run = tmp_path / "run"
  expect(vft("train", config, "--out", run), 3, "overflow: tensor ", "calibrate on a public text")
  lines = (run / "private" / "log.jsonl").read_text().splitlines()
  expect(vft("train", config, "--out", run, "--resume"), 3, f"step {len(lines)}: overflow")
  assert not (run / "public" / "adapter").exists()
  expect(vft("export", run, "--out", tmp_path / "adapter"), 2, "not trained to its end")


def test_learning_rate_beyond_the_arithmetic(finished, tmp_path):
  expect(vft("manifest", write_config(tmp_path, learning_rate="0.1"), "--data",
             finished / "private" / "data"), 2, "learning_rate 0.1")


def test_run_folder_of_another_version(finished, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(finished, run)
  path = run / "private" / "run.json"
  path.write_text(path.read_text().replace("vft-run/2", "vft-run/9"))
  expect(vft("prove", run), 2, "another version")


def test_changed_records_are_noticed(tmp_path):
  data = tmp_path / "data.jsonl"
  shutil.copy(DEMO / "data" / "train.jsonl", data)
  config = write_config(tmp_path, data=data, steps=1)
  expect(vft("train", config, "--out", tmp_path / "run"), 0)
  data.write_text(data.read_text().rstrip("\n").rsplit("\n", 1)[0] + "\n")
  expect(vft("replay", tmp_path / "run"), 2, "data.jsonl")
