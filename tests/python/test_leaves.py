"""Leaves of certificates, on proved runs: tests/run/leaf_attacks.c and leaf_places.c do the work. Two runs have every kind of
leaf that there is: of whole steps in groups, with shorter groups and windows at the end of an epoch and of
the run and with several blocks an epoch; of steps cut into ranges of layers, with a shorter last window."""

import os
import subprocess

import pytest

from test_certificate import BEACON, small_model, write_config
from test_cli import ROOT, expect, vft

ATTACKS = [ROOT / "build" / "tests" / "run" / name for name in ("leaf_attacks", "leaf_places")]
LONG = bool(os.environ.get("VFT_LONG"))


def proved(folder, layers, sampler, steps, *cut):
  """A run with these lines in its sampler."""
  config = write_config(folder, small_model(folder / "model", layers=layers), steps=steps)
  config.write_text(config.read_text().replace("sampler:\n", f"sampler:\n{sampler}"))
  run = folder / "run"
  expect(vft("train", config, "--out", run, "--beacon", BEACON), 0)
  expect(vft("prove", run, *cut), 0)
  return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """Epochs of 7 steps, groups of 2, the run ends with 3 steps of its second epoch; 2 blocks an epoch."""
  sampler = "  steps_per_epoch: 7\n  replacement: true\n  candidates_per_epoch: 1025\n"
  return proved(tmp_path_factory.mktemp("whole"), 1, sampler, 10, "--join", 2)


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
  """Epochs of 2 steps, the run ends in its second."""
  return proved(tmp_path_factory.mktemp("cut"), 2, "  steps_per_epoch: 2\n", 3, "--ranges", 2)


def attack(run, groups, shards):
  """All attacks, in windows of so many groups and leaves of so many proofs; what was said of them."""
  for program in ATTACKS:
    if not program.is_file():
      pytest.skip(f"{program} is needed")
  started = [subprocess.Popen([program, run, str(groups), str(shards)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) for program in ATTACKS]
  said = [process.communicate()[0] for process in started]
  assert all(process.returncode == 0 for process in started), said
  return "".join(said)


def kinds(text):
  return {line.split(",")[0] for line in text.splitlines() if line.endswith(" base cells")}


def test_whole_steps(whole):
  text = attack(whole, 2, 1)
  assert kinds(text) == {"group", "group at an epoch's end", "group at the run's end", "opening",
                         "opening at an epoch's end", "opening at the run's end", "block"}
  assert "ranges 1ff" in text  # of all digits, below and above
  for groups in (1, 3, 16) if LONG else ():
    attack(whole, groups, 1)


def test_cut_steps(cut):
  text = attack(cut, 2, 2)
  assert kinds(text) == {"release", "group", "opening", "opening at the run's end", "block"}
  assert "ranges 1ff" in text
  for groups, shards in ((1, 1), (8, 5), (2, 3)) if LONG else ():
    attack(cut, groups, shards)
