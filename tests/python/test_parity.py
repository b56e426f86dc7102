"""The parts of bench/parity.py that need no PyTorch: reading batches, padding, the calibration
error, GGUF's row order."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("parity", ROOT / "bench/parity.py")
parity = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(parity)


def write(path, lines):
  path.write_text("".join(json.dumps(line) + "\n" for line in lines))
  return path


def test_batches_are_read_and_padded(tmp_path):
  path = write(tmp_path / "b.jsonl", [{"ids": [[5, 6, 7, 8], [9, 4]], "mask": [[0, 1, 1], [1]]}])
  steps = parity.read_batches(path)
  inputs, labels, mask = parity.pad(steps[0])
  assert inputs.tolist() == [[5, 6, 7], [9, 0, 0]]
  assert labels.tolist() == [[6, 7, 8], [4, 0, 0]]
  assert mask.tolist() == [[0, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize("line", [
    {"ids": [[1, 2, 3]], "mask": [[1, 1, 1]]},   # mask as long as ids
    {"ids": [[1, 2, 3]], "mask": [[0, 2]]},      # not a bit
    {"ids": [[1, 2, 3]], "mask": [[0, 0]]},      # nothing to learn
    {"ids": [[1, 2], [1, 2]], "mask": [[1]]},    # a sequence without a mask
    {"ids": [[1]], "mask": [[]]},                # no label
    {"ids": [], "mask": []},
])
def test_bad_batches_are_refused(tmp_path, line):
  with pytest.raises(parity.BadInput):
    parity.read_batches(write(tmp_path / "b.jsonl", [line]))


def test_sequence_longer_than_the_context_is_refused(tmp_path):
  path = write(tmp_path / "h.jsonl", [{"ids": [1, 2, 3, 4], "mask": [1, 1, 1]}])
  assert len(parity.read_heldout(path, context=3)) == 1
  with pytest.raises(parity.BadInput):
    parity.read_heldout(path, context=2)


def test_calibration_error_against_its_definition():
  seed = 12345
  print("seed", seed)
  rng = np.random.default_rng(seed)
  confidence = rng.uniform(0.001, 1.0, 500)
  confidence[:4] = [1.0, 0.1, 0.2, 1.0 / 3]
  correct = rng.uniform(size=500) < confidence ** 2
  for bins in (1, 10, 15):
    expected = 0.0
    for k in range(bins):
      inside = [i for i, c in enumerate(confidence) if k / bins < c <= (k + 1) / bins]
      if inside:
        expected += abs(correct[inside].mean() - confidence[inside].mean()) * len(inside) / 500
    assert parity.calibration_error(confidence, correct, bins) == pytest.approx(expected, abs=1e-12)
  assert parity.calibration_error([1.0, 1.0], [1, 1], 15) == 0.0
  assert parity.calibration_error([1.0, 1.0], [0, 0], 15) == 1.0


def test_rotary_rows_return_to_halves():
  heads, half, columns = 3, 4, 5
  original = np.arange(heads * 2 * half * columns).reshape(heads * 2 * half, columns)
  pairs = np.empty_like(original)
  for h in range(heads):
    for i in range(half):
      for side in (0, 1):  # row i + side * half of a head stands at 2 i + side in GGUF
        pairs[h * 2 * half + 2 * i + side] = original[h * 2 * half + i + side * half]
  assert np.array_equal(parity.unpermute(pairs, heads), original)
  assert not np.array_equal(pairs, original)


def test_gguf_names():
  assert parity.gguf_name("blk.12.attn_k.weight") == "model.layers.12.self_attn.k_proj.weight"
  assert parity.gguf_name("blk.0.ffn_norm.weight") == (
      "model.layers.0.post_attention_layernorm.weight")
  assert parity.gguf_name("token_embd.weight") == "model.embed_tokens.weight"
  assert parity.gguf_name("blk.0.attn_q.bias") is None
  assert parity.gguf_name("blk.0.ffn_gate_inp.weight") is None


def test_differences_are_taken_from_fp32():
  results = {"base": {"all": {"ppl": 20.0, "ece": 0.1}},
             "fp32": {"all": {"ppl": 10.0, "ece": 0.05}},
             "vft": {"all": {"ppl": 10.01, "ece": 0.051}}}
  out = parity.compare(results, "all")
  assert out["ppl_rel_diff_vft"] == pytest.approx(0.001)
  assert out["ece_diff_points_vft"] == pytest.approx(0.1)
  assert "ppl_rel_diff_engine" not in out
