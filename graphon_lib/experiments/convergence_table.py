"""The finished cells of the convergence sweep, as arrays over trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.sweep import Cell

__all__ = ["CellTable"]

# Axes of a cell's arrays that depend on the depth, after (pruning, scope, density).
DEPTH_AXIS = 3


class CellTable:
    """Cells by depth, width and trial.

    Parameters
    ----------
    arguments
        What each cell was called with, see
        :func:`~graphon_lib.experiments.convergence_cell.convergence_cell`.
    cells
        The cells, in the same order.

    Attributes
    ----------
    depths, widths : list of int
        Those that occur, growing.
    trials : int
        The largest number of trials of any width.
    """

    def __init__(self, arguments: Sequence[Mapping[str, Any]], cells: Sequence[Cell]) -> None:
        self._cells = {
            (a["neuron_layers"], a["width"], a["trial"]): cell
            for a, cell in zip(arguments, cells, strict=True)
        }
        self.depths = sorted({depth for depth, _, _ in self._cells})
        self.widths = sorted({width for _, width, _ in self._cells})
        self.trials = 1 + max(trial for _, _, trial in self._cells)

    def samples(
        self, name: str, depth: int, width: int, place: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Return one entry of an array of every trial that has it.

        Parameters
        ----------
        name
            The array.
        depth, width
            The network.
        place
            Leading indices (pruning, scope, density, ...).

        Returns
        -------
        numpy.ndarray
            Shape (trials, ...). Trials in which the entry was not asked for are left out.
        """
        rows = [
            cell.arrays[name][place]
            for (d, w, _), cell in sorted(self._cells.items())
            if (d, w) == (depth, width)
        ]
        stacked = np.array(rows, dtype=np.float64)
        return stacked[np.isfinite(stacked).reshape(len(stacked), -1).all(axis=1)]

    def every_trial(self, name: str) -> NDArray[np.float32]:
        """Return an array of all trials, NaN where there is no such trial or layer.

        Returns
        -------
        numpy.ndarray
            Shape (depths, pruning, scope, density, layers, widths, trials, ...), with the layers
            of the deepest network.
        """
        deepest = next(cell for (d, _, _), cell in self._cells.items() if d == self.depths[-1])
        shape = deepest.arrays[name].shape
        lead, trail = shape[: DEPTH_AXIS + 1], shape[DEPTH_AXIS + 1 :]
        size = (len(self.depths), *lead, len(self.widths), self.trials, *trail)
        values = np.full(size, np.nan, dtype=np.float32)
        for (depth, width, trial), cell in self._cells.items():
            array = cell.arrays[name]
            values[
                self.depths.index(depth),
                ...,
                : array.shape[DEPTH_AXIS],
                self.widths.index(width),
                trial,
                *[slice(None)] * len(trail),
            ] = array
        return values

    def costs(self) -> NDArray[np.float32]:
        """Return processor seconds and peak megabytes, shape (2, depths, widths, trials)."""
        values = np.full(
            (2, len(self.depths), len(self.widths), self.trials), np.nan, dtype=np.float32
        )
        for (depth, width, trial), cell in self._cells.items():
            place = (self.depths.index(depth), self.widths.index(width), trial)
            values[:, *place] = cell.seconds, cell.megabytes
        return values
