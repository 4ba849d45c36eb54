"""Students work where they like: what each tool makes of the release is found, and graded like the original."""

import ast
import copy
import json
import sys
from collections.abc import Callable, Iterable, Iterator

import nbformat
import pytest
from tools import (
    FOR_ALL,
    MAKERS,
    carriage_returns,
    colab,
    colab_script,
    colab_stripped,
    exported_script,
    jupyterlab,
    jupytext,
    jupytext_filtered,
    jupytext_script,
    kept,
    moved,
    nbformat_3,
    notebook_7,
    renumbered,
    split,
    vscode,
    vscode_2021,
)

from autograder import autograded, demo, notebook, variants
from autograder.course import Course
from autograder.errors import SubmissionError
from autograder.grade import Grader
from autograder.model import Outcome, Report
from autograder.variants import Document, grade_id, source_of

LOST = "The notebook has lost its markers and metadata; the functions were found by their names."


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


@pytest.fixture(scope="module", params=sorted({*demo.CLASSES} - {demo.ASSIGNMENT}))
def other(course: Course, request: pytest.FixtureRequest) -> Iterator[tuple[Grader, demo.Solutions]]:
    """Return another assignment's grader, and what its submissions are made from."""
    with Grader(course, request.param, b"a secret for tests, and only for tests") as grader:
        yield grader, demo.solutions(course, request.param)


def test_every_assignment_is_graded_alike(other: tuple[Grader, demo.Solutions]) -> None:
    """In the other assignments, too: what is right is right, and a mistake costs the same, from every tool."""
    grader, solved = other
    first = solved.assignment.exercises[0]
    mistake = first.mistakes[0].id
    wrong = {**solved.cells, first.id: _source(solved.mistaken(**{first.id: mistake}), first.id)}
    mistaken = demo.Solutions(solved.release, wrong, solved.assignment)
    expected = graded(grader, mistaken.solved())
    assert mistake in expected.exercises[0].mistakes
    assert [e.outcome for e in expected.exercises] == [Outcome.FAILED, *[Outcome.PASSED] * (len(wrong) - 1)]
    for make in FOR_ALL:
        told = graded(grader, make(mistaken))
        assert [e.outcome for e in told.exercises] == [e.outcome for e in expected.exercises], make.__name__
        assert (told.score, told.exercises[0].mistakes) == (expected.score, expected.exercises[0].mistakes)


def _source(document: Document, name: str) -> str:
    return next(source_of(cell) for cell in document["cells"] if grade_id(cell) == name)


@pytest.mark.parametrize("form", ["py:percent", "py:light", "md", "md:myst", "Rmd"])
def test_jupytext_itself(grader: Grader, solutions: demo.Solutions, form: str) -> None:
    """A notebook that went through Jupytext's text files and back is graded like the original; so are its scripts."""
    jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed: make setup-ci")
    document = nbformat.reads(json.dumps(solutions.solved()), as_version=4)
    for kept_out in ("", "-all"):
        if kept_out:
            document.metadata.jupytext = {"cell_metadata_filter": kept_out}
        text = jupytext.writes(document, fmt=form)
        back = nbformat.writes(jupytext.reads(text, fmt=form))
        assert ("nbgrader" in back) == (not kept_out)
        assert graded(grader, back).score == 100.0
        if form.startswith("py"):
            assert graded(grader, text).score == 100.0


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
    """A script has no test cells to lose, divided or not."""
    for make in (jupytext_script, exported_script, colab_script):
        notes = graded(grader, make(solutions)).notes
        said = "This is a plain Python script, not a notebook; it was read piece by piece. Submit the notebook."
        assert notes[0] == said
        assert not [note for note in notes if "test cells" in note]


def test_a_script_whose_demo_fails(grader: Grader, solutions: demo.Solutions) -> None:
    """One piece of a script that fails, or that takes too long, does not take the others with it."""
    assert graded(grader, "# %%\nraise ValueError('not mine')\n" + jupytext_script(solutions)).score == 100.0
    for make in (exported_script, colab_script):
        assert graded(grader, "raise ValueError('not mine')\n\nwhile True: pass\n\n" + make(solutions)).score == 100.0


@pytest.mark.parametrize(
    ("marks", "sources"),
    [
        (["# %%", "#%% the loop", "# %% [markdown]", '# %% tags=["[markdown]"]'], ["a", "b", "d"]),
        (["# %% Exercise [1]", "# %% A title [md] key=1", "# %% [raw]", "# %%"], ["a", "d"]),
        (["# %", "#  %%", "1 # %%", "## %%"], ["a", "b", "c", "d"]),
    ],
)
def test_how_a_script_is_divided(marks: list[str], sources: list[str]) -> None:
    """Lines of percent signs divide a script; what is marked as no code is left out; other comments do nothing."""
    defined = [f"def {name}():\n    return 1\n" for name in "abcd"]
    read = notebook.parse("\n".join(f"{mark}\n{text}" for mark, text in zip(marks, defined, strict=True)).encode())
    assert [name for cell in read.cells for name in "abcd" if f"def {name}(" in cell.source] == sources


def test_how_a_script_without_marks_is_divided() -> None:
    """At blank lines, but never within a function, a bracket or a condition; comments stay with the code below them."""
    pieces = [
        "# first\n\n# UNQ_C1\n\n\ndef a(x):\n    y = 1\n\n# a stray comment\n\n    return x + y\n",
        "# second\nvalues = [\n\n    1,\n\n]\n",
        "try:\n    b = 2\n\nexcept ValueError:\n    pass\n\nelse:\n    pass\n\nfinally:\n    pass\n",
        "@staticmethod\ndef c():\n    return 3\n# the end\n",
    ]
    read = notebook.parse("\n\n".join(pieces).encode())
    assert [cell.text for cell in read.cells] == [piece.strip() for piece in pieces]
    assert notebook.parse(("def f():\n    return 1\n" + "\n1\n" * 6000).encode()).cells[0].source.count("\n") > 6000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "# %%\n" * 200_000,
        "1\n\n" * 300_000,
        "def f(\n\n" * 100_000,
        "# %%\ndef f(" * 90_000,
        "# %%" * 250_000,
        "f'{" * 300_000,
    ],
)
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


@pytest.mark.parametrize("make", [make for make in MAKERS if "script" not in make.__name__])
def test_the_same_work_gives_the_same_autograded_notebook(
    make: Callable[[demo.Solutions], str], grader: Grader, solutions: demo.Solutions, course: Course
) -> None:
    """Made twice, by whichever run, it is the same to the byte: ids that conversion draws at random are not kept."""
    content = make(solutions).encode()
    release = variants.read(course.root / "release" / demo.ASSIGNMENT / f"{demo.ASSIGNMENT}.ipynb")
    report = grader.grade(content, "somebody")
    once = autograded.from_bytes(content, release, report)
    assert autograded.from_bytes(content, release, report) == once
