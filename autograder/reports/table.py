"""The table at the end of a run, for a terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from autograder.model import ExerciseResult, Outcome, Status
from autograder.reports.class_rows import ExerciseRow, Scored
from autograder.reports.scores import exercise_ids
from autograder.reports.text import outcome_word, points, visible

ROWS = 40  # more submissions than this are summed up instead of listed
NAMES = 20  # at most so many students are named below the summary

_STYLE = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "yellow",
    Outcome.GRADER_ERROR: "bold magenta",
}
_ABSENT = Text("-", style="dim")


def summary(reports: Iterable[Scored]) -> Table:
    """Sum up a run.

    Parameters
    ----------
    reports : iterable of Report or Row
        In any order.

    Returns
    -------
    rich.table.Table
        Up to `ROWS` submissions, one row each: the outcome of each exercise as a word, and the score. For more, one
        row per exercise, below the name of its assignment if there are several: how often each outcome was seen, and
        the mean over what was graded. Below it, how many were graded, rejected, and not gradable because of us.
    """
    rows = sorted(reports, key=lambda report: (report.assignment, report.student))
    large = len(rows) > ROWS
    whole = Table.grid()  # not a caption: that would be folded to the width of the table above it
    whole.add_row(_summed_up(rows) if large else _listed(rows))
    for line in [*(_people(rows) if large else []), _closing(rows)]:
        whole.add_row(line)
    return whole


def line(report: Scored) -> str:
    """Return what came of one submission, in a line."""
    name = f"{report.student} {report.name}".rstrip()
    left = [f"{result.id} {outcome_word(result.outcome)}" for result in report.exercises if _is_left(report, result)]
    return visible("  ".join([name, report.assignment, _score(report).plain, ", ".join(left)]).rstrip())


def _is_left(report: Scored, result: ExerciseResult | ExerciseRow) -> bool:
    return report.status is Status.GRADED and result.outcome is not Outcome.PASSED


def _listed(rows: Sequence[Scored]) -> Table:
    several = len({report.assignment for report in rows}) > 1
    exercises = exercise_ids(rows)
    table = Table()
    table.add_column("student", overflow="fold")
    if several:
        table.add_column("assignment", overflow="fold")
    for exercise in exercises:
        table.add_column(Text(visible(exercise)))
    table.add_column("score", justify="right")
    for report in rows:
        outcomes = {result.id: _word(result.outcome) for result in report.exercises}
        table.add_row(
            Text(visible(f"{report.student} {report.name}".rstrip() if report.name else report.student)),
            *([Text(visible(report.assignment))] if several else []),
            *(outcomes.get(exercise, _ABSENT) for exercise in exercises),
            _score(report),
        )
    return table


def _summed_up(rows: Sequence[Scored]) -> Table:
    results: dict[tuple[str, str], list[ExerciseResult | ExerciseRow]] = {}
    for report in rows:
        if report.status is Status.GRADED:
            for result in report.exercises:
                results.setdefault((report.assignment, result.id), []).append(result)
    seen = [outcome for outcome in Outcome if any(r.outcome is outcome for rs in results.values() for r in rs)]

    several = len({report.assignment for report in rows}) > 1
    table = Table()
    table.add_column("exercise", overflow="fold")
    table.add_column("function", overflow="fold")
    for outcome in seen:
        table.add_column(_word(outcome), justify="right")
    table.add_column("mean over graded", justify="right")
    order = exercise_ids(rows)
    above = ""
    for assignment, exercise in sorted(results, key=lambda key: (key[0], order.index(key[1]))):
        if several and assignment != above:  # a row, not a column: there is no room for two long names side by side
            table.add_section()
            table.add_row("", Text(visible(assignment), style="bold"))
            above = assignment
        group = results[assignment, exercise]
        counts = Counter(result.outcome for result in group)
        known = [result.score for result in group if result.score is not None]
        mean = f"{points(sum(known) / len(known))} of {points(group[0].max_score)}" if known else "-"
        table.add_row(
            Text(visible(exercise)),
            Text(visible(group[0].function)),
            *(str(counts[outcome]) for outcome in seen),
            mean,
        )
    return table


def _word(outcome: Outcome) -> Text:
    return Text(outcome_word(outcome), style=_STYLE.get(outcome, "red"))


def _score(report: Scored) -> Text:
    if report.score is None:
        return Text("no score", style="bold magenta")
    if report.status is Status.REJECTED:
        return Text(f"rejected, {points(report.score)} of {points(report.max_score)}", style="red")
    if report.needs_person:
        return Text(f"{points(report.score)} of {points(report.max_score)}, needs a person", style="bold magenta")
    return Text(f"{points(report.score)} of {points(report.max_score)}")


def _closing(rows: Sequence[Scored]) -> Text:
    counts = Counter(report.status for report in rows)
    submissions = "1 submission" if len(rows) == 1 else f"{len(rows)} submissions"
    return Text(
        f"{submissions}: {counts[Status.GRADED]} graded, {counts[Status.REJECTED]} rejected, "
        f"{counts[Status.GRADER_ERROR]} not gradable because of us." + _partly(rows)
    )


def _partly(rows: Sequence[Scored]) -> str:
    """Say how many of the graded submissions have an exercise that needs a person."""
    number = sum(report.needs_person and report.score is not None for report in rows)
    return f" {number} of the graded need a person for an exercise." if number else ""


def _people(rows: Sequence[Scored]) -> list[Text]:
    """Name those whose submission someone has to look at."""
    several = len({report.assignment for report in rows}) > 1
    lines = []
    for status, words in (
        (Status.GRADER_ERROR, "Need a person, because we failed: "),
        (Status.REJECTED, "Rejected: "),
    ):
        names = [
            visible(f"{report.student} ({report.assignment})" if several else report.student)
            for report in rows
            if (report.status is status if status is not Status.GRADER_ERROR else report.needs_person)
        ]
        if names:
            more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
            lines.append(Text(words + ", ".join(names[:NAMES]) + more + "."))
    return lines
