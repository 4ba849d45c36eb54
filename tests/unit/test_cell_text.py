"""The text of a cell as it is run: what a paste or a tool has put around it is gone, and its lines stay in place."""

import ast

import pytest

from autograder import cell_text, notebook

FUNCTION = "def f(x):\n    y = x\n\n    return y\n"


def _indented(text, blanks="    "):
    return "".join(blanks + line if line.strip() else line for line in text.splitlines(keepends=True))


@pytest.mark.parametrize(
    "text",
    [
        _indented(FUNCTION),
        _indented(FUNCTION, " "),
        _indented(FUNCTION, "\t"),
        "# a comment at the margin\n\n# and another\n" + _indented(FUNCTION),
        "\n\n" + _indented("# a comment\n" + FUNCTION),
        _indented(FUNCTION) + "# a comment at the margin below\n",
        _indented("import math\n@twice\n" + FUNCTION),
        _indented(FUNCTION.replace("y = x", "y = '''\n  a text that is indented less'''")),
        "".join(f"{'>>>' if line.startswith('def') else '...'} {line}" for line in FUNCTION.splitlines(keepends=True)),
        "# UNQ_C1\n>>> def f(x):\n...     return x\n...\n",
        ">>> def f(x):\n        return x\n",
        "  >>> def f(x):\n  ...     return x\n",
        ">>> 1 + 1\n2 is printed\n>>> def f(x):\n...     return x\n>>> f(1)\nan output that is no Python\n",
        "In [3]: def f(x):\n   ...:     return x\n   ...: \n\nOut[3]: no Python\n",
        "In[12]: def f(x): return x",
        "%%time\n" + FUNCTION,
        "\n  %%prun -s cumulative\n" + FUNCTION,
        "%%snakeviz\n%%time\n" + FUNCTION,
        "%%a_magic_of_some_package --option\n%matplotlib inline\n" + FUNCTION,
        "%%time\n" + _indented(FUNCTION),
        _indented("%%time\n" + FUNCTION),
    ],
)
def test_what_is_around_the_code_is_taken_away(text):
    """Indentation, prompts, outputs, magics that change nothing: what is left is Python, and defines the function."""
    found = cell_text.runnable(text)
    tree = notebook.parse_code(found)
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["f"]
    lines, before = found.split("\n"), text.split("\n")
    assert len(lines) == len(before)
    assert all(line.strip() in old for line, old in zip(lines, before, strict=True))
    assert not cell_text.is_plain(text)
    assert cell_text.runnable(found) == found


@pytest.mark.parametrize(
    "text",
    [
        FUNCTION,
        "x = 1   \n\n",
        "  \n  \n%time x = 1\n!ls\n",
        "def f(x):\n    '''Return it.\n\n>>> f(1)\n1\n'''\n    return x\n",
        "x = (",
        _indented("x = ("),
        ">>> x = (\n",
        "x = 1\n" + _indented(FUNCTION),
        "%%capture out\n" + FUNCTION,
        "%%timeit\n" + FUNCTION,
        "%%writefile own.py\n" + FUNCTION,
        "%%bash\nls",
        "%%html\n<b>",
        "%%unknown\nno Python at all",
        "# UNQ_C1\n%%time\n" + FUNCTION,
        "#" * notebook.PARSE_CAP + "\n" + _indented(FUNCTION),
        "",
        "   ",
    ],
)
def test_other_cells_are_run_as_they_are(text):
    """What is Python as it stands, or would not be without its indentation either, is not touched."""
    assert cell_text.runnable(text) == text


@pytest.mark.parametrize(
    ("text", "magic"),
    [
        ("%%timeit\nx", "%%timeit"),
        ("\n %%writefile a.py\nx", "%%writefile"),
        ("%%time\n%%bash\nx", "%%bash"),
        ("%%cython\ncdef int x", "%%cython"),
        ("%%time\nx", None),
        ("%%capture\nx", None),
        ("%timeit x", None),
        ("x", None),
        ("%%" + "a" * 1000 + "\nx (", "%%" + "a" * 40),
    ],
)
def test_magics_that_keep_nothing(text, magic):
    """A magic is named where the names that its cell binds are lost, and only there."""
    found = cell_text.magic_that_keeps_nothing(cell_text.runnable(text))
    assert (found and found[0]) == magic


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("%%writefile own.py\nx", "own"),
        ("%%writefile -a own.py\nx", "own"),
        ("%%file ./lib/own.py\nx", "own"),
        ("\n%%writefile /content/own.py\nx", "own"),
        ("%%writefile 'own.py'\nx", "own"),
        ("%%writefile own.txt\nx", ""),
        ("%%writefile\nown.py", ""),
        ("# %%writefile own.py\nx", ""),
    ],
)
def test_modules_that_are_written(text, module):
    """The module has the file's name, in whatever folder it is written."""
    assert cell_text.written_module(text) == module


def test_files_that_are_run():
    """Each ``%run`` of a cell is seen."""
    assert cell_text.modules_run("%run own.py\n  %run -i lib/other\nx = '%run no.py'\n# %run no.py") == ["own", "other"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "\n" * 1_000_000,
        " " * 1_000_000,
        "#\n" * 500_000 + " x",
        ">>>" * 300_000,
        ">>> \n" * 250_000,
        "    >>> (\n" * 5_000,
        " " + "x\n " * 30_000,
        "%%" * 500_000,
        "%%x\n" * 16_000,
        "%%x\n" * 4 + "(" * 60_000,
        "%%writefile " + "/" * 60_000,
        "%run " + "-a " * 300_000,
        "%run " + "/" * 1_000_000,
        "%run\n" * 200_000,
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_time_is_bounded(text):
    """The longest cells of the worst kind are dealt with in a moment."""
    found = cell_text.runnable(text)
    cell_text.is_plain(text)
    cell_text.magic_that_keeps_nothing(found)
    cell_text.written_module(text)
    cell_text.modules_run(text)
