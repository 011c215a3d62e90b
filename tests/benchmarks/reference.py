"""Run the code of Tanaka et al. (2020), https://github.com/ganguli-lab/Synaptic-Flow, from a checkout."""

import sys
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def computing_in(dtype):
    """Make a dtype that of new tensors, as the reference takes it for."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def reference_masks(checkout, model, name, batch, density, *, rounds=1):
    """Return what its `Pruner` of a name keeps of a model of its layers, and the last scores."""
    sys.path.insert(0, checkout)
    from prune import prune_loop
    from Pruners import pruners
    from Utils import generator

    with computing_in(next(model.parameters()).dtype):
        parameters = list(generator.masked_parameters(model))
        pruner = getattr(pruners, name)(parameters)
        rule = (density, "exponential", "global", rounds)
        prune_loop(model, nn.CrossEntropyLoss(), pruner, [batch], "cpu", *rule)
    masks = [mask.bool() for mask, _ in parameters]
    for mask, _ in parameters:
        mask.fill_(1.0)
    return masks, [pruner.scores[id(p)].detach().clone() for _, p in parameters]


def jaccard(first, second):
    """Return how many weights both masks keep over those that one does."""
    both = sum(int((a & b).sum()) for a, b in zip(first, second, strict=True))
    either = sum(int((a | b).sum()) for a, b in zip(first, second, strict=True))
    return both / either
