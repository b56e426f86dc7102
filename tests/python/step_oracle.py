"""The integer LoRA training step in plain Python integers, written from its definition and not
from the C code: the oracle of tests/train and tests/python/test_step_oracle.py.

    python step_oracle.py --write vectors/step      writes the committed vectors

Arrays are numpy object arrays (exact Python integers). Exponents ("fracs") are static: an integer
X of exponent f stands for X / 2^f. RQ_k(n) = floor((n + 2^(k-1)) / 2^k).
"""
import json
import math
import sys
from decimal import Decimal, getcontext
from functools import lru_cache

import numpy as np

PROJECTIONS = ["q", "k", "v", "o", "gate", "up", "down"]
Q, K, V, O, GATE, UP, DOWN = range(7)
getcontext().prec = 50


# ---- integers ----

def rq(n, k):
    """Round half up of n / 2^k; exact scaling for k <= 0."""
    return n * 2 ** -k if k <= 0 else (n + 2 ** (k - 1)) >> k


def div(n, d):
    return (2 * n + d) // (2 * d)


def isqrt(x):
    return np.vectorize(math.isqrt, otypes=[object])(x) if isinstance(x, np.ndarray) else math.isqrt(x)


def aligned(*terms):
    """Sum of (integer, exponent) terms at the largest exponent."""
    top = max(f for _, f in terms)
    return sum(x * 2 ** (top - f) for x, f in terms), top


def to(value, frac):
    """Requantise (integer, exponent) to exponent frac."""
    return rq(value[0], value[1] - frac)


def rnd(x):
    return int((x + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR"))


@lru_cache(None)
def exp_entry(t, frac_in, frac_out):
    return rnd(Decimal(2) ** frac_out * (-Decimal(t) / 2 ** frac_in).exp())


@lru_cache(None)
def silu_entry(g, frac_in, frac_z, frac_dz):
    x = Decimal(g) / 2 ** frac_in
    sg = 1 / (1 + (-x).exp())
    return rnd(2 ** frac_z * x * sg), rnd(2 ** frac_dz * sg * (1 + x * (1 - sg)))


def cos_sin(x):
    """Decimal Taylor series after reduction by 2 pi."""
    two_pi = 2 * Decimal("3.14159265358979323846264338327950288419716939937510582097")
    x = x % two_pi
    c = s = Decimal(0)
    term = Decimal(1)
    for k in range(90):
        if k % 2 == 0:
            c += term if k % 4 == 0 else -term
        else:
            s += term if k % 4 == 1 else -term
        term = term * x / (k + 1)
    return c, s


def rope(positions, head_dim, theta, frac, scaled):
    half = head_dim // 2
    out = np.zeros((positions, 2, 2, half), dtype=object)
    norm = 1 / Decimal(head_dim).sqrt() if scaled else Decimal(1)
    for i in range(positions):
        for e in range(half):
            angle = Decimal(i) * (Decimal(theta).ln() * Decimal(-e) / half).exp()
            c, s = cos_sin(angle)
            c, s = rnd(2 ** frac * c * norm), (2 ** frac * s * norm)
            out[i, 0, 0, e] = out[i, 1, 1, e] = c
            out[i, 0, 1, e], out[i, 1, 0, e] = rnd(-s), rnd(s)
    return out


# ---- the step ----

class Step:
    def __init__(self, shape, profile, weights):
        self.s, self.f, self.w = shape, profile, weights
        s = shape
        self.T = s["sequences"] * s["positions"]
        self.heads = s["groups"] * s["per_group"]
        self.rot_q = rope(s["positions"], s["head_dim"], s["rope_theta"], profile["f_rot"], True)
        self.rot_k = rope(s["positions"], s["head_dim"], s["rope_theta"], profile["f_rot"], False)
        self.unrot_q = rope(s["positions"], s["head_dim"], s["rope_theta"], profile["f_unrot"], True)
        self.unrot_k = rope(s["positions"], s["head_dim"], s["rope_theta"], profile["f_unrot"], False)
        t = profile["f_h"]
        eps = Decimal(float(np.float32(s["rms_eps"])))
        self.c_eps = max(1, rnd(s["d"] * eps * 2 ** (2 * t)))
        most = s["d"] * 2 ** (2 * (profile["w_h"] - 1)) + self.c_eps
        self.e_norm = max([1] + [e for e in range(7) if most * 4 ** e < 2 ** 60])

    def adapted(self, p):
        return self.s["adapted"] >> p & 1

    def lay(self, name, l, variant=0):
        return self.f[name][variant * self.s["layers"] + l]

    # -- forward pieces: values are (integers, exponent) --

    def norm(self, h, gain, f_gain, f_x):
        f, e = self.f, self.e_norm
        d = self.s["d"]
        total = (h * h).sum(axis=1) + self.c_eps
        root = isqrt(4 ** e * total)
        shift = f["f_h"] + e + f["f_r"]
        c = math.isqrt(d << (2 * shift))
        c += (d << (2 * shift)) - c * c > c
        r = np.array([div(c, x) for x in root], dtype=object)
        x = to((h * r[:, None] * gain[None, :], f["f_h"] + f["f_r"] + f_gain), f_x)
        return x, r

    def linear(self, p, l, x, f_x):
        """W x + 2^a B U; returns the exact sum and keeps U."""
        f = self.f
        terms = [(x.dot(self.w["w"][p][l].T), self.lay("w", l, p) + f_x)]
        if self.adapted(p):
            a, b = self.work[p]
            u = to((x.dot(a[l].T), f["f_s"] + f_x), self.lay("u", l, p))
            self.u[p][l] = u
            terms.append((u.dot(b[l].T), f["f_s"] + self.lay("u", l, p) - self.s["alpha_log2"]))
        return aligned(*terms)

    def rotate(self, y, table, heads, inverse):
        """y: [T, heads * head_dim] -> same."""
        s = self.s
        n, half = s["positions"], s["head_dim"] // 2
        y = y.reshape(s["sequences"], n, heads, 2, half)
        out = np.zeros_like(y)
        for a in range(2):
            for b in range(2):
                t = table[:, b, a] if inverse else table[:, a, b]
                out[:, :, :, a] = out[:, :, :, a] + t[None, :, None, :] * y[:, :, :, b]
        return out.reshape(self.T, -1)

    def forward_layer(self, l):
        s, f = self.s, self.f
        n, hd = s["positions"], s["head_dim"]
        c = {}
        h = self.h1[l]
        c["x1"], c["r1"] = self.norm(h, self.w["gain"][0][l], self.lay("gain", l, 0), self.lay("x", l, 0))
        fx = self.lay("x", l, 0)
        yq = self.linear(Q, l, c["x1"], fx)
        yk = self.linear(K, l, c["x1"], fx)
        yv = self.linear(V, l, c["x1"], fx)
        c["q"] = to((self.rotate(yq[0], self.rot_q, self.heads, False), yq[1] + f["f_rot"]), self.lay("q", l))
        c["k"] = to((self.rotate(yk[0], self.rot_k, s["groups"], False), yk[1] + f["f_rot"]), self.lay("k", l))
        c["v"] = to(yv, self.lay("v", l))
        k = self.lay("q", l) + self.lay("k", l) - f["f_score"]
        o = np.zeros((self.T, self.heads * hd), dtype=object)
        c["E"], c["R"] = {}, {}
        for b in range(s["sequences"]):
            rows = slice(b * n, (b + 1) * n)
            for head in range(self.heads):
                g = head // s["per_group"]
                qh = c["q"][rows, head * hd:(head + 1) * hd]
                kh = c["k"][rows, g * hd:(g + 1) * hd]
                vh = c["v"][rows, g * hd:(g + 1) * hd]
                score = rq(qh.dot(kh.T), k)
                e = np.zeros((n, n), dtype=object)
                r = np.zeros(n, dtype=object)
                for i in range(n):
                    top = max(score[i, : i + 1])
                    for j in range(i + 1):
                        t = top - score[i, j]
                        assert t < 65536
                        e[i, j] = exp_entry(t, f["f_score"], f["e_score"])
                    r[i] = div(2 ** f["k_score"], sum(e[i]))
                c["E"][b, head], c["R"][b, head] = e, r
                o[rows, head * hd:(head + 1) * hd] = rq(r[:, None] * e.dot(vh), f["k_score"])
        c["o"] = o
        h2 = h + to(self.linear(O, l, o, self.lay("v", l)), f["f_h"])
        c["h2"] = h2
        c["x2"], c["r2"] = self.norm(h2, self.w["gain"][1][l], self.lay("gain", l, 1), self.lay("x", l, 1))
        fx = self.lay("x", l, 1)
        gate = to(self.linear(GATE, l, c["x2"], fx), self.lay("gate", l))
        table = np.vectorize(lambda g: silu_entry(g, self.lay("gate", l), self.lay("gate", l), f["f_dsilu"]), otypes=[object, object])
        c["z"], c["dz"] = table(gate)
        c["up"] = to(self.linear(UP, l, c["x2"], fx), self.lay("up", l))
        c["m"] = c["z"] * c["up"]
        h3 = h2 + to(self.linear(DOWN, l, c["m"], self.lay("gate", l) + self.lay("up", l)), f["f_h"])
        self.h1.append(h3)
        self.cache.append(c)

    def norm_backward(self, dy, f_dy, x, f_x, h, r, gain, f_gain, f_w2, f_w3):
        """Exact contribution to the residual gradient and its exponent."""
        f = self.f
        w = np.array([div(v, self.s["d"]) for v in (x * dy).sum(axis=1)], dtype=object)
        w2 = to((r * w, f["f_r"] + f_x + f_dy), f_w2)
        w3 = to((r * w2, f["f_r"] + f_w2), f_w3)
        return aligned((r[:, None] * gain[None, :] * dy, f["f_r"] + f_gain + f_dy),
                       (-h * w3[:, None], f["f_h"] + f_w3))

    def inner(self, p, l, dy, f_dy):
        if not self.adapted(p):
            return None
        vb = to((dy.dot(self.work[p][1][l]), self.f["f_s"] + f_dy - self.s["alpha_log2"]), self.lay("vb", l, p))
        return vb

    def back_terms(self, p, l, dy, f_dy, vb):
        terms = [(dy.dot(self.w["w"][p][l]), self.lay("w", l, p) + f_dy)]
        if vb is not None:
            summed = to((vb, self.lay("vb", l, p)), self.lay("avb", l, p))
            terms.append((summed.dot(self.work[p][0][l]), self.f["f_s"] + self.lay("avb", l, p)))
        return terms

    def gradients(self, p, l, dy, f_dy, vb, x, f_x):
        if vb is None:
            return
        f = self.f
        self.g0[p][0][l] = to((vb.T.dot(x), self.lay("vb", l, p) + f_x), self.lay("g0", l, 2 * p))
        self.g0[p][1][l] = to((dy.T.dot(self.u[p][l]), f_dy + self.lay("u", l, p) - self.s["alpha_log2"]),
                              self.lay("g0", l, 2 * p + 1))

    def backward_layer(self, l, dh):
        s, f, c = self.s, self.f, self.cache[l]
        n, hd = s["positions"], s["head_dim"]
        frac = lambda name: self.lay(name, l)
        f_dh1, f_dh2 = self.lay("dh", l, 0), self.lay("dh", l, 1)
        dha = to((dh, f_dh1), frac("dha"))
        vb = {DOWN: self.inner(DOWN, l, dha, frac("dha"))}
        dm = to(aligned(*self.back_terms(DOWN, l, dha, frac("dha"), vb[DOWN])), frac("dm"))
        dup = to((dm * c["z"], frac("dm") + frac("gate")), frac("dup"))
        dgate = to((dm * c["up"] * c["dz"], frac("dm") + frac("up") + f["f_dsilu"]), frac("dgate"))
        vb[GATE] = self.inner(GATE, l, dgate, frac("dgate"))
        vb[UP] = self.inner(UP, l, dup, frac("dup"))
        dx2 = to(aligned(*self.back_terms(GATE, l, dgate, frac("dgate"), vb[GATE]),
                         *self.back_terms(UP, l, dup, frac("dup"), vb[UP])), self.lay("dx", l, 1))
        dh2 = to(aligned((dh, f_dh1), self.norm_backward(
            dx2, self.lay("dx", l, 1), c["x2"], self.lay("x", l, 1), c["h2"], c["r2"], self.w["gain"][1][l],
            self.lay("gain", l, 1), self.lay("w2", l, 1), self.lay("w3", l, 1))), f_dh2)
        self.gradients(DOWN, l, dha, frac("dha"), vb[DOWN], c["m"], frac("gate") + frac("up"))
        self.gradients(GATE, l, dgate, frac("dgate"), vb[GATE], c["x2"], self.lay("x", l, 1))
        self.gradients(UP, l, dup, frac("dup"), vb[UP], c["x2"], self.lay("x", l, 1))

        dhb = to((dh2, f_dh2), frac("dhb"))
        vb[O] = self.inner(O, l, dhb, frac("dhb"))
        do = to(aligned(*self.back_terms(O, l, dhb, frac("dhb"), vb[O])), frac("do_"))
        dop = np.zeros_like(do)
        dv = np.zeros((self.T, s["groups"] * hd), dtype=object)
        dq, dk = np.zeros_like(do), np.zeros_like(dv)
        f_r, f_e, f_v = f["k_score"] - f["e_score"], f["e_score"], frac("v")
        for b in range(s["sequences"]):
            rows = slice(b * n, (b + 1) * n)
            for head in range(self.heads):
                g = head // s["per_group"]
                hc, gc = slice(head * hd, (head + 1) * hd), slice(g * hd, (g + 1) * hd)
                e, r = c["E"][b, head], c["R"][b, head]
                x = to((do[rows, hc] * r[:, None], frac("do_") + f_r), frac("dop"))
                dop[rows, hc] = x
                dv[rows, gc] = dv[rows, gc] + e.T.dot(x)
                dp = x.dot(c["v"][rows, gc].T)
                dl = (x * c["o"][rows, hc]).sum(axis=1)
                ds = to((e * (dp - dl[:, None]), f_e + frac("dop") + f_v), frac("ds"))
                dq[rows, hc] = ds.dot(c["k"][rows, gc])
                dk[rows, gc] = dk[rows, gc] + ds.T.dot(c["q"][rows, hc])
        dv = to((dv, f_e + frac("dop")), frac("dv"))
        dq = to((self.rotate(dq, self.unrot_q, self.heads, True), frac("ds") + frac("k") + f["f_unrot"]), frac("dq"))
        dk = to((self.rotate(dk, self.unrot_k, s["groups"], True), frac("ds") + frac("q") + f["f_unrot"]), frac("dk"))
        vb[Q] = self.inner(Q, l, dq, frac("dq"))
        vb[K] = self.inner(K, l, dk, frac("dk"))
        vb[V] = self.inner(V, l, dv, frac("dv"))
        self.gradients(O, l, dhb, frac("dhb"), vb[O], c["o"], f_v)
        fx = self.lay("x", l, 0)
        self.gradients(Q, l, dq, frac("dq"), vb[Q], c["x1"], fx)
        self.gradients(K, l, dk, frac("dk"), vb[K], c["x1"], fx)
        self.gradients(V, l, dv, frac("dv"), vb[V], c["x1"], fx)
        if l == 0:
            return None
        dx1 = to(aligned(*self.back_terms(Q, l, dq, frac("dq"), vb[Q]), *self.back_terms(K, l, dk, frac("dk"), vb[K]),
                         *self.back_terms(V, l, dv, frac("dv"), vb[V])), self.lay("dx", l, 0))
        return to(aligned((dh2, f_dh2), self.norm_backward(
            dx1, self.lay("dx", l, 0), c["x1"], fx, self.h1[l], c["r1"], self.w["gain"][0][l],
            self.lay("gain", l, 0), self.lay("w2", l, 0), self.lay("w3", l, 0))), self.lay("dh", l - 1, 0))

    def head(self, labels, mask):
        s, f = self.s, self.f
        h = self.h1[-1]
        xf, r = self.norm(h, self.w["gain_out"], f["f_gain_out"], f["f_xf"])
        logit = xf.dot(self.w["out"].T)
        scaled = rq(logit, f["f_xf"] + f["f_out"] - f["f_logit"])
        dxf = np.zeros_like(xf)
        self.logits = logit
        for i in range(self.T):
            top = max(scaled[i])
            e = np.array([exp_entry(top - x, f["f_logit"], f["e_logit"]) for x in scaled[i]], dtype=object)
            inv = div(2 ** f["k_logit"], sum(e))
            a1 = rq(e.dot(self.w["out"]), f["k_a1"])
            f_a1 = f["e_logit"] + f["f_out"] - f["k_a1"]
            dxf[i] = to(aligned((mask[i] * inv * a1, f["k_logit"] - f["e_logit"] + f_a1),
                                (-mask[i] * self.w["out"][labels[i]], f["f_out"])), f["f_dxf"])
        return to(self.norm_backward(dxf, f["f_dxf"], xf, f["f_xf"], h, r, self.w["gain_out"], f["f_gain_out"],
                                     f["f_w2_out"], f["f_w3_out"]), self.lay("dh", s["layers"] - 1, 0))

    def run(self, state, batch, schedule):
        """One step: state[p][kind] = dict(P, m, v) of lists of layers; returns the next state."""
        s, f = self.s, self.f
        L = s["layers"]
        new = lambda: [None] * L
        self.u = [new() for _ in PROJECTIONS]
        self.g0 = [[new(), new()] for _ in PROJECTIONS]
        self.work = [[[rq(m, 8) for m in state[p][kind]["P"]] if self.adapted(p) else None for kind in range(2)]
                     for p in range(7)]
        self.cache = []
        ids, labels, mask = (np.array(batch[x]).reshape(-1) for x in ("input", "label", "mask"))
        self.h1 = [to((self.w["emb"][ids], f["f_emb"]), f["f_h"])]
        for l in range(L):
            self.forward_layer(l)
        dh = self.head(labels, [int(x) for x in mask])
        for l in reversed(range(L)):
            dh = self.backward_layer(l, dh)

        # mean, clipping
        count = int(mask.sum())
        den = s["clip_u"] * count
        if s["clip"]:
            total = 0
            for p in range(7):
                for kind in range(2):
                    if self.adapted(p):
                        for l in range(L):
                            g = self.g0[p][kind][l]
                            total += rq(int((g * g).sum()), 2 * self.lay("g0", l, 2 * p + kind) - 2 * s["clip_frac"])
            self.norm_value = math.isqrt(total)
            den = max(den, self.norm_value)
        mu = div(2 ** 30 * s["clip_u"], den)
        self.mu, self.count = mu, count

        # AdamW
        out = [[None, None] for _ in range(7)]
        b1, d2 = s["beta1_q16"], s["d2"]
        for p in range(7):
            for kind in range(2):
                if not self.adapted(p):
                    continue
                nxt = {"P": [], "m": [], "v": [], "g": []}
                for l in range(L):
                    old = {x: state[p][kind][x][l] for x in "Pmv"}
                    i = 2 * p + kind
                    g = to((self.g0[p][kind][l] * mu, self.lay("g0", l, i) + 30), self.lay("g", l, i))
                    m = rq(b1 * old["m"] + (2 ** 16 - b1) * 2 ** 4 * g, 16)
                    v = old["v"] + (2 * (2 ** 10 * g * g - old["v"]) + d2) // (2 * d2)
                    step = schedule["eps"][p][kind][l] + isqrt(v)
                    q = (2 * m * schedule["lr"] + step) // (2 * step)
                    nxt["P"].append(old["P"] - q - rq(old["P"] * schedule["wd"], 30))
                    nxt["m"].append(m)
                    nxt["v"].append(v)
                    nxt["g"].append(g)
                out[p][kind] = nxt
        return out


# ---- float64 reference: the same model by ordinary backpropagation ----

class Reference:
    def __init__(self, shape, weights):
        self.s, self.w = shape, weights

    def loss(self, adapters, batch, grads=False):
        """Sum of masked losses; with grads: gradients of every A and B, and maxima for calibration."""
        s, w = self.s, self.w
        S, n, hd, G, U = s["sequences"], s["positions"], s["head_dim"], s["groups"], s["per_group"]
        T, L, d = S * n, s["layers"], s["d"]
        scale = 2.0 ** s["alpha_log2"]
        half = hd // 2
        ids, labels, mask = (np.array(batch[x]).reshape(-1) for x in ("input", "label", "mask"))
        angle = np.arange(n)[:, None] * s["rope_theta"] ** (-np.arange(half) / half)[None, :]
        cos, sin = np.tile(np.cos(angle), (S, 1)), np.tile(np.sin(angle), (S, 1))

        def rot(y, heads, sign):
            y = y.reshape(T, heads, 2, half)
            out = np.empty_like(y)
            out[:, :, 0] = y[:, :, 0] * cos[:, None] - sign * y[:, :, 1] * sin[:, None]
            out[:, :, 1] = y[:, :, 1] * cos[:, None] + sign * y[:, :, 0] * sin[:, None]
            return out.reshape(T, -1)

        def norm(h, gain):
            r = 1 / np.sqrt((h * h).mean(axis=1) + s["rms_eps"])
            return h * r[:, None] * gain, r

        def norm_back(dy, h, r, gain):
            g = dy * gain
            return r[:, None] * g - h * (r ** 3 * (h * g).sum(axis=1) / d)[:, None]

        def lin(p, l, x):
            y = x @ w["w"][p][l].T
            u = None
            if adapters[p]:
                a, b = adapters[p][0][l], adapters[p][1][l]
                u = x @ a.T
                y = y + scale * u @ b.T
            return y, u

        tape, h = [], w["emb"][ids]
        top = {}

        def see(name, l, x):
            top.setdefault(name, [0.0] * (L + 1))
            top[name][l] = max(top[name][l], float(np.abs(x).max()))

        causal = np.tril(np.ones((n, n), dtype=bool))
        for l in range(L):
            c = {"h": h}
            see("h", l, h)
            c["x1"], c["r1"] = norm(h, w["gain"][0][l])
            (q, c["uq"]), (k, c["uk"]), (v, c["uv"]) = (lin(p, l, c["x1"]) for p in (Q, K, V))
            c["q"], c["k"], c["v"] = rot(q, G * U, 1) / math.sqrt(hd), rot(k, G, 1), v
            o = np.zeros((T, G * U * hd))
            c["P"] = {}
            for b in range(S):
                rows = slice(b * n, (b + 1) * n)
                for head in range(G * U):
                    g = head // U
                    sc = c["q"][rows, head * hd:(head + 1) * hd] @ c["k"][rows, g * hd:(g + 1) * hd].T
                    sc = np.where(causal, sc, -np.inf)
                    see("score", l, (sc.max(axis=1)[:, None] - sc)[causal])
                    p = np.exp(sc - sc.max(axis=1)[:, None])
                    den = p.sum(axis=1)
                    c["P"][b, head] = (p / den[:, None], den)
                    o[rows, head * hd:(head + 1) * hd] = (p / den[:, None]) @ c["v"][rows, g * hd:(g + 1) * hd]
            c["o"] = o
            y, c["uo"] = lin(O, l, o)
            c["h2"] = h + y
            see("h", l, c["h2"])
            c["x2"], c["r2"] = norm(c["h2"], w["gain"][1][l])
            c["g"], c["ug"] = lin(GATE, l, c["x2"])
            c["up"], c["uu"] = lin(UP, l, c["x2"])
            sg = 1 / (1 + np.exp(-c["g"]))
            c["z"], c["dz"] = c["g"] * sg, sg * (1 + c["g"] * (1 - sg))
            c["m"] = c["z"] * c["up"]
            y, c["ud"] = lin(DOWN, l, c["m"])
            h = c["h2"] + y
            for name, x in (("x1", c["x1"]), ("x2", c["x2"]), ("q", c["q"]), ("k", c["k"]), ("v", v), ("g", c["g"]),
                            ("up", c["up"])):
                see(name, l, x)
            for p, name in enumerate(("uq", "uk", "uv", "uo", "ug", "uu", "ud")):
                if c[name] is not None:
                    see("u%d" % p, l, c[name])
            see("r", 0, c["r1"])
            see("r", 0, c["r2"])
            tape.append(c)
        see("h", L, h)
        xf, rf = norm(h, w["gain_out"])
        see("r", 0, rf)
        see("xf", 0, xf)
        logit = xf @ w["out"].T
        see("span", 0, logit.max(axis=1) - logit.min(axis=1))
        lse = logit.max(axis=1) + np.log(np.exp(logit - logit.max(axis=1)[:, None]).sum(axis=1))
        loss = float(((lse - logit[np.arange(T), labels]) * mask).sum())
        if not grads:
            return loss

        out = [[[None] * L, [None] * L] if adapters[p] else None for p in range(7)]

        def lin_back(p, l, x, u, dy):
            dx = dy @ w["w"][p][l]
            if adapters[p]:
                a, b = adapters[p][0][l], adapters[p][1][l]
                vb = scale * dy @ b
                see("vb%d" % p, l, vb)
                out[p][0][l], out[p][1][l] = vb.T @ x, scale * dy.T @ u
                see("g%d" % (2 * p), l, out[p][0][l])
                see("g%d" % (2 * p + 1), l, out[p][1][l])
                dx = dx + vb @ a
            return dx

        dl = np.exp(logit - lse[:, None])
        dl[np.arange(T), labels] -= 1
        dxf = (dl * mask[:, None]) @ w["out"]
        see("dxf", 0, dxf)
        dh = norm_back(dxf, h, rf, w["gain_out"])
        see("dh", L, dh)
        for l in reversed(range(L)):
            c = tape[l]
            dm = lin_back(DOWN, l, c["m"], c["ud"], dh)
            dup, dg = dm * c["z"], dm * c["up"] * c["dz"]
            dx2 = lin_back(GATE, l, c["x2"], c["ug"], dg) + lin_back(UP, l, c["x2"], c["uu"], dup)
            dh2 = dh + norm_back(dx2, c["h2"], c["r2"], w["gain"][1][l])
            do = lin_back(O, l, c["o"], c["uo"], dh2)
            dq, dk, dv = np.zeros_like(do), np.zeros((T, G * hd)), np.zeros((T, G * hd))
            for b in range(S):
                rows = slice(b * n, (b + 1) * n)
                for head in range(G * U):
                    g = head // U
                    hc, gc = slice(head * hd, (head + 1) * hd), slice(g * hd, (g + 1) * hd)
                    p, den = c["P"][b, head]
                    see("dop", l, do[rows, hc] / den[:, None])
                    dv[rows, gc] += p.T @ do[rows, hc]
                    dp = do[rows, hc] @ c["v"][rows, gc].T
                    ds = p * (dp - (do[rows, hc] * c["o"][rows, hc]).sum(axis=1)[:, None])
                    see("ds", l, ds)
                    dq[rows, hc] += ds @ c["k"][rows, gc]
                    dk[rows, gc] += ds.T @ c["q"][rows, hc]
            dq, dk = rot(dq, G * U, -1) / math.sqrt(hd), rot(dk, G, -1)
            dx1 = (lin_back(Q, l, c["x1"], c["uq"], dq) + lin_back(K, l, c["x1"], c["uk"], dk)
                   + lin_back(V, l, c["x1"], c["uv"], dv))
            see("dh", l, dh2)
            dh = dh2 + norm_back(dx1, c["h"], c["r1"], w["gain"][0][l])
            for name, x in (("dm", dm), ("dup", dup), ("dgate", dg), ("dx1", dx1), ("dx2", dx2), ("do_", do), ("dv", dv),
                            ("dq", dq), ("dk", dk)):
                see(name, l, x)
            see("dh", l, dh)
        return loss, out, top


# ---- a profile from the reference's maxima ----

def exponent(x):
    """Least e with |x| < 2^e."""
    return math.frexp(x)[1] if x else -40


def fit(x, target, low, high):
    return max(low, min(high, target - exponent(x)))


def make_profile(shape, top, fracs, fixed):
    s = shape
    L = s["layers"]
    tokens = s["sequences"] * s["positions"]
    f = dict(n_weight=12, n_gain=12, n_grad=16, n_dop=16, n_ds=16, n_dx=16, w_h=25, w_dh=25, w_r=24, w_u=22, w_vb=24,
             w_vb_down=24, w_s=22, w_max=24,
             w_w2=37, w_w3=36, w_g=24, w_q=48, w_norm=29, w_update=26, f_rot=13, f_unrot=11, e_score=14, k_score=32,
             f_dsilu=14, e_logit=24, k_logit=44, k_a1=20, w_a1=32, f_s=20)
    f["f_emb"], f["f_out"], f["f_gain_out"] = fracs["emb"], fracs["out"], fracs["gain_out"]
    f["f_h"] = fit(max(top["h"]), 22, 0, 12)
    f["dh"] = [fit(top["dh"][l + 1], 22, 0, 40) for l in range(L)] + [fit(top["dh"][l], 22, 0, 40) for l in range(L)]
    f["f_r"] = fit(top["r"][0], 23, 4, 14)
    f["f_score"] = fit(max(top["score"]), 15, 4, 10)
    f["gate"] = [fit(top["g"][l], 13, 0, 13) - l % 2 for l in range(L)]
    f["f_logit"] = fit(top["span"][0], 15, 4, 10)
    f["f_xf"] = fit(top["xf"][0], 13, 0, 14)
    f.update(fixed)
    f["f_dxf"] = fit(top["dxf"][0], 14, 0, 30)
    per = lambda name, target, high: [fit(top[name][l], target, 0, high) for l in range(L)]
    f["w"] = sum(fracs["w"], [])
    f["gain"] = fracs["gain"][0] + fracs["gain"][1]
    f["x"] = per("x1", 13, 14) + per("x2", 13, 14)
    f["q"], f["k"], f["v"], f["up"] = (per(x, 13, 14) for x in ("q", "k", "v", "up"))
    f["dha"] = [fit(max(top["dh"][l], top["dh"][l + 1]), 14, 0, 30) for l in range(L)]
    f["dhb"] = list(f["dha"])
    for x in ("dm", "dup", "dgate", "do_", "dop", "dv", "ds", "dq", "dk"):
        f[x] = per(x, 14, 30)
    f["dx"] = per("dx1", 14, 30) + per("dx2", 14, 30)
    zero = [0.0] * L
    f["u"] = sum(([min(12, fit(x, 16, 0, 24)) for x in top.get("u%d" % p, zero)[:L]] for p in range(7)), [])
    f["vb"] = sum(([min(20, fit(x, 16, 0, 40)) for x in top.get("vb%d" % p, zero)[:L]] for p in range(7)), [])
    f["g0"] = sum(([min(26, fit(x, 18, s["clip_frac"], 40)) for x in top.get("g%d" % i, zero)[:L]]
                   for i in range(14)), [])
    # where A^T vb meets W^T dy, some layers have fewer bits of vb; "k" has all
    f["avb"] = [x if i // L == 1 else max(0, x - i % 3) for i, x in enumerate(f["vb"])]
    sigma = max(0, (tokens // 2).bit_length() - 1)
    f["g"] = [x + sigma + (i % 2 if s["clip"] else 0) for i, x in enumerate(f["g0"])]
    # norm backward: exponent of h w3 within [-1, 9] of that of r gamma dy
    w2, w3 = [], []
    for i in range(2):
        for l in range(L):
            f1 = f["f_r"] + f["gain"][i * L + l] + f["dx"][i * L + l] - f["f_h"]
            w3.append(f1 + 4)
            w2.append(min(f["x"][i * L + l] + f["dx"][i * L + l] + 6, f1 + 12))
    f["w2"], f["w3"] = w2, w3
    f1 = f["f_r"] + f["f_gain_out"] + f["f_dxf"] - f["f_h"]
    f["f_w3_out"], f["f_w2_out"] = f1 + 4, min(f["f_xf"] + f["f_dxf"] + 6, f1 + 12)
    assert tokens <= 128
    return f


# ---- cases ----

CASES = {
    "all": dict(shape=dict(layers=2, d=12, groups=1, per_group=2, head_dim=8, ff=20, vocab=24, tied=1,
                           rms_eps=1e-5, rope_theta=10000.0, adapted=127, rank=2, alpha_log2=1, sequences=2,
                           positions=8, beta1_q16=58982, d2=1000, clip=1, clip_u=6554, clip_frac=16),
                seed=1, lr="2e-3"),
    "some": dict(shape=dict(layers=3, d=10, groups=2, per_group=1, head_dim=4, ff=14, vocab=15, tied=0,
                            rms_eps=1e-6, rope_theta=500.0, adapted=0b1000101, rank=3, alpha_log2=-1, sequences=1,
                            positions=6, beta1_q16=52429, d2=20, clip=0, clip_u=4096, clip_frac=12),
                 seed=2, lr="1e-2"),
    # a residual of 30 bits: sums of squares and products with 1/rms are bounded by lemmas
    "wide": dict(shape=dict(layers=2, d=9, groups=1, per_group=3, head_dim=4, ff=12, vocab=22, tied=1,
                            rms_eps=1e-5, rope_theta=100.0, adapted=0b0111010, rank=1, alpha_log2=0, sequences=2,
                            positions=4, beta1_q16=58982, d2=1000, clip=1, clip_u=4096, clip_frac=12),
                 seed=3, lr="1e-3", profile=dict(n_grad=20, n_dop=19, n_ds=21, n_dx=19, w_h=30,
                                                             f_h=15, w_r=26, f_r=21, w_w2=35)),
}


def quantise(x, bits):
    f = bits - 1 - exponent(float(np.abs(x).max()))
    q = np.floor(np.abs(x) * 2.0 ** f + 0.5) * np.sign(x)
    if np.abs(q).max() >= 2 ** (bits - 1):
        f -= 1
        q = np.floor(np.abs(x) * 2.0 ** f + 0.5) * np.sign(x)
    return np.array([int(v) for v in q.reshape(-1)], dtype=object).reshape(x.shape), f


def dims(s, p):
    h, kv = s["groups"] * s["per_group"] * s["head_dim"], s["groups"] * s["head_dim"]
    return {Q: (h, s["d"]), K: (kv, s["d"]), V: (kv, s["d"]), O: (s["d"], h), GATE: (s["ff"], s["d"]),
            UP: (s["ff"], s["d"]), DOWN: (s["d"], s["ff"])}[p]


def real(x, f):
    return np.array(x, dtype=float) / 2.0 ** f


def make_case(name):
    """Inputs of a case: shape, profile, integer weights, first state, batches, schedule."""
    s = dict(CASES[name]["shape"])
    rng = np.random.default_rng(CASES[name]["seed"])
    L = s["layers"]
    draw = lambda shape, scale: (rng.standard_normal(shape) * scale)
    weights, fracs = {"w": [], "gain": []}, {"w": [], "gain": []}

    def put(group, arrays, bits):
        pairs = [quantise(a, bits) for a in arrays]
        weights[group].append([q for q, _ in pairs])
        fracs[group].append([f for _, f in pairs])

    weights["emb"], fracs["emb"] = quantise(draw((s["vocab"], s["d"]), 0.8), 12)
    weights["out"], fracs["out"] = (weights["emb"], fracs["emb"]) if s["tied"] else \
        quantise(draw((s["vocab"], s["d"]), 0.6), 12)
    for p in range(7):
        out, inp = dims(s, p)
        put("w", [draw((out, inp), 0.25 + 0.05 * l) for l in range(L)], 12)
    for i in range(2):
        put("gain", [1 + draw(s["d"], 0.3) for _ in range(L)], 12)
    weights["gain_out"], fracs["gain_out"] = quantise(1 + draw(s["d"], 0.2), 12)
    state = []
    for p in range(7):
        out, inp = dims(s, p)
        kinds = []
        for shape in ((s["rank"], inp), (out, s["rank"])):
            values = [rng.integers(-2 ** 26, 2 ** 26, shape).astype(object) for _ in range(L)]
            zeros = lambda: [np.zeros(shape, dtype=object) for _ in range(L)]
            kinds.append({"P": values, "m": zeros(), "v": zeros()})
        state.append(kinds if s["adapted"] >> p & 1 else None)
    batches = []
    for _ in range(2):
        n = s["positions"]
        tokens = rng.integers(0, s["vocab"], (s["sequences"], n + 1))
        mask = (rng.random((s["sequences"], n)) < 0.7).astype(int)
        mask[0, n - 1] = 1
        batches.append({"input": tokens[:, :n].tolist(), "label": tokens[:, 1:].tolist(), "mask": mask.tolist()})
    floats = {"emb": real(weights["emb"], fracs["emb"]), "out": real(weights["out"], fracs["out"]),
              "gain_out": real(weights["gain_out"], fracs["gain_out"]),
              "w": [[real(x, f) for x, f in zip(weights["w"][p], fracs["w"][p])] for p in range(7)],
              "gain": [[real(x, f) for x, f in zip(weights["gain"][i], fracs["gain"][i])] for i in range(2)]}
    adapters = [[[real(x, 28) for x in state[p][kind]["P"]] for kind in range(2)] if state[p] else None
                for p in range(7)]
    reference = Reference(s, floats)
    top = {}
    for batch in batches:
        for k, v in reference.loss(adapters, batch, True)[2].items():
            top[k] = [max(a, b) for a, b in zip(v, top.get(k, [0.0] * len(v)))]
    profile = make_profile(s, top, fracs, CASES[name].get("profile", {}))
    schedule = []
    for t in (1, 2):
        lr, wd, eps = Decimal(CASES[name]["lr"]), Decimal("0.01"), Decimal("1e-8")
        b1, b2 = Decimal(s["beta1_q16"]) / 2 ** 16, 1 - 1 / Decimal(s["d2"])
        root = (1 - b2 ** t).sqrt()
        schedule.append({
            "lr": rnd(lr * root / (1 - b1 ** t) * 2 ** 29), "wd": rnd(lr * wd * 2 ** 30),
            "eps": [[[max(1, rnd(eps * root * 2 ** (profile["g"][(2 * p + kind) * L + l] + 5)))
                      for l in range(L)] for kind in range(2)] for p in range(7)]})
    return dict(shape=s, profile=profile, weights=weights, state=state, batches=batches, schedule=schedule,
                floats=floats, adapters=adapters, fracs=fracs)


def plain(x):
    """JSON form: nested lists of integers."""
    if isinstance(x, np.ndarray):
        return [int(v) for v in x.reshape(-1)]
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return int(x) if isinstance(x, np.integer) else x


def run_case(name):
    case = make_case(name)
    step = Step(case["shape"], case["profile"], case["weights"])
    state, steps = case["state"], []
    for batch, schedule in zip(case["batches"], case["schedule"]):
        state = step.run(state, batch, schedule)
        steps.append({"mu": step.mu, "count": step.count, "state": plain(state),
                      "logits": plain(step.logits[:2])})
    inputs = {k: plain(case[k]) for k in ("shape", "profile", "weights", "state", "batches", "schedule")}
    return dict(inputs, steps=steps)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write":
        for name in CASES:
            with open("%s_%s.json" % (sys.argv[2], name), "w") as out:
                json.dump(run_case(name), out, separators=(",", ":"), sort_keys=True)
                out.write("\n")
    else:
        sys.exit("usage: step_oracle.py --write PREFIX")


if __name__ == "__main__":
    main()
