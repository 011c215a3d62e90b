"""Importing the package is cheap: no room, and above all no PyTorch, comes with it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from graphon_lib._checks import needs_extra
from graphon_lib.graphons import (
    GraphonNetwork,
    StepGraphon,
    cocluster_blocks,
    cut_distance,
    residual_singular_values,
)
from graphon_lib.ntk import empirical_ntk, graphon_ntk


def test_the_package_imports_no_heavy_one():
    code = "import sys, graphon_lib; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(run.stdout.split())
    assert "graphon_lib" in modules
    assert not modules & {"torch", "numpy", "scipy", "sklearn", "ot", "xarray", "matplotlib"}


WITHOUT_EXTRAS = """
import sys
sys.modules.update(dict.fromkeys(("torch", "scipy", "sklearn", "ot")))  # None: not installed
import numpy as np
from graphon_lib.graphons import GraphonNetwork, cut_norm, sas
from graphon_lib.ntk import graphon_ntk
mask = np.random.default_rng(0).random((40, 30)) < 0.3
print(cut_norm(sas(mask, 5).values).lower > 0)
print(graphon_ntk(np.ones((2, 30)), GraphonNetwork.from_masks([mask])).shape)
"""


def test_graphons_and_kernels_need_numpy_alone():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, check=True
    )
    assert run.stdout.split("\n")[:2] == ["True", "(2, 2)"]


RNG = np.random.default_rng(0)
MASK = RNG.random((200, 150)) < 0.3
GRAPHON = StepGraphon(RNG.random((3, 3)))
LAYERS = [StepGraphon([[0.5]]), StepGraphon([[0.5]])]
TWO_MASKS = [np.ones((3, 2)), np.ones((1, 3))]


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        (("ot", "ot.coot"), lambda: cut_distance(GRAPHON, StepGraphon([[0.2, 0.4], [0.6, 0.1]]))),
        (
            ("scipy.sparse", "scipy.sparse.linalg"),
            lambda: residual_singular_values(MASK, np.arange(200) % 2, np.arange(150) % 2, 3),
        ),
        (("sklearn", "sklearn.cluster"), lambda: cocluster_blocks(MASK[:90], 4, RNG)),
        (
            ("scipy.special",),
            lambda: graphon_ntk(np.eye(2), GraphonNetwork(LAYERS, None, [[[0.1]], [[0.1]]])),
        ),
        (
            ("scipy.special",),
            lambda: empirical_ntk(TWO_MASKS, TWO_MASKS, np.eye(2), activation="erf"),
        ),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, missing, call):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    package = missing[0].partition(".")[0]
    with pytest.raises(ImportError, match=rf"{package} is not installed.*graphon-lib\[graphons\]"):
        call()


def test_the_extra_exists_and_other_errors_pass():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert "graphons" in project["project"]["optional-dependencies"]
    with pytest.raises(ValueError, match="unchanged"), needs_extra("graphons"):
        raise ValueError("unchanged")
