"""What the browser tests share: the pages of the site, and a page with all that went wrong on it."""

from contextlib import contextmanager

from graphon_lib.book.assets import PACKAGES
from graphon_lib.book.paths import SITE

CHAPTER_PAGES = sorted(f"chapters/{page.name}" for page in SITE.glob("chapters/*.html"))
PAGES = [*CHAPTER_PAGES, "genindex.html", "search.html"]

AXE = PACKAGES / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
    if (globalThis.MathJax) await MathJax.startup.promise;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => [id, nodes.slice(0, 5).map(({ html, target, failureSummary }) =>
            `${target}: ${html.slice(0, 200)}: ${failureSummary.split("\\n").pop().trim()}`)]);
}"""


@contextmanager
def opened(browser, url, *, width=1280, theme="light", **options):
    """Open a page and yield it with its problems, a list that grows; none may come.

    A problem is an error on the console or in a script, a request that failed, and a request to any
    host but the page's own.
    """
    problems = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme, **options)
    own = url[: url.index("/", len("http://"))]
    page.add_init_script(f"localStorage.setItem('mode', '{theme}')")
    page.on("console", lambda m: m.type == "error" and problems.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((own, "data:", "blob:"))
            or problems.append(f"external: {request.url}")
        ),
    )
    page.on(
        "response",
        lambda response: (
            response.status < 400 or problems.append(f"{response.status}: {response.url}")
        ),
    )
    try:
        page.goto(url, wait_until="networkidle")
        yield page, problems
    finally:
        page.close()


def wake_explorers(page):
    """Go to every explorer of a page, which brings it to life, and wait until it shows something."""
    for root in page.locator(".graphon-explorer").all():
        root.scroll_into_view_if_needed()
        page.wait_for_function("root => Boolean(root.explorer)", arg=root.element_handle())
    page.evaluate("window.scrollTo(0, 0)")


def serious_violations(page):
    """Return what axe-core finds serious or critical: pairs of a rule and the offending elements."""
    page.add_script_tag(path=AXE)
    return page.evaluate(RUN_AXE)
