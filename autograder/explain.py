"""Explains an exception in student code: one plain sentence, and the student's own line.

The message of an exception is text of the student's making: printed as it comes, it could carry hidden inputs out. So
only messages that Python and numpy themselves write are taken apart, and of those only names and shapes are shown,
none of them long.
"""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence

from autograder.notebook import parse_code
from autograder.sandbox.session import Fault

_NAME = r"[A-Za-z_]\w{0,30}"
_SIZE = r"\d{1,4}"
_SHAPE = rf"\((?:{_SIZE}(?:, ?{_SIZE}){{0,3}},?)?\)"
_CALLED = rf"(?:[\w.<>]{{0,80}}\.)?({_NAME})\(\)"  # a function in a function is called outer.<locals>.inner
_TYPE = rf"(?:numpy\.)?({_NAME})"

_TOO_DEEP = (
    "Python cannot read this cell: something in it is nested too deeply, or has too many parts in one expression."
)

# (exception, what its message looks like, the sentence); an empty exception stands for any
_SENTENCES: tuple[tuple[str, str, str], ...] = (
    (
        "NameError",
        rf"name '({_NAME})' is not defined",
        "`{0}` is not defined inside this function. If it worked in your notebook, another cell had set it.",
    ),
    (
        "NameError",
        rf"cannot access free variable '({_NAME})'",
        "`{0}` is used before it has been given a value.",
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
    (
        "AttributeError",
        rf"`np\.({_NAME})` was removed",
        "numpy has no `{0}`: newer versions removed it, or it is misspelt.",
    ),
    ("", r".*NoneType", "Something here is still `None`: a placeholder is left, or a function does not return."),
    (
        "AttributeError",
        rf"'{_TYPE}' object has no attribute '({_NAME})'",
        "A value of type `{0}` has no `{1}`.",
    ),
    (
        "ModuleNotFoundError",
        rf"No module named '({_NAME})",
        "The module `{0}` is not there while grading; what the course needs is imported already.",
    ),
    ("ValueError", rf"shapes ({_SHAPE}) and ({_SHAPE}) not aligned", "A product of shapes {0} and {1} does not exist."),
    (
        "ValueError",
        rf"matmul: .*\(size ({_SIZE}) is different from ({_SIZE})\)",
        "The shapes of this product do not fit: an axis of {1} meets one of {0}.",
    ),
    (
        "ValueError",
        rf"operands could not be broadcast together with shapes ({_SHAPE}) ({_SHAPE})",
        "Arrays of shapes {0} and {1} cannot be combined entry by entry.",
    ),
    (
        "ValueError",
        rf"non-broadcastable output operand with shape ({_SHAPE}) doesn't match the broadcast shape ({_SHAPE})",
        "An array of shape {0} cannot take a result of shape {1}.",
    ),
    (
        "ValueError",
        rf"could not broadcast input array from shape ({_SHAPE}) into shape ({_SHAPE})",
        "An array of shape {0} does not fit into a place of shape {1}.",
    ),
    (
        "ValueError",
        rf"all the input array dimensions .* along dimension (\d), .* has size ({_SIZE}) and .* has size ({_SIZE})\Z",
        "The arrays to be joined do not fit: along axis {0}, one has {1} entries and the other {2}.",
    ),
    (
        "ValueError",
        r"all the input arrays must have same number of dimensions",
        "The arrays to be joined have different numbers of axes.",
    ),
    (
        "ValueError",
        rf"cannot reshape array of size ({_SIZE}) into shape ({_SHAPE})",
        "An array of {0} entries cannot take the shape {1}.",
    ),
    ("ValueError", r"setting an array element with a sequence", "A single entry of an array is given several values."),
    (
        "ValueError",
        r"The truth value of an array",
        "An array of several values is used where one yes or no is needed.",
    ),
    ("ValueError", r"(not enough|too many) values to unpack", "There are {0} values for the names on the left."),
    (
        "TypeError",
        rf"{_CALLED} (?:takes|missing|got multiple values)",
        "`{0}` is called with other arguments than its first line asks for.",
    ),
    ("TypeError", r".*unexpected keyword argument", "A function is called with a keyword that it does not know."),
    (
        "TypeError",
        r"Cannot interpret '\d{1,9}' as a data type",
        "The sizes of a new array go in as one tuple, in parentheses of their own.",
    ),
    (
        "TypeError",
        rf"'{_TYPE}' object is not callable",
        "A value of type `{0}` is called like a function: square brackets take an entry, round ones call.",
    ),
    (
        "TypeError",
        rf"'{_TYPE}' object is not (?:subscriptable|iterable)",
        "A value of type `{0}` is used as if it held several values.",
    ),
    (
        "TypeError",
        rf"object of type '{_TYPE}' has no len",
        "A value of type `{0}` is used as if it held several values.",
    ),
    (
        "TypeError",
        rf"'{_TYPE}' object cannot be interpreted as an integer",
        "A value of type `{0}` is used where one whole number is needed.",
    ),
    (
        "TypeError",
        rf"'{_TYPE}' object does not support item assignment",
        "A value of type `{0}` cannot be changed entry by entry.",
    ),
    (
        "TypeError",
        rf"{_TYPE} indices must be integers or slices",
        "A {0} takes one whole number as its index: it is not an array, and has no second axis.",
    ),
    (
        "TypeError",
        r"only (?:length-1|size-1|0-dimensional) arrays can be converted",
        "A whole array is used where one number is needed; numpy's own functions take arrays.",
    ),
    (
        "TypeError",
        r"only integer scalar arrays can be converted",
        "An array is used where one whole number is needed.",
    ),
    (
        "UFuncTypeError",
        r"Cannot cast ufunc '\w{1,30}' output",
        "The array that takes this result holds another kind of number: whole numbers cannot keep fractions.",
    ),
    ("UFuncTypeError", r"", "numpy is given values that it cannot calculate with, such as text or objects."),
    ("TypeError", r"ufunc '", "numpy is given values that it cannot calculate with, such as text or objects."),
    ("IndexError", r"too many indices for array", "There are more indices than the array has axes."),
    ("IndexError", r"invalid index to scalar", "A single number is used as if it were an array."),
    ("IndexError", r"only integers, slices", "An index must be a whole number or a slice."),
    ("IndexError", r"", "An index lies outside its array or list."),
    ("AxisError", r"", "An axis is named that the array does not have."),
    ("NotImplementedError", r"", "This part has not been written yet."),
    ("RecursionError", r"maximum recursion depth exceeded (?:during (?:ast|compilation)|while traversing)", _TOO_DEEP),
    ("RecursionError", r"", "The function calls itself without end."),
    ("SyntaxError", r"", "Python cannot read this cell: look at this line and the one before it."),
    ("IndentationError", r"", "The indentation is not right here."),
    ("TabError", r"", "The indentation is not right here: tabs and blanks are mixed."),
    ("OverflowError", r"", "A number grows too large here."),
    ("ZeroDivisionError", r"", "Something is divided by zero."),
)


# Names that a message of Python's may hold without the student having written them
_TYPES = frozenset(name for name, value in vars(builtins).items() if isinstance(value, type)) | {
    "NoneType", "builtin_function_or_method", "dict_items", "dict_keys", "dict_values", "function", "generator",
    "method", "module", "ndarray", "float16", "float32", "float64", "int32", "int64", "matrix", "MaskedArray",
}  # fmt: skip


def failed_imports(faults: Mapping[int, Sequence[Fault]], cells: Mapping[int, str]) -> dict[str, str]:
    """Return the names that failing imports were to bind, each with a sentence on why it is not there.

    Parameters
    ----------
    faults : mapping of int to sequence of Fault
        By cell: what it raised.
    cells : mapping of int to str
        The student's cells.
    """
    missing = {}
    for index, raised in faults.items():
        for fault in raised:
            if fault.type not in {"ModuleNotFoundError", "ImportError"} or fault.cell != index:
                continue
            for name, package in _imported_at(cells.get(index, ""), fault.line):
                why = f"its import failed in cell {index + 1}"
                if fault.type == "ModuleNotFoundError":
                    why += f", since the package `{package}` is not part of this course"
                missing[name] = f"`{name}` is not defined: {why}."
    return missing


def _imported_at(source: str, line: int) -> Iterator[tuple[str, str]]:
    """Yield the names that an import statement in some line binds, each with the package that it is from."""
    tree = parse_code(source)
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Import | ast.ImportFrom) or not node.lineno <= line <= (node.end_lineno or 0):
            continue
        for one in node.names:
            package = (node.module or "") if isinstance(node, ast.ImportFrom) else one.name
            name, root = one.asname or one.name.split(".")[0], package.split(".")[0]
            if all(re.fullmatch(_NAME, text, re.ASCII) for text in (name, root)):
                yield name, root


def explain(fault: Fault, cells: Mapping[int, str], missing: Mapping[str, str] | None = None) -> str:
    """Return a plain sentence about an exception.

    Parameters
    ----------
    cells : mapping of int to str
        The student's cells: a name is shown only if it stands in one of them.
    missing : mapping of str to str, optional
        As `failed_imports` gives it.
    """
    unknown = re.match(rf"name '({_NAME})' is not defined", fault.message, re.ASCII)
    if missing and fault.type == "NameError" and unknown and unknown[1] in missing:
        return missing[unknown[1]]
    if fault.type == "MemoryError" and not fault.line:  # Python's parser: nothing of the cell had begun to run
        return _TOO_DEEP
    for kind, pattern, sentence in _SENTENCES:
        match = re.match(pattern, fault.message, re.ASCII) if kind in {"", fault.type} else None
        if match and all(_may_be_shown(group, cells) for group in match.groups()):
            return sentence.format(*match.groups())
    builtin = getattr(builtins, fault.type, None)
    known = isinstance(builtin, type) and issubclass(builtin, BaseException)
    return f"It raised {fault.type if known else 'an exception'}."


def _may_be_shown(text: str, cells: Mapping[int, str]) -> bool:
    if not re.fullmatch(_NAME, text, re.ASCII) or text in _TYPES:
        return True  # a shape, a count, or a type of Python's or numpy's
    return any(re.search(rf"\b{text}\b", source) for source in cells.values())


def line_of(fault: Fault, cells: Mapping[int, str]) -> str:
    """Return the student's own line where it happened, as ``line 14: y = np.dot(Wy, a)``; empty where not known.

    The text is the host's own copy of the cell, whatever the guest said.
    """
    lines = cells.get(fault.cell, "").split("\n")
    line = lines[fault.line - 1].strip() if 1 <= fault.line <= len(lines) else ""
    return f"line {fault.line}: {line[:200]}" if line else ""
