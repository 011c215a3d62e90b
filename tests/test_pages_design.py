"""Designing a graphon on the published page: Python in the browser gives the library's numbers."""

import pytest
from pages import opened

from graphon_lib.book.explorers.design import DesignExplorer, example_pixels
from graphon_lib.book.explorers.design_layers import FAMILIES
from graphon_lib.book.paths import SITE
from graphon_lib.experiments.data import load_mnist

pytestmark = pytest.mark.browser

PAGE = "chapters/05-random.html"
EXPLORER = ".graphon-explorer[data-explorer=design]"
START = 180_000  # milliseconds; a machine with other work takes long to start Python


@pytest.fixture(scope="module")
def native():
    return DesignExplorer(example_pixels(load_mnist()))


@pytest.fixture(scope="module")
def live(browser, address):
    """The explorer after "Run live", and the problems of its page."""
    with opened(browser, f"{address}/{PAGE}") as (page, problems):
        root = page.locator(EXPLORER)
        root.scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelector('{EXPLORER}').explorer")
        button = root.get_by_role("button", name="Run live")
        move(page, button.click, while_waiting=lambda: read_on(page))
        assert "Live:" in root.locator(".ge-live").inner_text()
        yield page, root, problems


def shown(page):
    return page.evaluate(
        f"""() => {{
            const {{ parameters, view }} = document.querySelector("{EXPLORER}").explorer;
            const panels = view.panels.map((panel) => [panel.title, panel.values
                ? Array.from(panel.values.data)
                : panel.series.flatMap((series) => Array.from(series.y.data))]);
            return {{ parameters, panels, numbers: view.numbers, summary: view.summary }};
        }}"""
    )


def read_on(page):
    """Check that the page answers while Python starts in its worker."""
    assert page.evaluate("1 + 1") == 2
    page.locator("article h1").scroll_into_view_if_needed()


def move(page, act, while_waiting=lambda: None):
    """Do something to the explorer; return what it shows once it has come to rest."""
    page.evaluate(
        f"""() => {{
            const root = document.querySelector("{EXPLORER}");
            root.drawn = new Promise((resolve, reject) => {{
                let timer = null;
                setTimeout(() => reject(new Error("nothing was drawn")), {START});
                root.addEventListener("explorer-drawn", () => {{
                    clearTimeout(timer);
                    timer = setTimeout(resolve, 700);
                }});
            }});
        }}"""
    )
    act()
    while_waiting()
    page.evaluate(f"document.querySelector('{EXPLORER}').drawn")
    return shown(page)


def assert_native(state, native):
    """Compare numbers, pictures and words with those of the library called natively."""
    expected = native.view(**state["parameters"])
    assert len(state["numbers"]) == len(expected.numbers)
    for number, reference in zip(state["numbers"], expected.numbers, strict=True):
        assert number["label"] == reference.label
        assert number["value"] == pytest.approx(reference.value, rel=1e-9, abs=1e-9)
    for (title, values), panel in zip(state["panels"], expected.panels, strict=True):
        assert title == panel.title
        wanted = (
            panel.values.ravel().tolist()
            if hasattr(panel, "values")
            else [y for series in panel.series for y in series.y.tolist()]
        )
        # Pictures travel in single precision.
        assert values == pytest.approx(wanted, rel=1e-6, abs=1e-12)
    assert state["summary"] == expected.summary


def test_before_the_click_the_page_shows_the_first_state_and_loads_no_python(browser, address):
    with opened(browser, f"{address}/{PAGE}") as (page, problems):
        page.locator(EXPLORER).scroll_into_view_if_needed()
        page.wait_for_selector(f"{EXPLORER} .ge-run")
        page.wait_for_function(f"document.querySelector('{EXPLORER}').explorer")
        assert page.locator(f"{EXPLORER} fieldset").evaluate("fieldset => fieldset.disabled")
        native = DesignExplorer(example_pixels(load_mnist())).view()
        assert [n["value"] for n in shown(page)["numbers"]] == [n.value for n in native.numbers]
        assert page.evaluate(
            "!performance.getEntriesByType('resource').some(({ name }) => name.includes('pyodide'))"
        )
        assert problems == []


def test_the_first_live_state_is_native(live, native):
    page, _, problems = live
    assert_native(shown(page), native)
    assert problems == []


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_and_every_slider_of_it(live, native, name):
    page, root, _ = live
    root.locator(".ge-layer").nth(list(FAMILIES).index(name) % 4).click()
    before = shown(page)
    family = root.locator("[name=family]")
    if family.evaluate("select => select.selectedOptions[0].label") == FAMILIES[name].label:
        other = next(iter(set(FAMILIES) - {name}))
        before = move(page, lambda: family.select_option(label=FAMILIES[other].label))
    state = move(page, lambda: family.select_option(label=FAMILIES[name].label))
    assert state["panels"] != before["panels"]
    assert_native(state, native)
    for parameter in FAMILIES[name].parameters:
        slider = root.locator(f"[name={parameter.name}]").first
        slider.focus()
        moved = move(page, lambda: page.keyboard.press("ArrowLeft"))
        assert moved["parameters"] != state["parameters"]
        assert_native(moved, native)
        state = moved


def test_density_held_and_free(live, native):
    page, root, _ = live
    root.locator(".ge-layer").nth(2).click()
    root.locator("[name=family]").select_option(label=FAMILIES["product"].label)
    hold = root.locator("[name=held]")
    if not hold.is_checked():
        move(page, hold.check)
    root.locator("[name=density]").focus()
    held = move(page, lambda: page.keyboard.press("ArrowRight"))
    assert_native(held, native)
    wanted = held["parameters"]["layers"][2]["density"]
    values = held["panels"][2][1]
    assert sum(values) / len(values) == pytest.approx(wanted, abs=1e-6)
    free = move(page, lambda: hold.uncheck())
    assert free["parameters"]["layers"][2]["density"] is None
    assert root.locator("[name=density]").count() == 0
    assert_native(free, native)


def test_painting_by_mouse_and_by_keyboard(live, native):
    page, root, _ = live
    root.locator(".ge-layer").nth(0).click()
    if root.locator("[name=held]").is_checked():
        move(page, root.locator("[name=held]").uncheck)
    canvas = root.locator(".ge-painter canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    cell = box["width"] / 16

    def stroke():
        page.mouse.move(box["x"] + 10.5 * cell, box["y"] + 12.5 * cell)
        page.mouse.down()
        page.mouse.move(box["x"] + 13.5 * cell, box["y"] + 12.5 * cell, steps=12)
        page.mouse.up()

    painted = move(page, stroke)
    row = painted["parameters"]["layers"][0]["cells"][12]
    assert row[10:14] == [1, 1, 1, 1]
    assert_native(painted, native)
    brush = root.locator("[name=brush]")
    brush.focus()
    page.keyboard.press("Home")
    canvas.focus()

    def keys():
        for key in ("ArrowDown", "ArrowUp", "ArrowLeft", "Space"):
            page.keyboard.press(key)

    keyed = move(page, keys)
    assert keyed["parameters"]["layers"][0]["cells"][12][12] == 0
    assert "Row 13, column 13: 0.00" in root.locator(".ge-cell").inner_text()
    assert_native(keyed, native)
    assert "does not apply" in root.locator(".ge-summary").inner_text()


def test_no_problem_came_up_meanwhile(live):
    page, _, problems = live
    assert problems == []
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0


def test_from_a_file_the_page_says_why_it_does_not_run(browser):
    page = browser.new_page()
    try:
        page.goto((SITE / PAGE).as_uri())
        page.locator(EXPLORER).scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelector('{EXPLORER}').explorer")
        text = page.locator(f"{EXPLORER} .ge-live").inner_text()
        assert "opened as a file" in text
        assert "computed in advance" in text
        assert page.locator(f"{EXPLORER} .ge-run").count() == 0
        assert page.locator(f"{EXPLORER} .ge-numbers dd").count() > 8
    finally:
        page.close()


def test_without_webassembly_the_page_says_so(browser, address):
    page = browser.new_page()
    page.add_init_script("delete globalThis.WebAssembly")
    try:
        page.goto(f"{address}/{PAGE}")
        page.locator(EXPLORER).scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelector('{EXPLORER}').explorer")
        assert "no WebAssembly" in page.locator(f"{EXPLORER} .ge-live").inner_text()
    finally:
        page.close()


def test_a_failed_start_can_be_tried_again(browser, address):
    page = browser.new_page()
    page.route("**/pyodide/numpy*", lambda route: route.abort())
    try:
        page.goto(f"{address}/{PAGE}")
        root = page.locator(EXPLORER)
        root.scroll_into_view_if_needed()
        root.get_by_role("button", name="Run live").click()
        page.wait_for_function(
            f"document.querySelector('{EXPLORER} .ge-live').innerText.includes('try again')",
            timeout=START,
        )
        assert root.get_by_role("button", name="Run live").is_enabled()
        assert root.locator("fieldset").evaluate("fieldset => fieldset.disabled")
    finally:
        page.close()
