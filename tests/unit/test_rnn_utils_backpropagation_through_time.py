"""The small language of the third notebook: numbers in words, and words as arrays."""

import re
from pathlib import Path

import numpy as np
import pytest

from autograder.course import Course
from autograder.source import read
from rnn_utils import indices_to_words, spell_number, words_to_indices

ALPHABET = "." + " -abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (7, "seven"),
        (10, "ten"),
        (13, "thirteen"),
        (20, "twenty"),
        (42, "forty-two"),
        (100, "one hundred"),
        (105, "one hundred five"),
        (311, "three hundred eleven"),
        (999, "nine hundred ninety-nine"),
    ],
)
def test_numbers_are_spelled_as_in_school(number: int, words: str) -> None:
    """Ones, teens, tens with a hyphen, and hundreds."""
    assert spell_number(number) == words


def test_no_two_numbers_are_spelled_alike() -> None:
    """The thousand words differ, and every one is made of the parts of the numbers to twenty, the tens and hundred."""
    words = [spell_number(number) for number in range(1000)]
    assert len(set(words)) == 1000
    parts = {part for word in words for part in word.replace("-", " ").split()}
    assert parts == {spell_number(n) for n in (*range(20), *range(20, 100, 10))} | {"hundred"}


@pytest.mark.parametrize("number", [-1, 1000])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    """What it cannot spell it names."""
    with pytest.raises(ValueError, match=str(number)):
        spell_number(number)


def test_words_become_rows_that_end_with_the_first_symbol() -> None:
    """Each row holds its letters, then zeros; the longest word still has one zero, so that its end can be learnt."""
    rows = words_to_indices(["ab", "a", ""], ".ab")
    np.testing.assert_array_equal(rows, [[1, 2, 0], [1, 0, 0], [0, 0, 0]])


def test_words_survive_the_way_there_and_back() -> None:
    """All thousand numbers come back as they went in."""
    words = [spell_number(number) for number in range(1000)]
    assert indices_to_words(words_to_indices(words, ALPHABET), ALPHABET) == words


def test_a_row_without_an_end_is_read_whole() -> None:
    """What a network wrote may have no end; what follows an end is not read."""
    assert indices_to_words(np.array([[1, 2, 1], [2, 0, 1]]), ".ab") == ["aba", "b"]


@pytest.mark.parametrize("word", ["ax", "a.b"])
def test_letters_outside_the_alphabet_are_refused(word: str) -> None:
    """A letter that is not in the alphabet, or the end within a word, is named with the word."""
    with pytest.raises(ValueError, match=word.replace(".", r"\.")):
        words_to_indices([word], ".ab")


def test_the_answers_are_not_in_the_release() -> None:
    """What this assignment's release carries of the course's modules has both forward passes and no backward one."""
    course = Course.at(Path(__file__).resolve().parents[2])
    source = read(course, "backpropagation_through_time")
    carried = dict(course.shipped_modules("backpropagation_through_time", source.graded_functions(), source.code))
    assert {"rnn_utils/rnn.py", "rnn_utils/lstm.py", "rnn_utils/spelling.py"} <= carried.keys()
    text = "\n".join(content.decode() for name, content in carried.items() if name.endswith(".py"))
    assert not re.search(r"^def \w+_backward\(", text, re.MULTILINE)
