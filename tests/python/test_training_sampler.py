"""Training takes the rows that docs/SPEC.md, section 14, gives from the manifest, the dataset's secret
and the beacon: against the plain Python model, with every refusal, and `vft sampler replay`."""

import hashlib
import json
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import dataset_model as model  # noqa: E402
import sampler_model as sampler  # noqa: E402
from test_cli import expect, rejected, vft  # noqa: E402
from test_data_cli import alpaca, write_config, write_lines  # noqa: E402

COUNT = 60
POLICY = {"allow_licenses": ["MIT", "ISC"],
          "quotas": [{"bin": "language:zh", "max_examples": 5},
                     {"bin": "tag:x", "max_tokens": 120},
                     {"bin": "tier:shadow", "max_examples": 4}]}
HYBRID = {"mode": "hybrid", "window": 1, "public_every": 2, "steps_per_epoch": 6}
BEACON = {"source": "drand quicknet", "round": 77, "format": "hex"}


def made_up(i):
  return alpaca(i, license=["MIT", "ISC", "Zlib"][i % 3], lang="zh" if i % 4 == 0 else "en",
                tags=["x"] if i % 5 == 0 else [], source="A", domain="law")


def write_sources(folder):
  records = [made_up(i) for i in range(COUNT)]
  a = write_lines(folder / "a.jsonl", records[:40])
  b = folder / "b.json"  # an array, over several lines
  b.write_text(json.dumps(records[40:], indent=2))
  return [{"path": a}, {"path": b, "tier": "shadow"}]


def configure(folder, datasets, **keys):
  keys = {"micro_batch_size": 2, "lora_r": 2, "lora_alpha": 2, "max_steps": 15,
          "lora_target_modules": ["q_proj"], "policy": POLICY, "sampler": HYBRID, **keys}
  return write_config(folder, datasets, **keys)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
  """(folder, its datasets); the commitment is folder/D."""
  folder = tmp_path_factory.mktemp("data")
  datasets = write_sources(folder)
  expect(vft("data", "commit", configure(folder, datasets), "--out", folder / "D"), 0)
  return folder, datasets


def train(folder, config, *args, name="run", code=0, words=()):
  result = vft("train", config, "--out", folder / name, *args)
  expect(result, code, *words)
  return folder / name


def master_of(commitment):
  db = sqlite3.connect(commitment / "private" / "dataset.db")
  master, = db.execute("SELECT value FROM meta WHERE key = 'master'").fetchone()
  rows = db.execute("SELECT tokens, loss FROM record ORDER BY n").fetchall()
  db.close()
  return master, rows


def expected_rows(manifest_bytes, commitment, beacon=None):
  """The records of every epoch, by the model, from what the manifest says."""
  manifest = json.loads(manifest_bytes)
  declared, policy = manifest["sampler"], manifest["policy"] or {"allow_licenses": [
      "MIT", "ISC", "Zlib"]}
  policy = {k: v for k, v in policy.items() if v is not None}
  master, numbers = master_of(commitment)
  metadata = [{"license": r["license"], "tree": r["license"], "language": r["lang"],
               "source": r["source"], "domain": r["domain"], "tags": r["tags"],
               "tier": "public" if n < 40 else "shadow", "tokens": tokens, "loss_tokens": loss}
              for n, (r, (tokens, loss)) in enumerate(zip(map(made_up, range(COUNT)), numbers,
                                                          strict=True))]
  secret = sampler.secret_of(master)
  is_secret = declared["mode"] != "public"
  if is_secret:
    assert declared["seed_commitment"] == model.to_hex(sampler.commitment(secret))
  seed = secret if is_secret else sampler.public_seed(int(declared["seed"]))
  key = sampler.master_key(hashlib.sha256(manifest_bytes).digest(), is_secret, seed, beacon)
  steps, full = manifest["schedule"]["steps"], declared["steps_per_epoch"]
  epochs, windows = [], {}
  for epoch in range(-(-steps // full)):
    w = epoch // declared["window"]
    windows[w] = sampler.window_key(key, w)
    order = sampler.order_of(sampler.epoch_key(windows[w], epoch), COUNT,
                             declared["candidates_per_epoch"], declared["replacement"])
    rows = sampler.rows_of(declared, steps, epoch)
    epochs.append(sampler.run_epoch(policy, metadata, order, rows)[0])
  return epochs, windows


def logged(run):
  lines = (run / "private" / "log.jsonl").read_text().splitlines()
  return [json.loads(line)["records"] for line in lines]


def flat(lists):
  return [x for one in lists for x in one]


def manifest_of(run):
  return (run / "public" / "manifest.json").read_bytes()


@pytest.fixture(scope="module")
def hybrid(data, tmp_path_factory):
  """Two epochs of six steps and one of three."""
  folder, datasets = data
  out = tmp_path_factory.mktemp("hybrid")
  return train(out, configure(out, datasets), "--data", folder / "D")


# ---- What is trained on ------------------------------------------------------------------------

def test_hybrid_run_with_a_last_partial_epoch(data, hybrid):
  folder, _ = data
  epochs, windows = expected_rows(manifest_of(hybrid), folder / "D")
  assert [len(e) for e in epochs] == [12, 12, 6]
  assert flat(logged(hybrid)) == flat(epochs)
  assert all(len(step) == 2 for step in logged(hybrid))
  shown = json.loads((hybrid / "public" / "windows.json").read_text())
  assert shown == {"format": "vft-windows/1", "windows": [
      {"window": w, "key": model.to_hex(windows[w])} for w in (0, 2)]}
  manifest = json.loads(manifest_of(hybrid))
  assert manifest["sampler"]["candidates_per_epoch"] == sampler.candidates_of(COUNT, 12)
  assert manifest["dataset"]["root"] == json.loads(
      (folder / "D" / "public" / "dataset.json").read_text())["root"]
  assert json.loads((hybrid / "private" / "run.json").read_text())["data"] == str(folder / "D")


@pytest.mark.parametrize("keys", [
    {"sampler": {"mode": "public"}, "policy": {"allow_licenses": ["MIT", "ISC"]}, "seed": 9},
    {"sampler": {"mode": "private", "window": 2, "steps_per_epoch": 2, "candidates_per_epoch": 40},
     "max_steps": 5},
    {"sampler": {"replacement": True, "steps_per_epoch": 9}},
    {"sampler": {"mode": "public", "steps_per_epoch": 50}, "max_steps": 3},
])
def test_other_samplers(data, tmp_path, keys):
  folder, datasets = data
  run = train(tmp_path, configure(tmp_path, datasets, **{"policy": {
      "allow_licenses": ["MIT", "ISC", "Zlib"]}, **keys}), "--data", folder / "D")
  assert flat(logged(run)) == flat(expected_rows(manifest_of(run), folder / "D")[0])
  assert not (run / "public" / "windows.json").exists()
  expect(vft("sampler", "replay", run), 0, "equal")
  expect(vft("replay", run), 0)


def test_run_with_a_commitment_of_its_own(tmp_path):
  datasets = write_sources(tmp_path)
  config = configure(tmp_path, datasets, max_steps=7)
  run = train(tmp_path, config)
  own = run / "private" / "data"
  assert flat(logged(run)) == flat(expected_rows(manifest_of(run), own)[0])
  assert json.loads((run / "private" / "run.json").read_text())["data"] is None
  expect(vft("data", "check", own), 0)
  shutil.move(run, tmp_path / "moved")  # nothing in it names its place
  expect(vft("replay", tmp_path / "moved"), 0)
  expect(vft("sampler", "replay", tmp_path / "moved"), 0)


def test_prepared_path_of_the_configuration(data, tmp_path):
  folder, datasets = data
  shutil.copytree(folder / "D", tmp_path / "D")
  config = configure(tmp_path, datasets, dataset_prepared_path="D", max_steps=1)
  digest = expect(vft("manifest", config, "--digest"), 0).stdout.strip()
  run = train(tmp_path, config)
  assert hashlib.sha256(manifest_of(run)).hexdigest() == digest
  expect(vft("estimate", config, "--memory", "4G"), 0, "shards a step")


def test_manifests_follow_the_schema(data, hybrid, tmp_path):
  jsonschema = pytest.importorskip("jsonschema")
  schema = json.loads((model.ROOT / "docs" / "manifest.schema.json").read_text())
  check = jsonschema.Draft202012Validator(schema).validate
  check(json.loads(manifest_of(hybrid)))
  folder, datasets = data
  config = configure(tmp_path, datasets, sampler={"mode": "private", "beacon": BEACON}, policy={
      "allow_languages": ["en", "zh"], "deny_tags": ["y"],
      "quotas": [{"bin": "length:0-99", "max_tokens": 10 ** 6}]})
  value = json.loads(expect(vft("manifest", config, "--data", folder / "D"), 0).stdout)
  check(value)
  for change in (lambda v: v["sampler"].pop("beacon"), lambda v: v["policy"].pop("quotas"),
                 lambda v: v["dataset"]["classes"][0].pop("tags"),
                 lambda v: v["policy"]["quotas"][0].update(max_examples=1),
                 lambda v: v.update(dataset=None)):
    bad = json.loads(json.dumps(value))
    change(bad)
    with pytest.raises(jsonschema.ValidationError):
      check(bad)


# ---- Refusals ----------------------------------------------------------------------------------

@pytest.mark.parametrize("keys, words", [
    ({"policy": {"quotas": [{"bin": "language:en", "max_examples": 3},
                            {"bin": "language:zh", "max_examples": 2}]}}, ["quota language:"]),
    # no bound tells: two tags' bins overlap with the tier's
    ({"policy": {**POLICY, "quotas": [{"bin": "tier:public", "max_examples": 4},
                                      {"bin": "license:MIT", "max_examples": 4},
                                      {"bin": "license:ISC", "max_examples": 4},
                                      {"bin": "length:0-99", "max_tokens": 130}]}}, ["quota "]),
    ({"policy": {"allow_licenses": ["Apache-2.0"]}}, ["0 of 60 records are eligible"]),
    ({"sampler": {"steps_per_epoch": 25}, "max_steps": 25}, ["an epoch takes 50"]),
])
def test_quotas_that_cannot_be_filled(data, tmp_path, keys, words):
  folder, datasets = data
  config = configure(tmp_path, datasets, **keys)
  for args in (["--data", folder / "D"], []):
    train(tmp_path, config, *args, code=2, words=words)
    assert not (tmp_path / "run").exists()
  expect(vft("manifest", config, "--data", folder / "D"), 2, *words)


def test_too_few_candidates(data, tmp_path):
  folder, datasets = data
  keys = {"sampler": {"steps_per_epoch": 20}, "max_steps": 20,
          "policy": {"allow_licenses": ["MIT", "ISC"]}}
  expect(vft("manifest", configure(tmp_path, datasets, **keys), "--data", folder / "D"), 0)
  # 40 eligible records of 60 are not all among 64 of 64 candidates but for a whole order
  keys = {"sampler": {"replacement": True, "steps_per_epoch": 20, "candidates_per_epoch": 40},
          "max_steps": 20, "policy": {"allow_licenses": ["MIT"]}}
  train(tmp_path, configure(tmp_path, datasets, **keys), "--data", folder / "D", code=2,
        words=["epoch 0", "the first 64 candidates fill only", "candidates_per_epoch: "])


def test_changed_source(tmp_path):
  datasets = write_sources(tmp_path)
  config = configure(tmp_path, datasets, max_steps=2)
  expect(vft("data", "commit", config, "--out", tmp_path / "D"), 0)
  run = train(tmp_path, config, "--data", tmp_path / "D")
  path = tmp_path / "b.json"
  before = hashlib.sha256(path.read_bytes()).hexdigest()
  path.write_text(path.read_text().replace("Answer number 50", "Another number 50"))
  words = ["b.json", f"expected {before}",
           f"actual {hashlib.sha256(path.read_bytes()).hexdigest()}"]
  train(tmp_path, config, "--data", tmp_path / "D", name="again", code=2, words=words)
  expect(vft("replay", run), 2, *words)
  expect(vft("prove", run), 2, *words)
  expect(vft("sampler", "replay", run), 0, "equal")  # the order does not read the texts


def test_commitment_of_another_configuration(data, tmp_path):
  folder, datasets = data
  for keys in ({"text_rule": "keep"}, {"system": "Be brief."}):
    config = configure(tmp_path, datasets, **keys)
    result = vft("train", config, "--out", tmp_path / "run", "--data", folder / "D")
    expect(result, 2, "another configuration (tokenizer, template", "expected ", "actual ")
  config = configure(tmp_path, [{**datasets[0], "license": "MIT"}, datasets[1]])
  expect(vft("manifest", config, "--data", folder / "D"), 2, "another configuration (base model, ")
  expect(vft("manifest", configure(tmp_path, datasets), "--data", tmp_path), 2,
         "no dataset commitment")
  assert not (tmp_path / "run").exists()


# ---- Beacon ------------------------------------------------------------------------------------

def test_beacon(data, tmp_path):
  folder, datasets = data
  value, other = "ab" * 32, "cd" * 32
  config = configure(tmp_path, datasets, max_steps=7, sampler={**HYBRID, "beacon": BEACON})
  at = ["--data", folder / "D"]
  digest = expect(vft("manifest", config, "--digest", *at), 0).stdout.strip()
  train(tmp_path, config, *at, code=2, words=["--beacon HEX", "drand quicknet", "round 77"])
  train(tmp_path, config, *at, "--beacon", "zz", code=2, words=["64 hexadecimal"])
  run = train(tmp_path, config, *at, "--beacon", value)
  assert hashlib.sha256(manifest_of(run)).hexdigest() == digest
  assert json.loads(manifest_of(run))["sampler"]["beacon"] == BEACON
  assert json.loads((run / "public" / "beacon.json").read_text()) == {
      "format": "vft-beacon/1", "beacon": BEACON, "value": value}
  rows = expected_rows(manifest_of(run), folder / "D", bytes.fromhex(value))[0]
  assert flat(logged(run)) == flat(rows)
  assert rows != expected_rows(manifest_of(run), folder / "D", bytes.fromhex(other))[0]
  expect(vft("train", config, "--out", run, "--resume"), 0)
  expect(vft("train", config, "--out", run, "--resume", "--beacon", other), 2, "began with")
  expect(vft("sampler", "replay", run), 0, "equal")
  path = run / "public" / "beacon.json"
  text = path.read_text()
  for bad in (text.replace("ab", "AB"), text + "\n", text.replace("77", "78"), "{}", ""):
    path.write_text(bad)
    rejected(vft("replay", run), "sampler/beacon")
  path.write_text(text.replace(value, other))
  rejected(vft("sampler", "replay", run), "sampler/windows")
  path.unlink()
  for command in (["replay", run], ["sampler", "replay", run], ["prove", run]):
    rejected(vft(*command), "sampler/beacon")
  plain = configure(tmp_path, datasets)
  train(tmp_path, plain, *at, "--beacon", value, name="plain", code=2,
        words=["declares no sampler.beacon"])


# ---- Replay ------------------------------------------------------------------------------------

@pytest.fixture
def copy(hybrid, data, tmp_path):
  """The run beside a copy of its dataset folder."""
  shutil.copytree(hybrid, tmp_path / "run")
  shutil.copytree(data[0] / "D", tmp_path / "D")
  path = tmp_path / "run" / "private" / "run.json"
  path.write_text(path.read_text().replace(str(data[0] / "D"), str(tmp_path / "D")))
  return tmp_path / "run"


def forget_secret(run):
  """What an auditor gets who may replay the public epochs."""
  db = sqlite3.connect(run.parent / "D" / "private" / "dataset.db")
  db.execute("UPDATE meta SET value = zeroblob(32) WHERE key = 'master'")
  db.commit()
  db.close()


def test_sampler_replay(hybrid):
  report = json.loads(expect(vft("sampler", "replay", hybrid, "--json"), 0).stdout)["epochs"]
  assert [e["public"] for e in report] == [True, False, True]
  assert all(e["equal"] and e["logged"] == len(e["steps"]) for e in report)
  assert [s for e in report for s in e["steps"]] == logged(hybrid)
  one = expect(vft("sampler", "replay", hybrid, "--epoch", 1), 0, "epoch 1, window 1, private")
  assert "epoch 0" not in one.stdout
  first = " ".join(map(str, logged(hybrid)[6]))
  assert f"step 6    {first}\n" in one.stdout
  expect(vft("sampler", "replay", hybrid, "--epoch", 3), 2, "the run has 3")


def test_sampler_replay_without_the_secret(copy):
  forget_secret(copy)
  result = expect(vft("sampler", "replay", copy), 0, "epoch 0, window 0, public: 6 steps", "equal",
                  "epoch 1, window 1, private: not replayed", "epoch 2, window 2, public: 3 steps")
  assert result.stdout.count("equal") == 2
  expect(vft("sampler", "replay", copy, "--epoch", 2), 0, "equal")
  expect(vft("sampler", "replay", copy, "--epoch", 1), 2, "epoch 1 is private")
  expect(vft("replay", copy), 2, "the secret of the sampler is not in this dataset")
  windows = copy / "public" / "windows.json"
  text = windows.read_text()
  value = json.loads(text)
  value["windows"] = value["windows"][:1]
  windows.write_text(json.dumps(value, sort_keys=True, separators=(",", ":")))
  rejected(vft("sampler", "replay", copy), "sampler/windows")
  windows.unlink()
  rejected(vft("sampler", "replay", copy, "--epoch", 0), "sampler/windows")


@pytest.mark.parametrize("change", ["swap", "other", "order", "missing", "gap", "more"])
def test_sampler_replay_of_another_log(copy, change):
  path = copy / "private" / "log.jsonl"
  lines = [json.loads(line) for line in path.read_text().splitlines()]
  if change == "swap":
    lines[2]["records"], lines[3]["records"] = lines[3]["records"], lines[2]["records"]
  elif change == "other":
    lines[14]["records"][1] = (lines[14]["records"][1] + 1) % COUNT
  elif change == "order":
    lines[7]["records"].reverse()
  elif change == "missing":
    lines[0]["records"].pop()
  elif change == "gap":
    del lines[4]
  else:
    lines.append({**lines[-1], "step": len(lines)})
  path.write_text("".join(json.dumps(line) + "\n" for line in lines))
  result = vft("sampler", "replay", copy)
  rejected(result, "sampler/replay")
  if change in ("swap", "other"):
    assert f"step {2 if change == 'swap' else 14} was trained on other records" in result.stderr


def test_sampler_replay_of_a_shorter_log(copy):
  path = copy / "private" / "log.jsonl"
  path.write_text("".join(path.read_text().splitlines(True)[:8]))
  expect(vft("sampler", "replay", copy), 0, "6 steps, 6 in the log", "6 steps, 2 in the log",
         "3 steps, 0 in the log")


def test_another_dataset_folder(copy, data, tmp_path):
  folder, datasets = data
  expect(vft("data", "commit", configure(tmp_path, datasets), "--out", tmp_path / "E"), 0)
  shutil.rmtree(tmp_path / "D")
  (tmp_path / "E").rename(tmp_path / "D")
  for command in ("replay", "prove"):
    expect(vft(command, copy), 2, "not the dataset that the run was planned with", "expected ")
  expect(vft("sampler", "replay", copy), 2, "not the dataset")


def test_usage():
  expect(vft("sampler"), 2, "which command?")
  expect(vft("sampler", "replai"), 2, "did you mean 'replay'?")
  expect(vft("sampler", "--help"), 0, "Usage: vft sampler")
  expect(vft("sampler", "replay", "--help"), 0, "Usage: vft sampler replay", "--epoch")
  expect(vft("sampler", "replay", "/nonexistent"), 2, "no run here")
