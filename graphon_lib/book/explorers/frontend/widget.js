/* The end of the module that Jupyter loads: anywidget's interface. */
export default {
  render({ model, el }) {
    const root = document.createElement("div");
    root.className = "graphon-explorer";
    el.append(root);
    GraphonExplorers.start(root, GraphonExplorers.hosts.kernel(model));
  },
};
