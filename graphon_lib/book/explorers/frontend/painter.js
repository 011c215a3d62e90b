/* The grid of cells that "Design a graphon" is painted on. */
(function (explorers) {
  "use strict";

  const { element } = explorers;

  /** The cells on the straight way from one to another: a quick pointer reports only some of them. */
  function between([row, column], [toRow, toColumn]) {
    const steps = Math.max(Math.abs(toRow - row), Math.abs(toColumn - column));
    return Array.from({ length: steps + 1 }, (_, i) => {
      const share = steps ? i / steps : 1;
      return [
        Math.round(row + share * (toRow - row)), Math.round(column + share * (toColumn - column)),
      ];
    });
  }

  /** The grid of a layer's cells, painted by mouse, finger or keyboard; calls `painted(cells, begins)`.
   *
   * The cells are pairs of a row and a column; `begins` says that a stroke starts with them.
   */
  class Painter {
    constructor(painted) {
      this.painted = painted;
      this.row = 0;
      this.column = 0;
      this.enabled = true;
      this.figure = element("figure", { class: "ge-painter" });
      this.spoken = element("output", { class: "ge-cell" });
    }

    /** Take strokes and keys, or leave them to the page. */
    enable(enabled) {
      this.enabled = enabled;
      const canvas = this.figure.querySelector("canvas");
      if (!canvas) return;
      canvas.setAttribute("tabindex", enabled ? "0" : "-1");
      canvas.setAttribute("aria-disabled", String(!enabled));
    }

    show(panel) {
      this.panel = panel;
      explorers.heatMap(this.figure, panel);
      const canvas = this.figure.querySelector("canvas");
      if (!this.cursor) this.listen(canvas);
      [this.rows, this.columns] = panel.values.shape;
      canvas.style.aspectRatio = `${this.columns} / ${this.rows}`;
      canvas.setAttribute(
        "aria-label",
        `${panel.title}, ${this.rows} rows by ${this.columns} columns of cells. ` +
          "Arrow keys move, space paints with the brush.",
      );
      this.row = Math.min(this.row, this.rows - 1);
      this.mark();
    }

    listen(canvas) {
      this.cursor = element("span", { class: "ge-cursor", "aria-hidden": "true" });
      const frame = element("div", { class: "ge-frame-of-cells" });
      canvas.replaceWith(frame);
      frame.append(canvas, this.cursor);
      canvas.setAttribute("role", "application");
      this.enable(this.enabled);
      canvas.addEventListener("keydown", (event) => this.press(event));
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        this.reach(canvas, event, true);
      });
      canvas.addEventListener("pointermove", (event) => {
        if (event.buttons) this.reach(canvas, event, false);
      });
    }

    press(event) {
      if (!this.enabled) return;
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (event.key in moves) {
        const [down, right] = moves[event.key];
        this.row = Math.min(Math.max(this.row + down, 0), this.rows - 1);
        this.column = Math.min(Math.max(this.column + right, 0), this.columns - 1);
        this.mark();
      } else if (event.key === " " || event.key === "Enter") {
        this.painted([[this.row, this.column]], true);
      } else {
        return;
      }
      event.preventDefault();
    }

    reach(canvas, event, begins) {
      if (!this.enabled) return;
      const box = canvas.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
      const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
      if (row < 0 || row >= this.rows || column < 0 || column >= this.columns) return;
      const from = begins ? [row, column] : [this.row, this.column];
      [this.row, this.column] = [row, column];
      this.painted(between(from, [row, column]), begins);
      this.mark();
    }

    /** Show where the cursor is, and say it. */
    mark() {
      const value = this.panel.values.data[this.row * this.columns + this.column];
      this.cursor.style.inset =
        `${(100 * this.row) / this.rows}% auto auto ${(100 * this.column) / this.columns}%`;
      this.cursor.style.width = `${100 / this.columns}%`;
      this.cursor.style.height = `${100 / this.rows}%`;
      this.spoken.textContent =
        `Row ${this.row + 1}, column ${this.column + 1}: ${value.toFixed(2)}`;
    }
  }

  explorers.Painter = Painter;
})(globalThis.GraphonExplorers);
