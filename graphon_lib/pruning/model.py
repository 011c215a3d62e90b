"""The network that is pruned: a ReLU perceptron whose weights can be masked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

import torch
from torch import Tensor, nn

from graphon_lib._checks import (
    check_choice,
    check_mask,
    check_sequence,
    check_widths,
)
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.tensors import as_tensor

__all__ = ["MaskedMLP", "random_generator", "relu_network"]


def random_generator(generator: torch.Generator | None) -> torch.Generator:
    """Return `generator`, or if it is None a new one seeded by the operating system.

    PyTorch's own convention, to fall back on one generator for the whole process, would let any
    other code change what is drawn here.
    """
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    elif not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator or None, got {generator!r}")
    return generator


class MaskedMLP(nn.Module):
    r"""A multilayer perceptron whose weights are kept or pruned by binary masks.

    Parameters
    ----------
    widths
        Layer widths :math:`(n_0, n_1, \dots, n_D)`: inputs, hidden layers, outputs. At least two,
        each at least 1.
    generator
        Source of the initial weights; PyTorch's global generator is neither used nor changed.
    initialisation
        One of :data:`~graphon_lib.pruning.INITIALISATIONS`, the law of weights and biases.

    Attributes
    ----------
    weights, biases : torch.nn.ParameterList
        The :math:`D` weight matrices, of shape :math:`(n_l, n_{l-1})`, and vectors of biases, of
        shape :math:`(n_l,)`, float32; empty without biases.

    Notes
    -----
    With :math:`M^l` the masks and :math:`\sigma` the ReLU,

    .. math::

        h^0 = x, \qquad
        h^l = \sigma\bigl((M^l \odot w^l)\, h^{l-1} + b^l\bigr), \qquad
        f(x) = (M^D \odot w^D)\, h^{D-1} + b^D,

    with the biases :math:`b^l` if the initialisation has any; they are never pruned. A pruned weight
    has no effect on the output, and its gradient is exactly 0. The masks are buffers: they move and
    are saved with the weights. Parameters are drawn in PyTorch's order: ``"torch"`` gives those that
    a chain of :class:`torch.nn.Linear` draws from the same generator, but for rounding.

    Examples
    --------
    >>> import torch
    >>> model = MaskedMLP((784, 100, 10), generator=torch.Generator().manual_seed(0))
    >>> model(torch.zeros(5, 784)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        widths: Sequence[int],
        generator: torch.Generator | None = None,
        *,
        initialisation: str = "he",
    ) -> None:
        super().__init__()
        self.widths = check_widths(widths)
        self.initialisation = INITIALISATIONS[
            check_choice("initialisation", initialisation, INITIALISATIONS)
        ]
        generator = random_generator(generator)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer, (n_in, n_out) in enumerate(
            zip(self.widths[:-1], self.widths[1:], strict=True), start=1
        ):
            self.weights.append(
                nn.Parameter(self.initialisation.draw_weight(n_out, n_in, generator))
            )
            bias = self.initialisation.draw_bias(n_out, n_in, generator)
            if bias is not None:
                self.biases.append(nn.Parameter(bias))
            self.register_buffer(f"mask_{layer}", torch.ones(n_out, n_in, dtype=torch.bool))

    @torch.no_grad()
    def redraw(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights and biases anew, as at initialisation; masks stay."""
        generator = random_generator(generator)
        for layer, weight in enumerate(self.weights):
            weight.copy_(self.initialisation.draw_weight(*weight.shape, generator))
            bias = self.initialisation.draw_bias(*weight.shape, generator)
            if bias is not None:
                self.biases[layer].copy_(bias)

    @property
    def masks(self) -> tuple[Tensor, ...]:
        """The boolean masks, one of each weight matrix's shape; True is kept. All True at first.

        Assign a sequence of NumPy or PyTorch arrays of zeros and ones to replace them; the values
        are copied. If one does not fit, none is changed.
        """
        return tuple(getattr(self, f"mask_{i + 1}") for i in range(len(self.weights)))

    @masks.setter
    def masks(self, masks: Sequence[object]) -> None:
        masks = check_sequence("masks", masks, "arrays, one for each weight matrix")
        if len(masks) != len(self.weights):
            raise ValueError(
                f"masks must be {len(self.weights)} arrays, one for each weight matrix, got {len(masks)}"
            )
        checked = []
        for i, (mask, weight) in enumerate(zip(masks, self.weights, strict=True)):
            array = check_mask(f"masks[{i}]", mask)
            if array.shape != tuple(weight.shape):
                raise ValueError(
                    f"masks[{i}] must have shape {tuple(weight.shape)}, got {array.shape}"
                )
            checked.append(as_tensor(f"masks[{i}]", array))
        for buffer, mask in zip(self.masks, checked, strict=True):
            buffer.copy_(mask)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return the logits, shape :math:`(N, n_D)`, of inputs :math:`(N, n_0)` of the weights' dtype."""
        dtype = self.weights[0].dtype
        if not isinstance(x, Tensor) or x.dtype != dtype:
            raise ValueError(
                f"x must be a tensor of the weights' dtype {dtype}, got {getattr(x, 'dtype', type(x).__name__)}"
            )
        if x.ndim != 2 or x.shape[1] != self.widths[0]:
            raise ValueError(f"x must have shape (N, {self.widths[0]}), got {tuple(x.shape)}")
        # Selecting rather than multiplying: 0 * inf would let a pruned weight through as NaN.
        kept = (torch.where(m, w, 0.0) for w, m in zip(self.weights, self.masks, strict=True))
        return relu_network(x, kept, self.biases)

    def extra_repr(self) -> str:
        """Show widths and density when the module is printed."""
        kept = sum(int(mask.sum()) for mask in self.masks)
        total = sum(mask.numel() for mask in self.masks)
        return f"widths={self.widths}, density={kept / total:.4g}"


def relu_network(x: Tensor, weights: Iterable[Tensor], biases: Iterable[Tensor]) -> Tensor:
    """Return the outputs of a ReLU network, which has a bias for every weight matrix or none."""
    for layer, (weight, bias) in enumerate(zip_longest(weights, biases)):
        x = nn.functional.linear(x.relu() if layer else x, weight, bias)
    return x
