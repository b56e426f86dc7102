#!/usr/bin/env python3
"""Writes src/hash/poseidon_constants.h, the round constants of Poseidon over Goldilocks, width 12, or
src/hash/poseidon_after_sbox.h, the same for another place of the round.

These are the constants in common use for this field and width (Plonky2, Polygon zkEVM). They are
the first 360 outputs of a uniform draw from [0, p) driven by the ChaCha8 stream cipher (RFC 8439
block function with 8 rounds, 64-bit counter from 0, nonce 0) under the 256-bit key that the
PCG32 generator (XSH-RR, increment 11634580027462260723) expands from the seed 0. A draw takes the
next 64 stream bits v (little-endian) and gives floor(v p / 2^64), unless v p mod 2^64 >= p, when
it is drawn again.

Adding the constants of round r + 1 after the linear layer M of round r is adding their image under
the inverse of M before it. In a partial round words 1..11 of that image may as well be added
before the S-box, which only word 0 passes, that is together with the round's own constants. So
every constant but those of round 0 can be added to the output of an S-box: the second file.

Usage: gen_poseidon_constants.py > src/hash/poseidon_constants.h
       gen_poseidon_constants.py after_sbox > src/hash/poseidon_after_sbox.h
"""
import struct
import sys

P = 2**64 - 2**32 + 1
WIDTH, ROUNDS, FULL = 12, 30, 8
CIRCULANT, DIAGONAL = [17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20], 8
MASK32, MASK64 = 2**32 - 1, 2**64 - 1


def rotate_right(x, r):
    return (x >> r | x << (32 - r)) & MASK32


def expand_seed(state, words=8):
    key = []
    for _ in range(words):
        state = (state * 6364136223846793005 + 11634580027462260723) & MASK64
        key.append(rotate_right((state >> 18 ^ state) >> 27 & MASK32, state >> 59))
    return key


def chacha_block(key, counter, rounds):
    start = list(struct.unpack("<4I", b"expand 32-byte k")) + key
    start += [counter & MASK32, counter >> 32, 0, 0]
    x = list(start)

    def quarter(a, b, c, d):
        for i, j, k, r in ((a, b, d, 16), (c, d, b, 20), (a, b, d, 24), (c, d, b, 25)):
            x[i] = (x[i] + x[j]) & MASK32
            x[k] = rotate_right(x[k] ^ x[i], r)

    for _ in range(rounds // 2):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return [(a + b) & MASK32 for a, b in zip(x, start)]


def stream(seed):
    key, counter = expand_seed(seed), 0
    while True:
        block = chacha_block(key, counter, 8)
        counter += 1
        for i in range(0, 16, 2):
            yield block[i] | block[i + 1] << 32


def constants():
    words, out = stream(0), []
    while len(out) < WIDTH * ROUNDS:
        high, low = divmod(next(words) * P, 2**64)
        if low < P:
            out.append(high)
    return out


def unlayer(values):
    """Solves M x = values, M[r][c] = CIRCULANT[c - r] and DIAGONAL more at (0, 0)."""
    rows = [[CIRCULANT[(c - r) % WIDTH] for c in range(WIDTH)] + [v] for r, v in enumerate(values)]
    rows[0][0] += DIAGONAL
    for k in range(WIDTH):
        inverse = pow(rows[k][k], -1, P)
        rows[k] = [v * inverse % P for v in rows[k]]
        for r in range(WIDTH):
            if r != k:
                rows[r] = [(v - rows[r][k] * w) % P for v, w in zip(rows[r], rows[k])]
    return [row[WIDTH] for row in rows]


def after_sboxes(values):
    """One value an S-box, in the order of rounds and words."""
    out, pending = [[0] * WIDTH], values[-WIDTH:]
    for r in range(ROUNDS - 2, -1, -1):
        before = unlayer(pending)
        pending = values[r * WIDTH : (r + 1) * WIDTH]
        if FULL // 2 <= r < ROUNDS - FULL // 2:
            pending = pending[:1] + [(a + b) % P for a, b in zip(pending[1:], before[1:])]
            before = before[:1]
        out.append(before)
    return [v for row in reversed(out) for v in row]


def rc_header(values):
    lines = [
        "/* Written by tools/gen_poseidon_constants.py, which says where the numbers come from:",
        " * constant i of round r is vft_poseidon_rc[r][i]. */",
        "#ifndef VFT_HASH_POSEIDON_CONSTANTS_H",
        "#define VFT_HASH_POSEIDON_CONSTANTS_H",
        "",
        "#include <stdint.h>",
        "",
        "static const uint64_t vft_poseidon_rc[%d][%d] = {" % (ROUNDS, WIDTH),
    ]
    for r in range(ROUNDS):
        row = ["0x%016xull" % v for v in values[r * WIDTH : (r + 1) * WIDTH]]
        lines.append("    {" + ", ".join(row[:4]) + ",")
        lines.append("     " + ", ".join(row[4:8]) + ",")
        lines.append("     " + ", ".join(row[8:]) + "},")
    return lines + ["};"]


def after_sbox_header(values):
    after = ["K(0x%016xull)" % v for v in after_sboxes(values)]
    rows = [", ".join(after[i : i + 3]) for i in range(0, len(after), 3)]
    return [
        "/* Written by tools/gen_poseidon_constants.py: through K, what may be added to the outputs of all",
        " * S-boxes in place of the constants of rounds 1.. */",
        "#ifndef VFT_HASH_POSEIDON_AFTER_SBOX_H",
        "#define VFT_HASH_POSEIDON_AFTER_SBOX_H",
        "",
        "#define VFT_POSEIDON_AFTER_SBOX(K) \\",
        "  " + ", \\\n  ".join(rows),
    ]


if __name__ == "__main__":
    made = after_sbox_header if sys.argv[1:] == ["after_sbox"] else rc_header
    print("\n".join([*made(constants()), "", "#endif"]))
