"""The WebAssembly build of the verifier. That its verdicts are those of the native one, test_certificate.py
shows."""
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import time

import pytest

from second_verifier.primitives import blake3

ROOT = pathlib.Path(__file__).resolve().parents[2]
WASM = ROOT / "build" / "vft_verify.wasm"


@pytest.fixture(scope="module", autouse=True)
def build():
    if not shutil.which("node"):
        pytest.skip("nodejs is not installed")
    made = subprocess.run(["make", "-s", "wasm"], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    if not WASM.is_file() or "left out" in made.stdout:
        pytest.skip(made.stdout.strip() or "there is no WebAssembly build")


def flipped(text, at, bit):
    return text[:2 * at] + f"{int(text[2 * at:2 * at + 2], 16) ^ 1 << bit:02x}" + text[2 * at + 2:]


def digests(**other):
    zero = "00" * 32
    known = {name: zero for name in ("keys", "manifest", "base", "functions", "inputs", "blocks",
                                     "start", "context", "header")}
    return {**known, "steps": 2, "first": 0, "end": 3, "start_entry": 0, "end_entry": 2, "releases": 1,
            **other}


def command(folder, certificate, known):
    (folder / "certificate.vft").write_bytes(certificate)
    (folder / "digests.json").write_text(json.dumps(known))
    return subprocess.run(["node", ROOT / "bindings" / "wasm" / "verify.mjs",
                           folder / "certificate.vft", folder / "digests.json"],
                          capture_output=True, text=True)


def test_certificates_refused(tmp_path):
    body = (b"VFTCERT1" + struct.pack("<I", 4) + bytes(32) + struct.pack("<IIIIIIQ", 1, 0, 1, 1, 0, 0, 0)
            + struct.pack("<Q", 0) + bytes(1 + 32) + struct.pack("<QQ", 0, 1) + bytes(32 + 32))
    certificate = body + struct.pack("<Q", 1000) + bytes(1000)
    header = blake3(body[:-32]).hex()
    for bad, known, check in [(certificate, digests(header=header), "whir/|transcript/"),
                              (certificate, digests(), "certificate/header"),
                              (certificate[:-1], digests(), "certificate/header"),
                              (certificate, digests(manifest="01" * 32), "certificate/manifest"),
                              (certificate, digests(base="ff" * 32), "transcript/canonical"),
                              (certificate, digests(steps=-1), "certificate/digests"),
                              (certificate, digests(keys=[]), "certificate/digests"),
                              (certificate, [], "certificate/digests")]:
        done = command(tmp_path, bad, known)
        assert done.returncode == 1 and re.search("not accepted: (%s)" % check, done.stdout), check
    missing = subprocess.run(["node", ROOT / "bindings" / "wasm" / "verify.mjs", tmp_path / "none"],
                             capture_output=True, text=True)
    assert missing.returncode == 2 and "usage" in missing.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a certificate: VFT_RUN, or made here, which takes minutes."""
    if os.environ.get("VFT_RUN"):
        return pathlib.Path(os.environ["VFT_RUN"])
    if not os.environ.get("VFT_LONG"):
        pytest.skip("making a certificate takes long: VFT_LONG=1, or VFT_RUN=FOLDER with one")
    folder = tmp_path_factory.mktemp("certificate")
    demo = ROOT / "examples" / "demo"
    text = (demo / "demo.yaml").read_text().replace("base_model: ", f"base_model: {demo}/")
    text = text.replace("path: data/", f"path: {demo}/data/")
    text = text.replace("calibration_text: ", f"calibration_text: {demo}/")
    text = text.replace("num_epochs: 2", "max_steps: 2").replace("steps_per_epoch: 12",
                                                                 "steps_per_epoch: 2")
    text += "\nproof_hash: poseidon\n"
    (folder / "config.yaml").write_text(text)
    for arguments in (["train", folder / "config.yaml", "--out", folder / "run"],
                      ["prove", folder / "run"], ["aggregate", folder / "run"]):
        subprocess.run([ROOT / "vft", *arguments], check=True, capture_output=True)
    return folder / "run"


def test_certificate(run, tmp_path):
    known = tmp_path / "digests.json"
    certificate = run / "public" / "certificate.vft"
    done = subprocess.run([ROOT / "vft", "verify", certificate, "--manifest",
                           run / "public" / "manifest.json", "--digests", known],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    native = subprocess.run([ROOT / "build" / "tests" / "lib" / "test_library"], text=True,
                            capture_output=True, env={**os.environ, "VFT_DIGESTS": str(known),
                                                      "VFT_CERTIFICATE": str(certificate)})
    print(native.stdout, native.stderr)
    assert native.returncode == 0
    statement = json.loads(known.read_text())
    body = certificate.read_bytes()
    start = time.time()
    done = command(tmp_path, body, statement)
    print("wasm", time.time() - start, "s")
    assert done.returncode == 0 and done.stdout.startswith("accepted"), done.stdout
    rng = random.Random(7)
    for _ in range(8):
        at = rng.randrange(len(body) - 400000, len(body))
        bad = body[:at] + bytes([body[at] ^ 1 << rng.randrange(8)]) + body[at + 1:]
        assert command(tmp_path, bad, statement).returncode == 1, at
    for name in ("steps", "first", "end", "start_entry", "end_entry", "releases"):
        assert command(tmp_path, body, {**statement, name: statement[name] + 1}).returncode == 1
    for name in ("keys", "manifest", "base", "functions", "inputs", "blocks", "start", "context", "header"):
        bad = {**statement, name: flipped(statement[name], 5, 2)}
        assert command(tmp_path, body, bad).returncode == 1, name
