"""Accessibility of the built pages: axe-core finds nothing serious, and the keyboard suffices."""

import pytest
from pages import CHAPTER_PAGES, PAGES, opened

from graphon_lib.book.assets import PACKAGES

pytestmark = pytest.mark.browser

AXE = PACKAGES / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => [id, nodes.slice(0, 5).map(({ html, target, failureSummary }) =>
            `${target}: ${html.slice(0, 200)}: ${failureSummary.split("\\n").pop().trim()}`)]);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation(browser, address, name, theme):
    with opened(browser, f"{address}/{name}", theme=theme) as (page, _):
        page.add_script_tag(path=AXE)
        violations = page.evaluate(RUN_AXE)
        shown = "\n".join(f"{rule}:\n  " + "\n  ".join(nodes) for rule, nodes in violations)
        assert violations == [], shown


def test_axe_does_find_violations(browser, address):
    # The test above would pass as well if axe saw nothing.
    with opened(browser, f"{address}/{CHAPTER_PAGES[0]}") as (page, _):
        page.add_script_tag(path=AXE)
        page.evaluate("document.querySelector('article').append(document.createElement('img'))")
        assert "image-alt" in [rule for rule, _ in page.evaluate(RUN_AXE)]
