"""Limits are told in the units in which people set them."""

import pytest

from autograder.sandbox.limits import Limits, size


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1 << 30, "1 GiB"),
        (3 << 30, "3 GiB"),
        (512 << 20, "512 MiB"),
        (1536 << 20, "1536 MiB"),
        (1 << 20, "1 MiB"),
        (2048, "2 KiB"),
        (1000, "1000 bytes"),
        (0, "0 bytes"),
    ],
)
def test_sizes_are_told_in_the_largest_unit_in_which_they_are_whole(count, told):
    """Nothing is rounded: what is no whole number of a unit is told in the next smaller one."""
    assert size(count) == told


def test_the_record_names_every_limit():
    """Changing any one of them changes the line that a report keeps."""
    usual = Limits()
    assert usual.text == (
        "10 s a cell, 10 s a call, 50 s in all, memory 1 GiB, output 1 MiB, disk 64 MiB, 16 MiB a file, 32 threads, "
        "4 guests"
    )
    changed = [Limits(**{name: 7}).text for name in vars(usual)]
    assert len({usual.text, *changed}) == len(changed) + 1
