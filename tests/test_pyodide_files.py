"""What a page needs to run Python in the browser: the right NumPy, and this library as a wheel."""

import hashlib
import json
import subprocess
import sys
import zipfile

import pytest

from graphon_lib.book import pyodide
from graphon_lib.book.paths import LIBRARY, ROOT
from graphon_lib.book.pyodide import CORE, WHEELS, write_pyodide, write_wheel

NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"


@pytest.fixture
def package(tmp_path):
    """Stand in for the npm package: its lock file as published, as far as NumPy goes."""
    folder = tmp_path / "package"
    folder.mkdir()
    for name in CORE:
        (folder / name).write_bytes(name.encode())
    numpy = {"name": "numpy", "file_name": NUMPY, "sha256": published_hash()}
    other = {"name": "scipy", "file_name": "scipy.whl", "sha256": ""}
    lock = {"info": {"version": "0.27.7"}, "packages": {"numpy": numpy, "scipy": other}}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return folder


def published_hash():
    text = (WHEELS / "README.md").read_text(encoding="utf-8")
    return text.split("SHA-256 `")[1].split("`")[0]


def test_numpys_wheel_is_the_published_one():
    content = (WHEELS / NUMPY).read_bytes()
    assert len(content) == 3061133
    assert hashlib.sha256(content).hexdigest() == published_hash()
    assert [path.name for path in WHEELS.glob("*.whl")] == [NUMPY]


def test_the_npm_package_is_the_version_that_numpys_wheel_belongs_to():
    pins = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert pins["dependencies"]["pyodide"] == "0.27.7"
    assert "`pyodide@0.27.7`" in (WHEELS / "README.md").read_text(encoding="utf-8")


def test_the_folder_holds_what_its_lock_file_names_and_no_more(package, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "graphon_lib-0.0.1-py3-none-any.whl").touch()
    write_pyodide(package, folder)
    packages = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    wheels = {entry["file_name"]: entry["sha256"] for entry in packages.values()}
    assert {path.name for path in folder.iterdir()} == {*CORE, "pyodide-lock.json", *wheels}
    for name, expected in wheels.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
    assert packages["graphon-lib"]["depends"] == ["numpy"]


@pytest.mark.parametrize("content", [None, b"another build"])
def test_another_numpy_is_refused(package, tmp_path, monkeypatch, content):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    if content is not None:
        (wheels / NUMPY).write_bytes(content)
    monkeypatch.setattr(pyodide, "WHEELS", wheels)
    with pytest.raises(RuntimeError, match="must have the SHA-256 ebb61241"):
        write_pyodide(package, tmp_path / "site")


def test_the_wheel_is_this_library(tmp_path):
    wheel = write_wheel(tmp_path)
    assert write_wheel(tmp_path / "again").read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        for path in LIBRARY.rglob("*.py"):
            name = path.relative_to(LIBRARY.parent).as_posix()
            assert archive.read(name) == path.read_bytes()
        record = next(name for name in names if name.endswith("RECORD"))
        listed = [line.rsplit(",", 2)[0] for line in archive.read(record).decode().splitlines()]
    assert sorted(listed) == sorted(names)


def test_the_wheel_can_be_imported_and_knows_its_version(tmp_path):
    wheel = write_wheel(tmp_path)
    # A wheel of Python sources works in place, as a zip archive on the path.
    script = "import graphon_lib.ntk as m; print(m.__file__, m.__spec__.loader, sep='\\n')"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(wheel)!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert str(wheel) in run.stdout
    assert "zipimporter" in run.stdout
