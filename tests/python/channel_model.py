"""The Poseidon channel of docs/SPEC.md, section 2, run through every kind of message; prints
vectors/channel_poseidon.txt, which tests/transcript/test_channel.c follows line by line."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from second_verifier.primitives import P, PoseidonChannel, permutation  # noqa: E402

FP = [P - 1 - i * i * 1000003 for i in range(9)]
EXT = [tuple(1000 + 3 * i + k for k in range(3)) for i in range(3)]
DIGEST = bytes(range(1, 33))


def nonce(ch, bits):
    """The smallest one; the channel's header of the work is absorbed already."""
    n = 0
    while True:
        lanes = list(ch.lanes)
        lanes[ch.pos] = (lanes[ch.pos] + n) % P
        lanes = permutation(lanes)
        if lanes[0] % 2**bits == 0:
            ch.lanes, ch.pos = lanes, 0
            return n
        n += 1


def main():
    ch = PoseidonChannel("known answers", b"")
    print("# A sequence of messages under Poseidon and what is drawn: tests/python/channel_model.py")

    def show(name, *values):
        print(name, *values)

    def draw():
        show("ext", *ch.challenge("draw"))

    draw()
    draw()
    for n in (0, 6, 7, 8, 49, 100):
        show("bytes", n)
        ch.absorb("data", bytes(7 * i % 256 for i in range(n)))
        draw()
    for x in (0, 2**32 - 1, 2**64 - 1):
        show("u64", x)
        ch.absorb_u64("number", x)
    draw()
    for n in range(10):  # all positions that a squeeze can find the rate at
        show("fp", n)
        ch.push(3, "elements", n, FP[:n])
        draw()
    show("send_ext", 3)
    ch.push(4, "round", 3, [x for e in EXT for x in e])
    show("digest")
    ch.push(5, "root", 1, ch.elements(DIGEST))
    draw()
    show("known")
    ch.absorb_digest("root", DIGEST)
    ch.absorb_ext("values", EXT)
    ch.absorb_integers("integers", [-1, 1, -123456789012345678])
    draw()
    for before in range(8):  # and the nonce
        show("fp", before)
        ch.push(3, "elements", before, FP[:before])
        ch.push(18, "work", 10, [])
        show("nonce", nonce(ch, 10))
        show("indices", *ch.indices("places", 5 + 2 * before, 17))
    draw()


main()
