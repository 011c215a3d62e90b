"""Tensors are taken wherever arrays are: with gradients, and of dtypes that NumPy does not have."""

import numpy as np
import pytest

from graphon_lib._checks import as_numpy
from graphon_lib.graphons import GraphonNetwork, StepGraphon, block_means, cut_norm, sas
from graphon_lib.ntk import empirical_ntk, gradient_flow, spectral_metrics

torch = pytest.importorskip("torch")

HALVES = torch.tensor([[1.0, 0.5], [0.5, 1.0]])


@pytest.mark.parametrize(
    "tensor",
    [HALVES.clone().requires_grad_(), HALVES.bfloat16(), HALVES.half(), HALVES.T, HALVES.double()],
)
def test_matrices(tensor):
    array = HALVES.double().numpy()
    np.testing.assert_array_equal(as_numpy("tensor", tensor), array)
    assert StepGraphon(tensor) == StepGraphon(array)
    assert cut_norm(tensor).lower == cut_norm(array).lower
    if tensor.dtype == torch.float64:
        assert (
            spectral_metrics(tensor, top=1).effective_rank
            == spectral_metrics(array, top=1).effective_rank
        )
    else:
        assert spectral_metrics(tensor, top=1).effective_rank == pytest.approx(4 / 3)
    flow = gradient_flow(tensor, torch.ones(2, requires_grad=True), [0.0, 1.0])
    assert flow.train.shape == (2, 2, 1)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.bfloat16])
def test_masks_and_labels(dtype):
    mask = torch.eye(4).to(dtype)
    assert sas(mask, 2) == sas(np.eye(4), 2)
    labels = torch.tensor([0, 0, 1, 1])
    assert block_means(mask, labels, labels) == block_means(np.eye(4), [0, 0, 1, 1], [0, 0, 1, 1])


def test_weights():
    masks = [np.ones((3, 2)), np.ones((1, 3))]
    weights = [torch.full((3, 2), 0.5), torch.full((1, 3), 0.25)]
    x = torch.ones(4, 2)
    wanted = empirical_ntk(weights, masks, x)
    other = [w.bfloat16().requires_grad_() for w in weights]
    np.testing.assert_array_equal(empirical_ntk(other, masks, x.bfloat16()), wanted)
    assert GraphonNetwork.from_masks(masks, other).second_moments is not None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 0], [1]], "values must be an array of real numbers, got a list that does not"),
        (HALVES * 1j, "values must be an array of real numbers, got dtype complex64"),
        (HALVES.to_sparse(), "values must be an array of real numbers, got a Tensor that does not"),
        (HALVES.to("meta"), "values must be an array of real numbers, got a Tensor that does not"),
        (None, "values must be an array of real numbers, got dtype object"),
    ],
)
def test_what_does_not_convert(value, message):
    with pytest.raises(ValueError, match=message) as error:
        StepGraphon(value)
    assert len(str(error.value)) < 120
