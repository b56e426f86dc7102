"""The proofs that a run's rows were drawn as declared: what the documentation promises to catch, opened
counters, and what a private run publishes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VFT = ROOT / "vft"
DEMO = ROOT / "examples" / "demo"

CONFIG = """\
base_model: {demo}/model
datasets:
  - path: {demo}/data/train.jsonl
    type: messages
calibration_text: {demo}/calibration.txt
sequence_len: 16
micro_batch_size: 2
lora_r: 2
lora_alpha: 4
lora_target_modules: [v_proj]
learning_rate: 0.005
adam_beta2: 0.95
max_steps: 3
seed: 1
policy:
  allow_licenses: [CC0-1.0, Apache-2.0]
  quotas:
    - {{bin: "domain:arithmetic", max_examples: 1}}
    - {{bin: "language:zh", max_tokens: 60}}
    - {{bin: "length:0-12", max_examples: 4}}
sampler:
  mode: {mode}
  window: 1
  {public_every}
  {beacon}
  steps_per_epoch: 2
"""
BEACON = "beacon: {source: a public one, round: 7, format: hex}"


def vft(*args):
  return subprocess.run([VFT, *map(str, args)], capture_output=True, text=True, timeout=600, cwd="/",
                        env=os.environ)


def expect(result, code, *texts):
  assert result.returncode == code, result.stdout + result.stderr
  for text in texts:
    assert text in result.stdout + result.stderr, result.stdout + result.stderr
  return result


def rejected(result, check):
  expect(result, 1, f"[{check}")


def make_run(folder, mode, *args, beacon=""):
  config = folder / "config.yaml"
  config.write_text(CONFIG.format(demo=DEMO, mode=mode, beacon=beacon,
                                  public_every="public_every: 2" if mode == "hybrid" else ""))
  for _ in range(5):  # a secret order may meet the quotas before the rows are full: another one then
    result = vft("run", config, "--out", folder / "run", *args)
    if "candidates fill only" not in result.stderr:
      break
  return result


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
  folder = tmp_path_factory.mktemp("hybrid")
  expect(make_run(folder, "hybrid"), 0, "accepted", "1 of them public", "domain:arithmetic")
  return folder / "run"


@pytest.fixture
def public(hybrid, tmp_path):
  return shutil.copytree(hybrid / "public", tmp_path / "public")


def verify(public, *args):
  return vft("verify", public, *args)


def epoch(public, e):
  return public / "proofs" / f"epoch_{e:06}_0000.vft"


def test_proofs_of_epochs_missing_swapped_repeated(public):
  a, b = epoch(public, 0).read_bytes(), epoch(public, 1).read_bytes()
  epoch(public, 1).unlink()
  rejected(verify(public), "epoch/missing")
  epoch(public, 1).write_bytes(a)
  rejected(verify(public), "epoch/index")
  epoch(public, 1).write_bytes(a[:44] + (1).to_bytes(8, "little") + a[52:])
  expect(verify(public), 1)
  epoch(public, 1).write_bytes(b)
  shutil.copy(epoch(public, 0), epoch(public, 2))
  rejected(verify(public), "step/extra")
  epoch(public, 2).unlink()
  expect(verify(public), 0)


def test_every_field_of_an_epoch_file(public):
  data = epoch(public, 0).read_bytes()
  fields = {"magic": 0, "manifest": 12, "epoch": 44, "block": 52, "counters": 56, "rows": 88,
            "counters before": 120, "counters after": 152, "length": 184, "padding": 192,
            "proof": 300, "zeros": len(data) - 1}
  for at in fields.values():
    epoch(public, 0).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
    expect(verify(public), 1)
  epoch(public, 0).write_bytes(data[:8] + b"\x02" + data[9:])
  expect(verify(public), 2, "version 2")


def test_proofs_of_another_run(public, tmp_path):
  other = tmp_path / "other"
  other.mkdir()
  expect(make_run(other, "hybrid"), 0)
  shutil.copy(epoch(other / "run" / "public", 0), epoch(public, 0))
  rejected(verify(public), "epoch/manifest")
  theirs = epoch(other / "run" / "public", 0).read_bytes()
  h_pi = epoch(public, 1).read_bytes()[12:44]
  epoch(public, 0).write_bytes(theirs[:12] + h_pi + theirs[44:])
  expect(verify(public), 1)


def test_windows(public):
  path = public / "windows.json"
  text = path.read_text()
  value = json.loads(text)
  key = value["windows"][0]["key"]
  other = ("1" if key[0] == "0" else "0") + key[1:]
  path.write_text(text.replace(key, other))
  expect(verify(public), 1, "epoch 0")
  path.write_text(json.dumps({"format": value["format"], "windows": []}, separators=(",", ":"),
                             sort_keys=True))
  rejected(verify(public), "sampler/windows")
  path.unlink()
  rejected(verify(public), "sampler/windows")


def test_sampler_replay_agrees_with_the_proofs(hybrid, tmp_path):
  expect(vft("sampler", "replay", hybrid), 0, "those of the proofs")
  run = shutil.copytree(hybrid, tmp_path / "run")
  path = epoch(run / "public", 0)
  data = path.read_bytes()
  path.write_bytes(data[:88] + bytes([data[88] ^ 1]) + data[89:])
  rejected(vft("sampler", "replay", run, "--epoch", "0"), "sampler/rows")


def test_counters_are_opened_one_by_one(hybrid, tmp_path):
  run = shutil.copytree(hybrid, tmp_path / "run")
  expect(vft("disclose", run, "--bin", "physics"), 2, "domain:arithmetic")
  expect(vft("disclose", run, "--bin", "arithmetic", "--epoch", "5"), 2, "numbered from 0")
  expect(vft("disclose", run, "--bin", "arithmetic"), 0, "of at most 1 examples")
  expect(vft("disclose", run, "--bin", "language:zh", "--epoch", "0"), 0, "of at most 60 tokens")
  files = sorted((run / "public" / "counters").iterdir())
  assert len(files) == 3
  result = expect(verify(run / "public"), 0)
  assert result.stdout.count("opened: ") == 3
  text = files[0].read_text()
  value = json.loads(text)
  for change in ({"counter": value["counter"] + 1}, {"epoch": 1 - value["epoch"]},
                 {"salt": value["leaves"][0]}, {"leaves": value["leaves"][::-1]}):
    files[0].write_text(json.dumps({**value, **change}, separators=(",", ":"), sort_keys=True))
    rejected(verify(run / "public"), "counter/digest")
  for change in ({"bin": "language:zh"}, {"quota": 9}, {"manifest": "0" * 64}, {"unit": "tokens"},
                 {"leaves": value["leaves"][1:]}, {"format": "vft-counter/2"}, {"more": 1}):
    files[0].write_text(json.dumps({**value, **change}, separators=(",", ":"), sort_keys=True))
    rejected(verify(run / "public"), "counter/file")
  files[0].write_text(text + "\n")
  rejected(verify(run / "public"), "counter/file")
  files[0].write_text(text)
  expect(vft("publish", run, "--out", tmp_path / "out"), 0, "reveal")
  expect(verify(tmp_path / "out"), 0, "opened: ")


def test_resumed_proofs_of_epochs_are_the_same_bytes(hybrid, tmp_path):
  run = shutil.copytree(hybrid, tmp_path / "run")
  data = epoch(run / "public", 1).read_bytes()
  epoch(run / "public", 1).unlink()
  damaged = epoch(run / "public", 0).read_bytes()
  epoch(run / "public", 0).write_bytes(damaged[:-2000] + bytes(2000))
  expect(vft("prove", run, "--resume"), 0)
  assert epoch(run / "public", 1).read_bytes() == data
  assert epoch(run / "public", 0).read_bytes() == damaged


def listing(folder):
  return sorted((str(p.relative_to(folder)), p.stat().st_size) for p in folder.rglob("*")
                if p.is_file())


def test_private_runs_publish_the_same_names_and_sizes(tmp_path):
  """Another secret each time, hence another order."""
  shown, batches = [], []
  for i in range(2):
    folder = tmp_path / str(i)
    folder.mkdir()
    expect(make_run(folder, "private"), 0, "0 of them public")
    expect(vft("publish", folder / "run", "--out", folder / "out"), 0, "although this run keeps")
    expect(verify(folder / "out"), 0)
    shown.append(listing(folder / "out"))
    lines = (folder / "run" / "private" / "log.jsonl").read_text().splitlines()
    batches.append([json.loads(line)["records"] for line in lines])
  assert batches[0] != batches[1]
  assert shown[0] == shown[1]
  assert not any("windows" in name for name, _ in shown[0])


def test_publish_is_exact(hybrid, tmp_path):
  run = shutil.copytree(hybrid, tmp_path / "run")
  (run / "public" / "notes.txt").write_text("private thoughts")
  expect(vft("publish", run, "--out", tmp_path / "bare", "--without-proofs"), 0, "left out: 1")
  assert {p.name for p in (tmp_path / "bare").iterdir()} == {"manifest.json", "calibration.txt",
                                                            "windows.json", "adapter"}
  expect(vft("publish", run, "--out", tmp_path / "bare"), 2, "is there already")
  (run / "public" / "proofs" / "oracles.vft").unlink()
  expect(vft("publish", run, "--out", tmp_path / "new"), 2, "oracles.vft")
  assert not [p for p in tmp_path.iterdir() if p.name.startswith("new")]


def test_beacon(tmp_path):
  expect(make_run(tmp_path, "hybrid", beacon=BEACON), 2, "its value is needed now")
  expect(make_run(tmp_path, "hybrid", "--beacon", "ab" * 32, beacon=BEACON), 0,
         f"if the beacon a public one had the value {'ab' * 32} in round 7")
  public = tmp_path / "run" / "public"
  path = public / "beacon.json"
  text = path.read_text()
  path.write_text(text.replace("ab" * 32, "ac" * 32))
  expect(verify(public), 1, "epoch 0")
  path.unlink()
  rejected(verify(public), "sampler/beacon")
