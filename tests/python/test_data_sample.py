"""`vft data sample` against the plain Python model of sampler_model.py: random policies on a made-up
dataset, every mode of the sampler, and the refusals that the documentation promises."""

import hashlib
import json
import random
import sqlite3
import sys
from functools import lru_cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import dataset_model as model  # noqa: E402
import sampler_model as sampler  # noqa: E402
from test_data_cli import alpaca, expect, vft, write_config, write_lines  # noqa: E402

TREES = {"MIT": "MIT", "ISC": "ISC", "NOASSERTION": "NOASSERTION",
         "MIT OR ISC": ("OR", "MIT", "ISC"), "MIT AND Zlib": ("AND", "MIT", "Zlib"),
         "(MIT OR ISC) AND Zlib": ("AND", ("OR", "MIT", "ISC"), "Zlib"),
         "GPL-2.0-only WITH Classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0"}
COUNT = 90
MANIFEST = "5a" * 32


def made_up(picks, i):
  text = " ".join(picks.choice("abcdefgh") for _ in range(picks.randrange(1, 22)))
  return {"instruction": f"{i}", "output": text, "license": picks.choice(list(TREES)),
          "lang": picks.choice(["en", "zh", "de"]), "source": picks.choice("AB"),
          "domain": picks.choice(["law", "math"]),
          "tags": picks.sample(["x", "y", "z"], picks.randrange(3))}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
  """(folder, datasets of the configuration, metadata of every record, master secret)."""
  folder = tmp_path_factory.mktemp("sample")
  picks = random.Random(20250612)
  records = [made_up(picks, i) for i in range(COUNT)]
  # long questions leave no token to learn
  for i in picks.sample(range(COUNT), 5):
    records[i]["instruction"] = "long " * 60
  parts = {"public": records[:60], "shadow": records[60:]}
  datasets = [{"path": write_lines(folder / f"{tier}.jsonl", part), "tier": tier}
              for tier, part in parts.items()]
  expect(vft("commit", write_config(folder, datasets), "--out", folder / "D"), 0)
  db = sqlite3.connect(folder / "D" / "private" / "dataset.db")
  numbers = db.execute("SELECT tokens, loss FROM record ORDER BY n").fetchall()
  master, = db.execute("SELECT value FROM meta WHERE key = 'master'").fetchone()
  db.close()
  metadata = [{"license": r["license"], "tree": TREES[r["license"]], "language": r["lang"],
               "source": r["source"], "domain": r["domain"], "tags": r["tags"],
               "tier": "public" if n < 60 else "shadow", "tokens": tokens, "loss_tokens": loss}
              for n, (r, (tokens, loss)) in enumerate(zip(records, numbers, strict=True))]
  assert sum(not m["loss_tokens"] for m in metadata) == 5
  return folder, datasets, metadata, master


def sample(data, epoch=0, *args, manifest=MANIFEST, **keys):
  folder, datasets, _, _ = data
  extra = ["--manifest", manifest] if manifest else []
  return vft("sample", folder / "D", "--config", write_config(folder, datasets, **keys), "--epoch",
             epoch, *extra, *args)


@lru_cache(maxsize=None)
def order_of(key, count, replacement=False):
  return [sampler.candidate(list(key), COUNT, c, replacement) for c in range(count)]


def key_of(epoch, seed=42, window=1):
  master = sampler.master_key(bytes.fromhex(MANIFEST), False, sampler.public_seed(seed))
  return tuple(sampler.epoch_key(sampler.window_key(master, epoch // window), epoch))


def compare(result, policy, metadata, order, rows, candidates):
  want = sampler.run_epoch(policy, metadata, order[:candidates], rows)
  if want is None:
    more = sampler.run_epoch(policy, metadata, order, rows)
    expect(result, 2, "candidates_per_epoch: " if more else "policy: ")
    return False
  report = json.loads(expect(result, 0).stdout)
  accepted, skipped, counters = want
  assert report["accepted"] == accepted
  assert [(s["record"], s["reason"], s.get("bin")) for s in report["skipped"]] == skipped
  assert [c["count"] for c in report["counters"]] == counters
  assert report["candidates"] == report["outside"] + len(accepted) + len(skipped)
  return True


def random_policy(picks):
  policy = {}
  if picks.random() < 0.6:
    allowed = picks.sample(["MIT", "ISC", "Zlib", "NOASSERTION",
                            "GPL-2.0-only WITH Classpath-exception-2.0"], picks.randrange(2, 5))
    policy["allow_licenses"] = allowed
  if picks.random() < 0.4:
    policy["allow_languages"] = picks.sample(["en", "zh", "de"], 2)
  if picks.random() < 0.2:
    policy["allow_tiers"] = ["public"]
  if picks.random() < 0.3:
    policy["deny_tags"] = [picks.choice("xyz")]
  if picks.random() < 0.2:
    policy["deny_sources"] = ["B"]
  if picks.random() < 0.2:
    policy["deny_domains"] = ["math"]
  bins = ["license:MIT", "license:MIT OR ISC", "source:A", "language:en", "domain:law", "tag:x",
          "tag:y", "tag:none", "tier:public", "length:0-20", "length:15-33"]
  quotas = []
  for name in picks.sample(bins, picks.randrange(6)):
    kind, value = name.split(":", 1)
    if ((kind == "language" and value not in policy.get("allow_languages", [value]))
        or (kind == "tag" and value in policy.get("deny_tags", []))
        or (kind == "license" and not sampler.license_allowed(
            TREES[value], policy.get("allow_licenses", ["MIT"])))):
      continue
    unit = picks.choice(["max_examples", "max_tokens"])
    quotas.append({"bin": name, unit: picks.randrange(2, 40 if unit == "max_examples" else 700)})
  return {**policy, "quotas": quotas}


@pytest.mark.parametrize("epoch", [0, 5])
def test_random_policies(data, epoch):
  picks = random.Random(100 + epoch)
  order = order_of(key_of(epoch), sampler.side_of(COUNT) ** 2)
  assert sorted(order) == list(range(sampler.side_of(COUNT) ** 2))
  filled = 0
  for _ in range(40):
    policy, steps = random_policy(picks), picks.randrange(1, 16)
    keys = {"steps_per_epoch": steps}
    if picks.random() < 0.3:
      keys["candidates_per_epoch"] = picks.choice([1, 64, 65, 1000])
    result = sample(data, epoch, "--json", policy=policy, micro_batch_size=2, sampler=keys)
    filled += compare(result, policy, data[2], order, 2 * steps, sampler.candidates_of(
        COUNT, 2 * steps, asked=keys.get("candidates_per_epoch", 0)))
  assert 10 < filled < 40


def test_more_candidates_would_fill(data):
  """Ceilings that leave the epoch's last rows to records late in the order."""
  order = order_of(key_of(0), sampler.side_of(COUNT) ** 2)
  policy = {"allow_licenses": ["MIT", "ISC", "NOASSERTION"], "deny_tags": ["x"],
            "deny_sources": ["B"]}
  left = len(sampler.run_epoch(policy, data[2], order, 0)[0])
  able = [m for m in data[2] if not sampler.eligible(policy, m)]
  keys = {"steps_per_epoch": len(able)}
  need = 1 + max(c for c, n in enumerate(order)
                 if n < COUNT and not sampler.eligible(policy, data[2][n]))
  assert left == 0 and need > 64
  keys["candidates_per_epoch"] = 64
  expect(sample(data, 0, policy=policy, sampler=keys), 2,
         f"candidates_per_epoch: {need} fills them")
  keys["candidates_per_epoch"] = need
  expect(sample(data, 0, policy=policy, sampler=keys), 0, f"accepted  {len(able)} of {need}")


def test_no_policy_takes_every_record_with_a_loss_once(data):
  report = json.loads(expect(sample(data, 1, "--json", micro_batch_size=2), 0).stdout)
  kept = [n for n, m in enumerate(data[2]) if m["loss_tokens"]]
  assert len(set(report["accepted"])) == len(report["accepted"]) == len(kept) // 2 * 2
  assert set(report["accepted"]) <= set(kept)


def test_replacement(data):
  rows = 24
  order = order_of(key_of(2), sampler.candidates_of(COUNT, rows, True), True)
  policy = {"quotas": [{"bin": "language:en", "max_examples": 9}]}
  result = sample(data, 2, "--json", policy=policy, micro_batch_size=4,
                  sampler={"replacement": True, "steps_per_epoch": rows // 4})
  assert compare(result, policy, data[2], order, rows, len(order))
  accepted = json.loads(result.stdout)["accepted"]
  assert len(set(accepted)) < len(accepted)


def test_modes_and_keys(data):
  _, _, metadata, master = data
  secret = sampler.secret_of(master)
  beacon = "ab" * 32
  for mode, epoch, shown in (("private", 0, False), ("hybrid", 0, True), ("hybrid", 4, False),
                             ("hybrid", 9, True), ("public", 4, True)):
    declared = {"source": "drand", "round": 5, "format": "hex"}
    keys = {"mode": mode, "window": 3, "public_every": 3, "beacon": declared, "steps_per_epoch": 4}
    expect(sample(data, epoch, "--json", sampler=keys, seed=7), 2, "--beacon HEX is missing")
    report = json.loads(expect(sample(data, epoch, "--json", "--beacon", beacon, sampler=keys,
                                      seed=7), 0).stdout)
    seed = sampler.public_seed(7) if mode == "public" else secret
    key = sampler.master_key(bytes.fromhex(MANIFEST), mode != "public", seed,
                             bytes.fromhex(beacon))
    window = sampler.window_key(key, epoch // 3)
    assert report["window"] == epoch // 3
    assert report["window_key"] == (model.to_hex(window) if shown else None)
    order = [sampler.candidate(sampler.epoch_key(window, epoch), COUNT, c) for c in range(12)]
    want = [n for n in order if n < COUNT and metadata[n]["loss_tokens"]][:4]
    assert report["accepted"][:len(want)] == want


def test_order_depends_on_everything_declared(data):
  def accepted(*args, **keys):
    return json.loads(expect(sample(data, *args, **keys), 0).stdout)["accepted"]

  base = accepted(0, "--json")
  assert base == accepted(0, "--json")
  assert base != accepted(1, "--json")
  assert base != accepted(0, "--json", seed=1)
  assert base != accepted(0, "--json", manifest="5b" * 32)
  assert base != accepted(0, "--json", sampler={"mode": "private"})
  assert base != accepted(0, "--json", sampler={
      "beacon": {"source": "a", "round": 1, "format": "b", "value": "00" * 32}})
  # without a manifest: the digest of what is declared, so a changed policy is another order
  own = accepted(0, "--json", manifest=None)
  assert own != accepted(0, "--json", manifest=None, policy={"allow_licenses": list(TREES)[:3]})


def test_default_manifest_is_canonical_json(data):
  """Of two rows: the order is secret, and 64 candidates have to fill them."""
  folder, _, metadata, master = data
  public = json.loads((folder / "D" / "public" / "dataset.json").read_text())
  written = folder / "declaration.json"
  beacon = {"source": "drand", "round": 5, "format": "hex"}
  result = sample(data, 0, "--declaration", written, "--beacon", "ab" * 32, manifest=None,
                  micro_batch_size=2,
                  policy={"allow_licenses": ["mit"], "deny_tags": ["x"],
                          "quotas": [{"bin": "length:0-16", "max_tokens": 300}]},
                  sampler={"mode": "private", "steps_per_epoch": 1, "beacon": beacon})
  text = written.read_bytes()
  expect(result, 0, f"manifest  {hashlib.sha256(text).hexdigest()}", "key is secret")
  value = json.loads(text)
  assert json.dumps(value, sort_keys=True, separators=(",", ":")).encode() == text
  dataset = value.pop("dataset")
  assert value == {
      "format": "vft-sampling/2",
      "policy": {"allow_licenses": ["MIT"], "allow_languages": None,
                 "allow_tiers": ["public", "restricted", "shadow"], "deny_tags": ["x"],
                 "deny_sources": [], "deny_domains": [],
                 "quotas": [{"bin": "length:0-16", "max_tokens": 300}]},
      "sampler": {"algorithm": "vft sampler v1", "mode": "private", "window": 1,
                  "public_every": None, "replacement": False, "records_a_step": 2,
                  "steps_per_epoch": 1, "candidates_per_epoch": 64, "seed": None, "beacon": beacon,
                  "seed_commitment": model.to_hex(sampler.commitment(sampler.secret_of(master)))}}
  # c_D from what is declared of the tiers
  roots = [[0] * 4] * 3
  for t in dataset["tiers"]:
    at = model.TIERS.index(t["tier"])
    roots[at] = model.sponge(model.TIER, model.from_bytes(bytes.fromhex(t["tree"]))
                             + [t["records"], dataset["sequence_len"], at, 1])
  assert model.to_hex(model.dataset_root(roots)) == dataset["root"] == public["root"]
  assert [(t["tier"], t["records"]) for t in dataset["tiers"]] == [("public", 60), ("shadow", 30)]
  assert dataset["records"] == COUNT and dataset["height"] == 6
  kinds = [{k: m[k] for k in ("license", "language", "source", "domain", "tier")}
           | {"tags": sorted(m["tags"])} for m in metadata]
  assert all(c in kinds for c in dataset["classes"]) and all(k in dataset["classes"]
                                                             for k in kinds)


def test_text(data):
  result = sample(data, 0, micro_batch_size=4,
                  policy={"quotas": [{"bin": "language:en", "max_examples": 3},
                                     {"bin": "tag:absent", "max_examples": 3}]},
                  sampler={"steps_per_epoch": 5})
  lines = expect(result, 0, "warning: quota tag:absent: no eligible record",
                 "counter   language:en: 3 of 3 examples", "accepted  20 of").stdout.splitlines()
  steps = [line.split()[2:] for line in lines if line.startswith("step ")]
  assert len(steps) == 5 and all(len(s) == 4 for s in steps)
  assert any("quota language:en" in line for line in lines)


@pytest.mark.parametrize("keys, words", [
    ({"policy": {"allow_licenses": ["Zlib"]}}, ["0 of 90 records are eligible"]),
    ({"policy": {"allow_languages": ["en"]}, "sampler": {"steps_per_epoch": 80}},
     ["records are eligible, an epoch takes 80"]),
    ({"policy": {"quotas": [{"bin": "language:en", "max_examples": 2}]}},
     ["quota language:en", "at most 2 of its"]),
    ({"policy": {"quotas": [{"bin": f"language:{v}", "max_examples": 9}
                            for v in ("en", "zh", "de")]}, "sampler": {"steps_per_epoch": 28}},
     ["quota language:", "leaves 27 in all"]),
    ({"policy": {"quotas": [{"bin": "length:0-99", "max_tokens": 30}]},
      "sampler": {"steps_per_epoch": 5}}, ["quota length:0-99"]),
    ({"policy": {"quotas": [{"bin": "tag:x", "max_examples": 0}, {"bin": "tag:y", "max_examples": 0},
                            {"bin": "tag:z", "max_examples": 0}]},
      "sampler": {"steps_per_epoch": 50}}, ["quota tag:"]),
])
def test_impossible(data, keys, words):
  expect(sample(data, 0, **keys), 2, *words)


@pytest.mark.parametrize("policy, field", [
    ({"allow_languages": ["en"]}, "language"),
    ({"quotas": [{"bin": "language:en", "max_examples": 5}]}, "language"),
    ({"quotas": [{"bin": "domain:law", "max_examples": 5}]}, "domain"),
])
def test_missing_field(tmp_path, policy, field):
  records = [alpaca(i, lang="en", domain="law") for i in range(4)]
  del records[2]["lang" if field == "language" else "domain"]
  source = write_lines(tmp_path / "a.jsonl", records)
  config = write_config(tmp_path, [{"path": source}], policy=policy)
  expect(vft("commit", config, "--out", tmp_path / "D"), 2, "a.jsonl: line 3", f"field {field}")
  expect(vft("sample", tmp_path / "D", "--config", config, "--epoch", 0), 2, "a.jsonl: line 3")


def test_commit_tells_what_is_eligible(tmp_path):
  records = [alpaca(i, license="MIT" if i % 2 else "ISC") for i in range(7)]
  config = write_config(tmp_path, [{"path": write_lines(tmp_path / "a.jsonl", records)}],
                        policy={"allow_licenses": ["MIT"]})
  expect(vft("commit", config, "--out", tmp_path / "D"), 0, "eligible  3 of 7 records")


def test_usage(data):
  folder = data[0]
  config = folder / "config.yaml"
  expect(vft("sample", folder / "D", "--epoch", 0), 2, "--config CONFIG.yaml is missing")
  expect(vft("sample", folder / "D", "--config", config), 2, "--epoch E is missing")
  expect(vft("sample", folder / "D", "--config", config, "--epoch", -1), 2, "whole number")
  expect(vft("sample", folder / "D", "--config", config, "--epoch", 0, "--manifest", "12"), 2,
         "64 hexadecimal")
  expect(vft("sample", folder, "--config", config, "--epoch", 0), 2, "no dataset commitment")


def test_vectors_are_those_of_the_model():
  want = json.dumps(sampler.vectors(), indent=1) + "\n"
  assert (model.ROOT / "vectors" / "sampler.json").read_text() == want
