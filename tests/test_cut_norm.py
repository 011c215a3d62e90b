"""The cut norm: exact where it enumerates, a proved interval elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from graphon_lib.graphons.cut_norm import CutNorm, DualCertificate, check_certificate, cut_norm
from graphon_lib.graphons.cut_norm_lower import search_signs
from graphon_lib.graphons.cut_norm_upper import border, dual_bound, solve_relaxation

# Sums of at most some thousand numbers below 1, added in another order.
ROUNDING = 1e-13
# Krivine's bound on Grothendieck's constant, and the thousandth at which the solver stops.
KRIVINE = np.pi / (2 * np.log(1 + np.sqrt(2))) * 1.001


def brute_force(weighted):
    """Try all subsets of the rows, each with the best set of columns, one by one."""
    subsets = np.arange(1 << len(weighted))[:, None] >> np.arange(len(weighted)) & 1
    col_sums = subsets @ weighted
    return max(np.maximum(col_sums, 0).sum(1).max(), np.maximum(-col_sums, 0).sum(1).max())


def random_case(rng, n, m):
    return rng.standard_normal((n, m)), rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))


def mask_minus_blocks(size, density, rng, blocks=16):
    """A mask whose density grows along both axes, minus its block means."""
    u = (np.arange(size) + 0.5) / size
    mask = (rng.random((size, size)) < density * (u[:, None] + u)).astype(float)
    means = mask.reshape(blocks, size // blocks, blocks, size // blocks).mean((1, 3))
    return mask - np.kron(means, np.ones((size // blocks, size // blocks)))


def check_witness(values, p, q, result):
    attained = abs(p[result.rows] @ values[np.ix_(result.rows, result.cols)] @ q[result.cols])
    assert attained == pytest.approx(result.lower, rel=ROUNDING, abs=1e-300)


def test_equals_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(200):
        values, p, q = random_case(rng, rng.integers(1, 11), rng.integers(1, 13))
        result = cut_norm(values, p, q)
        truth = brute_force(p[:, None] * q * values)
        assert result.lower == result.upper == pytest.approx(truth, abs=ROUNDING)
        check_witness(values, p, q, result)


@pytest.mark.parametrize("shape", [(12, 3000), (3000, 12), (19, 40), (1, 500), (500, 1)])
def test_small_sides_are_exact(shape):
    values = np.random.default_rng(2).standard_normal(shape)
    result = cut_norm(values)
    assert result.lower == result.upper
    assert result.certificate is None
    assert check_certificate(values, result) == pytest.approx((result.lower,) * 2, rel=ROUNDING)


def test_relaxation_brackets_the_truth():
    """Both halves of the large-matrix path, on matrices small enough to know the truth."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(60):
        values, p, q = random_case(rng, rng.integers(2, 11), rng.integers(2, 13))
        weighted = p[:, None] * q * values
        truth = brute_force(weighted)
        bordered = border(weighted)
        relaxation = solve_relaxation(bordered, rng)
        assert truth <= relaxation.bound <= KRIVINE * truth
        x, y = search_signs(bordered, relaxation.row_vectors, rng)
        attained = x @ bordered @ y / 4
        assert attained <= truth + ROUNDING
        rows, cols = x[:-1] != x[-1], y[:-1] != y[-1]
        assert abs(weighted[rows][:, cols].sum()) == pytest.approx(attained, abs=ROUNDING)
        found += attained >= truth - ROUNDING
    assert found == 60


def test_border_keeps_the_cut_norm():
    rng = np.random.default_rng(4)
    for _ in range(20):
        weighted = rng.standard_normal((5, 7))
        bordered = border(weighted)
        np.testing.assert_allclose(bordered.sum(0), 0, atol=ROUNDING)
        np.testing.assert_allclose(bordered.sum(1), 0, atol=ROUNDING)
        assert brute_force(bordered) == pytest.approx(brute_force(weighted), rel=ROUNDING)
        signs = 1.0 - 2.0 * (np.arange(1 << 6)[:, None] >> np.arange(6) & 1)
        infinity_to_one = np.abs(signs @ bordered).sum(1).max()
        assert infinity_to_one / 4 == pytest.approx(brute_force(weighted), rel=ROUNDING)


@given(seed=st.integers(0, 2**32 - 1))
def test_any_weights_give_a_bound(seed):
    """The theorem needs nothing of the weights: whatever they are, the bound holds."""
    rng = np.random.default_rng(seed)
    weighted = rng.standard_normal((rng.integers(1, 9), rng.integers(1, 9)))
    n, m = weighted.shape
    d, e = (10.0 ** rng.uniform(-12, 12, size + 1) for size in (n, m))
    bound = dual_bound(border(weighted), d, e)
    assert bound >= brute_force(weighted)
    assert dual_bound(border(weighted), 3.0 * d, e / 7.0) == pytest.approx(bound, rel=1e-12)


def test_bound_is_the_dual_of_the_relaxation():
    """Scaled by the bound, the weights make the dual's matrix positive semidefinite, and no less does."""
    values = np.random.default_rng(5).standard_normal((45, 60))
    result = cut_norm(values)
    bordered = border(values / values.size)
    d, e = result.certificate.row_weights, result.certificate.col_weights
    assert d.sum() == pytest.approx(1.0)
    assert e.sum() == pytest.approx(1.0)

    def least_eigenvalue(bound):
        diagonal = 4 * bound * np.concatenate([d, e])
        matrix = np.diag(diagonal)
        matrix[:46, 46:], matrix[46:, :46] = -bordered, -bordered.T
        # The same inertia, on a scale where rounding is 1e-16.
        return np.linalg.eigvalsh(matrix / np.sqrt(np.outer(diagonal, diagonal)))[0]

    assert least_eigenvalue(result.upper) >= 0
    assert least_eigenvalue(result.upper * (1 - 1e-6)) < -1e-7


def test_bound_is_tight_where_the_relaxation_is():
    """A rank-one matrix u v' has the cut norm max(u+, u-) max(v+, v-), mass by mass."""
    rng = np.random.default_rng(6)
    u, v = rng.standard_normal(80), rng.standard_normal(50)
    truth = (
        max(u.clip(0).sum(), (-u).clip(0).sum()) * max(v.clip(0).sum(), (-v).clip(0).sum()) / 4000
    )
    result = cut_norm(np.outer(u, v))
    assert result.certificate is not None
    assert result.lower == pytest.approx(truth, rel=ROUNDING)
    assert truth <= result.upper <= truth * (1 + 1e-3)


@pytest.mark.parametrize("density", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("size", [64, 256, pytest.param(2000, marks=pytest.mark.slow)])
def test_gap_on_masks(size, density):
    values = mask_minus_blocks(size, density, np.random.default_rng(7))
    result = cut_norm(values)
    assert 0 < result.lower <= result.upper <= 1.2 * result.lower
    check_witness(values, *(np.full(size, 1 / size),) * 2, result)
    assert check_certificate(values, result) == pytest.approx(
        (result.lower, result.upper), rel=1e-9
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 256])
def test_never_below_the_package_on_pypi(size):
    peer = pytest.importorskip("cutnorm")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = mask_minus_blocks(size, 0.2, rng)
        rounded, _, _ = peer.compute_cutnorm(values, np.zeros_like(values))
        assert cut_norm(values).lower >= rounded * (1 - 1e-12)


def test_splitting_a_block_changes_nothing():
    rng = np.random.default_rng(9)
    values, p, q = random_case(rng, 8, 11)
    whole = cut_norm(values, p, q)
    p_split, q_split = np.insert(p, 3, p[3] / 2), np.insert(q, 10, q[10] / 2)
    p_split[4] /= 2
    q_split[11] /= 2
    twins = np.insert(values, 3, values[3], axis=0)
    twins = np.insert(twins, 10, twins[:, 10], axis=1)
    split = cut_norm(twins, p_split, q_split)
    assert split.lower == pytest.approx(whole.lower, abs=1e-12)
    assert split.upper == pytest.approx(whole.upper, abs=1e-12)


def test_twins_of_a_large_matrix_keep_the_interval_and_its_proof():
    rng = np.random.default_rng(10)
    values, p, q = random_case(rng, 40, 30)
    rows, cols = rng.integers(0, 40, 70), np.sort(rng.integers(0, 30, 60))
    rows[:40], cols[:30] = np.arange(40), np.arange(30)
    row_share, col_share = rng.random(70), rng.random(60)
    p_split = p[rows] * row_share / np.bincount(rows, row_share)[rows]
    q_split = q[cols] * col_share / np.bincount(cols, col_share)[cols]
    whole, split = cut_norm(values, p, q), cut_norm(values[np.ix_(rows, cols)], p_split, q_split)
    assert split.lower == pytest.approx(whole.lower, rel=1e-12)
    assert split.upper == pytest.approx(whole.upper, rel=1e-9)
    proved = check_certificate(values[np.ix_(rows, cols)], split, p_split, q_split)
    assert proved == pytest.approx((split.lower, split.upper), rel=1e-8)


def test_block_structure_makes_large_matrices_exact():
    blocks = np.random.default_rng(11).standard_normal((6, 9))
    result = cut_norm(np.kron(blocks, np.ones((50, 40))))
    assert result.lower == result.upper == pytest.approx(brute_force(blocks / 54), rel=1e-12)


def test_blocks_of_mass_zero_weigh_nothing():
    rng = np.random.default_rng(12)
    values, p, q = random_case(rng, 35, 31)
    padded = np.insert(np.insert(values, 5, 1e6, axis=0), 0, -1e6, axis=1)
    p_padded, q_padded = np.insert(p, 5, 0.0), np.insert(q, 0, 0.0)
    plain, result = cut_norm(values, p, q), cut_norm(padded, p_padded, q_padded)
    assert result.lower == pytest.approx(plain.lower, rel=1e-12)
    assert result.upper == pytest.approx(plain.upper, rel=1e-9)
    assert not result.rows[5]
    assert not result.cols[0]
    assert check_certificate(padded, result, p_padded, q_padded)[1] == pytest.approx(result.upper)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (70, 40)])
def test_zero_matrix(shape):
    result = cut_norm(np.zeros(shape))
    assert result.lower == result.upper == 0
    assert check_certificate(np.zeros(shape), result) == (0, 0)


@pytest.mark.parametrize("shape", [(9, 7), (40, 50), (48, 48)])
def test_scale_sign_and_transpose(shape):
    rng = np.random.default_rng(13)
    values, p, q = random_case(rng, *shape)
    result = cut_norm(values, p, q)
    for factor in (0.25, 2.0**900, 2.0**-900, -1.0):
        scaled = cut_norm(factor * values, p, q)
        assert scaled.lower == abs(factor) * result.lower
        assert scaled.upper == pytest.approx(abs(factor) * result.upper, rel=1e-12)
    other = cut_norm(values.T, q, p)
    # Each interval holds the truth, so they meet; the search starts elsewhere in a square matrix.
    assert max(other.lower, result.lower) <= min(other.upper, result.upper) * (1 + 1e-12)
    if shape[0] != shape[1]:
        assert other.lower == pytest.approx(result.lower, rel=1e-12)
        assert other.upper == pytest.approx(result.upper, rel=1e-12)


def test_triangle_inequality_and_bounds():
    rng = np.random.default_rng(14)
    for _ in range(30):
        one, p, q = random_case(rng, 7, 9)
        two = rng.standard_normal((7, 9))
        total = cut_norm(one + two, p, q).lower
        assert total <= cut_norm(one, p, q).lower + cut_norm(two, p, q).lower + ROUNDING
        weighted = p[:, None] * q * one
        size = cut_norm(one, p, q).lower
        assert abs(weighted.sum()) - ROUNDING <= size <= np.abs(weighted).sum() + ROUNDING


def test_constant_and_one_signed_matrices():
    assert cut_norm(np.full((50, 60), -0.3)).upper == pytest.approx(0.3, rel=1e-12)
    positive = np.random.default_rng(15).random((50, 60))
    result = cut_norm(positive)
    assert result.lower == pytest.approx(positive.mean(), rel=1e-12)
    assert positive.mean() <= result.upper <= positive.mean() * (1 + 1e-3)
    assert result.rows.all()
    assert result.cols.all()


@given(
    values=st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(
        lambda shape: arrays(
            np.float64, shape, elements=st.floats(-1e300, 1e300, allow_subnormal=True)
        )
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_interval_for_any_input(values, seed):
    rng = np.random.default_rng(seed)
    n, m = values.shape
    p = rng.dirichlet(np.full(n, 0.1)) if n > 1 else np.ones(1)
    q = rng.dirichlet(np.full(m, 0.1)) if m > 1 else np.ones(1)
    result = cut_norm(values, p, q)
    assert 0 <= result.lower <= result.upper < np.inf
    check_witness(values, p, q, result)
    lower, upper = check_certificate(values, result, p, q)
    assert lower == pytest.approx(result.lower, rel=1e-12)
    assert upper == pytest.approx(result.upper, rel=1e-6)


def test_masses_far_apart_do_not_underflow():
    rng = np.random.default_rng(16)
    values = rng.standard_normal((40, 40))
    values[0], values[:, 0] = 0, 0
    mass = np.full(40, 1e-120)
    mass[0] = 1.0
    result = cut_norm(values, mass, mass)
    small = cut_norm(values[1:, 1:] / 1e-3, None, None)
    truth = np.array([small.lower, small.upper]) * 1e-3 * 39**2 * 1e-240
    assert max(result.lower, truth[0]) <= min(result.upper, truth[1])
    assert result.upper <= 1.3 * result.lower


def test_same_matrix_same_interval():
    values = np.random.default_rng(17).standard_normal((50, 50))
    one, two = cut_norm(values), cut_norm(values)
    other = cut_norm(values, rng=np.random.default_rng(5))
    assert (one.lower, one.upper) == (two.lower, two.upper)
    np.testing.assert_array_equal(one.rows, two.rows)
    assert max(one.lower, other.lower) <= min(one.upper, other.upper)


def test_certificate_of_another_claim():
    """A witness or weights of one's own prove what they prove, whatever the claimed numbers say."""
    values = np.random.default_rng(18).standard_normal((40, 50))
    result = cut_norm(values)
    lie = replace(result, lower=9.0, upper=0.0)
    assert check_certificate(values, lie) == check_certificate(values, result)
    empty = replace(result, rows=np.zeros(40, dtype=bool))
    assert check_certificate(values, empty)[0] == 0
    flat = replace(result, certificate=DualCertificate(np.ones(41), np.ones(51)))
    spectral = np.linalg.norm(border(values / 2000), 2) * np.sqrt(41 * 51) / 4
    assert check_certificate(values, flat)[1] == pytest.approx(spectral, rel=1e-9)
    assert spectral > result.upper
    weights = result.certificate.row_weights.copy()
    weights[4] = 0
    blind = replace(result, certificate=DualCertificate(weights, result.certificate.col_weights))
    assert check_certificate(values, blind)[1] == np.inf


GOOD = np.ones((2, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": np.zeros(3, dtype=bool)}, "result.rows must be 40 booleans"),
        ({"cols": np.zeros(50)}, "result.cols must be 50 booleans"),
        ({"certificate": None}, "too large to enumerate"),
        ({"certificate": DualCertificate(np.ones(40), np.ones(51))}, "row_weights must hold 41"),
        ({"certificate": DualCertificate(np.ones(41), np.zeros(51))}, "col_weights must hold 51"),
        ({"certificate": DualCertificate(-np.ones(41), np.ones(51))}, "row_weights must lie in"),
    ],
)
def test_bad_certificate(change, message):
    values = np.random.default_rng(19).standard_normal((40, 50))
    claim = CutNorm(
        0.0,
        1.0,
        np.zeros(40, dtype=bool),
        np.zeros(50, dtype=bool),
        DualCertificate(np.ones(41), np.ones(51)),
    )
    check_certificate(values, claim)
    with pytest.raises(ValueError, match=message):
        check_certificate(values, replace(claim, **change))
