"""`vft data`: commitments on the command line, against the plain Python model of dataset_model.py,
and every refusal that the documentation promises."""

import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VFT = ROOT / "vft"
DEMO = ROOT / "examples" / "demo"
sys.path.insert(0, str(Path(__file__).resolve().parent))
import dataset_model as model  # noqa: E402


def vft(*args):
  return subprocess.run([VFT, "data", *map(str, args)], capture_output=True, text=True,
                        timeout=600, cwd="/")


def expect(result, code, *words):
  text = result.stdout + result.stderr
  assert result.returncode == code, text
  for word in words:
    assert word in text, text
  lines = [line for line in result.stderr.splitlines() if line.startswith("vft: ")]
  assert len(lines) == (1 if code else 0), result.stderr  # one clear line
  return result


def rejected(result, check):
  expect(result, 1, "rejected: ", f"[{check}]")


def alpaca(i, **fields):
  return {"instruction": f"Question {i}?", "output": f"Answer number {i}.", **fields}


def write_lines(path, records):
  path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
  return path


def write_config(folder, datasets, **keys):
  path = folder / "config.yaml"
  lines = [f"base_model: {DEMO / 'model'}", "sequence_len: 32", "num_epochs: 1", "datasets:"]
  for d in datasets:
    head, *rest = [f"{k}: {json.dumps(str(v) if isinstance(v, Path) else v)}" for k, v in d.items()]
    lines += [f"  - {head}"] + [f"    {line}" for line in rest]
  lines += [f"{k}: {json.dumps(v)}" for k, v in keys.items()]
  path.write_text("\n".join(lines) + "\n")
  return path


RECORDS = [
    alpaca(0, license="mit", lang="en", source="A", tags=["x", "medical"]),
    alpaca(1, license="GPL-2.0-only with Classpath-exception-2.0", language="zh_CN"),
    alpaca(2, domain="law"),
    alpaca(0, license="ISC"),
    {"instruction": "  e\u0301\r\nspaced ", "output": "caf\u00e9\r\n"},
]


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
  folder = tmp_path_factory.mktemp("data")
  a = write_lines(folder / "a.jsonl", RECORDS)
  b = folder / "b.json"
  b.write_text(json.dumps({"messages": [
      {"role": "system", "content": "S"}, {"role": "user", "content": "U"},
      {"role": "assistant", "content": "long " * 60, "weight": 1}]}))
  c = write_lines(folder / "c.jsonl", [{"instruction": "I", "instances": [
      {"input": "x", "output": f"y{k}"} for k in range(3)]}])
  config = write_config(folder, [
      {"path": b, "tier": "shadow", "license": "apache-2.0"},
      {"path": a, "language": "EN", "tags": ["kept"], "source": "handbook"},
      {"path": c, "type": "self_instruct", "tier": "restricted"}])
  result = expect(vft("commit", config, "--out", folder / "D", "--publish", "license,tag"), 0)
  return folder, result.stdout


def rows(folder):
  db = sqlite3.connect(folder / "D" / "private" / "dataset.db")
  meta = dict(db.execute("SELECT key, value FROM meta"))
  found = db.execute("SELECT n, class.bytes, tokens, loss, content, leaf, tier FROM record "
                     "JOIN class ON class.id = class JOIN source ON source.id = source "
                     "ORDER BY n").fetchall()
  db.close()
  return meta, found


def root_of(output):
  return next(line.split()[1] for line in output.splitlines() if line.startswith("root "))


def test_counts_and_duplicates(committed):
  _, output = committed
  text = " ".join(output.split())
  for words in ("records 9", "tier public 5 records", "tier restricted 3 records",
                "license MIT 1 records", "license NOASSERTION 5 records", "tag kept 5 records",
                "license GPL-2.0-only WITH Classpath-exception-2.0 1 records",
                "language en 4 records", "language zh-cn 1 records", "source handbook 4 records",
                "source c.jsonl 3 records", "duplicate 1 records", "first: 0 and 3"):
    assert words in text, output


def test_rows_are_those_of_the_model(committed):
  folder, output = committed
  meta, found = rows(folder)
  proc = meta["proc"]
  classes = [("public", "A", "MIT", "en", "", ["kept", "medical", "x"]),
             ("public", "handbook", "GPL-2.0-only WITH Classpath-exception-2.0", "zh-cn", "",
              ["kept"]),
             ("public", "handbook", "NOASSERTION", "en", "law", ["kept"]),
             ("public", "handbook", "ISC", "en", "", ["kept"]),
             ("public", "handbook", "NOASSERTION", "en", "", ["kept"])]
  classes += 3 * [("restricted", "c.jsonl", "NOASSERTION", "", "", [])]
  classes += [("shadow", "b.json", "Apache-2.0", "", "", [])]
  leaves = {tier: [] for tier in model.TIERS}
  for (n, data, tokens, loss, content, leaf, tier), want in zip(found, classes, strict=True):
    assert data == model.class_bytes(want[0], proc, *want[1:])
    metadata = model.metadata_digest(model.class_digest(data), tokens, loss)
    made = model.leaf_digest(model.from_bytes(content), metadata, model.salt(meta["master"], n))
    assert model.to_hex(made) == leaf.hex()
    assert want[0] == model.TIERS[tier]
    leaves[want[0]].append(made)
  height = model.tree_height([len(leaves[t]) for t in model.TIERS])
  roots = [model.tier_root(leaves[t], 32, t, height) for t in model.TIERS]
  assert root_of(output) == model.to_hex(model.dataset_root(roots))
  public = json.loads((folder / "D" / "public" / "dataset.json").read_text())
  assert public["root"] == root_of(output) and public["records"] == 9
  assert [public["tiers"][t]["root"] for t in model.TIERS] == list(map(model.to_hex, roots))
  assert set(public["counts"]) == {"license", "tag"}


def test_contents_are_those_of_the_model(committed):
  tokenizers = pytest.importorskip("tokenizers")
  folder, _ = committed
  tokenizer = tokenizers.Tokenizer.from_file(str(DEMO / "model" / "tokenizer.json"))
  _, found = rows(folder)
  pad = json.loads((folder / "D" / "public" / "dataset.json").read_text())["processing"]["pad_id"]

  def ids(text):
    return tokenizer.encode(text, add_special_tokens=False).ids

  start, end = tokenizer.token_to_id("<|im_start|>"), tokenizer.token_to_id("<|im_end|>")
  for n, record in enumerate(RECORDS):
    given = [record["instruction"], record["output"]]
    user, answer = given
    if n == 4:
      user, answer = "\u00e9\nspaced", "caf\u00e9"  # NFC, line ends, blanks at the ends
    tokens = [start] + ids("user\n" + user) + [end] + ids("\n") + [start] + ids("assistant\n")
    mask = [0] * len(tokens)
    learnt = ids(answer) + [end]
    tokens, mask = tokens + learnt, mask + [1] * len(learnt)
    tail = ids("\n")
    tokens, mask = tokens + tail, mask + [0] * len(tail)
    raw = model.raw_digest([(1, 0, given[0]), (2, 0, given[1])])
    want = model.content_digest(32, pad, raw, tokens, mask)
    assert found[n][4].hex() == model.to_hex(want), n
    assert found[n][2] == min(len(tokens), 33)


def test_private_and_public(committed):
  folder, _ = committed
  public = {p.name for p in (folder / "D" / "public").iterdir()}
  assert public == {"dataset.json"}
  assert (folder / "D" / "private" / "dataset.db").stat().st_mode & 0o077 == 0
  assert (folder / "D" / "private").stat().st_mode & 0o077 == 0


def test_salts_differ_between_commitments(committed, tmp_path):
  folder, output = committed
  again = expect(vft("commit", folder / "config.yaml", "--out", tmp_path / "D"), 0)
  assert root_of(again.stdout) != root_of(output)
  assert json.loads((tmp_path / "D" / "public" / "dataset.json").read_text())["counts"] is None


def test_show(committed):
  folder, output = committed
  summary = expect(vft("show", folder / "D"), 0).stdout
  assert root_of(summary) == root_of(output)
  _, found = rows(folder)
  shown = expect(vft("show", folder / "D", "--record", 1), 0, "GPL-2.0-only", "zh-cn",
                 found[1][5].hex(), "Question 1?", root_of(output)).stdout
  assert shown.count("path ") == 3
  expect(vft("show", folder / "D", "--record", 9), 2, "the dataset has 9")


def test_membership(committed, tmp_path):
  folder, output = committed
  other = "0" * 64
  for n in range(9):
    path = tmp_path / f"{n}.vftm"
    expect(vft("prove-member", folder / "D", n, "--out", path), 0)
    assert path.stat().st_size < 2048
    expect(vft("verify-member", path), 0, "accepted", root_of(output), "compare it")
    expect(vft("verify-member", path, "--root", root_of(output)), 0, "accepted")
    rejected(vft("verify-member", path, "--root", other), "member/root")
    tier, first = ("public", 0) if n < 5 else ("restricted", 5) if n < 8 else ("shadow", 8)
    found = model.verify_member(path.read_bytes())
    assert found == (root_of(output), tier, n - first, rows(folder)[1][n][1])
  expect(vft("verify-member", path, "--root", "xyz"), 2, "not a root")
  expect(vft("prove-member", folder / "D", 9), 2, "the dataset has 9")
  expect(vft("prove-member", folder / "D"), 2, "missing")
  expect(vft("verify-member", tmp_path / "none"), 2, "none")


def test_tampered_membership(committed, tmp_path):
  folder, _ = committed
  path = tmp_path / "m.vftm"
  expect(vft("prove-member", folder / "D", 2, "--out", path), 0)
  data = path.read_bytes()
  picks = random.Random(3)
  for at in [0, 8, 12, 44, 108, 116, 124, 132, len(data) - 1, *picks.sample(range(len(data)), 40)]:
    changed = bytearray(data)
    changed[at] ^= 1 << picks.randrange(8)
    path.write_bytes(changed)
    result = vft("verify-member", path)
    expect(result, 1, "rejected: ", "[member/")
  for changed in (data[:-1], data + b"\0", b"", data[:40]):
    path.write_bytes(changed)
    expect(vft("verify-member", path), 1, "[member/")


def test_check(committed, tmp_path):
  folder, output = committed
  expect(vft("check", folder / "D"), 0, "checked: 9 records of 3 sources", root_of(output))
  shutil.copytree(folder / "D", tmp_path / "D")
  public = tmp_path / "D" / "public" / "dataset.json"
  public.write_text(public.read_text().replace('"records":9', '"records":8'))
  rejected(vft("check", tmp_path / "D"), "data/public")


def test_changed_source(tmp_path):
  source = write_lines(tmp_path / "a.jsonl", [alpaca(i) for i in range(5)])
  config = write_config(tmp_path, [{"path": source}])
  expect(vft("commit", config, "--out", tmp_path / "D"), 0)
  before = hashlib.sha256(source.read_bytes()).hexdigest()
  source.write_text(source.read_text().replace("Question 3", "question 3"))
  after = hashlib.sha256(source.read_bytes()).hexdigest()
  words = ("a.jsonl", f"expected {before}", f"actual {after}")
  expect(vft("check", tmp_path / "D"), 1, "[data/source]", *words)
  expect(vft("commit", config, "--out", tmp_path / "D"), 2, *words)
  expect(vft("show", tmp_path / "D", "--record", 0), 2, *words)
  source.unlink()
  expect(vft("check", tmp_path / "D"), 2, "a.jsonl")


def test_another_configuration(tmp_path):
  source = write_lines(tmp_path / "a.jsonl", [alpaca(0)])
  expect(vft("commit", write_config(tmp_path, [{"path": source}]), "--out", tmp_path / "D"), 0)
  config = write_config(tmp_path, [{"path": source, "language": "en"}])
  expect(vft("commit", config, "--out", tmp_path / "D"), 2, "another configuration")
  config = write_config(tmp_path, [{"path": source}], text_rule="keep")
  expect(vft("commit", config, "--out", tmp_path / "D"), 2, "another configuration")


@pytest.mark.parametrize("record, defaults, words", [
    (alpaca(0, license="Apache 2"), {}, ["line 2", "field license", "did you mean"]),
    (alpaca(0, licence="MIT OR"), {}, ["line 2", "field licence", "expected a licence"]),
    (alpaca(0), {"license": "NoSuch"}, ["config.yaml:", "license", "did you mean"]),
    (alpaca(0), {"tier": "secret"}, ["config.yaml:", "tier", "did you mean"]),
    (alpaca(0), {"tag": "x"}, ["config.yaml:", "unknown key", "'tags'"]),
    (alpaca(0, tags=[f"t{i}" for i in range(17)]), {}, ["line 2", "field tags", "16"]),
    (alpaca(0, source="a\u0007b"), {}, ["line 2", "field source", "control"]),
    (alpaca(0, lang="x" * 300), {}, ["line 2", "field lang", "255"]),
    ({"instruction": "?", "output": " \n "}, {}, ["line 2", "nothing is left"]),
    ({"instruction": "?"}, {}, ["line 2", "output"]),
])
def test_bad_records_and_defaults(tmp_path, record, defaults, words):
  source = write_lines(tmp_path / "a.jsonl", [alpaca(1), record])
  config = write_config(tmp_path, [{"path": source, **defaults}])
  result = expect(vft("commit", config, "--out", tmp_path / "D"), 2, *words)
  assert "a.jsonl" in result.stderr or "config.yaml" in result.stderr


def test_usage(tmp_path):
  expect(vft("--help"), 0, "verify-member")
  expect(vft(), 2, "which command")
  expect(vft("comit"), 2, "did you mean 'commit'?")
  expect(vft("commit", "--help"), 0, "Usage: vft data commit CONFIG.yaml --out DATA")
  expect(vft("commit", "x.yaml"), 2, "--out DATA is missing")
  expect(vft("commit", "x.yaml", "--out", "y", "--publish", "licence"), 2, "'license'")
  expect(vft("show", tmp_path), 2, "no dataset commitment here")
  (tmp_path / "private").mkdir()
  (tmp_path / "private" / "dataset.db").write_bytes(b"not a database, and long enough to be one")
  expect(vft("check", tmp_path), 2, "dataset.db")


def test_a_commitment_under_way_is_not_touched(tmp_path):
  config = write_config(tmp_path, [{"path": write_lines(tmp_path / "a.jsonl", [alpaca(0)])}])
  expect(vft("commit", config, "--out", tmp_path / "D"), 0)
  db = sqlite3.connect(tmp_path / "D" / "private" / "dataset.db")
  db.execute("BEGIN EXCLUSIVE")
  expect(vft("commit", config, "--out", tmp_path / "D"), 2, "in use by another process")
  db.close()
  expect(vft("commit", config, "--out", tmp_path / "D"), 0)


def big_source(tmp_path, n):
  return write_lines(tmp_path / "big.jsonl", (alpaca(i, tags=[f"t{i % 50}"]) for i in range(n)))


def test_killed_commitment_resumes(tmp_path):
  source = big_source(tmp_path, 40000)
  config = write_config(tmp_path, [{"path": source}])
  data = tmp_path / "D"
  picks = random.Random(11)
  kills = [signal.SIGKILL, signal.SIGKILL, signal.SIGINT]
  for kill in kills:
    process = subprocess.Popen([VFT, "data", "commit", config, "--out", data],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 20
    while not (data / "private" / "dataset.db").exists() and time.time() < deadline:
      time.sleep(0.005)
    time.sleep(0.1 + picks.random() * 0.3)
    process.send_signal(kill)
    _, errors = process.communicate()
    if kill == signal.SIGINT and process.returncode:
      assert process.returncode == 3 and "run the same command again" in errors
  # tests/data/test_dataset.c stops at every place; this is about real signals
  expect(vft("commit", config, "--out", data), 0, "40000 records")
  expect(vft("check", data), 0, "checked: 40000 records")


def test_vectors_are_those_of_the_model():
  want = json.dumps(model.vectors(), indent=1, ensure_ascii=False) + "\n"
  assert (ROOT / "vectors" / "dataset.json").read_text() == want
