"""The notebook that a person sees in the formgrader: the student's, given cells restored, our verdicts as outputs.

What nbgrader's own preprocessors do to a submission is done here on plain JSON, so that grading a class need not import
nbgrader; a test holds both to the same notebooks. One thing is more: a cell that has lost its metadata (Colab, for one)
gets it back where it was graded, so that scores and comments have a cell to stand at.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder import notebook, valid_notebook
from autograder.errors import SubmissionError
from autograder.model import ExerciseResult, Outcome, Report, Status

Document = dict[str, Any]

_WORDS = {
    Outcome.PASSED: "right",
    Outcome.FAILED: "not right yet",
    Outcome.RAISED: "raised an exception",
    Outcome.TIMED_OUT: "ran into its time limit",
    Outcome.KILLED: "ended its process",
    Outcome.MISSING: "is not in the notebook",
    Outcome.SKIPPED: "was not run",
    Outcome.GRADER_ERROR: "could not be graded because of us",
}


def autograded(submitted: Document, release: Document, report: Report) -> Document:
    """Return a submission as nbgrader would leave it after autograding, with our outcome in each test cell.

    Parameters
    ----------
    submitted : dict
        A notebook of format 4.
    release : dict
        The assignment's release notebook: locked cells are overwritten with its cells.
    report : Report
        What the submission earned.
    """
    document = copy.deepcopy(submitted)
    _restore(document, release, report)
    _sanitise(document, release)
    _annotate(document, report)
    return document


def restored(submitted: Document, release: Document, report: Report) -> Document:
    """Return a copy in which graded cells and test cells have nbgrader's metadata, whatever tool has lost it."""
    document = copy.deepcopy(submitted)
    _restore(document, release, report)
    return document


def annotated(submitted: Document, report: Report) -> Document:
    """Return a copy in which each test cell holds the outcome of its exercise as its output."""
    document = copy.deepcopy(submitted)
    _annotate(document, report)
    return document


def from_bytes(content: bytes, release: Document, report: Report) -> bytes | None:
    """Return a submission's bytes as nbgrader would leave them, see `autograded`; None where they are no notebook.

    What `autograder.notebook.parse` takes for a notebook becomes one that nbformat accepts, whatever is wrong with it.
    """
    try:
        submitted = notebook.document_of(content)
    except SubmissionError:
        return None
    if submitted is None:  # a script
        return None
    document = valid_notebook.valid(submitted)
    _restore(document, release, report)
    _sanitise(document, release)
    _annotate(document, report)
    valid_notebook.give_ids(document)
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "backslashreplace")


def release_notebook(root: Path, name: str) -> Document | None:
    """Return an assignment's release notebook; None where there is none that can be read."""
    try:
        document = json.loads((root / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    cells = document.get("cells") if isinstance(document, dict) else None
    return document if isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells) else None


def _restore(document: Document, release: Document, report: Report) -> None:
    given = _by_id(release)
    cells = document["cells"]
    graded = {exercise.id: exercise.cell for exercise in report.exercises}
    for grade_id, places in _places(cells).items():  # nbgrader stumbles over an id that stands twice
        kept = graded.get(grade_id, -1) if graded.get(grade_id, -1) in places else places[-1]
        for place in places:
            if place != kept:
                del cells[place]["metadata"]["nbgrader"]
    named = {_grade_id(cell) for cell in cells}
    for exercise in sorted(report.exercises, key=lambda e: -e.cell):  # from the end: what is put in moves what follows
        own, test = exercise.id, f"test_{exercise.id}"
        at = exercise.cell if 0 <= exercise.cell < len(cells) else None
        if own in given and own not in named and at is not None:
            cells[at].setdefault("metadata", {})["nbgrader"] = dict(given[own]["metadata"]["nbgrader"])
        if test in given and test not in named:
            text = _text(given[test]).strip()
            same = next((c for c in cells if c.get("cell_type") == "code" and _text(c).strip() == text), None)
            if same is not None:
                same.setdefault("metadata", {})["nbgrader"] = dict(given[test]["metadata"]["nbgrader"])
                continue
            fresh = copy.deepcopy(given[test])
            if document.get("nbformat_minor", 0) < 5:  # ids came with 4.5
                fresh.pop("id", None)
            cells.insert(len(cells) if at is None else at + 1, fresh)


def _sanitise(document: Document, release: Document) -> None:
    """Do what nbgrader does first: no outputs, locked cells as they were released."""
    given = _by_id(release)
    for cell in document["cells"]:
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
            for name in ("collapsed", "scrolled"):
                cell.setdefault("metadata", {}).pop(name, None)
    for cell in document["cells"]:
        _overwrite(cell, given)
    if release.get("metadata", {}).get("kernelspec"):
        document.setdefault("metadata", {})["kernelspec"] = copy.deepcopy(release["metadata"]["kernelspec"])


def _annotate(document: Document, report: Report) -> None:
    results = {f"test_{exercise.id}": exercise for exercise in report.exercises}
    for cell in document["cells"]:
        result = results.get(_grade_id(cell))
        if result is not None and cell.get("cell_type") == "code":
            cell["outputs"] = outputs(report, result)


def outputs(report: Report, result: ExerciseResult) -> list[dict[str, Any]]:
    """Return the outputs of a test cell: our text, and the score as nbgrader reads partial credit.

    nbgrader takes a number that a test cell shows for the points it earned; zero is a number, too. Where we could not
    grade there is no number, and an error in its place: no output at all would mean full marks.
    """
    if report.status is Status.GRADER_ERROR or result.score is None:
        text = "This exercise could not be graded because of us. A person has to look at it."
        return [{"output_type": "error", "ename": "NotGraded", "evalue": text, "traceback": [text]}]
    text = report.reason if report.status is Status.REJECTED else result.feedback
    head = f"{result.function} {_WORDS[result.outcome]}: {result.score:g} of {result.max_score:g} points"
    shown = [head, *(line for line in (text, result.line) if line)]
    return [
        {"output_type": "stream", "name": "stdout", "text": "\n".join(shown) + "\n"},
        {
            "output_type": "execute_result",
            "execution_count": None,
            "data": {"text/plain": repr(float(result.score))},
            "metadata": {},
        },
    ]


def _overwrite(cell: Document, given: Mapping[str, Document]) -> None:
    """Make a cell what was released where the student may not have changed it."""
    settings = cell.get("metadata", {}).get("nbgrader")
    grade_id = settings.get("grade_id") if isinstance(settings, dict) else None
    if not isinstance(settings, dict) or grade_id is None:
        return
    released = given.get(grade_id)
    if released is None:
        del settings["grade_id"]
        return
    own = released["metadata"]["nbgrader"]
    if cell.get("cell_type") != released["cell_type"]:
        _retype(cell, released["cell_type"])
    locked = _locked(own)
    if _locked(settings) != locked:
        settings["locked"] = locked
    if settings.get("grade") and "points" in own:
        settings["points"] = own["points"]
    settings["checksum"] = own.get("checksum")
    if locked:
        cell["source"] = released["source"]


def _retype(cell: Document, kind: str) -> None:
    cell["cell_type"] = kind
    if kind == "code":
        cell["outputs"], cell["execution_count"] = [], None
        cell.pop("attachments", None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _locked(settings: Mapping[str, Any]) -> bool:
    """Return whether nbgrader takes a cell for locked: graded ones are, solutions are not."""
    if settings.get("solution"):
        return False
    return bool(settings.get("grade") or settings.get("locked"))


def _places(cells: list[Document]) -> dict[str, list[int]]:
    """Return where each grade id stands."""
    found: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        if grade_id := _grade_id(cell):
            found.setdefault(grade_id, []).append(place)
    return found


def _by_id(document: Document) -> dict[str, Document]:
    return {grade_id: cell for cell in document["cells"] if (grade_id := _grade_id(cell))}


def _grade_id(cell: Document) -> str:
    settings = cell.get("metadata", {}).get("nbgrader")
    return str(settings.get("grade_id", "")) if isinstance(settings, dict) else ""


def _text(cell: Document) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
