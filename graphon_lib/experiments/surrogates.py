"""Surrogates of data sets: images that share some properties with the real ones, and lack one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_choice, check_instance, check_rng
from graphon_lib.experiments.data import Images
from graphon_lib.experiments.digits import Data

__all__ = ["RIDGE", "SURROGATES", "Surrogate", "surrogate"]

RIDGE = 0.01
"""What is added to the eigenvalues of a covariance before it is inverted, times their mean."""


def _rotated(images: Images, rng: np.random.Generator) -> Images:
    size = images.x_train.shape[1]
    # Columns with signs of their own: else the matrix would not be uniform.
    rotation, triangle = np.linalg.qr(rng.standard_normal((size, size)))
    return _mapped(images, rotation * np.sign(np.diag(triangle)))


def _whitened(images: Images, rng: np.random.Generator) -> Images:
    mean = images.x_train.mean(axis=0, dtype=np.float64)
    values, vectors = _eigen(images.x_train - mean)
    kept = values + RIDGE * values.mean()
    root = (vectors / np.sqrt(kept)) @ vectors.T
    before = np.square(mean).sum() + values.sum()
    return _mapped(images, root * np.sqrt(before / (values / kept).sum()), mean)


def _gaussian(images: Images, rng: np.random.Generator) -> Images:
    x, y = images.x_train, images.y_train
    means = np.stack([x[y == c].mean(axis=0, dtype=np.float64) for c in range(images.classes)])
    values, vectors = _eigen(x - means[y])
    root = (vectors * np.sqrt(values)).T.astype(np.float32)

    def drawn(labels: NDArray[np.int64]) -> NDArray[np.float32]:
        noise = rng.standard_normal((len(labels), len(root)), dtype=np.float32)
        return means[labels].astype(np.float32) + noise @ root

    return replace(images, x_train=drawn(y), x_test=drawn(images.y_test))


def _shuffled(images: Images, rng: np.random.Generator) -> Images:
    train, test = (rng.permutation(labels) for labels in (images.y_train, images.y_test))
    return replace(images, y_train=train, y_test=test)


SURROGATES: Mapping[str, Callable[[Images, np.random.Generator], Images]] = MappingProxyType(
    {
        "rotated": _rotated,
        "whitened": _whitened,
        "Gaussian": _gaussian,
        "labels shuffled": _shuffled,
    }
)
r"""What images are replaced by.

``"rotated"``: :math:`Q x` with one uniform orthogonal matrix: every inner product :math:`x \cdot
x'` and every label stays, and no pixel is blank or darker than another. ``"whitened"``: :math:`c
(C + \lambda I)^{-1/2} (x - m)` (ZCA) with mean m and covariance C of the training images,
:math:`\lambda` the mean eigenvalue of C times :data:`RIDGE`, and c such that the mean square is
that of the images: classes and blank pixels stay, the spectrum is nearly flat. ``"Gaussian"``:
:math:`m_y + W^{1/2} z` with standard normal z, the mean :math:`m_y` of the image's class and the
covariance W within classes, of all together: mean and covariance of the images, class means and
blank pixels stay, pictures do not. ``"labels shuffled"``: labels permuted, images as they are.
"""


def surrogate(images: Images, inputs: str, rng: np.random.Generator) -> Images:
    """Return one of :data:`SURROGATES` of images, training and test images alike.

    Raises
    ------
    ValueError
        If `inputs` is none of them, or `rng` no generator.
    """
    check_instance("images", images, Images)
    check_rng("rng", rng)
    return SURROGATES[check_choice("inputs", inputs, SURROGATES)](images, rng)


@dataclass(frozen=True)
class Surrogate:
    """A surrogate of the data of a cell, in their place: drawn once for all cells of a seed."""

    data: Data
    inputs: str
    seed: int

    @property
    def initialisation(self) -> str:
        """As of :class:`~graphon_lib.experiments.digits.Data`."""
        return self.data.initialisation

    def load(self) -> Images:
        """Make the surrogate, once in every process."""
        return _loaded(self)


@cache
def _loaded(of: Surrogate) -> Images:
    rng = np.random.default_rng((of.seed, list(SURROGATES).index(of.inputs)))
    return surrogate(of.data.load(), of.inputs, rng)


def _mapped(
    images: Images, by: NDArray[np.float64], centre: NDArray[np.float64] | float = 0.0
) -> Images:
    train, test = (
        (x - np.asarray(centre, np.float32)) @ by.astype(np.float32)
        for x in (images.x_train, images.x_test)
    )
    return replace(images, x_train=train, x_test=test)


def _eigen(centred: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eigenvalues, none below 0, and eigenvectors, in columns, of the covariance of rows."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.maximum(values, 0.0), vectors
