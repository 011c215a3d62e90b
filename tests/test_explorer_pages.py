"""Explorers in a real browser: every control moved, pictures and numbers those of the library."""

import functools

import matplotlib as mpl
import numpy as np
import pytest
from pages import opened
from timing import best_median

from graphon_lib.book.explorers.catalogue import PUBLISHED
from graphon_lib.book.explorers.jupyter import ExplorerWidget
from graphon_lib.book.explorers.view import HeatMap, encode
from graphon_lib.book.paths import SITE

pytestmark = pytest.mark.browser

LIMIT = 200  # milliseconds

PAGES = {
    "pruning": ("chapters/01-pruning.html", "chapters/explore.html"),
    "convergence": ("chapters/03-convergence.html", "chapters/explore.html"),
    "training": ("chapters/08-causes.html", "chapters/explore.html"),
}


def interpolation_error():
    """Return how far viridis is from lines between 17 of its colours, with two roundings to 8 bits."""
    shares, stops = np.linspace(0, 1, 2001), np.linspace(0, 1, 17)
    colours, exact = (mpl.colormaps["viridis"](places) for places in (stops, shares))
    lines = [np.interp(shares, stops, channel) for channel in colours.T]
    return np.abs(np.transpose(lines) - exact).max() + 2 / 255


INTERPOLATION = interpolation_error()

READ = """root => ({
    parameters: root.explorer.parameters,
    summary: root.querySelector("[role=status]").textContent,
    live: root.querySelector("[role=status]").getAttribute("aria-live"),
    numbers: [...root.querySelectorAll("dl > div")].map(
        row => [row.querySelector("dt").textContent, row.querySelector("dd").textContent]),
    panels: root.explorer.view.panels.map((panel, i) => {
        const figure = root.querySelectorAll("figure")[i];
        const canvas = figure.querySelector("canvas");
        const shown = figure.querySelector("[role=img]");
        return {
            label: shown.getAttribute("aria-label"),
            values: panel.values ? [...panel.values.data] : panel.series.map(s => [...s.y.data]),
            pixels: canvas ? [...canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data] : null,
            drawing: canvas ? canvas.toDataURL() : shown.innerHTML,
            legend: [...figure.querySelectorAll("li")].map(item => item.textContent),
        };
    }),
})"""


@functools.cache
def library(name):
    return PUBLISHED[name]()


def find(page, name):
    root = page.locator(f".graphon-explorer[data-explorer={name}]")
    root.scroll_into_view_if_needed()
    page.wait_for_function(
        "name => document.querySelector(`[data-explorer=${name}]`).explorer", arg=name
    )
    return root


def move(root, control, value):
    """Set a control as a reader would; wait until the explorer has answered."""
    place = list(control.options).index(value)
    name = control.name
    if control.slider:
        slider = root.locator(f"input[name={name}]")
        slider.focus()
        slider.press("Home")
        for _ in range(place):
            slider.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == control.options[value]
    else:
        root.locator(f"select[name={name}]").select_option(index=place)
    root.page.wait_for_function(
        "([root, name, value]) => root.explorer.parameters[name] === value",
        arg=[root.element_handle(), name, value],
    )


def assert_shows(seen, view, steps=255):
    """Compare what a page shows with a view of the library; pictures have so many steps."""
    assert seen["summary"] == view.summary
    assert seen["live"] == "polite"
    assert seen["numbers"] == [[number.label, number.text] for number in view.numbers]
    for shown, panel in zip(seen["panels"], view.panels, strict=True):
        assert shown["label"] == f"{panel.title}. {panel.description}"
        if isinstance(panel, HeatMap):
            span = panel.high - panel.low
            difference = np.abs(np.array(shown["values"]) - panel.values.ravel())
            assert difference.max() <= 0.5001 * span / steps
            colours = mpl.colormaps["viridis"]((panel.values.ravel() - panel.low) / span)
            pixels = np.array(shown["pixels"]).reshape(-1, 4) / 255
            # The page interpolates the colour map between 17 colours.
            assert np.abs(pixels - colours).max() < INTERPOLATION
        else:
            legend = [series.label for series in panel.series]
            assert shown["legend"] == legend
            for got, series in zip(shown["values"], panel.series, strict=True):
                np.testing.assert_array_equal(np.float32(got), series.y)


@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize("name", PAGES)
def test_every_control_moves_picture_and_numbers(browser, address, name, scheme):
    explorer = library(name)
    start = address if scheme == "http" else SITE.as_uri()
    with opened(browser, f"{start}/{PAGES[name][scheme == 'file']}") as (page, problems):
        root = find(page, name)
        before = root.evaluate(READ)
        assert_shows(before, explorer.view())
        for control in explorer.controls:
            other = next(v for v in reversed(control.options) if v != control.initial)
            move(root, control, other)
            after = root.evaluate(READ)
            assert after["parameters"] == {**before["parameters"], control.name: other}
            assert_shows(after, explorer.view(**after["parameters"]))
            assert after["summary"] != before["summary"]
            drawings = [[panel["drawing"] for panel in seen["panels"]] for seen in (before, after)]
            assert drawings[0] != drawings[1]
            before = after
        assert problems == []


@pytest.mark.parametrize("name", PAGES)
def test_an_explorer_is_reached_and_used_by_keyboard_on_a_phone(browser, address, name):
    explorer = library(name)
    with opened(browser, f"{address}/{PAGES[name][0]}", width=375, theme="dark") as (page, _):
        root = find(page, name)
        controls = root.locator("select, input")
        assert controls.count() == len(explorer.controls)
        controls.first.focus()
        for i, control in enumerate(explorer.controls):
            focused = page.evaluate(
                "[document.activeElement.name, document.activeElement.labels[0].innerText,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            assert focused[0] == control.name
            assert focused[1].startswith(control.label)
            if i:  # the first was not focused by the keyboard
                assert focused[2] == "solid"
            page.keyboard.press("ArrowLeft" if control.slider else "ArrowDown")
            page.keyboard.press("ArrowRight" if control.slider else "ArrowUp")
            page.keyboard.press("Tab")
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0
        inside = root.evaluate("root => root.scrollWidth - root.clientWidth")
        assert inside <= 0


@pytest.mark.parametrize("name", PAGES)
def test_moves_are_drawn_in_time(browser, address, name):
    """From an event on a control to the finished drawing, on the page."""
    with opened(browser, f"{address}/{PAGES[name][0]}") as (page, _):
        root = find(page, name)
        move_eight_times = """async root => {
            const [slider, times] = [root.querySelector("input"), []];
            for (let i = 0; i < 8; i++) {
                slider.value = i % 2;
                const start = performance.now();
                const drawn = new Promise(done =>
                    root.addEventListener("explorer-drawn", done, { once: true }));
                slider.dispatchEvent(new Event("input"));
                await drawn;
                times.push(performance.now() - start);
            }
            return times;
        }"""
        assert best_median(lambda: root.evaluate(move_eight_times), LIMIT) < LIMIT


@pytest.mark.parametrize("name", PAGES)
def test_without_javascript_words_and_numbers_remain(browser, address, name):
    url = f"{address}/{PAGES[name][0]}"
    with opened(browser, url, java_script_enabled=False) as (page, _):
        text = page.locator(f"[data-explorer={name}]").inner_text()
        view = library(name).view()
        assert view.summary in text
        assert all(number.text in text for number in view.numbers)
        assert "need JavaScript" in text


@pytest.mark.parametrize("name", PAGES)
def test_the_widget_of_jupyter_shows_the_same(browser, address, name):
    """The module that Jupyter loads, with the library behind it instead of a kernel."""
    explorer = library(name)

    def ask(parameters):
        tree, arrays = encode(explorer.view(**parameters))
        return {"tree": tree, "arrays": [array.ravel().tolist() for array in arrays]}

    with opened(browser, f"{address}/search.html") as (page, problems):
        page.expose_function("ask", ask)
        page.evaluate(
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
                        answer({ id, tree }, arrays.map(
                            values => new DataView(new Float32Array(values).buffer)));
                    },
                };
                widget.render({ model, el: document.body });
            }""",
            [ExplorerWidget._esm, ExplorerWidget._css, explorer.describe()],
        )
        page.wait_for_function("document.querySelector('.graphon-explorer').explorer")
        root = page.locator(".graphon-explorer")
        for control in explorer.controls:
            move(root, control, list(control.options)[-1])
        seen = root.evaluate(READ)
        last = explorer.states()[-1]
        assert seen["parameters"] == last
        assert_shows(seen, explorer.view(**last), steps=1e6)
        assert problems == []


def test_a_missing_data_script_is_reported(browser, address):
    with opened(browser, f"{address}/chapters/01-pruning.html") as (page, _):
        text = page.evaluate("""async () => {
            const host = GraphonExplorers.hosts.precomputed("nothing", "nothing.data.js");
            return host.catch(error => error.message);
        }""")
        assert text == "nothing.data.js cannot be loaded"
