"""The demo's model, tokenizer and data as committed: shapes, sizes, licences, no leak between the
training and the held-out part, and the data equal to what its script writes."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples/demo"
MODEL = DEMO / "model"


def header():
  data = (MODEL / "model.safetensors").read_bytes()
  size = struct.unpack("<Q", data[:8])[0]
  return json.loads(data[8:8 + size]), data[8 + size:]


def records(name):
  lines = (DEMO / "data" / name).read_text(encoding="utf-8").splitlines()
  return [json.loads(line) for line in lines]


def render(record):
  return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n"
                 for m in record["messages"])


def test_model_folder_is_small():
  assert sum(f.stat().st_size for f in MODEL.iterdir()) <= 2 * 1024 * 1024


def test_tensors_are_those_of_the_configuration():
  config = json.loads((MODEL / "config.json").read_text())
  d, f, v = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
  q = config["num_attention_heads"] * config["head_dim"]
  k = config["num_key_value_heads"] * config["head_dim"]
  expected = {"model.embed_tokens.weight": [v, d], "model.norm.weight": [d]}
  for layer in range(config["num_hidden_layers"]):
    for name, shape in (("self_attn.q_proj", [q, d]), ("self_attn.k_proj", [k, d]),
                        ("self_attn.v_proj", [k, d]), ("self_attn.o_proj", [d, q]),
                        ("mlp.gate_proj", [f, d]), ("mlp.up_proj", [f, d]),
                        ("mlp.down_proj", [d, f]), ("input_layernorm", [d]),
                        ("post_attention_layernorm", [d])):
      expected[f"model.layers.{layer}.{name}.weight"] = shape
  tensors, data = header()
  tensors.pop("__metadata__", None)
  assert {name: t["shape"] for name, t in tensors.items()} == expected
  for name, tensor in tensors.items():
    begin, end = tensor["data_offsets"]
    values = np.frombuffer(data[begin:end], "<f2")
    assert tensor["dtype"] == "F16" and np.isfinite(values).all(), name
    assert np.abs(values).max() > 0, name


def test_tokenizer_entries():
  tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
  assert tokenizer.get_vocab_size() == 960
  assert [tokenizer.id_to_token(i) for i in range(3)] == ["<|endoftext|>", "<|im_start|>",
                                                          "<|im_end|>"]
  for text in ("plain text", "中文也可以", "def f(x):\n\treturn x ** 2  # ok", "emoji 🙂🚀 é"):
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize("name,count", [("train.jsonl", 240), ("heldout.jsonl", 40)])
def test_records(name, count):
  tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
  rows = records(name)
  assert len(rows) == count and len({r["id"] for r in rows}) == count
  for r in rows:
    assert [m["role"] for m in r["messages"]] == ["user", "assistant"]
    assert r["license"] in ("CC0-1.0", "CC-BY-4.0", "Apache-2.0")
    assert r["language"] in ("en", "zh") and r["source"] == "vft-demo/" + r["domain"]
    assert len(tokenizer.encode(render(r)).ids) <= 48, r["id"]
  assert len({(r["domain"], r["language"]) for r in rows}) == 14


def test_no_question_is_in_both_parts():
  train = {r["messages"][0]["content"] for r in records("train.jsonl")}
  assert not train & {r["messages"][0]["content"] for r in records("heldout.jsonl")}


def test_script_writes_the_committed_data(tmp_path):
  script = str(ROOT / "tools/pretrain_demo/make_data.py")
  assert subprocess.run([sys.executable, script, "--check"]).returncode == 0
  (tmp_path / "train.jsonl").write_text(
      (DEMO / "data/train.jsonl").read_text(encoding="utf-8").replace("Paris", "Lyon"),
      encoding="utf-8")
  (tmp_path / "heldout.jsonl").write_bytes((DEMO / "data/heldout.jsonl").read_bytes())
  assert subprocess.run([sys.executable, script, "--check", "--out",
                         str(tmp_path)]).returncode == 1


def test_arithmetic_answers_are_right():
  rows = [r for n in ("train.jsonl", "heldout.jsonl") for r in records(n)
          if r["domain"] == "arithmetic"]
  assert len(rows) == 40
  for r in rows:
    text = r["messages"][1]["content"]
    for word, sign in ((" plus ", "+"), (" minus ", "-"), ("加", "+"), ("减", "-"), (" is ", "="),
                       ("等于", "=")):
      text = text.replace(word, sign)
    left, right = text.rstrip(".。").split("=")
    a, b = left.replace("-", "+-").split("+")
    assert int(a) + int(b) == int(right), r["id"]
