"""The graphons that masks tend to, by formula: no network is drawn."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_choice, check_density, check_integer, check_rng
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.signal_laws import SignalLaws, draw_normal, signal_laws
from graphon_lib.pruning.expected import expected_threshold, kept_probability
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.methods import METHODS, Factor
from graphon_lib.pruning.synflow_limit import synflow_limit

__all__ = ["in_order_of_degree", "limit_graphon"]

Array = NDArray[np.float64]


def limit_graphon(
    method: str,
    density: float,
    rng: np.random.Generator,
    *,
    blocks: int = 256,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    hidden_layers: int = 2,
    layer: int = 2,
    inputs: int = 784,
    classes: int = 10,
    rounds: int | None = None,
    initialisation: str = "he",
) -> StepGraphon:
    r"""Return a step graphon with so many blocks of the limit of a method's mask.

    Of networks whose hidden layers become wide.

    Parameters
    ----------
    method
        ``"random"``, ``"magnitude"``, ``"snip"``, ``"grasp"`` or ``"synflow"``.
    density
        Of the mask; of SynFlow the mean over all masks between hidden layers. In (0, 1].
    rng, blocks
        Draws so many positions on either side, each a block of equal mass.
    x, y
        Of SNIP and GraSP: the pruning batch, shapes (B, d) and (B,).
    outputs : array_like, shape (classes, B), optional
        Of SNIP and GraSP: the network's outputs on the batch, on which its graphon depends; 0,
        those of quiet networks, if omitted.
    hidden_layers, layer
        The mask is that of weight layer `layer`, between hidden layers: from 2 to `hidden_layers`.
    inputs, classes, rounds
        Of SynFlow: the numbers of inputs and of outputs; its rounds, if not its own.
    initialisation
        One of :data:`~graphon_lib.pruning.INITIALISATIONS`.

    Raises
    ------
    ValueError
        If an argument is not allowed or missing, or so many weights have no score above zero.

    Notes
    -----
    Random and Magnitude: a constant. SNIP: rows are vectors :math:`a = \sigma'(z) \odot g`, columns
    :math:`h = \sigma(z')`, with the laws of :func:`~graphon_lib.ntk.signal_laws.signal_laws` (in the
    last hidden layer :math:`g = \sqrt{s_w} \sum_k \xi_k \chi_k`, :math:`\xi` of the law of
    weights), and

    .. math:: W(a, h) = \mathbb P\bigl( |w| \ge s / |\langle a, h \rangle| \bigr)

    with w of the law of weights and the s that gives W its density. GraSP: half of that, and for the
    errors' derivative along the gradient in the place of the errors. SynFlow: see
    :func:`~graphon_lib.pruning.synflow_limit.synflow_limit`.

    Examples
    --------
    >>> limit_graphon("random", 0.2, np.random.default_rng(0), blocks=2).values
    array([[0.2, 0.2],
           [0.2, 0.2]])
    """
    known = [name for name, record in METHODS.items() if record.factor] + ["synflow"]
    check_choice("method", method, ["random", "magnitude", *known])
    check_choice("initialisation", initialisation, INITIALISATIONS)
    density = check_density("density", density)
    check_rng("rng", rng)
    check_integer("blocks", blocks, 1)
    check_integer("hidden_layers", hidden_layers, 2)
    if check_integer("layer", layer, 2) > hidden_layers:
        raise ValueError(f"layer must be at most {hidden_layers}, the hidden layers, got {layer}")
    if method not in known:
        return StepGraphon(np.full((blocks, blocks), density))
    if method == "synflow":
        limit = synflow_limit(
            hidden_layers,
            density,
            inputs=inputs,
            outputs=classes,
            rounds=METHODS[method].rounds if rounds is None else rounds,
            positions=blocks,
            rng=rng,
            initialisation=initialisation,
        )
        return StepGraphon(np.broadcast_to(limit.probabilities(layer - 2), (blocks, blocks)))
    factor = METHODS[method].factor
    for name, value in (("x", x), ("y", y)):
        if value is None:
            raise ValueError(f"{name} must be given for method {method!r}, got None")
    record = INITIALISATIONS[initialisation]
    law, laws = record.law, signal_laws(x, hidden_layers, record)
    errors = _errors(laws, factor, y, outputs, classes)
    if layer == hidden_layers:
        # A sum over a few outputs, which is normal if weights are.
        read_out = law.sample(rng, (blocks, len(errors)), np.float64)
        backward = math.sqrt(record.weight_variance) * read_out @ errors
    else:
        backward = draw_normal(laws.backward(layer, errors), blocks, rng)
    rows = (draw_normal(laws.covariances[layer - 1], blocks, rng) > 0.0) * backward
    columns = np.maximum(draw_normal(laws.covariances[layer - 2], blocks, rng), 0.0)
    factors = rows @ columns.T
    threshold = expected_threshold([factors], density, law, signed=factor.signed)
    return StepGraphon(kept_probability(factors, threshold, law, signed=factor.signed))


def in_order_of_degree(graphon: StepGraphon, blocks: int) -> StepGraphon:
    """Return a step graphon's means over so many equal blocks, of rows and columns by degree.

    As degree-sorted histograms of masks are, largest first.
    """
    degrees = graphon.row_degrees, graphon.column_degrees
    rows, columns = (np.argsort(-degree, kind="stable") for degree in degrees)
    ordered = StepGraphon(
        graphon.values[np.ix_(rows, columns)], graphon.row_mass[rows], graphon.col_mass[columns]
    )
    return StepGraphon.from_function(ordered, blocks, blocks)


def _errors(
    laws: SignalLaws, factor: Factor, y: ArrayLike, outputs: ArrayLike | None, classes: int
) -> Array:
    """Return what is sent back from the outputs, shape (classes, B)."""
    count = len(laws.covariances[0])
    labels = np.asarray(y)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(f"y must hold {count} integer labels, one a row of x, got {y!r}")
    f = np.zeros((classes, count)) if outputs is None else check_array("outputs", outputs, 2)
    if f.shape[1] != count or labels.min() < 0 or labels.max() >= len(f):
        raise ValueError(
            f"outputs must have a row for every label and {count} columns, got shape {f.shape}"
        )
    raised = np.exp((f - f.max(axis=0)) / factor.temperature)
    p = raised / raised.sum(axis=0)
    errors = p - np.eye(len(f))[:, labels]
    if not factor.curvature:
        return errors
    moved = errors @ laws.tangent_kernel()
    return p * (moved - (p * moved).sum(axis=0))
