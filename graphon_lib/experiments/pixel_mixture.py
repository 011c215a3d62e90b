"""Theorem T5: kernels at a fixed number of pixels, against the mixture and the theory of many pixels."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.pixel_mixture import (
    WEIGHT_VARIANCE,
    mixture_correction,
    mixture_moments,
    plain_moments,
)

__all__ = ["PIXEL_MIXTURE", "THEORIES", "pixel_mixture", "pooled"]

THEORIES = ("mixture", "many pixels")


def pixel_mixture(
    *,
    seed: int,
    pixels: int,
    trial: int,
    digits: int,
    density: float,
    samples: int,
    widths: Sequence[int],
    data: Data,
) -> dict[str, NDArray]:
    r"""Compare kernels of networks with one hidden layer, whose first mask is random, with two theories.

    Digits are pooled to so many `pixels`, and differ between trials. Returns ``gap``, the norm of
    the difference of the two theories over that of the mixture; ``left_over``, the norm of what the
    correction of order 1/d leaves of their difference in :math:`S^1`, over that difference; and
    ``error`` (width, theory), the distances of a network's kernel from either.
    """
    rng = np.random.default_rng((seed, pixels, trial))
    images = data.load()
    x = pooled(sample_batch(images, digits, rng).x.astype(np.float64), images.shape, pixels)
    mixture, plain = mixture_moments(x, density, samples, rng), plain_moments(x, density)
    kernels = [WEIGHT_VARIANCE * (m.activation + m.own_layer) for m in (mixture, plain)]
    missed = mixture.activation - plain.activation
    left_over = missed - mixture_correction(x, density)
    errors = []
    for width in widths:
        masks = [rng.random((width, x.shape[1])) < density, np.ones((1, width), bool)]
        weights = [rng.standard_normal(mask.shape) for mask in masks]
        kernel = empirical_ntk(weights, masks, x)
        errors.append([_distance(kernel, theory) for theory in kernels])
    return {
        "gap": np.array(_distance(kernels[1], kernels[0])),
        "left_over": np.linalg.norm(left_over) / np.linalg.norm(missed),
        "error": np.array(errors),
    }


def pooled(x: NDArray[np.float64], shape: tuple[int, ...], pixels: int) -> NDArray[np.float64]:
    """Return images of a shape, a row each, by the means over a square grid of so many parts.

    Parts are as equal as they can be. Colours are averaged; no side is divided into more parts than
    it has pixels.
    """
    parts = isqrt(pixels)
    values = x.reshape(len(x), *shape[:2], -1).mean(axis=3)
    for axis in (1, 2):
        pieces = np.array_split(values, min(parts, values.shape[axis]), axis=axis)
        values = np.stack([piece.mean(axis=axis) for piece in pieces], axis=axis)
    return values.reshape(len(x), -1)


def _distance(kernel: NDArray[np.float64], theory: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(kernel - theory) / np.linalg.norm(theory))


PLACE = ("pixels", "trial")

PIXEL_MIXTURE = Experiment(
    name="pixel-mixture",
    cell=pixel_mixture,
    variables={"gap": PLACE, "left_over": PLACE, "error": (*PLACE, "width", "theory")},
    coords={"width": "widths", "theory": THEORIES},
    **profiles(
        grid=(
            {"pixels": [16, 49, 196, 784], "trial": 3},
            {"pixels": [16, 49], "trial": 2},
        ),
        digits=(16, 6),
        density=0.2,
        samples=(2048, 512),
        widths=([256, 1024, 4096, 16384], [64, 256]),
        full=(True, False),
    ),
    case=Case({"grid": {"pixels": [16], "trial": 1}}, ["gap", "left_over", "error"]),
)
