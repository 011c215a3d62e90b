/* Links within a page land where they point to, even where sections above are laid out only on arrival. */
window.addEventListener("hashchange", () => {
  "use strict";

  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  // The first frame lays out what has come into view, the second shows where that has moved the target.
  requestAnimationFrame(() => requestAnimationFrame(() => target && target.scrollIntoView()));
});
