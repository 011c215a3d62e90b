"""How property tests search, and what tests may need: the built site, Chromium, the complete MNIST."""

import functools
import http.server
import os
import shutil
import threading

import pytest
from hypothesis import settings

from graphon_lib.book.paths import SITE
from graphon_lib.experiments import data

# The same examples in every run, so that a result of the tests belongs to the code alone. Others are
# tried with `make search`. No deadline: a machine shared with other jobs is not a failure.
settings.register_profile("same", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("same")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # There is no other host: a page that needs one fails.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    handler = functools.partial(QuietHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"no browser: install one of {', '.join(BROWSERS)}")
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)} to test the pages")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


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
