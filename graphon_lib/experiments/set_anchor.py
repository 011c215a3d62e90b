"""Sparse evolutionary training in its authors' own setting, beside their stored runs.

The setting is that of the tutorial code of Mocanu et al. (2018), github.com/dcmocanu,
sparse-evolutionary-artificial-neural-networks: 784-1000-1000-1000-10, ReLU and a logistic output,
2,000 training and 1,000 test images of Fashion-MNIST with pixels in [0, 1], masks of about 13 (n_in +
n_out) weights a layer, all weights normal with deviation .1, batches of 40, rate .05, momentum .9, and
of the weights 2e-4 taken off at every update. Units are dropped with probability .2 in training; without
division by .8 then, but with pre-activations times .8 in the test. Their code multiplies the error of
the outputs by p (1 - p) of p itself a logistic of the output, between .20 and .25, and does not drop
errors; both are followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from graphon_lib._checks import check_choice
from graphon_lib.experiments.data import DATASETS
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import torch_generator
from graphon_lib.experiments.training_run import accelerator, draw_batches
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.moving import MovingMasks

__all__ = ["KINDS", "SET_ANCHOR", "STORED_ACCURACY", "STORED_SPREAD", "set_anchor", "spread"]

KINDS = ("dense", "static", "set")

STORED_ACCURACY: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "dense": (0.823, 0.818, 0.817, 0.822, 0.819),
        "static": (0.811, 0.809, 0.798, 0.811, 0.801),
        "set": (0.826, 0.836, 0.831, 0.812, 0.823),
    }
)
"""Accuracies of the authors' five stored runs of each kind at the end, after 400 epochs."""

STORED_SPREAD: Mapping[int, float] = MappingProxyType(
    {0: 0.014, 50: 0.141, 100: 0.192, 200: 0.178, 399: 0.154}
)
"""Systematic spread of the inputs' degrees in these of SET, by epoch, the mean: see :func:`spread`."""

RATE, MOMENTUM, DECAY, DROPPED, DEVIATION = 0.05, 0.9, 2e-4, 0.2, 0.1


def set_anchor(
    *,
    seed: int,
    trial: int,
    kind: str,
    hidden: Sequence[int],
    epsilon: int,
    share: float,
    images: int,
    tested: int,
    epochs: int,
    batch_size: int,
    looked: Sequence[int],
    data: Data,
) -> dict[str, NDArray]:
    """Train one network as the authors do, and return ``test_accuracy`` (epoch) and ``spread`` (look).

    Accuracies are of the ends of epochs, SET's masks having moved, as they do not in the last one.

    Parameters
    ----------
    seed, trial
        These alone seed images, weights, masks, batches and dropped units.
    kind
        One of :data:`KINDS`.
    hidden, epsilon, share
        Widths; weights of a layer over the sum of its widths; what SET removes of them every epoch.
    images, tested, epochs, batch_size
        Of training, and of the test.
    looked
        Epochs after which the degrees of inputs are looked at, 0 being before the first.
    """
    check_choice("kind", kind, KINDS)
    found = data.load()
    device, of = accelerator(), DATASETS[data.dataset]
    ours, drawn, batches, grown = np.random.SeedSequence((seed, trial)).spawn(4)
    generator, rng = torch_generator(drawn), np.random.default_rng(batches)
    picked = int(ours.generate_state(1)[0])
    seen = nested_batch(found, images, picked)
    test = np.random.default_rng(picked).permutation(len(found.x_test))[:tested]
    x, x_test = (
        torch.from_numpy(of.pixels(a).astype(np.float32) / 255.0).to(device)
        for a in (seen.x, found.x_test[test])
    )
    y, y_test = (torch.from_numpy(a).to(device) for a in (seen.y, found.y_test[test]))
    targets = nn.functional.one_hot(y, found.classes).float()
    model = MaskedMLP((x.shape[1], *hidden, found.classes), generator)
    with torch.no_grad():
        for weight in model.weights:
            weight.normal_(0.0, DEVIATION, generator=generator)
    masks = [_mask(mask, epsilon if kind != "dense" else None, rng) for mask in model.masks]
    model.to(device)
    weights = list(model.weights)
    biases = [torch.zeros(len(w), device=device) for w in weights]
    memory = [torch.zeros_like(b) for b in biases]
    descent = _Momentum(weights)
    each = len(x) // batch_size
    moving = MovingMasks(
        model,
        masks,
        descent,
        "set" if kind == "set" else "static",
        every=each,
        until=(epochs - 1) * each,
        fraction=share,
        generator=torch_generator(grown),
    )
    dropping = torch.Generator(device).manual_seed(int(ours.generate_state(2)[1]))
    accuracy = np.empty(epochs, np.float32)
    spreads = {0: spread(moving.masks[0])}
    for step, batch in enumerate(draw_batches(len(x), batch_size, epochs * each, rng)):
        batch = batch.to(device)
        _gradients(weights, biases, memory, x[batch], targets[batch], dropping)
        before = moving.masks[0]
        moving.step()
        if (step + 1) % each == 0:
            epoch = (step + 1) // each
            accuracy[epoch - 1] = _accuracy(weights, biases, x_test, y_test)
            if epoch in looked:
                # They count what is left before others are regrown.
                spreads[epoch] = spread(before & moving.masks[0])
    return {"test_accuracy": accuracy, "spread": np.float32([spreads[e] for e in looked])}


class _Momentum(torch.optim.Optimizer):
    """Their update: momentum, and a decay that the rate does not multiply."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__(weights, {})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].mul_(MOMENTUM).sub_(weight.grad, alpha=RATE)
                weight.add_(state["momentum"]).sub_(weight - state["momentum"], alpha=DECAY)


@torch.no_grad()
def _gradients(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    memory: Sequence[Tensor],
    x: Tensor,
    targets: Tensor,
    dropping: torch.Generator,
) -> None:
    """Set the gradients of the weights by their rules, and update the biases, which never move."""
    before, active = [x], []
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = torch.addmm(bias, before[-1], weight.T)
        if layer == len(weights) - 1:
            break
        active.append(z > 0.0)
        kept = torch.rand(z.shape, generator=dropping, device=z.device) >= DROPPED
        before.append(z.relu() * kept)
    output = z.sigmoid()
    again = output.sigmoid()
    error = (output - targets) * again * (1.0 - again)
    for layer in reversed(range(len(weights))):
        weights[layer].grad = error.T @ before[layer] / len(x)
        memory[layer].mul_(MOMENTUM).sub_(error.mean(dim=0), alpha=RATE)
        if layer:
            error = (error @ weights[layer]) * active[layer - 1]
        biases[layer].add_(memory[layer] - DECAY * biases[layer])


@torch.no_grad()
def _accuracy(weights: Sequence[Tensor], biases: Sequence[Tensor], x: Tensor, y: Tensor) -> float:
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = torch.addmm(bias, x, weight.T)
        x = (z * (1.0 - DROPPED) if layer else z).relu()
    return float((z.argmax(dim=1) == y).double().mean())


def _mask(like: Tensor, epsilon: int | None, rng: np.random.Generator) -> Tensor:
    """Return their mask: so many places drawn, some of them twice; or all."""
    if epsilon is None:
        return torch.ones_like(like)
    mask = np.zeros(like.shape, dtype=np.bool_)
    count = epsilon * sum(like.shape)
    mask[tuple(rng.integers(0, n, count) for n in like.shape)] = True
    return torch.from_numpy(mask)


def spread(mask: Tensor) -> float:
    """Return the deviation of the inputs' degrees over their mean, less that of chance.

    The root of the variance beyond that of as many weights at random, 0 where there is none.
    """
    degrees, share = mask.sum(dim=0).double(), mask.double().mean()
    chance = len(mask) * share * (1.0 - share)
    excess = float(degrees.var(correction=0) - chance)
    return float(max(excess, 0.0) ** 0.5 / degrees.mean())


SET_ANCHOR = Experiment(
    name="set-anchor",
    cell=set_anchor,
    variables={
        "test_accuracy": ("kind", "trial", "epoch"),
        "spread": ("kind", "trial", "look"),
    },
    coords={"epoch": lambda epochs, **_: range(1, epochs + 1), "look": "looked"},
    **profiles(
        grid=({"trial": 5, "kind": list(KINDS)}, {"trial": 1, "kind": list(KINDS)}),
        dataset="fashion-mnist",
        hidden=([1000, 1000, 1000], [40, 40, 40]),
        epsilon=(13, 5),
        share=0.3,
        images=(2000, 100),
        tested=(1000, 50),
        epochs=(400, 4),
        batch_size=(40, 20),
        looked=([0, 50, 100, 200, 399], [0, 2, 3]),
        full=(True, False),
    ),
    # A GPU drops other units than a processor does: what they share is the masks at the start.
    case=Case(
        {
            "grid": {"trial": 3, "kind": ["static", "set"]},
            "images": 40,
            "tested": 1,
            "epochs": 2,
            "looked": [0],
        },
        ["spread"],
    ),
)
