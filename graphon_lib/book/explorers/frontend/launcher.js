/* The button that starts Python in the page, and what it says meanwhile. */
(function (explorers) {
  "use strict";

  const { element } = explorers;

  /** Make the button of a host; `started` is called once Python runs, `stopped` when it has ended.
   *
   * `started` returns where the reader goes on who has used the keyboard: the button is gone then.
   */
  function launcher(host, { started, stopped }) {
    const place = element("div", { class: "ge-live" });
    if (host.obstacle) {
      place.append(element("p", { role: "status" }, host.obstacle, " The state below was computed in advance."));
      return place;
    }
    const button = element("button", { type: "button", class: "ge-run" }, "Run live");
    const status = element(
      "p", { role: "status" },
      "Loads Python, NumPy and the book's library into this page: 17 MB from this site, once.",
    );
    const bar = element("progress", { max: 3, value: 0, "aria-label": "Starting Python", hidden: "" });

    /** Offer the button, and say why. */
    function offer(reason) {
      bar.hidden = true;
      bar.value = 0;
      button.hidden = false;
      button.removeAttribute("aria-disabled");
      status.textContent = reason;
    }

    function report(step) {
      bar.value += 1;
      status.textContent = `${step} …`;
    }

    function ended(reason) {
      const within = button.closest(".graphon-explorer").contains(document.activeElement);
      stopped();
      offer(`Python has stopped: ${reason}. Run live starts it again; your design is kept.`);
      if (within) button.focus();
    }

    button.addEventListener("click", async () => {
      if (button.hasAttribute("aria-disabled")) return;
      /* Unlike a disabled button it keeps the focus. */
      button.setAttribute("aria-disabled", "true");
      bar.hidden = false;
      /* At once: what was said of a start before is not said of this one. */
      status.textContent = "Starting Python …";
      try {
        await host.start(report, ended);
        const focused = document.activeElement === button;
        bar.hidden = true;
        button.hidden = true;
        status.textContent = "Live: Python computes in this page.";
        const next = started();
        if (focused) next?.focus({ preventScroll: true });
      } catch (error) {
        offer(`Python could not be started: ${error.message}. You can try again.`);
      }
    });
    place.append(button, bar, status);
    return place;
  }

  explorers.launcher = launcher;
})(globalThis.GraphonExplorers);
