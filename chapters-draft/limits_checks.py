"""Tiny numerical checks of the constants in 09-limits.md: NumPy alone, seconds in all.

Each function checks one statement and prints what it found beside what the text says.
"""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np

SQRT2 = math.sqrt(2.0)
erfc = np.frompyfunc(math.erfc, 1, 1)
NODES = [NormalDist().inv_cdf((k + 0.5) / 40) for k in range(40)]


def cut_norm(a: np.ndarray) -> float:
    """Return the cut norm of a small matrix by enumeration of its row sets."""
    n, m = a.shape
    best = 0.0
    for rows in itertools.product([False, True], repeat=n):
        sums = a[np.array(rows)].sum(0)
        best = max(best, sums[sums > 0].sum(), -sums[sums < 0].sum())
    return best / (n * m)


def random_mask_of_four() -> None:
    """Two of four entries at random: the mean cut norm of M - 1/2 is 5/24."""
    values = []
    for kept in itertools.combinations(range(4), 2):
        mask = np.zeros(4)
        mask[list(kept)] = 1.0
        values.append(cut_norm(mask.reshape(2, 2) - 0.5))
    print(f"T0  mean cut norm {np.mean(values):.6f}, 5/24 = {5 / 24:.6f}")


def projection(vectors: np.ndarray) -> np.ndarray:
    """Return the projection on the columns' span."""
    u, s, _ = np.linalg.svd(vectors, full_matrices=False)
    u = u[:, s > 1e-9 * max(s.max(), 1e-300)]
    return u @ u.T


def forward(weights: list[np.ndarray], x: np.ndarray) -> tuple[list, list]:
    """Return activations and pre-activations of a He network, weights in NTK units."""
    h, z = [x], []
    for layer, w in enumerate(weights):
        z.append(math.sqrt(2.0 / w.shape[1]) * w @ h[-1])
        h.append(np.maximum(z[-1], 0.0) if layer < len(weights) - 1 else z[-1])
    return h, z


def backward(weights: list[np.ndarray], z: list[np.ndarray], seed: np.ndarray) -> list[np.ndarray]:
    """Return the delta of every layer on the batch."""
    delta = [seed]
    for w, before in zip(weights[:0:-1], z[-2::-1], strict=True):
        delta.insert(0, math.sqrt(2.0 / w.shape[1]) * (w.T @ delta[0]) * (before > 0))
    return delta


def errors(f: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return softmax minus one-hot labels."""
    p = np.exp(f - f.max(0))
    p /= p.sum(0)
    p[labels, np.arange(len(labels))] -= 1.0
    return p


def coupling(
    n: int, batch: int, trials: int, rng: np.random.Generator, density: float = 0.2
) -> None:
    """SNIP, layer scope: flips against bound and prediction, seen energy, marginals of w'."""
    d, outputs = 60, 10
    flips, predicted, constant, energy, corr, square = [], [], [], [], [], []
    for _ in range(trials):
        weights = [rng.standard_normal(s) for s in ((n, d), (n, n), (n, n), (outputs, n))]
        x = rng.standard_normal((d, batch))
        h, z = forward(weights, x)
        delta = backward(weights, z, errors(z[-1], rng.integers(outputs, size=batch)))
        layer = 1
        w = weights[layer]
        p, q = projection(h[layer]), projection(delta[layer])
        off = lambda a, p=p, q=q: a - q @ a - (a - q @ a) @ p  # noqa: E731
        seen = w - off(w)
        fresh = rng.standard_normal(w.shape)
        other = fresh - off(fresh)
        again = off(w) + other
        factor = np.abs(delta[layer] @ h[layer].T)
        factor /= np.sqrt((factor**2).mean())
        lo, hi = 1e-9, 1e3
        for _ in range(60):  # the threshold s* at which the mean probability is the density
            mid = math.sqrt(lo * hi)
            with np.errstate(divide="ignore"):
                mean = erfc(mid / (SQRT2 * factor)).astype(float).mean()
            lo, hi = (mid, hi) if mean > density else (lo, mid)
        with np.errstate(divide="ignore"):
            tau = lo / factor
        flips.append(((np.abs(w) >= tau) != (np.abs(again) >= tau)).mean())
        spread = np.sqrt(
            np.clip(np.diag(q)[:, None] + np.diag(p) - np.outer(np.diag(q), np.diag(p)), 0, None)
        )
        seen_size = np.abs(seen)
        folded = np.zeros_like(seen)
        for node in NODES:
            folded += np.minimum(np.abs(seen_size - spread * node), 2 * np.minimum(tau, 1e6)) / len(
                NODES
            )
        phi = np.exp(-(np.minimum(tau, 40.0) ** 2) / 2) / math.sqrt(2 * math.pi)
        predicted.append((2 * phi * folded).mean())
        constant.append(phi.mean())
        energy.append(
            (seen**2).sum() / (n * np.trace(p) + n * np.trace(q) - np.trace(p) * np.trace(q))
        )
        corr.append(
            (again @ h[layer]).ravel() @ (w @ h[layer]).ravel() / np.linalg.norm(w @ h[layer]) ** 2
        )
        square.append((again**2).mean())
    root = math.sqrt(n / batch)
    bound = 4 / math.sqrt(math.pi) + 4 / root
    print(
        f"T1  n {n}, B {batch}: flips {root * np.mean(flips):.3f}, predicted given the signals {root * np.mean(predicted):.3f}, "
        f"4 sqrt(2/pi) mean phi {4 * math.sqrt(2 / math.pi) * np.mean(constant):.3f}, bound {bound:.2f} (all times sqrt(n/B)); "
        f"seen energy over n r_P + n r_Q - r_P r_Q {np.mean(energy):.3f}; w' on w H {np.mean(corr):+.3f}, mean w'^2 {np.mean(square):.3f}"
    )


def one_input(rng: np.random.Generator) -> None:
    """B = 1: a quarter of the factors is not zero, and given the threshold the density is P(|g1 g2 g3| > s) / 4."""
    n, d = 1500, 50
    weights = [rng.standard_normal(s) for s in ((n, d), (n, n), (n, n), (10, n))]
    h, z = forward(weights, rng.standard_normal((d, 1)))
    delta = backward(weights, z, errors(z[-1], np.array([3])))
    q = np.abs(delta[1] @ h[1].T)
    scale = math.sqrt((delta[1][delta[1] != 0] ** 2).mean() * (h[1][h[1] > 0] ** 2).mean())
    score = np.abs(weights[1]) * q / scale
    g = np.abs(np.prod(rng.standard_normal((3, 10**6)), axis=0))
    print(f"T2  B = 1: nonzero factors {(q != 0).mean():.3f} (1/4)", end="")
    for s in (0.1, 0.5, 1.5):
        print(
            f"; s {s}: density {(score >= s).mean():.4f}, law {0.25 * (g >= s).mean():.4f}", end=""
        )
    dead = (delta[1] == 0).all(1).mean()
    print(f"; rows without gradient {dead:.3f} (1/2)")


def backward_covariance(rng: np.random.Generator) -> None:
    """Compare the covariance of sqrt(n) g with its limit, a Schur product."""
    n, d, batch = 1500, 40, 3
    weights = [rng.standard_normal(s) for s in ((n, d), (n, n), (n, n), (10, n))]
    x = rng.standard_normal((d, 1)) + 0.7 * rng.standard_normal((d, batch))
    _, z = forward(weights, x)
    chi = errors(z[-1], rng.integers(10, size=batch))
    delta = backward(weights, z, chi)
    # limits with the dense recursion
    c = 2.0 * x.T @ x / d
    gates = []
    for _ in range(3):
        s = np.sqrt(np.diag(c))
        rho = np.clip(c / np.outer(s, s), -1, 1)
        theta = np.arccos(rho)
        gates.append((math.pi - theta) / (2 * math.pi))
        c = 2.0 * np.outer(s, s) * (np.sin(theta) + (math.pi - theta) * rho) / (2 * math.pi)
    pi = 2.0 * chi.T @ chi
    pi = 2.0 * pi * gates[2]
    g1 = math.sqrt(2.0 / n) * weights[2].T @ delta[2]
    measured = n * g1.T @ g1 / n
    scale = np.sqrt(np.outer(np.diag(pi), np.diag(pi)))
    print(
        "T2  Pi of hidden layer 2, (measured - law) / scale:\n",
        np.round((measured - pi) / scale, 3),
    )


def send_back(
    weights: list[np.ndarray], z: list[np.ndarray], seed: np.ndarray, extra: list | None = None
) -> list[np.ndarray]:
    """Send a seed back through weights in He's units, adding `extra` to every layer's signal."""
    out = [seed]
    for k in range(len(weights) - 1, 0, -1):
        g = weights[k].T @ out[0]
        if extra is not None:
            g = g + extra[k]
        out.insert(0, g * (z[k - 1] > 0))
    return out


def grasp_parts(n: int, rng: np.random.Generator) -> None:
    """Split GraSP's factor: the backward pass of one seed, and a rest of relative size T / sqrt(n)."""
    d, batch, outputs = 60, 5, 10
    weights = [
        math.sqrt(2 / s[1]) * rng.standard_normal(s) for s in ((n, d), (n, n), (n, n), (outputs, n))
    ]
    x, labels = rng.standard_normal((d, batch)), rng.integers(outputs, size=batch)
    h, z = [x], []
    for k, w in enumerate(weights):
        z.append(w @ h[-1])
        h.append(np.maximum(z[-1], 0) if k < 3 else z[-1])
    shares = []
    temperatures = np.array([1.0, 20.0, 200.0])
    for t in temperatures:
        chi = errors(z[-1] / t, labels)
        prob = chi.copy()
        prob[labels, np.arange(batch)] += 1.0
        delta = send_back(weights, z, chi / t)
        grad = [a @ b.T / batch for a, b in zip(delta, h[:-1], strict=True)]
        moved = [np.zeros_like(x)]
        for k in range(4):
            dz = grad[k] @ h[k] + weights[k] @ moved[k]
            moved.append(dz * (z[k] > 0) if k < 3 else dz)
        df = moved[-1] / t
        seed = prob * (df - (prob * df).sum(0)) / t
        extra = [None] + [grad[k].T @ delta[k] for k in (1, 2, 3)]
        full = send_back(weights, z, seed, extra)
        main = send_back(weights, z, seed)[2] @ h[2].T
        rest = full[2] @ h[2].T + delta[2] @ moved[2].T - main
        shares.append(np.linalg.norm(rest) / np.linalg.norm(main))
    scaled = np.array(shares) * math.sqrt(n) / temperatures
    print(
        f"T2  GraSP, n {n}: rest / main at T = 1, 20, 200:",
        np.round(shares, 3),
        "over T / sqrt(n):",
        np.round(scaled, 2),
    )


def synflow_one_round(rng: np.random.Generator) -> None:
    """K = 1, D = 3: the law of scores is that of |w| b f, and middle masks are flat."""
    n, d, outputs = 1500, 1, 1
    w1, w2, w3 = (np.abs(rng.standard_normal(s)) for s in ((n, d), (n, n), (outputs, n)))
    f, b = w1.sum(1) / d, w3.sum(0)
    g = np.abs(np.prod(rng.standard_normal((3, 10**6)), axis=0))
    score = b[:, None] * w2 * f
    print(
        "T3  d = c = 1, D = 3:",
        "; ".join(
            f"t {t}: {(score >= t).mean():.4f}, law {(g >= t).mean():.4f}" for t in (0.2, 1.0)
        ),
    )


def second_derivatives() -> None:
    """Compare the second derivatives of the ReLU's S with finite differences, and use them."""

    def s(q: float, r: float, c: float) -> float:
        theta = math.acos(c / math.sqrt(q * r))
        return (
            math.sqrt(q * r)
            * (math.sin(theta) + (math.pi - theta) * math.cos(theta))
            / (2 * math.pi)
        )

    q, r, c, e = 1.3, 0.8, 0.4, 1e-4
    big = math.sqrt(q * r - c * c)
    p = np.array([q, r, c])
    hess = np.zeros((3, 3))
    for i, j in itertools.product(range(3), repeat=2):
        di, dj = e * np.eye(3)[i], e * np.eye(3)[j]
        hess[i, j] = (
            s(*(p + di + dj)) - s(*(p + di - dj)) - s(*(p - di + dj)) + s(*(p - di - dj))
        ) / (4 * e * e)
    a = 2 * c * c - q * r
    law = np.array(
        [
            [
                a / (8 * math.pi * big * q * q),
                1 / (8 * math.pi * big),
                -c / (4 * math.pi * q * big),
            ],
            [
                1 / (8 * math.pi * big),
                a / (8 * math.pi * big * r * r),
                -c / (4 * math.pi * r * big),
            ],
            [-c / (4 * math.pi * q * big), -c / (4 * math.pi * r * big), 1 / (2 * math.pi * big)],
        ]
    )
    print(f"T5  Hessian of S: largest error {np.abs(hess - law).max():.1e}")
    x, y, keep = np.array([1.0, 0.5, 0.8, 1.2, 0.6]), np.array([0.7, 1.1, -0.4, 0.9, 1.3]), 0.6
    d = len(x)
    exact = 0.0
    for m in itertools.product([0, 1], repeat=d):
        mm = np.array(m)
        cm = 2 / d * np.array([(mm * x * x).sum(), (mm * y * y).sum(), (mm * x * y).sum()])
        prob = keep ** mm.sum() * (1 - keep) ** (d - mm.sum())
        if cm[0] > 0 and cm[1] > 0:
            exact += prob * s(
                cm[0],
                cm[1],
                float(np.clip(cm[2], -math.sqrt(cm[0] * cm[1]), math.sqrt(cm[0] * cm[1]))),
            )
    bar = 2 * keep / d * np.array([(x * x).sum(), (y * y).sum(), (x * y).sum()])
    feats = np.stack([x * x, y * y, x * y])
    v = (2 / d) ** 2 * keep * (1 - keep) * feats @ feats.T
    big = math.sqrt(bar[0] * bar[1] - bar[2] ** 2)
    q, r, c = bar
    a = 2 * c * c - q * r
    law = np.array(
        [
            [
                a / (8 * math.pi * big * q * q),
                1 / (8 * math.pi * big),
                -c / (4 * math.pi * q * big),
            ],
            [
                1 / (8 * math.pi * big),
                a / (8 * math.pi * big * r * r),
                -c / (4 * math.pi * r * big),
            ],
            [-c / (4 * math.pi * q * big), -c / (4 * math.pi * r * big), 1 / (2 * math.pi * big)],
        ]
    )
    print(
        f"T5  d = 5 by enumeration: mixture {exact:.5f}, plain {s(*bar):.5f}, corrected {s(*bar) + 0.5 * (law * v).sum():.5f}"
    )


def joint_kernel(rng: np.random.Generator) -> None:
    """Step-graphon masks, all widths together: one network's kernel over the Graphon NTK's."""
    d, kept = 30, np.array([[0.9, 0.3], [0.2, 0.6]])
    x = rng.standard_normal((d, 1)) + rng.standard_normal((d, 2))
    for n in (400, 1600):
        block = np.repeat([0, 1], n // 2)
        masks = (
            [np.ones((n, d))]
            + [(rng.random((n, n)) < kept[np.ix_(block, block)]) for _ in range(2)]
            + [np.ones((1, n))]
        )
        ws = [rng.standard_normal(m.shape) for m in masks]
        h, z = [x], []
        for k, (m, w) in enumerate(zip(masks, ws, strict=True)):
            z.append(math.sqrt(2 / w.shape[1]) * (m * w) @ h[-1])
            h.append(np.maximum(z[-1], 0) if k < 3 else z[-1])
        theta = np.zeros((2, 2))
        delta = np.ones((1, 2))
        for k in (3, 2, 1, 0):
            own = (
                2 / ws[k].shape[1] * np.einsum("ij,ja,jb->iab", masks[k].astype(float), h[k], h[k])
            )
            theta += np.einsum("ia,ib,iab->ab", delta, delta, own)
            if k:
                delta = (
                    math.sqrt(2 / ws[k].shape[1]) * ((masks[k] * ws[k]).T @ delta) * (z[k - 1] > 0)
                )

        def moments(c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            s = np.sqrt(np.diag(c))
            rho = np.clip(c / np.outer(s, s), -1, 1)
            t = np.arccos(rho)
            return np.outer(s, s) * (np.sin(t) + (math.pi - t) * rho) / (2 * math.pi), (
                math.pi - t
            ) / (2 * math.pi)

        cs = [[2 / d * x.T @ x] * 2]
        ss, dd = [], []
        for k in range(3):
            pair = [moments(c) for c in cs[k]]
            ss.append([a for a, _ in pair])
            dd.append([b for _, b in pair])
            if k < 2:
                cs.append([2 * sum(0.5 * kept[a, b] * ss[k][b] for b in (0, 1)) for a in (0, 1)])
        g = [None, None, [2 * np.ones((2, 2))] * 2]
        for k in (1, 0):
            g[k] = [
                2 * sum(0.5 * kept[a, b] * dd[k + 1][a] * g[k + 1][a] for a in (0, 1))
                for b in (0, 1)
            ]
        limit = 2 * sum(0.5 * s for s in ss[2])
        limit = limit + sum(0.5 * dd[k][a] * g[k][a] * cs[k][a] for k in range(3) for a in (0, 1))
        print(f"T6  n {n}: kernel / limit\n", np.round(theta / limit, 3))


def signed_joint_kernel(n: int, draws: int, rng: np.random.Generator) -> None:
    """Uniform weights kept by size, with drifts, all widths n: mean kernel over the signed limit."""
    d = 30
    x = rng.standard_normal((d, 1)) + rng.standard_normal((d, 2))
    keep = np.array([[0.8, 0.4], [0.3, 0.6]])  # density of block pairs; the largest |w| are kept
    drift = np.array([[0.8, -0.4], [0.5, 0.3]])
    end = math.sqrt(3.0)
    second = 1.0 - (1.0 - keep) ** 3  # E[w^2; |w| > end (1 - keep)]
    block = np.repeat([0, 1], n // 2)
    pairs = np.ix_(block, block)
    theta = np.zeros((2, 2))
    for _ in range(draws):
        first = rng.standard_normal((n, d))
        layers = []
        for _ in range(2):
            w = rng.uniform(-end, end, (n, n))
            kept = np.abs(w) > end * (1.0 - keep[pairs])
            layers.append((kept, kept * w + kept * (drift / keep)[pairs] / math.sqrt(n)))
        layers = [
            (np.ones((n, d)), first),
            *layers,
            (np.ones((1, n)), rng.uniform(-end, end, (1, n))),
        ]
        h, z = [x], []
        for k, (_, a) in enumerate(layers):
            z.append(math.sqrt(2 / a.shape[1]) * a @ h[-1])
            h.append(np.maximum(z[-1], 0) if k < 3 else z[-1])
        delta = np.ones((1, 2))
        for k in (3, 2, 1, 0):
            mask, a = layers[k]
            products = np.stack([h[k][:, 0] ** 2, h[k][:, 0] * h[k][:, 1], h[k][:, 1] ** 2], 1)
            own = 2 / a.shape[1] * mask @ products
            own = own[:, [0, 1, 1, 2]].reshape(-1, 2, 2)
            theta += (delta[:, :, None] * delta[:, None, :] * own).sum(0) / draws
            if k:
                delta = math.sqrt(2 / a.shape[1]) * (a.T @ delta) * (z[k - 1] > 0)
    normal = rng.standard_normal((400_000, 2))

    def moments(m: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sample = m + normal @ np.linalg.cholesky(c).T
        act, gate = np.maximum(sample, 0), (sample > 0).astype(float)
        return act.mean(0), act.T @ act / len(act), gate.T @ gate / len(gate)

    level = [moments(np.zeros(2), 2 / d * x.T @ x)] * 2
    own, gates = [[2 / d * x.T @ x] * 2], [[level[0][2]] * 2]
    for _ in range(2):
        m = [math.sqrt(2) * sum(0.5 * drift[a, b] * level[b][0] for b in (0, 1)) for a in (0, 1)]
        c = [2 * sum(0.5 * second[a, b] * level[b][1] for b in (0, 1)) for a in (0, 1)]
        own.append([2 * sum(0.5 * keep[a, b] * level[b][1] for b in (0, 1)) for a in (0, 1)])
        level = [moments(m[a], c[a]) for a in (0, 1)]
        gates.append([level[a][2] for a in (0, 1)])
    limit = 2 * sum(0.5 * level[b][1] for b in (0, 1))
    g = [2 * np.ones((2, 2))] * 2
    for k in (2, 1, 0):
        limit = limit + sum(0.5 * gates[k][a] * g[a] * own[k][a] for a in (0, 1))
        g = [2 * sum(0.5 * second[a, b] * gates[k][a] * g[a] for a in (0, 1)) for b in (0, 1)]
    print(
        f"T6  signed, uniform weights kept by size, n {n}, mean of {draws}: kernel / limit\n",
        np.round(theta / limit, 3),
    )


if __name__ == "__main__":
    random_mask_of_four()
    coupling(400, 1, 4, np.random.default_rng(0), density=0.1)
    coupling(400, 10, 2, np.random.default_rng(0))
    coupling(800, 10, 1, np.random.default_rng(0))
    coupling(400, 40, 1, np.random.default_rng(0))
    one_input(np.random.default_rng(0))
    backward_covariance(np.random.default_rng(0))
    grasp_parts(200, np.random.default_rng(1))
    grasp_parts(800, np.random.default_rng(1))
    synflow_one_round(np.random.default_rng(0))
    second_derivatives()
    joint_kernel(np.random.default_rng(0))
    signed_joint_kernel(400, 8, np.random.default_rng(0))
    signed_joint_kernel(1600, 2, np.random.default_rng(0))
