"""An exception becomes one plain sentence, and its message never carries more than names and shapes to a page."""

import builtins
import itertools
import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.explain import explain, line_of
from autograder.sandbox.session import Fault

NONE = "Something here is still `None`: a placeholder is left, or a function does not return."

MODULE = "The module `google_colab` is not there while grading; what the course needs is imported already."
CALLED = "A value of type `{}` is called like a function: square brackets take an entry, round ones call."
JOINED = (
    "all the input array dimensions for the concatenation axis must match exactly, but along dimension 0, "
    "the array at index 0 has size 2 and the array at index 1 has size 3"
)
PRODUCT = (
    "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
    "(n?,k),(k,m?)->(n?,m?) (size 2 is different from 3)"
)

# Code that raises, here and now, in the Python and numpy that run this test; and the sentence about it.
REAL = [
    ("return Wy", "`Wy` is not defined inside this function. If it worked in your notebook, another cell had set it."),
    ("x = x + 1", "`x` is used before it has been given a value."),
    ("def g():\n    return y\ng()\ny = 1", "`y` is used before it has been given a value."),
    ("{'Wa': 1}['Wb']", "There is no key `'Wb'` in the dictionary that this line reads."),
    ("{}[3]", "It raised KeyError."),
    ("np.tanhh(1)", "numpy has no `tanhh`: newer versions removed it, or it is misspelt."),
    ("np.infty", "numpy has no `infty`: newer versions removed it, or it is misspelt."),
    ("[].shape", "A value of type `list` has no `shape`."),
    ("np.ones(2).push(3)", "A value of type `ndarray` has no `push`."),
    ("import google_colab", MODULE),
    ("import google_colab.drive", MODULE),
    ("None.shape", NONE),
    ("None[0]", NONE),
    ("None + 1", NONE),
    ("a, b = None", NONE),
    ("len(None)", NONE),
    ("for t in range(None):\n    pass", NONE),
    ("np.tanh(None)", NONE),
    ("np.dot(None, 1.0)", NONE),
    ("np.zeros((None, 3))", NONE),
    ("np.dot(np.ones((2, 3)), np.ones((2, 3)))", "A product of shapes (2,3) and (2,3) does not exist."),
    ("np.ones((5, 3)) @ np.ones((2, 4))", "The shapes of this product do not fit: an axis of 3 meets one of 2."),
    ("np.ones((2, 3)) + np.ones((2, 4))", "Arrays of shapes (2,3) and (2,4) cannot be combined entry by entry."),
    ("a = np.ones((2, 3))\na += np.ones((4, 2, 3))", "An array of shape (2,3) cannot take a result of shape (4,2,3)."),
    ("a = np.ones((2, 3))\na[:, 0] = np.ones((5, 2))",
     "An array of shape (5,2) does not fit into a place of shape (2,)."),
    ("np.concatenate([np.ones((2, 3)), np.ones((3, 4))])",
     "The arrays to be joined do not fit: along axis 1, one has 3 entries and the other 4."),
    ("np.concatenate([np.ones((2, 3)), np.ones(3)])", "The arrays to be joined have different numbers of axes."),
    ("np.ones(6).reshape(4, 2)", "An array of 6 entries cannot take the shape (4,2)."),
    ("np.zeros(3)[:] = [[1, 2], 3]", None),
    ("a = np.zeros(3)\na[0] = [1, 2]", "A single entry of an array is given several values."),
    ("if np.ones(3):\n    pass", "An array of several values is used where one yes or no is needed."),
    ("a, b = 1, 2, 3", "There are too many values for the names on the left."),
    ("a, b, c = np.ones((2, 2))", "There are not enough values for the names on the left."),
    ("def g(a, b): pass\ng(1)", "`g` is called with other arguments than its first line asks for."),
    ("def g(a, b): pass\ng(1, 2, 3)", "`g` is called with other arguments than its first line asks for."),
    ("def g(a): pass\ng(1, a=2)", "`g` is called with other arguments than its first line asks for."),
    ("def g(a): pass\ng(b=2)", "A function is called with a keyword that it does not know."),
    ("np.zeros(2, 3)", "The sizes of a new array go in as one tuple, in parentheses of their own."),
    ("a = np.ones(3)\na(0)", CALLED.format("ndarray")),
    ("a = (1, 2)\na(0)", CALLED.format("tuple")),
    ("a = 1.5\na[0]", "A value of type `float` is used as if it held several values."),
    ("len(3)", "A value of type `int` is used as if it held several values."),
    ("for t in 3:\n    pass", "A value of type `int` is used as if it held several values."),
    ("range((1, 2))", "A value of type `tuple` is used where one whole number is needed."),
    ("a = (1, 2)\na[0] = 3", "A value of type `tuple` cannot be changed entry by entry."),
    ("a = [1]\na[:, 0]", "A list takes one whole number as its index: it is not an array, and has no second axis."),
    ("a = (1,)\na['x']", "A tuple takes one whole number as its index: it is not an array, and has no second axis."),
    ("math.tanh(np.ones(3))", "A whole array is used where one number is needed; numpy's own functions take arrays."),
    ("range(np.ones(3))", "An array is used where one whole number is needed."),
    ("a = np.zeros(3, int)\na += 0.5",
     "The array that takes this result holds another kind of number: whole numbers cannot keep fractions."),
    ("np.ones(3) + 'a'", "numpy is given values that it cannot calculate with, such as text or objects."),
    ("np.tanh('a')", "numpy is given values that it cannot calculate with, such as text or objects."),
    ("np.ones((2, 3))[:, :, 0]", "There are more indices than the array has axes."),
    ("np.ones(3)[0.5]", "An index must be a whole number or a slice."),
    ("np.ones(3)[5]", "An index lies outside its array or list."),
    ("[1][4]", "An index lies outside its array or list."),
    ("np.float64(3)[0]", "A single number is used as if it were an array."),
    ("np.ones(3).sum(axis=2)", "An axis is named that the array does not have."),
    ("raise NotImplementedError('canary')", "This part has not been written yet."),
    ("def g(): g()\ng()", "The function calls itself without end."),
    ("exec('x = = 1')", "Python cannot read this cell: look at this line and the one before it."),
    ("exec('if 1:\\npass')", "The indentation is not right here."),
    ("exec('if 1:\\n\\tpass\\n        pass')", "The indentation is not right here: tabs and blanks are mixed."),
    ("math.exp(1000)", "A number grows too large here."),
    ("1 / 0", "Something is divided by zero."),
    ("assert False, 'canary'", "It raised AssertionError."),
    ("raise ValueError('canary')", "It raised ValueError."),
    ("open('/canary')", "It raised FileNotFoundError."),
    ("class Canary(Exception): pass\nraise Canary('canary')", "It raised an exception."),
    ("np.linalg.inv(np.ones((2, 2)))", "It raised an exception."),
]  # fmt: skip


def _fault_of(code):
    """Run code inside a function, as a student's is, and describe what it raises as a guest does."""
    body = "\n".join("    " + line for line in code.splitlines())
    space = {"np": np, "math": math}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python remarks on some of this code when it is compiled
        exec(f"def student():\n{body}", space)  # noqa: S102
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            space["student"]()
    return Fault(type(caught.value).__name__, str(caught.value)[:300], 0, 1)


@pytest.mark.parametrize(("code", "sentence"), [row for row in REAL if row[1]], ids=lambda text: str(text)[:40])
def test_real_exceptions(code, sentence):
    """What Python and numpy really say becomes the sentence that helps; text of the student's own never shows."""
    said = explain(_fault_of(code), {0: code})
    assert said == sentence
    assert "canary" not in said


# What other versions of Python and numpy say, in their own words, where they differ from the ones at hand.
OTHER_VERSIONS = [
    ("NameError", "name 'np' is not defined. Did you forget to import 'np'?", "`np` is not defined inside"),
    ("UnboundLocalError", "cannot access local variable 'a' where it is not associated with a value", "`a` is used"),
    ("RecursionError", "maximum recursion depth exceeded during ast construction", "Python cannot read this cell"),
    ("RecursionError", "maximum recursion depth exceeded during compilation", "Python cannot read this cell"),
    ("RecursionError", "maximum recursion depth exceeded while traversing 'expr' node", "Python cannot read this cell"),
    ("RecursionError", "maximum recursion depth exceeded in comparison", "The function calls itself"),
    ("MemoryError", "", "Python cannot read this cell"),  # with no line of the cell's: from the parser
    ("ValueError", "too many values to unpack (expected 2, got 3)", "There are too many values"),
    ("TypeError", "outer.<locals>.inner() missing 1 required positional argument: 'a'", "`inner` is called"),
    ("TypeError", "Cell.step() takes 2 positional arguments but 3 were given", "`step` is called"),
    ("TypeError", "f() got an unexpected keyword argument 'axs'. Did you mean 'axis'?", "A function is called with a"),
    ("TypeError", "only length-1 arrays can be converted to Python scalars", "A whole array is used"),
    ("TypeError", "only size-1 arrays can be converted to Python scalars", "A whole array is used"),
    (
        "AttributeError",
        "module 'numpy' has no attribute 'float'.\n`np.float` was a deprecated alias for the builtin `float`.",
        "numpy has no `float`",
    ),
    ("AttributeError", "module 'numpy' has no attribute 'concatenat'. Did you mean: 'concatenate'?", "numpy has no"),
    (
        "ValueError",
        JOINED,
        "The arrays to be joined do not fit: along axis 0, one has 2 entries and the other 3.",
    ),
    (
        "ValueError",
        PRODUCT,
        "The shapes of this product do not fit: an axis of 3 meets one of 2.",
    ),
    ("AxisError", "axis 2 is out of bounds for array of dimension 2", "An axis is named"),
]


@pytest.mark.parametrize(("kind", "message", "beginning"), OTHER_VERSIONS)
def test_other_versions(kind, message, beginning):
    """The wording of other versions is understood as well."""
    assert explain(Fault(kind, message), {0: message}).startswith(beginning)


# --------------------------------------------------------------------------------------- what a message may carry

BUILTIN_EXCEPTIONS = [
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
]
KINDS = st.sampled_from([*BUILTIN_EXCEPTIONS, "AxisError", "UFuncTypeError", "LinAlgError"]) | st.text(max_size=30)
FORGED = "0.61803398874989,-1.41421356,canary canary canary canary canary"

# Where a message has room for something of the student's choosing.
MESSAGES = [
    "name '{}' is not defined",
    "cannot access free variable '{}'",
    "cannot access local variable '{}'",
    "'{}'",
    "module 'numpy' has no attribute '{}'",
    "`np.{}` was removed",
    "{} NoneType",
    "'NoneType' {}",
    "'{}' object has no attribute '{}'",
    "No module named '{}'",
    "shapes ({}) and ({}) not aligned",
    "matmul: {} (size {} is different from {})",
    "operands could not be broadcast together with shapes ({}) ({})",
    "non-broadcastable output operand with shape ({}) doesn't match the broadcast shape ({})",
    "could not broadcast input array from shape ({}) into shape ({})",
    "all the input array dimensions {} along dimension 1, {} has size {} and {} has size {}",
    "cannot reshape array of size {} into shape ({})",
    "setting an array element with a sequence {}",
    "too many values to unpack {}",
    "{}() takes {}",
    "{}.<locals>.f() missing {}",
    "{} unexpected keyword argument {}",
    "Cannot interpret '{}' as a data type",
    "'{}' object is not callable",
    "{} indices must be integers or slices",
    "object of type '{}' has no len",
    "'{}' object cannot be interpreted as an integer",
    "Cannot cast ufunc '{}' output",
    "{}",
]


def _explained(kind, message):
    """Explain a message whose every word stands in the student's own cell."""
    return explain(Fault(kind, message), {0: message})


@pytest.mark.parametrize("template", [message for message in MESSAGES if "'{}'" in message or "`np.{}`" in message])
def test_a_name_that_the_student_has_not_written_does_not_show(template):
    """A name made at run time could carry a hidden input's digits: it is shown only if it stands in a cell."""
    for kind in BUILTIN_EXCEPTIONS:
        assert "x31415926" not in explain(Fault(kind, template.replace("{}", "x31415926")), {0: "y = x3141592"})


@given(KINDS, st.sampled_from(MESSAGES))
def test_text_of_a_student_never_shows(kind, template):
    """A message forged to look like Python's own, with other text in the place of its names, shows nothing of it."""
    said = _explained(kind, template.replace("{}", FORGED))
    assert "canary" not in said
    assert not re.search(r"\d", said.replace("axis 1", ""))


@pytest.mark.parametrize(
    "digits", ["6180339", "618033988749", "6180339,8874989", "618033988749894848204586834365638117720"]
)
def test_long_numbers_never_show(digits):
    """Nor does a number that is too long to be a size: a hidden input written out in digits."""
    for template, kind in itertools.product(MESSAGES, [*BUILTIN_EXCEPTIONS, "AxisError", "UFuncTypeError"]):
        said = _explained(kind, template.replace("{}", digits))
        assert max(map(len, re.findall(r"\d+", said)), default=0) <= 6


@pytest.mark.parametrize("template", [message for message in MESSAGES if "'{}'" in message])
def test_names_in_other_scripts_are_not_shown(template):
    """A message comes over the wire as ASCII; a name that is none did not come from Python's own words."""
    for kind in BUILTIN_EXCEPTIONS:
        assert _explained(kind, template.replace("{}", "aéa")).isascii()


@given(KINDS, st.sampled_from(MESSAGES), st.text(max_size=300))
def test_any_message_becomes_one_short_sentence(kind, template, text):
    """Whatever the guest claims, the sentence is ours: plain, printable, ended, and short."""
    said = _explained(kind, template.replace("{}", text)[:300])
    assert said.isprintable()
    assert said.endswith(".")
    assert len(said) <= 200
    for name in re.findall(r"`'?([^`']*)'?`", said):
        assert re.fullmatch(r"\w{1,31}", name)


@given(st.text(max_size=80))
def test_type_of_a_students_exception_never_shows(name):
    """An exception that Python does not have is called an exception: its name is the student's to choose."""
    said = explain(Fault(name, ""), {})
    if name not in BUILTIN_EXCEPTIONS:
        assert not name or name in {"AxisError", "UFuncTypeError"} or said == "It raised an exception."


@pytest.mark.parametrize("name", ["int", "print", "__name__", "object", "type"])
def test_names_of_python_that_are_no_exceptions(name):
    """Only an exception is raised."""
    assert explain(Fault(name, ""), {}) == "It raised an exception."


# ---------------------------------------------------------------------------------------------------- the line

CELLS = {3: "def f(x):\n    return Wy @ x\n\n", 4: "\n\n  y = '" + "a" * 500 + "'"}


@pytest.mark.parametrize(
    ("cell", "line", "shown"),
    [
        (3, 1, "line 1: def f(x):"),
        (3, 2, "line 2: return Wy @ x"),
        (3, 3, ""),
        (4, 3, "line 3: y = '" + "a" * 195),
        (4, 0, ""),
        (4, -1, ""),
        (3, 5, ""),
        (3, 1 << 30, ""),
        (5, 1, ""),
        (-1, 1, ""),
    ],
)
def test_line_is_the_students_own(cell, line, shown):
    """The line is quoted from our copy of the cell, cut to a length; a place that is not there gives none."""
    assert line_of(Fault("NameError", "x", cell, line), CELLS) == shown


def test_lines_are_counted_as_python_counts():
    """A form feed or a Unicode line separator inside a line does not begin another one."""
    source = "a = '\x0c\u2028\x85'\nb = 1"
    assert line_of(Fault("X", "", 0, 2), {0: source}) == "line 2: b = 1"
