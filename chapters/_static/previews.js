/* A citation, an equation, a theorem, a figure or a term shows what it stands for when the pointer rests on its link,
   when the keyboard reaches it, and, on a touch screen, at the first tap; the second tap follows it. Escape closes. */
(function () {
  "use strict";

  const LINKS = ".bd-article :is(p, li, dd, td, figcaption) a.reference.internal[href*='#']";
  const TARGETS = "dt, .math, .proof, figure, .citation";
  const pages = new Map();
  let box, link, timer, tapped;

  function page(url) {
    if (url === location.href.split("#")[0]) return Promise.resolve(document);
    if (!pages.has(url)) {
      const read = async () =>
        new DOMParser().parseFromString(await (await fetch(url)).text(), "text/html");
      pages.set(url, read());
    }
    return pages.get(url);
  }

  function part(target) {
    if (target === null) return null;
    if (target.matches("span.eqno, .math span[id], span[id^=equation]")) {
      target = target.closest("div.math") ?? target.nextElementSibling;
    }
    // The name of a term or an entry, with what is said of it.
    if (target?.matches("dt")) {
      const names = [target];
      let next = target.nextElementSibling;
      while (next?.matches("dt")) next = next.nextElementSibling;
      return next ? [...names, next] : names;
    }
    return target?.matches(TARGETS) ? [target] : null;
  }

  function copy(nodes, base) {
    const shown = document.createElement("div");
    for (const node of nodes) {
      const clone = document.importNode(node, true);
      const all = [clone, ...clone.querySelectorAll("*")];
      for (const element of all) element.removeAttribute("id");
      for (const inner of clone.querySelectorAll("a[href]")) {
        inner.href = new URL(inner.getAttribute("href"), base).href;
      }
      for (const image of clone.querySelectorAll("img")) {
        image.src = new URL(image.getAttribute("src"), base).href;
        image.loading = "eager";
      }
      clone.querySelectorAll(".headerlink, .fn-backref, .backrefs").forEach((e) => e.remove());
      const wrap = document.createElement("div");
      wrap.append(...(clone.matches("dt, dd") ? clone.childNodes : [clone]));
      shown.append(wrap);
    }
    return shown;
  }

  function place() {
    const { left, bottom, top } = link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box;
    const room = document.documentElement.clientWidth - width - 8;
    const below = bottom + height + 12 < innerHeight || top < height + 12;
    box.style.left = `${Math.max(8, Math.min(left, room)) + scrollX}px`;
    box.style.top = `${(below ? bottom + 6 : top - height - 6) + scrollY}px`;
  }

  function close() {
    clearTimeout(timer);
    link?.removeAttribute("aria-describedby");
    box?.remove();
    box = link = undefined;
  }

  async function open(from) {
    if (from === link) return;
    close();
    link = from;
    const [url, hash] = link.href.split("#");
    // Where a page is opened as a file, others cannot be read: its links stay links.
    const found = await page(url).catch(() => null);
    let nodes = part(found?.getElementById(decodeURIComponent(hash)) ?? null);
    // Nor can formulas be set on a page that has none of its own.
    if (!globalThis.MathJax && nodes?.some((node) => node.matches(":has(.math)"))) nodes = null;
    if (link !== from) return;
    if (!nodes) return void (link = undefined);
    box = document.createElement("div");
    box.className = "preview bd-article";
    box.id = "preview";
    box.setAttribute("role", "tooltip");
    box.append(copy(nodes, url));
    document.body.append(box);
    // Formulas of this page are set already; those of another are still TeX.
    if (found !== document && globalThis.MathJax) await MathJax.typesetPromise([box]);
    if (link !== from) return;
    link.setAttribute("aria-describedby", "preview");
    place();
  }

  const linkAt = (event) => event.target.closest?.(LINKS);

  function later(act, wait) {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const over = linkAt(event);
    if (over) later(() => open(over), 250);
    else if (box?.contains(event.target)) clearTimeout(timer);
    // What the keyboard has reached stays: scrolling to it moves the page below a resting pointer.
    else if (box && !link.matches(":focus-visible")) later(close, 250);
    else clearTimeout(timer);
  });
  document.addEventListener("focusin", (event) => {
    const over = linkAt(event);
    if (over?.matches(":focus-visible")) open(over);
    else if (!box?.contains(event.target)) close();
  });
  document.addEventListener("pointerdown", (event) => {
    tapped = event.pointerType === "touch" ? linkAt(event) : undefined;
    if (!linkAt(event) && !box?.contains(event.target)) close();
  });
  document.addEventListener("click", async (event) => {
    const over = linkAt(event);
    if (!over || over !== tapped || over === link) return;
    event.preventDefault();
    await open(over);
    if (!box) location.href = over.href;
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("resize", close);
})();
