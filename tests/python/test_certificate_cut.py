"""Certificates of runs whose steps are cut into ranges of layers: the whole job, and what is not a certificate of
the run though it looks like one: proofs of others in the run, other headers, a tree over fewer items, a tree
of another leaf (tests/run/forge_certificate.c)."""

import json
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from test_certificate import (BEACON, PROOF_CHECKS, STEPS, cache, library, second,  # noqa: F401
                              second_check, small_model, verify, write_config)
from test_cli import ROOT, expect, rejected, vft

FORGE = ROOT / "build" / "tests" / "run" / "forge_certificate"
LONG = bool(os.environ.get("VFT_LONG"))
# certificate.vft of two ranges (run/certificate.h)
RANGES, GROUPS, PIECES, RELEASED = 48, 60, 68, 189
ITEMS = 1 + 1 + 5 * STEPS + 1  # release, block, proofs, opening


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return small_model(tmp_path_factory.mktemp("model") / "small", layers=2)


def cut_run(folder, model, seed):
  """Trained and proved in two ranges of layers."""
  config = write_config(folder, model, seed=seed)
  run = folder / "run"
  expect(vft("train", config, "--out", run, "--beacon", BEACON), 0)
  expect(vft("prove", run, "--ranges", 2), 0)
  return run


@pytest.fixture(scope="module")
def proved(model, tmp_path_factory):
  return cut_run(tmp_path_factory.mktemp("proved"), model, 1)


@pytest.fixture(scope="module")
def made(proved, tmp_path_factory):
  """With the certificate that `vft run --resume` ends with."""
  run = tmp_path_factory.mktemp("made") / "run"
  shutil.copytree(proved, run)
  result = expect(vft("run", proved.parent / "config.yaml", "--out", run, "--beacon", BEACON,
                      "--resume"), 0, "certificate accepted: ")
  return SimpleNamespace(run=run, public=run / "public", result=result,
                         certificate=run / "public" / "certificate.vft")


@pytest.fixture(scope="module")
def digests(made, tmp_path_factory):
  path = tmp_path_factory.mktemp("digests") / "digests.json"
  expect(verify(made.public, "--digests", path), 0)
  return json.loads(path.read_text())


@pytest.fixture
def copy(made, tmp_path):
  shutil.copytree(made.public, tmp_path / "public", ignore=shutil.ignore_patterns("proofs"))
  return tmp_path / "public"


def test_accepted(made, proved, model, digests, library):
  names = {p.name for p in (made.run / "private" / "aggregate").iterdir()}
  assert {n for n in names if n.startswith("leaf")} == {
      f"leaf_{a:08}_{b:08}.proof" for a, b in ((0, 7), (7, ITEMS))}
  result = expect(verify(made.public, "--model", model, "--adapter", made.public / "adapter",
                         "--require", "all"), 0, f"accepted: {STEPS} steps")
  assert result.stdout.count("OK  ") == 10
  data = made.certificate.read_bytes()
  assert (digests["first"], digests["end"]) == (0, ITEMS)
  assert (digests["start_entry"], digests["end_entry"], digests["releases"]) == (0, STEPS + 1, 1)
  assert second_check(data, digests) == "" and library([data], digests) == [""]
  report = json.loads(verify(made.public, "--json").stdout)
  assert report["bits_total"] >= 128
  folder = json.loads(vft("verify", proved / "public", "--json").stdout)
  assert all(folder[name] == report[name] for name in ("h_Pi", "h0", "h_T"))
  expect(vft("aggregate", made.run, "--resume"), 0, "the certificate is there and accepted")


# ---- Proofs of others in the run -------------------------------------------------------------

def test_proofs_in_anothers_place(proved, model, tmp_path):
  """Of another part, step and run: found before any proof is made, and named."""
  foreign = tmp_path / "foreign"
  foreign.mkdir()
  theirs = cut_run(foreign, model, 2) / "public" / "proofs"
  run = tmp_path / "run"
  shutil.copytree(proved, run)
  proofs = run / "public" / "proofs"
  mine = proofs / "step_000001_layers_01.vft"
  data = mine.read_bytes()
  head = 8 + 4 + 32 + 8 + 4 + 4  # of a file, before its links
  for other, check in ((proofs / "step_000001_layers_00.vft", "step/shard"),
                       (proofs / "step_000001_optimiser_01.vft", "step/shard"),
                       (proofs / "step_000000_layers_01.vft", "step/index"),
                       (theirs / mine.name, "step/manifest")):
    mine.write_bytes(other.read_bytes())
    rejected(expect(vft("aggregate", run), 1, str(mine)), check)
    mine.write_bytes(data[:head] + other.read_bytes()[head:])
    expect(vft("aggregate", run), 1, str(mine))
  mine.write_bytes(data)
  release = proofs / "release.vft"
  release.write_bytes((theirs / release.name).read_bytes())
  rejected(expect(vft("aggregate", run), 1, str(release)), "step/manifest")
  release.unlink()
  rejected(expect(vft("aggregate", run), 1, str(release)), "step/missing")
  assert not list((run / "private").glob("aggregate/*"))


# ---- Other headers ---------------------------------------------------------------------------

def with_cut(data, ranges, groups, shards, pieces=1):
  """The certificate with another cut, and other windows and leaves."""
  numbers = [len(ranges), *ranges, groups, shards, pieces]
  return data[:RANGES] + b"".join(n.to_bytes(4, "little") for n in numbers) + data[PIECES + 4:]


def test_fields_of_the_cut(made, digests, library):
  data = made.certificate.read_bytes()
  assert with_cut(data, (1, 1), 8, 5) == data
  for other in ((2,), 8, 3), ((1, 1), 9, 5), ((1, 1), 8, 4), ((), 8, 1), ((1, 1), 8, 5, 2):
    assert library([with_cut(data, *other)], digests) == ["certificate/header"]
    assert second_check(with_cut(data, *other), digests) == "certificate/header"


@pytest.mark.parametrize("other", [((2, 1), 8, 5), ((0, 2), 8, 5), ((1, 1), 8, 6), ((1, 1), 8, 0),
                                   ((1, 1), 0, 5), ((1, 1), 1025, 5), ((2,), 8, 5), ((1, 1), 8, 5, 9)])
def test_no_cut_of_the_model(made, copy, other):
  (copy / "certificate.vft").write_bytes(with_cut(made.certificate.read_bytes(), *other))
  rejected(verify(copy), "certificate/header")


# Each has its kinds of leaves, whose keys take a while.
OTHER_CUTS = [((2,), 8, 3)]
if LONG:
  OTHER_CUTS += [((1, 1), 8, 5, 0), ((1, 1), 8, 4), ((1, 1), 9, 5), ((1, 1), 1, 5), ((), 8, 1)]


@pytest.mark.parametrize("other", OTHER_CUTS)
def test_another_cut(made, copy, other):
  (copy / "certificate.vft").write_bytes(with_cut(made.certificate.read_bytes(), *other))
  result = verify(copy)
  rejected(result, *PROOF_CHECKS)
  assert "the proof does not show what header and manifest say" in result.stderr


# ---- Trees that are none of the run's --------------------------------------------------------

@pytest.fixture(scope="module")
def alone(proved, tmp_path_factory):
  """With leaves of one piece each."""
  run = tmp_path_factory.mktemp("alone") / "run"
  shutil.copytree(proved, run)
  expect(vft("aggregate", run, "--pieces", 0), 0)
  names = {p.name for p in (run / "private" / "aggregate").iterdir()}
  assert {n for n in names if n.startswith("leaf")} == {
      f"leaf_{a:08}_{b:08}.proof" for a, b in ((0, 1), (1, 2), (2, 7), (7, 12), (12, ITEMS))}
  path = run.parent / "digests.json"
  expect(verify(run / "public", "--digests", path), 0)
  return SimpleNamespace(run=run, public=run / "public", digests=json.loads(path.read_text()))


def forged(made, what, path):
  if not FORGE.is_file():
    pytest.skip("build/tests/run/forge_certificate is needed")
  result = subprocess.run([FORGE, made.run, what, path], capture_output=True, text=True)
  assert result.returncode == 0, result.stderr
  return result.stdout.strip()


@pytest.mark.parametrize("what, field", [("fewer", "end"), ("lax", "keys"), ("below", "keys")])
def test_forged(alone, tmp_path, library, what, field):
  """A good proof of what is not the run: accepted by who believes the digest in question, and by no one else."""
  shutil.copytree(alone.public, tmp_path / "public", ignore=shutil.ignore_patterns("proofs"))
  path, digests = tmp_path / "public" / "certificate.vft", alone.digests
  honest = path.read_bytes()
  told = forged(alone, what, path)
  result = verify(path.parent)
  rejected(result, *PROOF_CHECKS)
  assert "the proof does not show what header and manifest say" in result.stderr
  believed = {**digests, field: int(told) if field == "end" else told}
  assert believed[field] != digests[field]
  data = path.read_bytes()
  assert data[:RELEASED + 32] == honest[:RELEASED + 32]
  assert library([data], believed) == [""] and second_check(data, believed) == ""
  assert library([data], digests) == [second_check(data, digests)] != [""]
