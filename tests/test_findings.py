"""The numbers on the first page and in the ledger."""

import math

from graphon_lib.book.findings import findings


def test_every_number_is_finite_and_every_setting_a_word():
    numbers = findings()
    assert all(isinstance(value, str) or math.isfinite(value) for value in numbers.values())


def test_numbers_agree_with_what_the_text_says_of_them():
    """The sentences around these numbers say which is larger."""
    numbers = findings()
    assert numbers["synflow_blocks"] < 1.1 < numbers["grasp_blocks"] < numbers["snip_blocks"]
    assert abs(numbers["snip_vectors"] - 1) < 0.05
    assert numbers["snip_networks"] > 10
    assert numbers["snip_density"] < 0.1 < numbers["snip_positions"]
    assert numbers["snip_energy_kept"] > numbers["snip_energy_redrawn"] + 0.1
    assert numbers["rescaled_loss"] < numbers["random_loss"]
    assert numbers["rescaled_loss"] < 1.2 * numbers["snip_loss"]
    assert numbers["grasp_mended_loss"] < numbers["snip_loss"] < numbers["grasp_loss"]
    # "The larger part" of SynFlow's lead, on the logarithmic scale.
    assert numbers["synflow_structure"] < numbers["synflow_layers"] < 1
    assert numbers["synflow_layers"] < numbers["synflow_structure"] ** 0.5
