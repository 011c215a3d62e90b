"""How the chapters read: code that is shown, what is taken away, exercises whose solutions are true."""

import contextlib
import io
import json
import re
import warnings
from collections import Counter
from decimal import Decimal

import pytest
import torch

from graphon_lib.book.execute import list_chapters

CHAPTERS = [path for path in list_chapters() if path.stem[0].isdigit()]
BY_CHAPTER = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)

LONGEST_LINE = 84
"""What fits beside both tables of contents in a window of 1280 pixels."""
MOST_LINES = 17

SOLUTION = re.compile(
    r"\*\*(\d)\. ([^*]+)\*\* .+?\n\n"
    r"````\{dropdown\} Solution\n```python\n(.*?)```\n```text\n(.*?)```\n\S.*?````",
    re.DOTALL,
)
LABEL = re.compile(
    r"^\(([\w-]+)\)=$|^\s*:(?:name|label): ([\w-]+)$|^\$\$ \(([\w-]+)\)$", re.MULTILINE
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?")


def cells(path, kind):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in notebook["cells"]
        if cell["cell_type"] == kind
    ]


def prose(path):
    return "\n\n".join(source for source, _ in cells(path, "markdown"))


def solutions(path):
    return SOLUTION.findall(prose(path).split("\n## Exercises\n")[1])


@BY_CHAPTER
def test_code_that_is_shown_is_what_a_reader_would_type(path):
    shown = [source for source, tags in cells(path, "code") if "hide-input" not in tags]
    assert shown
    for source in shown:
        assert "glue(" not in source
        lines = source.splitlines()
        assert len(lines) <= MOST_LINES, source
        assert max(map(len, lines)) <= LONGEST_LINE, source


def figure_labels(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    shown = [cell["metadata"].get("mystnb", {}) for cell in notebook["cells"]]
    return [options["figure"]["name"] for options in shown if "figure" in options]


@BY_CHAPTER
def test_the_text_of_a_chapter_refers_to_each_of_its_figures(path):
    labels = set(figure_labels(path))
    assert labels
    assert labels <= set(re.findall(r"\{numref\}`([^`]+)`", prose(path)))


def test_no_label_names_two_things():
    # Where pages are read side by side, as on two cores, Sphinx does not tell.
    labels = []
    for path in list_chapters():
        labels += figure_labels(path) + [
            name for names in LABEL.findall(prose(path)) for name in names
        ]
    for path in CHAPTERS[0].parent.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        labels += [name for names in LABEL.findall(text) for name in names]
    counts = Counter(filter(None, labels))
    assert len(counts) > 100
    assert [name for name, count in counts.items() if count > 1] == []


@BY_CHAPTER
def test_a_chapter_ends_with_three_sentences_to_take_away(path):
    (box,) = re.findall(
        r":::\{admonition\} To take away\n:class: tip takeaway\n(.*?)\n:::", prose(path), re.DOTALL
    )
    assert 2 <= len(re.findall(r"[.](?:\s|$)", box)) <= 3, box
    assert 300 < len(box) < 900


@BY_CHAPTER
def test_solutions_of_exercises_are_true(path):
    found = solutions(path)
    assert [number for number, *_ in found] == ["1", "2", "3"]
    for _, title, code, expected in found:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings(), torch.enable_grad():
            exec(code, {})
        assert NUMBER.sub("#", out.getvalue()) == NUMBER.sub("#", expected), title
        pairs = zip(NUMBER.findall(out.getvalue()), NUMBER.findall(expected), strict=True)
        for printed, written in pairs:
            # The last digit may depend on the processor, a count may not.
            exponent = Decimal(written).as_tuple().exponent
            last = 10.0**exponent if set(".e") & set(written) else 0.0
            assert abs(float(printed) - float(written)) <= 1.001 * last, title


def test_terms_are_linked_to_the_glossary_where_they_come_first():
    first = {
        "01-pruning": ["read-out", "pruning batch", "dead neuron"],
        "02-graphons": ["position", "degree-sorted histogram", "times chance", "path density"],
        "06-spectra": ["energy", "effective rank", "road"],
    }
    for path in CHAPTERS:
        linked = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", prose(path))
        assert set(first.get(path.stem, [])) <= set(linked)
