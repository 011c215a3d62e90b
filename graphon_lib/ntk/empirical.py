r"""The tangent kernel of one finite masked network, exact, from the gradients of its kept parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    as_numpy,
    check_array,
    check_choice,
    check_masks,
    check_per_layer,
    check_positive,
    check_sequence,
)
from graphon_lib.graphons.weight_moments import check_weights
from graphon_lib.ntk.activations import Erf, LeakyReLU, Linear, activation_of
from graphon_lib.ntk.tiles import fill_tiles

__all__ = ["MaskedNetwork", "Signals", "empirical_ntk", "masked_network", "signals"]

# Sizes of signals whose products, of two and of two gradients, single precision holds.
SINGLE = 1e-9, 1e9
# Few rows, for their terms to stay in the cache; many columns, for one turn of the interpreter to do much.
TILE = (256, 1024)

# Neurons whose terms are summed in single precision before they join the others in double.
RUN_LENGTH = 32

# Weights of mean square about 1 are told from those of about 1 / n, by this, from so many inputs on.
SMALL_SQUARE, MANY_INPUTS = 10.0, 32


def empirical_ntk(
    weights: Sequence[ArrayLike] | Any,  # noqa: ANN401
    masks: Sequence[ArrayLike] | ArrayLike | None = None,
    x1: ArrayLike | None = None,
    x2: ArrayLike | None = None,
    *,
    biases: Sequence[ArrayLike] | None = None,
    activation: str | LeakyReLU | Erf | Linear = "relu",
    weight_variance: float | None = None,
    bias_variance: ArrayLike | None = None,
    precision: str = "double",
) -> NDArray[np.float64]:
    r"""Return the tangent kernel of a masked network with respect to its kept weights and its biases.

    For a `MaskedMLP` it is ``empirical_ntk(model, x1)`` or ``empirical_ntk(model, x1, x2)``, which
    takes masks, weights, biases and their variances from the model and its initialisation.

    Parameters
    ----------
    weights : sequence of array_like, shapes (n_out, n_in)
        From the first layer to the read-out, in NTK units: those of PyTorch are
        :math:`\sqrt{n_{in} / s_w}` times as large in these. What they are off the mask does not
        matter.
    masks : sequence of array_like, shapes (n_out, n_in)
    x1, x2, weight_variance, bias_variance
        As for `graphon_nngp`; None stands for variances of 2 and 0. Not all of `bias_variance` may
        be 0 if there are biases; all must if there are none.
    biases : sequence of array_like, shapes (n_out,), optional
        From the first layer to the read-out, in units of :math:`\sqrt{s_b}`: of variance 1. All are
        trained. None stands for a network without.
    activation : {"relu", "leaky_relu", "erf", "linear"} or one of their objects
        As for `graphon_nngp`.
    precision : {"double", "single"}
        ``"single"`` forms the products of signals in single precision, in about half the time;
        signals and long sums stay in double. The norm of the error is then about 1e-7 of the
        kernel's: enough for spectra that span fewer than six decades. `spectral_metrics` and the
        like take such a kernel as ``kernel.astype(np.float32)``, which says what is rounding. It is
        refused where signals or gradients of a layer are not of a size between 1e-9 and 1e9.

    Returns
    -------
    ndarray, shape (N1, N2)
        Mean over outputs of :math:`\Theta_o(x, x') = \langle \nabla f_o(x), \nabla f_o(x') \rangle`
        over kept weights and all biases. Exactly symmetric if `x2` is None.

    Warns
    -----
    UserWarning
        If they are not a model's and the weights of all layers seem to have a variance of order :math:`1 / n_{in}`, and so not
        to be in NTK units.

    Notes
    -----
    For :math:`z^l = \sqrt{s_w / n_{l-1}} (M^l \odot w^l) h^{l-1}` with :math:`h^l = \sigma(z^l)`
    and :math:`\delta^l = \partial f_o / \partial z^l`, a kept weight has the gradient
    :math:`\sqrt{s_w / n_{l-1}}\, \delta^l_i h^{l-1}_j`, so that

    .. math::

        \Theta_o(x, x') = \sum_l \frac{s_w}{n_{l-1}} \sum_i \delta^l_i(x) \delta^l_i(x')
        \sum_{j : M^l_{ij} = 1} h^{l-1}_j(x) h^{l-1}_j(x') .

    The innermost sums are one matrix product a neuron, over its kept inputs and the pairs at which
    it is on, and serve all outputs; no gradient is stored. Biases :math:`\sqrt{s_b^l}\, \beta^l` add
    :math:`\sum_l s_b^l \sum_i \delta^l_i(x) \delta^l_i(x')`. A network of PyTorch's layers has
    :math:`s_w = 1/3` and :math:`s_b^l = s_w / n_{l-1}`; by its own parameters the terms of layer l
    are :math:`n_{l-1} / s_w` times as large.
    """
    if hasattr(weights, "initialisation"):
        given = {
            "biases": biases,
            "weight_variance": weight_variance,
            "bias_variance": bias_variance,
        }
        if masks is not None:  # By position it is x1, and x1 is x2.
            given["masks"] = None if x2 is None else masks
            x1, x2 = masks, x1
        named = [name for name, value in given.items() if value is not None]
        if named:
            raise ValueError(
                f"{named[0]} must not be given beside a model, which has its own; got the model and {', '.join(named)}"
            )
        network = masked_network(**_of_model(weights))
    else:
        network = masked_network(weights, masks, biases, weight_variance, bias_variance)
        _warn_of_units(network.weights, network.masks)
    sigma = activation_of(activation, LeakyReLU, Erf, Linear)
    check_choice("precision", precision, ("double", "single"))
    kept = [[np.flatnonzero(row) for row in mask] for mask in network.masks]
    signals1 = signals2 = signals(network, "x1", x1, sigma)
    if x2 is not None:
        signals2 = signals(network, "x2", x2, sigma)
    if precision == "single":
        signals1, signals2 = (_in_single(of, network.scales) for of in (signals1, signals2))
    result = np.empty((signals1[0].inputs.shape[1], signals2[0].inputs.shape[1]))

    def strip(rows: slice) -> Callable[[slice], NDArray[np.float64]]:
        return lambda columns: _tile(
            kept, network.scales, network.variances, signals1, rows, signals2, columns
        )

    fill_tiles(
        result,
        strip,
        TILE,
        symmetric=x2 is None,
        description="empirical kernel",
        factors="weights, biases and inputs",
    )
    return result


def _of_model(model: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what `masked_network` takes of a `MaskedMLP`."""
    law, widths = model.initialisation, model.widths[:-1]
    weights = [
        sqrt(inputs / law.weight_variance) * as_numpy("model", weight).astype(np.float64)
        for inputs, weight in zip(widths, model.weights, strict=True)
    ]
    found = {
        "weights": weights,
        "masks": list(model.masks),
        "weight_variance": law.weight_variance,
    }
    if law.bias_variance:
        found["bias_variance"] = [law.bias_variance / inputs for inputs in widths]
        found["biases"] = [
            sqrt(inputs / law.bias_variance) * as_numpy("model", bias).astype(np.float64)
            for inputs, bias in zip(widths, model.biases, strict=True)
        ]
    return found


class MaskedNetwork(NamedTuple):
    """A finite network, checked.

    Attributes
    ----------
    masks, weights : list of ndarray
        As given.
    scales : list of float
        What weights are multiplied by.
    matrices : list of ndarray
        The kept weights by these, 0 where pruned.
    variances : ndarray
        Of the biases, by layer.
    shifts : list of ndarray or float
        What layers add to weighted sums, as columns.
    """

    masks: list[NDArray[np.bool_]]
    weights: list[NDArray[np.floating]]
    scales: list[float]
    matrices: list[NDArray[np.float64]]
    variances: NDArray[np.float64]
    shifts: list[NDArray[np.float64] | float]


def masked_network(
    weights: Sequence[ArrayLike],
    masks: Sequence[ArrayLike],
    biases: Sequence[ArrayLike] | None = None,
    weight_variance: float | None = None,
    bias_variance: ArrayLike | None = None,
    *,
    biases_of_zero: bool = False,
) -> MaskedNetwork:
    """Check a network in NTK units; `biases_of_zero` lets biases that are not given have a variance."""
    masks = check_masks(masks)
    variance = check_positive(
        "weight_variance", 2.0 if weight_variance is None else weight_variance
    )
    weights = check_weights(weights, masks)
    scales = [sqrt(variance / mask.shape[1]) for mask in masks]
    matrices = [
        scale * np.where(mask, weight, 0).astype(np.float64)
        for scale, weight, mask in zip(scales, weights, masks, strict=True)
    ]
    variances = check_per_layer(
        "bias_variance", 0.0 if bias_variance is None else bias_variance, len(masks)
    )
    shifts: list[NDArray[np.float64] | float] = [0.0] * len(masks)
    if biases is not None or not biases_of_zero:
        shifts = _check_biases(biases, variances, masks)
    return MaskedNetwork(masks, weights, scales, matrices, variances, shifts)


def _warn_of_units(weights: list[NDArray[np.floating]], masks: list[NDArray[np.bool_]]) -> None:
    """Warn of weights whose mean square is of order 1 / n in every layer, all of many inputs."""
    for weight, mask in zip(weights, masks, strict=True):
        inputs = mask.shape[1]
        with np.errstate(over="ignore"):
            square = np.mean(np.square(weight[mask])) if mask.any() else 0.0
        if inputs < MANY_INPUTS or not 1 / SMALL_SQUARE < inputs * square < SMALL_SQUARE:
            return
    warnings.warn(
        "weights must be in NTK units, of variance 1 before pruning, and seem to have a variance of "
        "order 1 / n: for a MaskedMLP call empirical_ntk(model, x), for others multiply the weights "
        "of a layer of n inputs by sqrt(n / weight_variance)",
        stacklevel=3,
    )


def _check_biases(
    biases: Sequence[ArrayLike] | None,
    variances: NDArray[np.float64],
    masks: list[NDArray[np.bool_]],
) -> list[NDArray[np.float64] | float]:
    """Return what every layer adds to its weighted sums, as columns, or zeros without biases."""
    if (biases is None) == bool(variances.any()):
        raise ValueError(
            f"bias_variance must be {'0 without' if biases is None else 'above 0 somewhere with'} biases, got {variances.tolist()}"
        )
    if biases is None:
        return [0.0] * len(masks)
    biases = check_sequence("biases", biases, "vectors, one a layer")
    if len(biases) != len(masks):
        raise ValueError(f"biases must be {len(masks)} vectors, one per mask; got {len(biases)}")
    shifts = []
    for i, (bias, variance, mask) in enumerate(zip(biases, variances, masks, strict=True)):
        vector = check_array(f"biases[{i}]", bias, 1)
        if len(vector) != len(mask):
            raise ValueError(
                f"biases[{i}] must hold {len(mask)} numbers, one a neuron; got {len(vector)}"
            )
        shifts.append(sqrt(variance) * vector[:, None])
    return shifts


class Signals(NamedTuple):
    r"""Of a layer the inputs, (n_in, N), and the gradients :math:`\delta^l`, (n_out, n_D, N)."""

    inputs: NDArray[np.floating]
    gradients: NDArray[np.floating]


def signals(
    network: MaskedNetwork, name: str, x: ArrayLike, activation: LeakyReLU | Erf | Linear
) -> list[Signals]:
    """Return what goes through the layers of a network, forwards and back; `name` is that of x."""
    x = check_array(name, x, 2)
    columns = network.masks[0].shape[1]
    if x.shape[1] != columns:
        raise ValueError(
            f"{name} must have {columns} features, the columns of the first mask; got shape {x.shape}"
        )
    matrices = network.matrices
    with np.errstate(over="ignore", invalid="ignore"):
        inputs, slopes = [x.T], []
        for matrix, shift in zip(matrices[:-1], network.shifts[:-1], strict=True):
            preactivation = matrix @ inputs[-1]
            preactivation += shift
            inputs.append(activation(preactivation))
            slopes.append(activation.derivative(preactivation))
        outputs, count = matrices[-1].shape[0], len(x)
        gradient = np.broadcast_to(np.eye(outputs)[:, :, None], (outputs, outputs, count))
        gradients = [gradient]
        for matrix, slope in zip(reversed(matrices[1:]), reversed(slopes), strict=True):
            gradient = np.tensordot(matrix.T, gradient, axes=1)
            gradient *= slope[:, None, :]
            gradients.insert(0, gradient)
    return list(map(Signals, inputs, gradients))


def _in_single(layers: list[Signals], scales: list[float]) -> list[Signals]:
    """Return signals in single precision, which must hold their products as well."""
    sizes = [float(np.abs(array).max()) for layer in layers for array in layer]
    low, high = SINGLE
    if not all(size == 0.0 or low <= size <= high for size in [*sizes, *scales]):
        raise ValueError(
            f"precision must be 'double' where layers have signals or gradients of at most {min(sizes):.3g} and of up to {max(sizes):.3g}; got 'single', which is for {low:g} to {high:g}"
        )
    return [Signals(*(array.astype(np.float32) for array in layer)) for layer in layers]


def _tile(
    kept: list[list[NDArray[np.intp]]],
    scales: list[float],
    variances: NDArray[np.float64],
    signals1: list[Signals],
    rows: slice,
    signals2: list[Signals],
    columns: slice,
) -> NDArray[np.float64]:
    outputs, samples1 = signals1[0].gradients[0, :, rows].shape
    samples2 = signals2[0].gradients[0, :, columns].shape[1]
    kernel = np.zeros((samples1, samples2))
    run = np.zeros(kernel.shape, dtype=signals1[0].inputs.dtype)
    # NumPy takes half the operations for the product of one array's transpose with itself.
    diagonal = signals1 is signals2 and rows == columns
    for of_rows, scale, variance, (inputs1, gradients1), (inputs2, gradients2) in zip(
        kept, scales, variances, signals1, signals2, strict=True
    ):
        # Contiguous, since rows are taken of it again and again.
        before1, after1 = np.ascontiguousarray(inputs1[:, rows]), gradients1[:, :, rows]
        before2, after2 = before1, after1
        if not diagonal:
            before2, after2 = np.ascontiguousarray(inputs2[:, columns]), gradients2[:, :, columns]
        # A ReLU that is off, or that no output hears of, passes no gradient: of half of the inputs
        # on either side, and so of three pairs in four, nothing is computed.
        passing1 = passing2 = after1.any(axis=1)
        if not diagonal:
            passing2 = after2.any(axis=1)
        alive = [
            i
            for i, sources in enumerate(of_rows)
            if sources.size and passing1[i].any() and passing2[i].any()
        ]
        for start in range(0, len(alive), RUN_LENGTH):
            run[:] = 0.0
            for i in alive[start : start + RUN_LENGTH]:
                places1, kept1, after = _where(passing1[i], before1, of_rows[i], after1[i])
                places2, kept2, other = places1, kept1, after
                if not diagonal:
                    places2, kept2, other = _where(passing2[i], before2, of_rows[i], after2[i])
                shared = kept1.T @ kept2
                factor = after.T @ other
                factor *= shared
                _add_at(run, places1, places2, factor)
            run *= scale**2
            kernel += run
        if variance:
            first, second = (
                after.reshape(-1, after.shape[2]).astype(np.float64) for after in (after1, after2)
            )
            kernel += variance * (first.T @ second)
    return kernel / outputs


def _where(
    passing: NDArray[np.bool_],
    before: NDArray[np.floating],
    sources: NDArray[np.intp],
    after: NDArray[np.floating],
) -> tuple[NDArray[np.intp], NDArray[np.floating], NDArray[np.floating]]:
    """Return at which inputs a neuron passes gradients, and its kept inputs and gradients there."""
    places = np.flatnonzero(passing)
    if places.size == passing.size:
        return places, before[sources], after
    return places, before.take(sources, axis=0).take(places, axis=1), after.take(places, axis=1)


def _add_at(
    total: NDArray[np.floating],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    values: NDArray[np.floating],
) -> None:
    """Add to the entries of some rows and columns; by flat indices, which NumPy is quickest with."""
    if values.shape == total.shape:
        total += values
    else:
        places = rows[:, None] * total.shape[1] + columns
        np.add.at(total.reshape(-1), places.reshape(-1), values.reshape(-1))
