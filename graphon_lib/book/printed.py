"""The whole book as one PDF: its built pages put together, and printed by a browser.

What the site folds away is open, proofs, solutions and criteria, but not the code of the cells, which
every chapter's notebook holds. Explorers are shown as they are before the first click. The reference
of the library is for looking things up, and stays on the site.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from bs4 import BeautifulSoup
from bs4.element import Tag

from graphon_lib.book.paths import ROOT, SITE
from graphon_lib.book.publication import PDF, configuration, publication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

__all__ = ["NAMES", "assemble", "find_browser", "print_book"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""Commands that may start a Chromium."""

OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
PATIENCE = 600_000

DROPPED = (
    ".headerlink, button, script, details.hide, .cell.tag_hide-cell .cell_input, "
    "#list-of-downloads, #address-for-feedback, #what-is-stored details"
)
"""What is of no use on paper: links to places, buttons, code that the site folds away, parameters of sweeps."""

LOADED = ("stylesheet", "window.MathJax", "/mathjax/", "/explorers/")
"""What the book loads of what its pages do."""

READY = """async () => {
    await MathJax.startup.promise;
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    for (const root of document.querySelectorAll(".graphon-explorer[data-explorer]")) {
        root.scrollIntoView({ behavior: "instant" });
        while (!root.explorer) await new Promise(requestAnimationFrame);
        await root.explorer.settled;
    }
    await document.fonts.ready;
    // Wide equations cannot be scrolled on paper.
    for (const equation of document.querySelectorAll("mjx-container[display], p mjx-container")) {
        const share = equation.hasAttribute("display")
            ? equation.clientWidth / equation.scrollWidth
            : equation.closest("p").clientWidth / equation.offsetWidth;
        if (share < 1) {
            const size = parseFloat(getComputedStyle(equation).fontSize);
            equation.style.fontSize = `${Math.floor(10 * share * size) / 10}px`;
        }
    }
}"""

PAPER = 174
"""Width of the text on paper in millimetres; an inch has 25.4 of them and 96 of the browser's pixels."""

FOOTER = """<div style="font: 8px sans-serif; text-align: center; width: 100%">
    <span class="pageNumber"></span></div>"""


def find_browser() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def pages_in_order() -> list[str]:
    """Return the pages of the book as the table of contents has them, but those on the library."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [page.get("file", "") for part in contents["parts"] for page in part["chapters"]]
    return [contents["root"], *(file for file in files if file and not file.endswith("/api"))]


def assemble(pages: Sequence[str]) -> BeautifulSoup:
    """Return one page out of several, with a title page, contents and links between its parts.

    It belongs into the folder of the pages. Links to what is not in it lead to the site where that has
    an address, and are plain text otherwise.
    """
    names = [Path(page).name for page in pages]
    soups = [
        BeautifulSoup((SITE / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        for page in pages
    ]
    book = BeautifulSoup(
        '<!DOCTYPE html><html lang="en" data-theme="light"><head></head></html>', "html.parser"
    )
    book.head.append(BeautifulSoup('<meta charset="utf-8"><title></title>', "html.parser"))
    book.title.string = title = configuration()["title"]
    imprint = "{author}, {copyright}".format_map(configuration())
    # Some pages load what others do not.
    for soup in soups:
        for element in soup.head.select("link, script"):
            text = str(element)
            if text not in str(book.head) and any(part in text for part in LOADED):
                book.head.append(element)
    articles = [_article(soup, name, names) for soup, name in zip(soups, names, strict=True)]
    body = BeautifulSoup(
        '<body class="book-in-print"><main class="bd-main"><div class="bd-content">'
        f'<article class="bd-article"><header><p class="book-title">{title}</p>'
        f'<p class="book-imprint">{escape(imprint)}</p></header>'
        '<nav class="book-contents"><h1>Contents</h1><ol></ol></nav></article></div></main></body>',
        "html.parser",
    )
    for entry in _contents(articles):
        body.ol.append(entry)
    for article in articles:
        body.article.append(article)
    book.html.append(body)
    return book


def _article(soup: BeautifulSoup, name: str, names: Sequence[str]) -> Tag:
    """Return what a page says, ready for paper, its identifiers beginning with the page's name."""
    article = soup.select_one("article.bd-article").extract()
    article.name, article["class"], article["id"] = "div", "book-part", name
    for element in article.select(DROPPED):
        element.decompose()
    for element in article.select("details"):
        element["open"] = ""
    # What a drawing refers to within itself has names that no other has.
    for element in article.select("[id]:not(svg *)"):
        element["id"] = f"{name}--{element['id']}"
    for link in article.select("a[href]"):
        page, _, anchor = link["href"].partition("#")
        other = Path(page).name.removesuffix(".html") if page else name
        if "://" in page or page.startswith("mailto:"):
            continue
        if other in names and page.count("/") == 0:
            link["href"] = f"#{other}--{anchor}" if anchor else f"#{other}"
        elif address := publication()["address"]:
            link["href"] = f"{address}chapters/{link['href']}"
        else:
            link.unwrap()
    return article


def _contents(articles: Iterable[Tag]) -> Iterator[Tag]:
    """Yield an entry for every heading of the first two levels, its page still to be filled in."""
    for article in articles:
        for heading in article.select("h1, h2"):
            place = heading.find_parent(id=True)["id"]
            entry = BeautifulSoup(
                f'<li class="level-{heading.name}"><a href="#{place}"><span></span></a>'
                '<span class="book-page">000</span></li>',
                "html.parser",
            )
            entry.span.string = heading.get_text()
            yield entry.li


def print_book(target: Path = SITE / "downloads" / PDF, pages: Sequence[str] | None = None) -> None:
    """Print pages of the built site, all if none are named, into the file `target`.

    A machine without Chromium is a ``RuntimeError``.
    """
    if find_browser() is None:
        raise RuntimeError(f"no browser was found: install one of {', '.join(NAMES)}")
    pages = pages_in_order() if pages is None else pages
    book = assemble(pages)
    target.parent.mkdir(parents=True, exist_ok=True)
    source = SITE / "chapters" / "print.html"
    try:
        source.write_text(str(book), encoding="utf-8")
        with _opened(source) as page:
            # Once to learn where every heading is, once with that in the contents.
            _print(page, target)
            _fill_in(page, target)
            _print(page, target)
        _share_parts(target)
    finally:
        source.unlink(missing_ok=True)


@contextmanager
def _opened(source: Path) -> Iterator[Page]:
    """Open a page from a file, and wait for its formulas, pictures and explorers."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=OPTIONS, timeout=PATIENCE
        )
        page = browser.new_page(viewport={"width": round(PAPER / 25.4 * 96), "height": 1000})
        page.set_default_timeout(PATIENCE)
        # What is measured before printing is measured as it is printed.
        page.emulate_media(media="print")
        page.goto(source.as_uri())
        page.evaluate(READY)
        yield page
        browser.close()


def _print(page: Page, target: Path) -> None:
    page.pdf(
        path=target,
        format="A4",
        margin=dict.fromkeys(("top", "bottom", "left", "right"), f"{(210 - PAPER) / 2}mm"),
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
        print_background=True,
        outline=True,
        tagged=True,
    )


def _share_parts(target: Path) -> None:
    """Write equal parts, such as pictures and fonts, once, and the many small ones compressed."""
    import pikepdf
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=target)
    writer.compress_identical_objects()
    shared = io.BytesIO()
    writer.write(shared)
    with pikepdf.open(shared) as pdf:
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _fill_in(page: Page, printed: Path) -> None:
    """Write into the contents on which page of the PDF every heading stands."""
    from pypdf import PdfReader

    reader = PdfReader(printed)
    places = {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }
    page.evaluate(
        """(places) => {
            for (const entry of document.querySelectorAll(".book-contents li")) {
                const { hash } = entry.querySelector("a");
                entry.querySelector(".book-page").textContent = places[decodeURIComponent(hash.slice(1))];
            }
        }""",
        places,
    )
