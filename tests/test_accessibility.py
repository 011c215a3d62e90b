"""Accessibility of the built pages: the keyboard suffices, and motion can be avoided."""

import pytest
from pages import CHAPTER_PAGES, opened, serious_violations, wake_explorers

pytestmark = pytest.mark.browser


def test_axe_does_find_violations(browser, address):
    # That no page has any would pass as well if axe saw nothing.
    with opened(browser, f"{address}/{CHAPTER_PAGES[0]}") as (page, _):
        page.evaluate("document.querySelector('article').append(document.createElement('img'))")
        assert "image-alt" in [rule for rule, _ in serious_violations(page)]


def test_every_control_of_an_explorer_has_visible_focus(browser, address):
    with opened(browser, f"{address}/chapters/05-random.html") as (page, _):
        wake_explorers(page)
        root = page.locator(".graphon-explorer")
        # Stands in for Python: it is ready at once and never answers.
        page.evaluate(
            """() => {
                globalThis.Worker = class extends EventTarget {
                    postMessage({ pixels }) {
                        const data = { ready: true };
                        if (pixels) this.dispatchEvent(new MessageEvent("message", { data }));
                    }
                };
            }"""
        )
        root.get_by_role("button", name="Run live").click()
        reached = []
        for _ in range(40):
            page.keyboard.press("Tab")
            name, inside, outline = page.evaluate(
                """() => {
                    const here = document.activeElement;
                    const marked = here.type === "radio" ? here.closest("label") : here;
                    return [
                        here.name || here.tagName,
                        Boolean(here.closest(".graphon-explorer")),
                        getComputedStyle(marked).outlineStyle !== "none",
                    ];
                }"""
            )
            if not inside:
                break
            assert outline, f"{name} shows no focus"
            reached.append(name)
        assert {"design-layer", "CANVAS", "family", "held", "density", "brush"} <= set(reached)


def test_motion_is_reduced_for_those_who_ask(browser, address):
    with opened(browser, f"{address}/{CHAPTER_PAGES[0]}", reduced_motion="reduce") as (page, _):
        longest = page.evaluate(
            """() => Math.max(...[...document.querySelectorAll("*")].flatMap((element) => {
                const { animationDuration, transitionDuration } = getComputedStyle(element);
                return `${animationDuration}, ${transitionDuration}`.split(", ").map(parseFloat);
            }))"""
        )
        assert longest < 0.001
