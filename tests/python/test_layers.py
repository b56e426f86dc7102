"""The layers of docs/ARCHITECTURE.md hold in the sources, and the check can fail."""
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK = ROOT / "tools" / "check_includes.py"


def run(root):
    return subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)


def test_sources_follow_the_layers():
    result = run(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def copy(tmp_path):
    for part in ("src", "cli", "include"):
        shutil.copytree(ROOT / part, tmp_path / part)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "ARCHITECTURE.md", tmp_path / "docs")
    assert run(tmp_path).returncode == 0
    return tmp_path


def append(path, text):
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("where, line, says", [
    ("src/field/goldilocks.c", '#include "poly/rs.h"', "field (level 1) may not include poly"),
    ("src/field/goldilocks.c", '  #  include "hash/blake3.h"', "may not include hash (level 1)"),
    ("src/verify/driver.c", '#include "program/step.h"', "verify (level 5) may not include program"),
    ("src/relation/check.c", '#include "verify/verify.h"', "may not include verify"),
    ("src/relation/check.c", '#include "relation/gone.h"', "is not a header under src/"),
    ("src/verify/driver.c", "#include <jansson.h>", "may not need <jansson.h>"),
    ("src/merkle/path.c", "#include <openssl/sha.h>", "may not need <openssl/sha.h>"),
])
def test_a_wrong_edge_is_found(copy, where, line, says):
    append(copy / where, f"\n{line}\n")
    result = run(copy)
    assert result.returncode == 1
    assert says in result.stdout


def test_an_unlisted_folder_is_found(copy):
    (copy / "src" / "new").mkdir()
    (copy / "src" / "new" / "x.c").write_text("int x;\n")
    result = run(copy)
    assert result.returncode == 1 and "do not say where `new` is" in result.stdout


def test_a_table_without_its_mark_is_refused(copy):
    page = copy / "docs" / "ARCHITECTURE.md"
    page.write_text(page.read_text().replace("<!-- layers:", "<!--"))
    assert run(copy).returncode != 0
