"""The second verifier, written from docs/SPEC.md, accepts what the C prover makes and rejects
altered ones."""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE / "second_verifier"))
import primitives  # noqa: E402
import verifier as second  # noqa: E402


def test_blake3_known_answers():
    for line in (ROOT / "vectors" / "blake3.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        length, digest = line.split()[:2]
        data = bytes(i % 251 for i in range(int(length)))
        if len(data) <= 8192:
            assert primitives.blake3(data, len(digest) // 2).hex() == digest


@pytest.fixture(scope="module")
def proofs(tmp_path_factory):
    library = ROOT / "build" / "libvft.a"
    if not library.is_file() or not shutil.which("cc"):
        pytest.skip("build/libvft.a and a compiler are needed")
    emit = tmp_path_factory.mktemp("emit") / "emit"
    libraries = subprocess.run(["pkg-config", "--libs", "jansson", "yaml-0.1", "libcrypto",
                                "libpcre2-8"], capture_output=True, text=True,
                               check=True).stdout.split()
    subprocess.run(["cc", "-std=gnu11", "-O1", f"-I{ROOT}/src", f"-I{ROOT}/tests", "-o", emit,
                    HERE / "second_verifier" / "emit.c", library, "-pthread", *libraries, "-lm"],
                   check=True)
    lines = subprocess.run([emit], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def digests(text):
    return [bytes.fromhex(text[i:i + 64]) for i in range(0, len(text), 64)]


def verify(case, proof=None, opening=None, **changes):
    case = {**case, **changes}
    program = second.Program(bytes.fromhex(case["program"]))
    options = {"bits": 130, "grind": 16 if case["hash"] else 20,
               "test_queries": case["queries"], "hash": case["hash"],
               "context": case["context"]}
    inputs = {int(t): v for t, v in case["inputs"].items()}
    oracles = digests(case["oracles"])
    claims = second.Verifier(program, inputs, digests(case["links"]), oracles, options,
                             proof or bytes.fromhex(case["proof"])).run()
    assert len(claims) == case["claims"]
    if claims:
        second.verify_oracles(program, oracles, claims, options,
                              opening or bytes.fromhex(case["opening"]))


def test_it_accepts(proofs):
    assert [case["hash"] for case in proofs] == [0, 0, 0, 0, 0, 1, 1, 1]
    assert proofs[4]["queries"] == 0
    for case in proofs:
        verify(case)


@pytest.mark.parametrize("number", [1, 6])
def test_it_rejects(proofs, number):
    """A flipped bit anywhere, truncation, a trailing byte, another statement, the other hash."""
    case = proofs[number]
    proof, opening = bytes.fromhex(case["proof"]), bytes.fromhex(case["opening"])
    seed = int.from_bytes(hashlib.sha256(proof).digest()[:4], "little")
    print("seed", seed)
    draw = random.Random(seed)
    for at in draw.sample(range(len(proof)), 24):
        bad = bytearray(proof)
        bad[at] ^= 1 << draw.randrange(8)
        with pytest.raises(primitives.Rejected):
            verify(case, proof=bytes(bad))
    for at in draw.sample(range(len(opening)), 6):
        bad = bytearray(opening)
        bad[at] ^= 1 << draw.randrange(8)
        with pytest.raises(primitives.Rejected):
            verify(case, opening=bytes(bad))
    with pytest.raises(primitives.Rejected, match="transcript/truncated"):
        verify(case, proof=proof[:-1])
    with pytest.raises(primitives.Rejected, match="transcript/trailing"):
        verify(case, proof=proof + b"\0")
    with pytest.raises(primitives.Rejected):
        verify(case, context=case["context"] + [0])
    tensor, values = next(iter(case["inputs"].items()))
    with pytest.raises(primitives.Rejected):
        verify(case, inputs={**case["inputs"], tensor: [values[0] - 1, *values[1:]]})
    with pytest.raises(primitives.Rejected):
        verify(case, links=proofs[0]["links"][:64])
    with pytest.raises(primitives.Rejected):
        verify(case, hash=1 - case["hash"])


def test_channel_vectors_are_the_model_s():
    made = subprocess.run([sys.executable, HERE / "channel_model.py"], capture_output=True,
                          text=True, check=True).stdout
    assert made == (ROOT / "vectors" / "channel_poseidon.txt").read_text()
