/* Drawing a view: heat maps, line charts, numbers and the sentence that says what is to be seen.
 *
 * Classic scripts share the one global name GraphonExplorers, so that they work from file:// too.
 * A view is what graphon_lib/book/explorers/view.py describes.
 */
globalThis.GraphonExplorers = globalThis.GraphonExplorers || { hosts: {}, frontends: {}, onPage: {} };

(function (explorers) {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";

  /* Viridis at seventeen equal steps, interpolated between: from dark to light, for any colour vision. */
  const VIRIDIS = [
    [68, 1, 84], [72, 24, 106], [71, 45, 123], [66, 64, 134], [59, 82, 139], [51, 99, 141],
    [44, 114, 142], [38, 130, 142], [33, 145, 140], [31, 160, 136], [40, 174, 128], [63, 188, 115],
    [94, 201, 98], [132, 212, 75], [173, 220, 48], [216, 226, 25], [253, 231, 37],
  ];

  /* Outlines of markers around the origin, by the letters of graphon_lib/book/looks.py. */
  const MARKERS = {
    o: "M-3.5 0A3.5 3.5 0 1 0 3.5 0A3.5 3.5 0 1 0 -3.5 0Z",
    s: "M-3.2 -3.2H3.2V3.2H-3.2Z",
    D: "M0 -4.4L4.4 0L0 4.4L-4.4 0Z",
    "^": "M0 -4.4L4.2 3.4H-4.2Z",
    v: "M0 4.4L4.2 -3.4H-4.2Z",
    d: "M0 -4.6L2.8 0L0 4.6L-2.8 0Z",
    "<": "M-4.4 0L3.4 4.2V-4.2Z",
    ">": "M4.4 0L-3.4 4.2V-4.2Z",
    h: "M0 -4.2L3.6 -2.1V2.1L0 4.2L-3.6 2.1V-2.1Z",
    P: "M-1.3 -4H1.3V-1.3H4V1.3H1.3V4H-1.3V1.3H-4V-1.3H-1.3Z",
    X: "M-1.9 -3.8L0 -1.9L1.9 -3.8L3.8 -1.9L1.9 0L3.8 1.9L1.9 3.8L0 1.9L-1.9 3.8L-3.8 1.9L-1.9 0L-3.8 -1.9Z",
    p: "M0 -4.2L4 -1.3L2.5 3.4H-2.5L-4 -1.3Z",
    "*": "M0 -4.6L1.1 -1.5L4.4 -1.4L1.8 0.6L2.7 3.7L0 1.9L-2.7 3.7L-1.8 0.6L-4.4 -1.4L-1.1 -1.5Z",
  };

  /** Make an HTML element with attributes, text and children. */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  /** Make an SVG element. */
  function shape(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** Put arrays back in the places of a tree that stand for them. */
  function decode(tree, arrays) {
    if (Array.isArray(tree)) return tree.map((item) => decode(item, arrays));
    if (tree === null || typeof tree !== "object") return tree;
    if ("$array" in tree) return { shape: tree.shape, data: arrays[tree.$array] };
    return Object.fromEntries(
      Object.entries(tree).map(([key, value]) => [key, decode(value, arrays)]),
    );
  }

  /** Colour of a share between 0 and 1, as red, green and blue. */
  function viridis(share) {
    const place = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
    const below = Math.min(Math.floor(place), VIRIDIS.length - 2);
    return VIRIDIS[below].map(
      (value, i) => value + (place - below) * (VIRIDIS[below + 1][i] - value),
    );
  }

  /** Write a number with at most three significant digits; small ones as 1e-5, whole ones whole. */
  function written(value) {
    if (Number.isInteger(value) && Math.abs(value) < 1e5) return String(value);
    const rounded = Number(value.toPrecision(3));
    const small = rounded !== 0 && Math.abs(rounded) < 5e-3;
    return small ? rounded.toExponential() : String(rounded);
  }

  /** Draw a matrix into `place`, a figure element, replacing what it drew before. */
  function heatMap(place, panel) {
    if (place.dataset.kind !== "HeatMap") {
      place.dataset.kind = "HeatMap";
      place.replaceChildren(
        element("figcaption"),
        element("div", { class: "ge-axes" },
          element("span", { class: "ge-rows" }),
          element("canvas", { role: "img" }),
          element("span", { class: "ge-columns" })),
        element("div", { class: "ge-scale" },
          element("span"), element("span", { class: "ge-bar" }), element("span")),
      );
      const stops = VIRIDIS.map((rgb) => `rgb(${rgb})`).join(", ");
      place.querySelector(".ge-bar").style.background = `linear-gradient(to right, ${stops})`;
    }
    const [rows, columns] = panel.values.shape;
    const canvas = place.querySelector("canvas");
    canvas.width = columns;
    canvas.height = rows;
    canvas.setAttribute("aria-label", `${panel.title}. ${panel.description}`);
    const image = new ImageData(columns, rows);
    panel.values.data.forEach((value, i) => {
      image.data.set([...viridis((value - panel.low) / (panel.high - panel.low)), 255], 4 * i);
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
    place.querySelector("figcaption").textContent = panel.title;
    place.querySelector(".ge-rows").textContent = panel.row_label;
    place.querySelector(".ge-columns").textContent = panel.column_label;
    const ends = place.querySelectorAll(".ge-scale > span:not(.ge-bar)");
    ends[0].textContent = written(panel.low);
    ends[1].textContent = written(panel.high);
    place.querySelector(".ge-cells")?.remove();
    if (panel.written) canvas.after(cells(panel));
  }

  /** Write the values of a matrix to stand over its picture; their description is read instead. */
  function cells(panel) {
    const [, columns] = panel.values.shape;
    const made = element("div", { class: "ge-cells", "aria-hidden": "true" });
    made.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
    for (const value of panel.values.data) {
      /* On viridis white is the more legible up to here, then black. */
      const dark = value - panel.low < 0.43 * (panel.high - panel.low);
      made.append(element("span", { class: dark ? "ge-on-dark" : "ge-on-light" }, value.toFixed(2)));
    }
    return made;
  }

  /* ---- line charts ---- */

  /* Of a chart in a window; letters keep their size where there is less room. */
  const WIDTH = 330;
  const MARGIN = { left: 50, right: 10, top: 10, bottom: 42 };

  /** Round numbers between `low` and `high`, about `count` of them. */
  function linearTicks(low, high, count) {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
      ticks.push(i * step);
    }
    return ticks;
  }

  /** Powers of ten between `low` and `high`, with 2 and 5 times them where there are few.
   *
   * Where less than two of all these lie between, equal steps.
   */
  function logTicks(low, high) {
    const decades = Math.log10(high / low);
    const factors = decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5];
    const skip = Math.max(1, Math.round(decades / 6));
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      if (power % skip) continue;
      for (const factor of factors) ticks.push(Number(`${factor}e${power}`));
    }
    const inside = ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
    return inside.length < 2 ? linearTicks(low, high, 5) : inside;
  }

  /** Map numbers to pixels along one axis. */
  function axis(values, scale, from, to, fixedTicks) {
    const usable = values.filter((value) => value > (scale === "log" ? 0 : -Infinity));
    let low = Math.min(...usable);
    let high = Math.max(...usable);
    if (!usable.length) [low, high] = [1, 10];
    if (!fixedTicks && scale === "linear") {
      low = Math.min(low, 0);
      high += 0.05 * (high - low);
    }
    if (low === high) [low, high] = scale === "log" ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    if (fixedTicks && scale === "linear") {
      const room = 0.04 * (high - low);
      [low, high] = [low - room, high + room];
    } else if (scale === "log") {
      const room = (high / low) ** 0.05;
      [low, high] = [low / room, high * room];
    }
    const unit = scale === "log" ? Math.log : (value) => value;
    const place = (value) =>
      from + ((unit(value) - unit(low)) / (unit(high) - unit(low))) * (to - from);
    const ticks = fixedTicks || (scale === "log" ? logTicks(low, high) : linearTicks(low, high, 5));
    /* Not a number stands for a point that is missing. */
    const shown = (value) => value > (scale === "log" ? 0 : -Infinity);
    /* A lower end that is not positive lies below all of a logarithmic axis. */
    const foot = (value) => (value <= 0 && scale === "log" ? from : place(value));
    return { place, foot, ticks, shown };
  }

  /** Attributes of a line and of a marker in a style, whose colour is that of the theme. */
  function look({ colour, dark, marker, dash }) {
    const style = `--ge-light: ${colour}; --ge-dark: ${dark}`;
    return {
      line: { style, "stroke-dasharray": dash, class: "ge-line" },
      marker: { style, d: MARKERS[marker] },
      band: { style, class: "ge-band" },
      bar: { style, class: "ge-line" },
    };
  }

  /** How large a chart is drawn: as wide as its place, of which a page without layout says nothing. */
  function roomOf(place) {
    const width = Math.min(place.clientWidth || WIDTH, WIDTH);
    return { width, height: Math.max(170, Math.round((230 / WIDTH) * width)) };
  }

  /** Draw lines into `place`, a figure element, replacing what it drew before. */
  function lineChart(place, panel) {
    if (place.dataset.kind !== "LineChart") {
      place.dataset.kind = "LineChart";
      place.replaceChildren(
        element("figcaption"),
        shape("svg", { role: "img" }),
        element("ul", { class: "ge-legend" }),
      );
      new ResizeObserver(() => {
        if (place.dataset.kind === "LineChart" && roomOf(place).width !== place.room.width) {
          lineChart(place, place.panel);
        }
      }).observe(place);
    }
    const room = roomOf(place);
    const right = room.width - MARGIN.right;
    const bottom = room.height - MARGIN.bottom;
    Object.assign(place, { panel, room });
    const svg = place.querySelector("svg");
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${room.width} ${room.height}`);
    svg.setAttribute("aria-label", `${panel.title}. ${panel.description}`);
    place.querySelector("figcaption").textContent = panel.title;
    const x = Array.from(panel.x.data);
    const heights = panel.series.flatMap((series) =>
      [series.y, series.low, series.high].flatMap((array) => (array ? Array.from(array.data) : [])),
    );
    const across = axis(
      x, panel.x_scale, MARGIN.left, right, x.length <= 6 ? x : undefined,
    );
    const up = axis(heights, panel.y_scale, bottom, MARGIN.top);
    drawAxes(svg, panel, across, up, right, bottom);
    const at = panel.marked === null ? NaN : across.place(panel.marked);
    if (at >= MARGIN.left && at <= right) {
      svg.append(shape("line", {
        x1: at, x2: at, y1: MARGIN.top, y2: bottom, class: "ge-marked",
      }));
    }
    for (const series of panel.series) drawSeries(svg, series, x, panel.marked, across, up);
    drawLegend(place.querySelector(".ge-legend"), panel.series);
  }

  function drawAxes(svg, panel, across, up, right, bottom) {
    for (const tick of up.ticks) {
      const y = up.place(tick);
      svg.append(
        shape("line", { x1: MARGIN.left, x2: right, y1: y, y2: y, class: "ge-grid" }),
        shape("text", { x: MARGIN.left - 5, y: y + 4, "text-anchor": "end" }, written(tick)),
      );
    }
    let last = -Infinity;
    for (const tick of across.ticks) {
      const at = across.place(tick);
      svg.append(shape("line", { x1: at, x2: at, y1: bottom, y2: bottom + 4, class: "ge-tick" }));
      if (at - last < 26) continue;
      last = at;
      svg.append(shape("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, written(tick)));
    }
    const middle = (MARGIN.top + bottom) / 2;
    svg.append(
      shape("path", { d: `M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}`, class: "ge-frame" }),
      shape("text", { x: (MARGIN.left + right) / 2, y: bottom + MARGIN.bottom - 8, "text-anchor": "middle" }, panel.x_label),
      shape("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, panel.y_label),
    );
  }

  function drawSeries(svg, series, x, marked, across, up) {
    const style = look(series.style);
    /* The axis is in single precision. */
    const nearest = Math.fround(marked);
    const y = series.y.data;
    const shown = x.map((_, i) => i).filter((i) => across.shown(x[i]) && up.shown(y[i]));
    const point = (i, heights = y) => `${across.place(x[i])} ${up.place(heights[i])}`;
    const few = shown.length <= 16;
    const between = shown.filter(
      (i) => series.low && !Number.isNaN(series.low.data[i]) && up.shown(series.high.data[i]),
    );
    if (between.length && !few) {
      const above = between.map((i) => point(i, series.high.data));
      const below = between.map((i) => `${across.place(x[i])} ${up.foot(series.low.data[i])}`).reverse();
      svg.append(shape("path", { ...style.band, d: `M${[...above, ...below].join("L")}Z` }));
    }
    if (shown.length) svg.append(shape("path", { ...style.line, d: `M${shown.map((i) => point(i)).join("L")}` }));
    for (const i of shown) {
      const at = across.place(x[i]);
      if (few && between.includes(i)) {
        svg.append(shape("path", {
          ...style.bar, d: `M${at} ${up.foot(series.low.data[i])}V${up.place(series.high.data[i])}`,
        }));
      }
      const chosen = marked !== null && x[i] === nearest;
      if (few || chosen) {
        const scale = chosen ? 1.5 : 1;
        svg.append(shape("path", {
          ...style.marker,
          class: chosen ? "ge-chosen" : "ge-point",
          transform: `translate(${point(i)}) scale(${scale})`,
        }));
      }
    }
  }

  function drawLegend(legend, series) {
    legend.replaceChildren(...series.map(({ label, style }) => {
      const sample = shape("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" });
      sample.append(
        shape("path", { ...look(style).line, d: "M1 6H33" }),
        shape("path", { ...look(style).marker, class: "ge-point", transform: "translate(17 6)" }),
      );
      return element("li", {}, sample, label);
    }));
  }

  const DRAW = { HeatMap: heatMap, LineChart: lineChart };

  /** Show a view inside `place`: panels, numbers and summary, made once and then kept up to date. */
  function drawView(place, view) {
    if (!place.querySelector(":scope > .ge-panels")) {
      place.replaceChildren(
        element("div", { class: "ge-panels" }),
        element("dl", { class: "ge-numbers" }),
        element("p", { class: "ge-summary", role: "status", "aria-live": "polite" }),
      );
    }
    const panels = place.querySelector(":scope > .ge-panels");
    while (panels.children.length < view.panels.length) panels.append(element("figure"));
    while (panels.children.length > view.panels.length) panels.lastChild.remove();
    view.panels.forEach((panel, i) => DRAW[panel.kind](panels.children[i], panel));
    place.querySelector(":scope > .ge-numbers").replaceChildren(
      ...view.numbers.map(({ label, text }) =>
        element("div", {}, element("dt", {}, label), element("dd", {}, text))),
    );
    place.querySelector(":scope > .ge-summary").textContent = view.summary;
  }

  Object.assign(explorers, { decode, drawView, element, heatMap, lineChart, shape });
})(globalThis.GraphonExplorers);
