"""What the chapters show is what a fresh run shows: committed outputs against `make book`'s.

Text is the same but for addresses in memory; numbers agree to eight decimals, or to one in the last
that is written, since the last digits of what is rounded depend on the processor. Figures show the same things in the same places: how their letters
are drawn, and so how much room they take, depends on the version of FreeType.
"""

import base64
import io
import json
import math
import re
from decimal import Decimal

import nbformat
import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from graphon_lib.book.execute import list_chapters, up_to_date
from graphon_lib.book.paths import EXECUTED

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e[-+]?\d+")
PRECISION = 1e-8

# Made by Matplotlib of all digits of what is drawn.
IDENTIFIER = re.compile(r"\b[a-z][0-9a-f]{10}\b")

UNCOMPARED = "changes-with-the-code"
"""Tag of cells whose outputs speak of the code as it is, such as a hash of it."""

# A coordinate, not a part of a name or a colour.
VALUE = re.compile(r"(?<![\w#.])-?\d+(?:\.\d+)?(?![\w.])")
POINTS = 0.5
"""How far what is drawn may be from where it was, in points; elsewhere letters are a little wider."""

# In pixels, of which letters are about ten wide.
SHIFT = 4
# Of 255: how far colours may be outside those nearby.
COLOUR = 32
# A tenth of a percent of the pixels is about a centimetre of one curve. Without hinting, the letters
# of the book's figures leave a hundredth of a percent.
UNEXPLAINED = 1e-3


def text_difference(old, new):
    """Return where two texts differ, None if nowhere."""
    old, new = (ADDRESS.sub("ADDRESS", text) for text in (old, new))
    numbers = [NUMBER.findall(text) for text in (old, new)]
    if NUMBER.sub("#", old) == NUMBER.sub("#", new) and all(map(same_number, *numbers)):
        return None
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    around = slice(max(start - 40, 0), start + 40)
    return f"committed ...{old[around]!r}..., executed ...{new[around]!r}..."


def same_number(old, new):
    """Say whether two decimal fractions are one number, rounded on two processors."""
    a, b = Decimal(old), Decimal(new)
    last = Decimal((0, (1,), max(a.as_tuple().exponent, b.as_tuple().exponent)))
    return abs(a - b) <= last or math.isclose(a, b, rel_tol=PRECISION, abs_tol=PRECISION)


def drawing_difference(old, new):
    """Return how two SVG drawings differ, None if all their points and words are where they were."""
    old, new = (with_plain_identifiers(drawing) for drawing in (old, new))
    if VALUE.sub("#", old) != VALUE.sub("#", new):
        return "other lines, letters or colours"
    moved = [
        abs(float(a) - float(b))
        for a, b in zip(VALUE.findall(old), VALUE.findall(new), strict=True)
    ]
    return f"something moved by {max(moved):.2f} points" if max(moved) > POINTS else None


def with_plain_identifiers(drawing):
    """Name what is drawn in its order."""
    names = {}
    return IDENTIFIER.sub(lambda found: names.setdefault(found[0], f"name-{len(names)}"), drawing)


def picture_difference(old, new):
    """Return how two PNG images, in base64, differ, None if they show the same."""
    old, new = (Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB") for png in (old, new))
    if max(abs(a - b) for a, b in zip(old.size, new.size, strict=True)) > SHIFT:
        return f"committed {old.size} pixels, executed {new.size}"
    shared = (0, 0, min(old.width, new.width), min(old.height, new.height))
    pixels = [np.asarray(image.crop(shared), dtype=np.int16) for image in (old, new)]
    share = max(_unexplained(*pixels), _unexplained(*reversed(pixels)))
    return f"{share:.2%} of the picture is new or gone" if share > UNEXPLAINED else None


def _unexplained(image, other):
    """Return the share of pixels whose colour is outside the range of those around in the other."""
    around = (2 * SHIFT + 1, 2 * SHIFT + 1, 1)
    lowest, highest = minimum_filter(other, around), maximum_filter(other, around)
    return ((image < lowest - COLOUR) | (image > highest + COLOUR)).any(axis=-1).mean()


def output_differences(old, new):
    """Yield what differs between two outputs of a cell."""
    if old.output_type != new.output_type:
        yield f"committed {old.output_type}, executed {new.output_type}"
        return
    if old.get("metadata") != new.get("metadata"):
        yield f"metadata: committed {old.get('metadata')}, executed {new.get('metadata')}"
    parts = [{f"{o.get('name')}": o.text} if "text" in o else o.get("data", {}) for o in (old, new)]
    if parts[0].keys() != parts[1].keys():
        yield f"committed {sorted(parts[0])}, executed {sorted(parts[1])}"
        return
    for kind, content in parts[0].items():
        other = parts[1][kind]
        if content == other:
            continue
        if kind == "image/png":
            difference = picture_difference(content, other)
        elif kind == "image/svg+xml":
            difference = drawing_difference(content, other)
        else:
            texts = (c if isinstance(c, str) else json.dumps(c) for c in (content, other))
            difference = text_difference(*texts)
        if difference:
            yield f"{kind}: {difference}"


def chapter_differences(old, new):
    """Yield what differs between two notebooks, with the number of the cell."""
    if len(old.cells) != len(new.cells):
        yield f"committed {len(old.cells)} cells, executed {len(new.cells)}"
        return
    for number, (a, b) in enumerate(zip(old.cells, new.cells, strict=True)):
        if (a.cell_type, a.source, a.metadata) != (b.cell_type, b.source, b.metadata):
            yield f"cell {number} has another source or other tags than the one executed"
            continue
        outputs = a.get("outputs", []), b.get("outputs", [])
        if UNCOMPARED in a.metadata.get("tags", []):
            continue
        if len(outputs[0]) != len(outputs[1]):
            yield f"cell {number}: committed {len(outputs[0])} outputs, executed {len(outputs[1])}"
            continue
        for place, pair in enumerate(zip(*outputs, strict=True)):
            for difference in output_differences(*pair):
                yield f"cell {number}, output {place}, {difference}"


@pytest.mark.reproduction
@pytest.mark.parametrize("path", list_chapters(), ids=lambda path: path.stem)
def test_committed_outputs_are_those_of_a_fresh_run(path):
    if not up_to_date(path):
        pytest.fail(f"{path.name} has changed since it was executed, or never was: run make book")
    executed = nbformat.read(EXECUTED / path.name, as_version=4)
    committed = nbformat.read(path, as_version=4)
    if differences := "\n".join(chapter_differences(committed, executed)):
        pytest.fail(f"{path.name} shows what a fresh run does not (make outputs):\n{differences}")


def notebook(*outputs, source="1", tags=()):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})
    return nbformat.v4.new_notebook(cells=[cell])


def result(**data):
    data = {kind.replace("_", "/"): content for kind, content in data.items()}
    return nbformat.v4.new_output("execute_result", data)


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def picture(end=1.0, size=(4.0, 3.0), title="One line and another", **settings):
    figure = Figure(figsize=size, dpi=100)
    with rc_context(settings):
        axes = figure.add_subplot(xlabel="width", ylabel="distance", title=title)
        axes.plot([0, 1], [0, 0.5], label="first")
        axes.plot([0, 1], [1, end], label="second")
        axes.legend()
        axes.set_ylim(0, 1.2)
        file = io.BytesIO()
        figure.savefig(file)
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (stream("0.2857142857142857 of it"), stream("0.2857142857142858 of it")),
        (stream("at most 0.3"), stream("at most 0.30000000000000004")),
        (stream("0.90 of them, 1.25e-05"), stream("0.91 of them, 1.24e-05")),
        (
            result(text_plain="<Widget at 0x7f0123456789>"),
            result(text_plain="<Widget at 0x7fa0123456>"),
        ),
    ],
)
def test_what_depends_on_the_machine_is_no_difference(old, new):
    assert not list(chapter_differences(notebook(old), notebook(new)))


@pytest.mark.parametrize("settings", [{"text.hinting": "none"}, {"size": (4.02, 3.01)}])
def test_how_letters_are_drawn_is_no_difference(settings):
    old, new = (notebook(result(image_png=png)) for png in (picture(), picture(**settings)))
    assert not list(chapter_differences(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (stream("0.28571428"), stream("0.28571431"), "cell 0, output 0, stdout: .*28571431"),
        (stream("0.90 of them"), stream("0.92 of them"), "cell 0, output 0, stdout: .*0.92"),
        (stream("1.25e-05"), stream("1.25e-04"), "cell 0, output 0, stdout: .*1.25e-04"),
        (stream("12 networks"), stream("13 networks"), "committed ...'12 networks'"),
        (stream("1"), stream("1", "stderr"), r"committed \['stdout'\], executed \['stderr'\]"),
        (stream("1"), result(text_plain="1"), "committed stream, executed execute_result"),
        (result(text_plain="1"), result(text_html="1"), "text/plain.*text/html"),
    ],
)
def test_differences_are_named(old, new, message):
    (difference,) = chapter_differences(notebook(old), notebook(new))
    assert re.search(message, difference)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"end": 0.8}, "of the picture is new"), ({"size": (4.2, 3)}, r"\(420, 300\)")],
)
def test_differences_of_pictures_are_named(settings, message):
    old, new = (notebook(result(image_png=png)) for png in (picture(), picture(**settings)))
    (difference,) = chapter_differences(old, new)
    assert re.search(message, difference)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ('<path d="M 1.5 2" id="a1" fill="#0072b2"/>', None),
        ('<path d="M 1.9 2" id="a1" fill="#0072b2"/>', None),
        ('<path d="M 2.5 2" id="a1" fill="#0072b2"/>', "something moved by 1.00 points"),
        ('<path d="M 1.5 2" id="a1" fill="#0072b3"/>', "other lines, letters or colours"),
        ('<path d="M 1.5 2 3" id="a1" fill="#0072b2"/>', "other lines, letters or colours"),
    ],
)
def test_differences_of_drawings_are_named(new, message):
    old = '<path d="M 1.5 2" id="a1" fill="#0072b2"/>'
    assert drawing_difference(old, new) == message


def test_the_names_that_a_drawing_gives_its_parts_are_no_difference():
    old, new = (f'<g id="{n}"/><use href="#{n}"/>' for n in ("p0123456789", "pabcdef0123"))
    assert drawing_difference(old, new) is None
    assert drawing_difference(old, old.replace("#p0123456789", "#pabcdef0123"))


def test_other_cells_and_other_numbers_of_outputs_are_differences():
    one = notebook(stream("1"))
    two = notebook(stream("1"), stream("2"))
    assert list(chapter_differences(one, two)) == ["cell 0: committed 1 outputs, executed 2"]
    assert list(chapter_differences(one, notebook(stream("1"), source="2")))
    assert list(chapter_differences(one, nbformat.v4.new_notebook()))


def test_outputs_that_speak_of_the_code_are_not_compared():
    old, new = (notebook(stream(text), tags=[UNCOMPARED]) for text in ("unchanged", "changed"))
    assert not list(chapter_differences(old, new))
