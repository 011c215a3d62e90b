"""Explorers in a real browser: every control moved, pictures and numbers those of the library."""

import base64
import functools

import matplotlib as mpl
import numpy as np
import pytest
from browsers import new_page
from pages import PACK, apart, finished, look, opened, overflow, settled, unpack

from graphon_lib.book.explorers.catalogue import PUBLISHED
from graphon_lib.book.explorers.jupyter import ExplorerWidget
from graphon_lib.book.explorers.view import HeatMap, encode
from graphon_lib.book.paths import SITE

pytestmark = pytest.mark.browser

PAGES = {
    "pruning": "chapters/01-pruning.html",
    "convergence": "chapters/03-convergence.html",
    "training": "chapters/08-causes.html",
}
ALL = "chapters/explore.html"

SMALL = {
    "sorting": "chapters/02-graphons.html",
    "neuron": "chapters/02-graphons.html",
    "paths": "chapters/05-random.html",
    "rescaling": "chapters/08-causes.html",
    "moving": "chapters/12-dynamic.html",
    "offsets": "chapters/13-architectures.html",
}
"""Explorers below the paragraphs that they explain, and on no other page."""


def interpolation_error():
    """Return how far viridis is from lines between 17 of its colours, with two roundings to 8 bits."""
    shares, stops = np.linspace(0, 1, 2001), np.linspace(0, 1, 17)
    colours, exact = (mpl.colormaps["viridis"](places) for places in (stops, shares))
    lines = [np.interp(shares, stops, channel) for channel in colours.T]
    return np.abs(np.transpose(lines) - exact).max() + 2 / 255


INTERPOLATION = interpolation_error()

READ = f"""root => {{
    const pack = {PACK};
    const figures = root.querySelectorAll("figure");
    return {{
        parameters: root.explorer.parameters,
        summary: root.querySelector("[role=status]").textContent,
        live: root.querySelector("[role=status]").getAttribute("aria-live"),
        numbers: [...root.querySelectorAll("dl > div")].map(
            row => [row.querySelector("dt").textContent, row.querySelector("dd").textContent]),
        panels: root.explorer.view.panels.map((panel, i) => {{
            const canvas = figures[i].querySelector("canvas");
            const shown = figures[i].querySelector("[role=img]");
            return {{
                label: shown.getAttribute("aria-label"),
                values: panel.values
                    ? pack(panel.values.data) : panel.series.map(({{ y }}) => pack(y.data)),
                pixels: canvas ? pack(canvas.getContext("2d")
                    .getImageData(0, 0, canvas.width, canvas.height).data) : null,
                drawing: canvas ? canvas.toDataURL() : shown.innerHTML,
                legend: [...figures[i].querySelectorAll("li")].map(item => item.textContent),
            }};
        }}),
    }};
}}"""


# Of every choice that can be made, what its control has no room for.
CUT_CHOICES = """root => [...root.querySelectorAll("select")].flatMap((select) => {
    const alone = select.cloneNode();
    alone.style.width = "max-content";
    select.after(alone);
    const cut = [...select.options].filter((option) => !option.disabled).filter((option) => {
        alone.replaceChildren(option.cloneNode(true));
        return alone.offsetWidth > select.offsetWidth;
    });
    alone.remove();
    return cut.map(({ text }) => text);
})"""


@functools.cache
def library(name):
    return PUBLISHED[name]()


def find(page, name):
    return page.locator(f".graphon-explorer[data-explorer={name}]")


def move(root, control, value):
    """Set a control, and wait until the explorer has answered."""
    place = list(control.options).index(value)
    if control.slider:
        slider = root.locator(f"input[name={control.name}]")
        slider.fill(str(place))
        assert slider.get_attribute("aria-valuetext") == control.options[value]
    else:
        root.locator(f"select[name={control.name}]").select_option(index=place)
    settled(root)


def assert_shows(seen, view, steps=255):
    """Compare what a page shows with a view of the library; pictures have so many steps."""
    assert seen["summary"] == view.summary
    assert seen["live"] == "polite"
    assert seen["numbers"] == [[number.label, number.text] for number in view.numbers]
    for shown, panel in zip(seen["panels"], view.panels, strict=True):
        assert shown["label"] == f"{panel.title}. {panel.description}"
        if isinstance(panel, HeatMap):
            span = panel.high - panel.low
            difference = np.abs(unpack(shown["values"]) - panel.values.ravel())
            assert difference.max() <= 0.5001 * span / steps
            colours = mpl.colormaps["viridis"]((panel.values.ravel() - panel.low) / span)
            pixels = unpack(shown["pixels"], np.uint8).reshape(-1, 4) / 255
            # The page interpolates the colour map between 17 colours.
            assert np.abs(pixels - colours).max() < INTERPOLATION
        else:
            legend = [series.label for series in panel.series]
            assert shown["legend"] == legend
            for got, series in zip(shown["values"], panel.series, strict=True):
                np.testing.assert_array_equal(unpack(got), series.y)


def available(explorer, control, parameters):
    """Return the values of a control that have a view beside those of the others."""
    values = [v for v in control.options if not explorer.missing(**parameters | {control.name: v})]
    assert values
    return values


def assert_greyed_out(root, explorer):
    """Check that exactly the values without a view cannot be chosen, and that the reason is read."""
    parameters = root.evaluate(READ)["parameters"]
    for control in explorer.controls:
        options = root.locator(f"select[name={control.name}] > option").all()
        for option, (value, label) in zip(options, control.options.items(), strict=False):
            reason = explorer.missing(**parameters | {control.name: value})
            assert option.is_disabled() == bool(reason)
            assert option.text_content() == (f"{label} ({reason})" if reason else label)


def assert_every_control_moves(root, explorer):
    """Check that every control moves pictures, numbers and words to those of the library."""
    before = root.evaluate(READ)
    assert_shows(before, explorer.view())
    for control in explorer.controls:
        possible = available(explorer, control, before["parameters"])
        other = next(v for v in reversed(possible) if v != control.initial)
        move(root, control, other)
        after = root.evaluate(READ)
        assert after["parameters"] == {**before["parameters"], control.name: other}
        assert_shows(after, explorer.view(**after["parameters"]))
        assert after["summary"] != before["summary"]
        drawings = [[panel["drawing"] for panel in seen["panels"]] for seen in (before, after)]
        assert drawings[0] != drawings[1]
        assert_greyed_out(root, explorer)
        # From elsewhere the next control may have nowhere to go.
        move(root, control, control.initial)


def assert_used_by_keyboard(root, explorer):
    """Check that the keyboard reaches and moves every control, and that it is seen where it is."""
    controls = root.locator("select, input")
    assert controls.count() == len(explorer.controls)
    controls.first.focus()
    before = root.evaluate(READ)["parameters"]
    for i, control in enumerate(explorer.controls):
        focused = root.page.evaluate(
            "[document.activeElement.name, document.activeElement.labels[0].innerText,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert focused[0] == control.name
        assert focused[1].startswith(control.label)
        if i:  # the first was not focused by the keyboard
            assert focused[2] == "solid"
        keys = ("Home", "ArrowRight") if control.slider else ("Home", "ArrowDown")
        for key in keys:
            root.page.keyboard.press(key)
        settled(root)
        seen = root.evaluate(READ)
        first, *more = available(explorer, control, before)
        assert seen["parameters"][control.name] == (more or [first])[0]
        before = seen["parameters"]
        assert_shows(seen, explorer.view(**seen["parameters"]))
        root.page.keyboard.press("Tab")


@pytest.mark.parametrize("place", sorted({*PAGES.values(), *SMALL.values()}))
def test_on_a_page(browser, address, subtests, place):
    names = [name for name, of in [*PAGES.items(), *SMALL.items()] if of == place]
    with opened(browser, f"{address}/{place}") as (page, problems):
        if "sorting" in names:
            with subtests.test("whole numbers on axes are written whole"):
                labels = find(page, "sorting").locator("svg text").all_text_contents()
                assert {"64", "1024", "2048"} <= set(labels)
        for name in names:
            with subtests.test("every control moves picture and numbers", explorer=name):
                assert_every_control_moves(find(page, name), library(name))
            with subtests.test("cause and effect are seen at once", explorer=name):
                assert apart(find(page, name)) == []
        look(page, 375, "dark", height=667)
        for name in names:
            root = find(page, name)
            with subtests.test("cause and effect are seen at once on a phone", explorer=name):
                assert apart(root) == []
            with subtests.test("choices are read whole on a phone", explorer=name):
                assert root.evaluate(CUT_CHOICES) == []
            with subtests.test("used by keyboard on a phone", explorer=name):
                assert_used_by_keyboard(root, library(name))
                assert overflow(page) <= 0
                assert root.evaluate("root => root.scrollWidth - root.clientWidth") <= 0
        assert problems == []


def test_from_a_file(browser, subtests):
    with opened(browser, f"{SITE.as_uri()}/{ALL}") as (page, problems):
        for name in PAGES:
            with subtests.test("every control moves picture and numbers", explorer=name):
                assert_every_control_moves(find(page, name), library(name))
        assert problems == []


@pytest.mark.parametrize("name", PAGES)
def test_without_javascript_words_and_numbers_remain(browser, address, name):
    with new_page(browser, java_script_enabled=False) as page:
        page.goto(f"{address}/{PAGES[name]}")
        text = find(page, name).inner_text()
        view = library(name).view()
        assert view.summary in text
        assert all(number.text in text for number in view.numbers)
        assert "need JavaScript" in text


@pytest.mark.parametrize("name", PAGES)
def test_the_widget_of_jupyter_shows_the_same(browser, name):
    """The module that Jupyter loads, with the library behind it instead of a kernel."""
    explorer = library(name)
    problems = []

    def ask(parameters):
        tree, arrays = encode(explorer.view(**parameters))
        return {"tree": tree, "arrays": [base64.b64encode(array).decode() for array in arrays]}

    with new_page(browser) as page:
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.expose_function("ask", ask)
        finished(
            page,
            "the module that Jupyter loads",
            """async ([code, style, description]) => {
                document.head.append(Object.assign(document.createElement("style"), {textContent: style}));
                const module = new Blob([code], { type: "text/javascript" });
                const { default: widget } = await import(URL.createObjectURL(module));
                let answer;
                const model = {
                    get: () => description,
                    on: (event, call) => { answer = call; },
                    send: async ({ id, parameters }) => {
                        const { tree, arrays } = await ask(parameters);
                        answer({ id, tree }, arrays.map(text => new DataView(
                            Uint8Array.from(atob(text), byte => byte.charCodeAt(0)).buffer)));
                    },
                };
                widget.render({ model, el: document.body });
            }""",
            [ExplorerWidget._esm, ExplorerWidget._css, explorer.describe()],
        )
        root = page.locator(".graphon-explorer")
        last = explorer.states()[-1]
        for control in explorer.controls:
            move(root, control, last[control.name])
        seen = root.evaluate(READ)
        assert seen["parameters"] == last
        assert_shows(seen, explorer.view(**last), steps=1e6)
        assert problems == []
