"""`gradescope`: a ``results.json`` for each submission, as Gradescope's autograder specification has it."""

import json
from collections.abc import Sequence
from typing import Any

from autograder.model import ExerciseResult, Outcome, Report, Status
from autograder.reports.export import Entry, Export, Lost, Naming, each, findings
from autograder.reports.text import outcome_word, points, visible

FOLDER, FILE = "gradescope", "results.json"


def export(entries: Sequence[Entry], naming: Naming) -> Export:  # noqa: ARG001  every format is called alike
    """Write what Gradescope shows of each submission.

    A submission without a verdict has no file: Gradescope has no word for "we failed", and any file would be a score.
    Where there is none it says that the autograder failed, gives no score, and lets the instructor run it again.
    """
    graded = [entry for entry in entries if entry.row.final_score is not None]
    lost: Lost = []
    files = each(graded, _file, lost)
    missing = len(entries) - len(graded)
    note = f"{FOLDER}: there is no {FILE} for what has no verdict, {missing} of {len(entries)}: it would be a score."
    return Export(files, (note,) if missing else (), folder=FOLDER, lost=lost)


def _file(entry: Entry) -> tuple[str, tuple[str, ...]]:
    text = json.dumps(results(entry.report), indent=2, allow_nan=False)
    return f"{FOLDER}/{entry.place}/{FILE}", (text, "\n")


def results(report: Report) -> dict[str, Any]:
    """Return the results of a submission that has a score.

    The score of the whole stands by itself and overrides the sum of the tests. What the grader prints stays hidden;
    what students may read is in ``output``.
    """
    rejected = report.status is Status.REJECTED
    tests = (
        [_test("submission", 0.0, report.max_score, report.reason, passed=False)]
        if rejected
        else [_exercise(result) for result in report.exercises]
    )
    return {
        "score": _number(report.score or 0.0),
        "execution_time": round(sum(report.seconds.values()), 2),
        "output": _text("" if rejected else "\n".join(report.notes)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"grader": report.provenance.grader, "isolation": report.provenance.isolation},
    }


def _exercise(result: ExerciseResult) -> dict[str, Any]:
    said = "\n".join([f"Outcome: {outcome_word(result.outcome)}.", *findings(result)])
    passed = result.outcome is Outcome.PASSED
    return _test(f"{result.id} {result.function}", result.score or 0.0, result.max_score, said, passed=passed)


def _test(name: str, score: float, max_score: float, output: str, *, passed: bool) -> dict[str, Any]:
    return {
        "name": visible(name),
        "score": _number(score),
        "max_score": _number(max_score),
        "status": "passed" if passed else "failed",
        "output": _text(output),
        "visibility": "visible",
    }


def _number(score: float) -> float:
    """Return points as the student's page has them."""
    return float(points(score))


def _text(text: str) -> str:
    return visible(text, keep="\n")
