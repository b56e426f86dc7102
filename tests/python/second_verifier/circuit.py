"""Hiding proofs of circuits: the machine's program (SPEC.md, 16.3, 16.4), what is proved (16.5)."""
from hiding import HidingVerifier
from primitives import CIRCULANT, CONSTANTS, P, require
from verifier import LINK, PUBLIC, VIRTUAL, WITNESS, Program

SEGMENTS = {"wide": ("constants", "frees", "fetches", "sponges"),
            "narrow": ("inputs", "bases", "bits", "parts", "narrow_sums"), "total": ("sums",)}
NONE = 2**32 - 1


class Machine:
    """shape: log_columns and the numbers of rows by name."""

    def __init__(self, shape):
        self.shape = n = {**shape, "bits": 32 * shape["splits"],
                          "sponges": 3 * shape["permutations"]}
        self.first, self.begin, self.cells, at = {}, {}, {}, 0
        for segment, kinds in SEGMENTS.items():
            self.begin[segment] = at
            for kind in kinds:
                self.first[kind] = at
                at += n[kind]
            self.cells[segment] = at - self.begin[segment]
        self.last = at - 1
        require(at <= 1 << 26 and n["permutations"] >= 2 and min(n.values()) >= 1, "circuit/shape")
        self.tensors, self.relations, self.lookups, self.tables = [], [], [], []
        self.number = {}
        self.memory()
        self.sums("narrow_sum", "narrow", 33, ["narrow"])
        self.sums("sum", "total", 32, [f"total/{k}" for k in range(3)])
        self.permutations()
        self.splits()
        self.others()
        self.program = Program(self.serial())

    # ---- what a program is made of

    def tensor(self, name, origin, dims, lo=None, hi=None, values=None):
        """Without bounds: of elements of F."""
        self.number[name] = len(self.tensors)
        self.tensors.append((name, origin, dims, lo, hi, values))

    def field(self, name, origin, *dims):
        self.tensor(name, origin, dims)

    def wiring(self, name, hi, *dims):
        self.tensor(name, LINK, dims, 0, hi)

    def constant(self, name, dims, values):
        self.tensor("const/poseidon/" + name, PUBLIC, dims, None, None,
                    [v - P if v > P // 2 else v for v in values])

    def compile(self, free, sizes, terms):
        """A term is (coefficient, factor, ...), a factor (tensor, axis, ...), an axis a letter or
        (letter, offset). Indices are numbered as they are met."""
        letters = list(free)
        for _, *factors in terms:
            for _, *axes in factors:
                letters += [a[0] for a in axes if a[0] not in letters]

        def axis(a):
            return letters.index(a[0]), a[1] if len(a) > 1 else 0

        out = [(c, [(self.number[t], [axis(a) for a in axes]) for t, *axes in factors])
               for c, *factors in terms]
        return [sizes[a] for a in letters], out

    def relation(self, name, sizes, free, terms, target=None):
        size, terms = self.compile(free, sizes, terms)
        self.relations.append((name, target, len(free), size, terms))

    def define(self, name, sizes, free, terms):
        self.field(name, VIRTUAL, *(sizes[a] for a in free))
        self.relation(name + "/definition", sizes, free, terms, self.number[name])

    def lookup(self, name, sizes, free, *columns):
        columns = [self.compile(free, sizes, terms)[1] for terms in columns]
        self.lookups.append((name, [sizes[a] for a in free], columns + [[]] * (5 - len(columns))))

    def table(self, name, tag, first, rows, outputs):
        self.tensor(name + "/mult", WITNESS, [rows], 0, 2**31 - 1)
        self.tables.append((name, tag, first, rows, [self.number[t] for t in outputs],
                            self.number[name + "/mult"]))

    def range_of(self, tensor, axis, segment, kind, more=0):
        """The kind's cells in its segment's tensor."""
        return tensor, (axis, self.first[kind] + more - self.begin[segment])

    # ---- 16.4

    def memory(self):
        n, begin, cells = self.shape, self.begin, self.cells
        self.table("range", 0, 0, 2**17, [])
        wide, total = ([f"{segment}/{k}" for k in range(3)] for segment in ("wide", "total"))
        for names, segment in ((wide, "wide"), (["narrow"], "narrow"), (total, "total")):
            for name in names:
                self.field(name, WITNESS, cells[segment])
        for names, segment in ((wide, "wide"), (["narrow"], "narrow"), (total, "total")):
            self.table("cells/" + segment, 32, begin[segment], cells[segment], names)
        for k in range(3):
            self.table(f"part{k}/wide", 33 + k, begin["wide"], cells["wide"], [wide[k]])
        self.table("part0/narrow", 33, begin["narrow"], cells["narrow"], ["narrow"])
        self.field("input", PUBLIC, n["inputs"])
        sizes = {"c": n["constants"], "u": n["inputs"]}
        for k in range(3):
            self.field(f"constant/{k}", LINK, n["constants"])
            self.relation(f"constants/{k}", sizes, "c", [
                (1, self.range_of(wide[k], "c", "wide", "constants")), (-1, (f"constant/{k}", "c"))])
        self.relation("inputs", sizes, "u", [
            (1, self.range_of("narrow", "u", "narrow", "inputs")), (-1, ("input", "u"))])

    def sums(self, name, segment, tag, targets):
        n, sizes, width = self.shape[name + "s"], {"n": self.shape[name + "s"]}, len(targets)
        for o in "abc":
            self.wiring(f"{name}/at_{o}", self.last, n)
            for k in range(width):
                self.field(f"{name}/{o}{k}", WITNESS, n)
            self.lookup(f"{name}/read_{o}", sizes, "n", [(tag,)], [(1, (f"{name}/at_{o}", "n"))],
                        *([(1, (f"{name}/{o}{k}", "n"))] for k in range(width)))
        powers = {0: [0], 1: [1], 2: [2], 3: [0, 1], 4: [1, 2]}  # of X, in coordinates
        for k, target in enumerate(targets):
            self.relation(f"{name}/{k}", sizes, "n", [
                (1, self.range_of(target, "n", segment, name + "s")), (-1, (f"{name}/c{k}", "n")),
                *((-1, (f"{name}/a{i}", "n"), (f"{name}/b{j}", "n")) for i in range(width)
                  for j in range(width) if k in powers[i + j])])

    def permutations(self):
        n, last = self.shape["permutations"], self.last
        sizes = {"p": n, "g": 8, "i": 4, "I": 12, "K": 12, "P": 22, "R": 22, "z": 1}
        self.wiring("sponge/at", last, n, 8)
        self.wiring("sponge/part", 2, n, 8)
        self.field("sponge/capacity", LINK, n, 4)
        self.wiring("sponge/goes_on", 1, n)
        self.field("sponge/lane", WITNESS, n, 8)
        self.lookup("sponge/read", sizes, "pg", [(33,), (1, ("sponge/part", "p", "g"))],
                    [(1, ("sponge/at", "p", "g"))], [(1, ("sponge/lane", "p", "g"))])
        self.wiring("sponge/at_swap", last, n)
        self.field("sponge/swap", WITNESS, n)
        swap = ("sponge/swap", "p")
        self.lookup("sponge/read_swap", sizes, "p", [(33,)], [(1, ("sponge/at_swap", "p"))],
                    [(1, swap)])
        self.relation("sponge/swap", sizes, "p", [(1, swap, swap), (-1, swap)])
        self.poseidon_constants()
        self.field("sponge/x0", WITNESS, n, 12)
        self.field("sponge/x4", WITNESS, n, 12)
        self.field("sponge/y", WITNESS, n, 22)

        def boxes(t, i):  # seven times the input of an S-box
            return [(f"sponge/{t}", "p", i)] * 7

        def constants(name, *axes):
            return ("const/poseidon/" + name, *axes)

        def full(t):
            return [(1, constants("rc", ("z", t), "I")),
                    (1, constants("matrix", "I", "K"), *boxes(f"x{t - 1}", "K"))]

        for t in (1, 2, 3):
            self.define(f"sponge/x{t}", sizes, "pI", full(t))
        self.relation("sponge/partial_rounds", sizes, "pP", [
            (1, ("sponge/y", "p", "P")), (-1, constants("partial_rc", "P")),
            (-1, constants("partial_in", "P", "K"), *boxes("x3", "K")),
            (-1, constants("partial_back", "P", "R"), *boxes("y", "R"))])
        self.relation("sponge/x4/round", sizes, "pI", [
            (1, ("sponge/x4", "p", "I")), (-1, constants("middle_rc", "I")),
            (-1, constants("middle_in", "I", "K"), *boxes("x3", "K")),
            (-1, constants("middle_back", "I", "R"), *boxes("y", "R"))])
        for t in (5, 6, 7):
            self.define(f"sponge/x{t}", sizes, "pI", full(t))
        self.define("sponge", sizes, "pI", [(1, constants("matrix", "I", "K"), *boxes("x7", "K"))])
        for row, when, rows in ((0, "first", 1), (1, "later", n - 1)):
            for part, what in enumerate(("low", "high", "capacity")):
                p, lanes = ("p", row), ("i", 4 * part)
                own = ("sponge/lane", p, lanes) if part < 2 else ("sponge/capacity", p, "i")
                terms = [(1, ("sponge/x0", p, lanes)), (-1, constants("rc0", lanes)), (-1, own)]
                if part < 2:
                    terms += [(1, ("sponge/swap", p), own),
                              (-1, ("sponge/swap", p), ("sponge/lane", p, ("i", 4 - 4 * part)))]
                if row:
                    terms.append((-1, ("sponge/goes_on", p), ("sponge", "p", lanes)))
                self.relation(f"sponge/{when}_{what}", {**sizes, "p": rows}, "pi", terms)
        for i in range(9):
            self.relation(f"sponge/write_{i}", sizes, "pz", [
                (1, self.range_of(f"wide/{i % 3}", "p", "wide", "sponges", i // 3 * n)),
                (-1, ("sponge", "p", ("z", i)))])

    def poseidon_constants(self):
        matrix = [[CIRCULANT[(k - i) % 12] + (8 if i == k == 0 else 0) for k in range(12)]
                  for i in range(12)]
        rounds = [CONSTANTS[12 * r:12 * r + 12] for r in range(30)]
        full = [x for r in (0, 1, 2, 3, 26, 27, 28, 29) for x in rounds[r]]
        self.constant("matrix", (12, 12), sum(matrix, []))
        self.constant("rc", (8, 12), full)
        self.constant("rc0", (12,), full[:12])
        # the state of the partial rounds: coefficients of the 12 outputs of round 3's S-boxes, of
        # the 22 partial ones, and the constant
        v = [row + [0] * 23 for row in matrix]

        def mixed(v):
            return [[sum(m * v[k][c] for k, m in enumerate(row)) % P for c in range(35)]
                    for row in matrix]

        inputs = []
        for r in range(22):
            for i in range(12):
                v[i] = [*v[i][:34], (v[i][34] + rounds[4 + r][i]) % P]
            inputs.append(v[0])
            v[0] = [int(c == 12 + r) for c in range(35)]
            v = mixed(v)
        for i in range(12):
            v[i] = [*v[i][:34], (v[i][34] + rounds[26][i]) % P]
        for name, rows in (("partial", inputs), ("middle", v)):
            self.constant(name + "_in", (len(rows), 12), [x for row in rows for x in row[:12]])
            self.constant(name + "_back", (len(rows), 22), [x for row in rows for x in row[12:34]])
            self.constant(name + "_rc", (len(rows),), [row[34] for row in rows])

    def splits(self):
        n = self.shape["splits"]
        sizes = {"r": n, "e": 32}
        self.wiring("split/at", self.last, n)
        self.wiring("split/part", 2, n)
        self.wiring("split/to", self.last, n)
        self.field("split/x", WITNESS, n)
        self.field("split/bit", WITNESS, n, 32)
        self.tensor("split/limb0", WITNESS, (n,), 0, 2**16 - 1)
        self.tensor("split/limb1", WITNESS, (n,), 0, 2**16 - 1)
        self.field("split/top", WITNESS, n)
        self.field("split/inverse", WITNESS, n)
        x, bit, top, inverse = (("split/x", "r"), ("split/bit", "r", "e"), ("split/top", "r"),
                                ("split/inverse", "r"))
        limb = [(f"split/limb{k}", "r") for k in range(2)]
        power = ("const/split/powers", "e")
        self.lookup("split/read", sizes, "r", [(33,), (1, ("split/part", "r"))],
                    [(1, ("split/at", "r"))], [(1, x)])
        for k in range(2):
            self.lookup(f"split/limb{k}", sizes, "r", [(16,)], [(1, limb[k])])
        self.relation("split/bit", sizes, "re", [(1, bit, bit), (-1, bit)])
        self.tensor("const/split/powers", PUBLIC, (32,), 0, 2**31, [2**e for e in range(32)])
        self.tensor("const/split/bits", PUBLIC, (32,), 0, 31, list(range(32)))
        self.relation("split/sum", sizes, "r", [(1, x), (-1, power, bit), (-2**32, limb[0]),
                                                (-2**48, limb[1])])

        def gap(factor):  # times 2^32 - 1 - limb0 - 2^16 limb1
            return [(2**32 - 1, factor), (-1, factor, limb[0]), (-2**16, factor, limb[1])]

        self.relation("split/inverse", sizes, "r", [*gap(inverse), (1, top), (-1,)])
        self.relation("split/top", sizes, "r", gap(top))
        self.relation("split/one_inverse", sizes, "r", [(1, top, inverse)])
        self.relation("split/canonical", sizes, "r", [(1, power, top, bit)])
        self.lookup("split/write", sizes, "re", [(32,)],
                    [(1, ("split/to", "r")), (1, ("const/split/bits", "e"))], [(1, bit)])

    def others(self):
        n, last = self.shape, self.last
        sizes = {"f": n["parts"], "d": n["fetches"], "q": n["zeros"], "z": 1}
        self.wiring("part/at", last, n["parts"])
        self.wiring("part/pick", 1, n["parts"], 3)
        for k in range(3):
            self.field(f"part/{k}", WITNESS, n["parts"])
        self.lookup("part/read", sizes, "f", [(32,)], [(1, ("part/at", "f"))],
                    *([(1, (f"part/{k}", "f"))] for k in range(3)))
        self.relation("part", sizes, "fz", [
            *((-1, ("part/pick", "f", ("z", k)), (f"part/{k}", "f")) for k in range(3)),
            (1, self.range_of("narrow", "f", "narrow", "parts"))])
        self.wiring("fetch/from", last, n["fetches"])
        self.wiring("fetch/at_index", last, n["fetches"])
        self.tensor("fetch/index", WITNESS, (n["fetches"],), 0, 2**16 - 1)
        index = (1, ("fetch/index", "d"))
        self.lookup("fetch/index", sizes, "d", [(16,)], [index])
        self.lookup("fetch/read_index", sizes, "d", [(33,)], [(1, ("fetch/at_index", "d"))],
                    [index])
        self.lookup("fetch/read", sizes, "d", [(32,)], [(1, ("fetch/from", "d")), index],
                    *([(1, self.range_of(f"wide/{k}", "d", "wide", "fetches"))]
                      for k in range(3)))
        self.wiring("zero/at", last, n["zeros"])
        self.lookup("zero/read", sizes, "q", [(32,)], [(1, ("zero/at", "q"))])

    # ---- 7

    def serial(self):
        out = bytearray()

        def u8(x):
            out.append(x)

        def u32(x):
            out.extend(x.to_bytes(4, "little"))

        def i64(x):
            out.extend(x.to_bytes(8, "little", signed=True))

        def text(s):
            u32(len(s))
            out.extend(s.encode())

        def terms(items):
            u32(len(items))
            for coefficient, factors in items:
                i64(coefficient)
                u8(0)
                u32(len(factors))
                for tensor, axes in factors:
                    u32(tensor)
                    for index, offset in axes:
                        u8(index)
                        u32(offset)

        def sizes(items):
            for x in items:
                u32(x)

        text("vft program 2")
        text("circuit")
        u32(self.shape["log_columns"])
        u32(1)
        text("wiring")
        u8(0)
        u32(0)
        u32(len(self.tensors))
        for name, origin, dims, lo, hi, values in self.tensors:
            text(name)
            u8(origin + (128 if hi is None else 0))
            u32(0)
            u32(len(dims))
            sizes(dims)
            i64(lo or 0)
            i64(hi or 0)
            u8(values is not None)
            for v in values or []:
                i64(v)
        u32(len(self.relations))
        for name, target, free, size, items in self.relations:
            text(name)
            u8(128 + (target is not None))
            u32(NONE if target is None else target)
            u32(len(size))
            u32(free)
            sizes(size)
            terms(items)
        u32(len(self.lookups))
        for name, size, columns in self.lookups:
            text(name)
            u32(len(size))
            sizes(size)
            for column in columns:
                terms(column)
        u32(len(self.tables))
        for name, tag, first, rows, outputs, mult in self.tables:
            text(name)
            u8(1 if tag else 0)
            i64(tag)
            i64(first)
            u32(rows)
            sizes([*outputs, *[NONE] * (3 - len(outputs))])
            u32(mult)
        return bytes(out)


def elements(digest, check):
    """The four of a digest."""
    out = [int.from_bytes(digest[i:i + 8], "little") for i in range(0, len(digest), 8)]
    require(len(digest) == 32 and all(x < P for x in out), check)
    return out


def options(log_inv_rate, grind, bits=130):
    return {"log_inv_rate": log_inv_rate, "bits": bits, "grind": grind, "test_queries": 0, "hash": 0,
            "context": []}


# 16.5
def verify_circuit(machine, key, inputs, opts, proof):
    require(len(inputs) == machine.shape["inputs"] and all(0 <= x < P for x in inputs),
            "circuit/inputs")
    elements(key, "circuit/key")
    signed = [x - P if x > P // 2 else x for x in inputs]
    number = machine.number["input"]
    HidingVerifier(machine.program, {number: signed}, [key], [], opts, proof).run()
