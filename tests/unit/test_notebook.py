"""Whatever bytes a student hands in, they are read as a notebook or refused with a sentence; nothing else happens."""

import copy
import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder import notebook
from autograder.errors import SubmissionError
from autograder.notebook import Cell, parse, parse_code, read_bytes
from autograder.sandbox import wire

REAL = Path(__file__).parents[2] / "source" / "rnn_step_by_step" / "rnn_step_by_step.ipynb"


def _code(source, **nbgrader):
    metadata = {"nbgrader": nbgrader} if nbgrader else {}
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def _document(*cells, **changes):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | changes


def _bytes(*cells, **changes):
    return json.dumps(_document(*cells, **changes)).encode()


def _sources(content):
    return [cell.source for cell in parse(content).cells]


def _refused(content):
    with pytest.raises(SubmissionError) as caught:
        parse(content)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------- the file


def test_bytes_of_a_plain_file(tmp_path):
    """A plain file is read as it is, to the last byte."""
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"\x00\xff\r\n")
    assert read_bytes(path) == b"\x00\xff\r\n"


def _folder(path):
    path.mkdir()


def _link(path):
    path.with_name("target").write_bytes(b"{}")
    path.symlink_to("target")


def _dangling_link(path):
    path.symlink_to("nowhere")


def _link_to_fifo(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def _link_to_itself(path):
    path.symlink_to(path.name)


def _in_a_file(path):
    path.parent.joinpath("file").write_bytes(b"")
    return path.parent / "file" / "a.ipynb"


def _too_long(path):
    return path.with_name("a" * 300)


def _open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.timeout(20)  # opening a FIFO waits for ever unless told otherwise
@pytest.mark.parametrize(
    ("make", "word"),
    [
        (_folder, "folder"),
        (os.mkfifo, "plain file"),
        (_link, "link"),
        (_dangling_link, "link"),
        (_link_to_fifo, "link"),
        (_link_to_itself, "link"),
        (lambda _: None, "There is no notebook `a.ipynb`"),
        (_in_a_file, "There is no notebook `a.ipynb`"),
        (_too_long, "cannot be opened"),
    ],
)
def test_what_is_no_plain_file_is_refused(tmp_path, make, word):
    """Folders, links of every kind and pipes are refused at once, by what they are."""
    path = make(tmp_path / "a.ipynb") or tmp_path / "a.ipynb"
    descriptors = _open_descriptors()
    with pytest.raises(SubmissionError, match=word):
        read_bytes(path)
    assert _open_descriptors() == descriptors


def test_device_is_refused():
    """A device is no notebook, and is not read at all: this one would never end."""
    with pytest.raises(SubmissionError, match="plain file"):
        read_bytes(Path("/dev/zero"))


def test_missing_file_of_a_hostile_name_is_refused(tmp_path):
    """The sentence about a missing file can be written anywhere, whatever the name."""
    with pytest.raises(SubmissionError) as caught:
        read_bytes(tmp_path / os.fsdecode(b"\xff.ipynb"))
    assert str(caught.value).encode("utf-8")


def test_size_is_capped(tmp_path, monkeypatch):
    """A file of exactly the cap is read, one byte more is refused, and never held in memory as a whole."""
    monkeypatch.setattr(notebook, "SIZE_CAP", 1 << 20)
    path = tmp_path / "a.ipynb"
    path.write_bytes(b" " * (1 << 20))
    assert len(read_bytes(path)) == 1 << 20
    os.truncate(path, 1 << 40)  # sparse: a terabyte on paper
    with pytest.raises(SubmissionError, match="larger than 1 MB"):
        read_bytes(path)


# --------------------------------------------------------------------------------------------- what is no notebook


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"I finished it, see my laptop.", "not valid JSON"),
        (b"%PDF-1.4", "not valid JSON"),
        (b"PK\x03\x04\xff\xfe", "UTF-8"),
        ('{"cells": []}'.encode("utf-16"), "UTF-8"),
        (b"\x00" * 100, "not valid JSON"),
        (b'{"cells": [', "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"(" * 100_000, "not valid JSON"),
        (b"-" * 100_000 + b"x", "not valid JSON"),
        (b"a" + b".b" * 20_000, "not valid JSON"),
        (b"42", "not a Jupyter notebook"),
        (b"null", "not a Jupyter notebook"),
        (b'"cells"', "not a Jupyter notebook"),
        (b"[]", "not a Jupyter notebook"),
        (b'{"answer": 42}', "not a Jupyter notebook"),
        (b'{"nbformat": 4}', "not a Jupyter notebook"),
        (b'{"nbformat": 4, "cells": {}}', "not a Jupyter notebook"),
        (b'{"nbformat": 4, "worksheets": []}', "not a Jupyter notebook"),
        (b'{"nbformat": 3, "cells": []}', "not a Jupyter notebook"),
        (b'{"nbformat": 3, "worksheets": 1}', "not a Jupyter notebook"),
        (b'{"nbformat": 2, "worksheets": []}', "not a Jupyter notebook"),
        (b'{"nbformat": "4", "cells": []}', "not a Jupyter notebook"),
        (b'{"nbformat": NaN, "cells": []}', "not a Jupyter notebook"),
        (b'{"nbformat": 4, "nbformat": 4, "cells": []}', "same key twice"),
        (b'{"nbformat": 4, "cells": [{"source": "a", "source": "b"}]}', "same key twice"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_sentence(content, word):
    """Every kind of wrong file is refused by name, and the sentence tells the student what to do."""
    sentence = _refused(content)
    assert word in sentence
    assert "ubmit" in sentence or "save it" in sentence


def test_too_many_cells_are_refused():
    """A notebook of a million cells is refused, quickly and without a score to count them."""
    started = time.perf_counter()
    assert "1000000 cells" in _refused(b'{"nbformat": 4, "cells": [' + b"0," * 999_999 + b"0]}")
    assert time.perf_counter() - started < 10


def test_too_much_code_is_refused():
    """A megabyte of code is refused, in one cell or in many."""
    for cells in ([_code("a" * (1 << 20) + "b")], [_code("#" * 1000)] * 1100):
        assert "million characters" in _refused(_bytes(*cells))


def test_tiny_values_by_the_million_are_refused_before_they_are_parsed():
    """Forty megabytes of empty lists would take a gigabyte of memory: they are counted first."""
    content = b'{"nbformat": 4, "cells": [], "x": [' + b"[]," * 13_000_000 + b"0]}"
    started = time.perf_counter()
    assert "five million values" in _refused(content)
    assert time.perf_counter() - started < 2


# ---------------------------------------------------------------------------------------------------- what is one


def test_cells_metadata_and_digest():
    """Code cells come in order with their place among all cells, their names, locks and points."""
    content = _bytes(
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        _code("x = 1", grade_id="UNQ_C1", locked=False, solution=True),
        {"cell_type": "raw", "metadata": {}, "source": "raw"},
        _code("check(x)", grade_id="test_UNQ_C1", locked=True, points=50),
    )
    read = parse(content)
    assert read.cells == (
        Cell(1, "x = 1", "UNQ_C1", locked=False, points=0.0),
        Cell(3, "check(x)", "test_UNQ_C1", locked=True, points=50.0),
    )
    assert read.sha256 == hashlib.sha256(content).hexdigest()
    assert read.notes == ()


@pytest.mark.parametrize("minor", range(6))
def test_every_minor_version_of_format_4(minor):
    """Formats 4.0 to 4.5 are read alike, with and without cell ids."""
    cell = _code(["a = 1\n", "b = 2"]) | ({"id": "one"} if minor == 5 else {})
    assert _sources(_bytes(cell, nbformat_minor=minor)) == ["a = 1\nb = 2"]


def test_format_3_is_read_with_a_note():
    """The old layout is read sheet by sheet, and the student is told how to bring it up to date."""
    old = {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "language": "python", "outputs": [], "collapsed": False}
    heading = {"cell_type": "heading", "level": 1, "source": "Title"}
    sheets = [{"cells": [heading, old]}, {"cells": [old | {"input": "c = 3"}]}]
    read = parse(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets}).encode())
    assert [(cell.index, cell.source) for cell in read.cells] == [(1, "a = 1\nb = 2"), (2, "c = 3")]
    assert "old format" in read.notes[0]


def test_damaged_worksheets_are_passed_over():
    """What is left of a damaged notebook of format 3 is still read."""
    good = {"cells": [{"cell_type": "code", "input": "a = 1"}]}
    sheets = [None, 3, [], {}, {"cells": None}, {"cells": {"0": 1}}, good]
    assert _sources(json.dumps({"nbformat": 3, "worksheets": sheets}).encode()) == ["a = 1"]


def test_damaged_cells_are_passed_over_and_told():
    """A cell that is no object, or has no text for its code, costs nothing but itself; the student hears of it."""
    broken = [None, 7, "x = 1", [], _code(5), _code(None), _code(["a", 1]), _code({"a": "b"})]
    read = parse(_bytes(_code("a = 1"), *broken, _code("b = 2")))
    assert [cell.source for cell in read.cells] == ["a = 1", "b = 2"]
    assert read.notes == (
        "Cell 2 of the notebook and 7 more could not be read: no text stands where its code should be.",
    )


def test_unknown_cell_types_are_no_damage():
    """Cells of other kinds are not code, and nothing needs to be said about them."""
    others = [{"cell_type": kind, "source": "x"} for kind in ("markdown", "raw", "heading", "new")] + [{}]
    assert parse(_bytes(*others)).cells == ()
    assert parse(_bytes(*others)).notes == ()


def test_code_cell_without_a_source_is_empty():
    """An empty code cell may lack its source altogether."""
    assert _sources(_bytes({"cell_type": "code"}, _code([]), _code(""))) == ["", "", ""]


def test_byte_order_mark_is_passed_over():
    """A byte order mark that an editor put before the notebook does no harm."""
    assert _sources(b"\xef\xbb\xbf" + _bytes(_code("a = 1"))) == ["a = 1"]


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_carriage_returns_become_line_ends(ends):
    """Code with the line ends of other systems is the same code, also where a list of lines splits a pair."""
    assert _sources(_bytes(_code(f"a = 1{ends}b = 2{ends}"))) == ["a = 1\nb = 2\n"]
    assert _sources(_bytes(_code(["a = 1\r", "\nb = 2"]))) == ["a = 1\nb = 2"]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1" * 1_000_000, "-" + "9" * 5_000, "1e400", "1" * 400])
def test_strange_numbers_outside_the_code_cost_nothing(value):
    """Numbers that JSON does not know, or that Python refuses to convert, may stand in outputs and counts."""
    cell = json.dumps(_code("a = 1")).replace('"execution_count": null', f'"execution_count": {value}')
    content = f'{{"nbformat": 4, "metadata": {{"x": {value}}}, "cells": [{cell}]}}'.encode()
    assert _sources(content) == ["a = 1"]


@pytest.mark.parametrize(
    ("points", "read"),
    [
        ("50", 50.0),
        ("2.5", 2.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("NaN", 0.0),
        ("Infinity", 0.0),
        ("1" + "0" * 350, 0.0),
        ("1" * 100_000, 0.0),
        ("true", 0.0),
        ('"50"', 0.0),
        ("[50]", 0.0),
        ("null", 0.0),
    ],
)
def test_points_are_a_positive_number_or_none(points, read):
    """Points that are no finite positive number are none at all; nothing else can come of forged metadata."""
    content = _bytes(_code("a", points="HERE")).replace(b'"HERE"', points.encode())
    assert [cell.points for cell in parse(content).cells] == [read]


@pytest.mark.parametrize("nbgrader", [None, 3, "locked", [], {"locked": 1, "grade_id": 5}, {"locked": "true"}])
def test_damaged_metadata_is_no_metadata(nbgrader):
    """A cell whose nbgrader metadata is not what it should be has no name and no lock."""
    cell = _code("a") | {"metadata": {"nbgrader": nbgrader}}
    assert parse(_bytes(cell)).cells == (Cell(0, "a"),)
    assert parse(_bytes(_code("a") | {"metadata": nbgrader})).cells == (Cell(0, "a"),)


def test_lone_surrogates_do_not_get_further():
    """Half an emoji in a comment, which no encoder can write, is replaced: the cell's function is still one."""
    content = b'{"nbformat": 4, "cells": [' + json.dumps(_code("HERE", grade_id="HERE")).encode() + b"]}"
    content = content.replace(b"HERE", rb"# \ud83d\ndef f(): return '\ud83d\ude00'")
    (cell,) = parse(content).cells
    assert cell.source.encode("utf-8").decode() == "# ?\ndef f(): return '\U0001f600'"
    assert cell.grade_id.encode("utf-8")
    assert parse_code(cell.source) is not None
    assert wire.pack({"source": cell.source})


@pytest.mark.parametrize("prefix", ["", "\ufeff", "!pip install \\\n   numpy\n%matplotlib inline\n?np\n"])
def test_plain_script_under_a_notebooks_name(prefix):
    """A plain Python script is read in pieces, with a note; its magic lines and line ends do not matter."""
    script = prefix + "import numpy as np\r\n\r\ndef f(x):\r\n    return x\r\n"
    read = parse(script.encode())
    assert "\n".join(cell.source for cell in read.cells) == script.lstrip("\ufeff").replace("\r\n", "\n")
    assert [cell.source for cell in read.cells][-1] == "def f(x):\n    return x\n"
    assert read.script
    assert "plain Python script" in read.notes[0]


def test_text_that_happens_to_be_python_is_no_script():
    """Words that Python could read, but without any function, are refused as what they are."""
    assert "not valid JSON" in _refused(b"finished = see_my_laptop")


def test_huge_scripts_are_not_parsed():
    """Megabytes that may be Python are not handed to a parser that would take gigabytes for them."""
    started = time.perf_counter()
    assert "not valid JSON" in _refused(b"def f(): pass\n" + b"a\n" * 10_000_000)
    assert time.perf_counter() - started < 5


# ---------------------------------------------------------------------------------------------------- syntax


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\ndef f(): pass",
        "!ls\n    \n?np\ndef f(): pass",
        "!pip install \\\n    numpy \\\n    scipy\ndef f(): pass",
        "%%time\ndef f(): pass",
        "if True:\n    !ls\ndef f(): pass",
    ],
)
def test_magic_lines_are_passed_over(source):
    """What IPython alone understands does not hide the Python beside it."""
    tree = parse_code(source)
    assert tree is not None
    assert getattr(tree.body[-1], "name", None) == "f"


@pytest.mark.parametrize("source", ["%%bash\ndef f(): pass", "\n%%html\n<p>", "%%writefile a.py\ndef f(): pass"])
def test_cells_of_other_languages_hold_no_statements(source):
    """A cell that IPython hands to something else defines nothing, whatever it looks like."""
    tree = parse_code(source)
    assert tree is not None
    assert tree.body == []


@pytest.mark.parametrize("source", ["def f(:", "cd '/content'", "a\0b", "(" * 300, "x = 1\n  y", "\ud800"])
def test_what_is_not_python_has_no_tree(source):
    """Half-written code is not an error of ours."""
    assert parse_code(source) is None


def test_strange_escapes_are_silent():
    """A deprecated escape in a student's string warns nobody (warnings are errors in this test)."""
    assert parse_code("a = '\\d' + '\\w'") is not None


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "source",
    [
        "\n" * (1 << 20),
        " \n" * (1 << 19) + "x = = 1",
        "f'" + "{a}" * 300_000 + "'",  # quadratic in Python's own parser: minutes, where it is tried
        "!" + "\\\n" * (1 << 19),
        "%" * (1 << 20),
        "a\n" * (1 << 19),
    ],
    ids=["blank lines", "blank lines, not Python", "f-string", "continued lines", "per cents", "statements"],
)
def test_time_to_parse_is_bounded(source):
    """The longest source that is read at all takes no more than a moment, whatever is in it."""
    started = time.process_time()
    parse_code(source)
    parse_code(source[: notebook.PARSE_CAP])
    assert time.process_time() - started < 5


def test_text_of_a_cell_ignores_what_editors_change():
    """Trailing blanks and blank lines around a cell do not make it another one; anything else does."""
    assert Cell(0, "\n\na = 1  \n\tb = 2\t\n\n").text == Cell(0, "a = 1\n\tb = 2").text
    assert Cell(0, "a = 1\n b = 2").text != Cell(0, "a = 1\nb = 2").text
    assert Cell(0, "a = '\x0c'").text != Cell(0, "a = '\n'").text


# ---------------------------------------------------------------------------------------------------- anything at all


def _is_sound(content):
    """Read it; what comes out is well formed, and nothing but a `SubmissionError` may be raised."""
    try:
        read = parse(content)
    except SubmissionError as error:
        refusal = str(error)
    else:
        refusal = ""
        _is_well_formed(read)
    assert refusal.isprintable()
    assert not refusal or refusal.endswith(".")


def _is_well_formed(read):
    assert [cell.index for cell in read.cells] == sorted({cell.index for cell in read.cells})
    for cell in read.cells:
        assert "\r" not in cell.source
        assert wire.pack({"source": cell.source, "name": cell.grade_id.encode("utf-8").decode()})
        assert cell.source.encode("utf-8").decode() == cell.source
        assert 0 <= cell.points < float("inf")
        parse_code(cell.source)
    assert all(note.isprintable() for note in read.notes)


@given(st.binary(max_size=300))
@example(b"\xff")
@example(b"def f(): pass")
def test_random_bytes(content):
    """Random bytes are read or refused."""
    _is_sound(content)


SURROGATES = st.text(st.characters(codec=None), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | SURROGATES
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SURROGATES, inner, max_size=4), max_leaves=12
)
WORDS = st.sampled_from(
    ["cells", "cell_type", "source", "input", "metadata", "nbgrader", "grade_id", "points", "locked"]
)
CELLS = st.dictionaries(WORDS, TREES | st.just("code"), max_size=8).map(lambda cell: {"cell_type": "code"} | cell)


@given(
    TREES | st.fixed_dictionaries({"nbformat": st.sampled_from([3, 4, 5]) | TREES, "cells": st.lists(CELLS) | TREES})
)
def test_random_trees(document):
    """Any JSON document, near to a notebook or far from one, is read or refused."""
    _is_sound(json.dumps(document).encode())


@given(
    st.fixed_dictionaries(
        {
            "nbformat": st.just(3),
            "worksheets": st.lists(TREES | st.fixed_dictionaries({"cells": st.lists(CELLS, max_size=4)}), max_size=4),
        }
    )
)
def test_random_worksheets(document):
    """So is anything that calls itself format 3."""
    _is_sound(json.dumps(document).encode())


def _places(node, path=()):
    yield path
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _places(child, (*path, key))


DOCUMENT = json.loads(REAL.read_bytes()) | {"metadata": {}}
DOCUMENT["cells"] = [cell for cell in DOCUMENT["cells"] if "attachments" not in cell][:30]
PLACES = [place for place in _places(DOCUMENT) if place]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), TREES), min_size=1, max_size=3))
def test_mutated_real_notebook(mutations):
    """A real notebook with anything at all in any of its places is read or refused."""
    document = copy.deepcopy(DOCUMENT)
    for (*way, last), value in mutations:
        node = document
        try:
            for key in way:
                node = node[key]
            node[last] = value
        except (KeyError, IndexError, TypeError):  # an earlier mutation took this place away
            continue
    _is_sound(json.dumps(document).encode())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_real_notebook_with_damaged_bytes(data):
    """A real notebook that a download cut or a merge broke is read or refused."""
    content = bytearray(json.dumps(DOCUMENT).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 5_000, len(content))))
        content[start:stop] = data.draw(st.binary(max_size=50))
    _is_sound(bytes(content))


# ------------------------------------------------------------------------------------------------------------- depth


def _nested(levels):
    """Return a notebook with so many levels in all."""
    inner = b"[" * (levels - 2) + b"]" * (levels - 2)
    return b'{"nbformat":4,"nbformat_minor":5,"metadata":{"x":' + inner + b'},"cells":[]}'


def test_json_is_read_up_to_a_fixed_depth():
    """A hundred levels are read, and one more is refused: far below what Python's own parser would take."""
    assert parse(_nested(notebook.DEPTH_CAP)).cells == ()
    for levels in (notebook.DEPTH_CAP + 1, 500, 970, 5_000, 100_000):
        assert "nested too deeply" in _refused(_nested(levels))
    assert "nested too deeply" in _refused(b"[" * 101 + b"]" * 101)


def test_the_verdict_on_deep_json_does_not_depend_on_the_callers_depth():
    """What one process refuses, another one refuses too, however deep in its own calls it is."""

    def below(calls):
        return below(calls - 1) if calls else (_refused(_nested(150)), parse(_nested(90)).cells)

    assert below(0) == below(300)


def test_what_is_read_can_be_walked_and_written_again():
    """The deepest JSON that is accepted is no strain for anything that takes it up later."""
    document = notebook.document_of(_nested(notebook.DEPTH_CAP))
    assert copy.deepcopy(document) == document
    assert json.loads(json.dumps(document, indent=2)) == document


# ------------------------------------------------------------------------------- code cells whose type was changed


def _retyped(kind, source, **more):
    return {"cell_type": kind, "metadata": {}, "source": source} | more


def test_texts_that_may_be_code_are_kept():
    """A markdown or raw cell with nbgrader's metadata, or with a function in it, is kept with its place and ids."""
    marked = {"metadata": {"nbgrader": {"grade_id": "UNQ_C1"}}}
    read = parse(
        _bytes(
            _retyped("markdown", "# A title"),
            _retyped("raw", ["f = ", "lambda: 1"], id="abc", **marked),
            _code("x = 1"),
            _retyped("markdown", "def f():\r\n    pass", id=["no id"]),
        )
    )
    assert [cell.index for cell in read.cells] == [2]
    assert [(c.index, c.kind, c.source, c.grade_id, c.id) for c in read.texts] == [
        (1, "raw", "f = lambda: 1", "UNQ_C1", "abc"),
        (3, "markdown", "def f():\n    pass", "", ""),
    ]


@pytest.mark.parametrize("source", [None, 3, ["def f", 4], {"def ": 1}, "def " * notebook.PARSE_CAP])
@pytest.mark.parametrize("kind", ["markdown", "raw", "heading", None, ["code"], 7])
def test_texts_of_any_kind_do_no_harm(kind, source):
    """What is no text, no kind, or too long to be parsed is passed over."""
    read = parse(_bytes(_retyped(kind, source, metadata={"nbgrader": {"grade_id": "UNQ_C1"}}), _code("x = 1")))
    assert (read.texts, [cell.source for cell in read.cells], read.notes) == ((), ["x = 1"], ())
