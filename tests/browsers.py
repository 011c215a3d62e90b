"""A server for the site and a browser, for each process of the tests its own."""

import functools
import http.server
import threading
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

from graphon_lib.book import printed
from graphon_lib.book.paths import SITE

PATIENCE = 180_000
"""Milliseconds that a browser may take for anything, on a machine with other work."""

OPTIONS = [
    *printed.OPTIONS,
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium prepares, for every window, what falls from its line for addresses: half of what it costs
    # to open a page. The others are from Playwright's own list, which a list here replaces.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,"
    "HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding",
    # There is no other host: a page that needs one fails.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Keeps connections, and sends at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Lets as many connections wait as a browser asks for while this process gets no turn."""

    request_queue_size = 128


@contextmanager
def served():
    """Serve the site at a free port; yield its address."""
    handler = functools.partial(QuietHandler, directory=SITE)
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def launched(path):
    """Start the browser at `path`, with a profile of its own, and yield it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS, timeout=PATIENCE)
        yield browser
        browser.close()


@contextmanager
def new_page(browser, **options):
    """Yield an empty page."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE)
    try:
        yield page
    finally:
        page.close()
