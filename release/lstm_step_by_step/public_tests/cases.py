"""Reads the visible cases of an assignment from its data file: plain arrays and their layout, nothing that executes."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from public_tests.contract import Case, Seed

LAYOUT = "layout"  # the entry that says how the arrays of the file hang together

_FOLDER = Path(__file__).parent / "data"


def cases(assignment: str, function: str) -> tuple[Case, ...]:
    """Return the visible cases of a function.

    Raises
    ------
    FileNotFoundError
        If the data file is missing or damaged, with what to do about it.
    """
    return _read(assignment)[function]


@cache
def _read(assignment: str) -> dict[str, tuple[Case, ...]]:
    path = _FOLDER / f"{assignment}.npz"
    try:
        # a zip of plain arrays: allow_pickle stays off, so that no file can execute anything
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        layout = json.loads(arrays.pop(LAYOUT).tobytes())
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise FileNotFoundError(
            f"public_tests/data/{assignment}.npz is missing or damaged, so no public test of this assignment can run. "
            "Take the folder public_tests again from the archive you were given; your notebook need not change."
        ) from error
    return {
        function: tuple(
            Case(c["name"], decoded(c["arguments"], arrays), decoded(c["expected"], arrays)) for c in listed
        )
        for function, listed in layout.items()
    }


def decoded(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the value that a layout describes; it shares memory with `arrays`."""
    ((kind, content),) = tree.items()
    if kind == "array":
        return arrays[content]
    if kind == "whole":
        return content
    if kind == "seed":
        return Seed(content)
    if kind == "dict":
        return {key: decoded(inner, arrays) for key, inner in content.items()}
    items = [decoded(inner, arrays) for inner in content]
    return tuple(items) if kind == "tuple" else items


def encoded(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the layout of a value and add its arrays to `arrays`, each distinct one once.

    Raises
    ------
    TypeError
        For anything but arrays, whole numbers and seeds in tuples, lists and dictionaries.
    """
    if isinstance(value, np.ndarray):
        for name, known in arrays.items():
            if known.dtype == value.dtype and known.shape == value.shape and known.tobytes() == value.tobytes():
                return {"array": name}
        name = f"array_{len(arrays)}"
        arrays[name] = np.array(value, order="C")
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": {key: encoded(inner, arrays) for key, inner in value.items()}}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encoded(inner, arrays) for inner in value]}
    if isinstance(value, Seed):
        return {"seed": value.number}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"whole": value}
    raise TypeError(f"A visible case holds arrays in tuples, lists and dictionaries, not a {type(value).__name__}.")
