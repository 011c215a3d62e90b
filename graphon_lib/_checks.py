"""Argument checks of all rooms: every message names the argument, its value, and what is allowed.

A check returns what it was given in the form that the code behind it takes, or raises a
:class:`ValueError`. Only public functions check; what they call takes its arguments as checked.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "as_numpy",
    "check_array",
    "check_chain",
    "check_choice",
    "check_density",
    "check_flag",
    "check_instance",
    "check_integer",
    "check_kernel",
    "check_mask",
    "check_masks",
    "check_masses",
    "check_per_layer",
    "check_positive",
    "check_real",
    "check_rng",
    "check_sequence",
    "check_shape",
    "check_widths",
    "named_masks",
    "near_one",
    "needs_extra",
]


Kind = TypeVar("Kind")


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Say which of the library's extras to install if an import inside the context fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise ImportError(
            f"{package} is not installed; it comes with the extra {extra!r}: pip install 'graphon-lib[{extra}]'",
            name=error.name,
        ) from error


def check_integer(name: str, value: object, minimum: int) -> int:
    """Return an integer of at least `minimum`; booleans and whole-numbered floats are refused."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {value!r}")
    return int(value)


def check_density(name: str, value: object) -> float:
    """Return a density, a kept fraction in (0, 1]."""
    try:
        return check_real(name, value, np.nextafter(0.0, 1.0), 1.0)
    except ValueError:
        raise ValueError(f"{name} must be a kept fraction in (0, 1], got {value!r}") from None


def check_real(
    name: str, value: object, minimum: float = -math.inf, maximum: float = math.inf
) -> float:
    """Return a finite number in [minimum, maximum]; booleans are refused."""
    if as_numpy(name, value).dtype == np.bool_:
        raise ValueError(f"{name} must be a real number, got {value!r}")
    return float(check_array(name, value, 0, minimum=minimum, maximum=maximum))  # type: ignore[arg-type]


def check_positive(name: str, value: object) -> float:
    """Return a finite number above 0."""
    number = check_real(name, value)
    if number <= 0.0:
        raise ValueError(f"{name} must be positive, got {number:g}")
    return number


def check_per_layer(name: str, value: ArrayLike, depth: int) -> NDArray[np.float64]:
    """Return a non-negative number for each of `depth` layers, from one for all or one a layer."""
    array = check_array(name, value, min(as_numpy(name, value).ndim, 1), minimum=0.0)
    if array.ndim == 1 and array.size != depth:
        raise ValueError(f"{name} must be one number, or {depth}, one a layer; got {array.size}")
    return np.broadcast_to(array, depth)


def check_flag(name: str, value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return one of `choices`, which the message lists."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(sorted(choices))}; got {value!r}")
    return value


def check_instance(name: str, value: object, kind: type[Kind]) -> Kind:
    """Return an object of a class."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, got {type(value).__name__}")
    return value


def check_rng(name: str, rng: object) -> np.random.Generator:
    """Return a NumPy random generator; a seed is none."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{name} must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng


def check_sequence(name: str, value: object, of: str) -> list:
    """Return the items of any iterable but a string; `of` says what they are, for the message."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a sequence of {of}, got {type(value).__name__}")
    try:
        return list(value)
    except TypeError:  # an array without axes
        raise ValueError(f"{name} must be a sequence of {of}, got a single number") from None


def check_shape(name: str, value: object) -> tuple[int, int]:
    """Return the size (n_out, n_in) of a mask, each at least 1."""
    if not isinstance(value, Iterable) or isinstance(value, str) or len(pair := list(value)) != 2:
        raise ValueError(f"{name} must be two positive integers (n_out, n_in), got {value!r}")
    n_out, n_in = (check_integer(f"{name}[{i}]", size, 1) for i, size in enumerate(pair))
    return n_out, n_in


def check_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """Return the widths of two layers of neurons or more, inputs first."""
    widths = check_sequence("widths", widths, "layer widths, inputs first")
    if len(widths) < 2:
        raise ValueError(
            f"widths must hold two layer widths at least, inputs first; got {widths!r}"
        )
    return tuple(check_integer(f"widths[{i}]", width, 1) for i, width in enumerate(widths))


def as_numpy(name: str, value: object) -> NDArray:
    """Return any array_like as an array, whatever its shape and dtype.

    PyTorch tensors are taken from any device, with a gradient or without, and in dtypes that NumPy
    does not have, such as bfloat16, which becomes float32; SciPy's sparse matrices become dense.
    """
    try:
        if hasattr(value, "toarray"):
            value = value.toarray()
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
    """Return a new, non-empty float64 array with `ndim` axes, all finite, in [minimum, maximum]."""
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


def check_kernel(name: str, kernel: ArrayLike) -> tuple[NDArray[np.float64], float]:
    r"""Return a kernel, a square matrix that is not zero, in float64 and the :math:`\epsilon` of its dtype.

    It may differ from its transpose by 1e-9, or :math:`100 \epsilon` if that is more, of its largest
    entry. PyTorch's dtypes of half the precision count as float32.
    """
    array = as_numpy(name, kernel)
    narrow = array.dtype.kind == "f" and array.dtype.itemsize < 8
    epsilon = float(np.finfo(array.dtype if narrow else np.float64).eps)
    matrix = check_array(name, array, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be square, got shape {matrix.shape}")
    largest = np.abs(matrix).max()
    if largest == 0:
        raise ValueError(f"{name} must not be zero everywhere, got a zero matrix")
    with np.errstate(over="ignore"):
        asymmetry = np.abs(matrix - matrix.T).max()
    if asymmetry > max(1e-9, 100 * epsilon) * largest:
        raise ValueError(
            f"{name} must be symmetric, got entries that differ from their mirror images by up to {asymmetry:.3g}"
        )
    return matrix, epsilon


def near_one(array: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return an array over a power of two, so that its largest entry is in [1/2, 1), and the power.

    Products then neither overflow nor underflow, and all digits are what they were. Entries below
    2^-1000 become as large as that power, of which there is an inverse, allows.
    """
    exponent = max(int(np.frexp(np.abs(array).max())[1]), -1000)
    return array * 2.0**-exponent, exponent


def check_mask(name: str, value: object) -> NDArray[np.bool_]:
    """Return a binary mask (n_out, n_in), neither side 0, as a boolean array."""
    array = as_numpy(name, value)
    if array.ndim != 2 or array.size == 0:
        more = ": masks of convolutions go to channel_graphon" * (array.ndim in (3, 4))
        raise ValueError(
            f"{name} must be a non-empty matrix (n_out, n_in), got shape {array.shape}{more}"
        )
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf" or not ((array == 0) | (array == 1)).all():
        raise ValueError(
            f"{name} must be binary, all entries 0 or 1; got dtype {array.dtype} with other values"
        )
    return array.astype(np.bool_)


def named_masks(
    masks: Sequence[ArrayLike] | Mapping[str, ArrayLike], of: str
) -> tuple[list[str], list]:
    """Return what messages call the masks of a network, ``masks[0]`` or ``masks['name']``, and them.

    `of` says what they are.
    """
    names = list(masks) if isinstance(masks, Mapping) else None
    values = check_sequence("masks", masks if names is None else masks.values(), of)
    return [f"masks[{name!r}]" for name in names or range(len(values))], values


def check_chain(names: Sequence[str], masks: Sequence[NDArray]) -> None:
    """Check that the rows of each mask are the columns of the next."""
    for name, (before, after) in zip(names[1:], itertools.pairwise(masks), strict=True):
        if after.shape[1] != before.shape[0]:
            raise ValueError(
                f"{name} must have {before.shape[0]} columns, the rows of the mask before; got shape {after.shape}"
            )


def check_masks(
    masks: Sequence[ArrayLike] | Mapping[str, ArrayLike],
) -> list[NDArray[np.bool_]]:
    """Return the masks of a network, one or more, the rows of each the columns of the next.

    They may have names.
    """
    names, values = named_masks(masks, "binary matrices, one a layer")
    checked = [check_mask(name, mask) for name, mask in zip(names, values, strict=True)]
    if not checked:
        raise ValueError("masks must be one mask or more, got none")
    check_chain(names, checked)
    return checked


def check_masses(name: str, masses: ArrayLike | None, count: int) -> NDArray[np.float64]:
    """Return the masses of `count` blocks, non-negative, of sum 1 within 1e-9; uniform for None.

    They are kept as they came, not divided by their sum, so that blocks that shared masses before a
    round trip share them after it. Those in single precision sum to 1 within its rounding, and are
    divided.
    """
    if masses is None:
        return np.full(count, 1.0 / count)
    array = check_array(name, masses, 1, minimum=0.0)
    if array.size != count:
        raise ValueError(f"{name} must hold one mass per block, {count}; got {array.size}")
    given = as_numpy(name, masses).dtype
    single = given.kind == "f" and given.itemsize < 8
    if single and abs(array.sum() - 1.0) <= count * np.finfo(given).eps:
        array /= array.sum()
    if abs(array.sum() - 1.0) > 1e-9:
        raise ValueError(f"{name} must sum to 1, got {array.sum():.12g}")
    return array
