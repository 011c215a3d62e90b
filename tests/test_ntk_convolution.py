"""The kernel of convolutional networks: brute force, closed forms, laws, edges."""

import itertools

import numpy as np
import pytest
from ntk_strategies import random_network, relu_moments, seeded_inputs

from graphon_lib.graphons import ChannelGraphon, StepGraphon
from graphon_lib.ntk import LeakyReLU, convolution, graphon_cntk, graphon_ntk, tiles


def random_layers(blocks, kernels, rng):
    """Return convolutions and a read-out to 2 blocks of outputs, of unequal masses; colours first."""
    sides = [
        np.full(blocks[0], 1 / blocks[0]),
        *(rng.dirichlet(np.full(k, 3.0)) for k in blocks[1:]),
    ]
    layers = [
        ChannelGraphon(rng.random((rows.size, cols.size, *kernel)), rows, cols)
        for rows, cols, kernel in zip(sides[1:], sides[:-1], kernels, strict=True)
    ]
    read_out = StepGraphon(rng.random((2, blocks[-1])), [0.3, 0.7], sides[-1])
    return layers, read_out


def convolved(layer, stride, signal, s_w):
    """Return the sums over offsets and blocks of a signal (K, i, j, i', j'), one by one."""
    kernel = layer.values.shape[2:]
    sides = [-(-side // stride) for side in signal.shape[1:3]]
    sums = np.zeros((len(layer.values), *sides, *sides))
    for i, j, k, m in np.ndindex(*sides, *sides):
        for a, b in np.ndindex(*kernel):
            moved = [(i, a, kernel[0]), (j, b, kernel[1]), (k, a, kernel[0]), (m, b, kernel[1])]
            place = [stride * p + offset - size // 2 for p, offset, size in moved]
            if all(0 <= p < side for p, side in zip(place, signal.shape[1:], strict=True)):
                term = layer.values[:, :, a, b] @ (layer.col_mass * signal[:, *place])
                sums[:, i, j, k, m] += s_w / np.prod(kernel) * term
    return sums


def by_brute_force(x, y, layers, read_out, strides, pooling, s_w):
    """Return the kernel of one pair of images, pixel by pixel, block by block and offset by offset."""
    # Second moments of x and y, of x and x, of y and y; and derivatives times the tangent kernel.
    before = [np.einsum("ijc,klc->cijkl", a, b) for a, b in ((x, y), (x, x), (y, y))]
    passed = np.zeros_like(before[0])
    for layer, stride in zip(layers, strides, strict=True):
        ours, of_x, of_y = (convolved(layer, stride, signal, s_w) for signal in before)
        theta = ours + convolved(layer, stride, passed, s_w)
        before, passed = [np.empty_like(ours) for _ in range(3)], np.empty_like(ours)
        for u, i, j, k, m in np.ndindex(*ours.shape):
            here, there, pair = (u, i, j, i, j), (u, k, m, k, m), (u, i, j, k, m)
            before[0][pair], slope = relu_moments(ours[pair], of_x[here], of_y[there])
            passed[pair] = slope * theta[pair]
            before[1][pair] = relu_moments(of_x[pair], of_x[here], of_x[there])[0]
            before[2][pair] = relu_moments(of_y[pair], of_y[here], of_y[there])[0]
    signal = before[0] + passed
    if pooling == "average":
        of_block = signal.mean(axis=(1, 2, 3, 4))
    else:
        of_block = np.einsum("uijij->uij", signal).mean(axis=(1, 2))
    return s_w * read_out.row_mass @ read_out.values @ (read_out.col_mass * of_block)


@pytest.mark.parametrize("pooling", ["average", "flatten"])
@pytest.mark.parametrize(
    ("shape", "blocks", "kernels", "strides"),
    [
        ((3, 4, 2), (2, 3, 2), ((3, 3), (3, 3)), (1, 1)),
        ((5, 4, 1), (1, 2, 3), ((3, 1), (1, 3)), (2, 1)),
        ((5, 5, 3), (3, 2, 2), ((3, 3), (3, 3)), (2, 3)),
        ((2, 3, 1), (1, 2), ((5, 7),), (1,)),
        ((4, 3, 2), (2, 2, 1, 2), ((1, 1), (3, 3), (3, 3)), (1, 2, 1)),
    ],
)
def test_equals_the_recursion_pixel_by_pixel(shape, blocks, kernels, strides, pooling):
    layers, read_out = random_layers(blocks, kernels, np.random.default_rng(0))
    x = seeded_inputs((3, *shape))
    options = {"strides": list(strides), "pooling": pooling, "weight_variance": 1.5}
    ours = graphon_cntk(x, layers, read_out, x[:2], **options)
    for i, j in itertools.product(range(3), range(2)):
        expected = by_brute_force(x[i], x[j], layers, read_out, strides, pooling, 1.5)
        # The reference takes angles by the arccosine, good to 1e-8 where two patches are parallel.
        assert ours[i, j] == pytest.approx(expected, rel=1e-7)


def arora_kernels(x, y, q, depth):
    """Return the CNTK of Arora et al. 2019, section 4: of the vanilla network, and of one with pooling.

    Kernels are tensors over pairs of pixels (i, j, i', j'); q is the side of the kernel, c_sigma 2.
    """
    sides, half = x.shape[:2], q // 2

    def trace(tensor):
        wide = np.pad(tensor, half)
        total = np.zeros(tensor.shape)
        for a, b in np.ndindex(q, q):
            windows = (slice(o, o + side) for o, side in zip((a, b, a, b), sides * 2, strict=True))
            total += wide[*windows]
        return total

    pairs = ((x, y), (x, x), (y, y))
    sigma = [trace(np.einsum("ijc,klc->ijkl", a, b)) for a, b in pairs]
    theta = sigma[0]
    for layer in range(1, depth + 1):
        variances = [np.einsum("ijij->ij", sigma[place]) for place in (1, 2)]
        kernels = []
        for one, (left, right) in zip(sigma, ((0, 1), (0, 0), (1, 1)), strict=True):
            scale = np.sqrt(variances[left][:, :, None, None] * variances[right])
            rho = np.clip(one / scale, -1, 1)
            angle = np.pi - np.arccos(rho)
            second = scale * (np.sqrt(1 - rho**2) + angle * rho) / (2 * np.pi)
            kernels.append((2 / q**2 * second, 2 / q**2 * angle / (2 * np.pi)))
        theta = kernels[0][1] * theta + kernels[0][0]
        if layer < depth:
            theta = trace(theta)
            sigma = [trace(second) for second, _ in kernels]
    return np.einsum("ijij->", theta), theta.mean()


@pytest.mark.parametrize(("depth", "q"), [(1, 3), (3, 3), (2, 5)])
def test_dense_network_has_the_cntk_of_arora_et_al(depth, q):
    x = seeded_inputs((4, 4, 5, 3))
    layers, read_out = [ChannelGraphon(np.ones((1, 1, q, q)))] * depth, StepGraphon([[1.0]])
    flat = graphon_cntk(x, layers, read_out, pooling="flatten")
    pooled = graphon_cntk(x, layers, read_out)
    for i, j in itertools.permutations(range(4), 2):
        vanilla, averaged = arora_kernels(x[i], x[j], q, depth)
        # Their first layer and last carry no 1 / (3 q^2) and no 1 / 20.
        assert flat[i, j] == pytest.approx(2 / 3 / 20 * vanilla, rel=1e-7)
        assert pooled[i, j] == pytest.approx(2 / 3 * averaged, rel=1e-7)


def separable(colours, rng):
    """Return convolutions that are products, their channels as a network, and those of the offsets."""
    network = random_network((1, 3, 4, 2, 2), rng)
    *hidden, read_out = network.layers
    offsets = [rng.random((3, 3)), rng.random((1, 3)), rng.random((3, 1))]
    layers, plain = [], []
    for number, (graphon, omega) in enumerate(zip(hidden, offsets, strict=True)):
        values = graphon.values[:, :, None, None] * omega
        cols = graphon.col_mass
        if number == 0:
            values, cols = np.repeat(values, colours, axis=1), None
        layers.append(ChannelGraphon(values, graphon.row_mass, cols))
        plain.append(ChannelGraphon(omega[None, None]))
    return layers, read_out, network, plain


@pytest.mark.parametrize("pooling", ["average", "flatten"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear", LeakyReLU(-0.3)])
def test_separable_graphons_scale_the_kernel_by_the_path_density(activation, pooling):
    x = seeded_inputs((6, 6, 5, 3))
    options = {"strides": [1, 2, 1], "pooling": pooling, "activation": activation}
    layers, read_out, network, plain = separable(3, np.random.default_rng(0))
    expected = network.path_density() * graphon_cntk(x, plain, StepGraphon([[1.0]]), **options)
    ours = graphon_cntk(x, layers, read_out, **options)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12 * expected.max())


def angle(first, second):
    """Return the sine of the angle between two kernels, how far their shapes are apart."""
    cosine = np.vdot(first, second) / np.linalg.norm(first) / np.linalg.norm(second)
    return np.sqrt(max(1 - cosine**2, 0.0))


def test_the_shape_changes_with_offsets_by_blocks_and_with_colours_by_blocks():
    x = seeded_inputs((6, 5, 5, 3))
    layers, read_out, _, plain = separable(3, np.random.default_rng(0))
    dense = graphon_cntk(x, plain, StepGraphon([[1.0]]))
    assert angle(graphon_cntk(x, layers, read_out), dense) < 1e-7
    by_colour = layers[0].values * np.array([1.0, 0.1, 0.5])[:, None, None]
    one = [ChannelGraphon(by_colour, layers[0].row_mass), *layers[1:]]
    assert angle(graphon_cntk(x, one, read_out), dense) > 1e-3
    # Half of the channels keep the centre of the kernel, the others the corners.
    middle = np.zeros((3, 3))
    middle[1, 1] = 1.0
    values = layers[0].values.copy()
    values[0], values[1] = middle, 1 - middle
    two = [ChannelGraphon(values, layers[0].row_mass), *layers[1:]]
    assert angle(graphon_cntk(x, two, read_out), dense) > 1e-3


def test_a_product_in_channels_and_colours_weighs_the_colours():
    x = seeded_inputs((4, 5, 5, 3))
    layers, read_out, *_ = separable(3, np.random.default_rng(0))
    weights = np.array([1.0, 0.1, 0.5])
    by_colour = ChannelGraphon(layers[0].values * weights[:, None, None], layers[0].row_mass)
    ours = graphon_cntk(x, [by_colour, *layers[1:]], read_out)
    np.testing.assert_allclose(
        ours, graphon_cntk(x * np.sqrt(weights), layers, read_out), rtol=1e-12
    )


@pytest.mark.parametrize("pooling", ["average", "flatten"])
def test_one_pixel_and_no_neighbours_is_the_perceptron(pooling):
    network = random_network((6, 5, 3, 4, 2), np.random.default_rng(0))
    *hidden, read_out = network.layers
    layers = [ChannelGraphon(g.values[:, :, None, None], g.row_mass, g.col_mass) for g in hidden]
    x = seeded_inputs((7, 6))
    ours = graphon_cntk(x[:, None, None, :], layers, read_out, pooling=pooling)
    np.testing.assert_allclose(ours, graphon_ntk(x, network), rtol=1e-12)


@pytest.fixture
def case():
    layers, read_out = random_layers((2, 3, 4), ((3, 3), (3, 3)), np.random.default_rng(0))
    return seeded_inputs((11, 5, 4, 2)), layers, read_out


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("pooling", ["average", "flatten"])
def test_tiles_threads_and_sides_change_nothing(case, monkeypatch, workers, pooling):
    x, *network = case
    whole = graphon_cntk(x, *network, pooling=pooling)
    assert np.array_equal(whole, whole.T)
    assert np.linalg.eigvalsh(whole)[0] > 0
    part = graphon_cntk(x[:4], *network, x[2:], pooling=pooling)
    np.testing.assert_allclose(part, whole[:4, 2:], rtol=1e-12)
    monkeypatch.setattr(convolution, "TILE_ENTRIES", 2000)
    monkeypatch.setattr(convolution, "CHUNK_ENTRIES", 100)
    monkeypatch.setattr(tiles, "threads", lambda: workers)
    np.testing.assert_allclose(
        graphon_cntk(x, *network, pooling=pooling), whole, rtol=1e-12, atol=1e-14
    )


def test_turned_images_and_kernels_give_the_same(case):
    x, layers, read_out = case

    def turned(change):
        graphons = [ChannelGraphon(change(g.values), g.row_mass, g.col_mass) for g in layers]
        images = np.moveaxis(change(np.moveaxis(x, -1, 1)), 1, -1)
        return graphon_cntk(images, graphons, read_out)

    whole = graphon_cntk(x, layers, read_out)
    for change in (
        lambda a: a[..., ::-1, :],
        lambda a: a[..., ::-1],
        lambda a: a.swapaxes(-1, -2),
    ):
        np.testing.assert_allclose(turned(change), whole, rtol=1e-12)


def test_splitting_and_relabelling_blocks_leave_the_kernel_unchanged(case):
    x, (first, second), read_out = case
    half, order = np.concatenate([first.row_mass * 0.25, first.row_mass * 0.75]), [3, 1, 0, 2]
    finer = [
        ChannelGraphon(np.tile(first.values, (2, 1, 1, 1)), half),
        ChannelGraphon(np.tile(second.values[order], (1, 2, 1, 1)), second.row_mass[order], half),
    ]
    last = StepGraphon(read_out.values[:, order], read_out.row_mass, read_out.col_mass[order])
    np.testing.assert_allclose(graphon_cntk(x, finer, last), graphon_cntk(x, *case[1:]), rtol=1e-12)


def test_what_is_dead_gives_zero_and_black_borders_are_no_trouble(case):
    x, (first, second), read_out = case
    cut = ChannelGraphon(0 * second.values, second.row_mass, second.col_mass)
    assert np.array_equal(graphon_cntk(x, [first, cut], read_out), np.zeros((11, 11)))
    images = np.zeros((2, 9, 9, 2))
    images[0, 4, 4] = 1.0
    kernel = graphon_cntk(images, [first, second], read_out)
    assert kernel[0, 0] > 0
    assert np.array_equal(kernel[1], [0.0, 0.0])


def test_alike_colours_are_one_column(case):
    x, (first, second), read_out = case
    one = ChannelGraphon(first.values[:, :1], first.row_mass)
    both = ChannelGraphon(np.repeat(one.values, 2, axis=1), first.row_mass)
    np.testing.assert_allclose(
        graphon_cntk(x, [one, second], read_out),
        graphon_cntk(x, [both, second], read_out),
        rtol=1e-12,
    )


@pytest.mark.parametrize("pooling", ["average", "flatten"])
def test_weight_variance_is_a_factor_a_layer(case, pooling):
    x, *network = case
    one, two = (graphon_cntk(x, *network, pooling=pooling, weight_variance=s) for s in (1.0, 2.0))
    np.testing.assert_allclose(two, 8 * one, rtol=1e-12)


BAD = [
    ({"x1": np.ones((2, 4, 4))}, "x1 must be a non-empty array with 4 axes"),
    ({"x1": np.ones((2, 4, 4, 3))}, "x1 must have 2 colours"),
    ({"x1": np.full((2, 4, 4, 2), np.nan)}, "x1 must be finite"),
    ({"x1": np.full((2, 4, 4, 2), 1e80)}, "x1 must give the pixels of layer . a variance"),
    ({"x1": np.full((2, 4, 4, 2), 1e200)}, "x1 must give the pixels of layer . a variance"),
    ({"x2": np.ones((2, 4, 4, 3))}, "x2 must have 2 colours"),
    ({"x2": np.ones((2, 4, 3, 2))}, "x2 must have images of the shape of x1's"),
    ({"x2": np.full((2, 4, 4, 2), 1e-80)}, "x2 must give the pixels of layer . a variance"),
    ({"layers": []}, "layers must be one ChannelGraphon or more"),
    ({"layers": [StepGraphon([[1.0]])]}, "layers must be one ChannelGraphon or more"),
    ({"layers": 3}, "layers must be a sequence of ChannelGraphon"),
    (
        {"layers": [ChannelGraphon(np.ones((1, 2, 3, 3)), None, [0.3, 0.7])]},
        r"layers\[0\] must have input columns of equal mass",
    ),
    (
        {"layers": [ChannelGraphon(np.ones((3, 2, 3, 3)))] * 2},
        r"layers\[1\].col_mass must have 3 blocks, got 2",
    ),
    ({"read_out": StepGraphon([[1.0]])}, "read_out.col_mass must have 4 blocks, got 1"),
    ({"read_out": StepGraphon([[1.0] * 4])}, "read_out.col_mass must be the masses"),
    ({"read_out": [[1.0] * 4]}, "read_out must be a StepGraphon"),
    ({"strides": 0}, "strides must be an integer >= 1"),
    ({"strides": 1.5}, "strides must be an integer >= 1"),
    ({"strides": [1, 0]}, r"strides\[1\] must be an integer >= 1"),
    ({"strides": [1, 1, 1]}, "strides must be one integer, or 2, one a layer"),
    ({"pooling": "max"}, "pooling must be one of average, flatten"),
    ({"activation": "erf"}, "activation must be one of leaky_relu, linear, relu"),
    ({"activation": np.tanh}, "activation must be one of leaky_relu, linear, relu"),
    ({"weight_variance": 0.0}, "weight_variance must be positive"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_arguments_are_named(case, change, message):
    arguments = {"x1": case[0][:2, :4], "layers": case[1], "read_out": case[2], "x2": None}
    with pytest.raises(ValueError, match=message):
        graphon_cntk(**(arguments | change))
