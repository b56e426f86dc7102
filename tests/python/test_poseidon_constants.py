"""The committed Poseidon constants are what the generator draws."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("args, name", [([], "constants"), (["after_sbox"], "after_sbox")])
def test_headers_are_regenerated_exactly(args, name):
    made = subprocess.run([sys.executable, ROOT / "tools" / "gen_poseidon_constants.py", *args],
                          capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "src" / "hash" / f"poseidon_{name}.h").read_text()
