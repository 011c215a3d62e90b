"""Data sets of images: the complete official files, or the subset that comes with the book."""

from __future__ import annotations

import hashlib
import logging
import os
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tarfile import TarError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_choice, check_instance, check_integer, check_rng
from graphon_lib.experiments.formats import (
    CIFAR_SHAPE,
    DataError,
    first_images,
    read_cifar_files,
    read_idx_files,
    unpacked,
)

__all__ = ["DATASETS", "DataError", "Dataset", "Images", "load", "load_mnist", "sample_batch"]

logger = logging.getLogger(__name__)

BUNDLED = Path(__file__).resolve().parents[2] / "data"


@dataclass(frozen=True)
class Dataset:
    """What a data set is, and where it is found.

    Parameters
    ----------
    label
        How it is written.
    shape, classes
        Of an image, rows, columns, and colours if there are any; labels are 0 to `classes` - 1.
    files, parse
        The official files with the SHA-256 of what they hold, unpacked, and the function from their
        paths, in that order, to images, labels, test images and test labels as unsigned bytes;
        without the last two, tests are made of what is held out.
    mean, deviation
        Of the pixels, as fractions of 255, that standardise them; the same for all colours.
    mirrors, variable
        Addresses of folders with the official files, and the environment variable that names one
        here.
    subset, subset_sha256, held_out
        An archive of ``images`` and ``labels``, of each class of which the last `held_out` are its
        test set: bundled with the book or, where its licence does not allow that, in the folder
        that the variable names.
    archive
        The archive that the official files come in, if they do not come one by one.
    """

    label: str
    shape: tuple[int, ...]
    classes: int
    files: Mapping[str, str]
    parse: Callable[[Sequence[Path]], Sequence[NDArray[np.uint8]]]
    mean: float
    deviation: float
    mirrors: tuple[str, ...]
    variable: str
    subset: Path
    subset_sha256: str
    held_out: int
    archive: str | None = None

    def standardise(self, pixels: NDArray) -> NDArray:
        """Return floating-point pixels, 0 to 255, less their mean and over their deviation."""
        return (pixels / 255.0 - self.mean) / self.deviation

    def pixels(self, x: NDArray) -> NDArray[np.uint8]:
        """Return the pixels that :meth:`standardise` has made `x` of."""
        return np.rint((x * self.deviation + self.mean) * 255.0).astype(np.uint8)


IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
CIFAR_FILES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}


def _of_idx_files(*sha256: str) -> dict[str, Any]:
    """Return what data sets in MNIST's format share."""
    files = dict(zip(IDX_FILES, sha256, strict=True))
    return {"shape": (28, 28), "classes": 10, "files": files, "parse": read_idx_files}


# The mean and the deviation of all pixels of the training images.
_CIFAR = {
    "shape": CIFAR_SHAPE,
    "classes": 10,
    "mean": 0.4734,
    "deviation": 0.2516,
    "mirrors": ("https://www.cs.toronto.edu/~kriz/",),
    "variable": "CIFAR10_DIR",
    "subset": BUNDLED / "cifar10" / "cifar10-4k.npz",
    "subset_sha256": "f21ba659b327871ec330654ccdc95e0da52b1b39c04c467a581440516466148c",
    "held_out": 100,
    "archive": "cifar-10-binary.tar.gz",
}

DATASETS = {
    "mnist": Dataset(
        label="MNIST",
        **_of_idx_files(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        mean=0.1307,
        deviation=0.3081,
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        variable="MNIST_DIR",
        subset=BUNDLED / "mnist" / "mnist-5k.npz",
        subset_sha256="8722c9c7be1a9fa23f93c37f6a8216961fe189029265d0fdd58e514b125ad259",
        held_out=100,
    ),
    "fashion-mnist": Dataset(
        label="Fashion-MNIST",
        **_of_idx_files(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        mean=0.2860,
        deviation=0.3530,
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        variable="FASHION_MNIST_DIR",
        subset=BUNDLED / "fashion-mnist" / "fashion-mnist-1k.npz",
        subset_sha256="293cb898cb5a9acff5b2035497d46ecc3385f7e38a4d3a70944bd0148c183da9",
        held_out=25,
    ),
    "cifar10": Dataset(label="CIFAR-10", files=CIFAR_FILES, parse=read_cifar_files, **_CIFAR),
    "cifar10-4k": Dataset(
        label="CIFAR-10",
        files={name: CIFAR_FILES[name] for name in list(CIFAR_FILES)[:1]},
        parse=first_images,
        **_CIFAR,
    ),
}
"""The data sets by name."""


class Batch(NamedTuple):
    """Images and their labels."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    """Images of a data set, standardised.

    Attributes
    ----------
    x_train, x_test : ndarray of float32, shape (N, pixels)
        Pixels, row by row, of each its colours: of MNIST ``(pixel / 255 - 0.1307) / 0.3081``, as in
        the code that the paper prunes with.
    y_train, y_test : ndarray of int64, shape (N,)
        Classes, from 0.
    name, source : str
        Which data these are, for the record of a result, and where they were found.
    sha256 : str
        Of all images and labels as unsigned bytes.
    shape, classes
        As in :class:`Dataset`.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    name: str
    source: str
    sha256: str
    shape: tuple[int, ...]
    classes: int


def load(
    dataset: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    full: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Images:
    """Load a data set, checked against its SHA-256, from the first place where it can be.

    Parameters
    ----------
    dataset
        One of :data:`DATASETS`.
    folder
        A folder with the official files, gzipped or unpacked. When omitted, the one that the
        environment variable of the data set names, such as ``MNIST_DIR``, if it is set.
    full
        Whether the complete data are needed. If they are neither in a folder nor, undamaged, in the
        cache they are then downloaded; otherwise the bundled subset serves.
    cache
        Where downloads are kept. When omitted, the user's cache folder of this book.

    Raises
    ------
    DataError
        If a file is missing from a folder that was named, which is never silently passed over, is
        damaged, has the wrong checksum or content, cannot be downloaded, or the cache cannot be
        written; or if the bundled subset is asked for outside a checkout of the repository.

    Notes
    -----
    Of MNIST (LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86, 1998) and Fashion-MNIST
    (Xiao, Rasul and Vollgraf, arXiv:1708.07747, 2017) there are 60,000 images for training and
    10,000 for tests, of CIFAR-10 (Krizhevsky, *Learning multiple layers of features from tiny
    images*, 2009) 50,000 and 10,000. Subsets, of official *training* images alone, have 4,000 and
    1,000 digits, 750 and 250 pieces of clothing, 3,000 and 1,000 pictures: the last of each class
    are held out for tests. ``"cifar10-4k"`` is that subset, whatever is there.
    """
    record = DATASETS[check_choice("dataset", dataset, DATASETS)]
    named = folder if folder is not None else os.environ.get(record.variable) or None
    if named is not None:
        place = Path(named).expanduser()
        subset = place / record.subset.name
        if subset.is_file() and not full and not _complete(record, place):
            return _subset(record, subset, f"folder {place}")
        return _official(record, place, f"folder {place}")
    cache = _cache_folder(dataset) if cache is None else Path(cache).expanduser()
    if _complete(record, cache):
        try:
            return _official(record, cache, f"cache {cache}")
        except DataError as error:
            logger.warning("The cache is passed over: %s", error)
    if full:
        _download(record, cache)
        return _official(record, cache, f"download to {cache}")
    return _subset(record, record.subset, "subset bundled with the book")


load_mnist = partial(load, "mnist")
"""Load the MNIST digits: :func:`load` with this data set."""


def sample_batch(data: Images, size: int, rng: np.random.Generator) -> Batch:
    """Draw so many training images at random, without replacement and without balancing classes.

    Raises
    ------
    ValueError
        If `size` is out of its range, or `rng` no generator.
    """
    check_instance("data", data, Images)
    check_rng("rng", rng)
    available = len(data.x_train)
    if check_integer("size", size, 1) > available:
        raise ValueError(f"size must be at most {available}, the training images, got {size}")
    chosen = rng.choice(available, size, replace=False)
    return Batch(data.x_train[chosen], data.y_train[chosen])


def _official(dataset: Dataset, folder: Path, source: str) -> Images:
    paths = [_path(folder, name) for name in dataset.files]
    for path in paths:
        if not path.is_file():
            raise DataError(
                f"{path} is missing: the folder must hold {', '.join(dataset.files)}; name another "
                f"one with the argument folder or the environment variable {dataset.variable}, or "
                "unset it"
            )
    arrays = dataset.parse(paths)
    for path, sha256 in zip(paths, dataset.files.values(), strict=True):
        _verify(path, sha256)
    for images, labels in zip(arrays[::2], arrays[1::2], strict=True):
        if images.shape != (len(labels), *dataset.shape):
            raise DataError(
                f"the files in {folder} must hold {' x '.join(map(str, dataset.shape))} images and "
                f"one label each, got images {images.shape} and labels {labels.shape}"
            )
    if len(arrays) == 2:
        return _split(dataset, *arrays, source)
    return _standardised(dataset, arrays, f"complete {dataset.label}", source)


def _complete(dataset: Dataset, folder: Path) -> bool:
    return all(_path(folder, name).exists() for name in dataset.files)


def _path(folder: Path, name: str) -> Path:
    """Return the path of a file, or of the same unpacked if only that is there."""
    path = folder / name
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    return path if path.exists() or not plain.exists() else plain


def _subset(dataset: Dataset, path: Path, source: str) -> Images:
    if not path.is_file():
        raise DataError(
            f"{path} is missing: the images that are bundled come with a checkout of the repository; "
            f"elsewhere, and of other data, let {dataset.variable} name a folder with the official "
            "files, or pass full=True to download them"
        )
    _verify(path, dataset.subset_sha256)
    with np.load(path) as archive:
        return _split(dataset, archive["images"], archive["labels"], source)


def _split(
    dataset: Dataset, images: NDArray[np.uint8], labels: NDArray[np.uint8], source: str
) -> Images:
    """Hold the last of each class out for tests."""
    held_out = np.zeros(len(labels), dtype=bool)
    for number in range(dataset.classes):
        held_out[np.flatnonzero(labels == number)[-dataset.held_out :]] = True
    parts = (images[~held_out], labels[~held_out], images[held_out], labels[held_out])
    name = f"{len(labels):,} {dataset.label} training images"
    return _standardised(dataset, parts, name, source)


def _standardised(
    dataset: Dataset, arrays: Sequence[NDArray[np.uint8]], name: str, source: str
) -> Images:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    logger.info("Using %s: %s", name, source)
    x_train, x_test = (
        dataset.standardise(images.reshape(len(images), -1).astype(np.float32))
        for images in arrays[::2]
    )
    y_train, y_test = (labels.astype(np.int64) for labels in arrays[1::2])
    return Images(
        x_train,
        y_train,
        x_test,
        y_test,
        name=name,
        source=source,
        sha256=digest.hexdigest(),
        shape=dataset.shape,
        classes=dataset.classes,
    )


def _verify(path: Path, sha256: str) -> None:
    found = hashlib.sha256(unpacked(path)).hexdigest()
    if found != sha256:
        raise DataError(
            f"{path} has the wrong checksum: SHA-256 of what it holds must be {sha256}, got {found}; "
            "delete the file and fetch it again"
        )


def _cache_folder(name: str) -> Path:
    import pooch

    return Path(pooch.os_cache("graphon-limit-book")) / name


def _download(dataset: Dataset, cache: Path) -> None:
    """Fetch the official files that are not there; each is moved into place only when it is right."""
    import pooch

    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{cache} cannot be written ({error}); name another folder with the argument cache"
        ) from error
    for name, sha256 in dataset.files.items():
        try:
            _verify(_path(cache, name), sha256)
            continue
        except DataError:  # missing or damaged
            _path(cache, name).unlink(missing_ok=True)
        asked, failures = dataset.archive or name, []
        unfinished = cache / f"{asked}.part"
        for mirror in dataset.mirrors:
            url = mirror + asked
            try:
                pooch.HTTPDownloader(progressbar=True)(url, str(unfinished), None)
                if dataset.archive:
                    _unpack(dataset, unfinished, cache)
                else:
                    _verify(unfinished, sha256)
                    unfinished.replace(cache / name)
                break
            except (OSError, EOFError, ValueError, TarError, zlib.error) as error:
                failures.append(f"{url}: {error}")
            finally:
                unfinished.unlink(missing_ok=True)
        else:
            raise DataError(
                f"{name} could not be downloaded into {cache}; fetch it by other means and set "
                f"{dataset.variable} to its folder. Tried:\n" + "\n".join(failures)
            )


def _unpack(dataset: Dataset, archive: Path, folder: Path) -> None:
    """Put the official files that an archive holds, in whatever folder of it, into place."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in dataset.files and (content := tar.extractfile(member)):
                unfinished = folder / f"{name}.part"
                unfinished.write_bytes(content.read())
                try:
                    _verify(unfinished, dataset.files[name])
                    unfinished.replace(folder / name)
                finally:
                    unfinished.unlink(missing_ok=True)
    if not _complete(dataset, folder):
        raise DataError(f"{archive} must hold {', '.join(dataset.files)}")
