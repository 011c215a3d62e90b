"""Time the kernels, in turn; run with `python tests/benchmarks/graphon_ntk.py`.

The Graphon NTK at the batch of the paper, with drifts, and of a dense network; the kernels of finite
networks; and that of a convolutional one. Memory, growth with the batch and the floor on a machine are
stored as kernel-cost (`make reproduce RESULT=kernel-cost`). Full MNIST is used where MNIST_DIR names its folder.
"""

import numpy as np
from clocks import in_turn, machine, report

from graphon_lib.experiments.data import load_mnist
from graphon_lib.graphons import ChannelGraphon, GraphonNetwork, StepGraphon
from graphon_lib.ntk import empirical_ntk, graphon_cntk, graphon_ntk

INPUTS, FEATURES, BLOCKS, HIDDEN, WIDTH, OUTPUTS = 1024, 784, 64, 4, 1024, 10
DENSITY = 0.2
DENSITIES = (0.05, 0.2, 1.0)
IMAGES, SIDE, CONVOLUTIONS, CHANNEL_BLOCKS = 64, 14, 3, 16
REPEATS = 5


def paper_network():
    """Return graphons of mean density 0.2 that differ from block to block and from layer to layer."""
    rng = np.random.default_rng(0)
    sides = [FEATURES, *[BLOCKS] * HIDDEN, OUTPUTS]
    return GraphonNetwork(
        [
            StepGraphon(2 * DENSITY * rng.random((rows, cols)))
            for rows, cols in zip(sides[1:], sides[:-1], strict=True)
        ]
    )


def signed_network():
    """Return the same graphons with second moments and drifts; means and deviations are alike."""
    layers = paper_network().layers
    rng = np.random.default_rng(2)
    second = [layer.values * rng.uniform(0.5, 3, layer.shape) for layer in layers]
    drifts = [0.35 * rng.normal(1, 1, layer.shape) for layer in layers]
    largest = np.sqrt(FEATURES * layers[0].values * second[0])
    drifts[0] = np.clip(drifts[0], -largest, largest)
    return GraphonNetwork(layers, second, drifts)


def finite_network(density):
    """Return the weights and masks of one network, masks independent of its weights."""
    rng = np.random.default_rng(1)
    widths = [FEATURES, *[WIDTH] * HIDDEN, OUTPUTS]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    masks = [rng.random(shape) < density for shape in shapes]
    return [rng.normal(size=shape) / np.sqrt(density) for shape in shapes], masks


def convolutional_network():
    """Return graphons of channels, all offsets and blocks different, and their read-out."""
    rng = np.random.default_rng(3)
    sides = [1, *[CHANNEL_BLOCKS] * CONVOLUTIONS]
    shapes = zip(sides[1:], sides[:-1], strict=True)
    layers = [ChannelGraphon(rng.random((*shape, 3, 3))) for shape in shapes]
    return layers, StepGraphon(rng.random((1, CHANNEL_BLOCKS)))


def main():
    print(machine())
    x = load_mnist().x_train[:INPUTS].astype(float)
    signed, dense = signed_network(), GraphonNetwork.dense(HIDDEN + 1)
    kernels = {
        f"graphon kernel, {BLOCKS} blocks a layer": lambda: graphon_ntk(x, signed.without_drifts()),
        "with drifts": lambda: graphon_ntk(x, signed),
        "dense kernel, one block a layer": lambda: graphon_ntk(x, dense),
    }
    for density in DENSITIES:
        network = finite_network(density)
        name = f"finite network of width {WIDTH}, density {density:g}"
        kernels[name] = lambda n=network: empirical_ntk(*n, x)
    images = x[:IMAGES].reshape(-1, 2 * SIDE, 2 * SIDE, 1)[:, ::2, ::2]
    convolutional = convolutional_network()
    kernels[f"convolutional kernel, {IMAGES} images"] = lambda: graphon_cntk(images, *convolutional)
    report(in_turn(kernels, REPEATS))


if __name__ == "__main__":
    main()
