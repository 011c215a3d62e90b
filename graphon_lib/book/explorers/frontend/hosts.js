/* Hosts: where the views come from. Each has a description and compute(parameters) -> Promise of a view. */
(function (explorers) {
  "use strict";

  const arrived = {};
  const awaited = {};

  /** Called by the script with the data of an explorer. */
  explorers.precomputed = function (name, data) {
    arrived[name] = data;
    if (awaited[name]) awaited[name](data);
  };

  async function inflate(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  /** Undo graphon_lib/book/explorers/precompute.py: 8-bit differences between low and high. */
  function dequantise(bytes, low, high) {
    const values = new Float32Array(bytes.length);
    let level = 0;
    bytes.forEach((difference, i) => {
      level = (level + difference) & 255;
      values[i] = low + (level / 255) * (high - low);
    });
    return values;
  }

  function unpack(buffer, arrays) {
    return arrays.map(({ offset, length, low, high }) =>
      low === undefined
        ? new Float32Array(buffer.slice(offset, offset + 4 * length))
        : dequantise(new Uint8Array(buffer, offset, length), low, high),
    );
  }

  /** All states, computed when the site was built, from the script at `address`. */
  explorers.hosts.precomputed = async function (name, address) {
    const data = await new Promise((resolve, reject) => {
      if (arrived[name]) return resolve(arrived[name]);
      awaited[name] = resolve;
      const script = explorers.element("script", { src: address });
      script.addEventListener("error", () => reject(new Error(`${address} cannot be loaded`)));
      document.head.append(script);
    });
    const [text, bytes] = await Promise.all([inflate(data.states), inflate(data.arrays)]);
    const { arrays, views } = JSON.parse(new TextDecoder().decode(text));
    const unpacked = unpack(bytes, arrays);
    const { controls, missing } = data.description;
    const gaps = Object.keys(missing || {}).map(Number);
    return {
      description: data.description,
      /* The views are those of the combinations that have one, in order. */
      compute: async (parameters) => {
        const place = explorers.placeOf(controls, parameters);
        if (gaps.includes(place)) throw new Error(missing[place]);
        return explorers.decode(views[place - gaps.filter((gap) => gap < place).length], unpacked);
      },
    };
  };

  /** The Python of a Jupyter kernel, through the model of an anywidget. */
  explorers.hosts.kernel = function (model) {
    const waiting = new Map();
    let count = 0;
    model.on("msg:custom", ({ id, tree, error }, buffers) => {
      if (!waiting.has(id)) return;
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) return reject(new Error(error));
      const arrays = buffers.map(({ buffer, byteOffset, byteLength }) =>
        new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)));
      resolve(explorers.decode(tree, arrays));
    });
    return {
      description: model.get("description"),
      compute: (parameters) =>
        new Promise((resolve, reject) => {
          count += 1;
          waiting.set(count, { resolve, reject });
          model.send({ id: count, parameters });
        }),
    };
  };
})(globalThis.GraphonExplorers);
