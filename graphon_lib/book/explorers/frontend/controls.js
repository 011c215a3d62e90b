/* Controls, and the default front-end: controls above, one view below. */
(function (explorers) {
  "use strict";

  const { element } = explorers;

  /** A list to choose from; calls `changed` with the value. */
  function choice(control, changed) {
    const select = element("select", { name: control.name });
    control.values.forEach((value, i) => {
      const option = element("option", { value: i }, control.labels[i]);
      option.selected = value === control.initial;
      select.append(option);
    });
    select.addEventListener("change", () => changed(control.values[Number(select.value)]));
    return element("label", { class: "ge-control" }, element("span", {}, control.label), select);
  }

  /** A slider over a list of values; calls `changed` with the value while it moves. */
  function slider(control, changed) {
    const input = element("input", {
      type: "range", name: control.name, min: 0, max: control.values.length - 1, step: 1,
    });
    const shown = element("span", { class: "ge-value" });
    input.value = control.values.indexOf(control.initial);
    const say = () => {
      const label = control.labels[Number(input.value)];
      shown.textContent = label;
      input.setAttribute("aria-valuetext", label);
    };
    input.addEventListener("input", () => {
      say();
      changed(control.values[Number(input.value)]);
    });
    say();
    return element(
      "label", { class: "ge-control" }, element("span", {}, control.label, " ", shown), input,
    );
  }

  /** Let one call of the asynchronous `compute` run at a time; of those that wait, keep the newest.
   *
   * `done` is called with every result, `failed` with every error.
   */
  function latest(compute, done, failed) {
    let running = false;
    let waiting = null;
    async function run(parameters) {
      if (running) {
        waiting = parameters;
        return;
      }
      running = true;
      try {
        done(await compute(parameters), parameters);
      } catch (error) {
        failed(error);
      } finally {
        running = false;
        if (waiting !== null) {
          const next = waiting;
          waiting = null;
          run(next);
        }
      }
    }
    return run;
  }

  /** Show the controls of `host.description`, and the view of their values. */
  function standard(root, host) {
    const { controls, title } = host.description;
    const parameters = Object.fromEntries(controls.map(({ name, initial }) => [name, initial]));
    const view = element("div", { class: "ge-view" });
    const draw = latest(
      (values) => host.compute(values),
      (answer, values) => {
        explorers.drawView(view, answer);
        root.explorer = { parameters: values, view: answer };
        root.dispatchEvent(new CustomEvent("explorer-drawn"));
      },
      (error) => explorers.drawView(view, { panels: [], numbers: [], summary: String(error) }),
    );
    const made = controls.map((control) =>
      (control.slider ? slider : choice)(control, (value) => {
        parameters[control.name] = value;
        draw({ ...parameters });
      }),
    );
    root.replaceChildren(
      element("p", { class: "ge-title" }, title),
      element("div", { class: "ge-controls" }, ...made),
      view,
    );
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", title);
    draw({ ...parameters });
  }

  /** Bring `root` to life with a host, by the front-end of the explorer's name or the default one. */
  function start(root, host) {
    (explorers.frontends[host.description.name] || standard)(root, host);
  }

  explorers.controls = { choice, slider };
  Object.assign(explorers, { latest, standard, start });
})(globalThis.GraphonExplorers);
