"""Combinations of values in which every pair of two values stands at least once: a covering array, made greedily."""

import itertools
from collections.abc import Callable, Mapping, Sequence

Row = dict[str, object]
Pair = frozenset[tuple[str, object]]


def pairs_of(row: Mapping[str, object]) -> set[Pair]:
    """Return every pair of values in a row."""
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def possible_rows(values: Mapping[str, Sequence[object]], impossible: Callable[[Row], str]) -> list[Row]:
    """Return every row that is possible, in order.

    Parameters
    ----------
    values : mapping
        The values of each parameter.
    impossible : callable
        The reason for which a row cannot be; empty where it can.
    """
    rows = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    return [row for row in rows if not impossible(row)]


def covering(values: Mapping[str, Sequence[object]], impossible: Callable[[Row], str]) -> list[Row]:
    """Return few rows in which every possible pair stands; always the same ones.

    Each row is the possible one with the most pairs that no row before it has; of several such, the first.
    """
    candidates = [(row, pairs_of(row)) for row in possible_rows(values, impossible)]
    left: set[Pair] = set().union(*(pairs for _, pairs in candidates)) if candidates else set()
    chosen = []
    while left:
        row, pairs = max(candidates, key=lambda candidate: len(candidate[1] & left))
        chosen.append(row)
        left -= pairs
    return chosen
