"""What stands under a figure: the numbers that it draws, and the results that it is of."""

import base64
import csv
import io
import re

import nbformat
import numpy as np
import pytest
from browsers import new_page
from matplotlib.figure import Figure
from PIL import Image

from graphon_lib.book.drawings import DOTS, MOST_MARKERS, bundle
from graphon_lib.book.drawn_numbers import COLUMNS, MOST_PIXELS, as_csv
from graphon_lib.book.execute import list_chapters
from graphon_lib.book.provenance import figure_of, results_behind


@pytest.fixture
def panel():
    return Figure(figsize=(4, 3)).subplots()


def rows(panel):
    """Return the rows of a panel's figure, and its comments."""
    lines = as_csv(panel.figure).splitlines()
    comments = [line for line in lines if line.startswith("#")]
    return list(csv.DictReader(line for line in lines if line not in comments)), comments


def test_lines_are_there_and_guides_are_not(panel):
    panel.plot([1, 2], [0.25, 1e-9], color="#0072B2", label="SNIP")
    panel.axhline(0.5)
    found, _ = rows(panel)
    assert [(row["x"], row["y"]) for row in found] == [("1", "0.25"), ("2", "1e-09")]
    assert {(row["kind"], row["series"], row["colour"]) for row in found} == {
        ("line", "SNIP", "#0072b2")
    }


def test_intervals_have_both_ends_and_no_line_of_their_own(panel):
    panel.errorbar([1.0, 2.0], [3.0, 4.0], yerr=[[1.0, 0.5], [0.0, 2.0]], capsize=2, label="a")
    panel.errorbar([5.0], [6.0], xerr=[[1.0], [2.0]])
    found, _ = rows(panel)
    assert [row["kind"] for row in found] == ["interval"] * 3
    assert [(row["y_low"], row["y_high"]) for row in found] == [("2", "3"), ("3.5", "6"), ("", "")]
    assert (found[2]["x_low"], found[2]["x_high"]) == ("4", "7")


def test_markers_bars_bands_steps_and_dashes_are_read_off(panel):
    panel.scatter([1.0], [2.0], label="one")
    panel.bar([3.0], [2.0], bottom=[1.0])
    panel.fill_between([1.0, 2.0], [0.0, 1.0], [2.0, 3.0])
    panel.stairs([7.0], [0.0, 1.0])
    panel.hlines([4.0], [1.0], [3.0])
    found = {row["kind"]: row for row in rows(panel)[0]}
    assert (found["marker"]["x"], found["marker"]["series"]) == ("1", "one")
    assert (found["bar"]["y_low"], found["bar"]["y_high"]) == ("1", "3")
    assert (found["band"]["y_low"], found["band"]["y_high"]) == ("1", "3")
    assert (found["step"]["y"], found["step"]["x_high"]) == ("7", "1")
    assert (found["dash"]["x_low"], found["dash"]["x_high"]) == ("1", "3")


def test_pixels_are_written_while_they_are_few(panel):
    panel.imshow([[1.0, 2.0], [3.0, 4.5]])
    found, _ = rows(panel)
    assert [(row["x"], row["y"], row["value"]) for row in found][-1] == ("1", "1", "4.5")
    panel.imshow(np.zeros((1, MOST_PIXELS)))
    found, comments = rows(panel)
    assert not found
    assert "left out" in comments[-1]


def test_intervals_of_missing_values_are_rows_too(panel):
    panel.errorbar([1, 2], [np.nan, 3], yerr=[0.5, 0.25])
    found, _ = rows(panel)
    assert [(row["y_low"], row["y_high"]) for row in found] == [("nan", "nan"), ("2.75", "3.25")]
    panel.clear()
    panel.vlines([1, 2], [np.nan, 0], [np.nan, 3])
    found, _ = rows(panel)
    assert [(row["y_low"], row["y_high"]) for row in found] == [("nan", "nan"), ("0", "3")]


def test_panels_say_what_their_axes_are(panel):
    panel.set(title="Two\nlines", xlabel="method", ylabel="loss")
    panel.set_xticks([0, 1], ["Random", "SNIP"])
    text = as_csv(panel.figure)
    assert text.startswith("# panel 1: Two lines; x: method (0 = Random, 1 = SNIP); y: loss\n")
    assert text.splitlines()[1] == ",".join(COLUMNS)


def test_lines_are_drawings_and_pixels_pictures(panel):
    panel.plot([0, 1], [0, 1])
    first, second = bundle(panel.figure), bundle(panel.figure)
    assert first == second
    assert set(first) == {"image/svg+xml", "text/csv"}
    assert "<svg" in first["image/svg+xml"]
    panel.imshow([[0.0, 1.0]])
    png = base64.b64decode(bundle(panel.figure)["image/png"])
    assert int.from_bytes(png[16:20], "big") == pytest.approx(4 * DOTS, rel=0.1)


def test_thousands_of_markers_are_a_picture(panel):
    panel.plot(np.zeros(MOST_MARKERS + 1), "o")
    assert "image/png" in bundle(panel.figure)


def cell(source, label=None):
    metadata = {"mystnb": {"figure": {"name": label}}} if label else {}
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def test_results_are_followed_through_names():
    notebook = nbformat.v4.new_notebook(
        cells=[
            cell("from graphon_lib.experiments.spectra import SPECTRA as S, spectra"),
            cell("from graphon_lib.experiments.descent import DESCENT\noptions = {}"),
            cell("both = {}\nboth['a'] = S.run(**options)\ndescent = DESCENT.run(**options)"),
            cell("def half(x):\n    return x + descent\nfor one in both.values():\n    last = one"),
            cell("draw(last)", "fig-a"),
            cell("draw(half(both))", "fig-b"),
            cell("last = 3\ndraw(last)", "fig-c"),
            cell("draw({one: 1 for one in descent})", "fig-d"),
        ]
    )
    assert results_behind(notebook) == {
        "fig-a": ["spectra.nc"],
        "fig-b": ["descent.nc", "spectra.nc"],
        "fig-c": [],
        "fig-d": ["descent.nc"],
    }


@pytest.mark.parametrize("path", list_chapters(), ids=lambda path: path.stem)
def test_figures_of_chapters_know_the_results_that_they_are_of(path):
    notebook = nbformat.read(path, as_version=4)
    found = results_behind(notebook)
    labels = {label for one in notebook.cells if (label := figure_of(one))}
    assert set(found) == labels
    computed_in_the_chapter = {"fig-bipartite", "fig-estimators", "fig-variance"}
    computed_in_the_chapter |= {"fig-designs", "fig-paths-units", "fig-residual-shape"}
    of_the_ledger = {"fig-claims-by-data"}
    without = {label for label in labels if not found[label]}
    assert without <= computed_in_the_chapter | of_the_ledger


def shown_in(path, kind):
    """Return all outputs of one media type in a chapter."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = (output.get("data", {}) for cell in cells for output in cell.get("outputs", ()))
    return [data[kind] for data in outputs if kind in data]


@pytest.mark.parametrize("path", list_chapters(), ids=lambda path: path.stem)
def test_negative_numbers_in_drawings_have_minus_signs(path):
    # Matplotlib writes each text that it draws into a comment.
    drawn = [
        text
        for drawing in shown_in(path, "image/svg+xml")
        for text in re.findall("<!-- (.*?) -->", drawing, re.DOTALL)
    ]
    assert [text for text in drawn if re.search(r"(?<![\w{^])-[\d.]", text)] == []


OUTSIDE = """drawings => drawings.flatMap((drawing, number) => {
    document.body.innerHTML = drawing;
    const edge = document.querySelector("svg").getBoundingClientRect();
    return [...document.querySelectorAll("[id^=text_], [id^=legend_]")].filter(part => {
        const place = part.getBoundingClientRect();
        return place.width && (place.left < edge.left || place.right > edge.right
            || place.top < edge.top || place.bottom > edge.bottom);
    }).map(part => `${number} ${part.id}`);
})"""


@pytest.mark.browser
def test_nothing_is_cut_off_at_the_edge_of_a_figure(browser):
    with new_page(browser) as page:
        page.set_content("<!doctype html><meta charset=utf-8>")
        for path in list_chapters():
            drawings = shown_in(path, "image/svg+xml")
            assert page.evaluate(OUTSIDE, drawings) == [], path.stem
    for path in list_chapters():
        for picture in shown_in(path, "image/png"):
            pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))
            for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
                assert (edge == 255).all(), path.stem
