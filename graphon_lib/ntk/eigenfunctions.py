"""The leading eigenfunctions of a kernel, on its points and on others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer
from graphon_lib.ntk.spectra import check_eigenvalues, check_kernel

__all__ = ["Eigenfunctions", "eigenfunctions"]


@dataclass(frozen=True, eq=False)
class Eigenfunctions:
    r"""The leading eigenfunctions of a kernel under the empirical measure of N points.

    Attributes
    ----------
    values : ndarray, shape (count,)
        :math:`\lambda_k / N`, which tend to the kernel operator's eigenvalues as N grows.
    at_points : ndarray, shape (N, count)
        :math:`\phi_k` at the points, :math:`\frac1N \sum_i \phi_k(x_i) \phi_m(x_i) =
        \delta_{km}`, the sign such that the sum of cubes is not negative.
    """

    values: NDArray[np.float64]
    at_points: NDArray[np.float64]

    def extend(self, cross_kernel: ArrayLike) -> NDArray[np.float64]:
        r"""Return the eigenfunctions at other points, by Nyström's formula.

        Parameters
        ----------
        cross_kernel : array_like, shape (M, N)
            The kernel between the other points and those the functions come from.

        Returns
        -------
        ndarray, shape (M, count)
            :math:`\phi_k(x) = \frac{1}{N \mu_k} \sum_i K(x, x_i) \phi_k(x_i)`, with
            :math:`\mu_k` the `values`.

        Raises
        ------
        ValueError
            If the shape is wrong or an entry is not finite.
        """
        cross = check_array("cross_kernel", cross_kernel, 2)
        if cross.shape[1] != len(self.at_points):
            raise ValueError(
                f"cross_kernel must have {len(self.at_points)} columns, got shape {cross.shape}"
            )
        return cross @ self.at_points / (len(self.at_points) * self.values)


def eigenfunctions(
    kernel: ArrayLike, count: int = 5, *, precision: str | None = None
) -> Eigenfunctions:
    """Return the leading eigenfunctions of a kernel on its points.

    Parameters
    ----------
    kernel : array_like, shape (N, N)
        Symmetric and positive semi-definite to rounding, not zero.
    count : int
        How many, at least 1; there must be as many eigenvalues above rounding.
    precision : {"double", "single"}, optional
        In which the kernel was computed, as for `spectral_metrics`.

    Returns
    -------
    Eigenfunctions

    Raises
    ------
    ValueError
        If the matrix is not such a kernel or its rank is less than `count`.
    """
    matrix, epsilon = check_kernel("kernel", kernel, precision)
    check_integer("count", count, 1)
    ascending, vectors = np.linalg.eigh(matrix)
    values = check_eigenvalues("kernel", ascending, epsilon)
    rank = np.count_nonzero(values)
    if count > rank:
        raise ValueError(f"count must be at most {rank}, the rank of the kernel; got {count}")
    functions = np.sqrt(len(matrix)) * vectors[:, ::-1][:, :count]
    functions = np.where((functions**3).sum(axis=0) < 0, -functions, functions)
    return Eigenfunctions(values[:count] / len(matrix), functions)
