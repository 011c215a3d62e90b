"""Tensors are taken wherever arrays are: with gradients, and of dtypes that NumPy does not have."""

import numpy as np
import pytest
import torch

from graphon_lib import pruning
from graphon_lib._checks import as_numpy
from graphon_lib.graphons import GraphonNetwork, StepGraphon, block_means, cut_norm, sas
from graphon_lib.ntk import empirical_ntk, gradient_flow, graphon_ntk, spectral_metrics

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
    "value", [HALVES * 1j, HALVES.to_sparse(), HALVES.to("meta"), [[1, 0], [1]]]
)
def test_what_does_not_convert(value):
    with pytest.raises(ValueError, match="values must be an array of real numbers") as error:
        StepGraphon(value)
    assert len(str(error.value)) < 120


def test_kernels_of_tensors_are_arrays():
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    network = GraphonNetwork.dense(3)
    kernel = graphon_ntk(x, network)
    assert np.array_equal(kernel, graphon_ntk(x.detach().double().numpy(), network))


def test_arrays_and_tensors_in_any_memory_layout():
    model = pruning.MaskedMLP((5, 4, 3), torch.Generator().manual_seed(0))
    x = np.random.default_rng(0).normal(size=(7, 5))
    mask = x < 0.4
    frozen = x.copy(), mask.copy()
    for array in frozen:
        array.flags.writeable = False
    signal = pruning.signal_moments(model, x)
    for form in (x[::-1].copy()[::-1], frozen[0], x.astype(">f8"), torch.tensor(x)):
        assert torch.equal(pruning.signal_moments(model, form), signal)
    wanted = pruning.shuffle_masks([mask], torch.Generator().manual_seed(0))[0]
    for form in (mask[::-1, ::-1].copy()[::-1, ::-1], frozen[1], torch.as_tensor(mask).bfloat16()):
        shuffled = pruning.shuffle_masks([form], torch.Generator().manual_seed(0))[0]
        assert torch.equal(shuffled, wanted)
        shuffled[:] = False
    assert mask.any()
    assert frozen[1].any()
