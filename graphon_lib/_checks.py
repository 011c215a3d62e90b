"""Argument checks shared by all rooms: every message names the argument, its value, and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "as_numpy",
    "check_array",
    "check_choice",
    "check_density",
    "check_instance",
    "check_integer",
    "check_mask",
    "check_masses",
    "check_rng",
    "check_sequence",
    "check_shape",
    "needs_extra",
]


Kind = TypeVar("Kind")


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Say which of the library's extras to install if an import inside the context fails.

    Parameters
    ----------
    extra
        A name under ``[project.optional-dependencies]``.

    Raises
    ------
    ImportError
        If a module is not installed; the message names it and the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise ImportError(
            f"{package} is not installed; it comes with the extra {extra!r}: pip install 'graphon-lib[{extra}]'",
            name=error.name,
        ) from error


def check_integer(name: str, value: object, minimum: int) -> int:
    """Return `value` as an `int`, or say that it must be an integer of at least `minimum`.

    Parameters
    ----------
    name
        The argument's name, for the message.
    value
        What came. Booleans and floats are refused, whole-numbered or not.
    minimum
        The least value allowed.

    Raises
    ------
    ValueError
        If `value` is not an integer or is less than `minimum`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be an integer >= {minimum}, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {value}")
    return int(value)


def check_density(name: str, value: object) -> float:
    """Return `value` as a density, a kept fraction in (0, 1].

    Raises
    ------
    ValueError
        If `value` is not a number in (0, 1].
    """
    try:
        density = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        density = math.nan
    if isinstance(value, bool) or not 0.0 < density <= 1.0:
        raise ValueError(f"{name} must be a kept fraction in (0, 1], got {value!r}")
    return density


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    ValueError
        If it is not; the message lists the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(sorted(choices))}; got {value!r}")
    return value


def check_instance(name: str, value: object, kind: type[Kind]) -> Kind:
    """Return `value` if it is a `kind`.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, got {type(value).__name__}")
    return value


def check_sequence(name: str, value: object, of: str) -> list:
    """Return the items of any iterable as a list.

    Parameters
    ----------
    name
        The argument's name, for the message.
    value
        A sequence or another iterable, of which one pass is made.
    of
        What its items are, for the message.

    Raises
    ------
    ValueError
        If it is not iterable, or is a string.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a sequence of {of}, got {type(value).__name__}")
    try:
        return list(value)
    except TypeError:  # an array without axes
        raise ValueError(f"{name} must be a sequence of {of}, got a single number") from None


def check_shape(name: str, value: object) -> tuple[int, int]:
    """Return the size (n_out, n_in) of a mask.

    Raises
    ------
    ValueError
        If it is not two integers of at least 1.
    """
    if not isinstance(value, Iterable) or isinstance(value, str) or len(pair := list(value)) != 2:
        raise ValueError(f"{name} must be two positive integers (n_out, n_in), got {value!r}")
    n_out, n_in = (check_integer(f"{name}[{i}]", size, 1) for i, size in enumerate(pair))
    return n_out, n_in


def as_numpy(name: str, value: object) -> NDArray:
    """Return what was given as an array, whatever its shape and dtype, as a NumPy array.

    Parameters
    ----------
    name
        The argument's name, for the message.
    value
        An array_like, or a PyTorch tensor: also one on another device, one that requires a gradient,
        or one of a dtype that NumPy does not have, such as bfloat16, which becomes float32.

    Raises
    ------
    ValueError
        If it does not convert, as rows of different lengths do not.
    """
    try:
        if hasattr(value, "detach"):  # a torch tensor, recognised without importing torch
            value = value.detach().cpu()
            if value.is_floating_point() and value.itemsize < 4:
                value = value.float()
            value = value.numpy()
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"{name} must be an array of real numbers, got a {type(value).__name__} that does not convert to one"
        ) from None


def check_array(
    name: str,
    value: ArrayLike,
    ndim: int,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
) -> NDArray[np.float64]:
    """Return `value` as a float64 array with `ndim` axes, all finite and within [minimum, maximum].

    Raises
    ------
    ValueError
        If the number of axes differs, an axis is empty, an entry is NaN, infinite or out of range,
        or the values are not real numbers.
    """
    array = as_numpy(name, value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if array.ndim != ndim or array.size == 0:
        raise ValueError(
            f"{name} must be a non-empty array with {ndim} axes, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} NaN or infinite entries"
        )
    if array.min() < minimum or array.max() > maximum:
        raise ValueError(
            f"{name} must lie in [{minimum:g}, {maximum:g}], got values from {array.min():g} to {array.max():g}"
        )
    return array


def check_mask(name: str, value: object) -> NDArray[np.bool_]:
    """Return a binary mask (n_out, n_in), given as a NumPy or PyTorch array, as a boolean NumPy array.

    Raises
    ------
    ValueError
        If it does not have two non-empty axes or holds anything but 0 and 1.
    """
    array = as_numpy(name, value)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name} must be a non-empty matrix (n_out, n_in), got shape {array.shape}"
        )
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf" or not ((array == 0) | (array == 1)).all():
        raise ValueError(
            f"{name} must be binary, all entries 0 or 1; got dtype {array.dtype} with other values"
        )
    return array.astype(np.bool_)


def check_masses(name: str, masses: ArrayLike | None, count: int) -> NDArray[np.float64]:
    """Return the masses of `count` blocks, uniform when `masses` is None.

    Masses are kept as they came, not divided by their sum, so that blocks that shared masses before
    a round trip share them after it.

    Raises
    ------
    ValueError
        If there are not `count` of them, one is negative, or their sum differs from 1 by more than
        1e-9.
    """
    if masses is None:
        return np.full(count, 1.0 / count)
    array = check_array(name, masses, 1, minimum=0.0)
    if array.size != count:
        raise ValueError(f"{name} must hold one mass per block, {count}; got {array.size}")
    if abs(array.sum() - 1.0) > 1e-9:
        raise ValueError(f"{name} must sum to 1, got {array.sum():.12g}")
    return array


def check_rng(name: str, rng: object) -> np.random.Generator:
    """Return `rng` if it is a NumPy random generator.

    Raises
    ------
    ValueError
        If it is anything else, a seed or None included.
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{name} must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng
