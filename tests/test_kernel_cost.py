"""What is said about the cost of kernels: counted operations, peaks of memory, numbers on the page."""

import threading

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book.costs import kernel_cost_numbers
from graphon_lib.experiments import kernel_cost
from graphon_lib.experiments.cost import resident_memory
from graphon_lib.ntk.recursion import layer_matrices


@pytest.mark.parametrize(("blocks", "hidden_layers"), [(1, 1), (3, 1), (4, 3)])
def test_operations_are_those_of_the_recursion_s_matrices(blocks, hidden_layers):
    network = kernel_cost._network(0, 784, blocks, hidden_layers, 0.2)
    matrices = layer_matrices(network, 2.0, "mask", False, 784)
    # Covariance and tangent pass each matrix but the first, which makes both at once.
    products = matrices[0].forward.size + 2 * sum(layer.forward.size for layer in matrices[1:])
    entries = sum(layer.forward.shape[0] for layer in matrices[:-1])
    pairs = 5 * 6 // 2
    counted = kernel_cost._operations(5, 784, blocks, hidden_layers)
    assert counted == [2 * pairs * products, 2 * pairs * entries]


def test_stored_measurements_are_positive():
    assert all((variable > 0).all() for variable in kernel_cost.KERNEL_COST.run().values())


def test_the_memory_of_a_process_counts_what_it_holds():
    kept = np.ones(20_000_000)
    assert kept.nbytes <= resident_memory() < 2**50


@pytest.mark.parametrize(("seen", "peak"), [([3e6, 9e6, 5e6], 7.0), ([1e6, 0.0], 0.0)])
def test_the_peak_is_the_most_that_is_seen_while_a_function_runs(monkeypatch, seen, peak):
    remaining, watched = list(seen), threading.Event()

    def reading():
        if len(remaining) == 1:
            watched.set()
        return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    monkeypatch.setattr(kernel_cost, "resident_memory", reading)
    assert kernel_cost._peak_megabytes(lambda: watched.wait(180), 2e6) == peak


def test_an_error_while_memory_is_watched_is_raised():
    with pytest.raises(ZeroDivisionError):
        kernel_cost._peak_megabytes(lambda: 1 / 0, resident_memory())


def test_numbers_of_the_page_follow_from_the_measured_ones():
    inputs = np.array([10, 20, 40])
    result = xr.Dataset(
        {
            "seconds": (
                ("computed", "clock"),
                [[3.0, 4.0], [0.1, 0.1], [0.5, 1.0], [9.0, 10.0], [40.0, 50.0]],
            ),
            "kept_weights": 0.2,
            "megabytes": 60.0,
            "scaling_seconds": (("inputs", "clock"), np.outer(inputs**2.0, [1.0, 1.5])),
            "scaling_megabytes": (("inputs",), [5.0, 6.0, 7.0]),
            "operations": (("part",), [1e11, 2e8]),
            "rate": (("part",), [1e11, 2e8]),
            "compulsory_megabytes": 10.0,
        },
        coords={
            "computed": list(kernel_cost.COMPUTED),
            "clock": list(kernel_cost.CLOCKS),
            "inputs": inputs,
            "part": list(kernel_cost.PARTS),
        },
        attrs={"cores": 2, "load_before": 1.0, "load_after": 2.0},
    )
    numbers = kernel_cost_numbers(result)
    assert (numbers["graphon"], numbers["best"], numbers["wall"]) == (4.0, 2.0, 3.0)
    assert (numbers["sampled_ratio"], numbers["whole_ratio"]) == (10.0, 50.0)
    assert (numbers["floor"], numbers["above"]) == (2.0, 2.0)
    assert numbers["intensity"] == 1e4
    assert numbers["growth"] == pytest.approx(2.0)
    assert (numbers["most_seconds"], numbers["most_megabytes"]) == (2400.0, 7.0)
