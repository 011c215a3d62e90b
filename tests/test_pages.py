"""The built pages in a real browser: they typeset, fit, and ask no other host for anything."""

import re
from pathlib import Path

import nbformat
import pytest
from browsers import PATIENCE, new_page
from pages import COLOUR_RULES, LOADED, PAGES, as_new, finished, look, opened, overflow, violations

from graphon_lib.book.paths import CHAPTERS, SITE

pytestmark = pytest.mark.browser

MEGABYTE = 1_000_000

LOOKS = [(1280, "light"), (375, "light"), (375, "dark"), (1280, "dark")]

# Sizes as they lie on the server, which may compress them on the way. Lazy pictures and explorers come
# when a reader comes near them, in Chromium as far as 1250 pixels below the window: what lies further
# down is not part of what a page weighs before it is read.
SIZES = """() => {
    const near = scrollY + innerHeight + 1250;
    const far = [...document.querySelectorAll("img[data-late], [data-explorer]")]
        .filter((element) => element.getBoundingClientRect().top > near)
        .map((element) => element.src || `${element.dataset.explorer}.data.js`);
    return [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .filter(({ name }) => !far.some((end) => name.endsWith(end)))
        .map(({ name, decodedBodySize }) => [name, decodedBodySize]);
}"""

PICTURES = """[...document.querySelectorAll("article img")]
    .map((image) => [image.src, image.alt, image.naturalWidth])"""

UNSIZED = """[...document.querySelectorAll("article img")]
    .filter((image) => !(image.getAttribute("width") && image.getAttribute("height")))
    .map((image) => image.src)"""

# Words in tables that begin on one line and end on another; not those of Python, which have dots.
BROKEN_WORDS = r"""() => {
    const broken = [];
    const range = document.createRange();  // one: all that there are follow every change of the page
    for (const cell of document.querySelectorAll("article table:not(.indextable) :is(td, th)")) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        for (let node; (node = texts.nextNode());) {
            if (!node.parentElement.checkVisibility()) continue;
            if (node.parentElement.closest("mjx-container, script")) continue;
            for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}.]+/gu)) {
                range.setStart(node, index);
                range.setEnd(node, index + word.length);
                const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
                if (lines.size > 1) broken.push(word);
            }
        }
    }
    return broken;
}"""

CLIPPED = """[...document.querySelectorAll(".bd-article .cell_input pre")]
    .filter((block) => !block.closest("details") && block.scrollWidth > block.clientWidth)
    .map((block) => block.textContent.slice(0, 200))"""

LONGEST_MOTION = """Math.max(...[...document.querySelectorAll("*")].flatMap((element) => {
    const { animationDuration, transitionDuration } = getComputedStyle(element);
    return `${animationDuration}, ${transitionDuration}`.split(", ").map(parseFloat);
}))"""


# Of each formula whether it is set when the first ones are.
FIRST_FORMULAS = """new MutationObserver((_, observer) => {
    if (!document.querySelector("mjx-container")) return;
    observer.disconnect();
    globalThis.firstFormulas = [...document.querySelectorAll("article .math")]
        .map((formula) => formula.querySelector("mjx-container") !== null);
}).observe(document, { childList: true, subtree: true })"""


# Axe takes as long as there are elements, most of which are parts of formulas: the first ones stand for all.
FEWER_FORMULAS = """[...document.querySelectorAll("mjx-container")].slice(20)
    .forEach((formula) => formula.replaceChildren())"""

# Nor does axe ask for anything but colours of the parts that code has for these: without them, code is one
# text with links. What is called again brings them back.
PLAIN_CODE = """() => {
    const plain = globalThis.plainCode ??= [...document.querySelectorAll("article :is(pre, .sig)")].map((code) => {
        const text = code.cloneNode(true);
        for (const part of text.querySelectorAll("span")) {
            if (part.getAttributeNames().every((name) => name === "class")) part.replaceWith(...part.childNodes);
        }
        return [text, code];
    });
    for (const pair of plain) {
        pair[1].replaceWith(pair[0]);
        pair.reverse();
    }
}"""

# What colours a text has follows from the kinds of elements that it is in, and from the style sheets: three
# texts of a kind are enough, on whatever pages, with what they are in, and what may lie below or over them.
STYLES = """[...document.querySelectorAll("link[rel=stylesheet], style:not([id^=MJX])")]
    .map((style) => style.href ?? style.textContent).join()"""

FEWER_TEXTS = """(seen) => {
    const more = [];
    const kept = new Set();
    const keep = (element) => {
        for (; element && !kept.has(element); element = element.parentElement) kept.add(element);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = texts.nextNode());) {
        if (!node.data.trim()) continue;
        let kind = "";
        for (let one = node.parentElement; one; one = one.parentElement) {
            kind += `${one.tagName} ${one.getAttribute("class")} ${one.getAttribute("style")} `;
        }
        seen[kind] = (seen[kind] ?? 0) + 1;
        if (seen[kind] > 3) more.push(node);
        else keep(node.parentElement);
    }
    // Scripts look for elements by id, some long after a window has got its size.
    const drawn = "img, svg, svg *, canvas, input, select, option, textarea, button, summary, [id]";
    const rest = [...document.querySelectorAll("body :not(script, style)")];
    for (const element of rest) {
        if (element.matches(drawn) || getComputedStyle(element).position !== "static") keep(element);
    }
    more.forEach((node) => node.remove());
    rest.filter((element) => !kept.has(element)).forEach((element) => element.remove());
    return seen;
}"""

SEEN = {}
"""How many texts of each kind were looked at, by the style sheets of their pages."""


def is_numbered(name):
    """Whether a page is one of the numbered chapters."""
    return name.split("/")[-1][0].isdigit()


def assert_light_weight(name, page):
    """Check the weight of what comes before any click."""
    sizes = page.evaluate(SIZES)
    assert any(size > 0 for _, size in sizes)
    weight = sum(size for _, size in sizes)
    heaviest = sorted(sizes, key=lambda pair: -pair[1])[:5]
    assert weight < 3 * MEGABYTE, f"{name} weighs {weight} bytes; the heaviest: {heaviest}"
    assert not [url for url, _ in sizes if "/pyodide/" in url]


def assert_figures_have_number_and_caption(name, page):
    captions = page.locator("article figure[id] figcaption").all_inner_texts()
    pictures = page.locator("article figure[id] img").count()
    assert len(captions) == pictures
    if not is_numbered(name):
        return
    assert pictures > 0
    chapter = page.locator("article h1").inner_text().split(".")[0]
    numbers = [caption.split()[1] for caption in captions]
    assert numbers == [f"{chapter}.{i + 1}" for i in range(len(captions))]
    assert all(len(caption) > 40 for caption in captions)


def assert_can_be_downloaded_as_notebook(name, page):
    source = CHAPTERS / Path(name).with_suffix(".ipynb").name
    link = page.locator("a.btn-download-source-button[href$='.ipynb']")
    assert link.count() == source.exists()
    if source.exists():
        answer = page.request.get(link.evaluate("link => link.href"), timeout=PATIENCE)
        assert answer.ok
        downloaded, written = answer.json(), nbformat.read(source, as_version=4)
        assert downloaded["nbformat"] == 4
        assert len(downloaded["cells"]) == len(written.cells)


def assert_code_is_science(page):
    """Check that code which is shown is shown whole, and plumbing is folded away."""
    assert page.evaluate(CLIPPED) == []
    assert page.locator("details summary").filter(has_text="Set-up").count() == 1
    assert page.locator("summary").filter(has_text="Show code cell").count() == 0


def assert_sound(name, page, theme):
    """Check that a page has its theme, fits, and shows formulas, pictures and explorers."""
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert overflow(page) <= 0, f"{name} scrolls sideways by {overflow(page)} px"
    source = (SITE / name).read_text(encoding="utf-8")
    typeset = page.locator("mjx-container").count()
    assert typeset == page.locator(".math").count()
    assert (typeset > 0) == ('class="math' in source)
    assert page.locator("mjx-merror").count() == 0
    for picture, alt, natural_width in page.evaluate(PICTURES):
        assert natural_width > 0, f"{picture} is not shown"
        assert len(alt) > 20, f"{picture} has no alt text"
    assert page.evaluate(UNSIZED) == []
    assert page.evaluate(BROKEN_WORDS) == []
    explorers = page.locator(".graphon-explorer[data-explorer]")
    assert explorers.count() == source.count('class="graphon-explorer"')
    for explorer in explorers.all():
        assert explorer.locator(".ge-numbers dd").count() > 0
        assert explorer.locator("canvas, svg").first.is_visible()


def assert_accessible(page, **rules):
    """Check that axe-core finds nothing, of whatever impact."""
    found = violations(page, **rules)
    shown = "\n".join(f"{rule}:\n  " + "\n  ".join(nodes) for rule, nodes in found)
    assert found == [], shown


def test_the_site_was_built():
    assert {"chapters/index.html", "chapters/01-pruning.html", "chapters/02-graphons.html"} <= set(
        PAGES
    )


@pytest.mark.parametrize("name", PAGES)
def test_page(browser, address, subtests, name):
    """Open a page once for all that is asked of it; every subtest is told by its name."""
    with opened(browser, f"{address}/{name}") as (page, problems):
        with subtests.test("weight before any click"):
            assert_light_weight(name, page)
        with subtests.test("every figure has number and caption"):
            assert_figures_have_number_and_caption(name, page)
        with subtests.test("download as a notebook"):
            assert_can_be_downloaded_as_notebook(name, page)
        if is_numbered(name):
            with subtests.test("code is science, and shown whole"):
                assert_code_is_science(page)
        for width, theme in LOOKS:
            look(page, width, theme)
            with subtests.test("sound", width=width, theme=theme):
                assert_sound(name, page, theme)
        page.evaluate(FEWER_FORMULAS)
        page.evaluate(PLAIN_CODE)
        with subtests.test("accessible"):
            assert_accessible(page, without=COLOUR_RULES)
        page.evaluate(PLAIN_CODE)
        styles = page.evaluate(STYLES)
        SEEN[styles] = page.evaluate(FEWER_TEXTS, SEEN.get(styles, {}))
        for theme in ("dark", "light"):
            look(page, 1280, theme)
            with subtests.test("colours", theme=theme):
                assert_accessible(page, only=COLOUR_RULES)
        with subtests.test("motion is reduced for those who ask"):
            page.emulate_media(reduced_motion="reduce")
            assert page.evaluate(LONGEST_MOTION) < 0.001
        with subtests.test("no problem came up"):
            assert problems == []


@pytest.mark.parametrize("name", ["chapters/03-convergence.html", "chapters/04-graphon-ntk.html"])
def test_page_opened_dark_and_narrow(browser, address, name):
    """The other looks are reached from the first one: here is one that a page has from the start."""
    with opened(browser, f"{address}/{name}", width=375, theme="dark") as (page, problems):
        assert_sound(name, page, "dark")
        assert problems == []


def test_formulas_in_view_are_set_first(browser, address):
    with new_page(browser) as page:
        page.add_init_script(FIRST_FORMULAS)
        page.goto(f"{address}/chapters/04-graphon-ntk.html")
        is_set = finished(page, "formulas", "globalThis.firstFormulas")
        assert is_set[0]
        assert not any(is_set[len(is_set) // 2 :])


def test_a_page_is_printed_with_all_formulas(browser, address):
    with new_page(browser) as page:
        page.add_init_script("globalThis.requestIdleCallback = () => {}")  # the others never come
        page.goto(f"{address}/chapters/04-graphon-ntk.html")
        page.locator("mjx-container").first.wait_for()
        assert page.locator("mjx-container").count() < page.locator(".math").count()
        page.pdf()
        assert page.locator("mjx-container").count() == page.locator(".math").count()
        assert page.locator("mjx-merror").count() == 0


def test_formulas_in_the_text_can_be_scrolled_where_they_are_wide(browser, address):
    with as_new(browser) as page:
        page.set_viewport_size({"width": 375, "height": 812})
        page.goto(f"{address}/chapters/09-limits.html")
        finished(page, "formulas", LOADED["formulas"])
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        finished(page, "wide paragraphs", "document.querySelector('details p.wide')")
        cut = """(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1
            && (getComputedStyle(one).overflowX !== "auto" || one.tabIndex !== 0)).length"""
        assert page.locator(".bd-article p").evaluate_all(cut) == 0


@pytest.mark.parametrize("name", ["02-graphons", "10-data", "12-dynamic", "13-architectures"])
def test_rows_are_cards_on_a_phone(browser, address, name):
    with opened(browser, f"{address}/chapters/{name}.html", width=375) as (page, _):
        finished(page, "formulas", LOADED["formulas"])
        tables = page.locator("article table:is(.cards, .phone-cards)")
        assert tables.count() > 0
        assert tables.evaluate_all(
            "(all) => all.every((one) => one.scrollWidth <= one.clientWidth)"
        )
        names = tables.locator("td > .column")
        assert names.evaluate_all("(all) => all.every((one) => one.getClientRects().length > 0)")


def test_long_names_break_between_their_parts(browser, address):
    """Each part of a name stands on one line."""
    with opened(browser, f"{address}/chapters/02-graphons.html", width=375) as (page, _):
        names = page.locator("article p code:has(wbr)")
        assert names.count() > 3
        whole = "(all) => all.every((one) => one.getClientRects().length === 1)"
        assert names.locator("span.pre").evaluate_all(whole)


def assert_lands(browser, address, place, anchor):
    # Of a browser that has none of the page's files yet.
    with new_page(browser) as page:
        page.goto(f"{address}/{place}#{anchor}")
        finished(page, "formulas", LOADED["formulas"])
        finished(page, "the whole layout", "!document.querySelector('.settling')")
        top, height = page.evaluate(
            "[document.querySelector(':target').getBoundingClientRect().top, innerHeight]"
        )
        assert 0 <= top < height / 4


@pytest.mark.parametrize(
    "anchor",
    [
        "where-the-theory-ends",
        "graphon_lib.graphons.sas",
        "graphon_lib.experiments.results.load",  # far down, on whichever page of its room it is
    ],
)
def test_a_link_into_a_page_lands_there(browser, address, anchor):
    """What stands above has its height only when all formulas are set."""
    (place,) = (name for name in PAGES if f' id="{anchor}"' in (SITE / name).read_text("utf-8"))
    assert_lands(browser, address, place, anchor)


@pytest.mark.parametrize("name", ["chapters/01-pruning.html", "chapters/08-causes.html"])
def test_a_link_past_pictures_lands_where_it_points(browser, address, name):
    """None of the pictures above has come by then."""
    text = (SITE / name).read_text(encoding="utf-8")
    after = text.rindex("_images/", 0, text.rindex("</article>"))
    anchor = re.search(r'<section id="([^"]*)">', text[after:])[1]
    assert_lands(browser, address, name, anchor)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_that_a_search_found_can_be_read(browser, address, theme):
    with opened(browser, f"{address}/chapters/glossary.html", theme=theme) as (page, _):
        page.evaluate("_highlightText(document.body, 'graphon', 'highlighted')")
        assert page.locator("span.highlighted").count() > 10
        assert violations(page, only=COLOUR_RULES) == []


def test_search_finds_a_chapter(browser, address):
    with opened(browser, f"{address}/search.html?q=graphon") as (page, problems):
        finished(page, "results", "document.querySelector('#search-results li a') !== null")
        assert page.locator("#search-results li a").count() > 0
        assert problems == []
