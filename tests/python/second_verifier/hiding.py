"""Hiding proofs (SPEC.md, 8.10) and hiding openings (5.1)."""
from primitives import ONE, ZERO, add, eq_index, mul, num, require, sub
from verifier import LINK, UNITS, VEC, WITNESS, Layout, Matrix, Verifier, parameters, whir

MINUS = num(-1)


class Form:
    """A value that is not known: `known` plus coefficients times hidden scalars. Scalars are
    numbered as they come, pads 0, 1, ..., late ones -1, -2, .... A value without any is just an
    element of E."""

    def __init__(self, known, terms):
        self.known, self.terms = known, terms


def known(x):
    return x.known if type(x) is Form else x


def combine(a, x, b, y):
    """a x + b y for elements a, b of E."""
    value, terms = add(mul(a, known(x)), mul(b, known(y))), {}
    for scale, z in ((a, x), (b, y)):
        if type(z) is Form:
            for scalar, c in z.terms.items():
                terms[scalar] = add(terms.get(scalar, ZERO), mul(scale, c))
    terms = {scalar: c for scalar, c in terms.items() if c != ZERO}
    return Form(value, terms) if terms else value


# ---- 5.1 ------------------------------------------------------------------------------------

def hiding_opening(ch, c, options, end, trees, sigma, weight):
    """The trees end before row `end`; the salted one has the masks."""
    b, test = options["log_inv_rate"], options["test_queries"]
    k0 = 2
    while 1 << k0 < -(-end // 4) * 4 + 1:
        k0 += 1
    tail = min(1 << c, test or -(-((options["bits"] - options["grind"]) << 24) // UNITS[b - 1]))
    level = parameters(k0 + 1, c, b, options["bits"], options["grind"], test, tail)
    require(level[0][4] <= tail, "hiding/queries")
    last = 2**(k0 + 1) - 1
    masks = [last - 2**i for i in reversed(range(k0 + 1))]
    ch.absorb_u64("hiding/columns", c)
    ch.absorb_u64("hiding/rows", k0)
    m = [ch.challenge("hiding/mask") for _ in range(4)]
    s = ch.receive("hiding/sum", 1)[0]
    lam = ch.challenge("hiding/batch")

    def whole(z):
        row = z[c:]
        out = mul(weight(z[:c + k0]), sub(ONE, row[k0]))
        others = ZERO
        for at in masks:
            others = add(others, eq_index(row, at))
        for i in range(2):
            part = add(mul(m[i], eq_index(row, last)), mul(m[2 + i], others))
            out = add(out, mul(lam, mul(part, eq_index(z[:c], i))))
        return out

    trees = [x._replace(masks=[*masks, last]) if x.salted else x for x in trees]
    whir(ch, level, options, trees, add(sigma, mul(lam, s)), whole, tail)


# ---- 8.10 -----------------------------------------------------------------------------------

class HidingVerifier(Verifier):
    protocol = "vft/hiding-proof/2"

    def __init__(self, *args):
        super().__init__(*args)
        require(not self.p.oracles and self.options["hash"] == 0, "hiding/program")
        self.pads, self.late = 0, 0
        self.factors, self.products, self.zeros = {}, [], []

    # values

    @staticmethod
    def add(x, y):
        if type(x) is not Form and type(y) is not Form:
            return add(x, y)
        return combine(ONE, x, ONE, y)

    @staticmethod
    def sub(x, y):
        if type(x) is not Form and type(y) is not Form:
            return sub(x, y)
        return combine(ONE, x, MINUS, y)

    def mul(self, x, y):
        if type(x) is not Form:
            return mul(x, y) if type(y) is not Form else combine(x, y, ZERO, ZERO)
        return self.product(x, y) if type(y) is Form else combine(y, x, ZERO, ZERO)

    def receive(self, label, n):
        out = []
        for x in self.ch.receive(label, n):
            out.append(Form(x, {self.pads: ONE}))
            self.pads += 1
        return out

    def new_late(self):
        self.late += 1
        return Form(ZERO, {-self.late: ONE})

    def factor(self, x):
        key = x.known, frozenset(x.terms.items())
        return self.factors.setdefault(key, len(self.factors))

    def product(self, x, y):
        left, right, z = self.factor(x), self.factor(y), self.new_late()
        self.products.append((left, right, self.late))
        return z

    def zero(self, x, check):
        if type(x) is Form:
            self.zeros.append(x)
        else:
            super().zero(x, check)

    def nonzero(self, x, check):
        if type(x) is not Form:
            return super().nonzero(x, check)
        self.factor(x)
        self.zeros.append(self.sub(self.product(x, self.new_late()), ONE))

    # opening

    def opening(self, witness_root):
        p, ch = self.p, self.ch
        groups = [p.tree(LINK, i) for i in range(len(p.links))] + [p.tree(WITNESS, 0)]
        roots, witness = [*self.links, witness_root], len(p.links)
        boxes = [[p.tensors[t]["dims"] for t in ids] for ids in groups]
        factors, cross, sent, rho, chi = list(self.factors), None, [], ZERO, ZERO
        randoms = self.pads + self.late + len(factors) + 2
        boxes[witness].append([randoms, 3])
        matrix = Matrix([Layout(x) for x in boxes], p.c)
        padded = ch.receive("hiding/late", self.late)
        if self.products:
            rho = ch.challenge("hiding/rho")
            cross = ch.receive("hiding/cross", 2)
            chi = ch.challenge("hiding/chi")
            sent = ch.receive("hiding/factors", len(factors))
        gamma, power, sigma = ch.challenge("opening/gamma"), ONE, ZERO
        late = [ZERO] * (randoms - self.pads)
        pads, claims = [ZERO] * self.pads, []
        place = {t: (g, b) for g, ids in enumerate(groups) for b, t in enumerate(ids)}

        def weigh(scale, terms):
            for scalar, c in terms:
                to, at = (pads, scalar) if scalar >= 0 else (late, -scalar - 1)
                to[at] = add(to[at], mul(scale, c))

        def end(value):
            nonlocal power, sigma
            sigma, power = add(sigma, mul(power, value)), mul(power, gamma)

        sums = self.equations + [([(ONE, f)], v) for f, v in self.evals.items() if f[0] in place]
        for entries, value in sums:
            for c, (tensor, axes) in entries:
                claims.append((*place[tensor], axes, mul(power, c)))
            if type(value) is Form:
                weigh(sub(ZERO, power), value.terms.items())
            end(known(value))
        for x in self.zeros:
            weigh(power, x.terms.items())
            end(sub(ZERO, x.known))
        if self.products:
            for i, (value, terms) in enumerate(factors):
                weigh(mul(power, chi), terms)
                late[self.late + i] = add(late[self.late + i], power)
                end(sub(sent[i], mul(chi, value)))
            scale, weight, value = mul(power, mul(chi, chi)), ONE, ZERO
            for left, right, number in self.products:
                late[number - 1] = add(late[number - 1], mul(scale, weight))
                value = add(value, mul(weight, mul(sent[left], sent[right])))
                weight = mul(weight, rho)
            late[-2], late[-1] = mul(power, chi), power
            end(sub(sub(value, mul(chi, cross[0])), cross[1]))
        for w, x in zip(late, padded):
            sigma = sub(sigma, mul(w, x))
        coordinates = tuple(tuple(int(i == k) for i in range(3)) for k in range(3))
        axes = (((VEC, randoms, (*pads, *late)), 0), ((VEC, 3, coordinates), 0))
        claims.append((witness, len(boxes[witness]) - 1, axes, ONE))
        hiding_opening(ch, p.c, self.options, matrix.end, matrix.trees(roots, witness), sigma,
                       lambda z: matrix.weight(claims, z))
