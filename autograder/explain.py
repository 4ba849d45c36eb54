"""Explains an exception in student code: one plain sentence, and the student's own line.

The message of an exception is text of the student's making: printed as it comes, it could carry hidden inputs out. So
only messages that Python and numpy themselves write are taken apart, and of those only names and shapes are shown.
"""

import builtins
import re
from collections.abc import Mapping

from autograder.sandbox.session import Fault

_NAME = r"[A-Za-z_]\w{0,30}"
_SHAPE = r"\([\d, ]{0,30}\)"

# (exception, what its message looks like, the sentence)
_SENTENCES: tuple[tuple[str, str, str], ...] = (
    (
        "NameError",
        rf"name '({_NAME})' is not defined",
        "`{0}` is not defined inside this function. If it worked in your notebook, another cell had set it.",
    ),
    (
        "UnboundLocalError",
        rf"cannot access local variable '({_NAME})'",
        "`{0}` is used before it has been given a value.",
    ),
    ("KeyError", rf"'({_NAME})'\Z", "There is no key `'{0}'` in the dictionary that this line reads."),
    (
        "AttributeError",
        rf"module 'numpy' has no attribute '({_NAME})'",
        "numpy has no `{0}`: newer versions removed it, or it is misspelt.",
    ),
    ("", r".*NoneType", "Something here is still `None`: a placeholder is left, or a function does not return."),
    ("ValueError", rf"shapes ({_SHAPE}) and ({_SHAPE}) not aligned", "A product of shapes {0} and {1} does not exist."),
    (
        "ValueError",
        r"matmul: .*\(size (\d{1,9}) is different from (\d{1,9})\)",
        "The shapes of this product do not fit: an axis of {1} meets one of {0}.",
    ),
    (
        "ValueError",
        rf"operands could not be broadcast together with shapes ({_SHAPE}) ({_SHAPE})",
        "Arrays of shapes {0} and {1} cannot be combined entry by entry.",
    ),
    (
        "ValueError",
        rf"could not broadcast input array from shape ({_SHAPE}) into shape ({_SHAPE})",
        "An array of shape {0} does not fit into a place of shape {1}.",
    ),
    ("ValueError", r"(not enough|too many) values to unpack", "There are {0} values for the names on the left."),
    (
        "TypeError",
        rf"({_NAME})\(\) (takes|missing)",
        "`{0}` is called with other arguments than its first line asks for.",
    ),
    ("TypeError", r".*unexpected keyword argument", "A function is called with a keyword that it does not know."),
    ("IndexError", r"", "An index lies outside its array or list."),
    ("NotImplementedError", r"", "This part has not been written yet."),
    ("RecursionError", r"", "The function calls itself without end."),
    ("SyntaxError", r"", "Python cannot read this cell: look at this line and the one before it."),
    ("IndentationError", r"", "The indentation is not right here."),
    ("ZeroDivisionError", r"", "Something is divided by zero."),
)


def explain(fault: Fault) -> str:
    """Return a plain sentence about an exception."""
    for kind, pattern, sentence in _SENTENCES:
        match = re.match(pattern, fault.message) if kind in {"", fault.type} else None
        if match:
            return sentence.format(*match.groups())
    known = isinstance(getattr(builtins, fault.type, None), type)
    return f"It raised {fault.type if known else 'an exception'}."


def line_of(fault: Fault, cells: Mapping[int, str]) -> str:
    """Return the student's own line where it happened, as ``line 14: y = np.dot(Wy, a)``; empty where not known.

    The text is the host's own copy of the cell, whatever the guest said.
    """
    lines = cells.get(fault.cell, "").split("\n")
    if not 1 <= fault.line <= len(lines):
        return ""
    return f"line {fault.line}: {lines[fault.line - 1].strip()[:200]}"
