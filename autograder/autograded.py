"""The notebook that a person sees in the formgrader: the student's, given cells restored, our verdicts as outputs.

What nbgrader's own preprocessors do to a submission is done here on plain JSON, so that grading a class need not import
nbgrader; a test holds both to the same notebooks. One thing is more: a cell that has lost its metadata (Colab, for one)
gets it back where it was graded, so that scores and comments have a cell to stand at.
"""

import copy
import json
from collections.abc import Mapping
from typing import Any

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
    return annotated(sanitised(restored(submitted, release, report), release), report)


def restored(submitted: Document, release: Document, report: Report) -> Document:
    """Return a copy in which graded cells and test cells have nbgrader's metadata, whatever tool has lost it."""
    given = _by_id(release)
    cells = [copy.deepcopy(cell) for cell in submitted["cells"]]
    named = {_grade_id(cell) for cell in cells}
    for exercise in sorted(report.exercises, key=lambda e: -e.cell):  # from the end: what is put in moves what follows
        own, test = exercise.id, f"test_{exercise.id}"
        at = exercise.cell if 0 <= exercise.cell < len(cells) else None
        if own in given and own not in named and at is not None:
            cells[at].setdefault("metadata", {})["nbgrader"] = copy.deepcopy(given[own]["metadata"]["nbgrader"])
        if test in given and test not in named:
            text = _text(given[test])
            same = next((c for c in cells if c.get("cell_type") == "code" and _text(c).strip() == text.strip()), None)
            if same is not None:
                same.setdefault("metadata", {})["nbgrader"] = copy.deepcopy(given[test]["metadata"]["nbgrader"])
            else:
                fresh = copy.deepcopy(given[test])
                if submitted.get("nbformat_minor", 0) < 5:  # ids came with 4.5
                    fresh.pop("id", None)
                cells.insert(len(cells) if at is None else at + 1, fresh)
    return submitted | {"cells": cells}


def sanitised(submitted: Document, release: Document) -> Document:
    """Return a copy as nbgrader sanitises one: no outputs, no id twice, locked cells as they were released."""
    given = _by_id(release)
    cells = [copy.deepcopy(cell) for cell in submitted["cells"]]
    seen: set[str] = set()
    for cell in reversed(cells):
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
            for name in ("collapsed", "scrolled"):
                cell.setdefault("metadata", {}).pop(name, None)
        settings = cell.get("metadata", {}).get("nbgrader")
        if not isinstance(settings, dict) or not _counts(settings):
            continue
        grade_id = _grade_id(cell)
        if grade_id in seen:
            cell["metadata"]["nbgrader"] = {}
            continue
        seen.add(grade_id)
    for cell in cells:
        _overwrite(cell, given)
    metadata = dict(submitted.get("metadata", {}))
    if release.get("metadata", {}).get("kernelspec"):
        metadata["kernelspec"] = copy.deepcopy(release["metadata"]["kernelspec"])
    return submitted | {"cells": cells, "metadata": metadata}


def annotated(document: Document, report: Report) -> Document:
    """Return a copy in which each test cell holds the outcome of its exercise as its output."""
    results = {f"test_{exercise.id}": exercise for exercise in report.exercises}
    cells = []
    for cell in document["cells"]:
        result = results.get(_grade_id(cell))
        if result is not None and cell.get("cell_type") == "code":
            cells.append(cell | {"outputs": outputs(report, result), "execution_count": None})
        else:
            cells.append(cell)
    return document | {"cells": cells}


def outputs(report: Report, result: ExerciseResult) -> list[dict[str, Any]]:
    """Return the outputs of a test cell: our text, and the score as nbgrader reads partial credit.

    nbgrader takes a number that a test cell shows for the points it earned; zero is a number, too. Where we could not
    grade there is no number, and an error in its place: no output at all would mean full marks.
    """
    if report.status is Status.GRADER_ERROR or result.outcome is Outcome.GRADER_ERROR:
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


def write(document: Document) -> bytes:
    """Return a notebook's bytes as nbformat writes them."""
    split = copy.deepcopy(document)
    for cell in split["cells"]:
        for holder in (cell, *cell.get("outputs", ())):
            for name in ("source", "text"):
                if isinstance(holder.get(name), str):
                    holder[name] = holder[name].splitlines(keepends=True)
    text = json.dumps(split, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": "))
    return (text + "\n").encode("utf-8", "backslashreplace")


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
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _counts(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("grade") or settings.get("solution") or _locked(settings))


def _locked(settings: Mapping[str, Any]) -> bool:
    """Return whether nbgrader takes a cell for locked: graded ones are, solutions are not."""
    if settings.get("solution"):
        return False
    return bool(settings.get("grade") or settings.get("locked"))


def _by_id(document: Document) -> dict[str, Document]:
    return {grade_id: cell for cell in document["cells"] if (grade_id := _grade_id(cell))}


def _grade_id(cell: Document) -> str:
    settings = cell.get("metadata", {}).get("nbgrader")
    return str(settings.get("grade_id", "")) if isinstance(settings, dict) else ""


def _text(cell: Document) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
