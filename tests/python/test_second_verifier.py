"""The second verifier, written from docs/SPEC.md, accepts what the C prover makes and rejects altered
ones: program proofs, hiding ones, and those of circuits. Certificates: test_certificate.py."""
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
import circuit  # noqa: E402
import hiding  # noqa: E402
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


def emitter(source, folder, *archives):
    """A C program, which prints proofs."""
    archives = [ROOT / "build" / name for name in (*archives, "libvft.a")]
    if not all(a.is_file() for a in archives) or not shutil.which("cc"):
        pytest.skip("the archives in build and a compiler are needed")
    libraries = subprocess.run(["pkg-config", "--libs", "jansson", "yaml-0.1", "libcrypto",
                                "libpcre2-8", "sqlite3"], capture_output=True, text=True,
                               check=True).stdout.split()
    subprocess.run(["cc", "-std=gnu11", "-O1", *(f"-I{ROOT}/{x}" for x in ("src", "include", "tests")),
                    "-o", folder / "emit", source, *archives, "-pthread", *libraries, "-lcmocka",
                    "-lm"], check=True)
    return folder / "emit"


@pytest.fixture(scope="module")
def proofs(tmp_path_factory):
    emit = emitter(HERE / "second_verifier" / "emit.c", tmp_path_factory.mktemp("emit"))
    lines = subprocess.run([emit], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


@pytest.fixture(scope="module")
def circuits(tmp_path_factory):
    """Hiding proofs of circuits of two sizes, of full strength."""
    emit = emitter(ROOT / "tests" / "lib" / "emit.c", tmp_path_factory.mktemp("circuits"),
                   "lib/libvft_circuits.a")
    return [json.loads(subprocess.run([emit, str(size)], capture_output=True, text=True,
                                      check=True).stdout) for size in (2, 40)]


def digests(text):
    return [bytes.fromhex(text[i:i + 64]) for i in range(0, len(text), 64)]


def verify(case, proof=None, opening=None, **changes):
    case = {**case, **changes}
    program = second.Program(bytes.fromhex(case["program"]))
    options = {"log_inv_rate": case["hiding"] or 1,
               "bits": 130, "grind": 16 if case["hash"] else 20,
               "test_queries": case["queries"], "hash": case["hash"],
               "context": case["context"]}
    inputs = {int(t): v for t, v in case["inputs"].items()}
    oracles = digests(case["oracles"])
    verifier = hiding.HidingVerifier if case["hiding"] else second.Verifier
    claims = verifier(program, inputs, digests(case["links"]), oracles, options,
                      proof or bytes.fromhex(case["proof"])).run()
    assert len(claims) == case["claims"]
    if claims:
        second.verify_oracles(program, oracles, claims, options,
                              opening or bytes.fromhex(case["opening"]))


def test_it_accepts(proofs):
    assert [case["hash"] for case in proofs] == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert [case["hiding"] for case in proofs] == [0] * 8 + [4, 2, 3]
    assert proofs[4]["queries"] == 0
    for case in proofs:
        verify(case)


@pytest.mark.parametrize("number", [1, 6, 8])
def test_it_rejects(proofs, number):
    """A flipped bit anywhere, truncation, a trailing byte, another statement, the other hash."""
    case = proofs[number]
    proof, opening = bytes.fromhex(case["proof"]), bytes.fromhex(case.get("opening", ""))
    seed = int.from_bytes(hashlib.sha256(proof).digest()[:4], "little")
    print("seed", seed)
    draw = random.Random(seed)
    for at in draw.sample(range(len(proof)), 24):
        bad = bytearray(proof)
        bad[at] ^= 1 << draw.randrange(8)
        with pytest.raises(primitives.Rejected):
            verify(case, proof=bytes(bad))
    for at in draw.sample(range(len(opening)), min(len(opening), 6)):
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
    with pytest.raises(primitives.Rejected):
        verify(case, hiding=0 if case["hiding"] else 4)
    if case["hiding"]:  # the last thing that is checked
        with pytest.raises(primitives.Rejected, match="whir/sum"):
            verify(case, proof=proof[:-8] + bytes([proof[-8] ^ 1]) + proof[-7:])


# ---- circuits -------------------------------------------------------------------------------

SHAPE = ("log_columns", "constants", "inputs", "bases", "frees", "splits", "parts", "fetches",
         "permutations", "narrow_sums", "sums", "zeros")


def circuit_check(case, proof=None, shape=None, key=None, inputs=None, options=None):
    """The check that failed, or ""."""
    given = [int(x) for x in case["inputs"]] if inputs is None else inputs
    try:
        machine = circuit.Machine({**dict(zip(SHAPE, case["shape"])), **(shape or {})})
        circuit.verify_circuit(machine, key or bytes.fromhex(case["key"]), given,
                               options or circuit.options(*case["shape"][12:]),
                               bytes.fromhex(case["proof"]) if proof is None else proof)
    except primitives.Rejected as e:
        return str(e)
    return ""


def test_circuits(circuits):
    assert [case["verdict"] for case in circuits] == [0, 0]
    for case in circuits:
        assert circuit_check(case) == ""


def test_bad_proofs_of_circuits(circuits):
    case = circuits[0]
    proof = bytes.fromhex(case["proof"])
    seed = int.from_bytes(hashlib.sha256(proof).digest()[:4], "little")
    print("seed", seed)
    draw, found = random.Random(seed), set()
    for at in (0, 31, 32, 5000, 30000, *draw.sample(range(len(proof)), 12)):
        bad = bytearray(proof)
        bad[at] ^= 1 << draw.randrange(8)
        found.add(circuit_check(case, bytes(bad)))
    assert "" not in found and {"transcript/grind", "whir/merkle"} <= found
    assert circuit_check(case, proof[:-8] + bytes([proof[-8] ^ 1]) + proof[-7:]) == "whir/sum"
    for n in (0, 100, len(proof) // 2, len(proof) - 1):
        assert circuit_check(case, proof[:n]) in ("transcript/truncated", "transcript/grind")
    assert circuit_check(case, proof + b"\0") == "transcript/trailing"


def test_circuits_of_other_statements(circuits):
    case, other = circuits
    inputs, (rate, grind) = [int(x) for x in case["inputs"]], case["shape"][12:]
    for i in range(len(inputs)):
        assert circuit_check(case, inputs=[x + (k == i) for k, x in enumerate(inputs)])
    assert circuit_check(case, inputs=inputs[:-1]) == "circuit/inputs"
    assert circuit_check(case, inputs=[inputs[0] + primitives.P, *inputs[1:]]) == "circuit/inputs"
    assert circuit_check(case, key=bytes.fromhex(other["key"]))
    assert circuit_check(case, key=b"\xff" * 32) == "circuit/key"
    assert circuit_check(case, options=circuit.options(rate + 1, grind))
    assert circuit_check(case, options=circuit.options(rate, grind - 1))
    for name, value in zip(SHAPE, case["shape"]):
        assert circuit_check(case, shape={name: value + 1})
        assert circuit_check(case, shape={name: 0}) == "circuit/shape"


def test_channel_vectors_are_the_model_s():
    made = subprocess.run([sys.executable, HERE / "channel_model.py"], capture_output=True,
                          text=True, check=True).stdout
    assert made == (ROOT / "vectors" / "channel_poseidon.txt").read_text()
