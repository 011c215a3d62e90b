"""How well a kernel matches the targets it is to learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from graphon_lib._checks import check_flag
from graphon_lib.ntk.spectra import check_eigenvalues, check_kernel, check_outputs

__all__ = ["kernel_target_alignment"]


def kernel_target_alignment(
    kernel: ArrayLike, targets: ArrayLike, *, centred: bool = False
) -> float:
    r"""Return how well a kernel matches the targets' own kernel.

    Parameters
    ----------
    kernel : array_like, shape (N, N)
        As for `spectral_metrics`.
    targets : array_like, shape (N,) or (N, C)
        Real targets y, not all 0 or, if centred, the same: for classes, one-hot rows, not numbers
        of classes.
    centred : bool
        Whether both kernels are centred first, as by Cortes, Mohri and Rostamizadeh (JMLR 13,
        2012), so that a common offset does not count.

    Returns
    -------
    float
        In [0, 1] up to rounding: 1 where K is proportional to :math:`y y^\top`.

    Notes
    -----
    :math:`\langle K, y y^\top \rangle_F / (\lVert K \rVert_F \lVert y y^\top \rVert_F)`, from
    Cristianini et al., *On Kernel-Target Alignment*, NeurIPS 2001.
    """
    matrix, epsilon = check_kernel("kernel", kernel)
    check_eigenvalues("kernel", np.linalg.eigvalsh(matrix), epsilon)
    y = check_outputs("targets", targets, len(matrix))
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
