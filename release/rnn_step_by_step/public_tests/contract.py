"""What a function takes and returns, as data: names, shapes and the order of things."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What the letters of a shape count, for messages
COUNTS = {
    "n_x": "one row for each unit of the input",
    "n_a": "one row for each hidden unit",
    "n_y": "one row for each class",
    "m": "one column for each example",
    "T_x": "one slice for each time step",
    "T_y": "one slice for each time step of the output",
    "1": "a single column",
}


@dataclass(frozen=True)
class Array:
    """An array; its shape in the letters of the notebook, e.g. ``("n_a", "m")``."""

    shape: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """A tuple whose places have names, e.g. the cache of one step."""

    fields: Mapping[str, "Node"]


@dataclass(frozen=True)
class Keyed:
    """A dictionary, e.g. the parameters."""

    fields: Mapping[str, "Node"]


@dataclass(frozen=True)
class PerStep:
    """A list with one item for each time step."""

    item: "Node"
    length: str = "T_x"


Node = Array | Record | Keyed | PerStep
Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One visible input, with what the function should return for it."""

    name: str
    arguments: tuple[Any, ...]
    expected: Any


@dataclass(frozen=True)
class Exercise:
    """One function of the course, as its public test knows it.

    Attributes
    ----------
    assignment, id, function : str
        E.g. ``rnn_step_by_step``, ``UNQ_C1``, ``rnn_cell_forward``.
    arguments : Record
        What it takes, in order.
    returns : Record or Keyed
        What it returns.
    clues : tuple of callables
        From an `public_tests.clues.Evidence` to a `public_tests.clues.Clue` or None; the first clue found is shown.
    helper : Exercise or None
        The earlier exercise that this function calls.
    """

    assignment: str
    id: str
    function: str
    arguments: Record
    returns: Record | Keyed
    clues: tuple[Callable[[Any], Any], ...] = field(default=())
    helper: "Exercise | None" = None


def parts(node: Node, value: Any) -> dict[str, Any]:
    """Return the named parts of a tuple or dictionary that has the right layout."""
    if isinstance(node, Keyed):
        return {name: value[name] for name in node.fields}
    if isinstance(node, Record):
        return dict(zip(node.fields, value, strict=True))
    raise TypeError(f"{type(node).__name__} has no named parts.")


def leaves(node: Node, value: Any, name: str = "") -> Iterator[tuple[str, Array, np.ndarray]]:
    """Yield every array below a value that has the right layout: its own name, its contract, and itself."""
    if isinstance(node, Array):
        yield name, node, value
    elif isinstance(node, PerStep):
        for item in value:
            yield from leaves(node.item, item, name)
    else:
        for part, inner in parts(node, value).items():
            yield from leaves(node.fields[part], inner, part)


def sizes(exercise: Exercise, arguments: tuple[Any, ...]) -> dict[str, int]:
    """Return the letters of the shapes as numbers, as the arguments have them."""
    found: dict[str, int] = {}
    for _, node, array in leaves(exercise.arguments, arguments):
        found.update(zip(node.shape, array.shape, strict=True))
    return {letter: number for letter, number in found.items() if letter != "1"}


def copied(value: Any) -> Any:
    """Return a copy that shares no memory with the original, however deep it is nested."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(inner) for inner in value)
    return value
