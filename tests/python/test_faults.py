"""A full disk, no memory, a read-only folder, a killed process: exit code 3 (2 where the command
line is to blame), one clear line, nothing half-written, the same bytes once the cause is gone."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from test_cli import DEMO, ROOT, VFT, digests, expect, step, vft, write_config

STEPS = 2


def limited(*args, file_size=None, user=None, env=None, stdout=subprocess.PIPE):
  def prepare():
    if file_size is not None:
      resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if user is not None:
      os.setgroups([])
      os.setgid(user)
      os.setuid(user)
  return subprocess.run([VFT, *map(str, args)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                        preexec_fn=prepare, cwd="/", timeout=600, env={**os.environ, **(env or {})})


def failed(result, code, *words):
  lines = [line for line in result.stderr.splitlines() if line.startswith("vft: ")]
  assert result.returncode == code and len(lines) == 1, (result.returncode, result.stderr)
  for word in words:
    assert word in lines[0], lines[0]


def half_written(folder):
  return [p for p in folder.rglob("*")
          if p.is_file() and (p.suffix == ".tmp" or not p.stat().st_size)]


def adapter(run):
  return digests(run / "public" / "adapter")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
  return write_config(tmp_path_factory.mktemp("config"), steps=STEPS)


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
  run = tmp_path_factory.mktemp("whole") / "run"
  expect(vft("run", config, "--out", run, "--join", 1), 0)
  return run


@pytest.fixture(scope="module")
def data(whole):
  """The dataset of `whole`: other runs are compared with it."""
  return ["--data", whole / "private" / "data"]


def unproved(whole, tmp_path):
  run = tmp_path / "run"
  shutil.rmtree(run, ignore_errors=True)
  shutil.copytree(whole, run)
  shutil.rmtree(run / "public" / "proofs")
  (run / "public" / "proofs").mkdir()
  return run


# ---- Full disk -------------------------------------------------------------------------------

@pytest.mark.parametrize("size", [0, 100, 2000, 5000, 60000])
def test_training_on_a_full_disk(config, whole, data, tmp_path, size):
  run = tmp_path / "run"
  failed(limited("train", config, "--out", run, *data, file_size=size), 3, "cannot write: File too large")
  assert not half_written(run)
  assert not (run / "public" / "adapter").exists()
  expect(vft("train", config, "--out", run, "--resume", *data), 0)
  assert adapter(run) == adapter(whole)


@pytest.mark.parametrize("size", [0, 10000, 40000])
def test_committing_on_a_full_disk(config, tmp_path, size):
  """The commitment that a run makes of its records goes on as well."""
  run = tmp_path / "run"
  failed(limited("train", config, "--out", run, file_size=size), 3, "dataset.db")
  assert not (run / "public" / "manifest.json").exists()
  expect(vft("train", config, "--out", run), 0)
  expect(vft("data", "check", run / "private" / "data"), 0)


def test_log_on_a_full_disk(tmp_path):
  """The log is appended to, so a line of it may be cut; resuming drops the line."""
  config = write_config(tmp_path, steps=3)
  expect(vft("train", config, "--out", tmp_path / "whole"), 0)
  run = tmp_path / "run"
  shutil.copytree(tmp_path / "whole", run)  # as it was after the first step
  shutil.rmtree(run / "public" / "adapter")
  for path in (run / "private" / "checkpoints").iterdir():
    if "000001" not in path.name:
      path.unlink()
  checkpoint = max(p.stat().st_size for p in (run / "private" / "checkpoints").iterdir())
  log = run / "private" / "log.jsonl"  # its first line longer than any other file
  log.write_text(json.dumps({"step": 0, "filler": " " * checkpoint}) + "\n")
  limit = log.stat().st_size + 10
  failed(limited("train", config, "--out", run, "--resume", file_size=limit), 3, "log.jsonl",
         "cannot write")
  expect(vft("train", config, "--out", run, "--resume"), 0)
  assert adapter(run) == adapter(tmp_path / "whole")
  lines = [json.loads(line) for line in log.read_text().splitlines()]
  assert [line["step"] for line in lines] == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 100, 100000, 200000])
def test_proving_on_a_full_disk(whole, tmp_path, size):
  run = unproved(whole, tmp_path)
  failed(limited("prove", run, "--join", 1, file_size=size), 3, "cannot write: File too large")
  assert not half_written(run) and not list(run.glob("public/proofs/*.vft"))
  expect(vft("prove", run, "--resume", "--join", 1), 0)
  assert digests(run / "public") == digests(whole / "public")


def test_exporting_to_a_full_disk(whole, tmp_path):
  failed(limited("export", whole, "--out", tmp_path / "a", file_size=100), 3, "cannot write")
  assert not list((tmp_path / "a").iterdir())
  expect(vft("export", whole, "--out", tmp_path / "a"), 0)
  assert digests(tmp_path / "a") == adapter(whole)


def test_a_disk_without_room_is_refused_before_training(config, whole, data, tmp_path):
  """Where a file system of its own may be mounted."""
  disk = tmp_path / "disk"
  disk.mkdir()
  mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk],
                         capture_output=True)
  if mount.returncode:
    pytest.skip("no file system may be mounted here")
  try:
    run = disk / "run"
    (disk / "filler").write_bytes(bytes(12 << 20))
    result = vft("train", config, "--out", run, *data)
    failed(result, 3, "MiB of disk", "are free")
    assert not half_written(run)
    (disk / "filler").unlink()
    expect(vft("train", config, "--out", run, "--resume"), 0)
    assert adapter(run) == adapter(whole)
  finally:
    subprocess.run(["umount", disk], check=True)


def test_output_that_cannot_be_written(config, whole, data):
  for command in (["--help"], ["--version"], ["verify", "--help"], ["manifest", config, *data],
                  ["verify", whole / "public"], ["verify", whole / "public", "--json"],
                  ["inspect", whole], ["budget", whole / "public" / "manifest.json"]):
    with open("/dev/full", "w") as full:
      failed(limited(*command, stdout=full), 3, "cannot write to stdout")


# ---- No memory -------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def no_memory(tmp_path_factory):
  library = tmp_path_factory.mktemp("faults") / "no_memory.so"
  subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-o", library,
                  ROOT / "tests" / "faults" / "no_memory.c", "-ldl"], check=True)
  return library


def sweep(library, command, tries, prepare=lambda: None):
  """Runs the command with allocation k failing, then with all from k on failing, for the first k,
  some at random, and the last. Returns how often it failed."""
  count = library.parent / "count"
  env = {"LD_PRELOAD": str(library)}
  prepare()
  assert limited(*command, env={**env, "VFT_COUNT_FILE": str(count)}).returncode == 0
  total = int(count.read_text())
  seed = os.environ.get("VFT_SEED", "11")
  print("seed", seed)
  picks = random.Random(int(seed))
  failures = 0
  for k in [*range(tries), total - 1, *(picks.randrange(total) for _ in range(2 * tries))]:
    for once in ({}, {"VFT_FAIL_ONCE": "1"}):
      prepare()
      result = limited(*command, env={**env, **once, "VFT_FAIL_AT": str(k)})
      if result.returncode:
        failures += 1
        failed(result, 3)  # never "rejected", never "bad file", never a signal
        assert "memory" in result.stderr, (k, once, result.stderr)
  return failures


def test_verification_without_memory_decides_nothing(whole, no_memory):
  public = whole / "public"
  command = ["verify", public, "--model", DEMO / "model", "--threads", "1"]
  assert sweep(no_memory, command, 12) > 12
  assert sweep(no_memory, ["inspect", whole], 4)


def test_training_without_memory(config, whole, data, no_memory, tmp_path):
  run = tmp_path / "run"
  command = ["train", config, "--out", run, "--threads", "1", *data]
  assert sweep(no_memory, command, 4, lambda: shutil.rmtree(run, ignore_errors=True)) > 4
  shutil.rmtree(run, ignore_errors=True)
  for k in range(2000, 1000000, 2000):  # whatever it left behind is resumed
    result = limited(*command, *(["--resume"] if run.exists() else []),
                     env={"LD_PRELOAD": str(no_memory), "VFT_FAIL_AT": str(k)})
    if result.returncode == 0:
      break
    failed(result, 3)
  assert adapter(run) == adapter(whole)


def test_proving_without_memory(whole, no_memory, tmp_path):
  run = tmp_path / "run"
  assert sweep(no_memory, ["prove", run, "--resume", "--threads", "1"], 1,
               lambda: run.exists() or shutil.copytree(whole, run))
  assert not half_written(run)
  expect(vft("prove", run, "--resume"), 0)
  assert digests(run / "public") == digests(whole / "public")


# ---- Read-only folder ------------------------------------------------------------------------

def test_read_only_folder(config, whole):
  """As a user who may read everything and write nothing."""
  outer = Path(tempfile.mkdtemp(dir="/tmp"))
  try:
    shutil.copytree(whole, outer / "run")
    user = 65534 if os.getuid() == 0 else None
    for path in [outer, *outer.rglob("*")]:
      path.chmod(0o555 if path.is_dir() else 0o444)
    shutil.copy(config, "/tmp/" + outer.name + ".yaml")
    readable = Path("/tmp/" + outer.name + ".yaml")
    readable.chmod(0o444)
    if subprocess.run(["test", "-r", DEMO / "demo.yaml", "-a", "-x", VFT], user=user).returncode:
      pytest.skip("another user may not read this folder")
    run, before = outer / "run", digests(outer)
    denied = "Permission denied"
    expect(limited("verify", run / "public", user=user), 0)
    expect(limited("replay", run, user=user), 0)
    failed(limited("prove", run, user=user), 3, denied)
    failed(limited("train", readable, "--out", run, "--resume", user=user), 3, denied)
    failed(limited("train", readable, "--out", outer / "new", user=user), 2, denied)
    failed(limited("export", run, "--out", outer / "adapter", user=user), 2, denied)
    failed(limited("init", outer / "a.yaml", user=user), 2, denied)
    failed(limited("eval", run, "--data", DEMO / "data" / "heldout.jsonl", "--heldout-file",
                   outer / "tokens", user=user), 2, denied)
    assert digests(outer) == before
    readable.unlink()
  finally:
    for path in [outer, *outer.rglob("*")]:
      path.chmod(0o755)
    shutil.rmtree(outer)


# ---- Killed process --------------------------------------------------------------------------

def kill_when(args, ready):
  process = subprocess.Popen([VFT, *map(str, args)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
  while not ready() and process.poll() is None:
    time.sleep(0.001)
  process.send_signal(signal.SIGKILL)
  process.wait()


def test_killed_while_planning(config, whole, data, tmp_path):
  """At each file that a new run writes before its first step."""
  for name in ("private", "private/run.json", "public/manifest.json", "private/log.jsonl"):
    run = tmp_path / name.replace("/", "_")
    command = ["train", config, "--out", run, *data]
    kill_when(command, lambda: (run / name).exists())
    expect(vft(*command, *(["--resume"] if run.exists() else [])), 0)
    assert adapter(run) == adapter(whole) and not half_written(run)


def test_killed_at_each_proof(whole, tmp_path):
  run = unproved(whole, tmp_path)
  for t in range(STEPS):
    kill_when(["prove", run, "--resume", "--join", "1"], lambda: step(run / "public", t).exists())
    expect(vft("verify", run / "public"), 1)
  expect(vft("prove", run, "--resume", "--join", 1), 0)
  assert digests(run / "public") == digests(whole / "public") and not half_written(run)
