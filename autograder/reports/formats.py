"""The ways out: every format that reports can be written in, by the name that the command line knows it by."""

from collections.abc import Callable, Mapping, Sequence

from autograder.reports import canvas, github, gradescope, jsonl, junit, moodle, spreadsheet
from autograder.reports.export import Entry, Export, Naming

FORMATS: Mapping[str, Callable[[Sequence[Entry], Naming], Export]] = {
    "csv": spreadsheet.export,
    "canvas": canvas.export,
    "moodle": moodle.export,
    "junit": junit.export,
    "gradescope": gradescope.export,
    "github": github.export,
    "jsonl": jsonl.export,
}
