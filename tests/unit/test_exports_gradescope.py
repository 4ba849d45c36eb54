"""Gradescope's results.json, held to its specification by a schema of JSON."""

import json
from dataclasses import replace

import jsonschema
import pytest
from exported_reports import CLASS, classes, entries, files, partial, rejected, report, ungraded
from hypothesis import given, settings

from autograder.reports import gradescope
from autograder.reports.export import Naming

PLAIN = Naming()
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
POINTS = {"type": "number", "minimum": 0}
# what the autograder specification of Gradescope lists, and nothing beside it
SCHEMA = {
    "type": "object",
    "required": ["score", "tests"],
    "additionalProperties": False,
    "properties": {
        "score": POINTS,
        "execution_time": POINTS,
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "score", "max_score"],
                "additionalProperties": False,
                "properties": {
                    "score": POINTS,
                    "max_score": POINTS,
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}


def texts(value):
    """Yield every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_results_fit_the_specification(group):
    """Every submission with a verdict has a file that the schema accepts; every one without has none."""
    made = files(gradescope.export(group, PLAIN))
    graded = [entry for entry in group if entry.report.score is not None]
    assert set(made) == {f"gradescope/{entry.place}/results.json" for entry in graded}
    for data in made.values():
        jsonschema.validate(json.loads(data), SCHEMA)
        assert all(text.replace("\n", "").isprintable() for text in texts(json.loads(data)))


def test_schema_refuses_what_gradescope_does_not_know():
    """The schema is no rubber stamp."""
    good = gradescope.results(partial())
    for change in ({"visibility": "secret"}, {"score": "44"}, {"colour": "red"}, {"tests": [{"name": "x"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **change}, SCHEMA)


def test_no_verdict_is_no_file_and_never_a_zero():
    """What we could not grade is told to the instructor instead, and an old file of it is not left there."""
    made = gradescope.export(entries(*CLASS), PLAIN)
    assert len(files(made)) == len(CLASS) - 2
    assert made.folder == "gradescope"
    assert "2 of 6" in made.notes[0]
    assert files(gradescope.export(entries(ungraded()), PLAIN)) == {}


def test_partial_credit_and_rejection():
    """Points by exercise as the student's page has them; a rejected one is 0 with the reason."""
    some = gradescope.results(partial())
    assert (some["score"], [test["score"] for test in some["tests"]]) == (33.33, [33.33, 0.0])
    assert [test["status"] for test in some["tests"]] == ["failed", "failed"]
    assert "yt_pred: `yt_pred` departs." in some["tests"][0]["output"]
    assert some["tests"][1]["output"] == "Outcome: raised.\nline 14: y = Wy @ a\nLook again."
    none = gradescope.results(rejected())
    assert none["score"] == 0.0
    assert none["tests"][0]["output"] == "It is a PDF, not a notebook."
    assert none["tests"][0]["max_score"] == 100.0


def test_students_see_no_more_than_on_their_page():
    """What the grader prints stays hidden, text is never markup, and the seed's name is not in it."""
    made = gradescope.results(replace(report(), notes=("\x1b[31m<b>",)))
    assert made["stdout_visibility"] == "hidden"
    assert {made["output_format"], made["test_output_format"], made["test_name_format"]} == {"text"}
    assert made["output"] == "\\x1b[31m<b>"
    assert "SEED-CANARY" not in json.dumps(made)
