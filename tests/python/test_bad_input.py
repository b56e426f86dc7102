"""Every bad input of the main job: one clear line that names the file and what is wrong, exit code
2, nothing half-written. (tests/python/test_cli.py has the configuration's own mistakes.)"""

import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from test_cli import DEMO, expect, vft, write_config, write_gguf

RECORD = ('{"messages": [{"role": "user", "content": "a"}, '
          '{"role": "assistant", "content": "b"}]}\n')
LONG = "word " * 3000


def refused(tmp_path, *words, **values):
  run = tmp_path / "refused"
  expect(vft("train", write_config(tmp_path, **values), "--out", run), 2, *words)
  assert not run.exists()


# ---- GGUF ------------------------------------------------------------------------------------

class Gguf:
  """A GGUF file and where its parts begin."""

  def __init__(self, data):
    self.data, self.at = data, 24
    self.key, self.tensor = {}, {}  # name -> (start, after the name, value); (..., dims, type)
    tensors, keys = self.number(8, 8), self.number(16, 8)
    for _ in range(keys):
      start, name, after = self.name()
      kind = self.number(after, 4)
      self.at = after + 4
      self.key[name] = (start, after, self.at)
      self.skip(kind)
    for _ in range(tensors):
      start, name, after = self.name()
      kind = after + 4 + 8 * self.number(after, 4)
      self.tensor[name] = (start, after + 4, kind)
      self.at = kind + 12
    self.table_end = self.at
    self.values = -(-self.at // 32) * 32

  def number(self, at, size):
    return int.from_bytes(self.data[at:at + size], "little")

  def name(self):
    start = self.at
    self.at += 8 + self.number(start, 8)
    return start, self.data[start + 8:self.at].decode(), self.at

  def skip(self, kind):
    if kind == 9:
      kind, count = self.number(self.at, 4), self.number(self.at + 4, 8)
      self.at += 12
      for _ in range(count):
        self.skip(kind)
    elif kind == 8:
      self.at += 8 + self.number(self.at, 8)
    else:
      self.at += 4

  def changed(self, at, new):
    return self.data[:at] + new + self.data[at + len(new):]

  def value_at(self, tensor, element, size):
    return self.values + self.number(self.tensor[tensor][2] + 4, 8) + size * element


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
  path = tmp_path_factory.mktemp("gguf") / "demo.gguf"
  write_gguf(DEMO / "model", path)
  return Gguf(path.read_bytes())


EMBEDDING, QUERY = "token_embd.weight", "blk.0.attn_q.weight"
CUTS = {
    "nothing": (lambda g: 0, "empty"),
    "magic": (lambda g: 3, "the file ends inside its header"),
    "version": (lambda g: 6, "the file ends inside its header"),
    "counts": (lambda g: 12, "the file ends inside its header"),
    "length of a key": (lambda g: g.key["llama.block_count"][0] + 4, "the file ends inside"),
    "key": (lambda g: g.key["llama.block_count"][0] + 12, "the file ends inside"),
    "type of a value": (lambda g: g.key["llama.block_count"][1] + 2, "the file ends inside"),
    "value": (lambda g: g.key["llama.block_count"][2] + 2, "the file ends inside"),
    "length of an array": (lambda g: g.key["tokenizer.ggml.tokens"][2] + 8, "the file ends inside"),
    "array": (lambda g: g.key["tokenizer.ggml.tokens"][2] + 2000, "the file ends inside a string"),
    "name of a tensor": (lambda g: g.tensor[EMBEDDING][0] + 10, "inside the tensor table"),
    "dimensions": (lambda g: g.tensor[EMBEDDING][1] + 2, "inside the tensor table"),
    "type of a tensor": (lambda g: g.tensor[EMBEDDING][2] + 2, "inside the tensor table"),
    "offset": (lambda g: g.tensor[EMBEDDING][2] + 8, "inside the tensor table"),
    "padding": (lambda g: g.table_end, EMBEDDING),
    "no values": (lambda g: g.values, EMBEDDING),
    "values": (lambda g: g.values + 1000, EMBEDDING),
    "last byte": (lambda g: len(g.data) - 1, "is complete; fetch it again"),
}


@pytest.mark.parametrize("name", CUTS)
def test_truncated_gguf(gguf, tmp_path, name):
  where, words = CUTS[name]
  path = tmp_path / "cut.gguf"
  path.write_bytes(gguf.data[:where(gguf)])
  refused(tmp_path, "cut.gguf", words, model=path)


def little(value, size):
  return value.to_bytes(size, "little")


DAMAGE = {
    "no GGUF": (lambda g: g.changed(0, b"GGJT"), "not a GGUF file"),
    "old version": (lambda g: g.changed(4, little(1, 4)), "GGUF version 1, expected 3"),
    "new version": (lambda g: g.changed(4, little(9, 4)), "GGUF version 9, expected 3"),
    "architecture": (lambda g: g.changed(g.key["general.architecture"][2] + 8, b"gemma"),
                     "general.architecture is 'gemma', expected 'llama'"),
    "quantisation": (lambda g: g.changed(g.tensor[QUERY][2], little(10, 4)),
                     f"tensor '{QUERY}': rows of 96 are not whole blocks of Q2_K, which is "
                     "not supported either"),
    "integers": (lambda g: g.changed(g.tensor[QUERY][2], little(24, 4)),
                 f"tensor '{QUERY}' has type I8; supported are"),
    "unknown type": (lambda g: g.changed(g.tensor[QUERY][2], little(99, 4)),
                     f"tensor '{QUERY}': unknown type number 99"),
    "shape": (lambda g: g.changed(g.tensor[QUERY][1], little(32, 8)),
              f"tensor '{QUERY}' has shape [96, 32], expected [96, 96]"),
    "impossible shape": (lambda g: g.changed(g.tensor[QUERY][1], little(1 << 62, 8)), QUERY),
    "counts": (lambda g: g.changed(16, little(1 << 60, 8)), "at most 65536 expected"),
    "no tensor": (lambda g: g.data.replace(QUERY.encode(), b"blk.0.attn_z.weight"),
                  f"tensor '{QUERY}' is missing"),
    "unknown key": (lambda g: g.data.replace(b"llama.block_count", b"llama.block_counz"),
                    "llama.block_counz"),
    "no layers": (lambda g: g.changed(g.key["llama.block_count"][2], little(0, 4)),
                  "number of layers is 0"),
    "NaN": (lambda g: g.changed(g.value_at("output_norm.weight", 2, 4),
                                np.float32(np.nan).tobytes()),
            "tensor 'output_norm.weight' has a NaN or an infinity in row 0"),
    "infinity": (lambda g: g.changed(g.value_at("output_norm.weight", 2, 4),
                                     np.float32(-np.inf).tobytes()),
                 "tensor 'output_norm.weight' has a NaN or an infinity in row 0"),
    "half NaN": (lambda g: g.changed(g.value_at("blk.1.ffn_up.weight", 2 * 96 + 5, 2),
                                     np.float16(np.nan).tobytes()),
                 "tensor 'blk.1.ffn_up.weight' has a NaN or an infinity in row 2"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_gguf(gguf, tmp_path, name):
  change, words = DAMAGE[name]
  path = tmp_path / "bad.gguf"
  data = change(gguf)
  assert data != gguf.data
  path.write_bytes(data)
  refused(tmp_path, "bad.gguf", words, model=path)


def test_missing_and_other_models(tmp_path):
  refused(tmp_path, "none.gguf: cannot be opened: No such file", model=tmp_path / "none.gguf")
  refused(tmp_path, "config.json: cannot be opened", model=tmp_path)
  refused(tmp_path, "not a GGUF file", model=DEMO / "calibration.txt")


# ---- safetensors -----------------------------------------------------------------------------

@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(tmp_path, value):
  model, name = tmp_path / "model", "model.layers.1.mlp.up_proj.weight"
  shutil.copytree(DEMO / "model", model)
  tensors = load_file(model / "model.safetensors")
  tensors[name] = tensors[name].copy()
  tensors[name][4, 3] = value
  save_file(tensors, model / "model.safetensors")
  refused(tmp_path, f"tensor '{name}' has a NaN or an infinity in row 4", model=model)


def test_integer_weights(tmp_path):
  model = tmp_path / "model"
  shutil.copytree(DEMO / "model", model)
  tensors = load_file(model / "model.safetensors")
  tensors["model.norm.weight"] = tensors["model.norm.weight"].astype(np.int32)
  save_file(tensors, model / "model.safetensors")
  refused(tmp_path, "tensor 'model.norm.weight' has type I32; supported are F32, F16 and BF16",
          model=model)


# ---- Records ---------------------------------------------------------------------------------

RECORDS = {
    "malformed line": (RECORD + '{"messages": [', "bad.jsonl: line 2: malformed JSON"),
    "malformed line after blanks": (RECORD + "\n\n{", "bad.jsonl: line 4: malformed JSON"),
    "malformed array": ("[\n" + RECORD.strip() + ',\n{"messages": [}\n]',
                        "bad.jsonl: line 3: malformed JSON"),
    "no UTF-8": (RECORD.encode() + RECORD.encode().replace(b'"a"', b'"\xff"'),
                 "bad.jsonl: line 2: malformed JSON"),
    "empty record": (RECORD + "{}\n", "bad.jsonl: line 2: field messages: missing"),
    "empty answer": (RECORD + RECORD.replace('"b"', '""'),
                     "bad.jsonl: line 2: field messages[1].content: empty record"),
    "empty question": (RECORD.replace('"a"', '""'),
                       "bad.jsonl: line 1: field messages[0].content: empty record"),
    "no answer": (RECORD.split(", {")[0] + "]}\n", "bad.jsonl: line 1: field messages: empty"),
    "no object": (RECORD + "3\n", "bad.jsonl: line 2: malformed JSON"),
    "no text": (RECORD.replace('"b"', "3"), "field messages[1].content: not a string"),
    "too long": (RECORD.replace('"a"', f'"{LONG}"') * 4,
                 "0 of 4 records have a token to learn within sequence_len"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_bad_records(tmp_path, name):
  text, words = RECORDS[name]
  data = tmp_path / "bad.jsonl"
  data.write_bytes(text if isinstance(text, bytes) else text.encode())
  refused(tmp_path, words, data=data)


def test_records_longer_than_the_context(tmp_path):
  """What does not fit is cut or left out, and the user is told how much."""
  data = tmp_path / "long.jsonl"
  data.write_text(RECORD * 4 + RECORD.replace('"b"', f'"{LONG}"')
                  + 2 * RECORD.replace('"a"', f'"{LONG}"'))
  expect(vft("train", write_config(tmp_path, data=data, steps=1), "--out", tmp_path / "run"), 0,
         "long.jsonl: 2 records have no token to learn within sequence_len and are left out",
         "long.jsonl: 1 of 7 records are longer than sequence_len and are cut")


# ---- Another version -------------------------------------------------------------------------

def test_run_folder_of_another_version(tmp_path):
  config = write_config(tmp_path, steps=1)
  whole = tmp_path / "whole"
  expect(vft("run", config, "--out", whole, "--join", 1), 0)

  def check(pattern, old, new, words, *commands):
    run = tmp_path / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(whole, run)
    for path in run.glob(pattern):
      data = path.read_bytes()
      assert old in data
      path.write_bytes(data.replace(old, new, 1))
    for command in commands:
      args = {"verify": ["verify", run / "public"], "prove": ["prove", run],
              "train": ["train", config, "--out", run, "--resume"], "replay": ["replay", run],
              "export": ["export", run, "--out", tmp_path / "adapter"],
              "inspect": ["inspect", run / "public" / "manifest.json"],
              "eval": ["eval", run, "--data", DEMO / "data" / "heldout.jsonl"]}[command]
      expect(vft(*args), 2, *words)
    assert not (tmp_path / "adapter").exists()

  check("private/run.json", b"vft-run/", b"vft-run/9", ["run.json", "another version"],
        "prove", "train", "replay", "export", "eval")
  check("public/manifest.json", b"vft-manifest/", b"vft-manifest/9",
        ["manifest.json", "another version"], "verify", "prove", "train", "replay", "export",
        "eval", "inspect")
  check("public/manifest.json", b"vft-step/", b"vft-step/9", ["manifest.json", "another version"],
        "verify", "prove", "train", "export")
  step = (whole / "public" / "proofs" / "step_000000.vft").read_bytes()
  check("public/proofs/step_*.vft", step[:12], step[:8] + little(9, 4),
        ["step_000000.vft", "format version 9 is not supported"], "verify")
  state = next((whole / "private" / "checkpoints").iterdir()).read_bytes()
  check("private/checkpoints/*", state[:12], state[:8] + little(9, 4),
        ["its format version is not supported"], "export")
