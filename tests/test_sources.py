"""Which code stands behind a result: imports are followed, explanations do not count."""

import ast
import textwrap
from types import FunctionType

import pytest

from graphon_lib.experiments import sources
from graphon_lib.experiments.shared_positions import shared_positions


def test_names_that_code_imports():
    code = "import graphon_lib.pruning\nfrom graphon_lib.graphons import sas as s\nimport os.path"
    assert sources.imported_names(code) == {
        "graphon_lib.pruning",
        "graphon_lib.graphons",
        "graphon_lib.graphons.sas",
        "os.path",
    }


def test_imports_are_followed_through_packages():
    modules = sources.modules_behind({"graphon_lib.experiments.mask_statistics", "numpy"})
    assert {
        "graphon_lib._checks",
        "graphon_lib.experiments.data",
        "graphon_lib.pruning.synflow",
    } <= set(modules)
    assert not any(name.startswith("graphon_lib.book") for name in modules)
    assert all(path.exists() for path in modules.values())


def test_only_what_is_imported_counts():
    """An experiment on sorting does not depend on the cut norm, though both are graphons."""
    modules = sources.modules_behind({"graphon_lib.experiments.sorted_histograms"})
    assert "graphon_lib.graphons.sas" in modules
    assert "graphon_lib.graphons.cut_norm" not in modules


def test_packages_hold_nothing_but_names():
    """Which is why the packages around a module need not count."""
    for package in sources.LIBRARY.glob("*/__init__.py"):
        for node in ast.parse(package.read_text(encoding="utf-8")).body:
            assert isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr), package


def test_definitions_are_followed_through_names():
    behind = sources.definitions_behind([shared_positions])
    assert {
        "graphon_lib.experiments.shared_positions.shared_positions",
        "graphon_lib.experiments.data.DATASETS",
        "graphon_lib.experiments.pruned.BATCH_SIZE",
        "graphon_lib.graphons.network.GraphonNetwork",
        "graphon_lib.pruning.synflow.synflow_masks",
    } <= set(behind)
    # What only describes the experiment, or only stands in the same module, does not count.
    assert "graphon_lib.experiments.shared_positions.SHARED_POSITIONS" not in behind
    assert not any(name.startswith("graphon_lib.experiments.sweep") for name in behind)
    assert "graphon_lib.experiments.digits.nested_batch" not in behind
    assert "graphon_lib.graphons.cut_norm.cut_norm" not in behind


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("from graphon_lib.b import FACTOR\n\n\ndef f(x):\n    return FACTOR * x\n", "FACTOR"),
        ("from graphon_lib import b\n\n\ndef f(x):\n    return b.FACTOR * x\n", "FACTOR"),
        ("import graphon_lib.b as b\n\n\ndef f(x):\n    return b.FACTOR * x\n", "FACTOR"),
        ("def f(x):\n    from graphon_lib.b import g\n\n    return g(x)\n", "g"),
        ("from graphon_lib.b import g\n\n\n@g\ndef f(x):\n    return x\n", "g"),
        ("from graphon_lib.b import g\n\n\ndef f(x: g):\n    return x.load()\n", "g"),
        ("from graphon_lib.b import g\n\n\ndef f(x=g):\n    return x\n", "g"),
    ],
)
def test_ways_to_name_a_definition(library, changed, found):
    (library / "a.py").write_text(changed)
    behind = sources.definitions_behind([function("a", "f")])
    assert "graphon_lib.a.f" in behind
    assert {name.rpartition(".")[2] for name in behind} - {"f", "OTHER"} - {found} <= {
        "FACTOR",
        "g",
    }
    assert (f"graphon_lib.b.{found}" in behind) is (found is not None)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library of two modules."""
    folder = tmp_path / "graphon_lib"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "b.py").write_text("FACTOR = 2\nOTHER = 3\n\n\ndef g(x):\n    return FACTOR * x\n")
    monkeypatch.setattr(sources, "LIBRARY", folder)
    sources._names.cache_clear()
    yield folder
    sources._names.cache_clear()


def function(module, name):
    made = FunctionType((lambda: None).__code__, {}, name)
    made.__module__ = f"graphon_lib.{module}"
    return made


def test_the_hash_sees_what_a_function_uses_and_nothing_else(library):
    code = "from graphon_lib.b import g\n\n\ndef f(x):\n    return g(x)\n"
    (library / "a.py").write_text(code)
    before = sources.definitions_hash([function("a", "f")])
    for module, old, new, same in [
        ("a", "def f", "def e():\n    pass\n\n\ndef f", True),
        ("a", "return g(x)", "return g(x)  # a comment", True),
        ("b", "OTHER = 3", "OTHER = 4", True),
        ("b", "FACTOR = 2", "FACTOR = 4", False),
    ]:
        path = library / f"{module}.py"
        path.write_text(path.read_text().replace(old, new))
        sources._names.cache_clear()
        assert (sources.definitions_hash([function("a", "f")]) == before) is same


def test_a_name_that_cannot_be_found_is_an_error(library):
    (library / "a.py").write_text("from graphon_lib.b import h\n\n\ndef f():\n    h()\n")
    with pytest.raises(LookupError, match="h is not defined in"):
        sources.definitions_behind([function("a", "f")])


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ('"""Other words."""\ndef f(x):\n    "Says."\n    return x + 1\n', True),
        ("# a comment\ndef f(x):  # another\n\n    return x + 1   \n", True),
        ('def f(x):\n    return x + 1\n    """Says\n\n    more: π."""\n', True),
        ("def f(x):\n    return x + 2\n", False),
        ('def f(x):\n    y = "not a docstring"\n    return x + 1\n', False),
    ],
)
def test_hash_sees_code_and_nothing_else(tmp_path, monkeypatch, changed, same):
    module = tmp_path / "module.py"
    monkeypatch.setattr(sources, "modules_behind", lambda names: {"module": module})
    module.write_text(textwrap.dedent("def f(x):\n    return x + 1\n"))
    before = sources.code_hash(["module"])
    module.write_text(changed)
    assert (sources.code_hash(["module"]) == before) is same


def test_what_is_hashed_is_the_text_as_written():
    """Whatever text is made from a syntax tree differs between versions of Python."""
    code = "x = ('a' \"b\")\nf'{x!r:>{3}}' if (x) else '#\\\n  no comment'\nf(**{}, )"
    assert sources._bare_code(code) == code
    for path in sources.LIBRARY.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        written = iter(source.split("\n"))
        for bare in sources._bare_code(source).split("\n"):
            assert any(line.startswith(bare) for line in written), (path, bare)


@pytest.mark.parametrize(
    ("code", "bare"),
    [
        ('"""Says."""\n', ""),
        ('def f():\n    """Says,\n    at length."""\n', "def f():"),
        ('def f(): "π"; return 1  # π\n', "def f(): ; return 1"),
        ('class A:\n    x: int  # of what\n\n    """Of what."""\n', "class A:\n    x: int"),
        ('x = 1\n"""An attribute."""\ny = """A value."""', 'x = 1\ny = """A value."""'),
    ],
)
def test_comments_and_docstrings_are_cut_out(code, bare):
    assert sources._bare_code(code) == bare
