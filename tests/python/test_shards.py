"""Runs whose steps are cut into shards: accepted as one, and every way of putting shards together
wrongly is rejected by the check that is meant to reject it."""

import json
import shutil
import signal
import subprocess
import time

import pytest
from test_cli import (DEMO, VFT, digests, expect, rejected, verify, vft, write_config)

STEPS, LAYERS, HEADER = 2, 3, 8 + 4 + 32 + 8 + 4 + 4
SHARDS = ["head"] + [f"{kind}_{i:02}" for kind in ("layers", "optimiser") for i in range(LAYERS)]
LINKS = {"head": ["batch", "rows", "layers", "head"],
         "layers_00": ["adapter_in", "head", "after", "layers"],
         "layers_01": ["adapter_in", "before", "after", "layers"],
         "layers_02": ["adapter_in", "head", "before", "layers"],
         "optimiser": ["adapter_in", "state_in", "adapter_out", "state_out", "layers", "head"]}


def links(shard):
  return LINKS.get(shard) or LINKS["optimiser"]


def shard(public, step, name):
  return public / "proofs" / f"step_{step:06}_{name}.vft"


def trained(folder, **values):
  config = write_config(folder, steps=STEPS, **values)
  expect(vft("train", config, "--out", folder / "run"), 0)
  return folder / "run"


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
  run = trained(tmp_path_factory.mktemp("cut"))
  expect(vft("prove", run, "--ranges", LAYERS), 0)
  return run


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
  run = trained(tmp_path_factory.mktemp("stranger"), seed=2)
  expect(vft("prove", run, "--ranges", LAYERS), 0)
  return run


@pytest.fixture
def public(cut, tmp_path):
  shutil.copytree(cut / "public", tmp_path / "public")
  return tmp_path / "public"


def test_accepted_with_the_same_adapter(cut, public, tmp_path):
  result = expect(verify(public, "--model", DEMO / "model", "-v"), 0,
                  f"{STEPS} steps of {len(SHARDS)} shards", "optimiser_02", "release")
  assert {f"step_{t:06}_{s}.vft" for t in range(STEPS) for s in SHARDS} | {
      "release.vft", "oracles.vft", "shards.json", "epoch_000000_0000.vft"} == {p.name for p in
                                                        (public / "proofs").iterdir()}
  whole = tmp_path / "whole"
  shutil.copytree(cut, whole)
  expect(vft("prove", whole, "--ranges", 0), 0)
  other = expect(verify(whole / "public"), 0, f"{STEPS} steps in {STEPS} proofs")
  h_t = [line for line in result.stdout.splitlines() if line.startswith("  h_T")]
  assert h_t and h_t[0] in other.stdout
  expect(vft("prove", whole, "--ranges", LAYERS + 1), 2, "has 3 layers")


def test_memory_is_what_was_planned(cut):
  """No proof takes more than its plan, of whatever kind, and none a tenth less."""
  lines = [json.loads(line) for line in (cut / "private" / "prove.jsonl").read_text().splitlines()]
  assert {line["shard"] for line in lines} == {*SHARDS, "release", "epoch_000000_0000"}
  for line in lines:
    assert line["peak_bytes"] <= line["planned_bytes"] <= 1.1 * line["peak_bytes"], line


def test_memory_decides_on_the_cut(cut, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(cut, run)
  expect(vft("prove", run, "--memory", "50M"), 3, "GB")
  expect(vft("prove", run, "--memory", "700M"), 0)
  expect(verify(run / "public"), 0)


def test_left_out_and_given_twice(public):
  for name in SHARDS:
    path = shard(public, 1, name)
    data = path.read_bytes()
    path.unlink()
    rejected(verify(public), "step/missing")
    path.write_bytes(data)
  shutil.copy(shard(public, 1, "layers_01"), shard(public, 1, "layers_03"))
  rejected(verify(public), "step/extra")
  shard(public, 1, "layers_03").unlink()
  shutil.copy(shard(public, 1, "head"), public / "proofs" / "step_000001.vft")
  rejected(verify(public), "step/extra")


def test_in_anothers_place(public, stranger):
  data = shard(public, 1, "layers_01").read_bytes()
  for other, check in ((shard(public, 1, "layers_02"), "step/shard"),
                       (shard(public, 1, "optimiser_01"), "step/shard"),
                       (shard(public, 0, "layers_01"), "step/index"),
                       (shard(stranger / "public", 1, "layers_01"), "step/manifest")):
    shard(public, 1, "layers_01").write_bytes(other.read_bytes())
    rejected(verify(public), check)
    # under the right header it is no proof of this shard
    shard(public, 1, "layers_01").write_bytes(data[:HEADER + 128] +
                                              other.read_bytes()[HEADER + 128:])
    expect(verify(public), 1)
  shard(public, 1, "layers_01").write_bytes(data)
  expect(verify(public), 0)


def replace_link(path, link, root):
  data = path.read_bytes()
  at = HEADER + 32 * link
  path.write_bytes(data[:at] + root + data[at + 32:])


def root_of(path, link):
  at = HEADER + 32 * link
  return path.read_bytes()[at:at + 32]


def test_swapped_links(public):
  """Two links of equal shape are exchanged, in one shard and then in all that name them."""
  paths = {name: shard(public, 1, name) for name in SHARDS}
  kept = {name: path.read_bytes() for name, path in paths.items()}
  for name in ("layers_00", "layers_01", "layers_02", "optimiser_01", "head"):
    for i, link in enumerate(links(name)):
      replace_link(paths[name], i, bytes(32))
      expect(verify(public), 1)
      paths[name].write_bytes(kept[name])
  # what layers_01 put out is exchanged with what layers_02 did, wherever they are named
  first, second = root_of(paths["layers_01"], 3), root_of(paths["layers_02"], 3)
  for name, path in paths.items():
    for i in range(len(links(name))):
      root = root_of(path, i)
      if root in (first, second):
        replace_link(path, i, second if root == first else first)
  expect(verify(public), 1)
  for name, path in paths.items():
    path.write_bytes(kept[name])
  expect(verify(public), 0)


def test_another_cut(public):
  path = public / "proofs" / "shards.json"
  for layers, check in (([1, 2], "step/extra"), ([], "step/extra"), ([3], "step/extra"),
                        ([1, 1], "shards/header"), ([1, 1, 2], "shards/header")):
    path.write_text(json.dumps({"format": "vft-shards/2", "layers": layers, "steps": 1}))
    rejected(verify(public), check)
  path.unlink()
  rejected(verify(public), "shards/missing")


def test_release(public, stranger):
  path = public / "proofs" / "release.vft"
  data = path.read_bytes()
  path.unlink()
  rejected(verify(public), "step/missing")
  path.write_bytes((stranger / "public" / "proofs" / "release.vft").read_bytes())
  rejected(verify(public), "step/manifest")
  path.write_bytes(data)
  for link in range(LAYERS + 1):
    replace_link(path, link, bytes(32))
    expect(verify(public), 1)
    path.write_bytes(data)
  expect(verify(public), 0)


def test_killed_proving_resumes_at_a_shard(cut, tmp_path):
  run = tmp_path / "run"
  shutil.copytree(cut, run)
  shutil.rmtree(run / "public" / "proofs")
  (run / "public" / "proofs").mkdir()
  process = subprocess.Popen([VFT, "prove", run, "--ranges", str(LAYERS)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
  while not shard(run / "public", 1, "layers_00").exists() and process.poll() is None:
    time.sleep(0.01)
  process.send_signal(signal.SIGKILL)
  process.wait()
  made = {p: p.stat().st_mtime_ns for p in (run / "public" / "proofs").glob("step_*.vft")}
  assert 0 < len(made) < STEPS * len(SHARDS)
  expect(vft("prove", run, "--resume"), 0)
  assert digests(run / "public") == digests(cut / "public")
  assert all(p.stat().st_mtime_ns == t for p, t in made.items())  # none was made again


def test_workers(cut, tmp_path):
  run, jobs = tmp_path / "run", tmp_path / "jobs"
  shutil.copytree(cut, run)
  expect(vft("prove", run, "--resume", "--jobs", jobs), 0, "wrote 0 jobs")
  expect(vft("prove", run, "--resume", "--ranges", 1), 2, "cut into 3 ranges")
  shutil.rmtree(run / "public" / "proofs")
  (run / "public" / "proofs").mkdir()
  expect(vft("prove", run, "--ranges", LAYERS, "--jobs", jobs), 0, f"wrote {STEPS * len(SHARDS)} jobs")
  files = sorted(jobs.iterdir(), reverse=True)
  assert len(files) == STEPS * len(SHARDS)
  expect(vft("worker", "run", files[0]), 0, "proved")
  before = digests(run / "public")
  expect(vft("worker", "run", files[0]), 0, "was there")
  assert digests(run / "public") == before
  for path in files[1:]:
    expect(vft("worker", "run", path), 0)
  expect(vft("prove", run, "--resume"), 0)
  assert digests(run / "public") == digests(cut / "public")

  job = json.loads(files[0].read_text())
  for key, value, word in (("shard", "layers_07", "layers_00 to layers_02"), ("step", 99, "step"),
                           ("step", -1, "negative"), ("format", "vft-job/2", "vft-job/1"),
                           ("run", "/nonexistent", "shards.json"), ("more", 1, "more")):
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**job, key: value}))
    expect(vft("worker", "run", bad), 2, word)


def test_estimate_before_any_work(cut, tmp_path):
  """Sizes and memory are those that then happen, within a quarter; nothing is written."""
  config = write_config(tmp_path, steps=STEPS)
  before = digests(tmp_path)
  estimate = json.loads(vft("estimate", config, "--json").stdout)
  assert digests(tmp_path) == before
  assert estimate["steps"] == STEPS and estimate["shards_a_step"] == 1
  run = tmp_path / "run"
  shutil.copytree(cut, run)
  expect(vft("prove", run), 0)
  proofs = sum(p.stat().st_size for p in (run / "public" / "proofs").iterdir())
  assert 0.75 < estimate["proof_bytes"] / proofs < 1.25
  lines = [json.loads(line) for line in (run / "private" / "prove.jsonl").read_text().splitlines()]
  assert [line["shard"] for line in lines] == ["epoch_000000_0000", f"steps_{STEPS}"]
  peak = max(line["peak_bytes"] for line in lines)
  assert peak <= estimate["memory_bytes"] < 1.1 * peak
  expect(vft("estimate", config, "--memory", "50M"), 3, "GB")
  expect(vft("estimate", config), 0, "steps in a proof", "proving")


def test_joined_steps(tmp_path):
  """Whole steps in one proof; files and cut are what they say."""
  steps_of_run = 3
  config = write_config(tmp_path, steps=steps_of_run)
  run = tmp_path / "run"
  expect(vft("train", config, "--out", run), 0)
  expect(vft("prove", run, "--join", 2), 0)
  public = run / "public"
  proofs = public / "proofs"
  starts = range(0, steps_of_run, 2)
  assert {p.name for p in proofs.glob("step_*")} == {f"step_{t:06}.vft" for t in starts}
  expect(verify(public), 0, f"{steps_of_run} steps in {len(starts)} proofs")
  expect(vft("prove", run, "--resume", "--join", 3), 2, "with 2 steps in a proof")
  first = proofs / "step_000000.vft"
  data = first.read_bytes()
  first.unlink()
  rejected(verify(public), "step/missing")
  expect(vft("prove", run, "--resume"), 0)
  assert first.read_bytes() == data
  shutil.copy(first, proofs / "step_000001.vft")
  rejected(verify(public), "step/extra")
  (proofs / "step_000001.vft").unlink()
  cut = proofs / "shards.json"
  text = cut.read_text()
  for steps in (1, 3):
    cut.write_text(text.replace('"steps":2', f'"steps":{steps}'))
    expect(verify(public), 1)
  cut.write_text(text)
  for link in range(6):
    replace_link(first, link, bytes(32))
    expect(verify(public), 1)
    first.write_bytes(data)
  expect(verify(public), 0)
  jobs = tmp_path / "jobs"
  expect(vft("prove", run, "--join", 2, "--jobs", jobs), 0, f"wrote {len(starts)} jobs")
  first.unlink(missing_ok=True)
  job = sorted(jobs.iterdir())[0]
  expect(vft("worker", "run", job), 0, "proved")
  assert first.read_bytes() == data
  value = json.loads(job.read_text())
  job.write_text(json.dumps({**value, "step": 1}))
  expect(vft("worker", "run", job), 2, "begins with step 1")
