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


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("graphon_lib", {"torch", "numpy", "scipy", "sklearn", "ot", "xarray", "matplotlib"}),
        ("graphon_lib.experiments.data", {"torch", "pooch", "requests"}),
        # Which sees whether anything has changed since the book was built.
        (
            "graphon_lib.book.__main__",
            {"torch", "scipy", "pandas", "matplotlib", "papermill", "nbformat"},
        ),
    ],
)
def test_what_is_light_imports_no_heavy_package(module, heavy):
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(run.stdout.split())
    assert module in modules
    assert not modules & heavy


NUMPY_ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"scipy", "torch", "sklearn", "ot", "tqdm", "threadpoolctl"}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
import numpy as np
from graphon_lib.graphons import GraphonNetwork, StepGraphon, cut_norm, design, sas
from graphon_lib.ntk import empirical_ntk, graphon_nngp, graphon_ntk, spectral_metrics

rng = np.random.default_rng(0)
network = GraphonNetwork([StepGraphon(rng.random(shape)) for shape in ((4, 6), (5, 4), (2, 5))])
x = rng.normal(size=(9, 6))
assert cut_norm(network.layers[0].values - 0.5).lower > 0
for activation in ("relu", "leaky_relu", "erf", "linear", np.tanh):
    nngp, kernel = (k(x, network, activation=activation) for k in (graphon_nngp, graphon_ntk))
    assert np.isfinite(nngp).all() and np.isfinite(kernel).all()
masks = network.sample_masks((6, 30, 30, 2), rng)
weights = [rng.normal(size=mask.shape) for mask in masks]
empirical_ntk(weights, masks, x)
graphon_ntk(x, GraphonNetwork.from_masks(masks, blocks=9))
assert sas(masks[1], 5, cross_fit=True).shape == (5, 5)
assert design((6, 30, 30, 2), 0.3, x).depth == design((6, 30, 30, 2), 0.3, objective="paths").depth
print(spectral_metrics(kernel).effective_rank)
"""


def test_graphons_and_kernels_need_numpy_alone():
    run = subprocess.run(
        [sys.executable, "-c", NUMPY_ALONE], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) >= 1


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
