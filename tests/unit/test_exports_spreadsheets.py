"""CSV for a spreadsheet, for Canvas and for Moodle: read back by the csv module, under the rules of each importer."""

import csv
import io
import re

import pytest
from exported_reports import CLASS, HOSTILE, LSTM, RNN, classes, entries, files, partial, rejected, report, ungraded
from hypothesis import given, settings

from autograder.errors import UsageError
from autograder.reports import canvas, moodle, roster, spreadsheet
from autograder.reports.export import Naming

PLAIN = Naming()


def table(export, file):
    """Read an export's file back, as Excel, LibreOffice and Python do."""
    return list(csv.reader(io.StringIO(files(export)[file].decode("utf-8-sig"), newline=""), strict=True))


def starts_a_formula(text):
    """Return whether a spreadsheet may compute a cell: its first sign decides, blanks and quotes apart."""
    return any(re.match(r'[\s"]*[=+@\uff0b\uff0d\uff1d\uff20-].', part, re.DOTALL) for part in text.split(";"))


# ---- for a spreadsheet -----------------------------------------------------------------------------


def test_spreadsheet_has_points_and_outcome_of_every_exercise():
    """A row per submission, points as the student's page has them, and an empty cell where there is no verdict."""
    heading, *rows = table(spreadsheet.export(entries(*CLASS), PLAIN), spreadsheet.FILE)
    found = {(row["student"], row["assignment"]): row for row in (dict(zip(heading, r, strict=True)) for r in rows)}
    assert len(found) == len(CLASS)
    assert found["partial", RNN]["points"] == "33.33"
    assert found["partial", RNN]["UNQ_C1 points"] == "33.33"
    assert found["partial", RNN]["UNQ_C2 outcome"] == "raised"
    assert found["s001", RNN]["points"] == found["s001", RNN]["of"] == "100"
    assert (found["rejected", RNN]["points"], found["rejected", RNN]["status"]) == ("0", "rejected")
    assert "PDF" in found["rejected", RNN]["reason"]
    assert found["ungraded", RNN]["points"] == found["ungraded", RNN]["UNQ_C1 points"] == ""
    assert found["ungraded", RNN]["status"] == "grader_error"


def test_spreadsheet_begins_with_a_mark_for_accents():
    """Excel takes a CSV for UTF-8 only if it begins with a byte order mark; importers get none."""
    assert files(spreadsheet.export([], PLAIN))[spreadsheet.FILE].startswith(b"\xef\xbb\xbf")
    for module in (canvas, moodle):
        assert not files(module.export(entries(report()), PLAIN))[module.FILE].startswith(b"\xef\xbb\xbf")


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_no_cell_is_a_formula_or_holds_what_cannot_be_seen(group):
    """Whatever students are called, no cell of any CSV starts a formula, and every character can be seen."""
    for module in (spreadsheet, canvas, moodle):
        rows = table(module.export(group, PLAIN), module.FILE)
        assert len({len(row) for row in rows}) == 1, "every row has as many cells"
        for text in (text for row in rows for text in row):
            assert text.isprintable()
            assert text == "-" or not starts_a_formula(text), text


# ---- Canvas ----------------------------------------------------------------------------------------


def canvas_reads(data, known):
    """Read a CSV by the rules of Canvas' importer.

    Parameters
    ----------
    known : dict
        From Canvas ID to what Canvas has of each student: SIS User ID, SIS Login ID, name.

    Returns
    -------
    (dict, dict)
        What assignments are worth, and by Canvas ID (or the name of someone unknown) each grade that is not blank.
    """
    text = data.decode()
    first = text.splitlines()[:3]
    counts = {sign: {len(next(csv.reader([line], delimiter=sign), [])) for line in first} for sign in ";,"}
    fields = {sign: counts[sign].pop() if len(counts[sign]) == 1 else 0 for sign in ";,"}
    assert fields[","] >= fields[";"], "it would be read with semicolons"
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = rows.pop(0)
    assert "Student" in header[0]
    assert "ID" in header[1]
    assert (header[2], header[3], header[4]) == ("SIS User ID", "SIS Login ID", "Section")
    worth, grades = {}, {}
    for row in rows:
        if "Points Possible" in row[0]:
            worth.update(zip(header[5:], row[5:], strict=True))
            continue
        number = int((re.match(r"\d+", row[1]) or ["0"])[0])
        who = (
            ([number] if number in known else [])
            + [key for key, (user, _, _) in known.items() if row[2] and user == row[2]]
            + [key for key, (_, login, _) in known.items() if row[3] and login == row[3]]
            + [key for key, (_, _, name) in known.items() if name == row[0]]
            + [row[0]]
        )[0]
        grades[who] = {title: grade for title, grade in zip(header[5:], row[5:], strict=True) if grade.strip()}
    return worth, grades


def test_canvas_finds_students_by_login():
    """Without a file of ids, the id is the SIS Login ID; what has no verdict is blank, what was rejected is 0."""
    known = {7: ("", "s001", "Sam"), 8: ("", "partial", "Pat"), 9: ("", "rejected", "Ro"), 10: ("", "ungraded", "U")}
    made = canvas.export(entries(*CLASS), PLAIN)
    worth, grades = canvas_reads(files(made)[canvas.FILE], known)
    assert worth == {RNN: "100", LSTM: "100"}
    assert grades == {7: {RNN: "100", LSTM: "100"}, 8: {RNN: "33.33"}, 9: {RNN: "0"}, 10: {}}
    assert "2 of them" in made.notes[0]


def test_canvas_finds_students_and_assignments_by_number():
    """A file of ids and a heading bring Canvas' own numbers, names and sections into the file."""
    naming = roster.naming(
        'student,name,canvas_id,sis_user_id,section\ns001,"Doe, Sam",4711,U-1,A\npartial,Pat,4712,,B\n',
        [f"{RNN}=Recurrent networks (99)"],
    )
    made = files(canvas.export(entries(report(), partial()), naming))[canvas.FILE]
    rows = table(canvas.export(entries(report(), partial()), naming), canvas.FILE)
    assert rows[3] == ["Doe, Sam", "4711", "U-1", "", "A", "100"]
    worth, grades = canvas_reads(made, {4711: ("", "", ""), 4712: ("", "", "")})
    assert worth == {"Recurrent networks (99)": "100"}
    assert grades == {4711: {"Recurrent networks (99)": "100"}, 4712: {"Recurrent networks (99)": "33.33"}}


def test_numbers_of_a_platform_go_back_to_it():
    """Canvas knows the numbers of its own download as IDs; Moodle's import knows no participants, which is said."""
    from dataclasses import replace

    group = entries(replace(report("4711"), name="doesam", platform="Canvas"), report("s002"))
    rows = table(canvas.export(group, PLAIN), canvas.FILE)
    assert [row[:4] for row in rows[2:]] == [["doesam", "4711", "", ""], ["s002", "", "", "s002"]]
    named = roster.naming("student,canvas_id\n4711,9\n", [])
    assert table(canvas.export(group, named), canvas.FILE)[2][:4] == ["doesam", "9", "", ""]
    participants = entries(replace(report("4711"), name="Sam Doe", platform="Moodle"))
    assert "finds nobody. Say with --ids who they are." in moodle.export(participants, PLAIN).notes[0]
    assert moodle.export(participants, roster.naming("student,email\n4711,s@example.org\n", [])).notes == ()
    assert moodle.export(group, PLAIN).notes == ()


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_canvas_is_told_by_nobody_what_an_assignment_is_worth(group):
    """No student's name is taken for the row of points, and nobody's grade is anybody else's."""
    worth, _ = canvas_reads(files(canvas.export(group, PLAIN))[canvas.FILE], {})
    assert worth == {entry.report.assignment: "100" for entry in group}
    rows = table(canvas.export(group, PLAIN), canvas.FILE)
    assert sum("Points Possible" in row[0] for row in rows) == 1
    logins = [row[3] for row in rows[2:]]
    assert len(logins) == len({entry.report.student for entry in group})


# ---- Moodle ----------------------------------------------------------------------------------------


def moodle_reads(data, identifier):
    """Read a CSV by the rules of Moodle's grade import: by user, the grade of each column; a new grade item."""
    header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
    column = header.index(identifier)
    user, grades = None, {}
    for row in rows:
        value = row[column].strip()
        if value not in ("", "0"):  # else the user of the row before
            user = value
        for heading, cell in zip(header, row, strict=True):
            if heading != identifier and not heading.endswith("feedback") and cell.strip() != "-":
                grades.setdefault(user, {})[heading] = float(cell or 0)  # to a new grade item, nothing is 0
    return grades


def test_moodle_gets_grades_and_feedback():
    """Grades by user name; a dash, and no 0, where there is no verdict or no submission; why one was rejected."""
    made = files(moodle.export(entries(*CLASS), PLAIN))[moodle.FILE]
    assert moodle_reads(made, "Username") == {
        "s001": {RNN: 100.0, LSTM: 100.0},
        "partial": {RNN: 33.33},
        "rejected": {RNN: 0.0},
    }
    rows = {row["Username"]: row for row in csv.DictReader(io.StringIO(made.decode(), newline=""))}
    assert rows["ungraded"][RNN] == rows["partial"][LSTM] == rows["rejected"][LSTM] == "-"
    assert rows["rejected"][f"{RNN} feedback"] == "It is a PDF, not a notebook."
    assert "UNQ_C2 function_2: raised, 0 of 50 points. Look again." in rows["partial"][f"{RNN} feedback"]
    assert rows["ungraded"][f"{RNN} feedback"] == ""


def test_moodle_shows_feedback_as_text():
    """What a student wrote is no markup in the feedback that Moodle shows as HTML."""
    made = moodle.export(entries(rejected()), PLAIN)
    from dataclasses import replace

    hostile = replace(rejected(), reason="<img src=x onerror=alert(1)> & more")
    made = files(moodle.export(entries(hostile), PLAIN))[moodle.FILE].decode()
    assert "<img" not in made
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; more" in made


@settings(deadline=None, max_examples=60)  # the first call compiles and imports
@given(classes())
def test_moodle_gives_no_grade_to_another_student(group):
    """A student whose id is empty to PHP is left out and named: Moodle would give the grade to the row before."""
    made = moodle.export(group, PLAIN)
    grades = moodle_reads(files(made)[moodle.FILE], "Username")
    lost = {entry.report.student for entry in group if entry.report.student.strip() in ("", "0")}
    kept = {entry.report.student for entry in group if entry.report.score is not None} - lost
    assert len(grades) == len(kept)
    assert bool(made.notes) == bool(lost)
    scores = sorted(round(e.report.score, 2) for e in group if e.report.score is not None and e.report.student in kept)
    assert sorted(grade for columns in grades.values() for grade in columns.values()) == scores


def test_moodle_column_of_identifiers_has_no_gap():
    """A column of the file of ids in which someone is missing is no identifier; a complete one is."""
    ids = "student,email,idnumber\ns001,sam@example.org,17\npartial,pat@example.org,\n"
    made = moodle.export(entries(report(), partial()), roster.naming(ids, []))
    assert table(made, moodle.FILE)[0][:2] == ["Email address", RNN]
    assert made.notes == ("moodle.csv: there is no column 'ID number', since the file of ids has none for 'partial'.",)
    assert moodle_reads(
        files(moodle.export(entries(report(), partial()), roster.naming(ids, [])))[moodle.FILE], "Email address"
    ) == {
        "sam@example.org": {RNN: 100.0},
        "pat@example.org": {RNN: 33.33},
    }


# ---- the file of ids -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "titles", "said"),
    [
        ("name,canvas_id\nSam,1\n", [], "must begin with a header"),
        ("student,colour\ns001,red\n", [], "must begin with a header"),
        ("student,email\ns001,a@b\ns001,c@d\n", [], "'s001' twice, again in line 3"),
        ('student,email\n"s001,a@b\n', [], "not a CSV that can be read"),
        ("", [], "must begin with a header"),
        (None, ["rnn_step_by_step"], "not of the form"),
        (None, ["=x"], "not of the form"),
        (None, [f"{RNN}="], "not of the form"),
    ],
)
def test_a_wrong_file_of_ids_is_told(text, titles, said):
    """What is wrong with the names that an instructor gives is said in a sentence."""
    with pytest.raises(UsageError, match=re.escape(said)):
        roster.naming(text, titles)


def test_a_file_of_ids_from_a_spreadsheet_is_read():
    """Byte order mark, other columns, capitals, blanks, short and empty lines do no harm."""
    naming = roster.naming("\ufeffStudent , EMAIL,Colour\r\n s001, a@b ,red\r\ns002\r\n,,\r\n", [])
    assert naming.of("s001", "email") == "a@b"
    assert naming.of("s002", "email") == naming.of("s003", "email") == naming.of("s001", "canvas_id") == ""
    assert "" not in naming.people


def test_hostile_names_are_as_many_rows_as_students():
    """None of the names that would like to act joins or splits rows."""
    group = entries(*(ungraded(name) for name in HOSTILE))
    assert len(table(canvas.export(group, PLAIN), canvas.FILE)) == len(HOSTILE) + 2
    assert len(table(spreadsheet.export(group, PLAIN), spreadsheet.FILE)) == len(HOSTILE) + 1
