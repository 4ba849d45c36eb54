"""Says where a student's function raised an exception, in their own line, and what that most often means."""

import linecache
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np

_OURS = str(Path(__file__).parent)


@dataclass(frozen=True)
class Spot:
    """The student's line that an exception came from.

    Attributes
    ----------
    function : str
        The function it stands in.
    line : int
        Its number in the cell, from 1.
    text : str
        The line; empty if it cannot be had.
    arrays : str
        The names in the line that are arrays, with their shapes.
    """

    function: str
    line: int
    text: str
    arrays: str


def spot(error: BaseException, target: Any) -> Spot | None:
    """Return the deepest line of the student's own code in an exception's traceback.

    Their cells share one namespace with the function under test; numpy's and our own lines do not.
    """
    theirs = getattr(target, "__globals__", None)
    best: tuple[FrameType, int] | None = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals is theirs or (theirs is None and not frame.f_code.co_filename.startswith(_OURS)):
            best = frame, trace.tb_lineno
        trace = trace.tb_next
    if best is None:
        return None
    frame, number = best
    text = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
    return Spot(frame.f_code.co_name, number, text, _arrays(text, frame))


def _arrays(text: str, frame: FrameType) -> str:
    """Return the shapes of the arrays that a line names, which is what most errors of shape come down to."""
    found = {}
    for name, key in re.findall(r"""([A-Za-z_]\w*)(?:\[["'](\w+)["']\])?""", text):
        value = frame.f_locals.get(name)
        if isinstance(value, dict) and key:
            name, value = f'{name}["{key}"]', value.get(key)  # noqa: PLW2901
        if isinstance(value, np.ndarray):
            found[name] = value.shape
    return ", ".join(f"{name} {shape}" for name, shape in found.items())


def meaning(kind: str, text: str, known: frozenset[str] = frozenset()) -> str:
    """Return what an exception most often means and what to try; empty if we have nothing to say.

    Parameters
    ----------
    kind, text : str
        The exception's class and what it says.
    known : frozenset of str
        Names that the function can read from its ``parameters``.
    """
    for kinds, pattern, says in _MEANINGS:
        found = re.search(pattern, text, re.DOTALL)
        if kind in kinds.split() and found:
            return says(found, known)
    return ""


def _undefined(found: re.Match[str], known: frozenset[str]) -> str:
    name = found[1]
    if name in known:
        return f"`{name}` is not defined inside the function: read it from the dictionary `parameters` first."
    if name in {"np", "softmax", "sigmoid"} or name.endswith("_test"):
        return f"`{name}` comes from the import cell at the top of the notebook: run that cell first."
    return (
        f"`{name}` is not defined where it is used. Is it spelt as it is above? A function may use only its arguments "
        "and what it computes from them; a name from a cell that is gone, or that comes later, is not there after a "
        "restart."
    )


def _say(text: str) -> Callable[[re.Match[str], frozenset[str]], str]:
    return lambda _found, _known: text


_SHAPES = (
    "The shapes of what is multiplied or added do not fit. Write the shape beside each name: in a matrix product the "
    "inner sizes must be equal, (rows, k) times (k, columns); in a sum, equal or 1."
)

# (classes of exception, what the text matches, what to say); the first that matches is used
_MEANINGS: tuple[tuple[str, str, Callable[[re.Match[str], frozenset[str]], str]], ...] = (
    ("NameError", r"name '(\w+)' is not defined", _undefined),
    (
        "UnboundLocalError",
        r"variable '(\w+)'",
        lambda f, _: f"`{f[1]}` is used before the function has given it a value: which line should set it first?",
    ),
    (
        "KeyError",
        r"'?(\w+)'?",
        lambda f, k: (
            f"There is no key {f[1]!r} in that dictionary."
            + (f" The keys of `parameters` are {', '.join(sorted(k))}." if k else "")
        ),
    ),
    (
        "ValueError",
        r"inhomogeneous",
        _say(
            "numpy was asked to make one array of parts with different shapes. A list can hold such parts as they are: "
            "list.append adds one to it."
        ),
    ),
    (
        "ValueError",
        r"(not enough|too many) values to unpack",
        _say(
            "The names on the left and the values on the right are not equally many. Count both: an array with three "
            "axes has a shape of three numbers, and a function that returns three values needs three names."
        ),
    ),
    (
        "ValueError",
        r"could not broadcast input array from shape (\([\d,]*\)) into shape (\([\d,]*\))",
        lambda f, _: (
            f"What is stored has shape {f[1]}, the place for it has {f[2]}. Were the sizes that made the array on the "
            "left read from the right axes, and from what this call was given?"
        ),
    ),
    ("ValueError", r"aligned|broadcast|mismatch|core dimension|match exactly|same number of dim", _say(_SHAPES)),
    (
        "IndexError",
        r"index (\d+) is out of bounds for axis (\d+) with size (\d+)",
        lambda f, _: (
            f"Place {f[1]} was asked for on axis {f[2]}, which has only {f[3]} places, 0 to {int(f[3]) - 1}. If this "
            "is the loop: which of the three sizes of x counts the time steps? (`len` of an array is its first size.)"
        ),
    ),
    (
        "IndexError",
        r"too many indices",
        _say("The array has fewer axes than the brackets ask for: look at its shape first."),
    ),
    (
        "TypeError",
        r"NoneType|'None'",
        _say("A value is still None here: a step above has not been filled in, or a helper function returns nothing."),
    ),
    (
        "TypeError",
        r"positional argument|missing \d+ required|unexpected keyword",
        _say(
            "The call and the first line of the function disagree about the arguments. Keep that line as it was given."
        ),
    ),
    (
        "TypeError",
        r"not callable",
        _say("Something that is no function is called with (...): was a function's name given to an array?"),
    ),
    (
        "AttributeError",
        r"'numpy\.ndarray' object has no attribute 'append'",
        _say("Arrays cannot be appended to; a list can. Was the list replaced by an array on the way?"),
    ),
    (
        "AttributeError",
        r"'NoneType'",
        _say("A value is still None here: a step above has not been filled in."),
    ),
    (
        "AttributeError",
        r"module 'numpy' has no attribute '(\w+)'",
        lambda f, _: f"This version of numpy has no `np.{f[1]}`: is it spelt right, or was it removed?",
    ),
    (
        "RecursionError",
        r"",
        _say("The function calls itself without end. Inside the loop it should call the function of one step."),
    ),
    (
        "SystemExit",
        r"",
        _say("The function ends the program (exit, quit or sys.exit). Take that line out: a function should return."),
    ),
    ("ModuleNotFoundError", r"'(google[\w.]*)'", _say("This line works on Google Colab only: take it out.")),
    (
        "ModuleNotFoundError ImportError",
        r"(rnn_utils|public_tests)",
        lambda f, _: f"The folder `{f[1]}` has to lie beside the notebook: keep the notebook in the folder it came in.",
    ),
    (
        "ModuleNotFoundError",
        r"No module named '(\w+)",
        lambda f, _: f"The package `{f[1]}` is not installed in this Python; the course does not need it.",
    ),
    (
        "FileNotFoundError",
        r"",
        _say("A file is not where this line looks for it. Names of files start from the notebook's folder."),
    ),
    ("MemoryError", r"", _say("An array far too large was asked for: look at the sizes that make its shape.")),
)
