"""Accessibility of the built pages: the keyboard suffices, and violations would be found."""

import re

import pytest
from browsers import new_page
from pages import opened, violations

pytestmark = pytest.mark.browser


def test_axe_does_find_violations(browser):
    # That no page has any would pass as well if axe saw nothing.
    with new_page(browser) as page:
        page.set_content('<img src="data:,"> <p style="color: #ccc; background: #fff">pale</p>')
        found = {rule for rule, _ in violations(page)}
        assert {"image-alt", "color-contrast"} <= found


def test_every_control_of_an_explorer_has_visible_focus(browser, address):
    with opened(browser, f"{address}/chapters/05-random.html") as (page, _):
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
        root.get_by_role("button", name="Run live").press("Enter")
        root.locator("fieldset:not([disabled])").wait_for()
        reached = []
        for _ in range(40):
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
            page.keyboard.press("Tab")
        # The button that was clicked is gone, and hands its focus on.
        assert reached[0] == "design-layer"
        assert {"CANVAS", "family", "held", "density", "brush"} <= set(reached)


def test_screen_readers_are_told_what_every_explorer_holds(browser, address):
    with opened(browser, f"{address}/chapters/explore.html") as (page, _):
        explorers = page.locator(".graphon-explorer[data-explorer]").all()
        assert explorers
        for explorer in explorers:
            tree = explorer.aria_snapshot()
            roles = "button|checkbox|combobox|img|radio|slider"
            found = re.findall(rf"- '?({roles})\b(?: \"(.+?)\")?", tree)
            assert {"img"} < {role for role, _ in found}
            assert [role for role, name in found if not name] == []
            # What changes is said, in words: the numbers and the sentence below the pictures.
            assert explorer.locator("[aria-live], [role=status]").count() > 0
            assert explorer.locator(".ge-summary").inner_text() in " ".join(tree.split())
