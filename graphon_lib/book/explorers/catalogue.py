"""The explorers of the published pages, and their files in the site."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from graphon_lib.book.dependencies import chapter_data
from graphon_lib.book.explorers.frontend import FOLDER, PAGE_SCRIPTS, STYLE_SHEETS, WORKER
from graphon_lib.experiments.sources import code_hash, modules_behind

if TYPE_CHECKING:
    from graphon_lib.book.explorers.design import DesignExplorer
    from graphon_lib.book.explorers.explorer import Explorer

__all__ = ["PUBLISHED", "write_explorers"]

# Imports are inside the functions: most builds compute nothing, and PyTorch takes seconds to load.


def _pruning() -> Explorer:
    from graphon_lib.book.explorers.pruning import pruning_by_data
    from graphon_lib.book.verdicts import DATA
    from graphon_lib.experiments.other_data import MAPS_BY_DATA

    maps = (experiment.run() for experiment in MAPS_BY_DATA)
    return pruning_by_data(dict(zip(DATA.values(), maps, strict=True)))


def _convergence() -> Explorer:
    from graphon_lib.book.explorers.convergence import convergence_explorer
    from graphon_lib.experiments.convergence import CONVERGENCE

    return convergence_explorer(CONVERGENCE.run())


def _training() -> Explorer:
    from graphon_lib.book.explorers.training import training_by_data
    from graphon_lib.book.verdicts import DATA
    from graphon_lib.experiments.other_data import TRAINED_BY_DATA

    results = ([one.run() for one in of] for of in TRAINED_BY_DATA)
    return training_by_data(dict(zip(DATA.values(), results, strict=True)))


def _design() -> DesignExplorer:
    from graphon_lib.book.explorers.presets import design_explorer
    from graphon_lib.experiments.data import load_mnist
    from graphon_lib.experiments.preset_graphons import PRESET_GRAPHONS

    return design_explorer(load_mnist(), PRESET_GRAPHONS.run())


def _sorting() -> Explorer:
    from graphon_lib.book.explorers.sorting import sorting_explorer

    return sorting_explorer()


def _neuron() -> Explorer:
    from graphon_lib.book.explorers.neuron import neuron_explorer

    return neuron_explorer()


def _paths() -> Explorer:
    from graphon_lib.book.explorers.paths import paths_explorer

    return paths_explorer(_design())


def _rescaling() -> Explorer:
    from graphon_lib.book.explorers.rescaling import rescaling_explorer
    from graphon_lib.book.explorers.training import kept_energy, training_explorer
    from graphon_lib.experiments.other_data import TRAINED_BY_DATA

    training, changed, spectra = (one.run() for one in TRAINED_BY_DATA[0])
    return rescaling_explorer(training_explorer(training, changed, kept_energy(spectra)))


def _moving() -> Explorer:
    from graphon_lib.book.explorers.moving import moving_explorer
    from graphon_lib.experiments.moving_masks import MOVING_GRAPHONS

    return moving_explorer(MOVING_GRAPHONS.run())


def _offsets() -> Explorer:
    from graphon_lib.book.explorers.offsets import offsets_explorer
    from graphon_lib.experiments.channel_maps import CHANNEL_MAPS, CHANNEL_MAPS_TORCH

    maps = {"He normal": CHANNEL_MAPS.run(), "PyTorch's default": CHANNEL_MAPS_TORCH.run()}
    return offsets_explorer(maps)


PUBLISHED: MappingProxyType[str, Callable[[], Explorer | DesignExplorer]] = MappingProxyType(
    {
        "pruning": _pruning,
        "convergence": _convergence,
        "training": _training,
        "design": _design,
        "sorting": _sorting,
        "neuron": _neuron,
        "paths": _paths,
        "rescaling": _rescaling,
        "moving": _moving,
        "offsets": _offsets,
    }
)
"""Explorers whose states are computed with the site; of the design only the one at the start."""


def write_explorers(folder: Path) -> None:
    """Write the files that pages with explorers load; states only where code or results changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*PAGE_SCRIPTS, WORKER, *STYLE_SHEETS):
        shutil.copyfile(FOLDER / name, folder / name)
    stamp = f"// {_fingerprint()}\n"
    for name, make in PUBLISHED.items():
        path = folder / f"{name}.data.js"
        if not path.exists() or not path.read_text(encoding="ascii").startswith(stamp):
            from graphon_lib.book.explorers.precompute import data_script

            path.write_text(stamp + data_script(make()), encoding="ascii")


def _fingerprint() -> str:
    """Return the SHA-256 of the code and data behind the explorers."""
    digest = hashlib.sha256(code_hash([__name__]).encode())
    for file in chapter_data(modules_behind([__name__])):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
