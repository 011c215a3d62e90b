/* The front-end of "Design a graphon": one layer at a time, by family or by painting. */
(function (explorers) {
  "use strict";

  const { element, PAINTED } = explorers;

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

  function design(root, host) {
    const { description } = host;
    const state = new explorers.Design(description);
    const densities = { low: 0.01, high: 1, step: 0.01 };
    let chosen = 1;
    let panels = null;
    let brush = 1;

    const view = element("div", { class: "ge-view" });
    const tabs = element("div", { class: "ge-layers", role: "radiogroup", "aria-label": "Layer to design" });
    const settings = element("div", { class: "ge-controls" });
    const fieldset = element("fieldset", { class: "ge-design" });
    const painter = new explorers.Painter(paint);
    const undo = element("button", { type: "button" }, "Undo");
    const reset = element("button", { type: "button" }, "Reset");
    const { presets, optima } = description;
    const preset = explorers.controls.choice(
      {
        name: "preset", label: "Start from", initial: 0,
        values: presets.map((_, i) => i), labels: presets.map(({ label }) => label),
      },
      (i) => goBack(() => state.replace(presets[i].layers)),
    );
    const select = preset.querySelector("select");
    select.append(element("option", { value: -1, disabled: "", hidden: "" }, "Your own design"));
    const origin = element("p", { class: "ge-said", id: `${description.name}-origin` });
    select.setAttribute("aria-describedby", origin.id);
    const optimise = element("button", { type: "button" }, "Optimise");
    const news = element("p", { class: "ge-said", "aria-hidden": "true" });
    const objectives = Object.keys(optima);
    let [objective] = objectives;
    const aim = explorers.controls.choice(
      {
        name: "objective", label: "Optimise for", initial: objective,
        values: objectives, labels: Object.values(optima),
      },
      (value) => { objective = value; },
    );
    let kept = null;
    let strokes = 0;

    function allow(enabled) {
      fieldset.disabled = !enabled;
      painter.enable(enabled);
    }

    /** Keep the design in the address of the page, once the reader's hand rests. */
    function keep() {
      clearTimeout(kept);
      kept = setTimeout(() => history.replaceState(history.state, "", state.fragment), 300);
    }

    function show(answer, { layers, optimise: optimised }) {
      panels = answer.panels;
      const count = description.layers.length;
      /* Unless the reader has gone on meanwhile: then another answer is on its way. */
      if (optimised && explorers.same(layers, state.request().layers)) {
        state.replace(panels.slice(0, count).map((panel) => ({ cells: cellsOf(panel), density: null })));
        showSettings();
        showSteps();
        /* Its first sentence, which may be out of sight in the view, and is read from there. */
        news.textContent = answer.summary.slice(0, answer.summary.indexOf(". ") + 1);
        if (host.start) keep();
      }
      showLayers();
      explorers.drawView(view, { ...answer, panels: panels.slice(count) });
      /* On a phone it scrolls sideways, with the keyboard, too. */
      for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", "Result"]]) {
        view.querySelector(".ge-panels").setAttribute(name, value);
      }
    }

    /* Before Python runs there is the state that was computed in advance. */
    let compute = host.start ? host.initial : host.compute;
    const draw = explorers.showing(root, (parameters) => compute(parameters), show, (error) => {
      const summary = `This cannot be computed: ${error.message}`;
      news.textContent = summary;
      if (panels) view.querySelector(".ge-summary").textContent = summary;
      else explorers.drawView(view, { panels: [], numbers: [], summary });
    });

    /** Say what the design is, and whether there is something to undo. */
    function showSteps() {
      undo.setAttribute("aria-disabled", String(!state.past.length));
      select.value = state.preset;
      news.textContent = "";
      origin.textContent = presets[state.preset]?.text ?? "";
    }

    function changed() {
      showSteps();
      draw(state.request());
    }

    /** Change the design; changes of one kind in a row are undone together. */
    function edit(kind, change) {
      state.remember(kind);
      change();
      changed();
      if (host.start) keep();
    }

    function goBack(step) {
      step();
      showSettings();
      changed();
      if (host.start) keep();
    }

    /** Cells as the model takes them, from the picture of a layer. */
    function cellsOf(panel) {
      const [rows, columns] = panel.values.shape;
      return Array.from({ length: rows }, (_, i) =>
        Array.from(panel.values.data.slice(i * columns, (i + 1) * columns), (value) =>
          Math.min(Math.max(Number(value.toFixed(4)), 0), 1)));
    }

    function paint(cells, begins) {
      if (!panels) return;
      const layer = state.layers[chosen];
      const panel = panels[chosen];
      if (layer.cells && cells.every(([row, column]) => layer.cells[row][column] === brush)) return;
      if (begins) strokes += 1;
      edit(`stroke ${strokes}`, () => {
        if (!layer.cells) {
          layer.cells = cellsOf(panel);
          layer.family = PAINTED;
          showSettings();
        }
        for (const [row, column] of cells) {
          layer.cells[row][column] = brush;
          panel.values.data[row * panel.values.shape[1] + column] = brush;
        }
      });
      painter.show(panel);
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
      const options = layer.cells ? [...families, { name: PAINTED, label: "Cell by cell" }] : families;
      const hold = element("input", { type: "checkbox", name: "held" });
      hold.checked = layer.held;
      hold.addEventListener("change", () => {
        edit(null, () => {
          layer.held = hold.checked;
          if (layer.held) {
            const { low, high, step } = densities;
            layer.density = nearest(range(low, high, step), mean(panels[chosen].values.data));
          }
        });
        showSettings();
        settings.querySelector("[name=held]").focus();
      });
      const density = layer.held
        ? numberSlider(
          { name: "density", label: "Density", ...densities, value: layer.density },
          (value) => edit(`density ${chosen}`, () => { layer.density = value; }),
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
            edit(null, () => state.choose(chosen, value));
            showSettings();
            settings.querySelector("select").focus();
          },
        ),
        ...(family && !layer.cells ? family.parameters : [])
          /* A constant has no other parameter, and holding its density sets that one. */
          .filter(({ name }) => name !== "density" || !layer.held)
          .map((parameter) =>
            numberSlider({ ...parameter, value: layer.parameters[parameter.name] }, (value) =>
              edit(`${parameter.name} ${chosen}`, () => { layer.parameters[parameter.name] = value; }))),
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
      element("legend", {}, "Layers"),
      preset, origin,
      tabs,
      element("div", { class: "ge-steps" }, undo, reset, optimise, aim),
      news,
      element("p", { class: "ge-said" }, description.optimising),
      element("div", { class: "ge-bench" },
        element("div", {}, painter.figure, painter.spoken), settings),
    );
    undo.addEventListener("click", () => goBack(() => state.undo()));
    reset.addEventListener("click", () => goBack(() => state.replace(presets[0].layers)));
    optimise.addEventListener("click", () => draw({ ...state.request(), optimise: objective }));
    fieldset.addEventListener("keydown", (event) => {
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      goBack(() => state.undo());
    });
    const parts = [element("p", { class: "ge-title" }, description.title), view, fieldset];
    if (host.start) {
      allow(false);
      parts.splice(1, 0, explorers.launcher(host, {
        started() {
          if (!panels) return;
          state.read(location.hash, panels.map(({ values }) => values?.shape));
          compute = host.compute;
          allow(true);
          showSettings();
          changed();
          return tabs.querySelector("input:checked");
        },
        stopped: () => allow(false),
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
