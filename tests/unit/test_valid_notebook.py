"""Whatever is read as a notebook becomes an autograded notebook that nbformat accepts."""

import copy
import json
import string

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import autograded, notebook
from autograder.errors import SubmissionError
from autograder.model import ExerciseResult, Outcome, Provenance, Report, Status

NAME = "rnn_step_by_step"
PROVENANCE = Provenance("0.1.0", "feed", "c0ffee", "key", "namespaces", "3.11.9", "2.4.0")


def _report(*cells):
    """Return the report of a submission whose answers stand in these cells."""
    results = tuple(
        ExerciseResult(f"UNQ_C{number}", f"f{number}", 1.0, 2.0, Outcome.FAILED, (), feedback="Not yet.", cell=cell)
        for number, cell in enumerate(cells, 1)
    )
    return Report(NAME, "ada", Status.GRADED, 2.0, 4.0, results, PROVENANCE)


@pytest.fixture(scope="module")
def release(course):
    """Return a release notebook."""
    return autograded.release_notebook(course.root, NAME)


def _made(document, release, report=None):
    """Return what becomes of a document; nbformat has accepted it."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    written = autograded.from_bytes(content, release, report or _report(0, 1))
    made = json.loads(written)
    nbformat.validate(copy.deepcopy(made))
    assert len({cell["id"] for cell in made["cells"] if "id" in cell}) in {0, len(made["cells"])}
    return made


V3 = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}}
CODE_3 = {"cell_type": "code", "language": "python", "input": "x = 1", "outputs": [], "metadata": {}}


@pytest.mark.parametrize(
    "document",
    [
        {"nbformat": 3, "nbformat_minor": [], "worksheets": []},
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code"}]}]},
        V3 | {"worksheets": [{"cells": [CODE_3, {}]}]},
        V3 | {"worksheets": [{"cells": [{k: v for k, v in CODE_3.items() if k not in {"metadata", "outputs"}}]}]},
        V3 | {"worksheets": [None, {"cells": 3}, {"cells": [1, None, [], "x", CODE_3]}]},
        V3 | {"metadata": [], "worksheets": [{"cells": [{"cell_type": "heading", "level": 10**9, "source": "a\nb"}]}]},
        {"nbformat": 4, "cells": []},
        {"nbformat": 4, "nbformat_minor": [], "cells": [{"cell_type": "code"}]},
        {"nbformat": 4, "nbformat_minor": 99, "metadata": None, "cells": [{"cell_type": "raw", "extra": 1}]},
        {"nbformat": 4, "nbformat_minor": True, "cells": [{"cell_type": []}, 7, {"cell_type": "raw", "id": "a b"}]},
        {"nbformat": 4, "nbformat_minor": 5,
         "cells": [{"cell_type": "code", "id": name} for name in ("a", "a", "cell-1", "copy-1", 3)]},
        {"nbformat": 4, "nbformat_minor": 2, "cells": [{"cell_type": "code", "id": "a"}], "extra": {}},
        {"nbformat": 4.0, "metadata": {"kernelspec": [], "language_info": {}, "title": 3, "authors": 1, "x": None},
         "cells": []},
        {"nbformat": 4, "cells": [{"cell_type": "markdown", "attachments": {"a": {"image/png": 3}}, "source": 3}]},
        {"nbformat": 4, "cells": [
            {"cell_type": kind, "metadata": {"tags": ["a", "a"], "name": "", "jupyter": 1, "execution": {"a": 1},
             "collapsed": 3, "scrolled": 1, "format": [], "nbgrader": {"grade_id": []}}, "source": ["a", "b"]}
            for kind in ("code", "raw", "markdown")]},
        # a cell that claims to be a released one, of another type
        {"nbformat": 4, "cells": [{"cell_type": "markdown", "attachments": {},
                                   "metadata": {"nbgrader": {"grade_id": "test_UNQ_C1"}, "collapsed": "x"}}]},
        b'{"nbformat": 4, "metadata": {"x": ' + b"9" * 5000 + b', "y": NaN}, "cells": []}',
        {"nbformat": 4, "cells": [{"cell_type": "code", "source": "\ud800"}]},
    ],
)  # fmt: skip
def test_odd_notebooks_become_valid_ones(document, release):
    """Whatever is missing, of another type or too much is mended, in format 4 and in format 3."""
    _made(document, release)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.sampled_from(["", "code", "a\nb", "UNQ_C1"])
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading", "html"]) | JSON,
        "source": st.text(max_size=9) | st.lists(st.text(max_size=4), max_size=2) | JSON,
        "input": JSON,
        "level": JSON,
        "id": st.text(string.ascii_letters, min_size=1, max_size=2) | JSON,
        "metadata": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                key: JSON | st.just({"grade_id": "UNQ_C1", "grade": True}) | st.just({"grade_id": "test_UNQ_C1"})
                for key in ("nbgrader", "tags", "name", "jupyter", "execution", "collapsed", "scrolled", "format")
            },
        ),
        "outputs": JSON,
        "attachments": JSON | st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=20), JSON)),
        "execution_count": JSON,
        "other": JSON,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"nbformat": st.sampled_from([3, 4])},
    optional={
        "nbformat_minor": st.integers(-1, 7) | JSON,
        "metadata": JSON
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(("kernelspec", "language_info", "title", "authors", "orig_nbformat", "name"), JSON),
        ),
        "cells": st.lists(CELLS | JSON, max_size=4) | JSON,
        "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(CELLS | JSON, max_size=3)}) | JSON, max_size=2),
        "other": JSON,
    },
)


@settings(max_examples=300)
@given(document=DOCUMENTS, cells=st.tuples(st.integers(-1, 4), st.integers(-1, 4)))
def test_every_notebook_that_is_read_becomes_a_valid_one(document, cells, course):
    """The reader and the writer agree on what a notebook is."""
    content = json.dumps(document).encode()
    release = autograded.release_notebook(course.root, NAME)
    try:
        read = notebook.parse(content)
    except SubmissionError:
        assert autograded.from_bytes(content, release, _report(*cells)) is None
        return
    made = _made(document, release, _report(*cells))
    assert len(made["cells"]) >= len(read.cells)


def test_format_3_is_converted_as_nbformat_does_it(release):
    """A notebook of the old format, valid in it, is the same as by nbformat's own conversion, but for its ids."""
    cells = [
        {"cell_type": "heading", "level": 2, "source": "A\nheading", "metadata": {}},
        {"cell_type": "markdown", "source": "text", "metadata": {"a": 1}},
        CODE_3 | {"prompt_number": 4, "collapsed": True, "metadata": {"b": [2]}},
        {"cell_type": "html", "source": "<b>b</b>", "metadata": {}},
        {"cell_type": "raw", "source": "raw", "metadata": {}},
    ]
    document = V3 | {
        "metadata": {"name": "old", "signature": "", "c": 3},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    made = _made(document, {"cells": []}, _report())
    theirs = json.loads(nbformat.writes(nbformat.reads(json.dumps(document), as_version=4)))
    for cell in (*made["cells"], *theirs["cells"]):
        del cell["id"]
        cell["source"] = "".join(cell["source"])
        cell.get("metadata", {}).pop("collapsed", None)
        if cell["cell_type"] == "code":
            cell["execution_count"] = None
    assert made == theirs


@pytest.mark.parametrize("content", [b"def f():\n    return 1\n", b"", b"[1]", b"{}", b'{"nbformat": 5}', b"\xff"])
def test_what_is_no_notebook_has_no_autograded_one(content, release):
    """A script is graded, and there is nothing that the formgrader could show."""
    assert autograded.from_bytes(content, release, _report()) is None


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"cells": 1}', '{"cells": [1]}', "[" * 100_000])
def test_a_release_that_cannot_be_read_is_none(text, tmp_path):
    """Then there is nothing to restore cells from, and no autograded notebooks."""
    folder = tmp_path / "release" / "rnn"
    folder.mkdir(parents=True)
    (folder / "rnn.ipynb").write_text(text)
    assert autograded.release_notebook(tmp_path, "rnn") is None
    assert autograded.release_notebook(tmp_path, "other") is None
