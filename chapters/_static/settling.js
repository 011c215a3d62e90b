/* Formulas are set block by block, first those that the reader sees, so that a long page can be read at once.
   Until the last one is there, the style sheet lays out only the sections in view. */
(function () {
  "use strict";

  const BLOCKS = ".bd-article > section > :is(.math, :has(.math))";

  // Lets the page be drawn, and follow its reader.
  const turn = () => new Promise((done) => (globalThis.requestIdleCallback ?? setTimeout)(done));

  function inView(element) {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  async function setFormulas() {
    let waiting = [...document.querySelectorAll(BLOCKS)];
    while (waiting.length) {
      const seen = waiting.filter(inView);
      const next = seen.length ? seen : waiting.slice(0, 1);
      await MathJax.typesetPromise(next);
      waiting = waiting.filter((block) => !next.includes(block));
      await turn();
    }
    // What stands elsewhere, such as in the table of contents.
    await MathJax.typesetPromise();
  }

  document.documentElement.classList.add("settling");
  // MathJax, which starts later, calls this and waits for it.
  if (globalThis.MathJax) MathJax.startup = { pageReady: setFormulas };

  window.addEventListener("load", async () => {
    if (globalThis.MathJax) await MathJax.startup.promise;
    const target = document.querySelector(":target");
    const stays = target && inView(target);
    document.documentElement.classList.remove("settling");
    // What stands above it has its true height only now.
    if (stays) target.scrollIntoView();
  });
})();
