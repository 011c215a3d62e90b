r"""Spectra of kernel matrices: how fast eigenvalues fall, where the energy is, and where targets lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    as_numpy,
    check_array,
    check_flag,
    check_integer,
    check_kernel,
    near_one,
)

__all__ = [
    "SpectralMetrics",
    "check_eigenvalues",
    "check_outputs",
    "kernel_target_alignment",
    "spectral_metrics",
]


FEW = 5


def check_eigenvalues(
    name: str, values: NDArray[np.float64], epsilon: float
) -> NDArray[np.float64]:
    r"""Return N ascending eigenvalues, descending and with those that are rounding set to 0.

    One may be negative by :math:`100 N` times the double-precision :math:`\epsilon`, or by
    :math:`(N + 100) \epsilon` of the kernel's own if that is more, of the largest.
    """
    largest = np.abs(values).max()
    rounding = values.size * epsilon * largest
    # A hundred times as much is little in double precision; in single, it would hide real flaws.
    in_double = 100 * values.size * np.finfo(np.float64).eps
    if values[0] < -max(in_double, (values.size + 100) * epsilon) * largest:
        raise ValueError(
            f"{name} must be positive semi-definite, got the eigenvalue {values[0]:.3g} beside {values[-1]:.3g}"
        )
    return np.where(values > rounding, values, 0.0)[::-1]


def check_outputs(name: str, value: ArrayLike, rows: int) -> NDArray[np.float64]:
    """Return outputs or targets (N,) or (N, C) of so many points in the shape (N, C)."""
    value = as_numpy(name, value)
    array = check_array(name, value, 1 if value.ndim == 1 else 2)
    if len(array) != rows:
        raise ValueError(f"{name} must have {rows} rows, one a point; got {len(array)}")
    return array.reshape(rows, -1)


@dataclass(frozen=True, eq=False)
class SpectralMetrics:
    r"""How the eigenvalues :math:`\lambda_1 \ge \lambda_2 \ge \dots` of a kernel matrix fall.

    Attributes
    ----------
    decay_exponent : float
        :math:`\alpha` of the least-squares line
        :math:`\log \lambda_i = \mathrm{const} - \alpha \log i` over the ranks of `fit_range`.
        Infinite if fewer than two eigenvalues there exceed rounding.
    effective_rank : float
        :math:`\sum_i \lambda_i / \lambda_1`, from 1 to N.
    spectral_gap : float
        :math:`\lambda_1 / \lambda_2`; infinite for a matrix of rank 1.
    energy : float
        The share of the `top` largest eigenvalues in the trace, in (0, 1].
    fit_range : tuple of two ints
        First and last rank of the fit, counted from 1.
    eigenvalues : ndarray, shape (N,)
        Descending; 0 where they do not exceed rounding, :math:`N \epsilon \lambda_1` with
        :math:`\epsilon` that of the kernel's precision.
    """

    decay_exponent: float
    effective_rank: float
    spectral_gap: float
    energy: float
    fit_range: tuple[int, int]
    eigenvalues: NDArray[np.float64]


def spectral_metrics(kernel: ArrayLike, top: int | None = None) -> SpectralMetrics:
    r"""Return the four figures by which kernels of pruned networks are compared.

    Of a kernel of shape (N, N), :math:`N \ge 2`, symmetric and positive semi-definite to the
    rounding of its dtype, not zero; the energy counts the `top` eigenvalues, 5 when omitted, or all
    of fewer.

    Notes
    -----
    The four are those of Figure 3 of the paper, which does not say over which ranks it fits. Here
    they are those from :math:`1 + \lfloor N / 100 \rfloor` to :math:`1 + \lfloor N / 2 \rfloor`:
    past the few eigenvalues that stand apart, and before the end, where a sample's spectrum falls
    faster than the kernel's own.
    """
    matrix, epsilon = check_kernel("kernel", kernel)
    count = len(matrix)
    if count < 2:
        raise ValueError(f"kernel must be at least 2 x 2 to have a spectrum, got {matrix.shape}")
    if top is None:
        top = min(FEW, count)
    if check_integer("top", top, 1) > count:
        raise ValueError(f"top must be at most {count}, the size of the kernel; got {top}")
    first, last = 1 + count // 100, 1 + count // 2
    matrix, exponent = near_one(matrix)
    values = check_eigenvalues("kernel", np.linalg.eigvalsh(matrix), epsilon)
    ranks = np.arange(first, last + 1)
    fitted = values[first - 1 : last]
    ranks, fitted = ranks[fitted > 0], fitted[fitted > 0]
    decay = math.inf
    if fitted.size >= 2:
        position = np.log(ranks) - np.log(ranks).mean()
        decay = -float(position @ np.log(fitted) / (position @ position))
    with np.errstate(over="ignore"):
        eigenvalues = np.ldexp(values, exponent)
    if eigenvalues[0] == np.inf:
        raise ValueError(
            f"kernel must have eigenvalues in the range of double precision, got one of {values[0]:.3g} * 2^{exponent}"
        )
    return SpectralMetrics(
        decay_exponent=decay,
        effective_rank=float(values.sum() / values[0]),
        spectral_gap=float(values[0] / values[1]) if values[1] > 0 else math.inf,
        energy=float(values[:top].sum() / values.sum()),
        fit_range=(first, last),
        eigenvalues=eigenvalues,
    )


def kernel_target_alignment(
    kernel: ArrayLike, targets: ArrayLike, *, centred: bool = False
) -> float:
    r"""Return how well a kernel matches the targets' own kernel.

    Parameters
    ----------
    kernel : array_like, shape (N, N)
    targets : array_like, shape (N,) or (N, C)
        Real targets y, not all 0 or, if centred, the same: for classes, one-hot rows, not numbers
        of classes.
    centred : bool
        Whether both kernels are centred first, as by Cortes, Mohri and Rostamizadeh (JMLR 13,
        2012), so that a common offset does not count.

    Notes
    -----
    :math:`\langle K, y y^\top \rangle_F / (\lVert K \rVert_F \lVert y y^\top \rVert_F)`, in [0, 1],
    from Cristianini et al., *On Kernel-Target Alignment*, NeurIPS 2001.
    """
    matrix, epsilon = check_kernel("kernel", kernel)
    matrix, _ = near_one(matrix)
    check_eigenvalues("kernel", np.linalg.eigvalsh(matrix), epsilon)
    y, _ = near_one(check_outputs("targets", targets, len(matrix)))
    largest = np.abs(matrix).max()
    scale = np.abs(y).max()
    if check_flag("centred", centred):
        matrix = matrix - matrix.mean(axis=0)
        matrix = matrix - matrix.mean(axis=1)[:, None]
        y = y - y.mean(axis=0)
    least_of_kernel = max(1e-12, 100 * epsilon) * largest
    for name, array, least in (("kernel", matrix, least_of_kernel), ("targets", y, 1e-12 * scale)):
        if np.abs(array).max() <= least:
            raise ValueError(
                f"{name} must differ from zero{' once centred' if centred else ''}, got a constant"
            )
    product = np.sum(y * (matrix @ y))
    return float(product / (np.linalg.norm(matrix) * np.linalg.norm(y.T @ y)))
