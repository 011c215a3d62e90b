/* What scrolls inside its own box, such as a wide equation on a phone, can be reached by keyboard. */
(function () {
  "use strict";

  const BOXES =
    ".bd-article mjx-container[display], .bd-article div.math, .bd-article table, " +
    ".bd-article .pst-scrollable-table-container, .bd-article dl.py, .bd-article div.highlight pre";

  function mark(box) {
    if (box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible") {
      box.tabIndex = 0;
    } else if (box.tabIndex === 0) {
      box.removeAttribute("tabindex");
    }
  }

  async function begin() {
    if (globalThis.MathJax && MathJax.startup) await MathJax.startup.promise;
    const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
    document.querySelectorAll(BOXES).forEach((box) => watch.observe(box));
  }

  window.addEventListener("load", begin);
})();
