"""Which code stands behind a result: imports are followed, explanations do not count."""

import ast
import textwrap

import pytest

from graphon_lib.experiments import sources


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
