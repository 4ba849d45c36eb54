"""Who gains and who loses is told for everyone whose points change, and nobody else."""

import io
from dataclasses import replace

from exported_reports import exercise, report, ungraded
from rich.console import Console

from autograder.model import Outcome
from autograder.reports.changes import Changes


def _report(student, *scores, digests=(("UNQ_C1", "a"), ("UNQ_C2", "b"))):
    parts = tuple(exercise(n, Outcome.FAILED, score) for n, score in enumerate(scores, 1))
    made = report(student, exercises=parts)
    return replace(made, provenance=replace(made.provenance, exercise_digests=tuple(digests)))


NEW = (("UNQ_C1", "a"), ("UNQ_C2", "c"))


def _shown(changes):
    out = io.StringIO()
    Console(file=out, width=120).print(changes.table())
    return [" ".join(line.replace("│", " ").split()) for line in out.getvalue().splitlines() if "│" in line]


def test_who_loses_stands_first():
    """One row for everyone whose points change, with the exercise; the rest is a number."""
    changes = Changes()
    changes.add(_report("gains", 50, 20), _report("gains", 50, 45, digests=NEW))
    changes.add(_report("same", 50, 20), _report("same", 50, 20, digests=NEW))
    changes.add(_report("loses", 50, 50), _report("loses", 50, 10.5, digests=NEW))
    changes.add(_report("shifts", 50, 20), _report("shifts", 20, 50, digests=NEW))
    lost = replace(ungraded("lost"), provenance=_report("lost", digests=NEW).provenance)
    changes.add(_report("lost", 10, 0), lost)
    assert changes.sentences() == [
        "Graded again, as they were handed in: 5 submissions, since these have changed: UNQ_C2 of rnn_step_by_step.",
        "1 has more points, 2 have fewer, 2 as many as before, 1 with points that have moved between exercises.",
    ]
    assert _shown(changes) == [
        "loses UNQ_C2: 50 → 10.5 100 60.5 loses 39.5",
        "lost UNQ_C1: 10 → no verdict, UNQ_C2: 0 → no verdict 10 no verdict loses its verdict, because of us",
        "shifts UNQ_C1: 50 → 20, UNQ_C2: 20 → 50 70 70 as many in all",
        "gains UNQ_C2: 20 → 45 70 95 gains 25",
    ]


def test_what_stays_as_it_is_is_only_counted():
    """Graded again for another reason, with the same result: two sentences, and no row."""
    changes = Changes()
    assert not changes
    changes.add(_report("a", 50, 20), _report("a", 50, 20.0000001))
    assert changes
    assert list(changes) == []
    assert changes.sentences() == [
        "Graded again, as they were handed in: 1 submission.",
        "0 have more points, 0 have fewer, 1 as many as before.",
    ]


def test_names_cannot_act():
    """Whatever a student or an exercise is called, a terminal shows it and does nothing."""
    changes = Changes()
    name = "\x1b[2J[red]x[/red]\n\u202e"
    before, after = (replace(_report(name, score), assignment=name) for score in (10, 20))
    changes.add(before, replace(after, provenance=replace(after.provenance, exercise_digests=((name, "z"),))))
    said = "".join([*changes.sentences(), *_shown(changes)])
    assert said.isprintable()
    assert "[red]" in said
