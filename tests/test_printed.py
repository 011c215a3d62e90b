"""The book on paper: pages put together, their links kept, and one chapter printed."""

import re
import subprocess
import sys

import pytest
from pypdf import PdfReader

from graphon_lib.book import printed
from graphon_lib.book.paths import ROOT, SITE
from graphon_lib.book.printed import assemble, pages_in_order

PAGE = """<!DOCTYPE html><html><head>
<link rel="stylesheet" href="../_static/a.css"><link rel="icon" href="b.svg">
<script>window.MathJax = {{}}</script><script src="../_static/search.js"></script>
</head><body><nav>bar</nav><article class="bd-article"><section id="top">
<h1><span class="section-number">{number}. </span>Page {number}<a class="headerlink" href="#top">#</a></h1>
<section id="part"><h2>A part</h2><a href="#part">here</a> <a href="two.html#part">there</a>
<a href="two.html">all of it</a> <a href="api/room.html#name">elsewhere</a>
<a href="https://example.org/">abroad</a></section>
<details class="hide above-input"><summary>Show code</summary>code</details>
<details><summary>Proof</summary>open</details><button>press</button>
<figure><style>.front{{--front-0:#777}}</style><svg><defs><path id="m"/></defs>
<use xlink:href="#m" style="stroke: var(--front-0)"/></svg></figure>
</section></article></body></html>"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a book that was put together from two pages."""
    monkeypatch.setattr(printed, "publication", lambda: {"address": ""})
    monkeypatch.setattr(printed, "SITE", tmp_path)
    (tmp_path / "chapters").mkdir()
    for number, name in enumerate(("one", "two"), start=1):
        (tmp_path / f"chapters/{name}.html").write_text(PAGE.format(number=number))
    return assemble(["chapters/one", "chapters/two"])


def test_every_link_leads_somewhere_in_the_book(book):
    links = [link["href"] for link in book.select(".book-part a")]
    assert links == [
        *("#one--part", "#two--part", "#two", "https://example.org/"),
        *("#two--part", "#two--part", "#two", "https://example.org/"),
    ]
    places = [element["id"] for element in book.select("[id]:not(svg *)")]
    assert len(set(places)) == len(places)
    inner = [link["href"][1:] for link in book.select("a") if link["href"].startswith("#")]
    assert set(inner) <= set(places)
    assert "elsewhere" in book.text


def parts_of_drawings(soup):
    """Return what drawings refer to, what they have, and the colours that they use and are given."""
    text = "".join(map(str, soup.select("svg")))
    referred = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)
    styles = "".join(style.string for style in soup.select("style"))
    return (
        {target for pair in referred for target in pair if target},
        {element["id"] for element in soup.select("svg [id]")},
        set(re.findall(r"var\((--front[\w-]+)", text)),
        set(re.findall(r"(--front[\w-]+):", styles)),
    )


def test_drawings_keep_their_parts_and_colours(book):
    assert parts_of_drawings(book) == ({"m"}, {"m"}, {"--front-0"}, {"--front-0"})


@pytest.mark.browser
def test_the_front_picture_keeps_its_parts_and_colours():
    referred, there, used, given = parts_of_drawings(assemble(["chapters/index"]))
    assert set() < referred <= there
    assert set() < used <= given


@pytest.mark.browser
def test_drawings_have_no_hatches():
    """Browsers print each as a picture of megabytes."""
    pages = [(SITE / f"{page}.html").read_text(encoding="utf-8") for page in pages_in_order()]
    drawings = {name for page in pages for name in re.findall(r'"\.\./_images/(\w+\.svg)"', page)}
    assert len(drawings) > 50
    texts = {name: (SITE / "_images" / name).read_text(encoding="utf-8") for name in drawings}
    assert [name for name, text in texts.items() if "<pattern" in text] == []


def test_contents_have_numbered_headings(book):
    entries = [entry.a.get_text() for entry in book.select(".book-contents li")]
    assert entries == ["1. Page 1", "A part", "2. Page 2", "A part"]


def test_what_is_folded_is_open_and_code_and_bars_are_left_out(book):
    assert all(details.has_attr("open") for details in book.select("details"))
    assert len(book.select("details")) == 2
    for absent in ("Show code", "press", "bar", "#", "search.js"):
        assert absent not in book.text
    loaded = [str(element) for element in book.head.select("link, script")]
    assert len(loaded) == 2


def test_the_whole_book_is_printed_but_not_the_reference_of_the_library():
    pages = pages_in_order()
    assert pages[:2] == ["chapters/index", "chapters/01-pruning"]
    assert "chapters/claims" in pages
    assert not [page for page in pages if "api" in page]
    assert all(list(ROOT.glob(f"{page}.*")) for page in pages)


@pytest.mark.browser
@pytest.mark.usefixtures("browser")
def test_a_chapter_is_printed(tmp_path):
    target = tmp_path / "chapter.pdf"
    # A process of its own: Playwright runs once in each.
    code = "import sys; from pathlib import Path; from graphon_lib.book.printed import print_book; "
    code += "print_book(Path(sys.argv[1]), sys.argv[2:])"
    subprocess.run([sys.executable, "-c", code, target, "chapters/05-random"], check=True)
    reader = PdfReader(target)
    texts = [page.extract_text() for page in reader.pages]
    assert 6 <= len(texts) <= 40
    assert target.stat().st_size < 5_000_000
    (heading,) = (item for item in reader.outline if getattr(item, "title", "").startswith("5. "))
    number = reader.get_destination_page_number(heading)
    assert heading.title.split()[-1] in texts[number]
    # The contents say on which page it is, and the foot of that page says so, too.
    # Pypdf reads the column of page numbers before the headings beside it.
    first = next(line for line in texts[1].splitlines() if line.strip().isdigit())
    assert first == str(number + 1)
    assert str(number + 1) in texts[number].splitlines()
    whole = " ".join(texts)
    assert "reproduced" in whole
    for bar in ("Show code", "Hide code", "Click to", "Search"):
        assert bar not in whole
