"""The example of CONTRIBUTING.md does what the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from graphon_lib.book.style import label_of, look_of
from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.pruning import METHODS, MaskedMLP, Method, prune, saliency

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"

USE = """
import torch
from graphon_lib.pruning import MaskedMLP, prune

model = MaskedMLP((8, 8, 3), torch.Generator().manual_seed(0))
print(sum(int(m.sum()) for m in prune(model, "movement", 0.25, torch.rand(6, 8), torch.arange(6) % 3)))
"""


def block(name):
    """Return the code below a comment of the page."""
    (found,) = re.findall(
        rf"<!-- test: {name} -->\n```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    return found


@pytest.fixture
def movement(monkeypatch):
    names = {"torch": torch, "Method": Method}
    exec(block("score"), names)
    ((name, record),) = eval(f"{{{block('row')}}}", names).items()
    monkeypatch.setitem(METHODS, name, record)
    return name


def test_the_method_scores_as_its_equation_says(movement):
    model = MaskedMLP((2, 2), torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.weights[0].copy_(torch.tensor([[1.0, -2.0], [1.0, -2.0]]))
    # Both logits are 1, so that the softmax is a half: the derivative is (-1/2, 1/2) times x.
    (scores,) = saliency(model, movement, torch.tensor([[3.0, 1.0]]), torch.tensor([0]))
    torch.testing.assert_close(scores, torch.tensor([[1.5, -1.0], [-1.5, 1.0]]))


def test_it_prunes_is_swept_and_has_a_look(movement):
    generator = torch.Generator().manual_seed(0)
    model = MaskedMLP((20, 30, 4), generator)
    x, y = torch.randn(16, 20, generator=generator), torch.arange(16) % 4
    for scope in ("global", "layer"):
        assert sum(int(m.sum()) for m in prune(model, movement, 0.25, x, y, scope=scope)) == 180
    result = MASK_STATISTICS.run(profile="quick")
    assert np.isfinite(result.layer_density.sel(pruning=movement)).all()
    assert label_of(movement) == "Movement"
    assert look_of(movement) not in [look_of(name) for name in METHODS if name != movement]


def test_the_files_edited_as_told_are_enough(tmp_path):
    package = shutil.copytree(
        PAGE.parent / "graphon_lib",
        tmp_path / "graphon_lib",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    added = '    "movement_scores",\n', "    movement_scores,\n", "    " + block("row")
    edits = {
        "scores.py": {"__all__ = [\n": "__all__ = [\n" + added[0]},
        "methods.py": {
            "pruning.scores import (\n": "pruning.scores import (\n" + added[1],
            '}\n"""The pruning methods by name': added[2] + '}\n"""The pruning methods by name',
        },
    }
    for name, changes in edits.items():
        path = package / "pruning" / name
        text = path.read_text("utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
    with (package / "pruning" / "scores.py").open("a", encoding="utf-8") as scores:
        scores.write("\n\n" + block("score"))
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "22\n", done.stderr


def test_every_file_that_the_page_names_is_there():
    for name in re.findall(r"`(graphon_lib/[^`]*)`", PAGE.read_text("utf-8")):
        assert (PAGE.parent / name).exists()
