"""The images: where they are found, that they are checked, and what every kind of damage says."""

import gzip
import hashlib
import http.server
import io
import logging
import os
import struct
import tarfile
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from graphon_lib.experiments.data import DATASETS, DataError, load, load_mnist, sample_batch
from graphon_lib.experiments.formats import GZIP, read_idx

MNIST = DATASETS["mnist"]
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = MNIST.files


def idx(array, kind=8):
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def small_files():
    """Four official-looking files with few digits, by name."""
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 256, (30, 28, 28), dtype=np.uint8),
        rng.integers(0, 10, 30, dtype=np.uint8),
        rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        rng.integers(0, 10, 20, dtype=np.uint8),
    ]
    files = {
        name: gzip.compress(idx(array)) for name, array in zip(MNIST.files, arrays, strict=True)
    }
    return arrays, files


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def change_mnist(monkeypatch, **changes):
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], **changes))


def checksums(files):
    """Of what the files hold."""
    return {
        name: hashlib.sha256(gzip.decompress(content)).hexdigest()
        for name, content in files.items()
    }


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A machine without data: no MNIST_DIR, an empty cache, and the small files as the official."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    arrays, files = small_files()
    change_mnist(monkeypatch, files=checksums(files))
    return SimpleNamespace(arrays=arrays, files=files, cache=tmp_path / "cache", root=tmp_path)


class Server:
    """A web server on this machine that serves `files` and notes what was asked for."""

    def __init__(self):
        self.files, self.asked, self.claimed_extra = {}, [], 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                server.asked.append(name)
                content = server.files.get(name.rsplit("/", 1)[-1]) if "gone" not in name else None
                if content is None:
                    self.send_error(404)
                    return
                if "broken" in name:
                    content = content[:-7]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content) + server.claimed_extra))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=[0.01])
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(place, monkeypatch):
    server = Server()
    server.files = place.files
    change_mnist(monkeypatch, mirrors=(server.url + "first/", server.url + "second/"))
    yield server
    server.close()


def pixels_of(x):
    """Undo the standardisation."""
    return np.rint((x * 0.3081 + 0.1307) * 255).astype(np.uint8).reshape(-1, 28, 28)


def assert_small(data, place):
    for x, images in ((data.x_train, place.arrays[0]), (data.x_test, place.arrays[2])):
        assert x.dtype == np.float32
        expected = (images.reshape(-1, 784) / 255 - 0.1307) / 0.3081
        np.testing.assert_allclose(x, expected, rtol=0, atol=1e-6)
    for y, labels in ((data.y_train, place.arrays[1]), (data.y_test, place.arrays[3])):
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y, labels)
    assert data.sha256 == hashlib.sha256(b"".join(a.tobytes() for a in place.arrays)).hexdigest()


def test_the_subset_serves_where_nothing_else_is(place, caplog):
    with caplog.at_level(logging.INFO, logger="graphon_lib"):
        data = load_mnist(cache=place.cache)
    assert data.source == "subset bundled with the book"
    assert "subset bundled with the book" in caplog.text
    assert data.x_train.shape == (4000, 784)
    assert data.x_test.shape == (1000, 784)
    assert (np.bincount(data.y_train) == 400).all()
    assert (np.bincount(data.y_test) == 100).all()
    assert not place.cache.exists()


def test_the_subset_is_split_as_documented(place):
    data = load_mnist(cache=place.cache)
    with np.load(MNIST.subset) as archive:
        images, labels, indices = (archive[k] for k in ("images", "labels", "training_indices"))
    assert (np.diff(indices) > 0).all()
    for digit in range(10):
        of_digit = images[labels == digit]
        np.testing.assert_array_equal(
            pixels_of(data.x_train[data.y_train == digit]), of_digit[:400]
        )
        np.testing.assert_array_equal(pixels_of(data.x_test[data.y_test == digit]), of_digit[400:])
    both = np.concatenate([data.x_train, data.x_test])
    assert len(np.unique(both, axis=0)) == 5000


def test_a_damaged_subset_is_refused(place, monkeypatch):
    damaged = place.root / "mnist-5k.npz"
    damaged.write_bytes(MNIST.subset.read_bytes()[:-1])
    change_mnist(monkeypatch, subset=damaged)
    with pytest.raises(DataError, match=f"{damaged} has the wrong checksum"):
        load_mnist(cache=place.cache)


def test_outside_a_checkout_it_is_said_where_the_digits_are(place, monkeypatch):
    change_mnist(monkeypatch, subset=place.root / "absent.npz")
    with pytest.raises(
        DataError, match=r"absent\.npz is missing.* checkout .*MNIST_DIR.*full=True"
    ):
        load_mnist(cache=place.cache)


@pytest.mark.usefixtures("complete_mnist")
def test_the_complete_data_and_the_subset_within_it(tmp_path, monkeypatch):
    full = load_mnist()
    assert full.x_train.shape == (60000, 784)
    assert full.x_test.shape == (10000, 784)
    np.testing.assert_array_equal(full.y_train[:10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    np.testing.assert_array_equal(full.y_test[:10], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    assert abs(full.x_train.mean(dtype=np.float64)) < 1e-3
    assert abs(full.x_train.std(dtype=np.float64) - 1) < 1e-3
    monkeypatch.delenv("MNIST_DIR", raising=False)
    subset = load_mnist(cache=tmp_path)
    first = np.sort(np.concatenate([np.flatnonzero(full.y_train == d)[:500] for d in range(10)]))
    with np.load(MNIST.subset) as archive:
        np.testing.assert_array_equal(archive["training_indices"], first)
        np.testing.assert_array_equal(archive["labels"], full.y_train[first])
        np.testing.assert_array_equal(archive["images"], pixels_of(full.x_train[first]))
    assert subset.sha256 != full.sha256


def test_folder_before_environment_before_cache_before_subset(place, monkeypatch, caplog):
    folder, named, cache = (
        write(place.root / n, place.files) for n in ("folder", "named", "cache")
    )
    caplog.set_level(logging.INFO, logger="graphon_lib")
    for full in (False, True):
        monkeypatch.setenv("MNIST_DIR", str(named))
        assert load_mnist(folder, full=full, cache=cache).source == f"folder {folder}"
        assert load_mnist(full=full, cache=cache).source == f"folder {named}"
        monkeypatch.delenv("MNIST_DIR")
        data = load_mnist(full=full, cache=cache)
        assert data.source == f"cache {cache}"
        assert str(cache) in caplog.text
        assert_small(data, place)
    (cache / LABELS).unlink()
    assert load_mnist(cache=cache).source == "subset bundled with the book"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_folder_that_is_named_is_never_passed_over(place, monkeypatch, how):
    write(place.cache, place.files)
    broken = write(place.root / "broken", place.files)
    (broken / TEST_LABELS).unlink()
    for folder, missing in ((broken, TEST_LABELS), (place.root / "absent", IMAGES)):
        if how == "environment":
            monkeypatch.setenv("MNIST_DIR", str(folder))
        argument = folder if how == "argument" else None
        for full in (False, True):
            with pytest.raises(DataError, match=f"{folder / missing} is missing"):
                load_mnist(argument, full=full, cache=place.cache)


def test_another_file_under_the_right_name_fails_its_checksum(place):
    images = place.arrays[0].copy()
    images[4, 3, 2] ^= 1
    folder = write(place.root / "folder", place.files)
    (folder / IMAGES).write_bytes(gzip.compress(idx(images)))
    with pytest.raises(DataError, match=f"{folder / IMAGES} has the wrong checksum"):
        load_mnist(folder)


@pytest.mark.parametrize(
    "change",
    [
        {LABELS: np.zeros(29, np.uint8)},
        {TEST_IMAGES: np.zeros((20, 28, 27), np.uint8)},
        {TEST_IMAGES: np.zeros((20, 27, 28), np.uint8)},
    ],
)
def test_files_that_do_not_fit_each_other(place, monkeypatch, change):
    files = place.files | {name: gzip.compress(idx(array)) for name, array in change.items()}
    change_mnist(monkeypatch, files=checksums(files))
    folder = write(place.root / "folder", files)
    with pytest.raises(DataError, match=f"files in {folder} must hold 28 x 28 images"):
        load_mnist(folder)


def test_read_idx_keeps_shape_and_order(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(read_idx(path, axes=3), array)
    path.write_bytes(gzip.compress(idx(array.ravel())))
    np.testing.assert_array_equal(read_idx(path, axes=1), array.ravel())


GOOD = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "got an empty file"),
        (b"plain text", "magic number 00000803"),
        (GZIP + b"another compression", "cannot be read"),
        (gzip.compress(GOOD)[:-12], "truncated or damaged"),
        (gzip.compress(GOOD)[:20] + b"\xff" * 20, "truncated or damaged"),
        (gzip.compress(b""), "magic number 00000803"),
        (gzip.compress(GOOD[:3]), "magic number 00000803"),
        (gzip.compress(idx(np.zeros(3, np.uint8))), "magic number 00000803"),
        (gzip.compress(idx(np.zeros((2, 3, 4), np.uint8), kind=9)), "magic number 00000803"),
        (gzip.compress(GOOD[:4]), "must hold"),
        (gzip.compress(GOOD[:12]), "must hold"),
        (gzip.compress(GOOD[:-1]), r"must hold 24 values for its shape \(2, 3, 4\), got 23"),
        (gzip.compress(GOOD + b"0"), r"must hold 24 values for its shape \(2, 3, 4\), got 25"),
    ],
    # Compressed files hold the time, and names of tests must not.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damaged_files_are_named(tmp_path, content, match):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=match) as raised:
        read_idx(path, axes=3)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=str(tmp_path / "none.gz")):
        read_idx(tmp_path / "none.gz", axes=1)


def test_download_into_the_cache_once(place, server):
    data = load_mnist(full=True, cache=place.cache)
    assert data.source == f"download to {place.cache}"
    assert_small(data, place)
    assert server.asked == [f"first/{name}" for name in place.files]
    again = load_mnist(full=True, cache=place.cache)
    assert again.source == f"cache {place.cache}"
    assert len(server.asked) == 4
    assert sorted(p.name for p in place.cache.iterdir()) == sorted(place.files)


def test_nothing_is_downloaded_unless_the_complete_data_are_asked_for(place, server):
    assert load_mnist(cache=place.cache).source == "subset bundled with the book"
    assert server.asked == []


@pytest.mark.parametrize("fault", ["gone/", "broken/"])
def test_the_second_mirror_steps_in(place, server, monkeypatch, fault):
    change_mnist(monkeypatch, mirrors=(server.url + fault, server.url + "second/"))
    assert_small(load_mnist(full=True, cache=place.cache), place)
    assert sorted(p.name for p in place.cache.iterdir()) == sorted(place.files)


@pytest.mark.parametrize("fault", ["wrong", "cut off", "gone", "no network"])
def test_a_failed_download_says_so_and_leaves_nothing_in_place(place, server, monkeypatch, fault):
    if fault == "wrong":
        server.files = {name: content + b"!" for name, content in place.files.items()}
    elif fault == "cut off":
        server.claimed_extra = 1000
    elif fault == "gone":
        server.files = {}
    else:
        # The discard port, on which nothing listens.
        change_mnist(monkeypatch, mirrors=("http://127.0.0.1:9/", "http://127.0.0.1:9/x/"))
    with pytest.raises(DataError, match=f"{IMAGES} could not be downloaded into") as raised:
        load_mnist(full=True, cache=place.cache)
    message = str(raised.value)
    assert "MNIST_DIR" in message
    for mirror in DATASETS["mnist"].mirrors:
        assert mirror + IMAGES in message
    assert list(place.cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(place, server):
    place.cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=f"{place.cache} cannot be written"):
        load_mnist(full=True, cache=place.cache)
    assert server.asked == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-5],
        lambda content: b"",
        lambda content: gzip.compress(gzip.decompress(content)[:-1] + b"!"),
    ],
)
def test_a_damaged_cache_is_passed_over_and_mended(place, server, caplog, damage):
    write(place.cache, place.files)
    (place.cache / IMAGES).write_bytes(damage(place.files[IMAGES]))
    assert load_mnist(cache=place.cache).source == "subset bundled with the book"
    assert str(place.cache / IMAGES) in caplog.text
    assert server.asked == []
    assert_small(load_mnist(full=True, cache=place.cache), place)
    assert server.asked == [f"first/{IMAGES}"]
    assert load_mnist(cache=place.cache).source == f"cache {place.cache}"


@pytest.mark.parametrize(
    "pack", [lambda plain: plain, lambda plain: gzip.compress(plain, 1, mtime=5)]
)
@pytest.mark.parametrize("named", [False, True])
def test_files_count_however_they_are_packed(place, pack, named):
    files = {name: pack(gzip.decompress(content)) for name, content in place.files.items()}
    for stem in ("", ".gz"):
        folder = place.root / f"folder{stem}"
        write(folder, {name.removesuffix(".gz") + stem: files[name] for name in files})
        assert_small(load_mnist(folder) if named else load_mnist(cache=folder), place)


def test_a_folder_in_the_home(place, monkeypatch):
    write(place.root / "digits", place.files)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(place.root))
    assert_small(load_mnist("~/digits"), place)
    assert_small(load_mnist(cache="~/digits"), place)
    monkeypatch.setenv("MNIST_DIR", "~/digits")
    assert_small(load_mnist(), place)


@pytest.mark.parametrize(
    ("dataset", "train", "test"), [("fashion-mnist", 75, 25), ("mnist", 400, 100)]
)
def test_bundled_subsets_are_balanced_parts_of_official_training_images(dataset, train, test):
    record = DATASETS[dataset]
    subset = load(dataset)
    assert (np.bincount(subset.y_train) == train).all()
    assert (np.bincount(subset.y_test) == test).all()
    with np.load(record.subset) as archive:
        images = archive["images"]
        assert (np.diff(archive["training_indices"]) > 0).all()
    # The constants are those of all images, which a thousand come close to.
    x = record.standardise(images.astype(np.float64))
    assert abs(x.mean()) < 0.03
    assert abs(x.std() - 1) < 0.03


def test_complete_fashion_mnist_and_the_subset_within_it(at_hand):
    at_hand("fashion-mnist")
    record, full = DATASETS["fashion-mnist"], load("fashion-mnist", full=True)
    assert (full.name, full.shape) == ("complete Fashion-MNIST", (28, 28))
    assert (np.bincount(full.y_train) == 6000).all()
    assert (np.bincount(full.y_test) == 1000).all()
    assert abs(full.x_train.mean(dtype=np.float64)) < 1e-3
    assert abs(full.x_train.std(dtype=np.float64) - 1) < 1e-3
    with np.load(record.subset) as archive:
        chosen = archive["training_indices"]
        np.testing.assert_array_equal(archive["labels"], full.y_train[chosen])
        pixels = record.pixels(full.x_train[chosen]).reshape(-1, 28, 28)
        np.testing.assert_array_equal(archive["images"], pixels)


def test_the_first_pictures_of_cifar(at_hand):
    at_hand("cifar10-4k")
    data = load("cifar10-4k")
    assert (data.name, data.shape) == ("4,000 CIFAR-10 training images", (32, 32, 3))
    assert data.x_train.shape == (3000, 3072)
    assert (np.bincount(data.y_test) == 100).all()
    counts = np.bincount(data.y_train) + np.bincount(data.y_test)
    assert counts.tolist() == [396, 366, 420, 384, 422, 393, 414, 385, 407, 413]
    with pytest.raises(DataError, match=r"data_batch_1\.bin is missing"):
        load("cifar10", full=True)


def cifar_files():
    """Six official-looking files, and the images and labels of all."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    labels = (np.arange(30) % 10).astype(np.uint8)
    files = {}
    for k, name in enumerate(DATASETS["cifar10"].files):
        part = slice(5 * k, 5 * k + 5)
        records = [
            bytes([label]) + image.transpose(2, 0, 1).tobytes()
            for label, image in zip(labels[part], images[part], strict=True)
        ]
        files[name] = b"".join(records)
    return images, labels, files


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    images, labels, files = cifar_files()
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    np.savez(tmp_path / "few.npz", images=images[:5], labels=labels[:5])
    few = {
        "subset": tmp_path / "few.npz",
        "subset_sha256": hashlib.sha256((tmp_path / "few.npz").read_bytes()).hexdigest(),
        "held_out": 1,
        "classes": 2,
    }
    for name in ("cifar10", "cifar10-4k"):
        record = DATASETS[name]
        own = {file: sha256[file] for file in record.files}
        monkeypatch.setitem(DATASETS, name, replace(record, files=own, **few))
    return images, labels, files


def test_pictures_come_from_six_files(cifar, tmp_path):
    images, labels, files = cifar
    data = load("cifar10", write(tmp_path / "folder", files))
    assert data.name == "complete CIFAR-10"
    pixels = DATASETS["cifar10"].pixels
    np.testing.assert_array_equal(pixels(data.x_train).reshape(-1, 32, 32, 3), images[:25])
    np.testing.assert_array_equal(pixels(data.x_test).reshape(-1, 32, 32, 3), images[25:])
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_test]), labels)


def test_the_part_is_the_same_from_an_archive_as_from_the_first_file(cifar, tmp_path):
    _, _, files = cifar
    first = write(tmp_path / "first", {"data_batch_1.bin": files["data_batch_1.bin"]})
    (tmp_path / "part").mkdir()
    (tmp_path / "few.npz").rename(tmp_path / "part" / "few.npz")
    from_file, part = load("cifar10-4k", first), load("cifar10-4k", tmp_path / "part")
    assert from_file.sha256 == part.sha256
    assert from_file.name == part.name == "5 CIFAR-10 training images"
    assert load("cifar10", tmp_path / "part").sha256 == part.sha256


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda content: content[:-1], "must hold 3073 bytes an image, got 15364"),
        (lambda content: b"", "must hold 3073 bytes an image, got 0"),
        (lambda content: b"\x0a" + content[1:], "must hold labels from 0 to 9, got 10"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "has the wrong checksum"),
    ],
)
def test_damaged_pictures_are_named(cifar, tmp_path, damage, match):
    _, _, files = cifar
    files["data_batch_3.bin"] = damage(files["data_batch_3.bin"])
    folder = write(tmp_path / "folder", files)
    with pytest.raises(DataError, match=f"{folder / 'data_batch_3.bin'} {match}"):
        load("cifar10", folder)


@pytest.fixture
def cifar_server(cifar, monkeypatch):
    server, packed = Server(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in {**cifar[2], "readme.html": b"hello"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    server.files = {"cifar-10-binary.tar.gz": packed.getvalue()}
    record = replace(DATASETS["cifar10"], mirrors=(server.url + "first/", server.url + "second/"))
    monkeypatch.setitem(DATASETS, "cifar10", record)
    yield server
    server.close()


def test_an_archive_is_downloaded_once_and_unpacked(cifar, cifar_server, tmp_path):
    cache = tmp_path / "cache"
    data = load("cifar10", full=True, cache=cache)
    assert data.source == f"download to {cache}"
    assert cifar_server.asked == ["first/cifar-10-binary.tar.gz"]
    assert sorted(path.name for path in cache.iterdir()) == sorted(DATASETS["cifar10"].files)
    assert load("cifar10", full=True, cache=cache).source == f"cache {cache}"
    (cache / "test_batch.bin").write_bytes(b"damaged")
    assert load("cifar10", full=True, cache=cache).sha256 == data.sha256
    assert len(cifar_server.asked) == 2


@pytest.mark.parametrize("fault", ["cut off", "wrong", "empty", "gone"])
def test_an_archive_that_is_not_right_leaves_nothing_in_place(cifar_server, tmp_path, fault):
    (name,) = cifar_server.files
    if fault == "cut off":
        cifar_server.files[name] = cifar_server.files[name][:-2000]
    elif fault == "wrong":
        cifar_server.files[name] = b"no archive"
    elif fault == "empty":
        packed = io.BytesIO()
        tarfile.open(fileobj=packed, mode="w:gz").close()
        cifar_server.files[name] = packed.getvalue()
    else:
        cifar_server.files = {}
    cache = tmp_path / "cache"
    with pytest.raises(DataError, match=r"data_batch_1\.bin could not be downloaded into"):
        load("cifar10", full=True, cache=cache)
    assert not [path for path in cache.iterdir() if path.suffix == ".part"]
    with pytest.raises(DataError, match="CIFAR10_DIR"):
        load("cifar10", full=True, cache=cache)


def test_batches_are_drawn_without_replacement_and_repeat_with_the_seed(place):
    data = load_mnist(cache=place.cache)
    x, y = sample_batch(data, 100, np.random.default_rng(3))
    assert x.shape == (100, 784)
    rows = {row.tobytes(): label for row, label in zip(data.x_train, data.y_train, strict=True)}
    assert len({row.tobytes() for row in x}) == 100
    assert [rows[row.tobytes()] for row in x] == y.tolist()
    np.testing.assert_array_equal(x, sample_batch(data, 100, np.random.default_rng(3)).x)
    assert not np.array_equal(x, sample_batch(data, 100, np.random.default_rng(4)).x)
    everything = sample_batch(data, 4000, np.random.default_rng(0))
    assert (np.bincount(everything.y) == 400).all()


def test_batches_are_not_class_balanced(place):
    """Counts of a class are hypergeometric: mean 10, variance 10 * .9 * (1 - 99/3999)."""
    data = load_mnist(cache=place.cache)
    rng = np.random.default_rng(0)
    draws = 400
    counts = np.array(
        [np.bincount(sample_batch(data, 100, rng).y, minlength=10) for _ in range(draws)]
    )
    variance = 9 * (1 - 99 / 3999)
    assert (abs(counts.mean(axis=0) - 10) < 5 * (variance / draws) ** 0.5).all()
    # Of the sample variance of about normal counts: standard error sqrt(2 / draws) of it.
    assert (abs(counts.var(axis=0) / variance - 1) < 5 * (2 / draws) ** 0.5).all()


@pytest.mark.parametrize("size", [0, -1, 4001, 2.5, "ten", True])
def test_wrong_batch_sizes(place, size):
    data = load_mnist(cache=place.cache)
    with pytest.raises(ValueError, match="size must be"):
        sample_batch(data, size, np.random.default_rng(0))


@pytest.mark.usefixtures("complete_mnist")
def test_first_training_digits_are_the_same_in_both_data_sets(monkeypatch):
    """So that chapters which show a few digits look the same with and without the full data."""
    full = load_mnist()
    monkeypatch.delenv("MNIST_DIR", raising=False)
    subset = load_mnist(cache=os.devnull)
    np.testing.assert_array_equal(full.x_train[:3000], subset.x_train[:3000])
    np.testing.assert_array_equal(full.y_train[:3000], subset.y_train[:3000])
