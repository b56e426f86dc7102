"""A second verifier of program proofs. It follows docs/SPEC.md, whose sections the numbers in comments
are, and shares nothing with the C code. It does not run the bound checker. Slow and plain: it shows
that the page is complete and that prover and page agree."""

from math import floor, log2
from typing import NamedTuple, Sequence

from primitives import (ONE, P, ZERO, add, blake3, channel, eq_index, eq_point, eq_table, lg,
                        merkle_open, mul, num, product, require, root, sub, total)

WITNESS, LINK, ORACLE, VIRTUAL, PUBLIC = range(5)
EQ, ONES, VEC = range(3)
ABSENT = 2**32 - 1


# ---- 5: opening -----------------------------------------------------------------------------

UNITS = (None, 6963173, 11376158, 13926347, 15309833, 16032406, 16401946, 16588853, 16682851)


def miss(c, b, tail):
    """The probability that a query misses, for a code of 2^c + tail coefficients."""
    return (1 + 2.0**-b + tail * 2.0**-(c + b)) / 2


def account(level, tail=0):
    """The error of an opening (SOUNDNESS.md). Floating point: the C code rounds in units of 2^-24
    bit, so the two could differ only if a total fell within that of the required bits."""
    error = 2 * level[-1][1] * 2.0**-192
    for i, (k, log_msg, b, g, q) in enumerate(level):
        error += (2 * k + k * 2.0**(log_msg + b) + q * (i + 1 < len(level))) * 2.0**-192
        error += miss(log_msg, b, 0 if i else tail)**q * 2.0**-g
    return error


def parameters(k0, c, b, bits, grind, queries, tail=0):
    """(row variables, log message, rate exponent, grind, queries) of each level."""
    level = [[k0, c, b, grind, 0]]
    rate, left = max(b, 3 if c >= 17 else 4), c
    last, fold = (10, 3) if b >= 3 else (6, 4)
    while left > last:
        level.append([fold, left - fold, rate, grind, 0])
        rate, left = min(rate + fold - 1, 8), left - fold
    units = [UNITS[x[2]] for x in level]
    if tail:
        units[0] = floor(-log2(miss(c, b, tail)) * 2**24)
    for x, unit in zip(level, units):
        x[4] = queries or -(-((bits - grind) << 24) // unit)
        x[3] = 0 if queries else grind
    while not queries and account(level, tail) > 2.0**-bits:
        min(zip(level, units), key=lambda x: x[0][4] * x[1])[0][4] += 1
    return level


def point(log_n, j):
    reverse = int(format(j, f"0{log_n}b")[::-1], 2) if log_n else 0
    return pow(root(log_n), reverse, P)


def polynomial(f, x):
    value = ZERO
    for coefficient in reversed(f):
        value = add(mul(value, num(x)), coefficient)
    return value


class Tree(NamedTuple):
    """at: its rows' numbers; words: 3 if they are of E; salted: of a hiding proof; masks: numbers of
    its rows of E behind these."""
    at: Sequence
    root: bytes
    words: int = 1
    salted: bool = False
    masks: Sequence = ()


def whir(ch, level, options, trees, sigma, weight, tail=0):
    """level: the parameters; weight: the MLE of W; tail: of the rows of level 0."""
    test = options["test_queries"] != 0
    data = len(level).to_bytes(8, "little")
    data += ((0 if test else options["bits"]) + (test << 32)).to_bytes(8, "little")
    for i, (k, log_msg, b, g, q) in enumerate(level):
        data += bytes([k, log_msg, b, g]) + (0 if i else tail).to_bytes(4, "little")
        data += q.to_bytes(8, "little")
    ch.absorb("whir/params", data)
    ch.absorb_u64("whir/trees", len(trees))
    for tree in trees:
        ch.absorb_u64("whir/rows", len(tree.at))
        ch.absorb_u64("whir/offset", tree.at[0])
        ch.absorb_digest("whir/tree", tree.root)
    ch.absorb_ext("whir/sigma", [sigma])

    v, z, asked = sigma, [None] * (level[0][0] + level[0][1]), []

    def rounds(label, base, n):
        nonlocal v
        for s in range(n):
            h0, h2 = ch.receive(label, 2)
            r = ch.challenge(label)
            slope = sub(sub(v, add(h0, h0)), h2)
            v = add(h0, mul(r, add(slope, mul(r, h2))))
            z[base + s] = r

    for i, (k, log_msg, b, g, q) in enumerate(level):
        rounds("whir/sumcheck", log_msg, k)
        last = i + 1 == len(level)
        if last:
            f = ch.receive("whir/last", 1 << log_msg)
        else:
            digest = ch.receive_digest("whir/root")
        high = ch.receive("whir/tail", tail) if tail and i == 0 else []
        ch.grind("whir/grind", g)
        drawn = ch.indices("whir/queries", q, log_msg + b)
        index = sorted(set(drawn))
        eq = eq_table(z[log_msg:log_msg + k])
        y = [ZERO] * len(index)
        for tree in trees:
            base = tree.words * len(tree.at)
            column = merkle_open(ch, tree.root, log_msg + b, base + 3 * len(tree.masks), index,
                                 len(drawn), tree.salted)
            for j, col in enumerate(column):
                for r, at in enumerate(tree.at):
                    x = tuple(col[3 * r:3 * r + 3]) if tree.words == 3 else (col[r], 0, 0)
                    y[j] = add(y[j], mul(eq[at], x))
                for r, at in enumerate(tree.masks):
                    x = tuple(col[base + 3 * r:base + 3 * r + 3])
                    y[j] = add(y[j], mul(eq[at], x))
        y = [y[index.index(j)] for j in drawn]
        xs = [point(log_msg + b, j) for j in drawn]
        y = [sub(value, mul(polynomial(high, x), num(pow(x, 1 << log_msg, P))))
             for x, value in zip(xs, y)]
        if last:
            for x, value in zip(xs, y):
                require(polynomial(f, x) == value, "whir/queries")
        else:
            gamma = ch.challenge("whir/batch")
            power = ONE
            for x, value in zip(xs, y):
                power = mul(power, gamma)
                v = add(v, mul(power, value))
                asked.append((power, x, log_msg))
            trees = [Tree(range(1 << level[i + 1][0]), digest, 3)]
    rounds("whir/last", 0, log_msg)
    f_star = total(mul(x, e) for x, e in zip(f, eq_table(z[:log_msg])))
    w = weight(z)
    for power, x, n in asked:
        w = add(w, mul(power, product(add(ONE, mul(z[b], num(pow(x, 1 << b, P) - 1)))
                                      for b in range(n))))
    require(v == mul(w, f_star), "whir/sum")


# ---- 6: layout, weights ---------------------------------------------------------------------

def pieces(n):
    out, at = [], 0
    for b in range(31, -1, -1):
        if n >> b & 1:
            out.append((at, b))
            at += 1 << b
    return out


class Layout:
    """blocks: (box, starts, logs, log size, offset) by offset."""

    def __init__(self, boxes):
        cut = []
        for number, dims in enumerate(boxes):
            parts = [()]
            for d in dims:
                parts = [p + (q,) for p in parts for q in pieces(d)]
            for p in parts:
                cut.append((number, [s for s, _ in p], [b for _, b in p], sum(b for _, b in p)))
        cut.sort(key=lambda block: -block[3])  # stable
        self.blocks, self.length = [], 0
        for block in cut:
            self.blocks.append((*block, self.length))
            self.length += 1 << block[3]
        self.log_block = cut[0][3] if cut else 0


# A weight is (kind, size, values); an axis (weight, offset); a functional (tensor, axes).

def weights(w):
    kind, size, v = w
    if kind == ONES:
        return [ONE] * size
    return list(v) if kind == VEC else eq_table(v)[:size]


def weight_sum(w):
    kind, size, v = w
    if kind == VEC:
        return total(v)
    return num(size) if kind == ONES else window((ONES, size, ()), 0, 0, len(v), v)


def window(w, off, start, n, z):
    """sum over i < 2^n of eq(z, i) w(start + i - off)"""
    kind, size, v = w
    z, shift = z[:n], start - off
    if kind == VEC:
        table = eq_table(z)
        return total(mul(table[i], v[i + shift])
                     for i in range(max(0, -shift), min(1 << n, size - shift)))
    # i + shift bit by bit: sums over the low bits, for each carry, and for whether the low bits of
    # i + shift are below those of size
    bits = max(n, size.bit_length(), abs(shift).bit_length()) + 2
    shift %= 1 << bits  # a negative place has its highest bits set
    state = {(0, False): ONE}
    for b in range(bits):
        after = {}
        for (carry, below), x in state.items():
            for bit in (0, 1) if b < n else (0,):
                s, limit = bit + (shift >> b & 1) + carry, size >> b & 1
                place, value = s & 1, x
                if b < n:
                    value = mul(value, z[b] if bit else sub(ONE, z[b]))
                if kind == EQ and b < len(v):
                    value = mul(value, v[b] if place else sub(ONE, v[b]))
                elif kind == EQ and place:
                    continue
                key = s >> 1, place < limit if place != limit else below
                after[key] = add(after[key], value) if key in after else value
        state = after
    return total(x for (_, below), x in state.items() if below)


class Matrix:
    def __init__(self, layouts, c):
        self.layouts, self.c = layouts, c
        align = [1 << max(0, x.log_block - c) for x in layouts]
        self.place = sorted(range(len(layouts)), key=lambda t: -align[t])
        self.rows = [(x.length + (1 << c) - 1) >> c for x in layouts]
        self.offset, at = [0] * len(layouts), 0
        for t in self.place:
            self.offset[t] = -(-at // align[t]) * align[t]
            at = self.offset[t] + self.rows[t]
        self.end, self.k0 = at, lg(at)

    def trees(self, roots, salted=None):
        return [Tree(range(self.offset[t], self.offset[t] + self.rows[t]), roots[t], 1, t == salted)
                for t in self.place]

    def weight(self, claims, z):
        """claims: (tree, box, axes, coefficient)"""
        out = ZERO
        for tree, box, axes, coefficient in claims:
            for b, start, log, size, offset in self.layouts[tree].blocks:
                if b != box:
                    continue
                index = (self.offset[tree] << self.c) + offset
                w, at = mul(coefficient, eq_index(z[size:], index >> size)), 0
                for a in reversed(range(len(axes))):
                    wt, off = axes[a]
                    w = mul(w, window(wt, off, start[a], log[a], z[at:]))
                    at += log[a]
                out = add(out, w)
        return out


# ---- 7: programs ----------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u(self, n):
        self.at += n
        return int.from_bytes(self.data[self.at - n:self.at], "little")

    def i64(self):
        x = self.u(8)
        return x - 2**64 if x >> 63 else x

    def text(self):
        n = self.u(4)
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def many(self, read):
        return [read() for _ in range(self.u(4))]


class Program:
    def __init__(self, data):
        r = Reader(data)
        self.digest = blake3(data)
        assert r.text() == "vft program 2"
        self.name, self.c = r.text(), r.u(4)
        self.links = r.many(lambda: (r.text(), r.u(1)))
        self.oracles = r.many(r.text)
        self.tensors = []
        for _ in range(r.u(4)):
            t = {"name": r.text(), "origin": r.u(1), "group": r.u(4)}
            t["field"], t["origin"] = t["origin"] >> 7, t["origin"] & 127
            t["dims"] = r.many(lambda: r.u(4))
            t["lo"], t["hi"], constant = r.i64(), r.i64(), r.u(1)
            count = 1
            for d in t["dims"]:
                count *= d
            t["values"] = [r.i64() for _ in range(count)] if constant else None
            self.tensors.append(t)

        def terms():
            out = []
            for _ in range(r.u(4)):
                coefficient = r.i64()
                if r.u(1):
                    r.text(), r.i64(), r.i64()
                factors = []
                for _ in range(r.u(4)):
                    tensor = r.u(4)
                    axes = [(r.u(1), r.u(4)) for _ in self.tensors[tensor]["dims"]]
                    factors.append((tensor, axes))
                out.append((coefficient, factors))
            return out

        self.relations = []
        for _ in range(r.u(4)):
            rel = {"name": r.text(), "define": r.u(1) & 127, "target": r.u(4)}
            n, rel["free"] = r.u(4), r.u(4)
            rel["size"] = [r.u(4) for _ in range(n)]
            rel["terms"] = terms()
            self.relations.append(rel)
        self.lookups = []
        for _ in range(r.u(4)):
            name, n = r.text(), r.u(4)
            size = [r.u(4) for _ in range(n)]
            self.lookups.append({"name": name, "size": size, "col": [terms() for _ in range(5)]})
        self.tables = r.many(lambda: {"name": r.text(), "function": r.u(1), "tag": r.i64(),
                                      "first": r.i64(), "rows": r.u(4), "out": [r.u(4), r.u(4), r.u(4)],
                                      "mult": r.u(4)})
        assert r.at == len(data)
        self.definition = {x["target"]: x for x in self.relations if x["define"]}
        self.level = {}
        for t in range(len(self.tensors)):
            if self.tensors[t]["origin"] == VIRTUAL:
                self.find_level(t)

    def find_level(self, t):
        if t not in self.level:
            users = [d for d, rel in self.definition.items()
                     if any(f[0] == t for _, factors in rel["terms"] for f in factors)]
            self.level[t] = 1 + max((self.find_level(d) for d in users), default=0)
        return self.level[t]

    def tree(self, origin, group):
        return [t for t, x in enumerate(self.tensors)
                if x["origin"] == origin and (origin == WITNESS or x["group"] == group)]


# ---- 8: a program proof ---------------------------------------------------------------------

class Tally:
    def __init__(self):
        self.known, self.committed, self.evals, self.products = ZERO, [], [], []


class Verifier:
    """Values are elements of E; in hiding.py some are hidden, and what is done with them differs."""
    protocol = "vft/program-proof/1"
    add, sub, mul = staticmethod(add), staticmethod(sub), staticmethod(mul)

    def __init__(self, program, inputs, links, oracles, options, proof):
        self.p, self.links, self.oracles, self.options = program, links, oracles, options
        self.public = {t: x["values"] or inputs[t] for t, x in enumerate(program.tensors)
                       if x["origin"] == PUBLIC}
        for t, values in self.public.items():
            x = program.tensors[t]
            require(x["field"] or all(x["lo"] <= v <= x["hi"] for v in values), "statement/input")
        self.inputs = inputs
        self.ch = channel(options["hash"], self.protocol, proof)
        self.evals = {}      # functional -> value (None: registered, not sent), in order
        self.equations = []  # (committed entries, total)

    def receive(self, label, n):
        return self.ch.receive(label, n)

    def zero(self, x, check):
        require(x == ZERO, check)

    def nonzero(self, x, check):
        require(x != ZERO, check)

    def total(self, items):
        out = ZERO
        for x in items:
            out = self.add(out, x)
        return out

    # 8.2
    def public_value(self, f):
        tensor, axes = f
        dims, values = self.p.tensors[tensor]["dims"], self.public[tensor]
        table = [weights(w) for w, _ in axes]

        def walk(a, base):
            if a == len(axes):
                return num(values[base])
            base = base * dims[a] + axes[a][1]
            return total(mul(w, walk(a + 1, base + i)) for i, w in enumerate(table[a]))
        return walk(0, 0)

    def linear(self, tally, coefficient, f):
        origin = self.p.tensors[f[0]]["origin"]
        if origin == PUBLIC:
            tally.known = add(tally.known, mul(coefficient, self.public_value(f)))
        elif origin in (WITNESS, LINK):
            tally.committed.append((coefficient, f))
        else:
            self.evals.setdefault(f, None)
            tally.evals.append((coefficient, f))

    def terms(self, tally, coefficient, terms, size, windows):
        for c, factors in terms:
            self.term(tally, mul(coefficient, num(c)), factors, size, windows)

    def term(self, tally, coefficient, factors, size, windows):
        win = list(windows) + [((ONES, n, ()), 0) for n in size[len(windows):]]
        present, uses, kept = set(), [0] * len(size), []
        for tensor, axes in factors:
            present |= {i for i, _ in axes}
            public = self.p.tensors[tensor]["origin"] == PUBLIC
            if public and not axes:
                coefficient = mul(coefficient, num(self.public[tensor][0]))
            elif public and len(axes) == 1:
                i, off = axes[0]
                w, start = win[i]
                values = self.public[tensor][start + off:]
                win[i] = ((VEC, w[1], tuple(mul(x, num(values[k]))
                                            for k, x in enumerate(weights(w)))), start)
            else:
                kept.append((tensor, axes))
                for i, _ in axes:
                    uses[i] += 1
        for i in range(len(size)):
            w, start = win[i]
            if uses[i] == 0 and (i < len(windows) or i in present):
                coefficient = mul(coefficient, weight_sum(w))
            elif uses[i] and w[1] == 1:
                coefficient = mul(coefficient, weights(w)[0])
                win[i] = ((ONES, 1, ()), start)
        if not kept:
            tally.known = add(tally.known, coefficient)
        elif len(kept) == 1:
            tensor, axes = kept[0]
            self.linear(tally, coefficient,
                        (tensor, tuple((win[i][0], win[i][1] + off) for i, off in axes)))
        else:
            shared = [i for i in range(len(size)) if uses[i] > 1 and win[i][0][1] > 1]
            tally.products.append({
                "coefficient": coefficient, "weights": [win[i][0] for i in shared],
                "vars": sum(lg(win[i][0][1]) for i in shared),
                "factors": [(tensor, [(shared.index(i) if i in shared else None, win[i][0],
                                       win[i][1] + off) for i, off in axes])
                            for tensor, axes in kept]})

    def send_evals(self, tally, label):
        fresh = list(dict.fromkeys(f for _, f in tally.evals if self.evals[f] is None))
        if fresh:
            for f, v in zip(fresh, self.receive(label, len(fresh))):
                self.evals[f] = v
        tally.known = self.add(tally.known, self.total(self.mul(c, self.evals[f])
                                                       for c, f in tally.evals))

    def prove(self, tally, target, check):
        self.send_evals(tally, "sum/evaluations")
        committed = self.receive("sum/committed", 1)[0] if tally.committed else ZERO
        products = self.receive("sum/products", 1)[0] if tally.products else ZERO
        parts = self.add(tally.known, self.add(committed, products))
        self.zero(self.sub(parts, target), check)
        if tally.committed:
            self.equations.append((tally.committed, committed))
        if tally.products:
            self.einsum(tally.products, products)

    # 8.6
    def einsum(self, products, claim):
        n = max(p["vars"] for p in products)
        r = []

        def variable(p, k):
            for i, w in enumerate(p["weights"]):
                if k < lg(w[1]):
                    return i
                k -= lg(w[1])

        for k in range(n):
            degree = 1
            for p in products:
                if k < n - p["vars"]:
                    continue
                i = variable(p, k - (n - p["vars"]))
                d = (p["weights"][i][0] != ONES) + sum(any(s == i for s, _, _ in axes)
                                                       for _, axes in p["factors"])
                degree = max(degree, d)
            sent = self.receive("einsum/round", degree)
            values = [sent[0], self.sub(claim, sent[0]), *sent[1:]]
            x = self.ch.challenge("einsum/challenge")
            claim = self.total(self.mul(e, v) for e, v in zip(lagrange(len(values), x), values))
            r.append(x)
        used, fresh = [], []
        for p in products:
            at, z = n - p["vars"], []
            for w in p["weights"]:
                z.append(tuple(r[at:at + lg(w[1])]))
                at += lg(w[1])
            mine = []
            for tensor, axes in p["factors"]:
                f = (tensor, tuple((w if s is None else (EQ, p["weights"][s][1], z[s]), off)
                                   for s, w, off in axes))
                mine.append(f)
                if self.evals.get(f) is None and f not in fresh:
                    if self.p.tensors[tensor]["origin"] == PUBLIC:
                        self.evals[f] = self.public_value(f)
                    else:
                        self.evals[f] = None
                        fresh.append(f)
            used.append((p, z, mine))
        if fresh:
            for f, v in zip(fresh, self.receive("einsum/evaluations", len(fresh))):
                self.evals[f] = v
        half, out = num(pow(2, P - 2, P)), ZERO
        for p, z, mine in used:
            w = mul(p["coefficient"], product([half] * (n - p["vars"])))
            for (kind, size, v), zi in zip(p["weights"], z):
                if kind == EQ:
                    w = mul(w, eq_point(v, zi))
                elif kind == VEC:
                    w = mul(w, window((kind, size, v), 0, 0, len(zi), zi))
            for f in mine:
                w = self.mul(w, self.evals[f])
            out = self.add(out, w)
        self.zero(self.sub(out, claim), "einsum/final")

    # 8.4
    def logup(self, n, real):
        ch, add, sub, mul = self.ch, self.add, self.sub, self.mul
        ch.absorb_u64("logup/variables", n)
        ch.absorb_u64("logup/fractions", real)

        def cross(v):
            return add(mul(v[0], v[3]), mul(v[1], v[2]))

        def line(a, b, x):
            return add(a, mul(x, sub(b, a)))

        if n == 0:
            v = self.receive("logup/root", 2)
            self.zero(v[0], "logup/sum")
            self.nonzero(v[1], "logup/zero_denominator")
            return [], v[0], v[1]
        v = self.receive("logup/root", 4)
        top, bottom = cross(v), mul(v[2], v[3])
        self.zero(top, "logup/sum")
        self.nonzero(bottom, "logup/zero_denominator")
        c = ch.challenge("logup/descend")
        z, p, q = [c], line(v[0], v[1], c), line(v[2], v[3], c)
        for k in range(1, n):
            ch.absorb_u64("logup/layer", k)
            lam = ch.challenge("logup/lambda")
            v, r = add(p, mul(lam, q)), []
            for j in range(k):
                b, c = self.receive("logup/round", 2)
                a = sub(v, mul(z[j], add(b, c)))
                x = ch.challenge("logup/point")
                v = add(a, mul(x, add(b, mul(x, c))))
                r.append(x)
            w = self.receive("logup/values", 4)
            right = add(cross(w), mul(lam, mul(w[2], w[3])))
            self.zero(sub(v, right), "logup/layer")
            c = ch.challenge("logup/descend")
            z, p, q = [c, *r], line(w[0], w[1], c), line(w[2], w[3], c)
        return z, p, q

    # 8.3
    def lookups(self):
        p = self.p
        if not p.lookups:
            return
        layout = Layout([x["size"] for x in p.lookups] + [[t["rows"]] for t in p.tables])
        n, real = lg(layout.length), layout.length
        alpha, beta = self.ch.challenge("lookup/alpha"), self.ch.challenge("lookup/beta")
        power = [ONE]
        for _ in range(4):
            power.append(mul(power[-1], beta))
        r, claim_num, claim_den = self.logup(n, real)
        nums, dens = Tally(), Tally()
        for box, start, log, size, offset in layout.blocks:
            e = eq_index(r[size:], offset >> size)
            if box < len(p.lookups):
                nums.known = add(nums.known, e)
                windows, at = [None] * len(log), 0
                for a in reversed(range(len(log))):
                    windows[a] = ((EQ, 1 << log[a], tuple(r[at:at + log[a]])), start[a])
                    at += log[a]
                look = p.lookups[box]
                for j in range(5):
                    self.terms(dens, sub(ZERO, mul(e, power[j])), look["col"][j], look["size"],
                               windows)
                continue
            t = p.tables[box - len(p.lookups)]
            z, from_row = tuple(r[:size]), start[0]
            if t["function"]:
                col = [num(t["tag"]), add(num(t["first"] + from_row), iota(z))]
            else:
                col, above = [ZERO, ZERO], ONE
                for w in reversed(range(size)):
                    top = mul(above, z[w])
                    col[0] = add(col[0], mul(top, num(w)))
                    col[1] = add(col[1], mul(top, iota(z[:w])))
                    above = mul(above, sub(ONE, z[w]))
            for j in range(2):
                dens.known = sub(dens.known, mul(e, mul(power[j], col[j])))
            axes = (((EQ, 1 << size, z), from_row),)
            self.linear(nums, sub(ZERO, e), (t["mult"], axes))
            for j, out in enumerate(t["out"]):
                if t["function"] and out != ABSENT:
                    self.linear(dens, sub(ZERO, mul(e, power[2 + j])), (out, axes))
        mass = total(eq_index(r[size:], offset >> size)
                     for _, _, _, size, offset in layout.blocks)
        dens.known = add(dens.known, add(mul(alpha, mass), sub(ONE, mass)))
        assert not nums.products and not dens.products
        for tally, claim in ((nums, claim_num), (dens, claim_den)):
            self.send_evals(tally, "logup/columns")
            rest = self.sub(claim, tally.known)
            if tally.committed:
                self.equations.append((tally.committed, rest))
            else:
                self.zero(rest, "logup/leaf")

    # 8.5
    def relations(self):
        zero = [x for x in self.p.relations if not x["define"]]
        if not zero:
            return
        log = [max((lg(x["size"][j]) for x in zero if j < x["free"]), default=0)
               for j in range(14)]
        z = [[self.ch.challenge("relations/point") for _ in range(m)] for m in log]
        eta, power, tally = self.ch.challenge("relations/eta"), ONE, Tally()
        for x in zero:
            windows = [((EQ, x["size"][j], tuple(z[j][:lg(x["size"][j])])), 0)
                       for j in range(x["free"])]
            self.terms(tally, power, x["terms"], x["size"], windows)
            power = mul(power, eta)
        self.prove(tally, ZERO, "relations/sum")

    # 8.7
    def virtual(self, level):
        delta, power, target, tally = self.ch.challenge("virtual/delta"), ONE, ZERO, Tally()
        claims = [(f, v) for f, v in self.evals.items() if self.p.level.get(f[0]) == level]
        for f, v in claims:
            rel = self.p.definition[f[0]]
            self.terms(tally, power, rel["terms"], rel["size"], f[1])
            target = self.add(target, self.mul(power, v))
            power = mul(power, delta)
        if claims:
            self.prove(tally, target, "virtual/sum")

    # 8.8
    def opening(self, witness_root):
        p = self.p
        groups = [p.tree(LINK, i) for i in range(len(p.links))]
        roots = list(self.links)
        if witness_root:
            groups.append(p.tree(WITNESS, 0))
            roots.append(witness_root)
        if not groups:
            return
        place = {t: (g, b) for g, ids in enumerate(groups) for b, t in enumerate(ids)}
        gamma, power, sigma, claims = self.ch.challenge("opening/gamma"), ONE, ZERO, []
        sums = self.equations + [([(ONE, f)], v) for f, v in self.evals.items() if f[0] in place]
        for entries, value in sums:
            for c, (tensor, axes) in entries:
                claims.append((*place[tensor], axes, mul(power, c)))
            sigma = add(sigma, mul(power, value))
            power = mul(power, gamma)
        if sums:
            layouts = [Layout([p.tensors[t]["dims"] for t in ids]) for ids in groups]
            open_claims(self.ch, layouts, roots, p.c, claims, sigma, self.options)

    def run(self):
        ch, p = self.ch, self.p
        absorb_options(ch, self.options)
        ch.absorb("statement/program", p.digest)
        for t, x in enumerate(p.tensors):
            if x["origin"] == PUBLIC and x["values"] is None:
                values = self.inputs[t]
                ch.absorb_integers("statement/input", values)
        for digest in self.links:
            ch.absorb_digest("statement/link", digest)
        for digest in self.oracles:
            ch.absorb_digest("statement/oracle", digest)
        witness = ch.receive_digest("witness/root") if p.tree(WITNESS, 0) else None
        self.lookups()
        self.relations()
        for level in range(1, 1 + max(p.level.values(), default=0)):
            self.virtual(level)
        self.opening(witness)
        ch.finish()
        return [(f, v) for f, v in self.evals.items()
                if p.tensors[f[0]]["origin"] == ORACLE]


def iota(z):
    return total(mul(x, num(1 << b)) for b, x in enumerate(z))


def lagrange(n, x):
    """What the values at 0 .. n - 1 of a polynomial of degree below n count at x."""
    out = []
    for i in range(n):
        top, bottom = ONE, 1
        for j in range(n):
            if i != j:
                top, bottom = mul(top, sub(x, num(j))), bottom * (i - j)
        out.append(mul(top, num(pow(bottom, P - 2, P))))
    return out


def absorb_options(ch, options):
    ch.absorb_integers("context", options["context"])
    ch.absorb_u64("options/log_inv_rate", options.get("log_inv_rate", 1))
    for name in ("bits", "grind", "test_queries", "hash"):
        ch.absorb_u64("options/" + name, options[name])


def open_claims(ch, layouts, roots, c, claims, sigma, options):
    m = Matrix(layouts, c)
    level = parameters(m.k0, c, 1, options["bits"], options["grind"], options["test_queries"])
    whir(ch, level, options, m.trees(roots), sigma, lambda z: m.weight(claims, z))


# 9
def verify_oracles(program, roots, claims, options, proof):
    """The trees are the program's oracles."""
    ch = channel(options["hash"], "vft/oracle-opening/1", proof)
    groups = [program.tree(ORACLE, o) for o in range(len(program.oracles))]
    place = {t: (g, b) for g, ids in enumerate(groups) for b, t in enumerate(ids)}
    absorb_options(ch, options)
    ch.absorb_u64("oracles/log_columns", program.c)
    opened = sorted({place[f[0]][0] for f, _ in claims})
    ch.absorb_u64("oracles/opened", len(opened))
    for o in opened:
        ch.absorb_digest("oracles/root", roots[o])
        ch.absorb_u64("oracles/tensors", len(groups[o]))
        for b, t in enumerate(groups[o]):
            for d in program.tensors[t]["dims"]:
                ch.absorb_u64("oracles/dim", b << 32 | d)
    ch.absorb_u64("oracles/claims", len(claims))
    for (tensor, axes), value in claims:
        ch.absorb_u64("claim/oracle", place[tensor][0])
        ch.absorb_u64("claim/index", place[tensor][1])
        for (kind, size, v), off in axes:
            ch.absorb_u64("claim/kind", kind)
            ch.absorb_u64("claim/off", off)
            ch.absorb_u64("claim/size", size)
            ch.absorb_ext("claim/weights", list(v or ()))
        ch.absorb_ext("claim/value", [value])
    gamma, power, sigma, list_ = ch.challenge("opening/gamma"), ONE, ZERO, []
    for (tensor, axes), value in claims:
        g, b = place[tensor]
        list_.append((opened.index(g), b, axes, power))
        sigma = add(sigma, mul(power, value))
        power = mul(power, gamma)
    layouts = [Layout([program.tensors[t]["dims"] for t in groups[o]]) for o in opened]
    open_claims(ch, layouts, [roots[o] for o in opened], program.c, list_, sigma, options)
    ch.finish()
