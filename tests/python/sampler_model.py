"""Policy, order and counters of docs/SPEC.md, section 14, in plain Python. Run as a program it
writes vectors/sampler.json."""

import json
import struct
from math import isqrt

import dataset_model as model
from dataset_model import P, ROOT, pack, sponge, to_hex
from second_verifier.primitives import blake3

SECRET, SEED, WINDOW, EPOCH, ROUND, DRAW = range(7, 13)
ROUNDS = 10


def secret_of(master):
  return blake3(b"vft sampler secret v1\0" + master)


def commitment(secret):
  return sponge(SECRET, pack(secret))


def master_key(manifest, secret, seed, beacon=None):
  return sponge(SEED, [int(secret), int(beacon is not None)] + pack(manifest) + pack(seed)
                + (pack(beacon) if beacon is not None else [0] * 5))


def window_key(master, window):
  return sponge(WINDOW, master + [window])


def epoch_key(window, epoch):
  return sponge(EPOCH, window + [epoch])


def public_seed(seed):
  return struct.pack("<Q", seed) + bytes(24)


def side_of(records):
  return isqrt(records - 1) + 1


LOW = 2 ** 60 - 1  # what of a sponge's first element is divided


def candidate(key, records, c, replacement=False):
  """A record, or a number of `records` and above."""
  if replacement:
    return (sponge(DRAW, key + [c])[0] & LOW) % records
  a = side_of(records)
  left, right = divmod(c, a)
  for i in range(ROUNDS):
    left, right = right, (left + (sponge(ROUND, key + [i, right])[0] & LOW) % a) % a
  return left * a + right


def candidates_of(records, rows, replacement=False, asked=0):
  """How many candidates an epoch of `rows` rows looks at."""
  count = ((asked or 4 * rows) + 63) // 64 * 64
  return count if replacement else min(count, side_of(records) ** 2)


def order_of(key, records, count, replacement=False):
  return [candidate(key, records, c, replacement) for c in range(count)]


def rows_of(sampler, steps, epoch):
  """Rows of an epoch of a run of `steps` steps: the last one may be shorter."""
  full = sampler["steps_per_epoch"]
  return min(full, steps - epoch * full) * sampler["records_a_step"]


def license_allowed(tree, allowed):
  """tree: a licence, or (operator, left, right)."""
  if isinstance(tree, str):
    return tree in allowed
  sides = [license_allowed(t, allowed) for t in tree[1:]]
  return all(sides) if tree[0] == "AND" else any(sides)


def eligible(policy, record):
  """'' or the reason."""
  if record["tier"] not in policy.get("allow_tiers", model.TIERS):
    return "tier"
  if "allow_licenses" in policy:
    if not license_allowed(record["tree"], policy["allow_licenses"]):
      return "license"
  elif record["tree"] in ("NOASSERTION", "NONE"):
    return "license"
  if "allow_languages" in policy and record["language"] not in policy["allow_languages"]:
    return "language"
  if record["source"] in policy.get("deny_sources", []):
    return "source"
  if record["domain"] in policy.get("deny_domains", []):
    return "domain"
  if set(record["tags"]) & set(policy.get("deny_tags", [])):
    return "tag"
  return "" if record["loss_tokens"] else "no-loss"


def in_bin(name, record):
  kind, value = name.split(":", 1)
  if kind == "tag":
    return value in record["tags"]
  if kind == "length":
    low, high = map(int, value.split("-"))
    return low <= record["tokens"] <= high
  return record[kind] == value


def run_epoch(policy, records, order, rows):
  """order: the candidates' values. (accepted, skipped as (record, reason, bin), counters) or None
  when the rows cannot be filled."""
  quotas = policy.get("quotas", [])
  counters, accepted, skipped = [0] * len(quotas), [], []
  for n in order:
    if len(accepted) == rows:
      break
    if n >= len(records):
      continue
    record = records[n]
    reason = eligible(policy, record)
    if reason:
      skipped.append((n, reason, None))
      continue
    more = [0 if not in_bin(q["bin"], record) else record["tokens"] if "max_tokens" in q else 1
            for q in quotas]
    full = [q["bin"] for q, have, m in zip(quotas, counters, more)
            if in_bin(q["bin"], record) and have + m > q.get("max_tokens", q.get("max_examples"))]
    if full:
      skipped.append((n, "quota", full[0]))
      continue
    counters = [have + m for have, m in zip(counters, more)]
    accepted.append(n)
  return (accepted, skipped, counters) if len(accepted) == rows else None


def vectors():
  master, manifest = bytes([9] * 32), bytes(range(32))
  secret, beacon = secret_of(master), bytes([0xee] * 32)
  out = {"master": master.hex(), "secret": secret.hex(), "commitment": to_hex(commitment(secret)),
         "keys": [], "orders": []}
  for is_secret, seed, lit, window, epoch in ((False, public_seed(42), None, 0, 0),
                                              (False, public_seed(2 ** 64 - 1), beacon, 3, 7),
                                              (True, secret, beacon, 1, 2 ** 33)):
    key = master_key(manifest, is_secret, seed, lit)
    w = window_key(key, window)
    out["keys"].append({"manifest": manifest.hex(), "secret": is_secret, "seed": seed.hex(),
                        "beacon": lit.hex() if lit else None, "window": window, "epoch": epoch,
                        "master_key": to_hex(key), "window_key": to_hex(w),
                        "epoch_key": to_hex(epoch_key(w, epoch))})
  key = epoch_key(window_key(master_key(manifest, False, public_seed(1)), 0), 0)
  for records, replacement, count in ((1, False, 1), (2, False, 4), (5, False, 9), (30, False, 36),
                                      (1000003, False, 12), (7, True, 20), (1 << 40, True, 6)):
    out["orders"].append({"key": to_hex(key), "records": records, "replacement": replacement,
                          "values": [candidate(key, records, c, replacement)
                                     for c in range(count)]})
  return out


if __name__ == "__main__":
  (ROOT / "vectors" / "sampler.json").write_text(json.dumps(vectors(), indent=1) + "\n")
