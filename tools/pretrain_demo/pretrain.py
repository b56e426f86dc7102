#!/usr/bin/env python3
"""Trains the tokenizer and the small Llama model of examples/demo/model from scratch.

  python tools/pretrain_demo/pretrain.py [--cache DIR] [--out DIR] [--measure]

Needs the packages of requirements.txt beside this file and Debian's apt-get (corpus.py says which
texts it downloads). Every random choice comes from SEED; on one machine and one PyTorch build the
run is repeatable bit for bit. On another build the weights differ in their last bits, so the
committed files, not this script, define the demo model.

The tokenizer is byte-level BPE with GPT-2's split, 960 entries: three special tokens (ids 0 to 2),
the 256 bytes, 701 merges. The model is a Llama with grouped-query attention and sizes that are
deliberately not powers of two. Written: config.json, generation_config.json, model.safetensors
(F16, tied head), tokenizer.json, tokenizer_config.json, pretrain.json (held-out losses of the
stored weights; --measure computes that file again from the model in --out, without training).
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

import corpus
import make_data

SEED = 20
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
RECORD_WEIGHT = 20
STEPS, ROWS, LENGTH = 2600, 12, 384
LR, WARMUP, DECAY, CLIP = 4e-3, 60, 0.1, 1.0
VALIDATION_EVERY = 20  # each 20th document of a source is kept out of training

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 96,
    "initializer_range": 0.02,
    "intermediate_size": 240,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 6,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "float16",
    "use_cache": True,
    "vocab_size": 960,
}
CHATML = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + "
          "message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def render(document):
  """The text of a document; a conversation in ChatML."""
  if isinstance(document, str):
    return document
  return "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in document)


def train_tokenizer(sources):
  tokenizer = Tokenizer(models.BPE())
  tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
  tokenizer.decoder = decoders.ByteLevel()
  trainer = trainers.BpeTrainer(
      vocab_size=CONFIG["vocab_size"], show_progress=False,
      special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIALS],
      initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))

  def texts():
    for _, language, documents in sources:
      for document in documents:
        text = render(document)
        for special in SPECIALS:
          text = text.replace(special, "\n")
        # The Chinese part is the smaller one: counted twice, it gets about half of the merges.
        yield from [text] * (2 if language == "zh" else 1)
    # Words of the demo's training records get merges too, so that its steps are short. Only the
    # tokenizer sees them; the model is not trained on them, and nothing sees the held-out ones.
    for record in make_data.build()[0]:
      yield from ["\n".join(m["content"] for m in record["messages"])] * RECORD_WEIGHT

  tokenizer.train_from_iterator(texts(), trainer)
  assert tokenizer.get_vocab_size() == CONFIG["vocab_size"]
  return tokenizer


def split(sources, tokenizer):
  """{language: {"train": ids, "held": ids, "sources": {name: held-out ids}}}: documents shuffled
  within a language, each followed by <|endoftext|>. No document is in both parts."""
  rng = random.Random(SEED)

  def ids_of(texts):
    rng.shuffle(texts)
    ids = []
    for encoding in tokenizer.encode_batch(texts):
      ids += encoding.ids + [0]
    return np.array(ids, dtype=np.int64)

  out = {}
  for language in ("en", "zh"):
    train, held, by_source = [], [], {}
    for name, lang, documents in sources:
      if lang == language:
        for i, document in enumerate(documents):
          (held if i % VALIDATION_EVERY == 7 else train).append(render(document))
        by_source[name] = [render(d) for i, d in enumerate(documents) if i % VALIDATION_EVERY == 7]
    out[language] = {"train": ids_of(train), "held": ids_of(held)}
    out[language]["sources"] = by_source
  for parts in out.values():
    parts["sources"] = {name: ids_of(texts) for name, texts in parts["sources"].items()}
  return out


def unigram(train, held):
  """Cross-entropy in nats a token of the training part's add-one unigram model."""
  counts = np.bincount(train, minlength=CONFIG["vocab_size"]) + 1.0
  return float(-np.log(counts / counts.sum())[held].mean())


@torch.no_grad()
def held_out(model, ids):
  """Cross-entropy in nats a token over consecutive windows of LENGTH ids (the last may be
  shorter)."""
  total, count = 0.0, 0
  for at in range(0, len(ids) - 1, LENGTH):
    block = torch.from_numpy(ids[at:at + LENGTH])[None]
    if block.shape[1] > 1:
      total += model(input_ids=block, labels=block).loss.item() * (block.shape[1] - 1)
      count += block.shape[1] - 1
  return total / count


def measure(model, data):
  report = {"steps": STEPS, "tokens_per_step": ROWS * LENGTH,
            "parameters": sum(p.numel() for p in model.parameters()), "languages": {}}
  for language, parts in data.items():
    report["languages"][language] = {
        "train_tokens": len(parts["train"]), "held_out_tokens": len(parts["held"]),
        "unigram_nats": round(unigram(parts["train"], parts["held"]), 4),
        "model_nats": round(held_out(model, parts["held"]), 4),
        "by_source": {name: {"tokens": len(ids),
                             "unigram_nats": round(unigram(parts["train"], ids), 4),
                             "model_nats": round(held_out(model, ids), 4)}
                      for name, ids in parts["sources"].items()}}
  return report


def lr_at(step):
  if step < WARMUP:
    return LR * (step + 1) / WARMUP
  return LR * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))))


def train(data):
  torch.manual_seed(SEED)
  model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in CONFIG.items() if k != "torch_dtype"}))
  model.train()
  matrices = [p for p in model.parameters() if p.dim() > 1]
  gains = [p for p in model.parameters() if p.dim() == 1]
  optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY},
                                 {"params": gains, "weight_decay": 0.0}],
                                lr=LR, betas=(0.9, 0.95), eps=1e-8)
  rng = np.random.default_rng(SEED)
  start = time.time()
  for step in range(STEPS):
    rows = []
    for row in range(ROWS):  # half of the rows in each language
      ids = data["en" if row % 2 == 0 else "zh"]["train"]
      at = int(rng.integers(0, len(ids) - LENGTH))
      rows.append(ids[at:at + LENGTH])
    block = torch.from_numpy(np.stack(rows))
    for group in optimiser.param_groups:
      group["lr"] = lr_at(step)
    loss = model(input_ids=block, labels=block).loss
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimiser.step()
    if step % 100 == 99:
      print(f"step {step + 1}/{STEPS} loss {loss.item():.4f} {time.time() - start:.0f} s",
            flush=True)
  model.eval()
  return model


def write(model, tokenizer, out):
  out.mkdir(parents=True, exist_ok=True)

  def dump(name, value):
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    (out / name).write_text(text + "\n")

  dump("config.json", CONFIG)
  dump("generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0})
  tokenizer.save(str(out / "tokenizer.json"))
  dump("tokenizer_config.json", {
      "add_prefix_space": False,
      "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
      "bos_token": "<|im_start|>",
      "chat_template": CHATML,
      "clean_up_tokenization_spaces": False,
      "eos_token": "<|im_end|>",
      "model_max_length": CONFIG["max_position_embeddings"],
      "pad_token": "<|endoftext|>",
      "tokenizer_class": "PreTrainedTokenizerFast",
      "unk_token": "<|endoftext|>",
  })
  tensors = {k: v.half().contiguous() for k, v in model.state_dict().items()
             if k != "lm_head.weight" and "rotary" not in k}
  save_file(dict(sorted(tensors.items())), out / "model.safetensors", metadata={"format": "pt"})


def main():
  here = Path(__file__).resolve().parent
  parser = argparse.ArgumentParser(description="Pretrains the demo model.")
  parser.add_argument("--cache", default="build/pretrain_cache", help="where packages are unpacked")
  parser.add_argument("--out", default=here.parents[1] / "examples/demo/model", type=Path)
  parser.add_argument("--threads", default=2, type=int)
  parser.add_argument("--measure", action="store_true", help="only write pretrain.json again")
  args = parser.parse_args()
  torch.set_num_threads(args.threads)
  torch.use_deterministic_algorithms(True)

  sources = corpus.load(args.cache)
  if args.measure:
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    data = split(sources, tokenizer)
    model = LlamaForCausalLM.from_pretrained(args.out, dtype=torch.float32).eval()
  else:
    tokenizer = train_tokenizer(sources)
    data = split(sources, tokenizer)
    model = train(data)
    with torch.no_grad():  # measure what is stored: the weights rounded to F16
      for parameter in model.parameters():
        parameter.copy_(parameter.half().float())
    write(model, tokenizer, args.out)
  report = json.dumps(measure(model, data), indent=2)
  (args.out / "pretrain.json").write_text(report + "\n")
  print(report)


if __name__ == "__main__":
  main()
