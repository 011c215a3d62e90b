"""The built pages in a real browser: they typeset, fit, and ask no other host for anything."""

import pytest
from pages import CHAPTER_PAGES, PAGES, opened

from graphon_lib.book.paths import SITE

pytestmark = pytest.mark.browser

MEGABYTE = 1_000_000

SHOW_ALL_IMAGES = """async () => {
    const images = [...document.querySelectorAll("article img")];
    images.forEach((image) => { image.loading = "eager"; });
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    return images.map((image) => [image.src, image.alt, image.naturalWidth]);
}"""


def test_the_site_was_built():
    assert {"chapters/index.html", "chapters/01-pruning.html", "chapters/02-graphons.html"} <= set(
        PAGES
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", PAGES)
def test_page(browser, address, name, width, theme):
    with opened(browser, f"{address}/{name}", width=width, theme=theme) as (page, problems):
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
        for picture, alt, natural_width in page.evaluate(SHOW_ALL_IMAGES):
            assert natural_width > 0, f"{picture} is not shown"
            assert len(alt) > 20, f"{picture} has no alt text"
        assert problems == []


@pytest.mark.parametrize("name", PAGES)
def test_weight_before_any_click(browser, address, name):
    with opened(browser, f"{address}/{name}") as (page, problems):
        # Sizes as they lie on the server, which may compress them on the way.
        sizes = page.evaluate(
            """[...performance.getEntriesByType("navigation"),
                ...performance.getEntriesByType("resource")]
                .map((entry) => [entry.name, entry.decodedBodySize])"""
        )
        assert any(size > 0 for _, size in sizes)
        weight = sum(size for _, size in sizes)
        heaviest = sorted(sizes, key=lambda pair: -pair[1])[:5]
        assert weight < 3 * MEGABYTE, f"{name} weighs {weight} bytes; the heaviest: {heaviest}"
        assert not [url for url, _ in sizes if "/pyodide/" in url]
        assert problems == []


@pytest.mark.parametrize("name", [name for name in CHAPTER_PAGES if name[9].isdigit()])
def test_every_figure_has_number_and_caption(browser, address, name):
    with opened(browser, f"{address}/{name}") as (page, _):
        captions = page.locator("article figure[id] figcaption").all_inner_texts()
        assert len(captions) == page.locator("article .cell_output img[src$='.png']").count() > 0
        chapter = page.locator("article h1").inner_text().split(".")[0]
        numbers = [caption.split()[1] for caption in captions]
        assert numbers == [f"{chapter}.{i + 1}" for i in range(len(captions))]
        assert all(len(caption) > 40 for caption in captions)


def test_search_finds_a_chapter(browser, address):
    with opened(browser, f"{address}/search.html?q=graphon") as (page, problems):
        page.wait_for_selector("#search-results li a")
        assert page.locator("#search-results li a").count() > 0
        assert problems == []


@pytest.mark.parametrize("name", [name for name in CHAPTER_PAGES if name[9].isdigit()])
def test_chapters_can_be_downloaded_as_notebooks(browser, address, name):
    with opened(browser, f"{address}/{name}") as (page, _):
        link = page.locator("a.btn-download-source-button[href$='.ipynb']")
        assert link.count() == 1
        answer = page.request.get(link.evaluate("link => link.href"))
        notebook = answer.json()
        assert answer.ok
        assert notebook["nbformat"] == 4
        assert len(notebook["cells"]) > 5
