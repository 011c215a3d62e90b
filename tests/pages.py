"""What the browser tests share: the pages of the site, how to wait for one, and how to read arrays.

Nothing here or in the tests waits for a while: they wait for what a page itself says, and
`PATIENCE` only ends tests that would hang.
"""

import base64
from contextlib import contextmanager

import numpy as np
from browsers import PATIENCE
from playwright.sync_api import TimeoutError as Hangs

from graphon_lib.book.assets import PACKAGES
from graphon_lib.book.paths import SITE

PAGES = sorted(
    page.relative_to(SITE).as_posix()
    for page in [*SITE.glob("chapters/**/*.html"), *SITE.glob("*.html")]
    # Neither has the looks of the others: one leads on to the first page, one is for wrong addresses.
    if page not in (SITE / "index.html", SITE / "404.html")
)

AXE = PACKAGES / "axe-core" / "axe.min.js"
# Only rules about films and about turned screens need axe to fetch files.
RUN_AXE = """async ([only, without]) => {
    const off = without.map((rule) => [rule, { enabled: false }]);
    const { violations, incomplete } = await axe.run(document, {
        resultTypes: ["violations", "incomplete"],
        preload: false,
        rules: { "label-content-name-mismatch": { enabled: true }, ...Object.fromEntries(off) },
        ...(only && { runOnly: only }),
    });
    // Of text in the very colour of its ground axe says that it cannot tell.
    const unseen = incomplete
        .map(({ id, nodes }) => ({ id, nodes: nodes.filter(({ any }) =>
            any.some(({ data }) => data?.messageKey === "equalRatio")) }))
        .filter(({ nodes }) => nodes.length);
    return [...violations, ...unseen].map(({ id, nodes }) => [id, nodes.slice(0, 5).map(({ html, target, failureSummary }) =>
            `${target}: ${html.slice(0, 200)}: ${failureSummary.split("\\n").pop().trim()}`)]);
}"""

COLOUR_RULES = ["color-contrast", "link-in-text-block"]
"""Those of axe's rules that can find in one theme what they do not find in the other."""

LOADED = {
    "document": "document.readyState === 'complete'",
    "style sheets": "[...document.querySelectorAll('link[rel=stylesheet]')].every((link) => link.sheet)",
    "formulas": """async () => {
        if (!globalThis.MathJax) return;
        if (!MathJax.startup.promise) throw new Error("MathJax was not loaded");
        await MathJax.startup.promise;
    }""",
    # A picture that cannot be decoded has no width, which is for a test to find.
    "pictures": """async () => {
        const images = [...document.images];
        for (const image of images) {
            if (image.loading === "lazy") image.dataset.late = "";
            image.loading = "eager";
        }
        await Promise.all(images.map((image) => image.decode().catch(() => {})));
    }""",
    # An explorer wakes when it comes near the window.
    "explorers": """async () => {
        for (const root of document.querySelectorAll(".graphon-explorer[data-explorer]")) {
            root.scrollIntoView({ behavior: "instant" });
            while (!root.explorer) await new Promise(requestAnimationFrame);
            await root.explorer.settled;
            if (!root.explorer.view) throw new Error(`an explorer shows nothing: ${root.textContent}`);
        }
        scrollTo({ top: 0, behavior: "instant" });
    }""",
    "fonts": """async () => {
        document.body.getBoundingClientRect();  // which asks for the fonts that are needed
        await document.fonts.ready;
    }""",
}

# Scripts are told of a new size, and new fonts asked for, with the next frame. Transitions are brought to
# their end rather than waited for: those outside the window may never say that they have come to it.
STILL = """async () => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    await document.fonts.ready;
    for (const animation of document.getAnimations()) {
        if (animation.effect.getComputedTiming().endTime !== Infinity) animation.finish();
    }
}"""

# Number by number, arrays would take most of the time of a test.
PACK = """(array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""

SETTLED = """async (root) => {
    await new Promise(requestAnimationFrame);  // movements of the mouse arrive with the frame
    await root.explorer.settled;
}"""


def finished(page, what, function, arg=None):
    """Wait until a condition holds, or a promise is kept, on a page; return its value."""
    try:
        return page.wait_for_function(function, arg=arg).json_value()
    except Hangs:
        raise AssertionError(
            f"{page.url}: waited {PATIENCE / 1000:g} s in vain for {what}"
        ) from None


def ready(page):
    """Wait until a page has all that it loads, its formulas, pictures, fonts and explorers."""
    for what, function in LOADED.items():
        finished(page, what, function)
    still(page)


def still(page):
    """Wait until a page has followed a change of its looks."""
    finished(page, "two frames and fonts", STILL)


def settled(root):
    """Wait until an explorer shows what was last asked of it."""
    finished(root.page, "what the explorer was asked for", SETTLED, root.element_handle())


KEPT = {}
"""Of each browser a page for the next test: what its process has compiled, it need not again."""


@contextmanager
def as_new(browser):
    """Yield a page that holds nothing of those before it but their files, in the browser's cache."""
    page = KEPT.pop(browser, None) or browser.new_page()
    page.set_default_timeout(PATIENCE)
    try:
        yield page
        page.unroute_all()
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.emulate_media(color_scheme="null", reduced_motion="null", media="null")
        page.mouse.move(-1, -1)
        page.goto("about:blank")
    except BaseException:
        page.close()
        raise
    KEPT[browser] = page


@contextmanager
def opened(browser, url, *, width=1280, theme="light"):
    """Open a page as one comes to it for the first time, its theme that of the reader's system.

    Yield it, ready, with its problems, a list that grows; none may come.

    A problem is an error on the console or in a script, a request that failed, and a request to any
    host but the page's own.
    """
    problems = []
    own = url[: url.index("/", len("http://"))]
    told = {
        "console": lambda m: (
            m.type == "error" and problems.append(f"console: {m.text} ({m.location.get('url')})")
        ),
        "pageerror": lambda error: problems.append(f"error: {error}"),
        "requestfailed": lambda request: problems.append(f"failed: {request.url}"),
        "request": lambda request: (
            request.url.startswith((own, "data:", "blob:"))
            or problems.append(f"external: {request.url}")
        ),
        "response": lambda response: (
            response.status < 400 or problems.append(f"{response.status}: {response.url}")
        ),
    }
    with as_new(browser) as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        for event, tell in told.items():
            page.on(event, tell)
        page.goto(url)
        ready(page)
        yield page, problems
        for event, tell in told.items():
            page.remove_listener(event, tell)


def look(page, width, theme, *, height=900):
    """Give the window another size, and the page another theme by the theme's own button."""
    if page.evaluate("document.documentElement.dataset.theme") != theme:
        page.emulate_media(color_scheme=theme)
        button = page.locator(".theme-switch-button").first
        for _ in range(3):  # it goes around light, dark, and what the system says
            if page.evaluate("document.documentElement.dataset.mode") == theme:
                break
            button.evaluate("(button) => button.click()")
    # Last, so that a page is laid out once for all of it.
    size = {"width": width, "height": height}
    if page.viewport_size != size:
        page.set_viewport_size(size)
        follows = "({ width, height }) => innerWidth === width && innerHeight === height"
        finished(page, "the size of the window", follows, size)
    still(page)


IN_VIEW = """(control) => {
    const root = control.closest(".graphon-explorer");
    root.scrollIntoView({ behavior: "instant" });
    control.focus();
    const seen = (element, x, y) => element.contains(document.elementFromPoint(x, y));
    const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const pictures = [...root.querySelectorAll(".ge-panels > figure [role=img]")];
    return seen(control.closest("label") || control, ...middle(control.getBoundingClientRect())) &&
        pictures.some((picture) => {
            const { left, right, top, bottom } = picture.getBoundingClientRect();
            const inset = [[left + 4, top + 4], [right - 4, top + 4], [left + 4, bottom - 4]];
            return inset.every(([x, y]) => x >= 0 && y >= 0 && seen(picture.parentElement, x, y));
        });
}"""


def apart(root):
    """Return the names of an explorer's controls that are not seen at once with what they change.

    By a reader who has its head at the top of the window.
    """
    controls = root.locator("select, input, .ge-painter canvas, .ge-steps button").all()
    assert controls
    names = ["name", "aria-label"]
    return [
        next(filter(None, map(control.get_attribute, names)), control.inner_text())
        for control in controls
        if not control.evaluate(IN_VIEW)
    ]


def overflow(page):
    """Return by how many pixels a page can be scrolled sideways."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def violations(page, *, only=None, without=()):
    """Return what axe-core finds, of whatever impact: pairs of a rule and the offending elements.

    By all rules, by some only, or by all but some.
    """
    if not page.evaluate("Boolean(globalThis.axe)"):
        page.add_script_tag(path=AXE)
    return finished(page, "axe", RUN_AXE, [only, list(without)])


def unpack(text, dtype="<f4"):
    """Return the array that `PACK` has made a text on a page."""
    return np.frombuffer(base64.b64decode(text), dtype)
