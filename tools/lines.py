#!/usr/bin/env python3
"""Counts the lines of C in files, without blank ones and comments.

    tools/lines.py MOST FILE...

Prints the number and that of all lines; fails when there are more than MOST.
"""
import re
import sys

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)


def lines(text):
    bare = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text)
    return sum(1 for line in bare.splitlines() if line.strip())


def main():
    most, names = int(sys.argv[1]), sys.argv[2:]
    texts = [open(name, encoding="utf-8").read() for name in names]
    code, all_lines = sum(map(lines, texts)), sum(t.count("\n") for t in texts)
    print(f"{len(names)} files, {code} lines of C, {all_lines} with comments and blank lines")
    if code > most:
        print(f"more than {most} lines of C", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
