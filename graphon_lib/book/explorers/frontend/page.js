/* On a page of the book: every explorer comes to life when it comes near the window. */
(function (explorers) {
  "use strict";

  const folder = document.currentScript.src.replace(/[^/]*$/, "");

  async function wake(root) {
    const { explorer: name } = root.dataset;
    const make = explorers.onPage[name] || explorers.hosts.precomputed;
    try {
      explorers.start(root, await make(name, `${folder}${name}.data.js`));
      await root.explorer.settled;
    } catch (error) {
      root.append(explorers.element("p", { role: "status" }, String(error)));
    }
  }

  function begin() {
    const watch = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          watch.unobserve(target);
          target.explorer = { settled: wake(target) };
        }
      },
      { rootMargin: "600px" },
    );
    document.querySelectorAll(".graphon-explorer[data-explorer]").forEach((root) => watch.observe(root));
    /* An address may keep what an explorer is to show. */
    const [, named] = location.hash.match(/^#(\w+)=/) || [];
    if (named) document.querySelector(`[data-explorer="${named}"]`)?.scrollIntoView();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})(globalThis.GraphonExplorers);
