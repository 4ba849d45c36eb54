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
    "n_a + n_x": "one column for each row of the stack",
    "m": "one column for each example",
    "T_x": "one slice for each time step",
    "T_forward": "one slice for each time step of the forward pass",
    "T_y": "one slice for each time step of the output",
    "1": "a single column",
    "n_d": "one row for each unit of the decoder's input",
    "n_e": "one row for each class of the encoder",
    "n_a + n_d": "one column for each row of the decoder's stack",
    "steps": "one row for each step",
}


@dataclass(frozen=True)
class Array:
    """An array; its shape in the letters of the notebook, e.g. ``("n_a", "m")``."""

    shape: tuple[str, ...]
    integers: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number among the arguments; its letter, e.g. ``steps``."""

    letter: str


@dataclass(frozen=True)
class Luck:
    """A generator of random numbers among the arguments; in a case it is a `Seed`."""


@dataclass(frozen=True)
class Seed:
    """What stands in a case for a generator: every call gets a fresh ``numpy.random.default_rng(number)``."""

    number: int


@dataclass(frozen=True)
class Alone:
    """A value that a function returns by itself, and not in a tuple."""

    name: str
    value: "Node"

    @property
    def fields(self) -> Mapping[str, "Node"]:
        """The one value, by its name."""
        return {self.name: self.value}


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


Node = Array | Record | Keyed | PerStep | Whole | Luck
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
    returns : Record, Keyed or Alone
        What it returns.
    clues : tuple of callables
        From an `public_tests.clues.Evidence` to a `public_tests.clues.Clue` or None; the first clue found is shown.
    helper : Exercise or None
        The earlier exercise that this function calls.
    further : callable or None
        What more is looked at once all cases pass: from the function to what the student should read, empty if nothing.
    """

    assignment: str
    id: str
    function: str
    arguments: Record
    returns: Record | Keyed | Alone
    clues: tuple[Callable[[Any], Any], ...] = field(default=())
    helper: "Exercise | None" = None
    further: Callable[[Function], str] | None = None


def parts(node: Node | Alone, value: Any) -> dict[str, Any]:
    """Return the named parts of a tuple or dictionary that has the right layout."""
    if isinstance(node, Alone):
        return {node.name: value}
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
    elif not isinstance(node, Whole | Luck):
        for part, inner in parts(node, value).items():
            yield from leaves(node.fields[part], inner, part)


def sizes(exercise: Exercise, arguments: tuple[Any, ...]) -> dict[str, int]:
    """Return the letters of the shapes as numbers, as the arguments have them."""
    found: dict[str, int] = {}
    for _, node, array in leaves(exercise.arguments, arguments):
        found.update(zip(node.shape, array.shape, strict=True))
    for kind, value in zip(exercise.arguments.fields.values(), arguments, strict=True):
        if isinstance(kind, Whole):
            found[kind.letter] = value
    return {letter: number for letter, number in found.items() if letter.isidentifier()}


def copied(value: Any) -> Any:
    """Return a copy that shares no memory with the original, however deep it is nested; generators start afresh."""
    if isinstance(value, Seed):
        return np.random.default_rng(value.number)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(inner) for inner in value)
    return value
