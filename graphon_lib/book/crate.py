"""The stored results as an RO-Crate: files for programs, with what each says of how it was made."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graphon_lib.book.paths import RESULTS, ROOT
from graphon_lib.book.publication import configuration, publication
from graphon_lib.experiments.results import read_attributes

__all__ = ["METADATA", "write_crate"]

METADATA = "ro-crate-metadata.json"

DESCRIBED = ("seed", "parameters", "data", "data_sha256", "code_sha256", "versions", "python")
COSTS = ("processor", "seconds", "cpu_hours", "peak_megabytes")
"""Attributes of a result that say what was run, and what it took."""

Entity = dict[str, Any]


def write_crate(folder: Path) -> None:
    """Write the results and their metadata (RO-Crate 1.1) into `folder`, nothing of which is new."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(RESULTS.glob("*.nc"))
    for old in folder.glob("*.nc"):
        if not (RESULTS / old.name).exists():
            old.unlink()
    graph = [_descriptor(), _root(paths), *_authors(), *_software()]
    for path in paths:
        copy = folder / path.name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            shutil.copyfile(path, copy)
        graph += _file(path)
    crate = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    (folder / METADATA).write_text(json.dumps(crate, indent=1), encoding="utf-8")


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }


@cache
def _project() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def _root(paths: list[Path]) -> Entity:
    """Return the data set that holds all results; who made it is said where it is known."""
    known = publication()
    described = {
        "datePublished": known["publication_date"],
        "author": [{"@id": author["@id"]} for author in _authors()],
        "identifier": known["doi"],
        "url": known["address"],
    }
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Stored results of {configuration()['title']}",
        "description": f"{_project()['description']}: results of experiments, as netCDF files.",
        "license": {"@id": "https://spdx.org/licenses/MIT"},
        "hasPart": [{"@id": path.name} for path in paths],
        **{key: value for key, value in described.items() if value},
    }


def _authors() -> list[Entity]:
    names = enumerate(publication()["authors"], start=1)
    return [{"@id": f"#author-{n}", "@type": "Person", "name": name} for n, name in names]


def _software() -> list[Entity]:
    project = _project()
    return [
        {
            "@id": "https://spdx.org/licenses/MIT",
            "@type": "CreativeWork",
            "name": "MIT License",
        },
        {
            "@id": "#library",
            "@type": "SoftwareSourceCode",
            "name": project["name"],
            "version": project["version"],
            "programmingLanguage": "Python",
        },
    ]


def _file(path: Path) -> list[Entity]:
    """Return a result's file, the run that made it, and the values of its attributes."""
    known = read_attributes(path)
    values = {
        name: value.item() if isinstance(value := known[name], np.generic) else value
        for name in (*DESCRIBED, *COSTS)
        if name in known
    }
    content = path.read_bytes()
    return [
        {
            "@id": path.name,
            "@type": "File",
            "name": path.stem,
            "encodingFormat": "application/x-netcdf",
            "contentSize": str(len(content)),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
        {
            "@id": f"#run-{path.stem}",
            "@type": "CreateAction",
            "name": f"Computing {path.stem}",
            "instrument": {"@id": "#library"},
            "result": {"@id": path.name},
            "object": [{"@id": f"#{path.stem}-{name}"} for name in values],
        },
        *(
            {
                "@id": f"#{path.stem}-{name}",
                "@type": "PropertyValue",
                "name": name,
                "value": value,
            }
            for name, value in values.items()
        ),
    ]
