"""Decides whether a mutant that no hidden test kills computes the same function as the reference.

Never by the grading inputs, and never by many ordinary draws: both are what the mutant has survived already. In order:

1. the same bytecode;
2. the same values over a prime field (see `field`), on all small shapes, with what is left unwritten read as noise;
   then, where values are the same, what a field cannot see: overflow, dtype, arrays shared or inputs changed;
3. a dtype that stays below the tolerance is a class of its own, by policy: a float32 answer is right;
4. anything else is unresolved, and an instructor's to judge.
"""

import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from itertools import product
from types import CodeType
from typing import Any

import numpy as np

from autograder.audit.field import Element, FieldWorld, random_elements
from autograder.audit.shapes import Template, template
from autograder.compare import compare
from autograder.judging import ready
from autograder.model import Case, Exercise

_SIZES = (1, 2, 3)
_SHAPES = 150  # of all combinations of small sizes, at most so many
_DRAWS = 12  # of every case, for what the field cannot see


class Equivalence(StrEnum):
    """Why a surviving mutant is no weakness of the tests; or that it may be one."""

    BYTECODE = "the same bytecode"
    ALGEBRA = "the same values over a prime field, on all small shapes"
    PRECISION = "another dtype, below the tolerance: a float32 answer is right"
    UNRESOLVED = "unresolved"


class Judge:
    """Compares mutants of one exercise with its reference."""

    def __init__(self, exercise: Exercise, given: dict[str, Any], solutions: dict[str, str]) -> None:
        """Prepare.

        Parameters
        ----------
        given : dict
            The namespace that the import cell leaves.
        solutions : dict of str to str
            Every solution cell by exercise id; the mutant's takes the place of its own.
        """
        self._exercise, self._given, self._solutions = exercise, given, solutions
        self._reference = self._functions(solutions[exercise.id])

    def decide(self, source: str) -> Equivalence:
        """Return what a mutant is, from its cell's source."""
        name = self._exercise.function
        try:
            mutant = self._functions(source)
        except Exception:  # noqa: BLE001  a mutant that cannot even be defined is certainly another one
            return Equivalence.UNRESOLVED
        if _same_code(self._reference[name].__code__, mutant[name].__code__):
            return Equivalence.BYTECODE
        if not self._same_in_field(source):
            return Equivalence.UNRESOLVED
        return self._beside_values(mutant[name])

    def _functions(self, source: str) -> dict[str, Any]:
        names = dict(self._given)
        for exercise, text in (self._solutions | {self._exercise.id: source}).items():
            exec(compile(text, exercise, "exec"), names)  # noqa: S102  the instructor's cells, and mutants of them
        return names

    def _same_in_field(self, source: str) -> bool:
        """Return whether both give the same elements on small shapes of the cases' structure."""
        open_inputs = self._template
        if open_inputs is None or not open_inputs.open:
            return False
        rng = np.random.default_rng(0)
        others = self._solutions | {self._exercise.id: source}
        ours, theirs = (
            FieldWorld(self._given, np.random.default_rng(seed)).functions(
                *(compile(text, exercise, "exec") for exercise, text in cells.items())
            )[self._exercise.function]
            for seed, cells in ((1, self._solutions), (2, others))
        )
        chosen = list(product(_SIZES, repeat=len(open_inputs.sizes)))
        rng.shuffle(chosen)
        make = partial(random_elements, rng=rng)
        for sizes in chosen[:_SHAPES]:
            inputs = open_inputs.filled(tuple(map(int, sizes)), make)
            try:
                same = _equal(ours(*_copied(inputs)), theirs(*_copied(inputs)))
            except Exception:  # noqa: BLE001  code that a field cannot run (comparisons, sampling), or that differs
                return False
            if not same:
                return False
        return True

    @cached_property
    def _cases(self) -> list[Case]:
        """The cases of the definition: their twins draw alike."""
        return [case for case in self._exercise.cases if not case.twin_of]

    @cached_property
    def _template(self) -> Template | None:
        """The structure of the inputs, from the case that leaves most sizes open."""
        found = []
        for case in self._cases:
            try:
                found.append(template(case.draw))
            except ValueError:
                continue
        return max(found, key=lambda one: (one.open, len(one.sizes)), default=None)

    def _beside_values(self, theirs: Callable[..., Any]) -> Equivalence:
        """Look at what a field cannot see, on numbers: overflow, dtype, sharing of memory, changed inputs."""
        precision = False
        for inputs, factor, ours in self._beside:
            mutant = _Outcome.of(theirs, inputs)
            if mutant.shared != ours.shared or mutant.changed != ours.changed:
                return Equivalence.UNRESOLVED
            a, b = ours.result, mutant.result
            narrow = [x.dtype for x in _arrays(a)] != [x.dtype for x in _arrays(b)]
            precision |= narrow
            # far outside the range that is graded only overflow is looked at, and of the same kind of numbers
            if factor == 1.0:
                same = _same_finite(a, b) and compare(_finite(a), _finite(b), "value").right
            else:
                same = narrow or _same_finite(a, b)
            if not same:
                return Equivalence.UNRESOLVED
        return Equivalence.PRECISION if precision else Equivalence.ALGEBRA

    @cached_property
    def _beside(self) -> list[tuple[Any, float, "_Outcome"]]:
        """Inputs of every case, the factor they were multiplied by, and what the reference makes of them."""
        ours = self._reference[self._exercise.function]
        found = []
        for case, seed, factor in product(self._cases, range(_DRAWS), (1.0, 1e3)):
            inputs = _scaled(ready(case.draw(np.random.default_rng(seed))), factor)
            found.append((inputs, factor, _Outcome.of(ours, inputs)))
        return found


@dataclass(frozen=True)
class _Outcome:
    """What a function makes of inputs.

    Attributes
    ----------
    result : any
        What it returns.
    shared : list of bool
        Which returned arrays share memory with which inputs and with each other.
    changed : bool
        Whether it changes its inputs.
    """

    result: Any
    shared: list[bool]
    changed: bool

    @classmethod
    def of(cls, function: Callable[..., Any], inputs: Any) -> "_Outcome":
        """Call a function on a copy of inputs."""
        given = _copied(inputs)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*given)
        return cls(result, _sharing(given, result), not _equal(inputs, given))


def _same_code(one: CodeType, other: CodeType) -> bool:
    """Return whether two functions do the same, instruction by instruction; lines and names of files aside."""
    if (one.co_code, one.co_names, one.co_varnames, one.co_freevars) != (
        other.co_code,
        other.co_names,
        other.co_varnames,
        other.co_freevars,
    ) or len(one.co_consts) != len(other.co_consts):
        return False
    return all(
        _same_code(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else (type(a), a) == (type(b), b)
        for a, b in zip(one.co_consts, other.co_consts, strict=True)
    )


def _equal(one: Any, other: Any) -> bool:
    """Return whether two values are the same in structure, shapes and every entry."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if object not in (one.dtype, other.dtype):
            return bool(np.array_equal(one, other))
        return one.shape == other.shape and all(a == b for a, b in zip(one.flat, other.flat, strict=True))
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, np.random.Generator):
        return isinstance(other, np.random.Generator)
    return isinstance(one, Element | int | float | None) and bool(one == other)


def _arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | tuple | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _arrays(inner)


def _copied(value: Any) -> Any:
    """Return a copy of inputs; elements of a field never change, so that arrays of them need not be copied deeply."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(_copied, value))
    return copy.deepcopy(value)


def _scaled(value: Any, factor: float) -> Any:
    """Return a copy with all arrays of floats multiplied: activations overflow where the code lets them."""
    if isinstance(value, np.ndarray):
        return value * factor if value.dtype.kind == "f" else value.copy()
    if isinstance(value, dict):
        return {key: _scaled(inner, factor) for key, inner in value.items()}
    return type(value)(_scaled(inner, factor) for inner in value) if isinstance(value, tuple | list) else value


def _sharing(inputs: Any, result: Any) -> list[bool]:
    """Return which returned arrays share memory with which inputs and with each other."""
    returned, given = list(_arrays(result))[:40], list(_arrays(inputs))[:40]
    return [np.shares_memory(a, b) for i, a in enumerate(returned) for b in (*given, *returned[:i])]


def _same_finite(one: Any, other: Any) -> bool:
    pairs = zip(_arrays(one), _arrays(other), strict=True)
    return all(a.shape == b.shape and np.array_equal(np.isfinite(a), np.isfinite(b)) for a, b in pairs)


def _finite(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.where(np.isfinite(value), value, 0.0)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return type(value)(_finite(inner) for inner in value) if isinstance(value, tuple | list) else value
