r"""Step graphons: bipartite graphons that are constant on blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer, check_masses
from graphon_lib.graphons.families import GraphonFamily
from graphon_lib.graphons.partition import (
    averaging_matrix,
    block_edges,
    check_edges,
    check_position,
    locate,
)
from graphon_lib.graphons.rendering import graphon_figure

__all__ = ["StepGraphon"]


class StepGraphon:
    r"""A bipartite graphon :math:`W : [0,1]^2 \to [0,1]` that is constant on blocks.

    Rows are the neurons of a layer, columns those of the layer before it, so that :math:`W(u, v)`
    is the probability that the neuron at column position v feeds the neuron at row position u: the
    limit of pruning masks in the paper. Blocks are intervals, in order from 0 to 1, as long as
    their masses (Lovász, section 7.1). The object and its arrays do not change once made; it
    compares by value and hashes.

    Parameters
    ----------
    values : array_like, shape (K_out, K_in)
        The graphon on each pair of blocks, in [0, 1].
    row_mass : array_like, shape (K_out,), optional
        Masses of the row blocks, non-negative, summing to 1 within 1e-9 and then kept as they are.
        Uniform when omitted. A block may have mass zero: it holds no position and weighs nothing.
    col_mass : array_like, shape (K_in,), optional
        Masses of the column blocks, likewise.

    Examples
    --------
    >>> graphon = StepGraphon([[0.8, 0.2], [0.4, 0.0]], row_mass=[0.25, 0.75])
    >>> round(graphon.density, 6)
    0.275
    >>> float(graphon(0.1, 0.9))
    0.2
    """

    __slots__ = ("_col_mass", "_row_mass", "_values")

    def __init__(
        self,
        values: ArrayLike,
        row_mass: ArrayLike | None = None,
        col_mass: ArrayLike | None = None,
    ) -> None:
        # Adding zero turns -0.0 into 0.0: equal graphons then have equal bytes, hence equal hashes.
        self._values = check_array("values", values, 2, minimum=0.0, maximum=1.0) + 0.0
        n_rows, n_cols = self._values.shape
        self._row_mass = check_masses("row_mass", row_mass, n_rows) + 0.0
        self._col_mass = check_masses("col_mass", col_mass, n_cols) + 0.0
        for array in self._state():
            array.flags.writeable = False

    @classmethod
    def from_function(
        cls,
        function: GraphonFamily | StepGraphon,
        row_mass: ArrayLike | int,
        col_mass: ArrayLike | int,
    ) -> StepGraphon:
        r"""Return the exact block means of a graphon known in closed form.

        Parameters
        ----------
        function : GraphonFamily or StepGraphon
        row_mass : int or array_like, shape (K_out,)
            The number of equal row blocks, or their masses, all positive.
        col_mass : int or array_like, shape (K_in,)
            Likewise for the columns.

        Notes
        -----
        :math:`W_{ab} = \frac{1}{p_a q_b} \int_{A_a} \int_{B_b} W(u, v) \,dv \,du`, which is the
        step function on these blocks nearest to W in :math:`L^2`.
        """
        if not isinstance(function, GraphonFamily | StepGraphon):
            raise ValueError(f"function must be a GraphonFamily or StepGraphon, got {function!r}")
        rows = check_masses("row_mass", *_masses_and_count("row_mass", row_mass))
        cols = check_masses("col_mass", *_masses_and_count("col_mass", col_mass))
        return cls(function.block_means(block_edges(rows), block_edges(cols)), rows, cols)

    @property
    def values(self) -> NDArray[np.float64]:
        """The graphon on each pair of blocks, shape (K_out, K_in), read-only."""
        return self._values

    @property
    def row_mass(self) -> NDArray[np.float64]:
        """Masses of the row blocks, shape (K_out,), read-only."""
        return self._row_mass

    @property
    def col_mass(self) -> NDArray[np.float64]:
        """Masses of the column blocks, shape (K_in,), read-only."""
        return self._col_mass

    @property
    def shape(self) -> tuple[int, int]:
        """Number of row blocks and of column blocks, (K_out, K_in)."""
        return self._values.shape

    @property
    def row_edges(self) -> NDArray[np.float64]:
        """Where the row blocks begin and end, from 0 to 1, shape (K_out + 1,)."""
        return block_edges(self._row_mass)

    @property
    def col_edges(self) -> NDArray[np.float64]:
        """Where the column blocks begin and end, from 0 to 1, shape (K_in + 1,)."""
        return block_edges(self._col_mass)

    @property
    def density(self) -> float:
        r"""The edge density :math:`\sum_{ab} p_a q_b W_{ab}`, the kept fraction."""
        return float(self._row_mass @ self._values @ self._col_mass)

    @property
    def row_degrees(self) -> NDArray[np.float64]:
        r"""The normalised in-degree :math:`\sum_b q_b W_{ab}` of every row block, shape (K_out,)."""
        return self._values @ self._col_mass

    @property
    def column_degrees(self) -> NDArray[np.float64]:
        r"""The normalised out-degree :math:`\sum_a p_a W_{ab}` of every column block, shape (K_in,)."""
        return self._row_mass @ self._values

    def __call__(self, u: ArrayLike, v: ArrayLike) -> NDArray[np.float64]:
        """Return the graphon at row positions `u` and column positions `v` in [0, 1], which broadcast.

        A position on an edge belongs to the block to its right, and 1 to the last block.
        """
        row_positions, col_positions = check_position("u", u), check_position("v", v)
        try:
            np.broadcast_shapes(row_positions.shape, col_positions.shape)
        except ValueError:
            raise ValueError(
                f"u and v must have shapes that broadcast, got {row_positions.shape} and {col_positions.shape}"
            ) from None
        rows = locate(row_positions, self._row_mass)
        return self._values[rows, locate(col_positions, self._col_mass)]

    def block_means(self, row_edges: ArrayLike, col_edges: ArrayLike) -> NDArray[np.float64]:
        """Return the exact means over the rectangles of another partition, shape (J_out, J_in).

        The J_out + 1 `row_edges` and J_in + 1 `col_edges` increase strictly from 0 to 1.
        """
        rows = averaging_matrix(self.row_edges, check_edges("row_edges", row_edges))
        cols = averaging_matrix(self.col_edges, check_edges("col_edges", col_edges))
        return np.clip(rows @ self._values @ cols.T, 0.0, 1.0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StepGraphon):
            return NotImplemented
        return all(map(np.array_equal, self._state(), other._state()))

    def __hash__(self) -> int:
        return hash((self.shape, *(array.tobytes() for array in self._state())))

    def __reduce__(self) -> tuple[type, tuple[NDArray[np.float64], ...]]:
        # Through the constructor, so that the arrays of a copy or a pickle are read-only too.
        return StepGraphon, self._state()

    def __repr__(self) -> str:
        return f"StepGraphon({self.shape[0]} x {self.shape[1]} blocks, density {self.density:.4g})"

    def _repr_html_(self) -> str:
        return graphon_figure(self, repr(self))

    def _state(self) -> tuple[NDArray[np.float64], ...]:
        return self._values, self._row_mass, self._col_mass


def _masses_and_count(name: str, masses: ArrayLike | int) -> tuple[ArrayLike | None, int]:
    if isinstance(masses, int | np.integer):
        return None, check_integer(name, masses, 1)
    array = check_array(name, masses, 1, minimum=np.nextafter(0.0, 1.0))
    return array, array.size
