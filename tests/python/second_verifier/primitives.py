"""What the second verifier stands on: BLAKE3, Poseidon, fields, channel, Merkle openings (SPEC.md,
1-4). Of the C sources' makers only the generator of Poseidon's constants is shared."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools"))
from gen_poseidon_constants import constants  # noqa: E402

P = 2**64 - 2**32 + 1


class Rejected(Exception):
    pass


def require(condition, check):
    if not condition:
        raise Rejected(check)


# ---- BLAKE3 (hash mode), from its specification ---------------------------------------------

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTE = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIX = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
       (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
M32 = 0xFFFFFFFF


def compress(cv, block, counter, length, flags):
    m = [int.from_bytes(block[4 * i:4 * i + 4], "little") for i in range(16)]
    v = [*cv, *IV[:4], counter & M32, counter >> 32, length, flags]
    for r in range(7):
        for k, (a, b, c, d) in enumerate(MIX):
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + m[2 * k]) & M32
            vd ^= va
            vd = (vd >> 16 | vd << 16) & M32
            vc = (vc + vd) & M32
            vb ^= vc
            vb = (vb >> 12 | vb << 20) & M32
            va = (va + vb + m[2 * k + 1]) & M32
            vd ^= va
            vd = (vd >> 8 | vd << 24) & M32
            vc = (vc + vd) & M32
            vb ^= vc
            v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & M32, vc, vd
        m = [m[i] for i in PERMUTE]
    return [v[i] ^ v[i + 8] for i in range(8)] + [v[i + 8] ^ cv[i] for i in range(8)]


def words(cv):
    return b"".join(x.to_bytes(4, "little") for x in cv)


def blake3(data, n=32):
    def chunk(piece, index):  # the inputs of the chunk's last compression
        blocks = [piece[i:i + 64] for i in range(0, len(piece), 64)] or [b""]
        cv = IV
        for i, b in enumerate(blocks):
            flags = (1 if i == 0 else 0) | (2 if i + 1 == len(blocks) else 0)
            last = (cv, b.ljust(64, b"\0"), index, len(b), flags)
            if i + 1 < len(blocks):
                cv = compress(*last)[:8]
        return last

    def tree(lo, hi):
        if hi - lo == 1:
            return chunk(data[1024 * lo:1024 * hi], lo)
        half = 1 << (hi - lo - 1).bit_length() - 1
        left, right = compress(*tree(lo, lo + half))[:8], compress(*tree(lo + half, hi))[:8]
        return IV, words(left) + words(right), 0, 64, 4

    cv, block, _, length, flags = tree(0, max(1, -(-len(data) // 1024)))
    out, k = b"", 0  # the root's counter counts blocks of output
    while len(out) < n:
        out += words(compress(cv, block, k, length, flags | 8))
        k += 1
    return out[:n]


# ---- 1: fields ------------------------------------------------------------------------------

def add(a, b):
    return (a[0] + b[0]) % P, (a[1] + b[1]) % P, (a[2] + b[2]) % P


def sub(a, b):
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P, (a[2] - b[2]) % P


def mul(a, b):
    d3, d4 = a[1] * b[2] + a[2] * b[1], a[2] * b[2]
    return ((a[0] * b[0] + d3) % P, (a[0] * b[1] + a[1] * b[0] + d3 + d4) % P,
            (a[0] * b[2] + a[1] * b[1] + a[2] * b[0] + d4) % P)


def num(x):
    return x % P, 0, 0


ZERO, ONE = num(0), num(1)


def product(items):
    out = ONE
    for x in items:
        out = mul(out, x)
    return out


def total(items):
    out = ZERO
    for x in items:
        out = add(out, x)
    return out


def root(log):
    return pow(7, (P - 1) >> log, P)


def lg(n):
    return (n - 1).bit_length()


def eq_index(z, i):
    return product(z[b] if i >> b & 1 else sub(ONE, z[b]) for b in range(len(z)))


def eq_point(y, z):
    return product(add(mul(a, b), mul(sub(ONE, a), sub(ONE, b))) for a, b in zip(y, z))


def eq_table(z):
    table = [ONE]
    for c in z:
        table = [mul(x, sub(ONE, c)) for x in table] + [mul(x, c) for x in table]
    return table


# ---- Poseidon -------------------------------------------------------------------------------

CIRCULANT = [17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20]
CONSTANTS = constants()


def permutation(lanes):
    for r in range(30):
        lanes = [(x + c) % P for x, c in zip(lanes, CONSTANTS[12 * r:12 * r + 12])]
        full = r < 4 or r >= 26
        lanes = [pow(x, 7, P) if full or i == 0 else x for i, x in enumerate(lanes)]
        mixed = [sum(CIRCULANT[i] * lanes[(k + i) % 12] for i in range(12)) for k in range(12)]
        mixed[0] += 8 * lanes[0]
        lanes = [x % P for x in mixed]
    return lanes


def head(data):
    return int.from_bytes(blake3(data)[:8], "little") % 2**63


# ---- 2: channel -----------------------------------------------------------------------------

class Channel:
    capped = False

    def __init__(self, protocol, proof):
        name = protocol.encode()
        self.s = blake3(b"vft-channel-v1" + len(name).to_bytes(4, "little") + name)
        self.proof, self.at = proof, 0

    def head(self, kind, label, count):
        name = label.encode()
        return (self.s + bytes([kind]) + len(name).to_bytes(4, "little") + name
                + count.to_bytes(8, "little"))

    def absorb(self, label, data):
        self.s = blake3(self.head(1, label, len(data)) + data)

    def absorb_u64(self, label, x):
        self.s = blake3(self.head(2, label, 1) + x.to_bytes(8, "little"))

    def absorb_digest(self, label, digest):
        self.absorb(label, digest)

    def absorb_ext(self, label, values):
        self.absorb(label, b"".join(x.to_bytes(8, "little") for v in values for x in v))

    def absorb_integers(self, label, values):
        self.absorb_u64(label, len(values))
        for i in range(0, len(values), 512):
            self.absorb(label, b"".join(v.to_bytes(8, "little", signed=True)
                                        for v in values[i:i + 512]))

    leaf = staticmethod(lambda rows, log_n, column: blake3(
        b"vft merkle leaf".ljust(48, b"\0") + rows.to_bytes(8, "little")
        + log_n.to_bytes(8, "little") + column))
    node = staticmethod(lambda left, right: blake3(left + right))

    def take(self, n):
        require(self.at + n <= len(self.proof), "transcript/truncated")
        self.at += n
        return self.proof[self.at - n:self.at]

    def elements(self, data):
        out = [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]
        require(all(x < P for x in out), "transcript/canonical")
        return out

    def receive(self, label, n):  # n elements of E
        data = self.take(24 * n)
        x = self.elements(data)
        self.s = blake3(self.head(4, label, n) + data)
        return [tuple(x[3 * i:3 * i + 3]) for i in range(n)]

    def receive_digest(self, label):
        data = self.take(32)
        self.s = blake3(self.head(5, label, 1) + data)
        return data

    def draw(self, kind, label, count, n):
        t = blake3(self.head(kind, label, count), 32 + n)
        self.s = t[:32]
        return t[32:]

    def challenge(self, label):
        while True:
            t = self.draw(16, label, 1, 24)
            x = tuple(int.from_bytes(t[8 * i:8 * i + 8], "little") for i in range(3))
            if max(x) < P:
                return x

    def indices(self, label, n, log):
        out = []
        while n:
            now = min(n, 64)
            t = self.draw(17, label, now, 4 * now)
            out += [int.from_bytes(t[4 * i:4 * i + 4], "little") % 2**log for i in range(now)]
            n -= now
        return out

    def grind(self, label, bits):
        if not bits:
            return
        seed = self.draw(18, label, bits, 32)
        nonce = self.take(8)
        work = int.from_bytes(blake3(seed + nonce + bytes(24))[:8], "big")
        require(work >> (64 - bits) == 0, "transcript/grind")
        self.s = blake3(self.head(19, label, 1) + nonce)

    def finish(self):
        require(self.at == len(self.proof), "transcript/trailing")


class PoseidonChannel(Channel):
    capped = True

    def __init__(self, protocol, proof):
        name = protocol.encode()
        self.lanes = [0] * 8 + [head(b"vft-channel-v1"),
                                head(len(name).to_bytes(4, "little") + name), 0, 0]
        self.pos = 0
        self.proof, self.at = proof, 0

    def push(self, kind, label, count, payload):
        name = label.encode()
        first = head(bytes([kind]) + len(name).to_bytes(4, "little") + name
                     + count.to_bytes(8, "little"))
        for x in [first, *payload]:
            self.lanes[self.pos] = (self.lanes[self.pos] + x) % P
            self.pos += 1
            if self.pos == 8:
                self.permute()

    def permute(self):
        self.lanes, self.pos = permutation(self.lanes), 0

    def squeeze(self, n):
        if self.pos:
            self.permute()
        out = self.lanes[:8]
        while len(out) < n:
            self.permute()
            out += self.lanes[:8]
        return out[:n]

    def absorb(self, label, data):
        self.push(1, label, len(data), [int.from_bytes(data[i:i + 7], "little")
                                        for i in range(0, len(data), 7)])

    def absorb_u64(self, label, x):
        self.push(2, label, 1, [x % 2**32, x >> 32])

    def absorb_digest(self, label, digest):
        self.push(6, label, 1, self.elements(digest))

    def absorb_ext(self, label, values):
        self.push(7, label, len(values), [x for v in values for x in v])

    def absorb_integers(self, label, values):
        self.push(8, label, len(values), [v % P for v in values])

    def receive(self, label, n):
        x = self.elements(self.take(24 * n))
        self.push(4, label, n, x)
        return [tuple(x[3 * i:3 * i + 3]) for i in range(n)]

    def receive_digest(self, label):
        data = self.take(32)
        self.push(5, label, 1, self.elements(data))
        return data

    def challenge(self, label):
        self.push(16, label, 1, [])
        return tuple(self.squeeze(3))

    def indices(self, label, n, log):
        self.push(17, label, n, [])
        return [x % 2**log for x in self.squeeze(n)]

    def grind(self, label, bits):
        if not bits:
            return
        nonce = int.from_bytes(self.take(8), "little")
        require(nonce < 2**32, "transcript/canonical")
        self.push(18, label, bits, [nonce])
        require(self.squeeze(1)[0] % 2**bits == 0, "transcript/grind")

    @staticmethod
    def leaf(rows, log_n, column):
        lanes = [0] * 8 + [rows, 0, 64 * 16 + log_n, 0]
        x = [int.from_bytes(column[8 * i:8 * i + 8], "little") for i in range(rows)]
        for i in range(0, rows, 8):
            for k, v in enumerate(x[i:i + 8]):
                lanes[k] = (lanes[k] + v) % P
            lanes = permutation(lanes)
        return b"".join(v.to_bytes(8, "little") for v in lanes[:4])

    @staticmethod
    def node(left, right):
        x = [int.from_bytes((left + right)[8 * i:8 * i + 8], "little") for i in range(8)]
        require(all(v < P for v in x), "whir/merkle")
        return b"".join(v.to_bytes(8, "little") for v in permutation([*x, 0, 1, 0, 0])[:4])


def channel(hash_kind, protocol, proof):
    return (PoseidonChannel if hash_kind else Channel)(protocol, proof)


# ---- 4: Merkle openings ---------------------------------------------------------------------

def merkle_open(ch, tree_root, log_n, rows, positions, drawn, salted=False):
    log_cap = min(log_n, drawn.bit_length() - 1) if ch.capped else 0
    data = ch.take(8 * rows * len(positions))
    column = [data[8 * rows * k:8 * rows * (k + 1)] for k in range(len(positions))]
    known = {q: ch.leaf(rows, log_n, c) for q, c in zip(positions, column)}
    if salted:
        known = {q: ch.node(known[q], ch.take(32)) for q in positions}
    for h in range(log_n):
        if h == log_n - log_cap:
            known = {q: known[q] if q in known else ch.take(32) for q in range(1 << log_cap)}
        up = {}
        for q in sorted(known):
            if q >> 1 in up:
                continue
            other = known[q ^ 1] if q ^ 1 in known else ch.take(32)
            pair = (known[q], other) if q & 1 == 0 else (other, known[q])
            up[q >> 1] = ch.node(*pair)
        known = up
    require(known[0] == tree_root, "whir/merkle")
    out = [[int.from_bytes(c[8 * i:8 * i + 8], "little") for i in range(rows)] for c in column]
    require(all(x < P for c in out for x in c), "whir/merkle")
    return out
