"""The example of CONTRIBUTING.md does what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from graphon_lib.book.style import label_of, look_of
from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.pruning import METHODS, MaskedMLP, Method, prune, saliency

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


def block(name):
    """Return the code below a comment of the page."""
    (found,) = re.findall(
        rf"<!-- test: {name} -->\n```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    return found


@pytest.fixture
def wanda(monkeypatch):
    names = {"torch": torch, "Method": Method}
    exec(block("score"), names)
    ((name, record),) = eval(f"{{{block('row')}}}", names).items()
    monkeypatch.setitem(METHODS, name, record)
    return name


def test_the_method_scores_as_its_equation_says(wanda):
    model = MaskedMLP((2, 2, 1), torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.weights[0].copy_(torch.tensor([[1.0, -2.0], [-1.0, 0.5]]))
        model.weights[1].copy_(torch.tensor([[3.0, -1.0]]))
    x = torch.tensor([[3.0, 0.0], [4.0, 1.0]])
    # Norms of the inputs: 5 and 1. The first hidden neuron is 3, then 2; the second is dead.
    first, second = saliency(model, wanda, x, torch.tensor([0, 0]))
    torch.testing.assert_close(first, torch.tensor([[5.0, 2.0], [5.0, 0.5]]))
    torch.testing.assert_close(second, torch.tensor([[3.0 * 13.0**0.5, 0.0]]))


def test_its_row_is_right_that_signs_of_weights_matter(wanda):
    model = MaskedMLP((8, 8, 3), torch.Generator().manual_seed(0))
    x, y = torch.rand(5, 8, generator=torch.Generator().manual_seed(1)), torch.arange(5) % 3
    before = saliency(model, wanda, x, y)
    with torch.no_grad():
        model.weights[0].neg_()
    after = saliency(model, wanda, x, y)
    assert all(map(torch.equal, before, after)) != METHODS[wanda].uses_sign


def test_it_prunes_is_swept_and_has_a_look(wanda):
    generator = torch.Generator().manual_seed(0)
    model = MaskedMLP((20, 30, 4), generator)
    x, y = torch.randn(16, 20, generator=generator), torch.arange(16) % 4
    for scope in ("global", "layer"):
        assert sum(int(m.sum()) for m in prune(model, wanda, 0.25, x, y, scope=scope)) == 180
    result = MASK_STATISTICS.run(profile="quick")
    assert np.isfinite(result.layer_density.sel(pruning=wanda)).all()
    assert label_of(wanda) == "Wanda"
    assert look_of(wanda) not in [look_of(name) for name in METHODS if name != wanda]


def test_every_file_that_the_page_names_is_there():
    for name in re.findall(r"`(graphon_lib/[^`]*)`", PAGE.read_text("utf-8")):
        assert (PAGE.parent / name).exists()
