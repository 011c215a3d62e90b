"""Experiments as descriptions: one cell function, a grid, and what the cells make together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib

from graphon_lib._checks import check_choice, check_integer
from graphon_lib.experiments import results
from graphon_lib.experiments.data import load
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.grid import Grid, grid, put_together
from graphon_lib.experiments.sources import definitions_hash
from graphon_lib.experiments.sweep import CellFunction, compute_cells, fingerprint, run_cells

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Case", "Experiment", "experiments_in", "experiments_of", "profiles"]

Profile = Mapping[str, Any]


class Case(NamedTuple):
    """A part of a stored result that can be computed again in seconds, to see that it is the same.

    Attributes
    ----------
    changes
        What is different in the profile ``"paper"``: a smaller grid, other settings.
    variables, blind
        Those that must be the same, and those of them that see no images where the method needs no
        data. The mean over all trials is none of them.
    """

    changes: Profile
    variables: Sequence[str]
    blind: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """A computation on a grid whose result is stored.

    Parameters
    ----------
    name
        File name of the stored result, without its ending.
    cell
        Function that computes one cell: called by keyword with the seed, the settings and its place
        on the grid, it returns named arrays. Everything random in it is seeded by its arguments.
    variables
        The dimensions of each array of the result, see
        :func:`~graphon_lib.experiments.grid.put_together`.
    paper, quick
        The profiles, see :func:`profiles`: ``grid``, see
        :func:`~graphon_lib.experiments.grid.grid`; settings, all of which cells are called with;
        and under ``finish`` those of `finish`. In the place of ``full`` cells are given the
        :class:`~graphon_lib.experiments.digits.Data` that it, ``dataset`` (MNIST if left out) and
        ``initialisation`` (He's) ask for, as ``data``.
    coords
        Labels of the dimensions that are no axes of the grid, or the setting that has them, or
        functions of the settings.
    finish
        Called with the dataset of all cells, the seed and the profile's ``finish`` by keyword, it
        returns the result. For what is made of many cells, such as means over trials.
    arguments
        Changes what cells are called with. Those that are called alike are computed once.
    keep
        Whether finished cells are kept on disk, and computed side by side. Cells that measure how
        long something takes are neither.
    case
        What the test of the stored result computes again; None where that of another experiment
        with the same functions does for this one.
    """

    name: str
    cell: CellFunction
    variables: Mapping[str, Sequence[str]]
    paper: Profile
    quick: Profile
    coords: Mapping[str, str | Sequence[Any] | Callable[..., Sequence[Any]]] = field(
        default_factory=dict
    )
    finish: Callable[..., xr.Dataset] | None = None
    arguments: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    keep: bool = True
    case: Case | None = None

    @property
    def path(self) -> Path:
        """Where the result of the profile ``"paper"`` is stored."""
        return results.RESULTS / f"{self.name}.nc"

    @property
    def profiles(self) -> dict[str, Profile]:
        """The profiles by name."""
        return {"paper": self.paper, "quick": self.quick}

    def under(self, initialisation: str, **settings: Any) -> Experiment:  # noqa: ANN401
        """Return the same experiment on networks of another of ``INITIALISATIONS``.

        Its result is stored as ``name-initialisation``. The settings are what else is then
        different in the profile ``"paper"``: what the initialisation comes with, such as the batch
        size of training.
        """
        return self._with("initialisation", initialisation, settings)

    def on(self, dataset: str, **settings: Any) -> Experiment:  # noqa: ANN401
        """Return the same experiment on another of ``DATASETS``, likewise: on fewer images, say."""
        return self._with("dataset", dataset, settings)

    def changed(self, name: str, case: Case | None = None, **settings: Any) -> Experiment:  # noqa: ANN401
        """Return the same experiment with other settings, pairs as of :func:`profiles`."""
        found = {of: {**self.profiles[of], **new} for of, new in profiles(**settings).items()}
        return replace(self, name=name, case=case, **found)

    def _with(self, setting: str, value: str, others: Profile) -> Experiment:
        return replace(
            self,
            name=f"{self.name}-{value}",
            paper={**self.paper, setting: value, **others},
            quick={**self.quick, setting: value},
        )

    def run(self, *, profile: str = "paper", recompute: bool = False, seed: int = 0) -> xr.Dataset:
        """Load the stored result, or compute one.

        Parameters
        ----------
        profile
            ``"paper"`` (the sizes of the paper) or ``"quick"`` (a small instance, never stored).
        recompute
            Whether to compute the result of the profile ``"paper"``, which may take hours, and
            store it in the place of the one that is stored. Without, it is only loaded. Finished
            cells are kept, so that what was killed goes on where it was.
        seed
            Seed of everything random in the experiment.

        Raises
        ------
        ValueError
            If the profile does not exist or `seed` is not a non-negative integer.
        StaleResultError
            If nothing is stored, or with another seed or other parameters than those asked for.
        """
        parameters = self.profiles[check_choice("profile", profile, self.profiles)]
        check_integer("seed", seed, 0)
        if profile == "paper" and not recompute:
            return results.load(self.path, parameters, seed)
        started, code = time.perf_counter(), self.code_hash()
        dataset = self.compute(parameters, seed, keep=self.keep and profile == "paper")
        dataset.attrs |= results.provenance(parameters, seed)
        dataset.attrs |= {"code_sha256": code, "seconds": round(time.perf_counter() - started, 1)}
        if profile == "paper":
            results.store(dataset, self.path)
        return dataset

    def code_hash(self) -> str:
        """Return the SHA-256 of the code behind the numbers, as it is now."""
        return definitions_hash([f for f in (self.cell, self.arguments, self.finish) if f])

    def compute(self, profile: Profile, seed: int = 0, *, keep: bool = False) -> xr.Dataset:
        """Compute a result, as of the profile `paper` and with everything random from `seed`.

        With `keep`, cells are kept on disk and computed side by side, see
        :func:`~graphon_lib.experiments.sweep.run_cells`. Attributes of the result are the data, the
        number of cells computed (``runs``) and their cost, and the settings that are numbers or
        names.
        """
        of, calls, attributes = self._calls(profile, seed)
        alike = [joblib.hash(call) for call in calls]
        distinct = list(dict(zip(alike, calls, strict=True)).values())
        if keep:
            done = run_cells(self.cell, distinct, key=self._fingerprint, description=self.name)
        else:
            done = compute_cells(self.cell, distinct, description=self.name)
        found = dict(zip(dict.fromkeys(alike), done, strict=True))
        settings = _settings(profile)
        dataset = put_together(
            of, [found[key].arrays for key in alike], self.variables, self.coords, settings
        )
        dataset.attrs |= attributes | {
            "cells_code_sha256": ", ".join(sorted({cell.code_sha256 for cell in done})),
            "runs": len(done),
            "cpu_hours": round(sum(cell.seconds for cell in done) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in done)),
        }
        dataset.attrs |= {k: v for k, v in settings.items() if type(v) in (int, float, str)}
        if self.finish:
            dataset = self.finish(dataset, seed=seed, **profile.get("finish", {}))
        return dataset

    def _calls(
        self, profile: Profile, seed: int
    ) -> tuple[Grid, list[dict[str, Any]], dict[str, Any]]:
        """Return the grid, what each of its cells is called with, and attributes of the data."""
        of, shared, attributes = grid(profile["grid"]), {"seed": seed, **_settings(profile)}, {}
        if "full" in shared:
            full, dataset = shared.pop("full"), shared.pop("dataset", "mnist")
            initialisation = shared.pop("initialisation", "he")
            data = load(dataset, full=full)
            shared["data"] = Data(full, data.sha256, dataset, initialisation)
            attributes = {
                "data": data.name,
                "data_sha256": data.sha256,
                "image_shape": list(data.shape),
                "classes": data.classes,
                "initialisation": initialisation,
            }
        calls = [{**shared, **place} for place in of.places]
        if self.arguments:
            calls = list(map(self.arguments, calls))
        return of, calls, attributes

    @cached_property
    def _fingerprint(self) -> str:
        """A name for what the code makes of small cells, every label of the quick profile in one."""
        of, calls, _ = self._calls(self.quick, seed=0)
        seen: set[tuple[str, Any]] = set()
        probes: list[dict[str, Any]] = []
        for place, call in zip(of.places, calls, strict=True):
            labels = {at for at in place.items() if at[0] not in of.counted}
            if not probes or not labels <= seen:
                seen |= labels
                probes.append(call)
        return fingerprint(self.cell, probes)


def profiles(**settings: Any) -> dict[str, Profile]:  # noqa: ANN401
    """Return the profiles ``paper`` and ``quick`` of an experiment.

    A setting is a pair of what it is in the one, the sizes of the paper, and in the other, a small
    instance; or, if it is no tuple, what it is in both.
    """
    pairs = {
        name: value if isinstance(value, tuple) else (value, value)
        for name, value in settings.items()
    }
    return {
        profile: {name: pair[place] for name, pair in pairs.items()}
        for place, profile in enumerate(("paper", "quick"))
    }


def experiments_in(modules: Iterable[str]) -> dict[str, Experiment]:
    """Return the experiments that modules describe, alone or in lists, by their names, in their order."""
    values = (value for module in modules for value in vars(import_module(module)).values())
    found = {one.name: one for value in values for one in experiments_of(value)}
    return dict(sorted(found.items()))


def experiments_of(value: object) -> list[Experiment]:
    """Return the experiments that a value is, or is a list of."""
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, Experiment)]


def _settings(profile: Profile) -> dict[str, Any]:
    return {name: value for name, value in profile.items() if name not in ("grid", "finish")}
