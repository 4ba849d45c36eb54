"""Numbers in words, and words as arrays: a small language whose every sentence can be checked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spell_number(number: int) -> str:
    """Write a number in words.

    Parameters
    ----------
    number : int
        From 0 to 999.

    Returns
    -------
    str
        E.g. ``three hundred forty-two``.

    Raises
    ------
    ValueError
        If the number is out of range.
    """
    if not 0 <= number <= 999:
        raise ValueError(f"spell_number knows the numbers from 0 to 999, and {number} is not among them.")
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if 10 <= rest < 20:
        words.append(_TEENS[ones])
    elif rest >= 20:
        words.append(_TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else ""))
    elif rest or not hundreds:
        words.append(_ONES[ones])
    return " ".join(words)


def words_to_indices(words: Sequence[str], alphabet: str) -> NDArray[np.intp]:
    """Write words as rows of indices, each followed by the first symbol of the alphabet, which ends a word.

    Parameters
    ----------
    words : sequence of str
        m words.
    alphabet : str
        The symbols: first the one that ends a word, then the letters.

    Returns
    -------
    numpy.ndarray of int
        Shape (m, T), where T is the length of the longest word plus 1; the rest of a row is filled with the end.

    Raises
    ------
    ValueError
        If a word holds a letter that the alphabet does not, or the symbol that ends words.
    """
    place = {letter: index for index, letter in enumerate(alphabet)}
    indices = np.zeros((len(words), max(map(len, words), default=0) + 1), dtype=np.intp)  # 0 is the end
    for row, word in zip(indices, words, strict=True):
        for step, letter in enumerate(word):
            if place.get(letter, 0) == 0:
                raise ValueError(f"{word!r} cannot be written with {alphabet!r}: {letter!r} is no letter of it.")
            row[step] = place[letter]
    return indices


def indices_to_words(indices: NDArray[np.intp], alphabet: str) -> list[str]:
    """Read rows of indices as words: the way back from `words_to_indices`.

    Parameters
    ----------
    indices : numpy.ndarray of int
        Shape (m, T).
    alphabet : str
        As in `words_to_indices`.

    Returns
    -------
    list of str
        Each row up to the first symbol that ends a word, or whole where there is none.
    """
    return ["".join(alphabet[index] for index in row).split(alphabet[0])[0] for row in indices]
