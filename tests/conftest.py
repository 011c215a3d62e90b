"""How property tests search, and what tests may need: the built site, Chromium, the complete MNIST."""

import os

import pytest
from hypothesis import settings

from graphon_lib.experiments import data

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


@pytest.fixture
def complete_mnist():
    """The complete MNIST is at hand: where MNIST_DIR says or among downloads. Nothing is fetched."""
    cache, files = data._cache_folder("mnist"), data.DATASETS["mnist"].files
    if os.environ.get("MNIST_DIR") or all((cache / name).exists() for name in files):
        return
    reason = f"no complete MNIST: set MNIST_DIR, or download it into {cache}, see README.md"
    if os.environ.get("REQUIRE_MNIST"):
        pytest.fail(reason)
    pytest.skip(reason)
