"""The committed Poseidon constants are what the generator draws."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_header_is_regenerated_exactly():
    made = subprocess.run([sys.executable, ROOT / "tools" / "gen_poseidon_constants.py"],
                          capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "src" / "hash" / "poseidon_constants.h").read_text()
