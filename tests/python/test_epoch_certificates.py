"""Certificates of epochs: made one by one, joined, and taken for the run's own; and files that are none."""
import shutil

import pytest

from test_certificate import BEACON, flipped, small_model, verify, write_config
from test_certificate import cache  # noqa: F401
from test_cli import expect, rejected, vft

EPOCHS = 2
BEACON_BYTES = bytes.fromhex(BEACON)
# Offsets of fields (run/range.h); the keys, then roots, states and a certificate follow.
FIELDS = {"magic": 0, "version": 8, "epoch": 12, "epochs": 20, "first": 28, "end": 36, "common": 44,
          "kind": 76, "keys": 80, "key": 84}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """A proved run of two epochs of a step, with certificates of both."""
  folder = tmp_path_factory.mktemp("epochs")
  model = small_model(folder / "small")
  config = write_config(folder, model, steps=EPOCHS)
  config.write_text(config.read_text().replace("  window: 1\n", "  window: 1\n  steps_per_epoch: 1\n"))
  run = folder / "run"
  expect(vft("run", config, "--out", run, "--beacon", BEACON, "--no-aggregate"), 0)
  for epoch in (1, 0):
    expect(vft("aggregate", run, "--epoch", epoch, "--resume"), 0, f"epoch_{epoch:06}.cert",
           "not zero-knowledge")
  return run


@pytest.fixture
def part(run, tmp_path):
  """Copies of them, and the manifest."""
  for epoch in range(EPOCHS):
    shutil.copy(run / "private" / "aggregate" / f"epoch_{epoch:06}.cert", tmp_path / f"{epoch}.cert")
  shutil.copy(run / "public" / "manifest.json", tmp_path)
  return tmp_path


def fold(folder, a, b, out="out.cert"):
  return vft("fold", folder / f"{a}.cert", folder / f"{b}.cert", "--out", folder / out)


def test_one_epoch(part):
  for epoch in range(EPOCHS):
    out = expect(verify(part, certificate=f"{epoch}.cert"), 0, "accepted",
                 f"steps {epoch} to {epoch} of {EPOCHS}, epochs {epoch} to {epoch}",
                 "not zero-knowledge", f"of epochs {epoch} to {epoch} alone").stdout
    assert ("NOT CHECKED  training starts" in out) == (epoch > 0)
  expect(verify(part, "--require", "all", certificate="0.cert"), 1, "require/")
  expect(vft("inspect", part / "0.cert"), 0, "epochs 0 to 0", "not verified")
  expect(verify(part, "--digests", part / "d.json", certificate="0.cert"), 2, "no certificate")


def test_folded_and_finished(run, part, tmp_path):
  expect(fold(part, 0, 1), 0, "folded")
  expect(verify(part, certificate="out.cert"), 0, "accepted", "steps 0 to 1 of 2, epochs 0 to 1")
  expect(fold(part, 1, 0), 1, "range/gap")
  expect(fold(part, 0, 0), 1, "range/gap")
  shutil.copy(part / "out.cert", part / "both.cert")
  expect(fold(part, "both", 1), 1, "range/gap")
  whole = tmp_path / "whole"
  shutil.copytree(run, whole)
  before = {p.name: p.stat().st_mtime_ns for p in (whole / "private" / "aggregate").iterdir()
            if p.name.endswith(".proof")}
  expect(vft("aggregate", whole, "--resume"), 0, "next: vft verify")
  after = {p.name: p.stat().st_mtime_ns for p in (whole / "private" / "aggregate").iterdir()}
  assert all(after[name] == time for name, time in before.items())  # the epochs' proofs are kept
  expect(verify(whole / "public", "--adapter", whole / "public" / "adapter"), 0, "accepted",
         f"{EPOCHS} steps")


def test_other_runs(part, tmp_path):
  """A manifest with another learning rate; parts of two runs."""
  text = (part / "manifest.json").read_text()
  (part / "manifest.json").write_text(text.replace("0.005", "0.006"))
  assert text.count("0.005") == 1
  rejected(verify(part, certificate="0.cert"), "certificate/manifest")
  data = (part / "1.cert").read_bytes()
  (part / "1.cert").write_bytes(data.replace(BEACON_BYTES, bytes(32)))
  rejected(fold(part, 0, 1), "range/other")


@pytest.mark.parametrize("field, byte, checks", [
    ("magic", 3, "certificate/header"), ("epoch", 0, "range/"), ("epochs", 0, "range/"),
    ("epochs", 7, "range/epochs"), ("first", 0, "range/items"), ("end", 5, "range/items"),
    ("common", 0, "range/common"), ("kind", 0, ""), ("kind", 3, "certificate/header"), ("keys", 0, ""), ("keys", 3, "certificate/header"),
    ("key", 9, "range/keys")])
def test_fields(part, field, byte, checks):
  data = (part / "0.cert").read_bytes()
  (part / "0.cert").write_bytes(flipped(data, FIELDS[field] + byte, 0))
  result = verify(part, certificate="0.cert")
  assert result.returncode == 1 and checks in result.stderr, result.stderr
  assert fold(part, 0, 1).returncode == 1
  assert not (part / "out.cert").exists()


def test_roots_states_and_proof(part):
  """Every kind of what follows the keys."""
  data = (part / "0.cert").read_bytes()
  at = FIELDS["key"] + 32 * int.from_bytes(data[FIELDS["keys"]:][:4], "little")
  places = {at: "range/state", at + 32: "range/common", at + 128: "range/common",
            at + 160: "range/state", at + 192: "range/state",
            at + 160 + 25 * 32: "range/state", at + 160 + 50 * 32 - 32: "range/state",
            at + 160 + 50 * 32: "certificate/header", len(data) - 1: "", len(data) - 300000: ""}
  for place, check in places.items():
    (part / "0.cert").write_bytes(flipped(data, place, 1))
    result = verify(part, certificate="0.cert")
    assert result.returncode == 1 and check in result.stderr, (place - at, result.stderr)
    if check != "range/state":  # whose place only the manifest knows
      assert fold(part, 0, 1).returncode == 1, place - at
  for bad in (data[:-1], data + b"\0", data[:at + 100], data[:12], data[:5]):
    (part / "0.cert").write_bytes(bad)
    rejected(verify(part, certificate="0.cert"), "certificate/header")
    assert fold(part, 0, 1).returncode == 1
  (part / "0.cert").write_bytes(data[:8] + b"\x01" + data[9:])
  expect(verify(part, certificate="0.cert"), 2, "version 1, this program reads 2")


def test_bad_use(run, part):
  expect(vft("aggregate", run, "--epoch", EPOCHS), 2, "epochs 0 to 1")
  expect(vft("fold", part / "0.cert", part / "1.cert"), 2, "--out")
  expect(fold(part, 0, "none"), 2, "no such file")
