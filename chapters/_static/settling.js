/* The style sheet lays out the library's pages only where the reader is, until all formulas are set. */
window.addEventListener("load", async () => {
  "use strict";

  if (globalThis.MathJax && MathJax.startup) await MathJax.startup.promise;
  const target = document.querySelector(":target");
  const inView = target && Math.abs(target.getBoundingClientRect().top) < innerHeight;
  document.documentElement.classList.add("settled");
  // What stands above it has its true height only now.
  if (inView) target.scrollIntoView();
});
