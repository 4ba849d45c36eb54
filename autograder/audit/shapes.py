"""Finds out which sizes a case's inputs are made of, and makes inputs of any other sizes with the same structure.

A definition draws its inputs by code, which says nothing of shapes. But sizes that are drawn at random betray
themselves: two axes that have the same length in forty draws are the same size, and an axis that is always as long as
two others together is their sum (the weights of an LSTM, over state and input). So a mutant can be tried on shapes that
no grading input has.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from autograder.model import Seed

_DRAWS = 40

Lengths = tuple[int, ...]  # of one axis, draw by draw


@dataclass(frozen=True)
class Template:
    """Inputs whose sizes are open.

    Attributes
    ----------
    sizes : tuple
        The independent sizes, each as its lengths in the draws that it was recognised by.
    sums : dict
        The others, each as two of them.
    tree : tuple
        The inputs, draw by draw.
    open : bool
        Whether every size varies from draw to draw. Where one is always the same, nothing that holds on this template
        is known to hold for other sizes. (The single column of a bias is no size.)
    """

    sizes: tuple[Lengths, ...]
    sums: dict[Lengths, tuple[Lengths, Lengths]]
    tree: tuple[Any, ...]
    open: bool

    def filled(self, chosen: tuple[int, ...], make: Callable[[tuple[int, ...]], Any]) -> tuple[Any, ...]:
        """Return inputs of chosen sizes, one for each of `sizes`.

        Parameters
        ----------
        make : callable
            From a shape to an array.
        """
        known = dict(zip(self.sizes, chosen, strict=True))
        known |= {lengths: known[a] + known[b] for lengths, (a, b) in self.sums.items()}
        shared: dict[tuple[int, ...], Any] = {}

        def walk(trees: tuple[Any, ...]) -> Any:
            first = trees[0]
            if isinstance(first, np.ndarray):
                axes = zip(*(tree.shape for tree in trees), strict=True)
                return make(tuple(_length(known, tuple(axis)) for axis in axes))
            if isinstance(first, dict):
                identity = tuple(map(id, trees))  # the parameters in every cache are the same ones
                if identity not in shared:
                    shared[identity] = {key: walk(tuple(tree[key] for tree in trees)) for key in first}
                return shared[identity]
            if isinstance(first, tuple):
                return tuple(walk(parts) for parts in zip(*trees, strict=True))
            if isinstance(first, list):
                count = _length(known, tuple(map(len, trees)))
                return [walk(tuple(tree[0] for tree in trees)) for _ in range(count)]
            if type(first) is int:
                return _length(known, trees)
            if isinstance(first, Seed):
                return first
            raise ValueError(f"a value of type {type(first).__name__}")

        return tuple(walk(trees) for trees in zip(*self.tree, strict=True))


def _length(known: dict[Lengths, int], lengths: Lengths) -> int:
    if len(set(lengths)) == 1:
        return lengths[0]  # always the same: no size, but a fixed number such as the 1 of a bias
    return known[lengths]


def template(draw: Callable[[np.random.Generator], tuple[Any, ...]]) -> Template:
    """Return the template of a case.

    Raises
    ------
    ValueError
        If its inputs' structure is not the same in every draw.
    """
    tree = tuple(draw(np.random.default_rng(seed)) for seed in range(_DRAWS))
    found: dict[Lengths, None] = {}
    for lengths in _lengths(tree):
        if len(set(lengths)) > 1:
            found.setdefault(lengths)
    sums = {
        lengths: (a, b)
        for lengths in found
        for a, b in combinations(found, 2)
        if all(total == one + other for total, one, other in zip(lengths, a, b, strict=True))
    }
    varies = all(len(set(lengths)) > 1 for lengths in _lengths(tree, sizes_only=True))
    return Template(tuple(lengths for lengths in found if lengths not in sums), sums, tree, varies)


def _lengths(trees: tuple[Any, ...], *, sizes_only: bool = False) -> Iterator[Lengths]:
    """Yield the lengths of every axis and list; on request without the second axis of what is always one column."""
    first = trees[0]
    if any(type(tree) is not type(first) for tree in trees):
        raise ValueError("inputs of different types in different draws")
    if isinstance(first, np.ndarray):
        if len({tree.ndim for tree in trees}) > 1:
            raise ValueError("arrays of different numbers of axes in different draws")
        axes = list(zip(*(tree.shape for tree in trees), strict=True))
        yield from axes[:1] if sizes_only and len(axes) == 2 and set(axes[1]) == {1} else axes
    elif isinstance(first, dict):
        for key in first:
            yield from _lengths(tuple(tree[key] for tree in trees), sizes_only=sizes_only)
    elif isinstance(first, tuple):
        for parts in zip(*trees, strict=True):
            yield from _lengths(parts, sizes_only=sizes_only)
    elif isinstance(first, list):
        yield tuple(map(len, trees))
        yield from _lengths(tuple(tree[0] for tree in trees), sizes_only=sizes_only)
    elif type(first) is int:
        yield trees
