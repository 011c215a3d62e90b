"""The MNIST digits: the complete official files, or the subset that comes with the book."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_integer
from graphon_lib.experiments.idx import DataError, read_idx

__all__ = ["DataError", "Mnist", "load_mnist", "sample_batch"]

logger = logging.getLogger(__name__)

SUBSET = Path(__file__).resolve().parents[2] / "data" / "mnist" / "mnist-5k.npz"
SUBSET_SHA256 = "8722c9c7be1a9fa23f93c37f6a8216961fe189029265d0fdd58e514b125ad259"

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

FILES = MappingProxyType(
    {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    }
)
"""The official files and their SHA-256, in the order images, labels; training, test."""

PIXEL_MEAN = 0.1307
PIXEL_STANDARD_DEVIATION = 0.3081
HELD_OUT_PER_CLASS = 100


class Batch(NamedTuple):
    """Digits and their labels."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Mnist:
    """The digits, standardised.

    Attributes
    ----------
    x_train, x_test : ndarray of float32, shape (N, 784)
        Pixels, row by row: ``(pixel / 255 - 0.1307) / 0.3081``, so that a blank pixel is -0.42.
    y_train, y_test : ndarray of int64, shape (N,)
        Classes, 0 to 9.
    name : str
        Which data these are, for the record of a result.
    source : str
        Where they were found.
    sha256 : str
        Of all images and labels as unsigned bytes.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    name: str
    source: str
    sha256: str


def load_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    full: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Mnist:
    """Load the digits from the first of the places where they can be.

    Parameters
    ----------
    folder
        A folder with the four official files. When omitted, the one that the environment variable
        ``MNIST_DIR`` names, if it is set.
    full
        Whether the complete data are needed. If they are neither in a folder nor in the cache they
        are then downloaded; otherwise the bundled subset serves.
    cache
        Where downloads are kept. When omitted, the user's cache folder of this book.

    Returns
    -------
    Mnist
        60,000 training and 10,000 test digits; or, from the subset, 4,000 and 1,000. Its `source`
        says which, and so does a message to the module's logger.

    Raises
    ------
    DataError
        If a file is missing from a folder that was named, is damaged, has the wrong checksum or
        content, cannot be downloaded, or the cache cannot be written; or if the bundled subset is
        asked for outside a checkout of the repository. A folder that was named is never silently
        passed over.

    Notes
    -----
    Every file is checked against its SHA-256. Standardisation is that of the code the paper
    prunes with. The subset holds the first 500 official *training* images of each class; the
    last 100 of each class are its test set.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document
       recognition*, Proceedings of the IEEE 86, 1998.
    """
    named = folder if folder is not None else os.environ.get("MNIST_DIR") or None
    if named is not None:
        return _official(Path(named), f"folder {named}")
    cache = _cache_folder() if cache is None else Path(cache)
    if all((cache / name).exists() for name in FILES):
        return _official(cache, f"cache {cache}")
    if full:
        _download(cache)
        return _official(cache, f"download to {cache}")
    return _subset()


def sample_batch(data: Mnist, size: int, rng: np.random.Generator) -> Batch:
    """Draw training digits at random, without replacement and without balancing classes.

    Parameters
    ----------
    data
        The digits.
    size
        How many, from 1 to the number of training digits.
    rng
        Source of the draw.

    Returns
    -------
    Batch
        ``x`` of shape (size, 784) and ``y`` of shape (size,).

    Raises
    ------
    ValueError
        If `size` is out of its range.
    """
    available = len(data.x_train)
    if check_integer("size", size, 1) > available:
        raise ValueError(f"size must be at most {available}, the training digits, got {size}")
    chosen = rng.choice(available, size, replace=False)
    return Batch(data.x_train[chosen], data.y_train[chosen])


def _official(folder: Path, source: str) -> Mnist:
    arrays = []
    for number, (name, sha256) in enumerate(FILES.items()):
        path = folder / name
        if not path.is_file():
            raise DataError(
                f"{path} is missing: the folder must hold {', '.join(FILES)}; name another one "
                "with the argument folder or the environment variable MNIST_DIR, or unset it"
            )
        array = read_idx(path, axes=1 if number % 2 else 3)
        _verify(path, sha256)
        arrays.append(array)
    for images, labels in (arrays[:2], arrays[2:]):
        if images.shape[1:] != (28, 28) or len(images) != len(labels):
            raise DataError(
                f"the files in {folder} must hold 28 x 28 images and one label each, got images "
                f"{images.shape} and labels {labels.shape}"
            )
    return _standardised(*arrays, "complete MNIST", source)


def _subset() -> Mnist:
    if not SUBSET.is_file():
        raise DataError(
            f"{SUBSET} is missing: the bundled digits come with a checkout of the repository; "
            "elsewhere let MNIST_DIR name a folder with the official files, or pass full=True to "
            "download them"
        )
    _verify(SUBSET, SUBSET_SHA256)
    with np.load(SUBSET) as archive:
        images, labels = archive["images"], archive["labels"]
    held_out = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        held_out[np.flatnonzero(labels == digit)[-HELD_OUT_PER_CLASS:]] = True
    parts = (images[~held_out], labels[~held_out], images[held_out], labels[held_out])
    return _standardised(*parts, "5,000 MNIST training images", "subset bundled with the book")


def _standardised(
    train_images: NDArray[np.uint8],
    train_labels: NDArray[np.uint8],
    test_images: NDArray[np.uint8],
    test_labels: NDArray[np.uint8],
    name: str,
    source: str,
) -> Mnist:
    digest = hashlib.sha256()
    for array in (train_images, train_labels, test_images, test_labels):
        digest.update(np.ascontiguousarray(array))
    logger.info("Using %s: %s", name, source)
    return Mnist(
        x_train=_standardise(train_images),
        y_train=train_labels.astype(np.int64),
        x_test=_standardise(test_images),
        y_test=test_labels.astype(np.int64),
        name=name,
        source=source,
        sha256=digest.hexdigest(),
    )


def _standardise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = images.reshape(len(images), -1).astype(np.float32) / np.float32(255.0)
    return (pixels - np.float32(PIXEL_MEAN)) / np.float32(PIXEL_STANDARD_DEVIATION)


def _verify(path: Path, sha256: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if found != sha256:
        raise DataError(
            f"{path} has the wrong checksum: SHA-256 must be {sha256}, got {found}; delete the "
            "file and fetch it again"
        )


def _cache_folder() -> Path:
    import pooch

    return Path(pooch.os_cache("graphon-limit-book")) / "mnist"


def _download(cache: Path) -> None:
    """Fetch the official files; each is moved into place only when its checksum is right."""
    import pooch

    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{cache} cannot be written ({error}); name another folder with the argument cache"
        ) from error
    for name, sha256 in FILES.items():
        failures = []
        for mirror in MIRRORS:
            try:
                pooch.retrieve(mirror + name, sha256, fname=name, path=cache, progressbar=True)
                break
            except (OSError, ValueError) as error:
                failures.append(f"{mirror}{name}: {error}")
        else:
            raise DataError(
                f"{name} could not be downloaded into {cache}; fetch it by other means and set "
                "MNIST_DIR to its folder. Tried:\n" + "\n".join(failures)
            )
