"""Time explorers, from a move to its drawing; run with `python tests/benchmarks/explorers.py`.

On the built pages in Chromium: from the event on a slider, or on a list where there is none, to the
finished drawing. In Jupyter: from a request to the kernel to the answer with its arrays. "Design a
graphon", whose Python runs in the page, is timed once it has been started.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import test_pages_design as design
from browsers import launched, served
from clocks import machine
from pages import opened
from test_explorer_pages import PAGES, find
from test_explorers_jupyter import WIDGET, ask, kernel, library

from graphon_lib.book.printed import find_browser

MOVES = 30

MOVE = """async ([root, moves]) => {
    const control = root.querySelector("input[type=range]") ?? root.querySelector("select");
    const list = control.tagName === "SELECT", times = [];
    for (let i = 0; i < moves; i++) {
        control.value = i % 2 ? (list ? 0 : control.min) : (list ? 1 : control.max);
        const start = performance.now();
        control.dispatchEvent(new Event(list ? "change" : "input"));
        await root.explorer.settled;
        times.push(performance.now() - start);
    }
    return times;
}"""


def show(name, times):
    print(
        f"{name}: median {statistics.median(times):.1f} ms, "
        f"from {min(times):.1f} to {max(times):.1f} ms, {len(times)} moves",
        flush=True,
    )


def time_pages(browser, address):
    for name, path in PAGES.items():
        with opened(browser, f"{address}/{path}") as (page, _):
            root = find(page, name).element_handle()
            show(f"{name}, on its page", page.evaluate(MOVE, [root, MOVES]))


def time_design(browser, address):
    with opened(browser, f"{address}/{design.PAGE}") as (page, _):
        root = page.locator(design.EXPLORER)
        started = time.perf_counter()
        print(design.start(root), f"({time.perf_counter() - started:.1f} s to start)")
        show("design, Python in the page", page.evaluate(MOVE, [root.element_handle(), MOVES]))


def time_kernel():
    states = library().states()
    times = []
    with kernel() as (client, data):
        for number in range(MOVES):
            request = {"id": number, "parameters": states[11 * number % len(states)]}
            started = time.perf_counter()
            ask(client, data[WIDGET]["model_id"], request)
            times.append(1000 * (time.perf_counter() - started))
    show("convergence, Jupyter kernel", times)


def main():
    print(machine())
    path = find_browser()
    if path is None:
        raise SystemExit("no Chromium on this machine")
    with served() as address, launched(path) as browser:
        time_pages(browser, address)
        time_design(browser, address)
    time_kernel()


if __name__ == "__main__":
    main()
