"""Certificates of epochs; and the proofs that they are made of: made one by one, joined, and taken for the
run's own; and files that are none."""
import json
import os
import shutil
import subprocess

import pytest

from test_certificate import BEACON, PROOF_CHECKS, flipped, second, second_check, small_model
from test_certificate import verify, write_config
from test_certificate import cache, library, wasm  # noqa: F401
from test_cli import ROOT, expect, rejected, vft

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
    expect(vft("aggregate", run, "--epoch", epoch, "--resume"), 0, f"public/{name(epoch)}")
  return run


def place(certificate, field):
  """Where a field of a certificate begins (run/certificate.h)."""
  end = len(second.parse(certificate)["header"])
  return {"counters": 76, "epoch": end - 48, "span": end - 40, "start": end - 32, "released": end}[field]


def digest_at(certificate, field):
  return certificate[place(certificate, field):][:32]


def name(epoch):
  return f"epochs_{epoch:06}_{epoch:06}.vft"


@pytest.fixture
def part(run, tmp_path):
  """Copies of them, and the manifest."""
  for epoch in range(EPOCHS):
    shutil.copy(run / "private" / "aggregate" / f"epoch_{epoch:06}.cert", tmp_path / f"{epoch}.cert")
    shutil.copy(run / "public" / name(epoch), tmp_path / f"{epoch}.vft")
  shutil.copy(run / "public" / "manifest.json", tmp_path)
  return tmp_path


def fold(folder, a, b, out="out.cert"):
  return vft("fold", folder / f"{a}.cert", folder / f"{b}.cert", "--out", folder / out)


# ---- certificates of epochs ------------------------------------------------------------------

def test_certificates(run, part):
  """They meet in one commitment, and the last one releases the adapter."""
  adapter = run / "public" / "adapter"
  for epoch in range(EPOCHS):
    args = ["--adapter", adapter] if epoch else []
    out = expect(verify(part, *args, certificate=f"{epoch}.vft"), 0,
                 f"steps {epoch} to {epoch} of {EPOCHS}, epochs {epoch} to {epoch}",
                 f"accepted, of epochs {epoch} to {epoch} alone: 1 steps").stdout
    assert "zero-knowledge" not in out and BEACON in out  # which is to be compared
    assert ("NOT CHECKED  training starts" in out) == (epoch > 0)
    assert ("NOT CHECKED  the adapter" in out) == (epoch == 0)
    for claim in "every training step", "every step used", "every example is one", "examples were", "every example is allowed":
      assert f"PART         {claim}" in out, claim
    assert ("PART         the adapter" in out) == (epoch > 0)
    for claim in "all", "steps", "oracles", "dataset", "sampler", "policy", ("start", "adapter")[epoch > 0]:
      required = verify(part, *args, "--require", claim, certificate=f"{epoch}.vft")
      assert required.returncode == int(claim != "start"), claim
    expect(vft("inspect", part / f"{epoch}.vft"), 0, f"epochs {epoch} to {epoch}", "not verified")
  first, later = ((part / f"{e}.vft").read_bytes() for e in range(EPOCHS))
  assert digest_at(first, "start") == bytes(32)
  meets = digest_at(later, "start")
  assert meets == digest_at(first, "released") != bytes(32)
  for epoch, side in enumerate(("after", "before")):
    report = json.loads(expect(verify(part, "--json", certificate=f"{epoch}.vft"), 0).stdout)
    assert report["epochs"] == [epoch, epoch] and report["claims"]["steps"]["state"] == "part"
    assert report[f"state_{side}"] == meets.hex() and len(report.keys() & {"state_before", "state_after"}) == 1
  # the state itself, a digest of what stays with the trainer, is in neither
  proof = (part / "0.cert").read_bytes()
  at = FIELDS["key"] + 32 * int.from_bytes(proof[FIELDS["keys"]:][:4], "little") + 160 + 25 * 32
  assert proof[at:at + 32] not in first + later
  assert (run / "private" / "salts.secret").stat().st_mode & 0o77 == 0


def test_all_epochs_are_the_run(run, part, tmp_path):
  whole = tmp_path / "whole"
  shutil.copytree(run, whole)
  expect(vft("aggregate", whole, "--epoch", f"0-{EPOCHS - 1}", "--resume"), 0, "public/certificate.vft")
  expect(verify(whole / "public", "--adapter", whole / "public" / "adapter"), 0, f"{EPOCHS} steps")
  expect(vft("publish", whole, "--out", tmp_path / "out", "--without-proofs"), 0)
  assert {name(0), name(1), "certificate.vft"} <= {p.name for p in (tmp_path / "out").iterdir()}
  # without its secret the commitments are others, and do not meet those that are given away
  (whole / "private" / "salts.secret").unlink()
  expect(vft("aggregate", whole, "--epoch", 1, "--resume"), 0)
  shutil.copy(whole / "public" / name(1), part / "again.vft")
  expect(verify(part, certificate="again.vft"), 0, "accepted")
  rejected(vft("verify", part / "0.vft", part / "again.vft", "--manifest", part / "manifest.json"), "chain/state")
  assert len({digest_at((part / f).read_bytes(), "start") for f in ("again.vft", "1.vft")}) == 2
  (whole / "private" / "salts.secret").write_bytes(bytes(31))
  expect(vft("aggregate", whole, "--epoch", 1, "--resume"), 2, "salts.secret")
  # one of some epochs is not taken for that of the run
  shutil.copy(whole / "public" / name(1), whole / "public" / "certificate.vft")
  expect(vft("aggregate", whole, "--resume"), 0, "next: vft verify")
  expect(verify(whole / "public", "--require", "steps,dataset"), 0, f"accepted: {EPOCHS} steps")


def test_one_after_the_other(run, part):
  """Together they are the run's; in another order, or of another run or secret, nothing."""
  names, adapter = [part / f"{epoch}.vft" for epoch in range(EPOCHS)], run / "public" / "adapter"
  manifest = ("--manifest", part / "manifest.json")
  report = json.loads(expect(vft("verify", *names, *manifest, "--adapter", adapter, "--json", "--require",
                                 "start,steps,oracles,adapter,dataset,sampler,policy"), 0).stdout)
  assert report["steps"] == EPOCHS and "epochs" not in report and report["bits_total"] >= 128
  assert f"{EPOCHS} steps in {EPOCHS} certificates" in report["claims"]["steps"]["detail"]
  rejected(vft("verify", names[1], names[0], *manifest), "chain/gap")
  rejected(vft("verify", names[0], names[0], *manifest), "chain/gap")
  rejected(vft("verify", part / "0.cert", names[1], *manifest), "chain/certificate")
  rejected(vft("verify", names[0], part / "1.cert", *manifest), "chain/certificate")
  data = names[1].read_bytes()
  names[1].write_bytes(flipped(data, place(data, "start"), 1))
  rejected(vft("verify", *names, *manifest), *PROOF_CHECKS)
  expect(vft("verify", names[0], *manifest, "--digests", part / "d.json"), 0)
  expect(vft("verify", *names, *manifest, "--digests", part / "d.json"), 2, "of one certificate")
  expect(vft("verify", names[0], part / "none.vft", *manifest), 2, "no such file")
  expect(vft("verify", run / "public", names[0]), 2, "unexpected argument")


def test_no_adapter_to_compare(run, part):
  expect(verify(part, "--adapter", run / "public" / "adapter", certificate="0.vft"), 2, "release none")


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_fields_of_certificates(part, epoch):
  data = (part / f"{epoch}.vft").read_bytes()

  def changed(field, byte, bit, *checks):
    (part / "other.vft").write_bytes(flipped(data, place(data, field) + byte, bit))
    rejected(verify(part, certificate="other.vft"), *checks)

  changed("epoch", 0, 0, *PROOF_CHECKS, "certificate/start")
  changed("epoch", 0, 1, "certificate/epochs")
  changed("span", 0, 0, "certificate/epochs")
  changed("span", 0, 1, "certificate/epochs")
  changed("start", 5, 2, *(PROOF_CHECKS if epoch else ("certificate/start",)))
  changed("released", 5, 2, *PROOF_CHECKS)
  changed("counters", 5, 2, *PROOF_CHECKS)
  if epoch == 0:  # both epochs, with the proof of one
    longer = bytearray(data)
    longer[place(data, "span")] = EPOCHS
    (part / "other.vft").write_bytes(longer)
    rejected(verify(part, certificate="other.vft"), *PROOF_CHECKS)


def test_other_verifiers(part, library, wasm):  # noqa: F811
  """The C library, its WebAssembly build and the second verifier, given digests."""
  for epoch in range(EPOCHS):
    data, path = (part / f"{epoch}.vft").read_bytes(), part / f"{epoch}.json"
    expect(verify(part, "--digests", path, certificate=f"{epoch}.vft"), 0)
    known = json.loads(path.read_text())
    assert known["releases"] == epoch and known["start_entry"] == epoch
    for digests in known, {**known, "releases": 1 - epoch}, {**known, "start_entry": 1 - epoch}, {
        **known, "end_entry": 3}, {**known, "first": known["first"] + 1}, {**known, "end": known["end"] - 1}:
      found = library([data], digests, "epochs")
      assert found == [second_check(data, digests, "epochs")] == wasm([data], digests, "epochs"), digests
      assert (found == [""]) == (digests is known)
    found = library([data], known)  # who asks for a run's certificate gets none
    assert found == [second_check(data, known)] == wasm([data], known) == ["certificate/epochs"]


def test_from_files(part):
  """libvft_bind, and libvft_verify with what it gives."""
  program = ROOT / "build" / "tests" / "lib" / "test_bind"
  if not program.is_file():
    pytest.skip("build/tests/lib/test_bind is not there")
  done = subprocess.run([program], env={**os.environ, "VFT_EPOCHS_MANIFEST": str(part / "manifest.json"),
                                        "VFT_EPOCHS": str(part / "1.vft")},
                        capture_output=True, text=True)
  assert done.returncode == 0, done.stdout + done.stderr


# ---- proofs that can be joined ---------------------------------------------------------------

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
  expect(verify(part, certificate="out.cert"), 0, "accepted", "2 steps in one proof", "not zero-knowledge")
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
  expect(verify(part, certificate="0.cert"), 2, "version 1, this program reads 3")


def test_bad_use(run, part):
  expect(vft("aggregate", run, "--epoch", EPOCHS), 2, "epochs 0 to 1")
  expect(vft("aggregate", run, "--epoch", f"0-{EPOCHS}"), 2, "epochs 0 to 1")
  for bad in ("1-0", "x", "0-", "-1", "1-x"):
    expect(vft("aggregate", run, f"--epoch={bad}"), 2, "epoch")
  expect(vft("fold", part / "0.cert", part / "1.cert"), 2, "--out")
  expect(fold(part, 0, "none"), 2, "no such file")
