"""How property tests search, and what tests may need: the built site, Chromium, the complete MNIST."""

import os

import pytest
from hypothesis import settings

from graphon_lib.experiments import data, sweep

# The same examples in every run, so that a result of the tests belongs to the code alone. Others are
# tried with `make search`. No deadline: a machine shared with other jobs is not a failure.
settings.register_profile("same", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("same")


@pytest.fixture(scope="session")
def address():
    from browsers import served

    with served() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    from browsers import NAMES, find_browser, launched

    path = find_browser()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"no browser: install one of {', '.join(NAMES)}")
        pytest.skip(f"no browser: install one of {', '.join(NAMES)} to test the pages")
    with launched(path) as browser:
        yield browser


MNIST_DIR = os.environ.get("MNIST_DIR")
real_cache_folder = data._cache_folder


@pytest.fixture(scope="session", autouse=True)
def same_everywhere(tmp_path_factory):
    """What tests compute depends neither on this machine's data and cores nor on earlier sessions.

    The digits are those bundled with the book, cells that were kept before do not count, and what
    joblib shares out is done within a test's own process, of which several may run side by side.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MNIST_DIR", raising=False)
        patch.setattr(data, "_cache_folder", lambda *_: tmp_path_factory.getbasetemp() / "no-data")
        patch.setattr(sweep, "CACHE", tmp_path_factory.mktemp("sweeps"))
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture
def complete_mnist(monkeypatch):
    """The complete MNIST, where MNIST_DIR says or among downloads. Nothing is fetched."""
    cache = real_cache_folder("mnist")
    if MNIST_DIR:
        monkeypatch.setenv("MNIST_DIR", MNIST_DIR)
    elif all((cache / name).exists() for name in data.DATASETS["mnist"].files):
        monkeypatch.setattr(data, "_cache_folder", real_cache_folder)
    else:
        reason = f"no complete MNIST: set MNIST_DIR, or download it into {cache}, see README.md"
        if os.environ.get("REQUIRE_MNIST"):
            pytest.fail(reason)
        pytest.skip(reason)
