"""Small data sets, made on the spot: nothing is downloaded."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def numbers_to_bits(numbers: Sequence[int], length: int) -> NDArray[np.int_]:
    """Write whole numbers in binary, the units digit first.

    Parameters
    ----------
    numbers : sequence of int
        Not negative, of any size: Python's whole numbers have no limit.
    length : int
        How many bits to write.

    Returns
    -------
    numpy.ndarray of int
        Shape (len(numbers), length); column 0 holds the units, column 1 the twos, column 2 the fours ...

    Raises
    ------
    ValueError
        If a number is negative or needs more bits than `length`.
    """
    rows = []
    for number in numbers:
        whole = int(number)
        if whole < 0 or whole.bit_length() > length:
            raise ValueError(f"{number} cannot be written with {length} bits.")
        text = format(whole, f"0{length}b")  # as on paper: the units digit stands last
        rows.append([int(bit) for bit in reversed(text)])
    return np.array(rows, dtype=int).reshape(len(rows), length)


def bits_to_numbers(bits: ArrayLike) -> list[int]:
    """Read binary numbers whose units digit comes first: the way back from `numbers_to_bits`.

    Parameters
    ----------
    bits : array_like
        Shape (m, length), of zeros and ones (numbers or booleans).

    Returns
    -------
    list of int
        m whole numbers, exact however long they are.
    """
    return [int("".join(str(int(bit)) for bit in reversed(row)), base=2) for row in np.asarray(bits)]


def binary_addition(m: int, T_x: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw pairs of numbers and their sums, digit by digit.

    Parameters
    ----------
    m : int
        How many pairs.
    T_x : int
        How many binary digits; at least 2. The last digit of both numbers is 0, so that the sum has room.
    rng : numpy.random.Generator
        Where the randomness comes from, e.g. ``np.random.default_rng(1)``.

    Returns
    -------
    x : numpy.ndarray
        Shape (2, m, T_x): in time step t, one digit of each number, the units digits first.
    y : numpy.ndarray
        Shape (1, m, T_x): the digit of the sum.
    """
    x = rng.integers(0, 2, size=(2, m, T_x)).astype(float)
    x[:, :, T_x - 1] = 0  # room for the last carry
    sums = [first + second for first, second in zip(bits_to_numbers(x[0]), bits_to_numbers(x[1]), strict=True)]
    y = numbers_to_bits(sums, T_x)[np.newaxis, :, :].astype(float)  # (m, T_x) -> (1, m, T_x)
    return x, y
