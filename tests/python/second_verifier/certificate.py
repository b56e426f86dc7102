"""Certificates (SPEC.md, 18.5; FORMATS.md), given digests as `vft verify --digests` writes them:

  python3 certificate.py CERTIFICATE DIGESTS.json    exit code 0: accepted, 1: the failed check is named

What
is accepted: there was a run, or these epochs of one, of which these are the digests, and the released
adapter has the certificate's root (or it is a commitment to the state after them). That the digests are those of a manifest is for others to say; `header` that they
were computed from the counters, windows and beacon of this certificate."""
import functools
import json
import pathlib
import re
import sys

from circuit import Machine, elements, options, verify_circuit
from primitives import P, Rejected, blake3, permutation, require

OUTER_SHAPE = {"log_columns": 16, "constants": 1024, "inputs": 4, "bases": 20092, "frees": 29056,
               "splits": 768, "parts": 1408, "fetches": 2176, "permutations": 16896,
               "narrow_sums": 36864, "sums": 67584, "zeros": 2432}


def built_in_key(name):
    source = pathlib.Path(__file__).resolve().parents[3] / "src" / "recurse" / "keys.c"
    words = re.search(name + r"\[32\] = {([^}]*)}", source.read_text())[1]
    return bytes(int(x, 16) for x in words.split(","))


def parse(data):
    at = 0

    def take(n):
        nonlocal at
        require(n <= len(data) - at, "certificate/header")
        at += n
        return data[at - n:at]

    def number(n):
        return int.from_bytes(take(n), "little")

    require(take(8) == b"VFTCERT1", "certificate/header")
    require(number(4) == 4, "certificate/header")
    out = {"manifest": take(32), "group": number(4)}
    out["ranges"] = [number(4) for _ in range(min(number(4), len(data)))]
    out["window"], out["piece"], out["leaf"] = number(4), number(4), number(4)
    blocks, epochs = number(4), number(8)
    require(max(blocks, epochs) <= 2**24, "certificate/header")
    out["counters"] = take(32 * blocks * epochs)
    out["windows"] = take(32 * number(8))
    beacon, value = number(1), take(32)
    require(beacon == 1 or beacon == 0 and not any(value), "certificate/header")
    out["beacon"] = value if beacon else None
    out["epoch"], out["span"], out["start"] = number(8), number(8), take(32)
    out["header"] = data[:at]
    out["released"] = take(32)
    require(number(8) == len(data) - at, "certificate/header")
    out["proof"] = data[at:]
    return out


def pack(data):
    return [int.from_bytes(data[i:i + 7], "little") for i in range(0, len(data), 7)]


def sponge(domain, values):
    lanes = [0] * 8 + [len(values), 0, domain, 0]
    for i in range(0, max(1, len(values)), 8):
        for k, x in enumerate(values[i:i + 8]):
            lanes[k] = (lanes[k] + x) % P
        lanes = permutation(lanes)
    return lanes[:4]


@functools.cache
def outer_machine():
    return Machine(OUTER_SHAPE)


def verify_certificate(data, known, epochs=False):
    """known: the parsed JSON. epochs: it may be of some only. Returns the certificate's parts."""
    parts = parse(data)
    digest = {name: bytes.fromhex(x) for name, x in known.items() if isinstance(x, str)}
    require(digest["manifest"] == parts["manifest"], "certificate/manifest")
    require(epochs or (known["first"], known["releases"]) == (0, 1), "certificate/epochs")

    def root(data):
        return elements(data, "transcript/canonical")

    statement = [*root(digest["keys"]), *pack(digest["manifest"]), known["steps"]]
    for name in ("base", "functions", "inputs", "blocks"):
        statement += root(digest[name])
    statement += [known[name] for name in ("first", "end", "start_entry", "end_entry", "releases")]
    statement += [*root(digest["start"]), *root(parts["released"]), *pack(digest["context"])]
    require(digest["header"] == blake3(parts["header"]), "certificate/header")
    verify_circuit(outer_machine(), built_in_key("vft_outer_key"), sponge(23, statement),
                   options(4, 26, 134), parts["proof"])
    return parts


def main():
    certificate, digests = map(pathlib.Path, sys.argv[1:])
    try:
        verify_certificate(certificate.read_bytes(), json.loads(digests.read_text()))
    except Rejected as check:
        sys.exit(f"not accepted: {check}")
    print("accepted")


if __name__ == "__main__":
    main()
