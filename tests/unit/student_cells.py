"""A student's cells for the tests of the public tests: right ones, edits of them, and what the student then reads."""

import itertools
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from public_tests import PublicTestFailure

# A student's cells, in the plain style; the tests below write the other styles and the mistakes as edits of these
CELL_CODE = """
def softmax(z):
    e = np.exp(z - np.max(z, axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)

def rnn_cell_forward(xt, a_prev, parameters):
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]
    Wya = parameters["Wya"]
    ba = parameters["ba"]
    by = parameters["by"]
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache
"""
LOOP_CODE = """
def rnn_forward(x, a0, parameters):
    caches = []
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wya"].shape
    a = np.zeros((n_a, m, T_x))
    y_pred = np.zeros((n_y, m, T_x))
    a_next = a0
    for t in range(T_x):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y_pred[:, :, t] = yt_pred
        caches.append(cache)
    caches = (caches, x)
    return a, y_pred, caches
"""
_numbers = itertools.count()


def notebook(*cells: str, **names: Any) -> dict[str, Any]:
    """Return the namespace after these cells, which Python can show the source of, as in a kernel."""
    namespace: dict[str, Any] = {"np": np, **names}
    for cell in cells:
        file = f"<cell {next(_numbers)}>"
        linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
        exec(compile(cell, file, "exec"), namespace)  # noqa: S102  the tests' own cells
    return namespace


def edited(code: str, *edits: tuple[str, str]) -> str:
    """Return the code with each old text, which stands in it once, replaced."""
    for old, new in edits:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    return code


def cell(*edits: tuple[str, str]) -> Callable[..., Any]:
    """Return the student's function of one step after these edits."""
    return notebook(edited(CELL_CODE, *edits))["rnn_cell_forward"]


def loop(*edits: tuple[str, str], **names: Any) -> Callable[..., Any]:
    """Return the student's function of all steps after these edits, their function of one step being right."""
    return notebook(CELL_CODE, edited(LOOP_CODE, *edits), **names)["rnn_forward"]


def message(test: Callable[[Any], None], target: Any) -> str:
    """Return what the student reads when the test fails."""
    with pytest.raises(PublicTestFailure) as failure:
        test(target)
    return str(failure.value)
