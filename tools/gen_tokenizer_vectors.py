"""Writes vectors/tokenizer/: four small byte-level BPE tokenizers and what the reference (the
Hugging Face tokenizers package) makes of a set of texts.

Usage: python3 tools/gen_tokenizer_vectors.py [SmolLM2.gguf]
With the model file (needs the gguf package) it also writes the reference's answers for the
tokenizer inside it. tests/python/test_tokenizer.py checks the committed answers again.
"""
import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "vectors/tokenizer"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Bytes without a token, as real vocabularies have them.
NO_TOKEN = [0x04, 0x16, 0xC0, 0xC1, 0xF2] + list(range(0xF5, 0x100))


def byte_level(use_regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
            "use_regex": use_regex}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior,
            "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


VARIANTS = {
    "gpt2": {"pre_tokenizer": byte_level(True)},
    "smollm": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True},
                                         byte_level(True))},
    "llama3": {"pre_tokenizer": sequence(split(LLAMA3), byte_level(False)),
               "ignore_merges": True},
    "qwen2": {"pre_tokenizer": sequence(split(QWEN2, "Removed", True), byte_level(False)),
              "normalizer": {"type": "NFC"}, "added": ["<tool>", "\u00e9t\u00e9", "  ", "<to"],
              "unk_token": "!", "fuse_unk": True},
}


def texts():
    out = [
        "", " ", "\n", "\n\n\n  x", "Hello, world!", "I'm sure they'll say we've won; it's Tom's.",
        "HE'S 'LL I'VE 'S", "The quick brown fox jumps over 13 lazy dogs, 2.5 times.",
        "12345678 ½ ⅔ １２３ ٣", "def f(x):\n    return x ** 2  # squared\n",
        "\t\tif (a[i] != b) {\r\n\t\t\treturn -1;\r\n\t\t}\r\n", "for (;;) {}\n\n\n\n",
        "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。", "今天天气很好，我们去公园吧！",
        "人工智能 AI 与 机器学习 (ML)", "日本語のテキスト、カタカナ", "한국어 조합 가나다",
        "👍 👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇳 ☃", "naïve café e\u0301te\u0301 \u00e9t\u00e9 A\u030a \u212b",
        "\u1100\u1161\u11a8 q\u0323\u0307 q\u0307\u0323", "x\u180ey\u200bz\u00a0 \u3000\u2028\u1680\x85q",
        "\x01\x02\x04\x16\x1c\x1d\x1f\x7f", "nul\x00inside", "\U000f0000\U0010ffff\U00080000",
        "<|im_start|>user\nhi<|im_end|>\n", "<|im_end", "<|im_end|><|im_end|>|>",
        "<tool><to<tool>", "a  b   c    d", " leading", "trailing ", "\u00a0\u00a0x",
        "a" * 300, " " * 200 + "end", "ab" * 150, "the" * 40, "\u4e2d" * 60, "=" * 77,
        "https://example.org/a?b=c&d=%20#e", "{\"key\": [1, 2.0e-3, null]}", "SELECT * FROM t;--",
    ]
    rng = random.Random(7)
    pool = list("etaoin shrdlu'\"\n\t 0123456789<|>_-.,!?") + SPECIAL + ["<tool>", "  ", "'ll"]
    pool += [chr(rng.choice([rng.randrange(0xC0, 0x250), rng.randrange(0x300, 0x370),
                             rng.randrange(0x4E00, 0x9FA5), rng.randrange(0x1F300, 0x1F600),
                             rng.randrange(0xAC00, 0xD7A4), rng.randrange(0x905, 0x939)]))
             for _ in range(120)]
    out += ["".join(rng.choice(pool) for _ in range(rng.randrange(1, 40))) for _ in range(60)]
    return out


def base():
    """Vocabulary and merges learned from the demo's training data."""
    lines = (ROOT / "examples/demo/data/train.jsonl").read_text(encoding="utf-8").splitlines()
    corpus = [m["content"] for line in lines for m in json.loads(line)["messages"]]
    corpus += ["int main(void) {\n  return 0;\n}\n", "for i in range(10):\n    print(i)\n"] * 20
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=560, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return json.loads(t.to_str())["model"]


def symbols():
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def make(name, model):
    v = VARIANTS[name]
    missing = {symbols()[b] for b in NO_TOKEN}
    kept = [k for k, _ in sorted(model["vocab"].items(), key=lambda kv: kv[1])
            if not missing & set(k)]
    vocab = {k: i for i, k in enumerate(kept)}
    merges = [m for m in model["merges"] if all(p in vocab for p in (*m, m[0] + m[1]))]
    added = [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, c in enumerate(SPECIAL)]
    for c in v.get("added", []):
        added.append({"id": len(vocab) + len(added) - len(SPECIAL), "content": c,
                      "single_word": False, "lstrip": False, "rstrip": False,
                      "normalized": True, "special": False})
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": v.get("normalizer"), "pre_tokenizer": v["pre_tokenizer"],
        "post_processor": None, "decoder": byte_level(True),
        "model": {"type": "BPE", "dropout": None, "unk_token": v.get("unk_token"),
                  "continuing_subword_prefix": "", "end_of_word_suffix": "",
                  "fuse_unk": v.get("fuse_unk", False), "byte_fallback": False,
                  "ignore_merges": v.get("ignore_merges", False), "vocab": vocab,
                  "merges": merges},
    }


def answers(tokenizer, cases):
    out = {}
    for key, plain in (("special", False), ("plain", True)):
        tokenizer.encode_special_tokens = plain
        out[key] = [tokenizer.encode(c, add_special_tokens=False).ids for c in cases]
    return out


def smollm2(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields

    def strings(key):
        f = fields[key]
        return [bytes(f.parts[i]).decode() for i in f.data]

    kinds = [int(fields["tokenizer.ggml.token_type"].parts[i][0])
             for i in fields["tokenizer.ggml.token_type"].data]
    tokens = strings("tokenizer.ggml.tokens")
    doc = make("smollm", {"vocab": {}, "merges": []})
    doc["model"]["vocab"] = {t: i for i, t in enumerate(tokens)}
    doc["model"]["merges"] = [m.split(" ") for m in strings("tokenizer.ggml.merges")]
    doc["added_tokens"] = [{**doc["added_tokens"][0], "id": i, "content": tokens[i]}
                           for i, k in enumerate(kinds) if k == 3]
    return doc


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n",
                    encoding="utf-8")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    cases = texts()
    model, result = base(), {}
    for name in VARIANTS:
        doc = make(name, model)
        dump(OUT / f"{name}.json", doc)
        result[name] = answers(Tokenizer.from_str(json.dumps(doc)), cases)
    dump(OUT / "cases.json", {"texts": cases, "ids": result})
    if len(sys.argv) > 1:
        reference = Tokenizer.from_str(json.dumps(smollm2(sys.argv[1])))
        dump(OUT / "smollm2_135m.json", {"texts": cases, "ids": {"smollm2":
                                                               answers(reference, cases)}})


main()
