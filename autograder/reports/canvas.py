"""`canvas`: a CSV that the gradebook of Canvas imports.

What is relied on, as `lib/gradebook_importer.rb` of canvas-lms has it:

- The first heading has "Student" in it, the second "ID"; "SIS User ID" and "SIS Login ID" may follow, then "Section",
  then the assignments.
- A row whose first cell has "Points Possible" in it says what assignments are worth. It is looked for in *every* row.
- A student is found by ID, else by SIS User ID, else by SIS Login ID, else by name.
- An assignment is found by its number, in parentheses at the end of the heading, else by its title; there is a new one
  where neither is known.
- An empty cell is no grade. Where Canvas has one already, its preview shows that it would be taken away.
"""

from collections.abc import Sequence

from autograder.reports.class_rows import Row
from autograder.reports.export import Entry, Export, Naming
from autograder.reports.spreadsheet import assignments, by_student, written
from autograder.reports.text import points

FILE = "canvas.csv"
_HEADINGS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_WORTH = "Points Possible"
_PLATFORM = "Canvas"


def export(entries: Sequence[Entry], naming: Naming) -> Export:
    """Write the scores of a run for the gradebook of Canvas.

    Without a file of ids, a student's id stands as SIS Login ID, and as name; the number that a download of Canvas gave
    is Canvas' own ID. A submission that we could not grade has an empty cell.
    """
    worth = assignments(entries)
    rows = [
        [*_HEADINGS, *(naming.title(name) for name in worth)],
        [f"    {_WORTH}", "", "", "", "", *map(points, worth.values())],
    ]
    unsure = []
    for student, found in by_student(entries).items():
        scores = [found[name].row.final_score if name in found else None for name in worth]
        if any(name in found and found[name].row.final_score is None for name in worth):
            unsure.append(student)
        rows.append(
            [
                *_who(student, [entry.row for entry in found.values()], naming),
                *("" if score is None else points(score) for score in scores),
            ]
        )
    note = f"{FILE}: an empty cell stands for each submission without a verdict, {len(unsure)} of them."
    return Export([(FILE, written(rows))], (note,) if unsure else ())


def _who(student: str, rows: Sequence[Row], naming: Naming) -> list[str]:
    name = naming.of(student, "name") or next((row.name for row in rows if row.name), student)
    numbered = student if any(row.platform == _PLATFORM for row in rows) else ""
    sis_user, canvas = naming.of(student, "sis_user_id"), naming.of(student, "canvas_id") or numbered
    login = naming.of(student, "sis_login_id") or ("" if sis_user or canvas else student)
    # a student of that name would say what the assignment is worth
    return ["" if _WORTH in name else name, canvas, sis_user, login, naming.of(student, "section")]
