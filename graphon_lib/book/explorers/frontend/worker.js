/* Python beside the page: a worker with Pyodide, NumPy and this book's library, from ../pyodide/.
 *
 * In:  {pixels} once, then {id, parameters}.
 * Out: {step} while it starts, {ready: true}, then {id, tree, arrays} or {id, error}; {failed} if
 *      Python cannot be started.
 */
"use strict";

const FOLDER = new URL("../pyodide/", self.location.href).href;

let answer = null;

async function start(pixels) {
  postMessage({ step: "Loading Python, NumPy and the book's library" });
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
