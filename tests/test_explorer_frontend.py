"""The explorers' scripts on an empty page: axes, and what is said when the other side dies."""

import numpy as np
import pytest
from browsers import new_page
from pages import finished, settled

from graphon_lib.book.explorers.design import DesignExplorer, Preset, example_pixels
from graphon_lib.book.explorers.frontend import FOLDER, PAGE_SCRIPTS, STYLE_SHEETS
from graphon_lib.book.explorers.view import HeatMap, LineChart, Series, View, encode
from graphon_lib.book.looks import SERIES
from graphon_lib.experiments.data import load_mnist

pytestmark = pytest.mark.browser

AXIS = 188  # where the lower end of a chart lies, in the pixels of its drawing

# Stands in for a worker with Python. A test lets it speak, or die.
STUB = """globalThis.Worker = class extends EventTarget {
    constructor() { super(); this.heard = []; this.ended = false; globalThis.worker = this; }
    postMessage(message) {
        this.heard.push(message);
        if (message.parameters && globalThis.reply) {
            queueMicrotask(() => this.say({ id: message.id, ...structuredClone(reply) }));
        }
    }
    say(data) { this.dispatchEvent(new MessageEvent("message", { data })); }
    die(message) { this.dispatchEvent(new ErrorEvent("error", { message, cancelable: true })); }
    terminate() { this.ended = true; }
};"""


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def empty_page(browser):
    with new_page(browser) as page:
        yield page


@pytest.fixture
def page(empty_page):
    styles = [f"<style>{read(name)}</style>" for name in STYLE_SHEETS]
    scripts = [f"<script>{code}</script>" for code in (STUB, *map(read, PAGE_SCRIPTS))]
    empty_page.goto("about:blank")
    empty_page.set_content("".join([*styles, '<div class="graphon-explorer"></div>', *scripts]))
    size = empty_page.viewport_size
    yield empty_page
    empty_page.set_viewport_size(size)


def drawn(page, y, low=None, high=None):
    """Draw a line over a logarithmic axis; return the labels of the axis and the paths of a kind."""
    series = {"label": "line", "style": vars(SERIES[0])}
    series |= {"y": y, "low": low, "high": high}
    return page.evaluate(
        """(series) => {
            const array = (data) => data && { shape: [data.length], data };
            const x = series.y.map((_, i) => i + 1);
            for (const name of ["y", "low", "high"]) series[name] = array(series[name]);
            const figure = document.createElement("figure");
            GraphonExplorers.lineChart(figure, {
                title: "chart", description: "a line", x: array(x), series: [series],
                x_label: "x", y_label: "y", x_scale: "linear", y_scale: "log", marked: null,
            });
            const paths = [...figure.querySelector("svg").querySelectorAll("path")];
            const of = (name) => paths.filter((path) => path.classList.contains(name))
                .map((path) => path.getAttribute("d"));
            return {
                labels: [...figure.querySelectorAll("svg text[text-anchor=end]")]
                    .map((text) => Number(text.textContent)),
                lines: of("ge-line"),
                bands: of("ge-band"),
            };
        }""",
        series,
    )


@pytest.mark.parametrize(
    ("low", "high"),
    [(2.2, 4.8), (5.2, 9.6), (0.11, 0.19), (2.2e-15, 4.8e-15), (0.8, 6.0), (1e-6, 1.0), (3.0, 3.0)],
)
def test_a_logarithmic_axis_has_two_labels_or_more_wherever_it_lies(page, low, high):
    labels = drawn(page, [low, high])["labels"]
    assert 2 <= len(set(labels)) <= 12
    # With the room at the ends; one value stands in the middle of a factor of four.
    assert low / 2.2 <= min(labels)
    assert max(labels) <= high * 2.2


def test_bars_that_reach_below_a_logarithmic_axis_end_on_it(page):
    bars = drawn(page, [1, 2, 3], [0.5, 0, -1], [2, 3, 4])["lines"][1:]
    ends = [float(bar.split()[1].split("V")[0]) for bar in bars]
    assert len(ends) == 3
    assert 100 < ends[0] < AXIS
    assert ends[1:] == [AXIS, AXIS]


def test_a_band_that_reaches_below_a_logarithmic_axis_is_whole(page):
    count = 20
    y = [1.0 + i for i in range(count)]
    (band,) = drawn(page, y, [0.5] * 5 + [0.0] * 15, [2 * value for value in y])["bands"]
    points = [point.split() for point in band.strip("MZ").split("L")]
    assert len(points) == 2 * count
    below = [float(height) for _, height in points[count:]]
    assert below[:15] == [AXIS] * 15
    assert all(100 < height < AXIS for height in below[15:])


def test_a_point_without_bounds_has_no_bar(page):
    bars = drawn(page, [1, 2, 3], [0.5, float("nan"), 1], [2, float("nan"), 4])["lines"][1:]
    assert len(bars) == 2


@pytest.mark.parametrize("marked", [0.5, 0.3, 0.2, 0.1, 0.05])
def test_the_chosen_point_is_marked_wherever_it_is(page, marked):
    x = np.array([0.05, 0.1, 0.2, 0.3, 0.5])
    line = Series("line", x, SERIES[0])
    chart = LineChart("chart", x, (line,), "x", "y", "a line", marked=marked)
    tree, arrays = encode(View((chart,), ""))
    chosen = page.evaluate(
        """([tree, arrays]) => {
            const figure = document.createElement("figure");
            const { panels } = GraphonExplorers.decode(tree, arrays.map((a) => new Float32Array(a)));
            GraphonExplorers.lineChart(figure, panels[0]);
            const points = [...figure.querySelectorAll(".ge-point, .ge-chosen")].filter(
                (path) => !path.closest("li"));
            return points.map((point) => point.classList.contains("ge-chosen"));
        }""",
        [tree, [array.tolist() for array in arrays]],
    )
    assert chosen == [value == marked for value in x]


def luminance(colour):
    """Return the relative luminance of the Web Content Accessibility Guidelines of bytes of RGB."""
    share = np.asarray(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("width", [1280, 375])
def test_values_written_on_a_map_stand_on_their_cells_and_can_be_read(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    values = np.linspace(0.5, 2.0, 60).reshape(12, 5)
    picture = HeatMap("map", values, 0.5, 2.0, "rows", "columns", "a map", written=True)
    tree, arrays = encode(View((picture,), ""))
    seen = page.evaluate(
        """([tree, arrays]) => {
            const root = document.querySelector(".graphon-explorer");
            const place = root.appendChild(document.createElement("figure"));
            const { panels } = GraphonExplorers.decode(tree, arrays.map((a) => new Float32Array(a)));
            GraphonExplorers.heatMap(place, panels[0]);
            GraphonExplorers.heatMap(place, panels[0]);
            const canvas = place.querySelector("canvas");
            const box = canvas.getBoundingClientRect();
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [...place.querySelectorAll("span")].filter((e) => e.closest(".ge-cells")).map((e) => {
                const at = e.getBoundingClientRect();
                const share = (middle, start, size, n) => Math.floor((middle - start) / size * n);
                const row = share((at.top + at.bottom) / 2, box.top, box.height, canvas.height);
                const column = share((at.left + at.right) / 2, box.left, box.width, canvas.width);
                const pixel = 4 * (row * canvas.width + column);
                return {
                    text: e.textContent,
                    cell: [row, column],
                    ground: [...data.slice(pixel, pixel + 3)],
                    colour: getComputedStyle(e).color.match(/\\d+/g).map(Number),
                    hidden: e.closest("[aria-hidden=true]") !== null,
                };
            });
        }""",
        [tree, [array.ravel().tolist() for array in arrays]],
    )
    assert [one["text"] for one in seen] == [f"{value:.2f}" for value in np.float32(values).flat]
    assert [tuple(one["cell"]) for one in seen] == list(np.ndindex(values.shape))
    for one in seen:
        low, high = sorted(luminance(one[which]) for which in ("ground", "colour"))
        assert (high + 0.05) / (low + 0.05) >= 4.5
        assert one["hidden"]


HOST = """() => {
globalThis.host = GraphonExplorers.hosts.pyodide(
    { description: { pixels: "digits" }, compute: async () => "still" }, "worker.js");
globalThis.outcome = (promise) =>
    promise.then((value) => ["answer", value], (error) => ["error", error.message]);
}"""
ANSWERS = "an answer to every request"


def test_a_worker_that_dies_leaves_no_request_without_an_answer(page):
    page.evaluate(HOST)
    outcomes = finished(
        page,
        ANSWERS,
        """async () => {
        const started = outcome(host.start(() => {}, (reason) => { globalThis.told = reason; }));
        worker.say({ ready: true });
        const requests = [{}, {}, {}].map((parameters) => outcome(host.compute(parameters)));
        worker.say({ id: 1, tree: "first", arrays: [] });
        worker.die("out of memory");
        const later = outcome(host.compute({}));
        return Promise.all([started, ...requests, later]);
    }""",
    )
    assert [kind for kind, *_ in outcomes] == ["answer", "answer", "error", "error", "error"]
    assert outcomes[1] == ["answer", "first"]
    for _, message in outcomes[2:]:
        assert message == "Python has stopped (out of memory)"
    assert page.evaluate("worker.ended")
    assert page.evaluate("told") == "out of memory"


def test_before_python_is_started_requests_are_refused(page):
    page.evaluate(HOST)
    told = finished(page, ANSWERS, "() => outcome(host.compute({}))")
    assert told == ["error", "Python has not been started"]


def test_a_worker_of_an_earlier_start_does_not_end_the_next(page):
    page.evaluate(HOST)
    outcomes = finished(
        page,
        ANSWERS,
        """async () => {
        const first = outcome(host.start(() => {}));
        const old = worker;
        old.say({ failed: "no wheel" });
        const second = outcome(host.start(() => {}));
        old.die("too late");
        worker.say({ ready: true });
        const request = outcome(host.compute({}));
        worker.say({ id: 1, tree: "view", arrays: [] });
        return Promise.all([first, second, request]);
    }""",
    )
    assert outcomes[0] == ["error", "no wheel"]
    assert [kind for kind, *_ in outcomes[1:]] == ["answer", "answer"]


def test_after_an_error_and_after_an_error_in_telling_it_the_newest_request_runs(page):
    seen = finished(
        page,
        ANSWERS,
        """async () => {
        const seen = [];
        const run = GraphonExplorers.latest(
            async (value) => { if (value < 3) throw new Error(value); return value; },
            (value) => seen.push(value),
            (error) => { seen.push(error.message); if (seen.length > 1) throw new Error("again"); },
        );
        run(0);
        await run(1).catch((error) => seen.push(error.message));
        run(2);
        await run(3).catch((error) => seen.push(error.message));
        return seen;
    }""",
    )
    assert seen == ["0", "1", "again", "2", 3, "again"]


def test_a_request_is_settled_once_the_newest_is_done(page):
    seen = finished(
        page,
        ANSWERS,
        """async () => {
        const seen = [];
        const answers = [];
        const run = GraphonExplorers.latest(
            (value) => new Promise((resolve) => answers.push(() => resolve(value))),
            (value) => seen.push(value),
        );
        const first = run(0).then(() => seen.push("settled"));
        run(1);
        run(2);
        answers.shift()();
        while (!answers.length) await Promise.resolve();
        answers.shift()();
        await first;
        return seen;
    }""",
    )
    assert seen == [0, 2, "settled"]


def test_a_missing_data_script_is_reported(page, address):
    script = f"{address}/nothing.data.js"
    text = finished(
        page,
        "an answer",
        """(script) => GraphonExplorers.hosts.precomputed("nothing", script)
            .catch((error) => error.message)""",
        script,
    )
    assert text == f"{script} cannot be loaded"


DENSE = [{"cells": np.ones((rows, 16)).tolist(), "density": None} for rows in (16, 16, 16, 10)]


@pytest.fixture
def designing(page):
    """The page with "Design a graphon" before "Run live"."""
    preset = Preset("Dense", "Nothing is pruned.", DENSE)
    explorer = DesignExplorer(example_pixels(load_mnist()), [preset])
    tree, arrays = encode(explorer.view())
    page.evaluate(
        """([description, tree, arrays]) => {
            globalThis.reply = { tree, arrays };
            const still = { description, compute: async () => GraphonExplorers.decode(tree, structuredClone(arrays)) };
            const root = document.querySelector(".graphon-explorer");
            GraphonExplorers.start(root, GraphonExplorers.hosts.pyodide(still, "worker.js"));
        }""",
        [explorer.describe(), tree, [array.ravel().tolist() for array in arrays]],
    )
    settled(page.locator(".graphon-explorer"))
    return page


def painter(page):
    return page.locator(".ge-painter canvas").evaluate(
        """(canvas) => [canvas.getAttribute("tabindex"), canvas.getAttribute("aria-disabled"),
            getComputedStyle(canvas).touchAction]"""
    )


def test_the_painter_is_out_of_the_way_until_it_can_paint(designing):
    assert painter(designing) == ["-1", "true", "auto"]
    designing.locator(".ge-painter canvas").click(force=True)
    designing.locator(".ge-painter canvas").press("ArrowDown")
    assert "Row 1, column 1" in designing.locator(".ge-cell").inner_text()
    designing.get_by_role("button", name="Run live").click()
    designing.evaluate("worker.say({ ready: true })")
    designing.wait_for_selector("fieldset:not([disabled])")
    assert painter(designing) == ["0", "false", "none"]
    designing.locator(".ge-painter canvas").click(position={"x": 1, "y": 1})
    designing.locator(".ge-painter canvas").press("ArrowDown")
    assert "Row 2, column 1" in designing.locator(".ge-cell").inner_text()


def run_live(page):
    page.get_by_role("button", name="Run live").press("Enter")
    page.evaluate("worker.say({ ready: true })")
    page.wait_for_selector("fieldset:not([disabled])")
    settled(page.locator(".graphon-explorer"))


def asked(page):
    """Return the layers that Python was last asked for."""
    settled(page.locator(".graphon-explorer"))
    return page.evaluate("worker.heard.at(-1).parameters.layers")


def test_who_starts_python_by_keyboard_goes_on_in_the_design(designing):
    run_live(designing)
    assert designing.evaluate("document.activeElement.name") == "design-layer"
    designing.evaluate("worker.die('out of memory')")
    designing.wait_for_selector("fieldset[disabled]")
    assert designing.evaluate("document.activeElement.textContent") == "Run live"


def test_while_python_starts_the_button_keeps_the_focus_and_starts_no_other(designing):
    button = designing.get_by_role("button", name="Run live")
    button.press("Enter")
    designing.evaluate("globalThis.first = worker")
    button.press("Enter")
    assert designing.evaluate("document.activeElement.textContent") == "Run live"
    assert designing.evaluate("first === worker")


def test_a_reader_is_told_that_python_has_stopped_and_starts_it_again(designing):
    run_live(designing)
    designing.locator("[name=density]").press("ArrowRight")
    design = asked(designing)
    designing.evaluate("worker.die('out of memory')")
    designing.wait_for_selector("fieldset[disabled]")
    said = designing.locator(".ge-live")
    assert "Python has stopped: out of memory." in said.inner_text()
    assert "Live:" not in said.inner_text()
    # In one step, before the new worker has said a word.
    again = "live => { live.querySelector('button').click(); return live.innerText; }"
    assert "stopped" not in said.evaluate(again)
    run_live(designing)
    assert "Live:" in designing.locator(".ge-live").inner_text()
    assert asked(designing) == design


def test_a_quick_stroke_leaves_no_gap(designing):
    run_live(designing)
    canvas = designing.locator(".ge-painter canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    cell = box["width"] / 16
    designing.locator("[name=brush]").press("Home")
    mouse = designing.mouse
    mouse.move(box["x"] + 1.5 * cell, box["y"] + 2.5 * cell)
    mouse.down()
    mouse.move(box["x"] + 13.5 * cell, box["y"] + 8.5 * cell)  # in one step
    mouse.up()
    cells = np.array(asked(designing)[1]["cells"])
    rows, columns = [2 + round((j - 1) / 2) for j in range(1, 14)], range(1, 14)
    painted = cells == 0
    assert painted[:, 1:14].any(axis=0).all()
    # From one column to the next at most one row down.
    assert all(painted[max(i - 1, 0) : i + 2, j].any() for i, j in zip(rows, columns, strict=True))
    undo = designing.get_by_role("button", name="Undo")
    undo.press("Enter")
    assert "cells" not in asked(designing)[1]  # the stroke is one step


def test_changes_are_undone_step_by_step_and_reset(designing):
    run_live(designing)
    start = asked(designing)
    undo = designing.get_by_role("button", name="Undo")
    assert undo.get_attribute("aria-disabled") == "true"
    for _ in range(3):
        designing.locator("[name=density]").press("ArrowRight")
    moved = asked(designing)
    assert moved[1]["density"] == pytest.approx(start[1]["density"] + 0.03)
    designing.locator("[name=family]").select_option(label="Ramp")
    assert asked(designing)[1]["family"] == "ramp"
    designing.locator("[name=family]").press("Control+z")
    assert asked(designing) == moved
    undo.press("Enter")
    assert asked(designing) == start  # moves of one slider are one step
    assert undo.get_attribute("aria-disabled") == "true"
    designing.locator("[name=density]").press("ArrowLeft")
    designing.get_by_role("button", name="Reset").press("Enter")
    assert asked(designing) == start
    undo.press("Enter")
    assert asked(designing)[1]["density"] == pytest.approx(start[1]["density"] - 0.01)


def origin(page):
    """Return what is said of where the design comes from: the chosen option, and the sentence."""
    return page.locator("[name=preset]").evaluate(
        """(select) => [select.selectedOptions[0].label,
            document.getElementById(select.getAttribute("aria-describedby")).textContent]"""
    )


def test_a_preset_is_one_step_and_can_be_painted_on(designing):
    run_live(designing)
    start, first = asked(designing), origin(designing)
    assert first[0] == "The first example"
    designing.locator("[name=preset]").select_option(label="Dense")
    assert asked(designing) == DENSE
    assert origin(designing) == ["Dense", "Nothing is pruned."]
    assert designing.evaluate("document.activeElement.name") != "family"
    assert designing.locator("[name=held]").is_checked() is False
    designing.locator("[name=brush]").press("Home")
    designing.locator(".ge-painter canvas").press("Enter")
    painted = asked(designing)
    assert painted[1]["cells"][0][0] == 0.0
    assert [painted[i] for i in (0, 2, 3)] == [DENSE[i] for i in (0, 2, 3)]
    assert origin(designing) == ["Your own design", ""]
    undo = designing.get_by_role("button", name="Undo")
    undo.press("Enter")
    assert (asked(designing), origin(designing)[0]) == (DENSE, "Dense")
    undo.press("Enter")
    assert (asked(designing), origin(designing)) == (start, first)
    assert undo.get_attribute("aria-disabled") == "true"


def test_what_is_optimised_is_one_step_unless_the_reader_has_gone_on(designing):
    run_live(designing)
    designing.locator("[name=preset]").select_option(label="Dense")
    assert asked(designing) == DENSE
    designing.locator("[name=objective]").select_option(label="the most paths")
    optimise = designing.get_by_role("button", name="Optimise")
    optimise.press("Enter")
    assert asked(designing) == DENSE
    assert designing.evaluate("worker.heard.at(-1).parameters.optimise") == "paths"
    # The stub answers with the first example, whose cells the design then has.
    designing.locator("[name=held]").click()
    cells = [np.array(layer["cells"]) for layer in asked(designing)]
    expected = designing.evaluate("reply.arrays.slice(0, 4)")
    for own, values in zip(cells, expected, strict=True):
        assert own.ravel() == pytest.approx(values, abs=1e-4)
    undo = designing.get_by_role("button", name="Undo")
    undo.press("Enter")
    undo.press("Enter")
    assert asked(designing) == DENSE
    # Nothing is taken over that another design was asked for.
    designing.evaluate("globalThis.kept = reply; reply = null")
    optimise.press("Enter")
    designing.locator("[name=preset]").select_option(label="The first example")
    designing.evaluate("reply = kept; worker.say({ id: worker.heard.at(-1).id, ...kept })")
    settled(designing.locator(".graphon-explorer"))
    assert origin(designing)[0] == "The first example"


def test_why_a_design_cannot_be_optimised_is_said_beside_the_button(designing):
    run_live(designing)
    designing.evaluate("reply = null")
    designing.get_by_role("button", name="Optimise").press("Enter")
    designing.evaluate("worker.say({ id: worker.heard.at(-1).id, error: 'too few weights' })")
    settled(designing.locator(".graphon-explorer"))
    assert "too few weights" in designing.locator(".ge-steps + .ge-said").inner_text()
    assert origin(designing)[0] == "The first example"
    assert designing.get_by_role("button", name="Undo").get_attribute("aria-disabled") == "true"


def test_no_slider_is_dead_while_the_density_is_held(designing):
    run_live(designing)
    designing.locator(".ge-layer").nth(0).click()
    held = designing.locator(".ge-controls input[type=range]")
    assert [slider.get_attribute("name") for slider in held.all()] == ["density", "brush"]
    assert held.first.evaluate("(slider) => slider.labels[0].innerText.startsWith('Density')")
    designing.locator("[name=held]").uncheck()
    assert held.first.evaluate("(slider) => slider.labels[0].innerText.startsWith('Value')")


def kept(page, layers):
    """Return what a design makes of an address, and of that cut off."""
    return page.evaluate(
        """([description, layers]) => {
            const shapes = [[16, 16], [16, 16], [16, 16], [10, 16]];
            const one = new GraphonExplorers.Design(description);
            Object.assign(one.layers[1], layers);
            const other = new GraphonExplorers.Design(description);
            const cut = new GraphonExplorers.Design(description);
            return [
                other.read(one.fragment, shapes),
                JSON.stringify(one.request()) === JSON.stringify(other.request()),
                cut.read(one.fragment.slice(0, -9), shapes),
                cut.preset === 0,
            ];
        }""",
        [DesignExplorer(example_pixels(load_mnist())).describe(), layers],
    )


CELLS = np.eye(16).tolist()


@pytest.mark.parametrize(
    ("layers", "known"),
    [
        ({"family": "ramp", "parameters": {"rows": 0.2, "columns": 0.1}}, True),
        ({"family": "painted", "cells": CELLS, "density": 0.2, "held": False}, True),
        ({"family": "spiral"}, False),
        ({"family": "ramp", "parameters": {"rows": 7, "columns": 0.1}}, False),
        ({"density": 2}, False),
        ({"cells": CELLS[:9]}, False),
        ({"cells": [[2.0, *row[1:]] for row in CELLS]}, False),
    ],
)
def test_an_address_keeps_a_design_and_no_nonsense(page, layers, known):
    assert kept(page, layers) == [known, known, False, True]
