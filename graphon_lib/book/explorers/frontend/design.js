/* The front-end of "Design a graphon": one layer at a time, by family or by painting. */
(function (explorers) {
  "use strict";

  const { element } = explorers;
  const PAINTED = "painted";

  /** Numbers from `low` to `high` by `step`, without the rounding of repeated sums. */
  function range(low, high, step) {
    const count = Math.round((high - low) / step);
    return Array.from({ length: count + 1 }, (_, i) => Number((low + i * step).toFixed(6)));
  }

  function nearest(values, wanted) {
    return values.reduce((best, value) =>
      (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best));
  }

  function numberSlider({ name, label, low, high, step, value }, changed) {
    const values = range(low, high, step);
    const initial = nearest(values, value);
    const labels = values.map(String);
    return explorers.controls.slider({ name, label, values, labels, initial }, changed);
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  /** What the reader has set, one entry a layer; `request` is what the model takes. */
  class Design {
    constructor({ initial, families }) {
      this.families = families;
      this.layers = initial.map(({ family, parameters, density }) => ({
        family, parameters: { ...parameters }, cells: null, density, held: density !== null,
      }));
    }

    choose(index, family) {
      const layer = this.layers[index];
      layer.family = family;
      const { parameters } = this.families.find(({ name }) => name === family);
      layer.parameters = Object.fromEntries(parameters.map(({ name, initial }) => [name, initial]));
      layer.cells = null;
    }

    request() {
      return {
        layers: this.layers.map(({ family, parameters, cells, density, held }) => ({
          ...(cells ? { cells } : { family, parameters: { ...parameters } }),
          density: held ? density : null,
        })),
      };
    }
  }

  /** The grid of a layer's cells, painted by mouse, finger or keyboard; calls `painted(row, column)`. */
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
        this.reach(canvas, event);
      });
      canvas.addEventListener("pointermove", (event) => {
        if (event.buttons) this.reach(canvas, event);
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
        this.painted(this.row, this.column);
      } else {
        return;
      }
      event.preventDefault();
    }

    reach(canvas, event) {
      if (!this.enabled) return;
      const box = canvas.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
      const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
      if (row < 0 || row >= this.rows || column < 0 || column >= this.columns) return;
      [this.row, this.column] = [row, column];
      this.painted(row, column);
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

  /** The button that starts Python, and what it says meanwhile; `started` is called once it runs. */
  function launcher(host, started) {
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
    button.addEventListener("click", async () => {
      button.disabled = true;
      bar.hidden = false;
      try {
        await host.start((step) => {
          bar.value += 1;
          status.textContent = `${step} …`;
        });
        bar.remove();
        button.remove();
        status.textContent = "Live: Python computes in this page.";
        started();
      } catch (error) {
        bar.hidden = true;
        bar.value = 0;
        button.disabled = false;
        status.textContent = `Python could not be started: ${error.message}. You can try again.`;
      }
    });
    place.append(button, bar, status);
    return place;
  }

  function design(root, host) {
    const { description } = host;
    const state = new Design(description);
    const densities = { low: 0.01, high: 1, step: 0.01 };
    let chosen = 1;
    let panels = null;
    let brush = 1;

    const view = element("div", { class: "ge-view" });
    const tabs = element("div", { class: "ge-layers", role: "radiogroup", "aria-label": "Layer to design" });
    const settings = element("div", { class: "ge-controls" });
    const fieldset = element("fieldset", { class: "ge-design" });
    const painter = new Painter(paint);

    function allow(enabled) {
      fieldset.disabled = !enabled;
      painter.enable(enabled);
    }

    function show(answer) {
      panels = answer.panels;
      const count = description.layers.length;
      showLayers();
      explorers.drawView(view, { ...answer, panels: panels.slice(count) });
    }

    /* Before Python runs there is the state that was computed in advance. */
    let compute = host.start ? host.initial : host.compute;
    const draw = explorers.showing(root, (parameters) => compute(parameters), show, (error) => {
      const summary = `This cannot be computed: ${error.message}`;
      if (panels) view.querySelector(".ge-summary").textContent = summary;
      else explorers.drawView(view, { panels: [], numbers: [], summary });
    });
    const changed = () => draw(state.request());

    /** Cells as the model takes them, from the picture of a layer. */
    function cellsOf(panel) {
      const [rows, columns] = panel.values.shape;
      return Array.from({ length: rows }, (_, i) =>
        Array.from(panel.values.data.slice(i * columns, (i + 1) * columns), (value) =>
          Math.min(Math.max(Number(value.toFixed(4)), 0), 1)));
    }

    function paint(row, column) {
      if (!panels) return;
      const layer = state.layers[chosen];
      if (!layer.cells) {
        layer.cells = cellsOf(panels[chosen]);
        layer.family = PAINTED;
        showSettings();
      }
      if (layer.cells[row][column] === brush) return;
      layer.cells[row][column] = brush;
      const panel = panels[chosen];
      panel.values.data[row * panel.values.shape[1] + column] = brush;
      painter.show(panel);
      changed();
    }

    function showLayers() {
      panels.slice(0, description.layers.length).forEach((panel, i) => {
        const tab = tabs.children[i];
        explorers.heatMap(tab.querySelector("figure"), panel);
        tab.querySelector("canvas").setAttribute("aria-hidden", "true");
        tab.querySelector(".ge-density").textContent =
          `density ${mean(panel.values.data).toFixed(2)}`;
      });
      painter.show(panels[chosen]);
      const layer = state.layers[chosen];
      const shown = settings.querySelector("output.ge-free");
      if (shown && !layer.held) shown.textContent = mean(panels[chosen].values.data).toFixed(3);
    }

    function showSettings() {
      const layer = state.layers[chosen];
      const { families } = description;
      const family = families.find(({ name }) => name === layer.family);
      const options = layer.cells ? [...families, { name: PAINTED, label: "Painted" }] : families;
      const hold = element("input", { type: "checkbox", name: "held" });
      hold.checked = layer.held;
      hold.addEventListener("change", () => {
        layer.held = hold.checked;
        if (layer.held) {
          const { low, high, step } = densities;
          layer.density = nearest(range(low, high, step), mean(panels[chosen].values.data));
        }
        showSettings();
        settings.querySelector("[name=held]").focus();
        changed();
      });
      const density = layer.held
        ? numberSlider(
          { name: "density", label: "Density", ...densities, value: layer.density },
          (value) => { layer.density = value; changed(); },
        )
        : element("p", { class: "ge-control" }, "Density, as it comes: ", element("output", { class: "ge-free" }));
      settings.replaceChildren(
        explorers.controls.choice(
          {
            name: "family", label: "Family", initial: layer.family,
            values: options.map(({ name }) => name), labels: options.map(({ label }) => label),
          },
          (value) => {
            if (value === PAINTED) return;
            state.choose(chosen, value);
            showSettings();
            settings.querySelector("select").focus();
            changed();
          },
        ),
        ...(family && !layer.cells ? family.parameters : []).map((parameter) =>
          numberSlider({ ...parameter, value: layer.parameters[parameter.name] }, (value) => {
            layer.parameters[parameter.name] = value;
            changed();
          })),
        element("label", { class: "ge-control ge-check" }, hold, " Hold the density"),
        density,
        numberSlider(
          { name: "brush", label: "Brush", low: 0, high: 1, step: 0.05, value: brush },
          (value) => { brush = value; },
        ),
      );
      if (panels) showLayers();
    }

    description.layers.forEach((label, i) => {
      const input = element("input", { type: "radio", name: `${description.name}-layer`, value: i });
      input.checked = i === chosen;
      input.addEventListener("change", () => {
        chosen = i;
        showSettings();
      });
      tabs.append(
        element("label", { class: "ge-layer" }, input, element("figure"),
          element("span", {}, label), element("span", { class: "ge-density" })),
      );
    });
    fieldset.append(
      element("legend", {}, "Layers"), tabs,
      element("div", { class: "ge-bench" },
        element("div", {}, painter.figure, painter.spoken), settings),
    );
    const parts = [element("p", { class: "ge-title" }, description.title), fieldset, view];
    if (host.start) {
      allow(false);
      parts.splice(1, 0, launcher(host, () => {
        compute = host.compute;
        allow(true);
        changed();
      }));
    }
    root.replaceChildren(...parts);
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", description.title);
    showSettings();
    changed();
  }

  explorers.frontends.design = design;
})(globalThis.GraphonExplorers);
