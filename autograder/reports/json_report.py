"""`report.json`, schema 2 (and 1, which is read): what every other format can be made from again."""

import json
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from autograder.errors import GraderError, UsageError
from autograder.model import (
    SCHEMA,
    Band,
    CheckResult,
    Departure,
    ExerciseResult,
    Hint,
    Outcome,
    Provenance,
    Report,
    Status,
)
from autograder.reports.text import visible

_T = TypeVar("_T")
_Word = TypeVar("_Word", bound=StrEnum)
_READ = (1, SCHEMA)
_LARGEST = 1e12  # of points and seconds: more can be neither, and could not be written to two places
_LONGEST_KEY = 80  # characters of a key that a complaint names
_PROVENANCE = ("grader", "assignment_digest", "submission_sha256", "seed_key", "isolation", "python", "numpy")
_LATER = ("kernel", "limits", "grader_digest", "words_digest")  # likewise; missing in reports of 0.1.0


class NewerReportError(UsageError):
    """A report of a schema that is still to come: it is not ours to read, and not ours to replace."""


def to_json(report: Report) -> str:
    """Write a report as JSON.

    Parameters
    ----------
    report : Report
        Any report that keeps the one rule about scores: none exactly where the grader failed.

    Returns
    -------
    str
        Indented, in a fixed order, in plain ASCII (whatever a student's name holds, it cannot act on a terminal),
        with a newline at the end. Equal reports give equal bytes.

    Raises
    ------
    GraderError
        If the report breaks that rule, or holds a number that JSON does not know. Nothing of it should be kept.
    """
    for result in report.exercises:
        if (result.score is None) != (result.outcome is Outcome.GRADER_ERROR):
            raise GraderError(
                f"The report of {report.student!r} on {report.assignment!r} has {result.id!r} with outcome "
                f"{result.outcome.value!r} and score {result.score!r}: a score is missing exactly where the grader "
                "failed. This is a fault of the grader."
            )
    if (report.score is None) != (report.status is Status.GRADER_ERROR):
        raise GraderError(
            f"The report of {report.student!r} on {report.assignment!r} has status {report.status.value!r} and score "
            f"{report.score!r}: a score is missing exactly where the grader failed. This is a fault of the grader."
        )
    try:
        text = json.dumps(_document(report), indent=2, allow_nan=False)
    except ValueError as error:
        raise GraderError(
            f"The report of {report.student!r} on {report.assignment!r} holds a number that is not finite. "
            "This is a fault of the grader."
        ) from error
    return text + "\n"


def from_json(text: str) -> Report:
    """Read a report back.

    Parameters
    ----------
    text : str
        What `to_json` wrote. Keys that this version does not know are passed over.

    Returns
    -------
    Report
        Equal to the one that was written.

    Raises
    ------
    UsageError
        If the text is not such a report; the sentence names the key that is wrong.
    NewerReportError
        If a newer version wrote it.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"This is not a report.json: {error}. Grade the submission again with --fresh.") from error
    if not isinstance(document, dict):
        raise UsageError(
            "This is not a report.json: it does not hold an object. Grade the submission again with --fresh."
        )
    schema = document.get("schema")
    if schema not in _READ or isinstance(schema, bool):
        if isinstance(schema, int) and schema > SCHEMA:
            raise NewerReportError(
                f"This report.json has schema {repr(schema)[:40]}, and was written by a newer autograder; this one "
                f"reads schema {SCHEMA}, and replaces nothing that is newer. Update it, or name another folder."
            )
        raise UsageError(
            f"This report.json has schema {repr(schema)[:40]}, and this autograder reads schema {SCHEMA} and older. "
            "Use the autograder that wrote it, or grade the submission again with --fresh."
        )
    if schema == 1:
        _from_schema_1(document)
    return _report(_Reader(document, ""))


def _from_schema_1(document: dict[str, Any]) -> None:
    """Make a document of schema 1 one of schema 2: there, what could not be graded had a score of 0."""
    exercises = document.get("exercises")
    for exercise in exercises if isinstance(exercises, list) else ():
        if isinstance(exercise, dict) and exercise.get("outcome") == Outcome.GRADER_ERROR.value:
            exercise["score"] = None


def _document(report: Report) -> dict[str, Any]:
    """Lay a report out as the contract has it."""
    return {
        "schema": SCHEMA,
        "assignment": report.assignment,
        "student": report.student,
        "status": report.status.value,
        "score": report.score,
        "max_score": report.max_score,
        "reason": report.reason,
        "notes": list(report.notes),
        **({"name": report.name} if report.name else {}),
        **({"received": list(report.received)} if report.received else {}),
        **({"platform": report.platform} if report.platform else {}),
        **({"public_tests": True} if report.public_tests else {}),
        "exercises": [
            {
                "id": exercise.id,
                "function": exercise.function,
                "score": exercise.score,
                "max_score": exercise.max_score,
                "outcome": exercise.outcome.value,
                "checks": [
                    {
                        "name": check.name,
                        "passed": check.passed,
                        "weight": check.weight,
                        "problem": check.problem,
                        "departure": _departure(check.departure),
                    }
                    for check in exercise.checks
                ],
                "mistakes": list(exercise.mistakes),
                "follow_through": exercise.follow_through,
                "feedback": exercise.feedback,
                "line": exercise.line,
                "hints": [{"id": hint.id, "idea": hint.idea, "nearly": hint.nearly} for hint in exercise.hints],
                "together": exercise.together,
                "place": exercise.place,
                "cell": exercise.cell,
                "untouched": exercise.untouched,
                "reason": exercise.reason,
            }
            for exercise in report.exercises
        ],
        "provenance": {
            **{name: getattr(report.provenance, name) for name in (*_PROVENANCE, *_LATER)},
            "exercise_digests": dict(report.provenance.exercise_digests),
        },
        "seconds": dict(report.seconds),
    }


def _departure(departure: Departure | None) -> dict[str, Any] | None:
    if departure is None:
        return None
    return {
        "value": departure.value,
        "expected_shape": list(departure.expected_shape),
        "actual_shape": list(departure.actual_shape),
        "wrong": departure.wrong,
        "of": departure.of,
        "first": list(departure.first),
        "band": departure.band.value if departure.band is not None else None,
        "picture": list(departure.picture),
    }


class _Reader:
    """An object of the document and where it stands, so that a complaint can name the place."""

    def __init__(self, value: dict[str, Any], place: str) -> None:
        self._value = value
        self._place = place

    def _wrong(self, key: str, expected: str) -> NoReturn:
        name = visible(key)[:_LONGEST_KEY]  # a key of ``seconds`` may be any text
        raise UsageError(
            f"This report.json is damaged: {self._place}{name} should be {expected}. "
            "Grade the submission again with --fresh."
        )

    def _get(self, key: str, kind: type[_T], expected: str, default: _T | None = None) -> _T:
        value = self._value.get(key, default)
        if not isinstance(value, kind):
            self._wrong(key, expected)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return self._get(key, str, "text", default)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        return self._get(key, bool, "true or false", default)

    def whole(self, key: str, default: int | None = None) -> int:
        if default is not None and key not in self._value:
            return default
        value = self.number(key)
        if not isinstance(value, int):
            self._wrong(key, "a whole number")
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        values = self._get(key, list, "a list of whole numbers")
        if not all(type(value) is int and 0 <= value <= _LARGEST for value in values):
            self._wrong(key, "a list of whole numbers")
        return tuple(values)

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def number(self, key: str) -> float:
        value = self._value.get(key)
        # one comparison refuses NaN, infinity, and integers that no float can hold
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
            self._wrong(key, f"a finite number of at most {_LARGEST:g}")
        return value

    def score(self, key: str, *, absent: bool) -> float | None:
        if absent:
            if self._value.get(key, 0) is not None:
                self._wrong(key, "null, because the grader failed")
            return None
        return self.number(key)

    def word(self, key: str, words: type[_Word]) -> _Word:
        try:
            return words(self.text(key))
        except ValueError:
            self._wrong(key, f"one of {', '.join(words)}")

    def texts(self, key: str, default: list[Any] | None = None) -> tuple[str, ...]:
        values = self._get(key, list, "a list of texts", default)
        if not all(isinstance(value, str) for value in values):
            self._wrong(key, "a list of texts")
        return tuple(values)

    def part(self, key: str, default: dict[str, Any] | None = None) -> "_Reader":
        return _Reader(self._get(key, dict, "an object", default), f"{self._place}{key}.")

    def parts(self, key: str, default: list[Any] | None = None) -> list["_Reader"]:
        values = self._get(key, list, "a list of objects", default)
        if not all(isinstance(value, dict) for value in values):
            self._wrong(key, "a list of objects")
        return [_Reader(value, f"{self._place}{key}[{i}].") for i, value in enumerate(values)]

    def named_texts(self) -> tuple[tuple[str, str], ...]:
        return tuple((key, self.text(key)) for key in self._value)

    def numbers(self) -> dict[str, float]:
        return {key: self.number(key) for key in self._value}


def _report(reader: _Reader) -> Report:
    status = reader.word("status", Status)
    provenance = reader.part("provenance")
    return Report(
        assignment=reader.text("assignment"),
        student=reader.text("student"),
        status=status,
        score=reader.score("score", absent=status is Status.GRADER_ERROR),
        max_score=reader.number("max_score"),
        exercises=tuple(_exercise(part) for part in reader.parts("exercises")),
        provenance=Provenance(
            **{name: provenance.text(name) for name in _PROVENANCE},
            **{name: provenance.text(name, "") for name in _LATER},
            exercise_digests=provenance.part("exercise_digests", {}).named_texts(),
        ),
        reason=reader.text("reason", ""),
        notes=reader.texts("notes", []),
        name=reader.text("name", ""),
        received=reader.texts("received", []),
        platform=reader.text("platform", ""),
        public_tests=reader.flag("public_tests", default=False),
        seconds=reader.part("seconds").numbers(),
    )


def _exercise(reader: _Reader) -> ExerciseResult:
    name, function, outcome = reader.text("id"), reader.text("function"), reader.word("outcome", Outcome)
    return ExerciseResult(
        id=name,
        function=function,
        score=reader.score("score", absent=outcome is Outcome.GRADER_ERROR),
        max_score=reader.number("max_score"),
        outcome=outcome,
        checks=tuple(
            CheckResult(
                part.text("name"),
                part.flag("passed"),
                part.number("weight"),
                part.text("problem", ""),
                _read_departure(part.part("departure")) if part.has("departure") else None,
            )
            for part in reader.parts("checks")
        ),
        mistakes=reader.texts("mistakes"),
        follow_through=reader.flag("follow_through"),
        feedback=reader.text("feedback"),
        line=reader.text("line", ""),
        hints=tuple(Hint(p.text("id"), p.text("idea"), p.text("nearly")) for p in reader.parts("hints", [])),
        together=reader.flag("together", default=False),
        place=reader.text("place", ""),
        cell=reader.whole("cell", -1),
        untouched=reader.flag("untouched", default=False),
        reason=reader.text("reason", ""),
    )


def _read_departure(reader: _Reader) -> Departure:
    return Departure(
        value=reader.text("value"),
        expected_shape=reader.wholes("expected_shape"),
        actual_shape=reader.wholes("actual_shape"),
        wrong=reader.whole("wrong"),
        of=reader.whole("of"),
        first=reader.wholes("first"),
        band=reader.word("band", Band) if reader.has("band") else None,
        picture=reader.texts("picture"),
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")
