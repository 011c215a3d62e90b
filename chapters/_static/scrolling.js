/* What scrolls inside its own box, such as a wide equation on a phone, can be reached by keyboard. */
(function () {
  "use strict";

  const EQUATIONS = ".bd-article mjx-container[display]";
  const PARAGRAPHS = ".bd-article p:has(mjx-container)";
  const BOXES =
    ".bd-article div.math, .bd-article table, .bd-article .pst-scrollable-table-container, " +
    ".bd-article dl.py, .bd-article div.highlight pre, .bd-article .text_html, .bd-article .drawing";

  function mark(box) {
    const larger = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (larger && getComputedStyle(box).overflowX !== "visible") {
      box.tabIndex = 0;
    } else if (box.tabIndex === 0) {
      box.removeAttribute("tabindex");
    }
  }

  const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));

  /* A paragraph scrolls where a formula in it is wider than the page. */
  const paragraphs = new ResizeObserver((entries) => {
    const wide = entries.map(({ target }) => target.scrollWidth > target.clientWidth + 1);
    entries.forEach(({ target }, i) => target.classList.toggle("wide", wide[i]));
    entries.filter((_, i) => wide[i]).forEach(({ target }) => mark(target));
  });

  async function begin() {
    document.querySelectorAll(BOXES).forEach((box) => watch.observe(box));
    if (!globalThis.MathJax) return;
    await MathJax.startup.promise;
    document.querySelectorAll(EQUATIONS).forEach((box) => watch.observe(box));
    document.querySelectorAll(PARAGRAPHS).forEach((paragraph) => paragraphs.observe(paragraph));
    // What a box holds may grow when its font comes, without the box.
    document.fonts.addEventListener("loadingdone", () =>
      document.querySelectorAll(`${BOXES}, ${EQUATIONS}`).forEach(mark),
    );
  }

  window.addEventListener("load", begin);
})();
