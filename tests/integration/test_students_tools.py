"""Students work where they like: what each tool makes of the release is found, and graded like the original.

Each maker imitates what a tool writes, byte for byte where that matters. Those of nbformat are the real thing; those of
Jupytext were held against version 1.19: a round trip through ``py:percent`` keeps every source, drops ids and outputs,
and keeps nbgrader's metadata unless a filter (``cell_metadata_filter: -all``) is set.
"""

import ast
import copy
import json
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator

import nbformat
import pytest

from autograder import demo, notebook, variants
from autograder.course import Course
from autograder.errors import SubmissionError
from autograder.grade import Grader
from autograder.model import Outcome, Report
from autograder.variants import Document, code_cell, grade_id, mapped, source_of

PICTURE = "iVBORw0KGgo" + "A" * 400_000
LOST = "The notebook has lost its markers and metadata; the functions were found by their names."


def with_outputs(document: Document) -> Document:
    """Return a notebook as it is after Run All: counts, printed lines, pictures, 0.8 MB in all."""
    counts = iter(range(1, 1_000))

    def run(cell: Document) -> Document:
        if cell["cell_type"] != "code":
            return cell
        count = next(counts)
        outputs = [
            {"name": "stdout", "output_type": "stream", "text": ["a next\n", "shape (5, 4)\n"]},
            {"data": {"text/plain": ["<Axes: >"]}, "execution_count": count, "metadata": {},
             "output_type": "execute_result"},
        ]  # fmt: skip
        if count <= 2:
            outputs.append({"data": {"image/png": PICTURE}, "metadata": {}, "output_type": "display_data"})
        return cell | {"execution_count": count, "outputs": outputs}

    return mapped(document, run)


def new_ids(document: Document, length: int = 8) -> Document:
    """Return a notebook in which every cell has another id."""
    draw = random.Random(1)  # noqa: S311  ids, not secrets
    return mapped(document, lambda c: c | {"id": "".join(draw.choices("0123456789abcdef", k=length))})


def kept(document: Document, *keys: str) -> Document:
    """Return a notebook with these keys of its cells' metadata and no others."""
    return mapped(document, lambda c: c | {"metadata": {k: v for k, v in c["metadata"].items() if k in keys}})


def jupyterlab(s: demo.Solutions) -> str:
    """JupyterLab 4: run, with the times of each cell recorded; written by nbformat, as its server does."""
    times = {"execution": {"iopub.execute_input": "2026-11-02T10:00:00.000000Z", "shell.execute_reply.started": "x"}}
    document = mapped(with_outputs(s.solved()), lambda c: c | {"metadata": {**c["metadata"], **times}})
    return str(nbformat.writes(nbformat.from_dict(document)))


def notebook_7(s: demo.Solutions) -> str:
    """Notebook 7: a cell whose properties were opened is given three keys, and headings are folded."""
    opened = {"editable": True, "slideshow": {"slide_type": ""}, "tags": [], "jp-MarkdownHeadingCollapsed": True}
    document = mapped(with_outputs(s.solved()), lambda c: c | {"metadata": {**opened, **c["metadata"]}})
    return str(nbformat.writes(nbformat.from_dict(document)))


def vscode(s: demo.Solutions) -> str:
    """VS Code today: other ids for what was touched, a language for each cell, no final newline."""
    document = new_ids(with_outputs(s.solved()))
    document = mapped(document, lambda c: c | {"metadata": {**c["metadata"], "vscode": {"languageId": "python"}}})
    return json.dumps(document, indent=1, ensure_ascii=False)


def vscode_2021(s: demo.Solutions) -> str:
    """VS Code of some years ago: format 4.2, no ids, its own key for the format, metadata of the cells dropped."""
    document = variants.without_metadata(with_outputs(s.solved()))
    extra = {"orig_nbformat": 4, "interpreter": {"hash": "0" * 64}}
    return json.dumps(document | {"metadata": {**document["metadata"], **extra}, "nbformat_minor": 2}, indent=2)


def _colab(document: Document) -> Document:
    draw = random.Random(2)  # noqa: S311
    run = {
        "executionInfo": {
            "status": "ok", "timestamp": 1_790_000_000_000, "user_tz": -60, "elapsed": 5,
            "user": {"displayName": "A Student", "userId": "00000000000000000000"},
        },
    }  # fmt: skip

    def change(cell: Document) -> Document:
        name = "".join(draw.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789_-", k=12))
        own = {**cell["metadata"], "id": name}
        if cell["cell_type"] == "code":
            own |= {**run, "colab": {"base_uri": "https://localhost:8080/"}, "outputId": "0-0-0-0-0"}
        return {k: v for k, v in cell.items() if k != "id"} | {"metadata": own}

    metadata = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    return mapped(document, change) | {"nbformat": 4, "nbformat_minor": 0, "metadata": metadata}


def colab(s: demo.Solutions) -> str:
    """Colab: format 4.0, its own ids inside the metadata, what it knows of a run; nbgrader's keys kept."""
    return json.dumps(_colab(with_outputs(s.solved())), ensure_ascii=False)


def colab_stripped(s: demo.Solutions) -> str:
    """Colab, pasted cell by cell into a new notebook: nothing of nbgrader is left, a drive is mounted first."""
    document = variants.with_cell(
        kept(s.solved()), "from google.colab import drive\ndrive.mount('/content/drive')\n%cd /content"
    )
    return json.dumps(_colab(document | {"cells": [document["cells"][-1], *document["cells"][:-1]]}))


def jupytext(s: demo.Solutions) -> str:
    """Jupytext, to a script and back: outputs and ids are gone, nbgrader's metadata is kept."""
    header = {"jupytext": {"text_representation": {"extension": ".py", "format_name": "percent"}}}
    document = new_ids(kept(s.solved(), "nbgrader", "deletable", "editable"))
    return json.dumps(document | {"metadata": {**document["metadata"], **header}}, indent=1)


def jupytext_filtered(s: demo.Solutions) -> str:
    """Jupytext where a filter drops the metadata of cells."""
    return json.dumps(new_ids(kept(s.solved())), indent=1)


def jupytext_script(s: demo.Solutions) -> str:
    """Jupytext's script itself, handed in under a notebook's name."""
    parts = ["# ---\n# jupyter:\n#   jupytext:\n#     text_representation:\n#       extension: .py\n# ---\n"]
    for cell in s.solved()["cells"]:
        if cell["cell_type"] == "code":
            marks = "".join(f" {key}={json.dumps(value)}" for key, value in cell["metadata"].items())
            parts.append(f"# %%{marks}\n{source_of(cell)}\n")
        else:
            parts.append("# %% [markdown]\n" + "".join(f"# {line}\n" for line in source_of(cell).splitlines()))
    return "\n".join(parts)


def nbformat_3(s: demo.Solutions) -> str:
    """Format 3, the old format, as nbformat itself converts to it."""
    # read with nbformat, which joins the lines of sources and outputs: conversion expects them so
    document = nbformat.reads(json.dumps(with_outputs(s.solved())), as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells about what the old format has no place for
        return json.dumps(nbformat.convert(document, 3))


def split(s: demo.Solutions) -> str:
    """Cells split: the comment that marks an exercise stays behind, alone in the cell above."""

    def cells() -> Iterator[Document]:
        for cell in s.solved()["cells"]:
            if grade_id(cell).startswith("UNQ_C"):
                head, function = source_of(cell).split("\n\n\n", 1)
                yield cell | {"source": head}
                yield code_cell(function)
            else:
                yield cell

    return json.dumps(s.solved() | {"cells": list(cells())})


def merged(s: demo.Solutions) -> str:
    """Both exercises, and a test between them, merged into one cell."""
    cells = {grade_id(c): c for c in s.solved()["cells"]}
    one = cells["UNQ_C1"] | {
        "source": "\n\n".join(source_of(cells[name]) for name in ("UNQ_C1", "test_UNQ_C1", "UNQ_C2"))
    }
    rest = [c for c in s.solved()["cells"] if grade_id(c) not in {"UNQ_C1", "test_UNQ_C1", "UNQ_C2"}]
    return json.dumps(s.solved() | {"cells": [*rest[:4], one, *rest[4:]]})


def moved(s: demo.Solutions) -> str:
    """All cells in the opposite order."""
    return json.dumps(s.solved() | {"cells": s.solved()["cells"][::-1]})


def renumbered(s: demo.Solutions) -> str:
    """Another count: the markers bear other numbers, the metadata is gone."""
    document = kept(s.solved())
    swapped = {"UNQ_C1": "UNQ_C7", "UNQ_C2": "UNQ_C8"}

    def change(cell: Document) -> Document:
        text = source_of(cell)
        for old, new in swapped.items():
            text = text.replace(old, new)
        return cell | {"source": text}

    return json.dumps(mapped(document, change))


def carriage_returns(s: demo.Solutions) -> str:
    """Windows line ends, in the file and in every source."""
    document = mapped(s.solved(), lambda c: c | {"source": source_of(c).replace("\n", "\r\n")})
    return json.dumps(document, indent=1).replace("\n", "\r\n")


def python_2(s: demo.Solutions) -> str:
    """Python 2 in a cell before the first exercise, and one of another language."""
    document = variants.with_cell(s.solved(), "print 'the shapes are', x.shape", before="UNQ_C1")
    return json.dumps(variants.with_cell(document, "%%bash\nls -l | head", before="UNQ_C2"))


MAKERS = (
    jupyterlab, notebook_7, vscode, vscode_2021, colab, colab_stripped, jupytext, jupytext_filtered, jupytext_script,
    nbformat_3, split, merged, moved, renumbered, carriage_returns, python_2,
)  # fmt: skip


def graded(grader: Grader, made: str | Document) -> Report:
    """Grade a notebook, given as text or as a document."""
    text = made if isinstance(made, str) else json.dumps(made)
    return grader.grade(text.encode(), "ada")


@pytest.mark.parametrize("make", MAKERS)
def test_every_tools_notebook_is_graded_alike(
    grader: Grader, solutions: demo.Solutions, make: Callable[[demo.Solutions], str]
) -> None:
    """The right solution earns everything, whatever tool has saved it."""
    report = graded(grader, make(solutions))
    assert report.score == report.max_score, report.notes
    assert [e.outcome for e in report.exercises] == [Outcome.PASSED, Outcome.PASSED]


@pytest.mark.parametrize("make", MAKERS)
def test_mistakes_are_found_through_every_tool(
    grader: Grader, solutions: demo.Solutions, make: Callable[[demo.Solutions], str]
) -> None:
    """A known mistake costs the same points and gets the same hint, whatever tool has saved it."""
    wrong = solutions.mistaken(UNQ_C1="softmax-over-rows")
    cells = {**solutions.cells, **{grade_id(c): source_of(c) for c in wrong["cells"] if grade_id(c) == "UNQ_C1"}}
    told = graded(grader, make(demo.Solutions(solutions.release, cells, solutions.assignment)))
    assert told.score == 80.0
    assert told.exercises[0].mistakes == ("softmax-over-rows",)
    assert told.exercises[1].outcome is Outcome.PASSED


def test_the_makers_make_what_they_say(solutions: demo.Solutions) -> None:
    """The imitations differ from the release where their tools do: else the tests above would show nothing."""
    large = json.loads(jupyterlab(solutions))
    assert len(json.dumps(large)) > 800_000
    assert json.loads(nbformat_3(solutions))["nbformat"] == 3
    assert "worksheets" in json.loads(nbformat_3(solutions))
    for make in (vscode_2021, colab_stripped, jupytext_filtered, renumbered):
        assert "nbgrader" not in make(solutions)
    for make in (jupyterlab, notebook_7, vscode, colab, jupytext, split, moved):
        assert make(solutions).count('"UNQ_C1"') >= 1
    for make in (jupyterlab, notebook_7, vscode, jupytext):
        nbformat.validate(json.loads(make(solutions)))
    assert "\r\n" in carriage_returns(solutions)
    assert "\\r\\n" in carriage_returns(solutions)
    ids = [{c.get("id") for c in json.loads(make(solutions))["cells"]} for make in (jupyterlab, vscode, jupytext)]
    assert not ids[0] & ids[1] - {None}
    assert not ids[0] & ids[2] - {None}


# ------------------------------------------------------------------------------------------- what is gone, is told


def without(document: Document, *names: str) -> Document:
    """Return a notebook without these cells."""
    return document | {"cells": [c for c in document["cells"] if grade_id(c) not in names]}


def test_a_notebook_as_it_should_be_hears_nothing(grader: Grader, solutions: demo.Solutions) -> None:
    """Where nothing is gone, nothing is said."""
    assert graded(grader, solutions.solved()).notes == ()


def test_test_cells_that_are_gone(grader: Grader, solutions: demo.Solutions) -> None:
    """A deleted test cell costs nothing, and the report says which it was."""
    one = graded(grader, without(solutions.solved(), "test_UNQ_C1"))
    both = graded(grader, without(solutions.solved(), "test_UNQ_C1", "test_UNQ_C2"))
    assert one.score == both.score == 100.0
    assert one.notes == ("The notebook has lost the test cells of `rnn_cell_forward`; the grade needs none of them.",)
    assert "`rnn_cell_forward`, `rnn_forward`" in both.notes[0]


def test_a_test_cell_that_was_changed(grader: Grader, solutions: demo.Solutions) -> None:
    """A test cell with another text under its own name is there, and decides nothing."""
    document = variants.with_sources(solutions.solved(), {"test_UNQ_C1": "raise SystemExit('all tests passed')"})
    report = graded(grader, document)
    assert (report.score, report.notes) == (100.0, ())


def test_a_test_cell_without_metadata_is_there(grader: Grader, solutions: demo.Solutions) -> None:
    """Where only metadata is gone, test cells are known by their text."""
    notes = graded(grader, jupytext_filtered(solutions)).notes
    assert not [note for note in notes if "test cells" in note]


def test_markers_that_are_gone(grader: Grader, solutions: demo.Solutions) -> None:
    """A deleted marker costs nothing, with nbgrader's metadata or without, and the report says where it was."""
    plain = {name: text.replace(f"# {name} (unique cell identifier, do not edit)\n", "") for name, text in
             solutions.cells.items()}  # fmt: skip
    one = graded(grader, solutions.solved(UNQ_C2=plain["UNQ_C2"]))
    assert one.score == 100.0
    assert one.notes == ("The marker in the cell of `rnn_forward` is gone; the cell was found without it.",)
    bare = graded(grader, kept(solutions.solved(UNQ_C2=plain["UNQ_C2"])))
    assert (bare.score, bare.notes) == (one.score, one.notes)
    all_gone = graded(grader, kept(solutions.solved(**plain)))
    assert (all_gone.score, all_gone.notes) == (100.0, (LOST,))


def test_a_script_hears_only_that_it_is_one(grader: Grader, solutions: demo.Solutions) -> None:
    """A script has no test cells to lose, and is read cell by cell where it is divided."""
    notes = graded(grader, jupytext_script(solutions)).notes
    assert notes[0] == "This is a plain Python script, not a notebook; it was read cell by cell. Submit the notebook."
    assert not [note for note in notes if "test cells" in note]


def test_a_script_whose_demo_fails(grader: Grader, solutions: demo.Solutions) -> None:
    """One cell of a divided script that fails does not take the others with it."""
    text = jupytext_script(solutions)
    assert graded(grader, "# %%\nraise ValueError('not mine')\n" + text).score == 100.0


@pytest.mark.parametrize(
    ("marks", "sources"),
    [
        (["# %%", "#%% the loop", "# %% [markdown]", '# %% tags=["[markdown]"]'], ["a", "b", "d"]),
        (["# %% Exercise [1]", "# %% A title [md] key=1", "# %% [raw]", "# %%"], ["a", "d"]),
        (["# %", "#  %%", "x # %%", "## %%"], ["a", "b", "c", "d"]),
    ],
)
def test_how_a_script_is_divided(marks: list[str], sources: list[str]) -> None:
    """Lines of percent signs divide a script; what is marked as no code is left out; other comments do nothing."""
    defined = [f"def {name}():\n    return 1\n" for name in "abcd"]
    read = notebook.parse("\n".join(f"{mark}\n{text}" for mark, text in zip(marks, defined, strict=True)).encode())
    assert [name for cell in read.cells for name in "abcd" if f"def {name}(" in cell.source] == sources
    assert (len(read.cells) == 1) == (marks[0] == "# %")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["# %%\n" * 200_000, "# %%\ndef f(" * 90_000, "# %%" * 250_000, "f'{" * 300_000])
def test_scripts_made_to_keep_us_busy(text: str) -> None:
    """A text of a million characters that is nearly a script is refused in a moment."""
    with pytest.raises(SubmissionError, match="not valid JSON"):
        notebook.parse(text.encode())


# ------------------------------------------------------------------------------------------- what students need


def test_the_release_needs_no_nbgrader(course: Course) -> None:
    """What a student gets runs with numpy, matplotlib and what lies beside it; Jupyter's own only where it is there."""
    needed = {"numpy", "matplotlib", "rnn_utils", "public_tests", "__future__", *sys.stdlib_module_names}
    seen: set[str] = set()
    for name in course.assignments():
        folder = course.root / "release" / name
        for path in sorted(folder.rglob("*")):
            if path.suffix == ".ipynb":
                texts = [source_of(c) for c in variants.read(path)["cells"] if c["cell_type"] == "code"]
            else:
                texts = [path.read_text(encoding="utf-8")] if path.suffix == ".py" else []
            where = path.relative_to(course.root)
            for tree in map(ast.parse, texts):
                at_once, ever = set(_imported(tree.body)), set(_imported(ast.walk(tree)))
                assert at_once <= needed, f"{where} imports {at_once - needed}"
                assert not ever & {"autograder", "nbgrader"}, where
                seen |= at_once
    assert {"numpy", "rnn_utils", "public_tests"} <= seen


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def test_the_release_is_a_valid_notebook(course: Course) -> None:
    """Each release is valid in the format that it names, so that every tool opens it without a repair."""
    for name in course.assignments():
        path = course.root / "release" / name / f"{name}.ipynb"
        document = variants.read(path)
        nbformat.validate(copy.deepcopy(document))
        assert (document["nbformat"], document["nbformat_minor"]) >= (4, 5)
