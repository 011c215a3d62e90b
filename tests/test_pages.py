"""The built pages in a real browser: they typeset, fit, and ask no other host for anything."""

from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from pages import PAGES, opened, serious_violations, wake_explorers
from playwright.sync_api import Page

from graphon_lib.book.paths import CHAPTERS, SITE

pytestmark = pytest.mark.browser

MEGABYTE = 1_000_000

SHOW_ALL_IMAGES = """async () => {
    const images = [...document.querySelectorAll("article img")];
    images.forEach((image) => { image.loading = "eager"; });
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    return images.map((image) => [image.src, image.alt, image.naturalWidth]);
}"""


def is_numbered(name):
    """Whether a page is one of the numbered chapters."""
    return name.split("/")[-1][0].isdigit()


def test_the_site_was_built():
    assert {"chapters/index.html", "chapters/01-pruning.html", "chapters/02-graphons.html"} <= set(
        PAGES
    )


# Sizes as they lie on the server, which may compress them on the way.
SIZES = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((entry) => [entry.name, entry.decodedBodySize])"""


class Visit(NamedTuple):
    """A page that is open, wide and light, and what the browser knew when it had loaded."""

    name: str
    page: Page
    problems: list[str]
    sizes: list[tuple[str, int]]


@pytest.fixture(scope="module", params=PAGES)
def visit(request, browser, address):
    with opened(browser, f"{address}/{request.param}") as (page, problems):
        yield Visit(request.param, page, problems, page.evaluate(SIZES))


def assert_sound(name, page, problems, theme):
    """Check that a page has its theme, fits, shows formulas and pictures, and that explorers wake."""
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0, f"{name} scrolls sideways by {overflow} px"
    source = (SITE / name).read_text(encoding="utf-8")
    typeset = page.locator("mjx-container").count()
    assert typeset == page.locator(".math").count()
    assert (typeset > 0) == ('class="math' in source)
    assert page.locator("mjx-merror").count() == 0
    for picture, alt, natural_width in page.evaluate(SHOW_ALL_IMAGES):
        assert natural_width > 0, f"{picture} is not shown"
        assert len(alt) > 20, f"{picture} has no alt text"
    wake_explorers(page)
    assert problems == []


def assert_accessible(page):
    """Check that axe-core finds nothing serious; it asks for files of its own, some of them missing."""
    violations = serious_violations(page)
    shown = "\n".join(f"{rule}:\n  " + "\n  ".join(nodes) for rule, nodes in violations)
    assert violations == [], shown


def test_weight_before_any_click(visit):
    assert any(size > 0 for _, size in visit.sizes)
    weight = sum(size for _, size in visit.sizes)
    heaviest = sorted(visit.sizes, key=lambda pair: -pair[1])[:5]
    assert weight < 3 * MEGABYTE, f"{visit.name} weighs {weight} bytes; the heaviest: {heaviest}"
    assert not [url for url, _ in visit.sizes if "/pyodide/" in url]


def test_every_figure_has_number_and_caption(visit):
    captions = visit.page.locator("article figure[id] figcaption").all_inner_texts()
    pictures = visit.page.locator("article .cell_output img[src$='.png']").count()
    assert len(captions) == pictures
    if not is_numbered(visit.name):
        return
    assert pictures > 0
    chapter = visit.page.locator("article h1").inner_text().split(".")[0]
    numbers = [caption.split()[1] for caption in captions]
    assert numbers == [f"{chapter}.{i + 1}" for i in range(len(captions))]
    assert all(len(caption) > 40 for caption in captions)


def test_chapters_can_be_downloaded_as_notebooks(visit):
    source = CHAPTERS / Path(visit.name).with_suffix(".ipynb").name
    link = visit.page.locator("a.btn-download-source-button[href$='.ipynb']")
    assert link.count() == source.exists()
    if source.exists():
        answer = visit.page.request.get(link.evaluate("link => link.href"))
        assert answer.ok
        downloaded, written = answer.json(), nbformat.read(source, as_version=4)
        assert downloaded["nbformat"] == 4
        assert len(downloaded["cells"]) == len(written.cells)


def test_wide_and_light(visit):
    assert_sound(visit.name, visit.page, visit.problems, "light")
    assert_accessible(visit.page)


@pytest.mark.parametrize(("width", "theme"), [(1280, "dark"), (375, "light"), (375, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_other_widths_and_themes(browser, address, name, width, theme):
    with opened(browser, f"{address}/{name}", width=width, theme=theme) as (page, problems):
        assert_sound(name, page, problems, theme)
        if width > 1000:
            assert_accessible(page)


def test_search_finds_a_chapter(browser, address):
    with opened(browser, f"{address}/search.html?q=graphon") as (page, problems):
        page.wait_for_selector("#search-results li a")
        assert page.locator("#search-results li a").count() > 0
        assert problems == []
