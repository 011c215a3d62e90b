/* Python beside the page: a worker with Pyodide, NumPy and this book's library, from ../pyodide/.
 *
 * In:  {pixels} once, then {id, parameters}.
 * Out: {step} while it starts, {ready: true}, then {id, tree, arrays} or {id, error}; {failed} if
 *      Python cannot be started.
 */
"use strict";

const FOLDER = new URL("../pyodide/", self.location.href).href;

let answer = null;

/** Fetch a file, or say which one did not come. */
async function arrived(address) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Error(`${address} did not come`);
  return response;
}

/** Fetch side by side what Pyodide would fetch one after the other, and hand it over.
 *
 * Pyodide itself would wait for ever for WebAssembly that does not come.
 */
async function fetchAhead() {
  const lock = await (await arrived(`${FOLDER}pyodide-lock.json`)).json();
  const wheels = Object.values(lock.packages).map(({ file_name: name }) => name);
  const names = ["pyodide.asm.wasm", "python_stdlib.zip", ...wheels];
  const files = new Map(names.map((name) => [FOLDER + encodeURI(name), null]));
  await Promise.all([...files.keys()].map(async (address) => files.set(address, await arrived(address))));
  const fetchOther = self.fetch;
  self.fetch = async (address, ...options) =>
    files.get(new URL(address, FOLDER).href)?.clone() ?? fetchOther(address, ...options);
}

async function start(pixels) {
  postMessage({ step: "Loading Python, NumPy and the book's library" });
  await fetchAhead();
  importScripts(`${FOLDER}pyodide.js`);
  const python = await loadPyodide({ indexURL: FOLDER, packages: ["graphon-lib"] });
  postMessage({ step: "Starting the library" });
  const answering = python.pyimport("graphon_lib.book.explorers.live").answering;
  answer = answering(pixels);
  postMessage({ ready: true });
}

/** Ask Python, and copy its arrays out of its memory. */
function ask(parameters) {
  const pair = answer(JSON.stringify(parameters));
  const [tree, list] = pair;
  const arrays = Array.from(list, (array) => {
    const buffer = array.getBuffer("f32");
    const copy = buffer.data.slice();
    buffer.release();
    array.destroy();
    return copy;
  });
  list.destroy();
  pair.destroy();
  return { tree: JSON.parse(tree), arrays };
}

/** What is wrong, in Python's last line, without the traceback and the name of the exception. */
function lastLine(error) {
  return String(error.message || error).trim().split("\n").pop().replace(/^\w*Error: /, "");
}

self.addEventListener("message", async ({ data }) => {
  if (data.pixels) {
    try {
      await start(data.pixels);
    } catch (error) {
      postMessage({ failed: lastLine(error) });
    }
    return;
  }
  try {
    const { tree, arrays } = ask(data.parameters);
    postMessage({ id: data.id, tree, arrays }, arrays.map((array) => array.buffer));
  } catch (error) {
    postMessage({ id: data.id, error: lastLine(error) });
  }
});
