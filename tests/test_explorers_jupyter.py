"""Explorers with a live kernel: messages over the wire, values, speed, and what a notebook keeps."""

import time
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel
from timing import best_median

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
LIMIT = 0.2  # seconds
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel():
    """A kernel that has run the cell, with the identifier of its widget."""
    manager, client = start_new_kernel()
    outputs = []
    client.execute_interactive(SHOW, output_hook=outputs.append, timeout=120)
    data = [m["content"]["data"] for m in outputs if m["msg_type"] == "execute_result"]
    assert data, [m["content"] for m in outputs if m["msg_type"] == "error"]
    yield client, data[0]
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def ask(client, model, content):
    """Send what the front-end sends when a control moves; return the answer with its arrays."""
    data = {"method": "custom", "content": content}
    message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
    client.shell_channel.send(message)
    while True:
        answer = client.get_iopub_msg(timeout=20)
        if (
            answer["msg_type"] == "comm_msg"
            and answer["parent_header"]["msg_id"] == (message["header"]["msg_id"])
        ):
            buffers = [np.frombuffer(buffer, "<f4") for buffer in answer["buffers"]]
            return answer["content"]["data"]["content"], buffers


def test_every_move_is_answered_by_the_library_in_time(kernel):
    client, data = kernel
    explorer = convergence_explorer(CONVERGENCE.run())

    def move():
        seconds = []
        for number, state in enumerate(explorer.states()[::11]):
            request = {"id": number, "parameters": state}
            started = time.perf_counter()
            answer, buffers = ask(client, data[WIDGET]["model_id"], request)
            seconds.append(time.perf_counter() - started)
            tree, arrays = encode(explorer.view(**state))
            assert answer == {"id": number, "tree": tree}
            for got, expected in zip(buffers, arrays, strict=True):
                np.testing.assert_array_equal(got, expected.ravel())
        return seconds

    assert best_median(move, LIMIT) < LIMIT


def test_a_wrong_request_is_answered_with_the_reason(kernel):
    client, data = kernel
    answer, _ = ask(client, data[WIDGET]["model_id"], {"id": 1, "parameters": {"width": 7}})
    assert answer["error"].startswith("width must be one of 100, ")


def test_a_model_that_fails_is_answered_with_the_error(monkeypatch):
    def fail(**parameters):
        raise KeyError("no such width")

    widget = explore(convergence_explorer(CONVERGENCE.run()))
    sent = []
    monkeypatch.setattr(widget, "send", sent.append)
    monkeypatch.setattr(widget, "explorer", SimpleNamespace(view=fail))
    widget._answer(None, {"id": 3, "parameters": {}}, [])
    assert sent == [{"id": 3, "error": "KeyError: 'no such width'"}]


def test_a_notebook_keeps_only_what_a_page_can_show(kernel):
    _, data = kernel
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    cell = nbformat.v4.new_code_cell(SHOW, outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    clean(notebook)
    kept = notebook.cells[0].outputs[0].data
    assert set(kept) == {"text/html", "text/plain"}
    view = convergence_explorer(CONVERGENCE.run()).view()
    assert 'data-explorer="convergence"' in kept["text/html"]
    assert view.summary in kept["text/html"]
