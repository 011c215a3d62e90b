/* What a reader has designed: kept step by step, and in the address of the page. */
(function (explorers) {
  "use strict";

  const copy = (value) => JSON.parse(JSON.stringify(value));
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const share = (value) => typeof value === "number" && value >= 0 && value <= 1;

  /** Say whether a layer from an address can be shown beside the layer at the start. */
  function isLayer(layer, families, [rows, columns]) {
    if (!layer || !share(layer.density ?? 0) || typeof layer.held !== "boolean") return false;
    if (layer.cells) {
      return layer.cells.length === rows && layer.cells.every(
        (row) => row.length === columns && row.every(share));
    }
    const family = families.find(({ name }) => name === layer.family);
    return Boolean(family && layer.parameters) && family.parameters.every(
      ({ name, low, high }) => layer.parameters[name] >= low && layer.parameters[name] <= high);
  }

  /** A layer of a preset as it is kept here; one of cells has the family of painted layers. */
  const asKept = (layer) =>
    ({ family: explorers.PAINTED, cells: null, ...copy(layer), held: layer.density !== null });

  /** One entry a layer, and those before every change; `request` is what the model takes. */
  class Design {
    constructor({ presets, families }) {
      this.families = families;
      this.presets = presets.map(({ layers }) => layers.map(asKept));
      this.layers = copy(this.presets[0]);
      this.past = [];
    }

    /** Keep the design as it is before a change; changes of one kind in a row are one step. */
    remember(kind) {
      if (kind === null || kind !== this.kind) this.past.push(copy(this.layers));
      this.kind = kind;
    }

    undo() {
      if (this.past.length) this.layers = this.past.pop();
      this.kind = null;
    }

    /** Put other layers in the place of all, in one step. */
    replace(layers) {
      this.remember(null);
      this.layers = layers.map(asKept);
    }

    /** The number of the preset that the design is, or -1. */
    get preset() {
      return this.presets.findIndex((layers) => same(layers, this.layers));
    }

    choose(index, family) {
      const { parameters } = this.families.find(({ name }) => name === family);
      Object.assign(this.layers[index], {
        family,
        parameters: Object.fromEntries(parameters.map(({ name, initial }) => [name, initial])),
        cells: null,
      });
    }

    request() {
      return {
        layers: this.layers.map(({ family, parameters, cells, density, held }) => ({
          ...(cells ? { cells } : { family, parameters: { ...parameters } }),
          density: held ? density : null,
        })),
      };
    }

    /** The end of an address that keeps the design. */
    get fragment() {
      return `#design=${btoa(JSON.stringify(this.layers))}`;
    }

    /** Take the design that the end of an address keeps, if there is one; say whether. */
    read(fragment, shapes) {
      if (!fragment.startsWith("#design=")) return false;
      try {
        const layers = JSON.parse(atob(decodeURIComponent(fragment.slice("#design=".length))));
        const known = layers.length === this.presets[0].length && layers.every(
          (layer, i) => isLayer(layer, this.families, shapes[i]));
        if (known) this.layers = layers;
        return known;
      } catch {
        return false;  // cut off on its way, or typed
      }
    }
  }

  explorers.PAINTED = "painted";
  Object.assign(explorers, { Design, same });
})(globalThis.GraphonExplorers);
