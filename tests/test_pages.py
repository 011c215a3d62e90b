"""The built pages in a real browser: they typeset, fit, and ask no other host for anything."""

import functools
import http.server
import os
import shutil
import threading

import pytest

from graphon_lib.book.paths import SITE

pytestmark = pytest.mark.browser

CHAPTER_PAGES = sorted(f"chapters/{page.name}" for page in SITE.glob("chapters/*.html"))
PAGES = [*CHAPTER_PAGES, "genindex.html", "search.html"]
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(QuietHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"no browser: install one of {', '.join(names)}")
        pytest.skip(f"no browser: install one of {', '.join(names)} to test the pages")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


def open_page(browser, address, name, width=1280, theme="light"):
    """Open a page; return it with the problems that the browser reported while loading it."""
    problems = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.add_init_script(f"localStorage.setItem('mode', '{theme}')")
    page.on("console", lambda m: m.type == "error" and problems.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((address, "data:", "blob:"))
            or problems.append(f"external: {request.url}")
        ),
    )
    page.on(
        "response",
        lambda response: (
            response.status < 400 or problems.append(f"{response.status}: {response.url}")
        ),
    )
    page.goto(f"{address}/{name}", wait_until="networkidle")
    return page, problems


def test_the_site_was_built():
    assert {"chapters/index.html", "chapters/01-pruning.html", "chapters/02-graphons.html"} <= set(
        PAGES
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", PAGES)
def test_page(browser, address, name, width, theme):
    page, problems = open_page(browser, address, name, width, theme)
    try:
        assert problems == []
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{name} scrolls sideways by {overflow} px at width {width}"
        source = (SITE / name).read_text(encoding="utf-8")
        typeset = page.locator("mjx-container").count()
        assert typeset == page.locator(".math").count()
        assert (typeset > 0) == ('class="math' in source)
        assert page.locator("mjx-merror").count() == 0
        pictures = page.locator("article img").evaluate_all(
            "images => images.map(image => [image.src, image.alt, image.naturalWidth])"
        )
        for address_of_picture, alt, natural_width in pictures:
            assert natural_width > 0, f"{address_of_picture} is not shown"
            assert len(alt) > 20, f"{address_of_picture} has no alt text"
    finally:
        page.close()


@pytest.mark.parametrize("name", [name for name in CHAPTER_PAGES if name[9].isdigit()])
def test_every_figure_has_number_and_caption(browser, address, name):
    page, _ = open_page(browser, address, name)
    captions = page.locator("article figure[id] figcaption").all_inner_texts()
    assert len(captions) == page.locator("article .cell_output img[src$='.png']").count() > 0
    chapter = page.locator("article h1").inner_text().split(".")[0]
    numbers = [caption.split()[1] for caption in captions]
    assert numbers == [f"{chapter}.{i + 1}" for i in range(len(captions))]
    assert all(len(caption) > 40 for caption in captions)
    page.close()


def test_search_finds_a_chapter(browser, address):
    page, problems = open_page(browser, address, "search.html?q=graphon")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() > 0
    assert problems == []
    page.close()
