"""Explorers with a live kernel: messages over the wire, values, and what a notebook keeps."""

import functools
from contextlib import contextmanager
from types import SimpleNamespace

import nbformat
import numpy as np
from jupyter_client.manager import KernelManager

from graphon_lib.book.execute import clean
from graphon_lib.book.explorers.convergence import convergence_explorer
from graphon_lib.book.explorers.jupyter import explore
from graphon_lib.book.explorers.view import encode
from graphon_lib.experiments.convergence import CONVERGENCE

SHOW = """\
from graphon_lib.book.explorers.convergence import convergence_explorer
from graphon_lib.book.explorers.jupyter import explore
from graphon_lib.experiments.convergence import CONVERGENCE
explore(convergence_explorer(CONVERGENCE.run()))"""
PATIENCE = 180  # seconds; only a kernel that hangs takes so long
WIDGET = "application/vnd.jupyter.widget-view+json"


@functools.cache
def library():
    return convergence_explorer(CONVERGENCE.run())


@contextmanager
def kernel():
    """Yield the client of a kernel that has run the cell, and the data of its output."""
    # Through sockets of its own: ports that were free may be taken when other kernels start.
    manager = KernelManager(transport="ipc")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        outputs = []
        client.execute_interactive(SHOW, output_hook=outputs.append, timeout=PATIENCE)
        data = [m["content"]["data"] for m in outputs if m["msg_type"] == "execute_result"]
        assert data, [m["content"] for m in outputs if m["msg_type"] == "error"]
        yield client, data[0]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def ask(client, model, content):
    """Send what the front-end sends when a control moves; return the answer with its arrays."""
    data = {"method": "custom", "content": content}
    message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
    client.shell_channel.send(message)
    while True:
        answer = client.get_iopub_msg(timeout=PATIENCE)
        if (
            answer["msg_type"] == "comm_msg"
            and answer["parent_header"]["msg_id"] == (message["header"]["msg_id"])
        ):
            buffers = [np.frombuffer(buffer, "<f4") for buffer in answer["buffers"]]
            return answer["content"]["data"]["content"], buffers


def assert_every_move_is_answered_by_the_library(client, data):
    explorer = library()
    for number, state in enumerate(explorer.states()[::11]):
        request = {"id": number, "parameters": state}
        answer, buffers = ask(client, data[WIDGET]["model_id"], request)
        tree, arrays = encode(explorer.view(**state))
        assert answer == {"id": number, "tree": tree}
        for got, expected in zip(buffers, arrays, strict=True):
            np.testing.assert_array_equal(got, expected.ravel())


def assert_a_wrong_request_is_answered_with_the_reason(client, data):
    answer, _ = ask(client, data[WIDGET]["model_id"], {"id": 1, "parameters": {"width": 7}})
    assert answer["error"].startswith("width must be one of 100, ")


def assert_a_notebook_keeps_only_what_a_page_can_show(data):
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    cell = nbformat.v4.new_code_cell(SHOW, outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    clean(notebook)
    kept = notebook.cells[0].outputs[0].data
    assert set(kept) == {"text/html", "text/plain"}
    view = library().view()
    assert 'data-explorer="convergence"' in kept["text/html"]
    assert view.summary in kept["text/html"]


def test_with_a_kernel(subtests):
    """Start a kernel once for all that is asked of it; every subtest is told by its name."""
    with kernel() as (client, data):
        with subtests.test("every move is answered by the library"):
            assert_every_move_is_answered_by_the_library(client, data)
        with subtests.test("a wrong request is answered with the reason"):
            assert_a_wrong_request_is_answered_with_the_reason(client, data)
        with subtests.test("a notebook keeps only what a page can show"):
            assert_a_notebook_keeps_only_what_a_page_can_show(data)


def test_a_model_that_fails_is_answered_with_the_error(monkeypatch):
    def fail(**parameters):
        raise KeyError("no such width")

    widget = explore(library())
    sent = []
    monkeypatch.setattr(widget, "send", sent.append)
    monkeypatch.setattr(widget, "explorer", SimpleNamespace(view=fail))
    widget._answer(None, {"id": 3, "parameters": {}}, [])
    assert sent == [{"id": 3, "error": "KeyError: 'no such width'"}]
