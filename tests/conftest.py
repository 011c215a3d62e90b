"""How property tests search, and what tests may need: the built site, Chromium, the complete MNIST."""

import functools
import gc
import importlib.util
import os

import pytest
import torch
from hypothesis import settings

from graphon_lib.experiments import data, sweep

# The same examples in every run, so that a result of the tests belongs to the code alone. Others are
# tried with `make search`. No deadline: a machine shared with other jobs is not a failure.
settings.register_profile("same", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("same")


def pytest_collection_finish():
    """Let the collector of garbage pass over what stays: modules and tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def address():
    from browsers import served

    with served() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    from browsers import launched

    from graphon_lib.book.printed import NAMES, find_browser

    path = find_browser()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"no browser: install one of {', '.join(NAMES)}")
        pytest.skip(f"no browser: install one of {', '.join(NAMES)} to test the pages")
    with launched(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def torchvision():
    """Its models, which need PyTorch alone.

    PyPI's wheel is made for PyTorch with CUDA: beside another its operators for boxes do not load,
    and importing it fails unless they are declared.
    """
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("no torchvision, which the extra test installs")
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor boxes, Tensor scores, float overlap) -> Tensor")
        import torchvision

        torchvision.declared = library  # as long as this lives
    return torchvision


FOLDERS = {
    record.variable: os.environ[record.variable]
    for record in data.DATASETS.values()
    if os.environ.get(record.variable)
}
MNIST = data.DATASETS["mnist"]
NO_MNIST = f"no complete MNIST: set {MNIST.variable}, or download it, see README.md"
cache_folder, official = data._cache_folder, data._official


@functools.cache
def read_once(dataset, folder, source):
    return official(data.DATASETS[dataset], folder, source)


def official_once(record, folder, source):
    names = {id(described): name for name, described in data.DATASETS.items()}
    return read_once(names[id(record)], folder, source)


@pytest.fixture(scope="session", autouse=True)
def same_everywhere(tmp_path_factory):
    """What tests compute depends neither on this machine's data and cores nor on earlier sessions.

    The digits are those bundled with the book, cells that were kept before do not count, and what
    joblib shares out is done within a test's own process, of which several may run side by side.
    """
    with pytest.MonkeyPatch.context() as patch:
        for dataset in data.DATASETS.values():
            patch.delenv(dataset.variable, raising=False)
        patch.setattr(data, "_cache_folder", lambda _: tmp_path_factory.getbasetemp() / "no-data")
        patch.setattr(sweep, "CACHE", tmp_path_factory.mktemp("sweeps"))
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture
def has_complete_mnist(monkeypatch):
    """Whether the complete MNIST is where its variable says or among downloads.

    It is then found, as are other data where their variables say.
    """
    monkeypatch.setattr(data, "_official", official_once)
    for variable, folder in FOLDERS.items():
        monkeypatch.setenv(variable, folder)
    if MNIST.variable in FOLDERS:
        return True
    if all((cache_folder("mnist") / name).exists() for name in MNIST.files):
        monkeypatch.setattr(data, "_cache_folder", cache_folder)
        return True
    if os.environ.get("REQUIRE_MNIST"):
        pytest.fail(NO_MNIST)
    return False


@pytest.fixture
def complete_mnist(has_complete_mnist):
    """The complete MNIST. Nothing is fetched."""
    if not has_complete_mnist:
        pytest.skip(NO_MNIST)


@pytest.fixture
def at_hand(has_complete_mnist):
    """Skip where one of the named data sets is not where its variable says. Nothing is fetched."""

    def check(dataset):
        variable = data.DATASETS[dataset].variable
        if dataset == "mnist" and not has_complete_mnist:
            pytest.skip(NO_MNIST)
        if dataset != "mnist" and variable not in FOLDERS:
            pytest.skip(f"no {data.DATASETS[dataset].label} here: set {variable}, see README.md")

    return check
