"""Certificates: one proof in place of a run's proofs. The whole job, and everything that is to be
rejected or refused: damaged certificates, other manifests, adapters and models, proofs of a run or of
the tree in another's place, an interrupted aggregation, a bad cache of leaf keys."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from safetensors.numpy import load_file, save_file

from test_cli import DEMO, ROOT, VFT, expect, rejected, vft
from test_faults import failed, half_written, limited

sys.path.insert(0, str(ROOT / "tests" / "python" / "second_verifier"))
import certificate as second  # noqa: E402
from primitives import Rejected, blake3  # noqa: E402

# Of one epoch of a block and one window of a group: block, steps, opening.
STEPS, LEAVES = 2, tuple(f"leaf_{i:08}_{i + 1:08}.proof" for i in range(3))
MADE = LEAVES  # in this order: kind by kind (run/leaves.h)
INNER, NODE = "node_00000000_00000002.proof", "node_00000000_00000003.proof"
BEACON = "ab" * 32
CONFIG = """\
base_model: {model}
datasets:
  - path: {demo}/data/train.jsonl
    type: messages
calibration_text: {demo}/calibration.txt
sequence_len: 16
micro_batch_size: 1
lora_r: 1
lora_alpha: 2
lora_target_modules: [v_proj]
learning_rate: 0.005
adam_beta2: 0.95
max_steps: {steps}
seed: {seed}
sampler:
  mode: hybrid
  window: 1
  public_every: 2
  beacon: {{source: a public one, round: 7, format: hex}}
proof_hash: {hash}
"""
# certificate.vft of one block and one window: where its fields begin (run/certificate.h)
FIELDS = {"magic": 0, "version": 8, "h_Pi": 12, "steps": 44, "ranges": 48, "groups": 52, "leaf": 56,
          "pieces": 60, "blocks": 64, "epochs": 68, "counters": 76, "windows": 108, "window": 116,
          "beacon?": 148, "beacon": 149, "epoch": 181, "span": 189, "start": 197, "released": 229,
          "length": 261, "proof": 269}


PROOF_CHECKS = ("transcript/", "whir/", "sumcheck/", "logup/", "relation/")


def small_model(folder, width=32, heads=2, layers=1):
  """The demo model cut down, so that there is little for a leaf to verify."""
  shutil.copytree(DEMO / "model", folder)
  config = json.loads((folder / "config.json").read_text())
  head = config["head_dim"]
  config.update(hidden_size=width, intermediate_size=width, num_hidden_layers=layers,
                num_attention_heads=heads, num_key_value_heads=1)
  (folder / "config.json").write_text(json.dumps(config))
  rows = {"q_proj": heads * head, "k_proj": head, "v_proj": head, "embed_tokens": config["vocab_size"]}
  tensors = {}
  for name, t in load_file(folder / "model.safetensors").items():
    part = name.split(".")
    if part[1] == "layers" and int(part[2]) >= layers:
      continue
    cut = t[:width] if t.ndim == 1 else t[:rows.get(part[-2], width), :width]
    tensors[name] = cut.copy()
  save_file(tensors, folder / "model.safetensors")
  return folder


def write_config(folder, model, name="config.yaml", **values):
  path = folder / name
  path.write_text(CONFIG.format(**{"model": model, "demo": DEMO, "steps": STEPS, "seed": 1,
                                   "hash": "poseidon", **values}))
  return path


def make_run(config, run, *args):
  return expect(vft("run", config, "--out", run, "--beacon", BEACON, "--join", STEPS, *args), 0,
                "accepted")


def mtimes(folder):
  return {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}


def stopped(run, number, ready):
  """`vft aggregate --resume`, sent a signal once it is ready. Its exit code, and what it said."""
  process = subprocess.Popen([VFT, "aggregate", run, "--pieces", "0", "--resume"], stderr=subprocess.PIPE, text=True)
  while not ready() and process.poll() is None:
    time.sleep(0.01)
  process.send_signal(number)
  text = process.communicate()[1]
  return process.returncode, text


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
  """Of leaf keys, for all tests of this file."""
  folder = tmp_path_factory.mktemp("cache")
  before = os.environ.get("XDG_CACHE_HOME")
  os.environ["XDG_CACHE_HOME"] = str(folder)
  yield folder
  if before is None:
    del os.environ["XDG_CACHE_HOME"]
  else:
    os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def proved(model, tmp_path_factory):
  """A proved run without a certificate."""
  folder = tmp_path_factory.mktemp("proved")
  result = make_run(write_config(folder, model), folder / "run", "--no-aggregate")
  assert "certificate" not in result.stdout
  assert not (folder / "run" / "public" / "certificate.vft").exists()
  return folder / "run"


@pytest.fixture(scope="module")
def foreign(model, tmp_path_factory):
  """The same with another seed."""
  folder = tmp_path_factory.mktemp("foreign")
  make_run(write_config(folder, model, seed=2), folder / "run", "--no-aggregate")
  return folder / "run"


@pytest.fixture(scope="module")
def made(proved, cache, tmp_path_factory):
  """A run's certificate, made in five goes: interrupted while keys are made, while the first leaf is, while the
  second is; with something else in place of the second, killed once that is made; to the end. What was seen
  on the way is for the tests of it."""
  run = tmp_path_factory.mktemp("made") / "run"
  shutil.copytree(proved, run)
  kept = run / "private" / "aggregate"
  seen = SimpleNamespace(run=run, kept=kept, public=run / "public",
                         certificate=run / "public" / "certificate.vft")
  keys = set(cache.rglob("*.keys"))
  seen.interrupted = []
  for ready in (kept.exists, lambda: set(cache.rglob("*.keys")) != keys, (kept / MADE[0]).exists):
    code, text = stopped(run, signal.SIGINT, ready)
    seen.interrupted.append((code, text, set(mtimes(kept)), half_written(run)))
  seen.first = mtimes(kept)
  seen.other = (kept / MADE[0]).read_bytes()  # a proof, of other items
  (kept / MADE[1]).write_bytes(seen.other)
  planted = (kept / MADE[1]).stat().st_mtime_ns
  seen.killed = stopped(run, signal.SIGKILL,
                        lambda: (kept / MADE[1]).stat().st_mtime_ns != planted)
  seen.second = mtimes(kept)
  seen.result = expect(vft("aggregate", run, "--pieces", "0", "--resume"), 0, "next: vft verify")
  seen.last = mtimes(kept)
  return seen


@pytest.fixture
def copy(made, tmp_path):
  """A certificate with manifest and adapter, to be changed."""
  shutil.copytree(made.public, tmp_path / "public", ignore=shutil.ignore_patterns("proofs"))
  return tmp_path / "public"


def verify(public, *args, certificate="certificate.vft", env=None):
  return vft("verify", public / certificate, "--manifest", public / "manifest.json", *args, env=env)


def flipped(data, at, bit):
  return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


# ---- Aggregation -----------------------------------------------------------------------------

def test_interrupted_killed_and_resumed(made):
  for (code, text, kept, half), expected in zip(made.interrupted, (set(), set(), {MADE[0]})):
    assert code == 3 and "--resume goes on" in text, text
    assert kept == expected and not half  # the leaf that was being made is not waited for
  assert made.killed[0] == -signal.SIGKILL
  assert set(MADE[:2]) <= set(made.second) and not half_written(made.run)
  assert set(made.last) == {*LEAVES, INNER, NODE, "epoch_000000.cert"}
  assert made.second[MADE[0]] == made.first[MADE[0]] == made.last[MADE[0]]
  assert made.last[MADE[1]] == made.second[MADE[1]]


def test_kept_proof_of_other_items_is_made_again(made):
  assert (made.kept / MADE[0]).read_bytes() == made.other
  assert (made.kept / MADE[1]).read_bytes() != made.other


def test_run_aggregates_by_default(made, proved, tmp_path):
  """`vft run` goes on to a certificate, and keeps one that is there and accepted."""
  run = tmp_path / "run"
  shutil.copytree(made.run, run)
  certificate = (run / "public" / "certificate.vft").read_bytes()
  before = mtimes(run / "private" / "aggregate")
  result = make_run(proved.parent / "config.yaml", run, "--resume")
  assert result.stdout.splitlines()[-1].startswith("certificate accepted: ")
  assert (run / "public" / "certificate.vft").read_bytes() == certificate
  assert mtimes(run / "private" / "aggregate") == before
  expect(vft("aggregate", run, "--resume"), 0, "the certificate is there and accepted")


def test_help():
  expect(vft("--help"), 0, "  aggregate Make one certificate of all proofs of a run")
  expect(vft("aggregate", "--help"), 0, "Usage: vft aggregate RUN", "--resume", "proof_hash: poseidon")
  expect(vft("verify", "--help"), 0, "certificate.vft ... --manifest FILE")
  expect(vft("run", "--help"), 0, "--no-aggregate", "certificate.vft")
  expect(vft("aggregate"), 2, "nothing to work on")
  expect(vft("aggregate", "/nonexistent"), 2, "no run here")


def test_runs_that_have_no_certificate(model, tmp_path):
  """Of another hash, not proved."""
  run = tmp_path / "blake3"
  make_run(write_config(tmp_path, model, hash="blake3"), run)
  assert not (run / "public" / "certificate.vft").exists()
  expect(vft("aggregate", run), 2, "BLAKE3", "needs a run with proof_hash: poseidon")
  config = write_config(tmp_path, model)
  run = tmp_path / "unproved"
  expect(vft("train", config, "--out", run, "--beacon", BEACON), 0)
  rejected(vft("aggregate", run), "shards/missing")


def test_estimate(model, tmp_path):
  config = write_config(tmp_path, model)
  report = json.loads(expect(vft("estimate", config, "--json"), 0).stdout)
  assert report["steps"] == STEPS and report["prove_s"] > 0
  assert report["leaves"] == 1 and report["aggregate_s"] > 0
  assert 1e7 < report["aggregate_memory_bytes"] < 1e10
  blake3 = write_config(tmp_path, model, "blake3.yaml", hash="blake3")
  assert json.loads(expect(vft("estimate", blake3, "--json"), 0).stdout)["leaves"] == 0


STEP, EPOCH = "step_000000.vft", "epoch_000000_0000.vft"


@pytest.mark.parametrize("name, missing, header, other", [
    (STEP, "step/missing", "step/header", "step/manifest"),
    (EPOCH, "epoch/missing", "epoch/header", "epoch/manifest")])
def test_bad_proofs_of_the_run(proved, foreign, tmp_path, name, missing, header, other):
  """Missing, cut short, changed, of another run: found before any proof is made."""
  run = tmp_path / "run"
  shutil.copytree(proved, run)
  path = run / "public" / "proofs" / name
  theirs = (foreign / "public" / "proofs" / name).read_bytes()
  data = path.read_bytes()

  def aggregate():
    return expect(vft("aggregate", run), 1, str(path))
  path.unlink()
  rejected(aggregate(), missing)
  path.write_bytes(data[:-1000])
  rejected(aggregate(), header)
  path.write_bytes(theirs)
  rejected(aggregate(), other)
  path.write_bytes(theirs[:12] + data[12:44] + theirs[44:])  # under this run's h_Pi
  aggregate()
  for at in (60, 250, len(data) // 2):
    path.write_bytes(flipped(data, at, 0))
    aggregate()
  assert not list((run / "private").glob("aggregate/*"))


def test_proof_of_another_step(model, tmp_path):
  """With a proof a step, one in the other's place."""
  run = tmp_path / "run"
  config = write_config(tmp_path, model)
  expect(vft("train", config, "--out", run, "--beacon", BEACON), 0)
  expect(vft("prove", run, "--join", 1), 0)
  first, second = (run / "public" / "proofs" / f"step_{t:06}.vft" for t in range(STEPS))
  data = first.read_bytes()
  first.write_bytes(second.read_bytes())
  expect(vft("aggregate", run), 1, str(first))
  second.write_bytes(data)
  expect(vft("aggregate", run), 1, str(first))
  assert not list((run / "private").glob("aggregate/*"))


def test_kept_proof_of_another_run(made, foreign, tmp_path):
  """Is not taken, even by a run that cannot write its own: a full disk leaves all as it was."""
  run = tmp_path / "run"
  shutil.copytree(foreign, run)
  kept = run / "private" / "aggregate"
  shutil.copytree(made.kept, kept)
  theirs = {p.name: p.read_bytes() for p in kept.iterdir()}
  failed(limited("aggregate", run, "--pieces", "0", "--resume", file_size=100000), 3, "leaf of items 0 to 0",
         "cannot write: File too large")
  assert not half_written(run) and not (run / "public" / "certificate.vft").exists()
  assert theirs == {p.name: p.read_bytes() for p in kept.iterdir()}
  shutil.copy(made.certificate, run / "public")
  rejected(verify(run / "public"), "certificate/manifest")


def test_memory(proved):
  """Is planned before anything is made."""
  failed(vft("aggregate", proved, "--memory", "60M"), 3, "a leaf of the certificate takes", "allow more")
  expect(vft("aggregate", proved, "--memory", "2G", "--pieces", 1), 2, "one of them")
  expect(vft("aggregate", proved, "--memory", "lots"), 2, "amount of bytes")
  assert not list((proved / "private").glob("aggregate/*"))


def test_folder_that_cannot_be_made(proved, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(proved, run)
  (run / "private" / "aggregate").write_text("a file")
  result = vft("aggregate", run)
  failed(result, result.returncode, "private/aggregate")
  assert result.returncode in (2, 3)


# ---- Verification ----------------------------------------------------------------------------

def test_all_claims(made, model):
  given = ["--model", model, "--adapter", made.public / "adapter"]
  result = expect(verify(made.public, *given, "--require", "all"), 0, f"accepted: {STEPS} steps",
                  f"{STEPS} steps in one proof of 3 proofs")
  assert "NOT CHECKED" not in result.stdout and result.stdout.count("OK  ") == 10
  assert "keys of the leaves" not in result.stdout
  expect(verify(made.public, *given, "-v"), 0, "keys of the leaves", "proven bits a proof",
         "for all proofs together")
  result = expect(verify(made.public, *given, "--json"), 0)
  report = json.loads(result.stdout)
  assert report["verdict"] == "accepted" and report["steps"] == STEPS
  assert {c["state"] for c in report["claims"].values()} == {"ok"} and len(report["claims"]) == 10
  assert 128 <= report["bits_total"] <= report["bits_per_proof"]
  assert report["proof_bytes"] == made.certificate.stat().st_size - FIELDS["proof"]
  folder = json.loads(vft("verify", made.public, "--json").stdout)
  for name in ("h_Pi", "h0", "h_T"):
    assert folder[name] == report[name]
  expect(verify(made.public, "--model", report["h0"]), 0, "h0 is the given one")


def test_certificate_manifest_and_nothing_else(made, tmp_path):
  """What is not given is not checked, and may be required."""
  for name in ("certificate.vft", "manifest.json"):
    shutil.copy(made.public / name, tmp_path)
  result = expect(verify(tmp_path), 0, "accepted")
  skipped = [line for line in result.stdout.splitlines() if line.startswith("NOT CHECKED")]
  assert len(skipped) == 3
  assert all(word in line for word, line in zip(("--model FILE", "--model FILE", "--adapter DIR"), skipped))
  rejected(verify(tmp_path, "--require", "all"), "require/model")
  rejected(verify(tmp_path, "--require", "adapter"), "require/adapter")
  expect(verify(tmp_path, "--require", "steps,oracles,sampler,policy"), 0)
  here = subprocess.run([VFT, "verify", "certificate.vft", "--manifest", "manifest.json"],
                        capture_output=True, text=True, cwd=tmp_path)
  expect(here, 0, "accepted")


def test_published(made, tmp_path):
  expect(vft("publish", made.run, "--out", tmp_path / "out", "--without-proofs"), 0)
  expect(verify(tmp_path / "out", "--adapter", tmp_path / "out" / "adapter"), 0, "accepted")
  assert not (tmp_path / "out" / "proofs").exists()


def test_inspect(made, tmp_path):
  manifest = json.loads(verify(made.public, "--json").stdout)["h_Pi"]
  expect(vft("inspect", made.certificate), 0, "Certificate", manifest, "counters 0.0", "window key 0",
         BEACON, "not verified")
  expect(vft("inspect", made.kept / LEAVES[0]), 0, "leaf", "items 0 to 0")
  expect(vft("inspect", made.kept / NODE), 0, "node", "items 0 to 2")
  expect(vft("inspect", made.run), 0, "certificate.vft")
  short = tmp_path / "short.vft"
  short.write_bytes(made.certificate.read_bytes()[:150])
  rejected(vft("inspect", short), "certificate/header")


def test_usage(made, tmp_path):
  certificate, manifest = made.certificate, made.public / "manifest.json"
  expect(vft("verify", certificate), 2, "needs --manifest FILE")
  expect(vft("verify", tmp_path / "none.vft", "--manifest", manifest), 2, "none.vft: no such file")
  expect(vft("verify", certificate, "--manifest", tmp_path / "none.json"), 2, "none.json")
  expect(vft("verify", certificate, "--manifest", made.public), 2, str(made.public))
  expect(vft("verify", made.public, "--manifest", manifest), 2, "--manifest goes with a certificate")
  expect(verify(made.public, "--model", tmp_path / "none.gguf"), 2, "none.gguf")
  expect(verify(made.public, "--adapter", tmp_path / "none"), 2, "none")


# ---- Bad certificates ------------------------------------------------------------------------

def bad(copy, data, *checks):
  """No checks named: one of the proof itself."""
  (copy / "certificate.vft").write_bytes(data)
  result = verify(copy)
  rejected(result, *(checks or PROOF_CHECKS))
  assert "certificate.vft: " in result.stderr and "accepted" not in result.stdout
  assert checks or "the proof does not show what header and manifest say" in result.stderr


def test_length(made, copy):
  data = made.certificate.read_bytes()
  assert int.from_bytes(data[FIELDS["length"]:FIELDS["proof"]], "little") == len(data) - FIELDS["proof"]
  for n in (0, 4, 11, *(at + 1 for at in FIELDS.values()), len(data) // 2, len(data) - 1):
    bad(copy, data[:n], "certificate/header")
  bad(copy, data + b"\0", "certificate/header")
  # and where the header says so
  for n in (0, 1, len(data) - FIELDS["proof"] - 1):
    bad(copy, data[:FIELDS["length"]] + n.to_bytes(8, "little") + data[FIELDS["proof"]:][:n])


HEADER = {"magic": (0, 5, "certificate/header"), "h_Pi": (31, 7, "certificate/manifest"),
          "no steps": ("steps", 0, 1, "certificate/header"),  # 2 has this bit alone
          "steps": (3, 7, "certificate/header"), "more steps": ("steps", 0, 0),
          "ranges": (0, 0, "certificate/header"), "many ranges": ("ranges", 3, 7, "certificate/header"),
          "groups": (0, 0), "no groups": ("groups", 0, 3, "certificate/header"),  # 8 has this bit alone
          "many groups": ("groups", 2, 0, "certificate/header"),
          "leaf": (0, 1, "certificate/header"), "empty leaf": ("leaf", 0, 0, "certificate/header"),
          "blocks": (0, 1, "certificate/header", "certificate/epochs"),
          "many blocks": ("blocks", 3, 0, "certificate/header"),
          "epochs": (0, 1, "certificate/header", "certificate/epochs"),
          "many epochs": ("epochs", 7, 7, "certificate/header"),
          "counters": (0, 0), "counters, last": ("counters", 30, 3),
          "counters, not below p": ("counters", None, None, "certificate/header"),
          "windows": (0, 0, "certificate/header", "certificate/windows"),
          "many windows": ("windows", 7, 7, "certificate/header"), "window": (5, 2),
          "beacon?": (0, 0, "certificate/header"),
          "beacon? neither": ("beacon?", 0, 1, "certificate/header"),
          "beacon": (17, 3), "epoch": (0, 0, "certificate/epochs"),
          "span": (0, 1, "certificate/epochs"), "no epochs of it": ("span", 0, 0, "certificate/epochs"),
          "many epochs of it": ("span", 7, 7, "certificate/epochs"),
          "start": (3, 3, "certificate/start"), "released": (9, 1), "length": (0, 0, "certificate/header"),
          "great length": ("length", 7, 7, "certificate/header")}


@pytest.mark.parametrize("name", HEADER)
def test_every_field_of_the_header(made, copy, name):
  change = HEADER[name]
  field, byte, bit, *checks = change if isinstance(change[0], str) else (name, *change)
  data, at = made.certificate.read_bytes(), FIELDS[field]
  data = data[:at] + b"\xff" * 8 + data[at + 8:] if byte is None else flipped(data, at + byte, bit)
  bad(copy, data, *checks)


def test_beacon_that_was_not_declared(made, copy):
  """Zeros without one: there is one certificate for what is stated, not many."""
  data, at = made.certificate.read_bytes(), FIELDS["beacon?"]
  bad(copy, data[:at] + bytes(33) + data[at + 33:], "sampler/beacon")
  for k in (1, 32):
    bad(copy, data[:at] + bytes(k) + b"\x01" + bytes(32 - k) + data[at + 33:], "certificate/header")


def test_version(made, copy):
  data, at = made.certificate.read_bytes(), FIELDS["version"]
  (copy / "certificate.vft").write_bytes(data[:at] + b"\x01" + data[at + 1:])
  expect(verify(copy), 2, "certificate.vft: version 1, this program reads 4")


def test_bits_of_the_proof(made, copy):
  data, seed = made.certificate.read_bytes(), os.environ.get("VFT_SEED", "7")
  print("seed", seed)
  picks = random.Random(int(seed))
  places = [FIELDS["proof"], len(data) - 1]
  places += [picks.randrange(FIELDS["proof"], len(data)) for _ in range(38)]
  for at in places:
    bad(copy, flipped(data, at, picks.randrange(8)))


def test_no_certificate(made, copy):
  for path in (made.public / "manifest.json", made.public / "proofs" / STEP, made.kept / NODE):
    bad(copy, path.read_bytes(), "certificate/header")
  node = (made.kept / NODE).read_bytes()  # a proof of another circuit, under the right header
  data = made.certificate.read_bytes()
  bad(copy, data[:FIELDS["length"]] + len(node).to_bytes(8, "little") + node)


def test_another_manifest(made, copy, foreign):
  shutil.copy(foreign / "public" / "manifest.json", copy)
  rejected(verify(copy), "certificate/manifest")
  data = made.certificate.read_bytes()
  h_pi = bytes.fromhex(json.loads(verify(copy, "--json").stdout)["h_Pi"])
  bad(copy, data[:12] + h_pi + data[44:])  # the proof is still the other's


def test_another_adapter(copy, foreign):
  weights = copy / "adapter" / "adapter_model.safetensors"
  kept = weights.read_bytes()
  given = ["--adapter", copy / "adapter"]
  tensors = load_file(weights)
  name = next(name for name in tensors if "lora_B" in name)
  tensors[name] = tensors[name].copy()
  tensors[name][0, 0] += 2.0 ** -20
  save_file(tensors, weights, metadata={"format": "pt"})
  rejected(verify(copy, *given), "adapter/h_t")
  weights.write_bytes(kept)
  expect(verify(copy, *given), 0)
  rejected(verify(copy, "--adapter", foreign / "public" / "adapter"), "adapter/h_t")
  config = copy / "adapter" / "adapter_config.json"
  config.write_text(config.read_text().replace('"lora_alpha": 2', '"lora_alpha": 4'))
  rejected(verify(copy, *given), "adapter/alpha")


def test_another_model(made, model, tmp_path):
  rejected(verify(made.public, "--model", "0" * 64), "model/h0")
  rejected(verify(made.public, "--model", DEMO / "model"), "model/architecture")
  other = tmp_path / "model"
  shutil.copytree(model, other)
  tensors = load_file(other / "model.safetensors")
  tensors["model.norm.weight"] = tensors["model.norm.weight"] * 2
  save_file(tensors, other / "model.safetensors")
  rejected(verify(made.public, "--model", other), "model/h0")


def test_changed_calibration_text(copy, model):
  path = copy / "calibration.txt"
  path.write_text(path.read_text() + "x")
  expect(verify(copy), 0)
  rejected(verify(copy, "--model", model), "calibration/text")


# ---- The second verifier ---------------------------------------------------------------------

@pytest.fixture(scope="module")
def digests(made, tmp_path_factory):
  path = tmp_path_factory.mktemp("digests") / "digests.json"
  expect(verify(made.public, "--digests", path), 0)
  return json.loads(path.read_text())


@pytest.fixture(scope="module")
def library(tmp_path_factory):
  """The C library's failed checks of certificates, given digests."""
  archive = ROOT / "build" / "libvft_verify.a"
  if not archive.is_file() or not shutil.which("cc"):
    pytest.skip("build/libvft_verify.a and a compiler are needed")
  verdict = tmp_path_factory.mktemp("verdict") / "verdict"
  subprocess.run(["cc", "-std=c11", "-O1", f"-I{ROOT}/include", "-o", verdict,
                  ROOT / "tests" / "lib" / "verdict.c", archive], check=True)

  def checks(certificates, known, kind="certificate"):
    names = ("keys", "manifest", "base", "functions", "inputs", "blocks", "start", "context", "header")
    numbers = ("steps", "first", "end", "start_entry", "end_entry", "releases")
    args = [kind, *(str(known[n]) for n in numbers), *(known[n] for n in names)]
    given = b"".join(b"%d\n" % len(c) + c for c in certificates)
    return subprocess.run([verdict, *args], input=given, capture_output=True,
                          check=True).stdout.decode().splitlines()
  return checks


# Reads the paths and digests of certificates, one a line, and answers each with the failed check.
WASM_DRIVER = """
import { verifyCertificate } from "%s";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { path, known, epochs } = JSON.parse(line);
  const answer = await verifyCertificate(await readFile(path), known, { epochs });
  console.log(answer.accepted && answer.bits < 128 ? "no bits" : answer.check);
}
"""


@pytest.fixture(scope="module")
def wasm(tmp_path_factory):
  """The same of its WebAssembly build."""
  module = ROOT / "build" / "vft_verify.wasm"
  if not shutil.which("node"):
    pytest.skip("nodejs is not installed")
  built = subprocess.run(["make", "-s", "wasm"], cwd=ROOT, capture_output=True, text=True, check=True)
  if not module.is_file() or "left out" in built.stdout:
    pytest.skip(built.stdout.strip() or "there is no WebAssembly build")
  folder = tmp_path_factory.mktemp("wasm")
  (folder / "driver.mjs").write_text(WASM_DRIVER % (ROOT / "bindings/wasm/verify.mjs").as_uri())

  def checks(certificates, known, kind="certificate"):
    lines = []
    for i, data in enumerate(certificates):
      (folder / f"{i}.vft").write_bytes(data)
      lines.append(json.dumps({"path": str(folder / f"{i}.vft"), "known": known,
                               "epochs": kind == "epochs"}))
    return subprocess.run(["node", folder / "driver.mjs"], input="\n".join(lines), text=True,
                          capture_output=True, check=True).stdout.splitlines()
  return checks


def second_check(certificate, known, kind="certificate"):
  try:
    second.verify_certificate(certificate, known, epochs=kind == "epochs")
  except Rejected as e:
    return str(e)
  return ""


def test_second_verifier_accepts(made, digests, library):
  data = made.certificate.read_bytes()
  assert library([data], digests) == [""]
  parts = second.verify_certificate(data, digests)
  assert parts["manifest"].hex() == digests["manifest"] and parts["group"] == STEPS
  assert parts["beacon"].hex() == BEACON and len(parts["counters"]) == len(parts["windows"]) == 32
  assert parts["released"] == data[FIELDS["released"]:FIELDS["length"]]


def damaged(data):
  """Every part of a certificate changed, and the whole of it cut short."""
  seed = os.environ.get("VFT_SEED", "7")
  print("seed", seed)
  picks = random.Random(int(seed))
  proof = FIELDS["proof"]
  places = [FIELDS[name] + byte for name in ("magic", "version", "h_Pi", "released", "length")
            for byte in (0, 7)[:1 if name == "version" else 2]]
  places += [FIELDS["blocks"], FIELDS["epochs"], FIELDS["windows"], proof, proof + 31, proof + 32]
  places += [len(data) - 8 * k for k in (1, 30, 200)] + picks.sample(range(proof, len(data)), 16)
  changed = [flipped(data, at, picks.randrange(8)) for at in places]
  changed += [data[:-1], data + b"\0", data[:100], data[:proof], b""]
  shorter = len(data) - proof - 1
  changed.append(data[:FIELDS["length"]] + shorter.to_bytes(8, "little") + data[proof:-1])
  released = FIELDS["released"]
  changed.append(data[:released] + b"\xff" * 8 + data[released + 8:])
  return changed


def test_second_verifier_rejects_what_the_library_rejects(made, digests, library):
  """And names the same check. Of counters, windows, beacon and steps in a proof the digests speak."""
  data = made.certificate.read_bytes()
  changed = damaged(data)
  found = library(changed, digests)
  assert found == [second_check(c, digests) for c in changed] and all(found)
  assert {"certificate/header", "certificate/manifest", "transcript/grind", "transcript/truncated",
          "transcript/canonical", "whir/merkle", "whir/sum"} <= set(found)
  for name in ("steps", "groups", "leaf", "counters", "window", "beacon", "epoch", "span", "start"):
    other = flipped(data, FIELDS[name], 0)
    assert library([other], digests) == [second_check(other, digests)] == ["certificate/header"]


def test_webassembly_has_the_library_s_verdicts(made, digests, library, wasm):
  data = made.certificate.read_bytes()
  changed = [data, *damaged(data)]
  found = wasm(changed, digests)
  assert found == library(changed, digests) and found[0] == "" and all(found[1:])


def test_second_verifier_rejects_other_digests(made, digests, library):
  data = made.certificate.read_bytes()
  for name, value in digests.items():
    others = [value + 1] if isinstance(value, int) else []
    if isinstance(value, str):
      others = [flipped(bytes.fromhex(value), 9, 3).hex(), "ff" * 32]
    for other in others:
      known = {**digests, name: other}
      assert library([data], known) == [second_check(data, known)] != [""]


# ---- The libraries ---------------------------------------------------------------------------

def test_libraries_from_files(copy, model, foreign, tmp_path):
  """libvft_bind and libvft_verify in a program that has nothing else of the project."""
  program = ROOT / "build" / "tests" / "lib" / "test_bind"
  if not program.is_file():
    pytest.skip("build/tests/lib/test_bind is not there")
  other = tmp_path / "model"
  shutil.copytree(model, other)
  tensors = load_file(other / "model.safetensors")
  tensors["model.norm.weight"] = tensors["model.norm.weight"] * 0.5
  save_file(tensors, other / "model.safetensors")
  env = {"VFT_PUBLIC": copy, "VFT_MODEL": model, "VFT_OTHER_MODEL": other,
         "VFT_LARGER_MODEL": DEMO / "model", "VFT_OTHER_ADAPTER": foreign / "public" / "adapter"}
  done = subprocess.run([program], capture_output=True, text=True,
                        env={**os.environ, **{name: str(value) for name, value in env.items()}})
  output = done.stdout + done.stderr  # of epochs: test_epoch_certificates.py
  skipped = set(re.findall(r"SKIPPED\s*\] (\w+)$", output, re.M))
  assert done.returncode == 0 and skipped == {"epochs"}, output


# ---- Cache of leaf keys ----------------------------------------------------------------------

def test_cache(made, tmp_path):
  """Made on first use; made again when damaged; what it says is its owner's word."""
  env = {"XDG_CACHE_HOME": str(tmp_path)}
  expect(verify(made.public, "-v", env=env), 0, "keys of the leaves computed")
  path, = (tmp_path / "vft").iterdir()
  expect(verify(made.public, "-v", env=env), 0, "keys of the leaves from the cache")
  data = path.read_bytes()
  for damaged in (b"", data[:-1], flipped(data, 8, 0)):
    path.write_bytes(damaged)
    expect(verify(made.public, "-v", env=env), 0, "keys of the leaves computed")
    assert path.read_bytes() == data
  other = flipped(data, 8, 0)[:-32]
  path.write_bytes(other + blake3(other))
  expect(verify(made.public, env=env), 1, "keys of leaves from the cache")


def test_without_a_cache(made, tmp_path):
  (tmp_path / "vft").write_text("a file where the folder would be")
  expect(verify(made.public, "-v", env={"XDG_CACHE_HOME": str(tmp_path)}), 0, "computed")
