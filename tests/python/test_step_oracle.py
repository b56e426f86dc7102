"""The oracle agrees with the committed vectors and with float64 backpropagation, which itself is
checked by finite differences: signs, factors and transposes are right before bits are compared."""
import json
import os

import numpy as np
import pytest
import step_oracle as so

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.mark.parametrize("name", sorted(so.CASES))
def test_vectors_are_the_oracles(name):
    with open(os.path.join(HERE, "..", "..", "vectors", "step_%s.json" % name)) as f:
        assert json.load(f) == json.loads(json.dumps(so.run_case(name)))


@pytest.mark.parametrize("name", sorted(so.CASES))
def test_float_gradients_by_differences(name):
    case = so.make_case(name)
    ref = so.Reference(case["shape"], case["floats"])
    batch, adapters = case["batches"][0], case["adapters"]
    _, grads, _ = ref.loss(adapters, batch, True)
    rng = np.random.default_rng(7)
    for p in range(7):
        for kind in range(2):
            if not adapters[p]:
                continue
            for l in range(case["shape"]["layers"]):
                x = adapters[p][kind][l]
                i = tuple(int(rng.integers(n)) for n in x.shape)
                keep, h = x[i], 1e-5
                x[i] = keep + h
                up = ref.loss(adapters, batch)
                x[i] = keep - h
                down = ref.loss(adapters, batch)
                x[i] = keep
                g = grads[p][kind][l]
                assert abs((up - down) / (2 * h) - g[i]) < 1e-5 + 1e-5 * np.abs(g).max()


@pytest.mark.parametrize("name", sorted(so.CASES))
def test_integer_gradients_follow_float(name):
    case = so.make_case(name)
    s, f = case["shape"], case["profile"]
    step = so.Step(s, f, case["weights"])
    step.run(case["state"], case["batches"][0], case["schedule"][0])
    _, grads, _ = so.Reference(s, case["floats"]).loss(case["adapters"], case["batches"][0], True)
    for p in range(7):
        for kind in range(2):
            for l in range(s["layers"] if grads[p] else 0):
                g = so.real(step.g0[p][kind][l], f["g0"][(2 * p + kind) * s["layers"] + l])
                want = grads[p][kind][l]
                error = np.linalg.norm(g - want) / np.linalg.norm(want)
                assert error < 0.015, (so.PROJECTIONS[p], kind, l, error)


@pytest.mark.parametrize("name", sorted(so.CASES))
def test_update_follows_adamw(name):
    """Two steps against AdamW in float64 on the integer gradients' real values."""
    case = so.make_case(name)
    s, f = case["shape"], case["profile"]
    step = so.Step(s, f, case["weights"])
    lr, wd, eps = float(so.CASES[name]["lr"]), 0.01, 1e-8
    b1, b2 = s["beta1_q16"] / 2 ** 16, 1 - 1 / s["d2"]
    state, moments, sizable = case["state"], {}, {} # elements whose gradient has 8 bits
    for t in (1, 2):
        state_before = state
        state = step.run(state, case["batches"][t - 1], case["schedule"][t - 1])
        norm2 = sum(float((so.real(step.g0[p][k][l], f["g0"][(2 * p + k) * s["layers"] + l]) ** 2).sum())
                    for p in range(7) if state[p][0] for k in range(2) for l in range(s["layers"])) / step.count ** 2
        limit = s["clip_u"] / 2.0 ** s["clip_frac"]
        clip = min(1.0, limit / norm2 ** 0.5) if s["clip"] else 1.0
        for p in range(7):
            for k in range(2):
                for l in range(s["layers"] if state[p][0] else 0):
                    g = so.real(step.g0[p][k][l], f["g0"][(2 * p + k) * s["layers"] + l]) / step.count * clip
                    m, v = moments.get((p, k, l), (0.0, 0.0))
                    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
                    moments[p, k, l] = m, v
                    old = so.real(state_before[p][k]["P"][l], 28)
                    new = so.real(state[p][k]["P"][l], 28)
                    want = old * (1 - lr * wd) - lr * (m / (1 - b1 ** t)) / ((v / (1 - b2 ** t)) ** 0.5 + eps)
                    error = np.abs(new - want)
                    assert error.mean() < 0.05 * lr
                    seen = np.abs(state[p][k]["g"][l].astype(float)) >= 256
                    sizable[p, k, l] = sizable.get((p, k, l), True) & seen
                    assert (error * sizable[p, k, l]).max() < 0.02 * lr
