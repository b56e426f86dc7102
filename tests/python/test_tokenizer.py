"""The stored answers that the C tests compare with are those of the reference tokenizer."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

VECTORS = Path(__file__).resolve().parents[2] / "vectors/tokenizer"


@pytest.mark.parametrize("name", ["gpt2", "smollm", "llama3", "qwen2"])
def test_stored_answers_are_the_reference(name):
  cases = json.loads((VECTORS / "cases.json").read_text(encoding="utf-8"))
  tokenizer = Tokenizer.from_file(str(VECTORS / f"{name}.json"))
  for key, plain in (("special", False), ("plain", True)):
    tokenizer.encode_special_tokens = plain
    got = [tokenizer.encode(t, add_special_tokens=False).ids for t in cases["texts"]]
    assert got == cases["ids"][name][key]


def test_the_cases_cover_what_they_should():
  texts = json.loads((VECTORS / "cases.json").read_text(encoding="utf-8"))["texts"]
  everything = "".join(texts)
  assert any("一" <= c <= "鿿" for c in everything)
  assert "👍" in everything and "return" in everything and "<|im_end|>" in everything
  assert any(len(t) >= 300 for t in texts) and "" in texts
