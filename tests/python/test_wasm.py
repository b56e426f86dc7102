"""The WebAssembly build of the verifier gives the verdicts of the native one."""
import json
import pathlib
import random
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WASM = ROOT / "build" / "vft_verify.wasm"

# Reads statements, one a line, and answers each with a line.
DRIVER = """
import { verify } from "%s";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const result = await verify(JSON.parse(line));
  console.log(JSON.stringify({ ...result, ms: performance.now() - start }));
}
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    if not shutil.which("node"):
        pytest.skip("nodejs is not installed")
    made = subprocess.run(["make", "-s", "wasm"], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    if not WASM.is_file() or "left out" in made.stdout:
        pytest.skip(made.stdout.strip() or "there is no WebAssembly build")
    if not shutil.which("cc"):
        pytest.skip("a C compiler is needed")
    emit = tmp_path_factory.mktemp("emit") / "emit"
    libraries = subprocess.run(["pkg-config", "--libs", "jansson", "yaml-0.1", "libcrypto",
                                "libpcre2-8", "sqlite3"], capture_output=True, text=True,
                               check=True).stdout.split()
    subprocess.run(["cc", "-std=gnu11", "-O1", f"-I{ROOT}/src", f"-I{ROOT}/include",
                    f"-I{ROOT}/tests", "-o", emit, ROOT / "tests" / "lib" / "emit.c",
                    ROOT / "build" / "libvft_verify.a", ROOT / "build" / "libvft.a", "-pthread",
                    *libraries, "-lcmocka", "-lm"], check=True)
    out = subprocess.run([emit, "5"], capture_output=True, text=True, check=True).stdout
    statement = json.loads(out)
    assert statement.pop("verdict") == 0
    print("native", statement.pop("ms"), "ms,", len(statement["proof"]) // 2, "bytes")
    return statement


def verdicts(statements, folder):
    script = folder / "driver.mjs"
    script.write_text(DRIVER % (ROOT / "bindings" / "wasm" / "verify.mjs").as_uri())
    done = subprocess.run(["node", script], input="\n".join(map(json.dumps, statements)),
                          capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def flipped(text, at, bit):
    return text[:2 * at] + f"{int(text[2 * at:2 * at + 2], 16) ^ 1 << bit:02x}" + text[2 * at + 2:]


def test_verdicts(good, tmp_path):
    rng = random.Random(5)
    proof, size = good["proof"], len(good["proof"]) // 2
    bad = [{**good, "proof": flipped(proof, rng.randrange(size), rng.randrange(8))}
           for _ in range(16)]
    bad += [{**good, "proof": flipped(proof, at, 0)} for at in (0, size - 1)]
    bad += [{**good, "proof": proof[:2 * (size * k // 8)]} for k in range(8)]
    bad += [{**good, "proof": proof + "00"}, {**good, "proof": proof[:-2]},
            {**good, "proof": "xy"}, {**good, "proof": None}, {**good, "key": "ff" * 32},
            {**good, "key": flipped(good["key"], 3, 1)}, {**good, "key": ""},
            {**good, "inputs": good["inputs"][3:]}, {**good, "inputs": ["-1"] * 9},
            {**good, "inputs": [str(2**64 - 1)] * 9}, {**good, "shape": []},
            {**good, "inputs": [str(int(good["inputs"][0]) + 1)] + good["inputs"][1:]}]
    for i in range(len(good["shape"])):
        for value in (0, good["shape"][i] + 1, 2**32 - 1):
            bad.append({**good, "shape": good["shape"][:i] + [value] + good["shape"][i + 1:]})
    for value in ([26, 1, 1, 3, 1, 1, 1 << 18, 1, 1 << 20, 1 << 24, 1],
                  [26, 4, 1, 3, 1 << 25, 1, 1, 1, 2, 1 << 20, 1]):
        bad.append({**good, "shape": value})
    answers = verdicts([good, good, *bad], tmp_path)
    print("wasm", answers[1]["ms"], "ms")
    assert all(a["accepted"] and a["bits"] >= 128 and not a["check"] for a in answers[:2])
    assert len(answers) == len(bad) + 2
    for statement, answer in zip(bad, answers[2:]):
        assert answer["verdict"] == 1 and answer["check"] and answer["error"], statement["shape"]


def test_command(good, tmp_path):
    def run(statement):
        file = tmp_path / "proof.json"
        file.write_text(json.dumps(statement))
        return subprocess.run(["node", ROOT / "bindings" / "wasm" / "verify.mjs", file],
                              capture_output=True, text=True)
    done = run(good)
    assert done.returncode == 0 and done.stdout.startswith("accepted")
    done = run({**good, "proof": good["proof"][:-2]})
    assert done.returncode == 1 and "transcript/truncated" in done.stdout
    assert run([]).returncode == 1
    missing = subprocess.run(["node", ROOT / "bindings" / "wasm" / "verify.mjs", tmp_path / "none"],
                             capture_output=True, text=True)
    assert missing.returncode == 2 and "usage" in missing.stderr
