"""Designing a graphon on the published page: Python in the browser gives the library's numbers."""

import functools

import numpy as np
import pytest
from browsers import new_page
from pages import PACK, apart, finished, look, opened, overflow, ready, settled, unpack
from playwright.sync_api import Route

from graphon_lib.book.explorers.design import DesignExplorer, example_pixels
from graphon_lib.book.explorers.design_layers import FAMILIES
from graphon_lib.book.explorers.optimal_layers import OPTIMA
from graphon_lib.book.paths import SITE
from graphon_lib.experiments.data import load_mnist

pytestmark = pytest.mark.browser

PAGE = "chapters/05-random.html"
EXPLORER = ".graphon-explorer[data-explorer=design]"
SHOWN = f"""root => {{
    const pack = {PACK};
    const {{ parameters, view }} = root.explorer;
    const panels = view.panels.map((panel) => [panel.title, panel.values
        ? [pack(panel.values.data)] : panel.series.map(({{ y }}) => pack(y.data))]);
    return {{ parameters, panels, numbers: view.numbers, summary: view.summary }};
}}"""
STARTED = """root => !root.querySelector("fieldset").disabled
    || root.querySelector(".ge-live").innerText.includes("try again")"""


@functools.cache
def native():
    return DesignExplorer(example_pixels(load_mnist()))


def shown(root):
    """Return what the explorer shows, each panel with its title and all its values."""
    state = root.evaluate(SHOWN)
    state["panels"] = [
        (title, np.concatenate([unpack(text) for text in arrays]))
        for title, arrays in state["panels"]
    ]
    return state


def differ(before, after):
    """Say whether two states have other values somewhere in their panels."""
    pairs = zip(before["panels"], after["panels"], strict=True)
    return not all(np.array_equal(old, new) for (_, old), (_, new) in pairs)


def start(root):
    """Click on "Run live", read on while Python starts in its worker; return what is said then."""
    page = root.page
    root.get_by_role("button", name="Run live").click()
    page.locator("article h1").scroll_into_view_if_needed()
    assert page.evaluate("1 + 1") == 2
    finished(page, "the start of Python, or its failure", STARTED, root.element_handle())
    settled(root)
    return root.locator(".ge-live").inner_text()


def move(root, act):
    """Do something to the explorer; return what it shows then."""
    act()
    settled(root)
    return shown(root)


def press(root, *keys):
    for key in keys:
        root.page.keyboard.press(key)


def assert_native(state):
    """Compare numbers, pictures and words with those of the library called natively."""
    expected = native().view(**state["parameters"])
    assert len(state["numbers"]) == len(expected.numbers)
    for number, reference in zip(state["numbers"], expected.numbers, strict=True):
        assert number["label"] == reference.label
        assert number["value"] == pytest.approx(reference.value, rel=1e-9, abs=1e-9)
    for (title, values), panel in zip(state["panels"], expected.panels, strict=True):
        assert title == panel.title
        wanted = (
            panel.values.ravel()
            if hasattr(panel, "values")
            else np.concatenate([series.y for series in panel.series])
        )
        # Pictures travel in single precision.
        assert values == pytest.approx(wanted, rel=1e-6, abs=1e-12)
    assert state["summary"] == expected.summary


def assert_still_before_the_click(root):
    """Check that the first state is shown, and no Python loaded."""
    assert root.locator("fieldset").evaluate("fieldset => fieldset.disabled")
    values = [number["value"] for number in shown(root)["numbers"]]
    # Built on more threads, whose sums are rounded otherwise.
    assert values == pytest.approx([number.value for number in native().view().numbers], 1e-12)
    assert root.page.evaluate(
        "!performance.getEntriesByType('resource').some(({ name }) => name.includes('pyodide'))"
    )


WITHHELD = ("pyodide.js", "pyodide.asm.wasm", "numpy*")


def assert_can_fail_to_start(root, name, end):
    """Check that a start without one of its files fails, and leaves everything as it was."""
    root.page.route(f"**/pyodide/{name}", end)
    assert "try again" in start(root)
    root.page.unroute(f"**/pyodide/{name}")
    assert root.get_by_role("button", name="Run live").is_enabled()
    assert root.locator("fieldset").evaluate("fieldset => fieldset.disabled")


def assert_family(root, name):
    """Check a family and every slider of it, in one of the layers."""
    root.locator(".ge-layer").nth(list(FAMILIES).index(name) % 4).click()
    before = shown(root)
    family = root.locator("[name=family]")
    if family.evaluate("select => select.selectedOptions[0].label") == FAMILIES[name].label:
        other = next(iter(set(FAMILIES) - {name}))
        before = move(root, lambda: family.select_option(label=FAMILIES[other].label))
    state = move(root, lambda: family.select_option(label=FAMILIES[name].label))
    assert differ(before, state)
    assert_native(state)
    for parameter in FAMILIES[name].parameters:
        root.locator(f"[name={parameter.name}]").first.focus()
        moved = move(root, lambda: press(root, "ArrowLeft"))
        assert moved["parameters"] != state["parameters"]
        assert_native(moved)
        state = moved


def assert_density_held_and_free(root):
    root.locator(".ge-layer").nth(2).click()
    family = root.locator("[name=family]")
    move(root, lambda: family.select_option(label=FAMILIES["product"].label))
    hold = root.locator("[name=held]")
    if not hold.is_checked():
        move(root, hold.check)
    root.locator("[name=density]").focus()
    held = move(root, lambda: press(root, "ArrowRight"))
    assert_native(held)
    wanted = held["parameters"]["layers"][2]["density"]
    values = held["panels"][2][1]
    assert values.mean(dtype=float) == pytest.approx(wanted, abs=1e-6)
    free = move(root, hold.uncheck)
    assert free["parameters"]["layers"][2]["density"] is None
    assert root.locator("[name=density]").count() == 0
    assert_native(free)


def assert_painted_by_mouse_and_by_keyboard(root):
    page = root.page
    root.locator(".ge-layer").nth(0).click()
    if root.locator("[name=held]").is_checked():
        move(root, root.locator("[name=held]").uncheck)
    canvas = root.locator(".ge-painter canvas")
    canvas.evaluate("(canvas) => canvas.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = canvas.bounding_box()
    cell = box["width"] / 16

    def stroke():
        page.mouse.move(box["x"] + 10.5 * cell, box["y"] + 12.5 * cell)
        page.mouse.down()
        page.mouse.move(box["x"] + 13.5 * cell, box["y"] + 12.5 * cell, steps=12)
        page.mouse.up()

    painted = move(root, stroke)
    row = painted["parameters"]["layers"][0]["cells"][12]
    assert row[10:14] == [1, 1, 1, 1]
    assert_native(painted)
    root.locator("[name=brush]").focus()
    press(root, "Home")
    canvas.focus()
    keyed = move(root, lambda: press(root, "ArrowDown", "ArrowUp", "ArrowLeft", "Space"))
    assert keyed["parameters"]["layers"][0]["cells"][12][12] == 0
    assert "Row 13, column 13: 0.00" in root.locator(".ge-cell").inner_text()
    assert_native(keyed)
    assert "does not apply" in root.locator(".ge-summary").inner_text()


def design_shown(root):
    """Return the layers that the explorer shows, without what was asked for to come there."""
    return [np.round(values, 4) for _, values in shown(root)["panels"][:4]]


def assert_preset(root, label):
    """Choose a preset and leave it by one step; its layers are those of the description."""
    select = root.locator("[name=preset]")
    before = design_shown(root)
    state = move(root, lambda: select.select_option(label=label))
    assert_native(state)
    assert select.evaluate("select => select.selectedOptions[0].label") == label
    undone = move(root, root.get_by_role("button", name="Undo").click)
    assert_native(undone)
    for old, new in zip(before, design_shown(root), strict=True):
        assert np.array_equal(old, new)


def assert_optimised(root, label, objective):
    """Optimise a preset: it is what the library says, one step, and kept in the address."""
    move(root, lambda: root.locator("[name=preset]").select_option(label=label))
    root.locator("[name=objective]").select_option(label=OPTIMA[objective])
    optimised = move(root, root.get_by_role("button", name="Optimise").click)
    assert optimised["parameters"]["optimise"] == objective
    news, _, _ = optimised["summary"].partition(". ")
    assert "path density from" in news
    assert news in root.locator(".ge-steps + .ge-said").inner_text()
    assert_native(optimised)
    # Asked for again without a word of optimising, as from the address: the same layers.
    hold = root.locator("[name=held]")
    move(root, hold.check)
    same = move(root, root.get_by_role("button", name="Undo").click)
    assert "optimise" not in same["parameters"]
    assert_native(same)
    for (_, old), (_, new) in zip(optimised["panels"], same["panels"], strict=True):
        assert new == pytest.approx(old, rel=1e-6, abs=1e-12)


def assert_kept_in_the_address(root):
    """Check that the page's address leads to the design that is shown, on another page, too."""
    page, layers = root.page, shown(root)["parameters"]["layers"]
    address = finished(
        page, "the address", "() => location.hash.startsWith('#design=') && location.href"
    )
    with new_page(page.context.browser) as other:
        other.goto(address)
        ready(other)
        copy = other.locator(EXPLORER)
        assert "Live:" in start(copy)
        state = shown(copy)
        assert state["parameters"]["layers"] == layers
        assert_native(state)


def test_live(browser, address, subtests):
    """Start Python once for all that is asked of it; every subtest is told by its name."""
    with opened(browser, f"{address}/{PAGE}") as (page, problems):
        root = page.locator(EXPLORER)
        with subtests.test("before the click the first state, and no Python"):
            assert_still_before_the_click(root)
            assert problems == []
        for name in WITHHELD:
            with subtests.test("a failed start can be tried again", withheld=name):
                assert_can_fail_to_start(root, name, lambda route: route.abort())
        with subtests.test("a failed start can be tried again", missing="pyodide.asm.wasm"):
            missing = functools.partial(Route.fulfill, status=404, body="missing")
            assert_can_fail_to_start(root, "pyodide.asm.wasm", missing)
        assert "Live:" in start(root)
        with subtests.test("the first live state"):
            assert_native(shown(root))
        for name in FAMILIES:
            with subtests.test("a family and every slider of it", family=name):
                assert_family(root, name)
        with subtests.test("density held and free"):
            assert_density_held_and_free(root)
        with subtests.test("painting by mouse and by keyboard"):
            assert_painted_by_mouse_and_by_keyboard(root)
        for label in root.locator("[name=preset] option:not([hidden])").all_inner_texts():
            with subtests.test("a preset, chosen and undone", preset=label):
                assert_preset(root, label)
        for objective in OPTIMA:
            with subtests.test("optimised", objective=objective):
                assert_optimised(root, "SynFlow, density 0.05", objective)
        with subtests.test("cause and effect are seen at once"):
            assert apart(root) == []
            look(page, 375, "light", height=812)
            assert apart(root) == []
            assert overflow(page) <= 0
        with subtests.test("the address keeps the design"):
            assert_kept_in_the_address(root)
        with subtests.test("no problem came up but the file withheld"):
            # Pyodide's own words name no file; the browser's, which come as well, do.
            withheld = ("pyodide", "numpy", "stdlib", "Failed to fetch")
            assert [p for p in problems if not any(word in p for word in withheld)] == []


def test_from_a_file_the_page_says_why_it_does_not_run(browser):
    with opened(browser, (SITE / PAGE).as_uri()) as (page, _):
        root = page.locator(EXPLORER)
        text = root.locator(".ge-live").inner_text()
        assert "opened as a file" in text
        assert "computed in advance" in text
        assert root.locator(".ge-run").count() == 0
        assert root.locator(".ge-numbers dd").count() > 8


def test_without_webassembly_the_page_says_so(browser, address):
    with new_page(browser) as page:
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(f"{address}/{PAGE}")
        ready(page)
        assert "no WebAssembly" in page.locator(f"{EXPLORER} .ge-live").inner_text()
