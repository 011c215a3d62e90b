/* Controls, and the default front-end: one view, and below it the controls, always at hand. */
(function (explorers) {
  "use strict";

  const { element } = explorers;

  /** The place of a combination of values among all; the last control varies fastest. */
  function placeOf(controls, parameters) {
    return controls.reduce(
      (sum, { name, values }) => sum * values.length + values.indexOf(parameters[name]), 0,
    );
  }

  /** Grey out the values that the description has no view for beside the others, and say why. */
  function markMissing({ controls, missing }, parameters, root) {
    for (const { name, labels, values } of controls) {
      root.querySelectorAll(`select[name="${name}"] > option`).forEach((option, i) => {
        const reason = missing[placeOf(controls, { ...parameters, [name]: values[i] })];
        option.disabled = reason !== undefined;
        option.textContent = reason ? `${labels[i]} (${reason})` : labels[i];
      });
    }
  }

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
   * `done` is called with every result, `failed` with every error. Every request returns the promise
   * of the moment when none runs and none waits.
   */
  function latest(compute, done, failed) {
    let running = false;
    let waiting = null;
    let settled = null;
    async function run(parameters) {
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
          await run(next);
        }
      }
    }
    return (parameters) => {
      if (running) waiting = parameters;
      else settled = run(parameters);
      return settled;
    };
  }

  /** Return a function that shows in `root` what `compute` makes of parameters, the newest first.
   *
   * `root.explorer` has the parameters and the view that are shown, and the promise `settled`: what
   * was last asked for is shown, or that it failed.
   */
  function showing(root, compute, show, failed) {
    root.explorer = { parameters: null, view: null, settled: null };
    const request = latest(
      compute,
      (view, parameters) => {
        show(view, parameters);
        Object.assign(root.explorer, { parameters, view });
      },
      failed,
    );
    return (parameters) => {
      root.explorer.settled = request(parameters);
    };
  }

  /** Show the controls of `host.description`, and the view of their values. */
  function standard(root, host) {
    const { controls, title } = host.description;
    const parameters = Object.fromEntries(controls.map(({ name, initial }) => [name, initial]));
    const place = element("div", { class: "ge-view" });
    const draw = showing(
      root,
      host.compute,
      (view) => explorers.drawView(place, view),
      (error) => explorers.drawView(place, { panels: [], numbers: [], summary: error.message }),
    );
    const made = controls.map((control) =>
      (control.slider ? slider : choice)(control, (value) => {
        parameters[control.name] = value;
        markMissing(host.description, parameters, root);
        draw({ ...parameters });
      }),
    );
    root.replaceChildren(
      element("p", { class: "ge-title" }, title),
      place,
      element("div", { class: "ge-controls" }, ...made),
    );
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", title);
    markMissing(host.description, parameters, root);
    draw({ ...parameters });
  }

  /** Bring `root` to life with a host, by the front-end of the explorer's name or the default one. */
  function start(root, host) {
    (explorers.frontends[host.description.name] || standard)(root, host);
  }

  explorers.controls = { choice, slider };
  Object.assign(explorers, { latest, placeOf, showing, standard, start });
})(globalThis.GraphonExplorers);
