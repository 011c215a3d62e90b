/* A host that computes in the reader's browser, once the reader asks for it. */
(function (explorers) {
  "use strict";

  const folder = document.currentScript.src.replace(/[^/]*$/, "");

  /** Why Python cannot run on this page, or null. */
  function obstacle() {
    if (location.protocol === "file:") {
      return "This page was opened as a file, and browsers start no computation of this kind from " +
        "files. Serve the book with “make serve”, or open it where it is published, to run it live.";
    }
    if (typeof WebAssembly !== "object") {
      return "This browser has no WebAssembly, so that Python cannot run in it.";
    }
    if (typeof Worker !== "function") {
      return "This browser has no background workers, so that Python cannot run in it.";
    }
    return null;
  }

  /** Python in a worker, behind the state that `still` has computed in advance. */
  explorers.hosts.pyodide = function (still, address) {
    const waiting = new Map();
    let worker = null;
    let count = 0;
    /* Why nobody would answer, or null while Python starts or runs. */
    let silent = "Python has not been started";

    function settle({ id, tree, arrays, error }) {
      if (!waiting.has(id)) return;
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(explorers.decode(tree, arrays));
    }

    /** End the worker; what waits for it, and what is asked from now on, is told the reason. */
    function stop(reason) {
      worker.terminate();
      worker = null;
      silent = `Python has stopped (${reason})`;
      for (const { reject } of waiting.values()) reject(new Error(silent));
      waiting.clear();
    }

    return {
      description: still.description,
      initial: () => still.compute({}),
      obstacle: obstacle(),
      /** Start Python; `report` is called with every step, `ended` if it stops after it has run. */
      start: (report, ended) =>
        new Promise((resolve, reject) => {
          const started = new Worker(address);
          worker = started;
          silent = null;
          let runs = false;
          const fail = (reason) => {
            if (worker !== started) return;
            stop(reason);
            if (runs) ended(reason);
            else reject(new Error(reason));
          };
          worker.addEventListener("error", (event) => {
            event.preventDefault();
            fail(event.message || "the worker could not be loaded");
          });
          worker.addEventListener("message", ({ data }) => {
            if (data.step) report(data.step);
            else if (data.ready) {
              runs = true;
              resolve();
            } else if (data.failed) fail(data.failed);
            else settle(data);
          });
          worker.postMessage({ pixels: still.description.pixels });
        }),
      compute: (parameters) =>
        new Promise((resolve, reject) => {
          if (silent !== null) throw new Error(silent);
          count += 1;
          waiting.set(count, { resolve, reject });
          worker.postMessage({ id: count, parameters });
        }),
    };
  };

  explorers.onPage.design = async (name, address) =>
    explorers.hosts.pyodide(
      await explorers.hosts.precomputed(name, address), `${folder}worker.js`,
    );
})(globalThis.GraphonExplorers);
