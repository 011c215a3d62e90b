/* A figure is enlarged by its button, or by a click on it; Escape closes, and the focus goes back to the button. */
(function () {
  "use strict";

  let dialog;

  function build() {
    dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    const box = document.createElement("div");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "The figure, enlarged");
    dialog.append(close, box);
    // A click beside the picture.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
  }

  function show(image, name, button) {
    if (!dialog) build();
    const large = document.createElement("img");
    large.src = image.currentSrc || image.src;
    large.alt = image.alt;
    dialog.setAttribute("aria-label", name);
    dialog.lastElementChild.replaceChildren(large);
    dialog.addEventListener("close", () => button.focus(), { once: true });
    dialog.showModal();
  }

  function begin() {
    for (const note of document.querySelectorAll(".figure-note")) {
      const figure = document.getElementById(note.dataset.figure);
      const image = figure?.querySelector("img");
      if (!image) continue;
      const name = figure.querySelector(".caption-number")?.textContent.trim() ?? "Figure";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "enlarge";
      button.setAttribute("aria-label", `enlarge ${name}`);
      button.addEventListener("click", () => show(image, name, button));
      image.addEventListener("click", () => show(image, name, button));
      if (note.childNodes.length) note.prepend(button, " · ");
      else note.prepend(button);
    }
  }

  document.addEventListener("DOMContentLoaded", begin);
})();
