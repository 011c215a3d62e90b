"""Training of pruned convolutional networks, residual networks and a transformer, after interventions.

Registered before anything was run:

- *outcome*: the loss on all test images after the last update, as for fully connected networks;
- *comparisons* (:data:`COMPARISONS`): whether random masks are behind SNIP's and SynFlow's, as they
  are and at restored scale; whether their scale alone slows a dense network; and of the lead that is
  left at restored scale the parts that layer densities, places within layers, and the choice of
  weights have, whose product it is. Ratios of geometric means over ten paired networks, one family
  for each architecture, Holm;
- *equivalence*: losses that differ by less than a tenth are equal (:data:`MARGIN`);
- *expected*: in plain convolutions what is known of fully connected networks, random masks at restored
  scale being equal to the others; with BatchNorm no gap as pruned, as it restores the scale anyhow.

All else, training losses among it, is described and not tested.

In the first run, of 100 updates at the rate of fully connected networks, pruned ones had hardly begun to
learn. A second one, :data:`ARCHITECTURE_LONG_TRAINING`, has 300 updates and ten times the rate. It was
chosen among three settings, of the rates .003 and .01 at this density and of the former at twice the
density, by the test losses of random masks, as pruned and rescaled, and of SynFlow's, on one network of
each of four architectures (the plain transformer was not among them); that network is left out. The others
are among those of the first run, with the same masks, so that the second is no replication. Registered
before it was run: the outcome, the margin and Holm's correction as before, and of the comparisons
:data:`LONG_COMPARISONS`. The same is registered of :data:`ARCHITECTURE_LONG_TRAINING_TORCH`, the second
run with weights and biases as PyTorch draws them, at the rate that was chosen for He's, and, before
anything was trained there, of :data:`ARCHITECTURE_LONG_TRAINING_COLOUR`, on 4,000 images of CIFAR-10:
nothing tuned on them, and the variants that are compared alone, as the spread is pooled over all and
a dense network can diverge. Of the six networks that were meant four were run, for want of time and
before a loss was looked at. *Expected*: the verdicts of Fashion-MNIST, and in convolutions a lesser gap
between random masks and the others' layer densities, as a channel of the first layer has 27 weights in
the place of 9, and fewer are left without any. Beside those of the second run verdicts are the same,
opposite (lower and higher), undecided in one of the two, or equal in one of the two.

Registered in the same words, before a network was trained at its density, with its setting cut from six
architectures to four for want of time: :data:`ARCHITECTURE_SPARSER_TRAINING`, Fashion-MNIST under He's
law at a density of .02, everything else as on CIFAR-10. *Expected*: the verdicts at .05, and in
convolutions a wider gap between random masks and the others' layer densities: the ratios ``snip_layers``
and ``synflow_layers`` over those at .05, paired by the four networks that both have, four intervals of
95 % jointly (Bonferroni), without and with BatchNorm; "wider" where all of an interval is below 1.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.prune import custom_from_mask

from graphon_lib._checks import check_choice, check_density
from graphon_lib.experiments.architectures import ARCHITECTURES, build_network, draw_parameters
from graphon_lib.experiments.data import Images, sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.intervention_training import of_variant, variant_name, with_variants
from graphon_lib.experiments.paired import Comparison, compare
from graphon_lib.experiments.pruned import BATCH_SIZE, torch_generator
from graphon_lib.experiments.training import RUN_SETTINGS
from graphon_lib.experiments.training_run import EVALUATION_CHUNK, OPTIMIZERS, draw_batches
from graphon_lib.pruning.masks import DisconnectedWarning, shuffle_masks
from graphon_lib.pruning.methods import METHODS, prune
from graphon_lib.pruning.networks import PRUNED_LAYERS
from graphon_lib.pruning.rescale import rescale_signal, signal_moments

__all__ = [
    "ARCHITECTURE_LONG_TRAINING",
    "ARCHITECTURE_LONG_TRAINING_COLOUR",
    "ARCHITECTURE_LONG_TRAINING_TORCH",
    "ARCHITECTURE_SPARSER_TRAINING",
    "ARCHITECTURE_TRAINING",
    "BATCH_STATISTICS",
    "CHANGES",
    "COMPARISONS",
    "LONG_COMPARISONS",
    "MARGIN",
    "architecture_training",
    "compared",
    "scale_left",
]

CHANGES = ("as pruned", "rescaled", "re-drawn, rescaled", "shuffled, rescaled", "scaled to random")
r"""Those of :data:`~graphon_lib.experiments.interventions.INTERVENTIONS` that are made here.

Scaled to random, all weights of linear and convolutional layers are multiplied by the root of the
density. A layer of which nothing is kept, such as queries and keys under SynFlow, is rescaled by
nothing, and the others to the signal of a dense network that has zeros there.
"""

COMPARISONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "snip_gap": ("random: as pruned", "snip: as pruned"),
        "synflow_gap": ("random: as pruned", "synflow: as pruned"),
        "rescaling": ("random: rescaled", "random: as pruned"),
        "volume": ("dense: scaled to random", "dense: as pruned"),
        "against_snip": ("random: rescaled", "snip: as pruned"),
        "against_synflow": ("random: rescaled", "synflow: as pruned"),
        "snip_lead": ("random: rescaled", "snip: rescaled"),
        "synflow_lead": ("random: rescaled", "synflow: rescaled"),
        "snip_layers": ("snip: shuffled, rescaled", "random: rescaled"),
        "synflow_layers": ("synflow: shuffled, rescaled", "random: rescaled"),
        "snip_within": ("snip: re-drawn, rescaled", "snip: shuffled, rescaled"),
        "synflow_within": ("synflow: re-drawn, rescaled", "synflow: shuffled, rescaled"),
        "snip_weights": ("snip: rescaled", "snip: re-drawn, rescaled"),
        "synflow_weights": ("synflow: rescaled", "synflow: re-drawn, rescaled"),
    }
)
"""Losses that are compared, the first over the second: named before the runs were made."""

LONG_COMPARISONS = MappingProxyType(
    {
        name: COMPARISONS[name]
        for name in (
            *("snip_gap", "synflow_gap", "rescaling", "against_snip", "against_synflow"),
            *("snip_lead", "synflow_lead", "snip_layers", "synflow_layers"),
        )
    }
)
"""Those of the second run."""

MARGIN = 1.1
"""Losses that differ by less than a tenth count as equal."""


def architecture_training(
    *,
    seed: int,
    trial: int,
    architecture: str,
    channels: int,
    embedding: int,
    pruning: str,
    density: float,
    intervention: str,
    steps: int,
    batch_size: int,
    optimizer: str,
    learning_rate: float,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one network at initialisation, intervene, and train it.

    Returns ``loss`` (step), of the batch before update number ``step`` + 1; ``test_loss`` and
    ``test_accuracy`` on all test images in the end, in evaluation mode; infinite, and 0, once
    training has diverged; with BatchNorm also ``own_test_loss``, where means and variances are those
    of the test images, a thousand at once, and not the running ones. Known before training:
    ``signal`` (weight layer), the mean square of what leaves each layer for the pruning batch, in
    training mode; ``layer_density`` and ``empty_rows`` (weight layer), the share of a layer's outputs
    that no weight is kept of; ``connected``, whether outputs depend on inputs. A network where they
    do not is trained as it is, whatever the intervention.

    Parameters
    ----------
    seed, trial
        These alone seed the network, its pruning batch and its training batches: within a trial all
        variants start from the same weights and see the same images in the same order, and networks
        with normalisation start from the weights of those without.
    architecture
        A name of :data:`~graphon_lib.experiments.architectures.ARCHITECTURES`.
    channels, embedding
        Width of convolutional networks, and of transformers.
    pruning, density
        ``"dense"`` or a name of :data:`~graphon_lib.pruning.METHODS`; fraction of weights kept of
        all layers together.
    intervention
        One of :data:`CHANGES`.
    steps, batch_size, optimizer, learning_rate
        As of :func:`~graphon_lib.experiments.training_run.train`.
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    check_choice("pruning", pruning, ("dense", *METHODS))
    check_choice("intervention", intervention, CHANGES)
    check_density("density", density)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    images = data.load()
    # The first three are those of a trial.
    network, ranking, batch, batches, drawn = np.random.SeedSequence((seed, trial)).spawn(5)
    model = build_network(
        architecture,
        embedding if architecture.startswith("transformer") else channels,
        images.shape,
        images.classes,
        torch_generator(network),
        initialisation=data.initialisation,
    )
    x, y = map(torch.as_tensor, sample_batch(images, BATCH_SIZE, np.random.default_rng(batch)))
    weights = {
        f"{name}.weight": layer.weight
        for name, layer in model.named_modules()
        if isinstance(layer, PRUNED_LAYERS)
    }
    masks = {name: torch.ones_like(weight) for name, weight in weights.items()}
    if pruning != "dense":
        with warnings.catch_warnings():
            # Layers without weights are recorded, and nothing to be told of.
            warnings.simplefilter("ignore", DisconnectedWarning)
            masks = prune(model, pruning, density, x, y, generator=torch_generator(ranking))
    generator = torch_generator(drawn)
    if intervention.startswith("re-drawn"):
        draw_parameters(model, data.initialisation, generator)
    if intervention == "scaled to random":
        with torch.no_grad():
            for weight in weights.values():
                weight.mul_(math.sqrt(density))
    if intervention.startswith("shuffled"):
        flat = shuffle_masks([mask.flatten(1) for mask in masks.values()], generator)
        masks = {
            name: entries.view_as(mask)
            for (name, mask), entries in zip(masks.items(), flat, strict=True)
        }
    if pruning != "dense":
        for name, mask in masks.items():
            custom_from_mask(_layer(model, name), "weight", mask)
    connected = _connected(model, x)
    if connected and intervention.endswith("rescaled"):
        _rescale(model, masks, x)
    kept = [mask.flatten(1).double() for mask in masks.values()]
    before = {
        "signal": np.float32(list(signal_moments(model, x).values())),
        "layer_density": np.float32([float(of.mean()) for of in kept]),
        "empty_rows": np.float32([float((of.sum(1) == 0).double().mean()) for of in kept]),
        "connected": np.bool_(connected),
    }
    order = draw_batches(len(images.x_train), batch_size, steps, np.random.default_rng(batches))
    descent = OPTIMIZERS[optimizer](model.parameters(), lr=learning_rate, fused=True)
    return before | _trained(model, images, order, descent)


def compared(
    losses: xr.DataArray, comparisons: Mapping[str, tuple[str, str]] = COMPARISONS
) -> dict[str, dict[str, Comparison]]:
    """Judge comparisons of one outcome (architecture, variant, trial), by architecture."""
    return {
        str(of.architecture.values): compare(
            of.drop_vars("architecture"), comparisons, margin=MARGIN
        )
        for of in losses.transpose("architecture", ...)
    }


def scale_left(result: xr.Dataset) -> xr.DataArray:
    """Return the signal of the read-out over that of the dense network, before training.

    Mean squares, (architecture, variant, trial).
    """
    signal = result.signal
    last = signal.where(signal.weight_layer == signal.count("weight_layer")).max("weight_layer")
    return last / last.sel(variant="dense: as pruned", drop=True)


def _layer(model: nn.Module, weight: str) -> nn.Module:
    return model.get_submodule(weight.rpartition(".")[0])


@torch.no_grad()
def _connected(model: nn.Module, x: Tensor) -> bool:
    """Say whether outputs depend on inputs; normalisation then has seen none of them."""
    outputs = model.eval()(x)
    model.train()
    return bool((outputs != outputs[0]).any())


@torch.no_grad()
def _rescale(model: nn.Module, masks: Mapping[str, Tensor], x: Tensor) -> None:
    """Restore the signal of all layers that send one: the others count as zero in the dense network."""
    moments = signal_moments(model, x)
    for name, mask in masks.items():
        if not mask.any() or moments[name] == 0.0:
            _layer(model, name).weight_orig.zero_()
    rescale_signal(model, x)


def _trained(
    model: nn.Module, data: Images, batches: Iterable[Tensor], descent: torch.optim.Optimizer
) -> dict[str, NDArray]:
    """Train a network in place, and test it. The masks' hooks multiply the gradients of weights."""
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    losses = []
    for batch in batches:
        loss = cross_entropy(model(x[batch]), y[batch])
        losses.append(loss.item())
        descent.zero_grad()
        loss.backward()
        descent.step()
    finite = np.logical_and.accumulate(np.isfinite(losses))
    loss, accuracy = _test(model.eval(), data) if finite.all() else (math.inf, 0.0)
    found = {
        "loss": np.where(finite, losses, np.inf).astype(np.float32),
        "test_loss": np.float32(loss),
        "test_accuracy": np.float32(accuracy),
    }
    if any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()):
        found["own_test_loss"] = np.float32(_test(model.train(), data)[0])
    return found


@torch.no_grad()
def _test(model: nn.Module, data: Images) -> tuple[float, float]:
    """Return mean loss and accuracy on the test images, in the mode that the network is in."""
    x, y = torch.from_numpy(data.x_test), torch.from_numpy(data.y_test)
    logits = torch.cat([model(images) for images in x.split(EVALUATION_CHUNK)]).double()
    loss, correct = float(cross_entropy(logits, y)), float((logits.argmax(1) == y).double().mean())
    return (loss, correct) if math.isfinite(loss) else (math.inf, 0.0)


PRUNED = ("as pruned", *CHANGES[1:4])
VARIANTS = [
    variant_name(pruning, intervention)
    for pruning, interventions in (
        ("dense", ("as pruned", "scaled to random")),
        ("random", ("as pruned", "rescaled")),
        ("snip", PRUNED),
        ("synflow", PRUNED),
    )
    for intervention in interventions
]
LONGER = [
    variant
    for variant in VARIANTS
    if variant != "dense: scaled to random"
    and not variant.partition(": ")[2].startswith("re-drawn")
]
PLACE = ("architecture", "variant", "trial")
LAYER = (*PLACE, "weight_layer")
LAYERS = 14
"""Of a transformer, the deepest one; the others have none where theirs are at an end."""

ARCHITECTURE_TRAINING = Experiment(
    name="architecture-training",
    cell=architecture_training,
    arguments=of_variant,
    finish=with_variants,
    variables={
        "loss": (*PLACE, "step"),
        "test_loss": PLACE,
        "test_accuracy": PLACE,
        "signal": LAYER,
        "layer_density": LAYER,
        "empty_rows": LAYER,
        "connected": PLACE,
    },
    coords={"step": lambda steps, **_: range(steps), "weight_layer": range(1, LAYERS + 1)},
    **profiles(
        grid=(
            {"trial": 10, "architecture": list(ARCHITECTURES), "variant": VARIANTS},
            {"trial": 2, "architecture": list(ARCHITECTURES), "variant": VARIANTS},
        ),
        dataset="fashion-mnist",
        full=RUN_SETTINGS["full"],
        channels=(32, 8),
        embedding=(64, 16),
        density=(0.05, 0.3),
        steps=(100, 2),
        batch_size=(64, 16),
        optimizer=RUN_SETTINGS["optimizer"],
        learning_rate=RUN_SETTINGS["learning_rate"],
    ),
    case=Case(
        {
            "grid": {
                "trial": 1,
                "architecture": ["convolutional", "transformer-norm"],
                "variant": ["random: rescaled", "synflow: shuffled, rescaled"],
            },
            "steps": 10,
        },
        ["loss", "layer_density", "empty_rows"],
    ),
)

ARCHITECTURE_LONG_TRAINING = ARCHITECTURE_TRAINING.changed(
    "architecture-long-training",
    grid=(
        {"trial": [1, 2, 3, 4, 5, 6], "architecture": list(ARCHITECTURES), "variant": LONGER},
        {"trial": 2, "architecture": list(ARCHITECTURES), "variant": LONGER},
    ),
    steps=(300, 2),
    learning_rate=1e-2,
)

ARCHITECTURE_LONG_TRAINING_TORCH = ARCHITECTURE_LONG_TRAINING.under("torch")
"""The second run once more, with weights and biases as PyTorch draws them."""

PRUNED_ALONE = [variant for variant in LONGER if not variant.startswith("dense")]

ARCHITECTURE_LONG_TRAINING_COLOUR = replace(
    ARCHITECTURE_LONG_TRAINING.on(
        "cifar10-4k",
        full=False,
        grid={
            "trial": [1, 2, 3, 4],
            "architecture": list(ARCHITECTURES),
            "variant": PRUNED_ALONE,
        },
    ),
    name="architecture-long-training-colour",
)
"""The second run on pictures in three colours."""

ARCHITECTURE_SPARSER_TRAINING = ARCHITECTURE_LONG_TRAINING.changed(
    "architecture-sparser-training",
    grid=tuple(
        {
            "trial": trials,
            "architecture": [name for name in ARCHITECTURES if not name.startswith("residual")],
            "variant": PRUNED_ALONE,
        }
        for trials in ([1, 2, 3, 4], 2)
    ),
    density=(0.02, 0.2),
)
"""The second run with two fifths of the weights."""

BATCH_STATISTICS = replace(
    ARCHITECTURE_LONG_TRAINING_TORCH.changed(
        "batch-statistics",
        grid=tuple(
            {
                "trial": trials,
                "architecture": ["convolutional-norm", "residual-norm"],
                "variant": ["random: as pruned", "snip: as pruned", "synflow: as pruned"],
            }
            for trials in (list(range(1, 7)), 2)
        ),
    ),
    variables={"loss": (*PLACE, "step"), "test_loss": PLACE, "own_test_loss": PLACE},
)
"""Whether running means and variances are why BatchNorm's test losses are far above training losses."""
