#!/usr/bin/env python3
"""Checks the layers of docs/ARCHITECTURE.md against every #include of src/ and cli/.

    tools/check_includes.py [ROOT]

Fails (exit status 1, a line for each violation) when
  - a folder of src/ or cli/ is missing from the table, or the table names one that does not exist;
  - a file includes a header of a higher level, or of its own level without a listed edge;
  - an included header does not exist under src/ (or, in cli/, beside the file);
  - a file of the verifier core includes a header that is neither ours, nor ISO C, nor POSIX.
The core is everything that src/verify includes, transitively; a header x.h stands for itself and
for every source x.c and x_*.c beside it.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
MARK = "<!-- layers:"
LIBC = {
    "assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdatomic.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h",
    "pthread.h", "unistd.h", "sys/mman.h",
    "immintrin.h",  # the compiler's own
}


class Layers:
    def __init__(self, text):
        self.level, self.edges = {}, set()
        head, mark, rest = text.partition(MARK)
        if not mark:
            raise SystemExit(f"ARCHITECTURE.md: no '{MARK}' before the table of layers")
        rows = [line for line in rest.splitlines() if line.startswith("|")]
        for row in rows:
            cells = [c.strip() for c in row.strip().strip("|").split("|")]
            if not cells[0].isdigit():
                if self.level and set(cells[0]) - set("-"):
                    break  # the next table
                continue
            for folder in re.findall(r"`([^`]+)`", cells[1]):
                if folder in self.level:
                    raise SystemExit(f"ARCHITECTURE.md: `{folder}` is in two layers")
                self.level[folder] = int(cells[0])
            self.edges |= set(re.findall(r"`([^`]+)`\s*->\s*`([^`]+)`", cells[2]))
        for a, b in self.edges:
            if self.level.get(a) is None or self.level.get(a) != self.level.get(b):
                raise SystemExit(f"ARCHITECTURE.md: {a} -> {b} is not an edge within one level")

    def allows(self, user, used):
        return (user == used or self.level[user] > self.level[used]
                or (user, used) in self.edges)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = INCLUDE.match(line)
        if m:
            yield number, m.group(1) == "<", m.group(2)


def sources(root):
    for folder in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        for path in sorted(folder.rglob("*.[ch]")):
            yield folder.name, path
    for path in sorted((root / "cli").rglob("*.[ch]")):
        yield "cli", path


def check_layers(root, layers):
    bad, seen = [], {"cli"} if (root / "cli").is_dir() else set()
    seen |= {p.name for p in (root / "src").iterdir() if p.is_dir()}
    bad += [f"docs/ARCHITECTURE.md: the layers do not say where `{f}` is"
            for f in sorted(seen - layers.level.keys())]
    bad += [f"docs/ARCHITECTURE.md: the layers name `{f}`, which does not exist"
            for f in sorted(layers.level.keys() - seen)]
    for folder, path in sources(root):
        if folder not in layers.level:
            continue
        for number, system, name in includes(path):
            if system:
                continue
            where = f"{path.relative_to(root)}:{number}"
            beside = folder == "cli" or name.startswith("../")
            if beside and (path.parent / name).is_file() or (root / "include" / name).is_file():
                continue
            if not (root / "src" / name).is_file():
                bad.append(f"{where}: \"{name}\" is not a header under src/")
                continue
            used = name.split("/")[0]
            if used in layers.level and not layers.allows(folder, used):
                bad.append(f"{where}: {folder} (level {layers.level[folder]}) may not include "
                           f"{used} (level {layers.level[used]})")
    return bad


def check_core(root):
    """The verifier's closure needs libc only."""
    todo = sorted((root / "src" / "verify").glob("*.[ch]"))
    done, bad = set(todo), []
    while todo:
        path = todo.pop()
        for number, system, name in includes(path):
            where = f"{path.relative_to(root)}:{number}"
            if system:
                if name not in LIBC:
                    bad.append(f"{where}: the verifier core may not need <{name}>")
                continue
            header = path.parent / name if name.startswith("../") else root / "src" / name
            stem = header.name[:-2]
            unit = [p for p in header.parent.glob(stem + "*.c")
                    if p.stem == stem or p.stem.startswith(stem + "_")]
            for found in [header, *unit]:
                if found.is_file() and found not in done:
                    done.add(found)
                    todo.append(found)
    return sorted(bad), len(done)


def main(argv):
    root = pathlib.Path(argv[1]) if len(argv) > 1 else pathlib.Path(__file__).parents[1]
    layers = Layers((root / "docs" / "ARCHITECTURE.md").read_text())
    bad = check_layers(root, layers)
    core, files = check_core(root)
    bad += core
    for line in bad:
        print(line)
    if not bad:
        print(f"includes: {len(layers.level)} folders in order; verifier core: {files} files, "
              "libc only")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
