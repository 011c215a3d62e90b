"""The front page at first sight, code that fits, and what links show before they are followed."""

import gzip

import pytest
from browsers import new_page
from pages import finished, opened

from graphon_lib.book.paths import SITE

pytestmark = pytest.mark.browser

INDEX = "chapters/index.html"

IN_VIEW = """(elements) => elements.map((element) => {
    const { top, bottom, width } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight && width > 0;
})"""

SMALLEST = """Math.min(...[...document.querySelectorAll(".front text")]
    .map((text) => text.getBoundingClientRect().height))"""

LOADED = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map(({ name }) => decodeURI(new URL(name).pathname))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (375, 812)])
def test_the_first_screen_has_the_question_and_the_picture(browser, address, width, height, theme):
    with opened(browser, f"{address}/{INDEX}", width=width, theme=theme) as (page, problems):
        page.set_viewport_size({"width": width, "height": height})
        finished(page, "the size", "(height) => innerHeight === height", height)
        question = page.locator("article p").filter(has_text="Why?").first
        for part in (question, page.locator(".front svg")):
            assert part.count()
            assert all(part.evaluate_all(IN_VIEW))
        assert page.locator(".front svg").count() == 2
        assert page.evaluate(SMALLEST) > 10
        if width > 1000:
            answer = page.locator("article p").filter(has_text="Masks of Random").first
            assert all(answer.evaluate_all(IN_VIEW))
            assert all(page.locator("ul.verdicts li").evaluate_all(IN_VIEW))
        assert problems == []


def test_the_front_page_is_light(browser, address):
    with opened(browser, f"{address}/{INDEX}") as (page, _):
        files = [(SITE / path.lstrip("/")).read_bytes() for path in page.evaluate(LOADED)]
    # As a server that compresses sends them.
    weight = sum(min(len(data), len(gzip.compress(data))) for data in files)
    assert 100_000 < weight < 700_000


def test_verdicts_lead_to_their_rows(browser, address):
    with opened(browser, f"{address}/{INDEX}") as (page, _):
        links = page.locator("ul.verdicts a").evaluate_all("(all) => all.map((a) => a.hash)")
        page.goto(f"{address}/chapters/claims.html")
        assert len(links) > 5
        assert all(page.locator(f"td {link}").count() == 1 for link in links)


LINKS = {
    "01-pruning": {
        "a citation": ("references.html#", "et al"),
        "a term": ("glossary.html#", "read-out"),
    },
    "05-random": {
        "an equation": ("04-graphon-ntk.html#equation", ""),
        "a figure": ("#fig-law", "path density"),
    },
    "06-spectra": {"a theorem": ("05-random.html#path", "homogeneous")},
    "index": {"a term in the first caption": ("glossary.html#term-initialisation", "He normal")},
}


def first_link(page, href):
    link = page.locator(f".bd-article a.reference[href*='{href}']").first
    link.scroll_into_view_if_needed()
    return link


def assert_shows(page, href, words):
    """Check that a link shows what it stands for to a pointer, and to the keyboard."""
    page.mouse.move(0, 0)
    link = first_link(page, href)
    link.hover()
    preview = page.get_by_role("tooltip")
    preview.wait_for()
    assert words in preview.inner_text()
    if "equation" in href:
        preview.locator("mjx-container").first.wait_for()
    page.keyboard.press("Escape")
    assert preview.count() == 0
    page.mouse.move(0, 0)
    page.keyboard.press("Tab")  # from here on the page knows of a keyboard
    link.focus()
    preview.wait_for()
    assert link.get_attribute("aria-describedby") == preview.get_attribute("id")
    # Nor does a pointer over something else close it, as when the page has scrolled below it.
    page.evaluate(
        """() => {
            document.body.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
            return new Promise((done) => setTimeout(done, 500));
        }"""
    )
    assert preview.count() == 1
    page.keyboard.press("Escape")


@pytest.mark.parametrize("name", LINKS)
def test_links_show_what_they_stand_for(browser, address, subtests, name):
    with opened(browser, f"{address}/chapters/{name}.html") as (page, problems):
        for what, (href, words) in LINKS[name].items():
            with subtests.test(what):
                assert_shows(page, href, words)
        assert problems == []


def test_a_first_tap_shows_and_a_second_follows(browser, address):
    with new_page(browser, viewport={"width": 375, "height": 812}, has_touch=True) as page:
        page.goto(f"{address}/chapters/01-pruning.html", wait_until="load")
        link = first_link(page, "references.html#")
        link.tap()
        page.get_by_role("tooltip").wait_for()
        assert page.url.endswith("01-pruning.html")
        link.tap()
        page.wait_for_url("**/references.html#*")
