"""What a network sees of a data set before it has learned anything: second moments of its images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles

__all__ = ["INPUT_STATISTICS", "input_statistics"]


def input_statistics(
    *, seed: int, trial: int, images: int, ranks: int, data: Data
) -> dict[str, NDArray]:
    r"""Describe so many training images, drawn at random.

    Returns ``share`` (rank), the largest eigenvalues of :math:`E[x x^\top]` over its trace;
    ``blank``, the fraction of pixels that are constant; and ``cosine`` (pair), the mean cosine of
    two images of one class and of two classes.
    """
    found = data.load()
    x, y = sample_batch(found, images, np.random.default_rng((seed, trial)))
    gram = x.astype(np.float64) @ x.T.astype(np.float64)
    moments = np.linalg.eigvalsh(gram)[::-1]
    lengths = np.sqrt(np.diag(gram))
    cosines, alike = gram / np.outer(lengths, lengths), y[:, None] == y[None, :]
    others = ~np.eye(images, dtype=bool)
    return {
        "share": moments[:ranks] / moments.sum(),
        "blank": np.float64((np.ptp(found.x_train, axis=0) == 0.0).mean()),
        "cosine": np.array([cosines[alike & others].mean(), cosines[~alike].mean()]),
    }


INPUT_STATISTICS = Experiment(
    name="input-statistics",
    cell=input_statistics,
    variables={"share": ("trial", "rank"), "blank": ("trial",), "cosine": ("trial", "pair")},
    coords={
        "rank": lambda ranks, **_: range(1, ranks + 1),
        "pair": ("of one class", "of two classes"),
    },
    **profiles(
        grid=({"trial": 5}, {"trial": 2}),
        images=(2000, 100),
        ranks=(50, 10),
        full=(True, False),
    ),
    case=Case({"grid": {"trial": 1}}, ["share", "cosine"]),
)
