"""The dataset commitment of docs/SPEC.md, section 13, in plain Python: slow, short, and written
from the specification. Run as a program it writes vectors/dataset.json."""

import json
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from gen_poseidon_constants import P, constants  # noqa: E402
from second_verifier.primitives import blake3  # noqa: E402

RC = constants()
CIRCULANT = [17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20]
CLASS, CONTENT, METADATA, LEAF, TIER, DATASET = range(1, 7)
TIERS = ["public", "restricted", "shadow"]


def permute(state):
  for r in range(30):
    state = [(x + c) % P for x, c in zip(state, RC[12 * r:12 * r + 12])]
    for i in range(12 if r < 4 or r >= 26 else 1):
      state[i] = pow(state[i], 7, P)
    out = [sum(CIRCULANT[j] * state[(i + j) % 12] for j in range(12)) for i in range(12)]
    out[0] += 8 * state[0]
    state = [x % P for x in out]
  return state


def sponge(domain, elements):
  state = [0] * 8 + [len(elements), 0, domain, 0]
  for at in range(0, max(len(elements), 1), 8):
    for i, x in enumerate(elements[at:at + 8]):
      state[i] = (state[i] + x) % P
    state = permute(state)
  return state[:4]


def compress(left, right):
  return permute(left + right + [0, 1, 0, 0])[:4]


def pack(data):
  return [int.from_bytes(data[i:i + 7], "little") for i in range(0, len(data), 7)]


def class_bytes(tier, proc, source, license, language, domain, tags):
  texts = [source, license, language, domain]
  out = bytes([TIERS.index(tier)]) + proc + b"".join(t.encode() + b"\0" for t in texts)
  return out + bytes([len(tags)]) + b"".join(t.encode() + b"\0" for t in sorted(tags))


def class_digest(data):
  return sponge(CLASS, [len(data)] + pack(data))


def raw_digest(messages):
  """messages: (role number, masked, text) of the source."""
  data = b"vft record text v1\0" + struct.pack("<I", len(messages))
  for role, masked, text in messages:
    text = text.encode()
    data += struct.pack("<BBI", role, masked, len(text)) + text
  return blake3(data)


def content_digest(n, pad, raw, ids, mask):
  """ids and mask of at most n + 1 tokens."""
  ids, mask = ids[:n + 1], mask[:n + 1]
  words = [2 * ids[i + 1] + mask[i + 1] if i + 1 < len(ids) else 2 * pad for i in range(n)]
  blocks = (n + 15) // 16
  words += [0] * (16 * blocks - n)
  elements = [ids[0], len(ids), n] + pack(raw)
  for j in range(blocks):
    for lane in range(8):
      elements.append(words[16 * j + lane] + (words[16 * j + 8 + lane] << 32))
  return sponge(CONTENT, elements)


def metadata_digest(class_digest_, tokens, loss_tokens):
  return sponge(METADATA, class_digest_ + [tokens, loss_tokens, 0, 0])


def leaf_digest(content, metadata, salt):
  return sponge(LEAF, content + metadata + salt)


def salt(master, n):
  out = blake3(b"vft record salt v1\0" + master + struct.pack("<Q", n), 64)
  return [int.from_bytes(out[16 * j:16 * j + 16], "little") % P for j in range(4)]


def tree_height(counts):
  """Of the trees of all tiers."""
  return max(max(counts) - 1, 0).bit_length()


def tree_root(leaves, height):
  level = leaves + [[0] * 4] * (2 ** height - len(leaves))
  while len(level) > 1:
    level = [compress(level[i], level[i + 1]) for i in range(0, len(level), 2)]
  return level[0]


def tier_root(leaves, sequence_len, tier, height):
  if not leaves:
    return [0] * 4
  return sponge(TIER, tree_root(leaves, height) + [len(leaves), sequence_len, TIERS.index(tier), 1])


def dataset_root(roots):
  return sponge(DATASET, sum(roots, []))


def verify_member(data):
  """c_D, tier, index and class bytes of a membership file (docs/FORMATS.md)."""
  at = 0

  def take(n):
    nonlocal at
    at += n
    assert at <= len(data)
    return data[at - n:at]

  def number(n):
    return int.from_bytes(take(n), "little")

  def digest():
    out = from_bytes(take(32))
    assert all(x < P for x in out)
    return out

  assert take(8) == b"VFTMEMB1" and number(4) == 2
  root, others = digest(), [digest(), digest()]
  height, records, n, index = number(4), number(8), number(8), number(8)
  tokens, loss_tokens = number(4), number(4)
  content, salt_ = digest(), digest()
  kind = take(number(4))
  assert index < records <= 2 ** height and loss_tokens < tokens <= n + 1
  node = leaf_digest(content, metadata_digest(class_digest(kind), tokens, loss_tokens), salt_)
  for b in range(height):
    sibling = digest()
    node = compress(sibling, node) if index >> b & 1 else compress(node, sibling)
  assert at == len(data)
  tier = kind[0]
  roots = others[:tier] + [sponge(TIER, node + [records, n, tier, 1])] + others[tier:]
  assert dataset_root(roots) == root
  return to_hex(root), TIERS[tier], index, kind


def to_hex(digest):
  return struct.pack("<4Q", *digest).hex()


def from_bytes(data):
  return list(struct.unpack("<4Q", data))


def vectors():
  proc, raw, master = bytes(range(32)), bytes(range(255, 223, -1)), bytes([7] * 32)
  classes = [("public", proc, "a file.jsonl", "MIT", "en", "", []),
             ("shadow", bytes(32), "站", "GPL-2.0-only WITH Classpath-exception-2.0 OR MIT",
              "zh-cn", "医学", ["b", "a", "é"])]
  contents = [(8, 0, [1, 2], [0, 1]),
              (16, 3, list(range(20)), [0] * 5 + [1] * 15),
              (24, 5, [2 ** 21 - 1] * 30, [1] * 30),
              (48, 9, [7, 8, 9, 9, 9], [0, 0, 1, 1, 0])]
  out = {"class": [], "content": [], "leaf": [], "root": []}
  for c in classes:
    data = class_bytes(*c)
    out["class"].append({"bytes": data.hex(), "digest": to_hex(class_digest(data))})
  for n, pad, ids, mask in contents:
    out["content"].append({"n": n, "pad": pad, "raw": raw.hex(), "ids": ids, "mask": mask,
                           "digest": to_hex(content_digest(n, pad, raw, ids, mask))})
  leaves = []
  for i in range(21):
    kind, content = class_digest(class_bytes(*classes[i % 2])), content_digest(
        8, 0, raw, [i, i], [0, 1])
    leaf = leaf_digest(content, metadata_digest(kind, 100 + i, 2 * i), salt(master, i))
    leaves.append(leaf)
    out["leaf"].append({"class": to_hex(kind), "content": to_hex(content), "tokens": 100 + i,
                        "loss_tokens": 2 * i, "master": master.hex(), "n": i,
                        "salt": to_hex(salt(master, i)), "digest": to_hex(leaf)})
  for counts in ([1, 0, 0], [2, 1, 0], [3, 5, 13], [21, 0, 0], [0, 0, 8]):
    roots, at, height = [], 0, tree_height(counts)
    for tier, count in zip(TIERS, counts):
      roots.append(tier_root(leaves[at:at + count], 8, tier, height))
      at += count
    out["root"].append({"counts": counts, "sequence_len": 8, "height": height,
                        "tiers": list(map(to_hex, roots)), "digest": to_hex(dataset_root(roots))})
  return out


if __name__ == "__main__":
  text = json.dumps(vectors(), indent=1, ensure_ascii=False)
  (ROOT / "vectors" / "dataset.json").write_text(text + "\n")
